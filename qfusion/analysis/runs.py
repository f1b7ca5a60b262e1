"""What came out of trainings. Of runs and sweeps, for Train and Sweeps: state in words, curves, when terms come to
matter, results side by side, settings. Of the benchmark, for the leaderboard: its file, checked and put into tables."""

import contextlib
import importlib.util
import json
import math
import re
import time
import warnings
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion import _files, _sentences, data, runs
from qfusion._checks import check, choose
from qfusion.analysis.memo import memo, written
from qfusion.analysis.sample import loaded
from qfusion.errors import (
    IntegrityError,
    NotFound,
    QFusionError,
    default_on_error,
    translate_errors,
)
from qfusion.models import registry
from qfusion.runs import Plan, Run, folder, quotas, sweeps, training_watch
from qfusion.training import Options, checkpoint, default_options, metrics
from qfusion.training.metrics import Label

STARTING = "starting"
MAX_SEEDS = 10
MAX_SHOWN = 7  # runs at once: as many as figures have colours for
GOES_ON = ("paused", "stopped", "interrupted", "failed")
PASSED = 0.1  # the part of the latest total from which a term counts as used
LOG = 6000  # characters of a log that are shown
Curve = tuple[np.ndarray, np.ndarray]  # epochs and values, (N,) each


@dataclass(frozen=True)
class Seen:
    """A run as it is now; `problem` instead of plan and record when its files cannot be read."""

    run: Run
    plan: Plan | None
    record: folder.Record | None
    state: str
    request: str = ""
    problem: str = ""

    @property
    def name(self) -> str:
        """Its name."""
        return self.run.name

    @property
    def alive(self) -> bool:
        """Whether a process trains it, waits to, or is about to."""
        return self.state in ("waiting", "running", STARTING)

    @property
    def words(self) -> str:
        """Its state for people."""
        if self.problem:
            return "cannot be read"
        if self.request and self.alive:
            return {"pause": "pausing …", "stop": "stopping …"}[self.request]
        return {
            STARTING: "starting …",
            "waiting": "waiting for a free processor",
            "running": "training",
            "paused": "paused",
            "stopped": "stopped, best model kept",
            "finished": "finished",
            "failed": "failed",
            "interrupted": "interrupted, can go on",
        }[self.state]

    @property
    def has_model(self) -> bool:
        """Whether its best model is among the models."""
        return self.run.model_path.is_file()


@memo(256, stamp=lambda run: written(run.path / "record.json"))
def _record_as_written(run: Run) -> folder.Record:
    return run.record()


def _record(run: Run) -> folder.Record:
    """How far a run is; read anew while a process may train it, else when its file changes."""
    record = _record_as_written(run)
    return run.record() if record.state in (*folder.ALIVE, "interrupted") else record


def see(run: Run) -> Seen:
    """Looks at a run."""
    try:
        plan, record = run.plan, checked(_record(run))
    except QFusionError as error:
        return Seen(run, None, None, "", problem=str(error))
    state = (
        STARTING
        if record.state not in ("waiting", "running", "finished") and runs.is_starting(run)
        else record.state
    )
    return Seen(run, plan, record, state, run.pending_request())


def look() -> list[Seen]:
    """Returns all runs as they are now, the newest first."""
    return [see(run) for run in runs.list_runs()]


def shown(seen: Sequence[Seen], names: Sequence[str] = ()) -> list[Seen]:
    """Returns the runs of some names, in their order; without names those that are alive, else the newest.

    Raises:
        NotFound: when there is none of a name.
    """
    of_name = {entry.name: entry for entry in seen}
    return (
        [of_name[choose("Run", name, of_name)] for name in names]
        or [entry for entry in seen if entry.alive][:MAX_SHOWN]
        or list(seen[:1])
    )


def open_runs(names: Sequence[str] = ()) -> list[Seen]:
    """Returns runs as they are now, by their names; see `shown`."""
    return shown(look(), names)


def with_history(seen: Sequence[Seen]) -> list[Seen]:
    """Returns those of some runs that have an epoch to draw."""
    return [entry for entry in seen if entry.record is not None and entry.record.history]


