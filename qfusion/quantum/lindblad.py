"""The Lindblad evolution of density operators, with gradients: the generator as H and jump operators, its
expansion in Chebyshev polynomials, and the forms in which that is applied; and its quantum-jump trajectories.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from jaxtyping import Complex
from scipy.special import jv
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum.arrays import as_tensors, takes_arrays
from qfusion.quantum.states import (
    check_operators,
    check_precision,
    check_times,
    embed,
    is_hermitian,
)

# Generators X -> sum_terms (G X + X G^+ + sum_k L_k X L_k^+) as the expansion applies them: 2 a for
# a = (generator - x0) / w, its adjoint, and the gradient of G and L.
#
# Three forms of the same. `Small` is the generator as one real matrix on Hermitian operators, for D up to 12, where
# calling BLAS costs more than its work. `Whole` is one term on all subsystems, with operators as (d, N, d), so that a
# product with either side is one of matrices and nothing is copied. `Local` is any sum of terms.

SMALL = 12  # largest D whose generator is one matrix: measured, beyond it the products of Whole are faster


class Form(NamedTuple):
    """One term: `subsystems`, G (d, d) and L (K, d, d) of X -> G X + X G^+ + sum_k L_k X L_k^+."""

    subsystems: tuple[int, ...]
    G: Tensor
    L: Tensor


class Scaling(NamedTuple):
    """Width of the spectrum along the imaginary axis, at least the size of its mean, and that mean."""

    w: float
    x0: float

    @staticmethod
    @torch.no_grad()
    def of(forms: Sequence[Form]) -> Scaling:
        """An upper bound and the exact mean."""
        spread, mean = 0.0, 0.0
        for form in forms:
            levels = torch.linalg.eigvalsh(0.5j * (form.G - form.G.mH))
            spread += (levels[-1] - levels[0]).item()
            traces = torch.diagonal(form.L, dim1=-2, dim2=-1).sum(-1)
            mean += 2 * torch.trace(form.G).real.item() / len(form.G)
            mean += traces.abs().square().sum().item() / len(form.G) ** 2
        return Scaling(max(1.01 * spread, abs(mean)), mean)


class Small:
    """One real matrix, on operators as columns (D^2, C) of Re X + Im X: Hermitian X and real matrices are the same
    space, with the same scalar product."""

    def __init__(
        self,
        dims: tuple[int, ...],
        forms: Sequence[Form],
        N: int,
        hermitian: bool,
        scaling: Scaling,
    ):
        self.D, self.N, self.hermitian = math.prod(dims), N, hermitian
        # with S the generator's matrix on row-stacked X: Re S plus Im S with columns in the order of the transpose
        G, L = forms[0].G, forms[0].L
        if len(G) < self.D or len(forms) > 1:
            G = torch.stack([embed(form.G, dims, form.subsystems) for form in forms]).sum(0)
            L = torch.cat([embed(form.L, dims, form.subsystems) for form in forms])
        S = superoperator(G, L)
        self.parameters = [S.real + S.imag.view(-1, self.D, self.D).mT.flatten(1)]
        self.factor = 2 / scaling.w
        self.a = self.parameters[0].detach() * self.factor
        self.a.diagonal().sub_(self.factor * scaling.x0)

    def enter(self, X: Tensor) -> Tensor:
        """(N, D, D) -> (D^2, C); what is not Hermitian stands as two operators that are."""
        parts = X if self.hermitian else torch.cat([(X + X.mH) / 2, (X - X.mH) / 2j])
        return (parts.real + parts.imag).reshape(len(parts), -1).T.contiguous()

    def leave(self, V: Tensor) -> Tensor:
        """(nT, D^2, C) -> (nT, N, D, D)."""
        M = V.mT.reshape(len(V), -1, self.D, self.D)
        X = torch.complex((M + M.mT) / 2, (M - M.mT) / 2)
        return X if self.hermitian else X[:, : self.N] + 1j * X[:, self.N :]

    def apply(self, before: Tensor | None, V: Tensor, keep: bool) -> tuple[Tensor, None]:
        """before + 2 a V."""
        return self.a @ V if before is None else torch.addmm(before, self.a, V), None

    def back(
        self, base: Tensor, b: Tensor, V: Tensor, rest: None, gradients: list[Tensor]
    ) -> Tensor:
        """base + (2 a)^+ b; adds the gradient of <b, 2 a V>."""
        gradients[0].addmm_(b, V.T, alpha=self.factor)
        return base.addmm_(self.a.T, b)


@takes_arrays
def superoperator(G: Tensor, L: Tensor) -> Tensor:
    """Returns X -> G X + X G^+ + sum_k L_k X L_k^+ on row-stacked operators, (D^2, D^2): A X B is (A x B^T) vec X.

    Args:
        G: (D, D). L: (K, D, D).
    """
    D, one = len(G), torch.eye(len(G), dtype=G.dtype, device=G.device)
    S = (L.flatten(1).T @ L.conj().flatten(1)).view(D, D, D, D).transpose(1, 2)  # L_ac L*_bd
    return (
        S + G[:, None, :, None] * one[:, None, :] + one[:, None, :, None] * G.conj()[:, None, :]
    ).reshape(D * D, -1)


class _OneTerm:
    """2 a X = g X + X g^+ + sum_k l_k X l_k^+, with l_k X first on the way and b l_k first on the way back: each serves
    the gradient too. X is (d, n, d), or a `single` Hermitian operator."""

    def __init__(self, form: Form, scaling: Scaling, single: bool):
        self.factor, self.single = 2 / scaling.w, single
        self.g = (form.G * self.factor).contiguous()
        self.g.diagonal().sub_(0.5 * self.factor * scaling.x0)
        self.l = (form.L * math.sqrt(self.factor)).contiguous()
        self.g_adjoint, self.l_adjoint = self.g.mH.contiguous(), self.l.mH.contiguous()
        self.K, self.d = self.l.shape[:2]

    def apply(self, before: Tensor | None, X: Tensor, keep: bool) -> tuple[Tensor, Tensor | None]:
        """before + 2 a X, and the l_k X (K, d, n d)."""
        d = self.d
        columns, rows = X.view(-1, d), X.view(d, -1)
        lX = (self.l.view(self.K * d, d) @ rows).view(self.K, len(columns), d)
        if self.single:  # half of it and its adjoint: round-off that is not Hermitian would grow
            half = rows @ self.g_adjoint
            for k in range(self.K):
                half.addmm_(lX[k], self.l_adjoint[k], alpha=0.5)
            out = half.view(X.shape) if before is None else (before.view(d, d) + half).view(X.shape)
            return out + half.mH.view(X.shape) if before is None else out.add_(
                half.mH.reshape(X.shape)
            ), lX
        out = (
            columns @ self.g_adjoint
            if before is None
            else torch.addmm(before.view(-1, d), columns, self.g_adjoint)
        )
        out.view(d, -1).addmm_(self.g, rows)
        for k in range(self.K):
            out.addmm_(lX[k], self.l_adjoint[k])
        return out.view(X.shape), lX if keep else None

    def back(
        self, base: Tensor, b: Tensor, X: Tensor, lX: Tensor | None, gradients: list[Tensor]
    ) -> Tensor:
        """base + (2 a)^+ b; adds the gradients of <b, 2 a X>."""
        d, root = self.d, math.sqrt(self.factor)
        b_columns, b_rows, columns, rows = (
            b.view(-1, d),
            b.view(d, -1),
            X.view(-1, d),
            X.view(d, -1),
        )
        bl = b.new_empty(self.K, len(b_columns), d)
        for k in range(self.K):
            torch.mm(b_columns, self.l[k], out=bl[k])
        jumped = (
            self.l_adjoint.transpose(0, 1).reshape(d, self.K * d),
            bl.view(self.K * d, b_rows.shape[1]),
        )
        if self.single:
            half = torch.addmm(b_rows @ self.g, *jumped, alpha=0.5)
            gradients[0].addmm_(b_rows, rows, alpha=2 * self.factor)
            for k in range(self.K):
                gradients[1][k].addmm_(bl[k], rows, alpha=2 * root)
            return base.add_(half.view(X.shape)).add_(half.mH.reshape(X.shape))
        base.view(-1, d).addmm_(b_columns, self.g)
        base.view(d, -1).addmm_(self.g_adjoint, b_rows).addmm_(*jumped)
        lX = (self.l.view(self.K * d, d) @ rows).view(self.K, len(columns), d) if lX is None else lX
        gradients[0].addmm_(b_rows, rows.mH, alpha=self.factor).addmm_(
            b_columns.mH, columns, alpha=self.factor
        )
        for k in range(self.K):
            gradients[1][k].addmm_(bl[k].view(d, -1), rows.mH, alpha=root).addmm_(
                b_columns.mH, lX[k], alpha=root
            )
        return base


class Whole(_OneTerm):
    """One term on all subsystems; Hermitian operators stand two to a matrix, X_1 + i X_2, a single one by itself."""

    def __init__(
        self,
        dims: tuple[int, ...],
        forms: Sequence[Form],
        N: int,
        hermitian: bool,
        scaling: Scaling,
    ):
        super().__init__(forms[0], scaling, hermitian and N == 1)
        self.N, self.packed = N, hermitian and N > 1
        self.parameters = [forms[0].G, forms[0].L]

    def enter(self, X: Tensor) -> Tensor:
        """(N, D, D) -> (D, n, D)."""
        return (pack(X) if self.packed else X).transpose(0, 1).contiguous()

    def leave(self, Y: Tensor) -> Tensor:
        """(nT, D, n, D) -> (nT, N, D, D)."""
        Y = Y.transpose(1, 2)
        if self.single:  # its gradient, too, is that of a Hermitian operator
            return (Y + Y.mH) / 2
        return unpack(Y, self.N) if self.packed else Y


class _Layout:
    """How operators (N, D, D) are seen as (d, n, d) by the subsystems of one term."""

    def __init__(self, dims: tuple[int, ...], subsystems: tuple[int, ...], N: int):
        M = len(dims)
        rest = [m for m in range(M) if m not in subsystems]
        self.shape, self.side = (N, *dims, *dims), math.prod(dims)
        self.d = math.prod(dims[m] for m in subsystems)
        self.order = (
            *(1 + m for m in subsystems),
            0,
            *(1 + m for m in rest),
            *(1 + M + m for m in rest),
            *(1 + M + m for m in subsystems),
        )

    def enter(self, X: Tensor) -> Tensor:
        return X.reshape(self.shape).permute(self.order).reshape(self.d, -1, self.d).contiguous()

    def leave(self, Y: Tensor) -> Tensor:
        seen = Y.reshape([self.shape[axis] for axis in self.order])
        return seen.movedim([*range(seen.ndim)], self.order).reshape(
            self.shape[0], self.side, self.side
        )


class Local:
    """Any sum of terms; Hermitian operators stand two to a matrix."""

    def __init__(
        self,
        dims: tuple[int, ...],
        forms: Sequence[Form],
        N: int,
        hermitian: bool,
        scaling: Scaling,
    ):
        self.N, self.packed = N, hermitian and N > 1
        n = (N + 1) // 2 if self.packed else N
        self.layouts = [_Layout(dims, form.subsystems, n) for form in forms]
        self.parameters = [tensor for form in forms for tensor in (form.G, form.L)]
        means = [scaling.x0] + [0.0] * (len(forms) - 1)
        self.terms = [
            _OneTerm(form, Scaling(scaling.w, mean), False)
            for form, mean in zip(forms, means, strict=True)
        ]

    def enter(self, X: Tensor) -> Tensor:
        """(N, D, D) -> (n, D, D)."""
        return pack(X) if self.packed else X

    def leave(self, Y: Tensor) -> Tensor:
        """(nT, n, D, D) -> (nT, N, D, D)."""
        return unpack(Y, self.N) if self.packed else Y

    def apply(self, before: Tensor | None, X: Tensor, keep: bool) -> tuple[Tensor, None]:
        """before + 2 a X."""
        parts = [
            layout.leave(term.apply(None, layout.enter(X), False)[0])
            for layout, term in zip(self.layouts, self.terms, strict=True)
        ]
        return sum(
            parts if before is None else [before, *parts],
            torch.zeros((), dtype=X.dtype, device=X.device),
        ), None

    def back(
        self, base: Tensor, b: Tensor, X: Tensor, rest: None, gradients: list[Tensor]
    ) -> Tensor:
        """base + (2 a)^+ b; adds the gradients of <b, 2 a X>."""
        for i, (layout, term) in enumerate(zip(self.layouts, self.terms, strict=True)):
            entered = layout.enter(b)
            base += layout.leave(
                term.back(
                    torch.zeros_like(entered),
                    entered,
                    layout.enter(X),
                    None,
                    gradients[2 * i : 2 * i + 2],
                )
            )
        return base


AnyGenerator = Small | Whole | Local


def choose(
    dims: tuple[int, ...], forms: Sequence[Form], N: int, hermitian: bool, scaling: Scaling
) -> AnyGenerator:
    """Returns the form that is fastest for N operators."""
    if math.prod(dims) <= SMALL:
        return Small(dims, forms, N, hermitian, scaling)
    whole = len(forms) == 1 and len(forms[0].G) == math.prod(dims)
    return (Whole if whole else Local)(dims, forms, N, hermitian, scaling)


def pack(X: Tensor) -> Tensor:
    """Hermitian (C, D, D) -> (ceil(C/2), D, D) as X_1 + i X_2."""
    even, odd = X[0::2], X[1::2]
    if len(odd) < len(even):
        odd = torch.cat([odd, torch.zeros_like(even[:1])])
    return even + 1j * odd


def unpack(Y: Tensor, C: int) -> Tensor:
    """(nT, ceil(C/2), D, D) -> Hermitian (nT, C, D, D)."""
    return torch.stack([(Y + Y.mH) / 2, (Y - Y.mH) / 2j], dim=2).flatten(1, 2)[:, :C]


# exp(t G) X for generators X -> sum_terms (G X + X G^+ + sum_k L_k X L_k^+), by a Chebyshev expansion with its own
# backward.
#
# With a shift x0 and a width w, a = (generator - x0) / w obeys  exp(t generator) = sum_n c_n(t) p_n(a),
# c_n(t) = (2 - delta_n0) exp(x0 t) J_n(w t),  p_0 = 1, p_1 = a, p_{n+1} = 2 a p_n + p_{n-1}
# (Tal-Ezer and Kosloff 1984, along the imaginary axis). The p_n do not depend on t, so one run
# serves every requested time. The expansion stops on the size of its terms, not of the coefficients
# alone: dissipation makes p_n grow. Steps are halved when that growth would cost digits. As w -> 0
# this is the Taylor series, so strong dissipation needs no second method, only a width of at least
# |x0| and shorter steps.

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
    """Returns exp(t generator) X, shape (nT, N, D, D), for ascending times.

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
    w, x0 = Scaling.of(forms)
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
    """sum_n c_n(t) p_n, of coefficients (nT, N), until two terms in a row are below the tolerance at every time; also,
    if they are to be kept, all p_n but the last, and what applying the generator to them left. `last` is w times the
    longest time: before this many terms a small one proves nothing."""
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
            total, waiting = _add(total, weights[:, n + 1 - len(waiting) : n + 1], waiting), []
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
    """Returns sum_n weights[t, n] operators[n] with real weights (nT, n): one real matrix product."""
    if not operators.is_complex():
        return (weights @ operators.flatten(1)).view(len(weights), *operators.shape[1:])
    flat = torch.view_as_real(operators.resolve_conj()).reshape(len(operators), -1)
    return torch.view_as_complex((weights @ flat).view(len(weights), *operators.shape[1:], 2))


