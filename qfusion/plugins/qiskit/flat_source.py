"""A flat list of Qiskit's gates with parameters, as a `CircuitSource`: its registers, roles, states and read-outs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.adapters import gates
from qfusion.adapters.gates import FIXED, MAX_QUBITS, find_layers
from qfusion.errors import translate_import_errors
from qfusion.models.protocols import TRAINED, CircuitFacts
from qfusion.models.tweak import UNCHANGED, CircuitChange
from qfusion.plugins.qiskit import batched_states
from qfusion.plugins.qiskit.qiskit_gates import BoundCircuit, FlatCircuit, gate_matrices
from qfusion.quantum import circuits, statevector

with translate_import_errors():
    from qiskit import quantum_info


class FlatSource:
    """The circuit of a flat list of gates with parameters, as a `CircuitSource` whose subclass gives their values.

    Args:
        circuit: flat, of at most `MAX_QUBITS` qubits.
        roles: of its gates.
        modalities: names, in the order of the model.
        wires: labels of the qubits of each modality, as numbers or such as "q[0]"; guessed from the encoding unless
            given.

    Raises:
        InvalidInput: when there are too many qubits, or `wires` does not fit.
    """

    facts: CircuitFacts

    def __init__(
        self,
        circuit: FlatCircuit,
        roles: tuple[str, ...],
        modalities: Sequence[str],
        wires: Mapping[str, Sequence[Any]] | None,
    ):
        check(
            circuit.qubits <= MAX_QUBITS,
            f"its circuit has {circuit.qubits} qubits, and states of at most {MAX_QUBITS} are followed gate by gate",
        )
        self.circuit, self.roles = circuit, roles
        places = [gate.wires for gate in circuit.gates]
        self._labels, wires = name_wires(circuit, wires)
        self._registers, self._order, self.is_guessed = gates.arrange_wires(
            self._labels, roles, places, modalities, wires
        )
        self._position = {place: position for position, place in enumerate(self._order)}
        self.layers = find_layers(roles, places)

    def parameters(self, features: Mapping[str, Any]) -> np.ndarray:
        """Return the values of the circuit's parameters, (B, P)."""
        raise NotImplementedError

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

    def trainable(self) -> dict[int, tuple[str, ...]]:
        """Return the names of the trainable angles of each gate that has any, by its place from 0."""
        return {
            place: gate.angle_names
            for place, (gate, role) in enumerate(zip(self.circuit.gates, self.roles, strict=True))
            if role == TRAINED and gate.angle_names
        }

    def angle_frequencies(self, gate: int, name: str) -> tuple[float, ...] | None:
        """Return the frequencies of expectation values in an angle of a gate, ascending; None where not known."""
        flat = self.circuit.gates[gate]
        place, count = flat.angle_names.index(name), len(flat.angle_names)
        others = np.linspace(0.4, 1.9, count)  # the same frequencies for all, these not special

        def matrix(angle: float) -> np.ndarray:
            angles = np.where(np.arange(count) == place, angle, others)
            return gate_matrices(flat.operation, angles[None])[0]

        return circuits.gate_frequencies(matrix)


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
    if not any(isinstance(label, str) for mine in wires.values() for label in mine):
        return numbers, wires
    named = {
        name: [flat.labels[label] if label in numbers else label for label in mine]
        for name, mine in wires.items()
    }
    return flat.labels, named


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


def evolve_rows(
    flat: FlatCircuit, parameters: np.ndarray, change: CircuitChange
) -> Iterator[Tensor]:
    """Yield the states of some rows at a time, (b, 2^n) or mixed ones (b, 2^n, 2^n), for parameters (B, P)."""
    rows = len(parameters)
    steps = circuit_steps(flat, parameters, change)
    mixed = bool(change.depolarising or change.damping)
    for some in batched_states.row_chunks(rows, flat.qubits, mixed):
        part = batched_states.take_rows(steps, some)
        yield batched_states.changed_states(part, some.stop - some.start, flat.qubits, change)


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


def read_words(
    flat: FlatCircuit, parameters: np.ndarray, change: CircuitChange, words: Sequence[str]
) -> np.ndarray:
    """Return the expectations (B, words) of Pauli words with a changed circuit, exact but for its noise.

    Args:
        flat: circuit. parameters: of it, (B, P). change: of it; its shots are left to the caller.
        words: letter q of each for qubit q.
    """
    if change.device:
        from qfusion.plugins.qiskit import devices

        compiled = devices.compile_changed(flat, change)
        rho = compiled.density_matrices(parameters)
        return devices.word_expectations(rho, words, compiled.readout).numpy()
    means = np.concatenate(
        [
            batched_states.word_expectations(states, words).numpy()
            for states in evolve_rows(flat, parameters, change)
        ]
    )
    return means * [(1 - change.readout) ** (len(word) - word.count("I")) for word in words]


def read_outcomes(flat: FlatCircuit, parameters: np.ndarray, change: CircuitChange) -> Tensor:
    """Return the probabilities (B, 2^n) of what is read of all qubits with a changed circuit, see `read_words`."""
    if change.device:
        from qfusion.plugins.qiskit import devices

        compiled = devices.compile_changed(flat, change)
        populations = batched_states.populations(compiled.density_matrices(parameters))
        return devices.read_populations(populations, compiled.readout)
    parts = [batched_states.populations(s) for s in evolve_rows(flat, parameters, change)]
    return batched_states.flip_bits(torch.cat(parts), change.readout)
