"""What stands at places of an axis: bars beside or upon each other with their patterns, texts and
error bars; boxes of given quartiles; violins by plotly's kernel and bandwidth."""

from collections import defaultdict
from dataclasses import dataclass
from typing import Any

import numpy as np

from plotly_print.axes import Axis, Place, Reach, Trace
from plotly_print.points import DEFAULT, columns, draw_errors, fill_of, opacities
from plotly_print.scene import (
    BARS,
    BOXES,
    LINES,
    VIOLINS,
    Area,
    Box,
    Hand,
    Mark,
    Pen,
    Stroke,
    Words,
    halo_of,
)
from plotly_print.values import CLEAR, RGBA, as_list, check, fade, many, rgba, spread, spread_floats
from plotly_print.words import read

Reaches = tuple[list[Reach], list[Reach]]  # what the axes across and up must hold


@dataclass(frozen=True, eq=False)
class Standing:
    """A trace whose marks stand at places of one axis and reach along the other."""

    trace: Trace

    @property
    def lying(self) -> bool:
        """Whether the marks run from left to right."""
        return self.trace.get("orientation") == "h"

    def turned(self, places: list[Reach], lengths: list[Reach]) -> Reaches:
        """What the axes across and up must hold, by what those of places and lengths must."""
        return (lengths, places) if self.lying else (places, lengths)

    def on_page(self, places: Any, lengths: Any, place: Place) -> np.ndarray:
        """Places and lengths (N,) as points of the page, (N, 2)."""
        if self.lying:
            return np.column_stack([place.x.place(lengths), place.y.place(places)])
        return np.column_stack([place.x.place(places), place.y.place(lengths)])


def outline_and_fill(trace: Trace, hand: Hand) -> tuple[Pen, RGBA]:
    """Line and filling of a box or violin."""
    opacity = float(trace.get("opacity", 1.0))
    pen = hand.pen(trace.get("line"), 2.0, DEFAULT, opacity)
    return pen, fill_of(trace, pen.colour, opacity)


@dataclass(frozen=True, eq=False)
class Bars(Standing):
    """One trace's bars as numbers on the axes: from `base` to `top` (n,), centred at `places` with
    `widths`.

    Those of one group share a slot; `slots` are their middles (n,), `step` apart.
    """

    places: np.ndarray
    widths: np.ndarray
    slots: np.ndarray
    step: float
    base: np.ndarray
    top: np.ndarray

    def reaches(self, hand: Hand) -> Reaches:
        """Bars with half of what parts them, and the texts beyond their ends."""
        trace, count = self.trace, len(self.top)
        by = spread_floats(
            trace.get("error_x" if self.lying else "error_y", {}).get("array"), count, 0.0
        )
        known = np.isfinite(self.places) & np.isfinite(self.top)
        slots, half = self.slots[known], np.maximum(self.widths[known], self.step) / 2
        pad = 0.0
        if trace.get("text") is not None and trace.get("textposition") == "outside":
            style = hand.style(trace.get("textfont"))
            blocks = [read(str(text), style) for text in spread(trace["text"], count, "")]
            pad = hand.px(3) + max(
                (block.width if self.lying else block.height for block in blocks), default=0.0
            )
        return self.turned(
            [Reach(np.r_[slots - half, slots + half])],
            [
                Reach(
                    np.r_[self.base, self.top, self.top - by, self.top + by],
                    (pad, pad),
                    room=True,
                    to_zero=True,
                )
            ],
        )

    def draw(self, place: Place) -> None:
        """Draw one trace."""
        trace, count, hand = self.trace, len(self.top), place.hand
        lows = self.on_page(self.places - self.widths / 2, self.base, place)
        highs = self.on_page(self.places + self.widths / 2, self.top, place)
        boxes = [
            Box.of(ends) if np.isfinite(ends).all() else None for ends in np.stack([lows, highs], 1)
        ]
        place.scene.add(
            BARS,
            *bar_marks(
                trace.get("marker", {}),
                boxes,
                opacities(trace, count) * float(trace.get("opacity", 1.0)),
                hand,
                place.box,
            ),
        )
        letter, along = ("x", 0) if self.lying else ("y", 1)
        tops = (lows + highs) / 2
        tops[:, along] = highs[:, along]
        if f"error_{letter}" in trace:
            draw_errors(trace, letter, tops, place, BARS + 2)
        if trace.get("text") is None or trace.get("textposition") == "none":
            return
        check(
            trace.get("textposition") == "outside",
            "The figure writes texts on bars without saying where, which is not drawn without a "
            "browser. Set `textposition` to 'outside'.",
        )
        font = trace.get("textfont", {})
        up = place.x if self.lying else place.y
        for text, (x, y), base in zip(
            spread(trace["text"], count, ""), tops, lows[:, along], strict=True
        ):
            if np.isfinite([x, y, base]).all() and str(text):
                top = (x, y)[along]
                forward = top > base or (top == base and up.end > up.start)
                pad = hand.px(3) if forward else -hand.px(3)
                anchor = (
                    (x + pad, y, "left" if forward else "right", "middle")
                    if self.lying
                    else (x, y + pad, "center", "bottom" if forward else "top")
                )
                place.scene.add(
                    LINES + 5,
                    Words(
                        read(str(text), hand.style(font)), *anchor, halo=halo_of(font), role="bar"
                    ),
                )


