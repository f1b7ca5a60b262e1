"""Bars: where they stand beside or upon each other, their patterns, texts and error bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.renderer import colouring
from qfusion.renderer.axes import Axis, Reach
from qfusion.renderer.colours import CLEAR, RGBA, fade, rgba
from qfusion.renderer.hand import BARS, LINES, Hand, Place, halo_of, spread
from qfusion.renderer.scene import Area, Box, Mark, Pen, Stroke, Words, rectangle
from qfusion.renderer.traces import scatter
from qfusion.renderer.words import read


@dataclass(frozen=True, eq=False)
class Bars:
    """One trace's bars as numbers on the axes: from `base` to `top` (n,), centred at `places` with `widths`.

    Those of one group share a slot; `slots` are their middles (n,), `step` apart.
    """

    trace: Mapping[str, Any]
    places: np.ndarray
    widths: np.ndarray
    slots: np.ndarray
    step: float
    base: np.ndarray
    top: np.ndarray

    @property
    def lying(self) -> bool:
        """Whether the bars run from left to right."""
        return lying(self.trace)


def lying(trace: Mapping[str, Any]) -> bool:
    """Whether the bars are horizontal."""
    return trace.get("orientation") == "h"


def arrange(traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], along: Axis, up: Axis) -> list[Bars]:
    """The bars of traces that share both axes and their direction.

    Args:
        along: the axis with their places; up: that with their lengths.
    """
    mode, gap, inner = layout.get("barmode",
                                  "group"), float(layout.get("bargap", 0.2)), float(layout.get("bargroupgap", 0.0))
    at = [along.numbers(scatter.columns(trace)[1 if lying(trace) else 0]) for trace in traces]
    known = np.concatenate([places[np.isfinite(places)] for places in at]) if at else np.zeros(0)
    distinct = np.unique(known)
    step = float(np.diff(distinct).min()) if len(distinct) > 1 else 1.0
    beside = mode == "group" and len(distinct) < len(known)
    count = len(traces) if beside else 1
    heights: dict[tuple[float, bool], float] = {}
    found = []
    for i, (trace, places) in enumerate(zip(traces, at, strict=True)):
        n = len(places)
        wide = step * (1 - gap) / count
        widths = np.array(spread(trace.get("width"), n, wide * (1 - inner)), dtype=float)
        shift = 0.0 if trace.get("width") is not None or not beside else (i + 0.5) * wide - step * (1 - gap) / 2
        if trace.get("offset") is not None:
            places = places + np.array(spread(trace["offset"], n, 0.0), dtype=float) + widths / 2
        values = up.numbers(scatter.columns(trace)[0 if lying(trace) else 1])
        base = np.array(spread(trace.get("base"), n, 0.0), dtype=float)
        if mode in ("stack", "relative"):
            for k, (place, value) in enumerate(zip(places.tolist(), values.tolist(), strict=True)):
                if np.isfinite([place, value]).all():
                    base[k] = heights.get((place, value < 0), 0.0)
                    heights[place, value < 0] = base[k] + value
        found.append(Bars(trace, places + shift, widths, places, step, base, base + values))
    return found


def reaches(bars: Bars, hand: Hand) -> tuple[list[Reach], list[Reach]]:
    """What the axes across and up must hold: bars with half of what parts them, and the texts beyond their ends."""
    ends = np.r_[bars.base, bars.top]
    if f"error_{'x' if bars.lying else 'y'}" in bars.trace:
        error = np.array(spread(bars.trace["error_x" if bars.lying else "error_y"].get("array"), len(bars.top), 0.0),
                         dtype=float)
        ends = np.r_[ends, bars.top - error, bars.top + error]
    known = np.isfinite(bars.places) & np.isfinite(bars.top)
    slots, half = bars.slots[known], np.maximum(bars.widths[known], bars.step) / 2
    across = [Reach(np.r_[slots - half, slots + half])]
    pad = 0.0
    if bars.trace.get("text") is not None and bars.trace.get("textposition") == "outside":
        blocks = [read(str(text), hand.style(bars.trace.get("textfont")))
                  for text in spread(bars.trace["text"], len(bars.top), "")]
        pad = hand.px(3) + max((block.width if bars.lying else block.height for block in blocks), default=0.0)
    up = [Reach(ends, (pad, pad), room=True, to_zero=True)]
    return (up, across) if bars.lying else (across, up)


def draw(bars: Bars, place: Place) -> None:
    """Draws one trace."""
    trace, n = bars.trace, len(bars.top)
    along, up = (place.y, place.x) if bars.lying else (place.x, place.y)
    sides = np.column_stack([along.place(bars.places - bars.widths / 2), along.place(bars.places + bars.widths / 2)])
    ends = np.column_stack([up.place(bars.base), up.place(bars.top)])
    alphas = (scatter.opacities(trace, n) * float(trace.get("opacity", 1.0))).tolist()
    looks = looks_of(trace.get("marker", {}), n, alphas, place.hand)
    for i, look in enumerate(looks):
        if np.isfinite(sides[i]).all() and np.isfinite(ends[i]).all():
            (a, b), (c, d) = sides[i], ends[i]
            place.scene.add(BARS, *look.draw(Box(min(c, d), min(a, b), max(c, d), max(a, b)) if bars.lying
                                             else Box(min(a, b), min(c, d), max(a, b), max(c, d)), place.box))
    letter = "x" if bars.lying else "y"
    if f"error_{letter}" in trace:
        middles = sides.mean(1)
        points = np.column_stack([ends[:, 1], middles] if bars.lying else [middles, ends[:, 1]])
        scatter.errors(trace, letter, points, place, BARS + 2)
    _texts(trace, sides.mean(1), ends, bars.lying, place)


@dataclass(frozen=True)
class Look:
    """How one bar is filled and rimmed."""

    face: RGBA
    rim: Pen
    pattern: str = ""
    ink: RGBA = (0.0, 0.0, 0.0, 1.0)
    spacing: float = 4.0
    solidity: float = 0.3

    def draw(self, box: Box, clip: Box | None) -> list[Mark]:
        """The bar that fills a box; the rim lies inside it, so that a bar is as long as its number says."""
        inset = min(self.rim.width / 2 if self.rim.draws else 0.0, box.width / 2, box.height / 2)
        inner = rectangle(box.left + inset, box.bottom + inset, box.right - inset, box.top - inset)
        found: list[Mark] = [Area(inner, self.face, Pen() if self.pattern else self.rim, clip)]
        if self.pattern:
            inside = box if clip is None else Box(max(box.left, clip.left), max(box.bottom, clip.bottom),
                                                  min(box.right, clip.right), min(box.top, clip.top))
            lines = hatch(self.pattern, box, self.spacing)
            if len(lines) and inside.width > 0 and inside.height > 0:
                gaps = np.full((len(lines), 1, 2), np.nan)
                found.append(Stroke(np.concatenate([lines, gaps], axis=1).reshape(-1, 2),
                                    Pen(self.ink, self.spacing * self.solidity), inside))
            found.append(Area(inner, CLEAR, self.rim, clip))
        return found


def looks_of(marker: Mapping[str, Any], n: int, alphas: list[float], hand: Hand) -> list[Look]:
    """How each of `n` bars looks."""
    faces = colouring.many(marker.get("color"), n, scatter.DEFAULT, marker, alphas)
    rim, pattern = marker.get("line", {}), marker.get("pattern", {})
    edges = colouring.many(rim.get("color"), n, hand.ink, rim, alphas)
    widths = spread(rim.get("width"), n, 0)
    shapes, inks, papers = (spread(pattern.get(key), n, default)
                            for key, default in (("shape", ""), ("fgcolor", None), ("bgcolor", None)))
    spacings, solidities = spread(pattern.get("size"), n, 8), spread(pattern.get("solidity"), n, 0.3)
    found = []
    for i in range(n):
        own: RGBA = (float(faces[i][0]), float(faces[i][1]), float(faces[i][2]), float(faces[i][3]))
        edge: RGBA = (float(edges[i][0]), float(edges[i][1]), float(edges[i][2]), float(edges[i][3]))
        pen = hand.pen({"width": widths[i]}, colour=edge)
        if shapes[i]:  # the pattern's own ground, its lines in the colour it names or the bar's
            ground = fade(rgba(papers[i]), alphas[i]) if papers[i] else hand.paper
            found.append(Look(ground, pen, str(shapes[i]), fade(rgba(inks[i]), alphas[i]) if inks[i] else own,
                              hand.px(spacings[i]), float(solidities[i])))
        else:
            found.append(Look(own, pen))
    return found


def hatch(pattern: str, box: Box, spacing: float) -> np.ndarray:
    """Lines (K, 2, 2) of a pattern within a box, `spacing` points apart."""
    lines: list[list[tuple[float, float]]] = []
    for slope in {"/": (1,), "\\": (-1,), "x": (1, -1)}.get(pattern, ()):
        low = box.bottom - box.right if slope == 1 else box.bottom + box.left
        high = box.top - box.left if slope == 1 else box.top + box.right
        step = spacing * 2**0.5
        for c in np.arange(np.floor(low / step) * step + step / 2, high, step):  # y = slope x + c
            xs = sorted(((box.bottom - c) * slope, (box.top - c) * slope))
            a, b = max(xs[0], box.left), min(xs[1], box.right)
            if b > a:  # a little longer than the box, which cuts their ends off
                lines.append([(a - spacing, slope * (a - spacing) + c), (b + spacing, slope * (b + spacing) + c)])
    if pattern in ("-", "+"):
        lines += [[(box.left, y), (box.right, y)] for y in np.arange(box.bottom + spacing / 2, box.top, spacing)]
    if pattern in ("|", "+"):
        lines += [[(x, box.bottom), (x, box.top)] for x in np.arange(box.left + spacing / 2, box.right, spacing)]
    return np.array(lines, dtype=float).reshape(-1, 2, 2)


def _texts(trace: Mapping[str, Any], middles: np.ndarray, ends: np.ndarray, flat: bool, place: Place) -> None:
    if trace.get("text") is None or trace.get("textposition") == "none":
        return
    check(trace.get("textposition") == "outside",
          "The figure writes texts on bars without saying where, which is not drawn without a browser. Set "
          "`textposition` to 'outside'.")
    font, pad = trace.get("textfont", {}), place.hand.px(3)
    up = place.x if flat else place.y
    for label, middle, (base, end) in zip(spread(trace["text"], len(middles), ""), middles, ends, strict=True):
        if not np.isfinite([middle, base, end]).all() or not str(label):
            continue
        forward = end > base or (end == base and up.end > up.start)
        at = end + (pad if forward else -pad)
        words = read(str(label), place.hand.style(font))
        place.scene.add(LINES + 5, Words(words, at, middle, "left" if forward else "right", halo=halo_of(font),
                                         role="bar") if flat else
                        Words(words, middle, at, "center", "bottom" if forward else "top", halo=halo_of(font),
                              role="bar"))
