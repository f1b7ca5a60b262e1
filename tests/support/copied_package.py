"""Copies of the package in which a test edits files as a newcomer would, and runs what comes of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PARTS = ("qfusion", "plotly_live", "plotly_print", "pages")


def copy_package(folder: Path, *others: str) -> None:
    """Copies the package with its pages, and other folders of the repository, into a folder."""
    for name in (*PARTS, *others):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "app.py", folder)


def edit(file: Path, changes: dict[str, str]) -> None:
    """Replaces passages of a file, each of which occurs once."""
    text = file.read_text()
    for before, after in changes.items():
        assert text.count(before) == 1, before
        text = text.replace(before, after)
    file.write_text(text)


def run_program(folder: Path, program: str) -> tuple[Any, str]:
    """Runs a program in a copy; returns the JSON that it prints last, and what it writes to standard error."""
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=400,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1]), done.stderr
