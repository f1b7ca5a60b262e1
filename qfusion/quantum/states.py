"""States of several modalities: checks, products, partial traces, and the shortest way between two pure states.

Subsystem 0 is leftmost, that is most significant: the basis state |i_0 i_1 ...> has index i_0 d_1 d_2 ... + i_1 d_2 ...
+ ... (PennyLane's and QuTiP's convention).
"""

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from itertools import pairwise
from typing import Any, ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, require_finite, require_number
from qfusion.errors import translate_errors

P = ParamSpec("P")
R = TypeVar("R")


def takes_arrays(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that its tensor parameters also accept NumPy arrays. This applies to parameters annotated
    as tensors or as sequences of tensors. Values and precision are preserved. The function still returns tensors.

    Raises:
        InvalidInput: when an array holds no numbers that torch knows.
    """
    parameters = inspect.signature(function).parameters
    names = [name for name, known in parameters.items() if "Tensor" in str(known.annotation)]
    positions = [(place, name) for place, name in enumerate(parameters) if name in names]

    @functools.wraps(function)
    def taking(*args: P.args, **kwargs: P.kwargs) -> R:
        given = list[Any](args)
        for place, name in positions:
            if place < len(given):
                given[place] = as_tensors(name, given[place])
        named: Any = {
            name: as_tensors(name, value) if name in names else value
            for name, value in kwargs.items()
        }
        return function(*given, **named)

    return taking


def as_tensors(name: str, values: Any) -> Any:
    """Return an array, or every array of a list or tuple, as a separate tensor. Anything else is returned unchanged.

    Args:
        name: what the message calls it. values: given for an argument.

    Raises:
        InvalidInput: when an array holds no numbers that torch knows.
    """
    if isinstance(values, np.ndarray):
        return _as_tensor(name, values)
    if isinstance(values, list | tuple) and any(isinstance(one, np.ndarray) for one in values):
        return [_as_tensor(name, one) if isinstance(one, np.ndarray) else one for one in values]
    return values


def _as_tensor(name: str, values: np.ndarray) -> Tensor:
    with translate_errors(
        f"Argument `{name}` is an array of {values.dtype}",
        "Cast it to complex128, or complex64.",
        TypeError,
        why="torch has no such numbers",
    ):
        # in this machine's order of bytes, and writable
        return torch.from_numpy(values.astype(values.dtype.newbyteorder("="), order="C"))


PRECISIONS = (torch.float32, torch.float64, torch.complex64, torch.complex128)


def check_precision(name: str, values: Tensor) -> None:
    """Raise InvalidInput unless a tensor has single or double precision: half holds three digits, too few for states.

    Args:
        name: what the message calls it.
        values: real or complex.
    """
    check(
        values.dtype in PRECISIONS,
        f"Argument `{name}` must be in single or double precision, but is "
        f"{values.dtype}. Cast it to complex128, or complex64.",
    )


@takes_arrays
def is_hermitian(X: Tensor) -> bool:
    """Return whether all matrices (..., D, D) equal their adjoints up to rounding.

    Example:
        >>> import torch
        >>> from qfusion.quantum.states import is_hermitian
        >>> is_hermitian(torch.tensor([[0, -1j], [1j, 0]]))
        True
    """
    X = X.detach()
    return bool((X - X.mH).abs().max() <= 100 * torch.finfo(X.dtype).eps * X.abs().max())


def check_times(times: Sequence[float] | Tensor) -> list[float]:
    """Return times as numbers.

    Raises:
        InvalidInput: unless they are ascending, finite and not negative.
    """
    moments = [float(t) for t in times]
    in_range = all(math.isfinite(t) and t >= 0 for t in moments)
    ascending = all(a <= b for a, b in pairwise(moments))
    more = "..." if len(moments) > 6 else ""
    check(
        len(moments) > 0 and in_range and ascending,
        f"Argument `times` must be ascending, finite and not negative, but is {moments[:6]}{more}. Sort it and start "
        "at 0 or later.",
    )
    return moments


def choose_times(times: Iterable[float] | None, duration: float, count: int) -> list[float]:
    """Return times as numbers; so many, evenly over the whole duration, unless any are given.

    Raises:
        InvalidInput: unless they are ascending and in [0, duration].

    Example:
        >>> from qfusion.quantum.states import choose_times
        >>> choose_times(None, 2.0, 3)
        [0.0, 1.0, 2.0]
    """
    if times is None:
        return np.linspace(0.0, duration, count).tolist()
    moments = [float(t) for t in times]
    check(
        len(moments) > 0,
        f"Argument `times` must hold one time at least, but is empty. Leave it out for {count} times.",
    )
    outside = [f"{t:g}" for t in moments if not 0 <= t <= duration * (1 + 1e-12)]
    check(
        not outside,
        f"Argument `times` must lie in [0, {duration:g}], the time that the model evolves for, but holds "
        f"{', '.join(outside[:6])}. Leave these out.",
    )
    check(
        moments == sorted(moments),
        f"Argument `times` must be ascending, but is {moments[:6]}. Sort it.",
    )
    return [min(t, duration) for t in moments]


def check_operators(H: Tensor, jumps: Tensor) -> None:
    """Raise InvalidInput unless H (D, D) is Hermitian, jumps are (K, D, D), and both are finite and complex of one
    dtype."""
    check(
        H.ndim == 2 and H.shape[0] == H.shape[1],
        f"Argument `H` must have shape (D, D), but has shape {tuple(H.shape)}. Give one square matrix.",
    )
    check(
        jumps.ndim == 3 and jumps.shape[1:] == H.shape,
        f"Argument `jumps` must have shape (K, {len(H)}, {len(H)}), but has shape {tuple(jumps.shape)}. "
        "Stack the jump operators along the first axis; K may be 0.",
    )
    check(
        H.is_complex() and jumps.dtype == H.dtype,
        f"Arguments `H` and `jumps` must be complex of one dtype, but are {H.dtype} and {jumps.dtype}. Cast both.",
    )
    check(
        is_hermitian(H[None]),
        "Argument `H` must be Hermitian, but differs from its adjoint by "
        f"{(H - H.mH).abs().max().item():.2g}. Use (H + H^+) / 2.",
    )
    check(
        bool(
            torch.isfinite(torch.view_as_real(jumps.detach())).all()
            and torch.isfinite(torch.view_as_real(H.detach())).all()
        ),
        "Arguments `H` and `jumps` must be finite, but hold NaN or infinity. Check the weights or the tweak.",
    )


# Measures of mixedness, correlation and entanglement of states of several modalities.
#
# Entropies and informations are in nats (natural logarithm) unless `base` says otherwise; the logarithmic negativity is
# in bits, as Vidal and Werner define it. All functions are batched over leading axes.
#
# An eigenvalue of a state that round-off has pushed below zero counts as zero (x log x has the
# limit 0 there, and we give it the gradient 0). One that lies below -10 sqrt(eps) of the data type,
# -1.5e-7 for complex128, cannot be round-off: the argument is then not a state and InvalidInput is
# raised.


@takes_arrays
def tolerance(values: Tensor) -> float:
    """Return the deviation from a state's laws that counts as round-off for the data type of `values`."""
    return 10 * math.sqrt(torch.finfo(values.dtype).eps)


@takes_arrays
def require_state(name: str, rho: Tensor) -> Tensor:
    """Return the eigenvalues of `rho` (..., D, D), ascending, (..., D).

    Args:
        name: what the message calls it.
        rho: matrices to check.

    Raises:
        InvalidInput: unless it is finite, Hermitian, of trace one and positive within round-off.
    """
    check(
        rho.ndim >= 2 and rho.shape[-1] == rho.shape[-2],
        f"Argument `{name}` must have shape (..., D, D), but has shape {tuple(rho.shape)}. Give density matrices; a "
        "ket becomes one by `states.density`.",
    )
    check_precision(name, rho)
    values = rho.detach()
    require_finite(name, values.cpu().numpy())
    tol = tolerance(rho)
    skew = float((values - values.mH).abs().max()) if rho.numel() else 0.0
    check(
        skew <= tol,
        f"Argument `{name}` must be Hermitian, but differs from its adjoint by {skew:.2g}. "
        "Pass (rho + rho^+) / 2 if that is what you mean.",
    )
    trace = torch.diagonal(values, dim1=-2, dim2=-1).sum(-1)
    off = float((trace - 1).abs().max()) if rho.numel() else 0.0
    check(
        off <= tol,
        f"Argument `{name}` must have trace 1, but is off by {off:.2g}. Divide by the trace.",
    )
    eigenvalues = torch.linalg.eigvalsh(rho)
    low = float(eigenvalues.detach().min()) if eigenvalues.numel() else 0.0
    check(
        low >= -tolerance(eigenvalues),
        f"Argument `{name}` must be positive semi-definite, but has the eigenvalue {low:.3g}. Give a density matrix.",
    )
    return eigenvalues


@takes_arrays
def product(kets: Sequence[Tensor]) -> Tensor:
    """Return the tensor product of kets, row by row.

    Args:
        kets: M tensors of shape (..., d_m) with equal leading axes.

    Returns:
        Tensor (..., D) with D the product of the d_m.

    Example:
        >>> import torch
        >>> from qfusion.quantum.states import product
        >>> zero, plus = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.6, 0.8]])
        >>> product([zero, plus])
        tensor([[0.6000, 0.8000, 0.0000, 0.0000]])
    """
    check(
        len(kets) > 0,
        "Argument `kets` must hold at least one ket, but is empty. Give one per modality.",
    )
    return reduce(lambda psi, ket: (psi[..., :, None] * ket[..., None, :]).flatten(-2), kets)


@takes_arrays
def kron(operators: Sequence[Tensor]) -> Tensor:
    """Return the Kronecker product of matrices (..., a_m, b_m), of shape (..., A, B). Leading axes are broadcast.

    Example:
        >>> import torch
        >>> from qfusion.quantum.states import kron
        >>> kron([torch.eye(2), torch.ones(1, 1) * 3])
        tensor([[3., 0.],
                [0., 3.]])
    """
    return reduce(
        lambda X, Y: (
            (X[..., :, None, :, None] * Y[..., None, :, None, :]).flatten(-4, -3).flatten(-2)
        ),
        operators,
    )


@takes_arrays
def apart(psi: Tensor, dims: Sequence[int], subsystems: Sequence[int]) -> Tensor:
    """Return kets (..., D) as matrices (..., d, D / d). Rows are the states of some subsystems, in their order, and
    columns those of the others.

    Example:
        >>> import torch
        >>> from qfusion.quantum.states import apart
        >>> apart(torch.arange(4.0), (2, 2), [1])
        tensor([[0., 2.],
                [1., 3.]])
    """
    batch = psi.ndim - 1
    rest = [m for m in range(len(dims)) if m not in subsystems]
    parts = psi.reshape(*psi.shape[:-1], *dims)
    parts = parts.permute(*range(batch), *(batch + m for m in (*subsystems, *rest)))
    return parts.reshape(*psi.shape[:-1], math.prod(dims[m] for m in subsystems), -1)


@takes_arrays
def density(psi: Tensor) -> Tensor:
    """Return |psi><psi|, shape (..., D, D), of kets (..., D).

    Example:
        >>> import torch
        >>> from qfusion.quantum.states import density
        >>> density(torch.tensor([0.6, 0.8]))
        tensor([[0.3600, 0.4800],
                [0.4800, 0.6400]])
    """
    return psi[..., :, None] * psi[..., None, :].conj()


def expectation(observables: Tensor, psi: Tensor) -> Tensor:
    """Return <psi|O_c|psi>, (B, C), for observables (C, D, D) and kets (B, D).

    Example:
        >>> import torch
        >>> from qfusion.quantum.states import expectation
        >>> Z = torch.diag(torch.tensor([1.0, -1.0])) + 0j
        >>> expectation(Z[None], torch.tensor([[0.6, 0.8]]) + 0j).round(decimals=4)
        tensor([[-0.2800]])
    """
    return torch.einsum("cnb,nb->nc", psi.conj() @ observables, psi).real


def check_operator(name: str, X: Tensor, dims: Sequence[int]) -> None:
    """Raise InvalidInput unless X is (..., D, D), D the product of `dims`."""
    D = math.prod(dims)
    check(
        X.ndim >= 2 and tuple(X.shape[-2:]) == (D, D),
        f"Argument `{name}` must have shape (..., {D}, {D}) for dims {tuple(dims)}, but has shape {tuple(X.shape)}. "
        "Give a square matrix whose side is the product of `dims`.",
    )


def _check_subsystems(name: str, chosen: Sequence[int], dims: Sequence[int]) -> None:
    check(
        len(set(chosen)) == len(chosen) and all(0 <= s < len(dims) for s in chosen),
        f"Argument `{name}` must hold distinct subsystems between 0 and {len(dims) - 1}, but is {tuple(chosen)}. "
        "Number subsystems from 0, leftmost first.",
    )


@takes_arrays
def partial_trace(rho: Tensor, dims: Sequence[int], keep: Sequence[int]) -> Tensor:
    """Return the reduced operator on the subsystems `keep`, in ascending order.

    Args:
        rho: operators of shape (..., D, D).
        dims: dimensions of the subsystems, product D.
        keep: which subsystems stay; the others are traced out. Empty gives the trace, shape (..., 1, 1).

    Raises:
        InvalidInput: when shapes disagree or `keep` names a subsystem that does not exist.

    Example:
        >>> import torch
        >>> from qfusion.quantum.states import partial_trace
        >>> bell = torch.tensor([1.0, 0, 0, 1], dtype=torch.complex128) / 2**0.5
        >>> partial_trace(torch.outer(bell, bell), (2, 2), [0]).real.round(decimals=6)
        tensor([[0.5000, 0.0000],
                [0.0000, 0.5000]], dtype=torch.float64)
    """
    check_operator("rho", rho, dims)
    _check_subsystems("keep", keep, dims)
    batch, M = rho.shape[:-2], len(dims)
    b = len(batch)
    ordered = sorted(keep)
    rest = [m for m in range(M) if m not in ordered]
    axes = [b + side + m for part in (ordered, rest) for side in (0, M) for m in part]
    d = math.prod(dims[m] for m in ordered)
    r = rho.shape[-1] // d
    parts = rho.reshape(*batch, *dims, *dims).permute(*range(b), *axes).reshape(*batch, d, d, r, r)
    return torch.diagonal(parts, dim1=-2, dim2=-1).sum(-1)


@takes_arrays
def partial_transpose(rho: Tensor, dims: Sequence[int], subsystems: Sequence[int]) -> Tensor:
    """Return rho with the rows and columns of `subsystems` exchanged, shape (..., D, D).

    Raises:
        InvalidInput: when shapes disagree or a subsystem does not exist.

    Example:
        >>> import torch
        >>> from qfusion.quantum.states import partial_transpose
        >>> partial_transpose(torch.arange(16.0).reshape(4, 4), (2, 2), [0])[0]
        tensor([0., 1., 8., 9.])
    """
    check_operator("rho", rho, dims)
    _check_subsystems("subsystems", subsystems, dims)
    batch, M = rho.shape[:-2], len(dims)
    parts = rho.reshape(*batch, *dims, *dims)
    for s in subsystems:
        parts = parts.transpose(len(batch) + s, len(batch) + M + s)
    return parts.reshape(rho.shape)


@takes_arrays
def embed(
    operator: Tensor,
    dims: Sequence[int],
    subsystems: Sequence[int],
    rest_operator: Tensor | None = None,
) -> Tensor:
    """Return `operator` on `subsystems` (ascending), identity elsewhere: shape (..., D, D).

    Args:
        operator: (..., d, d) with d the product of the dimensions of `subsystems`.
        dims: dimensions of all subsystems.
        subsystems: where it acts.
        rest_operator: what acts on all others, (D / d, D / d), in place of the identity.

    Raises:
        InvalidInput: when shapes disagree or a subsystem does not exist.

    Example:
        >>> import torch
        >>> from qfusion.quantum.states import embed
        >>> Z = torch.diag(torch.tensor([1.0, -1.0]))
        >>> embed(Z, (2, 2), [1]).diagonal()
        tensor([ 1., -1.,  1., -1.])
    """
    _check_subsystems("subsystems", subsystems, dims)
    chosen = sorted(subsystems)
    check_operator("rho", operator, [dims[m] for m in chosen])
    rest = [m for m in range(len(dims)) if m not in chosen]
    order = [*chosen, *rest]
    D = math.prod(dims)
    r = D // operator.shape[-1]
    M = len(dims)
    if rest_operator is None:
        rest_operator = torch.eye(r, dtype=operator.dtype, device=operator.device)
    batch, sides = operator.shape[:-2], [dims[m] for m in order]
    full = torch.einsum("...ab,cd->...acbd", operator, rest_operator).reshape(
        *batch, *sides, *sides
    )
    columns = [m - M for m in order]
    rows = [m - M for m in columns]
    return full.movedim([*range(-2 * M, 0)], [*rows, *columns]).reshape(*batch, D, D)


def preparation(psi: Tensor) -> Tensor:
    """Return a unitary matrix (d, d) whose first column is a ket (d,) of length 1: a reflection times a phase.

    Example:
        >>> import torch
        >>> from qfusion.quantum.states import preparation
        >>> preparation(torch.tensor([0.6, 0.8]) + 0j)[:, 0].real
        tensor([0.6000, 0.8000])
    """
    phase = psi[0] / psi[0].abs() if psi[0].abs() > 0 else psi.new_ones(())
    target = psi * phase.conj()
    axis = -target
    axis[0] += 1
    length = torch.linalg.vector_norm(axis)
    reflection = torch.eye(len(psi), dtype=psi.dtype, device=psi.device)
    if length > 1e-15:
        axis = axis / length
        reflection = reflection - 2 * axis[:, None] * axis.conj()[None]
    reflection[:, 0] = target
    return phase * reflection


def ket_geodesic(start: Tensor, end: Tensor, share: float) -> Tensor:
    """Return the ket on the geodesic of the Fubini-Study metric between two kets. Its angle to `start` is the `share`
    of the angle between both, whatever their phases.

    Args:
        start, end: unit kets, (..., d).
        share: 0 gives `start`, 1 gives `end` up to a phase. Of orthogonal kets, the phases given decide which of many
            shortest ways is taken.

    Raises:
        InvalidInput: when the share is not in [0, 1].

    Example:
        >>> import torch
        >>> from qfusion.quantum.states import ket_geodesic
        >>> start, end = torch.tensor([1.0, 0.0]) + 0j, torch.tensor([0.0, 1.0]) + 0j
        >>> ket_geodesic(start, end, 0.5).real.round(decimals=4)
        tensor([0.7071, 0.7071])
    """
    require_number("share", share, 0, 1)
    overlap = (start.conj() * end).sum(-1, keepdim=True)
    size = overlap.abs()
    phase = torch.where(size > 1e-12, overlap / size.clamp_min(1e-12), torch.ones_like(overlap))
    near = end * phase.conj()
    aside = near - size * start
    length = torch.linalg.vector_norm(aside, dim=-1, keepdim=True)
    angle = torch.atan2(length, size)
    direction = aside / length.clamp_min(1e-300)
    moved = torch.cos(share * angle) * start + torch.sin(share * angle) * direction
    return torch.where(length > 1e-12, moved, start)


def between_masses(start: Tensor, end: Tensor, share: float) -> Tensor:
    """Return the masses of qubits cos(theta/2)|0> + sin(theta/2)|1> whose angles lie the `share` of the way between the
    angles of two others. That is the geodesic of each qubit.

    Args:
        start, end: masses sin(theta/2)^2, in [0, 1], of equal shapes.
        share: 0 gives `start`, 1 gives `end`.

    Raises:
        InvalidInput: when the share is not in [0, 1].

    Example:
        >>> import torch
        >>> from qfusion.quantum.states import between_masses
        >>> between_masses(torch.tensor([0.0]), torch.tensor([1.0]), 0.5)
        tensor([0.5000])
    """
    require_number("share", share, 0, 1)
    first, last = (torch.asin(masses.clamp(0, 1).sqrt()) for masses in (start, end))
    return torch.sin(first + share * (last - first)).square()