# Lindblad evolution of states (Schroedinger) and observables (Heisenberg), hbar = 1.
#
#     d rho/dt =  -i[H, rho] + sum_k (L_k rho L_k^+ - 1/2 {L_k^+ L_k, rho})
#     d O/dt   =  +i[H, O]   + sum_k (L_k^+ O L_k   - 1/2 {L_k^+ L_k, O})
#
# (Lindblad 1976; Gorini, Kossakowski, Sudarshan 1976). Both have the form X' = G X + X G^+ + sum_k L_k X L_k^+, with
# G = -iH - S/2 for states and its adjoint, with L_k^+, for observables (S = sum_k L_k^+ L_k): one
# propagator serves both.


@dataclass(frozen=True)
class Term:
    """Part of a generator that acts on some subsystems only.

    Attributes:
        subsystems: ascending subsystem numbers.
        H: Hermitian (d, d), d the product of their dimensions.
        jumps: jump operators (K, d, d); K may be 0.
    """

    subsystems: tuple[int, ...]
    H: Tensor
    jumps: Tensor

    def __post_init__(self) -> None:
        _take_arrays(self)


@dataclass(frozen=True)
class Generator:
    """A Lindblad generator as a sum of terms; a dense one has a single term on all subsystems.

    Attributes:
        dims: dimensions of the subsystems.
        terms: what acts.

    Raises:
        InvalidInput: when there is no term.
    """

    dims: tuple[int, ...]
    terms: tuple[Term, ...]

    def __post_init__(self) -> None:
        check(
            bool(self.terms),
            "Argument `terms` must hold at least one term, but holds none. Give one of zeros where nothing acts.",
        )

    @staticmethod
    @takes_arrays
    def dense(H: Tensor, jumps: Tensor) -> Generator:
        """Returns the generator of a Hamiltonian (D, D) and jump operators (K, D, D)."""
        check_operators(H, jumps)
        return Generator((H.shape[-1],), (Term((0,), H, jumps),))

    def hamiltonian(self) -> Tensor:
        """Returns the whole Hamiltonian as one matrix (D, D)."""
        return torch.stack([embed(term.H, self.dims, term.subsystems) for term in self.terms]).sum(
            0
        )

    def jump_operators(self) -> Tensor:
        """Returns all jump operators as matrices (K, D, D), in the order of the terms."""
        return torch.cat([embed(term.jumps, self.dims, term.subsystems) for term in self.terms])


