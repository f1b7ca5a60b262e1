"""Errors of a cast to single precision, feature by feature.

Single precision has some 7 digits. Seconds since 1970 and coordinates in metres have more, so that values which differ
little become equal. Here the largest error of the cast is compared with the range of a feature's values.
"""

import numpy as np
from numpy.typing import ArrayLike

MAX_RELATIVE_ERROR = 1e-3  # largest accepted error of a cast, as a share of the feature's range
_NOISE = 1e-12  # of a value's size: double precision makes such differences itself


class CastErrors:
    """Errors of a cast to single precision, for an array that is processed piece by piece.

    Rows of zeros do not count: they pad sequences and replace missing modalities.

    Attributes:
        low, high: the range of each feature, (F,). error: the largest error of each, (F,).
        different: how many different values each imprecise feature has, before and after the cast, (2, F). Values are
            compared within a piece.
    """

    def __init__(self, features: int):
        self.low = np.full(features, np.inf)
        self.high = np.full(features, -np.inf)
        self.error = np.zeros(features)
        self.different = np.zeros((2, features), np.int64)

    def add(self, values: np.ndarray, single: np.ndarray) -> None:
        """Add a piece (..., F) and its cast to single precision."""
        if values.size == 0 or np.can_cast(values.dtype, np.float32, "safe"):
            return
        rows = values.reshape(-1, len(self.low))
        cast = single.reshape(rows.shape)
        there = rows.any(1)
        if not there.all():
            rows = rows[there]
            cast = cast[there]
        if len(rows) == 0:
            return
        low, high = _range(rows, cast)
        self.low = np.minimum(self.low, low)
        self.high = np.maximum(self.high, high)
        for feature in np.flatnonzero(_may_be_imprecise(low, high)).tolist():
            self._add_feature(feature, rows[:, feature], cast[:, feature])

    def _add_feature(self, feature: int, values: np.ndarray, single: np.ndarray) -> None:
        """Add values (n,) of a feature that may be imprecise."""
        known = np.isfinite(single)
        values = values[known].astype(np.float64)
        single = single[known]
        if len(values) == 0:
            return
        error = float(np.abs(values - single).max())
        self.error[feature] = max(self.error[feature], error)
        if _are_imprecise(values.min(), values.max(), error):
            self.different[0, feature] += len(np.unique(values))
            self.different[1, feature] += len(np.unique(single))

    @property
    def imprecise(self) -> np.ndarray:
        """Which features have an error of more than WORST of their range, bool (F,)."""
        return _are_imprecise(self.low, self.high, self.error)

    @property
    def merges_values(self) -> np.ndarray:
        """Imprecise features for which most distinct values become equal, bool (F,)."""
        before, after = self.different
        return self.imprecise & (2 * after < before)


def _range(rows: np.ndarray, cast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest finite value of each feature, (F,). They are infinite if there is none."""
    low = rows.min(0).astype(np.float64)
    high = rows.max(0).astype(np.float64)
    if np.isfinite(low).all() and np.isfinite(high).all():
        return low, high
    finite = np.isfinite(cast)
    return np.where(finite, rows, np.inf).min(0), np.where(finite, rows, -np.inf).max(0)


def _may_be_imprecise(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return which features, (F,), may be imprecise: the error of a cast is at most 2^-24 of a value's size."""
    with np.errstate(invalid="ignore"):
        size = np.maximum(np.abs(low), np.abs(high))
        return np.isfinite(size) & (size * 2.0**-24 > MAX_RELATIVE_ERROR * (high - low))


def _are_imprecise(low: ArrayLike, high: ArrayLike, error: ArrayLike) -> np.ndarray:
    """Return which features, (F,), vary by little more than the error of the cast, and by more than noise."""
    least = np.asarray(low)
    largest = np.asarray(high)
    with np.errstate(invalid="ignore", over="ignore"):
        span = largest - least
        size = np.maximum(np.abs(least), np.abs(largest))
        imprecise = (
            np.isfinite(span)
            & (span > _NOISE * size)
            & (np.asarray(error) > MAX_RELATIVE_ERROR * span)
        )
    return np.asarray(imprecise)
