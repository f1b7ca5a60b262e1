"""A cache of results by study and arguments, shared by all sessions, with a limit per kind of result.

    @memo(32)
    def agreement(study, row, tweak): ...

The key of a study or sample consists of the digests of weights, data and background that determine its numbers, so
equal ones share results and none is mixed up with another. Results are shared and must not be changed; tables are
copied. What takes minutes is computed in the background, see `jobs.begin_job`.
"""

import functools
import inspect
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numpy as np
import pandas as pd

from qfusion._memory_cache import CACHE
from qfusion.analysis import shipped_results
from qfusion.analysis.tasks import Task

P = ParamSpec("P")
R = TypeVar("R")


# entered around every computation that has a task; a run of a page sets it to show a spinner
waiting: ContextVar[Callable[[Task | str], AbstractContextManager[Any]]] = ContextVar(
    "waiting", default=nullcontext
)


_FINDERS: dict[Callable[..., Any], Callable[..., Any]] = {}  # by function with `memo`


def memo(
    size: int,
    *,
    background: bool = True,
    task: Task | str | None = None,
    stamp: Callable[..., Hashable] = lambda *_, **__: None,
    shipped: Any = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that caches the last `size` results of a function.

    Args:
        size: so many results, the least recently used go first; all results of the process are bounded by their bytes,
            too, see `_memory_cache`.
        background: whether results depend on the background of a study; else studies that differ in it alone share
            them.
        task: what is computed, or its caption, where it takes long: shown meanwhile, see `waiting`.
        stamp: of the arguments, what changes whenever files do that a result is read from.
        shipped: type of the result, where results of shipped models come with the package, see `shipped_results`. The
            function's first argument is a study.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def memoised(*args: P.args, **kwargs: P.kwargs) -> R:
            call = bind(*args, **kwargs)
            key = stamp(*args, **kwargs), argument_key(list(call.arguments.values()), background)

            def compute() -> R:
                if shipped is not None and (ready := find_shipped(call)):
                    return cast("R", ready[0])
                with nullcontext() if task is None else waiting.get()(task):
                    return function(*call.args, **call.kwargs)

            return _copy_tables(CACHE.get_or_compute(function, key, compute, size))

        def find_shipped(call: inspect.BoundArguments) -> tuple[Any] | None:
            arguments = list(call.arguments.values())
            return shipped_results.find_shipped(function.__name__, arguments, shipped)

        def bind(*args: Any, **kwargs: Any) -> inspect.BoundArguments:
            """Return the arguments of a call as results are kept by them."""
            call = signature.bind(*args, **kwargs)
            call.apply_defaults()
            _leave_own(call.arguments)
            return call

        def find(*args: Any, **kwargs: Any) -> R | None:
            call = bind(*args, **kwargs)
            key = stamp(*args, **kwargs), argument_key(list(call.arguments.values()), background)
            result = CACHE.get(function, key)
            if result is None and shipped is not None and (ready := find_shipped(call)):
                result = CACHE.get_or_compute(function, key, lambda: ready[0], size)
            return cast("R | None", result)

        _FINDERS[memoised] = find
        return cast("Callable[P, R]", memoised)

    return decorate


def find_result(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
    """Return the result of a function with `memo` if it is in the cache or ships; it is not computed."""
    find = _FINDERS.get(function)
    return None if find is None else cast("R | None", find(*args, **kwargs))


def file_stamp(path: Path) -> tuple[int, int]:
    """Return the time of modification and the size of a file or folder, or zeros if it does not exist. They are a
    stamp for results that are read from it.
    """
    with suppress(OSError):
        seen = path.stat()
        return seen.st_mtime_ns, seen.st_size
    return 0, 0


def _leave_own(arguments: dict[str, Any]) -> None:
    """Replace a study that has a visitor's samples appended, see `Study.with_own`, by the study of the set alone,
    unless another argument names one of these samples. Results that concern only the set are thus computed once for
    all who ask.
    """
    for name, value in arguments.items():
        whole = getattr(value, "base_study", value)
        if whole is not value and not any(
            _names_own(other, value.dataset) for key, other in arguments.items() if key != name
        ):
            arguments[name] = whole


def _names_own(value: Any, dataset: Any) -> bool:
    """Whether an argument names one of a visitor's samples, by its row or id."""
    match value:
        case str():
            return any(name in value for name in dataset.own.ids)
        case int() | np.integer():
            return int(value) >= len(dataset)
        case np.ndarray():
            return value.dtype.kind in "iu" and bool((value >= len(dataset)).any())
        case list() | tuple():
            return any(_names_own(one, dataset) for one in value)
        case Mapping():
            return _names_own(list(value.values()), dataset)
        case _ if hasattr(value, "memo_key"):  # a sample, or another study
            return _names_own(getattr(value, "row", ""), dataset)
        case _:
            return is_dataclass(value) and _names_own(vars(value), dataset)


def argument_key(value: Any, background: bool) -> Hashable:
    """Return a key that distinguishes an argument from others: the digests of a study, the numbers of an array."""
    match value:
        case _ if hasattr(value, "memo_key"):
            return cast("Hashable", value.memo_key(background))
        case np.ndarray():
            return "array", value.shape, value.dtype.str, value.tobytes()
        case Mapping():
            return tuple((name, argument_key(entry, background)) for name, entry in value.items())
        case list() | tuple():
            return tuple(argument_key(entry, background) for entry in value)
        case _:
            hash(value)
            return type(value), value


def _copy_tables(result: R) -> R:
    return cast("R", result.copy()) if isinstance(result, pd.DataFrame) else result
