"""The smallest change of one physical parameter of a model that flips the decision on a sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from qfusion.models import FusionModel, Physics, base
from qfusion.models.terms import Search


@torch.no_grad()
def nearest_parameters(
    model: FusionModel, states: Mapping[str, Tensor], known: Any = None
) -> Search:
    """Return, for every parameter, the smallest change that flips the decision on one sample, if there is one.

    Args:
        model: as learned; one with an evolution must have no tweak.
        states: of the sample, (1, d_m) kets or (1, n) masses, as `counterfactual.encode_samples` returns them.
        known: of a model with an evolution its `jump_changes.table`, to use again for many samples; None computes it.

    Raises:
        InvalidInput: when the model has no terms, or a model with an evolution has a tweak.
    """
    return base.to_double(model).require(Physics).nearest_changes(states, known)
