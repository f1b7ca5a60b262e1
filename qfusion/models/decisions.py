"""Decisions of scores: the class of the largest score, or the sign of a single one."""

from typing import TypeVar

import numpy as np
from torch import Tensor

A = TypeVar("A", Tensor, np.ndarray)


def decision(scores: np.ndarray | Tensor) -> int:
    """Return the class of the largest score; of a single score 1 where it is positive, else 0."""
    return int(decisions(np.asarray(scores, dtype=float).reshape(-1)))


def decisions(scores: np.ndarray) -> np.ndarray:
    """Return the decision of every row of scores (..., C), see `decision`."""
    return np.asarray(scores[..., 0] > 0 if scores.shape[-1] == 1 else scores.argmax(-1)).astype(
        int
    )


TIE = 1e-12  # of the largest score: a smaller difference is rounding


def is_tied(scores: np.ndarray | Tensor) -> bool:
    """Return whether several classes have the same largest score, so that none of them is decided for."""
    return len(leading(scores)) > 1


def leading(scores: np.ndarray | Tensor) -> list[int]:
    """Return the classes with the largest score: several where they are equal to rounding."""
    values = np.asarray(scores, dtype=float).reshape(-1)
    least = values.max() - TIE * max(1.0, float(np.abs(values).max()))
    return [int(place) for place in np.flatnonzero(values >= least)]


def boundaries(form: A, scores: np.ndarray) -> list[A]:
    """Return forms that are >= 0 where the decision differs from that of `scores`: one for each other class, or the
    sign's.

    Args:
        form: of the scores, or such scores themselves, (C, ...).
    """
    held = decision(scores)
    if len(form) == 1:
        return [form[0] * (-1.0 if held else 1.0)]
    return [form[c] - form[held] for c in range(len(form)) if c != held]
