"""Annotations with or without arrows, and shapes, in the coordinates of an axis, of its domain, or
of the whole drawing."""

import math
import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from matplotlib.path import Path

from plotly_print.axes import Axis, Grid, Reach
from plotly_print.scene import (
    ABOVE,
    BELOW,
    BOXES,
    NOTES,
    SMALLEST,
    Area,
    Box,
    Hand,
    Pen,
    Scene,
    Stroke,
    Words,
    rectangle,
)
from plotly_print.values import CLEAR, PrintError, check, fade, rgba
from plotly_print.words import Block, TextStyle, balanced, read

Settings = dict[str, Any]  # plotly's, of one annotation or shape
_CODES = {
    "M": Path.MOVETO,
    "L": Path.LINETO,
    "C": Path.CURVE4,
    "Q": Path.CURVE3,
    "Z": Path.CLOSEPOLY,
}


@dataclass(frozen=True, eq=False)
class Sheet:
    """Everything a note may refer to: the axes, the rectangle of the drawing, its columns and rows,
    and the shapes of the figure."""

    axes: dict[str, Axis]
    box: Box
    columns: Grid
    rows: Grid
    shapes: list[Settings]

    def room(self, x: float) -> float:
        """Width of the column of plots that begins at `x`, or of all of them."""
        left, whole = self.box.left, self.box.width
        sides = [(left + a * whole, left + b * whole) for a, b in self.columns.drawn]
        widths = [b - a for a, b in sides if abs(x - a) < 2 and len(sides) > 1]
        return widths[0] if widths else whole

    def place(self, value: Any, letter: str, ref: str, *, exponents: bool = True) -> float:
        """Points on the page; on a logarithmic axis a number is an exponent, or a value.

        Raises:
            PrintError: when `ref` names no axis of the figure.
        """
        if ref == "paper":
            columns, rows = (self.columns, *self.box[::2]), (self.rows, *self.box[1::2])
            grid, start, end = columns if letter == "x" else rows
            return start + grid.share(float(value)) * (end - start)
        name, _, domain = ref.partition(" ")
        axis = self.axes.get(name)
        if axis is None or domain not in ("", "domain"):
            raise PrintError(
                f"The figure places a note or shape by {ref!r}, which is no axis of it. Use "
                f"'paper' or one of {sorted(self.axes)}."
            )
        if domain:
            return axis.start + float(value) * (axis.end - axis.start)
        if exponents and axis.kind == "log" and not isinstance(value, str):
            return float(axis.place(float(value)))
        return float(axis.at([value])[0])

    def point(self, x: Any, y: Any, shape: Settings) -> tuple[float, float]:
        """A point of a shape; on a logarithmic axis its coordinates are values, as in plotly."""
        return (
            self.place(x, "x", str(shape.get("xref", "x")), exponents=False),
            self.place(y, "y", str(shape.get("yref", "y")), exponents=False),
        )

    def ends(self, shape: Settings) -> np.ndarray:
        """The two points between which a shape stands, (2, 2)."""
        return np.array([self.point(shape[f"x{i}"], shape[f"y{i}"], shape) for i in range(2)])

    @cached_property
    def frames(self) -> list[Box]:
        """The rectangles among shapes that lie above the plots: boxes of a drawing, with letters in
        them."""
        boxes = (
            Box.of(self.ends(shape))
            for shape in self.shapes
            if shape.get("layer", "above") == "above" and shape.get("type") == "rect"
        )
        return list(dict.fromkeys(boxes))


def draw_shape(shape: Settings, sheet: Sheet, scene: Scene, hand: Hand) -> None:
    """Draw one shape."""
    kind = shape.get("type")
    layer = {"below": BELOW, "between": BOXES - 5}.get(str(shape.get("layer", "above")), ABOVE)
    opacity = float(shape.get("opacity", 1.0))
    pen = hand.pen(shape.get("line"), 2.0, rgba("#444"), opacity)
    face = fade(rgba(str(shape["fillcolor"])), opacity) if "fillcolor" in shape else CLEAR
    axes = [sheet.axes.get(str(shape.get(f"{letter}ref", letter))) for letter in "xy"]
    x, y = (sorted((axis.start, axis.end)) if axis else (-1e6, 1e6) for axis in axes)
    clip = Box(x[0], y[0], x[1], y[1]).grown(pen.width)
    points, codes = _path(shape, sheet) if kind == "path" else (sheet.ends(shape), None)
    if kind == "circle":
        points, codes = disc((points[0] + points[1]) / 2, np.abs(points[1] - points[0]) / 2)
    elif kind not in ("line", "path"):
        points = rectangle(*points[0], *points[1])
    area = Area(points, face, pen, clip, codes)
    scene.add(layer, Stroke(points, pen, clip) if kind == "line" else area)


