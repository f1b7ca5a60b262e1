"""The cache of results in memory: one for the whole process, bounded by bytes, keyed by digests and settings.

`analysis.memo` keeps results of calculations in it, and `training.encodings` outputs of encoders, which it also writes
to the disk cache (`data.array_cache`). Results are shared and must not be changed.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import is_dataclass
from typing import Any
from weakref import WeakValueDictionary

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


def estimate_bytes(result: Any) -> int:
    """Return about how many bytes a result takes: its arrays, tensors, tables and texts.

    What has a `memo_key`, such as a study or a sample, counts nothing: it is shared, and kept by itself.
    """
    return _count(result, set())


def _count(value: Any, seen: set[int]) -> int:
    """Return the number of bytes of the parts of a value that are not in `seen` yet."""
    if value is None or isinstance(value, (bool, int, float, complex)):
        return 32
    if isinstance(value, (str, bytes)):
        return len(value)
    if id(value) in seen or hasattr(value, "memo_key"):
        return 0
    seen.add(id(value))
    size = getattr(value, "nbytes", None)  # an array, a tensor, a column or an index
    if isinstance(size, int):
        return size
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
