"""Curves of the runs that are shown, and what their models do inside while they are trained."""

from __future__ import annotations

import streamlit as st

from qfusion.analysis.learning import run_curves
from qfusion.analysis.learning.run_curves import Seen
from qfusion.figures.style import Theme
from qfusion.panels import learning as builders
from qfusion.ui.frame import state
from qfusion.ui.panel import panels

METRIC = "train.metric"


def _with_history(shown: list[Seen]) -> list[Seen]:
    found = run_curves.with_history(shown)
    if not found:
        st.info(
            "No epoch is over yet."
            if any(each.alive for each in shown)
            else "Of the runs shown, none has an epoch to draw.",
            icon=":material/hourglass_top:",
        )
    return found


def progress(theme: Theme, shown: list[Seen]) -> None:
    """Loss, metrics, learning rate, gradient norm."""
    shown = _with_history(shown)
    if not shown:
        return
    left, right = st.columns(2, gap="medium")
    with left:
        panels.draw(builders.loss(shown, theme))
    with right:
        _metric(theme, shown)
    left, right = st.columns(2, gap="medium")
    with left:
        panels.draw(builders.gradient(shown, theme))
    with right:
        panels.draw(builders.rate(shown, theme))


def _metric(theme: Theme, shown: list[Seen]) -> None:
    known = builders.metrics_of(shown)
    if not known:
        st.info(
            "The runs shown have no metric in common: one predicts a number, another one classes. Choose runs of one "
            "kind.",
            icon=":material/help:",
        )
        return
    default = run_curves.main_metric(known)
    if state.get(METRIC) not in (None, *known):
        state.put(METRIC, default)  # of another data set
    with st.container(border=True, key="panel-train-metric", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            panels.heading("Metric on the validation rows")
            metric = st.selectbox(
                "Metric",
                known,
                index=known.index(default),
                label_visibility="collapsed",
                width=170,
                **state.bound(METRIC),
            )
        panels.drawn(builders.metric(shown, theme, metric=metric))


def inside(theme: Theme, shown: list[Seen]) -> None:
    """Strength of the couplings, entanglement, and what single modalities and their combinations contribute."""
    shown = _with_history(shown)
    if not builders.watched(shown):
        return
    for group in range(builders.groups_of(shown)):
        panels.draw(builders.dividends(shown, theme, group=group))
    left, right = st.columns(2, gap="medium")
    with left:
        for of in builders.NORMS:
            if builders.has_norm(shown, of):
                panels.draw(builders.norms(shown, theme, of=of))
    with right:
        for name in ("train-negativity", "train-fused"):
            if (panel := builders.PANELS[name]).fits(shown):
                panels.draw(panel.build(shown, theme))
