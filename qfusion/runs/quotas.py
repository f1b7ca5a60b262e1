"""The folder of sweeps and their names."""

import contextlib
import re
from pathlib import Path

from qfusion.runs.folder import runs_folder
from qfusion.runs.run_names import NAME

SWEEP_LOCK = re.compile(r"\.[A-Za-z0-9._-]{1,80}\.lock")


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
