"""Faithfulness: how far the explanations of this model can be trusted, and when not."""

import streamlit as st

from qfusion.ui.frame.shell import Here, fragment, shell
from qfusion.ui.pages.faithfulness import faithfulness_view


@fragment
def proofs(here: Here) -> None:
    """A fragment, so that another view redraws this and nothing else."""
    with st.container(key="fold-faithfulness"):
        faithfulness_view.page(here)


def page() -> None:
    """Draws the page."""
    here = shell("Faithfulness")
    proofs(here)


if __name__ == "__main__":  # as Streamlit runs it
    page()
