"""Results that are kept between calls: for a subject and arguments, worked out once for all who ask, at most so many of
each kind.

    @memo(32)
    def agreement(work, row, tweak): ...

The key of a subject is what decides its numbers (digests of weights, data and background), so that equal subjects share
results and none is mixed up with another. What is returned is shared, and must not be changed; tables are copied.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
import pandas as pd

P = ParamSpec("P")
R = TypeVar("R")


def _no_words(words: str) -> AbstractContextManager[Any]:
    return nullcontext()


# stands around every calculation that has words; the pages spin here
waiting: Callable[[str], AbstractContextManager[Any]] = _no_words


def memo(
    size: int, *, background: bool = True, says: str = ""
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Returns a decorator that keeps the last `size` results of a function.

    Args:
        size: so many results, the least recently asked for go first.
        background: whether results depend on the background of a subject; else subjects that differ in it alone share
            them.
        says: what takes its time, to be shown meanwhile; see `waiting`.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        results: OrderedDict[Hashable, R] = OrderedDict()
        locks: dict[Hashable, threading.RLock] = {}
        guard, signature = threading.Lock(), inspect.signature(function)

        @functools.wraps(function)
        def kept(*args: P.args, **kwargs: P.kwargs) -> R:
            asked = signature.bind(*args, **kwargs)
            asked.apply_defaults()
            key = tuple(_key(each, background) for each in asked.arguments.values())
            with guard:
                lock = locks.setdefault(key, threading.RLock())
            with lock:
                with guard:
                    if key in results:
                        results.move_to_end(key)
                        return _shared(results[key])
                try:
                    with waiting(says) if says else nullcontext():
                        found = function(*args, **kwargs)
                except BaseException:
                    with guard:
                        locks.pop(key, None)
                    raise
                with guard:
                    results[key] = found
                    while len(results) > size:
                        locks.pop(results.popitem(last=False)[0], None)
                return _shared(found)

        return cast("Callable[P, R]", kept)

    return decorate


def _key(value: Any, background: bool) -> Hashable:
    """What tells an argument from others: of subjects their digests, of arrays their numbers."""
    own = getattr(value, "memo_key", None)
    if own is not None:
        return cast("Hashable", own(background))
    if isinstance(value, np.ndarray):
        return "array", value.shape, value.dtype.str, value.tobytes()
    if isinstance(value, Mapping):
        return tuple((name, _key(each, background)) for name, each in value.items())
    if isinstance(value, list | tuple):
        return tuple(_key(each, background) for each in value)
    hash(value)
    return type(value), value


def _shared(found: R) -> R:
    return cast("R", found.copy()) if isinstance(found, pd.DataFrame) else found
