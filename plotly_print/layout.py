"""The page: the plots of a figure, which traces stand in which, their ranges, and where they lie;
margins that are as wide as what stands in them, columns and rows that keep apart, legend above,
title and caption."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from plotly_print import legend, notes
from plotly_print.axes import (
    Axis,
    Grid,
    Place,
    Reach,
    Trace,
    categories_of,
    draw_axis,
    fit,
    kind_of,
)
from plotly_print.bars import arrange, boxes, violin
from plotly_print.letters import Letter, Plot, draw_letters, letter_style
from plotly_print.points import Field, Points, columns, draw_parallel
from plotly_print.scene import (
    KEY,
    SMALLEST,
    Area,
    Box,
    Dots,
    Hand,
    Scene,
    Stroke,
    Words,
    around,
)
from plotly_print.values import bar_of, check, rgba
from plotly_print.words import Block, plain, wrapped

EDGE = 0.3  # sizes of the letters between the drawing and the edge of the page
LOWEST = 24.0  # points: a drawing that is lower cannot be read
# Kinds of traces that stand for themselves, and those that make room for each other.
_ALONE: dict[str, Callable[..., Any]] = {"scatter": Points, "heatmap": Field, "violin": violin}
_TOGETHER: dict[str, Callable[..., Any]] = {"bar": arrange, "box": boxes}
TITLE_LETTERS, CAPTION_LETTERS = 400, 4000


class Plots:
    """All axes and traces of one figure."""

    def __init__(self, traces: list[Trace], layout: dict[str, Any]) -> None:
        self.layout = layout
        self.traces = [trace for trace in traces if trace["type"] != "parcoords"]
        names = {key.replace("axis", "") for key in layout if key[:5] in ("xaxis", "yaxis")}
        names |= {str(t.get(f"{letter}axis", letter)) for t in self.traces for letter in "xy"}
        self.axes: dict[str, Axis] = {}
        for name in sorted(names, key=lambda n: (n[0], int(n[1:] or 1))):
            letter = name[0]
            settings = dict(layout.get(f"{letter}axis{name[1:]}", {}))
            own = [trace for trace in self.traces if trace.get(f"{letter}axis", letter) == name]
            listed = [columns(trace)["xy".index(letter)] for trace in own]
            kind = kind_of(settings, listed)
            self.axes[name] = Axis(
                name,
                settings,
                kind,
                categories_of(settings, listed) if kind == "category" else [],
                used=bool(own) or not traces,
            )
        for axis in self.axes.values():
            over = self.axes.get(str(axis.settings.get("overlaying")))
            if over is not None:
                axis.settings.setdefault("domain", over.domain)
            check(
                str(axis.settings.get("anchor", "y" if axis.letter == "x" else "x")) in self.axes,
                f"The figure anchors the axis {axis.name!r} to {axis.settings.get('anchor')!r}, "
                "which is no axis of it. Anchor it to one that is there.",
            )
        self.parts = [*self._parts()]

    def _parts(self) -> Iterator[Any]:
        """The traces as they stand on their axes; those of bars and boxes with their neighbours."""
        for trace in self.traces:
            if trace["type"] in _ALONE:
                yield _ALONE[trace["type"]](trace, *self.pair(trace))
        for kind, together in _TOGETHER.items():
            groups: dict[Any, list[Trace]] = defaultdict(list)
            for trace in self.traces:
                if trace["type"] == kind:
                    turned = kind == "bar" and trace.get("orientation") == "h"
                    groups[tuple(axis.name for axis in self.pair(trace)), turned].append(trace)
            for group in groups.values():
                way = -1 if group[0].get("orientation") == "h" else 1
                yield from together(group, self.layout, *self.pair(group[0])[::way])

    def against(self, axis: Axis) -> Axis:
        """The axis at whose edge this one stands."""
        return self.axes[str(axis.settings.get("anchor", "y" if axis.letter == "x" else "x"))]

    def pair(self, trace: Trace) -> tuple[Axis, Axis]:
        """The trace's axes."""
        return self.axes[str(trace.get("xaxis", "x"))], self.axes[str(trace.get("yaxis", "y"))]

    def rectangles(self) -> list[Plot]:
        """The axes of each rectangle that holds traces, in the order of reading; of rectangles that
        overlap, those of the first."""
        cells: dict[Box, Plot] = {}
        for x, y in map(self.pair, self.traces):
            (left, right), (bottom, top) = x.domain, y.domain
            share = Box(left, bottom, right, top)
            if not any(share.overlaps(other, 1e-6) for other in cells):
                cells[share] = (x, y)
        return [cells[share] for share in sorted(cells, key=lambda box: (-box.top, box.left))]

    def grid(self, letter: str) -> Grid:
        """The columns ("x") or rows ("y") of the axes that hold something, or of all."""
        axes = [axis for axis in self.axes.values() if axis.letter == letter]
        return Grid.of([axis for axis in axes if axis.used] or axes)

    def place(self, box: Box, columns: Grid, rows: Grid, hand: Hand) -> None:
        """Put every axis on the page and set its range."""
        sides = {"x": (columns, box.left, box.width), "y": (rows, box.bottom, box.height)}
        for axis in self.axes.values():
            grid, start, length = sides[axis.letter]
            axis.start, axis.end = (start + grid.share(end) * length for end in axis.domain)
        reaches: dict[str, list[Reach]] = defaultdict(list)
        for part in self.parts:
            for axis, own in zip(self.pair(part.trace), part.reaches(hand), strict=True):
                reaches[axis.name] += own
        for note in self.layout["annotations"]:
            for name, reach in notes.reaches(note, self.axes, hand).items():
                reaches[name].append(reach)
        together: dict[str, list[Reach]] = defaultdict(list)  # of axes that match
        for name in self.axes:
            together[self._leader(name)] += reaches[name]
        for name, axis in self.axes.items():
            fit(axis, together[self._leader(name)])
        for axis in self.axes.values():
            other = self.axes.get(str(axis.settings.get("scaleanchor")))
            if other is not None:
                _same_scale(axis, other, float(axis.settings.get("scaleratio", 1.0)))

    def _leader(self, name: str) -> str:
        """The axis whose range an axis has: the one that it matches, or itself."""
        matched = self.axes[name].settings.get("matches")
        return matched if matched in self.axes else name

    def span(self, box: Box) -> Box:
        """The rectangle of all plots."""
        used = [axis for axis in self.axes.values() if axis.used]
        x, y = (
            [end for axis in used if axis.letter == letter for end in (axis.start, axis.end)]
            for letter in "xy"
        )
        return Box(min(x), min(y), max(x), max(y)) if x and y else box

    def gaps(
        self,
        letter: str,
        grid: Grid,
        box: Box,
        drawn: dict[str, list[Words]],
        labels: list[Words],
        letters: list[tuple[Plot, Words]],
        hand: Hand,
    ) -> list[float]:
        """Points that are needed between neighbouring columns ("x") or rows ("y"), for what axes
        write beside themselves, and for the letters of plots."""
        side = "xy".index(letter)
        start, length = box[side], box[side + 2] - box[side]
        before, after = [0.0] * len(grid.given), [0.0] * len(grid.given)
        ends = [(start + low * length, start + high * length) for low, high in grid.drawn]
        for name, own in drawn.items():
            axis = self.axes[name]
            holder = axis if axis.letter == letter else self.against(axis)
            place = grid.index(holder.domain)
            for word in own:
                # The title of an upright axis is broken to the height of its plot.
                if (letter, axis.letter, word.role) != ("y", "y", "title"):
                    before[place] = max(before[place], ends[place][0] - word.box[side])
                    after[place] = max(after[place], word.box[side + 2] - ends[place][1])
        for plot, word in letters:
            place = grid.index(plot[side].domain)
            before[place] = max(before[place], ends[place][0] - word.box[side])
            after[place] = max(after[place], word.box[side + 2] - ends[place][1])
        for word in labels if letter == "y" else ():
            for place, (_, top) in enumerate(ends):
                if abs(word.box.bottom - top) < hand.px(12):
                    after[place] = max(after[place], word.box.top - top)
        return [a + b + hand.px(7) for a, b in zip(after[:-1], before[1:], strict=True)]


