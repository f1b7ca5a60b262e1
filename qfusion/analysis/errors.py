"""Errors of a model: by split, cohort and slice, the term that misled each wrong decision, and overall quality.

levels = levels_of(open_sample("qj-planted", "p0031"), "relation=conflict; error>1")"""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import log_softmax, ndtri

from qfusion._checks import check, choose
from qfusion.analysis import (
    Sample,
    cohort_groups,
    cohort_measures,
    cohort_table,
    drawn_samples,
    outputs,
    text,
)
from qfusion.analysis.memo import memo
from qfusion.analysis.spaces.masses import CONFLICT, DISAGREEMENT, MEAN_ENTROPY
from qfusion.analysis.study import Study
from qfusion.explain import cohorts, stability
from qfusion.training import metrics

means = memo(256)(stability.means)
correlation = memo(128)(stability.correlation)


@dataclass(frozen=True, eq=False)
class Levels:
    """The three levels.

    Attributes:
        sample: the current one. output_wanted: number of the explained score; None: of each sample its predicted
            class's.
        rows: the explained samples of the split. inside: which of them are the cohort's, bool (n,).
        parts: of the filter. split: names of the splits; is_partial: whether some of their samples are not explained.
        name: of the cohort; empty unless it is saved under one.
        own: the current sample's row, None when it is not explained.
    """

    sample: Sample
    output_wanted: int | None
    rows: pd.DataFrame
    inside: np.ndarray
    parts: tuple[cohorts.Part, ...]
    split: tuple[str, ...]
    is_partial: bool
    name: str
    own: pd.Series | None

    @property
    def study(self) -> Study:
        """The model on its data."""
        return self.sample.study

    def clusters(self, keep: np.ndarray | None = None) -> np.ndarray | None:
        """Numbers of what the rows of the table (those to keep) share, (n, k); None where they are independent."""
        return cohort_table.row_clusters(
            self.study.dataset, self.places(self.rows if keep is None else self.rows[keep])
        )

    def places(self, rows: pd.DataFrame) -> np.ndarray:
        """Where rows of the table stand in the data set, (n,)."""
        return self.study.dataset.rows_of(rows.index)


def build_levels(sample: Sample, filter: str = "", *, output: str = "", name: str = "") -> Levels:
    """Returns a sample, the cohort of a filter and all explained samples of its split.

    Args:
        sample: of any model.
        filter: of the cohort, such as "relation=conflict; error>1"; everyone in the test split unless told.
        output: what is explained, see `outputs.parse`; of each sample the class decided for unless told.
        name: of the cohort, where it has one.

    Raises:
        NotFound, InvalidInput: when the filter names what is not there, or there is no such class.
    """
    study, parts = sample.study, cohorts.parse(filter)
    wanted = outputs.parse(output, study.classes)
    study, number = study.with_reference(wanted.reference), wanted.number
    table = cohort_table.cohort_table_with_maps(study, number, parts)
    rows, inside, split, is_partial = filter_split(table, parts)
    own = table.loc[sample.id]
    return Levels(
        sample,
        number,
        rows,
        inside,
        parts,
        split,
        is_partial,
        name,
        own if np.isfinite(float(own[cohort_table.JOINT])) else None,
    )


def filter_split(
    table: pd.DataFrame, parts: Sequence[cohorts.Part]
) -> tuple[pd.DataFrame, np.ndarray, tuple[str, ...], bool]:
    """Return the explained rows of a filter's splits, and which of them pass it, bool (n,).

    Returns:
        rows, mask, names of the splits, and whether some of their samples are not explained.
    """
    every = cohorts.within_split(parts, table)
    within = every & np.isfinite(table[cohort_table.JOINT].to_numpy())
    split = tuple(value for part in cohorts.split_of(parts) for value in part.values)
    is_partial = bool(within.sum() < every.sum())
    return table[within], cohorts.passing(parts, table)[within], split, is_partial


@dataclass(frozen=True, eq=False)
class Related:
    """A measure of entanglement and the strength of the interaction, sample by sample.

    Attributes:
        rows: of the samples that are measured. inside: which of them are the cohort's, bool (n,).
        x, y: the measure and the strength, (n,).
        correlations: Pearson's and Spearman's of "all" and of the "cohort".
    """

    rows: pd.DataFrame
    inside: np.ndarray
    x: np.ndarray
    y: np.ndarray
    correlations: dict[str, dict[str, stability.Interval]]


