"""What the Cohorts page takes from a workspace: columns to filter by, groups, measures, findings. Free of streamlit."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion import _progress
from qfusion._checks import check
from qfusion.analysis import text
from qfusion.analysis.cohort import sample_map
from qfusion.analysis.memo import memo
from qfusion.analysis.subject import Workspace, dividend_column, entropy_column
from qfusion.analysis.systems.network_subject import MEAN_ENTROPY
from qfusion.data import DataSet
from qfusion.data.modality import split_term
from qfusion.explain import cohorts
from qfusion.explain.cohorts import Part
from qfusion.explain.stability import LEVEL, RESAMPLES, Interval
from qfusion.quantum import states
from qfusion.quantum.measures import KINDS, States

JOINT, JOINT_SHARE, VERDICT, DOMINANT = "joint", "joint_share", "verdict", "dominant"
SIGN, WRONG = "sign", "wrong"
STRENGTHS = (JOINT, JOINT_SHARE)
ENTROPY, LARGEST = "entropy", "largest entropy"
MAX_SLOW, FEW_SLOW = (
    800,
    400,
)  # samples whose states are evolved, about 17 ms each: all, or so many drawn of more
NOT_GROUPED, QUARTERS = "nothing", " (quarters)"
_MAX_GROUPS = 15
_CHUNK = 64


def clusters_of(dataset: DataSet, rows: pd.DataFrame) -> np.ndarray | None:
    """Numbers of what rows of a table (index id) share, (n, k), see `data.clusters`; None where they are
    independent."""
    return (
        None if dataset.clusters is None else dataset.clusters.numbers[dataset.places(rows.index)]
    )


def intervals(dataset: DataSet, rows: pd.DataFrame, resamples: int = RESAMPLES) -> str:
    """How intervals over rows of a table (index id) are made: what is resampled."""
    what = (
        ""
        if dataset.clusters is None
        else f" of {dataset.clusters.said(dataset.places(rows.index))}, not of rows"
    )
    return f"{LEVEL:.0%} percentile bootstrap, {resamples:,} resamples{what}, seed 0"


def share_column(name: str) -> str:
    """Column of a modality's MM-SHAP share."""
    return f"share[{name}]"


def table(work: Workspace, frame: pd.DataFrame) -> pd.DataFrame:
    """The workspace's frame with what cohorts are made of besides: verdict, interaction strength, modalities' shares.

    `joint` is the sum of the sizes of all joint dividends, `joint_share` its part of the sizes of all dividends;
    `dominant` is the largest term in size. `verdict` says whether a class is right, `sign` whether the sign of a
    regression that spans zero is, empty where the truth is 0.
    """
    dividends = frame[[dividend_column(term) for term in work.terms]].to_numpy()
    parts = [split_term(term) for term in work.terms]
    is_joint = np.array([len(names) > 1 for names in parts])
    joint, single = np.abs(dividends[:, is_joint]).sum(1), np.abs(dividends[:, ~is_joint]).sum(1)
    weights = np.array(
        [[1 / len(names) if name in names else 0.0 for name in work.modalities] for names in parts]
    )
    shapley = np.abs(dividends @ weights)
    total = shapley.sum(1, keepdims=True)
    shares = np.where(
        total == 0, 1 / len(work.modalities), shapley / np.where(total == 0, 1, total)
    )
    columns: dict[str, Any] = {
        JOINT: joint,
        JOINT_SHARE: joint / np.where(joint + single == 0, 1, joint + single),
    }
    columns |= {share_column(name): shares[:, m] for m, name in enumerate(work.modalities)}
    known = np.isfinite(dividends).all(1)
    largest = np.abs(np.where(known[:, None], dividends, 0.0)).argmax(1)
    columns[DOMINANT] = np.where(known, np.array(work.terms, dtype=object)[largest], "")
    if work.classes:
        columns[VERDICT] = np.where(frame["truth"] == frame["prediction"], "right", WRONG)
    elif spans_zero(work):
        prediction, truth = (frame[name].to_numpy(dtype=float) for name in ("prediction", "truth"))
        columns[SIGN] = np.select(
            [truth == 0, wrong_sign(prediction, truth)], ["", WRONG], "right"
        ).astype(object)
    return frame.assign(
        **{name: values for name, values in columns.items() if name not in frame.columns}
    )


def spans_zero(work: Workspace) -> bool:
    """Whether a regression's targets have both signs."""
    return not work.classes and work.scale[0] < 0 < work.scale[1]


