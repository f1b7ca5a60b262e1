"""One sample under a (tweaked) model: what the Dynamics and Circuit pages show. Free of streamlit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion import explain
from qfusion._checks import check
from qfusion.analysis.memo import memo
from qfusion.analysis.systems import jump_subject
from qfusion.data.modality import split_term
from qfusion.models import Tweak
from qfusion.models.tweak import LEARNED
from qfusion.quantum import lindblad, measures, states

LIVE_RTOL = 1e-6  # QuTiP is then within about 1e-9 of exact, a third faster than at its usual 1e-7
MOST_ERROR = 1e-6  # of an element of a state: what is further off is not shown
STEPS = 12  # per T, at which distances are drawn
PAIRS = 8  # test samples whose states are followed beside that of the one that is read
MOST_SPREAD = 1000  # test samples over which the spread of scores is taken
TIMES = 41  # enough for a smooth line, few enough to redraw while a slider moves


@dataclass(frozen=True, eq=False)
class Decision:
    """What a model with this tweak says of one sample, and how well it does on the test rows.

    Attributes:
        times: (nT,) in [0, T]. dividends, shapley: (nT,) by coalition and by modality, as if read out at t.
        scores: of all outputs at T, (C,). prediction: the explained one of them. metrics: of the test rows.
    """

    tweak: Tweak
    times: np.ndarray
    dividends: dict[str, np.ndarray]
    shapley: dict[str, np.ndarray]
    scores: np.ndarray
    prediction: float
    metrics: dict[str, float]

    def final(self) -> dict[str, float]:
        """Dividends at T, the baseline under the empty coalition."""
        return {term: float(values[-1]) for term, values in self.dividends.items()}

    def frame(self) -> pd.DataFrame:
        """One row a time: t, the dividend of each coalition, the Shapley value of each modality."""
        columns = {"t": self.times} | {
            f"dividend[{term or 'baseline'}]": v for term, v in self.dividends.items()
        }
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


@memo(64)
def decide(work: Any, row: int, tweak: Tweak, output: int = 0) -> Decision:
    """Explains one sample over time and scores the test rows under the tweaked model."""
    model = work.model.tweaked(tweak)
    times = times_of(float(model.duration))
    with torch.no_grad():
        inputs = work.inputs([row])
        evolved: Any = _Evolved(model, model.observables(times.tolist()))
        e = explain.through_time(evolved, inputs, work.background, times.tolist())
        observables = evolved.observables()[-1]
        metrics = jump_subject.test_metrics(work, observables, model.bias)
        scores = jump_subject.predict(work, np.array([row]), observables, model.bias)[0]
    dividends = {
        term: np.asarray(e.dividends[:, 0, i, output]) for i, term in enumerate(e.coalitions)
    }
    shapley = {
        name: np.asarray(e.shapley[:, 0, m, output]) for m, name in enumerate(work.modalities)
    }
    return Decision(
        tweak, times, dividends, shapley, np.asarray(scores), float(scores[output]), metrics
    )


@memo(32, background=False)
def follow(
    work: Any, row: int, tweak: Tweak, *, negativity: bool = False, runs: int = 0, seed: int = 0
) -> Any:
    """QuTiP's track of one sample under the tweaked model."""
    from qfusion import track

    system = work.model.tweaked(tweak).system()
    return track.track(
        system,
        work.ket(row),
        times_of(system.duration),
        negativity=negativity,
        trajectories=runs,
        seed=seed,
        rho=solved(work, row, tweak)[0],
    )


@memo(32, background=False)
def solved(work: Any, row: int, tweak: Tweak) -> tuple[np.ndarray, float]:
    """The states (nT, D, D) at the times shown, by QuTiP's adaptive steps, and their integration error: the largest
    deviation of an element, at any of these times, from torch's Chebyshev expansion, which is exact to 1e-13.

    Raises:
        InvalidInput: when it is above `MOST_ERROR`.
    """
    from qfusion import track

    system, ket = work.model.tweaked(tweak).system(), work.ket(row)
    times = times_of(system.duration)
    rho = track.solve(system, ket, times, rtol=LIVE_RTOL)
    exact = lindblad.evolve_states(
        system.H, system.jumps, states.density(ket.to(system.H.dtype)), times.tolist()
    )
    error = float(np.abs(rho - exact.numpy()).max())
    check(
        error <= MOST_ERROR,
        f"The states are followed to {error:.1e} only, by two integrators that should agree to {MOST_ERROR:g}. Lower "
        "the couplings, the rates or the duration.",
    )
    return rho, error


def touched(tweak: Tweak, modalities: Sequence[str]) -> list[tuple[str, ...]]:
    """Returns the modalities that each changed term acts on, every set once; all of them for the duration and for rates
    of learned operators."""
    parts = [tuple(split_term(name)) for name in (*tweak.couplings, *tweak.dissipations)]
    whole = [tuple(modalities)] if tweak.rates or tweak.duration is not None else []
    return list(dict.fromkeys(parts + whole))


@memo(32, background=False)
def state_at_end(work: Any, row: int, tweak: Tweak) -> torch.Tensor:
    """rho(T) by torch's expansion, (D, D): one time only, so that a slider does not wait for it."""
    system = work.model.tweaked(tweak).system()
    return lindblad.evolve_states(
        system.H,
        system.jumps,
        states.density(work.ket(row).to(system.H.dtype)),
        [float(system.duration)],
    )[0]