def correlate_measures(
    levels: Levels, measure: str, strength: str, everyone: bool = False
) -> Related:
    """Returns a measure of entanglement against a strength of the interaction; of `FEW_SLOW` samples drawn at random
    where it is slow and there are more than `MAX_SLOW`.

    Args:
        levels: of a model that entangles.
        measure: a key of `cohort_measures.measure_titles`. strength: a key of `cohort_measures.strength_titles`.
        everyone: of all samples, however long it takes.

    Raises:
        NotFound: when there is no such measure.
    """
    choose("Measure", measure, cohort_measures.measure_titles(levels.study))
    choose("Strength", strength, cohort_table.STRENGTHS)
    rows, inside = levels.rows, levels.inside
    if cohort_measures.is_slow(measure):
        at = drawn_samples.drawn_places(
            len(rows), cohort_measures.MAX_SLOW, cohort_measures.FEW_SLOW, everyone
        )
        rows, inside = rows.iloc[at], inside[at]
        x = cohort_measures.correlations(levels.study, levels.places(rows))[measure]
    else:
        x = cohort_measures.entropies(levels.study, rows, measure)
    y = rows[strength].to_numpy(dtype=float)
    return Related(
        rows,
        inside,
        x,
        y,
        {
            name: correlation(
                x[keep],
                y[keep],
                clusters=cohort_table.row_clusters(levels.study.dataset, levels.places(rows[keep])),
            )
            for name, keep in (("all", np.ones(len(rows), dtype=bool)), ("cohort", inside))
        },
    )


# Slices of a cohort by what its samples have in common, and how often the model is wrong in each. Free of streamlit.
#
# result = slices(levels_of(open_sample("qj-planted", "p0031")), "regime")
# result[0].name, result[0].rate, result[0].low, result[0].high

MAX_SLICES, MAX_WORST = 24, 12
_OUTCOMES = (
    cohort_table.VERDICT,
    cohort_table.SIGN,
    "error",
)  # what a filter may say of how a sample is decided, which is what is counted
WORST_PART = 0.25  # of a regression's samples count as errors: those of the largest


@dataclass(frozen=True, eq=False)
class Slice:
    """Samples that have something in common.

    Attributes:
        name: of the slice. parts: its condition in a filter.
        count: of samples. wrong: how many of them are errors.
        rate: their part; low, high: its 95 % interval (Wilson 1927), of as many independent samples as say as much.
        error: mean error.
    """

    name: str
    parts: tuple[cohorts.Part, ...]
    count: int
    wrong: int
    rate: float
    low: float
    high: float
    error: float


