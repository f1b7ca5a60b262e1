"""The circuit of an EntangledQCNN for one sample in PennyLane: one list of gates that is drawn, exported, and run on
any device, exactly or with shots, with or without noise.

A circuit that is too wide runs element by element, which is equal: the modality qubits are left out after fusion, so
the fused qubits are in a product state. A small circuit per element (its M modality qubits and fused qubits) gives <X>
and <Z> of its fused qubit, and the network starts from these: from their density matrix on `default.mixed`, elsewhere
with a spare qubit for each.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pennylane as qml
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.models import EntangledQCNN, qcnn
from qfusion.track import drawing
from qfusion.track.dynamics import single_threaded
from qfusion.track.fusion_gates import (
    STAGES,
    FusionGate,
    Noise,
    channel,
    in_columns,
    laid_out,
    outcome_scores,
    width,
)

# This module imports PennyLane; import it only where a circuit is wanted. Pooling is written in two equal forms: a
# measurement whose outcome chooses one of two rotations, which is drawn and exported as OpenQASM 3; and two rotations
# controlled by that qubit, whose measurement is deferred to the end, which runs on any device.

PARTS = ("whole", "fusion", "network")
Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class FusionCircuit(drawing.Drawn):
    """The circuit, or a part of it; made by `fusion_circuit`.

    Attributes:
        gates: in the order they act, with columns for a drawing of `wires`.
        wires: its qubits, top to bottom.
        fused: the fused qubits among them.
        parameters: all angles, see `fusion_gates.parameters`.
        steps: of the network.
    """

    gates: tuple[FusionGate, ...]
    wires: tuple[str, ...]
    fused: tuple[str, ...]
    parameters: dict[str, Tensor]
    steps: tuple[qcnn.Step, ...]

    @property
    def says(self) -> str:
        """What is to be known of its OpenQASM."""
        return (
            f"the last {len(self.fused)} measurements read the fused qubits. OpenQASM 2 has no conditions on "
            "single outcomes: there pooling is controlled and measured at the end."
        )

    def part(self, name: str = "whole", element: int | None = None) -> FusionCircuit:
        """Returns a circuit of some of the gates: "whole", "fusion" (of one element, or of all) or "network".

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
        kinds = {"fusion": STAGES[:2], "network": STAGES[2:]}[name]
        gates = [
            g for g in self.gates if g.kind in kinds and (element is None or g.element == element)
        ]
        touched = {wire for gate in gates for wire in gate.wires}
        wires = tuple(wire for wire in self.wires if wire in touched)
        return FusionCircuit(
            in_columns(gates, wires),
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
        noise: Noise | None = None,
        table: type = qml.SelectPauliRot,
    ) -> None:
        """Applies the gates, inside a quantum function.

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
                qml.BitFlip(noise.flip, wires=gate.wires)
            _apply(gate, values, outcomes, measured, table)
            last = index + 1 == len(self.gates) or self.gates[index + 1].step != gate.step
            if noise and (gate.kind == "fuse" or (gate.step >= 0 and last)):
                wires: Sequence[str] = gate.wires[-1:]
                if gate.kind == "convolve":
                    wires = [self.fused[q] for q in self.steps[gate.step].wires]
                for wire in wires:
                    qml.DepolarizingChannel(0.75 * noise.depolarising, wires=wire)
                    qml.AmplitudeDamping(noise.damping, wires=wire)
        if noise and any(gate.step >= 0 for gate in self.gates):
            pooled = {gate.wires[0] for gate in self.gates if gate.gate == "measure"}
            for wire in self.fused:
                if wire not in pooled:
                    qml.BitFlip(noise.flip, wires=wire)

    def probabilities(
        self,
        device: Any = None,
        *,
        measured: bool = False,
        shots: int | None = None,
        noise: Noise | None = None,
        before: Callable[[], None] | None = None,
    ) -> Callable[..., Any]:
        """Returns a QNode of the joint probabilities (2^n,) of all fused qubits at the end, first most significant.

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
        """Returns the gates as a tape without a result."""
        with qml.queuing.AnnotatedQueue() as queue:
            self.queue(measured=measured, table=table)
        return qml.tape.QuantumScript.from_queue(queue)

    def drawn(self, one_line: bool = True) -> qml.tape.QuantumScript:
        """Returns the gates with their angles as a tape."""
        return self.tape(table=_Table if one_line else _Column)

    def to_quantikz(self, per_line: int = 0) -> str:
        """Returns the circuit as Quantikz, for LaTeX, pooling by measurement; `per_line` as of `drawing.quantikz`."""
        return drawing.quantikz(self.tape(), self.wires, self.fused, per_line=per_line)

    def to_openqasm(self, version: int = 3) -> str:
        """Returns the circuit in OpenQASM, whose last measurement `c` reads the fused qubits in order.

        Args:
            version: 3, with mid-circuit measurement and conditions; or 2, PennyLane's export of the controlled form.
                (PennyLane writes conditions on single bits into OpenQASM 2, which that language does not have.)
        """
        return drawing.to_openqasm(
            version, self.tape(measured=version == 3), self.wires, self.fused
        )


