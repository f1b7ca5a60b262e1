"""The slots of a sweep's trials: who holds which, so that none is lost with its process and none is counted twice.

A sweep has a slot for each of its trials, 0 to N - 1, and every trial of its study belongs to one.

    settle   marks trials whose process is gone as failed and puts a new one, of the same settings, in the slot of each
    claim    takes a waiting trial; where two stand in one slot, the one with the lower number is it, the other is
             dropped

Any process does both before every trial. Who is alive is known by locks on one machine, by signs of life from another.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import socket
import time
import uuid
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from qfusion.runs import storage

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

BEAT = 30.0  # seconds between two signs of life for other machines
SILENT = 600.0  # seconds without one after which another machine's trial is given up
LOCK = re.compile(r"\.[A-Za-z0-9._-]{1,80}\.lock")


@contextmanager
def alive(name: str) -> Iterator[dict[str, str]]:
    """Yields what marks the trials of this process, which holds a lock while it lives."""
    storage.folder().mkdir(parents=True, exist_ok=True)
    worker = {"host": here(), "lock": f".{name}.{secrets.token_hex(6)}.lock"}
    path = storage.folder() / worker["lock"]
    try:
        with FileLock(path, is_singleton=False):
            yield worker
    finally:
        path.unlink(missing_ok=True)


def here() -> str:
    """Returns a mark of this machine and folder of runs: where locks say who is alive."""
    return hashlib.sha256(
        f"{socket.gethostname()}/{uuid.getnode()}/{storage.folder().absolute()}".encode()
    ).hexdigest()[:16]


def is_alive(trial: FrozenTrial) -> bool:
    """Returns whether somebody trains it; of another machine, by its last sign of life."""
    attrs = trial.user_attrs
    worker = attrs.get("worker")
    mark = worker if isinstance(worker, dict) else {}
    if mark.get("host") != here():  # also one that was claimed this moment and has not said by whom
        began = trial.datetime_start.timestamp() if trial.datetime_start else time.time()
        return time.time() - max(began, float(attrs.get("beat", 0.0))) < (SILENT if mark else BEAT)
    path = storage.folder() / str(mark.get("lock", ""))
    return (
        bool(LOCK.fullmatch(path.name))
        and path.parent == storage.folder()
        and path.is_file()
        and _is_held(path)
    )


def _is_held(path: Path) -> bool:
    try:
        with FileLock(path, is_singleton=False, timeout=0):
            return False
    except Timeout:
        return True


def workers() -> int:
    """Returns how many processes on this machine take part in sweeps, or wait for that."""
    return sum(
        _is_held(path) for path in storage.folder().glob(".*.lock") if LOCK.fullmatch(path.name)
    )


def claim(study: Study, trials: int, worker: Mapping[str, str]) -> tuple[Trial, int] | None:
    """Takes a waiting trial and returns it with the number of its slot; None when none is left."""
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    while True:
        if study.user_attrs.get("stopped"):
            return None
        settle(study, trials)
        if not study.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            return None
        trial = study.ask()
        # another process has taken this one for dead, if this one is very slow
        with suppress(UpdateFinishedTrialError, ValueError):
            trial.set_user_attr("worker", dict(worker))
            number = trial.user_attrs.get("place")
            if number is not None and owners(study).get(number, trial).number == trial.number:
                return trial, int(number)
            trial.set_user_attr("dropped", True)  # made by two at once, or by nobody
            study.tell(trial, state=TrialState.FAIL)


def settle(study: Study, trials: int) -> None:
    """Fails trials whose process is gone, and puts one into every slot that has none: with a killed one's settings,
    else a new one."""
    from optuna.trial import TrialState

    for found in study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if not is_alive(found):
            try:
                study.tell(found.number, state=TrialState.FAIL)
            except Exception:  # another process was faster, each storage says so in its own way
                continue
    held, everything = owners(study), study.get_trials(deepcopy=False)
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


def owners(study: Study) -> dict[int, FrozenTrial]:
    """Returns the trial of every slot that has one: the first that was neither dropped nor killed, which is failed
    without an error."""
    found: dict[int, FrozenTrial] = {}
    for trial in study.get_trials(deepcopy=False):
        number = trial.user_attrs.get("place")
        gone = trial.state.name == "FAIL" and "error" not in trial.user_attrs
        if isinstance(number, int) and not gone:
            found.setdefault(number, trial)
    return found
