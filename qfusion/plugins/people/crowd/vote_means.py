"""What people make of modalities: the game of their votes, in means over clips with intervals.

The value of a coalition is the share of votes for one class, measured on people who were shown its modalities (see
`people.ratings`). Means are over clips. Two intervals stand beside each other, since they answer different questions:

    raters   other people rate the same clips. A mean contribution is a linear function of multinomial votes, so its
             variance is known without resampling; drawing votes anew gives the same (tests compare them).
    groups   other clips, of other actors, are rated by other people: a bootstrap over groups of clips.

Information is that of one rater's vote about the class: p(x, y, class) is the mean over clips of the product of the
shares, since different people rated each condition. Its decomposition is exact (see `information_parts`). Few clips
make information too large, and that of two votes, which has more cells, more than that of one. A bootstrap over clips
repeats this bias, so it is subtracted, and intervals are basic ones (Davison and Hinkley 1997, chapter 5), not those of
percentiles, which would hold the bias twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from qfusion._checks import check
from qfusion.explain import bootstrap, interval_ends
from qfusion.models import coalition_algebra
from qfusion.plugins.people.votes import Votes
from qfusion.plugins.why.information.information_parts import union
from qfusion.quantum import decomposition

JOINT = "all together"
REDUNDANCY, SYNERGY, TOTAL, TOGETHER = "redundancy", "synergy", "two raters", "one rater, both"
FUSED = "together less pooled"
RESAMPLES = 200  # of the information, each of which is a search
EXACT, ROUGH = 1e-7, 1e-3  # bits that these searches may be from their ends
MOST_CLASSES = 30  # of the information


@dataclass(frozen=True)
class Term:
    """A mean contribution, or a mean share of votes.

    Attributes:
        value: the mean over clips.
        raters: its interval where other people rate the same clips.
        groups: its interval over groups of clips.
    """

    value: float
    raters: bootstrap.Interval
    groups: bootstrap.Interval


@dataclass(frozen=True, eq=False)
class Means:
    """Means of a crowd.

    Attributes:
        shares: of votes for the explained class, by coalition; "" is the base rate.
        contributions: Harsanyi dividends of these, by coalition.
        joint: the sum of all contributions of two modalities or more; None of one modality.
        clips: number of clips.
        grouping: name of the groups of clips, such as actors.
    """

    shares: Mapping[str, Term]
    contributions: Mapping[str, Term]
    joint: Term | None
    clips: int
    grouping: str

    def frame(self) -> pd.DataFrame:
        """Return a row for each share, for each contribution, and for all joint ones, with both intervals."""
        parts = {"share": self.shares, "contribution": self.contributions}
        if self.joint is not None:
            parts["sum of joint contributions"] = {JOINT: self.joint}
        rows = []
        for kind, terms in parts.items():
            for name, term in terms.items():
                rows.append(
                    {
                        "quantity": kind,
                        "coalition": name or "(none)",
                        "mean": term.value,
                        "raters low": term.raters.low,
                        "raters high": term.raters.high,
                        "groups low": term.groups.low,
                        "groups high": term.groups.high,
                    }
                )
        return pd.DataFrame(rows)


def mean_terms(
    votes: Votes,
    rows: np.ndarray | None = None,
    clusters: np.ndarray | None = None,
    grouping: str = "clips",
    seed: int = 0,
) -> Means:
    """Return the mean shares and contributions of clips.

    Args:
        votes: of all clips, whose votes make the base rates.
        rows: the clips to average over, all by default. The base rates of some clips, which are those of all, are not
            resampled.
        clusters: numbers of what clips share, int (N, k), see `data.row_splits.Clusters.numbers`.
        grouping: name of these groups.
        seed: of the bootstrap over groups.
    """
    rows = np.arange(len(votes)) if rows is None else np.asarray(rows)
    check(len(rows) > 0, "At least one clip is needed. Choose others.")
    M = len(votes.players)
    names = [
        decomposition.subset_name(subset, votes.players) for subset in decomposition.subsets(M)
    ]
    values = votes.values[rows]
    identity = np.eye(len(names))
    signs = coalition_algebra.dividends(identity[..., None], M)[
        ..., 0
    ].T  # a contribution is signs @ values
    is_joint = coalition_algebra.members(M).sum(1) > 1
    linear = np.concatenate([identity, signs, signs[is_joint].sum(0, keepdims=True)])
    resampled = values.copy()
    if np.array_equal(rows, np.arange(len(votes))):
        resampled[:, 0] += _base_influences(votes)
    over_groups = bootstrap.means(
        {str(place): resampled @ weight for place, weight in enumerate(linear)},
        seed=seed,
        clusters=None if clusters is None else clusters[rows],
    )
    terms = [
        Term(one.value, _normal_interval(one.value, error, len(rows)), one)
        for one, error in zip(over_groups.values(), _rater_errors(votes, rows, linear), strict=True)
    ]
    return Means(
        shares=dict(zip(names, terms[: len(names)], strict=True)),
        contributions=dict(zip(names, terms[len(names) : -1], strict=True)),
        joint=terms[-1] if M > 1 else None,
        clips=len(rows),
        grouping=grouping if clusters is not None else "clips",
    )


def _base_influences(votes: Votes) -> np.ndarray:
    """Return by how much each clip moves the mean base rate of the explained classes, (N,), zero on average.

    Other clips have other base rates. This is to first order, as in the infinitesimal jackknife (Efron 1982).
    """
    explained = np.bincount(votes.explained, minlength=len(votes.classes)) / len(votes)
    own = votes.counts.sum(1)
    raters = own.sum(1)
    return np.asarray((own - raters[:, None] * votes.base_rates) @ explained / raters.mean())


def _normal_interval(value: float, error: float, n: int) -> bootstrap.Interval:
    reach = float(ndtri(bootstrap.EDGES[1])) * error
    return bootstrap.Interval(value, value - reach, value + reach, n, 0)


def _rater_errors(votes: Votes, rows: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return the standard errors of means over clips of linear functions of the values, where votes are drawn anew.

    A vote for class k on clip j in condition R enters the mean twice: in the clip's own share, and in the base rates.
    The variance of a multinomial's linear function is that of a single vote over the number of votes; n / (n - 1)
    makes the estimate from n votes unbiased.

    Args:
        weights: of the values (F, 2^M); the first is that of the base rate.
    """
    shares, raters = votes.shares, votes.raters
    N, S, K = shares.shape
    explained = np.bincount(votes.explained[rows], minlength=K) / len(rows)
    times = np.bincount(rows, minlength=N) / len(rows)
    own = np.zeros((N, K))
    own[np.arange(N), votes.explained] = times
    errors = []
    for weight in weights:
        # what a single vote adds to the mean, times the number of votes on its clip
        base = weight[0] * explained / votes.counts.sum()
        variance = 0.0
        for place in range(S):
            worth = weight[1 + place] * own + raters[:, place, None] * base
            p = shares[:, place]
            spread = (p * worth**2).sum(-1) - (p * worth).sum(-1) ** 2
            variance += float((spread / (raters[:, place] - 1)).sum())
        errors.append(np.sqrt(max(0.0, variance)))
    return np.array(errors)