@dataclass(frozen=True)
class System:
    """The physics of a trained model, detached from it: what is tracked, drawn and decomposed.

    Attributes:
        H: Hamiltonian, complex128 (D, D).
        jumps: jump operators, complex128 (K, D, D).
        dims: dimension of each modality.
        names: name of each modality.
        duration: evolution time T.
    """

    H: Tensor
    jumps: Tensor
    dims: tuple[int, ...]
    names: tuple[str, ...]
    duration: float = 1.0

    def __post_init__(self) -> None:
        _take_arrays(self)
        check_operators(self.H, self.jumps)
        D = math.prod(self.dims)
        check(
            self.H.shape[-1] == D,
            f"Argument `H` must have side {D} for dims {self.dims}, but has {self.H.shape[-1]}.",
        )
        check(
            len(self.names) == len(self.dims),
            f"Argument `names` must hold {len(self.dims)} names, one per entry of "
            f"`dims`, but is {self.names}.",
        )
        check(
            self.duration >= 0, f"Argument `duration` must not be negative, but is {self.duration}."
        )


def _take_arrays(of: Term | System) -> None:
    """Makes tensors of a Hamiltonian and jump operators that are arrays of NumPy."""
    for name in ("H", "jumps"):
        object.__setattr__(of, name, as_tensors(name, getattr(of, name)))


