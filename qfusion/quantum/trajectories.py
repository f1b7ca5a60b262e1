"""Quantum-jump trajectories by steps that gradients pass through; `qfusion.track` samples single ones without a
time-step error.

A ket follows exp(-i H_eff t), H_eff = H - i/2 sum_k L_k^+ L_k, between jumps; the mean over trajectories is the master
equation's rho(t) (Dalibard, Castin, Molmer 1992; Plenio and Knight 1998).
"""

from __future__ import annotations

import torch
from jaxtyping import Complex
from torch import Tensor

from qfusion._checks import check


def first_order(
    H: Complex[Tensor, "D D"], jumps: Complex[Tensor, "K D D"], psi: Complex[Tensor, "N D"],
    duration: float, steps: int, generator: torch.Generator | None = None,
) -> Complex[Tensor, "N D"]:
    """Returns one trajectory per ket at time `duration`, by the first-order unravelling.

    Each step applies M_0 = 1 - i H_eff dt or M_k = sqrt(dt) L_k, drawn with probability ||M psi||^2 / sum, and divides
    by the square root of that probability *held constant in the backward pass*. The forward value is the normalised
    ket; the gradient of the mean of <psi|O|psi> over trajectories is then unbiased, since it is the gradient of
    sum_paths p(path) <psi|O|psi> estimated with draws from p.

    Args:
        H, jumps: the system, hbar = 1.
        psi: unit kets.
        duration: evolution time.
        steps: number of steps dt = duration / steps; the bias of the mean is of order dt.
        generator: source of randomness; default torch's global one.

    Raises:
        InvalidInput: when shapes disagree or `steps` is not positive.
    """
    check(steps >= 1, f"Argument `steps` must be at least 1, but is {steps}.")
    dt = duration / steps
    identity = torch.eye(len(H), dtype=H.dtype, device=H.device)
    effective = -1j * H - 0.5 * (jumps.mH @ jumps).sum(0)
    maps = torch.cat([(identity + dt * effective)[None], dt**0.5 * jumps])  # (1+K, D, D)
    rows = torch.arange(len(psi), device=psi.device)
    for _ in range(steps):
        branches = torch.einsum("kab,nb->nka", maps, psi)
        with torch.no_grad():
            weights = branches.abs().square().sum(-1)
            drawn = torch.multinomial(weights / weights.sum(-1, keepdim=True), 1, generator=generator)[:, 0]
        psi = branches[rows, drawn] / weights[rows, drawn, None].sqrt()
    return psi
