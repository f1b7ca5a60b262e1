"""Two numbers of the same samples: do a model's terms follow those that people gave or measured?

People's numbers are labels of single modalities (see `unimodal_labels`) or contributions to their votes (see
`crowd_comparison`). Of a model's term and people's number of the same samples: Spearman's rank correlation; how often a
number of people that is not 0 has the term's sign; and calibration, the slope of people's number over the term, with
means of bins.

Intervals resample what samples share, see `bootstrap`. The control is people's numbers shuffled among the samples: 95%
of such shuffles lie in the range that stands beside each value.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import numpy as np
import pandas as pd

from qfusion.explain import bootstrap

SHUFFLES = 400
BINS = 8  # of the model's term, as many samples in each


@dataclass(frozen=True)
class ShuffledRange:
    """Range of 95% of the values for shuffled labels, NaN if there is none."""

    low: float
    high: float


NO_RANGE = ShuffledRange(np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class TermAgreement:
    """A model's term compared with people's number of the same samples.

    Attributes:
        name: of the term: a modality, or several.
        term, label: the model's and people's numbers of the n samples that have both, (n,).
        places: of these among all, (n,).
        rank: Spearman's correlation. sign: share of the labels that are not 0 whose sign the term has. slope: of the
            label over the term, least squares. shuffled: by "rank" and "sign", with labels shuffled.
    """

    name: str
    term: np.ndarray
    label: np.ndarray
    places: np.ndarray
    rank: bootstrap.Interval
    sign: bootstrap.Interval
    slope: bootstrap.Interval
    shuffled: Mapping[str, ShuffledRange]

    def bin_means(self) -> pd.DataFrame:
        """Return mean `term` and `label` and the number of samples `n` of at most BINS bins of the term."""
        order = np.argsort(self.term, kind="stable")
        parts = [
            part for part in np.array_split(order, min(BINS, max(1, len(order) // 5))) if len(part)
        ]
        return pd.DataFrame(
            {
                "term": [self.term[part].mean() for part in parts],
                "label": [self.label[part].mean() for part in parts],
                "n": [len(part) for part in parts],
            }
        )


def compare_terms(
    name: str,
    term: np.ndarray,
    label: np.ndarray,
    clusters: np.ndarray | None = None,
    resamples: int = bootstrap.RESAMPLES,
    seed: int = 0,
) -> TermAgreement:
    """Return how a model's term goes with people's number.

    Args:
        name: of the term.
        term, label: of N samples, (N,); people's number may be NaN, where nobody gave one.
        clusters: of the samples, see `bootstrap.counts`. resamples, seed: of the bootstrap, and the shuffles' seed.
    """
    places = np.flatnonzero(np.isfinite(label))
    x, y = term[places], label[places]
    own = None if clusters is None else clusters[places]
    intervals = bootstrap.intervals(
        {"rank": lambda w: bootstrap.spearman(x, y, w), "slope": lambda w: _slope(x, y, w)},
        len(x),
        resamples,
        seed,
        own,
    )
    says = y != 0
    right = (np.sign(x) == np.sign(y))[says]
    sign = bootstrap.mean(
        right, resamples=resamples, seed=seed, clusters=None if own is None else own[says]
    )
    return TermAgreement(
        name,
        x,
        y,
        places,
        intervals["rank"],
        sign,
        intervals["slope"],
        shuffled_ranges(x, y, seed),
    )


def shuffled_ranges(x: np.ndarray, y: np.ndarray, seed: int) -> dict[str, ShuffledRange]:
    """Return the ranges of the rank correlation and of the share of equal signs between x (n,) and y (n,) in random
    order."""
    if len(x) < bootstrap.FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return {"rank": NO_RANGE, "sign": NO_RANGE}
    one = np.ones((1, len(x)))
    a, b = (
        (part - part.mean()) / part.std()
        for part in (bootstrap.ranks(x, one)[0], bootstrap.ranks(y, one)[0])
    )
    orders = random_orders(len(x), seed)
    signs = np.sign(y)[orders]
    says = signs != 0
    right = (says & (signs == np.sign(x))).sum(1) / np.maximum(says.sum(1), 1)
    return {
        "rank": range_of_shuffles(b[orders] @ a / len(x)),
        "sign": range_of_shuffles(np.where(says.any(1), right, np.nan)),
    }


def _slope(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Slope (r,) of y over x under counts (r, n); NaN where x is constant."""
    dx = x - weights @ x[:, None] / weights.sum(-1, keepdims=True)
    varies = (weights * dx**2).sum(-1) > 1e-24 * float(np.abs(x).max(initial=0)) ** 2
    return np.where(
        varies, (weights * dx * y).sum(-1) / np.where(varies, (weights * dx**2).sum(-1), 1), np.nan
    )


def random_orders(n: int, seed: int) -> np.ndarray:
    """Return random orders of n samples, (SHUFFLES, n)."""
    rng = np.random.default_rng((seed, n))
    return np.stack([rng.permutation(n) for _ in range(SHUFFLES)])


def range_of_shuffles(values: np.ndarray) -> ShuffledRange:
    """Return where 95% of the values of shuffles lie, (r,), of those that are known."""
    known = values[np.isfinite(values)]
    return (
        ShuffledRange(*map(float, np.quantile(known, bootstrap.EDGES))) if len(known) else NO_RANGE
    )


class Trend(Enum):
    """Whether terms, or rates of verdicts, are shown to change with people's numbers."""

    RISES = "rises"
    FALLS = "falls"
    NOT_SHOWN = "not shown"
    UNKNOWN = "too few or constant numbers"


def rank_trend(entry: TermAgreement) -> Trend:
    """Return whether terms rise or fall with people's numbers: the interval of the rank correlation excludes zero, and
    its value lies beyond those of shuffled labels."""
    if not entry.rank.known:
        return Trend.UNKNOWN
    if entry.rank.low > 0 and entry.rank.value > entry.shuffled["rank"].high:
        return Trend.RISES
    if entry.rank.high < 0 and entry.rank.value < entry.shuffled["rank"].low:
        return Trend.FALLS
    return Trend.NOT_SHOWN
