"""Are the correlations needed, and when? One sample's cuts."""

from __future__ import annotations

import streamlit as st

from qfusion.analysis.sample import Sample
from qfusion.figures.style import Theme
from qfusion.panels import dynamics as builders
from qfusion.ui.frame import state
from qfusion.ui.panel import panels

CUT, TERMS = "cut", "cutterms"


def of_sample(sample: Sample, theme: Theme, t: float) -> None:
    """The score if the correlations of a modality are taken away at a time, under the sliders; its terms when they are
    unfolded.

    Args:
        t: where the time cursor stands, a share of T.
    """
    if not builders.can_cut(sample):
        return
    panels.draw(builders.cut(sample, theme, t=t))
    with st.expander(
        "Contributions after the cut", icon=":material/stacked_line_chart:", **state.opened(TERMS)
    ) as folded:
        if folded.open:
            _terms(sample, theme, t)


def _terms(sample: Sample, theme: Theme, t: float) -> None:
    names, most = sample.modalities, builders.most_moved(sample)
    if state.get(CUT) not in (None, *names):
        state.put(CUT, most)  # of another model
    modality = str(
        st.selectbox(
            "Modality that is cut", names, index=names.index(most), width=340, **state.bound(CUT)
        )
    )
    panels.draw(builders.cut_terms(sample, theme, modality=modality, t=t))
