"""Annotations with or without arrows, and shapes, in the coordinates of an axis, of its domain, or of the whole
drawing."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from matplotlib.path import Path

from qfusion.errors import InvalidInput
from qfusion.renderer.axes import Axis, Reach
from qfusion.renderer.colours import CLEAR, fade, rgba
from qfusion.renderer.hand import ABOVE, BELOW, BOXES, NOTES, SMALLEST, Hand
from qfusion.renderer.scene import Area, Box, Pen, Scene, Stroke, Words, rectangle
from qfusion.renderer.words import Block, Style, balanced, read


@dataclass(frozen=True, eq=False)
class Sheet:
    """Everything a note may refer to: the axes, the rectangle of the drawing, and how shares of it are placed."""

    axes: Mapping[str, Axis]
    box: Box
    share_x: Callable[[float], float]
    share_y: Callable[[float], float]
    columns: tuple[tuple[float, float], ...] = ()
    frames: tuple[Box, ...] = ()

    def room(self, x: float) -> float:
        """Width of the column of plots that begins at `x`, or of all of them."""
        found = [right - left for left, right in self.columns if abs(x - left) < 2]
        return found[0] if len(self.columns) > 1 and found else self.box.width

    def place(self, value: Any, letter: str, ref: str) -> float:
        """Points on the page.

        Raises:
            InvalidInput: when `ref` names no axis of the figure.
        """
        if ref == "paper":
            return self.share_x(float(value)) if letter == "x" else self.share_y(float(value))
        name, _, domain = ref.partition(" ")
        axis = self.axes.get(name)
        if axis is None or domain not in ("", "domain"):
            raise InvalidInput(
                f"The figure places a note or shape by {ref!r}, which is no axis of it. Use 'paper' or one of "
                f"{sorted(self.axes)}.")
        if domain:
            return axis.start + float(value) * (axis.end - axis.start)
        if axis.kind == "log" and not isinstance(value, str):
            return float(axis.place(float(value)))
        return float(axis.at([value])[0])

    def clip(self, xref: str, yref: str) -> Box:
        """The rectangle of the axes that a shape refers to; all of the drawing for 'paper'."""
        x, y = self.axes.get(xref), self.axes.get(yref)
        wide = (x.start, x.end) if x is not None else (-1e6, 1e6)
        high = (y.start, y.end) if y is not None else (-1e6, 1e6)
        return Box(min(wide), min(high), max(wide), max(high))


def frames(shapes: Sequence[Mapping[str, Any]], sheet: Sheet) -> tuple[Box, ...]:
    """The rectangles among shapes that lie above the plots: boxes of a drawing, with letters in them."""
    found = []
    for each in shapes:
        if each.get("type") == "rect" and each.get("layer", "above") == "above" and each.get("visible", True) is True:
            xref, yref = str(each.get("xref", "x")), str(each.get("yref", "y"))
            x0, x1 = sorted(_shape_place(sheet, each[key], "x", xref) for key in ("x0", "x1"))
            y0, y1 = sorted(_shape_place(sheet, each[key], "y", yref) for key in ("y0", "y1"))
            found.append(Box(x0, y0, x1, y1))
    return tuple(dict.fromkeys(found))


def shape(found: Mapping[str, Any], sheet: Sheet, scene: Scene, hand: Hand) -> None:
    """Draws one shape; on a logarithmic axis its coordinates are values, not exponents, as in plotly."""
    if found.get("visible", True) is not True:
        return
    xref, yref = str(found.get("xref", "x")), str(found.get("yref", "y"))
    layer = {"below": BELOW, "between": BOXES - 5}.get(str(found.get("layer", "above")), ABOVE)
    opacity = float(found.get("opacity", 1.0))
    pen = hand.pen(found.get("line"), 2.0, rgba("#444"), opacity)
    face = fade(rgba(str(found["fillcolor"])), opacity) if "fillcolor" in found else CLEAR
    clip = sheet.clip(xref, yref)
    clip = Box(clip.left - pen.width, clip.bottom - pen.width, clip.right + pen.width, clip.top + pen.width)
    if found.get("type") == "path":
        points, codes = _path(str(found.get("path", "")), sheet, xref, yref)
        scene.add(layer, Area(points, face, pen, clip, codes))
        return
    x0, x1 = (_shape_place(sheet, found[key], "x", xref) for key in ("x0", "x1"))
    y0, y1 = (_shape_place(sheet, found[key], "y", yref) for key in ("y0", "y1"))
    if found.get("type") == "line":
        scene.add(layer, Stroke(np.array([[x0, y0], [x1, y1]]), pen, clip))
    elif found.get("type") == "circle":
        circle = Path.unit_circle()
        middle, half = np.array([(x0 + x1) / 2, (y0 + y1) / 2]), np.array([abs(x1 - x0) / 2, abs(y1 - y0) / 2])
        scene.add(layer, Area(np.asarray(circle.vertices) * half + middle, face, pen, clip, np.asarray(circle.codes)))
    else:
        scene.add(layer, Area(rectangle(x0, y0, x1, y1), face, pen, clip))


def _shape_place(sheet: Sheet, value: Any, letter: str, ref: str) -> float:
    axis = sheet.axes.get(ref)
    return float(axis.at([value])[0]) if axis is not None and axis.kind == "log" else sheet.place(value, letter, ref)


def _path(words: str, sheet: Sheet, xref: str, yref: str) -> tuple[np.ndarray, np.ndarray]:
    """The points and codes of an SVG path of absolute M, L, C, Q and Z."""
    if not re.fullmatch(r"[MLCQZ\d\s,.eE+-]*", words):
        raise InvalidInput(
            f"The figure draws the path {words[:40]!r}, of which only M, L, C, Q and Z are drawn without a browser.")
    kinds = {"M": Path.MOVETO, "L": Path.LINETO, "C": Path.CURVE4, "Q": Path.CURVE3}
    points: list[tuple[float, float]] = []
    codes: list[int] = []
    for kind, rest in re.findall(r"([MLCQZ])([^MLCQZ]*)", words):
        if kind == "Z":
            points.append(points[0])
            codes.append(int(Path.CLOSEPOLY))
            continue
        numbers = [float(n) for n in re.split(r"[\s,]+", rest.strip()) if n]
        for x, y in zip(numbers[::2], numbers[1::2], strict=False):
            points.append((_shape_place(sheet, x, "x", xref), _shape_place(sheet, y, "y", yref)))
            codes.append(int(kinds[kind]))
    return np.array(points, dtype=float).reshape(-1, 2), np.array(codes, dtype=Path.code_type)


def note(found: Mapping[str, Any], sheet: Sheet, scene: Scene, hand: Hand, beyond: Mapping[str, float],
         before: Sequence[Words] = ()) -> Words | None:
    """Draws one annotation and returns its label, if it has one.

    Args:
        before: the labels that were drawn before it: where it marks a place along an edge, it gives way to them by a
            line.
        beyond: how far labels of the axes reach out of the drawing at each side, in points: a title that a figure puts
            there with a shift in pixels is moved behind them.
    """
    if found.get("visible", True) is not True:
        return None
    xref, yref = str(found.get("xref", "x")), str(found.get("yref", "y"))
    x = sheet.place(found.get("x", 0), "x", xref) + hand.px(found.get("xshift", 0))
    y = sheet.place(found.get("y", 0), "y", yref) + hand.px(found.get("yshift", 0))
    opacity = float(found.get("opacity", 1.0))
    arrow = bool(found.get("showarrow", True))
    tail = (hand.discs * hand.px(found.get("ax", -10)),
            -hand.discs * hand.px(found.get("ay", -30))) if arrow else (0.0, 0.0)
    if arrow:
        _arrow(found, x, y, tail, scene, hand, opacity)
    text = str(found.get("text", "" if arrow else "new text"))
    if not text:
        return None
    angle = -float(found.get("textangle", 0))
    upright = abs(angle) == 90
    limit = 1.1 * (sheet.box.height if upright else sheet.room(x))
    style = hand.style(found.get("font"), 12)
    block = balanced(read(text, style), limit) if "paper" in (xref,
                                                              yref) else _inside(text, style, x, y, upright, sheet)
    across = _anchor(str(found.get("xanchor", "auto")), found.get("x", 0), xref == "paper" and not arrow,
                     ("left", "center", "right"))
    up = _anchor(str(found.get("yanchor", "auto")), found.get("y", 0), yref == "paper" and not arrow,
                 ("bottom", "middle", "top"))
    label = Words(block, x + tail[0], y + tail[1], "center", "middle", angle, opacity=opacity, role="note",
                  lines=str(found.get("align", "center")))
    box = label.box
    dx = {"left": label.x - box.left, "center": 0.0, "right": label.x - box.right}[across]
    dy = {"bottom": label.y - box.bottom, "middle": 0.0, "top": label.y - box.top}[up]
    pad = hand.px(float(found.get("borderpad", 1)) + 1)
    dx += {"left": pad, "right": -pad}.get(across, 0.0)
    dy += {"bottom": pad, "top": -pad}.get(up, 0.0)
    moved = Words(block, label.x + dx, label.y + dy, "center", "middle", angle, label.lines, opacity=opacity,
                  role=label.role)
    moved = _behind(moved, found, sheet, hand, beyond)
    if yref == "paper" != xref and not arrow and up == "top":
        for _ in range(3):
            if not any(moved.box.overlaps(other.box, 0.3) for other in before):
                break
            moved = replace(moved, y=moved.y - 1.1 * block.size)
    if "bgcolor" in found and rgba(str(found["bgcolor"]))[3] > 0:
        b = moved.box
        scene.add(NOTES, Area(rectangle(b.left - pad, b.bottom - pad, b.right + pad, b.top + pad),
                              rgba(str(found["bgcolor"]))))
    scene.add(NOTES, moved)
    return moved


def _inside(text: str, style: Style, x: float, y: float, upright: bool, sheet: Sheet) -> Block:
    """The letters of a box at its middle, smaller where they would not fit into it."""
    block = read(text, style)
    around_it = [b for b in sheet.frames if abs((b.left + b.right) / 2 - x) < 0.5
                 and abs((b.bottom + b.top) / 2 - y) < 0.5]
    if not around_it or not block.text:
        return block
    frame = min(around_it, key=lambda b: b.width * b.height)
    wide, high = (frame.height, frame.width) if upright else (frame.width, frame.height)
    fits = min(0.94 * wide / block.width, wide and 0.98 * high / (0.75 * block.height))
    return block if fits >= 1 else read(text, replace(style, size=max(SMALLEST, style.size * fits)))


def _behind(label: Words, found: Mapping[str, Any], sheet: Sheet, hand: Hand, beyond: Mapping[str, float]) -> Words:
    """A title that the figure puts beside or below the axes by a shift in pixels, moved behind their labels."""
    if found.get("xref") != "paper" or found.get("yref") != "paper":
        return label
    box, gap = label.box, hand.px(4)
    dx = dy = 0.0
    if float(found.get("xshift", 0)) <= -20 and float(found.get("x", 0)) <= 0:
        dx = sheet.box.left - beyond["left"] - gap - box.right
    if float(found.get("yshift", 0)) <= -20 and float(found.get("y", 0)) <= 0:
        dy = sheet.box.bottom - beyond["bottom"] - gap - box.top
    return replace(label, x=label.x + dx, y=label.y + dy, role="outside" if dx or dy else label.role)


def reaches(found: Mapping[str, Any], axes: Mapping[str, Axis], hand: Hand) -> dict[str, Reach]:
    """What axes must hold of an annotation that stands in their coordinates: its place, and its letters beside it."""
    kept = {}
    block = read(str(found.get("text", "")), hand.style(found.get("font"), 12))
    if found.get("visible", True) is not True or found.get("showarrow", True) or not block.text:
        return {}
    turned = abs(float(found.get("textangle", 0))) == 90
    for letter, length, sides in (("x", block.height if turned else block.width, ("left", "center", "right")),
                                  ("y", block.width if turned else block.height, ("bottom", "middle", "top"))):
        axis = axes.get(str(found.get(f"{letter}ref", letter)))
        if axis is None:
            continue
        shift = hand.px(found.get(f"{letter}shift", 0))
        side = _anchor(str(found.get(f"{letter}anchor", "auto")), 0, False, sides)
        below, above = {sides[0]: (0.0, length), sides[1]: (length / 2, length / 2), sides[2]: (length, 0.0)}[side]
        value = axis.numbers([found.get(letter, 0)]) if axis.kind != "log" else np.array([float(found.get(letter, 0))])
        kept[axis.name] = Reach(value, (max(0.0, below - shift), max(0.0, above + shift)))
    return kept


def _anchor(named: str, value: Any, by_share: bool, sides: tuple[str, str, str]) -> str:
    if named != "auto":
        return named
    if not by_share:
        return sides[1]
    return sides[0] if float(value) < 1 / 3 else sides[2] if float(value) > 2 / 3 else sides[1]


def _arrow(found: Mapping[str, Any], x: float, y: float, tail: tuple[float, float], scene: Scene, hand: Hand,
           opacity: float) -> None:
    """A line from (x, y) to its tail, with a head at either end: a triangle, or a disc for the heads 6 and 7 (a dot or
    square)."""
    pen = hand.pen({"width": found.get("arrowwidth", 2), "color": found.get("arrowcolor")}, opacity=opacity)
    start, end = np.array([x, y]), np.array([x + tail[0], y + tail[1]])
    length = float(np.hypot(*tail))
    if not length:
        return
    sides = str(found.get("arrowside", "end")).split("+")
    way = math.atan2(tail[1], tail[0])
    unit = np.array([math.cos(way), math.sin(way)])
    for side, at, sign, head, size in (("end", start, -1.0, found.get("arrowhead", 1), found.get("arrowsize", 1)),
                                       ("start", end, 1.0, found.get("startarrowhead", 1),
                                        found.get("startarrowsize", 1))):
        if side not in sides or not head:
            continue
        thick = pen.width * float(size)
        if int(head) in (6, 7):
            circle = Path.unit_circle()
            scene.add(NOTES,
                      Area(np.asarray(circle.vertices) * 2.0 * thick + at, pen.colour, codes=np.asarray(circle.codes)))
            continue
        normal = np.array([-unit[1], unit[0]])
        tip, back = at, at - sign * unit * 4.0 * thick
        scene.add(NOTES, Area(np.array([tip, back + normal * 1.8 * thick, back - normal * 1.8 * thick]), pen.colour))
        if side == "end":
            start = back
        else:
            end = back
    scene.add(NOTES, Stroke(np.array([start, end]), Pen(pen.colour, pen.width)))
