"""Models whose observables are computed once."""

import copy
from typing import Any

import torch


def with_observables(model: Any, observables: torch.Tensor) -> Any:
    """Return a copy of a model with fixed observables, which are the same at any time and are not computed. The copy
    shares the weights of the model.
    """
    other = copy.copy(model)
    other.observables = lambda times=None: observables
    return other


@torch.no_grad()
def recompute_observables(model: Any) -> torch.Tensor:
    """Return the observables of a model, also where it is a copy with fixed observables, see `with_observables`."""
    return type(model).observables(model).double()
