"""Sweeps: many trainings that try settings, by Optuna (Akiba and others 2019), in as many processes on as many machines
as take part.

A sweep is a study in a storage that all of them reach; `trial_slots` says how they share its trials.
"""

from __future__ import annotations

import contextlib
import json
import shlex
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from qfusion import _limits
from qfusion import data as sources
from qfusion._checks import check, require_number
from qfusion.data import DataSet
from qfusion.errors import IntegrityError, QFusionError
from qfusion.models import registry
from qfusion.runs import folder, plans, storage
from qfusion.runs.plans import LOSS, Search
from qfusion.training import Progress, default_options, metrics, prepare

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

STARTING = 5  # trials that are never pruned
MAX_TRIALS = 10_000
WAITING, RUNNING, FINISHED, PRUNED, FAILED = "waiting", "running", "finished", "pruned", "failed"
_STATES = {
    "WAITING": WAITING,
    "RUNNING": RUNNING,
    "COMPLETE": FINISHED,
    "PRUNED": PRUNED,
    "FAIL": FAILED,
}


@dataclass(frozen=True)
class Attempt:
    """A trial of a sweep as it stands.

    Attributes:
        number: of its place in the sweep, from 0.
        state: "waiting", "running", "finished", "pruned" (stopped early, as it did worse than the median) or "failed"
            (with an error).
        value: what it is judged by; of one that was pruned, at its last epoch; None where there is none.
        tried: the searched settings.
        seed: of its training.
        history: the value after each epoch.
        seconds: it has taken.
        message: the error, where there is one.
    """

    number: int
    state: str
    value: float | None
    tried: Mapping[str, Any]
    seed: int
    history: tuple[float, ...]
    seconds: float
    message: str


@dataclass(frozen=True)
class Sweep:
    """A sweep by its name and where it is kept; several processes may hold one."""

    name: str
    storage: str
    search: Search
    trials: int
    study: Study

    def attempts(self) -> list[Attempt]:
        """Returns all trials, in the order of their places."""
        owners = storage.owners(self.study)
        return [_attempt(number, owners[number], self.search) for number in sorted(owners)]

    def best(self) -> Attempt | None:
        """Returns the best of the finished trials, the first among equals; None when there is none yet."""
        finished = [a for a in self.attempts() if a.state == FINISHED and a.value is not None]
        sign = 1 if self.search.direction == "minimize" else -1
        return min(finished, key=lambda a: sign * (a.value or 0.0), default=None)

    def settings(self, attempt: Attempt) -> dict[str, Any]:
        """Returns all settings of a trial that differ from the defaults."""
        return plans.settings_of(self.search, attempt.tried)

    def command(self, attempt: Attempt) -> str:
        """Returns the command that trains what a trial trained."""
        words = [
            "python",
            "-m",
            "qfusion",
            "train",
            "--data",
            self.search.data,
            "--model",
            self.search.model,
            "--seed",
            str(attempt.seed),
        ]
        for key, value in self.settings(attempt).items():
            words += ["--set", f"{key}={value if isinstance(value, str) else json.dumps(value)}"]
        return shlex.join([*words, "--name", f"{self.name}-best"])

    @property
    def is_done(self) -> bool:
        """Whether every trial has ended."""
        states = [a.state for a in self.attempts()]
        return len(states) >= self.trials and not {WAITING, RUNNING} & set(states)