def disc(middle: np.ndarray, radius: Any) -> tuple[np.ndarray, np.ndarray]:
    """Points and codes of a circle, or of an ellipse with two radii."""
    circle = Path.unit_circle()
    return np.asarray(circle.vertices) * radius + middle, np.asarray(circle.codes)


def _path(shape: Settings, sheet: Sheet) -> tuple[np.ndarray, np.ndarray]:
    """The points and codes of an SVG path of absolute M, L, C, Q and Z."""
    words = str(shape.get("path", ""))
    check(
        bool(re.fullmatch(r"[MLCQZ\d\s,.eE+-]*", words)),
        f"The figure draws the path {words[:40]!r}, of which only M, L, C, Q and Z are drawn "
        "without a browser.",
    )
    points: list[tuple[float, float]] = []
    codes: list[int] = []
    for kind, rest in re.findall(r"([MLCQZ])([^MLCQZ]*)", words):
        numbers = [float(n) for n in re.split(r"[\s,]+", rest.strip()) if n]
        pairs = zip(numbers[::2], numbers[1::2], strict=False)
        own = points[:1] if kind == "Z" else [sheet.point(x, y, shape) for x, y in pairs]
        points += own
        codes += [int(_CODES[kind])] * len(own)
    return np.array(points, dtype=float).reshape(-1, 2), np.array(codes, dtype=Path.code_type)


def draw_note(
    note: Settings,
    sheet: Sheet,
    scene: Scene,
    hand: Hand,
    written: Box,
    before: list[Words],
) -> list[Words]:
    """Draw one annotation and return its label, if it has one.

    Args:
        written: what the drawing and the words of its axes take up: a title that a figure puts
            beside them with a shift in pixels is moved behind them.
        before: the labels that were drawn before it: where it marks a place along an edge, it gives
            way to them by a line.
    """
    xref, yref = str(note.get("xref", "x")), str(note.get("yref", "y"))
    shift_x, shift_y = float(note.get("xshift", 0)), float(note.get("yshift", 0))
    x = sheet.place(note.get("x", 0), "x", xref) + hand.px(shift_x)
    y = sheet.place(note.get("y", 0), "y", yref) + hand.px(shift_y)
    opacity = float(note.get("opacity", 1.0))
    arrow = bool(note.get("showarrow", True))
    text = str(note.get("text", "" if arrow else "new text"))
    tail = (arrow * hand.discs) * np.array(
        [hand.px(note.get("ax", -10)), -hand.px(note.get("ay", -30))]
    )
    _arrow(note, np.array([x, y]), tail, scene, hand, opacity)
    if not text:
        return []
    angle = -float(note.get("textangle", 0))
    upright = abs(angle) == 90
    style = hand.style(note.get("font"), 12)
    if "paper" in (xref, yref):
        block = balanced(read(text, style), 1.1 * (sheet.box.height if upright else sheet.room(x)))
    else:
        block = _inside(text, style, x, y, upright, sheet)
    across = _anchor(note, "x", xref == "paper" and not arrow, ("left", "center", "right"))
    up = _anchor(note, "y", yref == "paper" and not arrow, ("bottom", "middle", "top"))
    label = Words(
        block,
        x + float(tail[0]),
        y + float(tail[1]),
        angle=angle,
        lines=str(note.get("align", "center")),
        opacity=opacity,
        role="note",
    )
    box, pad = label.box, hand.px(float(note.get("borderpad", 1)) + 1)
    dx = {"left": label.x - box.left + pad, "right": label.x - box.right - pad}.get(across, 0.0)
    dy = {"bottom": label.y - box.bottom + pad, "top": label.y - box.top - pad}.get(up, 0.0)
    label = replace(label, x=label.x + dx, y=label.y + dy)
    if xref == yref == "paper":
        if shift_x <= -20 and float(note.get("x", 0)) <= 0:
            dx = written.left - hand.px(4) - label.box.right
            label = replace(label, x=label.x + dx, role="outside")
        if shift_y <= -20 and float(note.get("y", 0)) <= 0:
            dy = written.bottom - hand.px(4) - label.box.top
            label = replace(label, y=label.y + dy, role="outside")
    for _ in range(3 if yref == "paper" != xref and not arrow and up == "top" else 0):
        if any(label.box.overlaps(other.box, 0.3) for other in before):
            label = replace(label, y=label.y - 1.1 * block.size)
    ground = rgba(str(note.get("bgcolor", "transparent")))
    scene.add(
        NOTES, *([Area(label.box.grown(pad).corners, ground)] if ground[3] > 0 else []), label
    )
    return [label]


