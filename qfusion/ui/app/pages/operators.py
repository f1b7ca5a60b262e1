"""Decision operators: which states of a modality, or of a pair, vote for a decision and which against."""

import streamlit as st

from qfusion.ui.frame.shell import guard, shell
from qfusion.ui.pages.operators import operators_view
from qfusion.ui.panel import panels


def page() -> None:
    """Draws the page."""
    here = shell("Decision operators")
    with guard(), st.container(key="fold-operators"):
        operators_view.page(here)
        panels.below(here.theme, **here.subjects())


if __name__ == "__main__":  # as Streamlit runs it
    page()