def checked(record: folder.Record) -> folder.Record:
    """Returns a record whose rows can be drawn.

    Raises:
        IntegrityError: when it is not one: the file may be written by anyone.
    """
    keys = ("epoch", "train_loss", "valid_loss", "gradient_norm", "seconds", "rate")
    try:
        numbers = [record.epochs, record.best_epoch, record.began, record.batch, record.batches]
        for row in record.history:
            numbers += [row[key] for key in keys]
            numbers += [*row["valid"].values(), *row["watched"].values()]
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


def curve(record: folder.Record, key: str) -> Curve:
    """A number of each epoch that has it: a key of `Progress`, or `valid.METRIC`, or `watched.MEASURE`."""
    part, dot, name = key.partition(".")
    result = [(row["epoch"], row[part].get(name) if dot else row[part]) for row in record.history]
    known = [(epoch, value) for epoch, value in result if value is not None]
    return np.array([epoch for epoch, _ in known], dtype=float), np.array(
        [value for _, value in known], dtype=float
    )


def watched(record: folder.Record, prefix: str) -> dict[str, Curve]:
    """What was watched under names that begin with `prefix` and a dot, by the rest of the name, in its own order."""
    return {
        name.removeprefix(f"{prefix}."): curve(record, f"watched.{name}")
        for name in dict.fromkeys(name for row in record.history for name in row["watched"])
        if name.startswith(f"{prefix}.")
    }


def watched_by(seen: Sequence[Seen], prefix: str) -> dict[str, dict[str, Curve]]:
    """See `watched`, by run; runs without it are left out."""
    return {
        entry.name: terms
        for entry in seen
        if entry.record is not None and (terms := watched(entry.record, prefix))
    }


def by_modalities(
    seen: Sequence[Seen],
) -> list[tuple[tuple[str, ...], dict[str, dict[str, Curve]]]]:
    """Returns what was watched of contributions, by run, in groups of runs of the same modalities, with these."""
    groups: dict[tuple[str, ...], dict[str, dict[str, Curve]]] = {}
    for name, terms in watched_by(seen, "dividend").items():
        groups.setdefault(tuple(term for term in terms if "+" not in term), {})[name] = terms
    return list(groups.items())


def metric_names(records: Sequence[folder.Record]) -> list[str]:
    """The validation metrics that all of some records have."""
    named = [dict.fromkeys(record.history[0]["valid"]) for record in records if record.history]
    return [key for key in named[0] if all(key in entry for entry in named)] if named else []


def main_metric(known: Sequence[str]) -> str:
    """The metric that is shown first: accuracy of classes, mean absolute error of a number."""
    return next((key for key in ("accuracy", "mae") if key in known), known[0] if known else "")


def at_kept(record: folder.Record) -> str:
    """The main metric on the validation rows at the kept epoch, in words."""
    key = main_metric(metric_names([record]))
    if not key or not 0 < record.best_epoch <= len(record.history):
        return ""
    value = record.history[record.best_epoch - 1]["valid"].get(key)
    return "" if value is None else f"{metrics.label(key).short} {value:.3f}"


def clock(seconds: float) -> str:
    """A time since 1970 as a date of this machine."""
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds)) if 0 < seconds < 4e9 else ""


def passes(terms: Mapping[str, Curve]) -> dict[str, int | None]:
    """When each single modality, and the joint terms together, first had `PASSED` of what all terms have by now.

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


HALF, CLEAR = (
    0.5,
    1.96,
)  # of its last value, from which something is there; standard errors that tell it


@dataclass(frozen=True, eq=False)
class Onset:
    """When a watched number came to half of what it is by now.

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


def onsets(record: folder.Record) -> dict[str, Onset]:
    """Returns when the joint terms' part of the contributions, and entanglement, came to half of what they are by now,
    by "joint" and "entanglement"; none of a run that did not watch them."""
    curves = watched(record, "fusing")
    result = {}
    for name in [name for name in curves if f"{name}_error" in curves]:
        (epochs, values), error = curves[name], curves[f"{name}_error"][1]
        level = HALF * values[-1] if len(values) else 0.0
        first, low, high = (
            int(epochs[np.argmax(line >= level)]) if level > 0 and (line >= level).any() else None
            for line in (values, values + CLEAR * error, values - CLEAR * error)
        )
        result[name] = Onset(epochs, values, error, first, low, high)
    return result


