"""What takes long, worked out behind the pages: in a thread of its own, one work at a time, with progress and cancel.

`begin` starts a work for whoever asks, once for all who ask the same, and `find` tells how far it is; it goes on until
all of them have left. Free of streamlit.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from enum import StrEnum
from typing import Any

import torch

from qfusion import _progress

HELD = 8  # works that have ended
PATIENCE = 600.0  # seconds for which somebody who asked counts as waiting, as a page that is closed says nothing


class State(StrEnum):
    """How far it is."""

    WAITING, WORKING, DONE, STOPPED, FAILED = "waiting", "working", "done", "stopped", "failed"


UNDER_WAY = (State.WAITING, State.WORKING)


class _Left(Exception):
    """Nobody waits any more."""


class Job:
    """One work on its way.

    Attributes:
        total, done: how much there is to do, such as samples, and how much is done.
        problem: what went wrong where the state is "failed". result: what the work gave where it is "done".
    """

    def __init__(self, work: Callable[[], Any], total: int):
        self._work = work
        self.total, self.done, self.problem, self.state = total, 0, "", State.WAITING
        self.result: Any = None
        self._pace = _progress.Pace()
        self._seen: dict[str, float] = {}

    @property
    def is_wanted(self) -> bool:
        """Whether somebody has asked for it of late."""
        return any(time.monotonic() - seen < PATIENCE for seen in list(self._seen.values()))

    @property
    def seconds_left(self) -> float | None:
        """As what is done so far lets expect; None before anything is."""
        return self._pace.left(self.done, self.total)

    def _tell(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        if not self.is_wanted:
            raise _Left

    def _run(self) -> None:
        torch.set_num_threads(1)
        self._pace = _progress.Pace()
        try:
            if not self.is_wanted:
                raise _Left
            self.state = State.WORKING
            with _progress.to(lambda task: nullcontext(self._tell)):
                self.result = self._work()
            self.state = State.DONE
        except _Left:
            self.state = State.STOPPED
        except Exception as error:  # whatever a model of the reader's own may raise
            self.state = State.FAILED
            self.problem = str(error).splitlines()[0][:200] if str(error) else type(error).__name__


_jobs: OrderedDict[Hashable, Job] = OrderedDict()
_guard = threading.Lock()
_worker = ThreadPoolExecutor(1, "behind")


def find(key: Hashable) -> Job | None:
    """Returns the work of a key that somebody asked for, unless it was stopped."""
    with _guard:
        return _known(key)


def begin(key: Hashable, work: Callable[[], Any], total: int, asker: str) -> Job:
    """Returns a work begun by this or an earlier call.

    Args:
        key: what tells it from others. work: does it, and says how far it is, see `_progress`. total: how much it is.
        asker: who wants it, such as a session, and says so again and again.
    """
    with _guard:
        job = _known(key)
        if job is None:
            job = _jobs[key] = Job(work, total)
            job._seen[asker] = time.monotonic()
            _worker.submit(job._run)
            ended = [
                name
                for name, other in _jobs.items()
                if other.state not in UNDER_WAY and name != key
            ]
            for name in ended[: max(0, len(_jobs) - HELD)]:
                del _jobs[name]
        job._seen[asker] = time.monotonic()
        return job


def stay(job: Job, asker: str) -> None:
    """Says that somebody still waits for a work."""
    job._seen[asker] = time.monotonic()


def leave(key: Hashable, asker: str) -> None:
    """Takes back what somebody asked for; it stops as soon as nobody asks any more."""
    with _guard:
        if key in _jobs:
            _jobs[key]._seen.pop(asker, None)
            if _jobs[key].state == State.FAILED:
                del _jobs[key]


def _known(key: Hashable) -> Job | None:
    job = _jobs.get(key)
    if job is None or job.state == State.STOPPED or (job.state in UNDER_WAY and not job.is_wanted):
        return None
    _jobs.move_to_end(key)
    return job
