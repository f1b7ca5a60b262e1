"""Noise of real devices, from the calibration snapshots that `qiskit_ibm_runtime` ships, for small circuits, exactly.

A circuit is compiled once for the best connected qubits of a device, with its angles as parameters. Density matrices
then go through its gates and their errors as Qiskit Aer reads them off the snapshot: depolarisation and thermal
relaxation after each gate, and wrong read-outs. Idle qubits and cross-talk have no errors in this model.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.errors import translate_import_errors
from qfusion.models.tweak import CircuitChange
from qfusion.plugins.qiskit import batched_states
from qfusion.plugins.qiskit.qiskit_gates import BoundCircuit, FlatCircuit, flatten
from qfusion.quantum import statevector

with translate_import_errors():
    import qiskit
    from qiskit import quantum_info
    from qiskit.transpiler import CouplingMap, Target
    from qiskit_aer.noise import device as aer_errors
    from qiskit_ibm_runtime import fake_provider

MAX_QUBITS = batched_states.MAX_MIXED
LEVEL = 2  # of Qiskit's optimisation, its default
SEED = 7  # of compiling
BASIS = ("id", "rz", "sx", "x", "cx", "cz", "ecr")


@dataclass(frozen=True, eq=False)
class Device:
    """A device by a snapshot of its calibration.

    Attributes:
        name: of the snapshot, such as "FakeManilaV2".
        qubits: number of them.
        basis: names of its gates.
        pairs: of qubits that a gate acts on, in that direction.
        target: Qiskit's description of it.
        rates: probability of an error of a gate on two qubits, by the pair.
        readout: probabilities that 0 is read as 1 and that 1 is read as 0, by qubit.
        date: of the calibration.
    """

    name: str
    qubits: int
    basis: tuple[str, ...]
    pairs: tuple[tuple[int, int], ...]
    target: Any
    rates: Mapping[tuple[int, int], float]
    readout: tuple[tuple[float, float], ...]
    date: str


def device_names() -> tuple[str, ...]:
    """Return the names of the devices whose snapshots are installed."""
    return tuple(
        name
        for name, kind in vars(fake_provider).items()
        if name.startswith("Fake") and isinstance(kind, type) and hasattr(kind, "conf_filename")
    )


@memo(8)
def load_device(name: str) -> Device:
    """Return a device by its name.

    Raises:
        NotFound: when there is no such snapshot.
        MissingPackage: without the extra `devices`.
    """
    choose("Device", name, device_names())
    backend = getattr(fake_provider, name)()
    target = backend.target
    basis = tuple(gate for gate in BASIS if gate in target.operation_names)
    rates = {}
    for gate in basis:
        for on, properties in (target[gate] or {}).items():
            if on is not None and len(on) == 2 and gate != "rzz":
                rates[tuple(on)] = float(getattr(properties, "error", None) or 0.0)
    readout = [(0.0, 0.0)] * backend.num_qubits
    for (qubit,), error in aer_errors.basic_device_readout_errors(target=target):
        table = np.asarray(error.probabilities)
        readout[qubit] = (float(table[0, 1]), float(table[1, 0]))
    calibration = backend.properties()
    date = str(calibration.last_update_date.date()) if calibration is not None else ""
    return Device(
        name, backend.num_qubits, basis, tuple(rates), target, rates, tuple(readout), date
    )


@memo(64)
def gate_errors(
    device: Device, physical: tuple[int, ...]
) -> dict[tuple[str, tuple[int, ...]], Tensor]:
    """Return the channels after the gates on some qubits of a device, by name and places among these qubits.

    A channel is a matrix (4^w, 4^w) on pairs (row, column), the first qubit the most significant.
    """
    target = device.target
    part = Target(
        num_qubits=target.num_qubits, dt=target.dt, qubit_properties=target.qubit_properties
    )
    for gate in device.basis:
        own = {on: value for on, value in target[gate].items() if set(on) <= set(physical)}
        if own:
            part.add_instruction(target.operation_from_name(gate), own)
    place = {qubit: k for k, qubit in enumerate(physical)}
    return {
        (gate, tuple(place[qubit] for qubit in qubits)): torch.from_numpy(
            channel_matrix(error.to_quantumchannel())
        )
        for gate, qubits, error in aer_errors.basic_device_gate_errors(target=part)
    }


def channel_matrix(channel: Any) -> np.ndarray:
    """Return a channel of Qiskit as a matrix (4^w, 4^w) on pairs (row, column), qubit 0 the most significant."""
    data = np.asarray(quantum_info.SuperOp(channel).data)
    d = round(data.shape[0] ** 0.5)
    w = d.bit_length() - 1
    # Qiskit's index is column * d + row, qubit 0 the least significant
    legs = data.reshape((2,) * (4 * w))
    columns = range(w)
    rows = range(w, 2 * w)
    order = [*reversed(rows), *reversed(columns)]
    axes = [*order, *(2 * w + place for place in order)]
    return legs.transpose(axes).reshape(d * d, d * d).copy()


def choose_qubits(device: Device, count: int) -> tuple[int, ...]:
    """Return connected qubits of a device with small errors: from every pair, the neighbour with the best gate joins.

    Raises:
        InvalidInput: when there are not so many.
    """
    check(
        count <= device.qubits,
        f"Device {device.name} has {device.qubits} qubits, but the circuit needs {count}. Choose a larger one.",
    )
    rates: dict[frozenset[int], float] = {}
    for pair, rate in device.rates.items():
        edge = frozenset(pair)
        rates[edge] = min(rate, rates.get(edge, 1.0))
    if count == 1:
        return (int(np.argmin([sum(flips) for flips in device.readout])),)
    best: tuple[float, tuple[int, ...]] | None = None
    for start in sorted(rates, key=lambda edge: (rates[edge], sorted(edge))):
        chosen = sorted(start)
        while len(chosen) < count:
            edges = [edge for edge in rates if len(edge & set(chosen)) == 1]
            if not edges:
                break
            cost = {
                edge: rates[edge] + sum(device.readout[q][1] for q in edge - set(chosen)) / 10
                for edge in edges
            }
            (joining,) = min(edges, key=lambda edge: (cost[edge], sorted(edge))) - set(chosen)
            chosen.append(joining)
        if len(chosen) < count:
            continue
        inner = [rate for edge, rate in rates.items() if edge <= set(chosen)]
        cost_of = (
            float(np.mean(inner)) + float(np.mean([sum(device.readout[q]) for q in chosen])) / 20
        )
        if best is None or cost_of < best[0]:
            best = cost_of, tuple(chosen)
    check(best is not None, f"Device {device.name} has no {count} connected qubits.")
    assert best is not None
    return best[1]


@dataclass(frozen=True, eq=False)
class CompiledCircuit:
    """A circuit in the gates of a device.

    Attributes:
        device: that it is compiled for.
        circuit: flat list of gates, on qubits 0, 1, ... of `physical`.
        physical: qubits of the device.
        places: qubit of `circuit` that holds each qubit of the original at the end. starts: at the beginning.
        source: parameters of the original circuit, by those of `circuit`.
    """

    device: Device
    circuit: FlatCircuit
    physical: tuple[int, ...]
    places: tuple[int, ...]
    starts: tuple[int, ...]
    source: tuple[int, ...]

    @property
    def depth(self) -> int:
        """Number of layers of gates; RZ, which takes no time, counts for none."""
        level = [0] * len(self.physical)
        for gate in self.circuit.gates:
            if gate.operation.name != "rz":
                top = max(level[wire] for wire in gate.wires) + 1
                for wire in gate.wires:
                    level[wire] = top
        return max(level, default=0)

    @property
    def two_qubit_gates(self) -> int:
        """Number of gates on two qubits."""
        return sum(len(gate.wires) == 2 for gate in self.circuit.gates)

    @property
    def readout(self) -> tuple[tuple[float, float], ...]:
        """Probabilities of wrong read-outs of each qubit of the original, see `Device.readout`."""
        return tuple(self.device.readout[self.physical[place]] for place in self.places)

    def steps(self, values: np.ndarray) -> list[batched_states.Step]:
        """Return gates with their errors, as maps of vectors of density matrices, for parameters (B, P)."""
        bound = BoundCircuit(self.circuit, values[:, list(self.source)])
        n = len(self.physical)
        errors = gate_errors(self.device, self.physical)
        result: list[batched_states.Step] = []
        for place, gate in enumerate(self.circuit.gates):
            U = bound.matrices(place)
            both = torch.einsum("bij,bkl->bikjl", U, U.conj()).reshape(len(U), len(U[0]) ** 2, -1)
            error = errors.get((gate.operation.name, gate.wires))
            if error is not None:
                both = error @ both
            result.append((both, (*gate.wires, *(wire + n for wire in gate.wires))))
        return result

    def density_matrices(self, values: np.ndarray) -> Tensor:
        """Return the density matrices (B, 2^n, 2^n) of the original's qubits at the end, for parameters (B, P)."""
        n = len(self.physical)
        parts = []
        steps = self.steps(values)
        for some in batched_states.row_chunks(len(values), n, mixed=True):
            rows = some.stop - some.start
            rho = statevector.zero_state(rows, 2 * n, torch.empty(0, dtype=torch.float64))
            for matrices, legs in batched_states.take_rows(steps, some):
                rho = batched_states.apply_gate(rho, matrices, legs)
            parts.append(_take_places(rho, self.places))
        return torch.cat(parts)

    def pull_back(self, observables: Tensor) -> Tensor:
        """Return observables (C, 2^n, 2^n) before a circuit without parameters, whose expectations there are those of
        the given ones after it: the adjoint of the noisy circuit.
        """
        n = len(self.physical)
        order = [0, *(1 + np.argsort(self.places)), *(1 + n + np.argsort(self.places))]
        vectors = observables.mT.reshape(-1, *(2,) * (2 * n)).permute(*map(int, order))
        vectors = vectors.reshape(len(observables), -1).to(torch.complex128)
        for matrices, legs in reversed(self.steps(np.zeros((1, 0)))):
            vectors = batched_states.apply_gate(vectors, matrices.mT, legs)
        return _take_places(vectors, self.starts).mT


