"""The Lindblad evolution of states (Schroedinger) and observables (Heisenberg), with gradients, hbar = 1, by a
Chebyshev expansion.

    d rho/dt =  -i[H, rho] + sum_k (L_k rho L_k^+ - 1/2 {L_k^+ L_k, rho})
    d O/dt   =  +i[H, O]   + sum_k (L_k^+ O L_k   - 1/2 {L_k^+ L_k, O})

(Lindblad 1976; Gorini, Kossakowski, Sudarshan 1976). Both have the form X' = G X + X G^+ + sum_k L_k X L_k^+, with
G = -iH - S/2 for states and its adjoint, with L_k^+, for observables (S = sum_k L_k^+ L_k): one propagator serves both,
see `quantum.lindblad`. Trajectories of quantum jumps are in `quantum.trajectories`.

exp(t generator) X by a Chebyshev expansion with its own backward pass.

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
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Complex
from scipy.special import jv
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum.generators import (
    AnyGenerator,
    Form,
    LiouvillianMatrix,
    LocalGenerator,
    Scaling,
    choose,
)
from qfusion.quantum.states import (
    as_tensors,
    check_operators,
    check_precision,
    check_times,
    embed,
    is_hermitian,
    takes_arrays,
)


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
        """Return the generator of a Hamiltonian (D, D) and jump operators (K, D, D)."""
        check_operators(H, jumps)
        return Generator((H.shape[-1],), (Term((0,), H, jumps),))

    def hamiltonian(self) -> Tensor:
        """Return the whole Hamiltonian as one matrix (D, D)."""
        return torch.stack([embed(term.H, self.dims, term.subsystems) for term in self.terms]).sum(
            0
        )

    def jump_operators(self) -> Tensor:
        """Return all jump operators as matrices (K, D, D), in the order of the terms."""
        return torch.cat([embed(term.jumps, self.dims, term.subsystems) for term in self.terms])


@dataclass(frozen=True)
class System:
    """The physics of a trained model, detached from it, for tracking, drawing and decomposition.

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
    """Convert a Hamiltonian and jump operators that are NumPy arrays to tensors."""
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
    """Return rho(t) under the master equation.

    Args:
        H: Hamiltonian (energy units with hbar = 1).
        jumps: jump operators L_k, in units of sqrt(rate).
        rho: initial operators; any operator is allowed, not only states.
        times: ascending, from 0, in units of 1 / energy.
        tolerance: size of the truncation relative to the initial operator; default 1e-13 (complex128) or 1e-6.

    Raises:
        InvalidInput: when shapes disagree, H is not Hermitian, or times are negative or not ascending.

    Example:
        >>> import numpy as np
        >>> from qfusion.quantum.lindblad import evolve_states
        >>> decay = np.array([[[0, 1], [0, 0]]]) + 0j  # to |0> at rate 1
        >>> rho = evolve_states(np.zeros((2, 2)) + 0j, decay, np.diag([0, 1]) + 0j, [0.0, 1.0])
        >>> rho[1].diagonal().real.round(decimals=4)
        tensor([0.6321, 0.3679], dtype=torch.float64)
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
    """Return O(t), with Tr[O(t) rho(0)] = Tr[O rho(t)]; arguments and errors as for `evolve_states`.

    Example:
        >>> import numpy as np
        >>> from qfusion.quantum.lindblad import evolve_observables
        >>> decay = np.array([[[0, 1], [0, 0]]]) + 0j  # to |0> at rate 1
        >>> O = evolve_observables(np.zeros((2, 2)) + 0j, decay, np.diag([0, 1]) + 0j, [0.0, 1.0])
        >>> O[1].diagonal().real.round(decimals=4)
        tensor([0.0000, 0.3679], dtype=torch.float64)
    """
    return evolve(Generator.dense(H, jumps), observables, times, "observables", tolerance)


@takes_arrays
def evolve(
    generator: Generator,
    operators: Tensor,
    times: Sequence[float] | Tensor,
    picture: str = "states",
    tolerance: float | None = None,
) -> Tensor:
    """Return exp(t L) X (picture "states") or exp(t L^+) X ("observables") at every time.

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
    forms, X = _prepare_forms(generator, operators, picture)
    moments = check_times(times)
    Y = propagate(generator.dims, forms, X, moments, tolerance, is_hermitian(X))
    return Y.reshape(len(moments), *operators.shape)


@takes_arrays
def act(generator: Generator, operators: Tensor, picture: str = "states") -> Tensor:
    """Return L X (picture "states") or L^+ X ("observables"), the rate of change of operators, (..., D, D); arguments
    as for `evolve`."""
    forms, X = _prepare_forms(generator, operators, picture)
    local = LocalGenerator(generator.dims, forms, len(X), False, Scaling(2.0, 0.0))
    return local.apply(None, X, False)[0].reshape(operators.shape)


def _prepare_forms(
    generator: Generator, operators: Tensor, picture: str
) -> tuple[list[Form], Tensor]:
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
    """Return a term as X -> G X + X G^+ + sum_k L_k X L_k^+, in the picture of "states" or of "observables"."""
    S = (term.jumps.mH @ term.jumps).sum(0)
    sign, L = (-1j, term.jumps) if picture == "states" else (1j, term.jumps.mH)
    return Form(term.subsystems, sign * term.H - 0.5 * S, L)


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
            before = ctx.generator.vjp(base, b, iterates[n - 1], ctx.left[n - 1], gradients)
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
    V = generator.pack(X)
    step = min(_STEP / w, _DECAY / abs(x0) if x0 else math.inf)
    if times[-1] > _FEW_STEPS * step and isinstance(generator, LiouvillianMatrix):
        return generator.unpack(
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
    return generator.unpack(torch.cat(outputs))


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
    """Return sum_n weights[t, n] operators[n] with real weights (nT, n): one real matrix product.

    Example:
        >>> import torch
        >>> from qfusion.quantum.lindblad import combine
        >>> combine(torch.tensor([[1.0, 2.0]]), torch.eye(2).expand(2, 2, 2) + 0j).real
        tensor([[[3., 0.],
                 [0., 3.]]])
    """
    if not operators.is_complex():
        return (weights @ operators.flatten(1)).view(len(weights), *operators.shape[1:])
    flat = torch.view_as_real(operators.resolve_conj()).reshape(len(operators), -1)
    return torch.view_as_complex((weights @ flat).view(len(weights), *operators.shape[1:], 2))
