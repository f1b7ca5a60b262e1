"""The smallest change of what one modality comes to that turns the decision of any model, by gradients: the best that
was found.

With z the numbers that a modality comes to, all others fixed, "class j overtakes class k" (or "the score changes sign")
reads g(z) >= 0. The nearest z in the Euclidean norm is looked for by the iteration of Hasofer and Lind (1974) and
Rackwitz and Fiessler (1978): the point of the linearised boundary that is nearest to the sample. What lies beyond the
boundary is walked to on a straight line, so that what is returned turns the decision; samples whose own numbers do are
ends, too. Nothing is said of whether any features give such numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from qfusion.models import FusionModel, nested

MARGIN = 1e-6  # how far beyond the boundary, in units of the score, so that the flip is seen
STEPS, DAMPING, BISECTIONS = 30, 0.5, 40
NEAREST, KEPT = 8, 32  # ends that are walked to; points that the boundary is looked for before


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
        return numbers[:, at - size : at].reshape(-1, *each.shape[1:])

    return nested.mapped(fill, state)


def nearest(
    model: FusionModel,
    states: Mapping[str, Any],
    modality: str,
    was: int,
    ends: Tensor | None = None,
) -> Tensor | None:
    """Returns the numbers (k,) nearest to the sample's own that turn the decision; None where none were found.

    Args:
        states: of one sample. modality: whose numbers may change.
        was: the sample's decision, as of `counterfactual.decision`.
        ends: numbers to walk to besides, (E, k): the NEAREST of them that turn the decision are.
    """
    own, C = flat(states[modality]), len(model.outputs)

    def beyond(numbers: Tensor, wanted: Tensor | None = None) -> Tensor:
        """How far the decision is another, or the wanted one, (B,)."""
        count = len(numbers)
        wide = {
            name: nested.mapped(lambda each: each.expand(count, *each.shape[1:]), state)
            for name, state in states.items()
        }
        scores = model.scores({**wide, modality: filled(states[modality], numbers)})
        if C == 1:
            return scores[:, 0] * (-1.0 if was else 1.0) - MARGIN
        others = (
            scores.index_fill(1, torch.tensor([was]), -torch.inf).amax(1)
            if wanted is None
            else scores[torch.arange(count), wanted]
        )
        return others - scores[:, was] - MARGIN

    wanted = (
        torch.tensor([c for c in range(C) if c != was])
        if C > 1
        else torch.zeros(1, dtype=torch.long)
    )
    found = _iterated(lambda numbers: beyond(numbers, wanted), own.expand(len(wanted), -1))
    with torch.no_grad():
        if ends is not None:
            turning = ends[beyond(ends) > 0]
            found = torch.cat([found, turning[(turning - own).norm(dim=1).argsort()[:NEAREST]]])
        found = found[torch.isfinite(found).all(1)]
        found = found[beyond(found) > 0] if len(found) else found
        found = found[(found - own).norm(dim=1).argsort()[:KEPT]]
        if not len(found):
            return None
        low, high = (
            torch.zeros(len(found), 1, dtype=own.dtype),
            torch.ones(len(found), 1, dtype=own.dtype),
        )
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            over = beyond(own + middle * (found - own))[:, None] > 0
            low, high = torch.where(over, low, middle), torch.where(over, middle, high)
        reached = own + high * (found - own)
        return reached[int((reached - own).norm(dim=1).argmin())]


def _iterated(margin: Callable[[Tensor], Tensor], own: Tensor) -> Tensor:
    """Points of the iteration, a little beyond the linearised boundary, one row of (T, k) for each wanted decision:
    (STEPS T, k)."""
    here, points = own.clone(), []
    for _ in range(STEPS):
        here = here.detach().requires_grad_()
        value = margin(here)
        (slope,) = torch.autograd.grad(value.sum(), here)
        size = slope.square().sum(1, keepdim=True).clamp_min(1e-12)
        aim = own + ((slope * (here - own)).sum(1, keepdim=True) - value[:, None]) / size * slope
        here = here + DAMPING * (aim - here)
        points.append((own + 1.05 * (here - own)).detach())
    return torch.cat(points)
