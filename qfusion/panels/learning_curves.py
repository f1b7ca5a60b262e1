"""Losses, metrics, gradients and learning rates of training runs by epoch."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import listed
from qfusion.analysis import text
from qfusion.analysis.run_settings import count_rows, run_loss
from qfusion.analysis.runs import Seen, runs_with_history, runs_with_losses
from qfusion.analysis.training_curves import (
    Curve,
    curve,
    main_metric,
    metric_names,
    training_loss,
)
from qfusion.figures import style, training_charts
from qfusion.panels import panel
from qfusion.training import metrics
from qfusion.wording.metrics import describe_metric


def loss(runs: Sequence[Seen], theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the validation and training loss by epoch."""
    drawn = runs_with_losses(runs)
    check(bool(drawn), "None of the runs has a loss to draw.")
    valid = _curves(drawn, "valid_loss")
    train = {run.name: training_loss(run.record) for run in drawn if run.record is not None}
    losses = sorted({run_loss(entry) for entry in drawn} - {""})
    sets = {entry.plan.data for entry in drawn if entry.plan is not None}
    if len(sets) > 1 or len(losses) > 1:
        lead = (
            "These runs have different data or different loss functions, so their losses are not "
            "comparable."
        )
    else:
        lead = ""
    if lead:
        title = "Loss"
    else:
        title = describe_lowest_loss({name: values for name, (_, values) in valid.items()})
    figure = training_charts.run_curves(
        valid,
        train,
        hues=run_colours(drawn),
        y_title=f"loss ({' or '.join(losses) or 'its own'})",
        kinds=("validation", "training"),
        best_epochs=_best_epochs(drawn),
        theme=theme,
    )
    return panel.PanelFigure(
        "train-loss",
        title,
        figure,
        shows=f"mean loss of each epoch ({_rows(drawn)}); the ring marks the epoch whose weights are kept. While a run "
        "trains, the dotted line also has the mean over the latest batches within an epoch.",
        not_shown="test rows. The training loss includes dropout and changing weights, so it can exceed the "
        "validation loss.",
        alt=f"Loss by epoch. Validation: {list_last_values(valid)}. Training: {list_last_values(train)}.",
        table=lambda: epoch_table({"validation loss": valid, "training loss": train}),
        lead=lead,
    )


def describe_lowest_loss(losses: Mapping[str, np.ndarray]) -> str:
    """Describe which runs had the lowest validation loss of an epoch.

    Losses of each run by epoch, one of them not a number where the run diverged.
    """
    best = {
        name: float(values[np.isfinite(values)].min())
        for name, values in losses.items()
        if np.isfinite(values).any()
    }
    if len(losses) < 2 or not best:
        return "Loss"
    least = f"{min(best.values()):.4g}"
    first = [text.escape_markdown(name) for name, value in best.items() if f"{value:.4g}" == least]
    if len(first) == len(losses):
        return f"All {len(first)} runs have the same lowest validation loss so far ({least})"
    return f"Lowest validation loss so far: {listed(first)} ({least}{' each' if len(first) > 1 else ''})"


def metric(
    runs: Sequence[Seen], theme: style.Theme = "light", *, metric: str = ""
) -> panel.PanelFigure:
    """Draw a metric on the validation rows by epoch.

    Args:
        runs: that are shown.
        theme: of the figure.
        metric: one that all of them have, such as "mae"; accuracy or the mean absolute error by default.
    """
    drawn = require_history(runs)
    known = common_metrics(runs)
    check(
        bool(known),
        "The runs have no metric in common: one predicts a number, another one classes.",
    )
    key = choose("Metric", metric, known) if metric else main_metric(known)
    about = metrics.labels(known).get(key, metrics.Label(key))
    better = "More" if about.higher_is_better else "Less"
    return _draw_epochs(
        drawn,
        f"valid.{key}",
        "train-metric",
        f"{about.short} on the validation rows",
        shows=f"{describe_metric(key, known)} {better} is better ({_rows(drawn)}).",
        not_shown="test rows: they are measured once the run ends, see Settings and results.",
        measure=key,
        y_title=about.short,
        best_epochs=_best_epochs(drawn),
        theme=theme,
    )


