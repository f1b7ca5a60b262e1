"""What a model takes from each modality alone, beside what people say of it; its verdicts, beside where people's labels
conflict.

A modality's own term is its Harsanyi dividend: what the score is expected to be where only this modality is known, less
the baseline. People's labels of single modalities (CH-SIMS, Yu and others 2020, ACL) answer the same question. Of both,
for the samples that have a label: Spearman's rank correlation; how often a label that is not 0 has the term's sign; and
calibration, the slope of the label over the term, with means of bins.

Intervals resample what rows share, see `stability`. The control is labels shuffled among the samples: 95 % of such
shuffles lie in the range that stands beside each number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion._sentences import listed, share
from qfusion.data.unimodal_labels import label_conflicts
from qfusion.explain import coalitions, stability, verdicts

SHUFFLES = 400
NAMED = 4  # modalities that a title names; of more it says how many
BINS = 8  # of the own term, as many samples in each
VERDICTS = ("joint", "conflict")
EITHER = "joint or conflict"


@dataclass(frozen=True)
class Shuffled:
    """The range of 95 % of the values with shuffled labels; NaN where there is none."""

    low: float
    high: float


NO_RANGE = Shuffled(np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class Alone:
    """One modality's own terms beside the labels of it.

    Attributes:
        modality: its name. term, label: of the n samples that have a label, (n,). places: of these among all, (n,).
        rank: Spearman's correlation. sign: share of the labels that are not 0 whose sign the term has. slope: of the
            label over the term, least squares. shuffled: by "rank" and "sign", with labels shuffled.
    """

    modality: str
    term: np.ndarray
    label: np.ndarray
    places: np.ndarray
    rank: stability.Interval
    sign: stability.Interval
    slope: stability.Interval
    shuffled: Mapping[str, Shuffled]

    def binned(self) -> pd.DataFrame:
        """Returns mean `term` and `label` and the number of samples `n` of at most BINS bins of the term."""
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


@dataclass(frozen=True, eq=False)
class Rate:
    """How often samples get a verdict: of those that people call conflicting, of the others, the first less the second,
    and that with shuffled labels."""

    conflicting: stability.Interval
    others: stability.Interval
    difference: stability.Interval
    shuffled: Shuffled


@dataclass(frozen=True, eq=False)
class Beside:
    """A model beside people's labels.

    Attributes:
        alone: a part for each labelled modality. rates: by verdict, `VERDICTS` and `EITHER`.
        samples: looked at; known: those with all labels; conflicting: those of them that people call so.
    """

    alone: tuple[Alone, ...]
    rates: Mapping[str, Rate]
    samples: int
    known: int
    conflicting: int

    def frame(self) -> pd.DataFrame:
        """Returns a row a modality: samples with a label, then value, low and high of `rank`, `sign` and `slope`, and
        the range of the first two with shuffled labels."""
        return pd.DataFrame(
            [
                {"modality": entry.modality, "n": len(entry.label)}
                | _columns("rank", entry.rank)
                | _columns("rank:shuffled", entry.shuffled["rank"], "_")
                | _columns("sign", entry.sign)
                | _columns("sign:shuffled", entry.shuffled["sign"], "_")
                | _columns("slope", entry.slope)
                for entry in self.alone
            ]
        )

    def rate_frame(self) -> pd.DataFrame:
        """Returns a row a verdict: its rate among samples that people call conflicting, among the others, and the
        difference, each with its interval, and the range of the last with shuffled labels."""
        return pd.DataFrame(
            [
                {"verdict": name}
                | _columns("conflicting", rate.conflicting)
                | _columns("others", rate.others)
                | _columns("difference", rate.difference)
                | _columns("shuffled", rate.shuffled, "_")
                for name, rate in self.rates.items()
            ]
        )


def _columns(name: str, interval: stability.Interval | Shuffled, mark: str = ":") -> dict[str, Any]:
    """The columns of an interval, or of a range."""
    value = {name: interval.value} if isinstance(interval, stability.Interval) else {}
    return value | {f"{name}{mark}low": interval.low, f"{name}{mark}high": interval.high}


def beside(
    explanation: coalitions.Explanation,
    labels: pd.DataFrame,
    whole: np.ndarray,
    *,
    clusters: np.ndarray | None = None,
    resamples: int = stability.RESAMPLES,
    seed: int = 0,
) -> Beside:
    """Compares own terms and verdicts with people's labels of the same samples.

    Args:
        explanation: of B samples with one output.
        labels: B rows in the same order, a column a labelled modality, NaN where nobody labelled it.
        whole: label of the sample as a whole, (B,).
        clusters: of the samples, see `stability.counts`. resamples, seed: of the bootstrap, and the shuffles' seed.

    Raises:
        InvalidInput: when rows or modalities do not fit.
    """
    B, names = len(explanation.dividends), list(explanation.modalities)
    unknown = [name for name in labels.columns if name not in names]
    check(
        not unknown and len(labels.columns) > 0,
        f"Argument `labels` must have columns among {tuple(names)}, but has {tuple(labels.columns)}. Rename them.",
    )
    check(
        len(labels) == B == len(whole) and explanation.dividends.shape[2] == 1,
        f"Arguments `labels` and `whole` must have {B} rows, one a sample, of a model with one output, but have "
        f"{len(labels)} and {len(whole)}. Take the explained samples.",
    )
    values = labels.to_numpy(float)
    parts = [
        _alone(
            str(name),
            explanation.dividends[:, 1 + names.index(name), 0],
            values[:, i],
            clusters,
            resamples,
            seed,
        )
        for i, name in enumerate(labels.columns)
    ]
    called = label_conflicts(values, whole)
    known = np.flatnonzero(np.isfinite(called))
    relation = verdicts.judge(explanation).relation[known]
    hits = {
        **{name: (relation == name).astype(float) for name in VERDICTS},
        EITHER: np.isin(relation, VERDICTS).astype(float),
    }
    inside = None if clusters is None else clusters[known]
    rates = {name: _rate(hit, called[known], inside, resamples, seed) for name, hit in hits.items()}
    return Beside(tuple(parts), rates, B, len(known), int(called[known].sum()))


def _alone(
    name: str,
    term: np.ndarray,
    label: np.ndarray,
    clusters: np.ndarray | None,
    resamples: int,
    seed: int,
) -> Alone:
    places = np.flatnonzero(np.isfinite(label))
    x, y = term[places], label[places]
    own = None if clusters is None else clusters[places]
    intervals = stability.intervals(
        {"rank": lambda w: stability.spearman(x, y, w), "slope": lambda w: _slope(x, y, w)},
        len(x),
        resamples,
        seed,
        own,
    )
    says = y != 0
    right = (np.sign(x) == np.sign(y))[says].astype(float)
    sign = stability.mean(
        right, resamples=resamples, seed=seed, clusters=None if own is None else own[says]
    )
    return Alone(
        name, x, y, places, intervals["rank"], sign, intervals["slope"], _shuffled(x, y, seed)
    )


def _slope(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Slope (r,) of y over x under counts (r, n); NaN where x is constant."""
    dx = x - weights @ x[:, None] / weights.sum(-1, keepdims=True)
    varies = (weights * dx**2).sum(-1) > 1e-24 * float(np.abs(x).max(initial=0)) ** 2
    return np.where(
        varies, (weights * dx * y).sum(-1) / np.where(varies, (weights * dx**2).sum(-1), 1), np.nan
    )


