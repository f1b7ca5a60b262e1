"""Sweeps: many trainings that try settings, by Optuna (Akiba and others 2019), in any number of processes and machines.

A sweep is a study in a storage that all of them reach: a journal file or a database (`sweep_storage`). Its trials are
distributed by `sweep_slots`.
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

from qfusion import _read_only, data as sources
from qfusion._checks import check, require_number
from qfusion._lazy import Library
from qfusion.errors import IntegrityError, QFusionError
from qfusion.runs import (
    cluster,
    plans,
    quotas,
    run_names,
    run_process,
    search_space,
    training_queue,
)
from qfusion.runs.sweep_slots import BEAT, claim_trial, hold_worker_lock, slot_trials
from qfusion.runs.sweep_storage import journal_path, open_study
from qfusion.training import Progress, metrics, prepare

if TYPE_CHECKING:
    import optuna.storages.journal
else:
    optuna = Library("optuna")

# Sweeps themselves.

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
    """Current state of a trial of a sweep.

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
    """A sweep by its name and its storage. Several processes may hold the same sweep."""

    name: str
    storage: str
    search: search_space.Search
    trials: int
    study: optuna.Study

    def attempts(self) -> list[Attempt]:
        """Return all trials, in the order of their places."""
        return [
            _make_attempt(number, trial, self.search)
            for number, trial in sorted(slot_trials(self.study).items(), key=lambda held: held[0])
        ]

    def best(self) -> Attempt | None:
        """Return the best of the finished trials, the first among equals, or None if there is none yet."""
        finished = [a for a in self.attempts() if a.state == FINISHED and a.value is not None]
        sign = 1 if self.search.direction == "minimize" else -1
        return min(finished, key=lambda a: sign * (a.value or 0.0), default=None)

    def settings(self, attempt: Attempt) -> dict[str, Any]:
        """Return all settings of a trial that differ from the defaults."""
        return search_space.trial_settings(self.search, attempt.tried)

    def command(self, attempt: Attempt) -> str:
        """Return the command that repeats the training of a trial."""
        settings = [
            f"{key}={value if isinstance(value, str) else json.dumps(value)}"
            for key, value in self.settings(attempt).items()
        ]
        return shlex.join(
            [
                *("python", "-m", "qfusion", "train"),
                *("--data", self.search.data, "--model", self.search.model),
                *("--seed", str(attempt.seed)),
                *(word for setting in settings for word in ("--set", setting)),
                *("--name", f"{self.name}-best"),
            ]
        )

    @property
    def is_done(self) -> bool:
        """Whether every trial has ended."""
        states = [a.state for a in self.attempts()]
        return len(states) >= self.trials and not {WAITING, RUNNING} & set(states)


def begin(name: str, search: search_space.Search, trials: int, where: str = "") -> Sweep:
    """Return a sweep, created if there is none. The number of trials of an existing sweep can be raised.

    Args:
        name: of the sweep.
        search: see `search_space.read_search`.
        trials: how many there shall be in all.
        where: a journal file or the address of a database, see `journal`; empty: among the user's runs.

    Raises:
        InvalidInput: when a sweep of that name searches something else, or other data.
    """
    _read_only.check_allowed("begin a sweep")
    require_number("trials", trials, 1, MAX_TRIALS)
    study = open_study(name, where, search.direction)
    if "search" not in study.user_attrs:
        study.set_user_attr("search", asdict(search))
    known = _search(study, name)
    for key in ("model", "metric", "space", "settings", "seed", "digest"):
        theirs = getattr(known, key)
        what = "`data`: other data" if key == "digest" else f"`{key}`: {f'{theirs!r}'[:120]}"
        check(
            getattr(search, key) == theirs,
            f"Sweep {name} was begun with another {what}. Choose another name, or give the same.",
        )
    study.set_user_attr("trials", max(int(trials), int(study.user_attrs.get("trials", 0))))
    return replace(find(name, where), search=search)


def find(name: str, where: str = "") -> Sweep:
    """Return an existing sweep.

    Raises:
        NotFound: when there is none.
        IntegrityError: when what is kept of it is damaged.
    """
    study = open_study(name, where)
    number = study.user_attrs.get("trials", 0)
    check(
        isinstance(number, int) and 0 <= number <= MAX_TRIALS,
        f"Sweep {name} has no number of trials. Choose another name.",
        IntegrityError,
    )
    return Sweep(name, where, _search(study, name), number, study)


def run_trials(
    sweep: Sweep,
    on_epoch: Callable[[int, Progress], None] = lambda number, progress: None,
    queued: bool = False,
    once: bool = False,
) -> None:
    """Try settings until every trial of the sweep has ended or is another process's.

    Args:
        sweep: made by `begin` or `find`.
        on_epoch: called after each epoch with the trial's number.
        queued: wait until a processor is free, see `training_queue.hold_slot`.
        once: end with the first of them.

    Raises:
        InvalidInput: when the data are not those that the sweep was begun with.
    """
    dataset = sources.load(sweep.search.data)
    check(
        dataset.digest == sweep.search.digest,
        f"Data set {dataset.name} is not the one that sweep {sweep.name} was begun with. Begin a new sweep.",
    )
    wanted = (
        training_queue.hold_slot(lambda: not sweep.study.user_attrs.get("stopped"), sweep.name)
        if queued
        else contextlib.nullcontext(True)
    )
    with hold_worker_lock(sweep.name) as worker, wanted as free:
        while free and (claimed := claim_trial(sweep.study, sweep.trials, worker)) is not None:
            _try(sweep, *claimed, dataset, on_epoch)
            free = not once


