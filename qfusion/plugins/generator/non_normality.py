"""How far a generator is from normal, and what that does: numbers beyond its eigenvalues.

Modes of a normal matrix are orthogonal, and each decays at its own rate. Otherwise deviations can grow before they
decay, and eigenvalues say little of times that are not long. All norms are those of Hilbert and Schmidt: the trace norm
of a difference of states never grows (Ruskai 1994), but this norm can.

    Henrici's departure        |N|_F, N the strictly upper part of the Schur form (Henrici 1962)
    numerical abscissa         max eigenvalue of (A + A^+) / 2 = d/dt |exp(tA)| at t = 0 (Trefethen and Embree 2005)
    pseudospectrum             where |(z - A)^-1| > 1 / epsilon
    Kreiss constant            K = sup_(Re z > 0) Re z |(z - A)^-1|,   K <= sup_t |exp(tA)| <= e n K (Kreiss 1962)
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import scipy.optimize
import scipy.sparse.linalg
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.plugins.generator import real_generators
from qfusion.plugins.generator.generator_modes import check_matrix
from qfusion.quantum import decomposition, lindblad
from qfusion.quantum.states import check_times

DENSE = 48  # largest side of a matrix whose singular values are all computed: beyond it, iteration is faster
MANY = 400  # largest side of a Hermitian matrix whose largest eigenvalue is not found by iteration
ITERATIONS = 300  # of Lanczos, at most; it has converged after ten or twenty


@dataclass(frozen=True, eq=False)
class SchurForm:
    """Schur form T of a matrix A = Q T Q^+, from which resolvents follow at the cost of triangular solutions.

    Attributes:
        T: upper triangular, complex (n, n).
    """

    T: np.ndarray

    @property
    def values(self) -> np.ndarray:
        """Eigenvalues (n,)."""
        return np.diagonal(self.T)

    @property
    def departure(self) -> float:
        """Henrici's departure from normality, |N|_F with N the strictly upper part of T."""
        return float(np.linalg.norm(np.triu(self.T, 1)))

    def resolvent_norm(self, z: complex) -> float:
        """Return |(z - A)^-1|, the largest singular value; infinite at an eigenvalue."""
        return resolvent_norm(self.T, z)


def schur_form(A: np.ndarray) -> SchurForm:
    """Return the Schur form of a matrix (n, n), real or complex.

    Raises:
        InvalidInput: when it is not square or not finite.
    """
    check_matrix(A)
    if np.iscomplexobj(A):
        return SchurForm(scipy.linalg.schur(A, output="complex")[0])
    T, Q = scipy.linalg.schur(A, output="real")
    return SchurForm(scipy.linalg.rsf2csf(T, Q)[0])


def resolvent_norm(T: np.ndarray, z: complex) -> float:
    """Return |(z - T)^-1| of an upper triangular T (n, n); infinite at an eigenvalue.

    Of large ones by Lanczos iteration on the inverse (Trefethen 1999, Acta Numerica 8, 247), to 1e-10.
    """
    shifted = -T.astype(complex)
    np.fill_diagonal(shifted, z + np.diagonal(shifted))
    if np.any(np.diagonal(shifted) == 0):
        return math.inf
    n = len(T)
    if n <= DENSE:
        smallest = np.linalg.svd(shifted, compute_uv=False)[-1]
        return 1 / float(smallest) if smallest > 0 else math.inf
    solve = scipy.linalg.get_blas_funcs("trsv", (shifted,))
    shifted = np.asfortranarray(shifted)

    def apply(x: np.ndarray) -> np.ndarray:
        y = solve(shifted, x, trans=2)  # of the adjoint
        return solve(shifted, y)

    return math.sqrt(_largest_eigenvalue(apply, n, complex))


def _largest_eigenvalue(apply: Callable[[np.ndarray], np.ndarray], n: int, dtype: type) -> float:
    """Return the largest eigenvalue of a positive operator."""
    operator = scipy.sparse.linalg.LinearOperator((n, n), apply, dtype=dtype)
    start: np.ndarray = np.random.default_rng(0).standard_normal(n).astype(dtype)
    for tolerance, vectors in ((1e-10, 20), (1e-6, 80)):
        try:
            values = scipy.sparse.linalg.eigsh(
                operator,
                k=1,
                which="LA",
                v0=start,
                tol=tolerance,
                ncv=min(vectors, n),
                maxiter=ITERATIONS,
                return_eigenvectors=False,
            )
        except scipy.sparse.linalg.ArpackNoConvergence:
            continue  # many eigenvalues next to the largest, as of a normal matrix
        return max(float(values[0]), 0.0)
    unit: np.ndarray = np.eye(n, dtype=dtype)
    whole = np.stack([apply(e) for e in unit], axis=1)
    return max(float(np.linalg.eigvalsh((whole + whole.conj().T) / 2)[-1]), 0.0)


