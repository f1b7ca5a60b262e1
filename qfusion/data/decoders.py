"""Processes that decode media with FFmpeg and Pillow, one file after the other, so that no file harms this process.

    @apart(seconds=10, form=Facts)
    def probe(path: Path) -> Facts: ...

A function with `apart` runs in such a process. Its memory and its seconds of the processor are limited, and it is ended
where it takes more. In a process that is one already (`stay` was called) the function runs at once. Arguments go there
as a pickle. Numbers, words and arrays come back, never a pickle: a file may have taken the process over.
"""

import importlib
import io
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, BinaryIO, NamedTuple, TypeVar, cast

import msgspec
import numpy as np

from qfusion import _limits
from qfusion.data.isolated import process_limits
from qfusion.errors import (
    DataUnavailable,
    IntegrityError,
    InvalidInput,
    NotFound,
    QFusionError,
)

F = TypeVar("F", bound=Callable[..., Any])

MEMORY = 3 << 29  # bytes that such a process may take beyond its start
PATIENCE = (
    10  # times as long as its seconds of the processor may an answer take: others compute beside it
)
PLACES = 6  # such processes at once, copies of recordings not counted
SPARE = 2  # that wait for the next file
IDLE = 30.0  # seconds after which one that waits is ended
NICENESS = 10  # pages come first
_SERVE = "from qfusion.data.decoders import serve; serve()"
_PARTS = ("value", "next", "end", "error")  # of an answer
_MAX_ANSWER = 2**31  # bytes

_stays = [False]
_places = threading.BoundedSemaphore(PLACES)
_lock = threading.Lock()


class _Waiting(NamedTuple):
    """A process that waits for the next file, and since when."""

    process: subprocess.Popen[bytes]
    since: float


_waiting = list[_Waiting]()


class TooMuchWork(InvalidInput):
    """A file takes more memory or time to read than it may."""


_ERRORS: dict[str, type[QFusionError]] = {
    error.__name__: error
    for error in (
        QFusionError,
        InvalidInput,
        NotFound,
        DataUnavailable,
        IntegrityError,
        TooMuchWork,
    )
}


def stay() -> None:
    """Has this process read files itself: it has limits of its own, and costs no more than what it reads."""
    _stays[0] = True


def apart(
    seconds: int, form: Callable[..., Any] | None = None, *, counted: bool = True
) -> Callable[[F], F]:
    """Has a function, or a generator, that reads a file run in a process of its own.

    Args:
        seconds: of the processor that an answer may take.
        form: makes the dataclass that it returns of its fields, in which tuples are lists; numbers, words, arrays and
            dictionaries of them need none.
        counted: whether it takes one of PLACES.

    The function takes a path first, and a keyword `stop` (`threading.Event`) ends it early. It raises what it raises
    there, and TooMuchWork where the process needs more than its limits or ends.
    """

    def decorate(function: F) -> F:
        name = f"{function.__module__}:{function.__name__}"

        def ask(place: Any, *given: Any, stop: threading.Event | None = None, **more: Any) -> Any:
            return _answers(name, seconds, (place, *given), more, stop, counted)

        @wraps(function)
        def called(*given: Any, stop: threading.Event | None = None, **more: Any) -> Any:
            if _stays[0]:
                return function(*given, **more)
            (value,) = ask(*given, stop=stop, **more)
            return value if form is None else form(**value)

        return cast(F, called)

    return decorate


def apart_each(seconds: int) -> Callable[[F], F]:
    """Does as `apart` for a generator, whose process ends with it."""

    def decorate(function: F) -> F:
        name = f"{function.__module__}:{function.__name__}"

        @wraps(function)
        def called(*given: Any, **more: Any) -> Iterator[Any]:
            if _stays[0]:
                yield from function(*given, **more)
            else:
                yield from _answers(name, seconds, given, more, None, counted=True)

        return cast(F, called)

    return decorate


def _answers(
    name: str,
    seconds: int,
    given: tuple[Any, ...],
    more: dict[str, Any],
    stop: threading.Event | None,
    counted: bool,
) -> Iterator[Any]:
    """What a process answers to one order."""
    if counted:
        _places.acquire()
    process, whole, clock = _taken(), False, None
    try:
        clock = _Clock(process, PATIENCE * seconds, stop)
        _send(cast(Any, process.stdin), pickle.dumps((name, seconds, given, more)))
        while True:
            kind, value = _received(cast(Any, process.stdout))
            if kind in ("end", "error"):
                whole = True
                if kind == "error":
                    raise _ERRORS[value[0]](value[1])
                return
            yield value
    except (OSError, EOFError, ValueError, msgspec.MsgspecError) as error:
        if isinstance(error, QFusionError):
            raise
        raise _ended(process, clock, given[0], seconds) from error
    finally:
        if clock is not None:
            clock.end()
        if whole:
            _put_back(process)
        else:
            _end(process)
        if counted:
            _places.release()


class _Clock:
    """Ends a process that answers too late, or is not needed any more."""

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
        """Watches no longer."""
        self._done.set()


