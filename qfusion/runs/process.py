"""Starts a training in a process of its own, which goes on when the one that started it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from qfusion import _read_only
from qfusion._checks import check
from qfusion._files import atomic, is_running
from qfusion.errors import QFusionError
from qfusion.runs import quota
from qfusion.runs.folder import PATIENCE, Run

ROOT = Path(__file__).resolve().parents[2]
_SOON = 120.0  # seconds in which a launched process has taken the run's lock, or never will


def launch(run: Run, events: bool = False) -> None:
    """Starts, or goes on with, the training of a run; returns at once. What the process prints goes to `log.txt`.

    Raises:
        InvalidInput: when it is being trained already.
    """
    check(not run.is_held(PATIENCE), f"Run {run.name} is being trained already.")
    words = ["train", "--resume", str(run.path), "--queue", *(["--events"] if events else [])]
    process = start(words, run.path / "log.txt")
    with atomic(run.path / "launched") as part:
        part.write_text(f"{process.pid} {time.monotonic()}")


def start(words: Sequence[str], log: Path) -> subprocess.Popen[bytes]:
    """Starts a command of qfusion in a process that outlives this one; returns at once. What it prints is added to
    `log`."""
    _read_only.refuse("start a process")
    quota.check_queue()
    environment = {
        **os.environ,
        "OMP_NUM_THREADS": "1",
        "PYTHONPATH": os.pathsep.join(
            part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part
        ),
    }
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "qfusion", *words],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env=environment,
        )
    quota.count(process)
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie behind
    return process


def is_starting(run: Run) -> bool:
    """Returns whether a process was just launched for the run that does not hold its lock yet, as it loads its
    libraries first."""
    try:
        pid, began = (run.path / "launched").read_text()[:60].split()
        soon = (
            0 <= time.monotonic() - float(began) < _SOON
        )  # since the machine was started: no clock that is set
        return soon and is_running(int(pid)) and run.record().pid != int(pid)
    except (OSError, ValueError, QFusionError):
        return False
