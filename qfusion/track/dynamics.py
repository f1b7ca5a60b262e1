"""A sample followed through the dynamics with QuTiP: the master equation, single quantum-jump trajectories, and
their ensemble.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd
import scipy
import torch
from threadpoolctl import ThreadpoolController
from torch import Tensor

from qfusion._checks import check, require_finite, require_number
from qfusion.models import require
from qfusion.quantum import lindblad, states
from qfusion.quantum.measures import Measure, Measures, entanglement_entropy, measures_over_time

if TYPE_CHECKING:
    import qutip


# A norm off by this much puts the trace of the density matrix off by what `measures` accepts as round-off.
_NORM_TOLERANCE = 5e-8

P = ParamSpec("P")
R = TypeVar("R")


_thread_pools = functools.cache(
    ThreadpoolController
)  # made when first asked for: it looks at what is loaded


def single_threaded(function: Callable[P, R]) -> Callable[P, R]:
    """Lets `function` use one BLAS thread: matrices of side 64 gain little from two, and lose ten times and more to
    their waiting for each other as soon as anything else wants the cores."""

    @functools.wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        with _thread_pools().limit(limits=1, user_api="blas"):
            return function(*args, **kwargs)

    return limited


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
    check(
        abs(norm - 1) <= _NORM_TOLERANCE,
        f"Argument `{name}` must have norm 1, but has norm {norm:.9g}. Divide it by its norm, in double precision.",
    )
    return ket


def as_operator(matrix: Tensor | np.ndarray, dims: Sequence[int]) -> qutip.Qobj:
    """Returns a matrix (D, D) as a QuTiP operator on the modalities."""
    import qutip

    return qutip.Qobj(array(matrix), dims=[list(dims), list(dims)])


def as_ket(psi: np.ndarray, dims: Sequence[int]) -> qutip.Qobj:
    """Returns a vector (D,) as a QuTiP ket on the modalities."""
    import qutip

    return qutip.Qobj(psi[:, None], dims=[list(dims), [1] * len(dims)])


def operators(system: lindblad.System) -> tuple[qutip.Qobj, list[qutip.Qobj]]:
    """Returns H and the jump operators of `system` for QuTiP."""
    return as_operator(system.H, system.dims), [as_operator(L, system.dims) for L in system.jumps]


def dimension(system: lindblad.System) -> int:
    """Returns the joint dimension D."""
    return math.prod(system.dims)


# Quantum-jump trajectories of one sample by QuTiP's Monte Carlo solver.

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
    H, jumps = operators(system)
    start = as_ket(psi, system.dims)
    import qutip

    if not jumps or grid[-1] == 0:
        solved = qutip.sesolve(H, start, grid, options={**_OPTIONS, "method": "vern7"})
        kets = _kets(solved.states)
        return tuple(_describe(system, t, kets[None, back[1:]], [[]])) * number
    solver = qutip.MCSolver(H, jumps, options=_OPTIONS | _JUMP_OPTIONS)
    seeds, result = np.random.SeedSequence(seed).spawn(number), []
    for first in range(0, number, _CHUNK):
        chunk = seeds[first : first + _CHUNK]
        runs = solver.run(start, grid, ntraj=len(chunk), seeds=chunk).trajectories
        kets = np.stack([_kets(run.states) for run in runs])[:, back[1:]]
        result += _describe(system, t, kets, [run.collapse for run in runs])
    return tuple(result)


def _kets(states: Sequence[qutip.Qobj]) -> np.ndarray:
    return np.stack([state.full()[:, 0] for state in states])


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
        Measures(replace(one, values=runs.mean(0)) for one, runs in values),
        Measures(replace(one, values=scipy.stats.sem(runs)) for one, runs in values),
        np.bincount(jumped, minlength=channels or 0) / n,
    )


# One sample followed by QuTiP: the master equation over time and every measure of its states.

#: Default relative tolerance of the integrator: rho(t) is then within about 1e-9 of exact, at half the time of 1e-11.
RTOL = 1e-7


@dataclass(frozen=True)
class Track:
    """A sample's dynamics.

    Attributes:
        times: (nT,), in units of 1 / energy (hbar = 1).
        names: of the modalities, leftmost factor first.
        dims: of the modalities.
        rho: states under the master equation, (nT, D, D).
        measures: of the states under the master equation, (nT,) each, in the order of
            `quantum.measures.measures_over_time`.
        trajectories: single quantum-jump trajectories, when asked for.
        ensemble: their mean and its standard error, from two trajectories on.
    """

    times: np.ndarray
    names: tuple[str, ...]
    dims: tuple[int, ...]
    rho: np.ndarray
    measures: Measures
    trajectories: tuple[Trajectory, ...] = ()
    ensemble: Ensemble | None = None

    @property
    def populations(self) -> np.ndarray:
        """Probability of each basis state over time, (nT, D)."""
        return np.diagonal(self.rho, axis1=1, axis2=2).real


@single_threaded
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
        measures=measures_over_time(rho, system.dims, system.names, negativity=negativity),
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


@single_threaded
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
    t, psi = checked_times(times), checked_ket("psi0", psi0, dimension(system))
    if rtol is None:  # errors of so many periods may add up
        energies = np.linalg.eigvalsh(array(system.H))
        periods = (energies[-1] - energies[0]) * float(t[-1]) / 20
        rtol = max(RTOL / max(1.0, periods), 1e-12)
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
    from qutip import mesolve

    solved = mesolve(H, as_ket(psi, system.dims).proj(), grid, jumps, options=options)
    return np.stack([state.full() for state in solved.states])[back[1:]]


def to_frame(tracked: Track) -> pd.DataFrame:
    """Returns one row a time: column `t`, then the measures in their order."""
    return pd.DataFrame({"t": tracked.times, **tracked.measures.columns()})
