"""Where the dynamics ends: the steady state, how fast it is reached, and how far a sample is from it over time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch
from scipy.linalg.lapack import ztrsyl
from torch import Tensor

from qfusion._checks import check, require_finite
from qfusion.quantum.lindblad import System
from qfusion.track.states import array, dimension, single_threaded

# A decay slower than this part of the mean jump rate cannot be told from none.
_NO_DECAY = 1e-6
_DENSE = 16  # largest D whose generator is diagonalised, in 40 ms
_POLES = 2  # frequencies beside zero near which a slow deviation is looked for
_CONVERGED = 8  # eigenvalues near a pole among which the slowest is taken
_ILL_CONDITIONED = 1e6


@dataclass(frozen=True)
class Attractor:
    """The long-time end of the dynamics.

    Attributes:
        steady: stationary state (D, D); None when nothing dissipates.
        residual: largest |entry| of the generator applied to it, in units of energy: zero for an exact steady state.
        gap: smallest decay rate of any deviation from it, -max Re of the generator's other eigenvalues: what holds in
            the long run. How fast states become alike within T is measured by `contraction`.
        gap_error: how far it may be off, from the residual of its eigenvector.
        unique: whether every start ends there.
        distance: trace distance of the given states to it, (nT,); None when there is nothing to measure.
        note: the same in a sentence, for a reader.
    """

    steady: np.ndarray | None
    residual: float
    gap: float
    gap_error: float
    unique: bool
    distance: np.ndarray | None
    note: str


@single_threaded
def attractor(system: System, rho: Tensor | np.ndarray | None = None) -> Attractor:
    """Returns the steady state of `system`, the gap, and the distance of the states `rho` to it.

    Args:
        system: the trained physics.
        rho: states (nT, D, D), as in `track(...).rho`, or one (D, D).

    Raises:
        InvalidInput: when `rho` is not finite or of the wrong shape.
    """
    D = dimension(system)
    states = None if rho is None else _checked_states(rho, D)
    H, jumps = centred(system)
    rate = float((jumps.abs() ** 2).sum()) / D
    if rate <= (1e-12 * max(1.0, float(H.abs().max()))) ** 2:
        return Attractor(
            None,
            0.0,
            0.0,
            0.0,
            False,
            None,
            "Nothing dissipates: the evolution is unitary, never settles, and has no unique steady state.",
        )
    steady, residual = _steady_state(H.numpy(), jumps.numpy(), rate)
    gap, error = _gap(H.numpy(), jumps.numpy(), steady, rate)
    unique = gap > _NO_DECAY * rate
    if not unique:
        note = (
            "Some deviations never decay: there are several steady states, and the one shown is one of them. "
            "Where a sample ends depends on where it starts."
        )
        return Attractor(steady, residual, 0.0, error, False, None, note)
    distance = None if states is None else _trace_distance(states, steady)
    note = (
        f"Every start ends in one steady state. In the long run deviations decay at rate {gap:.3g}, "
        "the spectral gap."
    )
    return Attractor(steady, residual, gap, error, True, distance, note)


def _checked_states(rho: Tensor | np.ndarray, D: int) -> np.ndarray:
    states = array(rho)
    states = states[None] if states.ndim == 2 else states
    check(
        states.ndim == 3 and states.shape[1:] == (D, D),
        f"Argument `rho` must have shape (nT, {D}, {D}), but has shape {array(rho).shape}. Give `track(...).rho`.",
    )
    require_finite("rho", states)
    return states


def _trace_distance(states: np.ndarray, steady: np.ndarray) -> np.ndarray:
    return np.abs(np.linalg.eigvalsh(states - steady)).sum(-1) / 2


def centred(system: System) -> tuple[Tensor, Tensor]:
    """Returns H and traceless jumps of the same generator: L -> L - c, H -> H - (c* L - c L^+) / 2i, c = Tr L / D.

    What is left of L does something; the multiple of the identity in it jumps without effect (Breuer and Petruccione
    2002, eq. 3.73), and would only slow the iterations below.
    """
    H, jumps = system.H, system.jumps
    if not len(jumps):
        return H, jumps
    c = torch.diagonal(jumps, dim1=-2, dim2=-1).mean(-1)[:, None, None]
    shift = ((c.conj() * jumps - c * jumps.mH) / 2j).sum(0)
    return H - shift, jumps - c * torch.eye(len(H), dtype=H.dtype)


def _steady_state(
    H: np.ndarray, jumps: np.ndarray, rate: float, steps: int = 200
) -> tuple[np.ndarray, float]:
    """Stationary state of the chain "drift until a jump, then jump", and the residual of the generator at it.

    With G = -iH - sum L^+ L / 2, A X = G X + X G^+ and J X = sum L X L^+, the steady state obeys X = -A^-1 J X. The
    number of steps depends on how many jumps it takes to forget the start and not on how slow they are, so a weakly
    damped system is as easy as a strongly damped one. An identity jump of rate s (A - s, J + s) leaves the generator as
    it is, makes A invertible when a dark state never jumps, and breaks cycles. The iterates are combined to the least
    residual (Anderson 1965).
    """
    D, s = len(H), 0.1 * rate
    G = -1j * H - 0.5 * np.einsum("kba,kbc->ac", jumps.conj(), jumps)
    T, Q = scipy.linalg.schur(G - s / 2 * np.eye(D), output="complex")

    def flow(X: np.ndarray) -> np.ndarray:
        return (jumps @ X @ jumps.conj().transpose(0, 2, 1)).sum(0)

    def next_state(JX: np.ndarray) -> np.ndarray:
        Y, scale, _ = ztrsyl(T, T, Q.conj().T @ JX @ Q, tranb="C")
        X = -(Q @ (Y / scale) @ Q.conj().T)
        X = (X + X.conj().T) / 2
        return X / np.trace(X).real

    X: np.ndarray = np.eye(D, dtype=np.complex128) / D
    best, least, stalled = X, math.inf, 0
    found: list[np.ndarray] = []
    residuals: list[np.ndarray] = []
    for _ in range(steps):
        GX = G @ X
        JX = flow(X)
        R = GX + GX.conj().T + JX
        size = float(np.abs(R).max())
        if size < least:
            best, least, stalled = X, size, 0
        else:
            stalled += 1
        if least <= 1e-15 * max(1.0, rate) or stalled >= 6:
            break
        found, residuals = [*found[-7:], X], [*residuals[-7:], R]
        X = next_state(flow(Y := _least(found, residuals)) + s * Y)
    return best, least


def _least(found: list[np.ndarray], residuals: list[np.ndarray]) -> np.ndarray:
    """The combination of `found`, weights adding to 1, whose combined residual is smallest."""
    R = np.stack([r.ravel() for r in residuals]).view(np.float64)
    differences = (R[:-1] - R[-1]).T
    weights = np.linalg.lstsq(differences, -R[-1], rcond=1e-12)[0] if len(R) > 1 else np.empty(0)
    return np.einsum("k,kab->ab", np.append(weights, 1 - weights.sum()), np.stack(found))


def _gap(H: np.ndarray, jumps: np.ndarray, steady: np.ndarray, rate: float) -> tuple[float, float]:
    """-max Re of the generator's eigenvalues on deviations from the steady state, and how far it may be off (the
    residual of its eigenvector).

    Small systems are diagonalised. Of larger ones, Arnoldi iteration on (generator - pole)^-1 finds the eigenvalues
    nearest to a pole. One pole stands at zero; others where, to first order in the dissipation (the secular
    approximation; Breuer and Petruccione 2002, section 3.3), a coherence would decay slowest, as the slowest deviation
    may oscillate. One that stands far from all poles can be missed: of 180 random systems of D from 12 to 20, two had a
    gap smaller by 1 %.
    """
    if len(H) <= _DENSE:
        rates = np.sort(-np.linalg.eigvals(_superoperator(H, jumps)).real)
        return max(float(rates[1]), 0.0), 0.0
    solver = _ShiftedGenerator(H, jumps, steady)
    value, error = solver.rightmost(0.01 * rate)
    coherences = solver.secular_coherences()
    for coherence in coherences[np.argsort(-coherences.real)[:_POLES]]:
        if (
            coherence.real > 2 * value.real and coherence.imag > 0.5 * rate
        ):  # slower ones the pole at zero has seen
            value, error = max(
                (value, error),
                solver.rightmost(0.01 * rate + 1j * coherence.imag),
                key=lambda found: found[0].real,
            )
    return max(-float(value.real), 0.0), error


class _ShiftedGenerator:
    """Solves (generator - pole) X = B on traceless X, D^3 a step.

    In the eigenbasis of the effective Hamiltonian, G = V diag(g) V^-1, the part without jumps, G X + X G^+, multiplies
    X_ij by g_i + g_j*. Its inverse preconditions GMRES (Saad and Schultz 1986), which then needs about a dozen steps.

    Args:
        H: Hamiltonian (D, D). jumps: traceless, (K, D, D). steady: the steady state (D, D).
    """

    def __init__(self, H: np.ndarray, jumps: np.ndarray, steady: np.ndarray) -> None:
        G = -1j * H - 0.5 * np.einsum("kba,kbc->ac", jumps.conj(), jumps)
        g, V = np.linalg.eig(G)
        if (
            np.linalg.cond(V) > _ILL_CONDITIONED
        ):  # near a defective G the basis of one beside it will do
            noise = np.random.default_rng(0).standard_normal((2, *G.shape))
            g, V = np.linalg.eig(G + 1e-4 * np.linalg.norm(G) / len(G) * (noise[0] + 1j * noise[1]))
        inverse = np.linalg.inv(V)
        self.D, self.drift = len(G), g[:, None] + g.conj()
        self.V, self.G = (
            V,
            inverse @ G @ V - np.diag(g),
        )  # what the basis leaves of G: nothing unless it is defective
        self.jumps = inverse @ jumps @ V
        self.jumps_adjoint = self.jumps.conj().transpose(0, 2, 1).reshape(-1, self.D)
        self.steady = inverse @ steady @ inverse.conj().T
        self.metric = (V.conj().T @ V).T
        self.exact = float(np.abs(self.G).max()) <= 1e-12 * float(np.abs(g).max())

    def secular_coherences(self) -> np.ndarray:
        """Eigenvalues of single coherences to first order, of nonnegative frequency, (D (D - 1) / 2,)."""
        kept = np.einsum("kaa->ka", self.jumps)
        values = (self.drift + kept.T @ kept.conj())[np.triu_indices(self.D, 1)]
        return values.real + 1j * np.abs(values.imag)

    def apply(self, X: np.ndarray) -> np.ndarray:
        """The generator on X."""
        K, D = self.jumps.shape[:2]
        jumped = (
            (self.jumps.reshape(K * D, D) @ X).reshape(K, D, D).transpose(1, 0, 2).reshape(D, K * D)
        )
        Y = self.drift * X + jumped @ self.jumps_adjoint
        return Y if self.exact else Y + self.G @ X + X @ self.G.conj().T

    def deviation(self, X: np.ndarray) -> np.ndarray:
        """X without its part along the steady state."""
        return X - (X * self.metric).sum() * self.steady

    def solve(
        self, B: np.ndarray, pole: complex, tolerance: float = 1e-6, steps: int = 120
    ) -> np.ndarray:
        """X of (generator - pole) X = B."""
        scale = 1 / (self.drift - pole)
        start = (scale * B).ravel()
        size = float(np.linalg.norm(start))
        basis, projected = (
            np.empty((steps + 1, start.size), dtype=complex),
            np.zeros((steps + 1, steps), dtype=complex),
        )
        basis[0] = start / size
        for k in range(steps):
            X = basis[k].reshape(self.D, self.D)
            projected[: k + 2, k], basis[k + 1] = _orthogonal(
                (scale * (self.apply(X) - pole * X)).ravel(), basis[: k + 1]
            )
            right = np.zeros(k + 2)
            right[0] = size
            weights = np.linalg.lstsq(projected[: k + 2, : k + 1], right, rcond=None)[0]
            if np.linalg.norm(projected[: k + 2, : k + 1] @ weights - right) <= tolerance * size:
                break
        return (weights @ basis[: k + 1]).reshape(self.D, self.D)

    def rightmost(
        self, pole: complex, steps: int = 30, tolerance: float = 1e-3
    ) -> tuple[complex, float]:
        """The eigenvalue of the largest real part among those near the pole that converge, and its residual."""
        noise = np.random.default_rng(1).standard_normal((2, self.D, self.D))
        start = self.deviation(self.solve(noise[0] + 1j * noise[1], pole)).ravel()
        basis, projected = (
            np.empty((steps + 1, start.size), dtype=complex),
            np.zeros((steps + 1, steps), dtype=complex),
        )
        basis[0] = start / np.linalg.norm(start)
        for k in range(steps):
            X = self.deviation(self.solve(basis[k].reshape(self.D, self.D), pole)).ravel()
            projected[: k + 2, k], basis[k + 1] = _orthogonal(X, basis[: k + 1])
            values, vectors = np.linalg.eig(projected[: k + 1, : k + 1])
            found = pole + 1 / values
            errors = np.abs(projected[k + 1, k] * vectors[k] / values) / np.abs(values)
            near = errors <= tolerance * np.abs(1 / values)
            if near.sum() >= _CONVERGED or k + 1 == steps:
                break
        near |= errors == errors.min()
        best = max(np.flatnonzero(near), key=lambda i: found[i].real)
        X = self.solve(
            (vectors[:, best] @ basis[: k + 1]).reshape(self.D, self.D), pole
        )  # once more, which refines it
        left = self.V @ (self.apply(X) - found[best] * X) @ self.V.conj().T
        return complex(found[best]), float(
            np.linalg.norm(left) / np.linalg.norm(self.V @ X @ self.V.conj().T)
        )


def _orthogonal(X: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The parts of X along the vectors of a basis and beside them, (k + 1,), and the unit vector beside them."""
    first = basis.conj() @ X
    X = X - first @ basis
    again = basis.conj() @ X
    X = X - again @ basis
    size = float(np.linalg.norm(X))
    return np.append(first + again, size), X / max(size, 1e-300)


def _superoperator(H: np.ndarray, jumps: np.ndarray) -> np.ndarray:
    """The generator on row-stacked operators, (D^2, D^2): A X B -> (A x B^T) vec X."""
    one = np.eye(len(H))
    G = -1j * H - 0.5 * np.einsum("kba,kbc->ac", jumps.conj(), jumps)
    return (
        np.kron(G, one)
        + np.kron(one, G.conj())
        + sum((np.kron(L, L.conj()) for L in jumps), np.zeros(()))
    )