def came_first(joint: Onset, entanglement: Onset) -> str:
    """Whether a model was entangled before it fused, or the other way round, as a sentence without its end."""
    if joint.first is None or entanglement.first is None:
        return f"It never {'fuses' if joint.first is None else 'entangles'} beyond zero"
    words = (
        f"the joint part came to half of its last value in epoch {joint.first}, entanglement in epoch "
        f"{entanglement.first}"
    )
    for head, early, late in (
        ("Entanglement came first", entanglement, joint),
        ("The joint part came first", joint, entanglement),
    ):
        if early.high is not None and late.low is not None and early.high < late.low:
            return f"{head}: {words}"
    return f"The rows do not tell which came first: {words}"


def differences(
    plans: Mapping[str, Plan], defaults: Callable[[Plan], Mapping[str, Any]]
) -> tuple[list[str], dict[str, dict[str, str]]]:
    """What is trained and how, of every run.

    Args:
        plans: by name of the run.
        defaults: gives the settings that a plan does not name.

    Returns:
        the rows that are not the same in all runs, and all rows, each by run.
    """
    filled = {
        name: {
            "data": plan.data,
            "model": plan.model,
            "seed": plan.seed,
            **defaults(plan),
            **plan.settings,
            **plan.options,
        }
        for name, plan in plans.items()
    }
    rows = list(dict.fromkeys(key for value in filled.values() for key in value))
    table = {
        key: {name: _words(result.get(key)) for name, result in filled.items()} for key in rows
    }
    return [key for key in rows if len(set(table[key].values())) > 1], table


def _words(value: Any) -> str:
    return (
        ""
        if value is None
        else ", ".join(map(str, value))
        if isinstance(value, list | tuple)
        else str(value)
    )


@default_on_error({})
def defaults(plan: Plan, of_data: Callable[[str], Options]) -> dict[str, Any]:
    """The settings of a plan's model and training as they are when nobody changes them; none where its kind or data are
    not known here."""
    return {**registry.settings(plan.model), **asdict(of_data(plan.data))}


def log_of(run: Run) -> str:
    """The end of what a run's process printed; progress bars as they ended."""
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


@memo(4, says="Loading the data …", stamp=data.stamp)
def dataset_of(name: str) -> data.DataSet:
    """Returns the data that a run was trained on.

    Raises:
        NotFound: when they are a file given by its path, or are not among the data sets here.
    """
    return data.load(choose("Data set", name, [source.name for source in data.available()]))


@default_on_error("")
def loss_of(entry: Seen) -> str:
    """Returns what a run makes small; nothing where neither its plan nor its data say so."""
    assert entry.plan is not None
    return str(entry.plan.options.get("loss") or default_options(dataset_of(entry.plan.data)).loss)


@default_on_error(None)
def counted(entry: Seen) -> tuple[int, int, tuple[int, int, int]] | None:
    """Return the number of rows for training and for validation, and the sizes of `training_watch.watched_sizes`; None
    where the data are not available."""
    assert entry.plan is not None
    dataset = dataset_of(entry.plan.data)
    train, valid = (
        len(dataset.rows(split))
        for split in ("train+valid" if entry.plan.options.get("refit") else "train", "valid")
    )
    return train, valid, training_watch.watched_sizes(train, valid)


def shipped_recipe(data: str, model: str) -> tuple[str, dict[str, Any]]:
    """The name and settings of a shipped model of that kind, trained on those data; none where there is none."""
    for path in sorted(checkpoint.folders()[0].glob("*.json")):
        card = json.loads(path.read_text(encoding="utf-8"))
        if card.get("model") == model and card["data"].get("name") == data:
            known = {**registry.settings(model), **dict.fromkeys(Options.names())}
            return path.stem, {
                key: value
                for key, value in {**card["settings"], **card.get("training", {})}.items()
                if key in known
            }
    return "", {}