def gradient(runs: Sequence[Seen], theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the norm of the gradient by epoch."""
    drawn = require_history(runs)
    return _draw_epochs(
        drawn,
        "gradient_norm",
        "train-gradient",
        "Gradient norm",
        shows=f"mean over the steps of an epoch, before clipping ({_rows(drawn)}). Growth indicates "
        "divergence.",
        not_shown="single steps, nor the gradients of single parts of the model.",
        measure="gradient norm",
        y_title="gradient norm (log scale)",
        log=True,
        theme=theme,
    )


def rate(runs: Sequence[Seen], theme: style.Theme = "light") -> panel.PanelFigure:
    """Draw the learning rate by epoch."""
    return _draw_epochs(
        require_history(runs),
        "rate",
        "train-rate",
        "Learning rate",
        shows="the step size at the end of each epoch, according to the schedule.",
        not_shown="whether it is appropriate: see the loss.",
        measure="learning rate",
        y_title="learning rate",
        theme=theme,
    )


def _draw_epochs(
    runs: Sequence[Seen],
    key: str,
    name: str,
    title: str,
    *,
    shows: str,
    not_shown: str,
    measure: str,
    **look: Any,
) -> panel.PanelFigure:
    """Draw the values that runs have under a key of their records, one curve per run.

    `look` as of `figures.training_charts.run_curves`.
    """
    curves = _curves(runs, key)
    return panel.PanelFigure(
        name,
        title,
        training_charts.run_curves(curves, hues=run_colours(runs), **look),
        shows=shows,
        not_shown=not_shown,
        alt=f"{title} by epoch: {list_last_values(curves)}.",
        table=lambda: epoch_table({measure: curves}),
    )


def require_history(runs: Sequence[Seen]) -> list[Seen]:
    """Return the runs that have an epoch to draw.

    Raises:
        InvalidInput: when there is none.
    """
    result = runs_with_history(runs)
    check(bool(result), "None of the runs has an epoch to draw.")
    return result


def _curves(runs: Sequence[Seen], key: str) -> dict[str, Curve]:
    return {run.name: curve(run.record, key) for run in runs if run.record is not None}


def _best_epochs(runs: Sequence[Seen]) -> dict[str, int]:
    return {run.name: run.record.best_epoch for run in runs if run.record is not None}


def run_colours(runs: Sequence[Seen]) -> dict[str, str]:
    """Return the colour of every run by its name."""
    return {entry.name: training_charts.run_colour(place) for place, entry in enumerate(runs)}


def _rows(runs: Sequence[Seen]) -> str:
    """Return the rows behind a curve, of every data set."""
    words = {
        run.plan.data: f"{text.escape_markdown(run.plan.data)}: {rows[0]:,} rows trained on, {rows[1]:,} validation "
        "rows" + (" (among those trained on)" if run.plan.options.get("refit") else "")
        for run in runs
        if run.plan is not None and (rows := count_rows(run))
    }
    return "; ".join(words.values()) or "rows unknown, since the data set is not available"


def list_last_values(curves: Mapping[str, Curve]) -> str:
    """Return the last value of every curve with its epoch, as a list in a sentence."""
    return ", ".join(
        f"{name} {values[-1]:.4g} at epoch {epochs[-1]:.3g}"
        for name, (epochs, values) in curves.items()
        if len(values)
    )


def epoch_table(curves: Mapping[str, Mapping[str, Curve]]) -> pd.DataFrame:
    """Return curves as rows, grouped by measure and then by run."""
    return pd.concat(
        [
            pd.DataFrame({"run": name, "epoch": _whole(epochs), "measure": what, "value": values})
            for what, result in curves.items()
            for name, (epochs, values) in result.items()
        ]
    )


def _whole(epochs: np.ndarray) -> np.ndarray:
    """Return epochs as whole numbers, unless some lie within an epoch."""
    return epochs.round(3) if (epochs % 1).any() else epochs.astype(int)


def has_losses(runs: Sequence[Seen]) -> bool:
    """Return whether some run has a loss to draw."""
    return bool(runs_with_losses(runs))


def has_epochs(runs: Sequence[Seen]) -> bool:
    """Return whether some run has an epoch to draw."""
    return bool(runs_with_history(runs))


def common_metrics(runs: Sequence[Seen]) -> list[str]:
    """Return the metrics that all runs with an epoch have."""
    return metric_names([entry.record for entry in runs if entry.record is not None])
