"""Circuits of PennyLane inside a user's model, as a `CircuitSource`: the gates that ran for a sample, with changes.

The circuit is that of one QNode, as its quantum function makes it for one row of features; the classical parts of the
model around it run as they are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pennylane as qml
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion._sentences import listed
from qfusion.adapters import gates, qnodes, trial
from qfusion.adapters.gates import FIXED, MAX_QUBITS, find_layers
from qfusion.errors import InvalidInput, NotFound
from qfusion.models import evaluation, live_model
from qfusion.models.protocols import TRAINED, CircuitFacts, CircuitOutput
from qfusion.models.tweak import UNCHANGED, CircuitChange
from qfusion.quantum import circuits, states, statevector

MAX_MIXED = 8  # whose density matrix is held, with noise
CHECKED = 4  # states of a circuit that are checked against its device
APART = 1e-4  # of entries of states that are the same, also in single precision
NAMES = {  # of the angles of a gate, where PennyLane's parameters have a meaning
    "Rot": ("phi", "theta", "omega"),
    "CRot": ("phi", "theta", "omega"),
    "U2": ("phi", "delta"),
    "U3": ("theta", "phi", "delta"),
}


class PennyLaneCircuit:
    """The circuit of a QNode that a function calls.

    Args:
        call: of the model, see `live_model.Call`.
        rows: features of some rows, at least two, that differ in every modality.
        modalities: names, in the order of the model.
        wires: labels of the qubits of each modality; guessed from the encoding unless given.
        chosen: number of the circuit, from 0, where several run for a sample.

    Raises:
        InvalidInput: when no QNode is called, its gates cannot be listed or are not unitary, there are too many qubits,
            or `wires` does not fit.
    """

    def __init__(
        self,
        call: live_model.Call,
        rows: Mapping[str, Any],
        modalities: Sequence[str],
        wires: Mapping[str, Sequence[Any]] | None = None,
        chosen: int = 0,
    ):
        self._call, self._chosen = call, chosen
        first, second = (evaluation.nested_part(dict(rows), slice(k, k + 1)) for k in (0, 1))
        recorded = self._record(first)
        check(bool(recorded), "the model calls no QNode")
        check(
            0 <= chosen < len(recorded),
            f"Argument `circuit` must number one of the {len(recorded)} circuits that run for a sample, from 0, but is "
            f"{chosen}.",
        )
        shown = recorded[chosen]
        check(shown.tape is not None, shown.problem)
        self._labels = shown.wires
        self._tape = shown.tape
        check(
            len(self._labels) <= MAX_QUBITS,
            f"its circuit has {len(self._labels)} qubits, and states of at most {MAX_QUBITS} are followed gate by "
            "gate",
        )
        self._roles = self._find_roles(first, second, modalities)
        places = [self._places(operation) for operation in self._tape.operations]
        self._registers, self._order, guessed = gates.arrange_wires(
            self._labels, self._roles, places, modalities, wires
        )
        self.roles = tuple(self._roles)
        self.layers = find_layers(self.roles, places)
        self._check_states(shown, first)
        angles = sum(len(names) for names in self.trainable().values())
        self.facts = CircuitFacts(
            "PennyLane", angles, len(recorded), chosen, guessed, self._remarks(recorded)
        )

    def registers(self) -> dict[str, int]:
        """Return the registers of the qubits in their order, and the number of qubits of each."""
        return dict(self._registers)

    @property
    def labels(self) -> tuple[Any, ...]:
        """The user's labels of the qubits, in the order of the registers."""
        return tuple(self._labels[place] for place in self._order)

    @property
    def wires(self) -> dict[str, tuple[Any, ...]]:
        """The user's labels of the qubits of each register."""
        labels = iter(self.labels)
        return {name: tuple(next(labels) for _ in range(n)) for name, n in self._registers.items()}

    def gates(
        self, features: Mapping[str, Any], change: CircuitChange = UNCHANGED
    ) -> list[statevector.Gate]:
        """Return the gates that act on |0...0> for one row of features, with edited angles."""
        tape = self._record(features)[self._chosen].tape
        check(
            tape is not None and len(tape.operations) == len(self._tape.operations),
            "The circuit has other gates for this sample than for the first ones. Its structure must not depend on the "
            "sample.",
        )
        operations = edit_operations(tape.operations, change)
        on = {label: place for place, label in enumerate(self.labels)}
        return [to_gate(operation, on) for operation in operations]

    def tape(self, features: Mapping[str, Any]) -> Any:
        """Return PennyLane's tape of one row of features, with the user's labels and measurements."""
        return self._record(features)[self._chosen].tape

    def trainable(self) -> dict[int, tuple[str, ...]]:
        """Return the names of the trainable angles of each gate that has any, by its place from 0."""
        result = {}
        for place, (operation, role) in enumerate(
            zip(self._tape.operations, self._roles, strict=True)
        ):
            names = angle_names(operation)
            if role == TRAINED and names:
                result[place] = names
        return result

    def columns(self, features: Mapping[str, Any], change: CircuitChange) -> Tensor:
        """Return the columns (B, K) of the model whose circuit is changed."""
        check(
            not change.is_noisy or len(self._labels) <= MAX_MIXED,
            f"Noise needs the density matrix of {len(self._labels)} qubits; it is computed for at most {MAX_MIXED}.",
        )

        def replace(qnode: Any, number: int) -> Any:
            shown = number % self.facts.calls == self._chosen
            return changed_qnode(qnode, change, self._labels) if shown else qnode

        with qnodes.changed_calls(replace):
            return self._call(features)

    def read(self, features: Mapping[str, Any], change: CircuitChange) -> CircuitOutput:
        """Return what the changed circuit gives, and the columns of the model."""
        results = []

        def answer(qnode: Any, number: int, run: qnodes.Run) -> Any:
            if number % self.facts.calls != self._chosen:
                return run(qnode)
            results.append(run(changed_qnode(qnode, change, self._labels)))
            return results[-1]

        with qnodes.answered_calls(answer):
            columns = self._call(features)
        numbers, form = gates.flatten(results)
        return CircuitOutput(numbers, form, columns)

    def finish(self, features: Mapping[str, Any], numbers: Tensor, form: Any) -> Tensor:
        """Return the columns (B, K) of the model whose circuit gives these numbers (Q,)."""
        results = iter(gates.unflatten(numbers, form))

        def answer(qnode: Any, number: int, run: qnodes.Run) -> Any:
            shown = number % self.facts.calls == self._chosen
            return next(results) if shown else run(qnode)

        with qnodes.answered_calls(answer):
            return self._call(features)

    def quick_call(self, rows: Mapping[str, Any]) -> trial.QuickCall | None:
        """Return a call of the model whose circuits run for all rows at once; None where they do already."""
        return qnodes.quick_call(self._call, rows)

    def angle_frequencies(self, gate: int, name: str) -> tuple[float, ...] | None:
        """Return the frequencies of expectation values in an angle of a gate, ascending; None where not known."""
        operation = self._tape.operations[gate]
        place = angle_names(operation).index(name)
        own = [float(np.real(_numbers(parameter))) for parameter in operation.parameters]

        def matrix(angle: float) -> np.ndarray:
            angles = [*own[:place], angle, *own[place + 1 :]]
            turned = bind_parameters(operation, angles)
            return _numbers(qml.matrix(turned, operation.wires))

        linear = (qml.measurements.ExpectationMP, qml.measurements.ProbabilityMP)
        if not all(isinstance(measured, linear) for measured in self._tape.measurements):
            return None
        return circuits.gate_frequencies(matrix)

    def _record(self, features: Mapping[str, Any]) -> list[qnodes.QNodeCall]:
        return qnodes.record(self._call, features)

    def _places(self, operation: Any) -> tuple[int, ...]:
        return tuple(self._labels.index(label) for label in operation.wires.labels)

    def _check_states(self, call: qnodes.QNodeCall, features: Mapping[str, Any]) -> None:
        """Check the states of a sample, on the way through the gates and at the end, against those of the device.

        Raises:
            InvalidInput: when a gate is not unitary, or neighbouring qubits have another state on the device.
        """
        gates = self.gates(features)
        n = len(self.labels)
        own = [label for label in self.labels if label in call.written.wires]
        pairs = list(pairwise(own)) or [tuple(own)]
        ends = [len(gates) * part // CHECKED for part in range(1, CHECKED)]
        on_device = qnodes.device_states(call, ends, pairs)
        if on_device is None:
            return
        known = dict(zip((*ends, len(gates)), on_device, strict=True))
        for done, psi in enumerate(statevector.apply_circuit(gates, n)):
            for pair, rho in zip(pairs, known.get(done, ()), strict=False):
                A = states.apart(psi, (2,) * n, [self.labels.index(label) for label in pair])
                apart = float(np.abs((A @ A.mH).numpy() - rho).max())
                check(
                    apart < APART,
                    f"after {done} of its {len(gates)} gates, the state of {listed([repr(label) for label in pair])} "
                    f"on its device is another one, by {apart:.2g}",
                )

    def _find_roles(
        self, first: Mapping[str, Any], second: Mapping[str, Any], modalities: Sequence[str]
    ) -> list[str]:
        """Return the role of every gate, by comparing the circuits of samples that differ in one modality."""
        operations = self._tape.operations
        held: list[list[str]] = [[] for _ in operations]
        for name in modalities:
            other = self._record({**first, name: second[name]})[self._chosen].tape
            if other is None or [o.name for o in other.operations] != [o.name for o in operations]:
                raise InvalidInput("the structure of its circuit depends on the sample")
            for place, (one, two) in enumerate(zip(operations, other.operations, strict=True)):
                if not _same_parameters(one, two):
                    held[place].append(name)
        return [
            "+".join(names) if names else TRAINED if _is_trainable(operation) else FIXED
            for names, operation in zip(held, operations, strict=True)
        ]

    def _remarks(self, recorded: Sequence[qnodes.QNodeCall]) -> tuple[str, ...]:
        remarks = []
        if len(recorded) > 1:
            remarks.append(
                f"{len(recorded)} circuits run for one sample; circuit {self._chosen} (from 0) is shown."
            )
        shots = recorded[self._chosen].tape.shots.total_shots
        if shots:
            remarks.append(f"The model runs it with {shots:,} shots; the states are exact.")
        return tuple(remarks)


def _same_parameters(first: Any, second: Any) -> bool:
    pairs = zip(first.parameters, second.parameters, strict=True)
    return all(np.array_equal(_numbers(one), _numbers(two)) for one, two in pairs)


def _numbers(parameter: Any) -> np.ndarray:
    return np.asarray(qml.math.toarray(qml.math.detach(parameter)))


def _is_trainable(operation: Any) -> bool:
    return any(qml.math.requires_grad(parameter) for parameter in operation.parameters)


def angle_names(operation: Any) -> tuple[str, ...]:
    """Return the names of the angles of an operation; none if its parameters are arrays, such as a matrix."""
    if any(np.ndim(_numbers(parameter)) for parameter in operation.parameters):
        return ()
    count = len(operation.parameters)
    names = NAMES.get(operation.name, ())
    if len(names) == count:
        return names
    return ("angle",) if count == 1 else tuple(f"angle_{k + 1}" for k in range(count))


def to_gate(operation: Any, places: Mapping[Any, int]) -> statevector.Gate:
    """Return an operation of PennyLane as a gate, on qubits by `places` of their labels.

    Raises:
        InvalidInput: when it is not unitary, or prepares a vector whose length is not 1.
    """
    on = tuple(places[label] for label in operation.wires.labels)
    if isinstance(operation, qml.operation.StatePrepBase):
        psi = torch.as_tensor(_numbers(operation.state_vector()).reshape(-1).astype(complex))
        length = float(torch.linalg.vector_norm(psi))
        check(
            abs(length - 1) < APART,
            f"its {operation.name} prepares a vector of length {length:.3g}, which is no state",
        )
        return statevector.Gate("StatePrep", on, states.preparation(psi / length), {})
    matrix = torch.as_tensor(_numbers(qml.matrix(operation, operation.wires)).astype(complex))
    excess = matrix.mH @ matrix - torch.eye(len(matrix))
    check(
        float(excess.abs().max()) < APART,
        f"its operation {operation.name} is not unitary, so no state vector follows the gates",
    )
    matrix = matrix - matrix @ excess / 2  # unitary in double precision too
    names = angle_names(operation)
    values = {
        name: float(np.real(_numbers(parameter)))
        for name, parameter in zip(names, operation.parameters, strict=len(names) > 0)
    }
    return statevector.Gate(operation.name, on, matrix, values)


def edit_operations(operations: Sequence[Any], change: CircuitChange) -> list[Any]:
    """Return operations with edited angles, and without those that are left out."""
    edits: dict[int, dict[str, float]] = {}
    for place, name, value in change.angles:
        edits.setdefault(place, {})[name] = value
    edited = []
    for place, operation in enumerate(operations):
        if place in change.removed:
            continue
        if place in edits:
            names = angle_names(operation)
            parameters = [
                _like(edits[place].get(name, parameter), parameter)
                for name, parameter in zip(names, operation.parameters, strict=True)
            ]
            operation = bind_parameters(operation, parameters)
        edited.append(operation)
    return edited


def bind_parameters(operation: Any, parameters: Sequence[Any]) -> Any:
    """Return an operation with other parameters."""
    if isinstance(operation, qml.ops.Evolution):  # whose generator is none of its parameters
        return qml.ops.Evolution(operation.base, parameters[0])
    return qml.ops.functions.bind_new_parameters(operation, parameters)


def _like(value: Any, parameter: Any) -> Any:
    """Return an angle in the form of the parameter that it replaces."""
    if value is parameter or not isinstance(parameter, Tensor):
        return value
    return torch.full_like(parameter.detach(), value)


def changed_qnode(qnode: Any, change: CircuitChange, labels: Sequence[Any]) -> Any:
    """Return a QNode with edited angles, gates left out, noise and shots.

    Args:
        qnode: of the user; it is not changed.
        change: of its circuit.
        labels: of all its qubits.
    """
    if change.device:
        return _run_on_device(qnode, change=change, labels=tuple(labels))
    qnode = qnodes.batched_qnode(qnode)
    if change.is_noisy or change.shots:
        name = "default.mixed" if change.is_noisy else "default.qubit"
        seed = change.seed if change.shots else None
        device = qml.device(name, wires=list(labels), seed=seed)
        qnode = qnode.update(device=device, diff_method=None)
        qnode = qml.set_shots(qnode, shots=change.shots or None)
    return _change_tape(qnode, change=change)


@qml.transform
def _run_on_device(
    tape: Any, change: CircuitChange, labels: tuple[Any, ...]
) -> tuple[list[Any], Any]:
    """Replace a tape by none, whose results are those of a device.

    Raises:
        NotFound: when no plugin simulates devices.
    """
    rows = [tape] if tape.batch_size is None else qml.transforms.broadcast_expand(tape)[0]
    on = {label: place for place, label in enumerate(labels)}
    circuits = []
    for row in rows:
        operations = edit_operations(qnodes.expand_tape(row).operations, change)
        circuits.append([to_gate(operation, on) for operation in operations])

    def results(_: Any) -> Any:
        arrays = _measure_on_device(circuits, tape.measurements, labels, change)
        own = arrays if tape.batch_size is not None else tuple(array[0] for array in arrays)
        return own[0] if len(own) == 1 else own

    return [], results


def _measure_on_device(
    circuits: Sequence[Sequence[statevector.Gate]],
    measurements: Sequence[Any],
    labels: tuple[Any, ...],
    change: CircuitChange,
) -> tuple[np.ndarray, ...]:
    for opener in gates.openers():
        arrays = opener.measure_on_device(circuits, measurements, labels, change)
        if arrays is not None:
            return arrays
    raise NotFound(f"Device {change.device!r} does not exist: no plugin simulates devices.")


@qml.transform
def _change_tape(tape: Any, change: CircuitChange) -> tuple[list[Any], Any]:
    expanded = qnodes.expand_tape(tape)
    operations = edit_operations(expanded.operations, change)
    if change.is_noisy:
        operations = _with_noise(operations, change, tape.measurements)
    operations = qnodes.expand_preparations(operations)
    return [tape.copy(operations=operations)], lambda results: results[0]


def _with_noise(
    operations: Sequence[Any], change: CircuitChange, measurements: Sequence[Any]
) -> list[Any]:
    """Return operations with depolarising and damping on every qubit of a gate on several qubits, after it, and flips
    before measurements, as `simulate.fusion_gates` defines them.
    """
    noisy: list[Any] = []
    for operation in operations:
        noisy.append(operation)
        if len(operation.wires) < 2 or isinstance(operation, qml.operation.StatePrepBase):
            continue
        for wire in operation.wires:
            if change.depolarising:
                noisy.append(qml.DepolarizingChannel(0.75 * change.depolarising, wires=wire))
            if change.damping:
                noisy.append(qml.AmplitudeDamping(change.damping, wires=wire))
    if change.readout:
        read = dict.fromkeys(wire for one in measurements for wire in one.wires)
        noisy += [qml.BitFlip(change.readout / 2, wires=wire) for wire in read]
    return noisy
