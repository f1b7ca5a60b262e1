"""Long computations in the background: of each reader one at a time, until nobody waits or somebody cancels; trainings
in processes that survive the page.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from pathlib import Path

import pytest

from qfusion import _progress
from qfusion.errors import QFusionError
from qfusion.runs.plans import ROOT, run_in_process
from qfusion.study import jobs
from tests.support.counting import count_in_process


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
        with _progress.progress_shown("Counting") as tell:
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


def wait_for_file(path: Path) -> None:
    until = time.monotonic() + 120
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert path.exists()


def test_process_says_how_far_it_is_and_why_it_fails(tmp_path: Path) -> None:
    said: list[tuple[int, int]] = []
    place = tmp_path / "result"
    with _progress.progress_to(lambda _: nullcontext(lambda *now: said.append(now))):
        run_in_process(count_in_process, ["20", str(place)], 20, "Counting")
    assert place.read_text() == "20"
    assert said == sorted(said)
    assert 0 < said[-1][0] <= 20
    with pytest.raises(QFusionError, match="There is nothing to count"):
        run_in_process(count_in_process, ["0", str(place)], 0, "Counting")


def test_cancelled_training_is_killed(tmp_path: Path) -> None:
    place = tmp_path / "result"
    work = ["100", str(place)]
    job = jobs.begin_job(
        "process",
        lambda: run_in_process(count_in_process, work, 100, "Counting"),
        100,
        training=True,
    )
    wait_for_file(place.with_suffix(".begun"))
    job.stop()
    wait_for_end(job)
    time.sleep(6)
    assert job.state == jobs.State.CANCELLED
    assert not place.exists()


def test_training_survives_the_server_of_its_page(tmp_path: Path) -> None:
    place = tmp_path / "result"
    code = (
        "from qfusion.runs.plans import run_in_process; "
        "from tests.support.counting import count_in_process; "
        f"run_in_process(count_in_process, ['40', {str(place)!r}], 40, 'Counting')"
    )
    server = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT)
    wait_for_file(place.with_suffix(".begun"))
    server.kill()
    server.wait()
    assert not place.exists()
    wait_for_file(place)