def wilson(wrong: float, count: float, level: float = stability.LEVEL) -> tuple[float, float]:
    """Returns both ends of the score interval of a rate (Wilson 1927, Journal of the American Statistical Association
    22, 209).

    Args:
        wrong: hits. count: trials, above 0; of samples that are not independent, as many as would say as much, see
            `stability.effective`. level: of the interval.

    Raises:
        InvalidInput: when there are no trials, or more hits than trials.
    """
    check(
        0 <= wrong <= count and count > 0,
        f"Argument `wrong` must lie between 0 and `count`, which is above 0, but they are {wrong} and {count}.",
    )
    z = float(ndtri(0.5 + level / 2))
    share, more = wrong / count, z * z / count
    middle = (share + more / 2) / (1 + more)
    half = z / (1 + more) * math.sqrt(share * (1 - share) / count + more / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def limit(levels: Levels) -> float:
    """Returns from which size on an error of a regression counts as one: the largest quarter of all of the split."""
    return (
        float(levels.rows["error"].quantile(1 - WORST_PART)) if len(levels.rows) else float("nan")
    )


def is_error(levels: Levels) -> np.ndarray:
    """Returns which samples of the split are errors, bool (n,): taken for another class, or of a regression among the
    quarter of the largest errors."""
    if levels.study.classes:
        at = levels.places(levels.rows)
        return np.asarray(levels.study.predicted[at] != levels.study.dataset.y[at])
    return (levels.rows["error"] >= limit(levels)).to_numpy()


def slice_kinds(study: Study, rows: pd.DataFrame) -> tuple[str, ...]:
    """Returns by what samples can be sliced, as readers say it: a column of words, or of numbers in quarters."""
    known = [
        text.find_column(name, map(str, rows.columns))
        for name in cohort_groups.groupings(study, rows)[1:]
        if not name.endswith(cohort_groups.QUARTERS)
        and name not in (cohort_table.VERDICT, "sign of truth")
    ]
    numbers = [
        *([] if study.classes else ["truth"]),
        "certainty",
        CONFLICT,
        DISAGREEMENT,
        MEAN_ENTROPY,
        cohort_table.JOINT_SHARE,
        cohort_table.JOINT,
    ]
    first = [
        name
        for name in (*known, cohort_table.DOMINANT, *(["prediction"] if study.classes else []))
        if 1 < rows[name].astype(str).nunique() <= MAX_SLICES or name == "relation"
    ]
    return tuple(
        dict.fromkeys(
            [
                *map(text.column, first),
                *(
                    text.column(name) + cohort_groups.QUARTERS
                    for name in numbers
                    if name in rows.columns
                ),
            ]
        )
    )


def column(rows: pd.DataFrame, by: str) -> str:
    """Returns the column that one of `kinds` is about."""
    return text.find_column(by.removesuffix(cohort_groups.QUARTERS), map(str, rows.columns))


def omitted_parts(levels: Levels, by: str) -> tuple[cohorts.Part, ...]:
    """Returns the filter's own conditions that slices do not keep: on the sliced column, which would leave one slice,
    and on whether a sample is decided right, which would make every sample an error."""
    return tuple(
        part for part in levels.parts if part.column in (column(levels.rows, by), *_OUTCOMES)
    )


def slices(levels: Levels, by: str = "") -> list[Slice]:
    """Returns the slices of the samples that pass the cohort's filter but for its conditions that are `omitted_parts`,
    the highest error rate first.

    Args:
        levels: all samples and a cohort of them.
        by: of `kinds`; the first unless told.

    Raises:
        NotFound: when samples cannot be sliced so.
    """
    known = slice_kinds(levels.study, levels.rows)
    by = choose("Slices", text.column(by), known) if by else known[0]
    own = omitted_parts(levels, by)
    within = cohorts.passing([part for part in levels.parts if part not in own], levels.rows)
    wrong, errors = is_error(levels), levels.rows["error"].to_numpy(dtype=float)
    result = []
    for title, parts in _conditions(levels.rows[within], by):
        keep = within & cohorts.passing([*cohorts.split_of(levels.parts), *parts], levels.rows)
        count, bad = int(keep.sum()), int((keep & wrong).sum())
        if count:
            size = stability.effective(wrong[keep], levels.clusters(keep))
            result.append(
                Slice(
                    title,
                    parts,
                    count,
                    bad,
                    bad / count,
                    *wilson(bad / count * size, size),
                    float(errors[keep].mean()),
                )
            )
    return sorted(result, key=lambda entry: (-entry.rate, -entry.count, entry.name))


def _conditions(rows: pd.DataFrame, by: str) -> list[tuple[str, tuple[cohorts.Part, ...]]]:
    name = column(rows, by)
    if not by.endswith(cohort_groups.QUARTERS):
        return [
            (value, (cohorts.Part(name, "=", (value,)),))
            for value in filter(None, map(str, dict.fromkeys(rows[name].dropna())))
        ]
    values = rows[name].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    if not len(values):
        return []
    inner = list(dict.fromkeys(f"{edge:.4g}" for edge in np.quantile(values, [0.25, 0.5, 0.75])))
    return [
        (f"up to {inner[0]}", (cohorts.Part(name, "<=", (inner[0],)),)),
        *(
            (f"{a} to {b}", (cohorts.Part(name, ">", (a,)), cohorts.Part(name, "<=", (b,))))
            for a, b in itertools.pairwise(inner)
        ),
        (f"above {inner[-1]}", (cohorts.Part(name, ">", (inner[-1],)),)),
    ]


def worst(levels: Levels, count: int = MAX_WORST) -> tuple[pd.DataFrame, np.ndarray]:
    """Returns the samples of the cohort with the largest errors, the worst first.

    Returns:
        rows of the table, and of each its loss, -ln of the true class's probability, or its residual with its sign;
        (n,).
    """
    rows, study = levels.rows[levels.inside], levels.study
    at = levels.places(rows)
    truth = study.dataset.y[at]
    values = study.scores[at, 0] - truth
    if study.classes:
        logits = study.logits(study.scores[at])
        values = -log_softmax(logits, 1)[np.arange(len(at)), truth.astype(int)]
    order = np.argsort(-np.abs(values), kind="stable")[:count]
    return rows.iloc[order], values[order]


# The wrong decisions of a cohort, the term that pulled each the wrong way, and what is decided without it. Free of
# streamlit.
#
#     result = wrong(levels_of(open_sample("qj-planted", "p0031"), "relation=conflict"))
#     result.terms, result.without, result.right
#
# Leaving a term out is arithmetic on the explanation, the sum of all other terms; it is not what the model would say of
# other inputs.

WRONG_CLASS, WRONG_SIGN, LARGE_ERROR = "class", "sign", "error"  # what a decision can be wrong in


@dataclass(frozen=True, eq=False)
class Wrong:
    """The wrong decisions of a cohort, the largest error first.

    Attributes:
        rows: of the table, n of them. kind: `CLASS`, `SIGN`, or `LARGE` where a regression does not span zero.
        terms: the most misleading coalition of each, "" where no term pulls the wrong way, (n,).
        pulls: how far it pulls the wrong way: of the score, or of the predicted minus the true class's score, (n,).
        without: the score without it, or the number of the class that is decided then, (n,).
        right: which decisions are right without it, bool (n,).
        by_chance: how many decisions are right without one term drawn at random, on average: the control, as the
            misleading one is picked knowing the truth.
    """

    rows: pd.DataFrame
    kind: str
    terms: np.ndarray
    pulls: np.ndarray
    without: np.ndarray
    right: np.ndarray
    by_chance: float


def error_kind(levels: Levels) -> str:
    """Returns what the decisions on a data set can be wrong in."""
    if levels.study.classes:
        return WRONG_CLASS
    return WRONG_SIGN if cohort_table.spans_zero(levels.study) else LARGE_ERROR


def decided_wrong(levels: Levels) -> np.ndarray:
    """Returns which samples of the split are decided wrong, bool (n,): taken for another class; of a regression that
    spans zero of the wrong sign, where the truth is not 0; of others among the quarter of the largest errors."""
    if error_kind(levels) != WRONG_SIGN:
        return is_error(levels)
    at, study = levels.places(levels.rows), levels.study
    return cohort_table.wrong_sign(study.scores[at, 0], study.dataset.y[at])


def misleading(
    dividends: np.ndarray, scores: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the place of the most misleading dividend of every decision, and how far it pulls the wrong way.

    Of one score the wrong way is from the truth to the score; of several, a dividend pulls by what it gives the
    predicted class beyond what it gives the true one.

    Args:
        dividends: of all coalitions, the baseline first, (n, 2^M, C). scores: of the model, (n, C).
        truth: numbers (n,) where C is 1, else classes.

    Returns:
        places among the coalitions, 0 where no dividend pulls the wrong way, and pulls, 0 there; both (n,).

    Raises:
        InvalidInput: when the shapes do not fit.
    """
    n = len(dividends)
    check(
        dividends.ndim == 3 and scores.shape == (n, dividends.shape[2]) and truth.shape == (n,),
        "Arguments `dividends`, `scores` and `truth` must have shapes (n, 2^M, C), (n, C) and (n,), but have "
        f"{dividends.shape}, {scores.shape} and {truth.shape}.",
    )
    if scores.shape[1] == 1:
        pulls = dividends[:, 1:, 0] * np.sign(scores - truth[:, None])
    else:
        every = np.arange(n)
        pulls = dividends[every, 1:, scores.argmax(1)] - dividends[every, 1:, truth.astype(int)]
    place, largest = pulls.argmax(1) + 1, pulls.max(1)
    return np.where(largest > 0, place, 0), np.maximum(largest, 0.0)


def wrong(levels: Levels) -> Wrong:
    """Returns the wrong decisions of a cohort with their most misleading terms.

    Args:
        levels: all samples and a cohort of them.
    """
    study, kind = levels.study, error_kind(levels)
    rows = levels.rows[levels.inside & decided_wrong(levels)].sort_values(
        "error", ascending=False, kind="stable"
    )
    at = levels.places(rows)
    dividends = study.logits(study.explanation.dividends[np.searchsorted(study.explained_rows, at)])
    scores, truth = study.logits(study.scores[at]), study.dataset.y[at]
    if kind != WRONG_CLASS:
        dividends, scores = dividends[:, :, :1], scores[:, :1]
    place, pulls = misleading(dividends, scores, truth)
    left = scores[:, None] - dividends  # without each of the terms, (n, 2^M, C)
    left[:, 0] = scores
    decided = left.argmax(2) if kind == WRONG_CLASS else left[:, :, 0]
    if kind == WRONG_CLASS:
        right = decided == truth[:, None]
    elif kind == WRONG_SIGN:
        right = ~cohort_table.wrong_sign(decided, np.broadcast_to(truth[:, None], decided.shape))
    else:
        right = np.abs(decided - truth[:, None]) < limit(levels)
    every = np.arange(len(at))
    return Wrong(
        rows,
        kind,
        np.array(study.coalitions, dtype=object)[place],
        pulls,
        decided[every, place],
        (place > 0) & right[every, place],
        float(right[:, 1:].mean(1).sum()),
    )


# How good a model is on a cohort: confusions, curves of one class against the rest, calibration, residuals.

BINS = metrics.BINS


@dataclass(frozen=True, eq=False)
class Curves:
    """One class against the rest.

    Attributes:
        name: of the class. positives: how many samples are of it.
        roc: false and true positive rate, (P,) each. area: below it.
        pr: recall and precision, (Q,) each. precision: the average precision.
    """

    name: str
    positives: int
    roc: tuple[np.ndarray, np.ndarray]
    area: float
    pr: tuple[np.ndarray, np.ndarray]
    precision: float


def confusions(levels: Levels) -> np.ndarray:
    """Returns how many samples of each class (rows) are taken for each (columns), of the cohort, (C, C)."""
    from sklearn.metrics import confusion_matrix

    study, places = levels.study, levels.places(levels.rows[levels.inside])
    return np.asarray(
        confusion_matrix(
            study.dataset.y[places], study.predicted[places], labels=list(range(len(study.classes)))
        )
    )


def curves(levels: Levels) -> list[Curves]:
    """Returns the curves of every class that has samples of it and others, told by its probability; of two classes
    only the second's."""
    from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

    study, places = levels.study, levels.places(levels.rows[levels.inside])
    truth, result = study.dataset.y[places], []
    for c in range(1 if len(study.classes) == 2 else 0, len(study.classes)):
        positive, sure = truth == c, study.probabilities[places, c]
        if not 0 < positive.sum() < len(positive):
            continue
        false, true, _ = roc_curve(positive, sure)
        precision, recall, _ = precision_recall_curve(positive, sure)
        result.append(
            Curves(
                study.classes[c],
                int(positive.sum()),
                (false, true),
                float(auc(false, true)),
                (recall, precision),
                float(average_precision_score(positive, sure)),
            )
        )
    return result


def calibration(levels: Levels) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Returns how sure a model of classes is on the cohort, how often it is then right, and of how many samples, in
    bins of its certainty, and the expected calibration error; see `metrics.calibration`."""
    study, places = levels.study, levels.places(levels.rows[levels.inside])
    predicted = study.predicted[places]
    return metrics.calibration(
        study.probabilities[places, predicted], (predicted == study.dataset.y[places]).astype(float)
    )


def residuals(levels: Levels) -> np.ndarray:
    """Returns prediction minus annotation of all samples of the split, (n,), of a regression."""
    check(
        not levels.study.classes,
        "Residuals are those of a regression, but this model chooses among classes. Look "
        "at the confusions.",
    )
    places = levels.places(levels.rows)
    return np.asarray(levels.study.scores[places, 0] - levels.study.dataset.y[places])
