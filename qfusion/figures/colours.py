"""Colours of figures: their values and scales, letters that contrast with them, and the other theme."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, get_args

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.guards import Figure
from qfusion.figures.style import (
    DARK,
    ON_BRIGHT,
    ON_DARK,
    PAPER,
    Theme,
    rgb_channels,
)


def apply_theme(drawn: go.Figure, theme: str) -> go.Figure:
    """Return a copy of a figure in a theme. The figure is drawn on white paper, as by all functions of `figures`.

    Raises:
        InvalidInput: for another theme, or a figure on other paper.
    """
    check(
        theme in get_args(Theme),
        f"Argument `theme` must be 'light' or 'dark', but is {str(theme)[:40]!r}.",
    )
    paper = str(drawn.layout.paper_bgcolor or "").upper()
    check(
        paper == PAPER,
        f"The figure must lie on white paper, {PAPER}, but its `paper_bgcolor` is {paper[:40]!r}. Draw it with a "
        "function of qfusion.figures.",
    )
    parts = {
        "data": [trace.to_plotly_json() for trace in drawn.data],
        "layout": drawn.layout.to_plotly_json(),
    }
    if theme == "dark":
        parts = repaint(parts, _paint_dark)
        swap_letters_on_signed_cells(parts)
    return Figure(parts)


def _paint_dark(colour: str) -> str:
    """Return a colour of white paper as it is on dark paper."""
    if is_scale_colour(colour):
        return _dark_signed_colours().get(colour, colour)
    return replace_colours(colour, lambda hue: DARK.get(hue, hue))


@cache
def _dark_signed_colours() -> dict[str, str]:
    """Return the colours of the signed scale on dark paper, by those on white paper."""
    places = np.arange(101) / 100
    return {
        signed_colour(place): signed_colour(place, DARK_SIGNED_SCALE) for place in places.tolist()
    }


# Amounts with a sign, purple below zero and orange above: zero is the lightest on light paper (ColorBrewer's PuOr) and
# the darkest on dark paper.
_SIGNED = (
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
)
_SIGNED_ON_DARK = (
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
)


def _stops(colours: Sequence[str]) -> list[list[Any]]:
    return [[place / 10, f"rgb({colour})"] for place, colour in enumerate(colours)]


SIGNED_SCALE, DARK_SIGNED_SCALE = _stops(_SIGNED), _stops(_SIGNED_ON_DARK)
PICTURE_STOPS = 64  # of the scale of a picture's numbered colours
Scale = Sequence[Sequence[Any]]


def signed_colour(place: float, scale: Scale = SIGNED_SCALE) -> str:
    """Return the colour of a place, 0 to 1 in hundredths, on the signed scale: `rgb(...)`, as colours read off a scale
    are.
    """
    return "rgb({},{},{})".format(*rgb_channels(interpolate_colour(scale, round(place, 2))))


def is_signed_scale(scale: Any) -> bool:
    """Return whether a scale has the colours of the signed scale, on light or dark paper."""
    if not isinstance(scale, (list, tuple)):
        return False
    colours = [colour for _, colour in scale]
    known = (SIGNED_SCALE, DARK_SIGNED_SCALE)
    return any(colours == [colour for _, colour in stops] for stops in known)


def interpolate_colour(scale: Scale, place: float) -> str:
    """Return the colour of a scale at a place, as hex."""
    stops = [float(stop) for stop, _ in scale]
    triples = np.array([parse_channels(colour) for _, colour in scale], dtype=float)
    return "#" + "".join(
        f"{round(float(np.interp(place, stops, triples[:, c]))):02X}" for c in range(3)
    )


_COLOURED = ("colors", "colorscale", "colorway", "shadow")  # besides all that ends in "color"


def repaint(part: Any, paint: Callable[[str], str], key: str = "") -> Any:
    """Return a copy of a part of a figure with every colour passed through `paint`.

    Texts, names and data are never painted, even if they hold the text of a colour.
    """
    match part:
        case dict():
            return {
                name: repaint(
                    value, paint, name if name.endswith("color") or name in _COLOURED else ""
                )
                for name, value in part.items()
            }
        case str():
            return paint(part) if key else part
        case list() | tuple():
            # The entries of a list under the name of a colour are colours; annotations, shapes and ticks start anew.
            return type(part)(repaint(value, paint, key) for value in part)
        case np.ndarray() if key and part.dtype.kind == "O":
            return [repaint(value, paint, key) for value in part.tolist()]
    return part


def replace_colours(text: str, change: Callable[[str], str]) -> str:
    """Return an attribute with each of its colours exchanged."""

    def new(match: re.Match[str]) -> str:
        hue = hex_colour(match)
        changed = change(hue)
        if changed == hue:
            return match[0]
        if match[1] is None:
            return changed
        return f"{match[0].split('(')[0]}({','.join(map(str, rgb_channels(changed)))}"

    return COLOUR.sub(new, text)


def swap_letters_on_signed_cells(parts: dict[str, Any]) -> None:
    """Exchange the colours of the letters on cells of signed amounts. The largest amounts are dark on light paper
    and bright on dark paper.
    """
    turned = {ON_BRIGHT: ON_DARK, ON_DARK: ON_BRIGHT}
    in_cells = any(
        trace.get("type") == "heatmap" and is_signed_scale(trace.get("colorscale"))
        for trace in parts["data"]
    )
    on_shapes = any(
        is_scale_colour(str(shape.get("fillcolor", "")))
        for shape in parts["layout"].get("shapes", ())
    )
    _swap_letter_colours(parts, turned if in_cells else {}, turned if on_shapes else {})


def _swap_letter_colours(
    parts: dict[str, Any], cells: Mapping[str, str], notes: Mapping[str, str]
) -> None:
    """Exchange colours of the letters in cells, and of annotations."""
    for trace in parts["data"]:
        font = trace.get("textfont", {})
        if isinstance(font.get("color"), (list, tuple)):
            font["color"] = [cells.get(colour, colour) for colour in font["color"]]
    for note in parts["layout"].get("annotations", ()):
        if note.get("font", {}).get("color") in notes:
            note["font"]["color"] = notes[note["font"]["color"]]


COLOUR = re.compile(r"#[0-9A-Fa-f]{6}\b|rgba?\(\s*(\d{1,3})\s*,\s*(\d{1,3})\s*,\s*(\d{1,3})\s*")


def hex_colour(match: re.Match[str]) -> str:
    """Return the hex colour of a match of `COLOUR`."""
    if match[1] is None:
        return match[0].upper()
    return "#" + "".join(f"{int(value):02X}" for value in match.groups())


def is_scale_colour(colour: str) -> bool:
    """Return whether a colour was read off a scale. Only these are written as `rgb`: plotly does it, the figures write
    hex.
    """
    return colour.startswith("rgb(")


def parse_channels(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue, 0 to 255, of a colour in hex or `rgb`."""
    return rgb_channels(hex_colour(COLOUR.match(colour)))  # type: ignore[arg-type]
