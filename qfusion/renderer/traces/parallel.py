"""Parallel coordinates: an upright axis a dimension, a line a row, coloured by a number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from qfusion.renderer import colouring, ticks
from qfusion.renderer.axes import as_list
from qfusion.renderer.hand import FRAME, KEY, LINES, Hand
from qfusion.renderer.scene import Box, Pen, Scene, Stroke, Words
from qfusion.renderer.traces.scatter import DEFAULT
from qfusion.renderer.words import read, wrapped


def draw(trace: Mapping[str, Any], scene: Scene, hand: Hand, box: Box) -> None:
    """Draws one trace between the left and right edge of a box; rows outside a reader's selection are faint."""
    dimensions = [each for each in trace.get("dimensions", []) if each.get("visible", True)]
    if not dimensions:
        return
    values = np.array([[np.nan if v is None else float(v) for v in as_list(each["values"])] for each in dimensions])
    ranges = [[float(v) for v in each["range"]] if "range" in each else _reach(row)
              for each, row in zip(dimensions, values, strict=True)]
    x = np.linspace(box.left, box.right,
                    len(dimensions)) if len(dimensions) > 1 else np.array([(box.left + box.right) / 2])
    y = np.array([box.bottom + (row - low) / ((high - low) or 1.0) * box.height
                  for row, (low, high) in zip(values, ranges, strict=True)])
    kept = np.ones(values.shape[1], dtype=bool)
    for each, row in zip(dimensions, values, strict=True):
        if each.get("constraintrange") is not None:
            limits = np.array(each["constraintrange"], dtype=float).reshape(-1, 2)
            kept &= np.any([(row >= low) & (row <= high) for low, high in limits], axis=0)
    colours = colouring.many(trace.get("line", {}).get("color"), values.shape[1], DEFAULT, trace.get("line", {}))
    colours[~kept, 3] *= 0.15
    for i in [*np.flatnonzero(~kept).tolist(), *np.flatnonzero(kept).tolist()]:
        r, g, b, a = colours[i].tolist()
        scene.add(LINES, Stroke(np.column_stack([x, y[:, i]]), Pen((r, g, b, a), hand.lines * hand.px(1.2)), None))
    _axes(trace, dimensions, ranges, x, scene, hand, box)


def _axes(trace: Mapping[str, Any], dimensions: list[Mapping[str, Any]], ranges: list[list[float]], x: np.ndarray,
          scene: Scene, hand: Hand, box: Box) -> None:
    names, letters = hand.style(trace.get("labelfont"), 12), hand.style(trace.get("tickfont"), 11)
    pitch = (box.width / max(len(dimensions) - 1, 1)) * 0.92
    pen = Pen(letters.colour, hand.lines * hand.px(1))
    for each, (low, high), at in zip(dimensions, ranges, x.tolist(), strict=True):
        scene.add(FRAME, Stroke(np.array([[at, box.bottom], [at, box.top]]), pen))
        scene.add(KEY, Words(wrapped(read(str(each.get("label", "")), names), pitch), at, box.top + hand.px(10),
                             "center", "bottom", role="title"))
        if "tickvals" in each:
            values = np.array([float(v) for v in as_list(each["tickvals"])])
            texts = [str(t) for t in as_list(each["ticktext"])] if "ticktext" in each else ticks.written(values)
        else:
            values = ticks.linear(low, high, max(2.0, box.height / (3.5 * letters.size)))
            texts = ticks.written(values)
        for value, text in zip(values.tolist(), texts, strict=False):
            up = box.bottom + (value - low) / ((high - low) or 1.0) * box.height
            if not box.bottom - 0.1 <= up <= box.top + 0.1:
                continue
            scene.add(FRAME, Stroke(np.array([[at - hand.px(4), up], [at, up]]), pen))
            last = at == x[-1] and len(x) > 1
            scene.add(KEY, Words(read(text, letters), at + hand.px(5 if last else -6), up, "left" if last else "right",
                                 role="tick", halo=hand.paper))


def _reach(row: np.ndarray) -> list[float]:
    known = row[np.isfinite(row)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    return [low, high] if high > low else [low - 0.5, high + 0.5]
