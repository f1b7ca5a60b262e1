"""A queue without a keeper: as many trainings at once as there are processors, each holding one of so many locks; who
waits holds a ticket, and the oldest goes first."""

from __future__ import annotations

import contextlib
import re
import secrets
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from qfusion import _limits, _read_only
from qfusion.runs.folder import home

_LOOK = 0.5  # seconds between two looks for a free slot
_TICKET = re.compile(r"\.turn-\d{20}-(?P<name>[A-Za-z0-9._-]{0,64})\.[0-9a-f]{12}")


def worker_slots() -> int:
    """Returns how many trainings run at once: QFUSION_SLOTS, or the number of processors.

    Raises:
        InvalidInput: when QFUSION_SLOTS is not a whole number from 1.
    """
    return _limits.get("QFUSION_SLOTS")


def waiting() -> list[str]:
    """Returns the names of the runs and sweeps that wait for a slot, the next one first."""
    return [_name(ticket) for ticket in _tickets()]


@contextlib.contextmanager
def slot(wanted: Callable[[], bool] = lambda: True, name: str = "") -> Iterator[bool]:
    """Waits for a free slot and holds it while the block lasts; yields False when it is no longer wanted before one was
    free.

    Args:
        wanted: asked again and again while it waits. name: by which `waiting` tells of it.
    """
    home().mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as held:
        with _ticket(name) as mine:
            free = False
            while wanted() and not free:
                free = _is_next(mine) and _took_one(held)
                if not free:
                    time.sleep(_LOOK)
        yield free


def _took_one(held: contextlib.ExitStack) -> bool:
    for n in range(worker_slots()):
        with contextlib.suppress(Timeout):
            held.enter_context(FileLock(home() / f".place-{n}", is_singleton=False, timeout=0))
            return True
    return False


@contextlib.contextmanager
def _ticket(name: str) -> Iterator[Path]:
    """Yields the file that stands in line: its name says since when, its lock that somebody still waits."""
    last = max((int(each.name.split("-")[1]) for each in _tickets()), default=0)
    since = max(time.time_ns(), last + 1)  # also when the clock was set back
    path = home() / f".turn-{since:020d}-{name[:64]}.{secrets.token_hex(6)}"
    try:
        with FileLock(path, is_singleton=False):
            yield path
    finally:
        path.unlink(missing_ok=True)


def _is_next(mine: Path) -> bool:
    line = _tickets()
    return mine not in line or line[0] == mine


def _tickets() -> list[Path]:
    """The tickets of processes that live, the oldest first; those of others are cleared away."""
    found = []
    for path in sorted(home().glob(".turn-*")):
        try:
            if _TICKET.fullmatch(path.name):
                with FileLock(path, is_singleton=False, timeout=0):
                    if not _read_only.is_on():
                        path.unlink(missing_ok=True)
        except Timeout:
            found.append(path)
        except OSError:  # a folder that may not be written to
            continue
    return found


def _name(ticket: Path) -> str:
    match = _TICKET.fullmatch(ticket.name)
    return match["name"] if match else ""