def can_write_events() -> bool:
    """Whether event files for TensorBoard can be written here."""
    return importlib.util.find_spec("tensorboard") is not None


# What came out of runs, side by side: epochs, time, and the metrics of the models that they made.


@dataclass(frozen=True, eq=False)
class Results:
    """What came out of some runs.

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

    def by_metric(self) -> pd.DataFrame:
        """Returns a row for each metric and split, a column for each run; mean and standard deviation where only seeds
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


def results_of(runs: Sequence[Seen]) -> Results:
    """Returns what came out of runs; of those that cannot be read, nothing."""
    rows: list[dict[str, Any]] = []
    kinds: set[Hashable] = set()
    sizes: dict[str, tuple[int, int]] = {}
    for run in runs:
        if run.plan is None or run.record is None:
            continue
        record, card = run.record, _card(run)
        row: dict[str, Any] = {
            "run": run.name,
            "seed": run.plan.seed,
            "state": run.words,
            "epochs": record.epoch,
            "kept": record.best_epoch,
            "time": _sentences.duration(sum(float(epoch["seconds"]) for epoch in record.history)),
        }
        if card is not None:
            row["parameters"] = card["parameters"]["total"]
            known = metrics.labels(card["this_seed"]["test"])
            row |= {
                f"{side} {known[key].short if key in known else key}": value
                for key in card["this_seed"]["test"]
                for split, side in (("valid", "validation"), ("test", "test"))
                if isinstance(value := card["this_seed"][split].get(key), int | float)
            }
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
def _card(entry: Seen) -> dict[str, Any] | None:
    """The card of the model that a run made."""
    if not entry.has_model:
        return None
    card = loaded(entry.name).card
    return (
        card
        if isinstance(card.get("this_seed"), dict) and {"valid", "test"} <= set(card["this_seed"])
        else None
    )


# What the Sweeps page knows of sweeps: trials as a table, what matters, a form's words. Free of streamlit.

ENOUGH = 8  # finished trials from which importance is worked out


@dataclass(frozen=True, eq=False)
class Trials:
    """The trials of a sweep as they stood, and those of them that have a value as figures take them.

    Attributes:
        sweep: whose they are. attempts: all of them, in order. best: the best finished one, None when there is none.
        numbers, values, pruned: of those with a value, (n,). tried: by setting, (n,).
        logarithmic: settings whose range is searched over its logarithm.
    """

    sweep: sweeps.Sweep
    attempts: Sequence[sweeps.Attempt]
    best: sweeps.Attempt | None
    numbers: list[int]
    values: np.ndarray
    pruned: np.ndarray
    tried: dict[str, list[Any]]
    logarithmic: tuple[str, ...]

    @property
    def place(self) -> int:
        """Place of the best among those with a value, -1 when there is none."""
        return (
            self.numbers.index(self.best.number)
            if self.best is not None and self.best.number in self.numbers
            else -1
        )

    @property
    def finished(self) -> np.ndarray:
        """Places of the finished trials."""
        return np.flatnonzero(~self.pruned)

    @property
    def judged(self) -> str:
        """What the trials are judged by, for axes."""
        name = self.sweep.search.metric
        return (
            "validation loss"
            if name == "loss"
            else f"validation {metrics.label(name, self._convention).short}"
        )

    @cached_property
    @default_on_error("")
    def _convention(self) -> str:
        """Of the data's metrics, where they are at hand."""
        return data.load(self.sweep.search.data).target.convention

    @property
    def smaller(self) -> bool:
        """Whether smaller values are better."""
        return self.sweep.search.direction == "minimize"

    @cached_property
    def importance(self) -> dict[str, float]:
        """Which share of the differences between finished trials each setting explains (fANOVA, Hutter and others
        2014, ICML); empty with fewer than ENOUGH finished trials, with one setting, or where it is not defined."""
        from optuna.importance import FanovaImportanceEvaluator, get_param_importances

        values = [a.value for a in self.attempts if a.state == sweeps.FINISHED]
        if len(values) < ENOUGH or len(self.sweep.search.space) < 2 or len(set(values)) < 2:
            return {}
        try:
            with warnings.catch_warnings(action="ignore"):
                shares = get_param_importances(
                    self.sweep.study, evaluator=FanovaImportanceEvaluator(seed=0)
                )
        except (ValueError, RuntimeError, ZeroDivisionError):
            return {}
        return (
            {key: float(s) for key, s in shares.items()}
            if all(map(math.isfinite, shares.values()))
            else {}
        )

    def table(self) -> pd.DataFrame:
        """Returns a row a trial, the best first, then those stopped early, then the others."""
        order, sign = list(STATES), 1 if self.smaller else -1
        return pd.DataFrame(
            [
                {
                    "trial": a.number,
                    self.judged: a.value,
                    **{key: _shown_value(a.tried.get(key)) for key in self.sweep.search.space},
                    "epochs": len(a.history),
                    "seconds": round(a.seconds, 1),
                    "state": STATES[a.state],
                    "seed": a.seed,
                    "message": a.message,
                }
                for a in sorted(
                    self.attempts,
                    key=lambda a: (order.index(a.state), sign * (a.value or 0.0), a.number),
                )
            ]
        )