def _take_places(vectors: Tensor, places: Sequence[int]) -> Tensor:
    """Return vectors of operators (B, 4^n) as matrices (B, 2^n, 2^n) whose qubits are those of the given places."""
    n = len(places)
    order = [0, *(1 + place for place in places), *(1 + n + place for place in places)]
    moved = vectors.reshape(-1, *(2,) * (2 * n)).permute(order)
    return moved.reshape(len(vectors), 2**n, 2**n)


def compile_circuit(circuit: Any, device: Device) -> CompiledCircuit:
    """Return a circuit of Qiskit without measurements, compiled for the best qubits of a device.

    Args:
        circuit: a `QuantumCircuit`, with or without parameters.
        device: that it is compiled for.

    Raises:
        InvalidInput: when it has too many qubits.
    """
    n = circuit.num_qubits
    check(
        n <= MAX_QUBITS,
        f"The noise of a device needs the density matrix of {n} qubits; it is computed for at most {MAX_QUBITS}.",
    )
    physical = choose_qubits(device, n)
    place = {qubit: k for k, qubit in enumerate(physical)}
    pairs = [(place[a], place[b]) for a, b in device.pairs if a in place and b in place]
    compiled = qiskit.transpile(
        circuit,
        basis_gates=list(device.basis),
        coupling_map=CouplingMap(pairs) if pairs else None,
        optimization_level=LEVEL,
        seed_transpiler=SEED,
    )
    layout = compiled.layout
    places = range(n) if layout is None else layout.final_index_layout(filter_ancillas=True)
    names = {parameter: k for k, parameter in enumerate(circuit.parameters)}
    flat = flatten(compiled)
    source = tuple(names[parameter] for parameter in flat.parameters)
    starts = range(n) if layout is None else layout.initial_index_layout(filter_ancillas=True)
    return CompiledCircuit(device, flat, physical, tuple(places), tuple(starts), source)


