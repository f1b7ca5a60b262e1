"""How many runs and sweeps a server keeps, and how many of its processes train or wait; see `qfusion._limits`."""

from __future__ import annotations

import subprocess

from qfusion import _limits
from qfusion.runs import folder, storage, trial_slots

_started: list[subprocess.Popen[bytes]] = []  # by this process, whether or not they hold a lock yet


def check_room(more: int = 1) -> None:
    """Raises InvalidInput where a server has no room for `more` runs or sweeps; to be asked before they are made."""
    if _limits.bound():
        _limits.check_count(
            "QFUSION_KEPT_RUNS", len(folder.runs()) + len(storage.names()), more, "Delete runs"
        )
        _limits.check_disk("A run" if more == 1 else "Runs")


def check_queue(more: int = 1) -> None:
    """Raises InvalidInput where a server has no room for `more` processes that train; to be asked before they begin."""
    if _limits.bound():
        _started[:] = [each for each in _started if each.poll() is None]
        held = sum(run.is_held() for run in folder.runs()) + trial_slots.workers()
        _limits.check_count(
            "QFUSION_QUEUED", max(held, len(_started)), more, "Wait until some end, or stop them"
        )


def count(process: subprocess.Popen[bytes]) -> None:
    """Counts a process among those that train, for as long as it lives."""
    _started.append(process)
