"""What a report is made of: blocks of text, tables, figures and equations, drawn and numbered."""

from __future__ import annotations

import base64
import io
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion import citations
from qfusion.errors import NotFound
from qfusion.figures.recipe import CREATOR, printing

# What a report is made of, whatever it is written as: blocks of text, tables, figures and equations.
#
# All texts are shown as they are. Nothing in them is markup, wherever it comes from.

MAX_TEXT, MAX_TITLE = 20_000, 240  # characters
_WIDE = 26  # characters from which a column of words takes what room is left
# control, format (such as those that turn the direction), surrogates, private, not assigned
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn"}
_JOINERS = "\u200c\u200d"  # letters of Persian, of India and emoji are written with them
_LONG = re.compile(
    "[^ \n\u2e80-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]{41,}"
)  # lines end within Chinese anyway


def clean(text: object, limit: int = MAX_TEXT) -> str:
    """Returns a text that can be printed: line breaks stay, control and direction characters become U+FFFD, too long
    ones are cut."""
    words = str(text).replace("\r\n", "\n").replace("\r", "\n").replace("\t", " ")
    short = words if len(words) <= limit else words[: limit - 1] + "…"
    return "".join(
        letter
        if letter in ("\n", *_JOINERS) or unicodedata.category(letter) not in _HIDDEN
        else "\ufffd"
        for letter in short
    )


def broken(text: object) -> str:
    """Returns a clean text whose very long words may break: with a zero-width space after every 30 letters of them."""
    return _LONG.sub(
        lambda word: "\u200b".join(word[0][i : i + 30] for i in range(0, len(word[0]), 30)),
        clean(text),
    )


@dataclass(frozen=True)
class Cite:
    """A reference to sources by their keys in `qfusion.citations`."""

    keys: tuple[str, ...]


@dataclass(frozen=True)
class Strong:
    """Words that matter."""

    text: str


Part = str | Cite | Strong


@dataclass(frozen=True)
class Heading:
    """A heading; level 1 for a section, 2 within one."""

    text: str
    level: int = 1


@dataclass(frozen=True)
class Paragraph:
    """A paragraph."""

    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Points:
    """A list; each point is made of parts."""

    points: tuple[tuple[Part, ...], ...]


@dataclass(frozen=True)
class Facts:
    """Names with what they are, two columns without heads."""

    rows: tuple[tuple[str, str], ...]
    caption: str


@dataclass(frozen=True)
class Table:
    """A table: first column names, numbers to the right.

    Attributes:
        head: of the columns. rows: cells as text. caption: what it holds.
        words: numbers of the columns besides the first that hold words.
    """

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    caption: str
    words: tuple[int, ...] = ()


@dataclass(frozen=True)
class Figure:
    """A vector drawing.

    Attributes:
        svg: the whole file. alt: for who cannot see it. caption: below it. width: in mm, as it is printed.
    """

    svg: bytes = field(repr=False)
    alt: str
    caption: str
    width: float


@dataclass(frozen=True)
class Equation:
    """One of `equations.NAMES`."""

    name: str


@dataclass(frozen=True)
class Quote:
    """Words of a sample, and where they are from."""

    text: str
    source: str


@dataclass(frozen=True)
class Listing:
    """Lines to be copied, such as commands or BibTeX; `name` is what they are."""

    text: str
    name: str


Block = Heading | Paragraph | Points | Facts | Table | Figure | Equation | Quote | Listing


@dataclass(frozen=True)
class Document:
    """A report.

    Attributes:
        title, subtitle: on top. description: a sentence for search and screen readers.
        blocks: without the references, which follow from what is cited.
    """

    title: str
    subtitle: str
    description: str
    blocks: tuple[Block, ...]

    def cited(self) -> tuple[str, ...]:
        """Returns the keys of the sources that are cited, in the order of their first mention."""
        return tuple(
            dict.fromkeys(
                key for part in self._parts() if isinstance(part, Cite) for key in part.keys
            )
        )

    def data(self) -> dict[str, Any]:
        """Returns all there is to write, as JSON knows it: for the templates of the page and of the paper."""
        places = {key: number for number, key in enumerate(self.cited(), 1)}
        heads = {
            name: clean(getattr(self, name), MAX_TITLE)
            for name in ("title", "subtitle", "description")
        }
        return {
            **heads,
            "blocks": [_data(block, places) for block in self.blocks],
            "bibtex": citations.bibtex(places),
            "references": [
                {"text": citations.text(key), "url": citations.source(key).url} for key in places
            ],
        }

    def _parts(self) -> Iterator[Part]:
        for block in self.blocks:
            if isinstance(block, Paragraph):
                yield from block.parts
            elif isinstance(block, Points):
                for point in block.points:
                    yield from point


