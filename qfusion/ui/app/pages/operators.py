"""Decision operators: which states of a modality, or of a pair, vote for a decision and which against."""

import streamlit as st

from qfusion.ui.frame.shell import guard, shell
from qfusion.ui.pages.operators import operators_view
from qfusion.ui.panel import panels


def page() -> None:
    """Draws the page."""
    here = shell("Decision operators",
                 "What would a modality have to say for this decision, what against it, and which real samples say it?",
                 operators_view.allowed)
    with guard(), st.container(key="fold-operators"):
        operators_view.page(here)
        panels.registered(here, "Decision operators")


if __name__ == "__main__":  # as Streamlit runs it
    page()
