"""The plots of a figure: its axes, which traces stand in which, their ranges, and where they lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.renderer import colouring, frame, notes
from qfusion.renderer.axes import Axis, Reach, categories_of, fit, kind_of
from qfusion.renderer.hand import Hand, Place
from qfusion.renderer.scene import Area, Box, Dots, Scene, Stroke, Words
from qfusion.renderer.traces import bars, fields, scatter, spreads

Trace = Mapping[str, Any]


class Plots:
    """All axes and traces of one figure."""

    def __init__(self, traces: Sequence[Trace], layout: Mapping[str, Any]) -> None:
        self.layout = layout
        self.traces = [t for t in traces if t["type"] != "parcoords"]
        names = {key.replace("axis", "") for key in layout if key[:5] in ("xaxis", "yaxis")}
        names |= {str(t.get(f"{letter}axis", letter)) for t in self.traces for letter in "xy"}
        self.axes: dict[str, Axis] = {}
        for name in sorted(names, key=lambda n: (n[0], int(n[1:] or 1))):
            settings = dict(layout.get(f"{name[0]}axis{name[1:]}", {}))
            columns = [column for t in self.traces if t.get(f"{name[0]}axis", name[0]) == name
                       for column in _column(t, name[0])]
            axis = Axis(name, settings, kind_of(settings, columns))
            axis.used = bool(columns) or any(t.get(f"{name[0]}axis", name[0]) == name
                                             for t in self.traces) or not traces
            if axis.kind == "category":
                axis.categories = categories_of(settings, columns)
            self.axes[name] = axis
        for axis in self.axes.values():
            over = axis.settings.get("overlaying")
            if isinstance(over, str) and over in self.axes:
                axis.settings.setdefault("domain", self.axes[over].settings.get("domain", (0.0, 1.0)))
            against = self._against(axis)
            check(against is not None,
                  f"The figure anchors the axis {axis.name!r} to {axis.settings.get('anchor')!r}, which is no axis of "
                  "it. Anchor it to one that is there.")

    def _against(self, axis: Axis) -> Axis | None:
        """The axis at whose edge this one stands."""
        other = "y" if axis.letter == "x" else "x"
        name = str(axis.settings.get("anchor", other))
        return self.axes.get(name) or (self.axes.get(other) if "anchor" not in axis.settings else None)

    def axis_pair(self, trace: Trace) -> tuple[Axis, Axis]:
        """The trace's axes."""
        return self.axes[str(trace.get("xaxis", "x"))], self.axes[str(trace.get("yaxis", "y"))]

    def shown(self, letter: str) -> list[Axis]:
        """The axes of one direction that hold something."""
        found = [axis for axis in self.axes.values() if axis.letter == letter and axis.used]
        return found or [axis for axis in self.axes.values() if axis.letter == letter]

    def grids(self, of: Callable[[Sequence[Axis]], Any]) -> tuple[Any, Any]:
        """Columns and rows."""
        return of(self.shown("x")), of(self.shown("y"))

    def place(self, box: Box, columns: Any, rows: Any, hand: Hand) -> None:
        """Puts every axis on the page and sets its range."""
        for axis in self.axes.values():
            low, high = (float(v) for v in axis.settings.get("domain", (0.0, 1.0)))
            grid, start, length = (columns, box.left,
                                   box.width) if axis.letter == "x" else (rows, box.bottom, box.height)
            axis.start, axis.end = start + grid.share(low) * length, start + grid.share(high) * length
        reaches = self._reaches(hand)
        for name, axis in self.axes.items():
            partners = [n for n in self.axes if self._leader(n) == self._leader(name)]
            fit(axis, [reach for n in partners for reach in reaches.get(n, [])], abs(axis.end - axis.start))
        for axis in self.axes.values():
            other = self.axes.get(str(axis.settings.get("scaleanchor", "")))
            if other is not None:
                _same_scale(axis, other, float(axis.settings.get("scaleratio", 1.0)))

    def _leader(self, name: str) -> str:
        found = self.axes[name].settings.get("matches")
        return str(found) if isinstance(found, str) and found in self.axes else name

    def _bars(self) -> list[bars.Bars]:
        groups: dict[tuple[str, str, bool], list[Trace]] = {}
        for trace in self.traces:
            if trace["type"] == "bar":
                x, y = self.axis_pair(trace)
                groups.setdefault((x.name, y.name, bars.lying(trace)), []).append(trace)
        return [found for (x, y, flat), own in groups.items()
                for found in bars.arrange(own, self.layout,
                                          *((self.axes[y], self.axes[x]) if flat else (self.axes[x], self.axes[y])))]

    def _boxes(self) -> list[spreads.Boxes]:
        groups: dict[tuple[str, str], list[Trace]] = {}
        for trace in self.traces:
            if trace["type"] == "box":
                pair = self.axis_pair(trace)
                groups.setdefault((pair[0].name, pair[1].name), []).append(trace)
        found = []
        for (x, y), own in groups.items():
            flat = own[0].get("orientation") == "h"
            found += spreads.boxes(own, self.layout,
                                   *((self.axes[y], self.axes[x]) if flat else (self.axes[x], self.axes[y])))
        return found

    def _reaches(self, hand: Hand) -> dict[str, list[Reach]]:
        found: dict[str, list[Reach]] = {}

        def keep(trace: Trace, pair: tuple[list[Reach], list[Reach]]) -> None:
            for axis, reaches in zip(self.axis_pair(trace), pair, strict=True):
                found.setdefault(axis.name, []).extend(reaches)

        for trace in self.traces:
            x, y = self.axis_pair(trace)
            if trace["type"] == "scatter":
                keep(trace, scatter.reaches(trace, x, y, hand))
            elif trace["type"] == "heatmap":
                keep(trace, fields.reaches(trace, x, y))
            elif trace["type"] == "violin":
                keep(trace, spreads.violin_reaches(spreads.violin(trace, x, y)))
        for each in self._bars():
            keep(each.trace, bars.reaches(each, hand))
        for box in self._boxes():
            keep(box.trace, spreads.box_reaches(box))
        for note in self.layout.get("annotations", []):
            for name, reach in notes.reaches(note, self.axes, hand).items():
                found.setdefault(name, []).append(reach)
        return found

    def draw(self, scene: Scene, hand: Hand) -> None:
        """Draws every trace."""
        for trace in self.traces:
            place = Place(scene, hand, *self.axis_pair(trace))
            if trace["type"] == "scatter" and scatter.seen(trace):
                scatter.draw(trace, place)
            elif trace["type"] == "heatmap":
                fields.draw(trace, place)
            elif trace["type"] == "violin":
                spreads.draw_violin(spreads.violin(trace, place.x, place.y), place)
        for each in self._bars():
            bars.draw(each, Place(scene, hand, *self.axis_pair(each.trace)))
        for found in self._boxes():
            spreads.draw_boxes(found, Place(scene, hand, *self.axis_pair(found.trace)))

    def room_for_discs(self, frames: Sequence[Box], hand: Hand) -> float:
        """How much smaller the discs of a drawing must be to keep out of its boxes."""
        return min([scatter.room_for_discs(t, *self.axis_pair(t), frames, hand) for t in self.traces
                    if t["type"] == "scatter"] or [1.0])

    def frames(self, scene: Scene, hand: Hand, widest: float) -> dict[str, frame.Drawn]:
        """Draws every axis that is to be seen."""
        found = {}
        for axis in self.axes.values():
            against = self._against(axis)
            if axis.shown and against is not None:
                found[axis.name] = frame.draw(axis, against, scene, hand, widest, self._push(axis, against, scene))
        return found

    @staticmethod
    def _push(axis: Axis, against: Axis, scene: Scene) -> float:
        """How far texts at bars and points reach over the left edge of a plot, where the labels of its upright axis
        would stand."""
        if axis.letter == "x" or axis.settings.get("side", "left") != "left":
            return 0.0
        low, high = sorted((axis.start, axis.end))
        edge, middle = min(against.start, against.end), (against.start + against.end) / 2
        beside = [w for w in scene.words() if w.role in ("bar", "point") and low <= w.y <= high
                  and edge - w.block.width < w.x < middle]
        return max([0.0] + [edge - w.box.left for w in beside])

    def colour_bars(self) -> list[tuple[colouring.Bar, Axis | None]]:
        """Colour bars with the upright axis beside which they stand."""
        found: list[tuple[colouring.Bar, Axis | None]] = []
        for trace in self.traces:
            bar = fields.bar_of(trace) if trace["type"] == "heatmap" else colouring.bar_of(trace.get("marker", {}))
            if bar is not None:
                found.append((bar, self.axis_pair(trace)[1]))
        return found

    def span(self, box: Box) -> Box:
        """The rectangle of all plots."""
        ends = [(min(a.start, a.end), max(a.start, a.end), a.letter) for a in self.axes.values() if a.used]
        xs, ys = [e for e in ends if e[2] == "x"], [e for e in ends if e[2] == "y"]
        if not xs or not ys:
            return box
        return Box(min(e[0] for e in xs), min(e[0] for e in ys), max(e[1] for e in xs), max(e[1] for e in ys))

    def gaps(self, columns: Any, rows: Any, box: Box, drawn: Mapping[str, frame.Drawn], labels: Sequence[Words],
             hand: Hand) -> tuple[list[float], list[float]]:
        """Points that are needed between neighbouring columns and rows, for what axes write beside themselves."""
        pad = hand.px(7)

        def between(grid: Any, letter: str, start: float, length: float) -> list[float]:
            before, after = [0.0] * len(grid.given), [0.0] * len(grid.given)
            for name, own in drawn.items():
                axis = self.axes[name]
                against = self._against(axis)
                holder = axis if axis.letter == letter else against
                if holder is None:
                    continue
                place = _index(grid.given, holder.settings.get("domain", (0.0, 1.0)))
                low, high = (start + share * length for share in grid.drawn[place])
                for word in own.words:
                    if letter == "y" and axis.letter == "y" and word.role == "title":
                        continue  # it is broken to the height of its plot
                    b = word.box
                    first, last = (b.left, b.right) if letter == "x" else (b.bottom, b.top)
                    before[place], after[place] = max(before[place], low - first), max(after[place], last - high)
            if letter == "y":
                for word in labels:
                    for place, (_, top) in enumerate(grid.drawn):
                        if abs(word.box.bottom - (start + top * length)) < hand.px(12):
                            after[place] = max(after[place], word.box.top - (start + top * length))
            return [a + b + pad for a, b in zip(after[:-1], before[1:], strict=True)]

        return between(columns, "x", box.left, box.width), between(rows, "y", box.bottom, box.height)

    def overhang(self, scene: Scene, box: Box) -> Box | None:
        """What of markers and shapes that are not cut off at the axes lies outside the plots."""
        found = []
        for _, mark in scene.marks:
            if isinstance(mark, Dots) and len(mark.points):
                radius = float(mark.radii.max() + mark.widths.max() / 2) * 1.3
                low, high = mark.points.min(0), mark.points.max(0)
                found.append(Box(float(low[0]) - radius, float(low[1]) - radius, float(high[0]) + radius,
                                 float(high[1]) + radius))
            elif isinstance(mark, (Area, Stroke)) and mark.clip is None and np.isfinite(mark.points).any():
                low, high = np.nanmin(mark.points, 0), np.nanmax(mark.points, 0)
                found.append(Box(float(low[0]), float(low[1]), float(high[0]), float(high[1])))
        if not found:
            return None
        return Box(min(b.left for b in found), min(b.bottom for b in found), max(b.right for b in found),
                   max(b.top for b in found))


def _index(given: Sequence[tuple[float, float]], domain: Any) -> int:
    middle = (float(domain[0]) + float(domain[1])) / 2
    return min(range(len(given)), key=lambda i: abs((given[i][0] + given[i][1]) / 2 - middle))


def _same_scale(axis: Axis, other: Axis, ratio: float) -> None:
    """Shortens one of two axes around its middle, so that a unit of one is as long as a unit of the other."""
    mine = abs(axis.end - axis.start) / abs(axis.high - axis.low)
    theirs = abs(other.end - other.start) / abs(other.high - other.low)
    longer, factor = (axis, theirs * ratio / mine) if mine > theirs * ratio else (other, mine / ratio / theirs)
    middle, half = (longer.start + longer.end) / 2, (longer.end - longer.start) / 2 * factor
    longer.start, longer.end = middle - half, middle + half


def _column(trace: Trace, letter: str) -> list[Any]:
    if trace["type"] in ("scatter", "bar"):
        return [scatter.columns(trace)["xy".index(letter)]]
    return [trace[letter]] if trace.get(letter) is not None else []