@takes_arrays
def evolve_states(
    H: Complex[Tensor, "D D"],
    jumps: Complex[Tensor, "K D D"],
    rho: Complex[Tensor, "*B D D"],
    times: Sequence[float] | Tensor,
    tolerance: float | None = None,
) -> Complex[Tensor, "nT *B D D"]:
    """Returns rho(t) under the master equation.

    Args:
        H: Hamiltonian (energy units with hbar = 1).
        jumps: jump operators L_k, in units of sqrt(rate).
        rho: initial operators; any operator is allowed, not only states.
        times: ascending, from 0, in units of 1 / energy.
        tolerance: size of the truncation relative to the initial operator; default 1e-13 (complex128) or 1e-6.

    Raises:
        InvalidInput: when shapes disagree, H is not Hermitian, or times are negative or not ascending.
    """
    return evolve(Generator.dense(H, jumps), rho, times, "states", tolerance)


@takes_arrays
def evolve_observables(
    H: Complex[Tensor, "D D"],
    jumps: Complex[Tensor, "K D D"],
    observables: Complex[Tensor, "*C D D"],
    times: Sequence[float] | Tensor,
    tolerance: float | None = None,
) -> Complex[Tensor, "nT *C D D"]:
    """Returns O(t), with Tr[O(t) rho(0)] = Tr[O rho(t)]; arguments and errors as for `evolve_states`."""
    return evolve(Generator.dense(H, jumps), observables, times, "observables", tolerance)


