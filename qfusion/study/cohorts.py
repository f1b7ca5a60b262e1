"""Cohorts of a study: the table of its samples, their filters and groups, and the axes that they are drawn against."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.data import DataSet
from qfusion.explain import cohort_filters, verdicts
from qfusion.study import text
from qfusion.study.backends.base import dividend_column, negativity_column
from qfusion.study.backends.kets import negativities
from qfusion.study.maps import _COLUMN, coordinate_kinds, explained_rows, sample_map
from qfusion.study.study import Study, verdict_columns

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
        **study.backend.facts(np.array([row])),
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


def wrong_part(study: Study, table: pd.DataFrame) -> cohort_filters.Condition | None:
    """Return the condition of a filter that keeps the wrong classes, or the wrong signs. It is None if there is no
    such column, because the target does not span zero or the data have a column of the same name.
    """
    column = VERDICT if study.classes else SIGN
    known = column in table.columns and set(table[column]) <= {"", "right", WRONG}
    return cohort_filters.Condition(column, "=", (WRONG,)) if known else None


def cohort_table_with_maps(
    study: Study, output: int | None, parts: Sequence[cohort_filters.Condition]
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
            method, what, all_samples = coordinate[1].upper(), coordinate[3], bool(coordinate[2])
            maps.add((method, what, all_samples))
    columns: dict[str, np.ndarray] = {}
    for method, what, all_samples in sorted(maps):
        placed = sample_map(
            study, what, method, explained_rows(study, table, parts), output, all_samples
        )
        xy = np.full((2, len(table)), np.nan)
        xy[:, placed.rows] = placed.xy.T
        # as the filter says it, where the map of everyone is that of those drawn
        name = replace(placed, all_samples=all_samples).column
        columns |= {f"{name}.1": xy[0], f"{name}.2": xy[1]}
    return table.assign(**columns) if columns else table


def members(study: Study, parts: tuple[cohort_filters.Condition, ...]) -> np.ndarray:
    """The rows of a cohort, as the decisions of a study tell.

    Raises:
        NotFound, InvalidInput: when its filter speaks of what is not there.
    """
    return np.flatnonzero(
        cohort_filters.select_rows(parts, cohort_table_with_maps(study, None, parts))
    )


NOT_GROUPED, QUARTERS = "nothing", " (quarters)"


def groupings(study: Study, rows: pd.DataFrame) -> tuple[str, ...]:
    """Return the names of the columns by which the rows can be split into groups, as shown to readers. The first is
    "nothing".
    """
    result = [NOT_GROUPED, "relation"]
    if spans_zero(study):
        result.append("sign of truth")
    if study.has_truth:
        result += ["truth", VERDICT] if study.classes else ["truth" + QUARTERS]
        result.append("error" + QUARTERS)
    for name in map(str, study.dataset.table.columns):
        values = rows[name].astype(str) if name in rows.columns and name not in result else None
        if (
            values is not None
            and 2 <= values.nunique() <= 15
            and not (study.classes and (values == rows["truth"]).all())
        ):
            result.append(text.column(name))
    return tuple(dict.fromkeys(result))


def groups(study: Study, rows: pd.DataFrame, by: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The group of each row (N,) and the names of the groups in order; quarters are those of these rows.

    Raises:
        InvalidInput: when the rows have no such grouping.
    """
    known: tuple[str, ...] = ("negative", "zero", "positive")
    if by == "sign of truth":
        values = np.array(known, dtype=object)[
            np.sign(rows["truth"].to_numpy(dtype=float)).astype(int) + 1
        ]
    elif by.endswith(QUARTERS):
        return _quarters(rows[by.removesuffix(QUARTERS)].to_numpy(dtype=float))
    else:
        by = text.find_column(by, map(str, rows.columns))
        check(by in rows.columns, f"There is no grouping by {by[:60]!r} here. Choose another.")
        values = rows[by].astype(str).to_numpy(dtype=object)
        known = study.classes if by == "truth" else ()
    present = set(values)
    in_order = tuple(name for name in known if name in present)
    return values, in_order or tuple(sorted(present, key=_natural))


def _natural(value: str) -> tuple[float, str]:
    try:
        return float(value), value
    except ValueError:
        return float("inf"), value


