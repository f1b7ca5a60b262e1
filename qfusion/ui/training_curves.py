"""Curves of runs: metrics by epoch, and terms inside the models while they are trained."""

import streamlit as st

from qfusion.analysis import runs, text, training_curves
from qfusion.ui import figure, page_context, panels, skeletons, widgets
from qfusion.views import learning, learning_inside
from qfusion.views.pages import panel, train as builders
from qfusion.views.pages.panel import draw_view
from qfusion.views.words.training import describe_wait

METRIC_TITLE = "Metric on the validation rows"
FIRST_EPOCH = "Drawn after the first epoch."


def draw_progress(shown: list[runs.Seen]) -> None:
    """Draw the loss from the first batches on, then metrics, gradient norm and learning rate."""
    begun = runs.runs_with_history(shown)
    if not runs.runs_with_losses(shown):
        _waiting_card(shown)
    elif not begun:
        figure.draw_side_by_side(lambda: _loss(shown), _waiting_metric)
    else:
        figure.draw_side_by_side(lambda: _loss(shown), lambda: _metric(begun))
        panels.show(
            begun,
            page_context.theme(),
            "train-gradient",
            "train-rate",
            columns=2,
            gap="medium",
            first=2,
        )


def _loss(shown: list[runs.Seen]) -> panel.PanelFigure:
    return draw_view(shown, page_context.theme(), view=learning.train_loss)


def _waiting_card(shown: list[runs.Seen]) -> None:
    """Draw the cards of the loss and the metric as placeholders, with what each run waits for."""
    waits = [describe_wait(entry, text.escape_markdown(entry.name)) for entry in shown]

    def waiting_loss() -> None:
        skeletons.card("train-loss", "Loss", "  \n".join(waits))

    figure.draw_side_by_side(waiting_loss, _waiting_metric)


def _waiting_metric() -> None:
    skeletons.card("train-metric", METRIC_TITLE, FIRST_EPOCH)


def _metric(shown: list[runs.Seen]) -> None:
    known = learning.common_metrics(shown)
    if not known:
        st.info(
            "The chosen runs have no metric in common, since some predict a number and others classes. "
            "Choose runs of one kind.",
            icon=":material/help:",
        )
    else:
        with st.container(border=True, key="panel-train-metric", gap="xxsmall"):
            with st.container(horizontal=True, vertical_alignment="center"):
                figure.heading(METRIC_TITLE)
                metric = widgets.draw(
                    builders.METRIC, options=known, default=training_curves.main_metric(known)
                )
            figure.draw_without_panel(
                draw_view(shown, page_context.theme(), view=learning.train_metric, metric=metric)
            )


def draw_inner_terms(shown: list[runs.Seen]) -> None:
    """Draw the strength of the couplings, entanglement, and the contributions of single modalities and their
    combinations.
    """
    begun = runs.runs_with_history(shown)
    if not begun:
        st.info(FIRST_EPOCH, icon=":material/hourglass_top:")
    shown = begun
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
