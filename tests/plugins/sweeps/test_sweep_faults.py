"""A full disk, a folder that is read only and a missing Optuna are reported, and writes are refused where all is."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qfusion import _read_only
from qfusion.errors import InvalidInput
from qfusion.plugins.sweeps import sweep_storage, sweeps
from tests.plugins.sweeps.support import search
from tests.support.disks import fill_disk, small_disk

FORK = multiprocessing.get_context("fork")
WRITES: dict[str, Callable[[], Any]] = {
    "begin": lambda: sweeps.begin("visitor", Any, 2),
    "stop": lambda: sweeps.stop(Any),
    "resume": lambda: sweeps.resume(Any),
}


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "runs"
    home.mkdir()
    monkeypatch.setenv("QFUSION_RUNS", str(home))
    return home


@pytest.fixture
def disk(places: Path) -> Iterator[Path]:
    """The folder of runs on a disk of its own, of 2 MB."""
    with small_disk(places):
        yield places


@pytest.mark.usefixtures("places")
@pytest.mark.parametrize("what", WRITES)
def test_every_function_that_writes_refuses(
    what: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_read_only, "is_read_only", lambda: True)
    with pytest.raises(InvalidInput, match="This server is read-only: it does not "):
        WRITES[what]()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_full_disk_is_reported(disk: Path) -> None:
    sweep = sweeps.begin("sweep", search(), 2)
    filler = fill_disk(disk)
    with pytest.raises(InvalidInput, match="cannot be used"):
        sweep_storage.open_study("another", direction="minimize")
    with pytest.raises(InvalidInput, match=r"cannot be used .*free some disk space"):
        any(sweeps.stop(sweep) for _ in range(500))
    filler.unlink()
    sweeps.stop(sweeps.find("sweep"))


def test_a_folder_that_is_read_only_is_reported(disk: Path) -> None:
    made = FORK.Process(target=sweeps.begin, args=("sweep", search(), 2))
    made.start()
    made.join()  # whose files are closed with it
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    with pytest.raises(InvalidInput, match="cannot be used"):
        sweep_storage.open_study("b", direction="minimize")
    with pytest.raises(InvalidInput, match=r"cannot be used .*Correct its permissions"):
        sweeps.stop(sweeps.find("sweep"))


def test_the_page_opens_without_optuna() -> None:
    code = """
import sys
sys.modules["optuna"] = None
from tests.support import sharing
sharing.install()
from tests.support.app import visit
app = visit("Sweeps")
assert not app.exception, app.exception
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=240)
