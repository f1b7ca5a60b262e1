"""Long computations in the background of the pages, in threads of one executor, with progress and cancel.

`begin_job` starts a job once for all who ask for the same, and `find_job` returns its progress; it goes on until all of
them have left, or one cancels it for all. Of what one reader has begun, one job is computed at a time.
"""

import math
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from enum import StrEnum
from typing import Any

import torch

from qfusion import _sentences

HELD = 8  # jobs that have ended
PATIENCE = 600.0  # seconds for which somebody who asked counts as waiting, as a page that is closed says nothing


class State(StrEnum):
    """State of a job. It is stopped if all who asked for it have left, and cancelled if one of them ended it for
    all.
    """

    WAITING, WORKING, DONE, FAILED = "waiting", "working", "done", "failed"
    STOPPED, CANCELLED = "stopped", "cancelled"


class _Left(Exception):
    """Nobody waits any more."""


class Job:
    """Job that runs in the background.

    Args:
        make: does the work. It ends soon after the job was stopped: as soon as it says how far it is, see
            `progress_shown`.
        total: how much there is to do, such as samples.
        reader: who began it.

    Attributes:
        total, done: how much there is to do, and how much is done.
        problem: what went wrong where the state is "failed". result: what it gave where it is "done".
    """

    def __init__(self, make: Callable[[], Any], total: int, reader: str = ""):
        self._make, self.reader = make, reader
        self.total, self.done, self.problem, self.state = total, 0, "", State.WAITING
        self.result: Any = None
        self._pace = _sentences.Pace()
        self._seen: dict[str, float] = {}

    @property
    def is_wanted(self) -> bool:
        """Whether somebody has asked for it of late."""
        return any(time.monotonic() - seen < PATIENCE for seen in list(self._seen.values()))

    @property
    def is_active(self) -> bool:
        """Whether the job is waiting or running."""
        return self.state in (State.WAITING, State.WORKING)

    @property
    def seconds_left(self) -> float | None:
        """Estimated seconds left, extrapolated from what is done so far, or None before anything is done."""
        return self._pace.left(self.done, self.total)

    def stop(self) -> None:
        """End the job for all who asked for it. What was computed so far is lost."""
        if self.is_active:
            self.state = State.CANCELLED

    def _tell(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        if not (self.is_active and self.is_wanted):
            raise _Left

    def _run(self) -> None:
        torch.set_num_threads(1)
        self._pace = _sentences.Pace()
        try:
            self._tell(0, self.total)
            self.state = State.WORKING
            with _sentences.progress_to(lambda task: nullcontext(self._tell)):
                self.result = self._make()
            self.state = State.DONE
        except _Left:
            if self.is_active:
                self.state = State.STOPPED
        except Exception as error:  # whatever a model of the reader's own may raise
            self.state = State.FAILED
            self.problem = str(error).splitlines()[0][:200] if str(error) else type(error).__name__


JOBS: OrderedDict[Hashable, Job] = OrderedDict()
_guard = threading.RLock()
EXECUTOR = ThreadPoolExecutor(max(2, os.cpu_count() or 1), "jobs")
WAITING: list[Job] = []
RUNNING: list[Job] = []  # at most one of a reader


def find_job(key: Hashable) -> Job | None:
    """Return the job of a key that somebody asked for, unless it was stopped."""
    with _guard:
        job = JOBS.get(key)
        if job is None or job.state == State.STOPPED or (job.is_active and not job.is_wanted):
            return None
        JOBS.move_to_end(key)
        return job


def begin_job(
    key: Hashable,
    make: Callable[[], Any],
    total: int,
    asker: str = "",
    *,
    again: bool = False,
    training: bool = False,
) -> Job:
    """Return a job begun by this call or an earlier one.

    Args:
        key: what tells it from others. make: does it, and says how far it is, see `progress_shown`. total: how much it
            is.
        asker: who wants it, such as a session, and says so again and again.
        again: whether one that has ended is begun anew.
        training: whether another process does it, see `runs.run_process.run_in_process`, so that it waits for no other
            job, and goes on when nobody asks any more. A thread of its own follows the process, for hours in which the
            executor serves others.
    """
    seen = math.inf if training else time.monotonic()
    with _guard:
        job = find_job(key)
        if job is None or (again and not job.is_active):
            job = JOBS[key] = Job(make, total, asker)
            job._seen[asker] = seen
            if training:
                threading.Thread(target=job._run, daemon=True).start()
            else:
                WAITING.append(job)
                _start_waiting()
            ended = [name for name, other in JOBS.items() if not other.is_active and name != key]
            for name in ended[: max(0, len(JOBS) - HELD)]:
                del JOBS[name]
        job._seen[asker] = seen
        return job


def _start_waiting() -> None:
    """Start the jobs that wait, in their order, but of each reader one at a time."""
    with _guard:
        for job in list(WAITING):
            if job.reader not in {other.reader for other in RUNNING}:
                WAITING.remove(job)
                RUNNING.append(job)
                EXECUTOR.submit(_run_waiting, job)


def _run_waiting(job: Job) -> None:
    job._run()
    with _guard:
        RUNNING.remove(job)
    _start_waiting()


def renew_interest(job: Job, asker: str) -> None:
    """Record that somebody still waits for a job."""
    job._seen[asker] = time.monotonic()


def leave_job(key: Hashable, asker: str) -> None:
    """Withdraw somebody's request for a job. The job stops as soon as nobody requests it any more."""
    with _guard:
        if key in JOBS:
            JOBS[key]._seen.pop(asker, None)
            if JOBS[key].state == State.FAILED:
                del JOBS[key]
