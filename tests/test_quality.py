"""The checkers are part of the tests: lint and types."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str) -> str:
    """Returns what the module printed; empty when it found nothing."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_ruff_finds_nothing() -> None:
    assert run("ruff", "check", ".") == ""


def test_types_agree() -> None:
    assert run("mypy") == ""


def test_what_is_said_of_mutants_is_said_of_lines_that_are_there() -> None:
    for each in tomllib.loads((ROOT / "scripts/mutants_equivalent.toml").read_text())["line"]:
        text = " ".join((ROOT / "qfusion" / each["module"]).read_text().split())
        assert each["is"] in text, each
        assert each["why"].strip()
        assert each["is"] not in each["becomes"]
