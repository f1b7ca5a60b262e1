"""Long computations in the background of the pages, in threads of one executor, with progress and cancel.

Each has a name that a page shows while it waits, and goes through its rows in chunks, or through a random subset of
them first."""

from __future__ import annotations

import math
import os
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from enum import Enum, StrEnum, auto
from typing import Any

import numpy as np
import torch

from qfusion import _progress

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
        self._pace = _progress.Pace()
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
        self._pace = _progress.Pace()
        try:
            self._tell(0, self.total)
            self.state = State.WORKING
            with _progress.progress_to(lambda task: nullcontext(self._tell)):
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
        training: whether another process does it, see `runs.plans.run_in_process`, so that it waits for no other
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


class Task(Enum):
    """A computation that `memo` runs."""

    ABLATE_GATES = auto()
    APPLY_MODEL = auto()
    ATTRIBUTE_FEATURES = auto()
    BUILD_BACKGROUND = auto()
    BUILD_CIRCUIT = auto()
    COMPARE_BACKGROUNDS = auto()
    COMPARE_METHODS = auto()
    COMPARE_MODELS = auto()
    COMPARE_SAMPLES = auto()
    COMPARE_STEPS = auto()
    COMPARE_TRUTH = auto()
    DRAW_CIRCUIT = auto()
    ENCODE_FIRST_SAMPLES = auto()
    ENCODE_SAMPLES = auto()
    EVOLVE_SAMPLES = auto()
    FIND_PARAMETER_CHANGE = auto()
    FIND_STATE_CHANGE = auto()
    FIND_STEADY_STATE = auto()
    FOLLOW_ANGLE = auto()
    HALVE_TERMS = auto()
    LOAD_DATA = auto()
    MEASURE_ENTANGLEMENT = auto()
    MEASURE_LAYERS = auto()
    MEASURE_SENSITIVITY = auto()
    PROJECT_SAMPLES = auto()
    READ_RECORDING = auto()
    REMOVE_TERMS = auto()
    REPLACE_FEATURES = auto()
    SPLIT_DECISIONS = auto()
    TABULATE_PARAMETERS = auto()
    TRACE_CIRCUIT = auto()
    TRACE_GATES = auto()
    TRACE_TERM = auto()


def iterate_chunks(rows: np.ndarray, most: int, task: str) -> Iterator[np.ndarray]:
    """Yield rows, at most so many at a time, and report the progress of the task, see `progress_over`."""
    chunks = np.array_split(rows, range(most, len(rows), most))
    return _progress.progress_over(chunks, task, len(rows), len)


SAMPLES = DRAWN, ALL = ("a random subset", "all")
SEED = 0


def drawn_places(n: int, most: int, few: int, all_samples: bool = False) -> np.ndarray:
    """Return which of n samples are measured, ascending: all of them, or `few` drawn at random if there are more
    than `most` and `all_samples` is not set.
    """
    if all_samples or n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(SEED).choice(n, min(few, n), replace=False))


def thin_rows(rows: np.ndarray, count: int) -> np.ndarray:
    """Return at most `count` of some rows, spread evenly over them, in their order."""
    if len(rows) <= count:
        return rows
    places = np.linspace(0, len(rows) - 1, count).round().astype(int)
    return rows[np.unique(places)]


# floating-point operations up to which the refinement begins unasked: some minutes of one core
AUTO = 1e12


def begin_refinement(study: Any, asker: str) -> Job:
    """Return the job that refines a study, begun by this or an earlier call. Its result is the study against all rows,
    with its explanation computed.

    Args:
        study: one of which `is_sampled` holds.
        asker: who wants it, as of `begin_job`.
    """
    exact = study.with_all_rows()

    def explained() -> Any:
        _ = exact.explanation
        return exact

    return begin_job(study.memo_key(), explained, len(exact.explained_rows), asker)
