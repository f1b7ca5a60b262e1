"""Steps towards the nearest point of a decision boundary, by gradients.

The iteration of Hasofer and Lind (1974) and Rackwitz and Fiessler (1978): each step moves towards the point of the
linearised boundary that is nearest to the sample.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

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
