"""Leaderboard: every model on every data set, what becomes of the papers' claims, what a missing modality costs."""

import streamlit as st

from qfusion.ui.frame.shell import Here, fragment, shell
from qfusion.ui.pages.leaderboard import leaderboard_view


@fragment
def board(here: Here) -> None:
    """A fragment, so that another data set or metric redraws this and nothing else."""
    with st.container(key="fold-leaderboard"):
        leaderboard_view.page(here)


def page() -> None:
    """Draws the page."""
    here = shell("Leaderboard")
    board(here)


if __name__ == "__main__":  # as Streamlit runs it
    page()
