"""Several figures on one page: in rows of equal height, each with its letter, one caption below all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check, require_number
from qfusion.renderer import DPI, FONTS, KINDS, MAX_PIXELS, MM, WIDTHS, paper, reading, tikz
from qfusion.renderer.colours import RGBA, rgba
from qfusion.renderer.hand import SMALLEST, Hand
from qfusion.renderer.layout import CAPTION_LETTERS, Layout, Page
from qfusion.renderer.scene import Box, Cells, Dots, Mark, Words
from qfusion.renderer.words import UNPRINTABLE, Block, plain, printable, runs, wrapped

MAX_PANELS, MAX_COLUMNS = 12, 4
LEAST_ROW = 60.0  # points: a row that is lower cannot be read
_GAP, _BETWEEN, _UNDER = 1.4, 1.0, 0.3  # sizes of the letters: between columns, between rows, below a letter


@dataclass(frozen=True)
class Part:
    """A figure with its letter, such as "(a)", and its title where one is written."""

    figure: go.Figure
    letter: str
    title: str = ""


@dataclass(frozen=True)
class Type:
    """How a page is set: size of the letters in pt, serifs, thickness of lines, whether letters of panels are bold."""

    font: float
    serif: bool = False
    lines: float = 1.0
    bold: bool = False


def render_grid(parts: Sequence[Part], kind: str, width_mm: float, columns: int, type_: Type, *,
                height_mm: float | None = None, most_mm: float = 240.0, title: str = "", caption: str = "",
                metadata: str = "{}", dpi: int = 300) -> bytes:
    """The figures as one file; a last row that is not full shares the width among fewer.

    Args:
        parts: in the order of reading. kind: "svg", "pdf", "png" or "tikz". width_mm: of the page.
        columns: figures in a row. type_: how it is set.
        height_mm: of the page; None lets it follow from the figures, up to `most_mm`.
        title: of the file. caption: below all figures. metadata, dpi: as of `render`.

    Raises:
        InvalidInput: when there are too many figures, a size is out of range, or they do not fit.
    """
    check(kind in KINDS, f"Argument `kind` must be one of {', '.join(KINDS)}, but is {str(kind)[:40]!r}.")
    check(1 <= len(parts) <= MAX_PANELS,
          f"Argument `parts` must hold 1 to {MAX_PANELS} figures, but holds {len(parts)}. Leave some out.")
    check(isinstance(columns, int) and 1 <= columns <= MAX_COLUMNS,
          f"Argument `columns` must be from 1 to {MAX_COLUMNS}, but is {columns!r}.")
    check(not UNPRINTABLE.search(metadata), "Argument `metadata` must have no control characters.")
    check(len(caption) <= CAPTION_LETTERS,
          f"Argument `caption` must have at most {CAPTION_LETTERS:,} letters, but has {len(caption):,}. Shorten it.")
    dpi = int(require_number("dpi", dpi, *DPI)) if kind == "png" else 72
    width, size = MM * require_number("width_mm", width_mm, *WIDTHS), require_number("font_pt", type_.font, *FONTS)
    rows = [_row(parts[start:start + columns], width, type_) for start in range(0, len(parts), columns)]
    style = rows[0].hands[0].style({})
    foot = wrapped(plain(caption, replace(style, size=max(SMALLEST, 0.86 * size))), width) if caption.strip() else None
    below = foot.height + 0.5 * size if foot else 0.0
    spare = below + sum(row.head for row in rows) + _BETWEEN * size * (len(rows) - 1)
    heights = [row.natural for row in rows]
    most = MM * (most_mm if height_mm is None else require_number("height_mm", height_mm, *WIDTHS)) - spare
    if height_mm is not None or sum(heights) > most:
        check(most / len(rows) >= LEAST_ROW,
              f"{len(rows)} rows do not fit on {width_mm:.0f} x {height_mm or most_mm:.0f} mm with letters of "
              f"{size:g} pt. Choose more columns, a larger size or a smaller font, or leave out title and caption.")
        heights = [height * most / sum(heights) for height in heights]
    total = sum(heights) + spare
    marks, top = [], total
    for row, height in zip(rows, heights, strict=True):
        marks += row.marks(top, height)
        top -= row.head + height + _BETWEEN * size
    if foot:
        marks.append(Words(foot, 0.0, 0.0, "left", "bottom", role="caption"))
    background = rows[0].background
    if kind == "png":
        check(width * total * (dpi / 72) ** 2 <= MAX_PIXELS,
              f"A picture of {width / MM:.0f} x {total / MM:.0f} mm at {dpi} dpi would have too many pixels. Choose "
              "fewer dpi, a smaller size, or a vector format.")
    name = printable(" ".join(title.split()))
    if kind == "tikz":
        return tikz.write(marks, (width, total), background, metadata, name)
    return paper.write(kind, marks, (width, total), background, metadata, name, dpi)


@dataclass(frozen=True)
class _Row:
    """Figures side by side: read, with the hands they are drawn by, their letters set, their natural height."""

    figures: list[dict[str, Any]]
    hands: list[Hand]
    heads: list[Block]
    head: float
    natural: float
    pages: list[Page]
    wide: float
    gap: float
    background: RGBA

    def marks(self, top: float, height: float) -> list[Mark]:
        """All marks, with the upper edge at `top`."""
        found: list[Mark] = []
        for place, page in enumerate(self.pages):
            left = place * (self.wide + self.gap)
            if abs(page.height - height) > 0.5:
                page = Layout(self.figures[place], self.hands[place], self.wide, height, "", "").page()
            found.append(Words(self.heads[place], left, top, "left", "top", role="letter"))
            found += [_moved(mark, left, top - self.head - page.height) for mark in page.scene.ordered()]
        return found


def _row(parts: Sequence[Part], width: float, type_: Type) -> _Row:
    gap = _GAP * type_.font
    wide = (width - gap * (len(parts) - 1)) / len(parts)
    figures = [reading.plain(part.figure) for part in parts]
    hands, papers = [], []
    for figure in figures:
        layout = figure["layout"]
        font = layout.get("font", {})
        pixels = float(font.get("size", 12))
        papers.append(rgba(str(layout.get("paper_bgcolor", "#fff"))))
        hands.append(Hand(type_.font / pixels, rgba(str(font.get("color", "#444"))), papers[-1], pixels,
                          serif=type_.serif, lines=type_.lines))
    heads = [_head(part, hand, wide, type_) for part, hand in zip(parts, hands, strict=True)]
    pages = [Layout(figure, hand, wide, None, "", "").page() for figure, hand in zip(figures, hands, strict=True)]
    return _Row(figures, hands, heads, max(head.height for head in heads) + _UNDER * type_.font,
                max(page.height for page in pages), pages, wide, gap, papers[0])


def _head(part: Part, hand: Hand, wide: float, type_: Type) -> Block:
    """The letter, and the title behind it."""
    style = hand.style({})
    letter = replace(style, size=style.size * (8 / 7 if type_.bold else 1.0), bold=type_.bold)  # Nature: 8 pt of 7
    line = runs(printable(part.letter + ("\u2002" if part.title else "")), letter)
    if part.title:
        line += runs(printable(part.title), replace(style, bold=True))
    return wrapped(Block((tuple(line),), letter.size), wide)


def _moved(mark: Mark, dx: float, dy: float) -> Mark:
    """A mark at another place of the page."""
    by = np.array([dx, dy])
    clip: Box | None = getattr(mark, "clip", None)
    there: dict[str, Any] = {}
    if clip is not None:
        there["clip"] = Box(clip.left + dx, clip.bottom + dy, clip.right + dx, clip.top + dy)
    if isinstance(mark, Words):
        return replace(mark, x=mark.x + dx, y=mark.y + dy)
    if isinstance(mark, Cells):
        return replace(mark, x=np.asarray(mark.x) + dx, y=np.asarray(mark.y) + dy, **there)
    if isinstance(mark, Dots):
        return replace(mark, points=mark.points + by, **there)
    return replace(mark, points=mark.points + by, **there)