def numerical_abscissa(A: np.ndarray) -> float:
    """Return the largest eigenvalue of (A + A^+) / 2: the rate at which the norm of exp(tA) can grow at t = 0."""
    return _support(A, 0.0)[0]


def numerical_range(A: np.ndarray, count: int = 64) -> np.ndarray:
    """Return so many points of the boundary of {x^+ A x : |x| = 1}, which is convex and contains all eigenvalues,
    (count,) complex (Johnson 1978). The polygon of these points lies within it; see `enclose`."""
    check(count >= 3, f"Argument `count` must be at least 3, but is {count}.")
    points = []
    for angle in np.linspace(0, 2 * np.pi, count, endpoint=False):
        _, x = _support(A, angle)
        points.append(x.conj() @ (A @ x))
    return np.array(points)


def enclose(boundary: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the corners (K,) of the smallest convex polygon around points of the boundary of a numerical range, (B,),
    and eigenvalues (n,), counterclockwise. It lies within the numerical range, and has the corners of a normal matrix,
    which are eigenvalues that the boundary points may miss."""
    points = np.unique(
        np.concatenate([boundary, values])
    )  # by their real parts, then by their imaginary ones
    lower = _half_hull(points)
    upper = _half_hull(points[::-1])
    return np.array([*lower[:-1], *upper[:-1]] if len(points) > 1 else points)


def _half_hull(points: np.ndarray) -> list[complex]:
    """Return the corners of the lower half of the convex hull of sorted points (Andrew 1979)."""
    corners: list[complex] = []
    for point in points.tolist():
        while len(corners) > 1 and _turn(corners[-2], corners[-1], point) <= 0:
            corners.pop()
        corners.append(point)
    return corners


def _turn(a: complex, b: complex, c: complex) -> float:
    """Return twice the area of a triangle, positive where it turns left."""
    return ((b - a).conjugate() * (c - a)).imag


def _support(A: np.ndarray, angle: float) -> tuple[float, np.ndarray]:
    """Return the largest eigenvalue of the Hermitian part of e^(-i angle) A, and its eigenvector."""
    check_matrix(A)
    rotated = A if angle == 0 else np.exp(-1j * angle) * A
    part = (rotated + rotated.conj().T) / 2
    n = len(A)
    if n <= MANY:
        values, vectors = scipy.linalg.eigh(part, subset_by_index=[n - 1, n - 1])
    else:
        start: np.ndarray = np.random.default_rng(0).standard_normal(n).astype(part.dtype)
        try:
            values, vectors = scipy.sparse.linalg.eigsh(part, k=1, which="LA", v0=start, tol=1e-12)
        except scipy.sparse.linalg.ArpackError:  # no convergence, or nothing but zero
            values, vectors = scipy.linalg.eigh(part, subset_by_index=[n - 1, n - 1])
    return float(values[0]), vectors[:, 0]


def pseudospectrum(form: SchurForm, real: Sequence[float], imag: Sequence[float]) -> np.ndarray:
    """Return |(z - A)^-1| on a grid of z = x + i y, (number of y, number of x); infinite at eigenvalues."""
    return np.array([[form.resolvent_norm(complex(x, y)) for x in real] for y in imag])


def stability_radius(form: SchurForm, steps: int = 12, is_real: bool = True) -> float:
    """Return the norm of the smallest perturbation by which a mode no longer decays, min_y sigma_min(iy - A): the
    epsilon whose pseudospectrum touches the imaginary axis (Van Loan 1985). In a normal matrix it is the
    gap, else less.

    The perturbation may be any complex matrix, in the spectral norm. The difference to another Lindblad generator may
    have to be larger. The minimum is searched beside the imaginary parts of so many of the slowest eigenvalues, and
    refined: it is a bound from above.
    """
    slow = form.values[np.argsort(-form.values.real)[:steps]]
    starts = np.unique(np.append(np.abs(slow.imag) if is_real else slow.imag, 0.0))

    def size(y: float) -> float:
        norm = form.resolvent_norm(complex(0.0, y))
        return 0.0 if math.isinf(norm) else 1 / norm

    sizes = [size(y) for y in starts]
    best = int(np.argmin(sizes))
    width = max(abs(float(slow.real.max())), 1e-12 * float(np.abs(form.T).max()), 1e-300)
    refined = scipy.optimize.minimize_scalar(
        size,
        bounds=(starts[best] - width, starts[best] + width),
        method="bounded",
        options={"xatol": 1e-4 * width, "maxiter": 20},
    )
    return min(float(refined.fun), sizes[best])


@dataclass(frozen=True)
class Kreiss:
    """Kreiss constant of a matrix whose eigenvalues have no positive real part.

    Attributes:
        constant: K, at least 1. at: the z that attains it; None where it is the limit at infinity, K = 1.
        side: n, of the matrix.
    """

    constant: float
    at: complex | None
    side: int

    @property
    def upper(self) -> float:
        """Bound from above of |exp(tA)| at all times, e n K; `constant` itself is one of its supremum from below."""
        return math.e * self.side * self.constant


def kreiss_constant(
    form: SchurForm, *, real_steps: int = 7, imag_steps: int = 5, is_real: bool = True
) -> Kreiss:
    """Return the Kreiss constant: the largest value on a grid, refined by a simplex search (Nelder and Mead 1965).

    The search is local. A higher peak between grid points can be missed, so that the result is a bound from below.

    Args:
        form: of a matrix whose eigenvalues have no positive real part.
        real_steps: of Re z, logarithmic, from a thousandth of the norm to the norm. imag_steps: of Im z.
        is_real: whether the matrix is real, so that half of the plane suffices.

    Raises:
        InvalidInput: when an eigenvalue has a positive real part.
    """
    top = float(form.values.real.max())
    scale = max(float(np.abs(form.T).max()), float(np.abs(form.values).max()), 1e-300)
    check(
        top <= 1e-9 * scale,
        f"The matrix must have no eigenvalue of positive real part, but has one of {top:.3g}.",
    )
    if not form.T.any():
        return Kreiss(1.0, None, len(form.T))
    size = float(np.linalg.norm(form.T, 2)) if len(form.T) <= DENSE else scale * 2
    reach = float(np.abs(form.values.imag).max())
    lowest = 0.0 if is_real else -reach

    def value(x: np.ndarray) -> float:
        sigma = math.exp(min(x[0], 50.0))
        return sigma * form.resolvent_norm(complex(sigma, x[1]))

    log_sizes = np.linspace(math.log(1e-3 * size), math.log(size), real_steps)
    imaginary = np.unique(np.append(np.linspace(lowest, reach, imag_steps), 0.0))
    grid = []
    for s in log_sizes:
        for y in imaginary:
            grid.append((value(np.array([s, y])), s, y))
    best, s, y = max(grid)
    spread = math.log(1e3) / real_steps, max(reach / imag_steps, 1e-3 * size)
    simplex = [[s, y], [s + spread[0] / 2, y], [s, y + spread[1] / 2]]
    options = {"initial_simplex": simplex, "xatol": 1e-4, "fatol": 1e-7, "maxfev": 40}
    found_peak = scipy.optimize.minimize(
        lambda x: -value(x), [s, y], method="Nelder-Mead", options=options
    )
    if -found_peak.fun > best:
        best, (s, y) = -float(found_peak.fun), found_peak.x
    if best <= 1 + 1e-9:  # the limit of large z
        return Kreiss(1.0, None, len(form.T))
    return Kreiss(best, complex(math.exp(s), y), len(form.T))


def propagator_norms(
    H: np.ndarray | Tensor, jumps: np.ndarray | Tensor, times: Sequence[float]
) -> np.ndarray:
    """Return |exp(tL)| on traceless operators at every time, (nT,): how much the Hilbert-Schmidt distance of two states
    can grow at most. By Lanczos iteration on exp(tL^+) exp(tL), to 1e-10.

    Args:
        H: Hamiltonian (D, D). jumps: jump operators (K, D, D). times: ascending, not negative.

    Raises:
        InvalidInput: when operators or times do not fit, or D is 1.
    """
    generator = decomposition.dense_traceless(H, jumps)
    D = generator.dims[0]
    check(
        D > 1,
        "Argument `H` must have side 2 at least, but has 1. Such a system has a single state.",
    )
    norms = []
    for t in check_times(times):
        norms.append(1.0 if t == 0 else _propagator_norm(generator, t, D))
    return np.array(norms)


def _propagator_norm(generator: lindblad.Generator, t: float, D: int) -> float:
    n = D * D - 1

    def apply(v: np.ndarray) -> np.ndarray:
        X = np.ascontiguousarray(real_generators.to_operators(v.ravel()))
        later = lindblad.evolve(generator, torch.from_numpy(X), [t], "states")[0]
        back = lindblad.evolve(generator, later, [t], "observables")[0].numpy()
        # rounding; the trace is left out
        return real_generators.to_coordinates((back + back.conj().T) / 2)

    if n <= DENSE:
        columns = np.stack([apply(e) for e in np.eye(n)], axis=1)
        return math.sqrt(max(float(np.linalg.eigvalsh((columns + columns.T) / 2)[-1]), 0.0))
    return math.sqrt(_largest_eigenvalue(apply, n, float))
