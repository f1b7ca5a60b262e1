"""Cohorts: all samples, a cohort of them and one sample, side by side."""

import streamlit as st

from qfusion.ui.frame import runs
from qfusion.ui.frame.shell import Here, guard, shell
from qfusion.ui.pages.cohorts import cohort_panels, cohort_view
from qfusion.ui.pages.cohorts.cohort_view import Chosen
from qfusion.ui.shared import cut_view


@st.fragment
def distributions(here: Here, chosen: Chosen) -> None:
    """A fragment, so that another grouping redraws this and nothing else."""
    runs.begin()
    with guard():
        cohort_panels.distributions(here, chosen)


@st.fragment
def entanglement(here: Here, chosen: Chosen) -> None:
    """A fragment, so that another measure redraws this and nothing else."""
    runs.begin()
    with guard():
        cohort_panels.entanglement(here, chosen)


@st.fragment
def cuts(here: Here, chosen: Chosen) -> None:
    """A fragment, as it takes seconds where the states are large."""
    runs.begin()
    with guard():
        cut_view.of_cohort(here, chosen)


def page() -> None:
    """Draws the page."""
    here = shell("Cohorts", "Is what one sample shows the rule, of all samples or of those like it, and does entanglement explain it?",
                 cohort_view.allowed)
    with guard(), st.container(key="fold-cohorts"):
        left, right = st.columns([1, 1.25], gap="medium")
        with left:
            chosen = cohort_view.choose(here)
            cohort_view.ladder(here, chosen)
        with right:
            entanglement(here, chosen)
        left, right = st.columns([1, 1.25], gap="medium")
        beside = left if cut_view.can(here.work) else right
        with left:
            cohort_view.types(here, chosen)
        with beside:
            cohort_view.shares(here, chosen)
        with right:
            cuts(here, chosen)
        distributions(here, chosen)


if __name__ == "__main__":  # as Streamlit runs it
    page()
