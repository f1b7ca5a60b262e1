"""Colour scales: the signed scale of both themes, and the colour at a place of a scale.

The colours of scales are written as `rgb`, which distinguishes them from hues of series when a figure is recoloured.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from qfusion.figures.colour_values import parse_channels
from qfusion.figures.style import Theme, rgb_channels

# Amounts with a sign, purple below zero and orange above: zero is the lightest on light paper (ColorBrewer's PuOr) and
# the darkest on dark paper.
_SIGNED = {
    "light": (
        "45,0,75",
        "84,39,136",
        "128,115,172",
        "178,171,210",
        "216,218,235",
        "247,247,247",
        "254,224,182",
        "253,184,99",
        "224,130,20",
        "179,88,6",
        "127,59,8",
    ),
    "dark": (
        "217,204,255",
        "184,163,245",
        "150,127,219",
        "111,95,176",
        "68,63,112",
        "31,39,51",
        "92,64,34",
        "149,95,28",
        "204,130,31",
        "245,169,71",
        "255,214,153",
    ),
}
SIGNED_SCALE: dict[str, list[list[Any]]] = {
    theme: [[place / 10, f"rgb({colour})"] for place, colour in enumerate(colours)]
    for theme, colours in _SIGNED.items()
}
NEUTRAL = {"light": "#F7F7F7", "dark": "#1F2733"}  # zero of other signed amounts
PICTURE_STOPS = 64  # of the scale of a picture's numbered colours
Scale = Sequence[Sequence[Any]]


def signed_colour(place: float, theme: Theme) -> str:
    """Return the colour of a place, 0 to 1 in hundredths, on the signed scale: `rgb(...)`, as colours read off a scale
    are.
    """
    return "rgb({},{},{})".format(
        *rgb_channels(interpolate_colour(SIGNED_SCALE[theme], round(place, 2)))
    )


def is_signed_scale(scale: Any) -> bool:
    """Return whether a scale has the colours of the signed scale of a theme."""
    if not isinstance(scale, (list, tuple)):
        return False
    colours = [colour for _, colour in scale]
    return any(colours == [colour for _, colour in known] for known in SIGNED_SCALE.values())


def place_on_signed_scale(colour: str, theme: Theme) -> float | None:
    """Return the place, 0 to 1, of a colour that was read off the signed scale of a theme, or None for another
    colour.
    """
    scale = SIGNED_SCALE[theme]
    stops = np.array([place for place, _ in scale])
    triples = np.array([parse_channels(entry) for _, entry in scale], dtype=float)
    wanted = np.array(parse_channels(colour), dtype=float)
    steps = np.diff(triples, axis=0)
    along = np.clip(((wanted - triples[:-1]) * steps).sum(1) / (steps**2).sum(1), 0, 1)
    away = np.abs(triples[:-1] + along[:, None] * steps - wanted).max(1)
    nearest = int(away.argmin())
    if away[nearest] <= 2:
        return float(stops[nearest] + along[nearest] * (stops[nearest + 1] - stops[nearest]))
    return None


def interpolate_colour(scale: Scale, place: float) -> str:
    """Return the colour of a scale at a place, as hex."""
    stops = [float(stop) for stop, _ in scale]
    triples = np.array([parse_channels(colour) for _, colour in scale], dtype=float)
    return "#" + "".join(
        f"{round(float(np.interp(place, stops, triples[:, c]))):02X}" for c in range(3)
    )
