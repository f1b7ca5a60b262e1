"""The output of a trained model when all entanglement between modalities is removed and each modality's own state is
unchanged.

The evolution is cut into equal parts. Between them every modality m is dephased in the eigenbasis of its own state:

    rho -> sum_i (P_i x 1) rho (P_i x 1),   P_i the eigenprojectors of rho_m

The channel measures, so it leaves no entanglement; it leaves rho_m itself unchanged, local coherence included, and the
classical correlation of the populations (Luo 2008, Physical Review A 77, 022301). Quantum correlation short of
entanglement goes, too, so a loss is not due to entanglement alone; what is not lost needs none. The eigenbasis depends
on the sample, so this is no linear map of states. Dephasing in the product basis, which does not depend on it, would
take local coherence first (`twins.cut_resource`).
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import require_whole
from qfusion.models import Features, FusionModel
from qfusion.models.protocols import Evolution
from qfusion.plugins.why.cuts import state_cuts
from qfusion.quantum import states

STEPS = 8  # times that the state is dephased, evenly within (0, T), as a twin without entanglement is measured
_AT_ONCE = 2**20  # complex numbers of states that are evolved at once


def dephase_modalities(rho: Tensor, dims: Sequence[int]) -> Tensor:
    """Return the states (B, D, D) after dephasing every modality in the eigenbasis of its own state.

    Where eigenvalues agree, the mean over all bases of their space is taken; see `cuts`.

    Args:
        rho: states, complex. dims: of the modalities, whose product is D.
    """
    for m in range(len(dims)):
        rho = _whole(state_cuts.dephase_first(state_cuts.first_part(rho, tuple(dims), m)), dims, m)
    return rho


def _whole(X: Tensor, dims: Sequence[int], m: int) -> Tensor:
    """Return the operators (B, D, D) that `state_cuts.first_part` splits into (B, d d, r r)."""
    left = math.prod(dims[:m])
    d = dims[m]
    right = math.prod(dims[m + 1 :])
    D = left * d * right
    return (
        X.reshape(-1, d, d, left, right, left, right).permute(0, 3, 1, 4, 5, 2, 6).reshape(-1, D, D)
    )


@torch.no_grad()
def scores(model: FusionModel, inputs: Mapping[str, Features], steps: int = STEPS) -> np.ndarray:
    """Return a model's scores when its state is dephased between equal parts of the evolution, float64 (B, C).

    Args:
        model: a trained QiNN-QJ in eval mode; one that samples trajectories is evolved by the master equation.
        inputs: features of B samples.
        steps: how often it is dephased; 0 leaves the model as it is.

    Raises:
        InvalidInput: when the model does not evolve in time, or `steps` is not a whole number in 0..1000.
    """
    require_whole("steps", steps, 0, 1000)
    moving = model.require(Evolution, "to dephase")
    encoded = model.encode(inputs)
    start = states.kron([states.density(encoded[name]) for name in model.modalities])
    part = float(moving.duration) / (steps + 1)
    read = state_cuts.real_vectors(moving.observables([0.0])[0].to(torch.complex128))
    blocks = []
    for rho in start.split(max(1, _AT_ONCE // start.shape[-1] ** 2)):
        for step in range(steps + 1):
            rho = moving.evolve_states(rho, [part])[0]
            if step < steps:
                rho = dephase_modalities(rho, moving.dims)
        blocks.append(state_cuts.real_vectors(rho.to(torch.complex128)) @ read.mT)
    return (torch.cat(blocks) + model.bias.detach().double()).numpy()