@takes_arrays
def evolve(
    generator: Generator,
    operators: Tensor,
    times: Sequence[float] | Tensor,
    picture: str = "states",
    tolerance: float | None = None,
) -> Tensor:
    """Returns exp(t L) X (picture "states") or exp(t L^+) X ("observables") at every time.

    Hermitian operators are recognised: they take half the work.

    Args:
        generator: what acts.
        operators: X, shape (..., D, D).
        times: ascending, not negative.
        picture: "states" or "observables".
        tolerance: see `evolve_states`.

    Returns:
        Tensor (nT, ..., D, D), differentiable with respect to `operators` and the generator.
    """
    forms, X = _prepared(generator, operators, picture)
    moments = check_times(times)
    Y = propagate(generator.dims, forms, X, moments, tolerance, is_hermitian(X))
    return Y.reshape(len(moments), *operators.shape)


@takes_arrays
def act(generator: Generator, operators: Tensor, picture: str = "states") -> Tensor:
    """Returns L X (picture "states") or L^+ X ("observables"), the rate of change of operators, (..., D, D); arguments
    as for `evolve`."""
    forms, X = _prepared(generator, operators, picture)
    local = Local(generator.dims, forms, len(X), False, Scaling(2.0, 0.0))
    return local.apply(None, X, False)[0].reshape(operators.shape)