def run_trials_on_cluster(client: Any, sweep: Sweep, on_trial: Callable[[], None]) -> None:
    """Run trials on the workers of a cluster until every trial has ended or the sweep is stopped.

    Args:
        client: of `cluster.connect`, whose workers reach the storage of the sweep. on_trial: called after each trial.
    """
    path = journal_path(sweep.name, sweep.storage)
    words = [(sweep.name, str(path.absolute()) if path else sweep.storage)] * sweep.trials
    while True:
        for _ in cluster.map_parts(client, _work_once, words, ordered=False):
            on_trial()
        if sweep.is_done or sweep.study.user_attrs.get("stopped"):
            return
        time.sleep(BEAT)  # a trial of another machine that has gone is not given up yet


def _work_once(name: str, where: str) -> None:
    run_trials(find(name, where), once=True)


def stop(sweep: Sweep) -> None:
    """Ask all processes to leave the sweep at the end of their current epoch. A process that resumes it starts their
    trials again.
    """
    _read_only.check_allowed("stop a sweep")
    sweep.study.set_user_attr("stopped", True)


def resume(sweep: Sweep) -> None:
    """Withdraw the request to stop."""
    _read_only.check_allowed("go on with a sweep")
    if sweep.study.user_attrs.get("stopped"):
        sweep.study.set_user_attr("stopped", False)


def launch_worker(name: str, where: str = "") -> subprocess.Popen[bytes]:
    """Start a process that takes part in an existing sweep and continues when this one ends. Return at once."""
    quotas.sweeps_folder().mkdir(parents=True, exist_ok=True)
    return run_process.start_process(
        ["sweep", "--name", name, *(["--storage", where] if where else []), "--queue", "--json"],
        quotas.sweeps_folder() / f".{run_names.check_name(name)}.log",
    )


def _try(
    sweep: Sweep,
    trial: optuna.Trial,
    number: int,
    dataset: sources.DataSet,
    on_epoch: Callable[[int, Progress], None],
) -> None:
    """Train one trial and say how it ended; one that another process has given up ends without a word."""
    # also of one that is stopped by hand, or by a defect: its place is settled anew
    outcome: tuple[float | None, optuna.trial.TrialState] = None, optuna.trial.TrialState.FAIL
    try:
        outcome = train_trial(sweep, trial, number, dataset, on_epoch)
    except optuna.exceptions.UpdateFinishedTrialError:
        pass
    except (QFusionError, MemoryError, torch.OutOfMemoryError) as error:
        with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError):
            trial.set_user_attr("error", str(error)[:400] or type(error).__name__)
    finally:
        # it may have been given up
        with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError, ValueError):
            sweep.study.tell(trial, *outcome)


def train_trial(
    sweep: Sweep,
    trial: optuna.Trial,
    number: int,
    dataset: sources.DataSet,
    on_epoch: Callable[[int, Progress], None],
) -> tuple[float | None, optuna.trial.TrialState]:
    """Return the value of the epoch that a training keeps, or None if it is pruned or the sweep is to stop, and the
    state in which it ended.
    """
    search, study = sweep.search, sweep.study
    # the first five trials are never pruned
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)
    # drawn by place, however many processes there are
    study.sampler = optuna.samplers.TPESampler(seed=search.seed + number, multivariate=False)
    plan = plans.make_plan(
        search.data,
        search.model,
        search_space.suggest_settings(search, trial),
        search.seed + number,
    )
    fit = prepare(plan.model, dataset, plan.settings, plan.options, plan.seed)
    last = time.monotonic()

    def beat(_: int, __: int) -> None:
        nonlocal last
        if time.monotonic() - last > BEAT:
            last = time.monotonic()
            trial.set_user_attr("beat", time.time())

    while not fit.done:
        progress = fit.epoch(beat)
        assert progress is not None
        trial.report(_value(search, progress), progress.epoch)
        on_epoch(number, progress)
        if not fit.done and trial.should_prune():
            return None, optuna.trial.TrialState.PRUNED
        if study.user_attrs.get("stopped"):
            return None, optuna.trial.TrialState.FAIL
    return _value(search, fit.history[fit.best_epoch - 1]), optuna.trial.TrialState.COMPLETE


def _value(search: search_space.Search, progress: Progress) -> float:
    return (
        progress.valid_loss
        if search.metric == search_space.LOSS
        else float(progress.valid[search.metric])
    )


def _search(study: optuna.Study, name: str) -> search_space.Search:
    try:
        search = search_space.Search(**study.user_attrs["search"])
        good = (
            all(isinstance(text, str) for text in (search.data, search.model, search.digest))
            and isinstance(search.seed, int)
            and search.metric in (search_space.LOSS, *metrics.LABELS)
            and isinstance(search.settings, dict)
            and all(
                "choices" in entry or {"low", "high", "log", "whole"} <= entry.keys()
                for entry in search.space.values()
            )
        )
    except (KeyError, TypeError, AttributeError):
        good = False
    check(
        good,
        f"What sweep {name} searches cannot be read. Choose another name.",
        IntegrityError,
    )
    return search


def _make_attempt(
    number: int, trial: optuna.trial.FrozenTrial, search: search_space.Search
) -> Attempt:
    history = tuple(trial.intermediate_values[epoch] for epoch in sorted(trial.intermediate_values))
    state = _STATES[trial.state.name]
    end = trial.datetime_complete.timestamp() if trial.datetime_complete else time.time()
    begin = trial.datetime_start.timestamp() if trial.datetime_start else end
    return Attempt(
        number=number,
        state=state,
        value=history[-1]
        if history and state in (PRUNED, RUNNING)
        else trial.value
        if state == FINISHED
        else None,
        tried=dict(trial.params),
        seed=search.seed + number,
        history=history,
        seconds=max(0.0, end - begin),
        message=str(trial.user_attrs.get("error", "")),
    )
