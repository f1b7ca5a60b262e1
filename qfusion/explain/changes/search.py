"""The smallest change of what one modality comes to that turns the decision of any model, by gradients: the best that was found.

With z the numbers that a modality comes to, all others fixed, "class j overtakes class k" (or "the score changes sign") reads g(z) >= 0.
The nearest z in the Euclidean norm is looked for by the iteration of Hasofer and Lind (1974) and Rackwitz and Fiessler (1978): the
point of the linearised boundary that is nearest to the sample. What lies beyond the boundary is walked to on a straight line, so that what
is returned turns the decision; samples whose own numbers do are ends, too. Nothing is said of whether any features give such numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from qfusion.models import FusionModel, nested

STEPS, DAMPING, BISECTIONS = 60, 0.5, 40


def flat(state: Any) -> Tensor:
    """Returns the numbers of a state, (B, k); masks are not among them."""
    parts = [each.flatten(1) for each in nested.leaves(state) if each.is_floating_point()]
    return torch.cat(parts, 1)


def filled(state: Any, numbers: Tensor) -> Any:
    """Returns a state of the same form with other numbers, (B, k); masks are those of the state, of one row for all."""
    at = 0

    def fill(each: Tensor) -> Tensor:
        nonlocal at
        if not each.is_floating_point():
            return each.expand(len(numbers), *each.shape[1:])
        size = each[0].numel()
        at += size
        return numbers[:, at - size:at].reshape(-1, *each.shape[1:])

    return nested.mapped(fill, state)


def nearest(model: FusionModel, states: Mapping[str, Any], modality: str, beyond: Callable[[Tensor], Tensor],
            ends: Tensor | None = None) -> Tensor | None:
    """Returns the numbers (k,) nearest to the sample's own for which `beyond` is positive; None where none were found.

    Args:
        states: of one sample. modality: whose numbers may change.
        beyond: from scores (B, C) to what is positive where the decision is another, (B,).
        ends: numbers to walk to besides, (E, k).
    """
    own = flat(states[modality])
    others = {name: nested.tiled(state, 1) for name, state in states.items() if name != modality}

    def margin(numbers: Tensor) -> Tensor:
        wide = {name: nested.mapped(lambda each: each.expand(len(numbers), *each.shape[1:]), state) for name, state in others.items()}
        return beyond(model.scores({**wide, modality: filled(states[modality], numbers)}))

    found = torch.cat([_iterated(margin, own), *([] if ends is None else [ends])])
    with torch.no_grad():
        found = found[torch.isfinite(found).all(1)]
        found = found[margin(found) > 0] if len(found) else found
        if not len(found):
            return None
        low, high = torch.zeros(len(found), 1, dtype=own.dtype), torch.ones(len(found), 1, dtype=own.dtype)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            over = margin(own + middle * (found - own))[:, None] > 0
            low, high = torch.where(over, low, middle), torch.where(over, middle, high)
        reached = own + high * (found - own)
        return reached[int((reached - own).norm(dim=1).argmin())]


def _iterated(margin: Callable[[Tensor], Tensor], own: Tensor) -> Tensor:
    """Points of the iteration from the sample, a little beyond the linearised boundary, (STEPS, k)."""
    here, points = own.clone(), []
    for _ in range(STEPS):
        here = here.detach().requires_grad_()
        value = margin(here)
        (slope,) = torch.autograd.grad(value.sum(), here)
        size = slope.square().sum().clamp_min(1e-12)
        aim = own + ((slope * (here - own)).sum() - value) / size * slope
        here = here + DAMPING * (aim - here)
        points.append((own + 1.05 * (here - own)).detach())
    return torch.cat(points)
