"""Circuits of Qiskit inside a user's model, as a `CircuitSource`: the gates that ran for a sample, with changes.

The circuit is that of one `EstimatorQNN` or `SamplerQNN` of `qiskit_machine_learning`, with the inputs and weights that
the model gives it for one row of features; the classical parts of the model around it run as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
from torch import Tensor

from qfusion._checks import check
from qfusion.adapters import gates, trial
from qfusion.models import evaluation, live_model
from qfusion.models.protocols import CircuitFacts, CircuitOutput
from qfusion.models.tweak import UNCHANGED, CircuitChange
from qfusion.plugins.qiskit import batched_states, qiskit_calls
from qfusion.plugins.qiskit.flat_source import (
    FlatSource,
    find_roles,
    pauli_terms,
    read_bits,
    read_outcomes,
    read_words,
)
from qfusion.plugins.qiskit.qiskit_gates import FlatCircuit, flatten

NO_NETWORK = "the model calls no network of qiskit_machine_learning"


class QiskitCircuit(FlatSource):
    """The circuit of a quantum neural network that a function calls.

    Args:
        call: of the model, see `live_model.Call`.
        rows: features of some rows, at least two, that differ in every modality.
        modalities, wires: see `FlatSource`.
        chosen: number of the circuit, from 0, where several run for a sample.

    Attributes:
        call: of the model.
        circuit: as a flat list of gates.

    Raises:
        InvalidInput: when no network is called, its gates cannot be listed or are not unitary, there are too many
            qubits, or `wires` does not fit.
    """

    def __init__(
        self,
        call: live_model.Call,
        rows: Mapping[str, Any],
        modalities: Sequence[str],
        wires: Mapping[str, Sequence[Any]] | None = None,
        chosen: int = 0,
    ):
        self.call, self._chosen = call, chosen
        first, second = (evaluation.nested_part(dict(rows), slice(k, k + 1)) for k in (0, 1))
        recorded = self._record(first)
        check(bool(recorded), NO_NETWORK)
        check(
            0 <= chosen < len(recorded),
            f"Argument `circuit` must number one of the {len(recorded)} circuits that run for a sample, from 0, but is "
            f"{chosen}.",
        )
        self._network, self._count = recorded[chosen].network, len(recorded)
        flat = network_circuit(self._network)
        weights = frozenset(range(self._network.num_inputs, len(flat.parameters)))
        own = self.parameters(first)[0]
        moved = {}
        for name in modalities:
            other = self.parameters({**first, name: second[name]})[0]
            moved[name] = frozenset(np.flatnonzero(own != other).tolist())
        super().__init__(flat, find_roles(flat, moved, weights), modalities, wires)
        self.facts = CircuitFacts(
            "Qiskit",
            len(weights),
            self._count,
            chosen,
            self.is_guessed,
            self._remarks(recorded),
        )

    def parameters(self, features: Mapping[str, Any]) -> np.ndarray:
        """Return the values of the circuit's parameters, (1, P), for one row of features: inputs, then weights."""
        recorded = self._record(features)
        check(
            len(recorded) == self._count and recorded[self._chosen].network is self._network,
            "The model runs other circuits for this sample than for the first ones. They must not depend on the "
            "sample.",
        )
        return recorded[self._chosen].parameters[:1]

    def columns(self, features: Mapping[str, Any], change: CircuitChange) -> Tensor:
        """Return the columns (B, K) of the model whose circuit is changed."""

        def answer(network: Any, parameters: np.ndarray, number: int) -> np.ndarray | None:
            if number % self._count != self._chosen:
                return None
            return evaluate(network, self.circuit, parameters, change)

        with qiskit_calls.changed_calls(answer):
            return self.call(features)

    def read(self, features: Mapping[str, Any], change: CircuitChange) -> CircuitOutput:
        """Return what the changed circuit gives, and the columns of the model."""
        results = []

        def answer(network: Any, parameters: np.ndarray, number: int) -> np.ndarray | None:
            if number % self._count != self._chosen:
                return None
            results.append(np.asarray(evaluate(network, self.circuit, parameters, change), float))
            return results[-1]

        with qiskit_calls.changed_calls(answer):
            columns = self.call(features)
        numbers, form = gates.flatten(results)
        return CircuitOutput(numbers, form, columns)

    def finish(self, features: Mapping[str, Any], numbers: Tensor, form: Any) -> Tensor:
        """Return the columns (B, K) of the model whose circuit gives these numbers (Q,)."""
        results = iter(gates.unflatten(numbers, form))

        def answer(network: Any, parameters: np.ndarray, number: int) -> np.ndarray | None:
            shown: np.ndarray | None = None
            if number % self._count == self._chosen:
                shown = next(results)
            return shown

        with qiskit_calls.changed_calls(answer):
            return self.call(features)

    def quick_call(self, rows: Mapping[str, Any]) -> trial.QuickCall:
        """Return a call of the model that evaluates its networks for all rows at once.

        Args:
            rows: features of some rows.
        """
        flats = {id(network): network_circuit(network) for network in self._networks(rows)}

        def answer(network: Any, parameters: np.ndarray, number: int) -> np.ndarray | None:
            flat = flats.get(id(network))
            if flat is None:
                return None
            return evaluate(network, flat, parameters, UNCHANGED)

        return trial.QuickCall(self.call, lambda _: qiskit_calls.changed_calls(answer))

    def _networks(self, features: Mapping[str, Any]) -> list[Any]:
        return [call.network for call in self._record(features)]

    def _record(self, features: Mapping[str, Any]) -> list[qiskit_calls.NetworkCall]:
        with qiskit_calls.recorded_calls() as calls:
            self.call(features)
        return calls

    def _remarks(self, recorded: Sequence[qiskit_calls.NetworkCall]) -> tuple[str, ...]:
        remarks = []
        if len(recorded) > 1:
            remarks.append(
                f"{len(recorded)} circuits run for one sample; circuit {self._chosen} (from 0) is shown."
            )
        rows = len(recorded[self._chosen].parameters)
        if rows > 1:
            remarks.append(
                f"The circuit runs {rows} times for one sample, with other inputs; the first of them is shown."
            )
        sentences = [qiskit_calls.describe_precision(call.network) for call in recorded]
        remarks += filter(None, dict.fromkeys(sentences))
        return tuple(remarks)


