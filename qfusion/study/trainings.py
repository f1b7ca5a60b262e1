"""Trainings and their results: the status of each run, its curves over epochs, and its metrics beside others."""

import importlib.util
import math
import re
import time
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import Any

import numpy as np
import pandas as pd

from qfusion import _progress, runs
from qfusion._checks import check, choose
from qfusion._memory_cache import file_stamp, memo
from qfusion.errors import IntegrityError, QFusionError, default_on_error
from qfusion.runs import Plan, Run
from qfusion.runs.folder import Record
from qfusion.study.opening import load_checkpoint
from qfusion.training import metrics

STARTING = "starting"
MAX_SEEDS = 10
MAX_SHOWN = 7  # runs at once: as many as figures have colours for
GOES_ON = ("paused", "stopped", "interrupted", "failed")
LOG = 6000  # characters of a log that are shown


class Status(StrEnum):
    """States of a training and of requests to it."""

    STARTING = STARTING
    RUNNING = "running"
    PAUSING = "pausing"
    PAUSED = "paused"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class RunStatus:
    """Current state of a run. It has a `problem` instead of plan and record if its files cannot be read."""

    run: Run
    plan: Plan | None
    record: Record | None
    state: str
    request: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        """Name of the run."""
        return self.run.name

    @property
    def alive(self) -> bool:
        """Whether a process trains it, or is about to."""
        return self.state in ("running", STARTING)

    @property
    def status(self) -> Status:
        """State of the run, or the request to it while it is alive."""
        if self.problem:
            return Status.UNREADABLE
        if self.request and self.alive:
            return {"pause": Status.PAUSING, "stop": Status.STOPPING}[self.request]
        return Status(self.state)

    @property
    def has_model(self) -> bool:
        """Whether its best model is among the models."""
        return self.run.model_path.is_file()


@memo(256, stamp=lambda run: file_stamp(run.path / "record.json"))
def _record_as_written(run: Run) -> Record:
    return run.record()


def _record(run: Run) -> Record:
    """Return the record of a run, with its progress. It is read anew while a process may be training the run, and
    otherwise when its file changes.
    """
    record = _record_as_written(run)
    return run.record() if record.state in ("running", "interrupted") else record


def read_status(run: Run) -> RunStatus:
    """Look at a run."""
    try:
        plan, record = run.plan, validate_record(_record(run))
    except QFusionError as error:
        return RunStatus(run, None, None, "", problem=str(error))
    state = (
        STARTING
        if record.state not in ("running", "finished") and runs.is_starting(run)
        else record.state
    )
    return RunStatus(run, plan, record, state, run.pending_request())


def list_statuses() -> list[RunStatus]:
    """Return all runs in their current state, the newest first."""
    return [read_status(run) for run in runs.list_runs()]


def select_runs(seen: Sequence[RunStatus], names: Sequence[str] = ()) -> list[RunStatus]:
    """Return the runs of some names, in their order. Without names, return those that are alive, or else the newest.

    Raises:
        NotFound: when there is none of a name.
    """
    of_name = {entry.name: entry for entry in seen}
    return (
        [of_name[choose("Run", name, of_name)] for name in names]
        or [entry for entry in seen if entry.alive][:MAX_SHOWN]
        or list(seen[:1])
    )


def open_runs(names: Sequence[str] = ()) -> list[RunStatus]:
    """Return runs in their current state, by their names, see `select_runs`."""
    return select_runs(list_statuses(), names)


def runs_with_losses(seen: Sequence[RunStatus]) -> list[RunStatus]:
    """Return those of some runs that have a loss to draw, of an epoch or within the first one."""
    return [
        entry
        for entry in seen
        if entry.record is not None
        and (entry.record.history or (entry.alive and entry.record.batch_losses))
    ]


def runs_with_history(seen: Sequence[RunStatus]) -> list[RunStatus]:
    """Return those of some runs that have an epoch to draw."""
    return [entry for entry in seen if entry.record is not None and entry.record.history]


