"""Writes docs/glossary.md from the files glossary.toml of the core and of plugins.

python scripts/glossary_page.py
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT)]
from qfusion import plugin  # noqa: E402

HEAD = """# Glossary

Definitions of the terms of the app and of these pages, with formulas. The Glossary page of the app shows the
same entries, from `qfusion/assets/glossary.toml`. Symbols are those of
[the quantum-jump system](quantum-jump.md) and [the entangled-fusion system](entangled-qcnn.md).
"""


def read() -> dict[str, Any]:
    """Return the glossary: its entries under `entry`, the terms of every panel under `panels`."""
    records = plugin.read_assets("glossary.toml")
    return {
        "entry": [one for record in records for one in record["entry"]],
        "panels": {key: terms for record in records for key, terms in record["panels"].items()},
    }


def entries() -> list[dict[str, Any]]:
    """Return all entries in alphabetical order."""
    return sorted(read()["entry"], key=lambda one: one["term"].casefold())


def panel_of(name: str) -> str:
    """Return the key of a panel in the glossary: its name, or the longest beginning of it that is a key.

    Without such a key, return the name.
    """
    known = read()["panels"]
    parts = name.split("-")
    beginnings = ["-".join(parts[:end]) for end in range(len(parts), 0, -1)]
    return next((key for key in beginnings if key in known), name)


def slug(term: str) -> str:
    """Return the anchor of a heading, in the site and on GitHub."""
    return re.sub(r"[^\w\- ]", "", term.lower()).replace(" ", "-")


def page() -> str:
    """Return the text of docs/glossary.md."""
    return HEAD + "".join(map(_entry, entries()))


def _entry(one: dict[str, Any]) -> str:
    formula = f"\n\n$$\n{one['formula'].strip()}\n$$" if one.get("formula") else ""
    also = f"Also: {', '.join(one['also'])}. " if one.get("also") else ""
    return f"\n## {one['term']}\n\n{one['words'].strip()}{formula}\n\n{also}*Source: {one['source']}.*\n"


if __name__ == "__main__":
    (ROOT / "docs" / "glossary.md").write_text(page())
