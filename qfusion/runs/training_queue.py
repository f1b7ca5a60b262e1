"""A queue of trainings without a server process: as many trainings at once as there are processors.

Each training holds one of so many lock files. A waiting process holds a ticket, and the oldest ticket goes first.
"""

import contextlib
import re
import secrets
import time
from collections.abc import Callable, Iterator

from filelock import FileLock, Timeout

from qfusion import _limits, _read_only
from qfusion.runs.file_locks import is_locked
from qfusion.runs.folder import runs_folder

POLL_SECONDS = 0.5  # seconds between two looks for a free slot
_TICKET = re.compile(r"\.turn-(?P<since>\d{20})-(?P<name>[A-Za-z0-9._-]{0,64})\.[0-9a-f]{12}")


def worker_slots() -> int:
    """Return how many trainings run at once: QFUSION_SLOTS, or the number of processors.

    Raises:
        InvalidInput: when QFUSION_SLOTS is not a whole number from 1.
    """
    return _limits.limit("QFUSION_SLOTS")


def waiting_names() -> list[str]:
    """Return the names of the runs and sweeps that wait for a slot, the next one first."""
    return [ticket["name"] for ticket in _tickets()]


@contextlib.contextmanager
def hold_slot(wanted: Callable[[], bool] = lambda: True, name: str = "") -> Iterator[bool]:
    """Wait for a free slot and hold it while the block lasts; yield False when it is no longer wanted before one was
    free.

    Args:
        wanted: asked again and again while it waits. name: by which `waiting_names` tells of it.
    """
    runs_folder().mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        with _ticket(name) as mine:
            free = False
            while wanted() and not free:
                line = [ticket.string for ticket in _tickets()]
                free = (mine not in line or line[0] == mine) and _took_one(stack)
                if not free:
                    time.sleep(POLL_SECONDS)
        yield free


def _took_one(stack: contextlib.ExitStack) -> bool:
    for n in range(worker_slots()):
        with contextlib.suppress(Timeout):
            stack.enter_context(
                FileLock(runs_folder() / f".place-{n}", is_singleton=False, timeout=0)
            )
            return True
    return False


@contextlib.contextmanager
def _ticket(name: str) -> Iterator[str]:
    """Context manager that yields the name of the file that holds a place in the queue. The name says since when it
    has been waiting. The file's lock says that its process is still waiting.
    """
    last = max((int(ticket["since"]) for ticket in _tickets()), default=0)
    since = max(time.time_ns(), last + 1)  # also when the clock was set back
    path = runs_folder() / f".turn-{since:020d}-{name[:64]}.{secrets.token_hex(6)}"
    try:
        with FileLock(path, is_singleton=False):
            yield path.name
    finally:
        path.unlink(missing_ok=True)


def _tickets() -> list[re.Match[str]]:
    """Return the tickets of live processes, oldest first. Tickets of dead processes are deleted."""
    tickets = []
    for path in sorted(runs_folder().glob(".turn-*")):
        ticket = _TICKET.fullmatch(path.name)
        if ticket is None:
            continue
        with contextlib.suppress(OSError):  # a folder that may not be written to
            if is_locked(path):
                tickets.append(ticket)
            elif not _read_only.is_read_only():
                path.unlink(missing_ok=True)
    return tickets
