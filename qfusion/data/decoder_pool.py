"""A pool of decoder processes that wait for the next file."""

import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from typing import NamedTuple

from qfusion import _child_environment
from qfusion.errors import DataUnavailable

SPARE = 2  # waiting processes
IDLE = 30.0  # seconds after which a waiting process is killed
_SERVE = "from qfusion.data.decoder_server import serve; serve()"
_lock = threading.Lock()


class _Waiting(NamedTuple):
    """A waiting process and the time since which it waits."""

    process: subprocess.Popen[bytes]
    since: float


IDLE_DECODERS = list[_Waiting]()


def take_process() -> subprocess.Popen[bytes]:
    """Return a waiting process, or a new one.

    Raises:
        DataUnavailable: when no process can be started.
    """
    with _lock:
        while IDLE_DECODERS:
            process = IDLE_DECODERS.pop().process
            if process.poll() is None:
                return process
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", _SERVE],
            env=_child_environment.child_variables(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C goes to the parent alone
        )
    except OSError as error:
        raise DataUnavailable(
            f"No process that reads recordings can be started ({error.strerror}). Free some memory, and try again."
        ) from error


def put_back(process: subprocess.Popen[bytes]) -> None:
    """Keep a process for the next file, for at most `IDLE` seconds."""
    with _lock:
        if len(IDLE_DECODERS) < SPARE:
            IDLE_DECODERS.append(_Waiting(process, time.monotonic()))
            timer = threading.Timer(IDLE + 1, _end_idle)
            timer.daemon = True
            timer.start()
            return
    end_process(process)


def _end_idle() -> None:
    with _lock:
        idle = [one for one in IDLE_DECODERS if time.monotonic() - one.since >= IDLE]
        IDLE_DECODERS[:] = [one for one in IDLE_DECODERS if one not in idle]
    for one in idle:
        end_process(one.process)


def end_process(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and wait for its end."""
    process.kill()
    with suppress(OSError, ValueError):  # its input may be closed already
        process.communicate()


def _reset_after_fork() -> None:
    """Forget the waiting processes in a fork: they belong to the parent."""
    global _lock
    _lock = threading.Lock()
    IDLE_DECODERS.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
