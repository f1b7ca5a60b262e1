"""Circuits of Qiskit inside a user's model, as a `CircuitSource`: the gates that ran for a sample, with changes.

The circuit is that of one `EstimatorQNN` or `SamplerQNN` of `qiskit_machine_learning`, with the inputs and weights that
the model gives it for one row of features; the classical parts of the model around it run as they are.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.errors import translate_import_errors
from qfusion.live import batched_states, circuit_wires, qiskit_calls
from qfusion.live.gate_roles import FIXED, find_layers
from qfusion.live.qiskit_gates import BoundCircuit, FlatCircuit, flatten
from qfusion.models import live_model, nested
from qfusion.models.circuit_change import UNCHANGED, CircuitChange
from qfusion.models.protocols import TRAINED
from qfusion.quantum import statevector

with translate_import_errors():
    from qiskit import quantum_info

MAX_QUBITS = 16  # whose states are held gate by gate
EQUAL = 1e-6  # relative difference of two evaluations that are the same, also of a model in single precision
NO_NETWORK = "the model calls no network of qiskit_machine_learning"


class QiskitCircuit:
    """The circuit of a quantum neural network that a function calls.

    Args:
        call: of the model, see `live_model.Call`.
        rows: features of some rows, at least two, that differ in every modality.
        modalities: names, in the order of the model.
        wires: labels of the qubits of each modality, as numbers or such as "q[0]"; guessed from the encoding unless
            given.
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
        first, second = (nested.nested_part(dict(rows), slice(k, k + 1)) for k in (0, 1))
        recorded = self._record(first)
        check(bool(recorded), NO_NETWORK)
        check(
            0 <= chosen < len(recorded),
            f"Argument `circuit` must number one of the {len(recorded)} circuits that run for a sample, from 0, but is "
            f"{chosen}.",
        )
        shown = recorded[chosen]
        self._network = shown.network
        self._count = len(recorded)
        self.circuit = network_circuit(shown.network)
        check(
            self.circuit.qubits <= MAX_QUBITS,
            f"its circuit has {self.circuit.qubits} qubits, and states of at most {MAX_QUBITS} are followed gate by gate",
        )
        self._weights = frozenset(range(shown.network.num_inputs, len(self.circuit.parameters)))
        self.roles = self._find_roles(first, second, modalities)
        places = [gate.wires for gate in self.circuit.gates]
        self._labels, wires = name_wires(self.circuit, wires)
        self._registers, self._order, guessed = circuit_wires.arrange(
            self._labels, self.roles, places, modalities, wires
        )
        self._position = {place: position for position, place in enumerate(self._order)}
        self.layers = find_layers(self.roles, places)
        angles = len(self._weights)
        self.facts = live_model.CircuitFacts(
            "Qiskit", angles, len(recorded), chosen, guessed, self._remarks(recorded)
        )

    def registers(self) -> dict[str, int]:
        """Return the registers of the qubits in their order, and the number of qubits of each."""
        return dict(self._registers)

    @property
    def labels(self) -> tuple[Any, ...]:
        """Labels of the qubits, in the order of the registers."""
        return tuple(self._labels[place] for place in self._order)

    def gates(
        self, features: Mapping[str, Any], change: CircuitChange = UNCHANGED
    ) -> list[statevector.Gate]:
        """Return the gates that act on |0...0> for one row of features, with edited angles."""
        bound = BoundCircuit(self.circuit, self.parameters(features), change.angles)
        return [
            gate._replace(wires=tuple(self._position[wire] for wire in gate.wires))
            for place, gate in enumerate(bound.gates())
            if place not in change.removed
        ]

    def parameters(self, features: Mapping[str, Any]) -> np.ndarray:
        """Return the values of the circuit's parameters, (1, P), for one row of features: inputs, then weights."""
        recorded = self._record(features)
        check(
            len(recorded) == self._count and recorded[self._chosen].network is self._network,
            "The model runs other circuits for this sample than for the first ones. They must not depend on the "
            "sample.",
        )
        return recorded[self._chosen].parameters[:1]

    def trainable(self) -> dict[int, tuple[str, ...]]:
        """Return the names of the trainable angles of each gate that has any, by its place from 0."""
        return {
            place: gate.angle_names
            for place, (gate, role) in enumerate(zip(self.circuit.gates, self.roles, strict=True))
            if role == TRAINED and gate.angle_names
        }

    def columns(self, features: Mapping[str, Any], change: CircuitChange) -> Tensor:
        """Return the columns (B, K) of the model whose circuit is changed."""
        generator = np.random.default_rng(change.seed)

        def answer(network: Any, parameters: np.ndarray, number: int) -> np.ndarray | None:
            if number % self._count != self._chosen:
                return None
            return evaluate(network, self.circuit, parameters, change, generator)

        with qiskit_calls.changed_calls(answer):
            return self.call(features)

    def quick_call(self, rows: Mapping[str, Any], columns: Tensor) -> live_model.Call:
        """Return the call of the model, with networks evaluated for all rows at once where that gives the same.

        Args:
            rows: features of some rows. columns: what the model itself gives for these.
        """
        flats = {id(network): network_circuit(network) for network in self._networks(rows)}
        generator = np.random.default_rng(0)

        def answer(network: Any, parameters: np.ndarray, number: int) -> np.ndarray | None:
            flat = flats.get(id(network))
            if flat is None:
                return None
            return evaluate(network, flat, parameters, UNCHANGED, generator)

        quick = QuickCall(self.call, answer)
        with contextlib.suppress(Exception):  # of a network that this module does not know
            apart = (quick(rows) - columns).abs().max()
            if float(apart) <= EQUAL * (1 + float(columns.abs().max())):
                return quick
        return self.call

    def _networks(self, features: Mapping[str, Any]) -> list[Any]:
        return [call.network for call in self._record(features)]

    def _record(self, features: Mapping[str, Any]) -> list[qiskit_calls.NetworkCall]:
        with qiskit_calls.recorded_calls() as calls:
            self.call(features)
        return calls

    def _find_roles(
        self, first: Mapping[str, Any], second: Mapping[str, Any], modalities: Sequence[str]
    ) -> tuple[str, ...]:
        """Return the role of every gate, by comparing the circuits of samples that differ in one modality."""
        own = self.parameters(first)[0]
        moved = {}
        for name in modalities:
            other = self.parameters({**first, name: second[name]})[0]
            moved[name] = frozenset(np.flatnonzero(own != other).tolist())
        return find_roles(self.circuit, moved, self._weights)

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
        return tuple(remarks)


