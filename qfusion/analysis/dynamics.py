"""One sample on its way through a (tweaked) model: its evolution in time, its circuit with edited tables or noise, and
correlations taken away on the way."""

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from qfusion import explain, track
from qfusion._checks import check
from qfusion.analysis.memo import memo
from qfusion.analysis.study import in_chunks, predict, with_observables
from qfusion.data.coalition_terms import split_term
from qfusion.explain import cuts, evidence
from qfusion.models import games, qcnn, require
from qfusion.models.tweak import LEARNED, Tweak
from qfusion.quantum import lindblad, states
from qfusion.training import encodings

# One sample under a (tweaked) model: what the Dynamics and Circuit pages show. Free of streamlit.

LIVE_RTOL = 1e-6  # QuTiP is then within about 1e-9 of exact, a third faster than at its usual 1e-7
MOST_ERROR = 1e-6  # of an element of a state: what is further off is not shown
STEPS = 12  # per T, at which distances are drawn
PAIRS = 8  # test samples whose states are followed beside that of the one that is read
MOST_SPREAD = 1000  # test samples over which the spread of scores is taken
TIMES = 41  # enough for a smooth line, few enough to redraw while a slider moves


def times_of(duration: float, count: int = TIMES) -> np.ndarray:
    """(count,) times from 0 to T; a T of zero still gets a tiny span, so that the axes exist."""
    return np.linspace(0.0, max(duration, 1e-6), count)


@memo(2, background=False)  # under the sliders, and as learned
@torch.no_grad()
def observables(study: Any, tweak: Tweak) -> torch.Tensor:
    """What a tweaked model with time reads, pulled back from each of the times shown, (nT, C, D, D)."""
    model = study.model.tweaked(tweak)
    return model.observables(times_of(float(model.duration)).tolist())


@memo(64, background=False)
@torch.no_grad()
def metrics_under(study: Any, tweak: Any) -> dict[str, float]:
    """Metrics of the test rows under a tweak."""
    rows, model = study.dataset.rows("test"), study.model.tweaked(tweak)
    if study.can("time"):
        scores = predict(study, rows, observables(study, tweak)[-1], model.bias)
    elif study.can("rules"):
        fused = model.fuse(study.by_name(torch.as_tensor(rows)))[0]
        read = study.observables if model.network is study.model.network else _observables(model)
        scores = (qcnn.evaluate(read, fused) + model.bias).numpy()
    else:
        scores = study.scores[rows]
    return study.of_split(scores)


@memo(32, background=False)
def follow(
    study: Any, row: int, tweak: Tweak, *, negativity: bool = False, runs: int = 0, seed: int = 0
) -> Any:
    """QuTiP's track of one sample under the tweaked model."""
    system = study.model.tweaked(tweak).system()
    return track.track(
        system,
        study.ket(row),
        times_of(system.duration),
        negativity=negativity,
        trajectories=runs,
        seed=seed,
        rho=solved(study, row, tweak)[0],
    )


@memo(32, background=False)
def solved(study: Any, row: int, tweak: Tweak) -> tuple[np.ndarray, float]:
    """The states (nT, D, D) at the times shown, by QuTiP's adaptive steps, and their integration error: the largest
    deviation of an element, at any of these times, from torch's Chebyshev expansion, which is exact to 1e-13.

    Raises:
        InvalidInput: when it is above `MOST_ERROR`.
    """
    system = study.model.tweaked(tweak).system()
    rho = track.solve(system, study.ket(row), times_of(system.duration), rtol=LIVE_RTOL)
    error = float(np.abs(rho - exact_states(study, row, tweak).numpy()).max())
    check(
        error <= MOST_ERROR,
        f"The states are followed to {error:.1e} only, by two integrators that should agree to {MOST_ERROR:g}. Lower "
        "the couplings, the dissipation or the duration.",
    )
    return rho, error


def touched(tweak: Tweak, modalities: Sequence[str]) -> list[tuple[str, ...]]:
    """Returns the modalities that each changed term acts on, every set once; all of them for the duration."""
    parts = [tuple(split_term(name)) for name in (*tweak.couplings, *tweak.dissipations)]
    if tweak.duration is not None:
        parts.append(tuple(modalities))
    return list(dict.fromkeys(parts))


