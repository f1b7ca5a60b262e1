"""A report as PDF, typeset by typst: no network, no fonts but those that come with typst and matplotlib, the same bytes every time."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from qfusion import citations
from qfusion.errors import QFusionError
from qfusion.report import equations
from qfusion.report.blocks import (
    MAX_TITLE,
    Block,
    Cite,
    Code,
    Document,
    Equation,
    Facts,
    Figure,
    Heading,
    Listing,
    Paragraph,
    Part,
    Points,
    Quote,
    Strong,
    Table,
    broken,
    clean,
)

SOURCE = Path(__file__).with_name("paper.typ").read_text(encoding="utf-8")
_WIDE = 26  # characters from which a column of words takes what room is left


def render(document: Document) -> bytes:
    """Returns the whole file.

    Letters that none of the fonts has (those of Chinese, say) are taken from fonts of this machine, where it has any; only then does the
    result depend on the machine.

    Raises:
        QFusionError: when typst refuses the document, which is a defect here.
    """
    import typst

    cited = document.cited()
    places = {key: number for number, key in enumerate(cited, 1)}
    heads = {name: clean(getattr(document, name), MAX_TITLE) for name in ("title", "subtitle", "description")}
    data = {**heads, "blocks": [_block(block, places) for block in document.blocks],
            "references": [{"text": citations.text(key), "url": citations.source(key).url} for key in cited],
            "bibtex": citations.bibtex(cited)}
    text = json.dumps(data, ensure_ascii=False)
    options: dict[str, Any] = {"font_paths": [str(_fonts())], "ignore_system_fonts": _drawable(text), "timestamp": 0,
                               "sys_inputs": {"document": text}, "pdf_standards": ["ua-1"]}
    try:
        with tempfile.TemporaryDirectory() as nowhere:  # the document can read no file but this empty folder's
            found: Any = typst.compile(f"{equations.SOURCE}\n{SOURCE}".encode(), root=nowhere, **options)
    except typst.TypstError as error:
        raise QFusionError(f"The report could not be typeset: {str(error)[:300]}. Write it as HTML and tell us.") from error
    return bytes(found)


def _fonts() -> Path:
    import matplotlib

    return Path(matplotlib.get_data_path()) / "fonts" / "ttf"


def _drawable(text: str) -> bool:
    """Whether the fonts at hand have every letter of a text."""
    return all(ord(letter) < 0x250 or ord(letter) in _letters() for letter in set(text))


@cache
def _letters() -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    return frozenset(FT2Font(str(_fonts() / "DejaVuSans.ttf")).get_charmap())


def _block(block: Block, places: dict[str, int]) -> dict[str, Any]:
    if isinstance(block, Heading):
        return {"kind": "heading", "level": block.level, "text": clean(block.text)}
    if isinstance(block, Paragraph):
        return {"kind": "paragraph", "parts": _parts(block.parts, places)}
    if isinstance(block, Points):
        return {"kind": "points", "points": [_parts(point, places) for point in block.points]}
    if isinstance(block, Facts):
        return {"kind": "facts", "caption": clean(block.caption), "rows": [[broken(cell) for cell in row] for row in block.rows]}
    if isinstance(block, Table):
        return _table(block)
    if isinstance(block, Figure):
        return {"kind": "figure", "svg": block.svg.decode(), "alt": clean(block.alt), "caption": clean(block.caption), "width": block.width}
    if isinstance(block, Equation):
        return {"kind": "equation", "name": block.name}
    if isinstance(block, Quote):
        return {"kind": "quote", "text": clean(block.text), "source": clean(block.source)}
    assert isinstance(block, Listing)
    return {"kind": "listing", "text": clean(block.text)}


def _table(block: Table) -> dict[str, Any]:
    words = {0, *block.words}
    wide = [column for column in words if max((len(row[column]) for row in block.rows), default=0) > _WIDE]
    return {"kind": "table", "caption": clean(block.caption), "head": [clean(name) for name in block.head],
            "align": ["left" if column in words else "right" for column in range(len(block.head))],
            "columns": ["wide" if column in wide else "" for column in range(len(block.head))],
            "rows": [[broken(cell) for cell in row] for row in block.rows]}


def _parts(parts: Sequence[Part], places: dict[str, int]) -> list[dict[str, Any]]:
    return [_part(part, places) for part in parts]


def _part(part: Part, places: dict[str, int]) -> dict[str, Any]:
    if isinstance(part, Cite):
        return {"kind": "cite", "places": [places[key] for key in part.keys]}
    if isinstance(part, Strong | Code):
        return {"kind": "strong" if isinstance(part, Strong) else "code", "text": clean(part.text)}
    return {"kind": "text", "text": broken(part)}
