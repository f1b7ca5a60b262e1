"""Training runs by epoch, their results, and the targets of their data set."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import capitalise, count, listed
from qfusion.data import DataSet
from qfusion.data.row_splits import SPLITS
from qfusion.figures import model_quality, training_charts
from qfusion.study import text
from qfusion.study.seeds import count_rows, run_loss
from qfusion.study.trainings import (
    Curve,
    RunStatus,
    collect_results,
    curve,
    main_metric,
    metric_names,
    runs_with_history,
    runs_with_losses,
    training_loss,
)
from qfusion.training import metrics
from qfusion.views.pages.params import SelectParam
from qfusion.views.view import View
from qfusion.views.words import rules
from qfusion.views.words.training import describe_metric

METRIC = SelectParam(
    "train.metric",
    "Metric",
    "The usual one is shown.",
    values=metrics.LABELS,
    style={"label_visibility": "collapsed", "width": 170},
)


def train_loss(runs: Sequence[RunStatus]) -> View:
    """The validation and training loss by epoch."""
    drawn = runs_with_losses(runs)
    check(bool(drawn), "None of the runs has a loss to draw.")
    valid = _curves(drawn, "valid_loss")
    train = {run.name: training_loss(run.record) for run in drawn if run.record is not None}
    losses = sorted({run_loss(entry) for entry in drawn} - {""})
    sets = {entry.plan.data for entry in drawn if entry.plan is not None}
    if len(sets) > 1 or len(losses) > 1:
        title = "Losses of these runs are not comparable"
        lead = "These runs have different data or different loss functions, so their losses are not comparable."
    else:
        title = describe_best_epoch("validation loss", valid)
        lead = ""
    units = " or ".join(losses) or "its own"
    return View(
        training_charts.run_curves(
            valid,
            train,
            hues=run_colours(drawn),
            y_title=f"loss ({units})",
            kinds=("validation", "training"),
            best_epochs=_best_epochs(drawn),
        ),
        title,
        caption=f"mean loss of each epoch ({_rows(drawn)}); the ring marks the epoch whose weights are kept. While a "
        "run trains, the dotted line also has the mean over the latest batches within an epoch.",
        limits="Test rows are not used. The training loss includes dropout and changing weights, so it can exceed the "
        "validation loss.",
        table=epoch_table({"validation loss": valid, "training loss": train}),
        alternative=f"Loss by epoch. Validation: {list_last_values(valid)}. Training: {list_last_values(train)}.",
        lead=lead,
    )


def describe_best_epoch(what: str, curves: Mapping[str, Curve], *, smallest: bool = True) -> str:
    """Describe at which epoch a run has the lowest, or else the highest, value; of several runs, which of them has it.

    Args:
        what: the values are. curves: epochs and values of each run, not numbers where it diverged.
        smallest: whether it is the lowest value.
    """
    word = "lowest" if smallest else "highest"
    best = {}
    for name, (epochs, values) in curves.items():
        if np.isfinite(values).any():
            place = int(np.nanargmin(values) if smallest else np.nanargmax(values))
            best[name] = float(values[place]), float(epochs[place])
    if not best:
        return capitalise(what)
    value, epoch = (min if smallest else max)(best.values(), key=lambda one: one[0])
    written = f"{value:.4g}"
    if len(curves) == 1:
        return f"{capitalise(what)} is {word} at epoch {epoch:.3g} ({written})"
    first = [
        text.escape_markdown(name) for name, (one, _) in best.items() if f"{one:.4g}" == written
    ]
    if len(first) == len(curves):
        return f"All {len(first)} runs have the same {word} {what} so far ({written})"
    if len(first) > 1:
        written += " each"
    return f"{word.capitalize()} {what} so far: {listed(first)} ({written})"


def train_metric(runs: Sequence[RunStatus], *, metric: Annotated[str, METRIC] = "") -> View:
    """A metric on the validation rows by epoch.

    Args:
        runs: that are shown.
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
        f"{about.short} on the validation rows",
        smallest=not about.higher_is_better,
        caption=f"{describe_metric(key, known)} {better} is better ({_rows(drawn)}).",
        limits="Does not show test rows: they are measured once the run ends, see Settings and results.",
        measure=key,
        y_title=about.short,
        best_epochs=_best_epochs(drawn),
    )


def train_gradient(runs: Sequence[RunStatus]) -> View:
    """The norm of the gradient by epoch."""
    drawn = require_history(runs)
    return _draw_epochs(
        drawn,
        "gradient_norm",
        "gradient norm",
        smallest=False,
        caption=f"mean over the steps of an epoch, before clipping ({_rows(drawn)}). Growth indicates divergence.",
        limits="Does not show single steps, nor the gradients of single parts of the model.",
        measure="gradient norm",
        y_title="gradient norm (log scale)",
        log=True,
    )


def train_rate(runs: Sequence[RunStatus]) -> View:
    """The learning rate by epoch."""
    return _draw_epochs(
        require_history(runs),
        "rate",
        "learning rate",
        smallest=False,
        caption="the step size at the end of each epoch, according to the schedule.",
        limits="Does not show whether it is appropriate: see the loss.",
        measure="learning rate",
        y_title="learning rate",
    )


def train_results(runs: Sequence[RunStatus]) -> View:
    """The epochs, the time, and the metrics of the saved weights, as a table: it has no figure."""
    result = collect_results(runs)
    sizes = "; ".join(
        f"{text.escape_markdown(name)}: {valid:,} validation, {test:,} test rows"
        for name, (valid, test) in result.sizes.items()
    )
    rows = f" ({sizes})" if sizes else ""
    alike = "The runs differ only in their seed." if result.seeds_only else ""
    return View(
        None,
        "Results",
        caption=f"metrics of the kept weights at the end of the run{rows}. {alike}",
        limits="Do not choose settings by this table: it shows test results.",
        table=result.table,
        alternative=f"Epochs, time and parameters of {len(result.table)} runs.",
    )


