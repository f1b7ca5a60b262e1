"""Distributions: violins by plotly's kernel and bandwidth, boxes of given quartiles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.renderer.axes import Axis, Reach, as_list
from qfusion.renderer.colours import fade, rgba
from qfusion.renderer.hand import BOXES, VIOLINS, Place
from qfusion.renderer.scene import Area, Pen, Stroke, rectangle
from qfusion.renderer.traces.scatter import DEFAULT


@dataclass(frozen=True, eq=False)
class Violin:
    """Half or whole of a violin: where it stands, its places (n,), and half its width there, as numbers on the axes."""

    trace: Mapping[str, Any]
    at: float
    places: np.ndarray
    halves: np.ndarray
    mean: float

    @property
    def lying(self) -> bool:
        """Whether it lies along the horizontal axis."""
        return self.trace.get("orientation") == "h"


def violin(trace: Mapping[str, Any], x: Axis, y: Axis) -> Violin:
    """The Gaussian kernel density of the trace's values, as wide at its widest as the trace says."""
    lying = trace.get("orientation") == "h"
    along, across, letter = (x, y, "y") if lying else (y, x, "x")
    values = along.numbers(trace["x" if lying else "y"])
    values = np.sort(values[np.isfinite(values)])
    check(len(values) > 0, "A violin of the figure has no values. Leave it out.")
    given = trace.get(letter, trace.get(f"{letter}0", 0))
    at = float(across.numbers([as_list(given)[0]])[0])
    quartiles = np.percentile(values, [25, 75])
    deviation = float(values.std(ddof=1)) if len(values) > 1 else 0.0
    width = 1.059 * min(deviation, float(np.diff(quartiles)[0]) / 1.349 or deviation) * len(values) ** -0.2
    width = max(width, 1e-6 * max(float(np.ptp(values)), 1e-9), 1e-12)
    low, high = float(values[0]), float(values[-1])
    if trace.get("spanmode", "soft") == "soft":
        low, high = low - 2 * width, high + 2 * width
    places = np.linspace(low, high, int(min(400, max(24, np.ceil((high - low) / (width / 3)) + 1))))
    density = np.exp(-0.5 * ((places[:, None] - values[None]) / width) ** 2).sum(1)
    half = float(trace.get("width", 0.7)) / 2
    return Violin(trace, at, places, half * density / density.max(), float(values.mean()))


def violin_reaches(found: Violin) -> tuple[list[Reach], list[Reach]]:
    """What the axes across and up must hold."""
    half = float(found.trace.get("width", 0.7)) / 2
    along, across = [Reach(found.places, room=True)], [Reach(np.array([found.at - half, found.at + half]))]
    return (along, across) if found.lying else (across, along)


def draw_violin(found: Violin, place: Place) -> None:
    """Draws it."""
    trace = found.trace
    opacity = float(trace.get("opacity", 1.0))
    pen = place.hand.pen(trace.get("line"), 2.0, DEFAULT, opacity)
    face = fade(rgba(str(trace["fillcolor"])) if "fillcolor" in trace else fade(pen.colour, 0.5), opacity)
    side = trace.get("side", "both")
    lower = found.at - (found.halves if side != "positive" else 0 * found.halves)
    upper = found.at + (found.halves if side != "negative" else 0 * found.halves)
    ring = np.column_stack([np.r_[found.places, found.places[::-1]], np.r_[lower, upper[::-1]]])
    place.scene.add(VIOLINS, Area(_on_page(ring, found.lying, place), face, pen, place.box))
    if trace.get("meanline", {}).get("visible"):
        ends = [float(np.interp(found.mean, found.places, each)) for each in (lower, upper)]
        line = np.array([[found.mean, ends[0]], [found.mean, ends[1]]])
        place.scene.add(VIOLINS, Stroke(_on_page(line, found.lying, place), pen, place.box))


def _on_page(points: np.ndarray, lying: bool, place: Place) -> np.ndarray:
    along, across = (place.x, place.y) if lying else (place.y, place.x)
    a, b = along.place(points[:, 0]), across.place(points[:, 1])
    return np.column_stack([a, b] if lying else [b, a])


@dataclass(frozen=True, eq=False)
class Boxes:
    """One trace's boxes: places (n,), half their width, and fences, quartiles and medians (5, n) as numbers on the
    axes."""

    trace: Mapping[str, Any]
    places: np.ndarray
    half: float
    five: np.ndarray

    @property
    def lying(self) -> bool:
        """Whether it lies along the horizontal axis."""
        return self.trace.get("orientation") == "h"


def boxes(traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], along: Axis, up: Axis) -> list[Boxes]:
    """The boxes of traces on one axis of places, beside each other by their `offsetgroup`."""
    groups = list(dict.fromkeys(str(trace.get("offsetgroup", i)) for i, trace in enumerate(traces)))
    beside = layout.get("boxmode", "overlay") == "group"
    count = len(groups) if beside else 1
    gap, inner = float(layout.get("boxgap", 0.3)), float(layout.get("boxgroupgap", 0.3))
    found = []
    for i, trace in enumerate(traces):
        check(all(key in trace for key in ("q1", "median", "q3")),
              "A box of the figure has no quartiles of its own. It is not drawn without a browser: give it `q1`, "
              "`median` and `q3`.")
        lying = trace.get("orientation") == "h"
        places = along.numbers(trace.get("y" if lying else "x", np.arange(len(trace["q1"]))))
        q1, q3 = up.numbers(trace["q1"]), up.numbers(trace["q3"])
        five = np.array([up.numbers(trace["lowerfence"]) if "lowerfence" in trace else q1, q1,
                         up.numbers(trace["median"]), q3,
                         up.numbers(trace["upperfence"]) if "upperfence" in trace else q3])
        place = groups.index(str(trace.get("offsetgroup", i)))
        shift = (-0.5 + (place + 0.5) / count) * (1 - gap) if beside else 0.0
        half = float(trace["width"]) / 2 if "width" in trace else 0.5 * (1 - gap) * (1 - inner) / count
        found.append(Boxes(trace, places + shift, half, five))
    return found


def box_reaches(found: Boxes) -> tuple[list[Reach], list[Reach]]:
    """What the axes across and up must hold."""
    along, up = [Reach(np.r_[found.places.round() - 0.5, found.places.round() + 0.5])], [
        Reach(found.five.ravel(), room=True)]
    return (up, along) if found.lying else (along, up)


def draw_boxes(found: Boxes, place: Place) -> None:
    """Draws one trace."""
    opacity = float(found.trace.get("opacity", 1.0))
    pen = place.hand.pen(found.trace.get("line"), 2.0, DEFAULT, opacity)
    face = fade(rgba(str(found.trace["fillcolor"])) if "fillcolor" in found.trace else fade(pen.colour, 0.5), opacity)
    for at, (low, q1, middle, q3, high) in zip(found.places, found.five.T, strict=True):
        half, gap = found.half, (np.nan, np.nan)
        body = rectangle(q1, at - half, q3, at + half)
        lines = np.array([(low, at), (q1, at), gap, (q3, at), (high, at), gap, (low, at - half / 2),
                          (low, at + half / 2), gap, (high, at - half / 2), (high, at + half / 2), gap,
                          (middle, at - half), (middle, at + half)])
        place.scene.add(BOXES, Area(_on_page(body, found.lying, place), face, pen, place.box),
                        Stroke(_on_page(lines, found.lying, place), Pen(pen.colour, pen.width), place.box))
