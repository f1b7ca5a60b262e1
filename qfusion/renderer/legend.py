"""The legend: every shown entry with a sample of its line, marker or bar, in rows above the drawing or in a column
beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qfusion.renderer import colouring
from qfusion.renderer.axes import as_list
from qfusion.renderer.colours import fade, rgba
from qfusion.renderer.hand import KEY, Hand, spread
from qfusion.renderer.scene import Area, Box, Mark, Pen, Scene, Stroke, Words, rectangle
from qfusion.renderer.traces import bars, scatter
from qfusion.renderer.words import Block, read, wrapped


@dataclass(frozen=True)
class Entry:
    """A trace and what it is called."""

    trace: Mapping[str, Any]
    name: Block


def entries(traces: Sequence[Mapping[str, Any]], layout: Mapping[str, Any], hand: Hand) -> list[Entry]:
    """What the legend shows, in plotly's order: groups together, each where its first member stands."""
    named = [(i, t) for i, t in enumerate(traces) if t["type"] not in ("heatmap", "parcoords")
             and t.get("showlegend", True)]
    shown = layout.get("showlegend")
    if shown is False or (shown is None and len(named) < 2 and not any(t.get("showlegend") for _, t in named)):
        return []
    settings = layout.get("legend", {})
    groups: dict[str, list[tuple[int, Mapping[str, Any]]]] = {}
    for i, trace in named:
        groups.setdefault(str(trace.get("legendgroup") or f"\0{i}"), []).append((i, trace))
    ordered = [pair for group in groups.values() for pair in group]
    stacked = layout.get("barmode") in ("stack", "relative") and any(t["type"] == "bar" for _, t in named)
    if settings.get("traceorder", "reversed" if stacked and settings.get("orientation", "v") == "v"
                    else "normal") == "reversed":
        ordered.reverse()
    style = hand.style(settings.get("font"), 12)
    return [Entry(trace, read(str(trace.get("name") or f"trace {i}"), style)) for i, trace in ordered]


def draw(found: Sequence[Entry], scene: Scene, hand: Hand, left: float, right: float, bottom: float) -> float:
    """Draws the entries in rows between `left` and `right`, the last one on `bottom`, and returns their height."""
    rows = _rows(found, hand, right - left)
    height = 0.0
    for row in reversed(rows):
        tall = max(entry.name.height for entry, _ in row)
        x = left
        for entry, width in row:
            middle = bottom + height + tall / 2
            sample = _sample_width(entry.trace, hand)
            scene.add(KEY, *_sample(entry.trace, Box(x, middle - hand.px(6), x + sample, middle + hand.px(6)), hand))
            scene.add(KEY, Words(entry.name, x + sample + hand.px(5), middle, "left", role="legend"))
            x += width
        height += tall + hand.px(4)
    return height


def _rows(found: Sequence[Entry], hand: Hand, width: float) -> list[list[tuple[Entry, float]]]:
    rows: list[list[tuple[Entry, float]]] = [[]]
    used = 0.0
    for entry in found:
        sample = _sample_width(entry.trace, hand) + hand.px(5)
        entry = Entry(entry.trace, wrapped(entry.name, max(width - sample, 30.0)))
        wide = sample + entry.name.width + hand.px(14)
        if rows[-1] and used + wide - hand.px(14) > width:
            rows.append([])
            used = 0.0
        rows[-1].append((entry, wide))
        used += wide
    return rows


def column(found: Sequence[Entry], scene: Scene, hand: Hand, left: float, top: float) -> None:
    """Draws the entries below each other from a corner on."""
    for entry in found:
        sample = _sample_width(entry.trace, hand)
        middle = top - entry.name.height / 2
        scene.add(KEY, *_sample(entry.trace, Box(left, middle - hand.px(6), left + sample, middle + hand.px(6)), hand))
        scene.add(KEY, Words(entry.name, left + sample + hand.px(5), middle, "left", role="legend"))
        top -= entry.name.height + hand.px(4)