class QuickCall:
    """A call of a model whose networks are answered by a function.

    Args:
        call: of the model. answer: see `qiskit_calls.changed_calls`.

    Attributes:
        model: the user's.
    """

    def __init__(self, call: live_model.Call, answer: qiskit_calls.Answer):
        self._call, self._answer = call, answer
        self.model = getattr(call, "model", None)

    def __call__(self, features: Mapping[str, Any]) -> Tensor:
        """Return the columns (B, K) of features."""
        with qiskit_calls.changed_calls(self._answer):
            return self._call(features)


def network_circuit(network: Any) -> FlatCircuit:
    """Return the circuit of an `EstimatorQNN` or `SamplerQNN`, whose parameters are its inputs and then its weights.

    Raises:
        InvalidInput: when it cannot be listed gate by gate.
    """
    circuit = getattr(network, "_circuit", None)
    check(circuit is not None, f"its {type(network).__name__} has no single circuit")
    return flatten(circuit)


def find_roles(
    flat: FlatCircuit, moved: Mapping[str, frozenset[int]], weights: frozenset[int]
) -> tuple[str, ...]:
    """Return the role of every gate.

    Args:
        flat: circuit. moved: places of the parameters that change with each modality. weights: places of those that
            are trained.
    """
    roles = []
    for gate in flat.gates:
        names = [name for name, places in moved.items() if places & gate.parameters]
        trained = TRAINED if weights & gate.parameters else FIXED
        roles.append("+".join(names) if names else trained)
    return tuple(roles)


def name_wires(
    flat: FlatCircuit, wires: Mapping[str, Sequence[Any]] | None
) -> tuple[tuple[Any, ...], Mapping[str, Sequence[Any]] | None]:
    """Return the labels of the qubits, and the user's `wires` in these: numbers unless the user gives names."""
    numbers = tuple(range(flat.qubits))
    if not isinstance(wires, Mapping):
        return numbers, wires
    given = [label for mine in wires.values() for label in mine]
    if any(isinstance(label, str) for label in given):
        known = dict(zip(flat.labels, numbers, strict=True))
        return flat.labels, {
            name: [flat.labels[label] if label in numbers else label for label in mine]
            for name, mine in wires.items()
        } if known else wires
    return numbers, wires


def circuit_steps(
    flat: FlatCircuit, parameters: np.ndarray, change: CircuitChange
) -> list[batched_states.Step]:
    """Return the gates for rows of parameters (B, P), with edited angles and without those that are left out."""
    bound = BoundCircuit(flat, parameters, change.angles)
    return [
        (bound.matrices(place), gate.wires)
        for place, gate in enumerate(flat.gates)
        if place not in change.removed
    ]


def evaluate(
    network: Any,
    flat: FlatCircuit,
    parameters: np.ndarray,
    change: CircuitChange,
    generator: np.random.Generator,
) -> np.ndarray:
    """Return what a network gives with a changed circuit, (B, ...), exact but for the shots of the change.

    Args:
        network: an `EstimatorQNN` or `SamplerQNN`.
        flat: its circuit.
        parameters: inputs and weights, (B, P).
        change: of its circuit.
        generator: of the shots.

    Raises:
        InvalidInput: when the network is neither.
    """
    estimates = hasattr(network, "observables")
    check(
        estimates or hasattr(network, "_postprocess"),
        f"The circuit of a {type(network).__name__} cannot be changed; those of EstimatorQNN and SamplerQNN can.",
    )
    if estimates:
        return _estimate(network, flat, parameters, change, generator)
    return _sample(network, flat, parameters, change, generator)


