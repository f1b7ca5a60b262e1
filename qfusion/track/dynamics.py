"""One sample followed by QuTiP: the master equation over time and every measure of its states."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, require_finite, require_number
from qfusion.models import require
from qfusion.quantum.kinds import Measures
from qfusion.quantum.lindblad import System, evolve_states
from qfusion.quantum.measures import measures_over_time
from qfusion.track.states import (
    array,
    as_ket,
    checked_ket,
    checked_times,
    dimension,
    operators,
    single_threaded,
)
from qfusion.track.trajectories import Ensemble, Trajectory, ensemble, sample_trajectories

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
    system: System,
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


class Followed(Protocol):
    """A sample before a model, such as `analysis.case` opens: the model and the sample's features."""

    @property
    def model(self) -> Any:
        """The model."""

    @property
    def inputs(self) -> Mapping[str, Any]:
        """Features of the sample, by modality."""


def follow(
    case: Followed,
    times: int = 41,
    *,
    negativity: bool = True,
    trajectories: int = 0,
    seed: int = 0,
) -> Track:
    """Returns the dynamics of the sample of a case, from 0 to the model's duration T.

    Args:
        case: a sample before a quantum-jump model, see `analysis.case`.
        times: how many, evenly, both ends included.
        negativity, trajectories, seed: as for `track`.

    Raises:
        InvalidInput: when the model has no evolution in time, or an argument is out of range.
    """
    require(case.model, "time", "to follow", "The model in argument `case`")
    count = require_number("times", times, 2, 100_000)
    check(count == int(count), f"Argument `times` must be a whole number, but is {times!r}.")
    with torch.no_grad():
        psi = case.model.product_state(case.model.encode(case.inputs))[0]
    system = case.model.system()
    return track(
        system,
        psi,
        np.linspace(0, system.duration, int(count)),
        negativity=negativity,
        trajectories=trajectories,
        seed=seed,
    )


def _tolerance(system: System, until: float) -> float:
    """Of the integrator: errors of so many periods may add up."""
    energies = np.linalg.eigvalsh(array(system.H))
    return max(RTOL / max(1.0, (energies[-1] - energies[0]) * until / 20), 1e-12)


@single_threaded
def solve(
    system: System,
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
    rtol = _tolerance(system, float(t[-1])) if rtol is None else rtol
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

    states = mesolve(H, as_ket(psi, system.dims).proj(), grid, jumps, options=options).states
    return np.stack([state.full() for state in states])[back[1:]]


def agreement(
    system: System,
    psi0: Tensor | np.ndarray,
    rho_T: Tensor | np.ndarray,
    *,
    time: float | None = None,
) -> float:
    """Returns the largest |difference| of the entries of `rho_T` from torch's own evolution.

    Args:
        system: the trained physics.
        psi0: initial ket (D,).
        rho_T: the state to compare, (D, D), from `track(...).rho[-1]`.
        time: at which it was reached; default `system.duration`.

    Raises:
        InvalidInput: when shapes disagree or the time is negative.
    """
    D = dimension(system)
    psi = torch.from_numpy(checked_ket("psi0", psi0, D))
    other = array(rho_T)
    check(
        other.shape == (D, D),
        f"Argument `rho_T` must have shape ({D}, {D}), but has shape {other.shape}. Give one state.",
    )
    require_finite("rho_T", other)
    at = system.duration if time is None else time
    ours = evolve_states(system.H, system.jumps, torch.outer(psi, psi.conj()), [at])
    return float(np.abs(ours[0].numpy() - other).max())


def to_frame(tracked: Track) -> pd.DataFrame:
    """Returns one row a time: column `t`, then the measures in their order."""
    return pd.DataFrame({"t": tracked.times, **tracked.measures.columns()})