@dataclass(frozen=True)
class Agreement:
    """Which single modality the majority follows that is shown everything; ties are left out.

    Attributes:
        clips: number of clips. untied: those without a tie in these conditions.
        all_same: every single modality and everything together have the same majority.
        follows: by modality, clips where the majority follows this one alone.
        several: it follows some of three or more modalities.
        neither: it says what no single modality says.
        neither_but_agree: of these, clips where the single modalities agree.
    """

    clips: int
    untied: int
    all_same: int
    follows: Mapping[str, int]
    several: int
    neither: int
    neither_but_agree: int


def agreement(votes: Votes) -> Agreement:
    """Return which modality majorities follow."""
    M = len(votes.players)
    majority = votes.majorities
    single, full = majority[:, :M], majority[:, -1]
    untied = (single >= 0).all(1) & (full >= 0)
    same = (single == full[:, None])[untied]
    alone = same.sum(1) == 1
    neither = ~same.any(1)
    agree = (single[untied] == single[untied][:, :1]).all(1)
    only_one = M == 1
    follows = {}
    for m, name in enumerate(votes.players):
        follows[name] = 0 if only_one else int((alone & same[:, m]).sum())
    all_same = same.all(1)
    several = (same.sum(1) > 1) & ~all_same
    return Agreement(
        clips=len(votes),
        untied=int(untied.sum()),
        all_same=int(all_same.sum()),
        follows=follows,
        several=int(several.sum()),
        neither=int(neither.sum()),
        neither_but_agree=int((neither & agree).sum()),
    )


