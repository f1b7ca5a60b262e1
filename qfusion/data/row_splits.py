"""The parts of a split, and stratified random splits by a fixed seed."""

import numpy as np

SPLITS = ("train", "valid", "test")
SPLIT_SEED = 2013
TEST_SHARE = 0.3
VALID_SHARE = 0.1


def stratified_split(
    y: np.ndarray, seed: int = SPLIT_SEED, test: float = TEST_SHARE, valid: float = VALID_SHARE
) -> np.ndarray:
    """Return "train", "valid" or "test" per sample, str (N,), with the same shares in every class.

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
        tests = _part_size(len(rows), test)
        valids = _part_size(len(rows), valid)
        split[rows[:tests]] = "test"
        split[rows[tests : tests + valids]] = "valid"
    return split


def _part_size(rows: int, share: float) -> int:
    """The number of rows in a part: at least one if its share is above zero."""
    if share <= 0:
        return 0
    return max(round(share * rows), 1)
