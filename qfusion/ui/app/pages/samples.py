"""Samples: find one, read it, and see which modality decided."""

import streamlit as st

from qfusion.ui.frame.shell import guard, shell
from qfusion.ui.pages.samples import inside_view
from qfusion.ui.shared import finder, reading, sample_view


def page() -> None:
    """Draws the page."""
    here = shell("Samples", "What did the model decide here, and which modality decided it?",
                 lambda work: finder.allowed(work) | inside_view.allowed(work) | reading.allowed(work))

    with st.container(key="fold-samples"):
        find, read = st.columns([1, 1.25], gap="medium")
        left, right = st.columns([1, 1.25], gap="medium")
        below = st.container()
    with read, guard():
        sample_view.heading(here)
        sample_view.content(here)
        sample_view.verdict(here)
        sample_view.contributions(here)
        inside_view.part(here)
    with left, guard():
        sample_view.shapley(here)
        if here.work.can("rules"):
            reading.masses(here)
    with right, guard():
        sample_view.entropies(here)
    if here.work.can("rules"):
        with below, guard():
            reading.evidence_table(here)
    # Last, because a network splits all its test decisions the first time, which takes seconds: the sample can be read meanwhile.
    with find, guard(), st.container(border=True, key="box-find"):
        rows = finder.filters(here)
        if not finder.none_passes(rows):
            finder.table(here, rows)
            finder.scatter(here, rows)


if __name__ == "__main__":  # as Streamlit runs it
    page()