def network_circuit(network: Any) -> FlatCircuit:
    """Return the circuit of an `EstimatorQNN` or `SamplerQNN`, whose parameters are its inputs and then its weights.

    Raises:
        InvalidInput: when it cannot be listed gate by gate.
    """
    circuit = getattr(network, "_circuit", None)
    check(circuit is not None, f"its {type(network).__name__} has no single circuit")
    return flatten(circuit)


def evaluate(
    network: Any,
    flat: FlatCircuit,
    parameters: np.ndarray,
    change: CircuitChange,
) -> np.ndarray:
    """Return what a network gives with a changed circuit, (B, ...), exact but for the shots of the change.

    Args:
        network: an `EstimatorQNN` or `SamplerQNN`.
        flat: its circuit.
        parameters: inputs and weights, (B, P).
        change: of its circuit.

    Raises:
        InvalidInput: when the network is neither.
    """
    estimates = hasattr(network, "observables")
    check(
        estimates or hasattr(network, "_postprocess"),
        f"The circuit of a {type(network).__name__} cannot be changed; those of EstimatorQNN and SamplerQNN can.",
    )
    if estimates:
        return _estimate(network, flat, parameters, change)
    return _sample(network, flat, parameters, change)


def _estimate(
    network: Any,
    flat: FlatCircuit,
    parameters: np.ndarray,
    change: CircuitChange,
) -> np.ndarray:
    observables = [pauli_terms(observable, flat.qubits) for observable in network.observables]
    words = sorted({word for terms in observables for word in terms})
    means = read_words(flat, parameters, change, words)
    generator = batched_states.shot_generator(change.seed, parameters)
    columns = []
    for terms in observables:
        own = means[:, [words.index(word) for word in terms]]
        if change.shots:
            own = batched_states.sample_words(own, change.shots, generator)
        columns.append(own @ np.array(list(terms.values())))
    return np.stack(columns, 1)


def _sample(
    network: Any,
    flat: FlatCircuit,
    parameters: np.ndarray,
    change: CircuitChange,
) -> np.ndarray:
    outcomes = read_bits(read_outcomes(flat, parameters, change), flat.measured)
    frequencies = outcomes.numpy()
    if change.shots:
        generator = batched_states.shot_generator(change.seed, parameters)
        frequencies = batched_states.sample_bits(frequencies, change.shots, generator)
    return interpret_outcomes(network, frequencies)


def interpret_outcomes(network: Any, frequencies: np.ndarray) -> np.ndarray:
    """Return what a `SamplerQNN` makes of frequencies of outcomes (B, 2^c), by its own `interpret`."""

    def get_counts(row: int) -> dict[int, float]:
        own = frequencies[row]
        return {int(key): float(own[key]) for key in np.flatnonzero(own)}

    outcome = SimpleNamespace(data=SimpleNamespace(get_counts=get_counts))
    result: Any = network._postprocess(len(frequencies), [outcome])
    return result