def _draw_epochs(
    runs: Sequence[RunStatus],
    key: str,
    what: str,
    *,
    smallest: bool,
    caption: str,
    limits: str,
    measure: str,
    **look: Any,
) -> View:
    """Draw the values that runs have under a key of their records, one curve per run; the title says where they are
    lowest (`smallest`) or highest.

    `look` as of `figures.training_charts.run_curves`.
    """
    curves = _curves(runs, key)
    return View(
        training_charts.run_curves(curves, hues=run_colours(runs), **look),
        describe_best_epoch(what, curves, smallest=smallest),
        caption=caption,
        limits=limits,
        table=epoch_table({measure: curves}),
        alternative=f"{capitalise(what)} by epoch: {list_last_values(curves)}.",
    )


def require_history(runs: Sequence[RunStatus]) -> list[RunStatus]:
    """Return the runs that have an epoch to draw.

    Raises:
        InvalidInput: when there is none.
    """
    result = runs_with_history(runs)
    check(bool(result), "None of the runs has an epoch to draw.")
    return result


def _curves(runs: Sequence[RunStatus], key: str) -> dict[str, Curve]:
    return {run.name: curve(run.record, key) for run in runs if run.record is not None}


def _best_epochs(runs: Sequence[RunStatus]) -> dict[str, int]:
    return {run.name: run.record.best_epoch for run in runs if run.record is not None}


def run_colours(runs: Sequence[RunStatus]) -> dict[str, str]:
    """Return the colour of every run by its name."""
    return {entry.name: training_charts.run_colour(place) for place, entry in enumerate(runs)}


def _rows(runs: Sequence[RunStatus]) -> str:
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


def common_metrics(runs: Sequence[RunStatus]) -> list[str]:
    """Return the metrics that all runs with an epoch have."""
    return metric_names([entry.record for entry in runs if entry.record is not None])


_MAX_SHOWN = 60  # classes in a figure


def data_classes(dataset: DataSet) -> View:
    """Samples of every class; only of a data set with classes."""
    names = dataset.target.classes
    counts = {
        split: np.bincount(_known_targets(dataset, split), minlength=len(names)) for split in SPLITS
    }
    whole = np.sum(list(counts.values()), axis=0)
    order = np.arange(len(names))
    shown = ""
    if len(names) > _MAX_SHOWN:
        order = np.argsort(-whole, kind="stable")[:_MAX_SHOWN]
        shown = f", the {_MAX_SHOWN} most frequent of {len(names)} classes"
    figure = model_quality.class_counts(
        {split: result[order].tolist() for split, result in counts.items()},
        [names[i] for i in order],
    )
    return View(
        figure,
        describe_class_sizes(names, whole),
        caption=f"how many of {len(dataset):,} samples are of which class, by part of the split{shown}.",
        limits="Counts do not tell how hard the classes are to tell apart.",
        table=pd.DataFrame({"class": list(names)} | counts),
        alternative=f"Samples by class: {rules.list_numbers(names, whole, '.0f')}.",
    )


def describe_class_sizes(names: Sequence[str], samples: np.ndarray) -> str:
    """Describe how many samples classes have; samples (C,) of all parts of the split."""
    least = int(samples.min())
    most = int(samples.max())
    if len(names) == 1:
        return f"Its only class has {count(most, 'sample')}"
    if least == most:
        return f"Each of its {len(names)} classes has {count(most, 'sample')}"
    return f"Its {len(names)} classes have {least:,} to {count(most, 'sample')}"


def data_target(dataset: DataSet) -> View:
    """How the number that is to be predicted is spread; only of a data set without classes."""
    about = dataset.target
    values = {split: _known_targets(dataset, split) for split in SPLITS}
    edges = model_quality.histogram_edges(values)
    known = dataset.y[dataset.is_annotated]
    mean = float(known.mean())
    spread = float(known.std())
    name = text.escape_markdown(about.name)
    samples = count(len(known), "sample")
    unit = f"({about.unit})" if about.unit else ""
    means = {split: part.mean() for split, part in values.items() if len(part)}
    counts = {split: np.histogram(part, edges)[0] for split, part in values.items()}
    return View(
        model_quality.target_histogram(values, f"{about.name} {unit}".strip()),
        f"{name} is {mean:+z.2f} ± {spread:.2f} (standard deviation) over all {samples}",
        caption=f"how the target is spread in each part of the split, in {model_quality.BINS} bins; mean ± deviation "
        "above.",
        limits="The parts may differ in everything but the target.",
        table=pd.DataFrame({"from": edges[:-1], "to": edges[1:]} | counts),
        alternative=f"Histograms of the target: mean {rules.list_terms(means)}.",
    )


def _known_targets(dataset: DataSet, split: str) -> np.ndarray:
    rows = dataset.rows(split)
    return np.asarray(dataset.y[rows[dataset.is_annotated[rows]]])


def has_classes(dataset: DataSet) -> bool:
    """Return whether classes are to be predicted, and some are known."""
    return dataset.target.kind == "classification" and bool(dataset.is_annotated.any())


def has_numbers(dataset: DataSet) -> bool:
    """Return whether a number is to be predicted, and some are known."""
    return dataset.target.kind == "regression" and bool(dataset.is_annotated.any())
