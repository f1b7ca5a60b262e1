"""Test rows that are near copies of learned rows: much nearer to one of them than learned rows there are to each other.

Around a row, wherever it lies, unrelated learned rows have nearly one density. With their distances r_1 <= r_2 <= ...
to it, (r_a / r_b)^k has the distribution Beta(a, b - a), where k is the number of dimensions in which the rows spread,
whatever the density (Facco, d'Errico, Rodriguez, Laio 2017, Scientific Reports 7, 12140). So

    k              is taken from learned rows alone: from r_5 / r_10 of each to the others. The smaller one counts of
                   two estimates, by the widest tenth of these ratios and by those of the ten learned rows next to the
                   test row, so that rows that spread in fewer dimensions than others are not taken for copies. Copies
                   within the learned rows, up to five of a row, change neither distance much
    p of a row     is the probability of a ratio r_1 / r_10 as small as that of the test row, by Beta(1, 9). Noisier
                   test rows lie farther from all learned rows, and quieter ones nearer to all, which leaves the ratio
    near copies    are chosen among all test rows at a false discovery rate of `RATE` (Benjamini and Hochberg 1995, J.
                   R. Stat. Soc. B 57, 289). They are also at most `USUAL` of r_10 away, and at most `NEAR` standard
                   deviations in every modality

Neither the number of copies nor another spread of test rows changes p. Features of fewer than `FEW_VALUES` different
values, which are often equal by chance, do not count in distances, except for `NEAR`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qfusion.data.examine import value_scans

MIDDLE, LAST = 5, 10  # neighbours whose distances are compared
WIDEST = 0.9  # quantile of log(r_10 / r_5) over learned rows that decides on the dimensions
RATE = 0.001  # expected share of false ones among near copies, at most
USUAL = 0.5  # of the distance to the tenth nearest learned row, within which a near copy lies
FEWEST_FEATURES = 8  # with fewer that count, near copies are not looked for
FEW_VALUES = 10  # of a feature
NEAR = 0.5  # root mean square difference of a near copy in each modality, in standard deviations; unrelated rows: 1.4
COMPARED = 4000  # learned rows whose neighbours are looked at
DIRECTIONS = (
    128  # of a random projection, in which distances are measured where there are more features
)
_AT_ONCE = 1 << 24  # distances computed in one step


@dataclass(frozen=True, eq=False)
class NearCopies:
    """Test rows that are much nearer to a learned row than learned rows are to each other.

    Attributes:
        is_near: whether a test row is a near copy, bool (n,).
        nearest, tenth: distances of each test row to the nearest and the tenth nearest learned row, (n,); root mean
            square over the features and over the modalities, in standard deviations. NaN where they are unknown.
        dimensions: in which the learned rows spread about each test row, (n,); 0 where it cannot be told, as where most
            are equal to others.
        features: number of features that count.
    """

    is_near: np.ndarray
    nearest: np.ndarray
    tenth: np.ndarray
    dimensions: np.ndarray
    features: int


def find_near_copies(
    test: Sequence[np.ndarray],
    learned: Sequence[np.ndarray],
    groups: np.ndarray,
    is_equal: np.ndarray,
) -> NearCopies:
    """Return the near copies among test rows; none where there are too few learned rows to tell.

    Distances are measured in a random projection if there are more than `DIRECTIONS` features. The nearest row is then
    compared in every modality.

    Args:
        test, learned: features of every modality, (n, k) and (N, k), of unit deviation over the learned rows.
        groups: numbers of the groups of learned rows, such as videos, (N,). Of each group the nearest row counts.
        is_equal: test rows that are equal to a learned row, bool (n,), which are no near copies.
    """
    counted = [_count_values(part) >= FEW_VALUES for part in learned]
    width = int(sum(map(np.sum, counted)))
    groups = np.unique(groups, return_inverse=True)[1]
    if groups.max(initial=0) <= LAST:  # too few groups
        groups = np.arange(len(groups))
    if width < FEWEST_FEATURES or len(groups) <= LAST + 1:
        return unknown_copies(len(is_equal), width)
    a, b = _project(test, learned, counted)
    order = np.argsort(groups, kind="stable")
    near, places = _neighbours(a, b[order], groups[order], np.full(len(a), -1))
    drawn = np.random.default_rng(0).permutation(len(b))[:COMPARED]
    among, _ = _neighbours(b[drawn], b[order], groups[order], groups[drawn])
    k = _dimensions(among, _nearest_places(a, b[drawn]), width)
    with np.errstate(invalid="ignore"):
        ratio = np.where(near[:, -1] > 0, near[:, 0] / near[:, -1], 1)
    p = -np.expm1((LAST - 1) * np.log1p(-np.minimum(ratio**k, 1 - 1e-16)))
    is_near = ~is_equal & (ratio <= USUAL)
    is_near[~is_equal] &= discoveries(p[~is_equal])
    sources = order[places]
    for own, other in zip(test, learned, strict=True):
        rows = np.flatnonzero(is_near)
        squares = ((own[rows] - other[sources[rows]]) ** 2).mean(1)
        is_near[rows] = squares <= NEAR**2
    return NearCopies(is_near, near[:, 0], near[:, -1], k, width)


def discoveries(p: np.ndarray) -> np.ndarray:
    """Return which of the p-values (n,) are discoveries at the rate `RATE`, bool (n,)."""
    ordered = np.sort(p)
    passed = np.flatnonzero(ordered <= RATE * np.arange(1, len(p) + 1) / len(p))
    return p <= (ordered[passed[-1]] if len(passed) else -1.0)


def unknown_copies(rows: int, features: int = 0) -> NearCopies:
    """Return no near copies among some test rows, with unknown distances."""
    unknown = np.full(rows, np.nan)
    return NearCopies(np.zeros(rows, bool), unknown, unknown, unknown, features)


def _count_values(values: np.ndarray) -> np.ndarray:
    """Return the number of different values of each feature, (k,), among `COMPARED` rows or some more."""
    some = np.sort(values[:: max(1, len(values) // COMPARED)], axis=0)
    return 1 + (np.diff(some, axis=0) > value_scans.NEAR).sum(0)


def _project(
    test: Sequence[np.ndarray], learned: Sequence[np.ndarray], counted: Sequence[np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the counted features of all modalities as (n, K) and (N, K), in which squared distances are means over
    modalities of means over features; projected if there are more than `DIRECTIONS`."""
    rng = np.random.default_rng(0)
    own, others = [], []
    modalities = sum(bool(one.any()) for one in counted)
    width = int(sum(map(np.sum, counted)))
    for a, b, features in zip(test, learned, counted, strict=True):
        if not features.any():
            continue
        scale = 1 / np.sqrt(modalities * features.sum())
        if width > DIRECTIONS:
            directions = rng.normal(size=(int(features.sum()), DIRECTIONS)) / np.sqrt(DIRECTIONS)
        else:
            directions = np.eye(int(features.sum()))
        own.append(a[:, features] @ (scale * directions).astype(np.float32))
        others.append(b[:, features] @ (scale * directions).astype(np.float32))
    if width > DIRECTIONS:
        return np.sum(own, axis=0), np.sum(others, axis=0)
    return np.concatenate(own, 1), np.concatenate(others, 1)


