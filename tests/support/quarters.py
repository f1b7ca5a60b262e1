"""Pictures whose quarters show how they were turned."""

from __future__ import annotations

import numpy as np


def quarters(width: int, height: int) -> np.ndarray:
    """A picture whose quarters differ in brightness: 0, 80, 160, 240, row by row."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, width // 2 :] = 80
    picture[height // 2 :, : width // 2] = 160
    picture[height // 2 :, width // 2 :] = 240
    return picture


def corners(picture: np.ndarray) -> tuple[int, ...]:
    """Width, height, and the brightness of the quarters in steps of 80, row by row."""
    height, width = picture.shape[:2]
    middles = [(height // 4, width // 4), (height // 4, 3 * width // 4)]
    middles += [(3 * height // 4, width // 4), (3 * height // 4, 3 * width // 4)]
    return width, height, *(round(picture[place].mean() / 80) for place in middles)
