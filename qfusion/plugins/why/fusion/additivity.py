"""Test whether a model can only add over modalities."""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import torch

from qfusion._checks import check
from qfusion.models import Features, FusionModel, evaluation

ADDS = 1e-9  # of the largest score: a mixed difference below it is rounding
DRAWN = 0.3  # deviation of weights that would start at 0


@torch.no_grad()
def only_adds(model: FusionModel, inputs: Mapping[str, Features], seed: int = 0) -> bool:
    """Return whether a model's scores are sums over modalities whatever it learns.

    All mixed differences of two modalities, f(x_m, x_n) - f(y_m, x_n) - f(x_m, y_n) + f(y_m, y_n), must vanish. Weights
    that start at 0 and may be learned are drawn at random, as they would hide what the model can do.

    Args:
        model: as it is built, in double precision and eval mode; its weights are changed.
        inputs: features of two rows or more, of which each is y to another.
        seed: of the weights.

    Raises:
        InvalidInput: when there is one row alone.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        for weight in model.parameters():
            if weight.requires_grad and not weight.any():
                weight.normal_(0, DRAWN)
    states = model.encode(inputs)
    x = model.scores(states)
    B = len(x)
    check(B > 1, f"Argument `inputs` must hold two rows or more, but holds {B}. Give more rows.")
    order = np.roll(np.arange(B), 1)
    other = {name: evaluation.nested_part(states[name], order) for name in model.modalities}
    for m, n in combinations(model.modalities, 2):
        one = states | {m: other[m]}
        two = states | {n: other[n]}
        mixed = x - model.scores(one) - model.scores(two) + model.scores(one | {n: other[n]})
        if float(mixed.abs().max()) > ADDS * float(x.abs().max()):
            return False
    return True
