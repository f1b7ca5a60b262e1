"""Any circuit of Qiskit, OpenQASM or PennyLane as a study, so that it can be walked gate by gate.

study = open_circuit("adder.qasm")
qfusion.show(study, page="circuit")
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion._checks import MOST_MODALITIES, check, require_whole
from qfusion.analysis.study import Study
from qfusion.data import DataSet, Modality, Target
from qfusion.errors import translate_errors, translate_import_errors
from qfusion.live import bare_circuits, flat_source, opening, openqasm_files, qiskit_gates

with translate_import_errors():
    from qiskit.circuit import ParameterVector
    from qiskit.circuit.library import RYGate

MAX_ROWS = 48  # basis states that `open_circuit` starts from


def open_circuit(
    circuit: Any,
    *,
    read: Any = None,
    weights: Mapping[Any, float] | Sequence[float] | None = None,
    name: str = "circuit",
    rows: int = MAX_ROWS,
) -> Study:
    """Return any circuit as a study, so that its pages can be walked: samples are basis states that it starts from.

    The bits of each register of the circuit are the features of one modality; they are prepared by RY(pi) on the qubits
    that are 1. The target is the circuit's own result, so that the model has no error.

    Args:
        circuit: see `bare_circuits.circuit_model`; or a QNode of PennyLane without arguments, whose wires are one
            register.
        read: a Pauli word, or one operator of Qiskit, whose expectation is explained; by default Z of the last
            qubit that is measured, or of the last one. Of a QNode its first expectation, or Z of its last wire.
        weights: values of its parameters.
        name: of the study.
        rows: most basis states, from 3: all of them where there are no more, else |0...0> and random ones.

    Raises:
        InvalidInput: see `bare_circuits.circuit_model`; also when there are too few or too many qubits, or parameters
            without values.
        NotFound: when there is no such file.
    """
    require_whole("rows", rows, 3, 4096)
    pennylane = sys.modules.get("pennylane")
    if pennylane is not None and isinstance(circuit, pennylane.QNode):
        check(
            read is None and weights is None,
            "Arguments `read` and `weights` have no effect on a QNode, which measures and holds them itself.",
        )
        return _open_qnode(circuit, name, rows)
    own = openqasm_files.read_circuit(circuit)
    flat = bare_circuits.flatten_circuit(own)
    _check_qubits(flat.qubits)
    values = bare_circuits.parse_weights(weights, [parameter.name for parameter in flat.parameters])
    if read is None:
        last = max(flat.measured.values(), default=flat.qubits - 1)
        read = "".join("Z" if k == last else "I" for k in reversed(range(flat.qubits)))
    registers = _registers(own)
    readout = bare_circuits.parse_read([read] if isinstance(read, str) else read, flat.qubits)
    check(readout.count == 1, "Argument `read` must be one observable, whose expectation is shown.")
    whole, table = _prepare(flat, registers)
    model = bare_circuits.CircuitModel(whole, table, values, readout, None)
    bits = _basis_states(flat.qubits, rows)
    features = {
        register: torch.as_tensor(bits[:, mine], dtype=torch.float64)
        for register, mine in registers.items()
    }
    data = _basis_data(bits, registers, model(**features)[:, 0].numpy(), name)
    wires = {register: list(mine) for register, mine in registers.items()}
    return opening.open_model(model, data, wires=wires, name=name)


def _open_qnode(circuit: Any, name: str, rows: int) -> Study:
    """Return a QNode as a study: RY(pi) on the wires whose bit is 1, then its own gates."""
    import pennylane as qml

    from qfusion.live import qnode_calls

    with (
        qnode_calls.recorded_calls() as recorded,
        translate_errors(
            "The QNode cannot be run without arguments",
            "Write its weights into its function.",
            Exception,
            why="{words:.200}",
        ),
    ):
        circuit()
    tape, wires = recorded[0].tape, recorded[0].wires
    check(tape is not None, f"The QNode cannot be walked: {recorded[0].problem}.")
    _check_qubits(len(wires))
    expectations = [
        measured
        for measured in tape.measurements
        if isinstance(measured, qml.measurements.ExpectationMP)
    ]

    @qml.qnode(qml.device("default.qubit", wires=wires), interface="torch")
    def walked(q: torch.Tensor) -> Any:
        for place, wire in enumerate(wires):
            qml.RY(np.pi * q[..., place], wires=wire)
        for operation in tape.operations:
            qml.apply(operation)
        return qml.apply(expectations[0]) if expectations else qml.expval(qml.Z(wires[-1]))

    bits = _basis_states(len(wires), rows)
    y = walked(torch.as_tensor(bits, dtype=torch.float64)).detach().numpy()
    data = _basis_data(bits, {"q": range(len(wires))}, y, name)
    return opening.open_model(lambda q: walked(q), data, wires={"q": wires}, name=name)


def _check_qubits(count: int) -> None:
    check(
        2 <= count <= flat_source.MAX_QUBITS,
        f"Circuits of 2 to {flat_source.MAX_QUBITS} qubits can be walked gate by gate, but this one has {count}. Use "
        "`circuit_model` for scores without states.",
    )


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


def _basis_states(qubits: int, rows: int) -> np.ndarray:
    """Return the bits (R, n) of |0...0>, and of other basis states in a random order."""
    count = 2**qubits
    others = np.random.default_rng(0).permutation(np.arange(1, count))[: rows - 1]
    numbers = np.concatenate([[0], others])
    return numbers[:, None] >> np.arange(qubits)[None] & 1


def _basis_data(
    bits: np.ndarray, registers: Mapping[str, Sequence[int]], y: np.ndarray, name: str
) -> DataSet:
    """Return basis states as a data set whose target is what the circuit gives."""
    rows = len(bits)
    split = np.array(["train", "train", "test", "valid"])[np.arange(rows) % 4]
    split[:3] = ["train", "test", "valid"]
    modalities = [
        Modality(
            register,
            bits[:, mine].astype(np.float32),
            None,
            tuple(f"bit {k}" for k in range(len(mine))),
        )
        for register, mine in registers.items()
    ]
    ids = ["".join(map(str, row)) for row in bits]
    return DataSet(
        name=name,
        title=f"Basis states of {name}",
        description="Basis states that a circuit starts from. The target is the circuit's own result.",
        source="qfusion",
        licence="",
        modalities=tuple(modalities),
        y=y,
        ids=np.array(ids),
        split=split,
        table=pd.DataFrame(index=ids),
        target=Target("regression", "result of the circuit"),
    )
