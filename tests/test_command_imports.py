"""Commands import what they use, and no more."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from qfusion import cli

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {
    "torch",
    "pandas",
    "scipy",
    "sklearn",
    "pennylane",
    "qutip",
    "plotly",
    "streamlit",
    "pyarrow",
}


def modules_of(*words: str) -> set[str]:
    """The modules that a fresh process holds at the end of a command."""
    code = (
        "import contextlib, io, sys\n"
        "from qfusion.cli import main\n"
        "with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(SystemExit):\n"
        f"    main({list(words)!r})\n"
        "print(*sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "words",
    [("models",), ("models", "--json"), ("--help",), ("explain", "--help"), ("app", "--help")],
)
def test_lists_and_help_import_no_engine(words: tuple[str, ...]) -> None:
    assert not HEAVY & modules_of(*words)


def test_every_command_is_built_under_its_name() -> None:
    for name, entry in cli.all_commands().items():
        assert cli.build_command(name, entry).name == name.rpartition(" ")[2]
