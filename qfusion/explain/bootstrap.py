"""Means, shares, correlations and other statistics with bootstrap intervals, for whole batches of resamples.

A resample of n samples is a vector of counts. Means and correlations are sums weighted by counts; the rank of a value
in the resample follows from the cumulated counts of the sorted values, and ties share their mean rank. Nothing is
sorted again, so R resamples take O(R n).

Samples that share something (sentences of one video, pairs with one picture) are resampled by what they share, and a
sample counts as often as the product of the counts of all that it shares. This is the cluster bootstrap for one
grouping and the pigeonhole bootstrap for several (Owen 2007, Annals of Applied Statistics 1, 386).

The pigeonhole bootstrap counts what is single samples' own several times, so its values are drawn towards their centre
until their variance is that over clusters (Cameron, Gelbach and Miller 2011, Journal of Business & Economic Statistics
29, 238). benchmarks/intervals.py measures how often intervals hold the truth.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from qfusion._checks import check, require_finite
from qfusion.explain import interval_ends

RESAMPLES = 2000
LEVEL, EDGES = interval_ends.LEVEL, interval_ends.EDGES
FEWEST = 20  # samples or clusters of an interval, at least
NORMAL = 1.96  # standard errors to each side of a normal interval of this level
Statistic = Callable[[np.ndarray], np.ndarray]  # from counts (r, n) to values (r, ...)
MAX_COUNTS = 4_000_000  # most counts held at once
MOST_LEFT_OUT = 200  # groups that are left out in turn


@dataclass(frozen=True)
class Interval:
    """An estimate with its interval.

    Attributes:
        value: of the n samples themselves; NaN where it does not exist, as for a correlation with a constant.
        low, high: of its interval; NaN where fewer than `FEWEST` samples or clusters are there or resamples
            gave no value.
        n: samples. resamples: how many of them gave a value. level: of the interval.
    """

    value: float
    low: float
    high: float
    n: int
    resamples: int
    level: float = LEVEL

    @property
    def known(self) -> bool:
        """Whether value and interval exist."""
        return bool(np.isfinite([self.value, self.low, self.high]).all())

    @property
    def excludes_zero(self) -> bool:
        """Whether zero lies outside the interval."""
        return self.known and (self.low > 0 or self.high < 0)


def counts(
    n: int, resamples: int = RESAMPLES, seed: int = 0, clusters: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Yield how often each of n samples is drawn, in blocks (r, n) of float64 that add up to `resamples` rows.

    Args:
        n: samples. resamples, seed: of the bootstrap.
        clusters: numbers of what the samples share, int (n, k), see `data.row_splits.Clusters.numbers`; columns that
            share a number draw from one pool. None where samples are independent.

    Raises:
        InvalidInput: when the clusters are not of n samples.

    Example:
        >>> from qfusion.explain.bootstrap import counts
        >>> next(counts(12, 3)).sum(1).tolist()
        [12.0, 12.0, 12.0]
    """
    clusters = np.arange(n)[:, None] if clusters is None else np.asarray(clusters)
    check(
        clusters.ndim == 2 and len(clusters) == n,
        f"Argument `clusters` must have shape ({n}, k), but has shape {clusters.shape}.",
    )
    rng = np.random.default_rng(seed)
    left = resamples
    pools = cluster_pools(clusters)
    while left:
        take = min(left, max(1, MAX_COUNTS // max(n, 1)))
        weights = np.ones((take, n))
        for size, columns in pools:
            drawn = rng.integers(0, size, (take, size)) + size * np.arange(take)[:, None]
            times = (
                np.bincount(drawn.ravel(), minlength=take * size)
                .reshape(take, size)
                .astype(np.float64)
            )
            for places in columns:
                weights *= times[:, places]
        yield weights
        left -= take


def cluster_pools(clusters: np.ndarray) -> list[tuple[int, list[np.ndarray]]]:
    """How many clusters each pool has, and for each of its columns in which of them the samples are."""
    pools: list[tuple[set[int], list[int]]] = []
    for column, values in enumerate(clusters.T):
        own, columns = set(values.tolist()), [column]
        for pool in [entry for entry in pools if entry[0] & own]:
            own = own | pool[0]
            columns = pool[1] + columns
            pools.remove(pool)
        pools.append((own, columns))
    return [
        (len(own), [np.searchsorted(sorted(own), clusters[:, c]) for c in columns])
        for own, columns in pools
    ]


def has_enough(n: int, clusters: np.ndarray | None = None) -> bool:
    """Whether there are `FEWEST` samples or more, and as many clusters of every way of grouping.

    Example:
        >>> from qfusion.explain.bootstrap import has_enough
        >>> has_enough(5), has_enough(50)
        (False, True)
    """
    return n >= FEWEST and (
        clusters is None or min(len(np.unique(column)) for column in clusters.T) >= FEWEST
    )


def independent_units(n: int, clusters: np.ndarray | None = None) -> int:
    """Return of how many units n samples consist: themselves, or the clusters of the grouping that has the fewest."""
    return n if clusters is None else min(len(np.unique(column)) for column in clusters.T)


def effective_size(values: np.ndarray, clusters: np.ndarray | None = None) -> float:
    """Return how many independent samples would leave the mean of values (n,), such as hits, as uncertain as these: n
    over the design effect (Kish 1965), the variance of the mean over clusters over that of independent samples.

    Never more than n. Where all values are equal, the smallest number of clusters of any grouping.
    """
    n = len(values)
    if clusters is None or not n:
        return float(n)
    rest = np.asarray(values, float) - np.mean(values)
    alone = float((rest**2).sum())
    if alone <= 1e-24 * n:
        return float(independent_units(n, clusters))
    pools = cluster_pools(np.asarray(clusters))
    within = -alone * (sum(len(columns) for _, columns in pools) - 1)
    for size, columns in pools:
        sums = np.sum([np.bincount(places, rest, size) for places in columns], axis=0)
        within += float((sums**2).sum()) * size / max(size - 1, 1)
    return max(1.0, min(float(n), n * alone / max(within, alone)))


def resample(
    of: Statistic, n: int, resamples: int, seed: int, clusters: np.ndarray | None = None
) -> np.ndarray:
    """Return values (1 + r, ...) of a statistic: of the n samples themselves, then of resamples, see `narrow`, which
    are drawn only if there are enough samples.

    Args:
        of: see `narrow`. n, resamples, seed, clusters: see `counts`.
    """
    own = of(np.ones((1, n)))
    if not has_enough(n, clusters):
        return own
    blocks = counts(n, resamples, seed, clusters)
    drawn = np.concatenate([of(block[block.sum(1) > 0]) for block in blocks])
    return np.concatenate([own, narrow(drawn, of, n, clusters)])


def narrow(
    drawn: np.ndarray, of: Statistic, n: int, clusters: np.ndarray | None = None
) -> np.ndarray:
    """Return values of resamples (r, ...) whose variance is that over clusters, by the jackknife, where the pigeonhole
    bootstrap's is larger; unchanged for one grouping.

    Args:
        drawn: values. of: from counts (r, n) to values (r, ...). n, clusters: see `counts`.
    """
    if clusters is None or clusters.shape[1] < 2:
        return drawn
    value = of(np.ones((1, n)))[0]
    pools = cluster_pools(clusters)
    alone = _jackknife_variance(of, n, n, [np.random.default_rng(0).permutation(n)])
    variance = sum(_jackknife_variance(of, n, size, columns) for size, columns in pools)
    variance = np.maximum(variance - (clusters.shape[1] - 1) * alone, alone)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = np.sqrt(variance / np.nanvar(drawn, 0))
    return value + (drawn - value) * np.where(factor < 1, factor, 1.0)


def _jackknife_variance(of: Statistic, n: int, size: int, columns: list[np.ndarray]) -> np.ndarray:
    values = of(_leave_out(n, size, columns))
    return (len(values) - 1) * np.nanvar(values, 0)


def leave_out(n: int, clusters: np.ndarray | None = None) -> np.ndarray:
    """Return counts (g, n) of n samples without one unit in turn, or one of `MOST_LEFT_OUT` groups of units; of several
    groupings, of that of the fewest clusters."""
    if clusters is None:
        return _leave_out(n, n, [np.arange(n)])
    return _leave_out(n, *min(cluster_pools(clusters), key=lambda pool: pool[0]))


def _leave_out(n: int, size: int, columns: list[np.ndarray]) -> np.ndarray:
    groups = np.arange(min(size, MOST_LEFT_OUT))[:, None]
    weights = np.ones((len(groups), n))
    for places in columns:
        weights *= places % MOST_LEFT_OUT != groups
    return weights


def outcome_ends(values: np.ndarray, clusters: np.ndarray | None) -> tuple[float, float]:
    """Return both ends of the interval of a mean of outcomes (n,): of hits, as truth values, a share (Wilson); of -1, 0
    and 1 a difference of two shares (Bonett and Price). Of clusters, their effective number of samples counts, and
    Student's t.

    Args:
        clusters: see `counts`.
    """
    size, reach = float(len(values)), 0.0
    if clusters is not None:
        units = independent_units(len(values), clusters)
        size = max(1.0, effective_size(values, clusters) * (units - 1) / units)
        reach = float(stdtrit(units - 1, EDGES[1]))
    if values.dtype == bool:
        return interval_ends.wilson(float(values.mean()) * size, size, reach)
    up, down = float((values > 0).mean()), float((values < 0).mean())
    return interval_ends.bonett_price(up * size, down * size, size, reach)


def pearson(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return Pearson's correlation (r,) of values x, y, (n,) or (r, n), under weights (r, n); NaN where one is
    constant.

    Example:
        >>> import numpy as np
        >>> from qfusion.explain.bootstrap import pearson
        >>> x = np.array([1.0, 2.0, 3.0])
        >>> pearson(x, 2 * x, np.ones((1, 3))).round(6).tolist()
        [1.0]
    """
    x = np.broadcast_to(x, weights.shape)
    y = np.broadcast_to(y, weights.shape)
    total = weights.sum(-1)
    dx, dy = (v - ((weights * v).sum(-1) / total)[:, None] for v in (x, y))
    xx, yy, xy = ((weights * a * b).sum(-1) for a, b in ((dx, dx), (dy, dy), (dx, dy)))
    tiny_x, tiny_y = (
        1e-24 * total * np.maximum(np.abs(v).max(-1, initial=0), 1e-300) ** 2 for v in (x, y)
    )
    varies = (xx > tiny_x) & (yy > tiny_y)
    return np.where(varies, xy / np.sqrt(np.where(varies, xx * yy, 1)), np.nan)


def ranks(x: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the mean ranks (r, n) of values (n,) among resamples with counts (r, n).

    Example:
        >>> import numpy as np
        >>> from qfusion.explain.bootstrap import ranks
        >>> ranks(np.array([3.0, 1.0, 2.0]), np.ones((1, 3))).tolist()
        [[3.0, 1.0, 2.0]]
    """
    _, group = np.unique(x, return_inverse=True)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    per_group = np.add.reduceat(weights[:, order], starts, axis=-1)
    return (per_group.cumsum(-1) - per_group / 2 + 0.5)[:, group]


def spearman(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return Spearman's rank correlation (r,) of values (n,) under counts (r, n).

    Example:
        >>> import numpy as np
        >>> from qfusion.explain.bootstrap import spearman
        >>> x = np.array([1.0, 2.0, 3.0])
        >>> spearman(x, x**3, np.ones((1, 3))).round(6).tolist()
        [1.0]
    """
    return pearson(ranks(x, weights), ranks(y, weights), weights)


def correlation(
    x: np.ndarray,
    y: np.ndarray,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> dict[str, Interval]:
    """Return Pearson's and Spearman's correlation with their intervals, under "pearson" and "spearman".

    Args:
        x, y: (n,), finite. clusters: see `counts`.

    Raises:
        InvalidInput: when the lengths differ or a value is not finite.

    Example:
        >>> import numpy as np
        >>> from qfusion.explain.bootstrap import correlation
        >>> x = np.arange(20.0)
        >>> round(correlation(x, x**2, resamples=50)["spearman"].value, 6)
        1.0
    """
    x, y = _check_values("x", x), _check_values("y", y)
    check(
        len(x) == len(y),
        f"Arguments `x` and `y` must have one length, but have {len(x)} and {len(y)}.",
    )
    return intervals(
        {"pearson": lambda w: pearson(x, y, w), "spearman": lambda w: spearman(x, y, w)},
        len(x),
        resamples,
        seed,
        clusters,
    )


def mean(
    values: np.ndarray,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> Interval:
    """Return the mean of values (n,) with its interval; see `means`.

    Raises:
        InvalidInput: when a value is not finite.

    Example:
        >>> import numpy as np
        >>> from qfusion.explain.bootstrap import mean
        >>> interval = mean(np.arange(20.0), resamples=200)
        >>> interval.value, interval.low < interval.value < interval.high
        (9.5, True)
    """
    return means({"values": values}, resamples=resamples, seed=seed, clusters=clusters)["values"]


def means(
    columns: Mapping[str, np.ndarray],
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    clusters: np.ndarray | None = None,
) -> dict[str, Interval]:
    """Return the means of columns (n,) of the same samples, resampled together; clusters as of `counts`.

    Args:
        columns: numbers; hits, as truth values, whose mean is a share; or whole numbers -1, 0 and 1, whose mean is a
            difference of two shares.

    Raises:
        InvalidInput: when a value is not finite, or the lengths differ.

    Example:
        >>> import numpy as np
        >>> from qfusion.explain.bootstrap import means
        >>> means({"a": np.arange(20.0)}, resamples=50)["a"].value
        9.5
    """
    checked = {name: _check_values(name, values) for name, values in columns.items()}
    sizes = {len(values) for values in checked.values()}
    check(
        len(sizes) == 1,
        f"Argument `columns` must hold columns of one length, but holds {sorted(sizes)}.",
    )
    result = intervals(
        {name: _weighted_mean(values) for name, values in checked.items()},
        sizes.pop(),
        resamples,
        seed,
        clusters,
    )
    for name, values in columns.items():
        if np.asarray(values).dtype.kind in "bi" and result[name].known:
            low, high = outcome_ends(np.asarray(values), clusters)
            result[name] = replace(result[name], low=low, high=high)
    return result


def _weighted_mean(values: np.ndarray) -> Statistic:
    return lambda weights: weights @ values / weights.sum(-1)


def _check_values(name: str, values: np.ndarray) -> np.ndarray:
    numbers = np.asarray(values, dtype=np.float64)
    require_finite(name, numbers)
    return numbers


def intervals(
    statistics: Mapping[str, Statistic],
    n: int,
    resamples: int,
    seed: int,
    clusters: np.ndarray | None = None,
) -> dict[str, Interval]:
    """Return statistics of n samples with their intervals, all of the same resamples.

    Args:
        statistics: by name, from counts (r, n) to values (r,), NaN where there is none.
        n, resamples, seed, clusters: see `counts`.
    """
    if n == 0:
        return {name: Interval(np.nan, np.nan, np.nan, 0, 0) for name in statistics}
    own = {name: float(of(np.ones((1, n)))[0]) for name, of in statistics.items()}
    if not has_enough(n, clusters):
        return {name: Interval(value, np.nan, np.nan, n, 0) for name, value in own.items()}
    blocks = (block[block.sum(1) > 0] for block in counts(n, resamples, seed, clusters))
    drawn = [{name: of(block) for name, of in statistics.items()} for block in blocks]
    without, units = leave_out(n, clusters), independent_units(n, clusters)
    result = {}
    for name, of in statistics.items():
        values = np.concatenate([block[name] for block in drawn])
        values = narrow(values[np.isfinite(values)], of, n, clusters)
        low, high = np.nan, np.nan
        if len(values) and np.isfinite(own[name]):
            low, high = interval_ends.accelerated_ends(own[name], values, of(without), units)
        result[name] = Interval(own[name], low, high, n, len(values))
    return result


def interval_frame(head: str, **columns: Mapping[str, Interval]) -> pd.DataFrame:
    """Return one row per name, under `head`, with the value and the low and high ends of its intervals in columns
    named after `columns`.
    """
    rows = []
    for name in next(iter(columns.values())):
        row: dict[str, object] = {head: name}
        for column, intervals in columns.items():
            interval = intervals[name]
            row[column] = interval.value
            row[f"{column}:low"] = interval.low
            row[f"{column}:high"] = interval.high
        rows.append(row)
    return pd.DataFrame(rows)


def least_certain_rival(ahead: Mapping[str, Interval]) -> tuple[str, Interval] | None:
    """Return the rival whose gap to the first is least certain, and the gap, or None if there are no rivals.

    Args:
        ahead: by how much the first is ahead, by rival.
    """
    return min(ahead.items(), key=lambda item: item[1].low, default=None)
