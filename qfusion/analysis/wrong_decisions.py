"""The wrong decisions of a cohort, and the contribution that misled each.

Leaving a contribution out is arithmetic on the explanation: it is the sum of all others, not what the model would
predict for other inputs."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.analysis import cohort_table
from qfusion.analysis.cohort_levels import Levels
from qfusion.analysis.cohort_slices import is_error, limit

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
    """Return the kind of error that decisions on a data set can have."""
    if levels.study.classes:
        return WRONG_CLASS
    return WRONG_SIGN if cohort_table.spans_zero(levels.study) else LARGE_ERROR


def decided_wrong(levels: Levels) -> np.ndarray:
    """Return which samples of the split are decided wrong, bool (n,). For classes, these are the samples with
    another predicted class. For a regression that spans zero, they are those with the wrong sign whose truth is not
    0. For other regressions, they are the quarter with the largest errors.
    """
    if error_kind(levels) != WRONG_SIGN:
        return is_error(levels)
    at, study = levels.places(levels.rows), levels.study
    return cohort_table.wrong_sign(study.scores[at, 0], study.dataset.y[at])


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


def wrong(levels: Levels) -> Wrong:
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
        right = ~cohort_table.wrong_sign(decided, np.broadcast_to(truth[:, None], decided.shape))
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
