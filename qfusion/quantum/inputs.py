"""What evolution takes: checks of operators and times that the master equation and its trajectories share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

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
    with torch.no_grad():
        scale = X.abs().max()
        return bool((X - X.mH).abs().max() <= 100 * torch.finfo(X.dtype).eps * scale)


def check_times(times: Sequence[float] | Tensor) -> list[float]:
    """Returns times as numbers.

    Raises:
        InvalidInput: unless they are ascending, finite and not negative.
    """
    moments = [float(t) for t in times]
    ok = len(moments) > 0 and all(math.isfinite(t) and t >= 0 for t in moments)
    ok = ok and all(a <= b for a, b in pairwise(moments))
    check(
        ok,
        f"Argument `times` must be ascending, finite and not negative, but is {moments[:6]}"
        f"{'...' if len(moments) > 6 else ''}. Sort it and start at 0 or later.",
    )
    return moments


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
