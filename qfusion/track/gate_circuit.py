"""The circuit of a model with plain gates for one sample in PennyLane: run, drawn and exported.

This module imports PennyLane; import it only where a circuit is wanted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qml
from torch import Tensor

from qfusion._checks import check
from qfusion.models.neighbours.circuits import CircuitModel
from qfusion.quantum.statevector import Gate
from qfusion.track import openqasm
from qfusion.track.drawing import LabelledUnitary, svg_of, text_of
from qfusion.track.progress import qubits_of


@dataclass(frozen=True)
class GateCircuit:
    """The circuit; made by `gate_circuit`.

    Attributes:
        gates: in the order they act on |0...0>.
        elementary: the same circuit, up to its global phase, of preparations and gates on at most two qubits.
        wires: names of the qubits, the most significant first.
    """

    gates: tuple[Gate, ...]
    elementary: tuple[Gate, ...]
    wires: tuple[str, ...]
    says = "all of them are measured at the end. Gates on more than two qubits are written by their parts."

    def state(self, device: Any = None, *, elementary: bool = False) -> Callable[[], np.ndarray]:
        """Returns a QNode, without arguments, of the state (2^n,) at the end, on `default.qubit` unless given another
        device."""
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
        """Returns the gates as a tape without a result; those that PennyLane does not know are matrices, of class
        `unitary`."""
        gates = self.elementary if elementary else self.gates
        return qml.tape.QuantumScript([_operation(gate, self.wires, unitary) for gate in gates])

    def draw_text(self) -> str:
        """Returns the circuit with its angles in characters, one line a wire."""
        return text_of(self.tape(unitary=LabelledUnitary), self.wires, 2)

    def draw_svg(self) -> bytes:
        """Returns the circuit with its angles as an SVG file; equal circuits give equal bytes."""
        return svg_of(self.tape(unitary=LabelledUnitary), self.wires, 2)

    def to_quantikz(self, per_line: int = 0) -> str:
        """Returns the circuit as Quantikz, for LaTeX; `per_line` as of `quantikz.write`."""
        from qfusion.track import quantikz

        return quantikz.write(
            self.tape(unitary=LabelledUnitary), self.wires, self.wires, per_line=per_line
        )

    def to_openqasm(self, version: int = 3) -> str:
        """Returns the elementary gates in OpenQASM 3 or 2, whose bits `c` read all qubits in order; preparations as
        rotations and CNOTs (Möttönen and others 2005)."""
        check(
            version in (2, 3),
            f"Argument `version` must be 2 or 3, but is {version!r}. Most readers take 3.",
        )
        write = openqasm.write if version == 3 else openqasm.by_pennylane
        return write(self.tape(elementary=True), self.wires, self.wires)


def gate_circuit(model: CircuitModel, states: Mapping[str, Tensor]) -> GateCircuit:
    """Returns the circuit of one sample.

    Args:
        model: whose circuit it is. states: what the sample's modalities come to, one row each, as of `model.encode`.

    Raises:
        InvalidInput: when there are several rows.
    """
    return GateCircuit(
        tuple(model.gates(states)), tuple(model.elementary(states)), qubits_of(model.registers())
    )


def _operation(gate: Gate, wires: Sequence[str], unitary: type) -> qml.operation.Operator:
    on, matrix = [wires[q] for q in gate.wires], gate.matrix.detach().numpy()
    if gate.name == "StatePrep":
        return qml.StatePrep(matrix[:, 0], wires=on)
    known = getattr(qml, gate.name, None)
    if known is not None:
        return known(*list(gate.values.values())[: known.num_params], wires=on)
    found = unitary(matrix, wires=on)
    if unitary is LabelledUnitary:
        found.text = gate.name
    return found
