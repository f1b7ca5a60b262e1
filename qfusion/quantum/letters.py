"""Operators letter by letter: their coefficients in a product of bases, one of each modality.

    A = sum_w c_w P_w1 x ... x P_wM,   c_w = Tr[P_w^+ A] / D,   Tr[P_a^+ P_b] = d delta_ab of each basis

so that sum_w |c_w|^2 = Tr[A^+ A] / D. Where a dimension is a power of two the basis is that of the Pauli words of its
qubits (I, X, Y, Z), else that of the generalised Gell-Mann matrices (Bertlmann and Krammer 2008, J. Phys. A 41, 235303)
with the identity, brought to the norm of the others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum import pauli

IDENTITY = "I"


@lru_cache(maxsize=32)
def basis(d: int) -> tuple[tuple[str, ...], Tensor]:
    """Returns names and matrices (d^2, d, d) of the basis of a dimension, the identity first, Hermitian.

    Gell-Mann matrices are called S12 (symmetric), A12 (antisymmetric) by the levels that they couple, from 1, and D1,
    D2, ... (diagonal).
    """
    check(
        int(d) == d and d >= 1,
        f"Argument `d` must be a dimension from 1, but is {d}. Give a whole number.",
    )
    qubits = int(d).bit_length() - 1
    if d == 1:
        return (IDENTITY,), torch.ones(1, 1, 1, dtype=torch.complex128)
    if 1 << qubits == d:
        return tuple("".join(letters) for letters in product("IXYZ", repeat=qubits)), pauli.words(
            qubits
        )
    names, matrices = [IDENTITY], [torch.eye(d, dtype=torch.complex128)]
    for j in range(d):
        for k in range(j + 1, d):
            for name, value in (("S", 1 + 0j), ("A", -1j)):
                matrix = torch.zeros(d, d, dtype=torch.complex128)
                matrix[j, k] = torch.tensor(value)
                matrix[k, j] = torch.tensor(value.conjugate())
                names.append(f"{name}{j + 1}{k + 1}" if d < 10 else f"{name}{j + 1},{k + 1}")
                matrices.append(matrix * math.sqrt(d / 2))
    for n in range(1, d):
        diagonal = torch.tensor(
            [1.0] * n + [-float(n)] + [0.0] * (d - n - 1), dtype=torch.complex128
        )
        names.append(f"D{n}")
        matrices.append(torch.diag(diagonal) * math.sqrt(d / (n * (n + 1))))
    return tuple(names), torch.stack(matrices)


def expand(A: Tensor, dims: Sequence[int]) -> Tensor:
    """Returns the coefficients c_w, complex (d_1^2, ..., d_M^2), in the order of the names of `basis`.

    Args:
        A: operator (D, D), Hermitian (then they are real) or not.
        dims: dimensions of the modalities, product D.

    Raises:
        InvalidInput: when the shape does not fit `dims`.
    """
    D, M = math.prod(dims), len(dims)
    check(
        A.shape == (D, D),
        f"Argument `A` must have shape ({D}, {D}) for dims {tuple(dims)}, but has "
        f"{tuple(A.shape)}. Give a square matrix whose side is the product of `dims`.",
    )
    found = A.detach().to(torch.complex128).reshape(*dims, *dims)
    for m, d in enumerate(
        dims
    ):  # the m-th pair of axes becomes one axis of letters, which goes to the end
        found = torch.tensordot(found, basis(d)[1].conj(), dims=([0, M - m], [1, 2])) / d
    return found
