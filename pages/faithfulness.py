"""Faithfulness: how far the explanations of this model can be trusted, and when not."""

import streamlit as st

from qfusion.ui import faithfulness_view, runs
from qfusion.ui.shell import Here, guard, shell


@st.fragment
def proofs(here: Here) -> None:
    """A fragment, so that another view redraws this and nothing else."""
    runs.begin()
    with guard(), st.container(key="fold-faithfulness"):
        faithfulness_view.page(here)


here = shell("Faithfulness", "How far can the explanations of this model be trusted, and when not?", faithfulness_view.allowed)
proofs(here)
