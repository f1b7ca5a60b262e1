"""Colours in the parts of a figure: replacing every one, and collecting those of its series."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from qfusion.figures.colour_scales import NEUTRAL
from qfusion.figures.colour_values import COLOUR, hex_colour, is_scale_colour
from qfusion.figures.style import INK, LINE, ON_BRIGHT, ON_DARK, PAPER, QUIET, rgb_channels

COLOUR_PAIRS = (INK, QUIET, PAPER, LINE, NEUTRAL)  # of the light and the dark theme
FIXED_COLOURS = {pair["light"].upper() for pair in COLOUR_PAIRS} | {
    ON_BRIGHT.upper(),
    ON_DARK.upper(),
}
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


def series_hues(part: Any) -> set[str]:
    """Return the colours of a part of a figure, without those taken from a colour scale and without transparent
    ones.
    """
    seen: set[str] = set()

    def look(colour: str) -> str:
        if not is_scale_colour(colour) and not colour.replace(" ", "").startswith("rgba(0,0,0,0"):
            seen.update(hex_colour(match) for match in COLOUR.finditer(colour))
        return colour

    repaint(part, look)
    return seen
