"""The page: margins that are as wide as what stands in them, columns and rows that keep apart, legend above, title and
caption."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.renderer import legend, notes
from qfusion.renderer.axes import Axis
from qfusion.renderer.colours import rgba
from qfusion.renderer.hand import SMALLEST, Hand
from qfusion.renderer.plots import Plots
from qfusion.renderer.scene import Area, Box, Scene, Words, around, rectangle
from qfusion.renderer.traces import fields, parallel
from qfusion.renderer.words import plain, wrapped

EDGE = 0.3  # sizes of the letters between the drawing and the edge of the page
LOWEST = 24.0  # points: a drawing that is lower cannot be read
TITLE_LETTERS, CAPTION_LETTERS = 400, 4000


@dataclass
class Page:
    """A finished page."""

    scene: Scene
    width: float
    height: float


@dataclass
class Grid:
    """Columns (or rows) of the drawing: where they lie by the figure's own domains, and where they are drawn, as
    shares."""

    given: list[tuple[float, float]]
    drawn: list[tuple[float, float]]

    @classmethod
    def of(cls, axes: Sequence[Axis]) -> Grid:
        """The intervals of axes; one for all where they overlap."""
        found = sorted({(float(a), float(b)) for axis in axes for a, b in [axis.settings.get("domain", (0.0, 1.0))]})
        apart = all(b[0] >= a[1] - 1e-9 for a, b in itertools.pairwise(found))
        found = found if apart and found else [(0.0, 1.0)]
        return cls(found, list(found))

    def share(self, value: float) -> float:
        """A share of the drawing, moved with the columns."""
        knots = [each for pair in self.given for each in pair]
        to = [each for pair in self.drawn for each in pair]
        if value < knots[0]:
            return value + (to[0] - knots[0])
        if value > knots[-1]:
            return value + (to[-1] - knots[-1])
        return float(np.interp(value, knots, to))

    def widen(self, needed: Sequence[float]) -> None:
        """Makes the gaps between columns at least so wide (shares), and the columns narrower by as much."""
        gaps = [max(b[0] - a[1], need) for a, b, need in zip(self.given, self.given[1:], needed, strict=False)]
        widths = [b - a for a, b in self.given]
        first, last = self.given[0][0], self.given[-1][1]
        room = (last - first) - sum(gaps)
        if room < 0.25 * sum(widths):
            room = 0.25 * sum(widths)
            gaps = [gap * ((last - first) - room) / max(sum(gaps), 1e-9) for gap in gaps]
        at, drawn = first, []
        for width, gap in zip(widths, [*gaps, 0.0], strict=True):
            wide = width * room / sum(widths)
            drawn.append((at, at + wide))
            at += wide + gap
        self.drawn = drawn


@dataclass
class Composed:
    """A drawing within a rectangle, and what its letters need around it."""

    scene: Scene
    outside: Box
    crowd: float = 1.0
    gaps_x: list[float] = field(default_factory=list)
    gaps_y: list[float] = field(default_factory=list)


class Layout:
    """Finds the page for one figure."""

    def __init__(self, figure: Mapping[str, Any], hand: Hand, width: float, height: float | None, title: str,
                 caption: str) -> None:
        check(len(title) <= TITLE_LETTERS,
              f"Argument `title` must have at most {TITLE_LETTERS} letters, but has {len(title):,}. Shorten it.")
        check(len(caption) <= CAPTION_LETTERS,
              f"Argument `caption` must have at most {CAPTION_LETTERS:,} letters, but has {len(caption):,}. Shorten "
              "it.")
        self.layout: Mapping[str, Any] = figure["layout"]
        self.plots = Plots(figure["data"], self.layout)
        self.traces: Sequence[Mapping[str, Any]] = figure["data"]
        self.hand, self.width, self.height = hand, width, height
        style = hand.style({})
        self.edge = EDGE * style.size
        inner = width - 2 * self.edge
        self.title = wrapped(plain(title, replace(style, size=1.12 * style.size, bold=True)),
                             inner) if title.strip() else None
        self.caption = wrapped(plain(caption, replace(style, size=max(SMALLEST, 0.86 * style.size))),
                               inner) if caption.strip() else None

    def page(self) -> Page:
        """Composes until the margins fit; a page of free height grows, one of fixed height gets smaller letters where
        rows are too low."""
        least = max(0.35 * self.hand.scale, min(self.hand.scale, SMALLEST / self.hand.font))
        for _ in range(5):
            composed, box, height = self._fitted()
            filled = self.plots.span(box).height / box.height
            if self.height is None and filled < 0.97 and composed.crowd <= 1.02:
                self._stretch *= filled  # plots of equal scale that leave room above and below themselves
                continue
            if composed.crowd <= 1.02:
                break
            if self.height is None and self._stretch < 2.4:
                self._stretch = min(2.5, self._stretch * composed.crowd)
            elif self.height is not None and self.hand.scale > least:
                self.hand = replace(self.hand, scale=max(least, self.hand.scale / min(composed.crowd, 1.6)))
            else:
                break
        scene = composed.scene
        self._around(scene, box, height)
        return Page(scene, self.width, height)

    _stretch = 1.0

    def _heads(self) -> tuple[float, float]:
        gap = 0.5 * self.hand.style({}).size
        return (self.title.height + gap if self.title else 0.0), (self.caption.height + gap if self.caption else 0.0)

    def _fitted(self) -> tuple[Composed, Box, float]:
        above, below = self._heads()
        margin = self.layout.get("margin", {})
        wanted = float(self.layout.get("height", 450)) - float(margin.get("t", 100)) - float(margin.get("b", 80))
        tall = max(self.hand.px(wanted) * self._stretch, LOWEST)
        left = right = top = bottom = self.hand.px(20)
        columns, rows = self.plots.grids(Grid.of)
        for turn in range(8):
            height = self.height if self.height is not None else tall + top + bottom + above + below + 2 * self.edge
            page = Box(self.edge, self.edge + below, self.width - self.edge, height - self.edge - above)
            box = Box(page.left + left, page.bottom + bottom, page.right - right, page.top - top)
            check(min(box.width, box.height) >= LOWEST - 0.01,
                  f"The figure does not fit on {self.width / 72 * 25.4:.0f} x {height / 72 * 25.4:.0f} mm with letters "
                  f"of {self.hand.px(self.hand.font):.1f} pt. Choose a larger size or a smaller font, or leave out "
                  "title and caption.")
            composed = self.compose(box, page, columns, rows)
            out = composed.outside
            new = (max(0.0, box.left - out.left), max(0.0, out.right - box.right), max(0.0, out.top - box.top),
                   max(0.0, box.bottom - out.bottom))
            columns.widen([gap / box.width for gap in composed.gaps_x])
            rows.widen([gap / box.height for gap in composed.gaps_y])
            moved = max(abs(a - b) for a, b in zip(new, (left, right, top, bottom), strict=True))
            if moved < 0.3:
                break
            # Labels that break or turn at one width and not at the next would go on for ever: margins stop to shrink.
            left, right, top, bottom = new if turn < 3 else tuple(map(max, new, (left, right, top, bottom)))
        return composed, box, height

    def compose(self, box: Box, page: Box, columns: Grid, rows: Grid) -> Composed:
        """Draws everything with the plots in `box`; `page` is what letters may fill."""
        scene, hand = Scene(), self.hand
        plots = self.plots
        plots.place(box, columns, rows, hand)
        sheet = notes.Sheet(plots.axes, box, lambda v: box.left + columns.share(v) * box.width,
                            lambda v: box.bottom + rows.share(v) * box.height,
                            tuple((box.left + a * box.width, box.left + b * box.width) for a, b in columns.drawn))
        sheet = replace(sheet, frames=notes.frames(self.layout.get("shapes", []), sheet))
        hand = replace(hand, discs=plots.room_for_discs(sheet.frames, hand))
        scene.add(-10, *([Area(rectangle(*_corners(plots.span(box))), rgba(str(self.layout["plot_bgcolor"])))]
                         if "plot_bgcolor" in self.layout
                         and self.layout["plot_bgcolor"] != self.layout.get("paper_bgcolor") else []))
        plots.draw(scene, hand)
        drawn = plots.frames(scene, hand, widest=0.34 * page.width)
        for trace in self.traces:
            if trace["type"] == "parcoords":
                parallel.draw(trace, scene, hand, box)
        words = [w for each in drawn.values() for w in each.words]
        held = around([w.box for w in words]) or box
        beyond = {"left": max(0.0, box.left - held.left), "bottom": max(0.0, box.bottom - held.bottom)}
        for each in self.layout.get("shapes", []):
            notes.shape(each, sheet, scene, hand)
        labels: list[Words] = []
        for each in self.layout.get("annotations", []):
            label = notes.note(each, sheet, scene, hand, beyond, labels)
            labels += [label] if label is not None else []
        gaps_x, gaps_y = plots.gaps(columns, rows, box, drawn, [w for w in labels if w.role != "outside"], hand)
        self._bars(scene, box)
        outside = self._outside(scene, box)
        found = legend.entries(self.traces, self.layout, hand)
        if found and str(self.layout.get("legend", {}).get("orientation", "v")) == "h":
            start = page.left if box.width < 0.6 * page.width else box.left
            legend.draw(found, scene, hand, start, page.right, outside.top + hand.px(6))
            outside = self._outside(scene, box)
            outside = Box(min(outside.left, box.left), outside.bottom, outside.right, outside.top)
        elif found:
            legend.column(found, scene, hand, outside.right + hand.px(10), box.top)
            outside = self._outside(scene, box)
        crowd = max([each.crowd for each in drawn.values()] or [self._lower(box)])
        return Composed(scene, outside, crowd, gaps_x, gaps_y)

    def _lower(self, box: Box) -> float:
        """How much lower a drawing without axes is than meant: its letters cannot give way to each other."""
        margin = self.layout.get("margin", {})
        meant = self.hand.px(float(self.layout.get("height", 450)) - float(margin.get("t", 100))
                             - float(margin.get("b", 80)))
        return 1.0 if self.height is None else max(1.0, 0.9 * meant / box.height)

    def _bars(self, scene: Scene, box: Box) -> None:
        """The colour bars, to the right of everything."""
        for bar, axis in self.plots.colour_bars():
            right = max([box.right] + [w.box.right for w in scene.words() if w.box.bottom < box.top])
            low, high = (box.bottom, box.top) if axis is None else (min(axis.start, axis.end),
                                                                    max(axis.start, axis.end))
            fields.colour_bar(scene, self.hand, bar, right + self.hand.px(10), low, high)

    def _outside(self, scene: Scene, box: Box) -> Box:
        found = around([w.box for w in scene.words()])
        rest = self.plots.overhang(scene, box)
        return around([each for each in (box, found, rest) if each is not None]) or box

    def _around(self, scene: Scene, box: Box, height: float) -> None:
        if self.title:
            scene.add(100, Words(self.title, self.edge, height - self.edge, "left", "top", role="title of the page"))
        if self.caption:
            scene.add(100, Words(self.caption, self.edge, self.edge, "left", "bottom", role="caption"))


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.left, box.bottom, box.right, box.top