def _push(axis: Axis, against: Axis, scene: Scene) -> float:
    """How far texts at bars and points reach over the left edge of a plot, where the labels of its
    upright axis would stand."""
    if axis.letter == "x" or axis.settings.get("side", "left") != "left":
        return 0.0
    low, high = sorted((axis.start, axis.end))
    edge, middle = min(against.start, against.end), (against.start + against.end) / 2
    return max(
        (
            edge - word.box.left
            for word in scene.words()
            if word.role in ("bar", "point")
            and low <= word.y <= high
            and edge - word.block.width < word.x < middle
            and word.box.left < edge
        ),
        default=0.0,
    )


def _same_scale(axis: Axis, other: Axis, ratio: float) -> None:
    """Shorten one of two axes around its middle, so that a unit of one is as long as a unit of the
    other."""
    mine, theirs = (own.length / abs(own.high - own.low) for own in (axis, other))
    theirs *= ratio
    longer, factor = (other, mine / theirs) if mine <= theirs else (axis, theirs / mine)
    middle, half = (longer.start + longer.end) / 2, (longer.end - longer.start) / 2 * factor
    longer.start, longer.end = middle - half, middle + half


def caption_block(text: str, hand: Hand, width: float) -> Block | None:
    """A caption in lines of a width, where there is one.

    Raises:
        PrintError: when it is too long.
    """
    check(
        len(text) <= CAPTION_LETTERS,
        f"Argument `caption` must have at most {CAPTION_LETTERS:,} letters, but has "
        f"{len(text):,}. Shorten it.",
    )
    usual = hand.style({})
    return (
        wrapped(plain(text, replace(usual, size=max(SMALLEST, 0.86 * usual.size))), width)
        if text.strip()
        else None
    )


