"""What a simulation of coverage yields, and plain intervals."""

from __future__ import annotations

from dataclasses import dataclass

import comparisons
import numpy as np

from qfusion.explain import bootstrap

Draw = np.random.Generator
Ends = tuple[float, float]
MANY = 400_000  # draws by which truths are found that have no formula


@dataclass(frozen=True)
class Outcome:
    """An interval on one draw.

    Attributes:
        name: of the interval. setting: how many rows of what. truth: what it should hold.
        ends: of the interval; NaN where none is given. rival: ends of a plain one.
    """

    name: str
    setting: str
    truth: float
    ends: Ends
    rival: Ends


def of(interval: bootstrap.Interval) -> Ends:
    """Returns the ends of an interval."""
    return interval.low, interval.high


def percentile(statistic: bootstrap.Statistic, n: int, clusters: np.ndarray | None = None) -> Ends:
    """Returns the plain percentile bootstrap interval of a statistic of counts (r, n)."""
    blocks = bootstrap.counts(n, bootstrap.RESAMPLES, 0, clusters)
    drawn = np.concatenate([statistic(block[block.sum(1) > 0]) for block in blocks])
    low, high = np.nanquantile(drawn, bootstrap.EDGES)
    return float(low), float(high)


def mean_of(values: np.ndarray) -> bootstrap.Statistic:
    """Returns the mean of values (n,) as a statistic of counts."""
    return lambda weights: weights @ values.astype(float) / weights.sum(-1)


def t_ends(values: np.ndarray) -> Ends:
    """Returns the t interval of a mean of independent values."""
    mean = comparisons.mean_interval(values.tolist())
    return mean.low, mean.high
