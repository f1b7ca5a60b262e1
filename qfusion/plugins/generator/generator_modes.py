"""Modes of a generator: eigenvalues, right and left eigenvectors, condition numbers, and parts of operators in bands.

    L r_k = lambda_k r_k,    l_k^+ L = lambda_k l_k^+,    l_j^+ r_k = delta_jk,
    exp(t L) X = sum_k e^(lambda_k t) r_k (l_k^+ X)

(biorthogonal expansion; Trefethen and Embree 2005, Spectra and Pseudospectra, chapter 52). -Re lambda_k is the decay
rate of a mode. The condition number of an eigenvalue is the norm of its spectral projector, |l| |r| / |l^+ r| for a
simple one (Wilkinson 1965): 1 in a normal matrix, and infinite where eigenvectors are missing.

Eigenvalues that coincide within what rounding does to them share a spectral projector. So exact degeneracies, whose
eigenvectors are a choice, give numbers that are none, and a defective eigenvalue is recognised by its missing
eigenvectors, not by a large number.
"""

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from qfusion._checks import check, require_finite

EPS = float(np.finfo(np.float64).eps)
LOOSE = 10.0  # factor on estimates of rounding errors


@dataclass(frozen=True, eq=False)
class Modes:
    """Modes of a matrix (n, n), the slowest first: eigenvalues of largest real part.

    Attributes:
        values: eigenvalues (n,), complex.
        right, left: eigenvectors as columns, (n, n). Those of a simple eigenvalue obey l^+ r = 1; for several equal
            ones they span the right and the left invariant subspace.
        groups: number of the distinct eigenvalue that each belongs to, (n,).
        condition: condition number of that eigenvalue, (n,), at least 1; infinite where it is defective.
    """

    values: np.ndarray
    right: np.ndarray
    left: np.ndarray
    groups: np.ndarray
    condition: np.ndarray

    @property
    def rates(self) -> np.ndarray:
        """Decay rates, -Re of the eigenvalues, ascending, (n,)."""
        return -self.values.real

    @property
    def is_defective(self) -> np.ndarray:
        """Whether eigenvectors are missing of each eigenvalue, (n,)."""
        return np.isinf(self.condition)

    def overlaps(self, X: np.ndarray) -> np.ndarray:
        """Return c_k = l_k^+ X of vectors X (n, ...) with every mode, (n, ...). If its eigenvalue is simple, the part
        of X in a mode is c_k r_k, and c_k e^(lambda_k t) r_k at time t.
        """
        return self.left.conj().T @ X

    def project(self, X: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Return the parts of vectors X (n, ...) in the invariant subspace of chosen modes, by their spectral
        projector.

        Args:
            X: vectors as columns. chosen: which modes, (n,), bool; either all or none of equal eigenvalues.

        Raises:
            InvalidInput: when equal eigenvalues are chosen apart.
        """
        apart = set(self.groups[chosen]) & set(self.groups[~chosen])
        check(
            not apart,
            "Argument `chosen` must hold all or none of equal eigenvalues, but divides "
            f"{len(apart)} of them. Use the numbers in `groups`.",
        )
        right, left = self.right[:, chosen], self.left[:, chosen]
        if right.shape[1] == 0:
            return np.zeros_like(X, dtype=np.result_type(X, float))
        numbers = left.conj().T @ X
        group = self.groups[chosen]
        for several in np.flatnonzero(np.bincount(group) > 1):
            same = group == several
            metric = left[:, same].conj().T @ right[:, same]
            numbers[same] = np.linalg.solve(metric, numbers[same])
        parts = right @ numbers
        return parts.real if _is_closed(self.values[chosen]) and np.isrealobj(X) else parts


def find_modes(A: np.ndarray) -> Modes:
    """Return the modes of a real or complex matrix (n, n).

    Raises:
        InvalidInput: when it is not square or not finite.
    """
    check_matrix(A)
    values, left, right = (X.astype(complex) for X in scipy.linalg.eig(A, left=True, right=True))
    # the slowest first; of a pair, the one of positive frequency
    order = np.lexsort((-values.imag, np.abs(values.imag), -values.real))
    values, left, right = values[order], left[:, order], right[:, order]
    overlaps = (left.conj() * right).sum(0)
    with np.errstate(divide="ignore"):
        condition = np.maximum(1 / np.abs(overlaps), 1.0)
    groups = _group_equal(values, condition, _frobenius(A))
    simple = np.bincount(groups)[groups] == 1
    left[:, simple] = left[:, simple] / overlaps[simple].conj()
    several = np.flatnonzero(np.bincount(groups) > 1)
    if len(several):
        forms = _complex_schur(A), _complex_schur(A.conj().T)
        for group in several:
            places = np.flatnonzero(groups == group)
            _replace_group(A, forms, places, values, right, left, condition)
    return Modes(values, right, left, groups, condition)


def check_matrix(A: np.ndarray) -> None:
    """Raise InvalidInput unless A is a square matrix of finite numbers."""
    check(
        A.ndim == 2 and A.shape[0] == A.shape[1] > 0,
        f"Argument `A` must have shape (n, n), but has shape {A.shape}. Give one square matrix.",
    )
    require_finite("A", A)


def _frobenius(A: np.ndarray) -> float:
    return float(np.linalg.norm(A))


def _is_closed(values: np.ndarray) -> bool:
    """Whether complex eigenvalues come with their conjugates, so that their projector is real."""
    return abs(float(values.imag.sum())) <= 1e-9 * max(1.0, float(np.abs(values.imag).sum()))


def _group_equal(values: np.ndarray, condition: np.ndarray, norm: float) -> np.ndarray:
    """Return the numbers of distinct eigenvalues (n,): two are the same where the discs overlap in which rounding
    leaves them, of radius `LOOSE` eps |A| times their condition number."""
    radius = LOOSE * EPS * norm * np.minimum(condition, 1 / EPS)
    groups = np.full(len(values), -1)
    count = 0
    for k in range(len(values)):
        if groups[k] >= 0:
            continue
        groups[k], reached = count, [k]
        while reached:
            j = reached.pop()
            near = np.abs(values - values[j]) <= radius + radius[j]
            fresh = np.flatnonzero(near & (groups < 0))
            groups[fresh] = count
            reached.extend(fresh.tolist())
        count += 1
    return groups


def _complex_schur(A: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return T and Q of A = Q T Q^+, T upper triangular."""
    T, Q = scipy.linalg.schur(A.astype(complex), output="complex")
    return T, Q


def _replace_group(
    A: np.ndarray,
    forms: tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]],
    places: np.ndarray,
    values: np.ndarray,
    right: np.ndarray,
    left: np.ndarray,
    condition: np.ndarray,
) -> None:
    """Replace the eigenvectors of equal eigenvalues by orthonormal bases of their invariant subspaces, and their
    condition numbers by the norm of the spectral projector, or infinity where eigenvectors are missing.

    Args:
        forms: Schur forms of A and of its adjoint.
    """
    m = len(places)
    centre = values[places].mean()
    right_basis = _invariant_basis(*forms[0], centre, m)
    left_basis = _invariant_basis(*forms[1], centre.conj(), m)
    right[:, places], left[:, places] = right_basis, left_basis
    block = right_basis.conj().T @ A @ right_basis
    # without a missing eigenvector the block is a multiple of the identity, up to rounding
    projector = 1 / np.linalg.svd(left_basis.conj().T @ right_basis, compute_uv=False)[-1]
    rest = np.linalg.norm(block - np.trace(block) / m * np.eye(m))
    spread = np.abs(values[places] - centre).max()
    missing = rest > 1e3 * EPS * len(A) * _frobenius(A) * projector and rest > LOOSE * spread
    condition[places] = np.inf if missing else projector
    if missing:
        mean = np.trace(block) / m
        # a real matrix has a real one, unless its conjugate is another eigenvalue
        is_real = np.isrealobj(A) and abs(mean.imag) <= np.sqrt(EPS) * _frobenius(A)
        values[places] = mean.real if is_real else mean


def _invariant_basis(T: np.ndarray, Q: np.ndarray, centre: complex, m: int) -> np.ndarray:
    """Return an orthonormal basis (n, m) of the invariant subspace of the m eigenvalues nearest to a point, from a
    Schur form A = Q T Q^+, which is reordered."""
    chosen = np.zeros(len(T), dtype=np.int32)
    chosen[np.argsort(np.abs(np.diagonal(T) - centre), kind="stable")[:m]] = 1
    _, basis, *_, failed = scipy.linalg.lapack.ztrsen(chosen, T, Q, job=b"N")
    check(
        failed == 0,
        f"Equal eigenvalues near {centre:.6g} could not be set apart from others, which are too near.",
    )
    return basis[:, :m]