def trials_of(sweep: sweeps.Sweep) -> Trials:
    """Returns the trials of a sweep as they stand now."""
    attempts, best, space = sweep.attempts(), sweep.best(), sweep.search.space
    ended = [
        a
        for a in attempts
        if a.state in (sweeps.FINISHED, sweeps.PRUNED)
        and a.value is not None
        and math.isfinite(a.value)
    ]
    return Trials(
        sweep,
        attempts,
        best,
        [a.number for a in ended],
        np.array([a.value for a in ended], dtype=float),
        np.array([a.state == sweeps.PRUNED for a in ended], dtype=bool),
        {
            key: [
                _shown_value(value) if "choices" in entry else value
                for value in (a.tried.get(key) for a in ended)
            ]
            for key, entry in space.items()
        },
        tuple(key for key, entry in space.items() if entry.get("log")),
    )


def open_trials(name: str = "") -> Trials:
    """Returns the trials of a sweep by its name, of the last changed one unless told.

    Raises:
        NotFound, InvalidInput: when there is no such sweep, or none at all.
        IntegrityError: when what is kept of it is damaged.
    """
    known = quotas.sweep_names()
    check(bool(name or known), "There is no sweep yet. Begin one with `python -m qfusion sweep`.")
    return trials_of(sweeps.find(name or known[0]))


STATES = {
    sweeps.FINISHED: "finished",
    sweeps.PRUNED: "stopped early",
    sweeps.RUNNING: "training",
    sweeps.WAITING: "waiting",
    sweeps.FAILED: "failed",
}


def ranges(rows: Mapping[str, tuple[float, float, bool]]) -> list[str]:
    """Returns `--range` words of settings with their ends and whether they are logarithmic."""
    return [
        f"{key}={_number(low)}:{_number(high)}{':log' if log else ''}"
        for key, (low, high, log) in rows.items()
    ]


def span(default: float, low: float, high: float) -> tuple[float, float, bool]:
    """Returns a range to begin with around a setting's default: low, high, logarithmic."""
    if default > 0 and high / max(low, 1e-12) > 100:
        return max(low, default / 4), min(high, default * 4), True
    return low, min(high, max(4 * abs(default), low + 1)), False


def _number(value: float) -> str:
    return (
        str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
    )


def _shown_value(value: Any) -> Any:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


# The leaderboard: read from the file that the benchmark wrote, checked, and put into tables.

BOARD_FILE = _files.asset_path("leaderboard.json")
CLAIMS_FILE = BOARD_FILE.with_name("claims.json")
MAX_SIZE = 20_000_000  # bytes
REMEDY = "Make it again with `python benchmarks/leaderboard.py`."
CLAIMS_REMEDY = "Make it again with `python benchmarks/replication.py`."
VERDICTS = ("for", "against", "open")
TARGETS = {
    "regression": (
        "mae",
        "corr",
        "r2",
        "acc2_non0",
        "f1_non0",
        "acc2_has0",
        "f1_has0",
        "acc5",
        "acc7",
        "acc2",
        "acc3",
        "f1",
        "sign",
    ),
    "classification": ("accuracy", "f1", "nll"),
}


