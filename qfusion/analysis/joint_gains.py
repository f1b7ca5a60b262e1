"""Gain in the metrics due to the joint terms of a model."""

from collections.abc import Mapping

import numpy as np

from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.analysis import cohort_table
from qfusion.analysis.shipped_results import shipped
from qfusion.analysis.study import Study
from qfusion.analysis.tasks import Task
from qfusion.analysis.trust import explain_test_rows
from qfusion.data import DataSet
from qfusion.explain import backgrounds
from qfusion.training import metrics


def metric_labels(dataset: DataSet) -> dict[str, metrics.Label]:
    """Return the labels of a data set's metrics, keyed by metric. The metric that is reported first comes first."""
    target, names = dataset.target, metrics.names(dataset)
    return {
        name: metrics.label(name, target.convention)
        for name in dict.fromkeys((*metrics.headlines(names), *names))
    }


@memo(
    16,
    task=Task.REMOVE_JOINT_TERMS,
    ready=shipped(tuple[backgrounds.ProjectionSummary, backgrounds.Gains]),
)
def remove_joint_terms(
    study: Study, kind: str = backgrounds.EMAP
) -> tuple[backgrounds.ProjectionSummary, backgrounds.Gains]:
    """Return what the scores of the explained test rows without joint terms are taken from, and the gain due to joint
    terms in every metric.

    Args:
        study: a model on its data. kind: of `additive_projection.KINDS`.
    """
    check(
        study.has_truth,
        f"The truth of some samples of '{study.dataset.name}' is not known, so metrics cannot be measured.",
    )
    check(
        study.reads_features or kind == backgrounds.OWN,
        f"'{study.name}' is a measured game, which cannot be evaluated on combinations of samples. Its joint terms are "
        "in its explanations.",
    )
    rows, explanation = explain_test_rows(study)
    if choose("Kind", kind, backgrounds.ADDITIVE_PARTS) == backgrounds.OWN:
        result = backgrounds.own_terms(explanation)
    else:
        is_linear = study.model.algebra.is_linear
        most = len(rows) if is_linear else study.explanation_background.size
        result = backgrounds.emap(study.model, study.inputs(rows), most)
    return result.summary, measure_gains(study, rows, result, metric_labels(study.dataset))


def measure_gains(
    study: Study,
    rows: np.ndarray,
    result: backgrounds.Additive,
    labels: Mapping[str, metrics.Label],
) -> backgrounds.Gains:
    """Return by how much metrics of some rows are better with the joint terms that `result` leaves out, see
    `backgrounds.gains`.

    Args:
        result: scores of the explained model.
    """
    target = study.dataset.target
    return backgrounds.gains(
        result,
        study.dataset.y[rows],
        lambda scores, truth: metrics.score_metrics(
            study.logits(scores), truth, target.kind, target.convention
        ),
        labels,
        clusters=cohort_table.row_clusters(study.dataset, rows),
    )