def _ended(
    process: subprocess.Popen[bytes], clock: _Clock | None, place: Any, seconds: int
) -> QFusionError:
    """Why a process has given no answer."""
    with suppress(subprocess.TimeoutExpired):
        process.wait(2)  # it says by its status why it ends
    if clock is not None and clock.stopped:
        return DataUnavailable("It is not made: nobody waits for it any more.")
    name, status = os.path.basename(str(place))[-80:], process.returncode
    spent = status == -_signal("SIGXCPU")
    if spent or (clock is not None and clock.late):
        return TooMuchWork(
            f"File `{name}` takes more than {seconds} s of the processor to read. Convert it, or give a shorter part."
        )
    return TooMuchWork(
        f"File `{name}` ends the process that reads it (status {status}): it is damaged, or needs more than "
        f"{MEMORY >> 20:,} MiB. Convert it."
    )


def _signal(name: str) -> int:
    import signal

    return int(getattr(signal, name, 0))  # Windows has fewer


# Processes that wait.


def _taken() -> subprocess.Popen[bytes]:
    """A process that waits, or a new one."""
    with _lock:
        while _waiting:
            process = _waiting.pop().process
            if process.poll() is None:
                return process
    try:
        return subprocess.Popen(
            [sys.executable, "-P", "-c", _SERVE],
            env=_limits.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the one that started it
        )
    except OSError as error:
        raise DataUnavailable(
            f"No process can be started that reads recordings ({error.strerror}). Free some memory, and try again."
        ) from error


def _put_back(process: subprocess.Popen[bytes]) -> None:
    """Keeps a process for the next file, for a while."""
    with _lock:
        if len(_waiting) < SPARE:
            _waiting.append(_Waiting(process, time.monotonic()))
            timer = threading.Timer(IDLE + 1, _end_idle)
            timer.daemon = True
            timer.start()
            return
    _end(process)


def _end_idle() -> None:
    with _lock:
        idle = [one for one in _waiting if time.monotonic() - one.since >= IDLE]
        _waiting[:] = [one for one in _waiting if one not in idle]
    for one in idle:
        _end(one.process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    with suppress(OSError, ValueError):  # what it was sent last never arrived
        process.communicate()


def _forget() -> None:
    """In a fork: the processes are those of the one that it was forked from."""
    global _lock, _places
    _lock = threading.Lock()
    _places = threading.BoundedSemaphore(PLACES)
    _waiting.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget)


# Messages: their length, then what they hold.


def _send(stream: BinaryIO, message: bytes) -> None:
    stream.write(len(message).to_bytes(8, "little"))
    stream.write(message)
    stream.flush()


def _read(stream: BinaryIO) -> bytes:
    """The next message; empty at the end."""
    head = stream.read(8)
    size = int.from_bytes(head, "little")
    if len(head) < 8 or size > _MAX_ANSWER:
        return b""
    return stream.read(size)


def _received(stream: BinaryIO) -> tuple[str, Any]:
    """A part of an answer: what it is, and its value.

    Raises:
        EOFError, ValueError: when it is none.
    """
    message = _read(stream)
    if not message:
        raise EOFError
    kind, value = msgspec.msgpack.decode(
        message, type=tuple[str, Any], ext_hook=lambda _, content: _array(content)
    )
    if kind not in _PARTS or (kind == "error" and value[0] not in _ERRORS):
        raise ValueError(kind)
    return kind, value


def _array(content: memoryview) -> np.ndarray:
    return np.load(io.BytesIO(content), allow_pickle=False)


def _packed(value: Any) -> Any:
    """An array, and whatever else is no number, word or list of them, as msgspec takes it."""
    if isinstance(value, np.ndarray):
        file = io.BytesIO()
        np.save(file, value, allow_pickle=False)
        return msgspec.msgpack.Ext(1, file.getbuffer())
    raise NotImplementedError(type(value).__name__)


def _plain(value: Any) -> Any:
    """A dataclass as a dictionary of its fields; anything else as it is."""
    if is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in fields(value)}
    return value


# In the process itself.


def serve() -> None:
    """Answers orders on standard input until it ends."""
    stay()
    orders, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print goes elsewhere
    with suppress(AttributeError, OSError):
        os.nice(NICENESS)
    for name in ("clip_copies", "clip_previews"):  # before the limit of memory is set
        importlib.import_module(f"qfusion.data.{name}")
    if used := process_limits.used_address_space():
        process_limits.limit_process(used + MEMORY, 10**8)
    while message := _read(orders):
        name, seconds, given, more = pickle.loads(message)
        _allow(seconds)
        kind, value = "end", None
        try:
            for part in _made(name, given, more):
                _say(answers, "next", part)
        except QFusionError as error:
            known = next(cls.__name__ for cls in type(error).__mro__ if cls.__name__ in _ERRORS)
            kind, value = "error", [known, str(error)]
        except Exception as error:  # a file that anybody may have made leads to anything
            name = os.path.basename(str(given[0]))[-80:]
            kind = "error"
            value = [
                "InvalidInput",
                f"File `{name}` cannot be read ({type(error).__name__}). Convert it.",
            ]
        _say(answers, kind, value)


def _made(name: str, given: tuple[Any, ...], more: dict[str, Any]) -> Iterator[Any]:
    """What a function gives: one value, or those of a generator."""
    module, _, function = name.partition(":")
    value = getattr(importlib.import_module(module), function)(*given, **more)
    if isinstance(value, Iterator):
        yield from value
    else:
        yield _plain(value)


def _say(answers: BinaryIO, kind: str, value: Any) -> None:
    _send(answers, msgspec.msgpack.encode((kind, value), enc_hook=_packed))


def _allow(seconds: int) -> None:
    """Allows this process so many seconds more of the processor."""
    try:
        import resource
    except ImportError:  # Windows, where the clock alone ends it
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))