def _prepared(generator: Generator, operators: Tensor, picture: str) -> tuple[list[Form], Tensor]:
    """The forms of a generator's terms in a picture, and the operators as (N, D, D), both checked."""
    check(
        picture in ("states", "observables"),
        f"Argument `picture` must be 'states' or 'observables', but is {picture!r}.",
    )
    D = math.prod(generator.dims)
    check(
        operators.shape[-2:] == (D, D),
        f"Argument `operators` must have shape (..., {D}, {D}), but has shape "
        f"{tuple(operators.shape)}.",
    )
    check_precision("operators", operators)
    dtype = next((term.H.dtype for term in generator.terms), operators.dtype)
    check(
        operators.dtype == dtype,
        f"Argument `operators` must be {dtype}, as H and the jump operators are, but is {operators.dtype}. Cast it.",
    )
    return [form(term, picture) for term in generator.terms], operators.reshape(-1, D, D)


def form(term: Term, picture: str) -> Form:
    """Returns a term as X -> G X + X G^+ + sum_k L_k X L_k^+, in the picture of "states" or of "observables"."""
    S = (term.jumps.mH @ term.jumps).sum(0)
    sign, L = (-1j, term.jumps) if picture == "states" else (1j, term.jumps.mH)
    return Form(term.subsystems, sign * term.H - 0.5 * S, L)


