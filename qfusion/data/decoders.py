"""Decoders: functions that read files with FFmpeg or Pillow in processes of their own, isolated from this one.

    @run_in_process(seconds=10, form=Facts)
    def probe(path: Path) -> Facts: ...

The memory and the processor time of a decoder are limited, and it is killed when it exceeds them. Inside a decoder
(after `run_here`) the function runs directly. Arguments are sent as a pickle. Numbers, words and arrays are returned,
never a pickle, since a hostile file may control the decoder.
"""

import os
import pickle
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import wraps
from typing import Any, TypeVar, cast

import msgspec

from qfusion.data.decoder_messages import ERRORS, TooMuchWork, receive_part, send_message
from qfusion.data.decoder_pool import end_process, put_back, take_process
from qfusion.errors import DataUnavailable, QFusionError

F = TypeVar("F", bound=Callable[..., Any])

MEMORY = 3 << 29  # bytes that a decoder may allocate after its start
# Wall-clock time of an answer, as a multiple of its processor time: other processes share the processor.
PATIENCE = 10
PLACES = 6  # decoders at once, copies of recordings not counted

in_decoder = [False]
_places = threading.BoundedSemaphore(PLACES)


def run_here() -> None:
    """Make this process read files itself, since it has limits of its own."""
    in_decoder[0] = True


def run_in_process(
    seconds: int, form: Callable[..., Any] | None = None, *, counted: bool = True
) -> Callable[[F], F]:
    """Return a decorator that runs a function in a decoder.

    The function takes a path first. A keyword `stop` (`threading.Event`) cancels it. The decorated function raises the
    errors of the function, and `TooMuchWork` when the decoder exceeds its limits or ends.

    Args:
        seconds: processor time that an answer may take.
        form: returns the result from the fields of a dataclass, in which tuples are lists. None for numbers, words,
            arrays, and dictionaries of them.
        counted: whether the call takes one of PLACES.
    """

    def decorate(function: F) -> F:
        name = f"{function.__module__}:{function.__name__}"

        @wraps(function)
        def run(*given: Any, stop: threading.Event | None = None, **more: Any) -> Any:
            if in_decoder[0]:
                return function(*given, **more)
            (value,) = _iterate_answers(name, seconds, given, more, stop, counted)
            return value if form is None else form(**value)

        return cast(F, run)

    return decorate


def iterate_in_process(seconds: int) -> Callable[[F], F]:
    """Return a decorator that runs a generator in a decoder, see `run_in_process`."""

    def decorate(function: F) -> F:
        name = f"{function.__module__}:{function.__name__}"

        @wraps(function)
        def iterate(*given: Any, **more: Any) -> Iterator[Any]:
            if in_decoder[0]:
                yield from function(*given, **more)
            else:
                yield from _iterate_answers(name, seconds, given, more, None, counted=True)

        return cast(F, iterate)

    return decorate


def _iterate_answers(
    name: str,
    seconds: int,
    given: tuple[Any, ...],
    more: dict[str, Any],
    stop: threading.Event | None,
    counted: bool,
) -> Iterator[Any]:
    """Yield the answers of a decoder to one order."""
    if counted:
        _places.acquire()
    process = take_process()
    whole = False
    clock = None
    try:
        clock = _Clock(process, PATIENCE * seconds, stop)
        send_message(cast(Any, process.stdin), pickle.dumps((name, seconds, given, more)))
        while True:
            kind, value = receive_part(cast(Any, process.stdout))
            if kind in ("end", "error"):
                whole = True
                if kind == "error":
                    raise ERRORS[value[0]](value[1])
                return
            yield value
    except (OSError, EOFError, ValueError, msgspec.MsgspecError) as error:
        if isinstance(error, QFusionError):
            raise
        raise _explain_end(process, clock, given[0], seconds) from error
    finally:
        if clock is not None:
            clock.end()
        if whole:
            put_back(process)
        else:
            end_process(process)
        if counted:
            _places.release()


class _Clock:
    """Kills a decoder that answers too late, or whose caller has cancelled."""

    def __init__(
        self, process: subprocess.Popen[bytes], seconds: float, stop: threading.Event | None
    ):
        self.late = self.stopped = False
        self._process = process
        self._until = time.monotonic() + seconds
        self._stop = stop
        self._done = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while not self._done.wait(0.1):
            self.late = time.monotonic() > self._until
            self.stopped = self._stop is not None and self._stop.is_set()
            if self.late or self.stopped:
                self._process.kill()
                return

    def end(self) -> None:
        """Stop watching."""
        self._done.set()


def _explain_end(
    process: subprocess.Popen[bytes], clock: _Clock | None, place: Any, seconds: int
) -> QFusionError:
    """Return the error of a decoder that has given no answer."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(2)  # its exit status tells the reason
    if clock is not None and clock.stopped:
        return DataUnavailable("The reading was cancelled.")
    name = os.path.basename(str(place))[-80:]
    status = process.returncode
    spent = status == -_signal_number("SIGXCPU")
    if spent or (clock is not None and clock.late):
        return TooMuchWork(
            f"File `{name}` takes more than {seconds} s of processor time to read. Convert it, or give a shorter part."
        )
    return TooMuchWork(
        f"File `{name}` ends the process that reads it (status {status}): it is damaged, or needs more than "
        f"{MEMORY >> 20:,} MiB. Convert it."
    )


def _signal_number(name: str) -> int:
    import signal

    return int(getattr(signal, name, 0))  # Windows has fewer


def _reset_after_fork() -> None:
    """Free all places in a fork: its decoders belong to the parent."""
    global _places
    _places = threading.BoundedSemaphore(PLACES)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_after_fork)
