"""A sample followed through the dynamics with QuTiP: the master equation, single quantum-jump trajectories, and
their ensemble; and where the dynamics ends: the steady state, how fast it is reached, how two samples' states approach
one another, and the channel of one short step.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

from qfusion._checks import check, require_finite, require_number
from qfusion._lazy import Library
from qfusion.models import require
from qfusion.quantum import decomposition, generators, lindblad, states

if TYPE_CHECKING:
    import qutip
else:
    qutip = Library("qutip")


# made when first asked for: it looks at what is loaded
_thread_pools = functools.cache(ThreadpoolController)


@contextmanager
def single_threaded() -> Iterator[None]:
    """Lets the function that it stands above use one BLAS thread: matrices of side 64 gain little from two, and lose
    ten times and more to their waiting for each other as soon as anything else wants the cores."""
    with _thread_pools().limit(limits=1, user_api="blas"):
        yield


def array(values: Tensor | np.ndarray | Sequence[float]) -> np.ndarray:
    """Returns `values` as a NumPy array, detached from torch; bfloat16, which NumPy does not know, as float32."""
    if isinstance(values, Tensor):
        return (values.float() if values.dtype == torch.bfloat16 else values).detach().cpu().numpy()
    return np.asarray(values)


def checked_times(times: Tensor | np.ndarray | Sequence[float]) -> np.ndarray:
    """Returns `times` as float64 (nT,).

    Raises:
        InvalidInput: unless they are finite, not negative and in ascending order.
    """
    t = array(times).astype(np.float64)
    check(
        t.ndim == 1,
        f"Argument `times` must be a list of times, but has shape {t.shape}. Give linspace(0, T, 41), say.",
    )
    return np.array(states.check_times(t.tolist()), dtype=np.float64)


def checked_ket(name: str, psi: Tensor | np.ndarray, D: int) -> np.ndarray:
    """Returns `psi` as complex128 (D,).

    Raises:
        InvalidInput: unless it has that shape, is finite and of unit norm.
    """
    ket = array(psi).astype(np.complex128)
    check(
        ket.shape == (D,),
        f"Argument `{name}` must have shape ({D},), but has shape {ket.shape}. Give one ket.",
    )
    require_finite(name, ket)
    norm = float(np.linalg.norm(ket))
    # so much puts the trace of the density matrix off by what `measures` accepts as round-off
    check(
        abs(norm - 1) <= 5e-8,
        f"Argument `{name}` must have norm 1, but has norm {norm:.9g}. Divide it by its norm, in double precision.",
    )
    return ket


def as_operator(matrix: Tensor | np.ndarray, dims: Sequence[int]) -> qutip.Qobj:
    """Returns a matrix (D, D) as a QuTiP operator on the modalities."""
    return qutip.Qobj(array(matrix), dims=[list(dims), list(dims)])


def as_ket(psi: np.ndarray, dims: Sequence[int]) -> qutip.Qobj:
    """Returns a vector (D,) as a QuTiP ket on the modalities."""
    return qutip.Qobj(psi[:, None], dims=[list(dims), [1] * len(dims)])


def operators(system: lindblad.System) -> tuple[qutip.Qobj, list[qutip.Qobj]]:
    """Returns H and the jump operators of `system` for QuTiP."""
    return as_operator(system.H, system.dims), [as_operator(L, system.dims) for L in system.jumps]


# Quantum-jump trajectories of one sample by QuTiP's Monte Carlo solver.

_OPTIONS = {"rtol": 1e-7, "atol": 1e-9, "nsteps": 10**6, "progress_bar": "", "store_states": True}
_CHUNK = 100  # trajectories QuTiP holds at a time


@dataclass(frozen=True)
class Trajectory:
    """One realisation: a pure state that drifts and jumps.

    Attributes:
        times: (nT,).
        jump_times: (n,), ascending, at most the last time.
        jump_operators: which L_k jumped, (n,) int.
        measures: entropy of each modality, (nT,): the joint state is pure, so here it does measure the entanglement
            with the others.
        populations: probability of each basis state, (nT, D).
    """

    times: np.ndarray
    jump_times: np.ndarray
    jump_operators: np.ndarray
    measures: states.Measures
    populations: np.ndarray


@dataclass(frozen=True)
class Ensemble:
    """Means over trajectories with their standard errors.

    Attributes:
        size: number of trajectories.
        populations: mean, (nT, D); it approaches the master equation's.
        populations_error: its standard error, (nT, D).
        measures: mean of each trajectory measure, (nT,). The mean entanglement of trajectories is not a property of the
            averaged state: it lies below or at the entropy of the mean.
        measures_error: standard errors, (nT,).
        jumps: mean number of jumps of each L_k, (K,).
    """

    size: int
    populations: np.ndarray
    populations_error: np.ndarray
    measures: states.Measures
    measures_error: states.Measures
    jumps: np.ndarray


@single_threaded()
def sample_trajectories(
    system: lindblad.System,
    psi0: Tensor | np.ndarray,
    times: Tensor | np.ndarray | Sequence[float],
    number: int,
    seed: int = 0,
) -> tuple[Trajectory, ...]:
    """Returns `number` trajectories by waiting-time sampling (Dalibard, Castin, Molmer 1992) in QuTiP's `MCSolver`.

    Trajectory i depends on `seed` and i only. Without jump operators all are the same unitary evolution.

    Raises:
        InvalidInput: when an argument is out of range, NaN, of the wrong size or not normalised.
    """
    t, psi = checked_times(times), checked_ket("psi0", psi0, len(system.H))
    check(
        isinstance(number, int) and number >= 0,
        f"Argument `trajectories` must be a whole number from 0, but is {number!r}. Ask for 20, say.",
    )
    check(
        isinstance(seed, int) and seed >= 0,
        f"Argument `seed` must be a whole number from 0, but is {seed!r}. Use 0, say.",
    )
    # The solver takes its first time as the start, and wants no time twice.
    grid, back = np.unique(np.concatenate([[0.0], t]), return_inverse=True)
    H, jumps = operators(system)
    start = as_ket(psi, system.dims)
    if not jumps or grid[-1] == 0:
        solved = qutip.sesolve(H, start, grid, options={**_OPTIONS, "method": "vern7"})
        kets = _kets([solved])[:, back[1:]]
        return tuple(_describe(system, t, kets, [[]])) * number
    # Waiting times are found to 1e-6 in the norm: the bias of the mean stays far below any ensemble's standard error.
    solver = qutip.MCSolver(
        H,
        jumps,
        options={
            **_OPTIONS,
            "map": "serial",
            "keep_runs_results": True,
            "norm_tol": 1e-6,
            "norm_t_tol": 1e-9,
            "norm_steps": 200,
        },
    )
    seeds, result = np.random.SeedSequence(seed).spawn(number), []
    for first in range(0, number, _CHUNK):
        chunk = seeds[first : first + _CHUNK]
        runs = solver.run(start, grid, ntraj=len(chunk), seeds=chunk).trajectories
        kets = _kets(runs)[:, back[1:]]
        result += _describe(system, t, kets, [run.collapse for run in runs])
    return tuple(result)


def _kets(runs: Sequence[Any]) -> np.ndarray:
    """The kets of runs over time, (n, nT, D)."""
    return np.array([[state.full()[:, 0] for state in run.states] for run in runs])


def _describe(
    system: lindblad.System,
    times: np.ndarray,
    kets: np.ndarray,
    jumps: Sequence[Sequence[tuple[float, int]]],
) -> list[Trajectory]:
    """Kets (n, nT, D) and the (time, operator) pairs of n runs as trajectories."""
    # The solver keeps the norm to its tolerance only, which is more than the measures accept.
    kets = kets / np.linalg.norm(kets, axis=-1, keepdims=True)
    psi, populations = torch.from_numpy(kets), np.abs(kets) ** 2
    entropies = {
        name: states.entanglement_entropy(psi, system.dims, m).numpy()
        for m, name in enumerate(system.names)
    }
    return [
        Trajectory(
            times,
            np.array([when for when, _ in jumps[i]]),
            np.array([k for _, k in jumps[i]], dtype=int),
            states.Measures(
                states.Measure("entropy", (name,), values[i]) for name, values in entropies.items()
            ),
            populations[i],
        )
        for i in range(len(kets))
    ]


def ensemble(trajectories: Sequence[Trajectory], channels: int | None = None) -> Ensemble:
    """Returns means and standard errors (sample standard deviation / sqrt(n)) over two or more trajectories.

    At times by which only a handful of trajectories has jumped, the sample has hardly seen what spreads it, and the
    error is too small.

    Args:
        trajectories: at equal times.
        channels: number K of jump operators; default: as many as jumped.

    Raises:
        InvalidInput: when there are fewer than two.
    """
    n = len(trajectories)
    check(
        n >= 2,
        f"Argument `trajectories` must hold at least two, but has {n}. A standard error needs a spread.",
    )
    populations = np.stack([one.populations for one in trajectories])
    values = [
        (same[0], np.stack([one.values for one in same]))
        for same in zip(*(run.measures for run in trajectories), strict=True)
    ]
    jumped = np.concatenate([one.jump_operators for one in trajectories])
    return Ensemble(
        n,
        populations.mean(0),
        scipy.stats.sem(populations),
        states.Measures(replace(one, values=runs.mean(0)) for one, runs in values),
        states.Measures(replace(one, values=scipy.stats.sem(runs)) for one, runs in values),
        np.bincount(jumped, minlength=channels or 0) / n,
    )


# One sample followed by QuTiP: the master equation over time and every measure of its states.


@dataclass(frozen=True)
class Track:
    """A sample's dynamics.

    Attributes:
        times: (nT,), in units of 1 / energy (hbar = 1).
        names: of the modalities, leftmost factor first.
        dims: of the modalities.
        rho: states under the master equation, (nT, D, D).
        measures: of the states under the master equation, (nT,) each, in the order of
            `quantum.states.measures_over_time`.
        trajectories: single quantum-jump trajectories, when asked for.
        ensemble: their mean and its standard error, from two trajectories on.
    """

    times: np.ndarray
    names: tuple[str, ...]
    dims: tuple[int, ...]
    rho: np.ndarray
    measures: states.Measures
    trajectories: tuple[Trajectory, ...] = ()
    ensemble: Ensemble | None = None

    @property
    def populations(self) -> np.ndarray:
        """Probability of each basis state over time, (nT, D)."""
        return np.diagonal(self.rho, axis1=1, axis2=2).real


@single_threaded()
def track(
    system: lindblad.System,
    psi0: Tensor | np.ndarray,
    times: Tensor | np.ndarray | Sequence[float],
    *,
    negativity: bool = True,
    trajectories: int = 0,
    seed: int = 0,
    rtol: float | None = None,
    rho: np.ndarray | None = None,
) -> Track:
    """Returns the dynamics of one sample.

    Args:
        system: the trained physics.
        psi0: the sample's product state, (D,), of unit norm.
        times: ascending, not negative; the state at 0 is `psi0`.
        negativity: False leaves out the negativities, the slowest of the measures.
        trajectories: how many quantum-jump trajectories to sample.
        seed: of the trajectories. Trajectory i depends on `seed` and i only, not on how many there are.
        rtol: relative tolerance of the integrator; the absolute one is a hundredth of it. Default 1e-7, less in
            proportion where many periods of H lie in the time asked for, as errors add up.
        rho: what `solve` returned for these times, where it is known already.

    Raises:
        InvalidInput: when an argument is out of range, NaN, of the wrong size or not normalised.
    """
    rho = solve(system, psi0, times, rtol=rtol) if rho is None else rho
    runs = sample_trajectories(system, psi0, times, trajectories, seed) if trajectories else ()
    return Track(
        times=checked_times(times),
        names=tuple(system.names),
        dims=tuple(system.dims),
        rho=rho,
        measures=states.measures_over_time(rho, system.dims, system.names, negativity=negativity),
        trajectories=runs,
        ensemble=ensemble(runs, len(system.jumps)) if len(runs) > 1 else None,
    )


def follow(
    sample: Any,
    times: int = 41,
    *,
    negativity: bool = True,
    trajectories: int = 0,
    seed: int = 0,
) -> Track:
    """Returns the dynamics of a sample, from 0 to the model's duration T.

    Args:
        sample: before a quantum-jump model, such as `analysis.open_sample` gives: its `model` and, by modality, its
            `inputs`.
        times: how many, evenly, both ends included.
        negativity, trajectories, seed: as for `track`.

    Raises:
        InvalidInput: when the model has no evolution in time, or an argument is out of range.
    """
    require(sample.model, "time", "to follow", "The model in argument `sample`")
    count = require_number("times", times, 2, 100_000)
    check(count == int(count), f"Argument `times` must be a whole number, but is {times!r}.")
    with torch.no_grad():
        psi = sample.model.product_state(sample.model.encode(sample.inputs))[0]
    system = sample.model.system()
    return track(
        system,
        psi,
        np.linspace(0, max(float(system.duration), 1e-6), int(count)),
        negativity=negativity,
        trajectories=trajectories,
        seed=seed,
    )


@single_threaded()
def solve(
    system: lindblad.System,
    psi0: Tensor | np.ndarray,
    times: Tensor | np.ndarray | Sequence[float],
    *,
    rtol: float | None = None,
) -> np.ndarray:
    """Returns rho(t) under the master equation by QuTiP, complex128 (nT, D, D).

    `mesolve` with the matrix form of the generator, which never builds the D^2 x D^2 superoperator, and Verner's
    seventh-order method. Its result is not renormalised, so that a loss of trace would show.

    Raises:
        InvalidInput: as for `track`.
    """
    t, psi = checked_times(times), checked_ket("psi0", psi0, len(system.H))
    if rtol is None:
        # with 1e-7 rho(t) is within about 1e-9 of exact, at half the time of 1e-11; errors of many periods may add up
        energies = np.linalg.eigvalsh(array(system.H))
        rtol = max(1e-7 / max(1.0, np.ptp(energies) * t[-1] / 20), 1e-12)
    check(
        1e-14 < rtol < 1,
        f"Argument `rtol` must lie between 1e-14 and 1, but is {rtol:g}. Use 1e-11 for a reference.",
    )
    # The solver takes its first time as the start, and wants no time twice.
    grid, back = np.unique(np.concatenate([[0.0], t]), return_inverse=True)
    H, jumps = operators(system)
    options = {
        "matrix_form": True,
        "method": "vern7",
        "rtol": rtol,
        "atol": rtol / 100,
        "nsteps": 10**6,
        "normalize_output": False,
        "store_states": True,
        "progress_bar": "",
    }
    solved = qutip.mesolve(H, as_ket(psi, system.dims).proj(), grid, jumps, options=options)
    return np.stack([state.full() for state in solved.states])[back[1:]]


def to_frame(tracked: Track) -> pd.DataFrame:
    """Returns one row a time: column `t`, then the measures in their order."""
    return pd.DataFrame({"t": tracked.times, **tracked.measures.columns()})


# Where the dynamics ends: the steady state, how fast it is reached, and how far a sample is from it.

_DENSE = 16  # largest D whose generator is diagonalised, in 40 ms


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


@single_threaded()
def attractor(system: lindblad.System, rho: Tensor | np.ndarray | None = None) -> Attractor:
    """Returns the steady state of `system`, the gap, and the distance of the states `rho` to it.

    Args:
        system: the trained physics.
        rho: states (nT, D, D), as in `track(...).rho`, or one (D, D).

    Raises:
        InvalidInput: when `rho` is not finite or of the wrong shape.
    """
    D = len(system.H)
    if rho is not None:
        states = array(rho)
        check(
            states.ndim in (2, 3) and states.shape[-2:] == (D, D),
            f"Argument `rho` must have shape (nT, {D}, {D}), but has shape {states.shape}. Give `track(...).rho`.",
        )
        require_finite("rho", states)
    term = centred(system)
    rate = float((term.jumps.abs() ** 2).sum()) / D
    if rate <= (1e-12 * max(1.0, float(term.H.abs().max()))) ** 2:
        return Attractor(
            None,
            0.0,
            0.0,
            0.0,
            False,
            None,
            "Nothing dissipates: the evolution is unitary, never settles, and has no unique steady state.",
        )
    G, jumps = (part.numpy() for part in lindblad.form(term, "states")[1:])
    steady, residual = _steady_state(G, jumps, rate)
    gap, error = _gap(G, jumps, steady, rate)
    if gap <= 1e-6 * rate:  # cannot be told from none
        return Attractor(
            steady,
            residual,
            0.0,
            error,
            False,
            None,
            "Some deviations never decay: there are several steady states, and the one shown is one of them. "
            "Where a sample ends depends on where it starts.",
        )
    distance = (
        None
        if rho is None
        else np.atleast_1d(np.abs(np.linalg.eigvalsh(states - steady)).sum(-1) / 2)
    )
    return Attractor(
        steady,
        residual,
        gap,
        error,
        True,
        distance,
        f"Every start ends in one steady state. In the long run deviations decay at rate {gap:.3g}, "
        "the spectral gap.",
    )


def centred(system: lindblad.System) -> lindblad.Term:
    """Returns the same generator with traceless jumps: L -> L - c, H -> H - (c* L - c L^+) / 2i, c = Tr L / D.

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
    D, s = len(G), 0.1 * rate
    T, Q = scipy.linalg.schur(G - s / 2 * np.eye(D), output="complex")

    X: np.ndarray = np.eye(D, dtype=np.complex128) / D
    best, least, stalled = X, math.inf, 0
    values: list[np.ndarray] = []
    residuals: list[np.ndarray] = []
    for _ in range(steps):
        GX = G @ X
        R = GX + GX.conj().T + apply(jumps, X)
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
            T, T, Q.conj().T @ (apply(jumps, Y) + s * Y) @ Q, tranb="C"
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
    gap smaller by 4 %.
    """
    if len(G) <= _DENSE:
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
        self.D, self.drift = len(G), g[:, None] + g.conj()
        # what the basis leaves of G: nothing unless it is defective
        self.V, self.G = V, inverse @ G @ V - np.diag(g)
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
        """X of (generator - pole) X = B."""
        scale = 1 / (self.drift - pole)

        def scaled(x: np.ndarray) -> np.ndarray:
            X = x.reshape(B.shape)
            return (scale * (self.apply(X) - pole * X)).ravel()

        operator = scipy.sparse.linalg.LinearOperator((B.size, B.size), scaled, dtype=complex)
        x, _ = scipy.sparse.linalg.gmres(
            operator, (scale * B).ravel(), rtol=tolerance, restart=steps, maxiter=1
        )
        return np.asarray(x).reshape(B.shape)

    def rightmost(self, pole: complex) -> tuple[complex, float]:
        """The eigenvalue of the largest real part among those nearest to the pole, and its residual."""

        def inverse(x: np.ndarray) -> np.ndarray:
            X = self.solve(x.reshape(self.D, self.D), pole)
            # without its part along the steady state
            return (X - (X * self.metric).sum() * self.steady).ravel()

        noise = np.random.default_rng(1).standard_normal((2, self.D**2))
        values, vectors = scipy.sparse.linalg.eigs(
            scipy.sparse.linalg.LinearOperator((self.D**2,) * 2, inverse, dtype=complex),
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
    """Returns how fast a state and others become alike under `system`, to about 1e-5.

    Args:
        system: the trained physics; its duration must be above 0.
        psi: ket (D,). others: kets (P, D); those that are the same state as `psi` are left out.
        steps: times from 0 to T. seeds: random generators beside it.

    Raises:
        InvalidInput: without an evolution, or without another state.
    """
    T = float(system.duration)
    check(T > 0, f"Argument `system` must evolve for some time, but its duration is {T}. Raise it.")
    term = centred(system)
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
        lindblad.evolve_states(*_random_alike(H, jumps, seed), differences, [T])[0]
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


def _random_alike(H: Tensor, jumps: Tensor, seed: int) -> tuple[Tensor, Tensor]:
    """A random traceless H and as many random traceless jumps, with the Hilbert-Schmidt norms of these."""
    generator, one = torch.Generator().manual_seed(seed), torch.eye(len(H), dtype=H.dtype)
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
    """When the last pair falls below `MIXED`, between steps as an exponential; beyond T by steps of a quarter of the
    time. `worst` is the largest distance at `times`, and `moved` are the differences at the last of them."""
    for i in range(1, len(times)):
        if worst[i] < MIXED:
            return _crossing(times[i - 1], times[i], worst[i - 1], worst[i])
    at, far = float(times[-1]), float(worst[-1])
    while at < 1e3 * times[-1]:
        moved = lindblad.evolve_states(H, jumps, moved, [at / 4])[0]
        now = float((_trace_norms(moved) / 2).max())
        if now < MIXED:
            return _crossing(at, 1.25 * at, far, now)
        at, far = 1.25 * at, now
    return None


def _crossing(start: float, end: float, above: float, below: float) -> float:
    return float(np.interp(math.log(MIXED), np.log([below, above]), [end, start]))


# One step of the evolution as a quantum channel: exact, as Kraus operators, and split into gates to be drawn.

#: Largest D whose exact channel is worked out: the generator is a matrix of side D^2 = 729 there and takes seconds.
MAX_EXACT = 27


def checked_step(dt: float) -> float:
    """Returns `dt` as a float.

    Raises:
        InvalidInput: unless it is a positive number.
    """
    step = require_number("dt", dt, 0.0, math.inf)
    check(
        0 < step < math.inf,
        f"Argument `dt` must be above 0, but is {step:g}. Give the time of one step, such as T / 20.",
    )
    return step


def kraus_of_step(system: lindblad.System, dt: float) -> np.ndarray:
    """Returns Kraus operators (R, D, D) of exp(dt L), rho -> sum_r K_r rho K_r^+, largest first.

    They are the eigenvectors of the channel's Choi matrix times the root of their eigenvalues (Choi 1975); those whose
    eigenvalue is round-off are left out.

    Raises:
        InvalidInput: when `dt` is not positive, or D is above `MAX_EXACT`: at D = 64 the Choi matrix has side 4096,
            whose eigenvectors take minutes; the split step of `unitaries_of_step` and `jump_channel` serves there.
    """
    D, step = len(system.H), checked_step(dt)
    check(
        D <= MAX_EXACT,
        f"Argument `system` must have D at most {MAX_EXACT} for exact Kraus operators, but has D = {D}: its Choi "
        f"matrix would have side {D * D}. Use form='trotter'.",
    )
    _, G, L = lindblad.form(lindblad.Term((0,), system.H, system.jumps), "states")
    channel = torch.linalg.matrix_exp(step * generators.superoperator(G, L))
    choi = channel.reshape(D, D, D, D).permute(0, 2, 1, 3).reshape(D * D, D * D)
    weights, vectors = torch.linalg.eigh((choi + choi.mH) / 2)
    matches = weights > 1e-14 * weights[-1]
    kraus = (vectors[:, matches] * weights[matches].sqrt()).T.reshape(-1, D, D).flip(0)
    lost = float(((kraus.mH @ kraus).sum(0) - torch.eye(D)).abs().max())
    check(
        lost < 1e-9,
        f"Argument `dt` must be a step whose channel keeps the trace, but {step:g} loses {lost:.2g}. "
        "Take a shorter step: this one is beyond double precision.",
    )
    return kraus.numpy()


def unitaries_of_step(
    system: lindblad.System, dt: float, split: str = "terms"
) -> dict[decomposition.Subset, np.ndarray]:
    """Returns exp(-i H_S dt) on the modalities in S, (d_S, d_S), for every S whose H_S is not zero.

    Args:
        system: the trained physics.
        dt: time of the step.
        split: "terms" for one unitary per H_S, smaller S first; "whole" for exp(-i H dt) alone. The identity part is
            only a global phase and has no gate.
    """
    dims = system.dims
    parts = (
        decomposition.decompose(system.H, dims)
        if split == "terms"
        else {tuple(range(len(dims))): system.H}
    )
    least = 1e-14 * float(torch.linalg.matrix_norm(system.H))
    unitaries = {}
    for subset, part in parts.items():
        if subset and float(torch.linalg.matrix_norm(part)) > least:
            rest = len(system.H) // math.prod(dims[m] for m in subset)
            energies, V = torch.linalg.eigh(states.partial_trace(part, dims, subset) / rest)
            unitaries[subset] = ((V * torch.exp(-1j * energies * dt)) @ V.mH).numpy()
    return unitaries


def jump_channel(L: Tensor, dt: float) -> np.ndarray:
    """Returns the two Kraus operators (2, D, D) "no jump" and "jump" of one L over dt, to first order.

    M_0 = 1 - L^+ L dt / 2 and M_1 = sqrt(dt) L, times (M_0^+ M_0 + M_1^+ M_1)^(-1/2), which makes the sum of M^+ M
    exactly one for any dt. (L^+ L commutes with that factor, so in its eigenbasis, of eigenvalues g, it is 1 / sqrt(1 +
    g^2 dt^2 / 4).)
    """
    g, V = torch.linalg.eigh(L.mH @ L)
    x = g * dt / 2
    factor = 1 / torch.sqrt(1 + x**2)
    stay = (V * (factor * (1 - x))) @ V.mH
    return torch.stack([stay, math.sqrt(dt) * L @ (V * factor) @ V.mH]).numpy()


def shares(H: Tensor, dims: Sequence[int]) -> dict[decomposition.Subset, float]:
    """Returns the part of ||H||^2 (Hilbert-Schmidt, without the identity) acting on exactly each S; adds up to 1."""
    squares = {
        subset: float(s) ** 2 for subset, s in decomposition.strengths(H, dims).items() if subset
    }
    total = sum(squares.values())
    return {subset: square / total if total else 0.0 for subset, square in squares.items()}


def apply(operators: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """Returns sum_r K_r rho K_r^+ for Kraus operators (R, D, D); one unitary is R = 1."""
    return (operators @ rho @ operators.conj().transpose(0, 2, 1)).sum(0)
