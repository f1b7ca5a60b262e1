"""What an axis shows of itself: line, ticks, labels that do not overlap, title, grid."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from qfusion.renderer import ticks
from qfusion.renderer.axes import Axis, as_list
from qfusion.renderer.hand import FRAME, GRID, KEY, SMALLEST, Hand
from qfusion.renderer.scene import Pen, Scene, Stroke, Words
from qfusion.renderer.words import Block, Style, balanced, longest_word, read

_NUMBER = re.compile(r"\|?[-\u2212+]?[\d.·]+%?⟩?")


@dataclass
class Drawn:
    """What was written along an axis, and by how much its labels are too high for the room between their ticks (at most
    1: they fit)."""

    words: list[Words] = field(default_factory=list)
    crowd: float = 1.0


def marks(axis: Axis, hand: Hand, most: float | None = None) -> tuple[np.ndarray, list[str], bool]:
    """Places (numbers on the axis) and labels of ticks within the range, and whether the figure named them."""
    settings = axis.settings
    low, high = min(axis.low, axis.high), max(axis.low, axis.high)
    form = str(settings.get("tickformat", ""))
    slack = 1e-6 * (high - low)
    if settings.get("tickvals") is not None and settings.get("tickmode", "array") == "array":
        values = axis.numbers(settings["tickvals"])
        named = settings.get("ticktext")
        texts = [str(t) for t in as_list(named)] if named is not None else ticks.written(_values(axis, values), form)
        kept = [i for i in range(min(len(values), len(texts))) if low - slack <= values[i] <= high + slack]
        return values[kept], [texts[i] for i in kept], True
    if axis.kind == "category":
        found = [i for i in range(len(axis.categories)) if low - slack <= i <= high + slack]
        return np.array(found, dtype=float), [axis.categories[i] for i in found], True
    length = abs(axis.end - axis.start) / hand.scale
    default = min(max(length / (40 if axis.letter == "y" else 80), 4), 9) + 1
    count = float(settings.get("nticks") or default) if most is None else most
    count = min(count, max(1.5, length / 24)) if axis.letter == "y" else count
    powers = settings.get("exponentformat") == "power"
    if axis.kind == "log":
        values = ticks.logarithmic(low, high, count)
        return values, ticks.written(10**values, form, powers=True), False
    step = settings.get("dtick")
    if step is not None and most is None:
        values = ticks.linear(low, high, 0, step=float(step), origin=float(settings.get("tick0", 0.0)))
    else:
        values = ticks.linear(low, high, count)
    if form == "d":
        values = np.unique(values.round())
    return values, ticks.written(values, form, powers=powers), False


def _values(axis: Axis, numbers: np.ndarray) -> np.ndarray:
    return 10.0**numbers if axis.kind == "log" else numbers


def draw(axis: Axis, across: Axis, scene: Scene, hand: Hand, widest: float, push: float = 0.0) -> Drawn:
    """Draws an axis at the edge of the one that it stands against.

    Args:
        across: the other axis. widest: room for labels beside an upright axis, in points.
        push: how far the labels stand away, so that they do not lie on the texts of bars that reach over the edge.
    """
    settings, upright = axis.settings, axis.letter == "y"
    far = settings.get("side", "left" if upright else "bottom") in ("top", "right")
    edge = max(across.start, across.end) if far else min(across.start, across.end)
    away = 1.0 if far else -1.0
    line = hand.pen({"color": settings.get("linecolor"), "width": settings.get("linewidth", 1)})
    values, texts, named = marks(axis, hand)
    _grid(axis, across, scene, hand, values)
    if settings.get("showline"):
        scene.add(FRAME,
                  Stroke(_points([axis.start, axis.end], edge, upright), replace(line, width=max(line.width, 0.4))))
    inside = settings.get("ticks") == "inside"
    reach = hand.px(settings.get("ticklen", 5)) if settings.get("ticks") else 0.0
    found = Drawn()
    out = edge + away * (0.0 if inside else reach)
    if settings.get("showticklabels", True) is not False and len(values):
        gap = hand.px(3 + float(settings.get("ticklabelstandoff", 0))) + push
        style = hand.style(settings.get("tickfont"), 12)
        if upright:
            for most in range(len(values) - 1, 1, -1):
                if named or not _dense(axis, values, style):
                    break
                values, texts, _ = marks(axis, hand, float(most))
            values, found = _beside(axis, values, texts, style, out + away * gap, far, widest, named)
        else:
            values, found = _along(axis, hand, values, texts, style, out + away * gap, far, named)
        scene.add(KEY, *found.words)
    if settings.get("ticks"):
        pen = hand.pen({"color": settings.get("tickcolor"), "width": settings.get("tickwidth", 1)})
        end = edge - away * reach if inside else out
        for at in axis.place(values).tolist():
            scene.add(FRAME, Stroke(np.array([[edge, at], [end, at]] if upright else [[at, edge], [at, end]]), replace(
                pen, width=max(pen.width, 0.4))))
    _title(axis, scene, hand, found, out, away, upright)
    return found


def _points(ends: list[float], edge: float, upright: bool) -> np.ndarray:
    return np.array([[edge, e] if upright else [e, edge] for e in ends])


def _grid(axis: Axis, across: Axis, scene: Scene, hand: Hand, values: np.ndarray) -> None:
    settings, upright = axis.settings, axis.letter == "y"
    lines: list[tuple[float, Pen]] = []
    if settings.get("showgrid"):
        pen = hand.pen({"color": settings.get("gridcolor", "#eee"), "width": settings.get("gridwidth", 1),
                        "dash": settings.get("griddash", "solid")})
        lines += [(at, pen) for at in axis.place(values).tolist()]
    if settings.get("zeroline") and axis.kind == "linear" and min(axis.low, axis.high) <= 0 <= max(axis.low, axis.high):
        pen = hand.pen({"color": settings.get("zerolinecolor"), "width": settings.get("zerolinewidth", 1)})
        lines.append((float(axis.place(0.0)), pen))
    for at, pen in lines:
        ends = np.array([[across.start, at], [across.end, at]] if upright else [[at, across.start], [at, across.end]])
        scene.add(GRID, Stroke(ends, pen))


def _dense(axis: Axis, values: np.ndarray, style: Style) -> bool:
    """Whether ticks of an upright axis are too near to each other for labels of one line."""
    return len(values) > 2 and float(np.abs(np.diff(np.sort(axis.place(values)))).min()) < 1.05 * style.size


def _beside(axis: Axis, values: np.ndarray, texts: list[str], style: Style, at: float, far: bool, widest: float,
            named: bool) -> tuple[np.ndarray, Drawn]:
    """Labels of an upright axis: broken where they are wide, smaller where they are high, left out last."""
    side = "left" if far else "right"
    places = axis.place(values)
    pitch = float(np.abs(np.diff(np.sort(places))).min()) if len(places) > 1 else abs(axis.end - axis.start)
    blocks = [balanced(read(text, style), widest) for text in texts]
    highest = max(block.height for block in blocks)
    crowd = (highest + 0.45 * style.size) / max(pitch, 1e-6)
    if crowd > 1 and named and style.size > SMALLEST:
        style = replace(style, size=max(SMALLEST, style.size / crowd))
        blocks = [balanced(read(text, style), widest) for text in texts]
        highest = max(block.height for block in blocks)
    step = int(np.ceil(0.85 * highest / max(pitch, 1e-6))) if len(places) > 1 else 1
    kept = slice(None, None, max(1, step))
    words = [Words(block, at, float(place), side, "middle", role="tick")
             for block, place in zip(blocks[kept], places[kept], strict=True)]
    return values[kept], Drawn(words, crowd if named else 1.0)


def _along(axis: Axis, hand: Hand, values: np.ndarray, texts: list[str], style: Style, at: float, far: bool,
           named: bool) -> tuple[np.ndarray, Drawn]:
    """Labels of a level axis: fewer, broken, smaller or turned until none touches its neighbour."""
    up = "bottom" if far else "top"
    angle = axis.settings.get("tickangle", "auto")
    fixed = 0.0 if angle == "auto" else -float(angle)

    def level(letters: Style, labels: list[str], numbers: np.ndarray, limit: float = np.inf) -> list[Words]:
        return [Words(balanced(read(text, letters), limit), place, at, "center", up, role="tick")
                for text, place in zip(labels, axis.place(numbers).tolist(), strict=True)]

    if fixed:
        return values, Drawn(_turned(axis, values, texts, style, at, far, fixed))
    words = level(style, texts, values)
    if not named:
        return _rounder(axis, hand, values, texts, lambda labels, numbers: level(style, labels, numbers),
                        0.6 * style.size)
    if not _touch(words, 0.35 * style.size):
        return values, Drawn(words)
    pitch = float(np.abs(np.diff(np.sort(axis.place(values)))).min()) if len(values) > 1 else abs(axis.end - axis.start)
    small = replace(style, size=max(SMALLEST, 0.85 * style.size))
    for letters in (style, small):
        if any(" " in text for text in texts):
            limit = max(0.94 * pitch, 1.01 * max(longest_word(read(text, letters)) for text in texts))
            broken = level(letters, texts, values, limit)
            if not _touch(broken, 0.15 * style.size) and max(len(w.block.lines) for w in broken) <= 3:
                return values, Drawn(broken)
        words = level(letters, texts, values)
        if not _touch(words, 0.3 * letters.size):
            return values, Drawn(words)
    longest = max(word.block.width for word in words)
    if longest <= 3.2 * style.size or angle == 0:  # short ones: leave some out, unless there is room to turn them
        for few in _fewer(axis, values, texts):
            words = level(small, [texts[i] for i in few], values[few])
            if not _touch(words, 0.3 * small.size):
                return values[few], Drawn(words)
    turn = 45.0 if pitch > 0.9 * style.size and longest > 2.2 * style.size else 90.0
    step = max(1, int(np.ceil(1.05 * small.size / max(pitch, 1e-6))))
    return values[::step], Drawn(_turned(axis, values[::step], texts[::step], small if pitch < 1.3 * style.size
                                         else style, at, far, turn))


def _rounder(axis: Axis, hand: Hand, values: np.ndarray, texts: list[str],
             level: Callable[[list[str], np.ndarray], list[Words]], gap: float) -> tuple[np.ndarray, Drawn]:
    """Fewer round numbers until none touches its neighbour; where that leaves one alone, every second or third of the
    first choice."""
    words = level(texts, values)
    few, labels, found = values, texts, words
    for most in range(len(values) - 1, 1, -1):
        if not _touch(found, gap):
            break
        few, labels, _ = marks(axis, hand, float(most))
        found = level(labels, few)
    if len(few) > 1 and not _touch(found, gap):
        return few, Drawn(found)
    for step in (1, 2, 3, 4):
        zero = int(np.argmin(np.abs(values))) % step if len(values) else 0
        found = level(texts[zero::step], values[zero::step])
        if not _touch(found, gap):
            return values[zero::step], Drawn(found)
    return few[:1], Drawn(level(labels[:1], few[:1]))


def _fewer(axis: Axis, values: np.ndarray, texts: list[str]) -> list[list[int]]:
    """Choices of ticks that are fewer, where they are numbers or levels, which readers can fill in: powers of ten,
    every second, ..."""
    if not all(_NUMBER.fullmatch(text) for text in texts):
        return []
    powers = [i for i, value in enumerate(values.tolist())
              if abs(value - round(value)) < 1e-6] if axis.kind == "log" else []
    return ([powers] if len(powers) > 1 else []) + [list(range(0, len(values), step)) for step in (2, 3, 4, 5, 8)
                                                    if len(values) > step]


def _turned(axis: Axis, values: np.ndarray, texts: list[str], style: Style, at: float, far: bool,
            angle: float) -> list[Words]:
    """Labels whose end (below) or beginning (above) stands at the tick."""
    straight = abs(angle) > 80
    found = []
    for text, place in zip(texts, axis.place(values).tolist(), strict=True):
        block: Block = read(text, style)
        across = ("left" if far else "right") if angle > 0 else ("right" if far else "left")
        lift = 0.0 if straight else (-0.3 if not far else 0.1) * style.size
        found.append(Words(block, place, at + lift, across, "middle", angle, role="tick"))
    return found


def _touch(words: list[Words], gap: float) -> bool:
    boxes = sorted((w.box for w in words), key=lambda b: b.left)
    return any(b.left - a.right < gap for a, b in itertools.pairwise(boxes))


def _title(axis: Axis, scene: Scene, hand: Hand, found: Drawn, out: float, away: float, upright: bool) -> None:
    title = axis.settings.get("title", {})
    text = str(title.get("text", ""))
    if not text:
        return
    style = hand.style(title.get("font"))
    length = abs(axis.end - axis.start)
    block = read(text, style)
    block = balanced(block, max(1.02 * length, longest_word(block) if upright else 12 * style.size))
    if upright and block.width > 1.05 * length:
        style = replace(style, size=max(SMALLEST, style.size * 1.05 * length / block.width))
        block = balanced(read(text, style), max(1.02 * length, longest_word(read(text, style))))
    middle, gap = (axis.start + axis.end) / 2, hand.px(title.get("standoff", 8)) * 0.75
    boxes = [word.box for word in found.words]
    if upright:
        edge = min([b.left for b in boxes] + [out]) if away < 0 else max([b.right for b in boxes] + [out])
        word = Words(block, edge + away * gap, middle, "center", "bottom" if away < 0 else "top", angle=90,
                     role="title")
    else:
        edge = min([b.bottom for b in boxes] + [out]) if away < 0 else max([b.top for b in boxes] + [out])
        word = Words(block, middle, edge + away * gap, "center", "top" if away < 0 else "bottom", role="title")
    found.words.append(word)
    scene.add(KEY, word)


__all__ = ["Drawn", "draw", "marks"]
