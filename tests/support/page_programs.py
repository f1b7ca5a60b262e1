"""Programs of a page of docs/, each a block of Python that begins with the name of its file."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


def programs_of(page: str) -> dict[str, str]:
    """The programs of a page by their names, in their order."""
    text = (DOCS / page).read_text()
    return dict(re.findall(r"```python\n# (\w+)\.py\n(.*?)```", text, re.DOTALL))


def run_programs(
    programs: Mapping[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Write programs to a folder, and import them in their order."""
    monkeypatch.chdir(folder)
    monkeypatch.syspath_prepend(str(folder))
    for name, code in programs.items():
        Path(f"{name}.py").write_text(code)
    try:
        for name in programs:
            __import__(name)
    finally:
        for name in programs:
            sys.modules.pop(name, None)
