"""One sample in an entangled-fusion circuit, as learned, with edited tables, and with noise, or in one of plain gates.
Free of streamlit.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion import explain
from qfusion.analysis.memo import memo
from qfusion.analysis.subject import softmax
from qfusion.analysis.systems.network_subject import with_observables
from qfusion.models import fusion, require
from qfusion.models.qcnn import evaluate
from qfusion.quantum.decomposition import subsets


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
def answer(work: Any, row: int, words: str = "") -> Answer:
    """The decision on one sample and the test metrics with edited tables."""
    model = _edited(work, words)
    e = explain.explain(model, work.inputs([row]), work.background)
    rows = torch.as_tensor(work.dataset.rows("test"))
    found = (
        evaluate(work.observables, fusion.fuse(work.masses[rows], model.phi.double())[0])
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
def drawing(work: Any, row: int, words: str = "") -> Any:
    """The circuit in PennyLane, for exports."""
    if work.can("gates"):
        from qfusion.track.circuit import gate_circuit

        return gate_circuit(work.model, encoded(work, row))
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
        from qfusion.track.fusion_circuit import wires_of

        wires = tuple(stages[-1] for stages in wires_of(work.model)[1])
        kept = tuple(work.model.network.kept)
        words = [*((q,) for q in range(len(wires))), *([kept] if len(kept) > 1 else [])]
    return {" · ".join(wires[q] for q in word): tuple(wires[q] for q in word) for word in words}


@torch.no_grad()
def encoded(work: Any, row: int) -> dict[str, Any]:
    """What the modalities of one sample come to, by name, one row each."""
    found: dict[str, Any] = work.model.encode(work.inputs([row]))
    return found


@memo(16, background=False, says="Following the correlations along the gates …")
def information(work: Any, row: int) -> dict[tuple[str, ...], np.ndarray]:
    """Mutual information of registers along plain gates, see `track.progress.information`."""
    from qfusion.track import progress

    model = require(work.model, "gates")
    return progress.information(model.gates(encoded(work, row)), model.registers())


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
    from qfusion.track import fusion_circuit as noise

    bare = _without_cache(_edited(work, words))
    model = noise.noisy(bare, noise.Noise(*strengths))
    observables = model.observables().double()
    inputs = work.inputs([row])
    first = explain.explain(with_observables(model, observables), inputs, work.background)
    from qfusion.track.fusion_circuit import outcome_scores

    single = outcome_scores(model) - model.bias.double()
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
    from qfusion.track.fusion_circuit import Noise
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
