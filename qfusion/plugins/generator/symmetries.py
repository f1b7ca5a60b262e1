"""Strong symmetries and conserved quantities of a Lindblad generator.

A strong symmetry is an operator that commutes with H and with all L_k and L_k^+ (Buca and Prosen 2012, New J. Phys. 14,
073007). These operators form an algebra, the commutant; the identity alone is trivial. A conserved quantity J has a
constant mean in every state, L^+ J = 0 (Albert and Jiang 2014, Phys. Rev. A 89, 022118). Every strong symmetry is
conserved, and so many steady states exist as conserved quantities are linearly independent. Without a trivial
commutant, coherences and populations of blocks never mix.

Commuting with one operator A of the set leaves blocks of equal eigenvalues of A. In these few numbers the conditions of
all operators are solved, which needs no matrix of side D^2.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.plugins.generator.generator_modes import Modes
from qfusion.plugins.generator.real_generators import check_dimension, to_operators
from qfusion.quantum import decomposition, lindblad

ROUNDING = 1e-14  # norm of a traceless part relative to the operators, below which it is none
SAME = 1e-9  # difference relative to the norm below which numbers count as equal, and operators as commuting
MAX_UNKNOWNS = 4096  # numbers of an operator that commutes with A: of more, D is too large
MAX_ENTRIES = 2**24  # of all symmetries together


@dataclass(frozen=True, eq=False)
class Symmetries:
    """Operators that commute with H, all L_k and all L_k^+.

    Attributes:
        operators: orthonormal Hermitian basis of the commutant, (S, D, D), of which the first is 1 / sqrt(D).
        residual: largest Hilbert-Schmidt norm of a commutator of one of them with one of the operators.
    """

    operators: np.ndarray
    residual: float

    @property
    def count(self) -> int:
        """Number of independent strong symmetries beside the identity."""
        return len(self.operators) - 1


def strong_symmetries(H: np.ndarray | Tensor, jumps: np.ndarray | Tensor) -> Symmetries:
    """Return the commutant of H and all L_k, L_k^+.

    Args:
        H: Hamiltonian (D, D). jumps: jump operators (K, D, D), in any gauge.

    Raises:
        InvalidInput: when operators do not fit, or D is so large and symmetric that the conditions are too many.
    """
    term = decomposition.dense_traceless(H, jumps).terms[0]
    D = len(term.H)
    one = torch.eye(D, dtype=term.H.dtype)
    centred = term.H - torch.trace(term.H) / D * one
    members = [centred, *(L for L in term.jumps), *(L.mH for L in term.jumps)]
    hermitian = np.stack([np.asarray((X + X.mH) / 2) for X in members]).astype(complex)
    hermitian = np.concatenate(
        [hermitian, [np.asarray((X - X.mH) / 2j) for X in members[1:]] or hermitian[:0]]
    )
    sizes = np.linalg.norm(hermitian, axis=(1, 2))
    largest = float(sizes.max(initial=0.0))
    # what is left of multiples of the identity is rounding
    given = np.linalg.norm(np.asarray(H)), np.linalg.norm(np.asarray(jumps))
    rounding = ROUNDING * np.where(np.arange(len(sizes)) == 0, *given)
    hermitian = hermitian[sizes > np.maximum(SAME * largest, rounding)]
    scaled = hermitian / np.linalg.norm(hermitian, axis=(1, 2), keepdims=True)
    weights = np.random.default_rng(0).uniform(0.5, 1.5, len(scaled))
    values, vectors = np.linalg.eigh(np.einsum("k,kab->ab", weights, scaled) + np.zeros((D, D)))
    blocks = np.cumsum(np.diff(values, prepend=values[0]) > SAME * max(1.0, np.ptp(values)))
    rows, columns = np.nonzero(blocks[:, None] == blocks)
    check(
        len(rows) <= MAX_UNKNOWNS,
        f"Argument `H` and the jump operators must have at most {MAX_UNKNOWNS:,} operators that commute with a sum of "
        f"them, but have {len(rows):,}: the system is too large for so much symmetry.",
    )
    turned = vectors.conj().T @ scaled @ vectors
    kernel = _commuting(turned, rows, columns, D)
    check(
        len(kernel) * D * D <= MAX_ENTRIES,
        f"A system of dimension {D} must have at most {MAX_ENTRIES // D**2:,} strong symmetries to hold them, but has "
        f"{len(kernel):,}.",
    )
    operators = np.zeros((len(kernel), D, D), dtype=complex)
    operators[:, rows, columns] = kernel
    operators = vectors @ operators @ vectors.conj().T
    basis = _hermitian_basis(operators, D)
    commutators = scaled[:, None] @ basis - basis @ scaled[:, None]
    residual = float(np.linalg.norm(commutators, axis=(-2, -1)).max(initial=0.0))
    return Symmetries(basis, residual)


def _commuting(turned: np.ndarray, rows: np.ndarray, columns: np.ndarray, D: int) -> np.ndarray:
    """Return a basis (S, U) of the numbers X[rows, columns] for which X commutes with all matrices (k, D, D)."""
    gram = np.zeros((len(rows), len(rows)), dtype=complex)
    for B in turned:
        # [B, E_rc] = B_.r at column c - B_c. at row r; products of two such commutators
        square = B @ B
        same_column = columns[:, None] == columns
        same_row = rows[:, None] == rows
        gram += (
            square[np.ix_(rows, rows)] * same_column + square[np.ix_(columns, columns)].T * same_row
        )
        gram -= 2 * B[np.ix_(rows, rows)] * B[np.ix_(columns, columns)].T
    values, vectors = np.linalg.eigh((gram + gram.conj().T) / 2)
    # norms of commutators are the square roots
    return vectors[:, values <= (SAME * 10) ** 2 + 1e-13 * max(1.0, values[-1])].T


def _hermitian_basis(operators: np.ndarray, D: int) -> np.ndarray:
    """Return an orthonormal basis of Hermitian operators of the span of operators and their adjoints, the identity
    first."""
    parts = np.concatenate(
        [
            operators + operators.conj().swapaxes(1, 2),
            1j * operators - 1j * operators.conj().swapaxes(1, 2),
        ]
    )
    identity = np.eye(D) / np.sqrt(D)
    rest = parts - np.einsum("kaa->k", parts)[:, None, None] / D * np.eye(D)
    flat = (rest.real + rest.imag).reshape(len(rest), -1)
    _, sizes, right = np.linalg.svd(flat, full_matrices=False)
    M = right[sizes > 1e-8].reshape(-1, D, D)
    transposed = M.swapaxes(1, 2)
    return np.concatenate([identity[None] + 0j, (M + transposed) / 2 + 1j * (M - transposed) / 2])


@dataclass(frozen=True, eq=False)
class ConservedQuantities:
    """Observables whose mean is constant in every state.

    Attributes:
        operators: orthonormal Hermitian basis, (C, D, D), the first of which is 1 / sqrt(D).
        residual: largest Hilbert-Schmidt norm of L^+ applied to one of them.
    """

    operators: np.ndarray
    residual: float

    @property
    def count(self) -> int:
        """Number of independent conserved quantities beside the identity: of steady states, beside one."""
        return len(self.operators) - 1


def conserved_quantities(
    H: np.ndarray | Tensor, jumps: np.ndarray | Tensor, modes: Modes
) -> ConservedQuantities:
    """Return the kernel of the adjoint generator.

    Args:
        H: Hamiltonian (D, D). jumps: jump operators (K, D, D).
        modes: of the generator on traceless operators, `find_modes(real_generator(H, jumps))`.

    Raises:
        InvalidInput: when D is 1 or too large.
    """
    generator = decomposition.dense_traceless(H, jumps)
    D = generator.dims[0]
    check_dimension(D)
    size = float(np.abs(modes.values).max(initial=0.0))
    chosen = np.abs(modes.values) <= SAME * max(size, 1e-300)
    identity = (np.eye(D) / np.sqrt(D) + 0j)[None]
    if not chosen.any():
        return ConservedQuantities(identity, 0.0)
    left = modes.left[:, chosen]
    spanned, _, _ = np.linalg.svd(
        np.concatenate([left.real, left.imag], axis=1), full_matrices=False
    )
    traceless = to_operators(np.ascontiguousarray(spanned[:, : int(chosen.sum())].T))
    # l^+ (L X) = 0 for traceless X leaves L^+ l a multiple of the identity, and that is zero by Tr[rho_ss L^+ l] = 0
    rest = lindblad.act(generator, torch.from_numpy(traceless), "observables").numpy()
    residual = float(np.linalg.norm(rest, axis=(1, 2)).max())
    return ConservedQuantities(np.concatenate([identity, traceless]), residual)