def _inside(text: str, style: TextStyle, x: float, y: float, upright: bool, sheet: Sheet) -> Block:
    """The letters of a box at its middle, smaller where they would not fit into it."""
    block = read(text, style)
    frames = [
        box
        for box in sheet.frames
        if max(abs((box.left + box.right) / 2 - x), abs((box.bottom + box.top) / 2 - y)) < 0.5
    ]
    if not frames or not block.text:
        return block
    frame = min(frames, key=lambda box: box.width * box.height)
    wide, high = (frame.height, frame.width) if upright else (frame.width, frame.height)
    fits = min(0.94 * wide / block.width, wide and 0.98 * high / (0.75 * block.height))
    return block if fits >= 1 else read(text, replace(style, size=max(SMALLEST, style.size * fits)))


def reaches(note: Settings, axes: dict[str, Axis], hand: Hand) -> dict[str, Reach]:
    """What axes must hold of an annotation that stands in their coordinates: its place, and its
    letters beside it."""
    block = read(str(note.get("text", "")), hand.style(note.get("font"), 12))
    if note.get("showarrow", True) or not block.text:
        return {}
    lengths = (
        (block.height, block.width)
        if abs(float(note.get("textangle", 0))) == 90
        else (block.width, block.height)
    )
    sides = (("left", "center", "right"), ("bottom", "middle", "top"))
    result = {}
    for letter, length, names in zip("xy", lengths, sides, strict=True):
        axis = axes.get(str(note.get(f"{letter}ref", letter)))
        if axis is not None:
            shift = hand.px(note.get(f"{letter}shift", 0))
            below = length * names.index(_anchor(note, letter, False, names)) / 2
            value = note.get(letter, 0)
            result[axis.name] = Reach(
                np.array([float(value)]) if axis.kind == "log" else axis.numbers([value]),
                (max(0.0, below - shift), max(0.0, length - below + shift)),
            )
    return result


def _anchor(note: Settings, letter: str, by_share: bool, sides: tuple[str, str, str]) -> str:
    """Which side of an annotation stands at its place."""
    named = str(note.get(f"{letter}anchor", "auto"))
    if named != "auto" or not by_share:
        return sides[1] if named == "auto" else named
    value = float(note.get(letter, 0))
    return sides[0] if value < 1 / 3 else sides[2] if value > 2 / 3 else sides[1]


def _arrow(
    note: Settings,
    place: np.ndarray,
    tail: np.ndarray,
    scene: Scene,
    hand: Hand,
    opacity: float,
) -> None:
    """A line from its place to its tail, with a head at either end: a triangle, or a disc for the
    heads 6 and 7 (a dot or square)."""
    if not tail.any():
        return
    pen = hand.pen(
        {"width": note.get("arrowwidth", 2), "color": note.get("arrowcolor")}, opacity=opacity
    )
    ends = {"end": place, "start": place + tail}  # plotly calls an arrow's place its end
    way = math.atan2(tail[1], tail[0])
    unit = np.array([math.cos(way), math.sin(way)])
    for side, sign, prefix in (("end", 1.0, ""), ("start", -1.0, "start")):
        head, at = int(note.get(f"{prefix}arrowhead", 1)), ends[side]
        if not head or side not in str(note.get("arrowside", "end")).split("+"):
            continue
        thick = pen.width * float(note.get(f"{prefix}arrowsize", 1))
        if head in (6, 7):
            points, codes = disc(at, 2.0 * thick)
            scene.add(NOTES, Area(points, pen.colour, codes=codes))
            continue
        wing = np.array([-unit[1], unit[0]]) * 1.8 * thick
        ends[side] = back = at + sign * unit * 4.0 * thick
        scene.add(NOTES, Area(np.array([at, back + wing, back - wing]), pen.colour))
    scene.add(NOTES, Stroke(np.array([ends["end"], ends["start"]]), Pen(pen.colour, pen.width)))
