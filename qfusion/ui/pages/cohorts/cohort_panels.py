"""The Cohorts page's panels with controls of their own: distributions by group, entanglement against interaction
strength, cuts."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from qfusion.analysis import text
from qfusion.analysis.cohort import cohort_measures, draws
from qfusion.analysis.cohort.cohort_measures import FEW_SLOW, MAX_SLOW, NOT_GROUPED, is_slow
from qfusion.analysis.levels import Levels, related
from qfusion.explain.stability import Interval
from qfusion.panels import cohorts as builders
from qfusion.panels import errors as quality_builders
from qfusion.panels.dynamics import can_cut
from qfusion.ui.frame import clicks, state
from qfusion.ui.frame.shell import Here, fragment
from qfusion.ui.pages.cohorts import errors_view
from qfusion.ui.pages.cohorts.cohort_view import BY, CUT_MANY, MEASURE, STRENGTH
from qfusion.ui.panel import panels
from qfusion.ui.shared import drawn_view


def quality(here: Here, levels: Levels) -> None:
    """How good the model is on the cohort."""
    if quality_builders.is_regression(levels):
        panels.draw(quality_builders.residuals(levels, here.theme))
    if quality_builders.has_classes(levels):
        left, right = st.columns(2, gap="medium")
        with left:
            errors_view.confusions(here, levels)
        with right:
            panels.draw(quality_builders.calibration(levels, here.theme))
        panels.draw(quality_builders.curves(levels, here.theme))


@fragment
def distributions(here: Here, levels: Levels) -> None:
    """The distribution of every dividend, of all and of the cohort, by the grouping picked."""
    known = cohort_measures.groupings(
        here.work, cohort_measures.cohort_table(here.work, here.asked)
    )
    if state.get(BY) not in (None, *known):
        state.put(BY, NOT_GROUPED)  # of another data set
    with panels.around("dividends") as head:
        by = st.selectbox(
            "Grouped by",
            list(known),
            width=340,
            format_func=str,
            help="Quarters hold a quarter of the split's samples each.",
            **state.bound(BY),
        )
        panels.inside(builders.dividends(levels, here.theme, by=by), head)


@fragment
def entanglement(here: Here, levels: Levels) -> None:
    """The honest test of "entanglement explains fusion": one measure against interaction strength, with intervals."""
    clicks.settle()
    work = here.work
    titles, strengths = cohort_measures.measure_titles(work), cohort_measures.strength_titles(work)
    if not titles:
        why = "entangles nothing" if work.can("states") else "has no states that could be entangled"
        st.caption(
            f"This model {why}, so there is no entanglement to set against what the modalities say jointly."
        )
        return
    if state.get(MEASURE) not in (None, *titles):
        state.put(MEASURE, next(iter(titles)))  # of another system
    with panels.around("entanglement") as head:
        with st.container(horizontal=True):
            measure = st.selectbox(
                "x axis: entanglement or mixing",
                list(titles),
                help=_HELP[work.can("time")],
                **state.bound(MEASURE),
            )
            strength = st.selectbox(
                "y axis: interaction strength",
                list(strengths),
                help=_STRENGTH,
                **state.bound(STRENGTH),
            )
        rows = levels.places(levels.rows)
        some = draws.places(len(rows), MAX_SLOW, FEW_SLOW, everyone=not is_slow(measure))
        every = drawn_view.everyone(
            "entanglement", work, rows, len(some), lambda: related(levels, measure, strength, True)
        )
        panels.inside(
            builders.entanglement(
                levels, here.theme, measure=measure, strength=strength, everyone=every
            ),
            head,
            on_select=_picked,
            below=lambda: _table(levels, related(levels, measure, strength, every).correlations),
        )


_STRENGTH = (
    "What the modalities of a sample say only together: the sum of the sizes of its joint terms, or their part of the "
    "whole decision."
)
_HELP = {
    True: "The entropy counts mixing by jumps as well as entanglement. Negativity is entanglement alone; like mutual "
    "information and total correlation it needs every sample's state, about 17 ms each, once.",
    False: "The fused qubits and their modality qubits are together in a pure state, so their entropy is their "
    "entanglement.",
}


def _picked(key: str) -> None:
    if clicks.choose_sample(key):
        clicks.page_again()


def _table(levels: Levels, found: dict[str, dict[str, Interval]]) -> None:
    names = {"all": f"all of {levels.split}", "cohort": levels.name}
    lines = [
        f"| {text.plain(names[level])} | {each['spearman'].n:,} | {_said(each['pearson'])} | {_said(each['spearman'])} "
        "|"
        for level, each in found.items()
    ]
    st.markdown("\n".join(["| level | n | Pearson r | Spearman r |", "|---|---|---|---|", *lines]))


def _said(found: Interval) -> str:
    if np.isnan(found.value):
        return "–"
    return f"{found.value:+.2f} " + (
        f"({found.low:+.2f} to {found.high:+.2f})" if found.known else "(too few for an interval)"
    )


@fragment
def cuts(here: Here, levels: Levels) -> None:
    """The causal test beside the correlational one: how good the model is on the cohort without the correlations of a
    modality."""
    if not can_cut(levels):
        return
    rows, count = levels.places(levels.rows[levels.inside]), len(builders.cut_rows(levels))
    with panels.around("cut-test") as head:
        seconds = builders.cut_seconds(levels)
        asked = seconds < builders.AT_ONCE or st.toggle(
            f"Cut the correlations of {builders.cut_about(levels)} (about {math.ceil(seconds)} s)",
            **state.bound(CUT_MANY),
        )
        if builders.worth_cutting(levels, asked=bool(asked)):
            every = drawn_view.everyone(
                "cut-test", here.work, rows, count, lambda: builders.cut_test(levels, everyone=True)
            )
            panels.inside(builders.cut_test(levels, here.theme, everyone=every), head)
            return
        with head:
            panels.heading("Are the correlations needed? Cut them and see")
        st.caption(
            "Entanglement beside interaction strength is a correlation. This is the intervention: at time t all "
            "correlation of one modality with the others is taken away, the state evolves on, and the decision is read."
            if count > 1
            else "Too few samples pass the filter."
        )