def _states(flat: FlatCircuit, parameters: np.ndarray, change: CircuitChange) -> Any:
    """Yield the states of some rows at a time."""
    rows = len(parameters)
    steps = circuit_steps(flat, parameters, change)
    mixed = bool(change.depolarising or change.damping)
    for some in batched_states.row_chunks(rows, flat.qubits, mixed):
        part = batched_states.take_rows(steps, some)
        yield batched_states.changed_states(part, some.stop - some.start, flat.qubits, change)


def _estimate(
    network: Any,
    flat: FlatCircuit,
    parameters: np.ndarray,
    change: CircuitChange,
    generator: np.random.Generator,
) -> np.ndarray:
    observables = [pauli_terms(observable, flat.qubits) for observable in network.observables]
    words = sorted({word for terms in observables for word in terms})
    means = np.concatenate(
        [
            batched_states.word_expectations(states, words).numpy()
            for states in _states(flat, parameters, change)
        ]
    )
    if change.readout:
        means = means * [(1 - change.readout) ** (len(w) - w.count("I")) for w in words]
    columns = []
    for terms in observables:
        own = means[:, [words.index(word) for word in terms]]
        if change.shots:
            own = batched_states.sample_words(own, change.shots, generator)
        columns.append(own @ np.array(list(terms.values())))
    return np.stack(columns, 1)


def pauli_terms(observable: Any, qubits: int) -> dict[str, float]:
    """Return an observable of Qiskit as weights of Pauli words, letter q of a word for qubit q.

    Raises:
        InvalidInput: when it is not Hermitian, or has another number of qubits.
    """
    if isinstance(observable, Mapping):
        operator = quantum_info.SparsePauliOp.from_list(list(observable.items()))
    elif isinstance(observable, quantum_info.SparsePauliOp):
        operator = observable
    elif isinstance(observable, quantum_info.Operator):
        operator = quantum_info.SparsePauliOp.from_operator(observable)
    elif hasattr(observable, "as_paulis"):
        operator = quantum_info.SparsePauliOp.from_sparse_observable(observable)
    else:
        operator = quantum_info.SparsePauliOp(observable)
    check(
        operator.num_qubits == qubits,
        f"An observable has {operator.num_qubits} qubits, but the circuit {qubits}.",
    )
    terms: dict[str, float] = {}
    for label, weight in operator.to_list():
        number = complex(weight)
        check(abs(number.imag) < 1e-12, "An observable is not Hermitian: a weight is complex.")
        word = label[::-1]
        terms[word] = terms.get(word, 0.0) + number.real
    return terms


def _sample(
    network: Any,
    flat: FlatCircuit,
    parameters: np.ndarray,
    change: CircuitChange,
    generator: np.random.Generator,
) -> np.ndarray:
    chances = np.concatenate(
        [batched_states.populations(s).numpy() for s in _states(flat, parameters, change)]
    )
    outcomes = read_bits(torch.from_numpy(chances), flat.measured)
    outcomes = batched_states.flip_bits(outcomes, change.readout)
    frequencies = outcomes.numpy()
    if change.shots:
        frequencies = batched_states.sample_bits(frequencies, change.shots, generator)
    return interpret_outcomes(network, frequencies)


def read_bits(probabilities: Tensor, measured: Mapping[int, int]) -> Tensor:
    """Return the probabilities (B, 2^c) of the values of classical bits, the highest bit first.

    Args:
        probabilities: of the basis states, (B, 2^n).
        measured: qubit that each bit reads.
    """
    rows = len(probabilities)
    n = probabilities.shape[1].bit_length() - 1
    bits = sorted(measured)
    qubits = list(dict.fromkeys(measured[bit] for bit in bits))
    check(len(qubits) == len(bits), "Two classical bits of its circuit read the same qubit.")
    rest = [qubit for qubit in range(n) if qubit not in qubits]
    order = [0, *(qubit + 1 for qubit in reversed(qubits)), *(qubit + 1 for qubit in rest)]
    moved = probabilities.reshape(rows, *(2,) * n).permute(order)
    return moved.reshape(rows, 2 ** len(bits), -1).sum(-1)


def interpret_outcomes(network: Any, frequencies: np.ndarray) -> np.ndarray:
    """Return what a `SamplerQNN` makes of frequencies of outcomes (B, 2^c), by its own `interpret`."""

    def get_counts(row: int) -> dict[int, float]:
        own = frequencies[row]
        return {int(key): float(own[key]) for key in np.flatnonzero(own)}

    outcome = SimpleNamespace(data=SimpleNamespace(get_counts=get_counts))
    result: Any = network._postprocess(len(frequencies), [outcome])
    return result