def _shuffled(x: np.ndarray, y: np.ndarray, seed: int) -> dict[str, Shuffled]:
    if len(x) < stability.FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return {"rank": NO_RANGE, "sign": NO_RANGE}
    one = np.ones((1, len(x)))
    a, b = (
        (part - part.mean()) / part.std()
        for part in (stability.ranks(x, one)[0], stability.ranks(y, one)[0])
    )
    orders = _orders(len(x), seed)
    signs = np.sign(y)[orders]
    says = signs != 0
    right = (says & (signs == np.sign(x))).sum(1) / np.maximum(says.sum(1), 1)
    return {
        "rank": _range(b[orders] @ a / len(x)),
        "sign": _range(np.where(says.any(1), right, np.nan)),
    }


def _orders(n: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng((seed, n))
    return np.stack([rng.permutation(n) for _ in range(SHUFFLES)])


def _range(values: np.ndarray) -> Shuffled:
    known = values[np.isfinite(values)]
    return Shuffled(*map(float, np.quantile(known, stability.EDGES))) if len(known) else NO_RANGE


def _rate(
    hit: np.ndarray, called: np.ndarray, clusters: np.ndarray | None, resamples: int, seed: int
) -> Rate:
    """Rates of a verdict (n,) among samples that are called conflicting (n,) and not."""

    def rate(weights: np.ndarray, group: np.ndarray) -> np.ndarray:
        total = weights @ group
        return np.where(total > 0, weights @ (group * hit) / np.where(total > 0, total, 1), np.nan)

    yes, no = partial(rate, group=called), partial(rate, group=1 - called)
    intervals = stability.intervals(
        {"yes": yes, "no": no, "difference": lambda w: yes(w) - no(w)},
        len(hit),
        resamples,
        seed,
        clusters,
    )
    count, control = called.sum(), NO_RANGE
    if min(count, len(hit) - count) >= stability.FEWEST:
        drawn = called[_orders(len(hit), seed)]
        control = _range(drawn @ hit / count - (1 - drawn) @ hit / (len(hit) - count))
    else:
        intervals = {
            name: stability.Interval(entry.value, np.nan, np.nan, entry.n, 0)
            for name, entry in intervals.items()
        }
    return Rate(intervals["yes"], intervals["no"], intervals["difference"], control)


def difference(
    a: Beside,
    b: Beside,
    clusters: np.ndarray | None = None,
    *,
    resamples: int = stability.RESAMPLES,
    seed: int = 0,
) -> dict[str, stability.Interval]:
    """Returns by how much the rank correlations of a second model exceed those of a first on the same samples, by
    modality; both are resampled together."""

    def more(one: Alone, other: Alone) -> stability.Interval:
        return stability.intervals(
            {
                "": lambda weights: (
                    stability.spearman(other.term, one.label, weights)
                    - stability.spearman(one.term, one.label, weights)
                )
            },
            len(one.term),
            resamples,
            seed,
            None if clusters is None else clusters[one.places],
        )[""]

    return {one.modality: more(one, other) for one, other in zip(a.alone, b.alone, strict=True)}


# What is said of it


def rises(entry: Alone) -> bool:
    """Whether own terms are shown to rise with the labels: the interval lies above 0, and the value above what
    shuffled labels give."""
    return (
        entry.rank.known and entry.rank.low > 0 and entry.rank.value > entry.shuffled["rank"].high
    )


def falls(entry: Alone) -> bool:
    """Whether own terms are shown to fall where the labels rise."""
    return (
        entry.rank.known and entry.rank.high < 0 and entry.rank.value < entry.shuffled["rank"].low
    )


def follows(alone: tuple[Alone, ...], whose: str, show: Callable[[str], str] = str) -> str:
    """Returns of which modalities own terms rise with the labels, fall, or neither is shown, as a title."""

    def named(parts: list[Alone]) -> str:
        if len(alone) > NAMED:
            return f"{len(parts)} of {len(alone)} modalities"
        return listed([f"{show(part.modality)} ({_interval(part.rank)})" for part in parts])

    few = [entry for entry in alone if not entry.rank.known]
    rising, falling = [e for e in alone if rises(e)], [e for e in alone if falls(e)]
    rest = [e for e in alone if e not in [*few, *rising, *falling]]
    unknown = (
        named(few)
        if len(alone) > NAMED
        else listed([f"{show(e.modality)} (n = {len(e.label):,})" for e in few])
    )
    groups = (  # how each begins as the first part of the sentence, and as a later one
        (rising, "Own terms", "", f" rise with {whose} of {named(rising)}"),
        (falling, "Own terms", "they", f" fall where {whose} rise of {named(falling)}"),
        (rest, f"Not shown that own terms go with {whose} of", "not shown for", f" {named(rest)}"),
        (few, "Too", "too", f" few or constant numbers to tell for {unknown}"),
    )
    parts = [part for members, *part in groups if members]
    return "; ".join(
        (later if place else first) + text for place, (first, later, text) in enumerate(parts)
    )


def _interval(interval: stability.Interval) -> str:
    return f"ρ = {interval.value:+z.2f} [{interval.low:+z.2f}, {interval.high:+z.2f}]"


def differs(rate: Rate) -> bool:
    """Whether the two rates are shown to differ: the interval of the difference excludes 0, and its value lies outside
    of what shuffled labels give."""
    value = rate.difference.value
    return rate.difference.excludes_zero and (
        value > rate.shuffled.high or value < rate.shuffled.low
    )


def meets(result: Beside, whose: str, verdict: str = EITHER) -> str:
    """Returns whether samples that people call conflicting get a verdict more often than the others, as a title."""
    rate, group = result.rates[verdict], "Samples whose signs conflict"
    if not result.known:
        return f"No sample has {whose} of every modality, so that none can be called conflicting"
    text = (
        f"{_share(rate.conflicting.value)} of {result.conflicting:,} against {_share(rate.others.value)} of "
        f"{result.known - result.conflicting:,}"
    )
    if not rate.difference.known:
        return f"Too few samples to tell whether a conflict of {whose} goes with a {verdict} verdict: {text}"
    points = (
        f"{100 * rate.difference.value:+z.0f} points [{100 * rate.difference.low:+z.0f}, "
        f"{100 * rate.difference.high:+z.0f}]"
    )
    if not differs(rate):
        return f"Not shown that {group.lower()} in {whose} get a {verdict} verdict more or less often: {text}, {points}"
    more = "more" if rate.difference.value > 0 else "less"
    return f"{group} in {whose} get a {verdict} verdict {more} often: {text}, {points}"


def _share(value: float) -> str:
    return share(value) if np.isfinite(value) else "none"


def closer(
    intervals: Mapping[str, stability.Interval],
    first: str,
    second: str,
    whose: str,
    show: Callable[[str], str] = str,
) -> str:
    """Returns of which modalities a second model's own terms go more, or less, with the labels than a first one's, as a
    sentence."""
    groups: dict[str, list[str]] = {"more": [], "less": [], "alike": [], "few": []}
    for name, entry in intervals.items():
        change = f"{entry.value:+z.3f} [{entry.low:+z.3f}, {entry.high:+z.3f}]"
        if not entry.known:
            groups["few"].append(show(name))
        elif not entry.excludes_zero:
            groups["alike"].append(f"{show(name)} ({change})")
        else:
            groups["more" if entry.low > 0 else "less"].append(f"{show(name)} ({change})")
    more, less, alike, few = (listed(names) for names in groups.values())
    parts = (
        (more, f"own terms of {second} go more with {whose} of {more} than those of {first}"),
        (less, f"own terms of {second} go less with {whose} of {less} than those of {first}"),
        (alike, f"no difference of {first} and {second} is shown for {alike}"),
        (few, f"too few or constant numbers to tell for {few}"),
    )
    text = "; ".join(part for names, part in parts if names)
    return text[:1].upper() + text[1:]


def of_sample(
    labels: Mapping[str, float],
    terms: Mapping[str, float],
    whole: float,
    whose: str,
    show: Callable[[str], str] = str,
) -> str:
    """Returns of which modalities of one sample the own term has the label's sign, and whether signs conflict, as a
    title.

    Args:
        labels: by modality, those that are known. terms: own terms, by modality. whole: label of the whole; NaN where a
            label is missing, so that no conflict can be told.
    """
    words = {name: value for name, value in labels.items() if value != 0}
    right = [name for name in words if np.sign(terms[name]) == np.sign(words[name])]
    wrong = [name for name in words if name not in right]
    if not words:
        first = f"{whose[:1].upper()}{whose[1:]} of its modalities are 0"
    elif right:
        rest = f", not of {_names(wrong, show)}" if wrong else ""
        first = f"Own terms have the signs of {whose} of {_names(right, show)}{rest}"
    else:
        first = f"Own terms do not have the signs of {whose} of {_names(wrong, show)}"
    called = label_conflicts(np.array([list(labels.values())]), np.array([whole]))[0]
    tail = (
        ""
        if np.isnan(called)
        else "; their signs and that of the whole conflict"
        if called
        else "; their signs and that of the whole do not conflict"
    )
    return first + tail


def _names(names: list[str], show: Callable[[str], str]) -> str:
    return (
        listed([show(name) for name in names])
        if len(names) <= NAMED
        else f"{len(names)} modalities"
    )
