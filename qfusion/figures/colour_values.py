"""Values of a colour: its hex code and its channels."""

import re

from qfusion.figures.style import rgb_channels

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
