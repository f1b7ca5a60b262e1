"""Values as plotly gives them: numbers and colours, one or many, its colour scales; and the error
for those that cannot be drawn."""

import re
from functools import lru_cache
from typing import Any

import numpy as np
from matplotlib import colors
from plotly.colors import get_colorscale

RGBA = tuple[float, float, float, float]
CLEAR: RGBA = (0.0, 0.0, 0.0, 0.0)
_RGB = re.compile(r"rgba?\(\s*([\d.]+)\s*,\s*([\d.]+)\s*,\s*([\d.]+)\s*(?:,\s*([\d.]+)\s*)?\)")


class PrintError(ValueError):
    """A figure or an argument that cannot be drawn; the message names what was seen and what to
    do."""


def check(condition: bool, message: str) -> None:
    """Raise PrintError with `message` unless `condition` holds."""
    if not condition:
        raise PrintError(message)


def require_number(name: str, value: Any, low: float, high: float) -> float:
    """Return `value` as a float inside [low, high].

    Raises:
        PrintError: when it is not a number, not finite, or out of range.
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise PrintError(
            f"Argument `{name}` must be a number, but is {str(value)[:80]!r}. Give a number "
            f"between {low:g} and {high:g}."
        ) from None
    except OverflowError:  # a whole number beyond any float
        number = np.inf if value > 0 else -np.inf
    check(
        np.isfinite(number) and low <= number <= high,
        f"Argument `{name}` must lie between {low:g} and {high:g}, but is {number:g}. Give a "
        "number in that range.",
    )
    return number


def as_list(values: Any) -> list[Any]:
    """A list of what may be an array, a list or one value."""
    if isinstance(values, np.ndarray):
        return values.tolist()
    return list(values) if isinstance(values, (list, tuple)) else [values]


def floats(values: Any) -> np.ndarray:
    """Numbers (n,), NaN where there is none."""
    return np.array([np.nan if v is None else float(v) for v in as_list(values)], dtype=float)


def spread(value: Any, count: int, default: Any) -> list[Any]:
    """One entry for each of `count` marks from one value, a list or nothing."""
    if not isinstance(value, (list, tuple, np.ndarray)):
        return [default if value is None else value] * count
    listed = [default if entry is None else entry for entry in as_list(value)[:count]]
    return listed + [default] * (count - len(listed))


def spread_floats(value: Any, count: int, default: float) -> np.ndarray:
    """As `spread`, as numbers (count,)."""
    return np.array(spread(value, count, default), dtype=float)


@lru_cache(maxsize=4096)
def rgba(colour: str) -> RGBA:
    """Red, green, blue and opacity in [0, 1] of `#0072B2`, `rgb(0,114,178)`,
    `rgba(0,114,178,0.5)` or a name of CSS.

    Raises:
        PrintError: when it is none of these.
    """
    parts = _RGB.fullmatch(colour.strip())
    if parts:
        red, green, blue = (min(float(part), 255.0) / 255 for part in parts.groups()[:3])
        return red, green, blue, float(parts.group(4) or 1)
    try:
        return colors.to_rgba("none" if colour == "transparent" else colour.strip())
    except ValueError:
        raise PrintError(
            f"The figure has the colour {colour[:40]!r}, which cannot be read. Give it as "
            "'#0072B2' or 'rgba(0,114,178,0.5)'."
        ) from None


def fade(colour: RGBA, opacity: float) -> RGBA:
    """The colour with its opacity multiplied."""
    return *colour[:3], colour[3] * float(opacity)


class Scale:
    """Numbers to colours: `stops` (fraction and colour, or a name that plotly knows) between `low`
    and `high`."""

    def __init__(self, stops: Any, low: float, high: float, turned: bool = False) -> None:
        listed = get_colorscale(stops) if isinstance(stops, str) else stops
        check(
            bool(listed),
            "The figure colours by numbers but names no colour scale. Give it a `colorscale`.",
        )
        if isinstance(listed[0], str):
            listed = [(i / max(len(listed) - 1, 1), colour) for i, colour in enumerate(listed)]
        self.places = np.array([float(place) for place, _ in listed])
        self.colours = np.array([rgba(str(colour)) for _, colour in listed])
        if turned:
            self.places, self.colours = 1 - self.places[::-1], self.colours[::-1]
        self.low, self.high = float(low), float(high)

    def __call__(self, values: list[float] | np.ndarray) -> np.ndarray:
        """Return (..., 4) colours; transparent where a value is not a number."""
        numbers = np.asarray(values, dtype=float)
        share = np.clip((numbers - self.low) / ((self.high - self.low) or 1.0), 0, 1)
        shades = np.stack([np.interp(share, self.places, c) for c in self.colours.T], -1)
        shades[..., :3] = np.round(shades[..., :3] * 255) / 255
        shades[~np.isfinite(numbers)] = CLEAR
        return shades


def readable_on(background: np.ndarray, dark: RGBA, bright: RGBA) -> RGBA:
    """The one of two colours that is read better on an opaque background (4,), by relative
    luminance."""

    def luminance(colour: Any) -> float:
        parts = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    def contrast(colour: RGBA) -> float:
        low, high = sorted((luminance(colour), luminance(background)))
        return (high + 0.05) / (low + 0.05)

    return dark if contrast(dark) >= contrast(bright) else bright


def is_numeric(colour: Any) -> bool:
    """Whether colours are given as numbers on a scale."""
    return not isinstance(colour, str) and any(isinstance(v, (int, float)) for v in as_list(colour))


def scale_of(
    marker: dict[str, Any], values: Any, names: tuple[str, str, str] = ("cmin", "cmax", "cmid")
) -> Scale:
    """The scale of a marker's or a map's numbers."""
    numbers = np.asarray(values, dtype=float)
    known = numbers[np.isfinite(numbers)]
    low = float(marker.get(names[0], known.min() if len(known) else 0.0))
    high = float(marker.get(names[1], known.max() if len(known) else 1.0))
    if marker.get(names[2]) is not None:
        middle = float(marker[names[2]])
        reach = max(high - middle, middle - low)
        low, high = middle - reach, middle + reach
    return Scale(marker.get("colorscale"), low, high, bool(marker.get("reversescale", False)))


def many(
    colour: Any,
    count: int,
    default: RGBA,
    marker: dict[str, Any],
    opacity: np.ndarray | float = 1.0,
) -> np.ndarray:
    """Colours (count, 4)."""
    if is_numeric(colour):
        numbers = floats(colour)
        shades = scale_of(marker, numbers)(numbers)[:count]
    else:
        listed = [default if c is None else rgba(str(c)) for c in spread(colour, count, None)]
        shades = np.array(listed, dtype=float).reshape(count, 4)
    shades[:, 3] *= opacity
    return shades


def bar_of(marker: dict[str, Any]) -> tuple[Scale, dict[str, Any]] | None:
    """The scale of a marker's colour bar and plotly's settings of it, where it has one."""
    colour = marker.get("color")
    if not is_numeric(colour) or not marker.get("showscale", "colorbar" in marker):
        return None
    return scale_of(marker, floats(colour)), marker.get("colorbar", {})
