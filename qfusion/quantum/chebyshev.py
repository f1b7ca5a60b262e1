"""exp(t generator) X by a Chebyshev expansion with its own backward pass.

With a shift x0 and a width w, a = (generator - x0) / w obeys  exp(t generator) = sum_n c_n(t) p_n(a),
c_n(t) = (2 - delta_n0) exp(x0 t) J_n(w t),  p_0 = 1, p_1 = a, p_{n+1} = 2 a p_n + p_{n-1}
(Tal-Ezer and Kosloff 1984, along the imaginary axis). The p_n do not depend on t, so one run serves every requested
time. The expansion stops on the size of its terms, not of the coefficients alone: dissipation makes p_n grow. Steps are
halved when that growth would cost digits. As w -> 0 this is the Taylor series, so strong dissipation needs no second
method, only a width of at least |x0| and shorter steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from scipy.special import jv
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum.generators import AnyGenerator, Form, Scaling, Small, choose

_MAX_TERMS = 400
_STEP = 40.0  # widths of the spectrum per step: longer steps save little and hold many iterates
_DECAY = 6.0  # |x0| t per step: terms grow like exp(|x0| t) before they cancel
_FEW_STEPS, _MOST_STEPS = (
    100,
    5_000,
)  # beyond the few the generator, where it is one matrix, is exponentiated
_TOGETHER = 16  # iterates that are added to several times at once
_KEPT = 500_000_000  # bytes of what applying leaves for the backward pass; beyond it that is worked out again


class _TooLong(Exception):
    """The terms of the expansion grow too far, or do not end: the step must be shorter."""


class _Step(torch.autograd.Function):
    """exp(t generator) X at several times within one step; saves the iterates for the backward pass."""

    @staticmethod
    def forward(
        ctx: Any,
        X: Tensor,
        generator: AnyGenerator,
        coefficients: Tensor,
        last: float,
        tolerance: float,
        *parameters: Tensor,
    ) -> Tensor:
        ctx.generator, ctx.coefficients, keep = generator, coefficients, any(ctx.needs_input_grad)
        Y, iterates, ctx.left = _expand(generator, coefficients, last, tolerance, X, keep)
        ctx.save_for_backward(*iterates)
        return Y

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        iterates = ctx.saved_tensors
        sizes = ctx.coefficients[:, : len(iterates) + 1].to(grads[0].device, iterates[0].real.dtype)
        bars = combine(sizes.mT.contiguous(), grads[0].contiguous())
        gradients = [
            torch.zeros_like(parameter, memory_format=torch.contiguous_format)
            for parameter in ctx.generator.parameters
        ]
        after, bar = None, bars[-1]  # cotangents of p_{n+1} and p_n
        for n in range(len(iterates), 0, -1):
            base = bars[n - 1] if after is None else bars[n - 1].add_(after)
            b = bar if n > 1 else bar / 2
            before = ctx.generator.back(base, b, iterates[n - 1], ctx.left[n - 1], gradients)
            after, bar = bar, before
        return (bar, None, None, None, None, *gradients)


def propagate(
    dims: tuple[int, ...],
    forms: Sequence[Form],
    X: Tensor,
    times: Sequence[float],
    tolerance: float | None,
    hermitian: bool,
) -> Tensor:
    """Return exp(t generator) X, shape (nT, N, D, D), for ascending times.

    Args:
        dims: dimensions of the subsystems, product D.
        forms: terms of the generator.
        X: operators (N, D, D).
        times: ascending, not negative.
        tolerance: truncation relative to the norm of X; default 1e-13 in double precision, 1e-6 in single.
        hermitian: whether all X are Hermitian, which halves the work.

    Raises:
        InvalidInput: when numbers are not finite, or so large that the evolution would take hours.
    """
    if times[-1] == 0.0:
        return X.expand(len(times), *X.shape)
    w, x0 = Scaling.from_forms(forms)
    check(
        math.isfinite(w),
        "The Hamiltonian and jump operators must be finite, but hold NaN or infinity. Check the weights.",
    )
    w = max(w, 1e-3 / times[-1])  # a generator of almost nothing still has a gradient
    tolerance = tolerance or (1e-13 if X.dtype == torch.complex128 else 1e-6)
    generator = choose(dims, forms, len(X), hermitian, Scaling(w, x0))
    V = generator.enter(X)
    step = min(_STEP / w, _DECAY / abs(x0) if x0 else math.inf)
    if times[-1] > _FEW_STEPS * step and isinstance(generator, Small):
        return generator.leave(
            torch.stack([torch.linalg.matrix_exp(t * generator.parameters[0]) @ V for t in times])
        )
    check(
        times[-1] <= _MOST_STEPS * step,
        f"The evolution is too long or too strong to be followed: {times[-1] / step:,.0f} steps of some fifty "
        f"products with H and the jump operators, at most {_MOST_STEPS:,} are taken. Lower the couplings, the rates "
        "or the duration.",
    )
    start, outputs, pending = 0.0, [], list(times)
    while pending:
        end = min(start + step, times[-1])
        inside = [t for t in pending if t <= end]
        moments = [t - start for t in inside] + (
            [end - start] if len(inside) < len(pending) else []
        )
        c = _coefficients(w, x0, moments)
        try:
            Y = _Step.apply(V, generator, c, w * moments[-1], tolerance, *generator.parameters)
        except _TooLong:
            step = (end - start) / 2
            check(
                step * w > 1e-6,
                "The evolution does not converge: `operators` must be finite. Check them and the weights.",
            )
            continue
        outputs.append(Y[: len(inside)])
        start, V, pending = end, Y[-1], pending[len(inside) :]
    return generator.leave(torch.cat(outputs))


def _coefficients(w: float, x0: float, times: Sequence[float]) -> Tensor:
    """c_n(t), shape (nT, N)."""
    t = torch.tensor(times, dtype=torch.float64)[:, None]
    longest = w * times[-1]
    n = torch.arange(min(_MAX_TERMS, int(longest + 12 * longest ** (1 / 3) + 80)))
    values = torch.exp(x0 * t) * torch.from_numpy(jv(n.numpy()[None], (w * t).numpy()))
    values[:, 1:] *= 2
    return values


def _expand(
    generator: AnyGenerator,
    coefficients: Tensor,
    last: float,
    tolerance: float,
    X: Tensor,
    keep: bool,
) -> tuple[Tensor, list[Tensor], list[Tensor | None]]:
    """Return sum_n c_n(t) p_n for coefficients (nT, N), truncated after two consecutive terms below the tolerance at
    every time. If they are to be kept, also return all p_n but the last, and the remainders of applying the
    generator to them. `last` is w times the longest time: a small term before this many terms proves nothing.
    """
    sizes = coefficients.abs().amax(0).tolist()
    weights = coefficients.to(X.device, X.real.dtype)
    norm = _norm(X)
    # a larger term would cost more digits than the tolerance
    limit = tolerance / torch.finfo(X.dtype).eps * norm
    iterates: list[Tensor] = []
    left: list[Tensor | None] = []
    room = _KEPT
    total = X.new_zeros(len(weights), *X.shape)
    before, p, waiting, small = None, X, [X], 0
    for n in range(1, len(sizes)):
        following, rest = generator.apply(before, p, keep and room > 0)
        if n == 1:
            following = following / 2
        if keep:
            iterates.append(p)
            left.append(rest)
            room -= 0 if rest is None else rest.nbytes
        before, p = p, following
        waiting.append(p)
        if len(waiting) >= (_TOGETHER if len(weights) > 1 else 1):
            total = _add(total, weights[:, n + 1 - len(waiting) : n + 1], waiting)
            waiting = []
        term = sizes[n] * _norm(p)
        if not term <= limit:
            break
        small = small + 1 if term <= tolerance * norm and n >= last else 0
        if small == 2:
            if waiting:
                total = _add(total, weights[:, n + 1 - len(waiting) : n + 1], waiting)
            return total, iterates, left
    raise _TooLong


def _norm(X: Tensor) -> float:
    """The norm over all elements; of complex ones torch's own takes forty times as long."""
    return float(torch.view_as_real(X.resolve_conj()).norm() if X.is_complex() else X.norm())


def _add(total: Tensor, weights: Tensor, operators: Sequence[Tensor]) -> Tensor:
    """total[t] + sum_n weights[t, n] operators[n], in place."""
    if len(weights) == 1:
        for weight, entry in zip(weights[0].tolist(), operators, strict=True):
            total[0].add_(entry, alpha=weight)
        return total
    return total.add_(combine(weights, torch.stack(list(operators))))


def combine(weights: Tensor, operators: Tensor) -> Tensor:
    """Return sum_n weights[t, n] operators[n] with real weights (nT, n): one real matrix product."""
    if not operators.is_complex():
        return (weights @ operators.flatten(1)).view(len(weights), *operators.shape[1:])
    flat = torch.view_as_real(operators.resolve_conj()).reshape(len(operators), -1)
    return torch.view_as_complex((weights @ flat).view(len(weights), *operators.shape[1:], 2))
