"""One sample in the circuit of its model: as learned, with edited tables, with noise, or as one step of evolution."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion import explain, simulate
from qfusion._memory_cache import memo
from qfusion.analysis.tasks import Task
from qfusion.explain import fusion
from qfusion.models import games
from qfusion.models.base import recompute_observables, with_observables
from qfusion.models.network import qcnn
from qfusion.models.protocols import GateCircuit, TruthTables
from qfusion.models.tweak import LEARNED, Tweak


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
        model, model.fuse(study.space.named_masses(slice(row, row + 1)))[0][0]
    )


@memo(8, background=False, task=Task.DRAW_CIRCUIT)
def circuit_drawing(study: Any, row: int, words: str = "") -> Any:
    """The circuit in PennyLane, for exports."""
    return study.space.circuit(row, words)


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
    variances = games.sums(variance, len(study.modalities))
    vectors = model.fuse(study.space.named_masses(torch.as_tensor(study.dataset.rows("test"))))[0]
    own = model.fuse(study.space.named_masses([row]))[0]
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
        study.space.theta(row),
        simulate.circuit_run.MIXED if noise else "default.qubit",
        shots,
        0,
        noise=noise,
    )
