"""Tab of Cohorts: how good the model is without the correlations of a modality."""

import math

import streamlit as st

from qfusion.app import figure, page_context, tasks, widgets
from qfusion.plugins.why.cuts import cohort_cuts
from qfusion.study import performance
from qfusion.views.pages import dynamics


def cuts(context: page_context.PageContext, levels: performance.CohortComparison) -> None:
    """Draw how good the model is on the cohort without the correlations of a modality: the causal test beside the
    correlational one of *Entanglement*."""
    if not dynamics.evolves_jointly(levels):
        st.caption(
            "This model does not evolve several modalities in time, so there are no correlations to cut."
        )
        return
    rows = levels.places(levels.rows[levels.inside])
    count = len(cohort_cuts.cut_rows(levels))
    with figure.titled_frame("cut-test") as head:
        seconds = cohort_cuts.cut_seconds(levels)
        wanted = seconds < cohort_cuts.AT_ONCE or widgets.draw(
            cohort_cuts.CUTS,
            label=f"{cohort_cuts.CUTS.label} of {cohort_cuts.describe_cut_scope(levels)} "
            f"(about {math.ceil(seconds)} s)",
        )
        if cohort_cuts.can_afford_cuts(levels, wanted=wanted):
            every = tasks.use_all_samples(
                "cut-test",
                context.study,
                rows,
                count,
                lambda: cohort_cuts.cut_test(levels, all_samples=True),
            )
            figure.draw_content(cohort_cuts.cut_test(levels, all_samples=every), head)
            return
        with head:
            figure.heading("Test whether correlations are needed")
        st.caption(
            "*Entanglement* only correlates entanglement with interaction strength. This test intervenes: at "
            "time t all correlations of one modality with the others are removed, the state evolves to "
            "T, and the decision is read."
            if count > 1
            else "Too few samples pass the filter."
        )
