"""Curves of the runs that are shown, and what their models do inside while they are trained."""

from __future__ import annotations

import streamlit as st

from qfusion.analysis.learning import run_curves
from qfusion.analysis.learning.run_curves import Seen
from qfusion.figures.style import Theme
from qfusion.panels import train as builders
from qfusion.training import metrics
from qfusion.ui.frame import state
from qfusion.ui.panel import panels

METRIC = "train.metric"


def allowed() -> dict[str, state.Allowed]:
    """What a link may say about the curves."""
    return {METRIC: state.options("Metric", metrics.describe, "The usual one is shown.")}


def _with_history(shown: list[Seen]) -> list[Seen]:
    found = run_curves.with_history(shown)
    if not found:
        st.info("No epoch is over yet." if any(each.alive for each in shown) else "Of the runs shown, none has an epoch to draw.",
                icon=":material/hourglass_top:")
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
    known = run_curves.metric_names([each.record for each in shown if each.record is not None])
    if not known:
        st.info("The runs shown have no metric in common: one predicts a number, another one classes. Choose runs of one kind.",
                icon=":material/help:")
        return
    default = run_curves.main_metric(known)
    if state.get(METRIC) not in (None, *known):
        state.put(METRIC, default)  # of another data set
    with st.container(border=True, key="panel-train-metric", gap="xxsmall"):
        with st.container(horizontal=True, vertical_alignment="center"):
            panels.heading("Metric on the validation rows")
            metric = st.selectbox("Metric", known, index=known.index(default), label_visibility="collapsed", width=170,
                                  **state.bound(METRIC))
        picture = builders.metric(shown, theme, metric=metric)
        assert picture.figure is not None
        drawn = panels.figure(picture.name, picture.figure, picture.alt)
        panels.footer(picture.name, picture.shows, picture.not_shown, picture.table, title=picture.title, shown=drawn)


def inside(theme: Theme, shown: list[Seen]) -> None:
    """Strength of the couplings, entanglement, and what single modalities and their combinations contribute."""
    shown = _with_history(shown)
    if not any(row["watched"] for each in shown if each.record is not None for row in each.record.history):
        return
    for group in range(len(run_curves.by_modalities(shown))):
        panels.draw(builders.dividends(shown, theme, group=group))
    norms, entangled = (run_curves.watched_by(shown, prefix).values() for prefix in ("norm", "entanglement"))
    left, right = st.columns(2, gap="medium")
    with left:
        for of in builders.NORMS:
            if any(of in terms for terms in norms):
                panels.draw(builders.norms(shown, theme, of=of))
    with right:
        if any("fused" not in terms for terms in entangled):
            panels.draw(builders.negativity(shown, theme))
        if any("fused" in terms for terms in entangled):
            panels.draw(builders.fused(shown, theme))
