"""Limits of a server: how many runs and sweeps it stores, and how many of its processes train or wait.

The limits themselves are in `qfusion._limits`.
"""

import contextlib
import re
import subprocess
from pathlib import Path

from qfusion import _limits
from qfusion.runs.file_locks import is_locked
from qfusion.runs.folder import runs_folder
from qfusion.runs.run_list import list_runs
from qfusion.runs.run_names import NAME

# How many runs and sweeps a server keeps, and how many of its processes train or wait; see `qfusion._limits`.

SWEEP_LOCK = re.compile(r"\.[A-Za-z0-9._-]{1,80}\.lock")
started: list[subprocess.Popen[bytes]] = []  # by this process, whether or not they hold a lock yet


def sweeps_folder() -> Path:
    """Return where the journals of sweeps are, below the folder of runs."""
    return runs_folder() / ".sweeps"


def sweep_names() -> list[str]:
    """Return the names of the sweeps in the user's folder, the last changed first."""
    stats = {}
    for path in sweeps_folder().glob("*.journal"):
        with contextlib.suppress(OSError):  # another process removes it meanwhile
            stats[path.stem] = path.stat()
    return [
        name
        for name in sorted(stats, key=lambda name: -stats[name].st_mtime_ns)
        if NAME.fullmatch(name) and stats[name].st_size
    ]  # nothing stands in it yet


def check_storage_quota(more: int = 1) -> None:
    """Raise InvalidInput where a server has no room for `more` runs or sweeps; to be asked before they are made."""
    _limits.check_count(
        "QFUSION_KEPT_RUNS", len(list_runs()) + len(sweep_names()), more, "Delete runs"
    )
    _limits.check_disk("A run" if more == 1 else "Runs")


def check_process_quota(more: int = 1) -> None:
    """Raise InvalidInput where a server has no room for `more` processes that train; to be asked before they begin."""
    if _limits.is_enforced():
        started[:] = [process for process in started if process.poll() is None]
        locks = [
            path for path in sweeps_folder().glob(".*.lock") if SWEEP_LOCK.fullmatch(path.name)
        ]
        count = sum(run.is_held() for run in list_runs()) + sum(map(is_locked, locks))
        _limits.check_count(
            "QFUSION_QUEUED", max(count, len(started)), more, "Wait until some end, or stop them"
        )
