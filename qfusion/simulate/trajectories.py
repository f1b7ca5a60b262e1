"""Quantum-jump trajectories of one sample by QuTiP's Monte Carlo solver, their ensemble, and conversions to QuTiP."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

from qfusion._checks import check, require_finite
from qfusion._lazy import Library
from qfusion._memory_cache import memo
from qfusion.quantum import lindblad, measure_kinds, measures, states

if TYPE_CHECKING:
    import qutip
else:
    qutip = Library("qutip")


@memo(1)
def _thread_pools() -> ThreadpoolController:
    """Return the pools of threads of the libraries that are loaded by the first call."""
    return ThreadpoolController()


@contextmanager
def single_threaded() -> Iterator[None]:
    """Context manager that limits BLAS to one thread; also used as a decorator. Matrices of side 64 gain little from
    two threads, and become ten or more times slower from threads waiting for each other as soon as anything else
    uses the cores.
    """
    with _thread_pools().limit(limits=1, user_api="blas"):
        yield


def to_numpy(values: Tensor | np.ndarray | Sequence[float]) -> np.ndarray:
    """Return `values` as a NumPy array, detached from torch; bfloat16, which NumPy does not know, as float32.

    Example:
        >>> import torch
        >>> from qfusion.simulate.trajectories import to_numpy
        >>> to_numpy(torch.ones(2))
        array([1., 1.], dtype=float32)
    """
    if isinstance(values, Tensor):
        return (values.float() if values.dtype == torch.bfloat16 else values).detach().cpu().numpy()
    return np.asarray(values)


def validate_times(times: Tensor | np.ndarray | Sequence[float]) -> np.ndarray:
    """Return `times` as float64 (nT,).

    Raises:
        InvalidInput: unless they are finite, not negative and in ascending order.
    """
    t = to_numpy(times).astype(np.float64)
    check(
        t.ndim == 1,
        f"Argument `times` must be a list of times, but has shape {t.shape}. Give linspace(0, T, 41), say.",
    )
    return np.array(states.check_times(t.tolist()), dtype=np.float64)


def validate_ket(name: str, psi: Tensor | np.ndarray, D: int) -> np.ndarray:
    """Return `psi` as complex128 (D,).

    Raises:
        InvalidInput: unless it has that shape, is finite and of unit norm.
    """
    ket = to_numpy(psi).astype(np.complex128)
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
    """Return a matrix (D, D) as a QuTiP operator on the modalities."""
    return qutip.Qobj(to_numpy(matrix), dims=[list(dims), list(dims)])


def as_ket(psi: np.ndarray, dims: Sequence[int]) -> qutip.Qobj:
    """Return a vector (D,) as a QuTiP ket on the modalities."""
    return qutip.Qobj(psi[:, None], dims=[list(dims), [1] * len(dims)])


def qutip_operators(system: lindblad.System) -> tuple[qutip.Qobj, list[qutip.Qobj]]:
    """Return H and the jump operators of `system` for QuTiP."""
    return as_operator(system.H, system.dims), [as_operator(L, system.dims) for L in system.jumps]


# Quantum-jump trajectories of one sample by QuTiP's Monte Carlo solver.

_OPTIONS = {"rtol": 1e-7, "atol": 1e-9, "nsteps": 10**6, "progress_bar": "", "store_states": True}
_CHUNK = 100  # trajectories QuTiP holds at a time
_ORDER = 18  # of the series of a step whose generator has norm 1: the rest is below 1 / 19!


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
        before_jumps, after_jumps: the same measures just before and after each jump, (n,).
    """

    times: np.ndarray
    jump_times: np.ndarray
    jump_operators: np.ndarray
    measures: measure_kinds.Measures
    populations: np.ndarray
    before_jumps: measure_kinds.Measures
    after_jumps: measure_kinds.Measures

    def curve(self, kind: str, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Return times and values of one modality's measure, where each jump time stands twice: just before and just
        after the jump.
        """
        places = np.repeat(np.searchsorted(self.times, self.jump_times), 2)
        before = self.before_jumps.single(kind)[name]
        after = self.after_jumps.single(kind)[name]
        return (
            np.insert(self.times, places, np.repeat(self.jump_times, 2)),
            np.insert(
                self.measures.single(kind)[name], places, np.stack([before, after], 1).ravel()
            ),
        )


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
    measures: measure_kinds.Measures
    measures_error: measure_kinds.Measures
    jumps: np.ndarray


@single_threaded()
def sample_trajectories(
    system: lindblad.System,
    psi0: Tensor | np.ndarray,
    times: Tensor | np.ndarray | Sequence[float],
    number: int,
    seed: int = 0,
) -> tuple[Trajectory, ...]:
    """Return `number` trajectories by waiting-time sampling (Dalibard, Castin, Molmer 1992) in QuTiP's `MCSolver`.

    Trajectory i depends on `seed` and i only. Without jump operators all are the same unitary evolution.

    Raises:
        InvalidInput: when an argument is out of range, NaN, of the wrong size or not normalised.
    """
    t = validate_times(times)
    psi = validate_ket("psi0", psi0, len(system.H))
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
    H, jumps = qutip_operators(system)
    start = as_ket(psi, system.dims)
    if not jumps or grid[-1] == 0:
        solved = qutip.sesolve(H, start, grid, options={**_OPTIONS, "method": "vern7"})
        kets = _kets([solved])[:, back[1:]]
        return tuple(_describe(system, psi, t, kets, [[]])) * number
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
        result += _describe(system, psi, t, kets, [run.collapse for run in runs])
    return tuple(result)


def _kets(runs: Sequence[Any]) -> np.ndarray:
    """The kets of runs over time, (n, nT, D)."""
    return np.array([[state.full()[:, 0] for state in run.states] for run in runs])


def _describe(
    system: lindblad.System,
    psi0: np.ndarray,
    times: np.ndarray,
    kets: np.ndarray,
    jumps: Sequence[Sequence[tuple[float, int]]],
) -> list[Trajectory]:
    """Kets (n, nT, D) and the (time, operator) pairs of n runs as trajectories from psi0, (D,)."""
    # The solver keeps the norm to its tolerance only, which is more than the measures accept.
    kets = kets / np.linalg.norm(kets, axis=-1, keepdims=True)
    populations = np.abs(kets) ** 2
    entropies = _entropies(system, kets)
    before, after = (_entropies(system, states) for states in _states_at_jumps(system, psi0, jumps))
    trajectories = []
    for i in range(len(kets)):
        count = len(jumps[i])
        jump_times = np.array([when for when, _ in jumps[i]])
        jump_operators = np.array([k for _, k in jumps[i]], dtype=int)
        trajectory = Trajectory(
            times,
            jump_times,
            jump_operators,
            _as_measures(entropies, i),
            populations[i],
            _as_measures(before, i, count),
            _as_measures(after, i, count),
        )
        trajectories.append(trajectory)
    return trajectories


def _entropies(system: lindblad.System, kets: np.ndarray) -> dict[str, np.ndarray]:
    """Return the entanglement entropy of each modality, by name, of kets (n, nT, D)."""
    if not kets.size:
        return dict.fromkeys(system.names, np.empty(kets.shape[:2]))
    psi = torch.from_numpy(kets)
    return {
        name: measures.entanglement_entropy(psi, system.dims, m).numpy()
        for m, name in enumerate(system.names)
    }


def _as_measures(
    entropies: dict[str, np.ndarray], run: int, count: int | None = None
) -> measure_kinds.Measures:
    """Return the first `count` entropies of a run, all by default, as measures."""
    return measure_kinds.Measures(
        measure_kinds.Measure("entropy", (name,), values[run, :count])
        for name, values in entropies.items()
    )


def _states_at_jumps(
    system: lindblad.System, psi0: np.ndarray, jumps: Sequence[Sequence[tuple[float, int]]]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the kets just before and just after the jumps of n runs, (n, J, D) each, of which J is the largest number.

    Between jumps a ket follows exp(-i H_eff t), so the record of a run determines it without error of the solver. What
    is behind a run's last jump repeats its last ket.
    """
    H = to_numpy(system.H)
    operators = to_numpy(system.jumps)
    drift = -1j * H - 0.5 * np.einsum("kba,kbc->ac", operators.conj(), operators)
    count = max(map(len, jumps), default=0)
    before = np.empty((len(jumps), count, len(psi0)), dtype=complex)
    after = before.copy()
    kets = np.tile(psi0, (len(jumps), 1))
    clock = np.zeros(len(jumps))
    for j in range(count):
        jumping = [i for i, own in enumerate(jumps) if len(own) > j]
        when = np.array([jumps[i][j][0] for i in jumping])
        which = [jumps[i][j][1] for i in jumping]
        drifted = _drift(drift, kets[jumping], when - clock[jumping])
        before[:, j] = kets
        before[jumping, j] = _normalised(drifted)
        kets[jumping] = _normalised(np.einsum("nab,nb->na", operators[which], drifted))
        after[:, j] = kets
        clock[jumping] = when
    return before, after


def _normalised(kets: np.ndarray) -> np.ndarray:
    return kets / np.linalg.norm(kets, axis=-1, keepdims=True)


def _drift(generator: np.ndarray, kets: np.ndarray, spans: np.ndarray) -> np.ndarray:
    """Return exp(G t) of kets (n, D), each over its own span t, (n,), normalised after each step of the series."""
    steps = max(1, int(np.ceil(np.linalg.norm(generator, 2) * spans.max(initial=0.0))))
    for _ in range(steps):
        term = kets
        for order in range(1, _ORDER + 1):
            term = term @ generator.T * (spans / (steps * order))[:, None]
            kets = kets + term
        kets = _normalised(kets)
    return kets


def ensemble(trajectories: Sequence[Trajectory], channels: int | None = None) -> Ensemble:
    """Return means and standard errors (sample standard deviation / sqrt(n)) over two or more trajectories.

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
    means = []
    errors = []
    for same in zip(*(run.measures for run in trajectories), strict=True):
        runs = np.stack([one.values for one in same])
        means.append(replace(same[0], values=runs.mean(0)))
        errors.append(replace(same[0], values=scipy.stats.sem(runs)))
    jumped = np.concatenate([one.jump_operators for one in trajectories])
    return Ensemble(
        n,
        populations.mean(0),
        scipy.stats.sem(populations),
        measure_kinds.Measures(means),
        measure_kinds.Measures(errors),
        np.bincount(jumped, minlength=channels or 0) / n,
    )
