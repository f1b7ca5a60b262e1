"""Tests do not depend on files of the user's home and do not change them; the scheduler survives a crash."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.support import alone

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = (
    "tests/test_baselines.py::test_baselines_are_among_the_pickers",
    "tests/test_shipped.py::test_all_shipped_models_exist",
    "tests/test_shipped.py::test_card_metrics_equal_the_weights[qj-planted]",
)
# Collects what it is asked for, names it in the file that COLLECTED names, and runs of it what SAMPLE names.
PYTEST = """
import os, pathlib, sys, pytest

class Some:
    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items):
        pathlib.Path(os.environ["COLLECTED"]).write_text("\\n".join(item.nodeid for item in items))
        items[:] = [item for item in items if item.nodeid in os.environ["SAMPLE"].split("\\n")]

sys.exit(pytest.main(sys.argv[1:], plugins=[Some()]))
"""


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A user's home: a model, an imported set, a run, half of a run, a broken card, settings."""
    home = tmp_path / "home"
    own = home / ".local/share/qfusion"
    for folder in ("models", "runs", "imported"):
        (own / folder).mkdir(parents=True)
    for path in (ROOT / "qfusion/assets/models").glob("qj-planted.*"):
        shutil.copy(path, own / "models" / path.name.replace("qj-planted", "mine"))
    (own / "models/broken.json").write_text("{")
    (own / "runs/first").mkdir()
    (own / "runs/first/plan.json").write_text('{"data": "planted", "model": "quantum-jump"}')
    (own / "runs/half").mkdir()
    (own / "runs/half/plan.json").write_text('{"model": ')
    (own / "imported/theirs").mkdir()
    (own / "imported/theirs/manifest.json").write_text("[]")
    for name, words in {
        ".streamlit/config.toml": "[server]\nport = no number\n",
        ".config/matplotlib/matplotlibrc": "backend: none\n",
    }.items():
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text(words)
    return home


def digest(folder: Path) -> str:
    """Of all files below a folder, their names and their times."""
    lines = [
        f"{path.relative_to(folder)} {path.stat().st_mtime_ns} {path.read_bytes() if path.is_file() else ''}"
        for path in sorted(folder.rglob("*"))
    ]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def pytest_of(home: Path, *words: str) -> tuple[list[str], str]:
    """Runs pytest as a user with this home would, and returns the tests that it finds and what it prints of those of
    `SAMPLE`, which alone it runs: in one process, as it takes long to find all."""
    collected = home.parent / "collected"
    own = home / ".local/share/qfusion"
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in (alone.VARIABLE, *alone.FOLDERS) and not name.startswith("PYTEST")
    }
    environment |= {"HOME": str(home), "USERPROFILE": str(home)}
    environment |= {"COLLECTED": str(collected), "SAMPLE": "\n".join(SAMPLE)}
    environment |= {
        f"QFUSION_{name.upper()}": str(own / name) for name in ("models", "runs", "imported")
    }
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            PYTEST,
            "-n0",
            "-q",
            "--all",
            "-o",
            f"cache_dir={home.parent / 'pytest'}",
            *words,
        ],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return collected.read_text().split("\n"), done.stdout


def test_files_of_the_user_neither_affect_tests_nor_change(
    foreign: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    before, empty = digest(foreign), tmp_path / "empty"
    collected, said = pytest_of(foreign)
    assert len(collected) > 5000
    assert f"{len(SAMPLE)} passed" in said, said
    alike = [item.nodeid for item in request.session.items]  # of this run, whose home is its own
    if len(alike) != len(collected):  # not of all tests
        empty.mkdir()
        alike, _ = pytest_of(empty, "--collect-only")
        assert not list(empty.iterdir())
    assert sorted(collected) == sorted(alike)
    assert digest(foreign) == before


class Process:
    """A process of the tests, as xdist's scheduler sees it: it runs a test once it knows what follows."""

    gateway = SimpleNamespace(id="gw")

    def __init__(self) -> None:
        self.places: list[int] = []
        self.shutting_down = False

    def send_runtest_some(self, places: list[int]) -> None:
        self.places += places

    def shutdown(self) -> None:
        self.shutting_down = True

    def runs(self) -> bool:
        return len(self.places) > (not self.shutting_down)


@pytest.mark.parametrize("crashes", ["a.py::1", "b.py::0", "d.py::2", "e.py::0"])
def test_every_other_test_runs_once_after_a_crash(
    crashes: str, pytestconfig: pytest.Config
) -> None:
    sizes = {"a.py": 3, "b.py": 1, "c.py": 1, "d.py": 3, "e.py": 1}
    names = [f"{file}::{number}" for file, count in sizes.items() for number in range(count)]
    config = SimpleNamespace(
        getvalue=lambda _: ["2*popen"], option=SimpleNamespace(loadscopereorder=False)
    )
    # imported once more, it would install all that it does a second time
    conftest: Any = next(
        one for one in pytestconfig.pluginmanager.get_plugins() if hasattr(one, "Together")
    )
    scheduler = conftest.Together(config, None)
    there = [Process(), Process()]
    for one in there:
        scheduler.add_node(one)
    for one in there:
        scheduler.add_node_collection(one, names)
    scheduler.schedule()
    done, crashed = list[str](), list[str | None]()
    while running := [one for one in there if one.runs()]:
        for one in running:
            test = names[one.places.pop(0)]
            if test != crashes:
                done.append(test)
                scheduler.mark_test_complete(one, names.index(test))
                continue
            there.remove(one)
            crashed.append(scheduler.remove_node(one))
            there.append(Process())
            scheduler.add_node(there[-1])
            scheduler.add_node_collection(there[-1], names)
            scheduler.schedule()
    assert crashed == [crashes]
    assert sorted([*done, crashes]) == sorted(names)
