"""The table of a study's samples with the columns that cohorts are filtered by, and the members of a cohort."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from qfusion._memory_cache import memo
from qfusion.analysis.columns import dividend_column
from qfusion.analysis.sample_coordinates import coordinate_kinds
from qfusion.analysis.sample_projection import _COLUMN, explained_rows, sample_map
from qfusion.analysis.study import Study, verdict_columns
from qfusion.data import DataSet
from qfusion.explain import cohort_filters, verdicts

# What the Cohorts page takes from a study: columns to filter by, groups, measures, findings. Free of streamlit.

JOINT, JOINT_SHARE, VERDICT, DOMINANT = "joint", "joint_share", "verdict", "dominant"
SIGN, WRONG = "sign", "wrong"
STRENGTHS = (JOINT, JOINT_SHARE)


def row_clusters(dataset: DataSet, rows: np.ndarray) -> np.ndarray | None:
    """Return the cluster numbers of some rows, (n, k), see `spec.Clusters`, or None if the rows are independent."""
    return None if dataset.clusters is None else dataset.clusters.numbers[rows]


def share_column(name: str) -> str:
    """Column of a modality's MM-SHAP share."""
    return f"share[{name}]"


@memo(8)
def cohort_table(study: Study, output: int | None) -> pd.DataFrame:
    """Return the study's frame with the further columns that cohorts are made of: verdict, interaction strength,
    modalities' shares.

    `joint` is the sum of the sizes of all joint dividends, `joint_share` its part of the sizes of all dividends;
    `dominant` is the largest term in size. `verdict` says whether a class is right, `sign` whether the sign of a
    regression that spans zero is, empty where the truth is 0.
    """
    frame = study.frame(output)
    contributions = _contribution_columns(
        study, study.explained_dividends(output), study.explained_verdicts(output)
    )
    columns: dict[str, Any] = {
        name: study.scatter(values) for name, values in contributions.items()
    }
    if study.classes:
        outcome = np.where(frame["truth"] == frame["prediction"], "right", WRONG)
        columns[VERDICT] = np.where(frame["truth"] == "", "", outcome)
    elif spans_zero(study):
        prediction, truth = (frame[name].to_numpy(dtype=float) for name in ("prediction", "truth"))
        columns[SIGN] = np.select(
            [truth == 0, wrong_sign(prediction, truth)], ["", WRONG], "right"
        ).astype(object)
    return frame.assign(
        **{name: values for name, values in columns.items() if name not in frame.columns}
    )


def _contribution_columns(
    study: Study, dividends: np.ndarray, judged: verdicts.Verdicts
) -> dict[str, np.ndarray]:
    """Return the columns that follow from the contributions of n samples, each (n,).

    Args:
        dividends: of the explained output, (n, 2^M). judged: the verdicts on the same samples.
    """
    is_joint = ["+" in term for term in study.coalitions]
    columns = {
        JOINT: np.abs(dividends[:, is_joint]).sum(1),
        JOINT_SHARE: judged.joint_share,
        DOMINANT: judged.largest,
    }
    for m, name in enumerate(study.modalities):
        columns[share_column(name)] = judged.shares[:, m]
    return columns


def own_row(study: Study, row: int, output: int | None) -> pd.Series:
    """Return the row of `cohort_table` for a visitor's sample, which the table does not contain.

    What needs the truth is missing, and so are the data's own columns.

    Args:
        study: with the visitor's samples. row: of one of them.
        output: the class that contributions speak for; None: the predicted class.
    """
    explanation = study.explained(row)
    number = int(study.predicted[row]) if output is None else output
    doubt = study.seed_uncertainty(np.array([row]), np.array([number]))
    judged = verdicts.judge(explanation, number, doubt, study.boundary)
    dividends = explanation.dividends[:, :, number]
    columns: dict[str, np.ndarray] = {
        "split": study.dataset.split[[row]],
        "error": np.array([np.nan]),
        **verdict_columns(judged),
        VERDICT: np.array([""], dtype=object),
        **study.space.facts(np.array([row])),
        **_contribution_columns(study, dividends, judged),
    }
    for i, term in enumerate(study.coalitions):
        if term:
            columns[dividend_column(term)] = dividends[:, i]
    return pd.DataFrame(columns, index=[str(study.dataset.ids[row])]).iloc[0]


def spans_zero(study: Study) -> bool:
    """Whether a regression's targets are known and have both signs."""
    return not study.classes and study.has_truth and study.scale[0] < 0 < study.scale[1]


def wrong_sign(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return which predictions (N,) differ in sign from the truth, bool (N,), as Acc-2 without zeros counts them.
    The sign is whether a value is above 0, and no prediction is wrong if the truth is 0.
    """
    return np.asarray((truth != 0) & ((prediction > 0) != (truth > 0)))


def wrong_part(study: Study, table: pd.DataFrame) -> cohort_filters.Part | None:
    """Return the condition of a filter that keeps the wrong classes, or the wrong signs. It is None if there is no
    such column, because the target does not span zero or the data have a column of the same name.
    """
    column = VERDICT if study.classes else SIGN
    known = column in table.columns and set(table[column]) <= {"", "right", WRONG}
    return cohort_filters.Part(column, "=", (WRONG,)) if known else None


def cohort_table_with_maps(
    study: Study, output: int | None, parts: Sequence[cohort_filters.Part]
) -> pd.DataFrame:
    """`cohort_table` with the columns of the maps that a filter names; of samples that are on no map, they are empty.

    Args:
        study: a model on its data. output: the class that contributions speak for.
        parts: of the filter; its split says which samples the maps are of.

    Raises:
        NotFound: when the split does not exist.
    """
    table = cohort_table(study, output)
    kinds = coordinate_kinds(study)
    maps = set()
    for part in parts:
        coordinate = _COLUMN.fullmatch(part.column)
        if coordinate and coordinate[3] in kinds:
            method, what, everyone = coordinate[1].upper(), coordinate[3], bool(coordinate[2])
            maps.add((method, what, everyone))
    columns: dict[str, np.ndarray] = {}
    for method, what, everyone in sorted(maps):
        placed = sample_map(
            study, what, method, explained_rows(study, table, parts), output, everyone
        )
        xy = np.full((2, len(table)), np.nan)
        xy[:, placed.rows] = placed.xy.T
        # as the filter says it, where the map of everyone is that of those drawn
        name = replace(placed, everyone=everyone).column
        columns |= {f"{name}.1": xy[0], f"{name}.2": xy[1]}
    return table.assign(**columns) if columns else table


def members(study: Study, parts: tuple[cohort_filters.Part, ...]) -> np.ndarray:
    """The rows of a cohort, as the decisions of a study tell.

    Raises:
        NotFound, InvalidInput: when its filter speaks of what is not there.
    """
    return np.flatnonzero(
        cohort_filters.select_rows(parts, cohort_table_with_maps(study, None, parts))
    )