def validate_record(record: Record) -> Record:
    """Return a record after checking that its rows can be drawn.

    Raises:
        IntegrityError: when it is not one: the file may be written by anyone.
    """
    keys = ("epoch", "train_loss", "valid_loss", "gradient_norm", "seconds", "rate")
    try:
        numbers = [record.epochs, record.best_epoch, record.began, record.batch, record.batches]
        for row in record.history:
            numbers += [row[key] for key in keys]
            numbers += [*row["valid"].values(), *row["watched"].values()]
        for position, loss in record.batch_losses:
            numbers += [position, loss]
        ok = (
            record.state in runs.STATES
            and isinstance(record.message, str)
            and all(isinstance(n, int | float) and math.isfinite(n) for n in numbers)
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        ok = False
    check(
        ok,
        "Its record.json is not the record of a training. Delete the run and begin again.",
        IntegrityError,
    )
    return record


def clock(seconds: float) -> str:
    """A time since 1970 as a date of this machine."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if 0 < seconds < 4e9 else ""


def read_log_end(run: Run) -> str:
    """Return the end of the output that a run's process printed. Progress bars are shown in their final state."""
    path = run.path / "log.txt"
    try:
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 8 * LOG))
            text = file.read().decode("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(
        line.rsplit("\r", 1)[-1] for line in re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).split("\n")
    )[-LOG:]


def can_write_events() -> bool:
    """Whether event files for TensorBoard can be written here."""
    return importlib.util.find_spec("tensorboard") is not None


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


def watched_run_curves(seen: Sequence[RunStatus], prefix: str) -> dict[str, dict[str, Curve]]:
    """Return the curves of `watched_curves`, by run. Runs without them are left out."""
    return {
        entry.name: terms
        for entry in seen
        if entry.record is not None and (terms := watched_curves(entry.record, prefix))
    }


def group_by_modalities(
    seen: Sequence[RunStatus],
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


@dataclass(frozen=True, eq=False)
class Results:
    """Results of some runs.

    Attributes:
        table: a row a run: its seed, state, epochs and time; where it made a model, its parameters and its metrics.
        seeds_only: whether the runs differ in their seed alone.
        sizes: validation and test rows of the runs that made a model, by data set; empty where none did.
    """

    table: pd.DataFrame
    seeds_only: bool
    sizes: Mapping[str, tuple[int, int]]

    @property
    def metrics(self) -> list[str]:
        """The columns of metrics."""
        return [column for column in self.table if column.startswith(("test ", "validation "))]

    def metric_table(self) -> pd.DataFrame:
        """Return a row for each metric and split, a column for each run; mean and standard deviation where only seeds
        differ."""
        rows = []
        for column in sorted(self.metrics, key=lambda name: name.startswith("validation")):
            rows.append(
                {"metric": column, **dict(zip(self.table["run"], self.table[column], strict=True))}
            )
            known = self.table[column].dropna().to_numpy(dtype=float)
            if self.seeds_only and len(known) > 1:
                rows[-1]["mean ± standard deviation over seeds"] = (
                    f"{np.mean(known):.3f} ± {np.std(known, ddof=1):.3f}"
                )
        return pd.DataFrame(rows)


def collect_results(runs: Sequence[RunStatus]) -> Results:
    """Return the results of runs. Runs that cannot be read are left out."""
    rows: list[dict[str, Any]] = []
    kinds: set[Hashable] = set()
    sizes: dict[str, tuple[int, int]] = {}
    for run in runs:
        if run.plan is None or run.record is None:
            continue
        record, card = run.record, _card(run)
        seconds = sum(float(epoch["seconds"]) for epoch in record.history)
        row: dict[str, Any] = {
            "run": run.name,
            "seed": run.plan.seed,
            "state": run.status.value,
            "epochs": record.epoch,
            "kept": record.best_epoch,
            "time": _progress.duration(seconds),
        }
        if card is not None:
            row["parameters"] = card["parameters"]["total"]
            known = metrics.labels(card["this_seed"]["test"])
            for key in card["this_seed"]["test"]:
                title = known[key].short if key in known else key
                for split, side in (("valid", "validation"), ("test", "test")):
                    value = card["this_seed"][split].get(key)
                    if isinstance(value, int | float):
                        row[f"{side} {title}"] = value
            counts = card["data"]["sizes"]
            sizes[run.plan.data] = counts["valid"], counts["test"]
            kinds.add(
                (
                    run.plan.data,
                    run.plan.model,
                    str(sorted(run.plan.settings.items())),
                    str(sorted(run.plan.options.items())),
                    counts["test"],
                )
            )
        rows.append(row)
    seeds = {row["seed"] for row in rows}
    return Results(pd.DataFrame(rows), len(kinds) == 1 and len(seeds) == len(rows) > 1, sizes)


@default_on_error(None)
def _card(entry: RunStatus) -> dict[str, Any] | None:
    """The card of the model that a run made."""
    if not entry.has_model:
        return None
    card = load_checkpoint(entry.name).card
    return (
        card
        if isinstance(card.get("this_seed"), dict) and {"valid", "test"} <= set(card["this_seed"])
        else None
    )
