"""A Lindblad generator as a real matrix on traceless Hermitian operators.

A Hermitian X is stored as the real matrix Re X + Im X. Symmetric and antisymmetric matrices are orthogonal, so this
keeps the Hilbert-Schmidt product: Tr[X Y] is the scalar product of the numbers. A generator maps every operator to a
traceless one. Its matrix on traceless operators, of side D^2 - 1, therefore has all eigenvalues of the generator but
one zero, and differences of two states are what it acts on. It is real, so that complex eigenvalues come in pairs and
dense algebra costs a quarter of that on complex matrices.
"""

import math

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, require_finite
from qfusion.quantum import decomposition, lindblad
from qfusion.quantum.generators import superoperator

MAX_DIMENSION = (
    64  # largest D: its matrix has 4,095 rows, 134 MB, and takes two minutes to diagonalise
)

ROUNDING = 1e-14  # entry of the matrix relative to those of the operators, below which it is none


def real_generator(
    H: np.ndarray | Tensor, jumps: np.ndarray | Tensor, picture: str = "states"
) -> np.ndarray:
    """Return the matrix (D^2 - 1, D^2 - 1) of a Lindblad generator on traceless Hermitian operators.

    Args:
        H: Hamiltonian (D, D). jumps: jump operators (K, D, D), with any trace.
        picture: "states"; "observables" gives the transposed matrix, except that these may have a trace.

    Raises:
        InvalidInput: when the operators do not fit, or D is 1 or above `MAX_DIMENSION`.
    """
    term = decomposition.dense_traceless(H, jumps).terms[0]
    D = len(term.H)
    check_dimension(D)
    _, G, L = lindblad.form(term, picture)
    whole = superoperator(G, L)
    # the matrix on Re X + Im X, see `generators.LiouvillianMatrix`
    matrix = (whole.real + whole.imag.reshape(-1, D, D).mT.flatten(1)).numpy()
    u = _reflection(D)
    matrix = matrix - 2 * np.outer(u, u @ matrix)
    matrix = matrix - 2 * np.outer(matrix @ u, u)
    # multiples of the identity in H and L_k do nothing, and leave rounding
    given = max(_largest(H), _largest(jumps) ** 2)
    if np.abs(matrix).max() <= ROUNDING * D * given:
        return np.zeros((D * D - 1, D * D - 1))
    return np.ascontiguousarray(matrix[1:, 1:])


def _largest(X: np.ndarray | Tensor) -> float:
    return float(np.abs(torch.as_tensor(X).detach().numpy()).max(initial=0.0))


def check_dimension(D: int) -> None:
    """Raise InvalidInput unless a system of dimension D has a generator that can be diagonalised."""
    check(
        1 < D <= MAX_DIMENSION,
        f"The generator must act on a system of dimension 2 to {MAX_DIMENSION} to be diagonalised (its matrix has D^4 "
        f"entries), but the dimension is {D}. "
        + (
            "A system of dimension 1 has a single state."
            if D == 1
            else "Read its steady state, gap and contraction instead: `simulate.attractor`, `simulate.contraction`."
        ),
    )


def to_coordinates(X: np.ndarray | Tensor) -> np.ndarray:
    """Return the coordinates (..., D^2 - 1) of Hermitian operators (..., D, D), of which the trace is left out.

    Raises:
        InvalidInput: when the operators are not square, not finite or not Hermitian.
    """
    operators = np.asarray(X)
    check(
        operators.ndim >= 2 and operators.shape[-1] == operators.shape[-2],
        f"Argument `X` must have shape (..., D, D), but has shape {operators.shape}.",
    )
    require_finite("X", operators)
    skew = np.abs(operators - operators.conj().swapaxes(-1, -2)).max(initial=0.0)
    check(
        bool(skew <= 1e-8 * max(1.0, np.abs(operators).max(initial=0.0))),
        f"Argument `X` must be Hermitian, but differs from its adjoint by {skew:.2g}. Use (X + X^+) / 2.",
    )
    flat = (operators.real + operators.imag).reshape(*operators.shape[:-2], -1)
    u = _reflection(operators.shape[-1])
    return (flat - 2 * (flat @ u)[..., None] * u)[..., 1:]


def to_operators(v: np.ndarray) -> np.ndarray:
    """Return the traceless operators (..., D, D) of coordinates (..., D^2 - 1). Those of complex coordinates, such as
    eigenvectors of complex eigenvalues, are X + i Y with Hermitian X and Y.

    Raises:
        InvalidInput: when there is no D with so many coordinates.
    """
    D = math.isqrt(np.shape(v)[-1] + 1)
    check(
        np.shape(v)[-1] == D * D - 1,
        f"Argument `v` must have D^2 - 1 coordinates, but has {np.shape(v)[-1]}.",
    )
    u = _reflection(D)
    flat = np.concatenate([np.zeros_like(v[..., :1]), v], axis=-1)
    M = (flat - 2 * (flat @ u)[..., None] * u).reshape(*v.shape[:-1], D, D)
    transposed = M.swapaxes(-1, -2)
    return (M + transposed) / 2 + 1j * (M - transposed) / 2


def _reflection(D: int) -> np.ndarray:
    """Return the unit vector u (D^2,) whose Householder reflection 1 - 2 u u^T maps the identity, normalised, to the
    first coordinate. For D = 1 it is zero."""
    u = (np.eye(D) / math.sqrt(D)).ravel()
    u[0] -= 1
    size = np.linalg.norm(u)
    return u / size if size > 0 else u
