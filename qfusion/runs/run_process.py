"""Start the training of a run in a separate process, which continues when the starting process ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from qfusion import _files, _read_only
from qfusion._checks import check
from qfusion.errors import QFusionError
from qfusion.runs import folder

# Starts a training in a process of its own, which goes on when the one that started it ends.

ROOT = Path(__file__).resolve().parents[2]


def launch_run(run: folder.Run, events: bool = False) -> None:
    """Start or resume the training of a run, and return at once. The output of the process goes to `log.txt`.

    Raises:
        InvalidInput: when it is being trained already.
    """
    check(not run.is_held(folder.PATIENCE), f"Run {run.name} is being trained already.")
    process = start_process(
        ["train", "--resume", str(run.path), *(["--events"] if events else [])],
        run.path / "log.txt",
    )
    _files.write_file(run.path / "launched", f"{process.pid} {time.monotonic()}")


def start_process(words: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Start a command of qfusion in a process that outlives this one; return at once. What it prints is added to
    `log`."""
    _read_only.check_allowed("start a process")
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "qfusion", *words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={
                **os.environ,
                "OMP_NUM_THREADS": "1",
                "PYTHONPATH": os.pathsep.join(
                    filter(None, (str(ROOT), os.environ.get("PYTHONPATH", "")))
                ),
            },
        )
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie behind
    return process


def is_starting(run: folder.Run) -> bool:
    """Return whether a process was just launched for the run that does not hold its lock yet, as it loads its
    libraries first."""
    try:
        pid, began = (run.path / "launched").read_text(encoding="utf-8")[:60].split()
        # by then it has taken the lock, or never will; since the machine was started: no clock that is set
        soon = 0 <= time.monotonic() - float(began) < 120.0
        return soon and _files.is_running(int(pid)) and run.record().pid != int(pid)
    except (OSError, ValueError, QFusionError):
        return False
