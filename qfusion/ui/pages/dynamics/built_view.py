"""Which coupling built which term of the decision: on the Dynamics page, under its sliders."""

from __future__ import annotations

import streamlit as st

from qfusion.analysis.dynamics import physics
from qfusion.analysis.sample import Sample
from qfusion.analysis.subject import Workspace
from qfusion.figures.style import Theme
from qfusion.panels import physics as building_panels
from qfusion.panels.physics import BASELINE
from qfusion.ui.frame import state
from qfusion.ui.panel import panels

AS, OVER, PART = "builtas", "builtof", "built"
MATRIX, THROUGH, FLOW = building_panels.BUILT_VIEWS


def _names(work: Workspace) -> tuple[str, ...]:
    return BASELINE, *work.terms


def panel(sample: Sample, theme: Theme, t: float) -> None:
    """Pickers and one of three figures; the time cursor stands at a share `t` of T."""
    with panels.around("built") as head:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            view = (
                st.segmented_control(
                    "Show as", building_panels.BUILT_VIEWS, default=MATRIX, **state.bound(AS)
                )
                or MATRIX
            )
            over = str(
                st.selectbox(
                    "Samples",
                    physics.cohorts(sample.work),
                    help="This sample, or the mean over several.",
                    **state.bound(OVER),
                )
            )
            part = _part(sample, over) if view == THROUGH else ""
        if view == THROUGH:
            picture = building_panels.over_time(sample, theme, over=over, part=part, t=t)
        else:
            picture = (building_panels.flow if view == FLOW else building_panels.matrix)(
                sample, theme, over=over
            )
        panels.inside(picture, head, named=False)


def _part(sample: Sample, over: str) -> str:
    names, most = _names(sample.work), building_panels.built(sample, over).most_built() or BASELINE
    if state.get(PART) not in (None, *names):
        state.put(PART, most)  # of another model
    return str(st.selectbox("Contribution", names, index=names.index(most), **state.bound(PART)))
