"""Compare a model's own terms with labels of single modalities, and its verdicts with conflicts between these labels.

A modality's own term is its Harsanyi dividend: what the score is expected to be where only this modality is known, less
the baseline. People's labels of single modalities (CH-SIMS, Yu and others 2020, ACL) answer the same question. How both
are compared is in `term_agreement`; people's votes, which are contributions themselves, are in `crowd_comparison`.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data.target_spec import label_conflicts
from qfusion.explain import bootstrap, coalitions, verdicts
from qfusion.plugins.people.labels.term_agreement import (
    NO_RANGE,
    ShuffledRange,
    TermAgreement,
    Trend,
    compare_terms,
    random_orders,
    range_of_shuffles,
)

VERDICTS = ("joint", "conflict")
EITHER = "joint or conflict"


@dataclass(frozen=True, eq=False)
class VerdictRate:
    """Rate of a verdict among the samples that people call conflicting, among the other samples, the difference of
    the two, and its range with shuffled labels.
    """

    conflicting: bootstrap.Interval
    others: bootstrap.Interval
    difference: bootstrap.Interval
    shuffled: ShuffledRange


@dataclass(frozen=True, eq=False)
class LabelAgreement:
    """A model beside people's labels.

    Attributes:
        alone: a part for each labelled modality. rates: by verdict, `VERDICTS` and `EITHER`.
        samples: looked at; known: those with all labels; conflicting: those of them that people call so.
    """

    alone: tuple[TermAgreement, ...]
    rates: Mapping[str, VerdictRate]
    samples: int
    known: int
    conflicting: int

    def frame(self) -> pd.DataFrame:
        """Return one row per modality: number of samples with a label, then value, low and high of `rank`, `sign`
        and `slope`, and the range of the first two with shuffled labels.
        """
        return pd.DataFrame(
            [
                {"modality": entry.name, "n": len(entry.label)}
                | _columns("rank", entry.rank)
                | _columns("rank:shuffled", entry.shuffled["rank"], "_")
                | _columns("sign", entry.sign)
                | _columns("sign:shuffled", entry.shuffled["sign"], "_")
                | _columns("slope", entry.slope)
                for entry in self.alone
            ]
        )

    def rate_frame(self) -> pd.DataFrame:
        """Return one row per verdict: its rate among samples that people call conflicting, its rate among the
        others, and the difference, each with its interval, and the range of the difference with shuffled labels.
        """
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


def _columns(
    name: str, interval: bootstrap.Interval | ShuffledRange, mark: str = ":"
) -> dict[str, Any]:
    """The columns of an interval, or of a range."""
    value = {name: interval.value} if isinstance(interval, bootstrap.Interval) else {}
    return value | {f"{name}{mark}low": interval.low, f"{name}{mark}high": interval.high}


def compare_with_labels(
    explanation: coalitions.Explanation,
    labels: pd.DataFrame,
    whole: np.ndarray,
    *,
    clusters: np.ndarray | None = None,
    resamples: int = bootstrap.RESAMPLES,
    seed: int = 0,
) -> LabelAgreement:
    """Compare own terms and verdicts with people's labels of the same samples.

    Args:
        explanation: of B samples with one output.
        labels: B rows in the same order, a column a labelled modality, NaN where nobody labelled it.
        whole: label of the sample as a whole, (B,).
        clusters: of the samples, see `bootstrap.counts`. resamples, seed: of the bootstrap, and the shuffles' seed.

    Raises:
        InvalidInput: when rows or modalities do not fit.
    """
    B = len(explanation.dividends)
    names = list(explanation.modalities)
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
        compare_terms(
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
    rates = {name: verdict_rate(hit, called[known], inside, seed) for name, hit in hits.items()}
    return LabelAgreement(tuple(parts), rates, B, len(known), int(called[known].sum()))


def verdict_rate(
    hit: np.ndarray, called: np.ndarray, clusters: np.ndarray | None, seed: int
) -> VerdictRate:
    """Rates of a verdict (n,) among samples that are called conflicting (n,) and not; their difference with the
    interval of Newcombe (1998, Statistics in Medicine 17, 873), which joins those of both."""
    count, control = called.sum(), NO_RANGE
    known = min(count, len(hit) - count) >= bootstrap.FEWEST and bootstrap.has_enough(
        len(hit), clusters
    )

    def rate(group: np.ndarray) -> bootstrap.Interval:
        hits = hit[group].astype(bool)
        own = None if clusters is None else clusters[group]
        ends = bootstrap.outcome_ends(hits, own) if known else (np.nan, np.nan)
        return bootstrap.Interval(hits.mean() if len(hits) else np.nan, *ends, len(hits), 0)

    yes, no = rate(called > 0), rate(called == 0)
    value = yes.value - no.value
    low, high = np.nan, np.nan
    if known:
        low = value - float(np.hypot(yes.value - yes.low, no.high - no.value))
        high = value + float(np.hypot(yes.high - yes.value, no.value - no.low))
        drawn = called[random_orders(len(hit), seed)]
        control = range_of_shuffles(drawn @ hit / count - (1 - drawn) @ hit / (len(hit) - count))
    more = bootstrap.Interval(value, low, high, len(hit), 0)
    return VerdictRate(yes, no, more, control)


def difference(
    a: LabelAgreement,
    b: LabelAgreement,
    clusters: np.ndarray | None = None,
    *,
    resamples: int = bootstrap.RESAMPLES,
    seed: int = 0,
) -> dict[str, bootstrap.Interval]:
    """Return by how much the rank correlations of a second model exceed those of a first on the same samples, by
    modality; both are resampled together."""

    def more(one: TermAgreement, other: TermAgreement) -> bootstrap.Interval:
        return bootstrap.intervals(
            {
                "": lambda weights: (
                    bootstrap.spearman(other.term, one.label, weights)
                    - bootstrap.spearman(one.term, one.label, weights)
                )
            },
            len(one.term),
            resamples,
            seed,
            None if clusters is None else clusters[one.places],
        )[""]

    return {one.name: more(one, other) for one, other in zip(a.alone, b.alone, strict=True)}


def verdict_trend(rate: VerdictRate) -> Trend:
    """Return whether samples that people call conflicting get the verdict more or less often than the others. This
    requires that the interval of the difference excludes zero and that its value lies outside the range for shuffled
    labels.
    """
    difference = rate.difference
    if not difference.known:
        return Trend.UNKNOWN
    if difference.excludes_zero and difference.value > rate.shuffled.high:
        return Trend.RISES
    if difference.excludes_zero and difference.value < rate.shuffled.low:
        return Trend.FALLS
    return Trend.NOT_SHOWN


@dataclass(frozen=True)
class SampleAgreement:
    """The own terms of one sample beside the labels of its modalities.

    Attributes:
        same_sign, other_sign: modalities whose label is not 0, by whether the own term has its sign.
        unread: those whose own term is within its spread over training seeds, so that it has no sign to compare.
        conflict: whether the labels and that of the whole have both signs; None where a label is missing.
    """

    same_sign: tuple[str, ...]
    other_sign: tuple[str, ...]
    conflict: bool | None
    unread: tuple[str, ...] = ()


def sample_agreement(
    labels: Mapping[str, float],
    terms: Mapping[str, float],
    whole: float,
    within_spread: Collection[str] = (),
) -> SampleAgreement:
    """Return whether the own terms of one sample have the signs of its labels.

    Args:
        labels: by modality, those that are known.
        terms: own terms, by modality.
        whole: label of the whole; NaN where a label is missing, so that a conflict is unknown.
        within_spread: terms within their spread over training seeds.
    """
    same_sign: list[str] = []
    other_sign: list[str] = []
    for name, label in labels.items():
        if label == 0 or name in within_spread:
            continue
        agrees = np.sign(terms[name]) == np.sign(label)
        (same_sign if agrees else other_sign).append(name)
    called = label_conflicts(np.array([list(labels.values())]), np.array([whole]))[0]
    conflict = None if np.isnan(called) else bool(called)
    unread = tuple(name for name, label in labels.items() if label and name in within_spread)
    return SampleAgreement(tuple(same_sign), tuple(other_sign), conflict, unread)
