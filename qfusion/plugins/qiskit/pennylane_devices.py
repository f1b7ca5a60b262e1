"""Tapes of PennyLane on the noise of a device, see `devices`: expectations and probabilities of every row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pennylane as qml
import torch

from qfusion._checks import check
from qfusion.models.tweak import CircuitChange
from qfusion.plugins.qiskit import batched_states, devices, gate_templates
from qfusion.quantum.statevector import Gate


def measure_rows(
    rows: Sequence[Sequence[Gate]],
    measurements: Sequence[Any],
    labels: Sequence[Any],
    change: CircuitChange,
) -> tuple[np.ndarray, ...]:
    """Return what a QNode measures on a device, one array (B, ...) for each measurement.

    Args:
        rows: gates of each row. measurements: of PennyLane, the same for all rows.
        labels: of all qubits. change: with a device, and shots or none.

    Raises:
        InvalidInput: when a measurement is neither an expectation nor probabilities.
    """
    states, readout = gate_templates.run_rows(rows, len(labels), change.device)
    rho = torch.from_numpy(states)
    generator = batched_states.shot_generator(change.seed, states)
    results = []
    for one in measurements:
        if isinstance(one, qml.measurements.ExpectationMP) and one.obs is not None:
            results.append(_expect(rho, one.obs, labels, readout, change, generator))
            continue
        check(
            isinstance(one, qml.measurements.ProbabilityMP) and one.obs is None,
            f"The circuit measures {type(one).__name__}, which is not simulated on a device; `qml.expval` and "
            "`qml.probs` of qubits are.",
        )
        outcomes = devices.read_populations(batched_states.populations(rho), readout).numpy()
        if change.shots:
            outcomes = batched_states.sample_bits(outcomes, change.shots, generator)
        places = [labels.index(label) for label in (one.wires.labels or labels)]
        rest = [place for place in range(len(labels)) if place not in places]
        order = [0, *(1 + place for place in places), *(1 + place for place in rest)]
        legs = outcomes.reshape(-1, *(2,) * len(labels)).transpose(order)
        results.append(legs.reshape(len(rows), 2 ** len(places), -1).sum(-1))
    return tuple(results)


def _expect(
    rho: torch.Tensor,
    observable: Any,
    labels: Sequence[Any],
    readout: Any,
    change: CircuitChange,
    generator: Any,
) -> np.ndarray:
    sentence = observable.pauli_rep
    if sentence is None:
        matrix = qml.matrix(observable)
        sentence = qml.pauli_decompose(matrix, wire_order=observable.wires, pauli=True)
    words, weights = [], []
    for word, weight in sentence.items():
        words.append("".join(word.get(label, "I") for label in labels))
        weights.append(float(np.real(weight)))
    means = devices.word_expectations(rho, words, readout).numpy()
    if change.shots:
        means = batched_states.sample_words(means, change.shots, generator)
    return np.asarray(means @ np.array(weights))
