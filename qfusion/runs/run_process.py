"""Processes that outlive the one that starts them: trainings of runs, of seeds and of twins, workers of sweeps, and the
server of `qfusion.show`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from qfusion import _files, _read_only, _sentences
from qfusion._checks import check
from qfusion.errors import QFusionError
from qfusion.runs import folder

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ("-m", "qfusion")  # the arguments of Python before those of a command of qfusion
_LOOK = 0.05  # seconds between two looks at a process
_TAIL = 4096  # bytes at the end of what a process prints in which its progress is looked for


def launch_run(run: folder.Run, events: bool = False) -> None:
    """Start or resume the training of a run, and return at once. The output of the process goes to `log.txt`.

    Raises:
        InvalidInput: when it is being trained already.
    """
    check(not run.is_held(folder.PATIENCE), f"Run {run.name} is being trained already.")
    process = start_process(
        [*COMMAND, "train", "--resume", str(run.path), *(["--events"] if events else [])],
        run.path / "log.txt",
    )
    _files.write_file(run.path / "launched", f"{process.pid} {time.monotonic()}")


def run_in_process(work: Callable[..., None], words: Sequence[str], total: int, task: str) -> None:
    """Run a training in a separate process, which prints the amount done, one number per line, and wait for it. It goes
    on when this process ends, and is killed when progress is not wanted any more.

    Args:
        work: function of a module that the process runs.
        words: arguments of the function.
        total: total amount of work.
        task: name of the task for the display of progress.

    Raises:
        QFusionError: if the process fails, with the last line of its output.
    """
    code = f"import sys, {work.__module__} as made; made.{work.__name__}(*sys.argv[1:])"
    with (
        tempfile.TemporaryDirectory(prefix="qfusion-") as place,
        _sentences.progress_shown(task) as tell,
    ):
        log = Path(place) / "log.txt"
        process = start_process(["-c", code, *words], log)
        done = 0
        try:
            while process.poll() is None:
                done = max(done, _read_amount(log))
                tell(done, total)
                time.sleep(_LOOK)
        except BaseException:
            process.kill()
            raise
        lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    if process.returncode:
        raise QFusionError(([line for line in lines if line] or ["the process was killed"])[-1])


def _read_amount(log: Path) -> int:
    """Return the last number that a process has printed on a line of its own, or 0 if it is not near the end."""
    with log.open("rb") as file:
        start = max(0, log.stat().st_size - _TAIL)
        file.seek(start)
        lines = file.read().decode("utf-8", errors="replace").split("\n")
    whole = lines[1:-1] if start else lines[:-1]
    return int(next((line for line in reversed(whole) if line.isdecimal()), 0))


def start_process(
    arguments: Sequence[str], log: Path, variables: Mapping[str, str] = MappingProxyType({})
) -> subprocess.Popen[bytes]:
    """Start Python in a process that outlives this one; return at once.

    Args:
        arguments: of Python. log: file to which what it prints is added. variables: of the environment, besides those
            of this process.
    """
    _read_only.check_allowed("start a process")
    paths = filter(None, (str(ROOT), os.environ.get("PYTHONPATH", "")))
    own = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(paths)}
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # so that an interrupt of this process does not end it
            env={**os.environ, **own, **variables},
        )
    # it leaves no zombie behind; the executor of long work would wait for it at the end of this process
    threading.Thread(target=process.wait, daemon=True).start()
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
