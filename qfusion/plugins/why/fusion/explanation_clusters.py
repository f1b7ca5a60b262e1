"""Cluster the explanations of one sample over training seeds.

Seeds whose explanations of a sample are alike form a basin; a sample may have several (EvoXplain, arXiv 2512.22240).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations

import numpy as np

from qfusion._checks import check
from qfusion.explain import bootstrap

# Does one decision have one explanation, or one for every training?

LEAST = 2  # seeds in a basin
NULL, FALSE = 1000, 0.05  # draws of one basin, and how many of them may look like several
MATERIAL = 0.1  # of an explanation's size: basins that are nearer to each other count as one


class Multiplicity(StrEnum):
    """Whether decisions have several explanations over training seeds."""

    UNKNOWN = "too few samples"
    NOT_SHOWN = "no significant excess"  # over the share that is expected by chance
    SEVERAL = "several explanations"


@dataclass(frozen=True, eq=False)
class Basins:
    """Explanations of B samples over R seeds, clustered separately for each sample.

    Attributes:
        labels: the basin of every seed, (B, R), 0 for all where there is one.
        threshold: of the silhouette of the best split, which about `FALSE` of samples of one basin pass.
        share: of samples with several basins, with its interval.
    """

    labels: np.ndarray
    threshold: float
    share: bootstrap.Interval

    @property
    def multiplicity(self) -> Multiplicity:
        """Whether more samples have several basins than by chance."""
        if not self.share.known:
            return Multiplicity.UNKNOWN
        return Multiplicity.NOT_SHOWN if self.share.low <= FALSE else Multiplicity.SEVERAL


def split(points: np.ndarray) -> tuple[float, np.ndarray]:
    """Return the best cut of the average-linkage tree of points (R, T) into clusters of `LEAST` or more: its mean
    silhouette (Rousseeuw 1987) and its clusters (R,), numbered in the order of the points. Return -1 and zeros if
    there is no such cut.
    """
    from scipy.cluster import hierarchy
    from scipy.spatial.distance import pdist, squareform
    from sklearn.metrics import silhouette_score  # on demand, as it takes long to load

    apart = pdist(points)
    best, labels = -1.0, np.zeros(len(points), dtype=int)
    tree = hierarchy.linkage(apart, "average")
    for count in range(2, len(points) // LEAST + 1):
        cut = hierarchy.fcluster(tree, count, "maxclust")
        if len(np.unique(cut)) < 2 or np.bincount(cut)[1:].min() < LEAST:
            continue
        value = float(silhouette_score(squareform(apart), cut, metric="precomputed"))
        if value > best:
            first = {name: place for place, name in enumerate(dict.fromkeys(cut.tolist()))}
            best, labels = value, np.array([first[name] for name in cut.tolist()])
    return best, labels


def basins(values: np.ndarray, clusters: np.ndarray | None = None, seed: int = 0) -> Basins:
    """Return whether seeds explain each sample in one way or in several (after EvoXplain, arXiv 2512.22240).

    Seeds of one sample are split by average linkage where the silhouette is largest. How large that is of one basin is
    simulated: R draws of a Gaussian with the covariance that the seeds of some sample have, which is that of what two
    basins would leave, too. About `FALSE` of samples of one Gaussian basin pass.

    Args:
        values: terms of B samples by R seeds, (R, B, T). clusters: of the samples, see `bootstrap.counts`.

    Raises:
        InvalidInput: when there are fewer than four seeds, which have no two basins of two.
    """
    R = len(values)
    check(
        R >= 2 * LEAST,
        f"Basins of {LEAST} seeds or more need {2 * LEAST} seeds, but there are {R}. Measure more by "
        "scripts/stability.py.",
    )
    rng = np.random.default_rng(seed)
    off = (values - values.mean(0)).swapaxes(0, 1)
    drawn = rng.standard_normal((NULL, R, R)) @ off[rng.integers(len(off), size=NULL)]
    threshold = float(np.quantile([split(points)[0] for points in drawn], 1 - FALSE))
    best, labels = map(np.array, zip(*map(split, values.swapaxes(0, 1)), strict=True))
    several = best > threshold
    for b in np.flatnonzero(several):
        centres = np.stack([values[labels[b] == k, b].mean(0) for k in np.unique(labels[b])])
        gap = max(np.linalg.norm(x - y) for x, y in combinations(centres, 2))
        several[b] = gap > MATERIAL * np.linalg.norm(values[:, b], axis=-1).mean()
    share = bootstrap.mean(several, clusters=clusters)
    return Basins(np.where(several[:, None], labels, 0), threshold, share)


@dataclass(frozen=True)
class BasinContrast:
    """How the explanations of one sample differ between its basins, in the term where they differ most.

    Attributes:
        term: name. seeds: of each basin. values: mean of the term by basin.
    """

    term: str
    seeds: tuple[tuple[int, ...], ...]
    values: tuple[float, ...]


def contrast_basins(
    labels: np.ndarray, values: np.ndarray, terms: Sequence[str], seeds: Sequence[int]
) -> BasinContrast | None:
    """Return how the basins of one sample differ, or None if there is only one basin.

    Args:
        labels: of its seeds, (R,). values: (R, T). terms: names. seeds: R numbers.
    """
    names = np.unique(labels)
    if len(names) == 1:
        return None
    centres = np.stack([values[labels == name].mean(0) for name in names])
    t = int(np.argmax(np.ptp(centres, axis=0)))
    members = tuple(
        tuple(seed for seed, label in zip(seeds, labels, strict=True) if label == name)
        for name in names
    )
    return BasinContrast(terms[t], members, tuple(centres[:, t].tolist()))
