"""What a report is made of, from a workspace and the reader's choices. Free of streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qfusion import report
from qfusion._checks import check
from qfusion.analysis import text
from qfusion.analysis.cohort import cohort_measures
from qfusion.analysis.cohort.cohort_measures import ENTROPY, JOINT
from qfusion.analysis.sample import sample_of
from qfusion.analysis.subject import Workspace
from qfusion.explain.trust import cohorts, resampling
from qfusion.explain.trust.cohorts import Part
from qfusion.report.about_cohort import Members


def members(work: Workspace, table: Any, parts: Sequence[Part], name: str = "") -> Members:
    """A cohort as the Cohorts page shows it.

    Args:
        table: of `cohort_measures.table`. parts: of the filter. name: of the cohort, if it has one.

    Raises:
        InvalidInput: when no explained sample passes the filter.
    """
    within = cohorts.within_split(parts, table) & np.isfinite(table[JOINT].to_numpy())
    rows, inside = table[within], cohorts.passing(parts, table)[within]
    check(
        bool(inside.any()),
        f"No explained sample passes the filter `{cohorts.written(parts)[:120]}`. Loosen it.",
    )
    split = " and ".join(value for part in cohorts.split_of(parts) for value in part.values)
    by = _grouping(work, rows)
    group, names = cohort_measures.groups(work, rows, by)
    measure, x, y, finding = (
        cohort_measures.measure_titles(work).get(ENTROPY, ""),
        np.zeros(0),
        np.zeros(0),
        "",
    )
    if measure:
        x, y = cohort_measures.entropies(work, rows, ENTROPY), rows[JOINT].to_numpy()
        finding = cohort_measures.finding(
            resampling.correlation(x, y, clusters=cohort_measures.clusters_of(work.dataset, rows)),
            ENTROPY,
            JOINT,
        )
    return Members(
        sample_of(work, int(np.flatnonzero(within)[inside][0])),
        rows,
        inside,
        name,
        cohorts.written(parts),
        "every split" if split == cohorts.EVERYTHING else split,
        by,
        group,
        names,
        work.unit_of_error,
        measure,
        cohort_measures.strength_titles(work)[JOINT],
        (x, y),
        finding,
    )


def _grouping(work: Workspace, rows: Any) -> str:
    """By what contributions are told apart: the class, else a planted type, else the sign of the truth."""
    offered = cohort_measures.groupings(work, rows)
    planted = text.column("regime")
    return next(
        by
        for by in ("truth" if work.classes else planted, planted, "sign of truth", "relation")
        if by in offered
    )


def of_sample(work: Workspace, row: int, output: int | None, tweak: str, suffix: str) -> bytes:
    """The report on a sample as a file."""
    return report.sample(sample_of(work, row, output, tweak)).written(suffix)


def of_cohort(work: Workspace, table: Any, parts: Sequence[Part], name: str, suffix: str) -> bytes:
    """The report on a cohort as a file."""
    return report.cohort(members(work, table, parts, name)).written(suffix)
