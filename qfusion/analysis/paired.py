"""Paired differences of two models over training seeds and test rows: standard error, interval and tests; and Holm's
correction of many tests.

A difference is measured with S seeds on N test rows. Both are samples, so the variance of its mean has two parts:

    seeds    s^2 / S of the S differences; what a seed does to single rows is part of it
    rows     that of the mean over seeds on a row, of rows that are drawn anew; rows that share a picture or a video
             vary together

The sum is the variance for new seeds and new rows (Owen 2007, "The pigeonhole bootstrap", Annals of Applied
Statistics 1, 386; the sum counts the interaction twice, so intervals are rather too wide). The first part alone is the
variance for new seeds on these very rows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.special

from qfusion._checks import check

CHUNK = 1024  # rows that are compared with all others at once


@dataclass(frozen=True)
class Evidence:
    """Evidence about a mean difference.

    Attributes:
        mean: of the differences. error: its standard error. freedom: its degrees of freedom.
    """

    mean: float
    error: float
    freedom: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the ends of the t interval; NaN where the error is not known."""
        reach = float(scipy.special.stdtrit(self.freedom, 0.5 + level / 2)) * self.error
        return self.mean - reach, self.mean + reach

    def p_differs(self) -> float:
        """Return the two-sided p-value of a difference of 0."""
        return min(1.0, 2 * self._above(abs(self.mean)))

    def p_more(self, margin: float) -> float:
        """Return the p-value of a difference of `margin` or less, against more."""
        return self._above(self.mean - margin)

    def p_equivalent(self, margin: float) -> float:
        """Return the p-value of a difference of `margin` or more either way: the larger of two one-sided tests
        (Schuirmann 1987)."""
        return self._above(margin - abs(self.mean))

    def _above(self, distance: float) -> float:
        if math.isnan(self.error):
            return 1.0
        if self.error == 0:
            return 0.0 if distance > 0 else 1.0
        return float(scipy.special.stdtr(self.freedom, -distance / self.error))


def seed_evidence(differences: np.ndarray) -> Evidence:
    """Return the evidence that paired differences (S,) give for new seeds on the same test rows. The error of fewer
    than two differences is NaN.
    """
    S = len(differences)
    error = float(differences.std(ddof=1)) / math.sqrt(S) if S > 1 else math.nan
    return Evidence(float(differences.mean()), error, max(1, S - 1))


def seed_and_row_evidence(differences: np.ndarray, variance: float, effective: float) -> Evidence:
    """Return the evidence that paired differences give for new seeds and new test rows, with the degrees of freedom of
    Satterthwaite (1946).

    Args:
        differences: (S,). variance: of the mean, from rows. effective: how many rows count as independent.
    """
    seeds = seed_evidence(differences)
    whole = seeds.error**2 + variance
    parts = seeds.error**4 / seeds.freedom + variance**2 / max(1.0, effective - 1)
    freedom = whole**2 / parts if parts > 0 else seeds.freedom
    return Evidence(seeds.mean, math.sqrt(whole), freedom)


def crossed_evidence(
    values: np.ndarray, contributions: np.ndarray, clusters: np.ndarray | None
) -> Evidence:
    """Return the evidence that a quantity, or a paired difference, gives for new seeds and new test rows.

    Args:
        values: by seed, (S,). contributions: of single rows to it, means over seeds, (N,).
        clusters: of the rows, see `effective_rows`.
    """
    variance = variance_over_rows(contributions, clusters)
    return seed_and_row_evidence(values, variance, effective_rows(len(contributions), clusters))


def effective_rows(count: int, clusters: np.ndarray | None) -> float:
    """Return how many of the rows count as independent where rows that share a cluster agree altogether: N^2 over the
    number of ordered pairs of rows that share one, each with itself among them.

    Args:
        count: of rows, N. clusters: whole numbers (N, k), as of `spec.Clusters.numbers`; None where rows share nothing.
    """
    if clusters is None:
        return float(count)
    return count**2 / _sum_within_clusters(np.ones(count), clusters)


def reach_of_equal_rows(effective: float, level: float = 0.95) -> float:
    """Return how far a share of rows may lie from 0 or 1 where all of so many independent rows agree (Clopper and
    Pearson 1934). Their variance is 0, but new rows may differ.
    """
    return float(1 - ((1 - level) / 2) ** (1 / effective))


def variance_over_rows(differences: np.ndarray, clusters: np.ndarray | None) -> float:
    """Return the variance of the mean of differences of rows (N,), each the mean over seeds; of rows that share a
    cluster the products count, too (Cameron, Gelbach and Miller 2011). At least that of independent rows."""
    N = len(differences)
    centred = differences - differences.mean()
    alone = float((centred**2).sum()) / N**2
    return alone if clusters is None else max(alone, _sum_within_clusters(centred, clusters) / N**2)


def bound_over_rows(ours: np.ndarray, theirs: np.ndarray, effective: float) -> float:
    """Return the largest possible variance due to rows of the mean difference of two shares of correct rows, for
    records that have only the shares.

    On a row the difference is -1, 0 or 1. Its square is at most the share of rows on which one of two models is right,
    which is at most that of both models' errors together.

    Args:
        ours, theirs: shares of right rows of the same seeds, (S,). effective: see `effective_rows`.
    """
    either = np.minimum(1 - ours, theirs) + np.minimum(1 - theirs, ours)
    square = max(float(either.mean()) - float((ours - theirs).mean()) ** 2, 0.0)
    return square / effective


def _sum_within_clusters(values: np.ndarray, clusters: np.ndarray) -> float:
    """Return sum v_i v_j over ordered pairs of rows that share a cluster."""
    total = 0.0
    for start in range(0, len(values), CHUNK):
        part = clusters[start : start + CHUNK]
        share = np.zeros((len(part), len(values)), dtype=bool)
        for own in part.T:
            for other in clusters.T:
                share |= own[:, None] == other[None, :]
        total += float(values[start : start + CHUNK] @ (share @ values))
    return total


def p_of_counts(ours: int, theirs: int, of: int) -> float:
    """Return Fisher's exact two-sided p-value of two counts out of as many trials each."""
    check(
        min(ours, theirs) >= 0 and max(ours, theirs) <= of,
        f"Arguments `ours` and `theirs` must lie in 0..{of}, but are {ours} and {theirs}. Count the seeds again.",
    )
    both = ours + theirs
    ways = [
        math.comb(of, k) * math.comb(of, both - k)
        for k in range(max(0, both - of), min(of, both) + 1)
    ]
    seen = math.comb(of, ours) * math.comb(of, theirs)
    return sum(way for way in ways if way <= seen) / sum(ways)


def holm(p: Sequence[float]) -> list[float]:
    """Return p-values after Holm's step-down correction (Holm 1979), in the order given: the chance of any false alarm
    among them."""
    order = np.argsort(np.asarray(p, dtype=float), kind="stable").tolist()
    result, least = [0.0] * len(p), 0.0
    for rank, place in enumerate(order):
        least = max(least, min(1.0, (len(p) - rank) * float(p[place])))
        result[place] = least
    return result
