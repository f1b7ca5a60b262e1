"""What single test rows contribute to a metric, so that any metric has an error over test rows.

The contributions are pseudo-values (Tukey 1958; Efron and Tibshirani 1993, chapter 11), g_i = f + (N - 1) (f - f_-i),
where f_-i is the metric without row i. Their mean is the metric up to terms of order 1 / N, and their variance divided
by N is the squared standard error. For shares of right rows they are 0 or 1, and for mean errors the errors themselves.

Metrics that depend on classes alone need one evaluation for each pair of true and predicted class. Correlation and R2
use their influence functions instead.
"""

import numpy as np
from scipy.special import log_softmax

from qfusion.training import metrics

SMOOTH = ("mae", "corr", "r2", "nll")  # metrics that depend on the scores themselves


def row_contributions(
    scores: np.ndarray, truth: np.ndarray, kind: str, convention: str
) -> dict[str, np.ndarray]:
    """Return the contribution of every row to every metric, (N,) each.

    Args:
        scores: (N, C). truth: (N,). kind, convention: of the target, see `metrics.score_metrics`.
    """
    whole = metrics.score_metrics(scores, truth, kind, convention)
    result = _smooth_contributions(scores, truth, kind, convention, whole)
    discrete = [key for key in whole if key not in SMOOTH]
    N = len(truth)
    places = _class_pairs(scores, truth, kind, convention)
    values = {key: np.full(N, whole[key]) for key in discrete}
    for pair in range(places.max() + 1 if N > 1 else 0):
        members = places == pair
        left = np.ones(N, bool)
        left[np.flatnonzero(members)[0]] = False
        without = metrics.score_metrics(scores[left], truth[left], kind, convention)
        for key in discrete:
            values[key][members] = whole[key] + (N - 1) * (whole[key] - without[key])
    return {key: values[key] if key in values else result[key] for key in whole}


def _class_pairs(scores: np.ndarray, truth: np.ndarray, kind: str, convention: str) -> np.ndarray:
    """Return the number of each row's pair of true and predicted class, (N,). Rows of one pair are exchangeable in all
    metrics of classes."""
    if kind == "classification":
        columns = [np.asarray(truth).astype(int), scores.argmax(1)]
    else:
        columns = []
        for values in (np.asarray(truth, float), scores[:, 0]):
            columns += [np.sign(values), *_classes(values, convention)]
    table = np.stack([np.asarray(column, float) for column in columns], 1)
    return np.unique(table, axis=0, return_inverse=True)[1].ravel()


def _classes(values: np.ndarray, convention: str) -> list[np.ndarray]:
    """Return the classes of numbers by a convention."""
    if convention == "sims":
        clipped = np.clip(values, -1, 1).astype(np.float32)
        return [
            np.digitize(clipped, np.array(cuts, np.float32), right=True)
            for cuts in metrics.SIMS_CUTS.values()
        ]
    if convention == "mosi":
        return [np.round(np.clip(values, -limit, limit)) for limit in (2, 3)]
    return []


def _smooth_contributions(
    scores: np.ndarray, truth: np.ndarray, kind: str, convention: str, whole: dict[str, float]
) -> dict[str, np.ndarray]:
    if kind == "classification":
        classes = np.asarray(truth).astype(int)
        return {"nll": -log_softmax(scores, 1)[np.arange(len(classes)), classes]}
    p, y = scores[:, 0], np.asarray(truth, float)
    if convention == "sims":
        p = np.clip(p, -1, 1)
        y = np.clip(y, -1, 1)
    error = np.abs(p - y)
    result = {"mae": error, "corr": np.zeros(len(y)), "r2": np.zeros(len(y))}
    if p.std() and y.std():
        a = (p - p.mean()) / p.std()
        b = (y - y.mean()) / y.std()
        result["corr"] = whole["corr"] + a * b - whole["corr"] * (a**2 + b**2) / 2
    if y.std() and "r2" in whole:
        scale = (y - y.mean()) ** 2
        result["r2"] = whole["r2"] - (error**2 - (1 - whole["r2"]) * scale) / y.var()
    return result
