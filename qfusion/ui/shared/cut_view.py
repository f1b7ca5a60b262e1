"""Are the correlations needed, and when? One sample's cuts on the Dynamics page, many samples' on the Cohorts page."""

from __future__ import annotations

import math

import numpy as np
import streamlit as st

from qfusion.analysis import cut_curves, text
from qfusion.analysis.cohort_measures import MOST_SLOW
from qfusion.analysis.evolution import Decision
from qfusion.analysis.subject import Workspace
from qfusion.explain.changes import cut_answers
from qfusion.figures import notebook
from qfusion.figures.draw import cuts as figures
from qfusion.figures.numbers import cut_table, sizes_table
from qfusion.panels import spoken
from qfusion.training import metrics
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.pages.cohorts.cohort_view import CUT_MANY, INTERVALS, Chosen
from qfusion.ui.panel import panels

CUT, TERMS = "cut", "cutterms"
AT_ONCE = 1.0  # seconds: what takes longer is asked for first


def allowed(work: Workspace) -> dict[str, state.Allowed]:
    """What a link may say about one sample's cuts."""
    return {CUT: state.options("Modality that is cut", work.modalities, "The one that matters most is shown."),
            TERMS: state.switch("Terms after a cut", "They stay folded.")}


def can(work: Workspace) -> bool:
    """Whether there are correlations in time to cut."""
    return work.can("time") and len(work.modalities) > 1


def of_sample(here: Here, now: Decision, cursor: float | None) -> None:
    """The score if the correlations of a modality are taken away at a time, under the sliders; its terms when they are unfolded."""
    work = here.work
    if not can(work):
        return
    found = cut_curves.of_sample(work, here.row, now.tweak)
    shows, not_shown = figures.SAYS["cut"]
    series = cut_curves.curves(found, here.output)
    panels.panel(
        "cut", text.plain(cut_answers.answer(found, here.output)),
        figures.curves(found.times, series, float(found.before[0, here.output]), work.modalities, unit=here.unit, cursor=cursor,
                       theme=here.theme),
        called="Are the correlations needed, and when?", shows=shows + here.of, not_shown=not_shown,
        alt="Score after a cut: " + "; ".join(f"{figures.KINDS[kind][0]}, {spoken.lines(each)}" for kind, each in series.items()) + ".",
        numbers=lambda: found.frame(0, here.output))
    with st.expander("What becomes of the terms", icon=":material/stacked_line_chart:", **state.opened(TERMS)) as folded:
        if folded.open:
            _terms(here, now, cursor)


def _terms(here: Here, now: Decision, cursor: float | None) -> None:
    work = here.work
    found = cut_curves.of_sample(work, here.row, now.tweak, terms=True)
    most = cut_answers.most_moved(found, here.output)
    if state.get(CUT) not in (None, *work.modalities):
        state.put(CUT, most)  # of another model
    whose = str(st.selectbox("Modality that is cut", work.modalities, index=work.modalities.index(most), width=340, **state.bound(CUT)))
    sizes = cut_curves.sizes(found, whose, here.output)
    shows, not_shown = figures.SAYS["cut-terms"]
    last = sizes["cut"]
    most_lost = max((name for name in last if name), key=lambda name: float(last[name][0] - last[name].min()))
    panels.panel(
        "cut-terms", f"Cut of {text.plain(whose)}: most is lost of {text.plain(most_lost.replace('+', ' + '))}, "
                     f"{last[most_lost][0]:.2f} → {last[most_lost].min():.2f} at the most",
        figures.terms(found.times, sizes, work.modalities, whose=whose, unit=here.unit, cursor=cursor, theme=here.theme),
        shows=shows + here.of, not_shown=not_shown,
        alt="Sizes of the terms after a cut: "
            + "; ".join(spoken.lines({name: values for name, values in each.items() if name}) for each in sizes.values()) + ".",
        numbers=lambda: sizes_table(found, whose, here.output))


def of_cohort(here: Here, chosen: Chosen) -> None:
    """The causal test beside the correlational one: how good the model is on the cohort without the correlations of a modality."""
    work = here.work
    if not can(work):
        return
    rows = chosen.rows[chosen.inside].head(MOST_SLOW)
    with st.container(border=True, key="panel-cut-test", gap="xxsmall"):
        head = st.container()
        about = f"{len(rows):,} samples of the {text.plain(chosen.name)}" if chosen.parts else f"{len(rows):,} samples"
        seconds = 8e-3 * len(rows) * (math.prod(work.model.dims) / 64) ** 2.5
        asked = seconds < AT_ONCE or st.toggle(f"Cut the correlations of {about} (about {math.ceil(seconds)} s)", **state.bound(CUT_MANY))
        if not asked or len(rows) < 2:
            with head:
                panels.heading("Are the correlations needed? Cut them and see")
            st.caption("Entanglement beside interaction strength is a correlation. This is the intervention: at time t all correlation of "
                       "one modality with the others is taken away, the state evolves on, and the decision is read." if len(rows) > 1 else
                       "Too few samples pass the filter.")
            return
        found = cut_curves.of_rows(work, np.array([work.dataset.row(name) for name in rows.index], dtype=int))
        metric = next(iter(found.after))
        with head:
            panels.heading(title := f"Are the correlations needed? {text.plain(cut_answers.answer_for_many(found))}")
        drawn = notebook.cut_test_of(cut_table(found), work.modalities, metric, theme=here.theme)
        shown = panels.figure("cut-test", drawn, f"{metrics.describe[metric].short} after a cut at each time.")
        shows, not_shown = figures.SAYS["cut-test"]
        panels.footer("cut-test", f"{shows} Here {about}, the model as learned; {INTERVALS}.", not_shown, lambda: cut_table(found),
                      title=title, shown=shown)
