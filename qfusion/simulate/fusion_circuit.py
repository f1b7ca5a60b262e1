"""Circuits of one sample in PennyLane, to draw, export and run: of an EntangledQCNN, and of a model of plain gates.

The circuit of an EntangledQCNN for one sample in PennyLane: one list of gates to draw, export and run on any device,
exactly or with shots, with or without noise.

Pooling is written in two equal forms: a measurement whose outcome chooses one of two rotations, which is drawn and
exported as OpenQASM 3; and two rotations controlled by that qubit, whose measurement is deferred to the end, which runs
on any device.

This module imports PennyLane; import it only where a circuit is needed.
"""

import io
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.errors import translate_import_errors
from qfusion.models import EntangledQCNN, protocols
from qfusion.models.network import qcnn
from qfusion.quantum import statevector
from qfusion.simulate import circuit_export, fusion_gates, gate_replay

with translate_import_errors():
    import pennylane as qml


# pyplot keeps global state, and a server draws in several threads.
_DRAWING = threading.Lock()


class LabelledOperation:
    """An operation that carries its own label. It is for drawings only, since devices know operations by name and
    refuse a subclass.
    """

    text = ""

    def label(
        self, decimals: int | None = None, base_label: str | None = None, cache: dict | None = None
    ) -> str:
        """Return `text`, whatever the arguments."""
        return self.text


class LabelledUnitary(LabelledOperation, qml.QubitUnitary):
    """A unitary with a label."""


class DrawableCircuit:
    """A circuit that can be drawn. It has `wires`, all qubits from top to bottom, and `labelled_tape`."""

    wires: tuple[str, ...]
    decimals: int | None = 2  # of the angles in a drawing

    def labelled_tape(self, one_line: bool = True) -> qml.tape.QuantumScript:
        """Return the operations as a tape with the labels of the drawing, on one line or on several."""
        raise NotImplementedError

    def draw_text(self) -> str:
        """Return the circuit as text, one line for each wire."""
        return qml.drawer.tape_text(
            self.labelled_tape(),
            wire_order=self.wires,
            show_all_wires=True,
            decimals=self.decimals,
            max_length=10**6,
        )

    def draw_svg(self) -> bytes:
        """Return the circuit as an SVG file; equal circuits give equal bytes."""
        with translate_import_errors():
            import matplotlib
            from matplotlib import pyplot as plt

        style: Any = {"svg.fonttype": "none", "svg.hashsalt": "qfusion"}
        with _DRAWING, matplotlib.rc_context(style):
            before = plt.get_backend()
            plt.switch_backend("agg")  # a window toolkit would fail outside the main thread
            try:
                figure, _ = qml.drawer.tape_mpl(
                    self.labelled_tape(one_line=False),
                    wire_order=self.wires,
                    show_all_wires=True,
                    style="black_white",
                    decimals=self.decimals,
                )
                target = io.BytesIO()
                figure.savefig(target, format="svg", bbox_inches="tight", metadata={"Date": None})
                plt.close(figure)
            finally:
                plt.switch_backend(before)
        return target.getvalue()


