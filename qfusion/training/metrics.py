"""Metrics of models: test metrics, the deviation of sampled scores from the master equation, and encoder outputs of all
samples, which are cached."""

from typing import Any

import numpy as np
import torch
from scipy.special import log_softmax

from qfusion._checks import check, require_finite
from qfusion.data import DataSet
from qfusion.training.batches import ALONE, Group, to_device
from qfusion.training.checkpoint_cards import (
    HEADLINES,
    LABELS,
    NAMES,
    SIMS,
    Label,
    find_convention,
    headlines,
    label,
    labels,
)
from qfusion.training.encodings import encoded_inputs, is_kept

__all__ = [
    "BINS",
    "HEADLINES",
    "LABELS",
    "NAMES",
    "SIMS",
    "SIMS_CUTS",
    "Label",
    "calibration",
    "classification",
    "evaluate",
    "find_convention",
    "headlines",
    "label",
    "labels",
    "names",
    "plain",
    "predict",
    "regression",
    "row_metrics",
    "score_metrics",
    "sims",
    "summary",
]

BINS = 10  # of the certainty
# Upper ends of the classes of CH-SIMS; each is (low, high], the first begins at -1.01 and the last ends at 1.01.
SIMS_CUTS = {"acc2": (0.0,), "acc3": (-0.1, 0.1), "acc5": (-0.7, -0.1, 0.1, 0.7)}


def names(dataset: DataSet) -> tuple[str, ...]:
    """Return the names of a data set's metrics: those of its convention, a sign only where targets have both."""
    return tuple(
        key for key in NAMES[dataset.target.convention] if key != "sign" or dataset.is_signed
    )


