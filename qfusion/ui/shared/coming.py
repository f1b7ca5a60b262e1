"""What an empty page will show: its views by name and icon, each with what stands in it."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from qfusion.ui.frame import chips


def draw(key: str, views: Iterable[tuple[str, str, tuple[str, ...]]]) -> None:
    """Draws places of views that have nothing to show yet.

    Args:
        key: of the container. views: name, icon and contents of each.
    """
    with st.container(key=f"coming-{key}"):
        for place, (name, icon, holds) in enumerate(views):
            with st.container(border=True, gap="xxsmall", key=f"coming-{key}-{place}"):
                st.markdown(f"#### {icon} {name}")
                chips.draw(f"coming-{key}-{place}", holds)
