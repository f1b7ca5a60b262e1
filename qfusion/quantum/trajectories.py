"""Quantum-jump trajectories of many kets at once, under generators that are sums of terms: no D x D matrix is held.

A ket follows exp(-i H_eff t), H_eff = H - i/2 sum_k L_k^+ L_k, between jumps; the mean over trajectories is the master
equation's rho(t) (Dalibard, Castin, Molmer 1992; Plenio and Knight 1998). `sample_jumps_exact` has no time-step error;
`sample_euler_jumps` has one, and gradients pass through it. `qfusion.simulate` shows single trajectories of one sample.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum.lindblad import Generator, form
from qfusion.quantum.states import takes_arrays

_ORDER = {
    torch.complex128: 16,
    torch.complex64: 9,
}  # of the series of a step: its rest is at most 1 / (order + 1)!
MAX_NUMBERS = 2**23  # complex numbers of one series held at a time


@takes_arrays
def sample_euler_jumps(
    generator: Generator,
    psi: Tensor,
    duration: float,
    steps: int,
    random: torch.Generator | None = None,
) -> Tensor:
    """Return one trajectory per ket (N, D) at time `duration`, by the first-order unravelling.

    Each step applies M_0 = 1 - i H_eff dt or M_k = sqrt(dt) L_k, drawn with probability ||M psi||^2 / sum, and divides
    by the square root of that probability *held constant in the backward pass*. The forward value is the normalised
    ket; the gradient of the mean of <psi|O|psi> over trajectories is then unbiased, since it is the gradient of
    sum_paths p(path) <psi|O|psi> estimated with draws from p.

    Args:
        generator: what acts, hbar = 1.
        psi: unit kets (N, D).
        duration: evolution time.
        steps: number of steps dt = duration / steps; the bias of the mean is of order dt.
        random: source of randomness; default torch's global one.

    Raises:
        InvalidInput: when shapes disagree or `steps` is not positive.
    """
    check(steps >= 1, f"Argument `steps` must be at least 1, but is {steps}.")
    _check_kets(generator, psi)
    dt = duration / steps
    drift = _drift(generator)
    rows = torch.arange(len(psi), device=psi.device)
    for _ in range(steps):
        no_jump = psi + dt * _apply_drift(generator, drift, psi)
        jumped = dt**0.5 * _apply_jumps(generator, psi)
        branches = torch.cat([no_jump[None], jumped])
        with torch.no_grad():
            weights = branches.abs().square().sum(-1).T
            probabilities = weights / weights.sum(-1, keepdim=True)
            drawn = torch.multinomial(probabilities, 1, generator=random)[:, 0]
        psi = branches[drawn, rows] / weights[rows, drawn, None].sqrt()
    return psi


@takes_arrays
@torch.no_grad()
def sample_jumps_exact(
    generator: Generator, psi: Tensor, duration: float, random: torch.Generator | None = None
) -> Tensor:
    """Return one trajectory per ket (N, D) at time `duration`, normalised, without a time-step error.

    A ket jumps when its squared norm, which only falls between jumps, has reached a number drawn uniformly from [0, 1).
    Within a step, psi(t + s h) = sum_k s^k p_k with the terms p_k of the exponential series, so the squared norm is a
    polynomial in s whose coefficients are scalar products of the p_k: the time of a jump is its root, found by
    bisection, and every ket takes steps of its own.

    Args:
        generator: what acts, hbar = 1.
        psi: unit kets (N, D).
        duration: evolution time, not negative.
        random: source of randomness; default torch's global one.

    Raises:
        InvalidInput: when shapes disagree, or operators or `duration` are not finite.
    """
    _check_kets(generator, psi)
    drift = _drift(generator)
    size = sum(torch.linalg.matrix_norm(entry, 2).item() for entry in drift)
    check(
        0 <= size * duration < 1e6,
        "The Hamiltonian, the jump operators and `duration` must be finite and their "
        f"product below 1e6, but it is {size * duration:.3g}. Check the weights or lower the duration.",
    )
    if not len(psi):
        return psi
    longest = 1 / max(size, 1e-12)
    block = max(1, MAX_NUMBERS // (_ORDER[psi.dtype] * psi.shape[-1]))
    parts = psi.split(block)
    return torch.cat(
        [_run_to_end(generator, drift, part, duration, longest, random) for part in parts]
    )


def _run_to_end(
    generator: Generator,
    drift: Sequence[Tensor],
    psi: Tensor,
    duration: float,
    longest: float,
    random: torch.Generator | None,
) -> Tensor:
    """Return one trajectory per ket at time `duration`, in steps of at most `longest`."""

    def draw_uniform(count: int) -> Tensor:
        return torch.rand(count, dtype=torch.float64, generator=random).to(psi.device)

    order = _ORDER[psi.dtype]
    psi = psi.clone()
    left = torch.full((len(psi),), float(duration), dtype=torch.float64, device=psi.device)
    until = draw_uniform(len(psi))
    active = torch.arange(len(psi), device=psi.device)
    active = active[left[active] > 0]
    while len(active):
        h = left[active].clamp(max=longest)
        series = [psi[active]]
        for k in range(1, order + 1):
            step = (h / k).to(psi.dtype)[:, None]
            series.append(_apply_drift(generator, drift, series[-1]) * step)
        p = torch.stack(series, 1)  # (n, order + 1, D)
        norms = _norms(p)
        jumps = norms.sum(-1) <= until[active]
        where = torch.where(jumps, _root(norms, until[active]), 1.0)
        psi[active] = torch.einsum("nk,nkd->nd", _powers(where, order + 1).to(p.dtype), p)
        without_jump = (left[active] - h).clamp(min=0)
        left[active] = torch.where(jumps, left[active] - where * h, without_jump)
        jumping = active[jumps]
        if len(jumping):
            psi[jumping] = _draw_jump(generator, psi[jumping], draw_uniform(len(jumping)))
            until[jumping] = draw_uniform(len(jumping))
        active = active[left[active] > 0]
    return torch.nn.functional.normalize(psi, dim=-1)


def _draw_jump(generator: Generator, psi: Tensor, uniform: Tensor) -> Tensor:
    """Return kets (n, D) after a jump each, normalised, drawn with probability ||L_k psi||^2 / sum.

    Args:
        psi: kets before the jump, (n, D). uniform: numbers in [0, 1), (n,).
    """
    branches = _apply_jumps(generator, psi)
    weights = branches.abs().square().sum(-1).double().T
    threshold = uniform[:, None] * weights.sum(-1, keepdim=True)
    which = torch.searchsorted(weights.cumsum(-1), threshold)[:, 0].clamp(max=len(branches) - 1)
    jumped = branches[which, torch.arange(len(psi), device=psi.device)]
    return torch.nn.functional.normalize(jumped, dim=-1)


def _norms(p: Tensor) -> Tensor:
    """Return the coefficients (n, 2 order + 1) of || sum_k s^k p_k ||^2 in s."""
    gram = (p.conj() @ p.mT).real.double()
    n, side = gram.shape[:2]
    coefficients = gram.new_zeros(n, 2 * side - 1)
    for k in range(side):
        coefficients[:, k : k + side] += gram[:, k]
    return coefficients


def _powers(s: Tensor, count: int) -> Tensor:
    return s[:, None] ** torch.arange(count, device=s.device)


def _root(coefficients: Tensor, value: Tensor) -> Tensor:
    """Return the points in [0, 1] at which decreasing polynomials reach a value."""
    low = torch.zeros_like(value)
    high = torch.ones_like(value)
    for _ in range(50):  # to the last digit
        middle = (low + high) / 2
        above = (_powers(middle, coefficients.shape[1]) * coefficients).sum(-1) > value
        low = torch.where(above, middle, low)
        high = torch.where(above, high, middle)
    return high


def _check_kets(generator: Generator, psi: Tensor) -> None:
    D = math.prod(generator.dims)
    check(
        psi.ndim == 2 and psi.shape[1] == D,
        f"Argument `psi` must have shape (N, {D}), but has shape {tuple(psi.shape)}. Give one ket a row.",
    )
    check(psi.dtype in _ORDER, f"Argument `psi` must be complex, but is {psi.dtype}. Cast it.")


def _drift(generator: Generator) -> list[Tensor]:
    """Return -i H - 1/2 sum_k L_k^+ L_k of every term."""
    return [form(term, "states").G for term in generator.terms]


def _apply_drift(generator: Generator, drift: Sequence[Tensor], psi: Tensor) -> Tensor:
    """Return -i H_eff psi, (N, D)."""
    parts = []
    for term, G in zip(generator.terms, drift, strict=True):
        parts.append(apply_local(G[None], psi, generator.dims, term.subsystems)[0])
    return torch.stack(parts).sum(0)


def _apply_jumps(generator: Generator, psi: Tensor) -> Tensor:
    """Return all L_k psi, (K, N, D)."""
    return torch.cat(
        [apply_local(term.jumps, psi, generator.dims, term.subsystems) for term in generator.terms]
    )


@takes_arrays
def apply_local(
    operators: Tensor, psi: Tensor, dims: Sequence[int], subsystems: Sequence[int]
) -> Tensor:
    """Return operators (K, d, d) on `subsystems` (ascending) applied to kets (N, D): (K, N, D).

    Example:
        >>> import torch
        >>> from qfusion.quantum.trajectories import apply_local
        >>> X = torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]) + 0j
        >>> apply_local(X, torch.tensor([[1.0, 0, 0, 0]]) + 0j, (2, 2), (1,)).real
        tensor([[[0., 1., 0., 0.]]])
    """
    rest = [m for m in range(len(dims)) if m not in subsystems]
    order = [*(1 + m for m in subsystems), 0, *(1 + m for m in rest)]
    K = len(operators)
    N = len(psi)
    d = operators.shape[-1]
    columns = psi.reshape(N, *dims).permute(order).reshape(d, -1)
    out = (operators.reshape(K * d, d) @ columns).view(
        K, *(dims[m] for m in subsystems), N, *(dims[m] for m in rest)
    )
    return out.movedim([*range(1, out.ndim)], [1 + axis for axis in order]).reshape(K, N, -1)