@dataclass(frozen=True)
class Board:
    """The whole file; see benchmarks/leaderboard_report.py for its form."""

    whole: Mapping[str, Any]

    @property
    def names(self) -> list[str]:
        """The data sets."""
        return list(self.whole["data"])

    def of(self, name: str) -> Mapping[str, Any]:
        """What is known of one data set.

        Raises:
            NotFound: when it is not on the board.
        """
        return self.whole["data"][choose("On the leaderboard, data set", name, self.names)]

    def metrics(self, name: str) -> list[str]:
        """The metrics of a data set, the headline first."""
        entry = self.of(name)
        return [
            entry["headline"],
            *(
                key
                for key in TARGETS[entry["target"]]
                if key != entry["headline"]
                and all(key in row["test"] for row in entry["rows"].values())
            ),
        ]

    def key(self, name: str, short: str = "") -> str:
        """The metric of a data set by what it is called, the headline unless told.

        Raises:
            NotFound: when data set or metric are not on the board.
        """
        shorts = {self.metric(key).short: key for key in self.metrics(name)}
        return shorts[choose("Metric", short, shorts)] if short else str(self.of(name)["headline"])

    def measured(self, name: str) -> dict[str, str]:
        """The models whose robustness is measured on a data set, by what they are called."""
        return {self.label(model): model for model in self.whole["robustness"].get(name, {})}

    def default(self, name: str) -> list[str]:
        """What those of them are called that are no ablations."""
        return [
            label for label, model in self.measured(name).items() if self.role(model) != "ablation"
        ]

    def robust_metrics(self, name: str) -> list[str]:
        """The metrics of a data set's robustness, the headline first."""
        records: list[dict[str, Any]] = next(
            iter(self.whole["robustness"].get(name, {}).values()), []
        )
        return [key for key in self.metrics(name) if records and key in records[0]]

    def label(self, model: str) -> str:
        """What a model is called."""
        return str(self.whole["contenders"][model]["label"])

    def role(self, model: str) -> str:
        """system, ablation, neighbour or baseline."""
        return str(self.whole["contenders"][model]["role"])

    def table(self, name: str, key: str) -> pd.DataFrame:
        """Returns a row for each model, best first.

        Raises:
            NotFound: when data set or metric are not on the board.
        """
        entry = self.of(name)
        choose("Metric", key, self.metrics(name))
        tests = entry["tests"].get(key, {})
        rows = []
        for model, row in entry["rows"].items():
            result = row["test"][key]
            p = {
                f"{called} against {self.label(system)}": tests.get(system, {})
                .get("against", {})
                .get(model, {})
                .get(kind)
                for system in ("qj", "qcnn")
                if system in entry["rows"]
                for called, kind in (("p", "p"), ("adjusted p", "holm"))
            }
            rows.append(
                {
                    "model": model,
                    "label": self.label(model),
                    "role": self.role(model),
                    "mean": result["mean"],
                    "low": result["low"],
                    "high": result["high"],
                    "deviation": result["std"],
                    "seeds": len(row["seeds"]),
                    "parameters": row["parameters"],
                    "after the encoders": row["after_encoders"],
                    "on training rows": row["train"][key],
                    "seconds": row["seconds"],
                    "joint share": row.get("joint", {}).get("mean"),
                    **p,
                }
            )
        frame = pd.DataFrame(rows).sort_values(
            "mean", ascending=not self.metric(key).higher_is_better, kind="stable"
        )
        return frame.astype(
            dict.fromkeys(frame.columns.difference(["model", "label", "role"]), float)
        ).reset_index(drop=True)

    def agreement(self, name: str) -> dict[str, dict[str, float]]:
        """How every model's contributions correlate with the planted ones, by model and combination of modalities;
        nothing where none were planted."""
        return {
            model: {part: float(value) for part, value in row["agreement"].items()}
            for model, row in self.of(name)["rows"].items()
            if "agreement" in row
        }

    def curve(
        self, name: str, model: str, modality: str, key: str
    ) -> tuple[np.ndarray, np.ndarray, dict[str, float]]:
        """Returns levels and values of noise on a modality (or "all"), and the values where it is absent, at its mean,
        swapped."""
        records = [r for r in self.whole["robustness"][name][model] if r["modality"] == modality]
        noise = sorted((float(r["level"]), float(r[key])) for r in records if r["kind"] == "noise")
        return (
            np.array([level for level, _ in noise]),
            np.array([value for _, value in noise]),
            {r["kind"]: float(r[key]) for r in records if r["kind"] != "noise"},
        )

    @staticmethod
    def metric(key: str) -> Label:
        """How a metric is shown."""
        return metrics.describe[key]

    @property
    def made(self) -> str:
        """When, where and with what it was measured."""
        return ", ".join(
            [
                self.whole["date"],
                self.whole["machine"],
                *(f"{name} {number}" for name, number in self.whole["versions"].items()),
            ]
        )


