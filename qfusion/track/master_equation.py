"""The master equation of one sample, integrated by QuTiP, with every measure of its states over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, require_number
from qfusion._lazy import Library
from qfusion.quantum import lindblad, measure_kinds

if TYPE_CHECKING:
    import qutip
else:
    qutip = Library("qutip")
from qfusion.models.protocols import Evolution
from qfusion.track.monte_carlo import Ensemble, Trajectory, ensemble, sample_trajectories
from qfusion.track.qutip_objects import (
    as_ket,
    qutip_operators,
    single_threaded,
    to_numpy,
    validate_ket,
    validate_times,
)


@dataclass(frozen=True)
class Track:
    """A sample's dynamics.

    Attributes:
        times: (nT,), in units of 1 / energy (hbar = 1).
        names: of the modalities, leftmost factor first.
        dims: of the modalities.
        rho: states under the master equation, (nT, D, D).
        measures: of the states under the master equation, (nT,) each, in the order of
            `quantum.measure_kinds.measures_over_time`.
        trajectories: single quantum-jump trajectories, when asked for.
        ensemble: their mean and its standard error, from two trajectories on.
    """

    times: np.ndarray
    names: tuple[str, ...]
    dims: tuple[int, ...]
    rho: np.ndarray
    measures: measure_kinds.Measures
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
    """Return the dynamics of one sample.

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
        times=validate_times(times),
        names=tuple(system.names),
        dims=tuple(system.dims),
        rho=rho,
        measures=measure_kinds.measures_over_time(
            rho, system.dims, system.names, negativity=negativity
        ),
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
    """Return the dynamics of a sample, from 0 to the model's duration T.

    Args:
        sample: before a quantum-jump model, such as `analysis.open_sample` gives: its `model` and, by modality, its
            `inputs`.
        times: how many, evenly, both ends included.
        negativity, trajectories, seed: as for `track`.

    Raises:
        InvalidInput: when the model has no evolution in time, or an argument is out of range.
    """
    sample.model.require(Evolution, "to follow", "The model in argument `sample`")
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
    """Return rho(t) under the master equation by QuTiP, complex128 (nT, D, D).

    `mesolve` with the matrix form of the generator, which never builds the D^2 x D^2 superoperator, and Verner's
    seventh-order method. Its result is not renormalised, so that a loss of trace would show.

    Raises:
        InvalidInput: as for `track`.
    """
    t = validate_times(times)
    psi = validate_ket("psi0", psi0, len(system.H))
    if rtol is None:
        # with 1e-7 rho(t) is within about 1e-9 of exact, at half the time of 1e-11; errors of many periods may add up
        energies = np.linalg.eigvalsh(to_numpy(system.H))
        rtol = max(1e-7 / max(1.0, np.ptp(energies) * t[-1] / 20), 1e-12)
    check(
        1e-14 < rtol < 1,
        f"Argument `rtol` must lie between 1e-14 and 1, but is {rtol:g}. Use 1e-11 for a reference.",
    )
    # The solver takes its first time as the start, and wants no time twice.
    grid, back = np.unique(np.concatenate([[0.0], t]), return_inverse=True)
    H, jumps = qutip_operators(system)
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
    """Return one row a time: column `t`, then the measures in their order."""
    return pd.DataFrame({"t": tracked.times, **tracked.measures.columns()})
