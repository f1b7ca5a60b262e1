"""Colours as plotly writes them, and its colour scales."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib import colors
from plotly.colors import get_colorscale

from qfusion.errors import InvalidInput

RGBA = tuple[float, float, float, float]
CLEAR: RGBA = (0.0, 0.0, 0.0, 0.0)
_RGB = re.compile(r"rgba?\(\s*([\d.]+)\s*,\s*([\d.]+)\s*,\s*([\d.]+)\s*(?:,\s*([\d.]+)\s*)?\)")


@lru_cache(maxsize=4096)
def rgba(colour: str) -> RGBA:
    """Red, green, blue and opacity in [0, 1] of `#0072B2`, `rgb(0,114,178)`, `rgba(0,114,178,0.5)` or a name of CSS.

    Raises:
        InvalidInput: when it is none of these.
    """
    found = _RGB.fullmatch(colour.strip())
    if found:
        red, green, blue = (min(float(part), 255.0) / 255 for part in found.groups()[:3])
        return red, green, blue, float(found.group(4) or 1)
    try:
        red, green, blue, alpha = colors.to_rgba("none" if colour == "transparent" else colour.strip())
    except ValueError:
        raise InvalidInput(f"The figure has the colour {colour[:40]!r}, which cannot be read. Give it as '#0072B2' or "
                           "'rgba(0,114,178,0.5)'.") from None
    return float(red), float(green), float(blue), float(alpha)


def fade(colour: RGBA, opacity: float) -> RGBA:
    """The colour with its opacity multiplied."""
    return colour[0], colour[1], colour[2], colour[3] * float(opacity)


class Scale:
    """Numbers to colours: `stops` (fraction and colour, or a name that plotly knows) between `low` and `high`."""

    def __init__(self, stops: Any, low: float, high: float, turned: bool = False) -> None:
        found = get_colorscale(stops) if isinstance(stops, str) else stops
        if found and isinstance(found[0], str):
            found = [(i / max(len(found) - 1, 1), each) for i, each in enumerate(found)]
        if not found:
            raise InvalidInput("The figure colours by numbers but names no colour scale. Give it a `colorscale`.")
        self.places = np.array([float(place) for place, _ in found])
        self.colours = np.array([rgba(str(colour)) for _, colour in found])
        if turned:
            self.places, self.colours = 1 - self.places[::-1], self.colours[::-1]
        self.low, self.high = float(low), float(high)

    def __call__(self, values: Sequence[float] | np.ndarray) -> np.ndarray:
        """Returns (..., 4) colours; transparent where a value is not a number."""
        numbers = np.asarray(values, dtype=float)
        share = np.clip((numbers - self.low) / ((self.high - self.low) or 1.0), 0, 1)
        found = np.stack([np.interp(share, self.places, self.colours[:, k]) for k in range(4)], -1)
        found[..., :3] = np.round(found[..., :3] * 255) / 255
        found[~np.isfinite(numbers)] = CLEAR
        return found


def readable_on(background: np.ndarray, dark: RGBA, bright: RGBA) -> RGBA:
    """The one of two colours that is read better on an opaque background (4,), by relative luminance."""
    def luminance(colour: Sequence[float] | np.ndarray) -> float:
        part = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in list(colour)[:3]]
        return 0.2126 * part[0] + 0.7152 * part[1] + 0.0722 * part[2]

    def contrast(colour: RGBA) -> float:
        pair = sorted((luminance(colour), luminance(background)))
        return (pair[1] + 0.05) / (pair[0] + 0.05)

    return dark if contrast(dark) >= contrast(bright) else bright
