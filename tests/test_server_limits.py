"""Limits of a server: what each allows, messages beyond it, and the order of waiting readers."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from qfusion import _limits, data, runs
from qfusion.analysis.runs import Seen
from qfusion.data import array_cache
from qfusion.data.array_files import require_room
from qfusion.errors import InvalidInput
from qfusion.runs import plans
from qfusion.ui import access, calculation_queue, permissions, run_actions
from qfusion.ui.pages import train as train_view


@pytest.fixture
def serving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A process that serves others, with folders of its own."""
    for name in ("RUNS", "MODELS", "IMPORTED", "CACHE"):
        monkeypatch.setenv(f"QFUSION_{name}", str(tmp_path / name.lower()))
    _limits.enforce_limits()
    yield tmp_path
    _limits.enforce_limits(False)


@pytest.mark.parametrize("variable", _limits.LIMITS)
@pytest.mark.parametrize("said", ["0", "-1", "many", "1.5", "１", "9" * 30])
def test_invalid_limit_stops_the_start(
    variable: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, said)
    with pytest.raises(InvalidInput, match=f"^{variable} must be a whole number from 1 ") as told:
        _limits.check_variables()
    assert "\n" not in str(told.value)


def test_every_limit_is_documented() -> None:
    words = (Path(_limits.__file__).parents[1] / "docs" / "serving.md").read_text()
    for name in [*_limits.LIMITS, permissions.VARIABLE, permissions.TRAIN, access.LOGIN]:
        assert name in words


@pytest.mark.parametrize(
    ("variable", "known"),
    [(permissions.TRAIN, "yes, no"), (permissions.VARIABLE, "none, upload, path")],
)
def test_invalid_word_is_refused(
    variable: str, known: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "perhaps")
    with pytest.raises(InvalidInput, match=f"^{variable} must be one of {known}, but is 'perhaps'"):
        permissions.check_variables()