PARTS = ("whole", "fusion", "network")
Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class FusionCircuit(DrawableCircuit):
    """The circuit, or a part of it; made by `fusion_circuit`.

    Attributes:
        gates: in the order they act, with columns for a drawing of `wires`.
        wires: its qubits, top to bottom.
        fused: the fused qubits among them.
        parameters: all angles, see `fusion_gates.circuit_angles`.
        steps: of the network.
    """

    gates: tuple[fusion_gates.FusionGate, ...]
    wires: tuple[str, ...]
    fused: tuple[str, ...]
    parameters: dict[str, Tensor]
    steps: tuple[qcnn.Step, ...]

    def part(self, name: str = "whole", element: int | None = None) -> "FusionCircuit":
        """Return a circuit of some of the gates: "whole", "fusion" (of one element, or of all) or "network".

        Raises:
            NotFound: when there is no such part.
            InvalidInput: when there is no such element.
        """
        choose("Part", name, PARTS)
        check(
            element is None or (name == "fusion" and 0 <= element < len(self.fused)),
            f"Argument `element` must lie between 0 and {len(self.fused) - 1} with part 'fusion', but is "
            f"{element!r}. Leave it out.",
        )
        if name == "whole":
            return self
        kinds = {"fusion": fusion_gates.STAGES[:2], "network": fusion_gates.STAGES[2:]}[name]
        gates = [
            g for g in self.gates if g.kind in kinds and (element is None or g.element == element)
        ]
        touched = {wire for gate in gates for wire in gate.wires}
        wires = tuple(wire for wire in self.wires if wire in touched)
        return FusionCircuit(
            fusion_gates.assign_columns(gates, wires),
            wires,
            tuple(w for w in self.fused if w in touched),
            self.parameters,
            self.steps,
        )

    def queue(
        self,
        parameters: Parameters | None = None,
        *,
        measured: bool = False,
        noise: fusion_gates.Noise | None = None,
        table: type = qml.SelectPauliRot,
    ) -> None:
        """Apply the gates, inside a quantum function.

        Args:
            parameters: other angles, as NumPy or autograd arrays; default are the circuit's own.
            measured: pool by mid-circuit measurement instead of by the controlled form.
            noise: puts PennyLane's channels where `Noise` says.
            table: class of the fusion gates; for drawings there are some whose labels show all angles.
        """
        values = (
            {name: a.numpy() for name, a in self.parameters.items()}
            if parameters is None
            else parameters
        )
        check(
            not any(isinstance(a, Tensor) for a in values.values()),
            "Argument `parameters` must hold NumPy or autograd arrays, but holds torch tensors: with these, "
            "SelectPauliRot of PennyLane 0.45 leaves a state of norm 0. Convert them with `.numpy()`, or "
            "`pennylane.numpy.array` for gradients.",
        )
        outcomes: dict[str, Any] = {}
        for index, gate in enumerate(self.gates):
            if noise and gate.gate == "measure":
                qml.BitFlip(noise.flip_probability, wires=gate.wires)
            _apply(gate, values, outcomes, measured, table)
            last = index + 1 == len(self.gates) or self.gates[index + 1].step != gate.step
            if noise and (gate.kind == "fuse" or (gate.step >= 0 and last)):
                turned = (
                    [self.fused[q] for q in self.steps[gate.step].wires]
                    if gate.kind == "convolve"
                    else gate.wires[-1:]
                )
                for wire in turned:
                    qml.DepolarizingChannel(0.75 * noise.depolarising, wires=wire)
                    qml.AmplitudeDamping(noise.damping, wires=wire)
        if noise and any(gate.step >= 0 for gate in self.gates):
            pooled = {gate.wires[0] for gate in self.gates if gate.gate == "measure"}
            for wire in (wire for wire in self.fused if wire not in pooled):
                qml.BitFlip(noise.flip_probability, wires=wire)

    def probabilities(
        self,
        device: Any = None,
        *,
        measured: bool = False,
        shots: int | None = None,
        noise: fusion_gates.Noise | None = None,
        before: Callable[[], None] | None = None,
    ) -> Callable[..., Any]:
        """Return a QNode of the joint probabilities (2^n,) of all fused qubits at the end, first most significant.

        Args:
            device: a PennyLane device; default `default.qubit`, of as many qubits as are needed.
            measured: see `queue`; the probabilities are the same. Not with channels.
            shots: relative frequencies of that many runs instead.
            noise: see `Noise`; the device must know channels, as `default.mixed` does.
            before: applies operations in front, such as a preparation.

        The QNode takes no argument, or `parameters` of another sample or model.
        """

        def circuit(parameters: Parameters | None = None) -> Any:
            if before:
                before()
            self.queue(parameters, measured=measured, noise=noise)
            return qml.probs(wires=list(self.fused))

        return qml.QNode(circuit, device or qml.device("default.qubit"), shots=shots)

    def tape(
        self, *, measured: bool = True, table: type = qml.SelectPauliRot
    ) -> qml.tape.QuantumScript:
        """Return the gates as a tape without a result."""
        with qml.queuing.AnnotatedQueue() as queue:
            self.queue(measured=measured, table=table)
        return qml.tape.QuantumScript.from_queue(queue)

    def labelled_tape(self, one_line: bool = True) -> qml.tape.QuantumScript:
        """Return the gates with their angles as a tape."""
        return self.tape(table=_Table if one_line else _Column)

    def to_quantikz(self, per_line: int = 0) -> str:
        """Return the circuit as Quantikz, for LaTeX, with pooling by measurement; see `circuit_export.to_quantikz`."""
        return circuit_export.to_quantikz(self.tape(), self.wires, self.fused, per_line=per_line)

    def to_openqasm(self, version: int = 3) -> str:
        """Return the circuit in OpenQASM. Its last measurement `c` reads the fused qubits in order.

        Args:
            version: 3, with mid-circuit measurement and conditions; or 2, PennyLane's export of the controlled form.
                (PennyLane writes conditions on single bits into OpenQASM 2, which that language does not have.)
        """
        return circuit_export.to_openqasm(
            version, self.tape(measured=version == 3), self.wires, self.fused
        )