def begin(name: str, search: Search, trials: int, where: str = "") -> Sweep:
    """Returns a sweep, made where there is none; of one that is there, the number of trials may be raised.

    Args:
        name: of the sweep.
        search: see `space.read`.
        trials: how many there shall be in all.
        where: a journal file or the address of a database, see `storage.journal`; empty: among the user's runs.

    Raises:
        InvalidInput: when a sweep of that name searches something else, or other data.
    """
    _limits.refuse("begin a sweep")
    require_number("trials", trials, 1, MAX_TRIALS)
    if storage.check_name(name) not in storage.names():
        storage.check_room()
        storage.check_queue()
    study = storage.open_study(name, where, search.direction)
    if "search" not in study.user_attrs:
        study.set_user_attr("search", asdict(search))
    known = _search(study, name)
    for key, mine, theirs in (
        (key, getattr(search, key), getattr(known, key))
        for key in ("model", "metric", "space", "settings", "seed", "digest")
    ):
        what = "data" if key == "digest" else key
        shown = "other data" if key == "digest" else f"{theirs!r}"[:120]
        check(
            mine == theirs,
            f"Sweep {name} was begun with another `{what}`: {shown}. Choose another name, or give the same.",
        )
    study.set_user_attr("trials", max(int(trials), int(study.user_attrs.get("trials", 0))))
    return replace(find(name, where), search=search)


def find(name: str, where: str = "") -> Sweep:
    """Returns a sweep that was begun.

    Raises:
        NotFound: when there is none.
        IntegrityError: when what is kept of it is damaged.
    """
    study = storage.open_study(name, where)
    attrs = study.user_attrs
    number = attrs.get("trials", 0)
    if not isinstance(number, int) or not 0 <= number <= MAX_TRIALS:
        raise IntegrityError(f"Sweep {name} has no number of trials. Choose another name.")
    return Sweep(name, where, _search(study, name), number, study)


def work(
    sweep: Sweep,
    on_trial: Callable[[Attempt], None] = lambda _: None,
    on_epoch: Callable[[int, Progress], None] = lambda number, progress: None,
    queued: bool = False,
) -> None:
    """Tries settings until every trial of the sweep has ended or is another process's.

    Args:
        sweep: made by `begin` or `find`.
        on_trial: called after each trial of this process.
        on_epoch: called after each epoch with the trial's number.
        queued: wait until a processor is free, see `queue.slot`.

    Raises:
        InvalidInput: when the data are not those that the sweep was begun with.
    """
    dataset = sources.load(sweep.search.data)
    check(
        dataset.digest == sweep.search.digest,
        f"Data set {dataset.name} is not the one that sweep {sweep.name} was begun with. Begin a new sweep.",
    )
    wanted = (
        folder.slot(lambda: not sweep.study.user_attrs.get("stopped"), sweep.name)
        if queued
        else contextlib.nullcontext(True)
    )
    with storage.alive(sweep.name) as worker, wanted as free:
        while free and (claimed := storage.claim(sweep.study, sweep.trials, worker)) is not None:
            trial, number = claimed
            _try(sweep, trial, number, dataset, on_epoch)
            owner = storage.owners(sweep.study).get(number)
            if owner is not None:
                on_trial(_attempt(number, owner, sweep.search))


def stop(sweep: Sweep) -> None:
    """Asks all processes to leave the sweep at the end of the epoch they are at; who goes on with it begins their
    trials again."""
    _limits.refuse("stop a sweep")
    sweep.study.set_user_attr("stopped", True)


def go_on(sweep: Sweep) -> None:
    """Takes back that it shall stop."""
    _limits.refuse("go on with a sweep")
    if sweep.study.user_attrs.get("stopped"):
        sweep.study.set_user_attr("stopped", False)


def launch(name: str, where: str = "") -> subprocess.Popen[bytes]:
    """Starts a process that takes part in a sweep that was begun, and goes on when this one ends; returns at once."""
    storage.sweeps_folder().mkdir(parents=True, exist_ok=True)
    words = ["sweep", "--name", name, *(["--storage", where] if where else []), "--queue", "--json"]
    return plans.start_process(words, storage.sweeps_folder() / f".{storage.check_name(name)}.log")


class _Stopped(Exception):
    """The sweep shall stop."""