def _quarters(values: np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    edges = np.unique(np.quantile(values, [0, 0.25, 0.5, 0.75, 1])) if len(values) else np.zeros(1)
    if len(edges) < 2:
        return np.full(len(values), "all", dtype=object), ("all",)
    names = tuple(f"{low:.3g} to {high:.3g}" for low, high in itertools.pairwise(edges))
    place = np.clip(np.searchsorted(edges, values, side="left") - 1, 0, len(names) - 1)
    return np.array(names, dtype=object)[place], names


# Finding samples of a model on its data: which pass the reader's filters, and what they can be drawn against.

VERDICTS = ("right", "wrong")
MAX_DRAWN = 20_000  # points of a figure
MAX_ENTANGLED = 800  # samples whose entanglement is computed, which evolves every state


def passing(
    frame: pd.DataFrame,
    *,
    split: str = "test",
    search: str = "",
    relations: Sequence[str] = (),
    verdict: str = "",
    classes: Sequence[str] = (),
) -> pd.DataFrame:
    """Return the rows of `Study.frame` that pass.

    Args:
        frame: one row a sample.
        split: "train", "valid", "test" or "all".
        search: part of an id, or of what any column of words says; in whatever letters.
        relations: of the single modalities; any unless told.
        verdict: "right" or "wrong"; either unless told.
        classes: true ones; any unless told.
    """
    keep = (
        np.ones(len(frame), dtype=bool) if split == "all" else (frame["split"] == split).to_numpy()
    )
    if verdict:
        keep = keep & (
            (frame["truth"] == frame["prediction"]).to_numpy() == (verdict == VERDICTS[0])
        )
    if classes:
        keep = keep & frame["truth"].isin(list(classes)).to_numpy()
    if relations:
        keep = keep & frame["relation"].isin(list(relations)).to_numpy()
    if search:
        texts = frame.select_dtypes(exclude=["number", "bool"]).astype(str).assign(id=frame.index)
        keep = keep & np.any(
            [
                texts[column].str.casefold().str.contains(search.casefold(), regex=False)
                for column in texts
            ],
            axis=0,
        )
    return frame[keep]


def default_axes(study: Study) -> tuple[str, str]:
    """Return the axes that are shown first: truth and prediction, or for classes margin against rank; contributions
    where the truth is not known.
    """
    if not study.has_truth:
        first, *others = map(dividend_column, study.modalities)
        return (first, others[0] if others else first)
    return ("rank", "margin") if study.classes else ("truth", "prediction")


def margins(study: Study, rows: np.ndarray) -> np.ndarray:
    """Return the log-odds of the true class against the best of the others in nats, (N,). They are below 0 if the
    decision is wrong, and NaN if the truth is not known.
    """
    truth, scores = study.dataset.y[rows], study.logits(study.scores[rows])
    true = np.arange(scores.shape[1]) == truth[:, None]
    ahead = scores.max(1, initial=-np.inf, where=true) - scores.max(1, initial=-np.inf, where=~true)
    return np.where(truth < 0, np.nan, ahead)


def asks_entanglement(study: Study, *columns: str) -> bool:
    """Whether one of some columns is an entanglement, which is computed for the displayed rows."""
    return bool(set(columns) & {negativity_column(name) for name in study.modalities})


def axis_rows(study: Study, rows: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """The rows that have a number on both axes, with ranks among them; of entanglement, of the first `MAX_ENTANGLED`;
    of very many, some that are evenly spread."""
    if {x, y} & {"rank", "margin"}:
        margin = pd.Series(margins(study, study.dataset.find_rows(rows.index)), rows.index)
        rows = rows.assign(margin=margin, rank=margin.rank(method="first"))
    if asks_entanglement(study, x, y):
        rows = rows.head(MAX_ENTANGLED)
        values = negativities(study, study.dataset.find_rows(rows.index)).T
        rows = rows.assign(
            **dict(zip(map(negativity_column, study.modalities), values, strict=True))
        )
    rows = rows[np.isfinite(rows[[x, y]].to_numpy(dtype=float)).all(1)]
    return (
        rows
        if len(rows) <= MAX_DRAWN
        else rows.iloc[np.linspace(0, len(rows) - 1, MAX_DRAWN).astype(int)]
    )
