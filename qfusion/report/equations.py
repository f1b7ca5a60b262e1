"""Equations: written once and typeset by typst, in the PDF as such, for browsers as drawings with their words beside
them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from qfusion.errors import NotFound

SOURCE = Path(__file__).with_name("equations.typ").read_text(encoding="utf-8")
WORDS = dict(
    re.findall(r'^  (\w+): \(\n.*?\$,\n\s*"([^"]*)"\)', SOURCE, flags=re.MULTILINE | re.DOTALL)
)
SIZE = 10.0  # points of the letters
_ALONE = f"""
#set page(width: auto, height: auto, margin: 1pt, fill: none)
#set text(size: {SIZE}pt, fill: rgb("#17202b"))
#equations.at(sys.inputs.name).at(0)
"""


@dataclass(frozen=True)
class Drawing:
    """An equation as SVG; width and height in units of the letters' size."""

    svg: bytes
    width: float
    height: float
    words: str


@cache
def drawing(name: str) -> Drawing:
    """Returns one equation, its letters as outlines: it looks the same in every browser, with or without fonts for
    mathematics.

    Raises:
        NotFound: when there is none of that name.
    """
    import typst

    if name not in WORDS:
        raise NotFound(f"Equation {name[:40]!r} does not exist. Choose one of {list(WORDS)}.")
    found: Any = typst.compile(
        f"{SOURCE}{_ALONE}".encode(),
        format="svg",
        ignore_system_fonts=True,
        sys_inputs={"name": name},
    )
    svg = bytes(found)
    size = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    assert size is not None
    return Drawing(svg, float(size[1]) / SIZE, float(size[2]) / SIZE, WORDS[name])
