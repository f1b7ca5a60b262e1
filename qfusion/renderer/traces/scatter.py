"""Lines, markers, fills, error bars and texts at points."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qfusion.renderer import colouring
from qfusion.renderer.axes import Axis, Reach, as_list
from qfusion.renderer.colours import CLEAR, RGBA, fade, rgba
from qfusion.renderer.hand import LINES, Hand, Place, halo_of, spread
from qfusion.renderer.scene import Area, Box, Dots, Pen, Stroke, Words
from qfusion.renderer.traces import symbols
from qfusion.renderer.words import read

DEFAULT: RGBA = rgba("#1f77b4")
DISC = 16  # pixels: a marker so large is part of a drawing, which must keep out of its boxes


def columns(trace: Mapping[str, Any]) -> tuple[Any, Any]:
    """The values across and up; places from 0 on where they are left out."""
    x, y = trace.get("x"), trace.get("y")
    if x is None:
        x = np.arange(0 if y is None else len(y))
    if y is None:
        y = np.arange(len(x))
    return x, y


def has(trace: Mapping[str, Any], part: str) -> bool:
    """Whether the trace's mode names `part`."""
    count = len(columns(trace)[0])
    return part in str(trace.get("mode", "lines+markers" if count < 20 else "lines")).split("+")


def seen(trace: Mapping[str, Any]) -> bool:
    """Whether anything of the trace is seen without a pointer over it."""
    marker = trace.get("marker", {})
    return has(trace, "lines") or has(trace, "text") or trace.get("fill", "none") != "none" or \
        not (isinstance(marker.get("opacity"), (int, float)) and marker["opacity"] == 0)


def reaches(trace: Mapping[str, Any], x: Axis, y: Axis, hand: Hand) -> tuple[list[Reach], list[Reach]]:
    """What the axes must hold, as plotly works it out."""
    size = trace.get("marker", {}).get("size", 6)
    largest = max([float(v) for v in as_list(size)] or [6.0]) if has(trace, "markers") else 0.0
    pad = hand.px(max(largest / 1.6, 3.0)) if has(trace, "markers") else 0.0
    lines_alone = not has(trace, "markers") and not has(trace, "text")
    fill = str(trace.get("fill", "none"))
    found: list[list[Reach]] = []
    numbers = [axis.numbers(values) for axis, values in zip((x, y), columns(trace), strict=True)]
    known = np.isfinite(numbers[0]) & np.isfinite(numbers[1])
    for axis, values, letter in zip((x, y), numbers, "xy", strict=True):
        error = trace.get(f"error_{letter}", {})
        filled_up = (fill.startswith(("tozero", "tonext")) and fill.endswith("y" if letter == "x" else "x"))
        tight = letter == "x" and lines_alone and not error and (filled_up or "error_y" not in trace)
        here = Reach(values[known], (0.0, 0.0) if tight else (pad, pad), not tight, to_zero=fill == f"tozero{letter}")
        more = []
        if error and error.get("visible", True):
            low, high = ends(axis, trace, letter)
            more = [Reach(np.r_[low, high], room=True)]
        found.append([here, *more])
    return found[0], found[1]


def ends(axis: Axis, trace: Mapping[str, Any], letter: str) -> tuple[np.ndarray, np.ndarray]:
    """Both ends of the error bars, as numbers on the axis."""
    error = trace[f"error_{letter}"]
    values = np.asarray(columns(trace)["xy".index(letter)], dtype=float)
    up = np.array(spread(error.get("array"), len(values), 0.0), dtype=float)
    down = np.array(spread(error.get("arrayminus"), len(values), 0.0), dtype=float) if "arrayminus" in error else up
    return axis.numbers(values - down), axis.numbers(values + up)


def room_for_discs(trace: Mapping[str, Any], x: Axis, y: Axis, frames: Sequence[Box], hand: Hand) -> float:
    """How much smaller the largest markers must be, at least a third, so that none reaches into a box of the drawing
    beside it."""
    if not has(trace, "markers") or not seen(trace) or not frames:
        return 1.0
    across, up = columns(trace)
    sizes = np.array(spread(trace.get("marker", {}).get("size"), len(across), 6), dtype=float)
    least = 1.0
    for px, py, size in zip(x.at(across).tolist(), y.at(up).tolist(), sizes.tolist(), strict=True):
        if size < DISC:
            continue
        for frame in frames:
            away = math.hypot(max(frame.left - px, 0.0, px - frame.right), max(frame.bottom - py, 0.0, py - frame.top))
            if away > 0:
                least = min(least, (away - 0.5) / hand.px(size / 2))
    return max(least, 1 / 3)