def _try(
    sweep: Sweep,
    trial: Trial,
    number: int,
    dataset: DataSet,
    on_epoch: Callable[[int, Progress], None],
) -> None:
    """Trains one trial and says how it ended; one that another process has given up ends without a word."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    def tell(state: TrialState, value: float | None = None) -> None:
        with contextlib.suppress(UpdateFinishedTrialError, ValueError):  # it was given up
            sweep.study.tell(trial, value, state)

    try:
        value = _trained(sweep, trial, number, dataset, on_epoch)
    except (UpdateFinishedTrialError, _Stopped):
        tell(TrialState.FAIL)
    except (QFusionError, MemoryError, torch.OutOfMemoryError) as error:
        with contextlib.suppress(UpdateFinishedTrialError):
            trial.set_user_attr("error", str(error)[:400] or type(error).__name__)
        tell(TrialState.FAIL)
    except BaseException:  # stopped by hand, or a defect: the place is settled anew
        tell(TrialState.FAIL)
        raise
    else:
        tell(TrialState.PRUNED if value is None else TrialState.COMPLETE, value)


def _trained(
    sweep: Sweep,
    trial: Trial,
    number: int,
    dataset: DataSet,
    on_epoch: Callable[[int, Progress], None],
) -> float | None:
    """Returns the value of the epoch that a training keeps; None when it is pruned."""
    from optuna.pruners import MedianPruner
    from optuna.samplers import TPESampler

    search, study = sweep.search, sweep.study
    study.pruner = MedianPruner(n_startup_trials=STARTING, n_warmup_steps=2)
    # drawn by place, however many processes there are
    study.sampler = TPESampler(seed=search.seed + number, multivariate=False)
    plan = plans.plan(search.data, search.model, plans.suggest(search, trial), search.seed + number)
    options = replace(default_options(dataset), **plan.options)
    fit = prepare(plan.model, dataset, plan.settings, options, plan.seed)
    last = time.monotonic()

    def beat(_: int, __: int) -> None:
        nonlocal last
        if time.monotonic() - last > storage.BEAT:
            last = time.monotonic()
            trial.set_user_attr("beat", time.time())

    while not fit.done:
        progress = fit.epoch(beat)
        assert progress is not None
        trial.report(_value(search, progress), progress.epoch)
        on_epoch(number, progress)
        if not fit.done and trial.should_prune():
            return None
        if study.user_attrs.get("stopped"):
            raise _Stopped
    return _value(search, fit.history[fit.best_epoch - 1])


def _value(search: Search, progress: Progress) -> float:
    return progress.valid_loss if search.metric == LOSS else float(progress.valid[search.metric])


def _search(study: Study, name: str) -> Search:
    try:
        search = Search(**{"edition": 1, **study.user_attrs["search"]})
        search = replace(
            search,
            settings=registry.upgraded(search.model, search.settings, search.edition),
            edition=registry.EDITION,
        )
        good = (
            all(isinstance(text, str) for text in (search.data, search.model, search.digest))
            and isinstance(search.seed, int)
            and search.metric in (LOSS, *metrics.describe)
            and isinstance(search.settings, dict)
            and all(
                "choices" in entry or {"low", "high", "log", "whole"} <= entry.keys()
                for entry in search.space.values()
            )
        )
    except (KeyError, TypeError, AttributeError):
        good = False
    if not good:
        raise IntegrityError(f"What sweep {name} searches cannot be read. Choose another name.")
    return search


def _attempt(number: int, trial: FrozenTrial, search: Search) -> Attempt:
    history = tuple(trial.intermediate_values[epoch] for epoch in sorted(trial.intermediate_values))
    took = 0.0
    if trial.datetime_start is not None:
        took = max(
            0.0,
            (trial.datetime_complete.timestamp() if trial.datetime_complete else time.time())
            - trial.datetime_start.timestamp(),
        )
    state = _STATES[trial.state.name]
    value = (
        trial.value
        if state == FINISHED
        else history[-1]
        if state in (PRUNED, RUNNING) and history
        else None
    )
    return Attempt(
        number,
        state,
        value,
        dict(trial.params),
        search.seed + number,
        history,
        took,
        str(trial.user_attrs.get("error", "")),
    )
