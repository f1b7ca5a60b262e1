"""The circuit of a model of plain unitary gates for one sample in PennyLane: run, drawn and exported."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from qfusion.errors import translate_import_errors
from qfusion.models import protocols
from qfusion.quantum import statevector
from qfusion.track import drawing, gate_replay, openqasm_export, quantikz_export

with translate_import_errors():
    import pennylane as qml


@dataclass(frozen=True)
class GateCircuit(drawing.DrawableCircuit):
    """The circuit of one sample, see `gate_circuit`.

    Attributes:
        gates: gates in the order in which they act on |0...0>.
        elementary: the same circuit, up to its global phase, as preparations and gates on at most two qubits.
        wires: names of the qubits, the most significant first.
    """

    gates: tuple[statevector.Gate, ...]
    elementary: tuple[statevector.Gate, ...]
    wires: tuple[str, ...]

    def state(self, device: Any = None, *, elementary: bool = False) -> Callable[[], np.ndarray]:
        """Return a QNode, without arguments, of the state (2^n,) at the end, by default on
        `default.qubit`."""
        operations = self.tape(elementary=elementary).operations

        @qml.qnode(device or qml.device("default.qubit", wires=self.wires))
        def circuit() -> Any:
            for operation in operations:
                qml.apply(operation)
            return qml.state()

        return circuit

    def tape(
        self, *, elementary: bool = False, unitary: type = qml.QubitUnitary
    ) -> qml.tape.QuantumScript:
        """Return the gates as a tape without measurements. Gates that PennyLane does not know are matrices, of class
        `unitary`.
        """
        gates = self.elementary if elementary else self.gates
        return qml.tape.QuantumScript([_operation(gate, self.wires, unitary) for gate in gates])

    def labelled_tape(self, one_line: bool = True) -> qml.tape.QuantumScript:
        """Return the gates with their names as a tape."""
        return self.tape(unitary=drawing.LabelledUnitary)

    def to_quantikz(self, per_line: int = 0) -> str:
        """Return the circuit as Quantikz, for LaTeX; see `quantikz_export.to_quantikz` for `per_line`."""
        return quantikz_export.to_quantikz(
            self.labelled_tape(), self.wires, self.wires, per_line=per_line
        )

    def to_openqasm(self, version: int = 3) -> str:
        """Return the elementary gates in OpenQASM 3 or 2. The bits `c` read all qubits in order. State preparations
        are written as rotations and CNOTs (Möttönen and others 2005).
        """
        return openqasm_export.to_openqasm(
            version, self.tape(elementary=True), self.wires, self.wires
        )


def gate_circuit(model: protocols.GateCircuit, states: Mapping[str, Tensor]) -> GateCircuit:
    """Return the circuit of one sample.

    Args:
        model: a model with a gate circuit.
        states: encoded modalities of the sample, one row each, see `model.encode`.

    Raises:
        InvalidInput: when there are several rows.
    """
    return GateCircuit(
        tuple(model.gates(states)),
        tuple(model.elementary(states)),
        gate_replay.qubit_names(model.registers()),
    )


def _operation(
    gate: statevector.Gate, wires: Sequence[str], unitary: type
) -> qml.operation.Operator:
    on = [wires[q] for q in gate.wires]
    matrix = gate.matrix.detach().numpy()
    if gate.name == "StatePrep":
        return qml.StatePrep(matrix[:, 0], wires=on)
    known = getattr(qml, gate.name, None)
    if known is not None:
        return known(*list(gate.values.values())[: known.num_params], wires=on)
    operator = unitary(matrix, wires=on)
    operator.text = gate.name  # which a labelled one shows
    return operator