def draw(trace: Mapping[str, Any], place: Place) -> None:
    """Draws one trace."""
    across, up = columns(trace)
    points = np.column_stack([place.x.at(across), place.y.at(up)])
    clip = place.box
    opacity = float(trace.get("opacity", 1.0))
    if str(trace.get("fill", "none")) != "none":
        _fill(trace, points, place, clip, opacity)
    for letter in "xy":
        if f"error_{letter}" in trace and trace[f"error_{letter}"].get("visible", True):
            errors(trace, letter, points, place, LINES, opacity)
    if has(trace, "lines") and len(points):
        colour = trace.get("marker", {}).get("color")
        pen = place.hand.pen(trace.get("line"), 2.0, rgba(colour) if isinstance(colour, str) else DEFAULT, opacity)
        shaped = _steps(points, str(trace.get("line", {}).get("shape", "linear")))
        if trace.get("connectgaps"):
            shaped = shaped[np.isfinite(shaped).all(1)]
        if pen.draws and len(shaped):
            place.scene.add(LINES, Stroke(shaped, pen, clip))
    if has(trace, "markers"):
        _markers(trace, points, place, None if trace.get("cliponaxis") is False else clip, opacity)
    if has(trace, "text"):
        _texts(trace, points, place, opacity)


def _fill(trace: Mapping[str, Any], points: np.ndarray, place: Place, clip: Box, opacity: float) -> None:
    kind = str(trace["fill"])
    colour = rgba(str(trace["fillcolor"])) if "fillcolor" in trace else fade(
        place.hand.pen(trace.get("line"), 2.0, DEFAULT).colour, 0.5)
    known = np.isfinite(points).all(1)
    if kind == "toself":
        for piece in np.split(points, np.flatnonzero(~known)):
            inside = piece[np.isfinite(piece).all(1)]
            if len(inside) > 2:
                place.scene.add(LINES, Area(inside, fade(colour, opacity), clip=clip))
        return
    inside = points[known]
    if kind.startswith("tozero") and len(inside):
        along = 0 if kind.endswith("y") else 1
        zero = float((place.y if along == 0 else place.x).place(0.0))
        feet = inside[[-1, 0]].copy()
        feet[:, 1 - along] = zero
        place.scene.add(LINES, Area(np.vstack([inside, feet]), fade(colour, opacity), clip=clip))


def _steps(points: np.ndarray, shape: str) -> np.ndarray:
    if shape == "linear" or len(points) < 2:
        return points
    a, b = points[:-1], points[1:]
    corner = {"hv": [np.column_stack([b[:, 0], a[:, 1]])], "vh": [np.column_stack([a[:, 0], b[:, 1]])],
              "hvh": [np.column_stack([(a[:, 0] + b[:, 0]) / 2, each[:, 1]]) for each in (a, b)],
              "vhv": [np.column_stack([each[:, 0], (a[:, 1] + b[:, 1]) / 2]) for each in (a, b)]}[shape]
    return np.vstack([np.stack([a, *corner], 1).reshape(-1, 2), points[-1:]])


def errors(trace: Mapping[str, Any], letter: str, points: np.ndarray, place: Place, layer: int,
           opacity: float = 1.0) -> None:
    """Error bars with their caps, whose `width` is half their length."""
    error = trace[f"error_{letter}"]
    axis = place.x if letter == "x" else place.y
    low, high = (axis.place(side) for side in ends(axis, trace, letter))
    pen = place.hand.pen({"color": error["color"]} if "color" in error else {}, float(error.get("thickness", 2)),
                         DEFAULT, opacity)
    cap = place.hand.px(error.get("width", 4))
    pieces: list[tuple[float, float]] = []
    gap = (np.nan, np.nan)
    for (x, y), a, b in zip(points, low, high, strict=True):
        if not np.isfinite([x, y, a, b]).all() or a == b:
            continue
        bar = [(a, y), (b, y)] if letter == "x" else [(x, a), (x, b)]
        pieces += [*bar, gap]
        if cap > 0:
            pieces += [each for end in bar for each in ((end[0], end[1] - cap), (end[0], end[1] + cap),
                                                        gap)] if letter == "x" else \
                [each for end in bar for each in ((end[0] - cap, end[1]), (end[0] + cap, end[1]), gap)]
    if pieces:
        place.scene.add(layer, Stroke(np.array(pieces), pen, None if trace.get("cliponaxis") is False else place.box))


