"""Curves of trainings over epochs, and when terms become large in them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from qfusion.analysis.runs import Seen
from qfusion.runs.folder import Record

PASSED = 0.1  # the part of the latest total from which a term counts as used
Curve = tuple[np.ndarray, np.ndarray]  # epochs and values, (N,) each


def curve(record: Record, key: str) -> Curve:
    """Return the curve of a number, over the epochs that have it. The key is one of `Progress`, or `valid.METRIC`,
    or `watched.MEASURE`.
    """
    part, dot, name = key.partition(".")
    result = [(row["epoch"], row[part].get(name) if dot else row[part]) for row in record.history]
    known = [(epoch, value) for epoch, value in result if value is not None]
    return np.array([epoch for epoch, _ in known], dtype=float), np.array(
        [value for _, value in known], dtype=float
    )


def training_loss(record: Record) -> Curve:
    """Return the training loss of every epoch and, while a run trains, of its latest batches."""
    epochs, losses = curve(record, "train_loss")
    if record.state != "running":
        return epochs, losses
    points = dict(record.batch_losses)
    points |= dict(zip(epochs.tolist(), losses.tolist(), strict=True))
    positions = sorted(points)
    return np.array(positions, float), np.array([points[at] for at in positions], float)


def watched_curves(record: Record, prefix: str) -> dict[str, Curve]:
    """Return the curves of what was watched under names that begin with `prefix` and a dot, keyed by the rest of the
    name, in their own order.
    """
    return {
        name.removeprefix(f"{prefix}."): curve(record, f"watched.{name}")
        for name in dict.fromkeys(name for row in record.history for name in row["watched"])
        if name.startswith(f"{prefix}.")
    }


def watched_run_curves(seen: Sequence[Seen], prefix: str) -> dict[str, dict[str, Curve]]:
    """Return the curves of `watched_curves`, by run. Runs without them are left out."""
    return {
        entry.name: terms
        for entry in seen
        if entry.record is not None and (terms := watched_curves(entry.record, prefix))
    }


def group_by_modalities(
    seen: Sequence[Seen],
) -> list[tuple[tuple[str, ...], dict[str, dict[str, Curve]]]]:
    """Return the watched contributions by run, in groups of runs with the same modalities, and these modalities."""
    groups: dict[tuple[str, ...], dict[str, dict[str, Curve]]] = {}
    for name, terms in watched_run_curves(seen, "dividend").items():
        groups.setdefault(tuple(term for term in terms if "+" not in term), {})[name] = terms
    return list(groups.items())


def metric_names(records: Sequence[Record]) -> list[str]:
    """The validation metrics that all of some records have."""
    named = [dict.fromkeys(record.history[0]["valid"]) for record in records if record.history]
    return [key for key in named[0] if all(key in entry for entry in named)] if named else []


def main_metric(known: Sequence[str]) -> str:
    """The metric that is shown first: accuracy of classes, mean absolute error of a number."""
    return next((key for key in ("accuracy", "mae") if key in known), known[0] if known else "")


def metric_of_kept_epoch(record: Record) -> tuple[str, float] | None:
    """Return the main metric and its value on the validation rows at the epoch whose weights are kept, or None if
    there is none.
    """
    name = main_metric(metric_names([record]))
    if not name or not 0 < record.best_epoch <= len(record.history):
        return None
    value = record.history[record.best_epoch - 1]["valid"].get(name)
    return None if value is None else (name, value)


def passes(terms: Mapping[str, Curve]) -> dict[str, int | None]:
    """Return the epoch at which each single modality, and the joint terms together, first reached `PASSED` of the
    current total of all terms.

    Returns:
        by modality, then "joint": the epoch, None when that has not happened yet.
    """
    if not terms:
        return {}
    epochs = next(iter(terms.values()))[0]
    sizes = {name: values for name, (_, values) in terms.items() if len(values) == len(epochs)}
    joint = [values for name, values in sizes.items() if "+" in name]
    groups = {name: values for name, values in sizes.items() if "+" not in name} | (
        {"joint": np.sum(joint, 0)} if joint else {}
    )
    level = PASSED * float(sum(values[-1] for values in sizes.values()))
    return {
        name: int(epochs[int(np.argmax(values >= level))])
        if level > 0 and bool((values >= level).any())
        else None
        for name, values in groups.items()
    }


HALF = 0.5  # of the last value: the level of an onset
CLEAR = 1.96  # standard errors of its confidence interval


@dataclass(frozen=True, eq=False)
class Onset:
    """Epoch at which a watched number reached half of its current value.

    Attributes:
        epochs, values: of its curve. error: standard errors over rows.
        first: the epoch. low, high: the first epochs at which it may have, and has, beyond chance; None where it has
            not yet.
    """

    epochs: np.ndarray
    values: np.ndarray
    error: np.ndarray
    first: int | None
    low: int | None
    high: int | None


def onsets(record: Record) -> dict[str, Onset]:
    """Return the epochs at which the joint terms' part of the contributions, and entanglement, reached half of their
    current values, by "joint" and "entanglement". The result is empty for a run that did not watch them.
    """
    curves = watched_curves(record, "fusing")
    result = {}
    for name in [name for name in curves if f"{name}_error" in curves]:
        (epochs, values), error = curves[name], curves[f"{name}_error"][1]
        level = HALF * values[-1] if len(values) else 0.0
        margin = CLEAR * error
        result[name] = Onset(
            epochs,
            values,
            error,
            first=_first_epoch(epochs, values, level),
            low=_first_epoch(epochs, values + margin, level),
            high=_first_epoch(epochs, values - margin, level),
        )
    return result


def _first_epoch(epochs: np.ndarray, values: np.ndarray, level: float) -> int | None:
    """Return the first epoch at which a curve is at a level; None where it never is, or the level is not positive."""
    reached = values >= level
    return int(epochs[np.argmax(reached)]) if level > 0 and reached.any() else None


class Order(Enum):
    """Whether a model was entangled before it fused, or the other way round."""

    NEVER_FUSES = "never fuses"
    NEVER_ENTANGLES = "never entangles"
    ENTANGLEMENT_FIRST = "entanglement first"
    JOINT_FIRST = "joint first"
    UNDECIDED = "undecided"


def order_onsets(joint: Onset, entanglement: Onset) -> Order:
    """Return which of joint terms and entanglement had its onset first, beyond the error over rows."""
    if joint.first is None:
        return Order.NEVER_FUSES
    if entanglement.first is None:
        return Order.NEVER_ENTANGLES
    if _is_earlier(entanglement, joint):
        return Order.ENTANGLEMENT_FIRST
    if _is_earlier(joint, entanglement):
        return Order.JOINT_FIRST
    return Order.UNDECIDED


def _is_earlier(early: Onset, late: Onset) -> bool:
    return early.high is not None and late.low is not None and early.high < late.low
