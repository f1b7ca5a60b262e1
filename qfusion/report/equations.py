"""Equations as SVG, typeset by typst from `equations.typ`, with their description in words."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from qfusion._checks import choose
from qfusion._lazy import Library

typst: Any = Library("typst")

SOURCE = (Path(__file__).parent / "equations.typ").read_text(encoding="utf-8")
WORDS = dict(
    re.findall(r'^  (\w+): \(\n.*?\$,\n\s*"([^"]*)"\)', SOURCE, flags=re.MULTILINE | re.DOTALL)
)
SIZE = 10.0  # points of the letters
_ALONE = f"""
#set page(width: auto, height: auto, margin: 1pt, fill: none)
#set text(size: {SIZE}pt, fill: rgb("#17202b"))
#equations.at(sys.inputs.name).at(0)
"""


@cache
def draw_equation(name: str) -> dict[str, Any]:
    """Return an equation as an SVG, with its width and height in units of the letters' size, and its words.

    The letters are outlines: the SVG looks the same in every browser, with or without fonts for mathematics.

    Raises:
        NotFound: when no equation has that name.
    """
    words = WORDS[choose("Equation", name, WORDS)]
    compiled: Any = typst.compile(
        f"{SOURCE}{_ALONE}".encode(),
        format="svg",
        ignore_system_fonts=True,
        sys_inputs={"name": name},
    )
    svg = bytes(compiled)
    size = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    assert size is not None
    return {
        "svg": svg,
        "width": float(size[1]) / SIZE,
        "height": float(size[2]) / SIZE,
        "words": words,
    }
