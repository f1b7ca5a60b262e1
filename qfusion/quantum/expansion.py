"""exp(t G) X for generators X -> sum_terms (G X + X G^+ + sum_k L_k X L_k^+), by a Chebyshev expansion with its own
backward.

With a shift x0 and a width w, a = (generator - x0) / w obeys  exp(t generator) = sum_n c_n(t) p_n(a),
c_n(t) = (2 - delta_n0) exp(x0 t) J_n(w t),  p_0 = 1, p_1 = a, p_{n+1} = 2 a p_n + p_{n-1}  (Tal-Ezer and Kosloff 1984,
along the imaginary axis). The p_n do not depend on t, so one run serves every requested time. The expansion stops on
the size of its terms, not of the coefficients alone: dissipation makes p_n grow. Steps are halved when that growth
would cost digits. As w -> 0 this is the Taylor series, so strong dissipation needs no second method, only a width of at
least
|x0| and shorter steps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from scipy.special import jv
from torch import Tensor

from qfusion._checks import check

_MAX_TERMS = 400
_STEP = 40.0  # widths of the spectrum per step: longer steps save little and hold many iterates
_DECAY = 6.0  # |x0| t per step: terms grow like exp(|x0| t) before they cancel


class Form(NamedTuple):
    """One term: `subsystems`, G (d, d) and L (K, d, d) of X -> G X + X G^+ + sum_k L_k X L_k^+."""

    subsystems: tuple[int, ...]
    G: Tensor
    L: Tensor


class _Layout(NamedTuple):
    """How operators (N, D, D) are seen as (d, n, d) by the subsystems of one term: no copy when it acts on all of one
    operator."""

    shape: tuple[int, ...]
    order: tuple[int, ...]
    d: int

    @staticmethod
    def of(dims: tuple[int, ...], subsystems: tuple[int, ...], N: int) -> _Layout:
        M = len(dims)
        rest = [m for m in range(M) if m not in subsystems]
        order = (*(1 + m for m in subsystems), 0, *(1 + m for m in rest), *(1 + M + m for m in rest),
                 *(1 + M + m for m in subsystems))
        return _Layout((N, *dims, *dims), order, math.prod(dims[m] for m in subsystems))

    def enter(self, X: Tensor) -> Tensor:
        return X.reshape(self.shape).permute(self.order).reshape(self.d, -1, self.d)

    def leave(self, Y: Tensor) -> Tensor:
        back = [self.order.index(axis) for axis in range(len(self.order))]
        side = math.isqrt(math.prod(self.shape[1:]))
        return Y.reshape([self.shape[axis] for axis in self.order]).permute(back).reshape(self.shape[0], side, side)


class _Operator:
    """The generator, scaled and shifted, with its adjoint and the gradient of its parameters."""

    def __init__(self, layouts: Sequence[_Layout], forms: Sequence[Form], w: float, x0: float, hermitian: bool):
        self.layouts, self.w = layouts, w
        self.hermitian = hermitian and len(forms) == 1  # dagger of a part is a part only where the term acts on all
        self.scaled, self.adjoint = [], []
        for n, (_, G, L) in enumerate(forms):
            one = torch.eye(len(G), dtype=G.dtype, device=G.device)
            shifted = (G - 0.5 * x0 * one) / w if n == 0 else G / w
            adjoint_L = L.mH.contiguous()
            self.scaled.append((shifted, L / w, adjoint_L))
            self.adjoint.append((shifted.mH.contiguous(), adjoint_L / w, L.contiguous()))

    def apply(self, X: Tensor) -> Tensor:
        """a X, for X (N, D, D)."""
        parts = [layout.leave(self._one(layout.enter(X), *matrices)[0])
                 for layout, matrices in zip(self.layouts, self.scaled, strict=True)]
        return self._sum(parts)

    def apply_adjoint(self, bar: Tensor, X: Tensor, gradients: list[tuple[Tensor, Tensor]], factor: float) -> Tensor:
        """a^+ bar; adds the gradient of the parameters in factor * <bar, a X> to `gradients`."""
        parts = []
        for layout, matrices, gradient in zip(self.layouts, self.adjoint, gradients, strict=True):
            b = layout.enter(bar)
            y, bL = self._one(b, *matrices)
            parts.append(layout.leave(y))
            self._accumulate(b, bL, layout.enter(X), matrices[2], gradient, factor / self.w)
        return self._sum(parts)

    def _sum(self, parts: list[Tensor]) -> Tensor:
        total = sum(parts[1:], parts[0])
        # Round-off that is not Hermitian would follow another equation, one that grows.
        return (total + total.mH) / 2 if self.hermitian else total

    def _accumulate(self, b: Tensor, bL: Tensor, x: Tensor, L: Tensor, gradient: tuple[Tensor, Tensor],
                    scale: float) -> None:
        """Adds scale * (b x^+ + b^+ x) for G and scale * (b L_k x^+ + b^+ L_k x) for L_k; b, x are (d, n, d), bL holds
        b L_k."""
        d, K = len(x), len(L)
        rows, columns = x.reshape(d, -1), x.reshape(-1, d)
        if self.hermitian:
            gradient[0].addmm_(b.reshape(d, d), columns, alpha=2 * scale)
            gradient[1].add_(bL.view(K, d, d) @ columns, alpha=2 * scale)
            return
        b_columns = b.reshape(-1, d).mH
        gradient[0].addmm_(b.reshape(d, -1), rows.mH, alpha=scale).addmm_(b_columns, columns, alpha=scale)
        gradient[1].add_(bL.view(K, d, rows.shape[1]) @ rows.mH, alpha=scale)
        gradient[1].add_(b_columns @ (L @ rows).view(K, len(columns), d), alpha=scale)

    def _one(self, X: Tensor, G: Tensor, L: Tensor, L_right: Tensor) -> tuple[Tensor, Tensor]:
        """G X + X G^+ + sum_k L_k X R_k for X (d, n, d), and the X R_k (K, d n, d); L is scaled, R_k = L_k^+ is not."""
        d, n, _ = X.shape
        columns = X.reshape(d * n, d)
        right = columns @ G.mH
        left = right.reshape(d, d).mH if self.hermitian else G @ X.reshape(d, n * d)
        out = right.reshape(d, n * d) + left
        XR = torch.matmul(columns, L_right)
        if len(L):
            out = out.addmm_(L.permute(1, 0, 2).reshape(d, -1), XR.view(-1, n * d))
        return out.view(d, n, d), XR


class _Plan(NamedTuple):
    """What one step needs beside tensors: the layouts, the scaling and c_n(t) as (nT, N)."""

    layouts: tuple[_Layout, ...]
    subsystems: tuple[tuple[int, ...], ...]
    w: float
    x0: float
    coefficients: Tensor
    last: float  # w times the longest time: before this many terms a small one proves nothing
    tolerance: float
    hermitian: bool

    def operator(self, parameters: Sequence[Tensor]) -> _Operator:
        forms = [Form(s, G, L) for s, G, L in zip(self.subsystems, parameters[::2], parameters[1::2], strict=True)]
        return _Operator(self.layouts, forms, self.w, self.x0, self.hermitian)


class _TooLong(Exception):
    """The terms of the expansion grow too far, or do not end: the step must be shorter."""


class _Step(torch.autograd.Function):
    """exp(t generator) X at several times within one step; saves the iterates for the backward pass."""

    @staticmethod
    def forward(ctx: Any, X: Tensor, plan: _Plan, *parameters: Tensor) -> Tensor:
        iterates = _iterates(plan.operator(parameters), X, plan)
        ctx.plan = plan
        ctx.coefficients = plan.coefficients[:, : len(iterates)].to(X.device, X.real.dtype)
        ctx.save_for_backward(*parameters, *iterates[:-1])
        return _combine(ctx.coefficients, torch.stack(iterates))

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        plan, count = ctx.plan, 2 * len(ctx.plan.layouts)
        parameters, iterates = ctx.saved_tensors[:count], ctx.saved_tensors[count:]
        operator = plan.operator(parameters)
        grad = (grads[0] + grads[0].mH) / 2 if operator.hermitian else grads[0]
        bars = _combine(ctx.coefficients.mT.contiguous(), grad)
        gradients = [(torch.zeros_like(G), torch.zeros_like(L))
                     for G, L in zip(parameters[::2], parameters[1::2], strict=True)]
        after, bar = torch.zeros_like(bars[-1]), bars[-1]  # cotangents of p_{n+1} and p_n
        for n in range(len(bars) - 1, 0, -1):
            factor = 2.0 if n > 1 else 1.0
            down = operator.apply_adjoint(bar, iterates[n - 1], gradients, factor)
            after, bar = bar, torch.add(bars[n - 1] + after, down, alpha=factor)
        return (bar, None, *(gradient for pair in gradients for gradient in pair))


def propagate(dims: tuple[int, ...], forms: Sequence[Form], X: Tensor, times: Sequence[float], tolerance: float | None,
              hermitian: bool) -> Tensor:
    """Returns exp(t generator) X, shape (nT, N, D, D), for ascending times.

    Args:
        dims: dimensions of the subsystems, product D.
        forms: terms of the generator.
        X: operators (N, D, D).
        times: ascending, not negative.
        tolerance: truncation relative to the norm of X; default 1e-13 in double precision, 1e-6 in single.
        hermitian: whether X is one Hermitian operator, which halves the work.
    """
    if times[-1] == 0.0:
        return X.expand(len(times), *X.shape)
    w, x0 = _scaling(forms)
    check(math.isfinite(w),
          "The Hamiltonian and jump operators must be finite, but hold NaN or infinity. Check the weights.")
    w = max(w, 1e-3 / times[-1])  # a generator of almost nothing still has a gradient
    tolerance = tolerance or (1e-13 if X.dtype == torch.complex128 else 1e-6)
    layouts = tuple(_Layout.of(dims, form.subsystems, len(X)) for form in forms)
    parameters = [tensor for form in forms for tensor in (form.G, form.L)]
    step = min(_STEP / w, _DECAY / abs(x0) if x0 else math.inf)
    start, outputs, pending = 0.0, [], list(times)
    while pending:
        end = min(start + step, times[-1])
        inside = [t for t in pending if t <= end]
        moments = [t - start for t in inside] + ([end - start] if len(inside) < len(pending) else [])
        plan = _Plan(layouts, tuple(form.subsystems for form in forms), w, x0, _coefficients(w, x0, moments),
                     w * moments[-1], tolerance, hermitian)
        try:
            Y = _Step.apply(X, plan, *parameters)
        except _TooLong:
            step = (end - start) / 2
            check(step * w > 1e-6,
                  "The evolution does not converge: `operators` must be finite. Check them and the weights.")
            continue
        outputs.append(Y[: len(inside)])
        start, X, pending = end, Y[-1], pending[len(inside):]
    return torch.cat(outputs)


def act(dims: tuple[int, ...], forms: Sequence[Form], X: Tensor) -> Tensor:
    """Returns the generator applied to X (N, D, D) once."""
    return _Operator([_Layout.of(dims, form.subsystems, len(X)) for form in forms], forms, 1.0, 0.0, False).apply(X)


def _scaling(forms: Sequence[Form]) -> tuple[float, float]:
    """Width along the imaginary axis and mean of the real part of the spectrum; upper bound and exact mean."""
    with torch.no_grad():
        spread, mean = 0.0, 0.0
        for form in forms:
            levels = torch.linalg.eigvalsh(0.5j * (form.G - form.G.mH))
            spread += (levels[-1] - levels[0]).item()
            d = len(form.G)
            mean += 2 * torch.trace(form.G).real.item() / d
            mean += torch.diagonal(form.L, dim1=-2, dim2=-1).sum(-1).abs().square().sum().item() / d**2
    return max(1.01 * spread, abs(mean)), mean


def _coefficients(w: float, x0: float, times: Sequence[float]) -> Tensor:
    """c_n(t), shape (nT, N)."""
    t = torch.tensor(times, dtype=torch.float64)[:, None]
    longest = w * times[-1]
    n = torch.arange(min(_MAX_TERMS, int(longest + 12 * longest ** (1 / 3) + 80)))
    values = torch.exp(x0 * t) * torch.from_numpy(jv(n.numpy()[None], (w * t).numpy()))
    values[:, 1:] *= 2
    return values


def _iterates(operator: _Operator, X: Tensor, plan: _Plan) -> list[Tensor]:
    """p_0, p_1, ... until two terms in a row are below the tolerance at every time."""
    sizes = plan.coefficients.abs().amax(0).tolist()
    norm = X.norm().item()
    limit = plan.tolerance / torch.finfo(X.dtype).eps * norm  # a larger term would cost more digits than the tolerance
    iterates = [X]
    small = 0
    for n in range(1, len(sizes)):
        p = operator.apply(iterates[-1])
        if n > 1:
            p = torch.add(iterates[-2], p, alpha=2)
        iterates.append(p)
        term = sizes[n] * p.norm().item()
        if not term <= limit:
            break
        small = small + 1 if term <= plan.tolerance * norm and n >= plan.last else 0
        if small == 2:
            return iterates
    raise _TooLong


def _combine(weights: Tensor, operators: Tensor) -> Tensor:
    """sum_n weights[t, n] operators[n] with real weights: one real matrix product."""
    flat = torch.view_as_real(operators.resolve_conj()).reshape(len(operators), -1)
    return torch.view_as_complex((weights @ flat).view(len(weights), *operators.shape[1:], 2))
