"""Are the correlations needed, and when? One sample's cuts on the Dynamics page, many samples' on the Cohorts page."""

from __future__ import annotations

import math

import streamlit as st

from qfusion.analysis.sample import Sample
from qfusion.analysis.subject import Workspace
from qfusion.explain.trust import cohorts
from qfusion.figures.style import Theme
from qfusion.panels import cuts as builders
from qfusion.ui.frame import state
from qfusion.ui.frame.shell import Here
from qfusion.ui.pages.cohorts.cohort_view import CUT_MANY, Chosen
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


def of_sample(sample: Sample, theme: Theme, t: float) -> None:
    """The score if the correlations of a modality are taken away at a time, under the sliders; its terms when they are unfolded.

    Args:
        t: where the time cursor stands, a share of T.
    """
    if not can(sample.work):
        return
    panels.draw(builders.score(sample, theme, t=t))
    with st.expander("What becomes of the terms", icon=":material/stacked_line_chart:", **state.opened(TERMS)) as folded:
        if folded.open:
            _terms(sample, theme, t)


def _terms(sample: Sample, theme: Theme, t: float) -> None:
    names, most = sample.modalities, builders.most_moved(sample)
    if state.get(CUT) not in (None, *names):
        state.put(CUT, most)  # of another model
    modality = str(st.selectbox("Modality that is cut", names, index=names.index(most), width=340, **state.bound(CUT)))
    panels.draw(builders.terms(sample, theme, modality=modality, t=t))


def of_cohort(here: Here, chosen: Chosen) -> None:
    """The causal test beside the correlational one: how good the model is on the cohort without the correlations of a modality."""
    work = here.work
    if not can(work):
        return
    asked = {"filter": cohorts.written(chosen.parts), "output": "" if here.asked is None else work.classes[here.asked],
             "name": chosen.name}
    count = len(builders.rows_of(work, asked["filter"], asked["output"]))
    with panels.around("cut-test") as head:
        seconds = 8e-3 * count * (math.prod(work.model.dims) / 64) ** 2.5
        cut = seconds < AT_ONCE or st.toggle(f"Cut the correlations of {builders.about(count, asked['filter'], chosen.name)} "
                                             f"(about {math.ceil(seconds)} s)", **state.bound(CUT_MANY))
        if cut and count > 1:
            panels.inside(builders.many(work, here.theme, **asked), head)
            return
        with head:
            panels.heading("Are the correlations needed? Cut them and see")
        st.caption("Entanglement beside interaction strength is a correlation. This is the intervention: at time t all correlation of "
                   "one modality with the others is taken away, the state evolves on, and the decision is read." if count > 1 else
                   "Too few samples pass the filter.")
