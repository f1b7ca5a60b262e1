"""Slices of a cohort by what its samples have in common, and how often the model is wrong in each. Free of streamlit.

found = slices(levels_of(open_sample("qj-planted", "p0031")), "regime")
found[0].name, found[0].rate, found[0].low, found[0].high
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from qfusion._checks import check, choose
from qfusion.analysis import text
from qfusion.analysis.cohort import cohort_measures
from qfusion.analysis.cohort.cohort_measures import (
    DOMINANT,
    JOINT_SHARE,
    QUARTERS,
    SIGN,
    VERDICT,
    WRONG,
)
from qfusion.analysis.levels import Levels
from qfusion.analysis.subject import Workspace
from qfusion.analysis.systems.network_subject import CONFLICT, DISAGREEMENT, MEAN_ENTROPY
from qfusion.explain import cohorts, stability
from qfusion.explain.cohorts import Part
from qfusion.explain.stability import LEVEL

MAX_SLICES, MAX_WORST = 24, 12
_OUTCOMES = (
    VERDICT,
    SIGN,
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
    parts: tuple[Part, ...]
    count: int
    wrong: int
    rate: float
    low: float
    high: float
    error: float


def wilson(wrong: float, count: float, level: float = LEVEL) -> tuple[float, float]:
    """Returns both ends of the score interval of a rate (Wilson 1927, Journal of the American Statistical Association
    22, 209).

    Args:
        wrong: hits. count: trials, above 0; of samples that are not independent, as many as would say as much, see
            `resampling.effective`. level: of the interval.

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


def is_wrong(levels: Levels) -> np.ndarray:
    """Returns which samples of the split are errors, bool (n,): taken for another class, or of a regression among the
    quarter of the largest errors."""
    if levels.work.classes:
        return (levels.rows[VERDICT] == WRONG).to_numpy()
    return (levels.rows["error"] >= limit(levels)).to_numpy()


def kinds(work: Workspace, rows: pd.DataFrame) -> tuple[str, ...]:
    """Returns by what samples can be sliced, as readers say it: a column of words, or of numbers in quarters."""
    known = [
        text.column_of(name, map(str, rows.columns))
        for name in cohort_measures.groupings(work, rows)[1:]
        if not name.endswith(QUARTERS) and name not in (VERDICT, "sign of truth")
    ]
    numbers = [
        *([] if work.classes else ["truth"]),
        "certainty",
        CONFLICT,
        DISAGREEMENT,
        MEAN_ENTROPY,
        JOINT_SHARE,
        cohort_measures.JOINT,
    ]
    first = [
        name
        for name in (*known, DOMINANT, *(["prediction"] if work.classes else []))
        if 1 < rows[name].astype(str).nunique() <= MAX_SLICES or name == "relation"
    ]
    return tuple(
        dict.fromkeys(
            [
                *map(text.column, first),
                *(text.column(name) + QUARTERS for name in numbers if name in rows.columns),
            ]
        )
    )


def column(rows: pd.DataFrame, by: str) -> str:
    """Returns the column that one of `kinds` is about."""
    return text.column_of(by.removesuffix(QUARTERS), map(str, rows.columns))


def left_out(levels: Levels, by: str) -> tuple[Part, ...]:
    """Returns the filter's own conditions that slices do not keep: on the sliced column, which would leave one slice,
    and on whether a sample is decided right, which would make every sample an error."""
    own = (column(levels.rows, by), *_OUTCOMES)
    return tuple(part for part in levels.parts if part.column in own)


def slices(levels: Levels, by: str = "") -> list[Slice]:
    """Returns the slices of the samples that pass the cohort's filter but for its conditions that are `left_out`, the
    highest error rate first.

    Args:
        levels: all samples and a cohort of them.
        by: of `kinds`; the first unless told.

    Raises:
        NotFound: when samples cannot be sliced so.
    """
    known = kinds(levels.work, levels.rows)
    by = choose("Slices", text.column(by), known) if by else known[0]
    name = column(levels.rows, by)
    own = left_out(levels, by)
    within = cohorts.passing([part for part in levels.parts if part not in own], levels.rows)
    wrong, errors = is_wrong(levels), levels.rows["error"].to_numpy(dtype=float)
    found = []
    for title, parts in _conditions(levels.rows[within], name, by.endswith(QUARTERS)):
        keep = within & cohorts.passing([*cohorts.split_of(levels.parts), *parts], levels.rows)
        count, bad = int(keep.sum()), int((keep & wrong).sum())
        if count:
            size = stability.effective(wrong[keep], levels.clusters(keep))
            found.append(
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
    return sorted(found, key=lambda each: (-each.rate, -each.count, each.name))


def _conditions(
    rows: pd.DataFrame, name: str, quarters: bool
) -> list[tuple[str, tuple[Part, ...]]]:
    if not quarters:
        values = rows[name].dropna()
        return [
            (str(value), (Part(name, "=", (str(value),)),))
            for value in dict.fromkeys(values)
            if str(value)
        ]
    values = rows[name].to_numpy(dtype=float)
    values = values[np.isfinite(values)]
    if not len(values):
        return []
    inner = list(dict.fromkeys(f"{edge:.4g}" for edge in np.quantile(values, [0.25, 0.5, 0.75])))
    first = (f"up to {inner[0]}", (Part(name, "<=", (inner[0],)),))
    last = (f"above {inner[-1]}", (Part(name, ">", (inner[-1],)),))
    return [
        first,
        *(
            (f"{a} to {b}", (Part(name, ">", (a,)), Part(name, "<=", (b,))))
            for a, b in itertools.pairwise(inner)
        ),
        last,
    ]


@dataclass(frozen=True, eq=False)
class Worst:
    """The samples of a cohort with the largest errors.

    Attributes:
        rows: of the table, the worst first. values: loss, -ln of the true class's probability, or residual with its
            sign; (n,).
    """

    rows: pd.DataFrame
    values: np.ndarray


def worst(levels: Levels, count: int = MAX_WORST) -> Worst:
    """Returns the samples of the cohort whose loss, or size of the residual, is largest."""
    rows, work = levels.rows[levels.inside], levels.work
    at = levels.places(rows)
    truth = work.dataset.y[at]
    if work.classes:
        shifted = work.scores[at] - work.scores[at].max(1, keepdims=True)
        values = np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(at)), truth.astype(int)]
    else:
        values = work.scores[at, 0] - truth
    order = np.argsort(-np.abs(values), kind="stable")[:count]
    return Worst(rows.iloc[order], values[order])
