"""All samples of a split, a cohort of them and one sample on the same axes, and how good a model is on each.

Measures of entanglement and of interaction strength are correlated with the errors."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.explain import bootstrap, cohort_filters
from qfusion.quantum import measure_kinds
from qfusion.study import Sample, cohorts, jobs, text
from qfusion.study.backends.kets import final_states
from qfusion.study.cohorts import JOINT, JOINT_SHARE, VERDICT, share_column
from qfusion.study.jobs import Task
from qfusion.study.sample import parse
from qfusion.study.study import Study
from qfusion.training import metrics

means = memo(256)(bootstrap.means)
correlation = memo(128)(bootstrap.correlation)


@dataclass(frozen=True, eq=False)
class CohortComparison:
    """The three levels.

    Attributes:
        sample: the current one. output_wanted: number of the explained score; None: of each sample its predicted
            class's.
        rows: the explained samples of the split. inside: which of them are the cohort's, bool (n,).
        parts: of the filter. split: names of the splits; is_partial: whether some of their samples are not explained.
        name: of the cohort; empty unless it is saved under one.
        own: the current sample's row, None when it is not explained; of a visitor's sample see `cohort_table.own_row`.
    """

    sample: Sample
    output_wanted: int | None
    rows: pd.DataFrame
    inside: np.ndarray
    parts: tuple[cohort_filters.Condition, ...]
    split: tuple[str, ...]
    is_partial: bool
    name: str
    own: pd.Series | None

    @property
    def study(self) -> Study:
        """The model on its data."""
        return self.sample.study

    def clusters(self, keep: np.ndarray | None = None) -> np.ndarray | None:
        """Return the cluster numbers of the rows of the table (those to keep), (n, k), or None if the rows are
        independent.
        """
        return cohorts.row_clusters(
            self.study.dataset, self.places(self.rows if keep is None else self.rows[keep])
        )

    def places(self, rows: pd.DataFrame) -> np.ndarray:
        """Return the positions of rows of the table in the data set, (n,)."""
        return self.study.dataset.find_rows(rows.index)


def compare_cohort(
    sample: Sample, filter: str = "", *, output: str = "", name: str = ""
) -> CohortComparison:
    """Return a sample, the cohort of a filter and all explained samples of its split.

    Args:
        sample: of any model.
        filter: of the cohort, such as "relation=conflict; error>1"; everyone in the test split unless told.
        output: what is explained, see `outputs.parse`; of each sample the class decided for unless told.
        name: of the cohort, where it has one.

    Raises:
        NotFound, InvalidInput: when the filter names what is not there, or there is no such class.
    """
    study, parts = sample.study, cohort_filters.parse(filter)
    wanted = parse(output, study.classes)
    study, number = study.with_reference(wanted.reference), wanted.number
    table = cohorts.cohort_table_with_maps(study, number, parts)
    rows, inside, split, is_partial = filter_split(table, parts)
    return CohortComparison(
        sample,
        number,
        rows,
        inside,
        parts,
        split,
        is_partial,
        name,
        _sample_row(sample, study, number, table),
    )


def _sample_row(
    sample: Sample, study: Study, output: int | None, table: pd.DataFrame
) -> pd.Series | None:
    """Return the row of the current sample, or None where it is not explained."""
    if sample.is_own:
        return cohorts.own_row(study, sample.row, output)
    row = table.loc[sample.id]
    return row if np.isfinite(float(row[cohorts.JOINT])) else None


def filter_split(
    table: pd.DataFrame, parts: Sequence[cohort_filters.Condition]
) -> tuple[pd.DataFrame, np.ndarray, tuple[str, ...], bool]:
    """Return the explained rows of a filter's splits, and which of them pass it, bool (n,).

    Returns:
        rows, mask, names of the splits, and whether some of their samples are not explained.
    """
    every = cohort_filters.rows_in_split(parts, table)
    within = every & np.isfinite(table[cohorts.JOINT].to_numpy())
    split = tuple(value for part in cohort_filters.split_conditions(parts) for value in part.values)
    is_partial = bool(within.sum() < every.sum())
    return table[within], cohort_filters.select_rows(parts, table)[within], split, is_partial


def mean_error(levels: CohortComparison, keep: np.ndarray) -> bootstrap.Interval:
    """Return the mean error of some rows of the split, with its interval; not a number where no truth is known.

    Args:
        keep: which rows, bool (n,).
    """
    if not levels.study.has_truth:
        keep = np.zeros_like(keep)
    errors = levels.rows["error"].to_numpy(dtype=float)[keep]
    return means({"error": errors}, clusters=levels.clusters(keep))["error"]


@dataclass(frozen=True, eq=False)
class Related:
    """A measure of entanglement and the strength of the interaction, sample by sample.

    Attributes:
        rows: of the samples that are measured. inside: which of them are the cohort's, bool (n,).
        x, y: the measure and the strength, (n,).
        correlations: Pearson's and Spearman's of "all" and of the "cohort".
    """

    rows: pd.DataFrame
    inside: np.ndarray
    x: np.ndarray
    y: np.ndarray
    correlations: dict[str, dict[str, bootstrap.Interval]]


def correlate_measures(
    levels: CohortComparison, measure: str, strength: str, all_samples: bool = False
) -> Related:
    """Return a measure of entanglement against a strength of the interaction; of `FEW_SLOW` samples drawn at random
    where it is slow and there are more than `MAX_SLOW`.

    Args:
        levels: of a model that entangles.
        measure: a key of `measure_titles`. strength: a key of `strength_titles`.
        all_samples: of all samples, however long it takes.

    Raises:
        NotFound: when there is no such measure.
    """
    choose("Measure", measure, measure_titles(levels.study))
    choose("Strength", strength, cohorts.STRENGTHS)
    rows, inside = levels.rows, levels.inside
    if is_slow(measure):
        at = jobs.drawn_places(len(rows), MAX_SLOW, FEW_SLOW, all_samples)
        rows, inside = rows.iloc[at], inside[at]
        x = correlations(levels.study, levels.places(rows))[measure]
    else:
        x = entropies(levels.study, rows, measure)
    y = rows[strength].to_numpy(dtype=float)
    choices = {"all": np.ones(len(rows), dtype=bool), "cohort": inside}
    measured = {}
    for name, chosen in choices.items():
        places = levels.places(rows[chosen])
        clusters = cohorts.row_clusters(levels.study.dataset, places)
        measured[name] = correlation(x[chosen], y[chosen], clusters=clusters)
    return Related(rows, inside, x, y, measured)


ENTROPY, LARGEST = "entropy", "largest entropy"
MAX_SLOW = 800  # samples whose states are all evolved, about 17 ms each
FEW_SLOW = 400  # samples that are drawn of more than `MAX_SLOW`


def measure_titles(study: Study) -> dict[str, str]:
    """Axis titles of the measures of entanglement that this system has; none of one that entangles nothing."""
    measures = study.backend.entanglement_measures()
    titles = {name.replace("_", " "): about.cohort for name, about in measure_kinds.KINDS.items()}
    if LARGEST in measures:
        titles |= {
            ENTROPY: "entropy of the fused qubits (mean, nats)",
            LARGEST: "entropy of the fused qubits (largest, nats)",
        }
    return {name: titles[name] for name in measures}


def is_slow(measure: str) -> bool:
    """Whether a measure requires evolving the state of every sample, about 17 ms each at D = 64. Entropies are
    already in the columns.
    """
    return measure not in (ENTROPY, LARGEST)


def strength_titles(study: Study) -> dict[str, str]:
    """Axis titles of the measures of interaction strength."""
    unit = "log-odds of the class (nats)" if study.classes else study.score_unit(0)
    return {
        JOINT: text.with_unit("size of joint terms", unit),
        JOINT_SHARE: "joint share of the contributions (0 to 1)",
    }


def entropies(study: Study, rows: pd.DataFrame, measure: str) -> np.ndarray:
    """Return an entropy measure from the columns of a table, (N,)."""
    columns = {name: rows[name].to_numpy() for name in study.backend.fact_columns() if name in rows}
    return study.backend.entropy_values(columns, measure)


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


def comparison_table(
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


# How good a model is on a cohort: confusions, curves of one class against the rest, calibration, residuals.

BINS = metrics.BINS


@dataclass(frozen=True, eq=False)
class Curves:
    """ROC and precision-recall curves of one class against the rest.

    Attributes:
        name: of the class. positives: how many samples are of it.
        roc: false and true positive rate, (P,) each. area: below it.
        pr: recall and precision, (Q,) each. precision: the average precision.
    """

    name: str
    positives: int
    roc: tuple[np.ndarray, np.ndarray]
    area: float
    pr: tuple[np.ndarray, np.ndarray]
    precision: float


def confusions(levels: CohortComparison) -> np.ndarray:
    """Return how many samples of each class (rows) are taken for each (columns), of the cohort, (C, C)."""
    from sklearn.metrics import confusion_matrix

    study, places = levels.study, levels.places(levels.rows[levels.inside])
    return np.asarray(
        confusion_matrix(
            study.dataset.y[places], study.predicted[places], labels=list(range(len(study.classes)))
        )
    )


def curves(levels: CohortComparison) -> list[Curves]:
    """Return the curves of every class that has both samples of it and samples of other classes, with its
    probability as the score. For two classes, return only the curves of the second.
    """
    from sklearn.metrics import auc, average_precision_score, precision_recall_curve, roc_curve

    study, places = levels.study, levels.places(levels.rows[levels.inside])
    truth, result = study.dataset.y[places], []
    for c in range(1 if len(study.classes) == 2 else 0, len(study.classes)):
        positive, sure = truth == c, study.probabilities[places, c]
        if not 0 < positive.sum() < len(positive):
            continue
        false, true, _ = roc_curve(positive, sure)
        precision, recall, _ = precision_recall_curve(positive, sure)
        result.append(
            Curves(
                study.classes[c],
                int(positive.sum()),
                (false, true),
                float(auc(false, true)),
                (recall, precision),
                float(average_precision_score(positive, sure)),
            )
        )
    return result


def calibration(levels: CohortComparison) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return how sure a model of classes is on the cohort, how often it is then right, and of how many samples, in
    bins of its certainty, and the expected calibration error; see `metrics.calibration`."""
    study, places = levels.study, levels.places(levels.rows[levels.inside])
    predicted = study.predicted[places]
    return metrics.calibration(
        study.probabilities[places, predicted], (predicted == study.dataset.y[places]).astype(float)
    )


def residuals(levels: CohortComparison) -> np.ndarray:
    """Return prediction minus annotation of all samples of the split, (n,), of a regression."""
    check(
        not levels.study.classes,
        "Residuals are those of a regression, but this model chooses among classes. Look "
        "at the confusions.",
    )
    places = levels.places(levels.rows)
    return np.asarray(levels.study.scores[places, 0] - levels.study.dataset.y[places])
