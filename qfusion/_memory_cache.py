"""The cache of results in memory: one for the whole process, bounded by bytes, keyed by digests and settings.

    @memo(32)
    def agreement(study, row, tweak): ...

The key of a study or sample consists of the digests of weights, data and background that determine its numbers, so
equal ones share results and none is mixed up with another. Results are shared and must not be changed; tables are
copied. `study.cache` keeps the values of a study in it, and `training.encodings` outputs of encoders, which
are also on the disk (`_disk_cache`). What takes minutes is computed in the background, see `study.jobs`.
"""

import functools
import inspect
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast
from weakref import WeakValueDictionary

import numpy as np

P = ParamSpec("P")
R = TypeVar("R")

MAX_BYTES = 2 * 2**30  # of all results together
_FEW = 1_000  # entries of a list whose sizes are added; the size of a longer list follows from its first entry


class MemoryCache:
    """Cache that keeps results until they take too many bytes, or until there are too many of one kind. The least
    recently used results are removed first.

    Args:
        most_bytes: of all results together, as `estimate_bytes` counts them.
    """

    def __init__(self, most_bytes: int = MAX_BYTES):
        self.most_bytes = most_bytes
        self._entries: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._keys_of_kind: dict[Hashable, OrderedDict[Hashable, None]] = {}
        self._bytes = 0
        self._guard = threading.RLock()
        self._locks: WeakValueDictionary[Hashable, threading.RLock] = WeakValueDictionary()

    def get_or_compute(
        self, kind: Hashable, key: Hashable, compute: Callable[[], Any], most: int
    ) -> Any:
        """Return the result of a key; it is computed once, also when several threads ask for it.

        Args:
            kind: groups results that are limited together, such as those of one function.
            key: everything that determines the result.
            compute: returns it, where it is not there.
            most: results that are kept of this kind.
        """
        whole = (kind, key)
        entry = self._find(whole)
        if entry is not None:
            return entry[0]
        with self._guard:
            lock = self._locks.setdefault(whole, threading.RLock())
        with lock:
            entry = self._find(whole)
            if entry is None:
                entry = (compute(),)
                self.put(kind, key, entry[0], most)
            return entry[0]

    def get(self, kind: Hashable, key: Hashable) -> Any:
        """Return the result of a key, or None if there is none."""
        entry = self._find((kind, key))
        return None if entry is None else entry[0]

    def put(self, kind: Hashable, key: Hashable, result: Any, most: int) -> None:
        """Store a result, and remove others if they are too many or too large."""
        size = estimate_bytes(result)
        whole = (kind, key)
        with self._guard:
            self._remove(whole)
            self._entries[whole] = result, size
            self._bytes += size
            keys = self._keys_of_kind.setdefault(kind, OrderedDict())
            keys[whole] = None
            while len(keys) > most:
                self._remove(next(iter(keys)))
            while self._bytes > self.most_bytes and len(self._entries) > 1:
                self._remove(next(iter(self._entries)))

    def clear(self, kind: Hashable) -> None:
        """Remove all results of a kind."""
        with self._guard:
            for whole in list(self._keys_of_kind.get(kind, ())):
                self._remove(whole)

    def _find(self, whole: Hashable) -> tuple[Any] | None:
        """Return a result in a tuple, as it may be None, and record its use. Return None if there is no result."""
        with self._guard:
            entry = self._entries.get(whole)
            if entry is None:
                return None
            self._entries.move_to_end(whole)
            kind = whole[0]  # type: ignore[index]
            self._keys_of_kind[kind].move_to_end(whole)
            return (entry[0],)

    def _remove(self, whole: Hashable) -> None:
        entry = self._entries.pop(whole, None)
        if entry is not None:
            self._bytes -= entry[1]
            del self._keys_of_kind[whole[0]][whole]  # type: ignore[index]


CACHE = MemoryCache()


# entered around every computation that has a task; a run of a page sets it to show a spinner
waiting: ContextVar[Callable[[Any], AbstractContextManager[Any]]] = ContextVar(
    "waiting", default=nullcontext
)


