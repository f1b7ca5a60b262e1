"""The cache in memory: what it keeps, how much, and that a result is computed once."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from qfusion._memory_cache import MemoryCache, estimate_bytes


@dataclass
class Result:
    """A result as calculations return it."""

    values: np.ndarray
    more: Any = None


def test_least_recently_used_entries_are_evicted_first() -> None:
    cache = MemoryCache()
    for key in "abc":
        cache.put("kind", key, key, most=3)
    cache.put("other", "a", 1, most=1)
    assert cache.get("kind", "a") == "a"
    cache.put("kind", "d", "d", most=3)
    assert [cache.get("kind", key) for key in "abcd"] == ["a", None, "c", "d"]
    assert cache.get("other", "a") == 1
    cache.clear("kind")
    assert cache.get("kind", "a") is None
    assert cache.get("other", "a") == 1


def test_all_kinds_together_are_bounded_by_bytes() -> None:
    cache = MemoryCache(most_bytes=2_500)
    for number in range(3):
        cache.put(number, "key", np.zeros(125), most=8)
    assert cache.get(0, "key") is None
    assert cache.get(1, "key") is not None
    cache.put("large", "key", np.zeros(10_000), most=8)  # stays alone, as it is in use
    assert cache.get("large", "key") is not None
    assert cache.get(2, "key") is None


def test_concurrent_threads_compute_a_result_once() -> None:
    cache = MemoryCache()
    computed: list[int] = []
    start = threading.Barrier(4)

    def compute() -> None:
        computed.append(1)

    def ask() -> None:
        start.wait()
        cache.get_or_compute("kind", "key", compute, 4)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert computed == [1], "a result that is None is kept, too"


def test_errors_are_not_cached() -> None:
    cache = MemoryCache()
    with pytest.raises(ZeroDivisionError):
        cache.get_or_compute("kind", "key", lambda: 1 / 0, 4)
    assert cache.get_or_compute("kind", "key", lambda: 2, 4) == 2


def test_sizes_of_arrays_tensors_tables_and_texts() -> None:
    array = np.zeros(100)
    assert estimate_bytes(array) == 800
    assert estimate_bytes(torch.zeros(100)) == 400
    assert estimate_bytes(pd.DataFrame({"a": array})) == 800
    assert estimate_bytes("word") == 4
    assert estimate_bytes({"a": array, "b": [array, array]}) == 800, "what is shared counts once"
    assert estimate_bytes(Result(array, (torch.zeros(5), "ab"))) == 822
    itself: list[Any] = [array]
    itself.append(itself)
    assert estimate_bytes(itself) == 800
