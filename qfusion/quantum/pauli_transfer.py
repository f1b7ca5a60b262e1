"""Pauli transfer matrices: operators and channels in the basis of Pauli words I, X, Y, Z, as real numbers."""

from functools import reduce
from itertools import product

import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum.checks import takes_arrays

PAULIS = torch.tensor(
    [[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]],
    dtype=torch.complex128,
)


def words(qubits: int) -> Tensor:
    """Return all Pauli words on that many qubits, (4^n, 2^n, 2^n), the first letter slowest."""
    return torch.stack([reduce(torch.kron, word) for word in product(PAULIS, repeat=qubits)])


_WORDS = {2: words(1), 4: words(2)}  # by the side of their matrices


@takes_arrays
def transfer_matrix(kraus: Tensor) -> Tensor:
    """Return the Heisenberg transfer matrix R_ab = sum_k Tr[P_a K_k P_b K_k^+] / 2^n of a channel: it maps P_a to
    sum_b R_ab P_b.

    Args:
        kraus: one unitary (d, d), or Kraus operators (K, d, d); one or two qubits.

    Returns:
        Real (4^n, 4^n), differentiable. A Pauli expansion o_a of an observable becomes o @ R under the adjoint channel.
    """
    d, K = kraus.shape[-1], kraus if kraus.ndim == 3 else kraus[None]
    check(d in (2, 4), f"Argument `kraus` must act on one or two qubits, but has side {d}.")
    P = _WORDS[d].to(K.device, K.dtype)
    images = torch.einsum("kij,bjl,kml->bim", K, P, K.conj())  # sum_k K P_b K^+
    return torch.einsum("aij,bji->ab", P, images).real / d
