"""Pictures in their colours as heat maps of numbered colours, which print draws too."""

from typing import Any

import numpy as np
from PIL import Image

from qfusion.figures.colour_scales import PICTURE_STOPS

Numbered = tuple[np.ndarray, list[list[Any]]]


def number_colours(pixels: np.ndarray, hues: int = PICTURE_STOPS) -> Numbered:
    """Return a picture with numbered colours: numbers (h, w) from 0 to `hues` - 1, and a colour scale over them.

    Args:
        pixels: uint8 (h, w, 3).
        hues: number of colours, at least `PICTURE_STOPS`; those that are not needed repeat the last one.
    """
    picture = Image.fromarray(pixels).quantize(hues, dither=Image.Dither.NONE)
    numbers = np.asarray(picture)
    palette = np.asarray(picture.getpalette(), int).reshape(-1, 3)[: numbers.max() + 1]
    stops = [palette[min(number, len(palette) - 1)] for number in range(hues)]
    scale: list[list[Any]] = [
        [number / (hues - 1), f"rgb({r},{g},{b})"] for number, (r, g, b) in enumerate(stops)
    ]
    return numbers, scale


def picture_trace(pixels: np.ndarray, width: float, height: float) -> dict[str, Any]:
    """Return a trace that draws a picture with its rows downwards over `width` by `height` units, from -0.5 on.

    Args:
        pixels: uint8 (h, w, 3).
    """
    numbers, scale = number_colours(pixels)
    h, w = numbers.shape
    return {
        "type": "heatmap",
        "z": numbers,
        "x0": width / w / 2 - 0.5,
        "dx": width / w,
        "y0": height / h / 2 - 0.5,
        "dy": height / h,
        "zmin": 0,
        "zmax": len(scale) - 1,
        "colorscale": scale,
        "showscale": False,
        "hoverinfo": "skip",
    }