_FINDERS: dict[Callable[..., Any], Callable[..., Any]] = {}  # by function with `memo`


def memo(
    size: int,
    *,
    background: bool = True,
    task: Any = None,
    stamp: Callable[..., Hashable] | None = None,
    ready: Callable[[Callable[..., Any], list[Any]], tuple[Any] | None] | None = None,
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator that caches the last `size` results of a function.

    Args:
        size: so many results, the least recently used go first; all results of the process are bounded by their bytes,
            too.
        background: whether results depend on the background of a study; else studies that differ in it alone share
            them.
        task: what is computed, of `study.jobs` or as a caption, where it takes long: shown meanwhile, see
            `waiting`.
        stamp: of the arguments, what changes whenever files do that a result is read from.
        ready: of the function and the arguments of a call, its result in a tuple where it need not be computed, see
            `study.cache`.
    """

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def memoised(*args: P.args, **kwargs: P.kwargs) -> R:
            call, key = bind(*args, **kwargs)

            def compute() -> R:
                known = ready(function, list(call.arguments.values())) if ready else None
                if known is not None:
                    return cast("R", known[0])
                with nullcontext() if task is None else waiting.get()(task):
                    return function(*call.args, **call.kwargs)

            result = CACHE.get_or_compute(function, key, compute, size)
            is_table = hasattr(result, "memory_usage")  # of pandas, which need not be loaded
            return cast("R", result.copy() if is_table else result)

        def bind(*args: Any, **kwargs: Any) -> tuple[inspect.BoundArguments, Hashable]:
            """Return the arguments of a call as results are kept by them, and their key."""
            call = signature.bind(*args, **kwargs)
            call.apply_defaults()
            _leave_own(call.arguments)
            values = list(call.arguments.values())
            when = stamp(*args, **kwargs) if stamp else None
            return call, (when, argument_key(values, background))

        def find(*args: Any, **kwargs: Any) -> R | None:
            call, key = bind(*args, **kwargs)
            result = CACHE.get(function, key)
            if result is None and ready:
                known = ready(function, list(call.arguments.values()))
                if known is not None:
                    CACHE.put(function, key, known[0], size)
                    return cast("R", known[0])
            return cast("R | None", result)

        _FINDERS[memoised] = find
        return cast("Callable[P, R]", memoised)

    return decorate


def find_result(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
    """Return the result of a function with `memo` if it is in the cache or ready; it is not computed."""
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
    """Replace a study that has a visitor's samples appended, see `Study.with_user_samples`, by the study of the set
    alone, unless another argument names one of these samples. Results that concern only the set are thus computed once
    for all who ask.
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


def estimate_bytes(result: Any) -> int:
    """Return about how many bytes a result takes: its arrays, tensors, tables and texts.

    What tells its own size, such as an array, counts that. What has a `memo_key`, such as a data set, a study or a
    sample, counts nothing: it is shared, and kept by itself.
    """
    return _count(result, set())


def _count(value: Any, seen: set[int]) -> int:
    """Return the number of bytes of the parts of a value that are not in `seen` yet."""
    if value is None or isinstance(value, (bool, int, float, complex)):
        return 32
    if isinstance(value, (str, bytes)):
        return len(value)
    if id(value) in seen:
        return 0
    seen.add(id(value))
    size = getattr(value, "nbytes", None)  # an array, a tensor, a column or an index
    if isinstance(size, int):
        return size
    if hasattr(value, "memo_key"):
        return 0
    if hasattr(value, "memory_usage"):  # a table
        return int(value.memory_usage(index=False).sum())
    if isinstance(value, Mapping):
        return sum(_count(entry, seen) for entry in value.values())
    if isinstance(value, (list, tuple, set, frozenset)):
        if len(value) > _FEW:
            return len(value) * _count(next(iter(value)), seen)
        return sum(_count(entry, seen) for entry in value)
    if is_dataclass(value):
        return sum(_count(entry, seen) for entry in getattr(value, "__dict__", {}).values())
    return 0
