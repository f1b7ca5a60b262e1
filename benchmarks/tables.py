"""Writes the tables that benchmarks measure into README.md or another page, between `<!-- table:NAME -->` and
`<!-- /table -->`."""

from __future__ import annotations

import os
import platform
import re
from collections.abc import Sequence
from datetime import date
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


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


def provenance(script: str, when: str = "") -> str:
    """Returns the line below a table: script, date (today's unless given), machine and versions."""
    machine = f"{os.cpu_count()} cores {platform.machine()}, one torch thread"
    return (
        f"<sub>`python benchmarks/{script}`, {when or date.today().isoformat()}, {machine}, Python "
        f"{platform.python_version()}, torch {version('torch')}.</sub>"
    )


def write(name: str, text: str, path: Path | None = None) -> None:
    """Prints the text and puts it between the markers of `name`: in the page at `path`, or in README or the page of
    docs/ that has them."""
    print(text)
    pattern = re.compile(rf"(<!-- table:{re.escape(name)} -->\n).*?(<!-- /table -->)", re.DOTALL)
    for page in [path] if path else [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]:
        found = page.read_text(encoding="utf-8")
        if pattern.search(found):
            page.write_text(
                pattern.sub(lambda match: match[1] + text + "\n" + match[2], found),
                encoding="utf-8",
            )
            return
    raise SystemExit(
        f"{path.name if path else 'No page'} has {'no ' if path else ''}markers for the table {name!r}"
    )
