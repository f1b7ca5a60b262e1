"""The nearest change of one modality's encoding that flips the decision of any model, by gradients.

With z the numbers of a modality's encoding, all others fixed, "class j overtakes class k" (or "the score changes sign")
reads g(z) >= 0. The nearest z in the Euclidean norm is searched for by `boundaries.linearised_steps`. Points beyond the
boundary are reached on a straight line, so that the result turns the decision; encodings of other samples that do are
end points, too. The result is the best that was found: whether any features have such an encoding is not known.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from qfusion.models import FusionModel, nested
from qfusion.models.decisions import MARGIN, linearised_steps

STEPS = 30  # of the iteration
DAMPING = 0.5  # share of each step that is taken
BISECTIONS = 40  # on each line to a point beyond the boundary
NEAREST = 8  # end points that are used
KEPT = 32  # points beyond the boundary before which it is searched for


def flat(state: Any) -> Tensor:
    """Return the numbers of a state, (B, k); masks are not among them."""
    return torch.cat(
        [entry.flatten(1) for entry in nested.nested_leaves(state) if entry.is_floating_point()], 1
    )


def fill_state(state: Any, numbers: Tensor) -> Any:
    """Return a state of the same form with other numbers, (B, k); masks are those of the state, of one row for all."""
    leaves = (entry for entry in nested.nested_leaves(state) if entry.is_floating_point())
    parts = iter(numbers.split([entry[0].numel() for entry in leaves], 1))

    def fill(entry: Tensor) -> Tensor:
        if not entry.is_floating_point():
            return entry.expand(len(numbers), *entry.shape[1:])
        return next(parts).reshape(-1, *entry.shape[1:])

    return nested.nested_mapped(fill, state)


def nearest(
    model: FusionModel,
    states: Mapping[str, Any],
    modality: str,
    was: int,
    ends: Tensor | None = None,
) -> Tensor | None:
    """Return the numbers (k,) nearest to the sample's own that turn the decision; None where none were found.

    Args:
        states: of one sample. modality: whose numbers may change; those that are missing (NaN) stay so.
        was: the sample's decision, as of `counterfactual.decision`.
        ends: numbers to walk to besides, (E, k): the NEAREST of them that turn the decision are.
    """
    own, C = flat(states[modality]), len(model.outputs)
    missing, own = own[0].isnan(), own.nan_to_num()

    def beyond(numbers: Tensor, others: Tensor | None = None) -> Tensor:
        """Return how far each row is beyond the decision boundary, (B,): towards any other decision, or towards the
        one in `others` for each row.
        """
        count = len(numbers)
        wide = nested.nested_mapped(
            lambda entry: entry.expand(count, *entry.shape[1:]), dict(states)
        )
        known = numbers.masked_fill(missing, torch.nan)
        scores = model.scores({**wide, modality: fill_state(states[modality], known)})
        if C == 1:
            return scores[:, 0] * (-1.0 if was else 1.0) - MARGIN
        lead = (
            scores.index_fill(1, torch.tensor([was]), -torch.inf).amax(1)
            if others is None
            else scores[torch.arange(count), others]
        )
        return lead - scores[:, was] - MARGIN

    others = (
        torch.tensor([c for c in range(C) if c != was])
        if C > 1
        else torch.zeros(1, dtype=torch.long)
    )
    steps = linearised_steps(
        lambda numbers: beyond(numbers, others), own, own.expand(len(others), -1), STEPS, DAMPING
    )
    points = torch.cat([own + 1.05 * (here - own) for here in steps])  # a little beyond
    with torch.no_grad():
        if ends is not None:
            ends = ends.masked_fill(missing, 0)
            ends = ends[ends.isfinite().all(1)]
            turning = ends[beyond(ends) > 0]
            points = torch.cat([points, turning[(turning - own).norm(dim=1).argsort()[:NEAREST]]])
        points = points[torch.isfinite(points).all(1)]
        points = points[beyond(points) > 0] if len(points) else points
        points = points[(points - own).norm(dim=1).argsort()[:KEPT]]
        if not len(points):
            return None
        low = own.new_zeros(len(points), 1)
        high = own.new_ones(len(points), 1)
        for _ in range(BISECTIONS):
            middle = (low + high) / 2
            over = beyond(own + middle * (points - own))[:, None] > 0
            low = torch.where(over, low, middle)
            high = torch.where(over, middle, high)
        reached = own + high * (points - own)
        return reached[int((reached - own).norm(dim=1).argmin())].masked_fill(missing, torch.nan)
