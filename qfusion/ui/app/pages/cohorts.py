"""Cohorts: all samples, a cohort of them and one sample, side by side."""

import streamlit as st

from qfusion.analysis.levels import Levels
from qfusion.ui.frame import runs
from qfusion.ui.frame.shell import Here, guard, shell
from qfusion.ui.pages.cohorts import cohort_panels, cohort_view, errors_view, map_view
from qfusion.ui.panel import panels


@st.fragment
def distributions(here: Here, levels: Levels) -> None:
    """A fragment, so that another grouping redraws this and nothing else."""
    runs.begin()
    with guard():
        cohort_panels.distributions(here, levels)


@st.fragment
def entanglement(here: Here, levels: Levels) -> None:
    """A fragment, so that another measure redraws this and nothing else."""
    runs.begin()
    with guard():
        cohort_panels.entanglement(here, levels)


@st.fragment
def sample_map(here: Here, levels: Levels) -> None:
    """A fragment, so that another map or colour redraws this and nothing else."""
    runs.begin()
    with guard():
        map_view.draw(here, levels)


@st.fragment
def errors(here: Here, levels: Levels) -> None:
    """A fragment, so that other slices redraw this and nothing else."""
    runs.begin()
    with guard():
        errors_view.draw(here, levels)


@st.fragment
def wrong(here: Here, levels: Levels) -> None:
    """A fragment, so that a tick in the table redraws the page once."""
    runs.begin()
    with guard():
        errors_view.wrong(here, levels)


@st.fragment
def cuts(here: Here, levels: Levels) -> None:
    """A fragment, as it takes seconds where the states are large."""
    runs.begin()
    with guard():
        cohort_panels.cuts(here, levels)


def page() -> None:
    """Draws the page."""
    here = shell("Cohorts", cohort_view.put_back)
    with guard(), st.container(key="fold-cohorts"):
        left, right = st.columns([1, 1.25], gap="medium")
        with left:
            levels = cohort_view.choose(here)
            cohort_view.ladder(here, levels)
        with right:
            sample_map(here, levels)
        wrong(here, levels)
        left, right = st.columns([1, 1.25], gap="medium")
        with left:
            cohort_view.types(here, levels)
        with right:
            cohort_view.shares(here, levels)
        entanglement(here, levels)
        cuts(here, levels)
        distributions(here, levels)
        errors(here, levels)
        cohort_panels.quality(here, levels)
        panels.below(here.theme, **here.subjects(), levels=levels)


if __name__ == "__main__":  # as Streamlit runs it
    page()
