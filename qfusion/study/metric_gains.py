"""The metrics of a data set, and how much better they are with the joint terms of a model."""

from collections.abc import Mapping

import numpy as np

from qfusion.data import DataSet
from qfusion.explain import backgrounds
from qfusion.study import cohorts
from qfusion.study.study import Study
from qfusion.training import metrics


def main_metric(dataset: DataSet) -> tuple[str, metrics.Label]:
    """Return the metric in which differences are measured, the first of the data's convention, and its label."""
    return next(iter(metric_labels(dataset).items()))


def metric_labels(dataset: DataSet) -> dict[str, metrics.Label]:
    """Return the labels of a data set's metrics, keyed by metric. The metric that is reported first comes first."""
    target, names = dataset.target, metrics.names(dataset)
    return {
        name: metrics.label(name, target.convention)
        for name in dict.fromkeys((*metrics.headlines(names), *names))
    }


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
        clusters=cohorts.row_clusters(study.dataset, rows),
    )
