"""Results that are kept between calls: for a study and arguments, worked out once for all who ask, at most so many of
each kind.

    @memo(32)
    def agreement(study, row, tweak): ...

The key of a study or sample is what decides its numbers (digests of weights, data and background), so that equal ones
share results and none is mixed up with another. What is returned is shared, and must not be changed; tables are copied.
What takes minutes is worked out behind the pages (`begin_job`).
"""

import functools
import inspect
import math
import subprocess
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast
from weakref import WeakValueDictionary

import numpy as np
import pandas as pd
import torch

from qfusion import _sentences
from qfusion.errors import QFusionError

P = ParamSpec("P")
R = TypeVar("R")


# stands around every calculation that has words; a run of a page sets what spins
waiting: ContextVar[Callable[[str], AbstractContextManager[Any]]] = ContextVar(
    "waiting", default=nullcontext
)


def memo(
    size: int,
    *,
    background: bool = True,
    says: str = "",
    stamp: Callable[..., Hashable] = lambda *_, **__: None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Returns a decorator that keeps the last `size` results of a function.

    Args:
        size: so many results, the least recently asked for go first.
        background: whether results depend on the background of a study; else studies that differ in it alone share
            them.
        says: what takes its time, to be shown meanwhile; see `waiting`.
        stamp: of the arguments, what changes whenever files do that a result is read from.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        results: OrderedDict[Hashable, R] = OrderedDict()
        locks: WeakValueDictionary[Hashable, threading.RLock] = WeakValueDictionary()
        guard, signature = threading.Lock(), inspect.signature(function)

        @functools.wraps(function)
        def memoised(*args: P.args, **kwargs: P.kwargs) -> R:
            call = signature.bind(*args, **kwargs)
            call.apply_defaults()
            _leave_own(call.arguments)
            key = stamp(*args, **kwargs), _key(list(call.arguments.values()), background)
            with guard:
                lock = locks.setdefault(key, threading.RLock())
            with lock:
                with guard:
                    if key in results:
                        results.move_to_end(key)
                        return _shared(results[key])
                with waiting.get()(says) if says else nullcontext():
                    result = function(*call.args, **call.kwargs)
                with guard:
                    results[key] = result
                    while len(results) > size:
                        results.popitem(last=False)
                return _shared(result)

        return cast("Callable[P, R]", memoised)

    return decorate


def written(path: Path) -> tuple[int, int]:
    """When a file, or what a folder holds, was written, and its size; zeros where there is none: a stamp of what is
    read from it."""
    with suppress(OSError):
        seen = path.stat()
        return seen.st_mtime_ns, seen.st_size
    return 0, 0


def _leave_own(arguments: dict[str, Any]) -> None:
    """Puts the study of a set in the place of one that has a visitor's samples behind it, see `Study.with_own`, unless
    another argument names one of these: what is of the set is worked out once for all who ask."""
    for name, value in arguments.items():
        whole = getattr(value, "of_set", value)
        if whole is not value and not any(
            _names_own(other, value.dataset) for key, other in arguments.items() if key != name
        ):
            arguments[name] = whole


def _names_own(value: Any, dataset: Any) -> bool:
    """Whether an argument names one of a visitor's samples, by its row or id."""
    match value:
        case str():
            return any(name in value for name in dataset.own.ids)
        case int() | np.integer():
            return int(value) >= len(dataset)
        case np.ndarray():
            return value.dtype.kind in "iu" and bool((value >= len(dataset)).any())
        case list() | tuple():
            return any(_names_own(one, dataset) for one in value)
        case Mapping():
            return _names_own(list(value.values()), dataset)
        case _ if hasattr(value, "memo_key"):  # a sample, or another study
            return _names_own(getattr(value, "row", ""), dataset)
        case _:
            return is_dataclass(value) and _names_own(vars(value), dataset)


def _key(value: Any, background: bool) -> Hashable:
    """What tells an argument from others: of studies their digests, of arrays their numbers."""
    match value:
        case _ if hasattr(value, "memo_key"):
            return cast("Hashable", value.memo_key(background))
        case np.ndarray():
            return "array", value.shape, value.dtype.str, value.tobytes()
        case Mapping():
            return tuple((name, _key(entry, background)) for name, entry in value.items())
        case list() | tuple():
            return tuple(_key(entry, background) for entry in value)
        case _:
            hash(value)
            return type(value), value


def _shared(result: R) -> R:
    return cast("R", result.copy()) if isinstance(result, pd.DataFrame) else result


# What takes long, worked out behind the pages: in a thread of its own, with progress and cancel.
#
# `begin_job` starts a job for whoever asks, once for all who ask the same, and `find_job` tells how far it
# is; it goes on until all of them have left, or one cancels it for all. Free of streamlit.

HELD = 8  # jobs that have ended
PATIENCE = 600.0  # seconds for which somebody who asked counts as waiting, as a page that is closed says nothing


class State(StrEnum):
    """How far it is: stopped where all who asked have left, cancelled where one of them ended it for all."""

    WAITING, WORKING, DONE, FAILED = "waiting", "working", "done", "failed"
    STOPPED, CANCELLED = "stopped", "cancelled"


class _Left(Exception):
    """Nobody waits any more."""


class Job:
    """One job on its way.

    Attributes:
        total, done: how much there is to do, such as samples, and how much is done.
        problem: what went wrong where the state is "failed". result: what it gave where it is "done".
    """

    def __init__(self, make: Callable[[], Any], total: int):
        self._make = make
        self.total, self.done, self.problem, self.state = total, 0, "", State.WAITING
        self.result: Any = None
        self._pace = _sentences.Pace()
        self._seen: dict[str, float] = {}

    @property
    def is_wanted(self) -> bool:
        """Whether somebody has asked for it of late."""
        return any(time.monotonic() - seen < PATIENCE for seen in list(self._seen.values()))

    @property
    def under_way(self) -> bool:
        """Whether it goes on."""
        return self.state in (State.WAITING, State.WORKING)

    @property
    def seconds_left(self) -> float | None:
        """As what is done so far lets expect; None before anything is."""
        return self._pace.left(self.done, self.total)

    def stop(self) -> None:
        """Ends it for all who ask; what was worked out so far is lost."""
        if self.under_way:
            self.state = State.CANCELLED

    def _tell(self, done: int, total: int) -> None:
        self.done, self.total = done, total
        if not (self.under_way and self.is_wanted):
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
            if self.under_way:
                self.state = State.STOPPED
        except Exception as error:  # whatever a model of the reader's own may raise
            self.state = State.FAILED
            self.problem = str(error).splitlines()[0][:200] if str(error) else type(error).__name__


_jobs: OrderedDict[Hashable, Job] = OrderedDict()
_guard = threading.RLock()
_worker = ThreadPoolExecutor(1, "behind")


def find_job(key: Hashable) -> Job | None:
    """Returns the job of a key that somebody asked for, unless it was stopped."""
    with _guard:
        job = _jobs.get(key)
        if job is None or job.state == State.STOPPED or (job.under_way and not job.is_wanted):
            return None
        _jobs.move_to_end(key)
        return job


def begin_job(
    key: Hashable,
    make: Callable[[], Any],
    total: int,
    asker: str = "",
    *,
    again: bool = False,
    aside: bool = False,
    lasting: bool = False,
) -> Job:
    """Returns a job begun by this or an earlier call.

    Args:
        key: what tells it from others. make: does it, and says how far it is, see `progress_shown`. total: how much it
            is.
        asker: who wants it, such as a session, and says so again and again.
        again: whether one that has ended is begun anew.
        aside: whether another process does it, so that it waits for no other job; else one goes after the other.
        lasting: whether it goes on when nobody asks any more.
    """
    seen = math.inf if lasting else time.monotonic()
    with _guard:
        job = find_job(key)
        if job is None or (again and not job.under_way):
            job = _jobs[key] = Job(make, total)
            job._seen[asker] = seen
            if aside:
                threading.Thread(target=job._run, daemon=True).start()
            else:
                _worker.submit(job._run)
            ended = [name for name, other in _jobs.items() if not other.under_way and name != key]
            for name in ended[: max(0, len(_jobs) - HELD)]:
                del _jobs[name]
        job._seen[asker] = seen
        return job


def in_process(work: Callable[..., None], words: Sequence[str], total: int, task: str) -> None:
    """Runs a job in a process of its own, which prints how much is done, a line each; to be begun `aside`.

    Args:
        work: what it runs, a function of a module. words: its arguments. total: how much there is to do. task: what it
            is, as it is told.

    Raises:
        QFusionError: when the process fails: the last line that it says.
    """
    with (
        subprocess.Popen(
            [
                *(sys.executable, "-c"),
                f"import sys, {work.__module__} as made; made.{work.__name__}(*sys.argv[1:])",
                *words,
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process,
        _sentences.progress_shown(task) as tell,
    ):
        assert process.stdout is not None and process.stderr is not None
        try:
            for line in process.stdout:
                tell(int(line), total)
        except BaseException:
            process.kill()
            raise
        lines = process.stderr.read().strip().splitlines()
    if process.returncode:
        raise QFusionError((lines or ["the process was killed"])[-1])


def stay_for(job: Job, asker: str) -> None:
    """Says that somebody still waits for a job."""
    job._seen[asker] = time.monotonic()


def leave_job(key: Hashable, asker: str) -> None:
    """Takes back what somebody asked for; it stops as soon as nobody asks any more."""
    with _guard:
        if key in _jobs:
            _jobs[key]._seen.pop(asker, None)
            if _jobs[key].state == State.FAILED:
                del _jobs[key]
