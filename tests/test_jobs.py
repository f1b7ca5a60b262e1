"""Long computations in the background: of each reader one at a time, until nobody waits or somebody cancels."""

from __future__ import annotations

import threading
import time

import pytest

from qfusion import _sentences
from qfusion.analysis import jobs


@pytest.fixture(autouse=True)
def none_before(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs, "JOBS", type(jobs.JOBS)())


def wait_for_end(*those: jobs.Job) -> None:
    until = time.monotonic() + 20
    while any(job.is_active for job in those) and time.monotonic() < until:
        time.sleep(0.005)


def test_a_reader_computes_one_thing_at_a_time_beside_others() -> None:
    gates = {name: threading.Event() for name in ("ada 1", "ada 2", "ben 1")}
    begun: list[str] = []

    def job(name: str) -> jobs.Job:
        def make() -> str:
            begun.append(name)
            assert gates[name].wait(20)
            return name

        return jobs.begin_job(name, make, 1, name.split()[0])

    those = [job(name) for name in gates]
    until = time.monotonic() + 20
    while len(begun) < 2 and time.monotonic() < until:
        time.sleep(0.005)
    assert sorted(begun) == ["ada 1", "ben 1"]
    assert those[1].state == jobs.State.WAITING
    gates["ada 1"].set()
    gates["ada 2"].set()
    gates["ben 1"].set()
    wait_for_end(*those)
    assert [one.result for one in those] == ["ada 1", "ada 2", "ben 1"]
    assert begun[2] == "ada 2"


def test_a_cancelled_computation_ends_at_its_next_step_and_the_next_begins() -> None:
    steps: list[int] = []

    def count() -> None:
        with _sentences.progress_shown("Counting") as tell:
            for step in range(10_000):
                steps.append(step)
                tell(step, 10_000)
                time.sleep(0.001)

    first = jobs.begin_job("first", count, 10_000, "ada")
    second = jobs.begin_job("second", lambda: "done", 1, "ada")
    while not steps:
        time.sleep(0.001)
    first.stop()
    wait_for_end(second)
    assert first.state == jobs.State.CANCELLED
    assert len(steps) < 10_000
    assert second.result == "done"
