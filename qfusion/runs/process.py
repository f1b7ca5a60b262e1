"""Starts a training in a process of its own, which goes on when the one that started it ends."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

from qfusion._checks import check
from qfusion.runs.folder import Run

ROOT = Path(__file__).resolve().parents[2]


def launch(run: Run, events: bool = False) -> None:
    """Starts, or goes on with, the training of a run; returns at once. What the process prints goes to `log.txt`.

    Raises:
        InvalidInput: when it is being trained already.
    """
    check(not run.is_held(), f"Run {run.name} is being trained already.")
    words = [sys.executable, "-m", "qfusion", "train", "--resume", str(run.path), "--queue", *(["--events"] if events else [])]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(
        part for part in (str(ROOT), os.environ.get("PYTHONPATH", "")) if part)}
    with (run.path / "log.txt").open("ab") as log:
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, env=environment)
    threading.Thread(target=process.wait, daemon=True).start()  # so that it leaves no zombie behind
