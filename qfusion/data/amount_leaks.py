"""Features of a modality that are copies of a target of amounts, see `leaks` for the criteria."""

from collections.abc import Iterator

import numpy as np
import scipy
from scipy.special import gammaln

from qfusion.data.leak_search import ALPHA, FEW, Suspect, feature_orders

COPY = (0.9995, 0.97)  # Spearman's correlation, Chatterjee's xi
NEAR_COPY = (0.995, 0.9)


def find_amount_leaks(values: np.ndarray, y: np.ndarray, log_tests: float) -> Iterator[Suspect]:
    """Yield features that are copies, or near copies, of amounts (n,)."""
    copies = np.zeros(values.shape[1], bool)
    for sign in (1, -1):
        for column in np.flatnonzero(_are_in_order(sign * values, y)):
            copies[column] |= _log_chance(values[:, column], y) + log_tests < np.log(ALPHA)
    near = np.zeros(values.shape[1], bool)
    if len(y) >= FEW:
        ranks = scipy.stats.rankdata(values, axis=0)
        spearman = np.abs(_correlations(ranks, scipy.stats.rankdata(y)))
        xi = _chatterjee(values, y)
        copies |= (spearman >= COPY[0]) | (xi >= COPY[1])
        near = (spearman >= NEAR_COPY[0]) | (xi >= NEAR_COPY[1])
    if copies.any():
        yield Suspect(
            "target",
            "is a copy of the target, perhaps transformed or rounded",
            "are copies of the target, perhaps transformed or rounded",
            np.flatnonzero(copies),
        )
    near &= ~copies
    if near.any():
        yield Suspect(
            "near",
            "nearly tells the target on its own",
            "nearly tell the target, each on its own",
            np.flatnonzero(near),
        )


def _are_in_order(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return which features never fall as the target rises, bool (k,)."""
    order = np.argsort(y, kind="stable")
    starts = np.flatnonzero(np.diff(y[order], prepend=-np.inf) > 0)
    low = np.minimum.reduceat(values[order], starts, axis=0)
    high = np.maximum.reduceat(values[order], starts, axis=0)
    return np.asarray((low[1:] >= high[:-1]).all(0))


def _log_chance(column: np.ndarray, y: np.ndarray) -> float:
    """Logarithm of the share of all orders of a feature's values that do not contradict the target's order."""
    _, value = np.unique(column, return_inverse=True)
    _, amount = np.unique(y, return_inverse=True)
    both = np.unique(np.stack([value, amount]), axis=1, return_counts=True)[1]
    within = gammaln(np.bincount(amount) + 1).sum() - gammaln(both + 1).sum()
    same = gammaln(np.bincount(value) + 1).sum()
    return float(np.log(2) + within + same - gammaln(len(y) + 1))


def _correlations(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's correlations of features (n, k) with a target that varies, (k,)."""
    values = values - values.mean(0)
    y = y - y.mean()
    return (y @ values) / np.sqrt((values**2).sum(0) * (y**2).sum())


def _chatterjee(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Chatterjee's xi of each feature, (k,): 1 where the target is a function of it, about 0 where it is noise."""
    samples = len(y)
    at_most = scipy.stats.rankdata(y, "max")
    at_least = samples + 1 - scipy.stats.rankdata(y, "min")
    scale = 2 * (at_least * (samples - at_least)).sum()
    ordered = np.concatenate([at_most[order] for _, order in feature_orders(values)], axis=1)
    return 1 - samples * np.abs(np.diff(ordered, axis=0)).sum(0) / scale
