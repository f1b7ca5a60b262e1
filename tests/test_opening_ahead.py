"""What a page shows first is computed while the browser loads scripts."""

from __future__ import annotations

import threading

import pytest

from qfusion._memory_cache import CACHE
from qfusion.analysis import opening, trust
from qfusion.analysis.memo import find_result
from qfusion.ui import access, opening_ahead, prefetch


@pytest.fixture(autouse=True)
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server on which nobody has to log in, on a machine that has nothing else to do."""
    monkeypatch.setattr(prefetch, "is_busy", lambda: False)
    monkeypatch.setattr(access, "demands_login", lambda: False)


def open_and_wait(page: str, query: dict[str, str]) -> None:
    task = opening_ahead.open_ahead(page, query)
    assert task is not None
    task.result(60)


def test_findings_of_a_page_are_there_before_it_asks() -> None:
    study = opening.open_study("qj-parity")
    CACHE.clear(trust.find_stability.__wrapped__)
    open_and_wait("faithfulness", {"model": "qj-parity"})
    assert find_result(trust.find_stability, study) is not None


@pytest.mark.parametrize(
    ("page", "query"),
    [
        ("nothing", {}),
        ("", {"model": "../qj-parity"}),
        ("dynamics", {"model": "qj-parity", "data": "planted"}),
        ("dynamics", {"model": "qj-parity", "sample": "none"}),
        ("dynamics", {"model": "qj-parity", "as": "x" * 30_000}),
        ("samples", {"model": "qj-parity", "sample": "\0"}),
    ],
)
def test_an_address_that_is_not_valid_is_left_to_the_page(page: str, query: dict[str, str]) -> None:
    open_and_wait(page, query)
    open_and_wait("faithfulness", {"model": "qj-parity"})  # the next one is opened


def test_one_page_is_opened_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, end = threading.Event(), threading.Event()

    def wait(title: str, query: dict[str, str]) -> None:
        begun.set()
        end.wait(10)

    monkeypatch.setattr(opening_ahead, "compute_first", wait)
    task = opening_ahead.open_ahead("", {})
    assert task is not None
    assert begun.wait(10)
    assert opening_ahead.open_ahead("", {}) is None
    end.set()
    task.result(10)


def test_nothing_is_opened_for_those_who_have_not_logged_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(access, "demands_login", lambda: True)
    assert opening_ahead.open_ahead("", {}) is None