def shared_at_end(work: Any, row: int, tweak: Tweak, part: Sequence[str]) -> float:
    """Returns the correlation at T in nats: of one modality its mutual information with the rest, of several their
    total correlation, which of two is the mutual information."""
    rho, dims = state_at_end(work, row, tweak), work.model.dims
    places = [work.modalities.index(name) for name in part]
    if len(places) == 1:
        rest = [m for m in range(len(dims)) if m not in places]
        return float(measures.mutual_information(rho, dims, places, rest))
    single = sum(
        float(measures.von_neumann_entropy(states.partial_trace(rho, dims, (m,)))) for m in places
    )
    return single - float(measures.von_neumann_entropy(states.partial_trace(rho, dims, places)))


def entangled_at_end(work: Any, row: int, tweak: Tweak, part: Sequence[str]) -> float:
    """Returns the logarithmic negativity at T in bits: of one modality with the rest, or of two with each other."""
    rho, dims = state_at_end(work, row, tweak), work.model.dims
    places = [work.modalities.index(name) for name in part]
    if len(places) == 1:
        return float(measures.logarithmic_negativity(rho, dims, places))
    return float(
        measures.logarithmic_negativity(
            states.partial_trace(rho, dims, places), [dims[m] for m in places], (0,)
        )
    )


def exactness(work: Any, row: int, tweak: Tweak) -> str:
    """How exact the states shown are, in a sentence; the bound is rounded up to one digit."""
    error = max(solved(work, row, tweak)[1], 1e-15)
    unit = 10.0 ** math.floor(math.log10(error))
    return f"Integration error of an element of ρ(t): at most {math.ceil(error / unit) * unit:.0e} at any time shown."


@dataclass(frozen=True, eq=False)
class Settling:
    """Where a sample's evolution ends, and how fast inputs become alike on the way.

    Attributes:
        times: (nT,), from 0 to beyond T. final: the state at T, (D, D).
        attractor: as `track.attractor` gives it, its distances at `times`.
        contraction: as `track.contraction` gives it, between this sample and others of the test split; None where
            nothing evolves or no other test sample has another state.
        spread: standard deviation over the test samples of every score, read out at 0 and at T, (2, C).
    """

    times: np.ndarray
    final: np.ndarray
    attractor: Any
    contraction: Any
    spread: np.ndarray


@memo(16, background=False, says="Looking for the steady state …")
def attract(work: Any, row: int, tweak: Tweak, reach: float = 5.0) -> Settling:
    """Steady state, spectral gap, the sample's distance to it up to `reach` times T, and contraction within T."""
    from qfusion import track

    model = work.model.tweaked(tweak)
    system = model.system()
    times = np.linspace(0.0, reach * max(system.duration, 1e-6), STEPS * round(reach) + 1)
    rho = lindblad.evolve_states(
        system.H, system.jumps, states.density(work.ket(row).to(system.H.dtype)), times.tolist()
    )
    test = work.dataset.rows("test")
    others = test[test != row]
    others = others[np.linspace(0, len(others) - 1, min(PAIRS, len(others))).astype(int)]
    pairs = None
    if system.duration > 0 and len(others):
        kets = work.kets(np.array([row, *others]))
        if float((kets[1:] @ kets[0].conj()).abs().min()) < 1 - 1e-6:
            pairs = track.contraction(system, kets[0], kets[1:], steps=STEPS + 1)
    with torch.no_grad():
        observables = model.observables([0.0, float(model.duration)])
        scores = [
            jump_subject.predict(work, test[:MOST_SPREAD], each, model.bias) for each in observables
        ]
    return Settling(
        times, rho[STEPS].numpy(), track.attractor(system, rho), pairs, np.std(scores, axis=1)
    )


@memo(32, background=False)
def entropies_by_torch(
    work: Any, row: int, count: int = 21
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times and the entropy of each modality's state under the model as learned."""
    times = times_of(float(work.model.duration), count)
    with torch.no_grad():
        rho = work.model.evolve_states(states.density(work.ket(row)), times.tolist())
        found = {
            name: measures.von_neumann_entropy(
                states.partial_trace(rho, work.model.dims, (m,))
            ).numpy()
            for m, name in enumerate(work.modalities)
        }
    return times, found


@memo(16, background=False, says="Building the circuit …")
def circuit(work: Any, row: int, dt: float, split: str, tweak: Tweak = LEARNED) -> Any:
    """One step of the evolution of a sample as a PennyLane circuit."""
    from qfusion.track.circuit import step_circuit

    with torch.no_grad():
        kets = work.model.encode(work.inputs([row]))
    return step_circuit(
        work.model.tweaked(tweak).system(),
        {name: ket[0] for name, ket in kets.items()},
        dt,
        split=split,
    )


@memo(16, background=False, says="Comparing steps with the exact evolution …")
def step_errors(
    work: Any, row: int, split: str, tweak: Tweak = LEARNED
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Step sizes (n,), and the circuit's distance from the exact evolution after one step and after all."""
    steps = float(work.model.tweaked(tweak).duration) / np.array([2.0, 4.0, 8.0, 16.0, 32.0])
    errors = [circuit(work, row, float(dt), split, tweak).error for dt in steps]
    return (
        steps,
        np.array([error.one for error in errors]),
        np.array([error.all for error in errors]),
    )
