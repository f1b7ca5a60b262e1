"""Writes docs/glossary.md from qfusion/assets/glossary.toml, which the app's Glossary page shows as well.

python scripts/glossary_page.py
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
HEAD = """# Glossary

The words of the app and of these pages, in plain sentences, with their formulas. The Glossary page of the app shows the
same; both are made from `qfusion/assets/glossary.toml`. Letters are those of
[the quantum-jump system](quantum-jump.md) and [the entangled-fusion system](entangled-qcnn.md).
"""


def read() -> dict[str, Any]:
    """The file: entries under `entry`, the words of every panel under `panels`."""
    return tomllib.loads((ROOT / "qfusion" / "assets" / "glossary.toml").read_text())


def entries() -> list[dict[str, Any]]:
    """All entries in the order of the alphabet."""
    return sorted(read()["entry"], key=lambda one: one["term"].casefold())


def panel_of(name: str) -> str:
    """The panel that the glossary knows a figure by: its name or the longest beginning of it; the name itself when
    there is none."""
    parts, known = name.split("-"), read()["panels"]
    return next(
        (found for end in range(len(parts), 0, -1) if (found := "-".join(parts[:end])) in known),
        name,
    )


def slug(term: str) -> str:
    """The anchor of a heading, in the site and on GitHub."""
    return re.sub(r"[^\w\- ]", "", term.lower()).replace(" ", "-")


def page() -> str:
    """The page docs/glossary.md."""
    return HEAD + "".join(map(_entry, entries()))


def _entry(one: dict[str, Any]) -> str:
    formula = f"\n\n$$\n{one['formula'].strip()}\n$$" if one.get("formula") else ""
    also = f"Also: {', '.join(one['also'])}. " if one.get("also") else ""
    return f"\n## {one['term']}\n\n{one['words'].strip()}{formula}\n\n{also}*Source: {one['source']}.*\n"


if __name__ == "__main__":
    (ROOT / "docs" / "glossary.md").write_text(page())
