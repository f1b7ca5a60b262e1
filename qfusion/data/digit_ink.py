"""The ink of a drawn digit, cut out, fitted and placed, and its counts in blocks as scikit-learn's digits have them.

A picture of the set's size, or the same with every pixel enlarged, is not changed, so that a sample of the set keeps
its features.
"""

import math
from collections.abc import Callable

import numpy as np

from qfusion._checks import check

INKED = 0.2  # of the darkest ink: from here on a pixel of a drawing counts as inked
FEWEST = 12  # inked pixels of a drawing; less is a dot


def extract_ink(pixels: np.ndarray) -> np.ndarray:
    """Return the ink of a drawing, white on black or dark on bright paper, (h, w) in [0, 255]; enlarged pixels are
    made one again.

    Args:
        pixels: uint8 (h, w, 3).

    Raises:
        InvalidInput: when nothing is drawn.
    """
    grey = np.asarray(pixels, float).mean(2)
    sides = [
        math.gcd(length, *(np.flatnonzero(np.abs(np.diff(grey, axis=axis)).any(1 - axis)) + 1))
        for axis, length in enumerate(grey.shape)
    ]
    factor = math.gcd(*map(int, sides))
    grey = grey[::factor, ::factor]
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if np.median(border) > 127.5:  # paper: what is as bright as its edge is none
        grey = 255 - grey
        paper = float(np.percentile(255 - border, 99))
        grey = np.clip(grey - paper, 0, None) * 255 / max(255 - paper, 1.0)
    inked = grey > INKED * max(float(grey.max()), 128.0)
    check(
        inked.sum() >= (FEWEST if factor == 1 else 1) and inked.mean() < 0.9,
        "The drawing is empty, or all of one colour. Draw a digit, bright on black or dark on bright paper.",
    )
    return grey


def crop_ink(ink: np.ndarray, least: float = INKED) -> np.ndarray:
    """Return the part of a drawing that is inked by more than a part of its darkest."""
    inked = ink > least * ink.max()
    rows, columns = np.flatnonzero(inked.any(1)), np.flatnonzero(inked.any(0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def fit_ink(
    part: np.ndarray, longest: int, most: int, whole: Callable[[float], int] = round
) -> np.ndarray:
    """Return a drawing resized so that its longer side is `longest`, and then no side is longer than `most`. Lengths
    are made whole numbers by `whole`. Each pixel is the mean of what it covers.
    """
    import PIL.Image

    h, w = (max(1, min(most, whole(longest * side / max(part.shape)))) for side in part.shape)
    picture = PIL.Image.fromarray(part.astype(np.float32))
    return np.asarray(picture.resize((w, h), PIL.Image.Resampling.BOX), float)


def place_ink(ink: np.ndarray, side: int, row: int, column: int) -> np.ndarray:
    """Return a drawing in a black square, with its corner at a given position. Parts outside the square are cut off."""
    return np.pad(ink, side)[side - row : 2 * side - row, side - column : 2 * side - column]


def center_ink(ink: np.ndarray, side: int) -> np.ndarray:
    """Return a drawing in the middle of a black square."""
    return place_ink(ink, side, (side - ink.shape[0]) // 2, (side - ink.shape[1]) // 2)


def block_counts(pixels: np.ndarray) -> np.ndarray:
    """Return a drawing as scikit-learn's digits, whole numbers 0 to 16 (8, 8): as high as 32 pixels, black and white,
    counted in blocks of 4x4."""
    ink = extract_ink(pixels)
    if ink.shape == (8, 8):
        return np.round(ink * 16 / 255)
    part = fit_ink(crop_ink(ink), 32, 32)
    return np.asarray(center_ink(part > part.max() / 2, 32).reshape(8, 4, 8, 4).sum((1, 3)), float)
