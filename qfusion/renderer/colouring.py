"""Colours of many marks at once, from one colour, a list of them, or numbers on a scale; and what their colour bar
needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qfusion.renderer.axes import as_list
from qfusion.renderer.colours import RGBA, Scale, fade, rgba


@dataclass(frozen=True)
class Bar:
    """A colour bar: its scale and plotly's settings of it."""

    scale: Scale
    settings: Mapping[str, Any]


def is_numeric(colour: Any) -> bool:
    """Whether colours are given as numbers on a scale."""
    return not isinstance(colour, str) and any(isinstance(v, (int, float)) for v in as_list(colour) if v is not None)


def scale_of(marker: Mapping[str, Any], values: Any, names: tuple[str, str, str] = ("cmin", "cmax", "cmid")) -> Scale:
    """The scale of a marker's or a map's numbers."""
    numbers = np.asarray(values, dtype=float)
    known = numbers[np.isfinite(numbers)]
    low = float(marker.get(names[0], known.min() if len(known) else 0.0))
    high = float(marker.get(names[1], known.max() if len(known) else 1.0))
    middle = marker.get(names[2])
    if middle is not None:
        reach = max(high - float(middle), float(middle) - low)
        low, high = float(middle) - reach, float(middle) + reach
    return Scale(marker.get("colorscale"), low, high, bool(marker.get("reversescale", False)))


def many(colour: Any, count: int, default: RGBA, marker: Mapping[str, Any],
         opacity: list[float] | float = 1.0) -> np.ndarray:
    """Colours (count, 4)."""
    if colour is not None and is_numeric(colour):
        numbers = [np.nan if v is None else float(v) for v in as_list(colour)]
        found = scale_of(marker, numbers)(numbers)[:count]
    else:
        each = [colour] * count if colour is None or isinstance(colour,
                                                                str) else (as_list(colour) + [None] * count)[:count]
        found = np.array([default if c is None else rgba(str(c)) for c in each], dtype=float).reshape(count, 4)
    found = found.copy()
    found[:, 3] *= np.asarray(opacity, dtype=float)
    return found


def bar_of(marker: Mapping[str, Any], values: Any = None,
           names: tuple[str, str, str] = ("cmin", "cmax", "cmid")) -> Bar | None:
    """The colour bar of a marker or map, where it has one."""
    colour = marker.get("color") if values is None else values
    if colour is None or not (values is not None or is_numeric(colour)):
        return None
    if not marker.get("showscale", values is not None or "colorbar" in marker):
        return None
    numbers = [np.nan if v is None else float(v) for v in as_list(colour)] if values is None else values
    return Bar(scale_of(marker, numbers, names), marker.get("colorbar", {}))


__all__ = ["Bar", "bar_of", "fade", "is_numeric", "many", "scale_of"]
