"""Limits shared by several servers behind one address, see `ui.workers`.

A folder holds one file for each limit. The file records how much of the limit each server has granted.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

from qfusion._limits import limit

SHARED = "QFUSION_SHARED"  # variable of the folder
WORKER = "QFUSION_WORKER"  # variable of the number of this server


def reserve(variable: str, taken: int, more: int = 0, unit: int = 1) -> bool:
    """Return whether more fits into a limit, given the amounts that this server and the servers beside it have granted.
    If it fits, record the new amount.

    Args:
        variable: environment variable of the limit.
        taken: amount that this server has granted.
        more: amount that it is about to grant.
        unit: number of units of `taken` and `more` in one unit of the limit.
    """

    def reserve_own(counts: dict[str, int]) -> bool:
        own = os.environ.get(WORKER, "")
        others = sum(number for name, number in counts.items() if name != own)
        room = more == 0 or others + taken + more <= limit(variable) * unit
        counts[own] = taken + more if room else taken
        return room

    folder = os.environ.get(SHARED)
    return _change(Path(folder, variable), reserve_own) if folder else reserve_own({})


def release_worker(worker: int) -> None:
    """Drop the amounts that a server has granted, after that server has ended."""
    for path in Path(os.environ[SHARED]).glob("QFUSION_*"):
        _change(path, lambda counts: counts.pop(str(worker), 0) == 0)


def _change(path: Path, change: Callable[[dict[str, int]], bool]) -> bool:
    """Apply `change` to the counts in a file that several processes share. If the file cannot be written, apply it to
    an empty mapping.
    """
    import fcntl  # not on Windows, which never runs several servers

    try:
        with path.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.seek(0)
            counts = json.loads(file.read() or "{}")
            answer = change(counts)
            file.seek(0)
            file.truncate()
            file.write(json.dumps(counts))
            return answer
    except (OSError, ValueError):
        return change({})
