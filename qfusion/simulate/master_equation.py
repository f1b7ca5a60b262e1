"""The master equation of one sample, integrated by QuTiP, and one step of it as a quantum channel."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check, require_number
from qfusion._lazy import Library
from qfusion.models.protocols import Evolution
from qfusion.quantum import decomposition, generators, lindblad, measure_kinds, states
from qfusion.simulate.trajectories import (
    Ensemble,
    Trajectory,
    as_ket,
    ensemble,
    qutip_operators,
    sample_trajectories,
    single_threaded,
    to_numpy,
    validate_ket,
    validate_times,
)

if TYPE_CHECKING:
    import qutip
else:
    qutip = Library("qutip")


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


def track_sample(
    sample: Any,
    times: int = 41,
    *,
    negativity: bool = True,
    trajectories: int = 0,
    seed: int = 0,
) -> Track:
    """Return the dynamics of a sample, from 0 to the model's duration T.

    Args:
        sample: before a quantum-jump model, such as `study.open_sample` gives: its `model` and, by modality, its
            `inputs`.
        times: how many, evenly, both ends included.
        negativity, trajectories, seed: as for `track`.

    Raises:
        InvalidInput: when the model has no evolution in time, or an argument is out of range.

    Example:
        >>> from qfusion.simulate import track_sample
        >>> from qfusion.study import open_sample
        >>> track_sample(open_sample("qj-parity", "pair-6602"), times=3).times.round(2).tolist()
        [0.0, 0.5, 1.0]
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
    """Return one row a time: column `t`, then the measures in their order.

    Example:
        >>> from qfusion.simulate import to_frame, track_sample
        >>> from qfusion.study import open_sample
        >>> tracked = track_sample(open_sample("qj-parity", "pair-6602"), times=3)
        >>> list(to_frame(tracked))[:3]
        ['t', 'entropy[left]', 'entropy[right]']
    """
    return pd.DataFrame({"t": tracked.times, **tracked.measures.columns()})


# One step of the evolution as a quantum channel: exact, as Kraus operators, and split into gates to be drawn.

#: Largest D whose exact channel is worked out: the generator is a matrix of side D^2 = 729 there and takes seconds.
MAX_EXACT = 27


def validate_step(dt: float) -> float:
    """Return `dt` as a float.

    Raises:
        InvalidInput: unless it is a positive number.
    """
    step = require_number("dt", dt, 0.0, math.inf)
    check(
        0 < step < math.inf,
        f"Argument `dt` must be above 0, but is {step:g}. Give the time of one step, such as T / 20.",
    )
    return step


def step_kraus_operators(system: lindblad.System, dt: float) -> np.ndarray:
    """Return Kraus operators (R, D, D) of exp(dt L), rho -> sum_r K_r rho K_r^+, largest first.

    They are the eigenvectors of the channel's Choi matrix times the root of their eigenvalues (Choi 1975); those whose
    eigenvalue is round-off are left out.

    Raises:
        InvalidInput: when `dt` is not positive, or D is above `MAX_EXACT`: at D = 64 the Choi matrix has side 4096,
            whose eigenvectors take minutes; the split step of `step_unitaries` and `jump_channel` serves there.
    """
    D = len(system.H)
    step = validate_step(dt)
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


def step_unitaries(
    system: lindblad.System, dt: float, split: str = "terms"
) -> dict[decomposition.Subset, np.ndarray]:
    """Return exp(-i H_S dt) on the modalities in S, (d_S, d_S), for every S whose H_S is not zero.

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
    """Return the two Kraus operators (2, D, D) "no jump" and "jump" of one L over dt, to first order.

    M_0 = 1 - L^+ L dt / 2 and M_1 = sqrt(dt) L, times (M_0^+ M_0 + M_1^+ M_1)^(-1/2), which makes the sum of M^+ M
    exactly one for any dt. (L^+ L commutes with that factor, so in its eigenbasis, of eigenvalues g, it is 1 / sqrt(1 +
    g^2 dt^2 / 4).)
    """
    g, V = torch.linalg.eigh(L.mH @ L)
    x = g * dt / 2
    factor = 1 / torch.sqrt(1 + x**2)
    stay = (V * (factor * (1 - x))) @ V.mH
    return torch.stack([stay, math.sqrt(dt) * L @ (V * factor) @ V.mH]).numpy()


def hamiltonian_shares(H: Tensor, dims: Sequence[int]) -> dict[decomposition.Subset, float]:
    """Return the part of ||H||^2 (Hilbert-Schmidt, without the identity) acting on exactly each S; add up to 1."""
    squares = {
        subset: float(s) ** 2 for subset, s in decomposition.strengths(H, dims).items() if subset
    }
    total = sum(squares.values())
    return {subset: square / total if total else 0.0 for subset, square in squares.items()}


def apply_kraus(operators: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """Return sum_r K_r rho K_r^+ for Kraus operators (R, D, D); one unitary is R = 1."""
    return (operators @ rho @ operators.conj().transpose(0, 2, 1)).sum(0)