def majority_accuracy(votes: Votes) -> dict[str, float]:
    """Return the share of clips whose majority is the explained class, by condition; a tie is not right."""
    right = votes.majorities == votes.explained[:, None]
    return dict(zip(votes.conditions, right.mean(0).tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Information:
    """What a rater's vote tells about the explained class, in bits, of two modalities; without the bias of few clips.

    Attributes:
        redundancy, unique, synergy: decomposition of `total`, the information of two raters, each of whom was shown
            one modality.
        alone: by modality, that of one of these raters.
        together: that of one rater who was shown both.
        fused: `together` less `total`: above 0, people find together what pooling two votes does not give.
        entropy: of the class, the most that any vote can tell.
    """

    redundancy: bootstrap.Interval
    unique: Mapping[str, bootstrap.Interval]
    synergy: bootstrap.Interval
    total: bootstrap.Interval
    alone: Mapping[str, bootstrap.Interval]
    together: bootstrap.Interval
    fused: bootstrap.Interval
    entropy: float

    def frame(self) -> pd.DataFrame:
        """Return a row for each part."""
        rows = {REDUNDANCY: self.redundancy}
        rows |= {f"unique[{name}]": one for name, one in self.unique.items()}
        rows |= {SYNERGY: self.synergy, TOTAL: self.total}
        rows |= {f"alone[{name}]": one for name, one in self.alone.items()}
        rows |= {TOGETHER: self.together, FUSED: self.fused}
        return bootstrap.interval_frame("part", bits=rows)


def information(
    votes: Votes,
    clusters: np.ndarray | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Information:
    """Return what votes tell about the explained class, with intervals over groups of clips.

    Args:
        votes: of all clips. clusters: as of `mean_terms`.
        resamples, seed: of the bootstrap over groups; without resamples there are no intervals, and the bits are those
            of these clips, with their bias.

    Raises:
        InvalidInput: when there are not two modalities, there are too many classes, or all clips have one class.
    """
    M = len(votes.players)
    K = len(votes.classes)
    check(M == 2, f"Information of votes is decomposed for two modalities, but there are {M}.")
    check(
        2 <= K <= MOST_CLASSES,
        f"Information of votes is computed for at most {MOST_CLASSES} classes, but there are {K}.",
    )
    present = np.unique(votes.explained)
    check(
        len(present) > 1,
        "Votes can tell about a class that differs between clips, but all clips have the same. Import the ratings "
        "with the intended class.",
    )
    first, second, both = votes.shares.swapaxes(0, 1)
    pooled = (first[:, :, None] * second[:, None, :]).reshape(len(votes), K * K)
    whole = _tables(votes, present, np.ones((1, len(votes))), pooled, both)[0]
    value = _parts(whole, K, votes.players)
    rough = _parts(whole, K, votes.players, ROUGH)
    drawn: dict[str, list[float]] = {name: [] for name in value}
    if bootstrap.has_enough(len(votes), clusters):
        for weights in bootstrap.counts(len(votes), resamples, seed, clusters):
            for table in _tables(votes, present, weights, pooled, both):
                if (table.sum(1) > 0).all():
                    for name, bits in _parts(table, K, votes.players, ROUGH).items():
                        drawn[name].append(bits)
    intervals = {
        name: _without_bias(
            one,
            np.array(drawn[name]) - rough[name],
            len(votes),
            bootstrap.independent_units(len(votes), clusters),
            least=-np.inf if name == FUSED else 0.0,
        )
        for name, one in value.items()
    }
    a, b = votes.players
    return Information(
        redundancy=intervals[REDUNDANCY],
        unique={name: intervals[f"unique[{name}]"] for name in (a, b)},
        synergy=intervals[SYNERGY],
        total=intervals[TOTAL],
        alone={name: intervals[f"alone[{name}]"] for name in (a, b)},
        together=intervals[TOGETHER],
        fused=intervals[FUSED],
        entropy=_entropy(votes.explained),
    )


def _entropy(classes: np.ndarray) -> float:
    p = np.unique(classes, return_counts=True)[1] / len(classes)
    return float(-(p * np.log2(p)).sum())


def _without_bias(
    value: float, errors: np.ndarray, n: int, units: int, least: float = -np.inf
) -> bootstrap.Interval:
    """Return the basic bootstrap interval of a value whose resamples have errors (r,), and the value less their mean,
    neither below the `least` that is possible."""
    if not len(errors):
        return bootstrap.Interval(value, np.nan, np.nan, n, 0)
    low, high = value - np.quantile(errors, interval_ends.edges(units)[::-1])
    best, low, high = np.maximum([value - errors.mean(), low, high], least).tolist()
    return bootstrap.Interval(best, low, high, n, len(errors))


def _tables(
    votes: Votes, present: np.ndarray, weights: np.ndarray, pooled: np.ndarray, both: np.ndarray
) -> np.ndarray:
    """Return p(class, votes) of clips with weights (R, N): (R, classes, K^2 + K): pooled votes, then those of both."""
    columns = np.concatenate([pooled, both], 1)
    result = np.empty((len(weights), len(present), columns.shape[1]))
    for place, number in enumerate(present):
        rows = votes.explained == number
        result[:, place] = weights[:, rows] @ columns[rows]
    return result / weights.sum(1)[:, None, None]


def _parts(
    table: np.ndarray, K: int, players: tuple[str, ...], tolerance: float = EXACT
) -> dict[str, float]:
    """Return the bits of every part, of a table (classes, K^2 + K)."""
    joint = table[:, : K * K]
    both = table[:, K * K :]
    square = joint.reshape(-1, K, K)
    alone = [square.sum(2), square.sum(1)]
    bits = [union([part]).bits for part in alone]
    whole = union(alone, tolerance, 20_000).bits
    total = union([joint]).bits
    together = union([both]).bits
    a, b = players
    return {
        REDUNDANCY: bits[0] + bits[1] - whole,
        f"unique[{a}]": whole - bits[1],
        f"unique[{b}]": whole - bits[0],
        SYNERGY: total - whole,
        TOTAL: total,
        f"alone[{a}]": bits[0],
        f"alone[{b}]": bits[1],
        TOGETHER: together,
        FUSED: together - total,
    }
