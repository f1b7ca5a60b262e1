"""Colours in the parts of a figure: replacing every one."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from qfusion.figures.colour_scales import NEUTRAL
from qfusion.figures.colour_values import COLOUR, hex_colour
from qfusion.figures.style import INK, LINE, PAPER, QUIET, rgb_channels

COLOUR_PAIRS = (INK, QUIET, PAPER, LINE, NEUTRAL)  # of the light and the dark theme
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
