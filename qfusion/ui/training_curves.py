"""Curves of runs: metrics by epoch, and terms inside the models while they are trained."""

import streamlit as st

from qfusion.analysis import runs, training_curves
from qfusion.panels import learning as builders, learning_curves, learning_inside
from qfusion.ui import figure, page_context, panels, widgets


def _load_histories(shown: list[runs.Seen]) -> list[runs.Seen]:
    result = runs.runs_with_history(shown)
    if not result:
        st.info(
            "Waiting for the first epoch."
            if any(entry.alive for entry in shown)
            else "None of the chosen runs has finished an epoch.",
            icon=":material/hourglass_top:",
        )
    return result


def draw_progress(shown: list[runs.Seen]) -> None:
    """Loss, metrics, learning rate, gradient norm."""
    if begun := _load_histories(shown):
        figure.draw_side_by_side(
            lambda: learning_curves.loss(begun, page_context.theme()), lambda: _metric(begun)
        )
        panels.show(
            begun,
            page_context.theme(),
            "train-gradient",
            "train-rate",
            columns=2,
            gap="medium",
            first=2,
        )


def _metric(shown: list[runs.Seen]) -> None:
    known = learning_curves.common_metrics(shown)
    if not known:
        st.info(
            "The chosen runs have no metric in common, since some predict a number and others classes. "
            "Choose runs of one kind.",
            icon=":material/help:",
        )
    else:
        with st.container(border=True, key="panel-train-metric", gap="xxsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                figure.heading("Metric on the validation rows")
                metric = widgets.draw(
                    builders.METRIC, options=known, default=training_curves.main_metric(known)
                )
            figure.draw_without_panel(
                learning_curves.metric(shown, page_context.theme(), metric=metric)
            )


def draw_inner_terms(shown: list[runs.Seen]) -> None:
    """Draw the strength of the couplings, entanglement, and the contributions of single modalities and their
    combinations.
    """
    shown = _load_histories(shown)
    if not builders.has_watched(shown):
        return
    panels.show(
        shown,
        page_context.theme(),
        "train-dividends",
        *(f"train-dividends-{group}" for group in range(1, builders.modality_groups(shown))),
        "train-replay",
    )
    figure.draw_side_by_side(
        lambda: panels.show(
            shown, page_context.theme(), *(f"train-norm-{of}" for of in learning_inside.NORMS)
        ),
        lambda: panels.show(shown, page_context.theme(), "train-negativity", "train-fused"),
    )
