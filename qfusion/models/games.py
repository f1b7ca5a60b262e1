"""Cooperative games of M modalities: Harsanyi dividends, Shapley values, interaction indices of coalition values.

Every array of coalitions is in the order of `decomposition.subsets`, along the last axis but one. Sums over the subsets
of every coalition take M passes over the 2^M values, one for each modality (the Moebius and zeta transforms of the
lattice of subsets, after Yates 1937); a matrix of signs would hold 4^M numbers.
"""

from collections.abc import Callable

import numpy as np

from qfusion._memory_cache import memo
from qfusion.quantum import decomposition


def dividends(values: np.ndarray, M: int) -> np.ndarray:
    """Return the Harsanyi dividends sum_{R in S} (-1)^{|S|-|R|} v(R) of values (..., 2^M, C), in the same shape."""
    return _combine_subsets(values, M, np.subtract)


def sums(dividend: np.ndarray, M: int) -> np.ndarray:
    """Return sum_{R in S} d(R) for every coalition S of (..., 2^M, C), in its shape: the inverse of `dividends`."""
    return _combine_subsets(dividend, M, np.add)


def shapley(dividend: np.ndarray, M: int) -> np.ndarray:
    """Return phi_m = sum_{S containing m} dividend(S) / |S|, (..., M, C), of dividends (..., 2^M, C)."""
    return np.einsum("ms,...sc->...mc", _weights_of_one(M), dividend)


def interaction(dividend: np.ndarray, M: int) -> np.ndarray:
    """Return the Shapley interaction index of every pair of players, sum_{S containing i, j} dividend(S) / (|S| - 1).

    It is the mean over orders in which the two stand as one of what they add together beyond what each adds alone
    (Grabisch and Roubens 1999, equation for dividends); for M = 2 it is the joint dividend.

    Args:
        dividend: (..., 2^M, C) in the order of `subsets`.

    Returns:
        (..., M, M, C), symmetric, with 0 on the diagonal, where the index is not defined.
    """
    pairs = np.einsum("ps,...sc->...pc", _weights_of_two(M), dividend)
    first, second = np.triu_indices(M, 1)
    result = np.zeros((*pairs.shape[:-2], M, M, pairs.shape[-1]))
    result[..., first, second, :] = pairs
    result[..., second, first, :] = pairs
    return result


def members(M: int) -> np.ndarray:
    """Return whether each modality is in each coalition, bool (2^M, M)."""
    return (masks(M)[:, None] >> np.arange(M)) % 2 == 1


@memo(16)
def masks(M: int) -> np.ndarray:
    """Return the coalitions in the order of `subsets` as bit masks, bit m of modality m: (2^M,)."""
    return np.array([sum(1 << m for m in subset) for subset in decomposition.subsets(M)])


def _combine_subsets(values: np.ndarray, M: int, combine: Callable[..., np.ndarray]) -> np.ndarray:
    """Values (..., 2^M, C) where, modality by modality, that of each coalition with it is combined with the value of
    the coalition without it."""
    by_mask = np.take(values, _places(M), axis=-2)
    shape = by_mask.shape
    for m in range(M):
        split = by_mask.reshape(*shape[:-2], 2 ** (M - 1 - m), 2, 2**m, shape[-1])
        without, with_it = split[..., 0, :, :], split[..., 1, :, :]
        combine(with_it, without, out=with_it)
    return np.take(by_mask, masks(M), axis=-2)


def _places(M: int) -> np.ndarray:
    """Return the position of the coalition of every bit mask in the order of `subsets`, (2^M,)."""
    return np.argsort(masks(M))


def _weights_of_one(M: int) -> np.ndarray:
    """1 / |S| where a modality is in S, (M, 2^M)."""
    inside = members(M)
    return inside.T / np.maximum(inside.sum(1), 1)


@memo(16)
def _weights_of_two(M: int) -> np.ndarray:
    """1 / (|S| - 1) where both modalities of a pair are in S, (M (M - 1) / 2, 2^M)."""
    inside = members(M)
    first, second = np.triu_indices(M, 1)
    return (inside[:, first] & inside[:, second]).T / np.maximum(inside.sum(1) - 1, 1)
