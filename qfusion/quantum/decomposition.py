"""Decomposition of an operator into the parts that act on one modality, on a pair, and so on.

H = sum_S H_S over all subsets S of the modalities. H_S acts on exactly the modalities in S: as the identity on the
others, and without trace on each one in S. These conditions make the parts unique and orthogonal,
Tr[H_S^+ H_R] = 0 for S != R. With P_m X = 1_m x Tr_m[X] / d_m, the mean over modality m,

    H_S = prod_{m in S} (1 - P_m)  prod_{m not in S} P_m  H.

This is the operator form of the functional ANOVA decomposition. In a product of (generalised) Pauli bases H_S collects
the terms whose non-identity letters are at S.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import torch
from torch import Tensor

from qfusion._checks import check, require_few_modalities
from qfusion.quantum import states
from qfusion.quantum.checks import takes_arrays

Subset = tuple[int, ...]
Factors = Mapping[Subset, float | Tensor]


def subsets(M: int) -> list[Subset]:
    """Return all subsets of range(M), smaller ones first: (), (0,), (1,), ..., (0, 1), ...

    Raises:
        InvalidInput: when there are more than 12 modalities, which have more coalitions than are explained.
    """
    require_few_modalities("A model", M)
    return [s for size in range(M + 1) for s in combinations(range(M), size)]


def subset_name(subset: Subset, names: Sequence[str]) -> str:
    """Return the names of the modalities in `subset` joined by "+"; "" for the empty one.

    Example:
        >>> subset_name((0, 2), ("text", "audio", "vision"))
        'text+vision'
    """
    return "+".join(names[m] for m in subset)


@takes_arrays
def decompose(H: Tensor, dims: Sequence[int]) -> dict[Subset, Tensor]:
    """Return the parts H_S of shape (..., D, D), keyed by the subsets of `subsets(len(dims))`, in that order.

    The empty subset is the identity part 1 Tr[H] / D. The map is linear, so gradients pass through it.

    Args:
        H: operators (..., D, D), Hermitian or not.
        dims: dimensions of the modalities, product D.

    Raises:
        InvalidInput: when the shape does not fit `dims`.
    """
    check(
        len(dims) > 0 and all(int(d) == d and d >= 1 for d in dims),
        f"Argument `dims` must hold positive integers, but is {tuple(dims)}. Give one dimension per modality.",
    )
    states.check_operator("H", H, dims)
    parts = H[None]  # the subsets of those that have been split, as bits
    for m, d in enumerate(dims):
        a = math.prod(dims[:m])
        b = math.prod(dims[m + 1 :])
        blocks = parts.reshape(*parts.shape[:-2], a, d, b, a, d, b)
        identity = torch.eye(d).to(H)
        mean = torch.einsum("...aibcid,jk->...ajbckd", blocks, identity).reshape(parts.shape) / d
        parts = torch.cat((mean, parts - mean))
    return {subset: parts[sum(1 << m for m in subset)] for subset in subsets(len(dims))}


@takes_arrays
def strengths(H: Tensor, dims: Sequence[int]) -> dict[Subset, Tensor]:
    """Return the Hilbert-Schmidt norms ||H_S|| = sqrt(Tr[H_S^+ H_S]), shape (...); their squares add up to ||H||^2.

    Raises:
        InvalidInput: when the shape does not fit `dims`.
    """
    return {subset: torch.linalg.matrix_norm(part) for subset, part in decompose(H, dims).items()}


@takes_arrays
def change(H: Tensor, dims: Sequence[int], factors: Mapping[Subset, float | Tensor]) -> Tensor:
    """Return sum_S (f_S - 1) H_S with f_S from `factors`, or 1 for subsets not in it. This is the term to add to H so
    that its parts are f_S H_S. It is exactly zero for unit factors.

    Raises:
        InvalidInput: when the shape does not fit `dims` or `factors` names a subset that does not exist.
    """
    parts = decompose(H, dims)
    unknown = [s for s in factors if s not in parts]
    check(
        not unknown,
        f"Argument `factors` must be keyed by ascending subsets of range({len(dims)}), but has "
        f"{unknown[:3]}. The subsets are {list(parts)[:16]}.",
    )
    return sum(
        ((f - 1) * parts[subset] for subset, f in factors.items() if torch.is_tensor(f) or f != 1),
        start=torch.zeros_like(H),
    )
