"""Are the correlations needed, and when? One sample's cuts."""

from __future__ import annotations

import streamlit as st

from qfusion.analysis import cut_curves, text
from qfusion.analysis.evolution import Decision
from qfusion.analysis.subject import Workspace
from qfusion.explain.changes import cut_answers
from qfusion.figures.draw import cuts as figures
from qfusion.figures.numbers import sizes_table
from qfusion.panels import spoken
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.panel import panels

CUT, TERMS = "cut", "cutterms"


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
