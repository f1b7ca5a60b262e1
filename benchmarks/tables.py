"""Writes the tables that benchmarks measure into README.md or another page, between `<!-- table:NAME -->` and `<!-- /table -->`."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

README = Path(__file__).resolve().parent.parent / "README.md"


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table; all but the first column are aligned right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def spread(values: Sequence[float], digits: int = 3) -> str:
    """Returns "mean ± standard deviation" over runs, or the value of a single one."""
    mean = sum(values) / len(values)
    if len(values) == 1:
        return f"{mean:.{digits}f}"
    deviation = (sum((v - mean) ** 2 for v in values) / (len(values) - 1)) ** 0.5
    return f"{mean:.{digits}f} ± {deviation:.{digits}f}"


def provenance(script: str) -> str:
    """Returns the line below a table: script, date, machine and versions."""
    machine = f"{os.cpu_count()} cores {platform.machine()}, one torch thread"
    return (f"<sub>`python benchmarks/{script}`, {date.today().isoformat()}, {machine}, "
            f"Python {platform.python_version()}, torch {version('torch')}.</sub>")


def write(name: str, text: str, path: Path = README) -> None:
    """Prints the text and puts it in README.md, or the page at `path`, between the markers of `name`."""
    print(text)
    page = path.read_text(encoding="utf-8")
    pattern = re.compile(rf"(<!-- table:{re.escape(name)} -->\n).*?(<!-- /table -->)", re.DOTALL)
    if not pattern.search(page):
        raise SystemExit(f"{path.name} has no markers for the table {name!r}")
    path.write_text(pattern.sub(lambda match: match[1] + text + "\n" + match[2], page), encoding="utf-8")