def wrong_sign(prediction: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Which predictions (N,) have another sign than the truth, bool (N,), as Acc-2 without zeros counts: above 0 or
    not, and none where the truth is 0."""
    return np.asarray((truth != 0) & ((prediction > 0) != (truth > 0)))


def wrong_part(work: Workspace, table: pd.DataFrame) -> Part | None:
    """The condition of a filter that keeps the wrong classes, or the wrong signs; None where there is no such column:
    the target does not span zero, or the data's own column has its name."""
    column = VERDICT if work.classes else SIGN
    known = column in table.columns and set(table[column]) <= {"", "right", WRONG}
    return Part(column, "=", (WRONG,)) if known else None


@memo(8)
def cohort_table(work: Workspace, output: int | None) -> pd.DataFrame:
    """The workspace's frame with the columns that cohorts are made of."""
    return table(work, work.frame(output))


def table_for(work: Workspace, output: int | None, parts: Sequence[Part]) -> pd.DataFrame:
    """`cohort_table` with the columns of the maps that a filter names."""
    return sample_map.with_maps(work, cohort_table(work, output), parts, output)


def members(work: Workspace, parts: tuple[Part, ...]) -> np.ndarray:
    """The rows of a cohort, as the decisions of a workspace tell.

    Raises:
        NotFound, InvalidInput: when its filter speaks of what is not there.
    """
    return np.flatnonzero(cohorts.passing(parts, table_for(work, None, parts)))


def groupings(work: Workspace, rows: pd.DataFrame) -> tuple[str, ...]:
    """By what the rows can be split into groups, as readers say it: "nothing" first."""
    found = [
        NOT_GROUPED,
        "relation",
        *(["truth", VERDICT] if work.classes else ["sign of truth", "truth" + QUARTERS]),
        "error" + QUARTERS,
    ]
    if not work.classes and not spans_zero(work):
        found.remove("sign of truth")
    for name in map(str, work.dataset.table.columns):
        values = rows[name].astype(str) if name in rows.columns and name not in found else None
        if (
            values is not None
            and 2 <= values.nunique() <= _MAX_GROUPS
            and not (work.classes and (values == rows["truth"]).all())
        ):
            found.append(text.column(name))
    return tuple(dict.fromkeys(found))


def groups(work: Workspace, rows: pd.DataFrame, by: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """The group of each row (N,) and the names of the groups in order; quarters are those of these rows.

    Raises:
        InvalidInput: when the rows have no such grouping.
    """
    if by == "sign of truth":
        names = ("negative", "zero", "positive")
        found = np.array(names, dtype=object)[
            np.sign(rows["truth"].to_numpy(dtype=float)).astype(int) + 1
        ]
        return found, tuple(name for name in names if (found == name).any())
    if by.endswith(QUARTERS):
        return _quarters(rows[by.removesuffix(QUARTERS)].to_numpy(dtype=float))
    by = text.column_of(by, map(str, rows.columns))
    check(by in rows.columns, f"There is no grouping by {by[:60]!r} here. Choose another.")
    values = rows[by].astype(str).to_numpy(dtype=object)
    known = [name for name in (work.classes if by == "truth" else ()) if name in set(values)]
    return values, tuple(known or sorted(set(values), key=_natural))


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


def measure_titles(work: Workspace) -> dict[str, str]:
    """Axis titles of the measures of entanglement that this system has; none of one that entangles nothing."""
    if not (work.can("time") or work.can("rules")):
        return {}
    if not work.can("time"):
        return {
            ENTROPY: "entropy of the fused qubits (mean, nats)",
            LARGEST: "entropy of the fused qubits (largest, nats)",
        }
    return {name.replace("_", " "): about.cohort for name, about in KINDS.items() if about.cohort}


def is_slow(measure: str) -> bool:
    """Whether every sample's state is evolved for a measure, about 17 ms each at D = 64; entropies stand in the columns
    already."""
    return measure not in (ENTROPY, LARGEST)


def strength_titles(work: Workspace) -> dict[str, str]:
    """Axis titles of the measures of interaction strength."""
    unit = "score of the class" if work.classes else work.unit_of(0)
    return {
        JOINT: f"sum of |joint contributions| ({unit})",
        JOINT_SHARE: "joint part of all |contributions| (0 to 1)",
    }


def entropies(work: Workspace, rows: pd.DataFrame, measure: str) -> np.ndarray:
    """A measure (N,) that stands in the columns already."""
    if work.can("time"):
        return rows[[entropy_column(name) for name in work.modalities]].to_numpy().mean(1)
    if measure == ENTROPY:
        return rows[MEAN_ENTROPY].to_numpy()
    own: Any = work
    return rows[[entropy_column(name) for name in own.elements]].to_numpy().max(1)


@memo(8, background=False, says="Working out the entanglement of these samples, about 17 ms each …")
def correlations(
    work: Any, rows: np.ndarray, measures: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """The slow measures of `measure_titles` (or those named) at T for some rows, each (len(rows),), in one go."""
    kinds = {
        name: KINDS[name.replace(" ", "_")]
        for name in measures or filter(is_slow, measure_titles(work))
    }
    values: dict[str, list[np.ndarray]] = {name: [] for name in kinds}
    chunks = np.array_split(rows, range(_CHUNK, len(rows), _CHUNK))
    with torch.no_grad():
        for chunk in _progress.over(chunks, "Evolving states", len(rows), len):
            psi = work.kets(chunk).to(torch.complex128)
            at_end = States(
                work.model.evolve_states(states.density(psi), [float(work.model.duration)])[0],
                work.model.dims,
            )
            for name, about in kinds.items():
                values[name].append(about.mean(at_end).numpy())
    return {name: np.concatenate(parts) if parts else np.zeros(0) for name, parts in values.items()}


def finding(found: dict[str, Interval], measure: str, strength: str) -> str:
    """What a correlation of a measure and a strength says about "entanglement explains fusion", in one sentence."""
    what = {
        JOINT: "how large a sample's joint terms are",
        JOINT_SHARE: "how large the joint part of a decision is",
    }[strength]
    more = {JOINT: "larger joint terms", JOINT_SHARE: "a larger joint part"}[strength]
    less = {JOINT: "smaller joint terms", JOINT_SHARE: "a smaller joint part"}[strength]
    r, other = found["spearman"], found["pearson"]
    if not r.known:
        return f"Cannot be told: {r.n} samples are too few, or {measure} does not vary"
    how = f"rank correlation {r.value:+.2f}, {r.level:.0%} interval {r.low:+.2f} to {r.high:+.2f}, n = {r.n:,}"
    if not r.excludes_zero:
        largest = max(-r.low, r.high)
        return (
            f"Not shown that {measure} goes with {what}: a rank correlation of more than {largest:.2f} in size can "
            f"be excluded ({how})"
        )
    if r.value < 0:
        return f"The opposite: more {measure} goes with {less} ({how})"
    word = "Weakly" if abs(r.value) < 0.3 else "In part" if abs(r.value) < 0.7 else "Closely"
    doubt = "" if other.excludes_zero else "; the linear correlation cannot be told from zero"
    return f"{word}: more {measure} goes with {more} ({how}; r² {r.value**2:.2f}{doubt})"


def ladder(
    work: Workspace, rows: pd.DataFrame, inside: np.ndarray, sample: pd.Series | None, split: str
) -> pd.DataFrame:
    """The three levels as rows: all of the split, the cohort, the sample (where it is explained)."""
    levels = [(f"all of {split}", rows), ("cohort", rows[inside])]
    if sample is not None:
        levels.append((f"sample {sample.name}", sample.to_frame().T))
    return pd.DataFrame([_level(work, name, part) for name, part in levels])


def _level(work: Workspace, name: str, part: pd.DataFrame) -> dict[str, Any]:
    def mean(column: str) -> float:
        return float(part[column].astype(float).mean()) if len(part) else float("nan")

    found: dict[str, Any] = {"level": name, "n": len(part)}
    if work.classes:
        found["accuracy"] = float((part[VERDICT] == "right").mean()) if len(part) else float("nan")
    found |= {"mean error": mean("error"), JOINT: mean(JOINT), "joint share": mean(JOINT_SHARE)}
    found |= {f"share of {each}": mean(share_column(each)) for each in work.modalities}
    if measure_titles(work):
        found["entropy"] = (
            float(np.mean(entropies(work, part.infer_objects(), ENTROPY)))
            if len(part)
            else float("nan")
        )
    kinds = part["relation"].value_counts(normalize=True)
    found["relation"] = (
        str(kinds.index[0]) + (f" ({kinds.iloc[0]:.0%})" if len(part) > 1 else "")
        if len(part)
        else "–"
    )
    return found
