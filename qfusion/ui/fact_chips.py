"""Facts as small labels side by side, in place of sentences."""

from collections.abc import Iterable

import streamlit as st

from qfusion.analysis import text


def chips(key: str, facts: Iterable[str]) -> None:
    """Draw plain texts, each as a label; nothing without any.

    Args:
        key: of the container, after `chips-`. facts: may come from data.
    """
    shown = [text.escape_markdown(fact, 120) for fact in facts if fact]
    if shown:
        st.container(key=f"chips-{key}", width="content").markdown(
            " ".join(f":gray-badge[{fact}]" for fact in shown), width="content"
        )