@memo(4, background=False)  # two samples, under the sliders and as learned
@torch.no_grad()
def exact_states(
    study: Any, row: int, tweak: Tweak, times: Sequence[float] | None = None
) -> torch.Tensor:
    """The states (nT, D, D) of a sample by torch's expansion, at the times shown unless others are given."""
    system = study.model.tweaked(tweak).system()
    rho = states.density(study.ket(row).to(system.H.dtype))
    return lindblad.evolve_states(
        system.H,
        system.jumps,
        rho,
        times_of(float(system.duration)).tolist() if times is None else times,
    )


def shared_at_end(study: Any, row: int, tweak: Tweak, part: Sequence[str]) -> float:
    """Returns the correlation at T in nats: of one modality its mutual information with the rest, of several their
    total correlation, which of two is the mutual information."""
    rho, dims = exact_states(study, row, tweak)[-1], study.model.dims
    places = [study.modalities.index(name) for name in part]
    if len(places) == 1:
        rest = [m for m in range(len(dims)) if m not in places]
        return float(states.mutual_information(rho, dims, places, rest))
    return float(
        states.total_correlation(states.partial_trace(rho, dims, places), [dims[m] for m in places])
    )


def entangled_at_end(study: Any, row: int, tweak: Tweak, part: Sequence[str]) -> float:
    """Returns the logarithmic negativity at T in bits: of one modality with the rest, or of two with each other."""
    rho, dims = exact_states(study, row, tweak)[-1], study.model.dims
    places = [study.modalities.index(name) for name in part]
    if len(places) == 1:
        return float(states.logarithmic_negativity(rho, dims, places))
    return float(
        states.logarithmic_negativity(
            states.partial_trace(rho, dims, places), [dims[m] for m in places], (0,)
        )
    )


def exactness(study: Any, row: int, tweak: Tweak) -> str:
    """How exact the states shown are, in a sentence; the bound is rounded up to one digit."""
    error = max(solved(study, row, tweak)[1], 1e-15)
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
@torch.no_grad()
def attract(study: Any, row: int, tweak: Tweak, reach: float = 5.0) -> Settling:
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
        kets = study.kets(np.array([row, *others]))
        if float((kets[1:] @ kets[0].conj()).abs().min()) < 1 - 1e-6:
            pairs = track.contraction(system, kets[0], kets[1:], steps=STEPS + 1)
    return Settling(
        times,
        rho[STEPS].numpy(),
        track.attractor(system, rho),
        pairs,
        np.std(
            [
                predict(study, test[:MOST_SPREAD], observable, model.bias)
                for observable in model.observables([0.0, float(model.duration)])
            ],
            axis=1,
        ),
    )


