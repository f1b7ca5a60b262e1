"""Sweeps: many trainings that try settings, by Optuna (Akiba and others 2019), in any number of processes and machines.

A sweep is a study in a database that all of them reach (`sweep_storage`). Optuna gives each process its trials, and
repeats those whose process is gone.
"""

from __future__ import annotations

import json
import shlex
import subprocess
import time
import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import torch

from qfusion import _read_only, data as sources
from qfusion._checks import check, require_number
from qfusion._lazy import Library
from qfusion.errors import IntegrityError, QFusionError
from qfusion.plugins.sweeps import search_space, sweep_storage
from qfusion.runs import cluster, folder, plans
from qfusion.training import Progress, metrics, prepare

if TYPE_CHECKING:
    import optuna.storages
else:
    optuna = Library("optuna")

MAX_TRIALS = 10_000
POLL = 1.0  # seconds between two looks at the trials of other processes
_SURPLUS = "surplus"  # marks a trial beyond the number of trials
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
        """Return all trials that were begun, in the order of their places; of one that was repeated, the last."""
        return [
            _make_attempt(place, trial, self.search)
            for place, trial in sorted(_places(self.study).items())
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

    @property
    def is_stopped(self) -> bool:
        """Whether its processes are asked to leave it."""
        return bool(self.study.user_attrs.get("stopped"))


def begin(name: str, search: search_space.Search, trials: int, where: str = "") -> Sweep:
    """Return a sweep, created if there is none. The number of trials of an existing sweep can be raised.

    Args:
        name: of the sweep.
        search: see `search_space.read_search`.
        trials: how many there shall be in all.
        where: the address of a database, see `sweep_storage.storage_address`; empty: among the user's runs.

    Raises:
        InvalidInput: when a sweep of that name searches something else, or other data.
    """
    _read_only.check_allowed("begin a sweep")
    require_number("trials", trials, 1, MAX_TRIALS)
    study = sweep_storage.open_study(name, where, search.direction)
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
    study = sweep_storage.open_study(name, where)
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
    once: bool = False,
) -> None:
    """Try settings until every trial of the sweep has ended, or it is stopped.

    Args:
        sweep: made by `begin` or `find`.
        on_epoch: called after each epoch with the trial's number.
        once: end after one trial, or when no trial is left to be begun.

    Raises:
        InvalidInput: when the data are not those that the sweep was begun with.
    """
    dataset = sources.load(sweep.search.data)
    check(
        dataset.digest == sweep.search.digest,
        f"Data set {dataset.name} is not the one that sweep {sweep.name} was begun with. Begin a new sweep.",
    )

    def objective(trial: optuna.Trial) -> float:
        place = _place_of(sweep, trial)
        try:
            return train_trial(sweep, trial, place, dataset, on_epoch)
        except (QFusionError, MemoryError, torch.OutOfMemoryError) as error:
            trial.set_user_attr("error", str(error)[:400] or type(error).__name__)
            raise
        except (optuna.TrialPruned, optuna.exceptions.UpdateFinishedTrialError):
            raise
        except (
            BaseException
        ):  # it is stopped, by hand or by a defect, and repeated when the sweep goes on
            repeat_trial(sweep.study, sweep.study.get_trials(deepcopy=False)[trial.number])
            raise

    while not (sweep.is_stopped or sweep.is_done):
        release_lost_trials(sweep)
        attempts = sweep.attempts()
        is_begun = len(attempts) >= sweep.trials
        if not is_begun or any(attempt.state == WAITING for attempt in attempts):
            _optimize(sweep.study, objective)
        elif not once:
            time.sleep(POLL)  # the others are at work
        if once:
            return


class _Left(Exception):
    """A trial that is left before its end, since the sweep is stopped, or beyond the number of trials."""


def _optimize(study: optuna.Study, objective: Callable[[optuna.Trial], float]) -> None:
    """Try one trial; one that other processes have given up meanwhile ends without a word."""
    ends = (_Left, QFusionError, MemoryError, torch.OutOfMemoryError)
    try:
        study.optimize(objective, n_trials=1, catch=ends)
    except optuna.exceptions.UpdateFinishedTrialError:
        pass
    except ValueError as error:
        if not str(error).startswith("Cannot tell a"):
            raise


def repeat_trial(study: optuna.Study, trial: optuna.trial.FrozenTrial) -> None:
    """Add a trial with the settings of one that is left."""
    with warnings.catch_warnings(action="ignore"):  # it is called experimental
        optuna.storages.RetryFailedTrialCallback()(study, trial)


