"""The evolution of one sample under a model with a tweak: its states, measures and metrics, and the steady state."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion import simulate
from qfusion._memory_cache import memo
from qfusion.data.coalition_terms import split_term
from qfusion.models.tweak import Tweak
from qfusion.quantum import lindblad, measures, states
from qfusion.study.jobs import Task

# One sample under a (tweaked) model: what the Dynamics and Circuit pages show. Free of streamlit.

TIMES = 41  # enough for a smooth line, few enough to redraw while a slider moves


def time_grid(duration: float, count: int = TIMES) -> np.ndarray:
    """(count,) times from 0 to T; a T of zero still gets a tiny span, so that the axes exist."""
    return np.linspace(0.0, max(duration, 1e-6), count)


@memo(2, background=False)  # under the sliders, and as learned
@torch.no_grad()
def observables(study: Any, tweak: Tweak) -> torch.Tensor:
    """Return the observables that a tweaked model with time reads, pulled back from each of the displayed times,
    (nT, C, D, D).
    """
    model = study.model.tweaked(tweak)
    return model.observables(time_grid(float(model.duration)).tolist())


@memo(64, background=False)
@torch.no_grad()
def tweaked_metrics(study: Any, tweak: Any) -> dict[str, float]:
    """Metrics of the test rows under a tweak."""
    rows = study.dataset.rows("test")
    return study.split_metrics(study.backend.tweaked_scores(rows, tweak))


@memo(8, background=False)  # a reader who drags sliders needs the last ones
def track(
    study: Any, row: int, tweak: Tweak, *, negativity: bool = False, runs: int = 0, seed: int = 0
) -> Any:
    """The track of one sample under the tweaked model, see `simulate.track`: the states of `exact_states`, and
    trajectories by QuTiP.
    """
    system = study.model.tweaked(tweak).system()
    return simulate.track(
        system,
        study.backend.ket(row),
        time_grid(system.duration),
        negativity=negativity,
        trajectories=runs,
        seed=seed,
        rho=exact_states(study, row, tweak).numpy(),
    )


def difference_to_qutip(study: Any, row: int, tweak: Tweak) -> float:
    """Return the largest deviation of an element of the states of a sample, at any of the times shown, between QuTiP's
    adaptive steps and `exact_states`.
    """
    system = study.model.tweaked(tweak).system()
    rho = simulate.solve(system, study.backend.ket(row), time_grid(system.duration))
    return float(np.abs(rho - exact_states(study, row, tweak).numpy()).max())


def affected_modalities(tweak: Tweak, modalities: Sequence[str]) -> list[tuple[str, ...]]:
    """Return the modalities that each changed term acts on, every set once; all of them for the duration."""
    parts = [tuple(split_term(name)) for name in (*tweak.couplings, *tweak.dissipations)]
    if tweak.duration is not None:
        parts.append(tuple(modalities))
    return list(dict.fromkeys(parts))


@memo(4, background=False)  # two samples, under the sliders and as learned
@torch.no_grad()
def exact_states(
    study: Any, row: int, tweak: Tweak, times: Sequence[float] | None = None
) -> torch.Tensor:
    """Return the states (nT, D, D) of a sample, computed by expansion in torch, by default at the displayed times."""
    system = study.model.tweaked(tweak).system()
    rho = states.density(study.backend.ket(row).to(system.H.dtype))
    return lindblad.evolve_states(
        system.H,
        system.jumps,
        rho,
        time_grid(float(system.duration)).tolist() if times is None else times,
    )


def shared_at_end(study: Any, row: int, tweak: Tweak, part: Sequence[str]) -> float:
    """Return the correlation at T in nats: of one modality, its mutual information with the rest; of several, their
    total correlation, which for two is the mutual information.
    """
    rho, dims = exact_states(study, row, tweak)[-1], study.model.dims
    places = [study.modalities.index(name) for name in part]
    if len(places) == 1:
        rest = [m for m in range(len(dims)) if m not in places]
        return float(measures.mutual_information(rho, dims, places, rest))
    return float(
        measures.total_correlation(
            states.partial_trace(rho, dims, places), [dims[m] for m in places]
        )
    )


def entangled_at_end(study: Any, row: int, tweak: Tweak, part: Sequence[str]) -> float:
    """Return the logarithmic negativity at T in bits: of one modality with the rest, or of two with each other."""
    rho, dims = exact_states(study, row, tweak)[-1], study.model.dims
    places = [study.modalities.index(name) for name in part]
    if len(places) == 1:
        return float(measures.logarithmic_negativity(rho, dims, places))
    return float(
        measures.logarithmic_negativity(
            states.partial_trace(rho, dims, places), [dims[m] for m in places], (0,)
        )
    )


@memo(32, background=False)
@torch.no_grad()
def entropies_by_torch(
    study: Any, row: int, count: int = 21
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times and the entropy of each modality's state under the model as learned."""
    model = study.model
    times = time_grid(float(model.duration), count)
    rho = model.evolve_states(states.density(study.backend.ket(row)), times.tolist())
    return times, {
        name: measures.von_neumann_entropy(states.partial_trace(rho, model.dims, (m,))).numpy()
        for m, name in enumerate(study.modalities)
    }


STEPS = 12  # per T, at which distances are drawn
PAIRS = 8  # test samples whose states are followed beside that of the one that is read
MOST_SPREAD = 1000  # test samples over which the spread of scores is taken


@dataclass(frozen=True, eq=False)
class Convergence:
    """End of a sample's evolution, and the speed at which inputs become alike on the way.

    Attributes:
        times: (nT,), from 0 to beyond T. final: the state at T, (D, D).
        attractor: as `simulate.attractor` gives it, its distances at `times`.
        contraction: as `simulate.contraction` gives it, between this sample and others of the test split; None where
            nothing evolves or no other test sample has another state.
        spread: standard deviation over the test samples of every score, read out at 0 and at T, (2, C).
    """

    times: np.ndarray
    final: np.ndarray
    attractor: Any
    contraction: Any
    spread: np.ndarray


@memo(16, background=False, task=Task.FIND_STEADY_STATE)
@torch.no_grad()
def steady_state_of(study: Any, row: int, tweak: Tweak, reach: float = 5.0) -> Convergence:
    """Steady state, spectral gap, the sample's distance to it up to `reach` times T, and contraction within T."""
    model = study.model.tweaked(tweak)
    system = model.system()
    times = np.linspace(0.0, reach * max(system.duration, 1e-6), STEPS * round(reach) + 1)
    rho = exact_states(study, row, tweak, times.tolist())
    test = study.dataset.rows("test")
    others = test[test != row]
    others = others[np.linspace(0, len(others) - 1, min(PAIRS, len(others))).astype(int)]
    pairs = None
    if system.duration > 0 and len(others):
        kets = study.backend.kets(np.array([row, *others]))
        if float((kets[1:] @ kets[0].conj()).abs().min()) < 1 - 1e-6:
            pairs = simulate.contraction(system, kets[0], kets[1:], steps=STEPS + 1)
    scores = []
    for observable in model.observables([0.0, float(model.duration)]):
        scores.append(study.backend.observable_scores(test[:MOST_SPREAD], observable, model.bias))
    return Convergence(
        times,
        rho[STEPS].numpy(),
        simulate.attractor(system, rho),
        pairs,
        np.std(scores, axis=1),
    )
