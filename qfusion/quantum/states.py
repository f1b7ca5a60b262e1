"""States of several modalities: products, partial traces and partial transposes.

Subsystem 0 is leftmost, that is most significant: the basis state |i_0 i_1 ...> has index i_0 d_1 d_2 ... + i_1 d_2 ...
+ ... (PennyLane's and QuTiP's convention).
"""

import math
from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum.checks import takes_arrays


@takes_arrays
def product(kets: Sequence[Tensor]) -> Tensor:
    """Return the tensor product of kets, row by row.

    Args:
        kets: M tensors of shape (..., d_m) with equal leading axes.

    Returns:
        Tensor (..., D) with D the product of the d_m.
    """
    check(
        len(kets) > 0,
        "Argument `kets` must hold at least one ket, but is empty. Give one per modality.",
    )
    return reduce(lambda psi, ket: (psi[..., :, None] * ket[..., None, :]).flatten(-2), kets)


@takes_arrays
def kron(operators: Sequence[Tensor]) -> Tensor:
    """Return the Kronecker product of matrices (..., a_m, b_m), of shape (..., A, B). Leading axes are broadcast."""
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
    """
    batch = psi.ndim - 1
    rest = [m for m in range(len(dims)) if m not in subsystems]
    parts = psi.reshape(*psi.shape[:-1], *dims)
    parts = parts.permute(*range(batch), *(batch + m for m in (*subsystems, *rest)))
    return parts.reshape(*psi.shape[:-1], math.prod(dims[m] for m in subsystems), -1)


@takes_arrays
def density(psi: Tensor) -> Tensor:
    """Return |psi><psi|, shape (..., D, D), of kets (..., D)."""
    return psi[..., :, None] * psi[..., None, :].conj()


def expectation(observables: Tensor, psi: Tensor) -> Tensor:
    """Return <psi|O_c|psi>, (B, C), for observables (C, D, D) and kets (B, D)."""
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
    """Return a unitary matrix (d, d) whose first column is a ket (d,) of length 1: a reflection times a phase."""
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
