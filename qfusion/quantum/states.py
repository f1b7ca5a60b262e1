"""States and what evolution takes: kets, density operators, partial traces, and the checks of operators and
times that the master equation and its trajectories share.
"""

import math
from collections.abc import Iterable, Sequence
from functools import reduce
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check

PRECISIONS = (torch.float32, torch.float64, torch.complex64, torch.complex128)


def check_precision(name: str, values: Tensor) -> None:
    """Raises InvalidInput unless a tensor has single or double precision: half holds three digits, too few for states.

    Args:
        name: what the message calls it.
        values: real or complex.
    """
    check(
        values.dtype in PRECISIONS,
        f"Argument `{name}` must be in single or double precision, but is "
        f"{values.dtype}. Cast it to complex128, or complex64.",
    )


def is_hermitian(X: Tensor) -> bool:
    """Returns whether all matrices (..., D, D) equal their adjoints up to rounding."""
    X = X.detach()
    return bool((X - X.mH).abs().max() <= 100 * torch.finfo(X.dtype).eps * X.abs().max())


def check_times(times: Sequence[float] | Tensor) -> list[float]:
    """Returns times as numbers.

    Raises:
        InvalidInput: unless they are ascending, finite and not negative.
    """
    moments = [float(t) for t in times]
    check(
        len(moments) > 0
        and all(math.isfinite(t) and t >= 0 for t in moments)
        and all(a <= b for a, b in pairwise(moments)),
        f"Argument `times` must be ascending, finite and not negative, but is {moments[:6]}"
        f"{'...' if len(moments) > 6 else ''}. Sort it and start at 0 or later.",
    )
    return moments


def times_within(times: Iterable[float] | None, duration: float, count: int) -> list[float]:
    """Returns times as numbers; so many, evenly over the whole duration, unless any are given.

    Raises:
        InvalidInput: unless they are ascending and in [0, duration].
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
    """Raises InvalidInput unless H (D, D) is Hermitian, jumps are (K, D, D), and both are finite and complex of one
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


# States of several modalities: products, partial traces and partial transposes.
#
# Subsystem 0 is leftmost, that is most significant: the basis state |i_0 i_1 ...> has index i_0 d_1
# d_2 ... + i_1 d_2 ... + ...


def product(kets: Sequence[Tensor]) -> Tensor:
    """Returns the tensor product of kets, row by row.

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


def density(psi: Tensor) -> Tensor:
    """Returns |psi><psi|, shape (..., D, D), of kets (..., D)."""
    return psi[..., :, None] * psi[..., None, :].conj()


def check_operator(name: str, X: Tensor, dims: Sequence[int]) -> None:
    """Raises InvalidInput unless X is (..., D, D), D the product of `dims`."""
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


def partial_trace(rho: Tensor, dims: Sequence[int], keep: Sequence[int]) -> Tensor:
    """Returns the reduced operator on the subsystems `keep`, in ascending order.

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
    b, ordered = len(batch), sorted(keep)
    rest = [m for m in range(M) if m not in ordered]
    axes = [b + side + m for part in (ordered, rest) for side in (0, M) for m in part]
    d, r = math.prod(dims[m] for m in ordered), math.prod(dims[m] for m in rest)
    parts = rho.reshape(*batch, *dims, *dims).permute(*range(b), *axes).reshape(*batch, d, d, r, r)
    return torch.diagonal(parts, dim1=-2, dim2=-1).sum(-1)


def partial_transpose(rho: Tensor, dims: Sequence[int], subsystems: Sequence[int]) -> Tensor:
    """Returns rho with the rows and columns of `subsystems` exchanged, shape (..., D, D).

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


def embed(
    operator: Tensor,
    dims: Sequence[int],
    subsystems: Sequence[int],
    rest_operator: Tensor | None = None,
) -> Tensor:
    """Returns `operator` on `subsystems` (ascending), identity elsewhere: shape (..., D, D).

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
    r, D, M = math.prod(dims[m] for m in rest), math.prod(dims), len(dims)
    if rest_operator is None:
        rest_operator = torch.eye(r, dtype=operator.dtype, device=operator.device)
    batch, sides = operator.shape[:-2], [dims[m] for m in order]
    full = torch.einsum("...ab,cd->...acbd", operator, rest_operator).reshape(
        *batch, *sides, *sides
    )
    back = [len(batch) + order.index(m) for m in range(M)]
    axes = [*range(len(batch)), *back, *(M + axis for axis in back)]
    return full.permute(axes).reshape(*batch, D, D)
