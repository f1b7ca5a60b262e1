"""The loop of a decoder process: it reads an order, runs the function, and sends the answer."""

import importlib
import os
import pickle
import sys
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from qfusion.data.decoder_messages import ERRORS, plain_value, read_message, send_part
from qfusion.data.decoders import MEMORY, run_here
from qfusion.data.isolated import process_limits
from qfusion.errors import QFusionError

NICENESS = 10  # pages have priority


def serve() -> None:
    """Answer orders on standard input until it is closed."""
    run_here()
    orders = sys.stdin.buffer
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # output of libraries goes to standard error
    with suppress(AttributeError, OSError):
        os.nice(NICENESS)
    for name in ("clip_copies", "clip_previews"):  # import before the memory limit is set
        importlib.import_module(f"qfusion.data.{name}")
    if used := process_limits.used_address_space():
        process_limits.limit_process(used + MEMORY, 10**8)
    while message := read_message(orders):
        name, seconds, given, more = pickle.loads(message)
        _allow_seconds(seconds)
        kind = "end"
        value = None
        try:
            for part in _function_values(name, given, more):
                send_part(answers, "next", part)
        except QFusionError as error:
            known = next(cls.__name__ for cls in type(error).__mro__ if cls.__name__ in ERRORS)
            kind = "error"
            value = [known, str(error)]
        except Exception as error:  # a hostile file may raise anything
            name = os.path.basename(str(given[0]))[-80:]
            kind = "error"
            value = [
                "InvalidInput",
                f"File `{name}` cannot be read ({type(error).__name__}). Convert it.",
            ]
        send_part(answers, kind, value)


def _function_values(name: str, given: tuple[Any, ...], more: dict[str, Any]) -> Iterator[Any]:
    """Yield the result of a function, or the items of a generator."""
    module, _, function = name.partition(":")
    value = getattr(importlib.import_module(module), function)(*given, **more)
    if isinstance(value, Iterator):
        yield from value
    else:
        yield plain_value(value)


def _allow_seconds(seconds: int) -> None:
    """Raise the limit of processor time of this process by some seconds."""
    try:
        import resource
    except ImportError:  # Windows: the time limit of the caller applies
        return
    used = resource.getrusage(resource.RUSAGE_SELF)
    most = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (most, resource.getrlimit(resource.RLIMIT_CPU)[1]))
