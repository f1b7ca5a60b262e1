"""Quantum-jump trajectories of one sample by QuTiP's Monte Carlo solver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.quantum.kinds import Measure, Measures
from qfusion.quantum.lindblad import System
from qfusion.quantum.measures import entanglement_entropy
from qfusion.track.states import (
    as_ket,
    checked_ket,
    checked_times,
    dimension,
    operators,
    single_threaded,
)

if TYPE_CHECKING:  # QuTiP, and matplotlib with it, are loaded once something is tracked
    from qutip import Qobj

# Waiting times are found to 1e-6 in the norm: the bias of the mean stays far below any ensemble's standard error.
_OPTIONS = {"rtol": 1e-7, "atol": 1e-9, "nsteps": 10**6, "progress_bar": "", "store_states": True}
_JUMP_OPTIONS = {
    "map": "serial",
    "keep_runs_results": True,
    "norm_tol": 1e-6,
    "norm_t_tol": 1e-9,
    "norm_steps": 200,
}
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
    measures: Measures
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
    measures: Measures
    measures_error: Measures
    jumps: np.ndarray


@single_threaded
def sample_trajectories(
    system: System,
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
    t, psi = checked_times(times), checked_ket("psi0", psi0, dimension(system))
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
    if grid[-1] == 0 or not len(system.jumps):
        quiet = _describe(system, t, _unitary(system, psi, grid)[None, back[1:]], [[]])
        return tuple(quiet) * number
    H, jumps = operators(system)
    from qutip import MCSolver

    solver, start = MCSolver(H, jumps, options=_OPTIONS | _JUMP_OPTIONS), as_ket(psi, system.dims)
    seeds, found = np.random.SeedSequence(seed).spawn(number), []
    for first in range(0, number, _CHUNK):
        chunk = seeds[first : first + _CHUNK]
        runs = solver.run(start, grid, ntraj=len(chunk), seeds=chunk).trajectories
        kets = np.stack([_kets(run.states) for run in runs])[:, back[1:]]
        found += _describe(system, t, kets, [run.collapse for run in runs])
    return tuple(found)


def _kets(states: Sequence[Qobj]) -> np.ndarray:
    return np.stack([state.full()[:, 0] for state in states])


def _unitary(system: System, psi: np.ndarray, grid: np.ndarray) -> np.ndarray:
    if grid[-1] == 0:
        return psi[None]
    H, _ = operators(system)
    from qutip import sesolve

    return _kets(
        sesolve(H, as_ket(psi, system.dims), grid, options={**_OPTIONS, "method": "vern7"}).states
    )


def _describe(
    system: System,
    times: np.ndarray,
    kets: np.ndarray,
    jumps: Sequence[Sequence[tuple[float, int]]],
) -> list[Trajectory]:
    """Kets (n, nT, D) and the (time, operator) pairs of n runs as trajectories."""
    # The solver keeps the norm to its tolerance only, which is more than the measures accept.
    kets = kets / np.linalg.norm(kets, axis=-1, keepdims=True)
    psi, populations = torch.from_numpy(kets), np.abs(kets) ** 2
    entropies = {
        name: entanglement_entropy(psi, system.dims, m).numpy()
        for m, name in enumerate(system.names)
    }
    return [
        Trajectory(
            times,
            np.array([when for when, _ in jumps[i]]),
            np.array([k for _, k in jumps[i]], dtype=int),
            Measures(Measure("entropy", (name,), values[i]) for name, values in entropies.items()),
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
    mean, error = _mean_and_error([one.populations for one in trajectories])
    both = [
        (same[0], *_mean_and_error([one.values for one in same]))
        for same in zip(*(run.measures for run in trajectories), strict=True)
    ]
    jumped = np.concatenate([one.jump_operators for one in trajectories])
    return Ensemble(
        n,
        mean,
        error,
        Measures(replace(one, values=m) for one, m, _ in both),
        Measures(replace(one, values=e) for one, _, e in both),
        np.bincount(jumped, minlength=channels or 0) / n,
    )


def _mean_and_error(values: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    stacked = np.stack(values)
    return stacked.mean(0), stacked.std(0, ddof=1) / np.sqrt(len(stacked))