# Quantum-jump trajectories of many kets at once, under generators that are sums of terms: no D x D matrix is held.
#
# A ket follows exp(-i H_eff t), H_eff = H - i/2 sum_k L_k^+ L_k, between jumps; the mean over trajectories is the
# master equation's rho(t) (Dalibard, Castin, Molmer 1992; Plenio and Knight 1998). `waiting_times` has no time-step
# error; `first_order` has one, and gradients pass through it. `qfusion.track` shows single trajectories of one sample.


_ORDER = {
    torch.complex128: 16,
    torch.complex64: 9,
}  # of the series of a step: its rest is at most 1 / (order + 1)!
_NUMBERS = 2**23  # complex numbers of one series held at a time


@takes_arrays
def first_order(
    generator: Generator,
    psi: Tensor,
    duration: float,
    steps: int,
    random: torch.Generator | None = None,
) -> Tensor:
    """Returns one trajectory per ket (N, D) at time `duration`, by the first-order unravelling.

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
    drift, rows = _drift(generator), torch.arange(len(psi), device=psi.device)
    for _ in range(steps):
        branches = torch.cat(
            [(psi + dt * _drifted(generator, drift, psi))[None], dt**0.5 * _jumped(generator, psi)]
        )
        with torch.no_grad():
            weights = branches.abs().square().sum(-1).T
            drawn = torch.multinomial(weights / weights.sum(-1, keepdim=True), 1, generator=random)[
                :, 0
            ]
        psi = branches[drawn, rows] / weights[rows, drawn, None].sqrt()
    return psi


@takes_arrays
@torch.no_grad()
def waiting_times(
    generator: Generator, psi: Tensor, duration: float, random: torch.Generator | None = None
) -> Tensor:
    """Returns one trajectory per ket (N, D) at time `duration`, normalised, without a time-step error.

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
    share = max(1, _NUMBERS // (_ORDER[psi.dtype] * psi.shape[-1]))
    return (
        torch.cat(
            [
                _waited(generator, drift, part, duration, 1 / max(size, 1e-12), random)
                for part in psi.split(share)
            ]
        )
        if len(psi)
        else psi
    )


def _waited(
    generator: Generator,
    drift: Sequence[Tensor],
    psi: Tensor,
    duration: float,
    longest: float,
    random: torch.Generator | None,
) -> Tensor:
    def drawn(count: int) -> Tensor:
        return torch.rand(count, dtype=torch.float64, generator=random).to(psi.device)

    order = _ORDER[psi.dtype]
    psi, left = (
        psi.clone(),
        torch.full((len(psi),), float(duration), dtype=torch.float64, device=psi.device),
    )
    until, active = drawn(len(psi)), torch.arange(len(psi), device=psi.device)
    while len(active := active[left[active] > 0]):
        h = left[active].clamp(max=longest)
        series = [psi[active]]
        for k in range(1, order + 1):
            series.append(_drifted(generator, drift, series[-1]) * (h / k).to(psi.dtype)[:, None])
        p = torch.stack(series, 1)  # (n, order + 1, D)
        norms = _norms(p)
        jumps = norms.sum(-1) <= until[active]
        where = torch.where(jumps, _root(norms, until[active]), 1.0)
        psi[active] = torch.einsum("nk,nkd->nd", _powers(where, order + 1).to(p.dtype), p)
        left[active] = torch.where(jumps, left[active] - where * h, (left[active] - h).clamp(min=0))
        if len(jumping := active[jumps]):
            branches = _jumped(generator, psi[jumping])
            weights = branches.abs().square().sum(-1).double().T
            which = torch.searchsorted(
                weights.cumsum(-1), drawn(len(jumping))[:, None] * weights.sum(-1, keepdim=True)
            )
            chosen = branches[
                which[:, 0].clamp(max=len(branches) - 1),
                torch.arange(len(jumping), device=psi.device),
            ]
            psi[jumping] = torch.nn.functional.normalize(chosen, dim=-1)
            until[jumping] = drawn(len(jumping))
    return torch.nn.functional.normalize(psi, dim=-1)


def _norms(p: Tensor) -> Tensor:
    """Coefficients (n, 2 order + 1) of || sum_k s^k p_k ||^2 in s."""
    gram = (p.conj() @ p.mT).real.double()
    n, side = gram.shape[:2]
    coefficients = gram.new_zeros(n, 2 * side - 1)
    for k in range(side):
        coefficients[:, k : k + side] += gram[:, k]
    return coefficients


def _powers(s: Tensor, count: int) -> Tensor:
    return s[:, None] ** torch.arange(count, device=s.device)


def _root(coefficients: Tensor, value: Tensor) -> Tensor:
    """Where in [0, 1] falling polynomials reach a value."""
    low, high = torch.zeros_like(value), torch.ones_like(value)
    for _ in range(50):  # to the last digit
        middle = (low + high) / 2
        above = (_powers(middle, coefficients.shape[1]) * coefficients).sum(-1) > value
        low, high = torch.where(above, middle, low), torch.where(above, high, middle)
    return high


def _check_kets(generator: Generator, psi: Tensor) -> None:
    D = math.prod(generator.dims)
    check(
        psi.ndim == 2 and psi.shape[1] == D,
        f"Argument `psi` must have shape (N, {D}), but has shape {tuple(psi.shape)}. Give one ket a row.",
    )
    check(psi.dtype in _ORDER, f"Argument `psi` must be complex, but is {psi.dtype}. Cast it.")


def _drift(generator: Generator) -> list[Tensor]:
    """-i H - 1/2 sum_k L_k^+ L_k of every term."""
    return [form(term, "states").G for term in generator.terms]


def _drifted(generator: Generator, drift: Sequence[Tensor], psi: Tensor) -> Tensor:
    """-i H_eff psi, (N, D)."""
    return torch.stack(
        [
            on(entry[None], psi, generator.dims, term.subsystems)[0]
            for entry, term in zip(drift, generator.terms, strict=True)
        ]
    ).sum(0)


def _jumped(generator: Generator, psi: Tensor) -> Tensor:
    """All L_k psi, (K, N, D)."""
    return torch.cat(
        [on(term.jumps, psi, generator.dims, term.subsystems) for term in generator.terms]
    )


@takes_arrays
def on(operators: Tensor, psi: Tensor, dims: Sequence[int], subsystems: Sequence[int]) -> Tensor:
    """Returns operators (K, d, d) on `subsystems` (ascending) applied to kets (N, D): (K, N, D)."""
    rest = [m for m in range(len(dims)) if m not in subsystems]
    order = [*(1 + m for m in subsystems), 0, *(1 + m for m in rest)]
    K, N, d = len(operators), len(psi), operators.shape[-1]
    columns = psi.reshape(N, *dims).permute(order).reshape(d, -1)
    out = (operators.reshape(K * d, d) @ columns).view(
        K, *(dims[m] for m in subsystems), N, *(dims[m] for m in rest)
    )
    return out.movedim([*range(1, out.ndim)], [1 + axis for axis in order]).reshape(K, N, -1)
