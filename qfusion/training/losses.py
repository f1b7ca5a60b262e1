"""What is made small: losses of scores against targets, and weights of classes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional

from qfusion._checks import check

if TYPE_CHECKING:
    from qfusion.data import DataSet
    from qfusion.training.batches import Batches

_NUMBERS = {
    "l1": functional.l1_loss,
    "mse": functional.mse_loss,
    "huber": functional.smooth_l1_loss,
}


def mean(scores: Tensor, y: Tensor, kind: str, weights: Tensor | None = None) -> Tensor:
    """Returns the mean loss of scores (B, C) against targets (B,); of classes with weights (C,) the weighted mean.

    Args:
        kind: of `options.LOSSES`.
    """
    return (
        functional.cross_entropy(scores, y, weights)
        if kind == "cross_entropy"
        else _NUMBERS[kind](scores[:, 0], y)
    )


def each(scores: Tensor, targets: Tensor, kind: str) -> Tensor:
    """Returns the loss of every target (B, M) of scores (B, M, C)."""
    if kind == "cross_entropy":
        return functional.cross_entropy(
            scores.flatten(0, 1), targets.long().flatten(), reduction="none"
        ).view_as(targets)
    return _NUMBERS[kind](scores[..., 0], targets, reduction="none")


def balanced(dataset: DataSet, rows: Batches) -> Tensor:
    """Returns the weights (C,) with which every class counts alike over the training rows.

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