def opacities(trace: Mapping[str, Any], count: int, default: float = 1.0) -> np.ndarray:
    """Opacity of every mark: the marker's own, and the trace's for what a reader selected and did not select."""
    found = np.array(spread(trace.get("marker", {}).get("opacity"), count, default), dtype=float)
    chosen = trace.get("selectedpoints")
    if chosen is not None:
        picked = np.isin(np.arange(count), np.asarray(as_list(chosen), dtype=int))
        on = trace.get("selected", {}).get("marker", {}).get("opacity")
        off = trace.get("unselected", {}).get("marker", {}).get("opacity")
        found = np.where(picked, found if on is None else float(on), 0.2 * found if off is None else float(off))
    return found


def _markers(trace: Mapping[str, Any], points: np.ndarray, place: Place, clip: Box | None, opacity: float) -> None:
    marker = trace.get("marker", {})
    count = len(points)
    sizes = np.array(spread(marker.get("size"), count, 6), dtype=float)
    sizes = np.where(sizes >= DISC, place.hand.discs, 1.0) * sizes
    bubble = not isinstance(marker.get("size", 6), (int, float))
    alphas = opacities(trace, count, 0.7 if bubble else 1.0) * opacity
    rim = marker.get("line", {})
    own = trace.get("line", {}).get("color")
    faces = colouring.many(marker.get("color"), count, rgba(own) if isinstance(own, str) else DEFAULT, marker,
                           alphas.tolist())
    edges = colouring.many(rim.get("color"), count, place.hand.ink, rim, alphas.tolist())
    if rim.get("color") is None:
        edges[:] = faces if not bubble else [(*place.hand.paper[:3], a) for a in alphas]
    widths = np.array(spread(rim.get("width"), count, 1 if bubble else 0), dtype=float)
    kinds = np.array(spread(marker.get("symbol"), count, "circle"), dtype=object)
    known = np.isfinite(points).all(1) & (alphas > 0) & (sizes > 0)
    if clip is not None:  # a marker whose middle lies outside is not drawn; those at the edge are drawn whole
        known &= ((points >= [clip.left - 0.1, clip.bottom - 0.1])
                  & (points <= [clip.right + 0.1, clip.top + 0.1])).all(1)
    for symbol in dict.fromkeys(kinds[known].tolist()):
        here = known & (kinds == symbol)
        place.scene.add(LINES, dots(str(symbol), points[here], sizes[here], faces[here], edges[here], widths[here],
                                    place.hand))


def dots(symbol: str, points: np.ndarray, sizes: np.ndarray, faces: np.ndarray, edges: np.ndarray, widths: np.ndarray,
         hand: Hand) -> Dots:
    """Markers of one symbol, with sizes and widths in pixels; an open one has the colour of its face as rim."""
    outline, codes, is_open, _ = symbols.outline(symbol)
    if is_open:
        edges, widths = faces, np.where(widths > 0, widths, 1.0)
        faces = np.tile(CLEAR, (len(points), 1))
    return Dots(points, sizes / 2 * hand.scale, outline, codes, faces, np.where(widths[:, None] > 0, edges, 0.0),
                widths * hand.scale * hand.lines)


def _texts(trace: Mapping[str, Any], points: np.ndarray, place: Place, opacity: float) -> None:
    count = len(points)
    font = trace.get("textfont", {})
    colours = spread(font.get("color"), count, None)
    where = spread(trace.get("textposition"), count, "middle center")
    sizes = np.array(spread(trace.get("marker", {}).get("size"), count, 6),
                     dtype=float) if has(trace, "markers") else np.zeros(count)
    for (x, y), label, colour, side, size in zip(points, spread(trace.get("text"), count, ""), colours, where, sizes,
                                                 strict=True):
        if not np.isfinite([x, y]).all() or not str(label):
            continue
        up, across = str(side).split()
        away = place.hand.px(size / 2 / 0.8 + 1) if size else 0.0
        style = place.hand.style({**font, "color": colour})
        dx, anchor = {"left": (-away, "right"), "center": (0.0, "center"), "right": (away, "left")}[across]
        dy, edge = {"top": (away, "bottom"), "middle": (0.0, "middle"), "bottom": (-away, "top")}[up]
        place.scene.add(LINES + 5, Words(read(str(label), style), x + dx, y + dy, anchor, edge, halo=halo_of(font),
                                         opacity=opacity, role="point"))


__all__ = ["DEFAULT", "Pen", "columns", "dots", "draw", "errors", "has", "opacities", "reaches", "seen"]
