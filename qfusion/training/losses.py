"""Training losses: of scores against targets, with class weights."""

import math

import numpy as np
import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.training.batches import Batches

_NUMBERS = {
    "l1": nn.functional.l1_loss,
    "mse": nn.functional.mse_loss,
    "huber": nn.functional.smooth_l1_loss,
}


def compute_loss(
    scores: Tensor, y: Tensor, kind: str, weights: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """Return the loss of scores (B, C) against targets (B,): its mean, of classes with weights (C,) the weighted one.

    Args:
        kind: of CHOICES["loss"]. reduction: as of torch; "none" gives that of every target, (B,).
    """
    return (
        nn.functional.cross_entropy(scores, y.long(), weights, reduction=reduction)
        if kind == "cross_entropy"
        else _NUMBERS[kind](scores[:, 0], y, reduction=reduction)
    )


def target_unit(y: np.ndarray) -> float:
    """Return the unit in which targets (N,) of a regression are trained on: their standard deviation, rounded to a
    power of two.

    Dividing weights by a power of two is exact, so a trained model can be given back in the targets' own unit without
    rounding. Targets that are all equal have unit 1.
    """
    deviation = float(np.std(y))
    return 2.0 ** round(math.log2(deviation)) if deviation > 0 else 1.0


def loss_factor(kind: str, unit: float) -> float:
    """Return the factor that converts a loss of targets divided by a unit to the loss of the targets themselves.
    "huber" then bends at one unit.
    """
    return {"l1": unit, "mse": unit**2, "huber": unit**2, "cross_entropy": 1.0}[kind]


def balanced_weights(dataset: DataSet, rows: Batches) -> Tensor:
    """Return the weights (C,) with which every class counts alike over the training rows.

    Raises:
        InvalidInput: when a class has no row.
    """
    names = dataset.target.classes
    counts = torch.bincount(rows.y, minlength=len(names))
    missing = [name for name, count in zip(names, counts.tolist(), strict=True) if not count]
    check(
        not missing,
        "Argument `class_weights` 'balanced' needs a training row of every class, but there is none of "
        f"{missing[:3]}. Use 'none'.",
    )
    return len(rows) / (len(names) * counts.to(rows.dtype))
