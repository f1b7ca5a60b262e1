"""The tests on a machine where people work: what its user has changes neither which tests there are nor what they
find, and stays as it is."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import alone

ROOT = Path(__file__).resolve().parent.parent
SAMPLE = (
    "tests/test_building.py::test_the_parts_of_a_shipped_model_add_up",
    "tests/test_baselines.py",
    "tests/test_shipped.py",
)


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
    shutil.copytree(ROOT / "tests/kept/runs", own / "runs", dirs_exist_ok=True)
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


def pytest_of(home: Path, *words: str) -> str:
    """Runs pytest as a user with this home would, and returns what it prints."""
    own = home / ".local/share/qfusion"
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in (alone.VARIABLE, *alone.FOLDERS) and not name.startswith("PYTEST")
    }
    environment |= {"HOME": str(home), "USERPROFILE": str(home)}
    environment |= {
        f"QFUSION_{name.upper()}": str(own / name) for name in ("models", "runs", "imported")
    }
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-n0",
            "-q",
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
    return done.stdout


def test_what_the_user_has_changes_no_test_and_is_not_changed(
    foreign: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    before, empty = digest(foreign), tmp_path / "empty"
    collected = [line for line in pytest_of(foreign, "--collect-only").splitlines() if "::" in line]
    assert len(collected) > 5000
    alike = [item.nodeid for item in request.session.items]  # of this run, whose home is its own
    if len(alike) != len(collected):  # not of all tests
        empty.mkdir()
        alike = [line for line in pytest_of(empty, "--collect-only").splitlines() if "::" in line]
        assert not list(empty.iterdir())
    assert sorted(collected) == sorted(alike)
    assert " passed" in pytest_of(foreign, *SAMPLE)
    assert digest(foreign) == before
