"""Cached values of studies are computed once per study, and studies do not wait for one another."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from qfusion.analysis.study_cache import dataset_cache


class Study:
    """A study with one cached value, whose computation waits until it may go on."""

    def __init__(self) -> None:
        self.base_study = self
        self.started, self.go = threading.Event(), threading.Event()
        self.count = 0

    @dataset_cache
    def value(self) -> Any:
        self.started.set()
        assert self.go.wait(30)
        self.count += 1
        return object()


def test_a_study_does_not_wait_for_another() -> None:
    slow, fast = Study(), Study()
    fast.go.set()
    with ThreadPoolExecutor(2) as threads:
        waiting = threads.submit(lambda: slow.value)
        try:
            assert slow.started.wait(30)
            assert threads.submit(lambda: fast.value).result(30) is fast.value
            assert not waiting.done()
        finally:
            slow.go.set()


def test_threads_compute_a_value_once() -> None:
    study = Study()
    with ThreadPoolExecutor(2) as threads:
        results = [threads.submit(lambda: study.value) for _ in range(2)]
        assert study.started.wait(30)
        study.go.set()
        assert results[0].result(30) is results[1].result(30)
    assert study.count == 1
