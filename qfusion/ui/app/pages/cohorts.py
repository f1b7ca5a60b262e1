"""Cohorts: all samples, a cohort of them and one sample, side by side."""

import streamlit as st

from qfusion.ui.frame.shell import guard, shell
from qfusion.ui.pages.cohorts import cohort_panels, cohort_view, errors_view, map_view
from qfusion.ui.panel import panels


def page() -> None:
    """Draws the page."""
    here = shell("Cohorts", cohort_view.put_back)
    with guard(), st.container(key="fold-cohorts"):
        left, right = st.columns([1, 1.25], gap="medium")
        with left:
            levels = cohort_view.choose(here)
            cohort_view.ladder(here, levels)
        with right:
            map_view.draw(here, levels)
        errors_view.wrong(here, levels)
        left, right = st.columns([1, 1.25], gap="medium")
        with left:
            cohort_view.types(here, levels)
        with right:
            cohort_view.shares(here, levels)
        cohort_panels.entanglement(here, levels)
        cohort_panels.cuts(here, levels)
        cohort_panels.distributions(here, levels)
        errors_view.draw(here, levels)
        cohort_panels.quality(here, levels)
        panels.below(here.theme, **here.subjects(), levels=levels)


if __name__ == "__main__":  # as Streamlit runs it
    page()
