"""Tables of numbers: heat maps, and parallel coordinates with a line a row."""

import re
from typing import Any

import numpy as np

from plotly_print.axes import Axis, Place, Reach, Trace
from plotly_print.frame import formatted, listed
from plotly_print.points import DEFAULT
from plotly_print.scene import FIELD, FRAME, KEY, LINES, Box, Cells, Hand, Pen, Scene, Stroke, Words
from plotly_print.values import PrintError, Scale, check, floats, many, readable_on, rgba, scale_of
from plotly_print.words import read, wrapped

_DARK, _BLACK, _BRIGHT = rgba("#17202B"), rgba("#1F1F1F"), rgba("#FFFFFF")
_TEMPLATE = re.compile(r"%\{z(?::([^}]*))?\}")


class Field:
    """A heat map on its two axes."""

    def __init__(self, trace: Trace, x: Axis, y: Axis) -> None:
        self.trace = trace
        rows = [floats(row) for row in trace["z"]]
        self.z = np.array(rows, dtype=float).reshape(len(rows), -1)
        height, width = self.z.shape
        self.x, self.y = _edges(trace, x, width), _edges(trace, y, height)
        self.scale = scale_of(trace, self.z, ("zmin", "zmax", "zmid"))

    def bar(self) -> tuple[Scale, dict[str, Any]] | None:
        """Its colour bar, where it has one."""
        return (
            (self.scale, self.trace.get("colorbar", {}))
            if self.trace.get("showscale", True)
            else None
        )

    def reaches(self, hand: Hand) -> tuple[list[Reach], list[Reach]]:
        """What the axes must hold."""
        return [Reach(self.x)], [Reach(self.y)]

    def draw(self, place: Place) -> None:
        """Draws the cells, and the numbers in them where the trace asks for it."""
        trace, hand = self.trace, place.hand
        colours = self.scale(self.z)
        shown = colours.copy()
        shown[..., 3] *= float(trace.get("opacity", 1.0))
        x, y = place.x.place(self.x), place.y.place(self.y)
        place.scene.add(
            FIELD,
            Cells(
                x,
                y,
                shown,
                (hand.px(trace.get("xgap", 0)), hand.px(trace.get("ygap", 0))),
                place.box,
            ),
        )
        if "texttemplate" not in trace:
            return
        template = str(trace["texttemplate"])
        form = _TEMPLATE.fullmatch(template)
        if form is None:
            raise PrintError(
                f"A heatmap of the figure writes {template[:40]!r} in its cells, which is not "
                "drawn without a browser. Write '%{z:.2f}'."
            )
        greys = bool((np.ptp(colours[..., :3], axis=-1) == 0).all())  # of the greyscale theme
        dark = _BLACK if greys else _DARK
        for r, c in np.argwhere(np.isfinite(self.z)):
            block = read(
                formatted(self.z[r, c], form[1] or ".3g"),
                hand.style(trace.get("textfont"), colour=readable_on(colours[r, c], dark, _BRIGHT)),
            )
            middle = ((x[c] + x[c + 1]) / 2, (y[r] + y[r + 1]) / 2)
            place.scene.add(LINES + 5, Words(block, *middle, role="cell"))


def _edges(trace: Trace, axis: Axis, count: int) -> np.ndarray:
    """Where cells begin and end (count + 1,), as numbers on the axis."""
    letter = axis.letter
    step = float(trace.get(f"d{letter}", 1.0))
    centres = float(trace.get(f"{letter}0", 0.0)) + step * np.arange(count)
    if trace.get(letter) is not None:
        centres = axis.numbers(trace[letter])
    if len(centres) == count + 1:
        return centres
    check(
        len(centres) == count,
        f"A heatmap of the figure has {count} cells along {letter}, but {len(centres)} places.",
    )
    if count == 1:
        return np.array([centres[0] - step / 2, centres[0] + step / 2])
    middle = (centres[1:] + centres[:-1]) / 2
    first, last = centres[0] - (middle[0] - centres[0]), centres[-1] + (centres[-1] - middle[-1])
    return np.r_[first, middle, last]


def draw_parallel(trace: Trace, scene: Scene, hand: Hand, box: Box) -> None:
    """Draws parallel coordinates between the left and right edge of a box: an upright axis a
    dimension; rows outside a reader's selection are faint."""
    dimensions = [own for own in trace.get("dimensions", []) if own.get("visible", True)]
    if not dimensions:
        return
    count, line = len(dimensions), trace.get("line", {})
    x = np.linspace(box.left, box.right, count)
    x = x if count > 1 else np.array([(box.left + box.right) / 2])
    values = np.array([floats(own["values"]) for own in dimensions])
    chosen = np.ones(values.shape[1], dtype=bool)
    heights = []
    for own, row, at in zip(dimensions, values, x.tolist(), strict=True):
        low, high = [float(v) for v in own["range"]] if "range" in own else _reach(row)
        heights.append(box.bottom + (row - low) / ((high - low) or 1.0) * box.height)
        if own.get("constraintrange") is not None:
            chosen &= np.any(
                [
                    (row >= a) & (row <= b)
                    for a, b in np.array(own["constraintrange"], dtype=float).reshape(-1, 2)
                ],
                axis=0,
            )
        _dimension(
            trace,
            own,
            (low, high),
            at,
            at == x[-1] and count > 1,
            box.width / max(count - 1, 1),
            scene,
            hand,
            box,
        )
    colours = many(line.get("color"), values.shape[1], DEFAULT, line)
    colours[~chosen, 3] *= 0.15
    for i in [*np.flatnonzero(~chosen), *np.flatnonzero(chosen)]:
        scene.add(
            LINES,
            Stroke(
                np.column_stack([x, [row[i] for row in heights]]),
                Pen(tuple(colours[i].tolist()), hand.lines * hand.px(1.2)),
            ),
        )


def _dimension(
    trace: Trace,
    own: dict[str, Any],
    ends: tuple[float, float],
    at: float,
    last: bool,
    pitch: float,
    scene: Scene,
    hand: Hand,
    box: Box,
) -> None:
    """One axis, its name above and its labels beside it."""
    low, high = ends
    names, letters = hand.style(trace.get("labelfont"), 12), hand.style(trace.get("tickfont"), 11)
    pen = Pen(letters.colour, hand.lines * hand.px(1))
    scene.add(FRAME, Stroke(np.array([[at, box.bottom], [at, box.top]]), pen))
    name = wrapped(read(str(own.get("label", "")), names), pitch * 0.92)
    scene.add(KEY, Words(name, at, box.top + hand.px(10), "center", "bottom", role="title"))
    side, beside = ("left", hand.px(5)) if last else ("right", hand.px(-6))
    for value, text in listed(own, low, high, max(2.0, box.height / (3.5 * letters.size))):
        up = box.bottom + (value - low) / ((high - low) or 1.0) * box.height
        if box.bottom - 0.1 <= up <= box.top + 0.1:
            scene.add(FRAME, Stroke(np.array([[at - hand.px(4), up], [at, up]]), pen))
            scene.add(
                KEY, Words(read(text, letters), at + beside, up, side, role="tick", halo=hand.paper)
            )


def _reach(row: np.ndarray) -> tuple[float, float]:
    known = row[np.isfinite(row)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