def fusion_circuit(model: EntangledQCNN, theta: Mapping[str, Tensor]) -> FusionCircuit:
    """Returns the circuit of one sample: modality qubits, fusion, network.

    Args:
        model: whose angles it has.
        theta: the sample's angles per modality, (n,) radians each: one row of `model.angles(inputs)`.

    Raises:
        InvalidInput: when a modality is missing, or its angles have another number or are not finite.
    """
    values, fused, wires, gates = laid_out(model, theta)
    return FusionCircuit(gates, wires, fused, values, tuple(model.network.steps))


class _Table(qml.SelectPauliRot):
    """A multiplexed rotation whose label shows its table, on one line."""

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
    """The same on several lines."""

    between = "\n"


def _apply(
    gate: FusionGate, values: Parameters, outcomes: dict[str, Any], measured: bool, table: type
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
        qml.cond(outcomes[gate.wires[0]] == gate.outcome, qml.U3)(*angles, wires=gate.wires[1])
    else:
        qml.ctrl(qml.U3, control=gate.wires[0], control_values=[gate.outcome])(
            *angles, wires=gate.wires[1]
        )


def unmeasured(wires: Sequence[str], spare: Sequence[str], vectors: Tensor) -> None:
    """Applies the gates that give each wire the state of its vector (1, <X>, <Z>), by entangling it with a spare
    qubit."""
    for wire, other, vector in zip(wires, spare, vectors, strict=True):
        _, x, z = vector.tolist()
        qml.RY(math.acos(min(1.0, math.hypot(x, z))), wires=other)
        qml.CNOT(wires=[other, wire])
        qml.RY(math.atan2(x, z), wires=wire)


# The circuit run.

MIXED = "default.mixed"
WIDEST = {
    True: 7,
    False: 18,
}  # qubits simulated at once, of mixed and of pure states, before the circuit is split
MAX_SHOTS = 1_000_000


@dataclass(frozen=True)
class Run:
    """What a device answered for one sample.

    Attributes:
        scores: (C,).
        errors: their standard errors from the shots, (C,); zero when exact.
        probabilities: of the joint outcomes of all fused qubits, (2^n,).
        vectors: (1, <X>, <Z>) of every fused qubit, (n, 3); None when the whole circuit ran at once.
        form: "whole" or "elements".
        device: its name.
        shots: per circuit; None when exact.
        qubits: of the widest circuit.
        circuits: number of circuits that ran.
    """

    scores: np.ndarray
    errors: np.ndarray
    probabilities: np.ndarray
    vectors: np.ndarray | None
    form: str
    device: str
    shots: int | None
    qubits: int
    circuits: int


@single_threaded
def run(
    model: EntangledQCNN,
    theta: Mapping[str, Tensor],
    device: Any = "default.qubit",
    shots: int | None = None,
    seed: int | None = None,
    *,
    noise: Noise | None = None,
    form: str = "auto",
) -> Run:
    """Runs one sample's circuit.

    The standard error is that of the mean of the scores that single outcomes get. Element by element with shots, <X>
    and <Z> of every fused qubit take `shots` each, and their errors are carried on through the network to first order;
    a vector that comes out longer than 1 is shortened to 1.

    Args:
        model: a trained model.
        theta: the sample's angles per modality, (n,) radians each.
        device: name of a PennyLane device, or one that is made already and has the circuit's qubits.
        shots: runs of each circuit, 2 to 1,000,000; None for exact probabilities.
        seed: of the shots; only for a device given by name.
        noise: see `Noise`; needs `default.mixed`.
        form: "whole", "elements", or "auto": whole up to 18 qubits (7 of mixed states).

    Raises:
        NotFound: when there is no such device or form.
        InvalidInput: when angles or shots do not fit, or noise is asked of a device of pure states.
    """
    choose("Form", form, ("auto", "whole", "elements"))
    check(
        shots is None
        or (isinstance(shots, int) and not isinstance(shots, bool) and 2 <= shots <= MAX_SHOTS),
        f"Argument `shots` must be a whole number from 2 to {MAX_SHOTS}, or None, but is {shots!r}. 1000 is a good "
        "start.",
    )
    name = (
        choose("Device", device, sorted(qml.plugin_devices))
        if isinstance(device, str)
        else str(device.name)
    )
    check(
        not noise or name == MIXED,
        f"Argument `device` must be '{MIXED}' with noise, but is {name!r}. Choose that device, or no noise.",
    )
    if form == "auto":
        form = "whole" if width(model) <= WIDEST[name == MIXED] else "elements"
    circuit, job = fusion_circuit(model, theta), _Job(device, name, shots, seed, noise)
    vectors = prepare = None
    parts: list[FusionCircuit] = []
    wires = list(circuit.wires)
    if form == "elements":
        parts = [circuit.part("fusion", i) for i in range(model.elements)]
        points = [_vector(part, i, job) for i, part in enumerate(parts)]
        vectors = torch.tensor(points, dtype=torch.float64)
        circuit = circuit.part("network")
        spare = [] if name == MIXED else [f"spare[{i}]" for i in range(model.elements)]
        wires = [*circuit.wires, *spare]
        prepare = partial(_prepare, circuit.wires, spare, vectors)
    device = job.on(wires)
    p = np.asarray(circuit.probabilities(device, shots=shots, noise=noise, before=prepare)())
    values = outcome_scores(model).numpy()
    scores = p @ values
    variance = np.zeros_like(scores)
    if shots is not None:
        variance = p @ (values - scores) ** 2 / (shots - 1)
        if vectors is not None:
            variance = variance + _carried(model, vectors, noise, shots)
    return Run(
        scores,
        np.sqrt(variance),
        p,
        None if vectors is None else vectors.numpy(),
        form,
        name,
        shots,
        max([len(wires), *(len(part.wires) for part in parts)]),
        1 + len(parts) * (1 if shots is None else 2),
    )


@dataclass(frozen=True)
class _Job:
    device: Any
    name: str
    shots: int | None
    seed: int | None
    noise: Noise | None

    def on(self, wires: Sequence[str], salt: int = 0) -> Any:
        """A device of these qubits; each circuit of a run has its own random numbers."""
        if not isinstance(self.device, str):
            return self.device
        if self.shots is None:
            return qml.device(self.name, wires=list(wires))
        seed = np.random.SeedSequence(self.seed, spawn_key=(salt,)).generate_state(1)[0]
        try:
            return qml.device(self.name, wires=list(wires), seed=int(seed))
        except TypeError:  # some devices take none
            return qml.device(self.name, wires=list(wires))


def _vector(part: FusionCircuit, i: int, job: _Job) -> list[float]:
    """(1, <X>, <Z>) of one element's fused qubit."""
    wire = part.fused[0]

    def expectations(*observables: Any) -> Any:
        part.queue(noise=job.noise)
        return [qml.expval(O) for O in observables]

    measure = qml.QNode(expectations, job.on(part.wires, i + 1), shots=job.shots)
    # With shots each observable takes runs of its own, so that their errors are independent.
    x, z = (
        measure(qml.X(wire), qml.Z(wire))
        if job.shots is None
        else (measure(qml.X(wire))[0], measure(qml.Z(wire))[0])
    )
    length = max(1.0, float(np.hypot(x, z)))
    return [1.0, float(x) / length, float(z) / length]


def _prepare(wires: Sequence[str], spare: Sequence[str], vectors: Tensor) -> None:
    if spare:
        unmeasured(wires, spare, vectors)
    else:
        qml.QubitDensityMatrix(qcnn.fused_state(vectors).numpy(), wires=list(wires))


def _carried(model: EntangledQCNN, vectors: Tensor, noise: Noise | None, shots: int) -> np.ndarray:
    """The scores' variance from that of <X> and <Z>, to first order, (C,)."""
    # The network's noise is in the observables; that on the fused qubits is in the vectors already.
    free = vectors.clone().requires_grad_()
    O = model.network.observables(channel=channel(model, noise or Noise())).detach().double()
    slopes = torch.stack(
        [
            torch.autograd.grad(qcnn.evaluate(O, free[None])[0, c], free, retain_graph=True)[0]
            for c in range(len(O))
        ]
    )
    return (slopes.square() * (1 - vectors.square()).clamp_min(0) / shots).sum((1, 2)).numpy()
