"""Processes that extract features of recordings, several at once, with a time limit for each recording."""

import json
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from qfusion import _child_environment
from qfusion._checks import check
from qfusion._sentences import Pace
from qfusion.data import extract_worker
from qfusion.data.progress import Progress
from qfusion.errors import DataUnavailable

LONGEST, PATIENCE = 60.0, 300.0  # seconds of a sample, and that its features may take
CHILD = "from qfusion.data.extract_worker import serve; serve()"  # what such a process runs


def _start_process(
    begin: Mapping[str, Any], running: list[subprocess.Popen[str]]
) -> tuple[subprocess.Popen[str], dict[str, list[str]]]:
    """A process that measures sample after sample, see `extract_worker.serve`, and names of features by modality.

    Args:
        begin: what it is told first. running: takes it, whatever it answers.

    Raises:
        DataUnavailable: when an extractor cannot be had.
    """
    process = subprocess.Popen(
        [sys.executable, "-P", "-c", CHILD],
        env=_child_environment.child_variables(HF_HUB_OFFLINE="1"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # Ctrl-C is for the one that started it
    )
    running.append(process)
    answer = _ask_process(process, begin, PATIENCE)
    check("names" in answer, str(answer.get("why"))[:1000], DataUnavailable)
    return process, answer["names"]


def _ask_process(
    process: subprocess.Popen[str], message: Mapping[str, Any], patience: float
) -> dict[str, Any]:
    """Return the answer of a process to a message.

    A process that does not answer in time is killed; `why` in the answer gives the reason.
    """
    began, clock = time.monotonic(), threading.Timer(patience, process.kill)
    clock.daemon = True
    clock.start()
    try:
        print(json.dumps(message), file=process.stdin, flush=True)
        return dict(json.loads(cast(Any, process.stdout).readline()))
    except (OSError, ValueError):
        late = time.monotonic() - began >= patience
        with suppress(subprocess.TimeoutExpired):
            process.wait(2)  # it says by its status why it ends
        _end_process(process)
        how = f"takes more than {patience:g} s" if late else f"ends (status {process.returncode})"
        return {"why": f"The process that reads it {how}."}
    finally:
        clock.cancel()


def _end_process(process: subprocess.Popen[str]) -> None:
    process.kill()
    with suppress(OSError, ValueError):  # what it was sent last never arrived
        process.communicate()


def measure_rows(
    begin: Mapping[str, Any],
    takes: Mapping[int, extract_worker.Take],
    todo: Sequence[int],
    done: Mapping[int, Path],
    processes: int,
    patience: float,
    progress: Progress,
) -> tuple[dict[str, list[str]], dict[int, str]]:
    """Measure rows, and return the names of features by modality, and the reasons for the rows that could not be
    measured.

    Raises:
        DataUnavailable: when an extractor cannot be had, or features cannot be written.
    """
    number = min(processes or os.cpu_count() or 1, max(1, len(todo)))
    running, free = list[subprocess.Popen[str]](), queue.SimpleQueue[subprocess.Popen[str] | None]()

    def measure(row: int) -> str:
        """Measure a row; return the reason of a failure, empty on success."""
        process = free.get()
        try:
            if process is None or process.poll() is not None:
                process, _ = _start_process(begin, running)
            order = {"take": takes[row], "out": str(done[row])}
            answer = _ask_process(process, order, patience)
            check(
                not answer.get("disk"),
                f"Features cannot be written, and none are left out for that: {str(answer.get('disk'))[:300]} Give the "
                "same command again when that is mended: it goes on with what is finished.",
                DataUnavailable,
            )
            return str(answer["why"])
        finally:
            free.put(process)

    why, pace, pool = dict[int, str](), Pace(), ThreadPoolExecutor(number)
    progress(0, len(todo), "starting")
    try:
        first, names = _start_process(
            begin, running
        )  # what is missing is said before anything is read
        for process in [first, *[None] * (number - 1)]:
            free.put(process)
        for at, (row, words) in enumerate(zip(todo, pool.map(measure, todo), strict=True), 1):
            if words:
                why[row] = words
            progress(at, len(todo), pace.words(at, len(todo), "recordings"))
        return names, why
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for process in running:
            _end_process(process)
