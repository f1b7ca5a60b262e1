"""What coalition values add up from: Harsanyi dividends, Shapley values, interaction indices of cooperative games."""

from __future__ import annotations

import numpy as np

from qfusion.quantum.decomposition import subsets


def dividends(values: np.ndarray, M: int) -> np.ndarray:
    """Returns the Harsanyi dividends sum_{R in S} (-1)^{|S|-|R|} v(R) of values (..., 2^M, C) ordered as `subsets`."""
    return np.einsum("sr,...rc->...sc", signs(M), values)


def signs(M: int) -> np.ndarray:
    """Returns the matrix from coalition values to dividends, (2^M, 2^M), in the order of `subsets`."""
    order = subsets(M)
    return np.array(
        [[(-1.0) ** (len(S) - len(R)) if set(R) <= set(S) else 0.0 for R in order] for S in order]
    )


def shapley(dividend: np.ndarray, M: int) -> np.ndarray:
    """Returns phi_m = sum_{S containing m} dividend(S) / |S|, (..., M, C)."""
    order = subsets(M)
    weights = np.array([[1.0 / len(S) if m in S else 0.0 for S in order] for m in range(M)])
    return np.einsum("ms,...sc->...mc", weights, dividend)


def interaction(dividend: np.ndarray, M: int) -> np.ndarray:
    """Returns the Shapley interaction index of every pair of players, sum_{S containing i, j} dividend(S) / (|S| - 1).

    It is the mean over orders in which the two stand as one of what they add together beyond what each adds alone
    (Grabisch and Roubens 1999, equation for dividends); for M = 2 it is the joint dividend.

    Args:
        dividend: (..., 2^M, C) in the order of `subsets`.

    Returns:
        (..., M, M, C), symmetric, with 0 on the diagonal, where the index is not defined.
    """
    order = subsets(M)
    weights = np.array(
        [
            [
                [1.0 / (len(S) - 1) if i != j and i in S and j in S else 0.0 for S in order]
                for j in range(M)
            ]
            for i in range(M)
        ]
    )
    return np.einsum("ijs,...sc->...ijc", weights, dividend)
