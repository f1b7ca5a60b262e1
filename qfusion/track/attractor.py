"""Where the dynamics ends: the steady state, how fast it is reached, and how far a sample is from it over time."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg
import torch
from scipy.linalg.lapack import ztrsyl
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigs
from torch import Tensor

from qfusion._checks import check, require_finite
from qfusion.errors import InvalidInput
from qfusion.quantum.lindblad import System, evolve_states
from qfusion.track.states import array, dimension, single_threaded

# A decay slower than this part of the mean jump rate cannot be told from none.
_NO_DECAY = 1e-6
_DENSE = 32  # largest D whose generator is diagonalised: a second, where the iteration takes up to ten


@dataclass(frozen=True)
class Attractor:
    """The long-time end of the dynamics.

    Attributes:
        steady: stationary state (D, D); None when nothing dissipates.
        residual: largest |entry| of the generator applied to it, in units of energy: zero for an exact steady state.
        gap: smallest decay rate of any deviation from it, -max Re of the generator's other eigenvalues; 1 / gap is the
            relaxation time.
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
    H, jumps = _centred(system)
    rate = float((jumps.abs() ** 2).sum()) / D
    if rate <= (1e-12 * max(1.0, float(H.abs().max()))) ** 2:
        return Attractor(None, 0.0, 0.0, 0.0, False, None,
                         "Nothing dissipates: the evolution is unitary, never settles, and has no unique steady state.")
    steady, residual = _steady_state(H.numpy(), jumps.numpy(), rate)
    gap, error = _gap(H, jumps, torch.from_numpy(steady), rate)
    unique = gap > _NO_DECAY * rate
    if not unique:
        note = ("Some deviations never decay: there are several steady states, and the one shown is one of them. "
                "Where a sample ends depends on where it starts.")
        return Attractor(steady, residual, 0.0, error, False, None, note)
    distance = None if states is None else _trace_distance(states, steady)
    note = f"Every start ends in one steady state; deviations decay at rate {gap:.3g}, so in a time of {1 / gap:.3g}."
    return Attractor(steady, residual, gap, error, True, distance, note)


def _checked_states(rho: Tensor | np.ndarray, D: int) -> np.ndarray:
    states = array(rho)
    states = states[None] if states.ndim == 2 else states
    check(states.ndim == 3 and states.shape[1:] == (D, D),
          f"Argument `rho` must have shape (nT, {D}, {D}), but has shape {array(rho).shape}. Give `track(...).rho`.")
    require_finite("rho", states)
    return states


def _trace_distance(states: np.ndarray, steady: np.ndarray) -> np.ndarray:
    return np.abs(np.linalg.eigvalsh(states - steady)).sum(-1) / 2


def _centred(system: System) -> tuple[Tensor, Tensor]:
    """H and traceless jumps of the same generator: L -> L - c, H -> H - (c* L - c L^+) / 2i, c = Tr L / D.

    What is left of L does something; the multiple of the identity in it jumps without effect (Breuer and Petruccione
    2002, eq. 3.73), and would only slow the iterations below.
    """
    H, jumps = system.H, system.jumps
    if not len(jumps):
        return H, jumps
    c = torch.diagonal(jumps, dim1=-2, dim2=-1).mean(-1)[:, None, None]
    shift = ((c.conj() * jumps - c * jumps.mH) / 2j).sum(0)
    return H - shift, jumps - c * torch.eye(len(H), dtype=H.dtype)


def _steady_state(H: np.ndarray, jumps: np.ndarray, rate: float, steps: int = 200) -> tuple[np.ndarray, float]:
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


