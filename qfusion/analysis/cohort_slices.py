"""Slices of a cohort by what its samples have in common, with the error rate of each."""

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import log_softmax, ndtri

from qfusion._checks import check, choose
from qfusion.analysis import cohort_groups, cohort_table, text
from qfusion.analysis.cohort_levels import Levels
from qfusion.analysis.spaces.masses import CONFLICT, DISAGREEMENT, MEAN_ENTROPY
from qfusion.analysis.study import Study
from qfusion.explain import bootstrap, cohort_filters

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
        rate: their part; low, high: its 95% interval (Wilson 1927), of as many independent samples as say as much.
        error: mean error.
    """

    name: str
    parts: tuple[cohort_filters.Part, ...]
    count: int
    wrong: int
    rate: float
    low: float
    high: float
    error: float


def wilson(wrong: float, count: float, level: float = bootstrap.LEVEL) -> tuple[float, float]:
    """Return both ends of the score interval of a rate (Wilson 1927, Journal of the American Statistical Association
    22, 209).

    Args:
        wrong: hits. count: trials, above 0; of samples that are not independent, as many as would say as much, see
            `bootstrap.effective_size`. level: of the interval.

    Raises:
        InvalidInput: when there are no trials, or more hits than trials.
    """
    check(
        0 <= wrong <= count and count > 0,
        f"Argument `wrong` must lie between 0 and `count`, which is above 0, but they are {wrong} and {count}.",
    )
    z = float(ndtri(0.5 + level / 2))
    share = wrong / count
    more = z * z / count
    middle = (share + more / 2) / (1 + more)
    half = z / (1 + more) * math.sqrt(share * (1 - share) / count + more / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)


def limit(levels: Levels) -> float:
    """Return from which size on an error of a regression counts as one: the largest quarter of all of the split."""
    return (
        float(levels.rows["error"].quantile(1 - WORST_PART)) if len(levels.rows) else float("nan")
    )


def is_error(levels: Levels) -> np.ndarray:
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
    """Return the column that one of `kinds` is about."""
    return text.find_column(by.removesuffix(cohort_groups.QUARTERS), map(str, rows.columns))


def omitted_parts(levels: Levels, by: str) -> tuple[cohort_filters.Part, ...]:
    """Return the filter's own conditions that slices do not keep: on the sliced column, which would leave one slice,
    and on whether a sample is decided right, which would make every sample an error."""
    return tuple(
        part for part in levels.parts if part.column in (column(levels.rows, by), *_OUTCOMES)
    )


def slices(levels: Levels, by: str = "") -> list[Slice]:
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
                    *wilson(bad / count * size, size),
                    float(errors[keep].mean()),
                )
            )
    return sorted(result, key=lambda entry: (-entry.rate, -entry.count, entry.name))


def _conditions(rows: pd.DataFrame, by: str) -> list[tuple[str, tuple[cohort_filters.Part, ...]]]:
    name = column(rows, by)
    if not by.endswith(cohort_groups.QUARTERS):
        return [
            (value, (cohort_filters.Part(name, "=", (value,)),))
            for value in filter(None, map(str, dict.fromkeys(rows[name].dropna())))
        ]
    values = rows[name].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    if not len(values):
        return []
    inner = list(dict.fromkeys(f"{edge:.4g}" for edge in np.quantile(values, [0.25, 0.5, 0.75])))

    def above(edge: str) -> cohort_filters.Part:
        return cohort_filters.Part(name, ">", (edge,))

    def up_to(edge: str) -> cohort_filters.Part:
        return cohort_filters.Part(name, "<=", (edge,))

    between = [(f"{a} to {b}", (above(a), up_to(b))) for a, b in itertools.pairwise(inner)]
    return [
        (f"up to {inner[0]}", (up_to(inner[0]),)),
        *between,
        (f"above {inner[-1]}", (above(inner[-1]),)),
    ]


def worst(levels: Levels, count: int = MAX_WORST) -> tuple[pd.DataFrame, np.ndarray]:
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
