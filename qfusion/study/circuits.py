"""One sample as it runs on a device: in the circuit of its model, as learned or changed, or in trajectories.

Changes are edited tables, noise, shots, left-out layers of gates, and one step of an evolution as gates. Sampled
trajectories of an evolution have jumps, whose times and operators are recorded."""

import copy
import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import scipy
import torch

from qfusion import explain, simulate
from qfusion._memory_cache import memo
from qfusion.explain import fusion
from qfusion.models import coalition_algebra
from qfusion.models.base import recompute_observables, with_observables
from qfusion.models.network import qcnn
from qfusion.models.protocols import EditableCircuit, GateCircuit, TruthTables
from qfusion.models.tweak import LEARNED, CircuitChange, Tweak
from qfusion.study.jobs import Task
from qfusion.study.sample import Sample


@memo(16, background=False, task=Task.BUILD_CIRCUIT)
def circuit(study: Any, row: int, dt: float, split: str, tweak: Tweak = LEARNED) -> Any:
    """Return one step of the evolution of a sample as a PennyLane circuit."""
    return simulate.step_circuit.step_circuit(
        study.model.tweaked(tweak).system(),
        {name: ket[0] for name, ket in encoded_states(study, row).items()},
        dt,
        split=split,
    )


@memo(16, background=False, task=Task.COMPARE_STEPS)
def step_errors(
    study: Any, row: int, split: str, tweak: Tweak = LEARNED
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Step sizes (n,), and the circuit's distance from the exact evolution after one step and after all."""
    steps = float(study.model.tweaked(tweak).duration) / np.array([2.0, 4.0, 8.0, 16.0, 32.0])
    errors = [circuit(study, row, float(dt), split, tweak).error for dt in steps]
    return steps, np.array([e.one for e in errors]), np.array([e.all for e in errors])


def edit_tables(study: Any, words: str) -> Any:
    """Return an entangled-fusion network with truth tables or angles edited, as `gate_angles` writes them."""
    return study.model.require(TruthTables).tweaked(words)


@memo(16, background=False, task=Task.MEASURE_LAYERS)
@torch.no_grad()
def layers(study: Any, row: int, words: str = "") -> Any:
    """Entropies around every pooling."""
    model = edit_tables(study, words)
    return fusion.layer_entropies(
        model, model.fuse(study.backend.named_masses(slice(row, row + 1)))[0][0]
    )


@memo(8, background=False, task=Task.DRAW_CIRCUIT)
def circuit_drawing(study: Any, row: int, words: str = "") -> Any:
    """The circuit in PennyLane, for exports."""
    return study.backend.circuit(row, words)


@torch.no_grad()
def encoded_states(study: Any, row: int) -> Any:
    """Return the encoded states of the modalities of one sample, by name, one row each."""
    return study.model.encode(study.inputs([row]))


@memo(16, background=False, task=Task.TRACE_GATES)
def information(study: Any, row: int, words: str = "") -> dict[tuple[str, ...], np.ndarray]:
    """Mutual information of registers along plain gates, see `simulate.gate_replay.register_information`."""
    model = study.model.tweaked(words).require(GateCircuit)
    return simulate.gate_replay.register_information(
        model.gates(encoded_states(study, row)), model.registers()
    )


@dataclass(frozen=True, eq=False)
class Noisy:
    """Result of a noisy circuit for one sample, with the standard errors due to shots.

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
    model = simulate.fusion_gates.with_noise(
        edit_tables(study, words), simulate.fusion_gates.Noise(*strengths)
    )
    observables = recompute_observables(model)
    bias = model.bias.double()
    inputs = study.inputs([row])
    first = explain.explain(with_observables(model, observables), inputs, study.background)
    single = simulate.fusion_gates.outcome_scores(model) - bias
    second = explain.explain(
        with_observables(model, value_observables(model, single.square())),
        inputs,
        study.background,
    )
    squares = second.values[0] - bias.numpy()
    means = first.values[0] - bias.numpy()
    variance = np.maximum(squares - means**2, 0) / shots
    # Coalitions are run on their own: variances of all that are in a dividend add up.
    variances = coalition_algebra.sums(variance, len(study.modalities))
    vectors = model.fuse(study.backend.named_masses(torch.as_tensor(study.dataset.rows("test"))))[0]
    own = model.fuse(study.backend.named_masses([row]))[0]
    lead_error = _lead_error(model, single, own, first.prediction[0]) / shots**0.5
    test_scores = (qcnn.evaluate(observables, vectors) + model.bias).numpy()
    return Noisy(
        first.prediction[0],
        np.sqrt(variance[-1]),
        lead_error,
        np.asarray(first.dividends[0]),
        np.sqrt(variances),
        study.split_metrics(test_scores),
    )


def _lead_error(model: Any, single: torch.Tensor, fused: torch.Tensor, scores: np.ndarray) -> float:
    """Standard deviation, shot by shot, of the difference of the two highest scores."""
    if len(scores) < 2:
        return 0.0
    a, b = np.argsort(-scores)[:2].tolist()
    squared = value_observables(model, (single[:, [a]] - single[:, [b]]).square())
    means = scores - model.bias.double().numpy()
    return float(
        np.sqrt(max(float(qcnn.evaluate(squared, fused)[0, 0]) - (means[a] - means[b]) ** 2, 0.0))
    )


def value_observables(model: Any, values: torch.Tensor) -> torch.Tensor:
    """Return the observables (C, 3, ..., 3) of the values of every outcome of one run, (2^n, C). They are those of a
    head that reads all qubits.
    """
    other = copy.deepcopy(model)
    other.network.retained, other.network.measured = tuple(range(model.elements)), ()
    other.network.head = torch.nn.Parameter(values.T / qcnn.HEAD_SCALE)
    return recompute_observables(other)


def run_on_device(
    study: Any, row: int, words: str, strengths: tuple[float, ...], shots: int
) -> Any:
    """Run the circuit once on a PennyLane simulator, with seed 0."""
    noise = simulate.fusion_gates.Noise(*strengths) or None
    return simulate.circuit_run.run_circuit(
        edit_tables(study, words),
        study.backend.theta(row),
        simulate.circuit_run.MIXED if noise else "default.qubit",
        shots,
        0,
        noise=noise,
    )


ROWS = 32  # of the background, in a noisy circuit
TEST_ROWS = 100  # on which a noisy circuit is measured
RUNS = 12  # by which the scatter of shots is estimated


@dataclass(frozen=True, eq=False)
class LayerShapley:
    """Shapley values of the G layers of a circuit for the explained score of one sample.

    Attributes:
        layers: their names. gates: the number of gates of each.
        shapley: values, (G,); they sum to `whole` - `empty`, the score with all layers and with none.
    """

    layers: tuple[str, ...]
    gates: tuple[int, ...]
    shapley: np.ndarray
    empty: float
    whole: float

    def frame(self) -> pd.DataFrame:
        """Return one row a layer: its name, number of gates and Shapley value."""
        return pd.DataFrame({"layer": self.layers, "gates": self.gates, "shapley": self.shapley})


@memo(32, background=False, task=Task.ABLATE_GATES)
@torch.no_grad()
def layer_shapley(study: Any, row: int, output: int, tweak: CircuitChange) -> LayerShapley:
    """Return the Shapley values of the layers of a circuit. A layer that is left out is replaced by the identity; what
    surrounds the circuit, and what is measured, stays as it is.

    Args:
        study: of a model that is an `EditableCircuit`.
        row: of the sample.
        output: number of the explained score.
        tweak: edited angles.
    """
    model = study.model
    inputs = model.encode(study.inputs([row]))
    layers = model.gate_layers()
    G = len(layers)
    values = np.empty((2,) * G)
    for present in itertools.product((0, 1), repeat=G):
        left_out = [gates for (_, gates), is_in in zip(layers, present, strict=True) if not is_in]
        change = replace(tweak, removed=frozenset(itertools.chain(*left_out)))
        values[present] = float(model.with_change(change).scores(inputs)[0, output])
    shapley = coalition_algebra.shapley_values(values, G)
    return LayerShapley(
        tuple(name for name, _ in layers),
        tuple(len(gates) for _, gates in layers),
        shapley,
        float(values.ravel()[0]),
        float(values.ravel()[-1]),
    )


@memo(32, task=Task.ABLATE_GATES)
@torch.no_grad()
def circuit_with_noise(
    study: Any, row: int, tweak: CircuitChange, strengths: tuple[float, float, float], shots: int
) -> Noisy:
    """Return the decision on one sample under noise, exactly, and how far `shots` runs of the circuit scatter.

    The change of the contributions through noise is computed against at most `ROWS` rows of the background, drawn at
    random, and added to the exact contributions: they sum to the noisy score. The standard errors are estimated from
    `RUNS` simulated runs with other seeds.
    """
    depolarising, damping, readout = strengths
    noise = replace(tweak, depolarising=depolarising, damping=damping, readout=readout)
    noisy = study.model.with_change(noise)
    background = study.sample_background.subsample(ROWS)
    inputs = study.inputs([row])
    exact = explain.explain(noisy, inputs, background)
    tweaked = study.model.with_change(tweak)
    whole = explain.explain(tweaked, inputs, study.sample_background)
    same_rows = explain.explain(tweaked, inputs, background)
    dividends = whole.dividends[0] + exact.dividends[0] - same_rows.dividends[0]
    encoded = noisy.encode(inputs)
    runs, terms = [], []
    for seed in range(RUNS):
        shot = study.model.with_change(replace(noise, shots=shots, seed=seed))
        runs.append(shot.scores(encoded)[0].numpy())
        if seed < RUNS // 2:
            terms.append(explain.explain(shot, inputs, background).dividends[0])
    scores = exact.prediction[0]
    spread = np.std(runs, 0, ddof=1)
    lead = 0.0
    if len(scores) > 1:
        first, second = np.argsort(-scores)[:2]
        lead = float(np.std([run[first] - run[second] for run in runs], ddof=1))
    rows = study.dataset.rows("test")[:TEST_ROWS]
    test = noisy.scores(noisy.encode(study.inputs(rows))).numpy()
    return Noisy(
        scores,
        spread,
        lead,
        np.asarray(dividends),
        np.std(terms, 0, ddof=1),
        study.row_metrics(rows, test),
    )


def run_with_noise(sample: Sample, noise: tuple[float, float, float], shots: int) -> Noisy:
    """Return the output of the noisy circuit of a sample: of a user's own circuit, or of an entangled network.

    Args:
        sample: with its tweak. noise: strengths of depolarising, damping and readout. shots: of the circuit.
    """
    compute = circuit_with_noise if sample.study.model.part(EditableCircuit) else with_noise
    return compute(sample.study, sample.row, sample.tweak, noise, shots)


RECORDED_RUNS = 200  # trajectories whose jumps are shown
BINS = 10  # spans of time in which jumps are counted


@dataclass(frozen=True, eq=False)
class Records:
    """The jumps of trajectories and their rates; K jump operators.

    Attributes:
        runs: of each trajectory, sorted by its first jump, its number among all (from 0 on), the times of its jumps,
            and which operators jumped (from 0 on).
        edges: of the spans of time in which jumps are counted, (B + 1,).
        counts: jumps per trajectory and time in each span, (K, B).
        count_errors: standard errors of `counts` over the trajectories, (K, B).
        times: (nT,). exact: Tr(L_k^+ L_k rho(t)), (K, nT).
    """

    runs: tuple[tuple[int, np.ndarray, np.ndarray], ...]
    edges: np.ndarray
    counts: np.ndarray
    count_errors: np.ndarray
    times: np.ndarray
    exact: np.ndarray

    @property
    def jumps(self) -> int:
        """How many there are in all trajectories."""
        return sum(len(times) for _, times, _ in self.runs)

    def jumps_per_run(self, operator: int | None = None) -> tuple[float, float]:
        """Return the mean number of jumps per trajectory, of all operators or one, with its standard error."""
        numbers = [
            len(which) if operator is None else int((which == operator).sum())
            for *_, which in self.runs
        ]
        return float(np.mean(numbers)), float(scipy.stats.sem(numbers))

    @property
    def expected_jumps(self) -> float:
        """Jumps per trajectory by the master equation: the integral of all rates."""
        return float(np.trapezoid(self.exact.sum(0), self.times))


def records(sample: Sample, runs: int = RECORDED_RUNS) -> Records:
    """Return the jumps of so many trajectories of a sample of a model with time and jump operators, by the canonical
    ones."""
    track = sample.track(runs=runs)
    L = sample.model.system().jumps.numpy()
    every = [(i, run.jump_times, run.jump_operators) for i, run in enumerate(track.trajectories)]
    edges = np.linspace(0, float(track.times[-1]) or 1.0, BINS + 1)
    counts = np.array(
        [
            [np.histogram(times[which == k], edges)[0] for k in range(len(L))]
            for _, times, which in every
        ],
        dtype=float,
    )  # (runs, K, B)
    rates = counts / (edges[1] - edges[0])
    by_first_jump = sorted(every, key=lambda run: (*run[1][:1], np.inf)[0])
    expected = np.einsum("kba,kbc,tca->kt", L.conj(), L, track.rho, optimize=True).real
    return Records(
        tuple(by_first_jump),
        edges,
        rates.mean(0),
        scipy.stats.sem(rates),
        track.times,
        expected,
    )
