"""Values of a colour: its channels, its lightness, and the grey of a lightness."""

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


def lightness(colour: str) -> float:
    """Return CIE L*, 0 to 100, of a hex colour."""
    red, green, blue = (_linear_channel(value / 255) for value in rgb_channels(colour))
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


def _linear_channel(value: float) -> float:
    """Return the linear intensity of an sRGB channel, both 0 to 1."""
    return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4


def grey(level: float) -> str:
    """Return the grey of a lightness, as hex."""
    luminance = ((level + 16) / 116) ** 3 if level > 8 else level / 903.3
    value = 12.92 * luminance if luminance <= 0.0031308 else 1.055 * luminance ** (1 / 2.4) - 0.055
    return "#" + f"{round(255 * min(max(value, 0.0), 1.0)):02X}" * 3