def paragraph(*parts: Part) -> Paragraph:
    """Returns a paragraph of these parts."""
    return Paragraph(parts)


def cite(*keys: str) -> Cite:
    """Returns a reference to these sources."""
    return Cite(keys)


def _data(block: Block, places: Mapping[str, int]) -> dict[str, Any]:
    """A block as JSON knows it; `places` are the numbers of the sources."""
    result: dict[str, Any] = {"kind": type(block).__name__.lower()}
    result |= {name: clean(value) for name, value in vars(block).items() if isinstance(value, str)}
    if isinstance(block, Heading | Figure):
        result |= (
            {"level": block.level}
            if isinstance(block, Heading)
            else {"svg": block.svg.decode(), "width": block.width}
        )
    elif isinstance(block, Paragraph | Points):
        result |= (
            {"parts": _written(block.parts, places)}
            if isinstance(block, Paragraph)
            else {"points": [_written(point, places) for point in block.points]}
        )
    elif isinstance(block, Facts | Table):
        result["rows"] = [list(map(broken, row)) for row in block.rows]
    if isinstance(block, Table):
        words = {0, *block.words}
        wide = [
            column
            for column in words
            if max((len(row[column]) for row in block.rows), default=0) > _WIDE
        ]
        result |= {
            "head": list(map(broken, block.head)),
            "align": ["left" if n in words else "right" for n in range(len(block.head))],
            "columns": ["wide" if column in wide else "" for column in range(len(block.head))],
        }
    return result


def _written(parts: Sequence[Part], places: Mapping[str, int]) -> list[dict[str, Any]]:
    return [
        {"kind": "cite", "places": [places[key] for key in part.keys]}
        if isinstance(part, Cite)
        else {"kind": "strong", "text": clean(part.text)}
        if isinstance(part, Strong)
        else {"kind": "text", "text": broken(part)}
        for part in parts
    ]


# Figures of a report: plotly's as vector drawings, pictures of a sample as they are.

FONT = 8.0  # points, at the width it is printed
FULL, HALF = 160.0, 110.0  # mm


def figure(
    drawn: go.Figure, caption: str, alt: str, width: float = FULL, height: float | None = None
) -> Figure:
    """Returns a figure of the report, `width` and `height` in mm."""
    from plotly_print import Style, render

    with printing():
        content = render(drawn, "svg", Style(width, height, FONT, creator=CREATOR))
    return Figure(content, clean(alt), clean(caption), width)


def picture(pixels: np.ndarray, caption: str, alt: str, width: float = 40.0) -> Figure:
    """Returns a picture of a sample, uint8 (h, w) or (h, w, 3), its pixels as squares."""
    from PIL import Image

    result = Image.fromarray(np.asarray(pixels))
    scale = max(1, 320 // max(result.size))
    buffer = io.BytesIO()
    result.resize((result.width * scale, result.height * scale), Image.Resampling.NEAREST).save(
        buffer, "PNG"
    )
    data, (w, h) = (
        base64.b64encode(buffer.getvalue()).decode(),
        (result.width * scale, result.height * scale),
    )
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}" height="{h}" viewBox="0 0 {w} {h}">'
        f'<image width="{w}" height="{h}" href="data:image/png;base64,{data}"/></svg>'
    )
    return Figure(svg.encode(), clean(alt), clean(caption), width)


def signed(value: float, digits: int = 3) -> str:
    """A number with its sign; none that rounds to zero is negative. The minus is a minus."""
    return f"{round(float(value), digits) + 0.0:+.{digits}f}".replace("-", "−")


def number(value: Any, digits: int = 3) -> str:
    """A number, "–" where there is none."""
    return (
        "–"
        if value is None or not np.isfinite(value)
        else f"{round(float(value), digits) + 0.0:.{digits}f}".replace("-", "−")
    )


def power(value: float) -> str:
    """A small number by its order of magnitude: "2 · 10⁻¹¹"."""
    if value == 0:
        return "0"
    digit, exponent = f"{value:.0e}".split("e")
    return (
        f"{digit} · 10{str(int(exponent)).translate(str.maketrans('-0123456789', '⁻⁰¹²³⁴⁵⁶⁷⁸⁹'))}"
    )


# Equations: written once and typeset by typst, in the PDF as such, for browsers as drawings with their words beside
# them.

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
    compiled: Any = typst.compile(
        f"{SOURCE}{_ALONE}".encode(),
        format="svg",
        ignore_system_fonts=True,
        sys_inputs={"name": name},
    )
    svg = bytes(compiled)
    size = re.search(rb'width="([\d.]+)pt" height="([\d.]+)pt"', svg)
    assert size is not None
    return Drawing(svg, float(size[1]) / SIZE, float(size[2]) / SIZE, WORDS[name])
