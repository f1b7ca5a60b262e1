"""Test sets explained against every row of the background, in a thread of their own, with progress and cancel.

Pages show numbers against some of the rows at once; `begin` works out those against all of them behind the pages, one
test set at a time, and `find` tells how far it is. Free of streamlit.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from enum import StrEnum
from typing import Any

import torch

from qfusion.analysis.memo import memo
from qfusion.analysis.systems.evaluated_subject import joined

KEPT = 4  # test sets
PATIENCE = 600.0  # seconds for which somebody who asked counts as waiting, as a page that is closed says nothing
AUTO = 1e12  # floating-point operations that are worked out unasked: some minutes of one core


class State(StrEnum):
    """How far it is."""

    WAITING, WORKING, DONE, STOPPED, FAILED = "waiting", "working", "done", "stopped", "failed"


UNDER_WAY = (State.WAITING, State.WORKING)


class Refinement:
    """One test set on its way.

    Attributes:
        work: the subject against all rows; its explanation is there once the state is "done".
        total, done: samples, and how many of them are explained.
        problem: what went wrong where the state is "failed".
    """

    def __init__(self, work: Any):
        self.work = against_all_rows(work)
        self.total, self.done, self.problem = len(self.work.bulk), 0, ""
        self.state = State.WAITING
        self._began = 0.0
        self._seen: dict[str, float] = {}

    @property
    def is_wanted(self) -> bool:
        """Whether somebody has asked for it of late."""
        return any(time.monotonic() - seen < PATIENCE for seen in self._seen.values())

    @property
    def seconds_left(self) -> float | None:
        """As the samples so far let expect; None before the first."""
        if not self.done:
            return None
        return (time.monotonic() - self._began) / self.done * (self.total - self.done)

    def _run(self) -> None:
        torch.set_num_threads(1)
        self.state, self._began = State.WORKING, time.monotonic()
        parts = []
        try:
            for part in self.work.parts():
                if not self.is_wanted:
                    self.state = State.STOPPED
                    return
                parts.append(part)
                self.done += len(part.values)
            self.work.__dict__["explanation"] = joined(parts)
            self.state = State.DONE
        except Exception as error:  # whatever a model of the reader's own may raise
            self.state = State.FAILED
            self.problem = str(error).splitlines()[0][:200] if str(error) else type(error).__name__


_jobs: OrderedDict[Hashable, Refinement] = OrderedDict()
_guard = threading.Lock()
_worker = ThreadPoolExecutor(1, "refinement")


def is_quick(work: Any) -> bool:
    """Whether all rows are a matter of minutes, so that they may be worked out unasked."""
    return bool(against_all_rows(work).operations <= AUTO)


def find(work: Any) -> Refinement | None:
    """Returns the refinement of a subject that somebody asked for, unless it was stopped."""
    with _guard:
        return _found(work.memo_key())


def begin(work: Any, asker: str) -> Refinement:
    """Returns the refinement of a subject, begun by this or an earlier call.

    Args:
        work: a subject of which `is_sampled` holds.
        asker: who wants it, such as a session, and says so again and again; it goes on until all of them have left.
    """
    key = work.memo_key()
    with _guard:
        found = _found(key)
        if found is None:
            found = _jobs[key] = Refinement(work)
            found._seen[asker] = time.monotonic()
            _worker.submit(found._run)
            ended = [each for each, job in _jobs.items() if job.state not in UNDER_WAY and each != key]
            for each in ended[:max(0, len(_jobs) - KEPT)]:
                del _jobs[each]
        found._seen[asker] = time.monotonic()
        return found


def leave(key: Hashable, asker: str) -> None:
    """Takes back what somebody asked for; it stops as soon as nobody asks any more.

    Args:
        key: of the subject, its `memo_key`; asker: as of `begin`.
    """
    with _guard:
        if key in _jobs:
            _jobs[key]._seen.pop(asker, None)
            if _jobs[key].state == State.FAILED:
                del _jobs[key]


@memo(KEPT)
def against_all_rows(work: Any) -> Any:
    """Returns the subject against all rows, shared: its explanation is that of the refinement, or worked out when it is
    asked for."""
    return work.against_all_rows()


def _found(key: Hashable) -> Refinement | None:
    found = _jobs.get(key)
    if found is None or found.state == State.STOPPED or (found.state in UNDER_WAY and not found.is_wanted):
        return None
    _jobs.move_to_end(key)
    return found
