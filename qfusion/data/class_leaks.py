"""Features of a modality that are codes of a target of classes, see `leaks` for the criteria."""

from collections.abc import Iterator

import numpy as np
from scipy.special import gammaln

from qfusion.data.leak_search import ALPHA, FEW, Suspect, feature_orders

CODE = 0.99  # share of a feature's variance that the classes explain
NEAR = 0.05  # share of the expected changes of class along a sorted feature


def _follows_rows(values: np.ndarray) -> np.ndarray:
    """Return which features rise or fall with the number of the row and are rarely constant, bool (k,)."""
    steps = np.diff(values, axis=0)
    moves = (steps != 0).mean(0) >= 0.5
    if len(values) < FEW:
        return np.zeros(values.shape[1], bool)
    return moves & ((steps >= 0).all(0) | (steps <= 0).all(0))


def find_class_leaks(values: np.ndarray, y: np.ndarray, log_tests: float) -> Iterator[Suspect]:
    """Yield features that are codes, or near codes, of the classes 0 to K - 1, (n,)."""
    sizes = np.bincount(y)
    shares = _explained_variance(values, y, sizes)
    levels = {
        int(column): level
        for column in np.flatnonzero(shares >= CODE)
        if (level := _class_ranges(values[:, column], y, sizes, log_tests)) is not None
    }
    whole = [column for column, level in levels.items() if level.max() == len(sizes) - 1]
    if whole:
        yield Suspect(
            "target",
            "is a code of the target: every class has a value of its own there",
            "are each a code of the target: every class has a value of its own there",
            np.array(whole),
        )
    partial = [column for column in levels if column not in whole]
    if partial:
        codes = np.stack([levels[column] for column in partial], 1)
        if len(np.unique(codes, axis=0)) == len(sizes):
            yield Suspect(
                "target",
                "is a code of the target",
                "are together a code of the target, as one-hot labels are: every class has a combination of values "
                "of its own there",
                np.array(partial),
            )
        elif single := [column for column in partial if 1 in np.bincount(levels[column])]:
            yield Suspect(
                "near",
                "has values of their own for some classes, as a column of one-hot labels has",
                "have values of their own for some classes, as columns of one-hot labels have",
                np.array(single),
            )
    rest = np.ones(values.shape[1], bool)
    rest[list(levels)] = False
    changes, mixed, different = _count_changes(values, y)
    pure = (mixed == 0) & (different < max_pure_values(y, log_tests))
    few = changes <= _max_few_changes(y, sizes, log_tests)
    for kind, holds, one, several in (
        (
            "target",
            pure & (different <= 2 * len(sizes)),
            "is a code of the target: each of its values has one class",
            "are each a code of the target: each of their values has one class",
        ),
        (
            "target",
            few & _follows_rows(values),
            "rises or falls with the number of the row, and the rows are sorted by class",
            "rise or fall with the number of the row, and the rows are sorted by class",
        ),
        (
            "near",
            few,
            "separates the classes (nearly) without an exception",
            "separate the classes (nearly) without an exception, each on its own",
        ),
        (
            "near",
            pure,
            "has one class for each of its values, which may tell whom or what a sample is of",
            "have one class for each of their values, which may tell whom or what a sample is of",
        ),
    ):
        new = np.flatnonzero(holds & rest)
        rest[new] = False
        if len(new):
            yield Suspect(kind, one, several, new)


def _explained_variance(values: np.ndarray, y: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Shares of the variance of standardised features that lies between classes, (k,)."""
    order = np.argsort(y, kind="stable")
    starts = np.cumsum(sizes) - sizes
    means = np.add.reduceat(values[order], starts, axis=0) / sizes[:, None]
    return (sizes[:, None] * means**2).sum(0) / len(y)


def _class_ranges(
    column: np.ndarray, y: np.ndarray, sizes: np.ndarray, log_tests: float
) -> np.ndarray | None:
    """Return the numbers of the ranges in which the classes lie, (K,). Classes whose ranges meet have the same number.

    None where all meet, or where chance may explain it: of all orders of the values, the share in which every class
    keeps within one of the ranges is at most m^K n_1! ... n_m! / n! with m ranges of n_1, ..., n_m values.
    """
    low = np.full(len(sizes), np.inf)
    high = np.full(len(sizes), -np.inf)
    np.minimum.at(low, y, column)
    np.maximum.at(high, y, column)
    order = np.argsort(low, kind="stable")
    reached = np.maximum.accumulate(high[order])
    apart = low[order][1:] > reached[:-1]
    level = np.empty(len(sizes), np.int64)
    level[order] = np.concatenate([[0], np.cumsum(apart)])
    ranges = int(level.max()) + 1
    if ranges == 1:
        return None
    filled = np.bincount(level[y])
    log_p = len(sizes) * np.log(ranges) + gammaln(filled + 1).sum() - gammaln(len(y) + 1)
    return level if log_p + log_tests < np.log(ALPHA) else None


def _max_few_changes(y: np.ndarray, sizes: np.ndarray, log_tests: float) -> int:
    """Return the largest number of changes of class along a sorted feature that chance does not explain; -1 if none.

    Of all orders of the classes, the share with at most so many changes is bounded by counting the places and the
    classes of the changes.
    """
    samples, classes = len(y), len(sizes)
    least = classes - 1
    expected = samples - (sizes**2).sum() / samples
    most = int(least + NEAR * max(0.0, expected - least))
    changes = np.arange(most + 1)
    places = gammaln(samples) - gammaln(changes + 1) - gammaln(np.maximum(1, samples - changes))
    ways = places + np.log(classes) + changes * np.log(max(1, least))
    log_p = np.logaddexp.accumulate(ways) - _log_orders(y)
    return int(np.flatnonzero(log_p + log_tests < np.log(ALPHA)).max(initial=-1))


def max_pure_values(y: np.ndarray, log_tests: float) -> float:
    """Return the number of different values of one class each below which chance is no explanation.

    Of all orders of the classes, the share in which each of m values has one class is at most
    K^m / (n! / n_1! ... n_K!).
    """
    by_chance = (np.log(ALPHA) - log_tests + _log_orders(y)) / np.log(y.max() + 1)
    return min(len(y) / 3, float(by_chance))


def _log_orders(y: np.ndarray) -> float:
    """Logarithm of the number of different orders of the classes of all samples."""
    return float(gammaln(len(y) + 1) - gammaln(np.bincount(y) + 1).sum())


def _count_changes(values: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count changes of class among samples sorted by each feature. Return the changes from one sample to the next,
    those of them between equal values, and the number of different values, (k,) each.
    """
    counted = []
    for features, order in feature_orders(values):
        other_class = y[order[1:]] != y[order[:-1]]
        ordered = np.take_along_axis(values[:, features], order, axis=0)
        other_value = ordered[1:] != ordered[:-1]
        counts = other_class, other_class & ~other_value, other_value
        counted.append(np.stack([count.sum(0) for count in counts]))
    changes, mixed, different = np.concatenate(counted, axis=1)
    return changes, mixed, different + 1