@memo(32)
def _compile(
    flat: FlatCircuit, angles: Any, removed: frozenset[int], device: str
) -> CompiledCircuit:
    edits: dict[int, dict[str, float]] = {}
    for place, name, value in angles:
        edits.setdefault(place, {})[name] = value
    circuit = qiskit.QuantumCircuit(flat.qubits)
    for place, gate in enumerate(flat.gates):
        if place in removed:
            continue
        operation = gate.operation
        if place in edits:
            own = zip(gate.angle_names, operation.params, strict=True)
            operation = operation.base_class(*(edits[place].get(name, old) for name, old in own))
        circuit.append(operation, gate.wires)
    used = {parameter.name for parameter in circuit.parameters}
    compiled = compile_circuit(circuit, load_device(device))
    # parameters of the whole circuit, of which the changed one may use only some
    known = [k for k, parameter in enumerate(flat.parameters) if parameter.name in used]
    order = {parameter.name: k for k, parameter in enumerate(circuit.parameters)}
    back = {order[flat.parameters[k].name]: k for k in known}
    source = tuple(back[k] for k in compiled.source)
    return dataclasses.replace(compiled, source=source)


def compile_changed(flat: FlatCircuit, change: CircuitChange) -> CompiledCircuit:
    """Return a circuit with edited angles, and without those gates that are left out, compiled for the change's device.

    Raises:
        InvalidInput: when the change also has strengths of noise, or there are too many qubits.
        NotFound: when there is no such device.
    """
    check(
        not (change.depolarising or change.damping or change.readout),
        "A circuit has the noise of a device, or depolarising, damping and read-out errors of given strengths. Choose "
        "one.",
    )
    return _compile(flat, change.angles, change.removed, change.device)


