"""Any circuit as a study, so that it can be walked gate by gate: a QNode of PennyLane, or what plugins open.

study = open_circuit(qnode)
qfusion.show(study, page="circuit")
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion._checks import check, require_whole
from qfusion.adapters import gates, opening
from qfusion.adapters.gates import MAX_QUBITS
from qfusion.data import DataSet, Modality, Target
from qfusion.errors import InvalidInput, translate_errors
from qfusion.study.study import Study

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
        circuit: a QNode of PennyLane without arguments, whose wires are one register; or a circuit of a library that a
            plugin opens, see `adapters.gates`.
        read: what is measured, as the plugin describes; of a QNode its first expectation, or Z of its last wire.
        weights: values of its parameters.
        name: of the study.
        rows: most basis states, from 3: all of them where there are no more, else |0...0> and random ones.

    Raises:
        InvalidInput: when nothing opens such a circuit; also when there are too few or too many qubits, or parameters
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
    for opener in gates.openers():
        study = opener.open_circuit(circuit, read, weights, name, rows)
        if study is not None:
            return study
    raise InvalidInput(
        "Argument `circuit` must be a QNode of PennyLane, or a circuit of a library that a plugin opens, but is a "
        f"{type(circuit).__name__}."
    )


def check_qubits(count: int) -> None:
    """Check that a circuit can be walked gate by gate.

    Raises:
        InvalidInput: when it has too few or too many qubits.
    """
    check(
        2 <= count <= MAX_QUBITS,
        f"Circuits of 2 to {MAX_QUBITS} qubits can be walked gate by gate, but this one has {count}.",
    )


def basis_states(qubits: int, rows: int) -> np.ndarray:
    """Return the bits (R, n) of |0...0>, and of other basis states in a random order."""
    count = 2**qubits
    others = np.random.default_rng(0).permutation(np.arange(1, count))[: rows - 1]
    numbers = np.concatenate([[0], others])
    return numbers[:, None] >> np.arange(qubits)[None] & 1


def basis_data(
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


def _open_qnode(circuit: Any, name: str, rows: int) -> Study:
    """Return a QNode as a study: RY(pi) on the wires whose bit is 1, then its own gates."""
    import pennylane as qml

    from qfusion.adapters import qnodes

    with (
        qnodes.recorded_calls() as recorded,
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
    check_qubits(len(wires))
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

    bits = basis_states(len(wires), rows)
    y = walked(torch.as_tensor(bits, dtype=torch.float64)).detach().numpy()
    data = basis_data(bits, {"q": range(len(wires))}, y, name)
    return opening.open_model(lambda q: walked(q), data, wires={"q": wires}, name=name)