@memo(32, background=False)
@torch.no_grad()
def entropies_by_torch(
    study: Any, row: int, count: int = 21
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Times and the entropy of each modality's state under the model as learned."""
    model = study.model
    times = times_of(float(model.duration), count)
    rho = model.evolve_states(states.density(study.ket(row)), times.tolist())
    return times, {
        name: states.von_neumann_entropy(states.partial_trace(rho, model.dims, (m,))).numpy()
        for m, name in enumerate(study.modalities)
    }


@memo(16, background=False, says="Building the circuit …")
def circuit(study: Any, row: int, dt: float, split: str, tweak: Tweak = LEARNED) -> Any:
    """One step of the evolution of a sample as a PennyLane circuit."""
    return track.step_circuit.step_circuit(
        study.model.tweaked(tweak).system(),
        {name: ket[0] for name, ket in encoded_states(study, row).items()},
        dt,
        split=split,
    )


@memo(16, background=False, says="Comparing steps with the exact evolution …")
def step_errors(
    study: Any, row: int, split: str, tweak: Tweak = LEARNED
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Step sizes (n,), and the circuit's distance from the exact evolution after one step and after all."""
    steps = float(study.model.tweaked(tweak).duration) / np.array([2.0, 4.0, 8.0, 16.0, 32.0])
    errors = [circuit(study, row, float(dt), split, tweak).error for dt in steps]
    return steps, np.array([e.one for e in errors]), np.array([e.all for e in errors])


# One sample in an entangled-fusion circuit, as learned, with edited tables, and with noise, or in one of plain gates.
# Free of streamlit.


def _edited(study: Any, words: str) -> Any:
    return require(study.model, "rules").tweaked(words)


@memo(16, background=False, says="Working out the entropies …")
@torch.no_grad()
def layers(study: Any, row: int, words: str = "") -> Any:
    """Entropies around every pooling."""
    model = _edited(study, words)
    return evidence.layer_entropies(model, model.fuse(study.by_name(slice(row, row + 1)))[0][0])


@memo(8, background=False, says="Drawing the circuit with PennyLane …")
def circuit_drawing(study: Any, row: int, words: str = "") -> Any:
    """The circuit in PennyLane, for exports."""
    if study.can("gates"):
        return track.gate_circuit.gate_circuit(study.model, encoded_states(study, row))
    return track.fusion_circuit.fusion_circuit(_edited(study, words), study.theta(row))


def readouts(study: Any) -> dict[str, tuple[str, ...]]:
    """What is read of a circuit of gates, as products of Z: their names, and the qubits of each; none of a model with
    time, whose gates stand for one step."""
    if not study.can("circuit") or study.can("time"):
        return {}
    if study.can("gates"):
        wires = track.gate_replay.qubit_names(study.model.registers())
        words = [(q,) for q in range(len(wires))] + [
            word for word in getattr(study.model, "words", ()) if len(word) > 1
        ]
    else:
        wires = tuple(stages[-1] for stages in track.fusion_gates.wire_names(study.model)[1])
        stored = tuple(study.model.network.retained)
        words = [*((q,) for q in range(len(wires))), *([stored] if len(stored) > 1 else [])]
    return {" · ".join(wires[q] for q in word): tuple(wires[q] for q in word) for word in words}


@torch.no_grad()
def encoded_states(study: Any, row: int) -> Any:
    """What the modalities of one sample come to, by name, one row each."""
    return study.model.encode(study.inputs([row]))


@memo(16, background=False, says="Following the correlations along the gates …")
def information(study: Any, row: int) -> dict[tuple[str, ...], np.ndarray]:
    """Mutual information of registers along plain gates, see `track.gate_replay.register_information`."""
    model = require(study.model, "gates")
    return track.gate_replay.register_information(
        model.gates(encoded_states(study, row)), model.registers()
    )


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
    study: Any, row: int, words: str, strengths: tuple[float, float, float], shots: int
) -> Noisy:
    """The decision on one sample under noise, exactly, and how far `shots` runs scatter around it."""
    model = track.circuit_noise.with_noise(
        _edited(study, words), track.circuit_noise.Noise(*strengths)
    )
    observables, bias = _observables(model), model.bias.double()
    inputs = study.inputs([row])
    first = explain.explain(with_observables(model, observables), inputs, study.background)
    single = track.fusion_gates.outcome_scores(model) - bias
    second = explain.explain(
        with_observables(model, _of_values(model, single.square())), inputs, study.background
    )
    squares, means = second.values[0] - bias.numpy(), first.values[0] - bias.numpy()
    variance = np.maximum(squares - means**2, 0) / shots
    # Coalitions are run on their own: variances of all that are in a dividend add up.
    variances = games.sums(variance, len(study.modalities))
    vectors = model.fuse(study.by_name(torch.as_tensor(study.dataset.rows("test"))))[0]
    return Noisy(
        first.prediction[0],
        np.sqrt(variance[-1]),
        _lead_error(model, single, model.fuse(study.by_name([row]))[0], first.prediction[0])
        / shots**0.5,
        np.asarray(first.dividends[0]),
        np.sqrt(variances),
        study.of_split((qcnn.evaluate(observables, vectors) + model.bias).numpy()),
    )


def _lead_error(model: Any, single: torch.Tensor, fused: torch.Tensor, scores: np.ndarray) -> float:
    """Standard deviation, shot by shot, of the difference of the two highest scores."""
    if len(scores) < 2:
        return 0.0
    a, b = np.argsort(-scores)[:2].tolist()
    squared = _of_values(model, (single[:, [a]] - single[:, [b]]).square())
    means = scores - model.bias.double().numpy()
    return float(
        np.sqrt(max(float(qcnn.evaluate(squared, fused)[0, 0]) - (means[a] - means[b]) ** 2, 0.0))
    )


def _of_values(model: Any, values: torch.Tensor) -> torch.Tensor:
    """Observables (C, 3, ..., 3) of what every outcome of one run is worth, (2^n, C): those of a head that reads all
    qubits."""
    other = copy.deepcopy(model)
    other.network.retained, other.network.measured = tuple(range(model.elements)), ()
    other.network.head = torch.nn.Parameter(values.T / qcnn.HEAD_SCALE)
    return _observables(other)


@torch.no_grad()
def _observables(model: Any) -> torch.Tensor:
    """Observables of a model, whatever stands in for them in the model that it is a copy of."""
    return type(model).observables(model).double()


def on_device(study: Any, row: int, words: str, strengths: tuple[float, ...], shots: int) -> Any:
    """One run of the circuit on a PennyLane simulator, with seed 0."""
    noise = track.circuit_noise.Noise(*strengths) or None
    return track.circuit_run.run_circuit(
        _edited(study, words),
        study.theta(row),
        track.circuit_run.MIXED if noise else "default.qubit",
        shots,
        0,
        noise=noise,
    )


# Correlations removed at a time: one sample under the sliders, many as learned; tables. `explain.cuts` defines them.

AT_ONCE = 256  # samples whose states are held
MAX_HELD = (
    36  # joint dimension up to which the cut done over and over is worked out for many samples
)


@memo(32)
def cuts_of_sample(
    study: Any, row: int, tweak: Tweak = LEARNED, *, terms: bool = False
) -> cuts.Cuts:
    """Cuts of every modality of one sample, at `cuts.TIMES` times, under the sliders: all kinds of cut, or the usual
    ones with its terms."""
    model = require(study.model, "time", "to cut at").tweaked(tweak)
    T, every = float(model.duration), (TIMES - 1) // (cuts.TIMES - 1)
    return cuts.cuts(
        model,
        study.inputs([row]),
        np.linspace(0, T, cuts.TIMES),
        kinds=cuts.DEFAULT if terms else tuple(cuts.KINDS),
        background=study.background if terms else None,
        known=(
            observables(study, tweak)[::every].flip(0),
            exact_states(study, row, tweak)[::every, None],
        )
        if T
        else None,
    )


@memo(8, background=False, says="Taking the correlations of these samples away, about 8 ms each …")
def cuts_of_rows(study: Any, rows: np.ndarray, times: int = 11) -> cuts.CutMetrics:
    """Metrics of many samples after a cut of every modality, as learned: about 8 ms a sample at D = 64."""
    return cut_curves(study.model, study.dataset, rows, times)


def curves(result: cuts.Cuts, output: int) -> dict[str, dict[str, np.ndarray]]:
    """Scores (nT,) of the one sample, by kind and modality for a figure."""
    return {
        kind: {name: result.scores[k, m, :, 0, output] for m, name in enumerate(result.modalities)}
        for k, kind in enumerate(result.kinds)
    }


def term_sizes(result: cuts.Cuts, modality: str, output: int) -> dict[str, dict[str, np.ndarray]]:
    """Sizes of the terms (nT,) after a cut of one modality, by kind and coalition.

    `figures.correlation_cuts.cut_terms` draws them.
    """
    after, _ = result.sizes()
    place = result.modalities.index(modality)
    return {
        kind: {name: after[k, place, :, s, output] for s, name in enumerate(result.coalitions)}
        for k, kind in enumerate(result.kinds)
    }


def cut_curves(model: Any, dataset: Any, rows: np.ndarray, times: int = 11) -> cuts.CutMetrics:
    """Returns metrics of rows of a data set after a cut, at `times` times from 0 to T, a `cut_metrics.CutMetrics`, as
    for `cut_test`."""
    kinds = tuple(cuts.KINDS) if np.prod(model.dims) <= MAX_HELD else cuts.DEFAULT
    moments = np.linspace(0, float(model.duration), times)
    parts = [
        cuts.cuts(model, encodings.encoded_inputs(model, dataset, chunk), moments, kinds=kinds)
        for chunk in in_chunks(rows, AT_ONCE, "Cutting correlations")
    ]
    return cuts.cut_metrics(
        replace(
            parts[0],
            scores=np.concatenate([part.scores for part in parts], 3),
            before=np.concatenate([part.before for part in parts]),
        ),
        dataset.y[rows],
        cuts.kind_of(dataset.target),
        clusters=None if dataset.clusters is None else dataset.clusters.numbers[rows],
    )