def regression(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return the metrics of MOSI and MOSEI for scores of shape (N,).

    Conventions of MMSA for MOSI and MOSEI: Acc-2 and F1 with zero use >= 0 on all rows; non-zero ones leave out rows
    with truth 0 and use > 0; Acc-5 and Acc-7 round after clipping; MAE and correlation use unclipped scores. A
    correlation that is not defined (one row, or constant scores) is 0.

    Raises:
        InvalidInput: when shapes differ, there are no rows, or a value is not finite.

    Example:
        >>> import numpy as np
        >>> from qfusion.training.metrics import regression
        >>> regression(np.array([1.0, -1.0, 2.0]), np.array([1.5, -0.5, 2.0]))["acc2_non0"]
        1.0
    """
    p, y = _pair(prediction, truth)
    nonzero = y != 0
    nz_p, nz_y = (p[nonzero] > 0, y[nonzero] > 0) if nonzero.any() else (p > 0, y > 0)
    return {
        "acc2_non0": float((nz_p == nz_y).mean()),
        "f1_non0": _f1(nz_y, nz_p, weighted=True),
        "acc2_has0": float(((p >= 0) == (y >= 0)).mean()),
        "f1_has0": _f1(y >= 0, p >= 0, weighted=True),
        "acc5": _rounded_accuracy(p, y, 2),
        "acc7": _rounded_accuracy(p, y, 3),
        **_error_and_correlation(p, y),
        "r2": _r2(p, y),
    }


def sims(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return the metrics of CH-SIMS for scores of shape (N,).

    Conventions of MMSA for SIMS: both are clipped to [-1, 1] for all of them; Acc-2, 3 and 5 are shares of equal
    classes, each (low, high] between cuts; F1 is that of Acc-2's two, weighted by how often each is true. Scores are
    compared with the cuts in single precision, as they are there. A correlation that is not defined (one row, or
    constant scores) is 0.

    Raises:
        InvalidInput: when shapes differ, there are no rows, or a value is not finite.

    Example:
        >>> import numpy as np
        >>> from qfusion.training.metrics import sims
        >>> sims(np.array([0.4, -0.2, 0.9]), np.array([0.5, -0.1, 0.8]))["acc2"]
        1.0
    """
    p, y = (np.clip(values, -1, 1) for values in _pair(prediction, truth))
    classes = {
        key: [
            np.digitize(values.astype(np.float32), np.array(cuts, np.float32), right=True)
            for values in (p, y)
        ]
        for key, cuts in SIMS_CUTS.items()
    }
    return {
        **{key: float((taken == true).mean()) for key, (taken, true) in classes.items()},
        "f1": _f1(classes["acc2"][1], classes["acc2"][0], weighted=True),
        **_error_and_correlation(p, y),
    }


def plain(prediction: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return mean absolute error, correlation, R2 and agreement of signs for scores of shape (N,); the last is that of
    the samples with non-zero truth, 0 where there are none.

    Raises:
        InvalidInput: when shapes differ, there are no rows, or a value is not finite.

    Example:
        >>> import numpy as np
        >>> from qfusion.training.metrics import plain
        >>> round(plain(np.array([1.0, 2.0, 3.0]), np.array([1.0, 2.0, 4.0]))["mae"], 4)
        0.3333
    """
    p, y = _pair(prediction, truth)
    right = (np.sign(p) == np.sign(y))[y != 0]
    return {
        **_error_and_correlation(p, y),
        "r2": _r2(p, y),
        "sign": float(right.mean()) if len(right) else 0.0,
    }


def _error_and_correlation(p: np.ndarray, y: np.ndarray) -> dict[str, float]:
    spread = p.std() * y.std() if _varies(p) and _varies(y) else 0.0
    return {
        "mae": float(np.abs(p - y).mean()),
        "corr": float(((p - p.mean()) * (y - y.mean())).mean() / spread) if spread else 0.0,
    }


def _varies(values: np.ndarray) -> bool:
    """Whether numbers differ by more than rounding."""
    return bool(values.std() > 1e-12 * np.abs(values).max())


def _r2(p: np.ndarray, y: np.ndarray) -> float:
    variance = ((y - y.mean()) ** 2).sum()
    return float(1 - ((p - y) ** 2).sum() / variance) if _varies(y) else 0.0


def classification(scores: np.ndarray, truth: np.ndarray) -> dict[str, float]:
    """Return accuracy, macro F1 and log loss for scores (N, C) and classes (N,) in 0..C-1.

    Raises:
        InvalidInput: when shapes differ, there are no rows, or a value is not finite.

    Example:
        >>> import numpy as np
        >>> from qfusion.training.metrics import classification
        >>> classification(np.array([[2.0, 0.0], [0.0, 2.0]]), np.array([0, 0]))["accuracy"]
        0.5
    """
    require_finite("scores", scores)
    check(
        scores.ndim == 2 and len(scores) == len(truth) > 0,
        f"Arguments `scores` (N, C) and `truth` (N,) must agree, but have shapes {scores.shape} and "
        f"{np.shape(truth)}.",
    )
    truth = np.asarray(truth).astype(int)
    chosen = scores.argmax(1)
    return {
        "accuracy": float((chosen == truth).mean()),
        "f1": _f1(truth, chosen),
        "nll": float(-log_softmax(scores, 1)[np.arange(len(truth)), truth].mean()),
    }


def _f1(truth: np.ndarray, chosen: np.ndarray, *, weighted: bool = False) -> float:
    """Mean over the classes that occur, by equal weight or by how often each is true.

    It equals scikit-learn's `f1_score`, which would take most of the time of a bootstrap.
    """
    classes, places = np.unique(np.concatenate([truth, chosen]), return_inverse=True)
    true_places, chosen_places = np.split(places, 2)
    hits = np.bincount(true_places[true_places == chosen_places], minlength=len(classes))
    true_counts = np.bincount(true_places, minlength=len(classes))
    chosen_counts = np.bincount(chosen_places, minlength=len(classes))
    scores = 2 * hits / (true_counts + chosen_counts)
    return float(np.average(scores, weights=true_counts if weighted else None))


def score_metrics(
    scores: np.ndarray, truth: np.ndarray, kind: str, convention: str = "mosi"
) -> dict[str, float]:
    """Return the metrics for a target of that kind ("regression" or "classification"), scores (N, C), by the
    convention of a regression.

    Example:
        >>> import numpy as np
        >>> from qfusion.training.metrics import score_metrics
        >>> scores, truth = np.array([[1.0], [2.0]]), np.array([1.0, 2.5])
        >>> sorted(score_metrics(scores, truth, "regression", "plain"))
        ['corr', 'mae', 'r2', 'sign']
    """
    return (
        classification(scores, truth)
        if kind == "classification"
        else {"mosi": regression, "sims": sims, "plain": plain}[convention](scores[:, 0], truth)
    )


def row_metrics(dataset: DataSet, rows: np.ndarray, scores: np.ndarray) -> dict[str, float]:
    """Return the metrics of scores (n, C) of n rows of a data set, limited to those that the data set has; see
    `names`.
    """
    truth = dataset.y[rows]
    check(
        bool((truth >= 0).all() if dataset.target.classes else np.isfinite(truth).all()),
        f"The truth of some of these samples of '{dataset.name}' is not known, so nothing can be measured against it. "
        "Import the data with the truth of every sample.",
    )
    result = score_metrics(scores, truth, dataset.target.kind, dataset.target.convention)
    return {key: result[key] for key in names(dataset)}


def evaluate(
    model: torch.nn.Module, dataset: DataSet, split: str, group: Group = ALONE
) -> dict[str, float]:
    """Return the metrics of a model on one split of a data set; see `row_metrics`. The rows are divided among the
    processes of a group.
    """
    rows = dataset.rows(split)
    scores = predict(model, dataset, group.share(rows), final=True)
    return row_metrics(dataset, rows, group.gathered(scores))


@torch.no_grad()
def predict(
    model: torch.nn.Module, dataset: DataSet, rows: np.ndarray, final: bool = False
) -> np.ndarray:
    """Return a model's scores on rows of a data set, float64 (N, C), without dropout. There may be no rows.

    Args:
        final: whether the model's weights do not change any more: then what its encoders make of a large data set is
            kept, see `encoded_inputs`.
    """
    first = next(model.parameters())
    dtype, device = first.dtype, first.device
    training = model.training
    model.eval()
    stored = final and is_kept(model, dataset)
    parts = [
        model(
            to_device(
                encoded_inputs(model, dataset, block) if stored else dataset.inputs(block, dtype),
                device,
            )
        )
        .double()
        .cpu()
        .numpy()
        for block in dataset.blocks(rows, dtype.itemsize)
    ]
    model.train(training)
    return np.concatenate([np.empty((0, max(1, len(dataset.target.classes)))), *parts])


def summary(runs: list[dict[str, float]]) -> dict[str, dict[str, Any]]:
    """Return mean, standard deviation (ddof 1; 0 for one run) and values of each metric over seeds.

    Example:
        >>> from qfusion.training.metrics import summary
        >>> summary([{"mae": 1.0}, {"mae": 3.0}])["mae"]["mean"]
        2.0
    """
    summaries = {}
    for key in runs[0]:
        values = [run[key] for run in runs]
        deviation = 0.0
        if len(values) > 1:
            deviation = float(np.std(values, ddof=1))
        summaries[key] = {"mean": float(np.mean(values)), "std": deviation, "values": values}
    return summaries


def _pair(prediction: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    p = np.asarray(prediction, dtype=float)
    y = np.asarray(truth, dtype=float)
    check(
        p.shape == y.shape and p.ndim == 1 and len(p) > 0,
        f"Arguments `prediction` and `truth` must both have shape (N,) with N > 0, but have {p.shape} and {y.shape}.",
    )
    require_finite("prediction", p)
    require_finite("truth", y)
    return p, y


def _rounded_accuracy(p: np.ndarray, y: np.ndarray, limit: int) -> float:
    return float(
        (np.round(np.clip(p, -limit, limit)) == np.round(np.clip(y, -limit, limit))).mean()
    )


def calibration(
    sure: np.ndarray, right: np.ndarray, bins: int = BINS
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Return confidence, accuracy and count of every non-empty bin of equal width, and the expected calibration error
    (Guo and others 2017, ICML): the mean gap of the two over the samples.

    Args:
        sure: softmax of the predicted class, (N,). right: 1 where it is the true one, else 0, (N,).
        bins: so many from 0 to 1.

    Example:
        >>> import numpy as np
        >>> from qfusion.training.metrics import calibration
        >>> calibration(np.array([0.9, 0.9]), np.array([True, False]))[3]
        0.4
    """
    at = np.minimum((sure * bins).astype(int), bins - 1)
    counts = np.bincount(at, minlength=bins)
    matches = counts > 0
    means = [np.bincount(at, values, bins)[matches] / counts[matches] for values in (sure, right)]
    gap = float((np.abs(means[0] - means[1]) * counts[matches]).sum() / max(counts.sum(), 1))
    return means[0], means[1], counts[matches], gap
