"""Where a model is wrong: slices of a cohort with their error rates, and the contribution that misled a decision."""

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from qfusion._checks import check, choose
from qfusion.explain import bootstrap, cohort_filters, interval_ends
from qfusion.study import cohorts, text
from qfusion.study.backends.masses import CONFLICT, DISAGREEMENT, MEAN_ENTROPY
from qfusion.study.performance import CohortComparison
from qfusion.study.study import Study

MAX_SLICES, MAX_WORST = 24, 12
_OUTCOMES = (
    cohorts.VERDICT,
    cohorts.SIGN,
    "error",
)  # what a filter may say of how a sample is decided, which is what is counted
WORST_PART = 0.25  # of a regression's samples count as errors: those of the largest


@dataclass(frozen=True, eq=False)
class Slice:
    """Samples that have something in common.

    Attributes:
        name: of the slice. parts: its condition in a filter.
        count: of samples. wrong: how many of them are errors.
        rate: their part; low, high: its 95% interval (Wilson 1927), of as many independent samples as say as much.
        error: mean error.
    """

    name: str
    parts: tuple[cohort_filters.Condition, ...]
    count: int
    wrong: int
    rate: float
    low: float
    high: float
    error: float


def limit(levels: CohortComparison) -> float:
    """Return from which size on an error of a regression counts as one: the largest quarter of all of the split."""
    return (
        float(levels.rows["error"].quantile(1 - WORST_PART)) if len(levels.rows) else float("nan")
    )


def is_error(levels: CohortComparison) -> np.ndarray:
    """Return which samples of the split are errors, bool (n,): taken for another class, or of a regression among the
    quarter of the largest errors."""
    if levels.study.classes:
        at = levels.places(levels.rows)
        return np.asarray(levels.study.predicted[at] != levels.study.dataset.y[at])
    return (levels.rows["error"] >= limit(levels)).to_numpy()


def slice_kinds(study: Study, rows: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the columns by which samples can be sliced, as shown to readers: columns of words, or of
    numbers in quarters.
    """
    known = [
        text.find_column(name, map(str, rows.columns))
        for name in cohorts.groupings(study, rows)[1:]
        if not name.endswith(cohorts.QUARTERS) and name not in (cohorts.VERDICT, "sign of truth")
    ]
    numbers = [
        *([] if study.classes else ["truth"]),
        "certainty",
        CONFLICT,
        DISAGREEMENT,
        MEAN_ENTROPY,
        cohorts.JOINT_SHARE,
        cohorts.JOINT,
    ]
    first = [
        name
        for name in (*known, cohorts.DOMINANT, *(["prediction"] if study.classes else []))
        if 1 < rows[name].astype(str).nunique() <= MAX_SLICES or name == "relation"
    ]
    return tuple(
        dict.fromkeys(
            [
                *map(text.column, first),
                *(text.column(name) + cohorts.QUARTERS for name in numbers if name in rows.columns),
            ]
        )
    )


def column(rows: pd.DataFrame, by: str) -> str:
    """Return the column that one of `kinds` is about."""
    return text.find_column(by.removesuffix(cohorts.QUARTERS), map(str, rows.columns))


def omitted_parts(levels: CohortComparison, by: str) -> tuple[cohort_filters.Condition, ...]:
    """Return the filter's own conditions that slices do not keep: on the sliced column, which would leave one slice,
    and on whether a sample is decided right, which would make every sample an error."""
    return tuple(
        part for part in levels.parts if part.column in (column(levels.rows, by), *_OUTCOMES)
    )


def slices(levels: CohortComparison, by: str = "") -> list[Slice]:
    """Return the slices of the samples that pass the cohort's filter but for its conditions that are `omitted_parts`,
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
    within = cohort_filters.select_rows(
        [part for part in levels.parts if part not in own], levels.rows
    )
    wrong = is_error(levels)
    errors = levels.rows["error"].to_numpy(dtype=float)
    result = []
    for title, parts in _conditions(levels.rows[within], by):
        keep = within & cohort_filters.select_rows(
            [*cohort_filters.split_conditions(levels.parts), *parts], levels.rows
        )
        count = int(keep.sum())
        bad = int((keep & wrong).sum())
        if count:
            size = bootstrap.effective_size(wrong[keep], levels.clusters(keep))
            result.append(
                Slice(
                    title,
                    parts,
                    count,
                    bad,
                    bad / count,
                    *interval_ends.wilson(bad / count * size, size),
                    float(errors[keep].mean()),
                )
            )
    return sorted(result, key=lambda entry: (-entry.rate, -entry.count, entry.name))


def _conditions(
    rows: pd.DataFrame, by: str
) -> list[tuple[str, tuple[cohort_filters.Condition, ...]]]:
    name = column(rows, by)
    if not by.endswith(cohorts.QUARTERS):
        return [
            (value, (cohort_filters.Condition(name, "=", (value,)),))
            for value in filter(None, map(str, dict.fromkeys(rows[name].dropna())))
        ]
    values = rows[name].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    if not len(values):
        return []
    inner = list(dict.fromkeys(f"{edge:.4g}" for edge in np.quantile(values, [0.25, 0.5, 0.75])))

    def above(edge: str) -> cohort_filters.Condition:
        return cohort_filters.Condition(name, ">", (edge,))

    def up_to(edge: str) -> cohort_filters.Condition:
        return cohort_filters.Condition(name, "<=", (edge,))

    between = [(f"{a} to {b}", (above(a), up_to(b))) for a, b in itertools.pairwise(inner)]
    return [
        (f"up to {inner[0]}", (up_to(inner[0]),)),
        *between,
        (f"above {inner[-1]}", (above(inner[-1]),)),
    ]


def worst(levels: CohortComparison, count: int = MAX_WORST) -> tuple[pd.DataFrame, np.ndarray]:
    """Return the samples of the cohort with the largest errors, the worst first.

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


def error_kind(levels: CohortComparison) -> str:
    """Return the kind of error that decisions on a data set can have."""
    if levels.study.classes:
        return WRONG_CLASS
    return WRONG_SIGN if cohorts.spans_zero(levels.study) else LARGE_ERROR


def decided_wrong(levels: CohortComparison) -> np.ndarray:
    """Return which samples of the split are decided wrong, bool (n,). For classes, these are the samples with
    another predicted class. For a regression that spans zero, they are those with the wrong sign whose truth is not
    0. For other regressions, they are the quarter with the largest errors.
    """
    if error_kind(levels) != WRONG_SIGN:
        return is_error(levels)
    at, study = levels.places(levels.rows), levels.study
    return cohorts.wrong_sign(study.scores[at, 0], study.dataset.y[at])


def misleading(
    dividends: np.ndarray, scores: np.ndarray, truth: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the place of the most misleading dividend of every decision, and how far it pulls the wrong way.

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
    place = pulls.argmax(1) + 1
    largest = pulls.max(1)
    return np.where(largest > 0, place, 0), np.maximum(largest, 0.0)


def wrong(levels: CohortComparison) -> Wrong:
    """Return the wrong decisions of a cohort with their most misleading terms.

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
        right = ~cohorts.wrong_sign(decided, np.broadcast_to(truth[:, None], decided.shape))
    else:
        right = np.abs(decided - truth[:, None]) < limit(levels)
    every = np.arange(len(at))
    terms = np.array(study.coalitions, dtype=object)[place]
    is_rescued = (place > 0) & right[every, place]
    rescuing_terms = right[:, 1:].mean(1).sum()
    return Wrong(
        rows,
        kind,
        terms,
        pulls,
        decided[every, place],
        is_rescued,
        float(rescuing_terms),
    )
