"""The slots of a sweep's trials, so that no trial is lost with its process and none is counted twice.

A sweep has a slot for each of its trials, 0 to N - 1, and every trial of its study belongs to one.

    settle   marks trials whose process is gone as failed, and puts a new one with the same settings in the slot of each
    claim    takes a waiting trial; where two are in one slot, the one with the lower number holds it, and the other is
             dropped

Any process does both before every trial. Lock files show which processes of one machine are alive; processes of another
machine write a time stamp.
"""

from __future__ import annotations

import contextlib
import hashlib
import secrets
import socket
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from filelock import FileLock

from qfusion._lazy import Library
from qfusion.runs import file_locks, quotas

if TYPE_CHECKING:
    import optuna.storages.journal
else:
    optuna = Library("optuna")


BEAT = 30.0  # seconds between two signs of life for other machines
SILENT = 600.0  # seconds without one after which another machine's trial is given up


@contextlib.contextmanager
def hold_worker_lock(name: str) -> Iterator[dict[str, str]]:
    """Context manager that yields the mark for the trials of this process and holds a lock while the process lives."""
    quotas.sweeps_folder().mkdir(parents=True, exist_ok=True)
    worker = {"host": machine_id(), "lock": f".{name}.{secrets.token_hex(6)}.lock"}
    path = quotas.sweeps_folder() / worker["lock"]
    try:
        with FileLock(path, is_singleton=False):
            yield worker
    finally:
        path.unlink(missing_ok=True)


def machine_id() -> str:
    """Return a mark of this machine and folder of runs: where locks say who is alive."""
    return hashlib.sha256(
        f"{socket.gethostname()}/{uuid.getnode()}/{quotas.sweeps_folder().absolute()}".encode()
    ).hexdigest()[:16]


def is_alive(trial: optuna.trial.FrozenTrial) -> bool:
    """Return whether somebody trains it; of another machine, by its last sign of life."""
    attrs = trial.user_attrs
    worker = attrs.get("worker")
    mark = worker if isinstance(worker, dict) else {}
    if (
        mark.get("host") != machine_id()
    ):  # also one that was claimed this moment and has not said by whom
        began = trial.datetime_start.timestamp() if trial.datetime_start else time.time()
        return time.time() - max(began, float(attrs.get("beat", 0.0))) < (SILENT if mark else BEAT)
    path = quotas.sweeps_folder() / str(mark.get("lock", ""))
    named = quotas.SWEEP_LOCK.fullmatch(path.name) and path.parent == quotas.sweeps_folder()
    return bool(named) and path.is_file() and file_locks.is_locked(path)


def claim_trial(
    study: optuna.Study, trials: int, worker: Mapping[str, str]
) -> tuple[optuna.Trial, int] | None:
    """Claim a waiting trial and return it with the number of its slot, or None if none is left."""
    while True:
        if study.user_attrs.get("stopped"):
            return None
        reassign_trials(study, trials)
        if not study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.WAITING,)):
            return None
        trial = study.ask()
        # another process has taken this one for dead, if this one is very slow
        with contextlib.suppress(optuna.exceptions.UpdateFinishedTrialError, ValueError):
            trial.set_user_attr("worker", dict(worker))
            number = trial.user_attrs.get("place")
            if number is not None and slot_trials(study).get(number, trial).number == trial.number:
                return trial, int(number)
            trial.set_user_attr("dropped", True)  # made by two at once, or by nobody
            study.tell(trial, state=optuna.trial.TrialState.FAIL)


def reassign_trials(study: optuna.Study, trials: int) -> None:
    """Fail trials whose process is gone, and add a trial to every slot that has none. An added trial takes the
    settings of a killed one, or else new settings.
    """
    for trial in study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,)):
        if not is_alive(trial):
            # another process was faster, each storage says so in its own way
            with contextlib.suppress(Exception):
                study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
    held, everything = slot_trials(study), study.get_trials(deepcopy=False)
    for number in range(trials):
        if number not in held:
            killed = [
                t
                for t in everything
                if t.user_attrs.get("place") == number and "dropped" not in t.user_attrs
            ]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                study.enqueue_trial(
                    killed[-1].params if killed else {}, user_attrs={"place": number}
                )


def slot_trials(study: optuna.Study) -> dict[int, optuna.trial.FrozenTrial]:
    """Return the trial of every slot that has one: the first that was neither dropped nor killed, which is failed
    without an error."""
    return {
        number: trial
        for trial in reversed(study.get_trials(deepcopy=False))
        if (trial.state.name != "FAIL" or "error" in trial.user_attrs)
        and isinstance(number := trial.user_attrs.get("place"), int)
    }
