"""Gates of any library as circuits of Qiskit with their angles as parameters, so that a device compiles them once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion.errors import translate_import_errors
from qfusion.plugins.qiskit import devices, qiskit_gates
from qfusion.quantum.statevector import Gate

with translate_import_errors():
    from qiskit import QuantumCircuit
    from qiskit.circuit import ParameterVector
    from qiskit.circuit.library import StatePreparation, UnitaryGate
    from qiskit.circuit.library.standard_gates import get_standard_gate_name_mapping

MAX_TEMPLATES = 64  # of one call: gates that are given by matrices may differ from row to row

Key = tuple[tuple[str, tuple[int, ...], bytes], ...]


@memo(1)
def _known() -> dict[str, Any]:
    """Return Qiskit's standard gates by PennyLane's names."""
    standard = get_standard_gate_name_mapping()
    return {name: standard[own] for own, name in reversed(qiskit_gates.NAMES.items())}


def describe_gates(gates: Sequence[Gate]) -> tuple[Key, list[float]]:
    """Return what is the same for all rows of a circuit, and the angles in their order."""
    key, angles = [], []
    for gate in gates:
        own = list(gate.values.values())
        known = _known().get(gate.name)
        if gate.name == "Rot" or (known is not None and len(known.params) == len(own)):
            key.append((gate.name, gate.wires, b""))
            angles += own
        else:
            matrix = gate.matrix.numpy().astype(complex)
            key.append((gate.name, gate.wires, matrix.tobytes()))
    return tuple(key), angles


@memo(128)
def compile_template(key: Key, qubits: int, device: str) -> devices.CompiledCircuit:
    """Return the circuit of a key of `describe_gates`, compiled; its parameters are the angles in their order."""
    counts = [
        3 if name == "Rot" else 0 if matrix else len(_known()[name].params)
        for name, _, matrix in key
    ]
    vector = iter(ParameterVector("angle", sum(counts)))
    circuit = QuantumCircuit(qubits)
    for (name, wires, matrix), count in zip(key, counts, strict=True):
        angles = [next(vector) for _ in range(count)]
        if matrix:
            size = 2 ** len(wires)
            array = qiskit_gates.reorder(np.frombuffer(matrix, complex).reshape(size, size))
            prepares = name == "StatePrep"
            circuit.append(StatePreparation(array[:, 0]) if prepares else UnitaryGate(array), wires)
        elif name == "Rot":
            circuit.rz(angles[0], wires[0])
            circuit.ry(angles[1], wires[0])
            circuit.rz(angles[2], wires[0])
        else:
            circuit.append(_known()[name].base_class(*angles), wires)
    return devices.compile_circuit(circuit, devices.load_device(device))


def run_rows(rows: Sequence[Sequence[Gate]], qubits: int, device: str) -> tuple[Any, Any]:
    """Return the density matrices (B, 2^n, 2^n) of circuits on a device, one circuit a row, and how it reads qubits.

    Args:
        rows: gates of each row, on |0...0>.
        qubits: n. device: name.

    Raises:
        InvalidInput: when the rows have too many different circuits.
    """
    groups: dict[Key, list[int]] = {}
    angles: list[list[float]] = []
    for place, gates in enumerate(rows):
        key, own = describe_gates(gates)
        groups.setdefault(key, []).append(place)
        angles.append(own)
    check(
        len(groups) <= MAX_TEMPLATES,
        f"The circuit has gates whose matrices differ in {len(groups)} of {len(rows)} rows, and each would be compiled "
        "for the device. Encode features by angles.",
    )
    size = 2**qubits
    rho = np.empty((len(rows), size, size), dtype=complex)
    readout: Any = ()
    for key, places in groups.items():
        compiled = compile_template(key, qubits, device)
        values = np.array([angles[place] for place in places]).reshape(len(places), -1)
        rho[places] = compiled.density_matrices(values).numpy()
        readout = compiled.readout
    return rho, readout
