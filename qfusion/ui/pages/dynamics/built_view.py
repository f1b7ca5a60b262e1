"""Which coupling built which term of the decision: on the Dynamics page, under its sliders."""

from __future__ import annotations

from typing import Any

import streamlit as st

from qfusion.analysis import backgrounds, built_terms, physics, text
from qfusion.analysis.evolution import Decision
from qfusion.analysis.subject import Workspace
from qfusion.explain.changes import building_answers
from qfusion.explain.changes.building import Built
from qfusion.figures import numbers
from qfusion.figures.draw import building as figures
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels

AS, OVER, PART = "builtas", "builtof", "built"
MATRIX, THROUGH, FLOW = VIEWS = ("matrix", "over time", "flow")
BASELINE = "baseline"


def allowed(work: Workspace) -> dict[str, state.Allowed]:
    """What a link may say about this panel."""
    return {AS: state.options("What built what", VIEWS, "The matrix is shown."),
            OVER: state.options("Samples", physics.cohorts(work), "This sample is shown."),
            PART: state.options("Contribution", _names(work), "The one that the dynamics changed most is shown.")}


def _names(work: Workspace) -> tuple[str, ...]:
    return BASELINE, *work.terms


def panel(here: Here, now: Decision, cursor: float | None) -> None:
    """Pickers and one of three figures."""
    work = here.work
    with st.container(border=True, key="panel-built", gap="xxsmall"):
        head = st.container()
        with st.container(horizontal=True, vertical_alignment="bottom"):
            view = st.segmented_control("Which coupling built it, as", VIEWS, default=MATRIX, **state.bound(AS)) or MATRIX
            cohort = str(st.selectbox("Samples", physics.cohorts(work), help="This sample, or the mean over several.", **state.bound(OVER)))
            rows = physics.rows_of(work, here.row, cohort, lambda: work.frame(here.output))
            found = built_terms.of_rows(work, rows, here.output, now.tweak)
            part = _part(work, found) if view == THROUGH else ""
        with head:
            panels.heading(title := text.plain(building_answers.answer(found)))
        name = {MATRIX: "built", THROUGH: "built-over-time", FLOW: "built-flow"}[view]
        drawn, table = _drawn(here, found, view, part, cursor)
        shown = panels.figure(name, drawn, f"{title}. {_told(found)}")
        shows, not_shown = figures.SAYS[name]
        whose = here.of if cohort == physics.THIS else f" Mean over {found.count:,} {text.plain(cohort.removeprefix('all '))}."
        panels.footer(name, f"{shows}{whose} {backgrounds.against(work.background)} Aumann and Shapley's shares: they add up, to "
                      f"{found.error:.0e}.", not_shown, table, title=f"Which coupling built it: {title}", shown=shown)


def _part(work: Workspace, found: Built) -> str:
    names = _names(work)
    if state.get(PART) not in (None, *names):
        state.put(PART, found.most_built() or BASELINE)  # of another model
    return str(st.selectbox("Contribution", names, index=names.index(found.most_built() or BASELINE), **state.bound(PART)))


def _drawn(here: Here, found: Built, view: str, part: str, cursor: float | None) -> tuple[Any, Any]:
    """The figure, and what makes its table."""
    titles, hues = figures.terms_of(found.terms, found.modalities)
    look: dict[str, Any] = {"unit": here.unit, "theme": here.theme}
    if view == THROUGH:
        dividend = "" if part == BASELINE else part
        s = found.row(dividend)
        return (figures.areas(found.times, found.over_time[:, s], titles, hues, dividend, start=float(found.start[s]), cursor=cursor,
                              **look), lambda: found.through(dividend))
    if view == FLOW:
        return (figures.flow(found.dividends, titles, hues, found.acts, found.parts, found.start, found.end, found.modalities, **look),
                lambda: numbers.flow_table(found))
    return (figures.matrix(found.dividends, titles, found.parts, found.start, found.end, **look), lambda: numbers.built_table(found))


def _told(found: Built) -> str:
    return "; ".join(f"{name or BASELINE} from {found.start[s]:+.2f} to {found.end[s]:+.2f}" for s, name in enumerate(found.dividends))
