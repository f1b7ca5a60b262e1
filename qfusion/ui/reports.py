"""What a report is made of, from a workspace and the reader's choices. Free of streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qfusion import report
from qfusion._checks import check
from qfusion.explain import case as cases
from qfusion.explain import cohorts, resampling
from qfusion.explain.case import Case
from qfusion.explain.cohorts import Part
from qfusion.report.about_cohort import Members
from qfusion.training.checkpoint import Checkpoint
from qfusion.ui import cohort_space
from qfusion.ui.cohort_space import ENTROPY, JOINT
from qfusion.ui.workspace import Workspace


def case_of(work: Workspace, row: int, output: int | None = None, tweak: str = "") -> Case:
    """A sample as the pages show it: the workspace's background, an output, and what the reader has changed in the model."""
    model: Any = work.model
    changed, words = cases.tweaked(model, tweak)
    return cases.of(Checkpoint(model, dict(work.card)), changed, words, work.dataset, row, work.background, output)


def members(work: Workspace, table: Any, parts: Sequence[Part], name: str = "") -> Members:
    """A cohort as the Cohorts page shows it.

    Args:
        table: of `cohort_space.table`. parts: of the filter. name: of the cohort, if it has one.

    Raises:
        InvalidInput: when no explained sample passes the filter.
    """
    within = cohorts.within_split(parts, table) & np.isfinite(table[JOINT].to_numpy())
    rows, inside = table[within], cohorts.passing(parts, table)[within]
    check(bool(inside.any()), f"No explained sample passes the filter `{cohorts.written(parts)[:120]}`. Loosen it.")
    split = " and ".join(value for part in cohorts.split_of(parts) for value in part.values)
    by = _grouping(work, rows)
    group, names = cohort_space.groups(work, rows, by)
    x, y = cohort_space.entropies(work, rows, ENTROPY), rows[JOINT].to_numpy()
    finding = cohort_space.finding(resampling.correlation(x, y), ENTROPY, JOINT)
    return Members(case_of(work, int(np.flatnonzero(within)[inside][0])), rows, inside, name, cohorts.written(parts),
                   "every split" if split == cohorts.EVERYTHING else split, by, group, names, work.unit_of_error,
                   cohort_space.measure_titles(work)[ENTROPY], cohort_space.strength_titles(work)[JOINT], (x, y), finding)


def _grouping(work: Workspace, rows: Any) -> str:
    """By what contributions are told apart: the class, else a regime of the data, else the sign of the truth."""
    offered = cohort_space.groupings(work, rows)
    return next(by for by in ("truth" if work.classes else "regime", "regime", "sign of truth", "relation") if by in offered)


def of_sample(work: Workspace, row: int, output: int | None, tweak: str, suffix: str) -> bytes:
    """The report on a sample as a file."""
    return report.sample(case_of(work, row, output, tweak)).written(suffix)


def of_cohort(work: Workspace, table: Any, parts: Sequence[Part], name: str, suffix: str) -> bytes:
    """The report on a cohort as a file."""
    return report.cohort(members(work, table, parts, name)).written(suffix)
