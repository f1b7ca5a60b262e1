"""The checkers are part of the tests: lint and types."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

from scripts import mutants

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str) -> str:
    """Returns what the module printed; empty when it found nothing."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_ruff_finds_nothing() -> None:
    assert run("ruff", "check", ".") == ""
    assert run("ruff", "format", "--check", "--quiet", ".") == ""


def test_types_agree() -> None:
    assert run("mypy") == ""


def test_what_is_said_of_mutants_is_said_of_lines_that_are_there() -> None:
    for line in tomllib.loads((ROOT / "scripts/mutants_equivalent.toml").read_text())["line"]:
        text = mutants.squeezed((ROOT / "qfusion" / line["module"]).read_text())
        assert mutants.squeezed(line["is"]) in text, line
        assert line["why"].strip()
        assert line["is"] not in line["becomes"]


def test_a_mutant_is_known_however_its_statement_is_laid_out() -> None:
    text = b"def f(a, b=1):\n    x = g(\n        a,\n        b=[2, 3],\n    )\n    return x\n"
    begin, end = mutants.head(text, 4)
    assert mutants.squeezed(text[begin:end].decode()) == "x=ga,b=[2,3]"
    begin, end = mutants.head(text, 1)
    assert mutants.squeezed(text[begin:end].decode()) == "deffa,b=1:"