def _place_of(sweep: Sweep, trial: optuna.Trial) -> int:
    """Return the place of a trial in the sweep.

    Raises:
        _Left: when other processes have begun all of them meanwhile.
    """
    held = _places(sweep.study)
    place = next(place for place, one in held.items() if one.number == trial.number)
    if place >= sweep.trials:
        trial.set_user_attr(_SURPLUS, True)
        raise _Left
    return place


def _places(study: optuna.Study) -> dict[int, optuna.trial.FrozenTrial]:
    """Return the last trial of each place. Those that repeat one another have the same place."""
    originals: dict[int, int] = {}
    held = {}
    for trial in study.get_trials(deepcopy=False):
        if _SURPLUS in trial.user_attrs:
            continue
        first = trial.system_attrs.get("failed_trial", trial.number)  # by RetryFailedTrialCallback
        place = originals.setdefault(first, len(originals))
        held[place] = trial
    return held


def release_lost_trials(sweep: Sweep) -> None:
    """Have trials repeated whose process is gone, by their last sign of life."""
    with (
        sweep_storage.translate_database_errors(sweep.name),
        warnings.catch_warnings(action="ignore"),  # it is called experimental
    ):
        optuna.storages.fail_stale_trials(sweep.study)


def run_trials_on_cluster(client: Any, sweep: Sweep, on_trial: Callable[[], None]) -> None:
    """Run trials on the workers of a cluster until every trial has ended or the sweep is stopped.

    Args:
        client: of `cluster.connect`, whose workers reach the storage of the sweep. on_trial: called after each trial.
    """
    words = [(sweep.name, sweep_storage.storage_address(sweep.name, sweep.storage))] * sweep.trials
    while True:
        for _ in cluster.map_parts(client, _work_once, words, ordered=False):
            on_trial()
        if sweep.is_done or sweep.is_stopped:
            return
        time.sleep(POLL)  # a trial whose worker has gone is not given up yet


def _work_once(name: str, where: str) -> None:
    run_trials(find(name, where), once=True)


def stop(sweep: Sweep) -> None:
    """Ask all processes to leave the sweep at the end of their current epoch. A process that resumes it starts their
    trials again.
    """
    _read_only.check_allowed("stop a sweep")
    with sweep_storage.translate_database_errors(sweep.name):
        sweep.study.set_user_attr("stopped", True)


def resume(sweep: Sweep) -> None:
    """Withdraw the request to stop."""
    _read_only.check_allowed("go on with a sweep")
    if sweep.is_stopped:
        with sweep_storage.translate_database_errors(sweep.name):
            sweep.study.set_user_attr("stopped", False)


def launch_worker(name: str, where: str = "") -> subprocess.Popen[bytes]:
    """Start a process that takes part in an existing sweep and continues when this one ends. Return at once."""
    sweep_storage.sweeps_folder().mkdir(parents=True, exist_ok=True)
    return plans.start_process(
        [
            *plans.COMMAND,
            "sweep",
            "--name",
            name,
            *(["--storage", where] if where else []),
            "--json",
        ],
        sweep_storage.sweeps_folder() / f".{folder.check_name(name)}.log",
    )


def train_trial(
    sweep: Sweep,
    trial: optuna.Trial,
    place: int,
    dataset: sources.DataSet,
    on_epoch: Callable[[int, Progress], None],
) -> float:
    """Return the value of the epoch that a training keeps.

    Raises:
        TrialPruned: when it does worse than the median of the others. _Left: when the sweep is to stop.
    """
    search, study = sweep.search, sweep.study
    # the first five trials are never pruned
    study.pruner = optuna.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)
    # drawn by place, however many processes there are
    study.sampler = optuna.samplers.TPESampler(seed=search.seed + place, multivariate=False)
    plan = plans.make_plan(
        search.data,
        search.model,
        search_space.suggest_settings(search, trial),
        search.seed + place,
    )
    fit = prepare(plan.model, dataset, plan.settings, plan.options, plan.seed)
    while not fit.done:
        progress = fit.epoch()
        assert progress is not None
        trial.report(_value(search, progress), progress.epoch)
        on_epoch(place, progress)
        if not fit.done and trial.should_prune():
            raise optuna.TrialPruned
        if not fit.done and sweep.is_stopped:
            raise _Left
    return _value(search, fit.history[fit.best_epoch - 1])


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
    value = None
    if history and state in (PRUNED, RUNNING):
        value = history[-1]
    elif state == FINISHED:
        value = trial.value
    return Attempt(
        number=number,
        state=state,
        value=value,
        tried=dict(trial.params),
        seed=search.seed + number,
        history=history,
        seconds=max(0.0, end - begin),
        message=str(trial.user_attrs.get("error", "")),
    )