def arrange(traces: list[Trace], layout: dict[str, Any], at: Axis, up: Axis) -> list[Bars]:
    """The bars of traces that share both axes and their direction.

    Args:
        at: the axis with their places; up: that with their lengths.
    """
    mode = layout.get("barmode", "group")
    gap, inner = float(layout.get("bargap", 0.2)), float(layout.get("bargroupgap", 0.0))
    pairs = [columns(t)[:: -1 if t.get("orientation") == "h" else 1] for t in traces]
    slots = [at.numbers(column) for column, _ in pairs]
    known = np.concatenate([places[np.isfinite(places)] for places in slots])
    distinct = np.unique(known)
    step = float(np.diff(distinct).min()) if len(distinct) > 1 else 1.0
    beside = mode == "group" and len(distinct) < len(known)
    wide = step * (1 - gap) / (len(traces) if beside else 1)
    heights: dict[tuple[float, bool], float] = defaultdict(float)
    result = []
    for i, (trace, places, (_, lengths)) in enumerate(zip(traces, slots, pairs, strict=True)):
        widths = spread_floats(trace.get("width"), len(places), wide * (1 - inner))
        base = spread_floats(trace.get("base"), len(places), 0.0)
        values = up.numbers(lengths)
        if trace.get("offset") is not None:
            places = places + spread_floats(trace["offset"], len(places), 0.0) + widths / 2
        for k in np.flatnonzero(np.isfinite(places) & np.isfinite(values)):
            if mode in ("stack", "relative"):
                base[k] = heights[places[k], values[k] < 0]
                heights[places[k], values[k] < 0] = base[k] + values[k]
        shift = (
            (i + 0.5) * wide - step * (1 - gap) / 2
            if beside and trace.get("width") is None
            else 0.0
        )
        result.append(Bars(trace, places + shift, widths, places, step, base, base + values))
    return result