def _gap(H: Tensor, jumps: Tensor, steady: Tensor, rate: float) -> tuple[float, float]:
    """-max Re of the generator's eigenvalues on deviations from the steady state, and how far it may be off (from the
    residual).

    Small systems are diagonalised. For larger ones, implicitly restarted Arnoldi iteration (ARPACK) on exp(tau
    generator): the slowest deviation has the largest modulus there, however fast it oscillates, which an inverse would
    not see. The weaker the damping, the longer it takes: 1 s at D = 64 for a rate like that of H, 10 s for a thirtieth
    of it.
    """
    D = len(H)
    if D <= _DENSE:
        rates = np.sort(-np.linalg.eigvals(_on_coordinates(H.numpy(), jumps.numpy())).real)
        return max(float(rates[1]), 0.0), 0.0
    energies = torch.linalg.eigvalsh(H)
    tau = min(8.0 / rate, 1000.0 / max(float(energies[-1] - energies[0]), 1e-9))
    guess = _slow_guess(H, jumps, 0.1 * min(1.0, rate * tau / 8) ** 2)
    start = _coordinates(guess.sum(0).numpy())
    low = [each.to(torch.complex64) for each in (H, jumps)]  # its rounding is far below the iteration's tolerance

    def moved(v: np.ndarray) -> np.ndarray:
        X = torch.from_numpy(_hermitian(v.ravel(), D))
        X = (X - torch.trace(X) * steady).to(torch.complex64)  # what is left of the steady state would never decay
        return _coordinates(evolve_states(low[0], low[1], X[None], [tau], 1e-5)[0, 0].to(torch.complex128).numpy())

    for _ in range(4):
        operator = LinearOperator((D * D, D * D), matvec=moved, dtype=np.float64)
        try:
            values, vectors = eigs(operator, k=1, which="LM", ncv=min(20, D * D - 1), tol=2e-3, maxiter=40, v0=start)
        except ArpackNoConvergence:
            tau *= 2  # sets the moduli further apart
            continue
        modulus = float(np.abs(values[0]))
        v = vectors[:, 0]
        residual = np.linalg.norm(moved(v.real) + 1j * moved(v.imag) - values[0] * v)
        return max(-math.log(modulus) / tau, 0.0), float(residual) / modulus / tau
    raise InvalidInput("The spectral gap could not be found: too many deviations decay almost equally slowly. "
                       "Change a rate or a coupling a little.")


def _superoperator(H: np.ndarray, jumps: np.ndarray) -> np.ndarray:
    """The generator on row-stacked operators, (D^2, D^2): A X B -> (A x B^T) vec X."""
    one = np.eye(len(H))
    G = -1j * H - 0.5 * np.einsum("kba,kbc->ac", jumps.conj(), jumps)
    return np.kron(G, one) + np.kron(one, G.conj()) + sum((np.kron(L, L.conj()) for L in jumps), np.zeros(()))


def _on_coordinates(H: np.ndarray, jumps: np.ndarray) -> np.ndarray:
    """The generator on Hermitian matrices by `_coordinates`, (D^2, D^2): the same eigenvalues of a real matrix."""
    D = len(H)
    basis = np.stack([_hermitian(unit, D).ravel() for unit in np.eye(D * D)], 1)
    return np.asarray((basis.conj().T @ _superoperator(H, jumps) @ basis).real)


def _coordinates(X: np.ndarray) -> np.ndarray:
    """A Hermitian matrix as D^2 real numbers, with the Hilbert-Schmidt norm as their length."""
    upper = X[np.triu_indices(len(X), 1)] * math.sqrt(2)
    return np.concatenate([np.diagonal(X).real, upper.real, upper.imag])


def _hermitian(v: np.ndarray, D: int) -> np.ndarray:
    """The inverse of `_coordinates`."""
    real, imaginary = np.split(v[D:] / math.sqrt(2), 2)
    X = np.zeros((D, D), dtype=np.complex128)
    X[np.triu_indices(D, 1)] = real + 1j * imaginary
    return X + X.conj().T + np.diag(v[:D])


def _slow_guess(H: Tensor, jumps: Tensor, noise: float) -> Tensor:
    """The two slowest deviations to first order in the dissipation, (2, D, D), with a random part that misses none.

    In the eigenbasis of H they are either differences of populations, which decay by the classical rate matrix
    |L_ij|^2, or single coherences (the secular approximation; Breuer and Petruccione 2002, section 3.3).
    """
    V = torch.linalg.eigh(H)[1]
    L = V.mH @ jumps @ V
    W = L.abs().square().sum(0)
    decay = W.sum(0)
    values, modes = torch.linalg.eig(W - torch.diag(decay))
    kept = torch.diagonal(L, dim1=-2, dim2=-1)
    coherences = (decay[:, None] + decay[None, :]) / 2 - (kept[:, :, None] * kept[:, None, :].conj()).sum(0).real
    guesses = [(-float(values[k].real), torch.diag(modes[:, k].real.to(H.dtype))) for k in
               values.real.argsort(descending=True)[1:3]]
    i, j = torch.triu_indices(len(H), len(H), 1)
    for k in coherences[i, j].argsort()[:2]:
        M = torch.zeros_like(H)
        M[i[k], j[k]] = M[j[k], i[k]] = 1
        guesses.append((float(coherences[i[k], j[k]]), M))
    slow = torch.stack([M / torch.linalg.norm(M) for _, M in sorted(guesses, key=lambda guess: guess[0])[:2]])
    rest = torch.randn(slow.shape, dtype=H.dtype, generator=torch.Generator().manual_seed(0))
    return V @ (slow + noise / len(H) * (rest + rest.mH)) @ V.mH
