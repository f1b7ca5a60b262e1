"""What class data sets share: stratified splits, names of samples and features, and pictures large enough to see."""

from __future__ import annotations

import numpy as np

SEED = 2013
TEST_SHARE, VALID_SHARE = 0.3, 0.1


def stratified(
    y: np.ndarray, seed: int = SEED, test: float = TEST_SHARE, valid: float = VALID_SHARE
) -> np.ndarray:
    """Returns "train", "valid" or "test" per sample, str (N,), with the same shares in every class.

    Every class of three samples or more is in every part that has a share above zero.

    Args:
        y: classes (N,).
        seed: of the random order.
        test: share of the test part, in 0..1.
        valid: share of the validation part, in 0..1; the rest trains.
    """
    rng = np.random.default_rng(seed)
    split = np.full(len(y), "train", dtype="<U5")
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        tests, valids = (max(round(share * len(rows)), int(share > 0)) for share in (test, valid))
        split[rows[:tests]] = "test"
        split[rows[tests : tests + valids]] = "valid"
    return split


def numbered(prefix: str, count: int) -> np.ndarray:
    """Returns ids "prefix-0001", ... that sort as they count, str (count,)."""
    width = max(4, len(str(count)))
    return np.array([f"{prefix}-{row:0{width}d}" for row in range(1, count + 1)])


def pixel_names(shape: tuple[int, int], what: str = "pixel") -> tuple[str, ...]:
    """Returns the names "pixel 1,1" (row, column), ... of a picture's entries, row by row."""
    return tuple(
        f"{what} {row},{column}"
        for row in range(1, shape[0] + 1)
        for column in range(1, shape[1] + 1)
    )


def enlarged(pixels: np.ndarray, side: int = 128) -> np.ndarray:
    """Returns a picture (h, w) with each pixel repeated, so that its longer side has at most `side` pixels, or as many
    as before."""
    factor = max(1, side // max(pixels.shape[:2]))
    return np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1)


def grey(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Returns values (h, w) as grey levels, uint8: `low` and below black, `high` and above white."""
    return np.round(255 * np.clip((values - low) / (high - low), 0, 1)).astype(np.uint8)
