"""Quantum-jump trajectories: pure states whose mean over trajectories is the master equation's rho(t).

Between jumps a ket follows exp(-i H_eff t), H_eff = H - i/2 sum_k L_k^+ L_k, and its squared norm is the probability that
no jump has come yet (Dalibard, Castin, Molmer 1992; Plenio and Knight 1998).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Complex
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum.inputs import check_operators, check_times

_LEVELS = 30  # jump times are resolved to a 2^-30 of the distance between two requested times


@dataclass(frozen=True)
class Trajectories:
    """N trajectories at nT times.

    Attributes:
        kets: unit kets (nT, N, D).
        jump_times: per trajectory, the ascending times of its jumps.
        jump_operators: per trajectory, the number k of the operator of each jump.
    """

    kets: Tensor
    jump_times: list[list[float]]
    jump_operators: list[list[int]]


def first_order(
    H: Complex[Tensor, "D D"], jumps: Complex[Tensor, "K D D"], psi: Complex[Tensor, "N D"],
    duration: float, steps: int, generator: torch.Generator | None = None,
) -> Complex[Tensor, "N D"]:
    """Returns one trajectory per ket at time `duration`, by the first-order unravelling.

    Each step applies M_0 = 1 - i H_eff dt or M_k = sqrt(dt) L_k, drawn with probability ||M psi||^2 / sum, and divides by the
    square root of that probability *held constant in the backward pass*. The forward value is the normalised ket; the gradient of
    the mean of <psi|O|psi> over trajectories is then unbiased, since it is the gradient of sum_paths p(path) <psi|O|psi>
    estimated with draws from p.

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


def waiting_time(
    H: Complex[Tensor, "D D"], jumps: Complex[Tensor, "K D D"], psi: Complex[Tensor, "N D"],
    times: Sequence[float], generator: torch.Generator | None = None,
) -> Trajectories:
    """Returns one trajectory per ket by waiting-time sampling, without a time-step error.

    A jump comes when the squared norm of the freely evolving ket falls to a uniform random number. The moment is found
    by bisection with the propagators of halved intervals, all trajectories at once.

    Args:
        H, jumps: the system, hbar = 1.
        psi: unit kets at time 0.
        times: ascending, not negative.
        generator: source of randomness; default torch's global one.

    Raises:
        InvalidInput: when shapes disagree or times are not ascending.
    """
    check_operators(H, jumps)
    moments = check_times(times)
    effective = -1j * H - 0.5 * (jumps.mH @ jumps).sum(0)
    N = len(psi)
    state = psi.clone()
    threshold = _uniform(N, psi, generator)
    record = Trajectories(psi.new_empty(len(moments), N, psi.shape[-1]), [[] for _ in range(N)], [[] for _ in range(N)])
    now, known = 0.0, {}
    for i, t in enumerate(moments):
        length = t - now
        if length > 0:
            key = round(length, 12)
            if key not in known:
                known[key] = _propagators(effective, length)
            _advance(state, threshold, known[key], jumps, now, length, record, generator)
            now = t
        record.kets[i] = state / torch.linalg.vector_norm(state, dim=-1, keepdim=True)
    return record


def _uniform(count: int, like: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.rand(count, dtype=like.real.dtype, device=like.device, generator=generator)


def _propagators(effective: Tensor, length: float) -> Tensor:
    """exp(-i H_eff length / 2^j), transposed for rows of kets, j = 0 .. _LEVELS."""
    scales = length / 2.0 ** torch.arange(_LEVELS + 1, dtype=effective.real.dtype, device=effective.device)
    return torch.linalg.matrix_exp(effective * scales[:, None, None]).mT.contiguous()


def _advance(state: Tensor, threshold: Tensor, propagators: Tensor, jumps: Tensor, start: float, length: float,
             record: Trajectories, generator: torch.Generator | None) -> None:
    """Moves all kets (in place) over one interval, with as many jumps as come."""
    whole = 2**_LEVELS
    position = torch.zeros(len(state), dtype=torch.long, device=state.device)
    active = torch.arange(len(state), device=state.device)
    while len(active):
        for level, propagator in enumerate(propagators):
            moving = active[position[active] + (whole >> level) <= whole]
            if not len(moving):
                continue
            tried = state[moving] @ propagator
            alive = tried.abs().square().sum(-1) > threshold[moving]
            state[moving[alive]] = tried[alive]
            position[moving[alive]] += whole >> level
            if level == 0:  # most finish the interval at once
                active = active[position[active] < whole]
        active = active[position[active] < whole]
        if len(active):
            _jump(state, threshold, active, jumps, start + length * (position[active].double() + 0.5) / whole, record, generator)


def _jump(state: Tensor, threshold: Tensor, who: Tensor, jumps: Tensor, when: Tensor, record: Trajectories,
          generator: torch.Generator | None) -> None:
    branches = torch.einsum("kab,nb->nka", jumps, state[who])
    weights = branches.abs().square().sum(-1)
    drawn = torch.multinomial(weights, 1, generator=generator)[:, 0]
    chosen = branches[torch.arange(len(who), device=who.device), drawn]
    state[who] = chosen / torch.linalg.vector_norm(chosen, dim=-1, keepdim=True)
    threshold[who] = _uniform(len(who), state, generator)
    for n, t, k in zip(who.tolist(), when.tolist(), drawn.tolist(), strict=True):
        record.jump_times[n].append(t)
        record.jump_operators[n].append(k)
