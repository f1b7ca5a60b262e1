"""Any circuit of Qiskit or OpenQASM as a study, so that it can be walked gate by gate.

study = qfusion.open_circuit("adder.qasm")
qfusion.show(study, page="circuit")
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from qfusion._checks import MOST_MODALITIES, check
from qfusion.adapters import circuit_walks, opening
from qfusion.errors import translate_import_errors
from qfusion.plugins.qiskit import bare_circuits, openqasm_files, qiskit_gates
from qfusion.study.study import Study

with translate_import_errors():
    from qiskit.circuit import ParameterVector
    from qiskit.circuit.library import RYGate


def open_circuit(circuit: Any, read: Any, weights: Any, name: str, rows: int) -> Study:
    """Return any circuit as a study, see `adapters.circuit_walks.open_circuit`.

    Args:
        circuit: see `bare_circuits.circuit_model`.
        read: a Pauli word, or one operator of Qiskit, whose expectation is explained; None for Z of the last qubit
            that is measured, or of the last one.
        weights: values of its parameters, see `bare_circuits.parse_weights`.
        name: of the study.
        rows: most basis states, from 3.

    Raises:
        InvalidInput: see `bare_circuits.circuit_model`; also when there are too few or too many qubits, or parameters
            without values.
        NotFound: when there is no such file.
    """
    own = openqasm_files.read_circuit(circuit)
    flat = bare_circuits.flatten_circuit(own)
    circuit_walks.check_qubits(flat.qubits)
    values = bare_circuits.parse_weights(weights, [parameter.name for parameter in flat.parameters])
    if read is None:
        last = max(flat.measured.values(), default=flat.qubits - 1)
        read = "".join("Z" if k == last else "I" for k in reversed(range(flat.qubits)))
    registers = _registers(own)
    readout = bare_circuits.parse_read([read] if isinstance(read, str) else read, flat.qubits)
    check(readout.count == 1, "Argument `read` must be one observable, whose expectation is shown.")
    whole, table = _prepare(flat, registers)
    model = bare_circuits.CircuitModel(whole, table, values, readout, None)
    bits = circuit_walks.basis_states(flat.qubits, rows)
    features = {
        register: torch.as_tensor(bits[:, mine], dtype=torch.float64)
        for register, mine in registers.items()
    }
    data = circuit_walks.basis_data(bits, registers, model(**features)[:, 0].numpy(), name)
    wires = {register: list(mine) for register, mine in registers.items()}
    return opening.open_model(model, data, wires=wires, name=name)


def _prepare(
    flat: qiskit_gates.FlatCircuit, registers: Mapping[str, Sequence[int]]
) -> tuple[qiskit_gates.FlatCircuit, dict[str, tuple[str, int]]]:
    """Return a circuit that begins with RY(pi bit) on every qubit, and the modality and number of each bit by name."""
    bits = tuple(ParameterVector("bit", flat.qubits))
    count = len(flat.parameters)
    turns = tuple(
        qiskit_gates.FlatGate(RYGate(np.pi * bit), (qubit,), frozenset({count + qubit}))
        for qubit, bit in enumerate(bits)
    )
    table = {
        bits[qubit].name: (register, place)
        for register, mine in registers.items()
        for place, qubit in enumerate(mine)
    }
    whole = dataclasses.replace(flat, gates=turns + flat.gates, parameters=flat.parameters + bits)
    return whole, table


def _registers(circuit: Any) -> dict[str, list[int]]:
    """Return the qubits of each register, those of no register as "q"; qubits of several belong to the first."""
    registers: dict[str, list[int]] = {}
    for place, qubit in enumerate(circuit.qubits):
        owners = circuit.find_bit(qubit).registers
        registers.setdefault(owners[0][0].name if owners else "q", []).append(place)
    check(
        len(registers) <= MOST_MODALITIES,
        f"The circuit has {len(registers)} registers, and up to {MOST_MODALITIES} are explained. Join some.",
    )
    return registers
