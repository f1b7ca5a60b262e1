"""Measures of entanglement and of interaction strength for the samples of a cohort, and their correlation."""

from typing import Any

import numpy as np
import pandas as pd

from qfusion._memory_cache import memo
from qfusion.analysis import text
from qfusion.analysis.cohort_table import JOINT, JOINT_SHARE, VERDICT, share_column
from qfusion.analysis.spaces.evolution import final_states
from qfusion.analysis.study import Study
from qfusion.analysis.tasks import Task
from qfusion.quantum import measure_kinds

ENTROPY, LARGEST = "entropy", "largest entropy"
MAX_SLOW = 800  # samples whose states are all evolved, about 17 ms each
FEW_SLOW = 400  # samples that are drawn of more than `MAX_SLOW`


def measure_titles(study: Study) -> dict[str, str]:
    """Axis titles of the measures of entanglement that this system has; none of one that entangles nothing."""
    titles = {name.replace("_", " "): about.cohort for name, about in measure_kinds.KINDS.items()}
    titles |= {
        ENTROPY: "entropy of the fused qubits (mean, nats)",
        LARGEST: "entropy of the fused qubits (largest, nats)",
    }
    return {name: titles[name] for name in study.space.entanglement_measures()}


def is_slow(measure: str) -> bool:
    """Whether a measure requires evolving the state of every sample, about 17 ms each at D = 64. Entropies are
    already in the columns.
    """
    return measure not in (ENTROPY, LARGEST)


def strength_titles(study: Study) -> dict[str, str]:
    """Axis titles of the measures of interaction strength."""
    unit = "log-odds of the class (nats)" if study.classes else study.score_unit(0)
    return {
        JOINT: text.with_unit("sum of |joint contributions|", unit),
        JOINT_SHARE: "joint part of all |contributions| (0 to 1)",
    }


def entropies(study: Study, rows: pd.DataFrame, measure: str) -> np.ndarray:
    """Return an entropy measure from the columns of a table, (N,)."""
    columns = {name: rows[name].to_numpy() for name in study.space.fact_columns() if name in rows}
    return study.space.entropy_values(columns, measure)


@memo(8, background=False, task=Task.MEASURE_ENTANGLEMENT)
def correlations(
    study: Any, rows: np.ndarray, measures: tuple[str, ...] = ()
) -> dict[str, np.ndarray]:
    """The slow measures of `measure_titles` (or those named) at T for some rows, each (len(rows),), in one go."""
    kinds = measures or tuple(filter(is_slow, measure_titles(study)))
    parts: dict[str, list[np.ndarray]] = {name: [] for name in kinds}
    for rho in final_states(study, rows):
        at_end = measure_kinds.States(rho, study.model.dims)
        for name in kinds:
            measure = measure_kinds.KINDS[name.replace(" ", "_")]
            parts[name].append(measure.mean(at_end).numpy())
    return {name: np.concatenate(values) for name, values in parts.items()}


def ladder(
    study: Study, rows: pd.DataFrame, inside: np.ndarray, sample: pd.Series | None, whole: str
) -> pd.DataFrame:
    """The three levels as rows: all, which are called `whole`, the cohort (where it is not all of them), the sample
    (where it is explained)."""
    levels = {whole: rows} | ({} if inside.all() else {"cohort": rows[inside]})
    if sample is not None:
        levels[f"sample {sample.name}"] = sample.to_frame().T
    return pd.DataFrame([_level(study, name, part) for name, part in levels.items()])


def _accuracy(verdicts: pd.Series) -> float:
    """Return the share of right decisions, NaN where no truth is known."""
    known = verdicts[verdicts != ""]
    return float((known == "right").mean())


def _level(study: Study, name: str, part: pd.DataFrame) -> dict[str, Any]:
    means = {
        **({"mean error": "error"} if study.has_truth else {}),
        JOINT: JOINT,
        "joint share": JOINT_SHARE,
        **{f"share of {name}": share_column(name) for name in study.modalities},
    }
    result: dict[str, Any] = {"level": name, "n": len(part)}
    if study.classes and study.has_truth:
        result["accuracy"] = _accuracy(part[VERDICT])
    for title, column in means.items():
        result[title] = float(part[column].astype(float).mean())
    if measure_titles(study):
        result["entropy"] = float(
            pd.Series(entropies(study, part.infer_objects(), ENTROPY), dtype=float).mean()
        )
    kinds = part["relation"].value_counts(normalize=True)
    most = f" ({kinds.iloc[0]:.0%})" if len(part) > 1 else ""
    return result | {"relation": f"{kinds.index[0]}{most}" if len(part) else "–"}