def bar_marks(
    marker: dict[str, Any],
    boxes: list[Box | None],
    alphas: np.ndarray,
    hand: Hand,
    clip: Box | None = None,
) -> list[Mark]:
    """Bars that fill boxes, in the looks of a marker, none where there is no box; the rim lies
    inside, so that a bar is as long as its number says."""
    rim, pattern, n = marker.get("line", {}), marker.get("pattern", {}), len(boxes)
    usual = {"shape": "", "fgcolor": None, "bgcolor": None, "size": 8, "solidity": 0.3}
    patterns = (spread(pattern.get(key), n, default) for key, default in usual.items())
    marks: list[Mark] = []
    for box, face, edge, width, alpha, shape, ink, ground, size, solidity in zip(
        boxes,
        map(tuple, many(marker.get("color"), n, DEFAULT, marker, alphas).tolist()),
        map(tuple, many(rim.get("color"), n, hand.ink, rim, alphas).tolist()),
        spread(rim.get("width"), n, 0),
        alphas,
        *patterns,
        strict=True,
    ):
        if box is None:
            continue
        pen = hand.pen({"width": width}, colour=edge)
        inset = min(pen.width / 2 if pen.draws else 0.0, box.width / 2, box.height / 2)
        inner = box.grown(-inset).corners
        if not shape:
            marks.append(Area(inner, face, pen, clip))
            continue
        # The pattern's own ground, its lines in the colour it names or the bar's.
        paper = fade(rgba(ground), alpha) if ground else hand.paper
        lines = hatch(str(shape), box, hand.px(size))
        stroke = Pen(fade(rgba(ink), alpha) if ink else face, hand.px(size) * float(solidity))
        outer = clip or box
        inside = Box(*map(max, box[:2], outer[:2]), *map(min, box[2:], outer[2:]))
        marks.append(Area(inner, paper, Pen(), clip))
        if len(lines) and inside.width > 0 and inside.height > 0:
            marks.append(Stroke(lines, stroke, inside))
        marks.append(Area(inner, CLEAR, pen, clip))
    return marks


def hatch(pattern: str, box: Box, spacing: float) -> np.ndarray:
    """Lines of a pattern within a box, `spacing` points apart: both ends of each and a gap, (3 K, 2)."""
    left, bottom, right, top = box
    lines: list[list[tuple[float, float]]] = []
    for slope in {"/": (1,), "\\": (-1,), "x": (1, -1)}.get(pattern, ()):
        low, high = (bottom - right, top - left) if slope == 1 else (bottom + left, top + right)
        step = spacing * 2**0.5
        for c in np.arange(np.floor(low / step) * step + step / 2, high, step):  # y = slope x + c
            xs = sorted(((bottom - c) * slope, (top - c) * slope))
            a, b = max(xs[0], left), min(xs[1], right)
            # A little longer than the box, which cuts their ends off.
            lines += [[(x, slope * x + c) for x in (a - spacing, b + spacing)]] if b > a else []
    if pattern in ("-", "+"):
        lines += [[(left, y), (right, y)] for y in np.arange(bottom + spacing / 2, top, spacing)]
    if pattern in ("|", "+"):
        lines += [[(x, bottom), (x, top)] for x in np.arange(left + spacing / 2, right, spacing)]
    return np.array([[*line, (np.nan, np.nan)] for line in lines], dtype=float).reshape(-1, 2)


@dataclass(frozen=True, eq=False)
class Boxes(Standing):
    """One trace's boxes: places (n,), half their width, and fences, quartiles and medians (5, n) as
    numbers on the axes."""

    places: np.ndarray
    half: float
    five: np.ndarray

    def reaches(self, hand: Hand) -> Reaches:
        """All of a box's place, and its fences."""
        places = self.places.round()
        return self.turned(
            [Reach(np.r_[places - 0.5, places + 0.5])], [Reach(self.five.ravel(), room=True)]
        )

    def draw(self, place: Place) -> None:
        """Draw one trace."""
        pen, face = outline_and_fill(self.trace, place.hand)
        for at, (low, q1, middle, q3, high) in zip(self.places, self.five.T, strict=True):
            left, right, half = at - self.half, at + self.half, self.half / 2
            gap, ends = np.nan, (at - half, at + half)
            lines = self.on_page(
                [at, at, gap, at, at, gap, *ends, gap, *ends, gap, left, right],
                [low, q1, gap, q3, high, gap, low, low, gap, high, high, gap, middle, middle],
                place,
            )
            rim = self.on_page([left, left, right, right], [q1, q3, q3, q1], place)
            place.scene.add(
                BOXES,
                Area(rim, face, pen, place.box),
                Stroke(lines, Pen(pen.colour, pen.width), place.box),
            )


