"""Operators expanded letter by letter: their coefficients in a product of bases, one of each modality.

    A = sum_w c_w P_w1 x ... x P_wM,   c_w = Tr[P_w^+ A] / D,   Tr[P_a^+ P_b] = d delta_ab of each basis

so that sum_w |c_w|^2 = Tr[A^+ A] / D. If a dimension is a power of two, its basis is that of the Pauli words of its
qubits (I, X, Y, Z). Otherwise it is that of the generalised Gell-Mann matrices (Bertlmann and Krammer 2008, J. Phys. A
41, 235303) with the identity, scaled to the norm of the others.
"""

import math
from collections.abc import Sequence
from itertools import combinations, product

import torch
from torch import Tensor

from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.quantum.checks import takes_arrays
from qfusion.quantum.pauli_transfer import words


@memo(32)
def basis(d: int) -> tuple[tuple[str, ...], Tensor]:
    """Return names and matrices (d^2, d, d) of the basis of a dimension, the identity first, Hermitian.

    Gell-Mann matrices are called S12 (symmetric), A12 (antisymmetric) by the levels that they couple, from 1, and D1,
    D2, ... (diagonal).
    """
    check(
        int(d) == d and d >= 1,
        f"Argument `d` must be a dimension from 1, but is {d}. Give a whole number.",
    )
    qubits = int(d).bit_length() - 1
    if d == 1:
        return ("I",), torch.ones(1, 1, 1, dtype=torch.complex128)
    if 1 << qubits == d:
        return tuple("".join(letters) for letters in product("IXYZ", repeat=qubits)), words(qubits)
    matrices = {"I": torch.eye(d, dtype=torch.complex128)}
    for j, k in combinations(range(d), 2):
        levels = f"{j + 1}{k + 1}" if d < 10 else f"{j + 1},{k + 1}"
        unit = torch.zeros(d, d, dtype=torch.complex128)
        unit[j, k] = math.sqrt(d / 2)
        matrices |= {"S" + levels: unit + unit.mH, "A" + levels: 1j * (unit.mH - unit)}
    for n in range(1, d):
        diagonal = torch.tensor(
            [1.0] * n + [-float(n)] + [0.0] * (d - n - 1), dtype=torch.complex128
        )
        matrices[f"D{n}"] = torch.diag(diagonal) * math.sqrt(d / (n * (n + 1)))
    return tuple(matrices), torch.stack(list(matrices.values()))


@takes_arrays
def expand(A: Tensor, dims: Sequence[int]) -> Tensor:
    """Return the coefficients c_w, complex (..., d_1^2, ..., d_M^2), in the order of the names of `basis`.

    Args:
        A: operators (..., D, D), Hermitian (then they are real) or not.
        dims: dimensions of the modalities, product D.

    Raises:
        InvalidInput: when the shape does not fit `dims`.
    """
    D = math.prod(dims)
    M = len(dims)
    batch = A.shape[:-2]
    check(
        A.shape[-2:] == (D, D),
        f"Argument `A` must have shape ({D}, {D}) for dims {tuple(dims)}, but has "
        f"{tuple(A.shape)}. Give a square matrix whose side is the product of `dims`.",
    )
    coefficients = A.to(A.dtype.to_complex()).reshape(*batch, *dims, *dims)
    # the m-th pair of axes becomes one axis of letters, which goes to the end
    for m, d in enumerate(dims):
        pair = [len(batch), len(batch) + M - m]
        letters = basis(d)[1].conj().to(coefficients)
        coefficients = torch.tensordot(coefficients, letters, dims=(pair, [1, 2])) / d
    return coefficients
