"""The picture that a person sees for the pixels that a model takes."""

import numpy as np

MOST = 144  # pixels of the longer side of a picture that is drawn
_ALIKE = 0.9  # correlation with the pixels of the model above which a picture is theirs


def find_picture(pixels: np.ndarray, original: np.ndarray | None) -> np.ndarray:
    """Return the picture to draw under values of a model's pixels, uint8 (H, W, 3).

    It is the original if it shows the same at the same places. Otherwise it is made of the model's pixels, their
    smallest number black and their largest white.

    Args:
        pixels: what the model takes, (h, w, 1) or (h, w, 3).
        original: uint8 (H, W) or (H, W, 3); None if there is none.
    """
    if original is not None and _shows_pixels(original, pixels):
        shown = _thin_out(original)
    else:
        low = pixels.min()
        spread = max(float(pixels.max() - low), 1e-9)
        shown = np.round(255 * (pixels - low) / spread).astype(np.uint8)
    return shown if shown.shape[-1:] == (3,) and shown.ndim == 3 else _repeat_grey(shown)


def _shows_pixels(original: np.ndarray, pixels: np.ndarray) -> bool:
    """Return whether a picture, reduced to the size of the pixels, is correlated with them."""
    h, w = pixels.shape[:2]
    if original.shape[0] < h or original.shape[1] < w:
        return False
    reduced = _reduce(_mean_colour(original), h, w).ravel()
    taken = pixels.mean(2).ravel()
    if reduced.std() < 1e-9 or taken.std() < 1e-9:
        return False
    return bool(np.corrcoef(reduced, taken)[0, 1] > _ALIKE)


def _reduce(grey: np.ndarray, h: int, w: int) -> np.ndarray:
    """Return the means (h, w) of blocks of a picture."""
    rows = np.linspace(0, grey.shape[0], h + 1).astype(int)[:-1]
    columns = np.linspace(0, grey.shape[1], w + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(grey, rows, axis=0), columns, axis=1)
    ones = np.ones_like(grey)
    return sums / np.add.reduceat(np.add.reduceat(ones, rows, axis=0), columns, axis=1)


def _mean_colour(picture: np.ndarray) -> np.ndarray:
    return picture.mean(2) if picture.ndim == 3 else picture.astype(float)


def _thin_out(picture: np.ndarray) -> np.ndarray:
    """Return a picture with at most `MOST` rows and columns, evenly spread."""
    height, width = picture.shape[:2]
    rows = np.linspace(0, height - 1, min(height, MOST)).round().astype(int)
    columns = np.linspace(0, width - 1, min(width, MOST)).round().astype(int)
    return np.ascontiguousarray(picture[rows][:, columns])


def _repeat_grey(picture: np.ndarray) -> np.ndarray:
    return np.repeat(picture.reshape(*picture.shape[:2], 1), 3, 2)