def boxes(traces: list[Trace], layout: dict[str, Any], at: Axis, up: Axis) -> list[Boxes]:
    """The boxes of traces on one axis of places, beside each other by their `offsetgroup`."""
    names = [str(trace.get("offsetgroup", i)) for i, trace in enumerate(traces)]
    groups = list(dict.fromkeys(names))
    beside = layout.get("boxmode", "overlay") == "group"
    count = len(groups) if beside else 1
    gap, inner = float(layout.get("boxgap", 0.3)), float(layout.get("boxgroupgap", 0.3))
    result = []
    for trace, name in zip(traces, names, strict=True):
        check(
            all(key in trace for key in ("q1", "median", "q3")),
            "A box of the figure has no quartiles of its own. It is not drawn without a browser: "
            "give it `q1`, `median` and `q3`.",
        )
        usual = {"lowerfence": trace["q1"], "upperfence": trace["q3"]} | dict(trace)
        five = [up.numbers(usual[k]) for k in ("lowerfence", "q1", "median", "q3", "upperfence")]
        listed = trace.get("y" if trace.get("orientation") == "h" else "x")
        places = at.numbers(np.arange(len(five[0])) if listed is None else listed)
        shift = (-0.5 + (groups.index(name) + 0.5) / count) * (1 - gap) if beside else 0.0
        result.append(
            Boxes(
                trace,
                places + shift,
                float(trace.get("width", (1 - gap) * (1 - inner) / count)) / 2,
                np.array(five),
            )
        )
    return result


@dataclass(frozen=True, eq=False)
class Violin(Standing):
    """Half or whole of a violin: where it stands, the lengths (n,) that it spans, and half its
    width there, as numbers on the axes."""

    at: float
    lengths: np.ndarray
    halves: np.ndarray
    mean: float

    def reaches(self, hand: Hand) -> Reaches:
        """All of its width and length."""
        half = float(self.trace.get("width", 0.7)) / 2
        return self.turned(
            [Reach(np.array([self.at - half, self.at + half]))], [Reach(self.lengths, room=True)]
        )

    def draw(self, place: Place) -> None:
        """Draw it."""
        pen, face = outline_and_fill(self.trace, place.hand)
        side = self.trace.get("side", "both")
        lower = self.at - self.halves * (side != "positive")
        upper = self.at + self.halves * (side != "negative")
        place.scene.add(
            VIOLINS,
            Area(
                self.on_page(
                    np.r_[lower, upper[::-1]], np.r_[self.lengths, self.lengths[::-1]], place
                ),
                face,
                pen,
                place.box,
            ),
        )
        if self.trace.get("meanline", {}).get("visible"):
            line = self.on_page(
                [np.interp(self.mean, self.lengths, side) for side in (lower, upper)],
                [self.mean] * 2,
                place,
            )
            place.scene.add(VIOLINS, Stroke(line, pen, place.box))


def violin(trace: Trace, x: Axis, y: Axis) -> Violin:
    """The Gaussian kernel density of a trace's values, as wide at its widest as the trace says."""
    lying = trace.get("orientation") == "h"
    up, across, letter = (x, y, "y") if lying else (y, x, "x")
    values = up.numbers(trace["x" if lying else "y"])
    values = np.sort(values[np.isfinite(values)])
    check(len(values) > 0, "A violin of the figure has no values. Leave it out.")
    at = float(across.numbers([as_list(trace.get(letter, trace.get(f"{letter}0", 0)))[0]])[0])
    deviation = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    least = min(deviation, float(np.diff(np.percentile(values, [25, 75]))[0]) / 1.349 or deviation)
    width = max(
        1.059 * least * len(values) ** -0.2, max(1e-6 * max(float(np.ptp(values)), 1e-9), 1e-12)
    )
    low, high = float(values[0]), float(values[-1])
    if trace.get("spanmode", "soft") == "soft":
        low, high = low - 2 * width, high + 2 * width
    lengths = np.linspace(
        low, high, int(min(400, max(24, np.ceil((high - low) / (width / 3)) + 1)))
    )
    density = np.exp(-0.5 * ((lengths[:, None] - values[None]) / width) ** 2).sum(1)
    return Violin(
        trace,
        at,
        lengths,
        (float(trace.get("width", 0.7)) / 2) * density / density.max(),
        float(values.mean()),
    )
