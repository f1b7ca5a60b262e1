"""Decisions of scores: the class of the largest score, or the sign of a single one; and the
boundaries between decisions."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TypeVar

import numpy as np
import torch
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


MARGIN = 1e-6  # how far beyond the boundary, in units of the score, so that the decision changes


def linearised_steps(
    margin: Callable[[Tensor], Tensor],
    own: Tensor,
    start: Tensor,
    count: int,
    damping: float,
    max_change: float = math.inf,
) -> Iterator[Tensor]:
    """Yield points (T, k), each a damped step nearer to the boundary point that is nearest to a sample.

    Args:
        margin: from points (T, k) to values (T,), which are 0 on the boundary and positive beyond it.
        own: the sample's numbers, (1, k) or (k,).
        start: first points, (T, k).
        count: most steps.
        damping: share of each full step that is taken.
        max_change: how far any number may differ from the sample's.
    """
    point = start
    for _ in range(count):
        at = point.detach().requires_grad_()
        value = margin(at)
        (slope,) = torch.autograd.grad(value.sum(), at)
        with torch.no_grad():
            size = slope.square().sum(1, keepdim=True).clamp_min(1e-12)
            projection = (slope * (at - own)).sum(1, keepdim=True) - value[:, None]
            change = projection / size * slope
            step = damping * (own + change.clamp(-max_change, max_change) - at)
            point = at + step
        yield point
        if float(step.abs().max()) < 1e-8:
            return
