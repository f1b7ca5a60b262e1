"""Facts as small labels side by side, in place of sentences."""

from __future__ import annotations

from collections.abc import Iterable

import streamlit as st

from qfusion.analysis import text


def draw(key: str, facts: Iterable[str]) -> None:
    """Draws plain texts, each as a label; nothing without any.

    Args:
        key: of the container, after `chips-`. facts: may come from data.
    """
    shown = [text.plain(fact, 120) for fact in facts if fact]
    if shown:
        with st.container(key=f"chips-{key}", width="content"):
            st.markdown(" ".join(f":gray-badge[{fact}]" for fact in shown), width="content")