@pytest.mark.parametrize(
    ("said", "local", "may"),
    [("", True, True), ("", False, False), ("yes", False, True), ("no", True, False)],
)
def test_permission_to_train(
    said: str, local: bool, may: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(permissions.TRAIN, said)
    monkeypatch.setattr(permissions, "is_local", lambda: local)
    assert permissions.may_train() is may
    if not may:
        with pytest.raises(InvalidInput, match="not begun, stopped or deleted in the browser"):
            permissions.check_train()
        seen = Seen(runs.Run(Path("x")), None, None, "finished")
        said_of: list[Any] = []
        monkeypatch.setattr(train_view.state, "put", lambda key, words: said_of.append(words))
        run_actions.apply_to_runs([seen], lambda each: pytest.fail("it was done"))
        assert "in the browser" in said_of[0]


def written(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")}


def test_full_disk_is_reported_before_writing(serving: Path) -> None:
    (serving / "runs").mkdir()
    with (serving / "runs" / "large").open("wb") as file:
        file.truncate(50 * _limits.GIB)  # of holes
    before = written(serving)
    asked: dict[str, Any] = {
        "A run": lambda: runs.create_run(
            plans.make_plan("planted", "concatenation", {}), name="more"
        ),
        "A run ": lambda: plans.start_runs(
            {f"more-{n}": plans.make_plan("planted", "concatenation", {}) for n in range(2)}
        ),
        "Modality": lambda: require_room(serving, 1, "Modality"),
        "The cache": lambda: array_cache.write_arrays(
            serving / "cache" / "x.npz", {"x": np.zeros(3)}
        ),
    }
    for what, write in asked.items():
        with pytest.raises(
            InvalidInput,
            match=rf"^{what.strip()} would need .* 50.0 GiB of the 50.0 GiB of this "
            r"server are used .runs 50.0 GiB, .*QFUSION_DISK_GB",
        ) as told:
            write()
        assert "\n" not in str(told.value)
        assert written(serving) == before
    data.load("planted")  # what cannot be cached is made all the same


def at_work(
    line: calculation_queue.Queue, who: str, until: threading.Event, told: list[int]
) -> threading.Thread:
    def study() -> None:
        with line.turn(who, told.append):
            told.append(0)
            until.wait(10)

    thread = threading.Thread(target=study)
    thread.start()
    while not told:
        time.sleep(0.001)
    return thread


_FEW_FILES = """
import asyncio, os, resource, sys
limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[1]), limit))
from qfusion.ui import server
async def begin():
    async with server.lifespan(None):
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (limit, limit)
        os._exit(0)
asyncio.run(begin())
"""


@pytest.mark.parametrize("few", [128, 256])
def test_a_server_may_open_as_many_files_as_its_system_allows(few: int) -> None:
    pytest.importorskip("resource")
    subprocess.run([sys.executable, "-c", _FEW_FILES, str(few)], check=True, timeout=120)


def test_long_calculations_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calculation_queue, "POLL_SECONDS", 0.01)
    line, ends = calculation_queue.Queue(lambda: 1), [threading.Event() for _ in range(4)]
    told: list[list[int]] = [[] for _ in range(4)]
    threads = [
        at_work(line, who, ends[n], told[n]) for n, who in enumerate(("ada", "ada", "ben", "eve"))
    ]
    time.sleep(0.1)
    assert [each[-1] for each in told] == [
        0,
        3,
        1,
        2,
    ]  # a second one of the session at work comes last
    ends[0].set()
    threads[0].join()
    time.sleep(0.1)
    assert told[1][-1] == 0  # as it came before the others
    for each in ends:
        each.set()
    for thread in threads:
        thread.join()
    assert [each[-1] for each in told] == [0] * 4
    with line.turn("ada"), line.turn("ada"):  # one inside another waits for nobody
        pass


def test_slow_or_stuck_calculations_block_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calculation_queue, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(calculation_queue, "LEASE", 0.1)
    line, lock, passed = calculation_queue.Queue(lambda: 1), threading.Lock(), threading.Event()

    def waits() -> None:
        with lock, line.turn("ben"):
            passed.set()

    with line.turn("ada"):
        other = threading.Thread(target=waits)
        other.start()
        while not lock.locked():
            time.sleep(0.001)
        with lock:  # which who waits in the line holds
            assert passed.is_set()
    other.join()


def test_page_states_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    shown: list[str] = []
    box = SimpleNamespace(
        info=lambda words, icon: shown.append(words), empty=lambda: shown.append("gone")
    )
    page = SimpleNamespace(
        empty=lambda: box, spinner=lambda words: nullcontext(shown.append(words))
    )
    monkeypatch.setattr(calculation_queue, "st", page)
    monkeypatch.setattr(calculation_queue, "session_id", lambda: "ben")
    monkeypatch.setattr(calculation_queue, "QUEUE", calculation_queue.Queue(lambda: 1))
    monkeypatch.setattr(calculation_queue, "POLL_SECONDS", 0.01)
    end = threading.Event()
    other = at_work(calculation_queue.QUEUE, "ada", end, [])
    threading.Timer(0.1, end.set).start()
    with calculation_queue.waiting("Following every knob …"):
        shown.append("at work")
    other.join()
    assert set(shown[:-3]) == {"The server is busy: one other calculation runs first …"}
    assert shown[-3:] == ["gone", "Following every knob …", "at work"]
    with calculation_queue.waiting("Again …"):
        assert shown[-1] == "Again …"


def test_cancelled_reader_leaves_the_queue() -> None:
    line = calculation_queue.Queue(lambda: 1)

    def leave(place: int) -> None:
        raise KeyboardInterrupt

    end = threading.Event()
    other = at_work(line, "ada", end, [])
    with pytest.raises(KeyboardInterrupt), line.turn("ben", leave):
        pass
    assert [each.who for each in line.turns] == ["ada"]
    end.set()
    other.join()
    assert not line.turns
