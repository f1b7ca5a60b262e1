"""Splits an operator into the parts that act on one modality, on a pair, and so on.

H = sum_S H_S over all subsets S of the modalities. H_S acts on exactly the modalities in S: as the identity on the
others, and without trace on each one in S. These conditions make the parts unique and orthogonal, Tr[H_S^+ H_R] = 0 for
S != R. With P_m X = 1_m x Tr_m[X] / d_m, the mean over modality m,

    H_S = prod_{m in S} (1 - P_m)  prod_{m not in S} P_m  H.

This is the operator form of the functional ANOVA decomposition; in a product of (generalised) Pauli bases H_S collects
the terms whose non-identity letters stand at S.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import torch
from torch import Tensor

from qfusion._checks import check

Subset = tuple[int, ...]


def subsets(M: int) -> list[Subset]:
    """Returns all subsets of range(M), smaller ones first: (), (0,), (1,), ..., (0, 1), ..."""
    return [s for size in range(M + 1) for s in combinations(range(M), size)]


def subset_name(subset: Subset, names: Sequence[str]) -> str:
    """Returns the names of the modalities in `subset` joined by "+"; "" for the empty one.

    Example:
        >>> subset_name((0, 2), ("text", "audio", "vision"))
        'text+vision'
    """
    return "+".join(names[m] for m in subset)


def _check_dims(H: Tensor, dims: Sequence[int]) -> None:
    check(
        len(dims) > 0 and all(int(d) == d and d >= 1 for d in dims),
        f"Argument `dims` must hold positive integers, but is {tuple(dims)}. Give one dimension per modality.",
    )
    D = math.prod(dims)
    check(
        H.ndim >= 2 and tuple(H.shape[-2:]) == (D, D),
        f"Argument `H` must have shape (..., {D}, {D}) for dims {tuple(dims)}, but has shape {tuple(H.shape)}. "
        "Give a square matrix whose side is the product of `dims`.",
    )


def _mean_over(H: Tensor, dims: Sequence[int], m: int) -> Tensor:
    """1_m x Tr_m[H] / d_m for H of shape (..., D, D)."""
    left, d, right = math.prod(dims[:m]), dims[m], math.prod(dims[m + 1 :])
    parts = H.reshape(*H.shape[:-2], left, d, right, left, d, right)
    mean = torch.diagonal(parts, dim1=-5, dim2=-2).mean(-1)
    identity = torch.eye(d, dtype=H.dtype, device=H.device)
    return torch.einsum("...abcd,ij->...aibcjd", mean, identity).reshape(H.shape)


def decompose(H: Tensor, dims: Sequence[int]) -> dict[Subset, Tensor]:
    """Returns the parts H_S of shape (..., D, D), keyed by the subsets of `subsets(len(dims))`, in that order.

    The empty subset is the identity part 1 Tr[H] / D. The map is linear, so gradients pass through it.

    Args:
        H: operators (..., D, D), Hermitian or not.
        dims: dimensions of the modalities, product D.

    Raises:
        InvalidInput: when the shape does not fit `dims`.
    """
    _check_dims(H, dims)
    parts: dict[Subset, Tensor] = {(): H}
    for m in range(len(dims)):
        split: dict[Subset, Tensor] = {}
        for subset, part in parts.items():
            mean = _mean_over(part, dims, m)
            split[subset], split[(*subset, m)] = mean, part - mean
        parts = split
    return {subset: parts[subset] for subset in subsets(len(dims))}


def strengths(H: Tensor, dims: Sequence[int]) -> dict[Subset, Tensor]:
    """Returns the Hilbert-Schmidt norms ||H_S|| = sqrt(Tr[H_S^+ H_S]), shape (...); their squares add up to ||H||^2.

    Raises:
        InvalidInput: when the shape does not fit `dims`.
    """
    return {subset: torch.linalg.matrix_norm(part) for subset, part in decompose(H, dims).items()}


def rescale(H: Tensor, dims: Sequence[int], factors: Mapping[Subset, float | Tensor]) -> Tensor:
    """Returns sum_S f_S H_S with f_S from `factors`, 1 where it names none.

    Raises:
        InvalidInput: when the shape does not fit `dims` or `factors` names a subset that does not exist.
    """
    # Only what changes is added, so that unit factors return H to the last bit.
    return H + change(H, dims, factors)


def change(H: Tensor, dims: Sequence[int], factors: Mapping[Subset, float | Tensor]) -> Tensor:
    """Returns sum_S (f_S - 1) H_S, what `rescale` adds; exactly zero for unit factors. Arguments, errors as there."""
    parts = decompose(H, dims)
    unknown = [s for s in factors if s not in parts]
    check(
        not unknown,
        f"Argument `factors` must be keyed by ascending subsets of range({len(dims)}), but has "
        f"{unknown[:3]}. The subsets are {list(parts)[:16]}.",
    )
    changed = {subset: f for subset, f in factors.items() if torch.is_tensor(f) or f != 1}
    return sum(
        ((f - 1) * parts[subset] for subset, f in changed.items()), start=torch.zeros_like(H)
    )
