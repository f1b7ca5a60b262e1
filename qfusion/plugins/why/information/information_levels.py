"""Discrete levels of features, outputs and targets, from which information is estimated."""

from collections.abc import Mapping

import numpy as np

from qfusion.data.examine import value_scans
from qfusion.plugins.why.information import prediction_task

QUANTILES = 4  # classes of a numeric target


def cluster_levels(features: Mapping[str, np.ndarray], count: int) -> dict[str, np.ndarray]:
    """Return the k-means cluster of every sample by source, found without labels, so that these cannot bias them; no
    more clusters than a source has different contents."""
    from sklearn.cluster import KMeans

    result = {}
    for name, X in features.items():
        most = int(value_scans.number_contents(X).max()) + 1
        model = KMeans(min(count, most), n_init=3, random_state=0)
        result[name] = model.fit_predict(X).astype(int)
    return result


def output_levels(outputs: np.ndarray, count: int) -> np.ndarray:
    """Return discrete levels (n,) of the outputs of a classifier or a regression. They are quantiles of a number or
    of log-odds, or clusters of the probabilities of more than two classes.
    """
    if np.ptp(outputs, axis=0).max() == 0:
        return np.zeros(len(outputs), int)
    if outputs.shape[1] > 2:
        return cluster_levels({"": np.exp(outputs)}, count)[""]
    return quantile_levels(outputs[:, -1], count)


def task_classes(task: prediction_task.Task) -> np.ndarray:
    """Return classes of every row of a task, (N,); of numbers quantile classes."""
    return task.y if task.classes else quantile_levels(task.y, QUANTILES)


def quantile_levels(line: np.ndarray, count: int) -> np.ndarray:
    """Return which of `count` quantiles each number is in, (n,), as whole numbers from 0 without gaps."""
    edges = np.unique(np.quantile(line, np.linspace(0, 1, count + 1)[1:-1]))
    above = line[line > line.min()]
    if edges.max() <= line.min() and len(
        above
    ):  # most have the smallest number: these, and all others
        edges = above.min(keepdims=True)
    return np.unique(np.searchsorted(edges, line, side="right"), return_inverse=True)[1]
