"""Columns that a model gives for classes, scores or probabilities or their logarithms, as scores."""

from math import log

import torch
from torch import Tensor

SMALLEST = 1e-12  # probability; smaller ones are raised to it before a logarithm is taken
TOLERANCE = 1e-3  # by which probabilities may leave [0, 1], and their sum 1


def class_scores(columns: Tensor, holds: str) -> Tensor:
    """Return scores whose softmax is the probability of each class.

    Args:
        columns: of B rows: (B, C) with one column for each class, or (B, 1) for the second of two.
        holds: what they are: "scores", "log-probabilities" or "probabilities".

    Returns:
        (B, C), or (B, 2) with 0 for the first class and the log-odds of the second.
    """
    if columns.shape[1] == 1:
        return torch.cat([torch.zeros_like(columns), _log_odds(columns, holds)], 1)
    if holds == "probabilities":
        return _clipped_logarithm(columns)
    return _clip_infinite_rows(columns) if holds == "log-probabilities" else columns


def _log_odds(columns: Tensor, holds: str) -> Tensor:
    """The log-odds of one class against its absence."""
    if holds == "scores":
        return columns
    if holds == "probabilities":
        return _clipped_logarithm(columns) - _clipped_logarithm(1 - columns)
    return _clip_infinite_rows(columns) - _clipped_logarithm(-torch.expm1(columns))


def _clipped_logarithm(probabilities: Tensor) -> Tensor:
    return probabilities.clamp(SMALLEST, 1).log()


def _clip_infinite_rows(logarithms: Tensor) -> Tensor:
    """Return log-probabilities unchanged, except that rows with minus infinity are clipped in the same way as
    probabilities.
    """
    has_infinity = logarithms.isneginf().any(1, keepdim=True)
    return torch.where(has_infinity, logarithms.clamp_min(log(SMALLEST)), logarithms)


def looks_like(output: Tensor, apart: bool) -> str:
    """Return the apparent kind of an output for classes: "probabilities", "log-probabilities" or "scores".

    Args:
        output: of some rows, (B, K). apart: whether each column is of a class of its own, so that no sum is known.
    """
    if fits(output, "probabilities", apart):
        return "probabilities"
    if not apart and fits(output, "log-probabilities", apart):
        return "log-probabilities"
    return "scores"


def fits(output: Tensor, holds: str, apart: bool) -> bool:
    """Return whether an output (B, K) for classes can be of the kind stated by a card."""
    if holds == "scores":
        return True
    probabilities = output.exp() if holds == "log-probabilities" else output
    inside = bool(((probabilities >= -TOLERANCE) & (probabilities <= 1 + TOLERANCE)).all())
    return inside and (apart or bool(((probabilities.sum(1) - 1).abs() < TOLERANCE).all()))