def fusion_circuit(model: EntangledQCNN, theta: Mapping[str, Tensor]) -> FusionCircuit:
    """Return the circuit of one sample: modality qubits, fusion, network.

    Args:
        model: whose angles it has.
        theta: the sample's angles per modality, (n,) radians each: one row of `model.angles(inputs)`.

    Raises:
        InvalidInput: when a modality is missing, or its angles have another number or are not finite.
    """
    values, fused, wires, gates = fusion_gates.lay_out_gates(model, theta)
    return FusionCircuit(gates, wires, fused, values, tuple(model.network.steps))


class _Table(qml.SelectPauliRot):
    """Multiplexed rotation whose label shows its table on one line."""

    between = " "

    def label(
        self, decimals: int | None = None, base_label: str | None = None, cache: dict | None = None
    ) -> str:
        return f"RY({self.between.join(f'{float(angle):.{decimals or 2}f}' for angle in self.data[0])})"

    def map_wires(self, wire_map: dict) -> qml.SelectPauliRot:
        control, target = (
            [wire_map.get(wire, wire) for wire in self.hyperparameters[kind]]
            for kind in ("control_wires", "target_wire")
        )
        return type(self)(self.data[0], control, target, rot_axis="Y")


class _Column(_Table):
    """Multiplexed rotation whose label shows its table on several lines."""

    between = "\n"


def _apply(
    gate: fusion_gates.FusionGate,
    values: Parameters,
    outcomes: dict[str, Any],
    measured: bool,
    table: type,
) -> None:
    if gate.gate == "measure":
        if measured:
            outcomes[gate.wires[0]] = qml.measure(gate.wires[0])
        return
    angles = [values[name][index] for name, index in gate.takes]
    if gate.gate == "SelectPauliRot":
        table(
            angles[0], control_wires=list(gate.wires[:-1]), target_wire=gate.wires[-1], rot_axis="Y"
        )
    elif gate.outcome is None:
        getattr(qml, "Hadamard" if gate.gate == "H" else gate.gate)(*angles, wires=list(gate.wires))
    elif measured:
        rotation = getattr(qml, gate.gate)
        qml.cond(outcomes[gate.wires[0]] == gate.outcome, rotation)(*angles, wires=gate.wires[1])
    else:
        rotation = getattr(qml, gate.gate)
        qml.ctrl(rotation, control=gate.wires[0], control_values=[gate.outcome])(
            *angles, wires=gate.wires[1]
        )


@dataclass(frozen=True)
class GateCircuit(DrawableCircuit):
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
        return self.tape(unitary=LabelledUnitary)

    def to_quantikz(self, per_line: int = 0) -> str:
        """Return the circuit as Quantikz, for LaTeX; see `circuit_export.to_quantikz` for `per_line`."""
        return circuit_export.to_quantikz(
            self.labelled_tape(), self.wires, self.wires, per_line=per_line
        )

    def to_openqasm(self, version: int = 3) -> str:
        """Return the elementary gates in OpenQASM 3 or 2. The bits `c` read all qubits in order. State preparations
        are written as rotations and CNOTs (Möttönen and others 2005).
        """
        return circuit_export.to_openqasm(
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
