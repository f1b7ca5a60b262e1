"""Do people fuse otherwise on some clips? Mean contributions of groups of clips, each against those of all others.

The difference of a group's mean and that of the other clips is resampled over groups of dependent clips, such as those
of one actor. Its p-value is that of Student's t with the standard deviation of the resamples, and one degree of freedom
less than actors are in the group, or outside, whichever are fewer. Whoever states several corrects them (Holm 1979, see
`plugins.why.evidence.holm`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtr

from qfusion._checks import check
from qfusion.data.coalition_terms import coalition_names
from qfusion.explain import bootstrap, interval_ends
from qfusion.models import coalition_algebra
from qfusion.plugins.people.crowd.vote_means import JOINT
from qfusion.plugins.people.votes import Votes


@dataclass(frozen=True)
class Contrast:
    """A mean contribution of a group of clips against that of all other clips.

    Attributes:
        group: name of the group. term: a modality, or `JOINT` for the sum of all joint contributions.
        mean: of the group. difference: to the mean of the others, with its interval.
        p: two-sided, uncorrected; NaN where there is no interval, as of a group that is a single actor.
    """

    group: str
    term: str
    mean: float
    difference: bootstrap.Interval
    p: float


def contrast_groups(
    votes: Votes,
    labels: np.ndarray,
    groups: Sequence[str],
    clusters: np.ndarray | None = None,
    *,
    resamples: int = bootstrap.RESAMPLES,
    seed: int = 0,
) -> list[Contrast]:
    """Return the contrasts of every group, by group, then by term.

    Args:
        votes: of N clips.
        labels: name of the group of each clip, (N,). groups: those that are contrasted.
        clusters: of the clips, see `bootstrap.counts`. resamples, seed: of the bootstrap.

    Raises:
        InvalidInput: when a group has no clip, or all.
    """
    N = len(votes)
    labels = np.asarray(labels)
    check(len(labels) == N, f"Argument `labels` must have {N} names, but has {len(labels)}.")
    terms = contribution_terms(votes)
    columns = np.stack(list(terms.values()), 1)
    inside = np.stack([labels == group for group in groups], 1).astype(float)
    for group, size in zip(groups, inside.sum(0), strict=True):
        check(0 < size < N, f"Group '{group}' must hold some clips, not all, but holds {size:.0f}.")
    means = _weighted_means(np.ones((1, N)), inside, columns)[0]

    def difference(weights: np.ndarray) -> np.ndarray:
        others = _weighted_means(weights, 1 - inside, columns)
        return _weighted_means(weights, inside, columns) - others

    differences, *drawn_differences = bootstrap.resample(difference, N, resamples, seed, clusters)
    drawn = np.array(drawn_differences).reshape(-1, *differences.shape)
    freedom = [_freedom(labels == group, clusters) for group in groups]
    contrasts = []
    for g, group in enumerate(groups):
        for t, term in enumerate(terms):
            contrast = _contrast(
                group, term, means[g, t], differences[g, t], drawn[:, g, t], N, freedom[g]
            )
            contrasts.append(contrast)
    return contrasts


def contribution_terms(votes: Votes) -> dict[str, np.ndarray]:
    """Return the contributions of single modalities, and the sum of all joint ones, on every clip, (N,) each."""
    M = len(votes.players)
    dividends = coalition_algebra.dividends(votes.values[..., None], M)[..., 0]
    names = coalition_names(votes.players)[1 : 1 + M]
    result = {name: dividends[:, 1 + place] for place, name in enumerate(names)}
    if M > 1:
        result[JOINT] = dividends[:, 1 + M :].sum(1)
    return result


def _weighted_means(weights: np.ndarray, inside: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return means (r, G, T) of columns (N, T) in groups (N, G) under counts (r, N); NaN where a group is not drawn."""
    G, T = inside.shape[1], columns.shape[1]
    products = (inside[:, :, None] * columns[:, None, :]).reshape(len(inside), G * T)
    sums = (weights @ products).reshape(-1, G, T)
    sizes = (weights @ inside)[..., None]
    return np.where(sizes > 0, sums / np.where(sizes > 0, sizes, 1), np.nan)


def _freedom(inside: np.ndarray, clusters: np.ndarray | None) -> int:
    """Return the degrees of freedom of the difference of a group (N,) to the rest."""
    columns = np.arange(len(inside))[:, None] if clusters is None else clusters
    return min(
        len(np.unique(column[part])) - 1 for column in columns.T for part in (inside, ~inside)
    )


def _contrast(
    group: str,
    term: str,
    mean: float,
    difference: float,
    drawn: np.ndarray,
    n: int,
    freedom: int,
) -> Contrast:
    known = drawn[np.isfinite(drawn)]
    if not len(known) or freedom < 1:  # a single actor does not tell how actors differ
        nothing = bootstrap.Interval(float(difference), np.nan, np.nan, n, 0)
        return Contrast(group, term, float(mean), nothing, float("nan"))
    low, high = np.quantile(known, interval_ends.edges(freedom + 1))
    error = float(known.std()) * np.sqrt((freedom + 1) / max(freedom, 1))
    p = 2 * float(stdtr(freedom, -abs(difference) / error)) if error > 0 < freedom else np.nan
    interval = bootstrap.Interval(float(difference), float(low), float(high), n, len(known))
    return Contrast(group, term, float(mean), interval, p)
