"""One step of the evolution as a quantum channel: exact, as Kraus operators, and split into gates to be drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, require_number
from qfusion.quantum.decomposition import Subset, decompose, strengths
from qfusion.quantum.lindblad import System
from qfusion.quantum.states import partial_trace
from qfusion.track.states import dimension

#: Largest D whose exact channel is worked out: the generator is a matrix of side D^2 = 729 there and takes seconds.
MAX_EXACT = 27


def checked_step(dt: float) -> float:
    """Returns `dt` as a float.

    Raises:
        InvalidInput: unless it is a positive number.
    """
    step = require_number("dt", dt, 0.0, math.inf)
    check(
        0 < step < math.inf,
        f"Argument `dt` must be above 0, but is {step:g}. Give the time of one step, such as T / 20.",
    )
    return step


def kraus_of_step(system: System, dt: float) -> np.ndarray:
    """Returns Kraus operators (R, D, D) of exp(dt L), rho -> sum_r K_r rho K_r^+, largest first.

    They are the eigenvectors of the channel's Choi matrix times the root of their eigenvalues (Choi 1975); those whose
    eigenvalue is round-off are left out.

    Raises:
        InvalidInput: when `dt` is not positive, or D is above `MAX_EXACT`: at D = 64 the Choi matrix has side 4096,
            whose eigenvectors take minutes; the split step of `unitaries_of_step` and `jump_channel` serves there.
    """
    D, step = dimension(system), checked_step(dt)
    check(
        D <= MAX_EXACT,
        f"Argument `system` must have D at most {MAX_EXACT} for exact Kraus operators, but has D = {D}: its Choi "
        f"matrix would have side {D * D}. Use form='trotter'.",
    )
    identity = torch.eye(D, dtype=torch.complex128)
    G = -1j * system.H - (system.jumps.mH @ system.jumps).sum(0) / 2
    # Rows stacked: vec(A X B^+) = (A x B*) vec(X).
    generator = torch.kron(G, identity) + torch.kron(identity, G.conj())
    for L in system.jumps:
        generator = generator + torch.kron(L, L.conj())
    channel = torch.linalg.matrix_exp(step * generator).reshape(D, D, D, D)
    choi = channel.permute(0, 2, 1, 3).reshape(D * D, D * D)
    weights, vectors = torch.linalg.eigh((choi + choi.mH) / 2)
    kept = weights > 1e-14 * weights[-1]
    kraus = (vectors[:, kept] * weights[kept].sqrt()).T.reshape(-1, D, D).flip(0)
    lost = float(((kraus.mH @ kraus).sum(0) - identity).abs().max())
    check(
        lost < 1e-9,
        f"Argument `dt` must be a step whose channel keeps the trace, but {step:g} loses {lost:.2g}. "
        "Take a shorter step: this one is beyond double precision.",
    )
    return kraus.numpy()


def unitaries_of_step(system: System, dt: float, split: str = "terms") -> dict[Subset, np.ndarray]:
    """Returns exp(-i H_S dt) on the modalities in S, (d_S, d_S), for every S whose H_S is not zero.

    Args:
        system: the trained physics.
        dt: time of the step.
        split: "terms" for one unitary per H_S, smaller S first; "whole" for exp(-i H dt) alone. The identity part is
            only a global phase and has no gate.
    """
    dims = system.dims
    everything = tuple(range(len(dims)))
    parts = decompose(system.H, dims) if split == "terms" else {everything: system.H}
    least = 1e-14 * float(torch.linalg.matrix_norm(system.H))
    out = {}
    for subset, part in parts.items():
        if not subset or float(torch.linalg.matrix_norm(part)) <= least:
            continue
        rest = dimension(system) // math.prod(dims[m] for m in subset)
        out[subset] = unitary(partial_trace(part, dims, subset) / rest, dt)
    return out


def unitary(H: Tensor, dt: float) -> np.ndarray:
    """Returns exp(-i H dt)."""
    energies, V = torch.linalg.eigh(H)
    return ((V * torch.exp(-1j * energies * dt)) @ V.mH).numpy()


def jump_channel(L: Tensor, dt: float) -> np.ndarray:
    """Returns the two Kraus operators (2, D, D) "no jump" and "jump" of one L over dt, to first order.

    M_0 = 1 - L^+ L dt / 2 and M_1 = sqrt(dt) L, times (M_0^+ M_0 + M_1^+ M_1)^(-1/2), which makes the sum of M^+ M
    exactly one for any dt. (L^+ L commutes with that factor, so in its eigenbasis, of eigenvalues g, it is 1 / sqrt(1 +
    g^2 dt^2 / 4).)
    """
    g, V = torch.linalg.eigh(L.mH @ L)
    x = g * dt / 2
    factor = 1 / torch.sqrt(1 + x**2)
    stay = (V * (factor * (1 - x))) @ V.mH
    jump = math.sqrt(dt) * L @ (V * factor) @ V.mH
    return torch.stack([stay, jump]).numpy()


def shares(H: Tensor, dims: Sequence[int]) -> dict[Subset, float]:
    """Returns the part of ||H||^2 (Hilbert-Schmidt, without the identity) acting on exactly each S; adds up to 1."""
    squares = {subset: float(s) ** 2 for subset, s in strengths(H, dims).items() if subset}
    total = sum(squares.values())
    return {subset: square / total if total else 0.0 for subset, square in squares.items()}


def apply(operators: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """Returns sum_r K_r rho K_r^+ for Kraus operators (R, D, D); one unitary is R = 1."""
    return (operators @ rho @ operators.conj().transpose(0, 2, 1)).sum(0)
