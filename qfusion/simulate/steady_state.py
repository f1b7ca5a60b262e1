"""The steady state of a system, how fast it is reached, and how fast the dynamics makes states similar."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import scipy
import torch
from torch import Tensor

from qfusion._checks import check, require_finite
from qfusion._lazy import Library
from qfusion.quantum import decomposition, generators, lindblad, states
from qfusion.simulate.master_equation import apply_kraus
from qfusion.simulate.trajectories import single_threaded, to_numpy

if TYPE_CHECKING:
    import qutip
else:
    qutip = Library("qutip")


# Where the dynamics ends: the steady state, how fast it is reached, and how far a sample is from it.

MAX_DENSE = 16  # largest D whose generator is diagonalised, in 40 ms


@dataclass(frozen=True)
class Attractor:
    """The long-time end of the dynamics.

    Attributes:
        steady: stationary state (D, D); None when nothing dissipates.
        residual: largest |entry| of the generator applied to it, in units of energy: zero for an exact steady state.
        gap: smallest decay rate of any deviation from the steady state, -max Re of the generator's other eigenvalues.
            It holds in the long run; `contraction` measures how fast states become alike within T.
        gap_error: error of the gap, from the residual of its eigenvector.
        unique: whether every initial state ends in the steady state.
        distance: trace distance of the given states to it, (nT,); None without states or a unique steady state.
    """

    steady: np.ndarray | None
    residual: float
    gap: float
    gap_error: float
    unique: bool
    distance: np.ndarray | None


@single_threaded()
def attractor(system: lindblad.System, rho: Tensor | np.ndarray | None = None) -> Attractor:
    """Return the steady state of `system`, the gap, and the distance of the states `rho` to it.

    Args:
        system: the trained physics.
        rho: states (nT, D, D), as in `track(...).rho`, or one (D, D).

    Raises:
        InvalidInput: when `rho` is not finite or of the wrong shape.
    """
    D = len(system.H)
    if rho is not None:
        states = to_numpy(rho)
        check(
            states.ndim in (2, 3) and states.shape[-2:] == (D, D),
            f"Argument `rho` must have shape (nT, {D}, {D}), but has shape {states.shape}. Give `track(...).rho`.",
        )
        require_finite("rho", states)
    term = centred_generator(system)
    rate = float((term.jumps.abs() ** 2).sum()) / D
    if rate <= (1e-12 * max(1.0, float(term.H.abs().max()))) ** 2:
        return Attractor(
            steady=None, residual=0.0, gap=0.0, gap_error=0.0, unique=False, distance=None
        )
    G, jumps = (part.numpy() for part in lindblad.form(term, "states")[1:])
    steady, residual = _steady_state(G, jumps, rate)
    gap, error = _gap(G, jumps, steady, rate)
    if gap <= 1e-6 * rate:  # indistinguishable from zero
        return Attractor(steady, residual, gap=0.0, gap_error=error, unique=False, distance=None)
    distance = None
    if rho is not None:
        distance = np.atleast_1d(np.abs(np.linalg.eigvalsh(states - steady)).sum(-1) / 2)
    return Attractor(steady, residual, gap, gap_error=error, unique=True, distance=distance)


def centred_generator(system: lindblad.System) -> lindblad.Term:
    """Return the same generator with traceless jumps: L -> L - c, H -> H - (c* L - c L^+) / 2i, c = Tr L / D.

    What is left of L does something; the multiple of the identity in it jumps without effect (Breuer and Petruccione
    2002, eq. 3.73), and would only slow the iterations below.
    """
    return decomposition.traceless(lindblad.Generator.dense(system.H, system.jumps)).terms[0]


def _steady_state(
    G: np.ndarray, jumps: np.ndarray, rate: float, steps: int = 200
) -> tuple[np.ndarray, float]:
    """Stationary state of the chain "drift until a jump, then jump", and the residual of the generator at it.

    With G = -iH - sum L^+ L / 2, A X = G X + X G^+ and J X = sum L X L^+, the steady state obeys X = -A^-1 J X. The
    number of steps depends on how many jumps it takes to forget the start and not on how slow they are, so a weakly
    damped system is as easy as a strongly damped one. An identity jump of rate s (A - s, J + s) leaves the generator as
    it is, makes A invertible when a dark state never jumps, and breaks cycles. The iterates are combined to the least
    residual (Anderson 1965).
    """
    D = len(G)
    s = 0.1 * rate
    T, Q = scipy.linalg.schur(G - s / 2 * np.eye(D), output="complex")

    X: np.ndarray = np.eye(D, dtype=np.complex128) / D
    best, least, stalled = X, math.inf, 0
    values: list[np.ndarray] = []
    residuals: list[np.ndarray] = []
    for _ in range(steps):
        GX = G @ X
        R = GX + GX.conj().T + apply_kraus(jumps, X)
        size = float(np.abs(R).max())
        if size < least:
            best, least, stalled = X, size, 0
        else:
            stalled += 1
        if least <= 1e-15 * max(1.0, rate) or stalled >= 6:
            break
        values, residuals = [*values[-7:], X], [*residuals[-7:], R]
        # the combination, weights adding to 1, whose combined residual is smallest
        left = np.stack([r.ravel() for r in residuals]).view(np.float64)
        weights = (
            np.linalg.lstsq((left[:-1] - left[-1]).T, -left[-1], rcond=1e-12)[0]
            if len(left) > 1
            else np.empty(0)
        )
        Y = np.einsum("k,kab->ab", np.append(weights, 1 - weights.sum()), np.stack(values))
        Z, scale, _ = scipy.linalg.lapack.ztrsyl(
            T, T, Q.conj().T @ (apply_kraus(jumps, Y) + s * Y) @ Q, tranb="C"
        )
        X = -(Q @ (Z / scale) @ Q.conj().T)
        X = (X + X.conj().T) / 2
        X = X / np.trace(X).real
    return best, least


def _gap(G: np.ndarray, jumps: np.ndarray, steady: np.ndarray, rate: float) -> tuple[float, float]:
    """-max Re of the generator's eigenvalues on deviations from the steady state, and how far it may be off (the
    residual of its eigenvector).

    Small systems are diagonalised. Of larger ones, Arnoldi iteration on (generator - pole)^-1 finds the eigenvalues
    nearest to a pole. One pole stands at zero; others where, to first order in the dissipation (the secular
    approximation; Breuer and Petruccione 2002, section 3.3), a coherence would decay slowest, as the slowest deviation
    may oscillate. One that stands far from all poles can be missed: of 150 random systems of D from 12 to 20, two had a
    gap smaller by 4%.
    """
    if len(G) <= MAX_DENSE:
        generator = generators.superoperator(torch.from_numpy(G), torch.from_numpy(jumps)).numpy()
        return max(float(np.sort(-np.linalg.eigvals(generator).real)[1]), 0.0), 0.0
    solver = _ShiftedGenerator(G, jumps, steady)
    value, error = solver.rightmost(0.01 * rate)
    coherences = solver.secular_coherences()
    # two frequencies beside zero near which a slow deviation is looked for
    for coherence in coherences[np.argsort(-coherences.real)[:2]]:
        # slower ones the pole at zero has seen
        if coherence.real > 2 * value.real and coherence.imag > 0.5 * rate:
            value, error = max(
                (value, error),
                solver.rightmost(0.01 * rate + 1j * coherence.imag),
                key=lambda result: result[0].real,
            )
    return max(-float(value.real), 0.0), error


class _ShiftedGenerator:
    """Solves (generator - pole) X = B on traceless X, D^3 a step.

    In the eigenbasis of the effective Hamiltonian, G = V diag(g) V^-1, the part without jumps, G X + X G^+, multiplies
    X_ij by g_i + g_j*. Its inverse preconditions GMRES (Saad and Schultz 1986), which then needs about a dozen steps.

    Args:
        G: -i times the effective Hamiltonian, (D, D). jumps: traceless, (K, D, D). steady: the steady state (D, D).
    """

    def __init__(self, G: np.ndarray, jumps: np.ndarray, steady: np.ndarray) -> None:
        g, V = np.linalg.eig(G)
        if np.linalg.cond(V) > 1e6:  # near a defective G the basis of one beside it will do
            noise = np.random.default_rng(0).standard_normal((2, *G.shape))
            g, V = np.linalg.eig(G + 1e-4 * np.linalg.norm(G) / len(G) * (noise[0] + 1j * noise[1]))
        inverse = np.linalg.inv(V)
        self.D = len(G)
        self.drift = g[:, None] + g.conj()
        # what the basis leaves of G: nothing unless it is defective
        self.V = V
        self.G = inverse @ G @ V - np.diag(g)
        self.jumps = inverse @ jumps @ V
        self.jumps_adjoint = self.jumps.conj().transpose(0, 2, 1).reshape(-1, self.D)
        self.steady = inverse @ steady @ inverse.conj().T
        self.metric = (V.conj().T @ V).T
        self.exact = float(np.abs(self.G).max()) <= 1e-12 * float(np.abs(g).max())

    def secular_coherences(self) -> np.ndarray:
        """Eigenvalues of single coherences to first order, of nonnegative frequency, (D (D - 1) / 2,)."""
        diagonals = np.einsum("kaa->ka", self.jumps)
        values = (self.drift + diagonals.T @ diagonals.conj())[np.triu_indices(self.D, 1)]
        return values.real + 1j * np.abs(values.imag)

    def apply(self, X: np.ndarray) -> np.ndarray:
        """The generator on X."""
        K, D = self.jumps.shape[:2]
        jumped = (
            (self.jumps.reshape(K * D, D) @ X).reshape(K, D, D).transpose(1, 0, 2).reshape(D, K * D)
        )
        Y = self.drift * X + jumped @ self.jumps_adjoint
        return Y if self.exact else Y + self.G @ X + X @ self.G.conj().T

    def solve(
        self, B: np.ndarray, pole: complex, tolerance: float = 1e-6, steps: int = 120
    ) -> np.ndarray:
        """Return the solution X of (generator - pole) X = B."""
        scale = 1 / (self.drift - pole)

        def apply_scaled(x: np.ndarray) -> np.ndarray:
            X = x.reshape(B.shape)
            return (scale * (self.apply(X) - pole * X)).ravel()

        operator = scipy.sparse.linalg.LinearOperator((B.size, B.size), apply_scaled, dtype=complex)
        x, _ = scipy.sparse.linalg.gmres(
            operator, (scale * B).ravel(), rtol=tolerance, restart=steps, maxiter=1
        )
        return np.asarray(x).reshape(B.shape)

    def rightmost(self, pole: complex) -> tuple[complex, float]:
        """Return the eigenvalue with the largest real part among those nearest to the pole, and its residual."""

        def inverse(x: np.ndarray) -> np.ndarray:
            X = self.solve(x.reshape(self.D, self.D), pole)
            # without its part along the steady state
            return (X - (X * self.metric).sum() * self.steady).ravel()

        noise = np.random.default_rng(1).standard_normal((2, self.D**2))
        operator = scipy.sparse.linalg.LinearOperator((self.D**2,) * 2, inverse, dtype=complex)
        values, vectors = scipy.sparse.linalg.eigs(
            operator,
            8,  # nearest to the pole, among which the slowest is taken
            v0=inverse(noise[0] + 1j * noise[1]),
            ncv=30,
            tol=5e-2,
        )
        best = (1 / values).real.argmax()
        value = pole + 1 / values[best]
        # once more, which refines it
        X = self.solve(vectors[:, best].reshape(self.D, self.D), pole)
        left = self.V @ (self.apply(X) - value * X) @ self.V.conj().T
        return complex(value), float(
            np.linalg.norm(left) / np.linalg.norm(self.V @ X @ self.V.conj().T)
        )


# How fast the dynamics makes states alike: trace distances of pairs over time, beside those of random generators.

MIXED = (
    0.25  # trace distance below which two inputs count as mixed (Levin and Peres 2017, section 4.5)
)
_ALIKE = 1e-3  # trace distance at t = 0 below which a pair says nothing of contraction


@dataclass(frozen=True)
class Contraction:
    """Trace distances of pairs of states under one generator, which no channel can raise.

    Attributes:
        times: from 0 to T, (nT,). distances: of every pair, (nT, P).
        random_rates: of generators drawn at random with as many jump operators and the same Hilbert-Schmidt norms of H
            and of the dissipator, mean over the pairs, (seeds,).
        mixing_time: when the last of the pairs, of those beyond T the three that are farthest apart there, falls below
            `MIXED`; None where it does not within a thousand T.
    """

    times: np.ndarray
    distances: np.ndarray
    random_rates: np.ndarray
    mixing_time: float | None

    @property
    def rates(self) -> np.ndarray:
        """Mean rate of each pair over [0, T], -ln(d(T) / d(0)) / T, (P,), in units of 1 / time."""
        return -np.log(np.maximum(self.distances[-1], 1e-12) / self.distances[0]) / self.times[-1]


@single_threaded()
def contraction(
    system: lindblad.System, psi: Tensor, others: Tensor, *, steps: int = 13, seeds: int = 6
) -> Contraction:
    """Return how fast a state and others become alike under `system`, to about 1e-5.

    Args:
        system: the trained physics; its duration must be above 0.
        psi: ket (D,). others: kets (P, D); those that are the same state as `psi` are left out.
        steps: times from 0 to T. seeds: random generators beside it.

    Raises:
        InvalidInput: without an evolution, or without another state.
    """
    T = float(system.duration)
    check(T > 0, f"Argument `system` must evolve for some time, but its duration is {T}. Raise it.")
    term = centred_generator(system)
    H, jumps = (part.to(torch.complex64) for part in (term.H, term.jumps))
    differences = (states.density(psi) - states.density(others.to(torch.complex128))).to(
        torch.complex64
    )
    apart = _trace_norms(differences) / 2 > _ALIKE
    check(
        bool(apart.any()),
        "Argument `others` must hold a state other than `psi`, but all are the same. Give kets of "
        "other samples.",
    )
    differences = differences[torch.from_numpy(apart)]
    times = np.linspace(0.0, T, steps)
    moved = lindblad.evolve_states(H, jumps, differences, times.tolist())
    distances = _trace_norms(moved) / 2
    ends = [
        lindblad.evolve_states(*random_generator(H, jumps, seed), differences, [T])[0]
        for seed in range(seeds)
    ]
    random_rates = [np.mean(-np.log(_trace_norms(end) / 2 / distances[0]) / T) for end in ends]
    far = np.argsort(-distances[-1])[:3].copy()  # pairs that are followed beyond T
    return Contraction(
        times,
        distances,
        np.array(random_rates),
        _mixing_time(H, jumps, moved[-1][far], times, distances.max(1)),
    )


def _trace_norms(operators: Tensor) -> np.ndarray:
    return np.asarray(torch.linalg.eigvalsh(operators).abs().sum(-1), dtype=float)


def random_generator(H: Tensor, jumps: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """A random traceless H and as many random traceless jumps, with the Hilbert-Schmidt norms of these."""
    generator = torch.Generator().manual_seed(seed)
    one = torch.eye(len(H), dtype=H.dtype)
    A = torch.randn(H.shape, dtype=H.dtype, generator=generator)
    L = torch.randn(jumps.shape, dtype=H.dtype, generator=generator)
    L = L - torch.diagonal(L, dim1=-2, dim2=-1).mean(-1)[:, None, None] * one
    A, like = (X - torch.trace(X) / len(H) * one for X in (A + A.mH, H))
    return (
        A * (torch.linalg.norm(like) / torch.linalg.norm(A)),
        L * math.sqrt(dissipator_norm(jumps) / dissipator_norm(L)) if len(L) else L,
    )


def dissipator_norm(jumps: Tensor) -> float:
    """Hilbert-Schmidt norm of X -> sum_k (L_k X L_k^+ - {L_k^+ L_k, X} / 2) for traceless L_k, (K, D, D).

    With S = sum_k L_k^+ L_k its square is sum_kl |Tr L_k^+ L_l|^2 + (D Tr S^2 + (Tr S)^2) / 2.
    """
    overlaps = torch.einsum("kab,lab->kl", jumps.conj(), jumps)
    S = (jumps.mH @ jumps).sum(0)
    square = (
        overlaps.abs().square().sum()
        + (len(S) * torch.trace(S @ S).real + torch.trace(S).real ** 2) / 2
    )
    return math.sqrt(float(square))


def _mixing_time(
    H: Tensor, jumps: Tensor, moved: Tensor, times: np.ndarray, worst: np.ndarray
) -> float | None:
    """Return the time at which the last pair falls below `MIXED`, interpolated between steps as an exponential.
    Beyond T, steps are a quarter of the time. `worst` is the largest distance at `times`, and `moved` are the
    differences at the last of them.
    """
    for i in range(1, len(times)):
        if worst[i] < MIXED:
            return _crossing(times[i - 1], times[i], worst[i - 1], worst[i])
    at = float(times[-1])
    far = float(worst[-1])
    while at < 1e3 * times[-1]:
        moved = lindblad.evolve_states(H, jumps, moved, [at / 4])[0]
        now = float((_trace_norms(moved) / 2).max())
        if now < MIXED:
            return _crossing(at, 1.25 * at, far, now)
        at, far = 1.25 * at, now
    return None


def _crossing(start: float, end: float, above: float, below: float) -> float:
    return float(np.interp(math.log(MIXED), np.log([below, above]), [end, start]))
