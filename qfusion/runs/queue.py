"""A queue without a keeper: as many trainings at once as there are processors, each holding one of so many locks."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable, Iterator

from filelock import FileLock, Timeout

from qfusion._checks import check
from qfusion.runs.folder import home

_LOOK = 0.5  # seconds between two looks for a free slot


def worker_slots() -> int:
    """Returns how many trainings run at once: QFUSION_SLOTS, or the number of processors.

    Raises:
        InvalidInput: when QFUSION_SLOTS is not a whole number from 1.
    """
    text = os.environ.get("QFUSION_SLOTS", "")
    check(not text or (text.isdecimal() and int(text) > 0),
          f"QFUSION_SLOTS must be a whole number from 1, but is {text[:20]!r}.")
    return int(text) if text else os.cpu_count() or 1


@contextlib.contextmanager
def slot(wanted: Callable[[], bool] = lambda: True) -> Iterator[bool]:
    """Waits for a free slot and holds it while the block lasts; yields False when it is no longer wanted before one was
    free."""
    home().mkdir(parents=True, exist_ok=True)
    while wanted():
        for n in range(worker_slots()):
            lock = FileLock(home() / f".place-{n}", is_singleton=False)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                continue
            try:
                yield True
            finally:
                lock.release()
            return
        time.sleep(_LOOK)
    yield False
