"""Pictures as arrays: names of their pixels, grey levels, and copies that are large enough to see."""

import numpy as np


def pixel_names(shape: tuple[int, ...], what: str = "pixel") -> tuple[str, ...]:
    """Return names of the entries of a picture, row by row: "pixel 1,1" (row, column), ...

    Entries of a picture in colour, (h, w, 3), are called "pixel 1,1 red", ...
    """
    colours = [" red", " green", " blue"] if len(shape) == 3 else [""]
    return tuple(
        f"{what} {row},{column}{colour}"
        for row in range(1, shape[0] + 1)
        for column in range(1, shape[1] + 1)
        for colour in colours
    )


def enlarge(pixels: np.ndarray, side: int = 128) -> np.ndarray:
    """Return a picture (h, w) with each pixel repeated a whole number of times.

    Its longer side has at most `side` pixels, or its original length if that is more.
    """
    factor = max(1, side // max(pixels.shape[:2]))
    return np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1)


def grey_levels(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Return values (h, w) as grey levels, uint8: `low` and below black, `high` and above white."""
    return np.round(255 * np.clip((values - low) / (high - low), 0, 1)).astype(np.uint8)