def word_expectations(
    rho: Tensor, words: Sequence[str], readout: Sequence[tuple[float, float]]
) -> Tensor:
    """Return the expectations (B, words) of Pauli words with wrong read-outs, of density matrices (B, 2^n, 2^n).

    Args:
        rho: of the qubits.
        words: letter q of each for qubit q, all measured in turn.
        readout: of each qubit, see `Device.readout`.
    """
    letters = {
        "X": np.array([[0, 1], [1, 0]], complex),
        "Y": np.array([[0, -1j], [1j, 0]], complex),
        "Z": np.diag([1.0, -1.0]).astype(complex),
    }
    n = rho.shape[1].bit_length() - 1
    columns = []
    for word in words:
        turned = rho.reshape(len(rho), -1)
        for qubit, letter in enumerate(word):
            if letter != "I":
                up, down = readout[qubit]
                read = (1 - up - down) * letters[letter] + (down - up) * np.eye(2)
                turned = batched_states.apply_gate(turned, torch.from_numpy(read)[None], [qubit])
        columns.append(turned.reshape(-1, 2**n, 2**n).diagonal(dim1=1, dim2=2).sum(1).real)
    return torch.stack(columns, 1)


def read_populations(populations: Tensor, readout: Sequence[tuple[float, float]]) -> Tensor:
    """Return the probabilities (B, 2^n) of what is read, from those of the basis states."""
    for qubit, (up, down) in enumerate(readout):
        table = torch.tensor([[1 - up, down], [up, 1 - down]], dtype=populations.dtype)[None]
        populations = batched_states.apply_gate(populations, table, (qubit,))
    return populations
