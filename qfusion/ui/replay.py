"""One sample under a (tweaked) model: what the Dynamics and Circuit pages show. Free of streamlit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion import explain
from qfusion.figures import circuit_boxes
from qfusion.models import Tweak
from qfusion.quantum import lindblad, measures, states
from qfusion.ui import jump_space
from qfusion.ui.jump_space import JumpSpace

LIVE_RTOL = 1e-6  # QuTiP is then within about 1e-9 of exact, a third faster than at its usual 1e-7
TIMES = 41  # enough for a smooth line, few enough to redraw while a slider moves


@dataclass(frozen=True)
class Dials:
    """The sliders' values: a factor for each H_S and each jump rate, and the duration T. Hashable, so it keys caches."""

    couplings: tuple[tuple[str, float], ...]
    rates: tuple[float, ...]
    duration: float

    def tweak(self) -> Tweak:
        """The same as the model takes it."""
        return Tweak(couplings=dict(self.couplings), rates=self.rates, duration=self.duration)


def learned(model: Any) -> Dials:
    """The dials of the model as trained: every factor 1, its own T."""
    terms = tuple((term, 1.0) for term in _terms(model.modalities))
    return Dials(terms, (1.0,) * model.jump_count, float(model.duration))


def _terms(modalities: tuple[str, ...]) -> list[str]:
    from qfusion.data.spec import coalitions

    return [term for term in coalitions(modalities) if term]


@dataclass(frozen=True, eq=False)
class Decision:
    """What a model with these dials says of one sample, and how well it does on the test rows.

    Attributes:
        times: (nT,) in [0, T]. dividends, shapley: (nT,) by coalition and by modality, as if read out at t.
        prediction: at T. metrics: of the test rows.
    """

    dials: Dials
    times: np.ndarray
    dividends: dict[str, np.ndarray]
    shapley: dict[str, np.ndarray]
    prediction: float
    metrics: dict[str, float]

    def final(self) -> dict[str, float]:
        """Dividends at T, the baseline under the empty coalition."""
        return {term: float(values[-1]) for term, values in self.dividends.items()}

    def frame(self) -> pd.DataFrame:
        """One row a time: t, the dividend of each coalition, the Shapley value of each modality."""
        columns = {"t": self.times} | {f"dividend[{term or 'baseline'}]": v for term, v in self.dividends.items()}
        return pd.DataFrame(columns | {f"shapley[{name}]": v for name, v in self.shapley.items()})


def times_of(duration: float, count: int = TIMES) -> np.ndarray:
    """(count,) times from 0 to T; a T of zero still gets a tiny span, so that the axes exist."""
    return np.linspace(0.0, max(duration, 1e-6), count)


class _Evolved:
    """A model whose observables at some times are worked out already: one evolution serves explanation and metrics."""

    def __init__(self, model: Any, observables: torch.Tensor):
        self._model, self._observables = model, observables

    def observables(self, times: Any = None) -> torch.Tensor:
        """The observables (nT, C, D, D) that were worked out."""
        return self._observables

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)


def decide(work: JumpSpace, row: int, dials: Dials, output: int = 0) -> Decision:
    """Explains one sample over time and scores the test rows under the tweaked model."""
    model = work.model.tweaked(dials.tweak())
    times = times_of(dials.duration)
    with torch.no_grad():
        inputs = work.dataset.inputs([row], dtype=torch.float64)
        evolved: Any = _Evolved(model, model.observables(times.tolist()))
        e = explain.through_time(evolved, inputs, work.background, times.tolist())
        observables = evolved.observables()[-1]
        metrics = jump_space.test_metrics(work, observables, model.bias)
        prediction = jump_space.predict(work, np.array([row]), observables, model.bias)[0, output]
    dividends = {term: np.asarray(e.dividends[:, 0, i, output]) for i, term in enumerate(e.coalitions)}
    shapley = {name: np.asarray(e.shapley[:, 0, m, output]) for m, name in enumerate(work.modalities)}
    return Decision(dials, times, dividends, shapley, float(prediction), metrics)


def follow(work: JumpSpace, row: int, dials: Dials, *, negativity: bool = False, runs: int = 0, seed: int = 0) -> Any:
    """QuTiP's track of one sample under the tweaked model."""
    from qfusion import track

    system = work.model.tweaked(dials.tweak()).system()
    return track.track(system, work.psi[row], times_of(dials.duration), negativity=negativity, trajectories=runs, seed=seed,
                       rtol=LIVE_RTOL)


def agreement(work: JumpSpace, row: int, dials: Dials, rho: np.ndarray) -> float:
    """Largest deviation of QuTiP's rho(T) from torch's, over all elements."""
    from qfusion import track

    system = work.model.tweaked(dials.tweak()).system()
    return float(track.agreement(system, work.psi[row], rho, time=float(times_of(dials.duration)[-1])))


@dataclass(frozen=True, eq=False)
class Settling:
    """The long-time end: `attractor` as `track.attractor` gives it, its distances at `times` (beyond T)."""

    times: np.ndarray
    attractor: Any


def attract(work: JumpSpace, row: int, dials: Dials, reach: float = 5.0) -> Settling:
    """Steady state, spectral gap, and the sample's distance to it up to `reach` times T."""
    from qfusion import track

    system = work.model.tweaked(dials.tweak()).system()
    times = times_of(reach * dials.duration, 61)
    rho = lindblad.evolve_states(system.H, system.jumps, states.density(work.psi[row].to(system.H.dtype)), times.tolist())
    return Settling(times, track.attractor(system, rho))


def sort_measures(measures: dict[str, np.ndarray], kind: str) -> dict[str, np.ndarray]:
    """The series of one kind (`"entropy"`, ...) keyed by what stands in brackets; the joint one under ""."""
    found = {}
    for name, values in measures.items():
        head, _, rest = name.partition("[")
        if head == kind:
            found[rest.rstrip("]")] = values
    return found


def single_entropies(track: Any) -> dict[str, np.ndarray]:
    """Entropy of each modality and of all together (key ""), without the pairs."""
    return {name: values for name, values in sort_measures(track.measures, "entropy").items() if "+" not in name}


def entropies_by_torch(work: JumpSpace, row: int, count: int = 21) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times and the entropy of each modality's state under the model as learned."""
    times = times_of(float(work.model.duration), count)
    with torch.no_grad():
        rho = work.model.evolve_states(states.density(work.psi[row]), times.tolist())
        found = {name: measures.von_neumann_entropy(states.partial_trace(rho, work.model.dims, (m,))).numpy()
                 for m, name in enumerate(work.modalities)}
    return times, found


def circuit(work: JumpSpace, row: int, dt: float, split: str) -> Any:
    """One step of the evolution of a sample as a PennyLane circuit."""
    from qfusion.track.circuit import step_circuit

    with torch.no_grad():
        kets = work.model.encode(work.dataset.inputs([row], dtype=torch.float64))
    return step_circuit(work.model.system(), {name: ket[0] for name, ket in kets.items()}, dt, split=split)


def step_errors(work: JumpSpace, row: int, split: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Step sizes (n,), and the circuit's distance from the exact evolution after one step and after all."""
    steps = float(work.model.duration) / np.array([2.0, 4.0, 8.0, 16.0, 32.0])
    errors = [circuit(work, row, float(dt), split).error for dt in steps]
    return steps, np.array([error.one for error in errors]), np.array([error.all for error in errors])


def step_walk(work: JumpSpace, built: Any) -> circuit_boxes.Walk:
    """A sample's way through one drawn step: every qubit before the first and after every gate."""
    return circuit_boxes.through_step(built, work.modalities)