@contextlib.contextmanager
def _record_in(path: Path, what: str, number: int, remedy: str) -> Iterator[Any]:
    """Yields what a file of ours holds; whatever the block cannot read of it, it does not hold `what` it should."""
    with translate_errors(
        f"{path.name} cannot be read as {what}",
        remedy,
        *(OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError),
        error=IntegrityError,
        why="{words:.120}",
    ):
        check(path.stat().st_size <= MAX_SIZE, f"{path.name} is too large for {what}. {remedy}")
        whole = json.loads(path.read_text(encoding="utf-8"))
        check(whole["format"] == number, f"{path.name} has another format. {remedy}")
        yield whole


def read_board(path: Path | None = None) -> Board:
    """Returns the board in a file, BOARD_FILE unless given.

    Raises:
        NotFound: when there is none yet.
        IntegrityError: when the file does not hold one.
    """
    path = path or BOARD_FILE
    check(
        path.is_file(),
        f"There is no leaderboard yet ({path.name} is missing). {REMEDY}",
        NotFound,
    )
    with _record_in(path, "a leaderboard", 1, REMEDY) as whole:
        board = Board(whole)
        for name in board.names:
            board.table(name, board.of(name)["headline"])
            _ = (float(board.of(name).get("planted_joint", 0)), board.agreement(name))
            for model in whole["robustness"].get(name, {}):
                board.curve(name, model, "all", board.robust_metrics(name)[0])
        _ = (
            board.made,
            whole["published"]["rows"],
            [(claim["sentence"], claim["primary"]) for claim in whole["claims"]["parameters"]],
            whole["summaries"]["parameters"],
        )
    return board


@memo(1, stamp=lambda: (BOARD_FILE, written(BOARD_FILE)))
def open_board() -> Board:
    """Returns the board that comes with the program, shared; read anew when its file changes.

    Raises:
        NotFound, IntegrityError: when there is none, or it is broken.
    """
    return read_board()


@dataclass(frozen=True)
class Tested:
    """What came out of one claim about quantum jumps; see benchmarks/replication_report.py.

    Attributes:
        claim: in words. sentence: its effect averaged over data sets, with interval and verdict.
        verdict: of the primary outcome: "for", "against" or "open".
        data: what was measured on each data set, in words.
    """

    claim: str
    sentence: str
    verdict: str
    data: Mapping[str, str]


def tested(path: Path | None = None) -> tuple[list[Tested], str]:
    """Returns the claims about quantum jumps as they were tested, and how; nothing where they have not been.

    Args:
        path: of the file, CLAIMS_FILE unless given.

    Raises:
        IntegrityError: when the file does not hold them.
    """
    path = path or CLAIMS_FILE
    if not path.is_file():
        return [], ""
    with _record_in(path, "tests of claims", 3, CLAIMS_REMEDY) as whole:
        return [
            Tested(
                str(c["claim"]),
                str(c["sentence"]),
                str(choose("Verdict", c["verdict"], VERDICTS)),
                {str(k): str(v) for k, v in c["data"].items()},
            )
            for c in whole["claims"]
        ], f"{whole['method']} Measured {whole['date']} by {whole['command']}."