def _sample_width(trace: Mapping[str, Any], hand: Hand) -> float:
    if trace["type"] != "scatter" or not scatter.has(trace, "lines"):
        return hand.px(13)
    # one and a half of its dashes can be told from others
    return max(hand.px(28), 1.6 * sum(hand.pen(trace.get("line")).dashes))


def _sample(trace: Mapping[str, Any], box: Box, hand: Hand) -> list[Mark]:
    opacity = float(trace.get("opacity", 1.0))
    y = (box.bottom + box.top) / 2
    if trace["type"] == "bar":
        side = hand.px(11)
        (look,) = bars.looks_of(_first(trace.get("marker", {})), 1, [opacity], hand)
        return [*look.draw(Box(box.left, y - side / 2, box.left + side, y + side / 2), None)]
    if trace["type"] in ("box", "violin"):
        pen = hand.pen(trace.get("line"), 2.0, scatter.DEFAULT, opacity)
        face = rgba(str(trace["fillcolor"])) if "fillcolor" in trace else fade(pen.colour, 0.5)
        side = hand.px(11)
        return [Area(rectangle(box.left, y - side / 2, box.left + side, y + side / 2), fade(face, opacity),
                     Pen(pen.colour, pen.width / 2))]
    found: list[Mark] = []
    if trace.get("fill", "none") != "none":
        ground = fade(hand.pen(trace.get("line"), 2.0, scatter.DEFAULT).colour, 0.5)
        face = rgba(str(trace["fillcolor"])) if "fillcolor" in trace else ground
        found.append(Area(rectangle(box.left, y - hand.px(4), box.right, y + hand.px(4)), fade(face, opacity)))
    if scatter.has(trace, "lines"):
        colour = trace.get("marker", {}).get("color")
        pen = hand.pen(trace.get("line"), 2.0, rgba(colour) if isinstance(colour, str) else scatter.DEFAULT, opacity)
        if pen.draws:
            found.append(Stroke(np.array([[box.left, y], [box.right, y]]), pen))
    if scatter.has(trace, "markers"):
        marker = _first(trace.get("marker", {}))
        sizes = np.array([min(max(float(marker.get("size", 6)), 2.0), 14.0)])
        alpha = float(marker.get("opacity", 1.0)) * opacity
        own = trace.get("line", {}).get("color")
        faces = colouring.many(marker.get("color"), 1, rgba(own) if isinstance(own, str) else scatter.DEFAULT, marker,
                               alpha)
        rim = marker.get("line", {})
        edges = colouring.many(rim.get("color"), 1, hand.ink, rim, alpha) if rim.get("color") is not None else faces
        middle = np.array([[(box.left + box.right) / 2, y]])
        found.append(scatter.dots(str(marker.get("symbol", "circle")), middle, sizes, faces, edges,
                                  np.array([float(spread(rim.get("width"), 1, 0)[0])]), hand))
    return found


def _first(marker: Mapping[str, Any]) -> dict[str, Any]:
    """A marker with the first entry of each of its lists; colours by number become the middle of their scale."""
    found: dict[str, Any] = {}
    for key, value in marker.items():
        if key == "color" and value is not None and colouring.is_numeric(value):
            scale = colouring.scale_of(marker, [float("nan") if v is None else float(v) for v in as_list(value)])
            r, g, b, a = scale([(scale.low + scale.high) / 2])[0].tolist()
            found[key] = f"rgba({255 * r:.0f},{255 * g:.0f},{255 * b:.0f},{a:g})"
        elif isinstance(value, dict):
            found[key] = _first(value) if key in ("line", "pattern") else value
        elif key not in ("colorscale", "colorbar") and not isinstance(value, str):
            listed = as_list(value)
            if listed:
                found[key] = listed[0]
        else:
            found[key] = value
    return found