def _neighbours(
    rows: np.ndarray, others: np.ndarray, groups: np.ndarray, own: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return distances of rows to the nearest, fifth and tenth of the other groups, (n, 3), and the places of the
    nearest rows, (n,).

    Args:
        rows: (n, K). others: (N, K), sorted by their groups. groups: numbers of these from 0 on, (N,).
        own: number of the group of each row, which is left out, (n,); -1 for none.
    """
    starts = np.searchsorted(groups, np.arange(groups[-1] + 1))
    squares = (others**2).sum(1)
    distances = np.zeros((len(rows), 3))
    places = np.zeros(len(rows), int)
    step = max(1, _AT_ONCE // len(others))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        block = rows[part]
        apart = (block**2).sum(1)[:, None] + squares - 2 * block @ others.T
        places[part] = apart.argmin(1)
        if len(starts) < len(others):
            apart = np.minimum.reduceat(apart, starts, axis=1)
        known = own[part] >= 0
        apart[known, own[part][known]] = np.inf
        at = np.array([0, MIDDLE - 1, LAST - 1])
        distances[part] = np.partition(apart, at, axis=1)[:, at]
    return np.sqrt(np.maximum(distances, 0)), places


def _nearest_places(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Return the places of the `LAST` nearest others of each row, (n, LAST), in any order."""
    result = np.zeros((len(rows), LAST), int)
    squares = (others**2).sum(1)
    step = max(1, _AT_ONCE // len(others))
    for start in range(0, len(rows), step):
        part = slice(start, start + step)
        apart = squares - 2 * rows[part] @ others.T
        result[part] = np.argpartition(apart, LAST - 1, axis=1)[:, :LAST]
    return result


def _dimensions(among: np.ndarray, beside: np.ndarray, width: int) -> np.ndarray:
    """Return in how many dimensions learned rows spread about each test row, at most `width`, (n,).

    Args:
        among: distances of learned rows to each other, (N, 3). beside: places of those next to a test row, (n, LAST).
    """
    from scipy.special import digamma
    from scipy.stats import beta

    with np.errstate(divide="ignore", invalid="ignore"):
        spread = np.where(among[:, 1] > 0, np.log(among[:, 2] / among[:, 1]), np.inf)
        widest = np.quantile(spread, WIDEST, method="higher")
        whole = -np.log(beta.ppf(1 - WIDEST, MIDDLE, LAST - MIDDLE)) / widest
        local = (digamma(LAST) - digamma(MIDDLE)) / spread[beside].mean(1)
    return np.minimum(np.minimum(whole, local), width)
