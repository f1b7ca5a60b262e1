"""Operators and channels in the basis of Pauli words I, X, Y, Z: real numbers only."""

from __future__ import annotations

import torch
from torch import Tensor

from qfusion._checks import check

PAULIS = torch.tensor(
    [[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]],
    dtype=torch.complex128,
)


def words(qubits: int) -> Tensor:
    """Returns all Pauli words on that many qubits, (4^n, 2^n, 2^n), the first letter slowest."""
    result = PAULIS
    for _ in range(qubits - 1):
        d = 2 * result.shape[-1]
        result = torch.einsum("aij,bkl->abikjl", result, PAULIS).reshape(-1, d, d)
    return result


_WORDS = {1: words(1), 2: words(2)}


def transfer_matrix(kraus: Tensor) -> Tensor:
    """Returns the Heisenberg transfer matrix R_ab = sum_k Tr[P_a K_k P_b K_k^+] / 2^n of a channel: it maps P_a to
    sum_b R_ab P_b.

    Args:
        kraus: one unitary (d, d), or Kraus operators (K, d, d); one or two qubits.

    Returns:
        Real (4^n, 4^n), differentiable. A Pauli expansion o_a of an observable becomes o @ R under the adjoint channel.
    """
    K = kraus if kraus.ndim == 3 else kraus[None]
    d = K.shape[-1]
    check(d in (2, 4), f"Argument `kraus` must act on one or two qubits, but has side {d}.")
    P = _WORDS[1 if d == 2 else 2].to(K.device, K.dtype)
    images = torch.einsum("kij,bjl,kml->bim", K, P, K.conj())  # sum_k K P_b K^+
    return torch.einsum("aij,bji->ab", P, images).real / d
