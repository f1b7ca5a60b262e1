"""One step of the evolution as a quantum channel: exact, as Kraus operators, and split into gates to be drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, require_number
from qfusion._lazy import Library
from qfusion.quantum import decomposition, generators, lindblad, states

if TYPE_CHECKING:
    import qutip
else:
    qutip = Library("qutip")


# One step of the evolution as a quantum channel: exact, as Kraus operators, and split into gates to be drawn.

#: Largest D whose exact channel is worked out: the generator is a matrix of side D^2 = 729 there and takes seconds.
MAX_EXACT = 27


def validate_step(dt: float) -> float:
    """Return `dt` as a float.

    Raises:
        InvalidInput: unless it is a positive number.
    """
    step = require_number("dt", dt, 0.0, math.inf)
    check(
        0 < step < math.inf,
        f"Argument `dt` must be above 0, but is {step:g}. Give the time of one step, such as T / 20.",
    )
    return step


def step_kraus_operators(system: lindblad.System, dt: float) -> np.ndarray:
    """Return Kraus operators (R, D, D) of exp(dt L), rho -> sum_r K_r rho K_r^+, largest first.

    They are the eigenvectors of the channel's Choi matrix times the root of their eigenvalues (Choi 1975); those whose
    eigenvalue is round-off are left out.

    Raises:
        InvalidInput: when `dt` is not positive, or D is above `MAX_EXACT`: at D = 64 the Choi matrix has side 4096,
            whose eigenvectors take minutes; the split step of `step_unitaries` and `jump_channel` serves there.
    """
    D = len(system.H)
    step = validate_step(dt)
    check(
        D <= MAX_EXACT,
        f"Argument `system` must have D at most {MAX_EXACT} for exact Kraus operators, but has D = {D}: its Choi "
        f"matrix would have side {D * D}. Use form='trotter'.",
    )
    _, G, L = lindblad.form(lindblad.Term((0,), system.H, system.jumps), "states")
    channel = torch.linalg.matrix_exp(step * generators.superoperator(G, L))
    choi = channel.reshape(D, D, D, D).permute(0, 2, 1, 3).reshape(D * D, D * D)
    weights, vectors = torch.linalg.eigh((choi + choi.mH) / 2)
    matches = weights > 1e-14 * weights[-1]
    kraus = (vectors[:, matches] * weights[matches].sqrt()).T.reshape(-1, D, D).flip(0)
    lost = float(((kraus.mH @ kraus).sum(0) - torch.eye(D)).abs().max())
    check(
        lost < 1e-9,
        f"Argument `dt` must be a step whose channel keeps the trace, but {step:g} loses {lost:.2g}. "
        "Take a shorter step: this one is beyond double precision.",
    )
    return kraus.numpy()


def step_unitaries(
    system: lindblad.System, dt: float, split: str = "terms"
) -> dict[decomposition.Subset, np.ndarray]:
    """Return exp(-i H_S dt) on the modalities in S, (d_S, d_S), for every S whose H_S is not zero.

    Args:
        system: the trained physics.
        dt: time of the step.
        split: "terms" for one unitary per H_S, smaller S first; "whole" for exp(-i H dt) alone. The identity part is
            only a global phase and has no gate.
    """
    dims = system.dims
    parts = (
        decomposition.decompose(system.H, dims)
        if split == "terms"
        else {tuple(range(len(dims))): system.H}
    )
    least = 1e-14 * float(torch.linalg.matrix_norm(system.H))
    unitaries = {}
    for subset, part in parts.items():
        if subset and float(torch.linalg.matrix_norm(part)) > least:
            rest = len(system.H) // math.prod(dims[m] for m in subset)
            energies, V = torch.linalg.eigh(states.partial_trace(part, dims, subset) / rest)
            unitaries[subset] = ((V * torch.exp(-1j * energies * dt)) @ V.mH).numpy()
    return unitaries


def jump_channel(L: Tensor, dt: float) -> np.ndarray:
    """Return the two Kraus operators (2, D, D) "no jump" and "jump" of one L over dt, to first order.

    M_0 = 1 - L^+ L dt / 2 and M_1 = sqrt(dt) L, times (M_0^+ M_0 + M_1^+ M_1)^(-1/2), which makes the sum of M^+ M
    exactly one for any dt. (L^+ L commutes with that factor, so in its eigenbasis, of eigenvalues g, it is 1 / sqrt(1 +
    g^2 dt^2 / 4).)
    """
    g, V = torch.linalg.eigh(L.mH @ L)
    x = g * dt / 2
    factor = 1 / torch.sqrt(1 + x**2)
    stay = (V * (factor * (1 - x))) @ V.mH
    return torch.stack([stay, math.sqrt(dt) * L @ (V * factor) @ V.mH]).numpy()


def hamiltonian_shares(H: Tensor, dims: Sequence[int]) -> dict[decomposition.Subset, float]:
    """Return the part of ||H||^2 (Hilbert-Schmidt, without the identity) acting on exactly each S; add up to 1."""
    squares = {
        subset: float(s) ** 2 for subset, s in decomposition.strengths(H, dims).items() if subset
    }
    total = sum(squares.values())
    return {subset: square / total if total else 0.0 for subset, square in squares.items()}


def apply_kraus(operators: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """Return sum_r K_r rho K_r^+ for Kraus operators (R, D, D); one unitary is R = 1."""
    return (operators @ rho @ operators.conj().transpose(0, 2, 1)).sum(0)