class Layout:
    """Finds the page for one figure."""

    def __init__(
        self,
        figure: dict[str, Any],
        hand: Hand,
        width: float,
        height: float | None,
        title: str,
        caption: str,
        letter: Letter | None = None,
        large: bool = False,
    ) -> None:
        """See `page.render`; `large`: whether letters of plots are larger than other words."""
        check(
            len(title) <= TITLE_LETTERS,
            f"Argument `title` must have at most {TITLE_LETTERS} letters, but has {len(title):,}. "
            "Shorten it.",
        )
        self.layout, self.traces = figure["layout"], figure["data"]
        self.plots = Plots(self.traces, self.layout)
        self.hand, self.width, self.height = hand, width, height
        self.letter, self.large = letter, large
        self.stretch = 1.0
        style = hand.style({})
        self.edge = EDGE * style.size
        inner = width - 2 * self.edge
        self.title = (
            wrapped(plain(title, replace(style, size=1.12 * style.size, bold=True)), inner)
            if title.strip()
            else None
        )
        self.caption = caption_block(caption, hand, inner)

    def page(self) -> tuple[Scene, float]:
        """The finished page and its height, composed until the margins fit; a page of free height
        grows, one of fixed height gets smaller letters where rows are too low."""
        least = max(0.35 * self.hand.scale, min(self.hand.scale, SMALLEST / self.hand.font))
        for _ in range(5):
            scene, crowd, box, height = self._fitted()
            filled = self.plots.span(box).height / box.height
            if crowd <= 1.02 and (self.height is not None or filled >= 0.97):
                break
            if crowd <= 1.02:  # plots of equal scale that leave room above and below themselves
                self.stretch *= filled
            elif self.height is None and self.stretch < 2.4:
                self.stretch = min(2.5, self.stretch * crowd)
            elif self.height is not None and self.hand.scale > least:
                self.hand = replace(self.hand, scale=max(least, self.hand.scale / min(crowd, 1.6)))
            else:
                break
        edge = self.edge
        if self.title:
            scene.add(
                KEY,
                Words(self.title, edge, height - edge, "left", "top", role="title of the page"),
            )
        if self.caption:
            scene.add(KEY, Words(self.caption, edge, edge, "left", "bottom", role="caption"))
        return scene, height

    def _meant(self) -> float:
        """The height of the drawing that the figure asks for."""
        margin = self.layout.get("margin", {})
        above, below = float(margin.get("t", 100)), float(margin.get("b", 80))
        return self.hand.px(float(self.layout.get("height", 450)) - above - below)

    def _fitted(self) -> tuple[Scene, float, Box, float]:
        """The drawing with margins that are as wide as what stands in them, by how much its letters
        are too high for it, the rectangle of its plots, and the height of the page."""
        gap, edge = 0.5 * self.hand.style({}).size, self.edge
        above = self.title.height + gap if self.title else 0.0
        below = self.caption.height + gap if self.caption else 0.0
        tall = max(self._meant() * self.stretch, LOWEST)
        left = right = top = bottom = self.hand.px(20)
        columns, rows = self.plots.grid("x"), self.plots.grid("y")
        crowds = [1.0]
        for turn in range(8):
            free = tall + top + bottom + above + below + 2 * edge
            height = free if self.height is None else self.height
            page = Box(edge, edge + below, self.width - edge, height - edge - above)
            box = Box(page.left + left, page.bottom + bottom, page.right - right, page.top - top)
            check(
                min(box.width, box.height) >= LOWEST - 0.01,
                f"The figure does not fit on {self.width / 72 * 25.4:.0f} x "
                f"{height / 72 * 25.4:.0f} mm with letters of "
                f"{self.hand.px(self.hand.font):.1f} pt. Choose a larger size or a smaller font, "
                "or leave out title and caption.",
            )
            before = (columns.ends, rows.ends)
            scene, out, crowd = self._compose(box, page, columns, rows)
            crowds.append(crowd)
            shift = max(
                float(np.abs(grid.ends - ends).max()) * length
                for grid, ends, length in zip(
                    (columns, rows), before, (box.width, box.height), strict=True
                )
            )
            wanted = [
                max(0.0, room)
                for room in (
                    box.left - out.left,
                    out.right - box.right,
                    out.top - box.top,
                    box.bottom - out.bottom,
                )
            ]
            margins = (left, right, top, bottom)
            if max(shift, *(abs(a - b) for a, b in zip(wanted, margins, strict=True))) < 0.3:
                return scene, crowd, box, height
            # Labels that break or turn at one width and not at the next would go on for ever:
            # margins stop to shrink.
            left, right, top, bottom = wanted if turn < 3 else map(max, wanted, margins)
        # Gaps that fit at one turn and are too narrow at the next do not fit.
        return scene, max(crowds[-2:]), box, height

    def _compose(self, box: Box, page: Box, columns: Grid, rows: Grid) -> tuple[Scene, Box, float]:
        """Draw everything with the plots in `box`, and make room between columns and rows for the
        next time; `page` is what letters may fill. Also what the drawing takes up, and by how much
        its letters are too high for it."""
        scene, hand, plots, layout = Scene(), self.hand, self.plots, self.layout
        plots.place(box, columns, rows, hand)
        sheet = notes.Sheet(plots.axes, box, columns, rows, layout["shapes"])
        rooms = [
            part.room_for_discs(sheet.frames, hand)
            for part in plots.parts
            if isinstance(part, Points)
        ]
        hand = replace(hand, discs=min(rooms, default=1.0))
        ground = layout.get("plot_bgcolor", layout.get("paper_bgcolor"))
        if ground != layout.get("paper_bgcolor"):
            scene.add(-10, Area(plots.span(box).corners, rgba(str(ground))))
        for part in plots.parts:
            part.draw(Place(scene, hand, *plots.pair(part.trace)))
        drawn, crowds = {}, []
        for axis in plots.axes.values():
            if axis.used and axis.settings.get("visible") is not False:
                against = plots.against(axis)
                drawn[axis.name], crowd = draw_axis(
                    axis, against, scene, hand, 0.34 * page.width, _push(axis, against, scene)
                )
                crowds.append(crowd)
        for trace in (trace for trace in self.traces if trace["type"] == "parcoords"):
            draw_parallel(trace, scene, hand, box)
        written = around([box, *(word.box for own in drawn.values() for word in own)])
        for shape in layout["shapes"]:
            notes.draw_shape(shape, sheet, scene, hand)
        labels: list[Words] = []
        for note in layout["annotations"]:
            labels += notes.draw_note(note, sheet, scene, hand, written, labels)
        letters = self._letters(scene, drawn)
        inside = [label for label in labels if label.role != "outside"]
        for letter, grid, length in (("x", columns, box.width), ("y", rows, box.height)):
            gaps = plots.gaps(letter, grid, box, drawn, inside, letters, hand)
            tight = grid.widen([gap / length for gap in gaps])
            crowds += [tight] if letters and letter == "y" else []
        for trace in plots.traces:
            x, y = plots.pair(trace)
            bar = (
                Field(trace, x, y).bar()
                if trace["type"] == "heatmap"
                else bar_of(trace.get("marker", {}))
            )
            if bar is not None:
                ends = [word.box.right for word in scene.words() if word.box.bottom < box.top]
                legend.colour_bar(
                    scene,
                    hand,
                    *bar,
                    max([box.right, *ends]) + hand.px(10),
                    *sorted((y.start, y.end)),
                )
        entries = legend.entries(self.traces, layout, hand)
        outside = self._outside(scene, box)
        if layout.get("legend", {}).get("orientation", "v") == "h":
            start = page.left if box.width < 0.6 * page.width else box.left
            legend.draw_rows(entries, scene, hand, start, page.right, outside.top + hand.px(6))
        else:
            legend.draw_column(entries, scene, hand, outside.right + hand.px(10), box.top)
        # Letters of a drawing without axes cannot give way to each other.
        lower = 1.0 if self.height is None else max(1.0, 0.9 * self._meant() / box.height)
        return scene, self._outside(scene, box), max(crowds, default=lower)

    def _letters(self, scene: Scene, drawn: dict[str, list[Words]]) -> list[tuple[Plot, Words]]:
        """Draw the letters of the plots, where there are several, and return them with their plots;
        `drawn`: what axes write."""
        plots = self.plots.rectangles()
        if self.letter is None or len(plots) < 2:
            return []

        def beside(plot: Plot) -> list[Words]:
            own = [axis.domain for axis in plot]
            words = []
            for name, written in drawn.items():
                axis = self.plots.axes[name]
                pair = sorted((axis, self.plots.against(axis)), key=lambda one: one.letter)
                words += written if [one.domain for one in pair] == own else []
            return words

        style = letter_style(self.hand, self.large)
        by_axes = {id(word) for written in drawn.values() for word in written}
        others = [word for word in scene.words() if id(word) not in by_axes]
        words = draw_letters(plots, self.letter, style, beside, others, scene)
        return list(zip(plots, words, strict=True))

    @staticmethod
    def _outside(scene: Scene, box: Box) -> Box:
        """What the plots, the words, and the markers and lines that are not cut off at the axes
        take up."""
        boxes = [box, *(word.box for word in scene.words())]
        for _, mark in scene.marks:
            if isinstance(mark, Dots) and len(mark.points):
                boxes.append(
                    Box.of(mark.points).grown(float(mark.radii.max() + mark.widths.max() / 2) * 1.3)
                )
            elif isinstance(mark, (Area, Stroke)) and mark.clip is None:
                known = mark.points[np.isfinite(mark.points).all(1)]
                boxes += [Box.of(known)] if len(known) else []
        return around(boxes)
