"""One sample on its way through a (tweaked) model: its evolution in time, its circuit with edited tables or noise, and
correlations taken away on the way."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion import _sentences, explain
from qfusion._checks import check
from qfusion.analysis import study
from qfusion.analysis.memo import memo
from qfusion.analysis.study import softmax, with_observables
from qfusion.data.modality import split_term
from qfusion.explain.cuts import DEFAULT, KINDS, CutMetrics, Cuts, cut_metrics, cuts, kind_of
from qfusion.explain.cuts import TIMES as CUT_TIMES
from qfusion.models import entangled_qcnn, require
from qfusion.models.qcnn import evaluate
from qfusion.models.tweak import LEARNED, Tweak
from qfusion.quantum import lindblad, measures, states
from qfusion.quantum.decomposition import subsets
from qfusion.training import batches

# One sample under a (tweaked) model: what the Dynamics and Circuit pages show. Free of streamlit.

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
        metrics = study.test_metrics(work, observables, model.bias)
        scores = study.predict(work, np.array([row]), observables, model.bias)[0]
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
        scores = [study.predict(work, test[:MOST_SPREAD], each, model.bias) for each in observables]
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


# One sample in an entangled-fusion circuit, as learned, with edited tables, and with noise, or in one of plain gates.
# Free of streamlit.


@dataclass(frozen=True, eq=False)
class Answer:
    """What the network says of one sample, and how well it does on the test rows.

    Attributes:
        phi: tables it fused by. scores, probabilities: (C,). dividends: (2^M, C).
        metrics: of the test rows.
    """

    phi: torch.Tensor
    scores: np.ndarray
    probabilities: np.ndarray
    dividends: np.ndarray
    metrics: dict[str, float]

    def terms(self, work: Any, output: int) -> dict[str, float]:
        """Baseline and dividends of one score, keyed by coalition."""
        return {term: float(self.dividends[i, output]) for i, term in enumerate(work.coalitions)}


def _edited(work: Any, words: str) -> Any:
    return require(work.model, "rules").tweaked(words)


@memo(64)
@torch.no_grad()
def answer_of_rules(work: Any, row: int, words: str = "") -> Answer:
    """The decision on one sample and the test metrics with edited tables."""
    model = _edited(work, words)
    e = explain.explain(model, work.inputs([row]), work.background)
    rows = torch.as_tensor(work.dataset.rows("test"))
    found = (
        evaluate(work.observables, entangled_qcnn.fuse(work.masses[rows], model.phi.double())[0])
        + model.bias
    )
    scores = e.prediction[0]
    return Answer(
        model.phi, scores, softmax(scores), np.asarray(e.dividends[0]), work.of_split(found.numpy())
    )


@memo(16, background=False, says="Working out the entropies …")
def layers(work: Any, row: int, words: str = "") -> Any:
    """Entropies around every pooling."""
    from qfusion.explain.evidence import layer_entropies

    model = _edited(work, words)
    with torch.no_grad():
        vectors = model.fuse(work.by_name(slice(row, row + 1)))[0][0]
    return layer_entropies(model, vectors)


@memo(16, says="Reading the circuit out early …")
@torch.no_grad()
def layer_terms(work: Any, row: int, words: str = "") -> explain.Explanation:
    """Contributions to what the read-out would say at every place between the layers."""
    return explain.through_layers(_edited(work, words), work.inputs([row]), work.background)


@memo(8, background=False, says="Drawing the circuit with PennyLane …")
def circuit_drawing(work: Any, row: int, words: str = "") -> Any:
    """The circuit in PennyLane, for exports."""
    if work.can("gates"):
        from qfusion.track.circuit import gate_circuit

        return gate_circuit(work.model, encoded_states(work, row))
    from qfusion.track.fusion_circuit import fusion_circuit

    return fusion_circuit(_edited(work, words), work.theta(row))


def readouts(work: Any) -> dict[str, tuple[str, ...]]:
    """What is read of a circuit of gates, as products of Z: their names, and the qubits of each; none of a model with
    time, whose gates stand for one step."""
    if not work.can("circuit") or work.can("time"):
        return {}
    if work.can("gates"):
        from qfusion.track.progress import qubits_of

        wires = qubits_of(work.model.registers())
        words = [(q,) for q in range(len(wires))] + [
            word for word in getattr(work.model, "words", ()) if len(word) > 1
        ]
    else:
        from qfusion.track.fusion_gates import wires_of

        wires = tuple(stages[-1] for stages in wires_of(work.model)[1])
        kept = tuple(work.model.network.kept)
        words = [*((q,) for q in range(len(wires))), *([kept] if len(kept) > 1 else [])]
    return {" · ".join(wires[q] for q in word): tuple(wires[q] for q in word) for word in words}


@torch.no_grad()
def encoded_states(work: Any, row: int) -> dict[str, Any]:
    """What the modalities of one sample come to, by name, one row each."""
    found: dict[str, Any] = work.model.encode(work.inputs([row]))
    return found


@memo(16, background=False, says="Following the correlations along the gates …")
def information(work: Any, row: int) -> dict[tuple[str, ...], np.ndarray]:
    """Mutual information of registers along plain gates, see `track.progress.information`."""
    from qfusion.track import progress

    model = require(work.model, "gates")
    return progress.information(model.gates(encoded_states(work, row)), model.registers())


@dataclass(frozen=True, eq=False)
class Noisy:
    """What a noisy circuit says of one sample, and the standard errors that shots leave.

    Attributes:
        scores: (C,); errors: their standard errors, (C,).
        lead_error: standard error of the difference of the two highest scores. Both come from the same shots, so it is
            that of the difference shot by shot, not of two sums of errors; 0 of a single score.
        dividends: (2^M, C); dividend_errors: the same shape, when every coalition is run that often.
        metrics: of the test rows, without shots.
    """

    scores: np.ndarray
    errors: np.ndarray
    lead_error: float
    dividends: np.ndarray
    dividend_errors: np.ndarray
    metrics: dict[str, float]


@memo(32)
@torch.no_grad()
def with_noise(
    work: Any, row: int, words: str, strengths: tuple[float, float, float], shots: int
) -> Noisy:
    """The decision on one sample under noise, exactly, and how far `shots` runs scatter around it."""
    from qfusion.track import fusion_gates

    bare = _without_cache(_edited(work, words))
    model = fusion_gates.noisy(bare, fusion_gates.Noise(*strengths))
    observables = model.observables().double()
    inputs = work.inputs([row])
    first = explain.explain(with_observables(model, observables), inputs, work.background)
    single = fusion_gates.outcome_scores(model) - model.bias.double()
    squares = with_observables(model, _of_values(model, single.square()))
    second = explain.explain(squares, inputs, work.background)
    bias = model.bias.double().numpy()
    variance = np.maximum((second.values[0] - bias) - (first.values[0] - bias) ** 2, 0) / shots
    rows = torch.as_tensor(work.dataset.rows("test"))
    masses = {name: work.masses[rows, :, m] for m, name in enumerate(work.modalities)}
    scores = (evaluate(observables, model.fuse(masses)[0]) + model.bias).numpy()
    spread = _dividend_errors(variance, len(work.modalities))
    here = model.fuse({name: work.masses[[row], :, m] for m, name in enumerate(work.modalities)})[0]
    lead_error = _lead_error(model, single, here, first.prediction[0] - bias) / shots**0.5
    return Noisy(
        first.prediction[0],
        np.sqrt(variance[-1]),
        lead_error,
        np.asarray(first.dividends[0]),
        spread,
        work.of_split(scores),
    )


def _dividend_errors(variance: np.ndarray, M: int) -> np.ndarray:
    """Errors of dividends, whose coalition values are independent: variances of all parts add up."""
    order = subsets(M)
    inside = np.array([[float(set(R) <= set(S)) for R in order] for S in order])
    return np.sqrt(inside @ variance)


def _without_cache(model: Any) -> Any:
    other = copy.copy(model)
    other.__dict__.pop("observables", None)
    return other


def _lead_error(model: Any, single: torch.Tensor, fused: torch.Tensor, means: np.ndarray) -> float:
    """Standard deviation, shot by shot, of the difference of the two highest scores."""
    if len(means) < 2:
        return 0.0
    a, b = np.argsort(-(means + model.bias.double().numpy()))[:2].tolist()
    squared = _of_values(model, (single[:, [a]] - single[:, [b]]).square())
    second = float(evaluate(squared, fused)[0, 0])
    return float(np.sqrt(max(second - (means[a] - means[b]) ** 2, 0.0)))


def _of_values(model: Any, values: torch.Tensor) -> torch.Tensor:
    """Observables (C, 3, ..., 3) of what every outcome of one run is worth, (2^n, C)."""
    n = model.elements
    words = values.T.reshape(-1, *(2,) * n)  # (C, 2, ..., 2): one value an outcome
    walsh = words.new_tensor(
        [[0.5, 0.5], [0.5, -0.5]]
    )  # |0><0| = (I + Z) / 2, |1><1| = (I - Z) / 2
    for _ in range(n):
        words = torch.tensordot(
            words, walsh, ([1], [1])
        )  # each pass moves the first leg to the end
    network = copy.copy(model.network)
    network.__dict__["readout"] = lambda: words
    other = copy.copy(model)
    other._modules = dict(model._modules)
    other._modules["network"] = network
    return other.observables().double()


def on_device(work: Any, row: int, words: str, strengths: tuple[float, ...], shots: int) -> Any:
    """One run of the circuit on a PennyLane simulator, with seed 0."""
    from qfusion.track.fusion_gates import Noise
    from qfusion.track.run import MIXED, run

    noise = Noise(*strengths)
    device = MIXED if noise else "default.qubit"
    return run(
        _without_cache(_edited(work, words)),
        work.theta(row),
        device,
        shots,
        0,
        noise=noise if noise else None,
    )


# Correlations taken away at a time: one sample under the sliders, many as learned; tables. Free of streamlit.
#
# What they mean is said by `explain.cut_answers`.

AT_ONCE = 256  # samples whose states are held
FEW_TIMES = 11  # of many samples: seconds at D = 64
MAX_HELD = (
    36  # joint dimension up to which the cut done over and over is worked out for many samples
)


@memo(32)
def cuts_of_sample(work: Any, row: int, tweak: Tweak = LEARNED, *, terms: bool = False) -> Cuts:
    """Cuts of every modality of one sample, at `CUT_TIMES` times, under the sliders: all kinds of cut, or the usual
    ones with its terms."""
    model = require(work.model, "time", "to cut at").tweaked(tweak)
    return cuts(
        model,
        work.inputs([row]),
        np.linspace(0, float(model.duration), CUT_TIMES),
        kinds=DEFAULT if terms else tuple(KINDS),
        background=work.background if terms else None,
    )


@memo(8, background=False, says="Taking the correlations of these samples away, about 8 ms each …")
def cuts_of_rows(work: Any, rows: np.ndarray, times: int = FEW_TIMES) -> CutMetrics:
    """Metrics of many samples after a cut of every modality, as learned: about 8 ms a sample at D = 64."""
    metrics: CutMetrics = cut_curves(work.model, work.dataset, rows, times)
    return metrics


def curves(found: Cuts, output: int) -> dict[str, dict[str, np.ndarray]]:
    """Scores (nT,) of the one sample, by kind and modality: what `figures.building.curves` draws."""
    return {
        kind: {name: found.scores[k, m, :, 0, output] for m, name in enumerate(found.modalities)}
        for k, kind in enumerate(found.kinds)
    }


def term_sizes(found: Cuts, modality: str, output: int) -> dict[str, dict[str, np.ndarray]]:
    """Sizes of the terms (nT,) after a cut of one modality, by kind and coalition: what `figures.building.terms`
    draws."""
    after, _ = found.sizes()
    place = found.modalities.index(modality)
    return {
        kind: {name: after[k, place, :, s, output] for s, name in enumerate(found.coalitions)}
        for k, kind in enumerate(found.kinds)
    }


def cut_curves(model: Any, dataset: Any, rows: np.ndarray, times: int = 11) -> Any:
    """Returns metrics of rows of a data set after a cut, at `times` times from 0 to T, a `cut_metrics.CutMetrics`, as
    for `cut_test`."""
    kinds = tuple(KINDS) if np.prod(model.dims) <= MAX_HELD else DEFAULT
    moments = np.linspace(0, float(model.duration), times)
    chunks = np.array_split(rows, range(AT_ONCE, len(rows), AT_ONCE))
    parts = [
        cuts(model, batches.encoded_inputs(model, dataset, chunk), moments, kinds=kinds)
        for chunk in _sentences.progress_over(chunks, "Cutting correlations", len(rows), len)
    ]
    whole = replace(
        parts[0],
        scores=np.concatenate([part.scores for part in parts], 3),
        before=np.concatenate([part.before for part in parts]),
    )
    return cut_metrics(
        whole,
        dataset.y[rows],
        kind_of(dataset.target),
        clusters=None if dataset.clusters is None else dataset.clusters.numbers[rows],
    )
