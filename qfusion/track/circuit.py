"""Circuits of one sample in PennyLane, run, drawn and exported: one step of the evolution, the plain gates of a model,
and the fusion and network of an EntangledQCNN.

This module imports PennyLane; import it only where a circuit is wanted.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial, reduce
from typing import Any

import numpy as np
import pennylane as qml
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.models import EntangledQCNN, neighbours, qcnn
from qfusion.quantum import circuits, decomposition, lindblad, states
from qfusion.track import drawing, dynamics, fusion_gates


@dataclass(frozen=True, kw_only=True)
class StepGate(fusion_gates.Box):
    """One gate of a step.

    Attributes:
        kind: "prepare", "unitary", "jump" (two Kraus operators) or "channel" (the whole step).
        wires: most significant first.
        operators: the ket (d,), or unitaries and Kraus operators (R, d, d) on the levels of `modalities`.
        dims: levels of each of these.
    """

    operators: np.ndarray
    dims: tuple[int, ...]

    @property
    def on_qubits(self) -> np.ndarray:
        """The same on `wires`, whose first states are the levels; on all others the first operator is the identity."""
        levels = [torch.eye(2 ** _qubits(d), d, dtype=torch.float64) for d in self.dims]
        V = reduce(torch.kron, levels).numpy()
        if self.kind == "prepare":
            return V @ self.operators
        wide = V @ self.operators @ V.T
        wide[0] += np.eye(len(V)) - V @ V.T
        return wide


Wires = dict[str, tuple[str, ...]]


def _qubits(d: int) -> int:
    """How many hold so many levels."""
    return max(1, math.ceil(math.log2(d)))


def checked_kets(
    system: lindblad.System, kets: Mapping[str, Tensor] | Sequence[Tensor]
) -> list[np.ndarray]:
    """Returns one unit ket per modality, in order.

    Raises:
        InvalidInput: when one is missing, does not fit, or is not normalised.
    """
    given = dict(kets) if isinstance(kets, Mapping) else dict(zip(system.names, kets, strict=False))
    check(
        set(given) == set(system.names) and len(kets) == len(system.names),
        f"Argument `kets` must hold one ket for each of {list(system.names)}, but has {len(kets)}"
        f"{f': {list(kets)[:8]}' if isinstance(kets, Mapping) else ''}. Use `model.encode`.",
    )
    return [
        dynamics.checked_ket(f"kets[{name}]", given[name], d)
        for name, d in zip(system.names, system.dims, strict=True)
    ]


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.005 else "under 1 %"


def _preparation(name: str, wires: tuple[str, ...], ket: np.ndarray) -> StepGate:
    weights = np.abs(ket) ** 2
    top = int(weights.argmax())
    basis = [format(i, f"0{len(wires)}b") for i in range(len(ket))]
    qubits = "1 qubit" if len(wires) == 1 else f"{len(wires)} qubits"
    return StepGate(
        "prepare",
        f"|{name}>",
        wires,
        {f"|{b}>": float(w) for b, w in zip(basis, weights, strict=True)},
        f"Puts the {qubits} of {name} into this sample's state; its largest part, {_percent(weights[top])}, is "
        f"|{basis[top]}>.",
        (name,),
        operators=ket,
        dims=(len(ket),),
    )


def _split_step(
    system: lindblad.System, psi: np.ndarray, dt: float, split: str, wires: Wires
) -> list[StepGate]:
    part = dynamics.shares(system.H, system.dims)
    gates = []
    for subset, U in dynamics.unitaries_of_step(system, dt, split).items():
        names = tuple(system.names[m] for m in subset)
        angle = float(np.abs(np.angle(np.linalg.eigvals(U))).max())
        share = part[subset] if split == "terms" else 1.0
        who, what = names[0], "the part of H that acts on it alone"
        if len(names) > 1:
            who = f"{', '.join(names[:-1])} and {names[-1]} together"
            what = "the part of H that acts on exactly these"
        what = f"{what}, {_percent(share)} of it" if split == "terms" else "all of H"
        gates.append(
            StepGate(
                "unitary",
                f"H[{decomposition.subset_name(subset, system.names)}]"
                if split == "terms"
                else "H",
                tuple(w for name in names for w in wires[name]),
                {"share of H": share, "largest phase (rad)": angle},
                f"Turns {who} for dt = {dt:.3g} by {what}; phases up to {angle:.2g} rad.",
                names,
                operators=U[None],
                dims=tuple(system.dims[m] for m in subset),
            )
        )
    return gates + [_jump(system, k, psi, dt, wires) for k, L in enumerate(system.jumps) if L.any()]


def _jump(system: lindblad.System, k: int, psi: np.ndarray, dt: float, wires: Wires) -> StepGate:
    kraus = dynamics.jump_channel(system.jumps[k], dt)
    here = float(np.linalg.norm(kraus[1] @ psi) ** 2)
    most = float(np.linalg.norm(kraus[1], 2) ** 2)
    part = dynamics.shares(system.jumps[k], system.dims)
    top = max(part, key=lambda subset: part[subset])
    acts = (
        f"its largest part, {_percent(part[top])}, acts on exactly {decomposition.subset_name(top, system.names)}"
        if part[top]
        else "it is a multiple of the identity and changes nothing"
    )
    return StepGate(
        "jump",
        f"L{k + 1}",
        tuple(w for name in system.names for w in wires[name]),
        {
            "jump probability at the start": here,
            "largest jump probability": most,
            **{
                f"share on {decomposition.subset_name(subset, system.names)}": share
                for subset, share in part.items()
            },
        },
        f"Jumps by L{k + 1} with probability {here:.2g} from this sample's first state (at most {most:.2g} from any), "
        f"to first order in dt; {acts}.",
        tuple(system.names),
        operators=kraus,
        dims=tuple(system.dims),
    )


def _whole_step(system: lindblad.System, dt: float, wires: Wires) -> StepGate:
    kraus = dynamics.kraus_of_step(system, dt)
    largest = float((np.abs(kraus[0]) ** 2).sum() / len(system.H))
    return StepGate(
        "channel",
        "exp(dt L)",
        tuple(w for name in system.names for w in wires[name]),
        {"Kraus operators": float(len(kraus)), "weight of the largest": largest},
        f"The whole step of dt = {dt:.3g}, H and jumps, exactly: a channel of {len(kraus)} Kraus operators from its "
        f"Choi matrix; the largest carries {_percent(largest)}.",
        tuple(system.names),
        operators=kraus,
        dims=tuple(system.dims),
    )


# One step of the evolution as a PennyLane circuit: state preparation per modality, exp(-i H dt), jump channels.
#
# A modality of up to 2^n levels takes n wires,
# `text0`, `text1`, ..., the first the most significant; states of these beyond its levels are never reached.


@dataclass(frozen=True)
class StepError:
    """How far the drawn step is from the exact one, as trace distances of the states reached from the sample's.

    Attributes:
        one: after one step of `dt`.
        all: after `steps` of them: about the model's whole duration, but 400 at most.
        steps: how many these are.
    """

    one: float
    all: float
    steps: int

    @property
    def sentence(self) -> str:
        """The same for a reader."""
        return (
            f"After one step the drawn circuit is {self.one:.1e} from the exact evolution in trace distance "
            f"(0 is equal, 1 is perfectly distinguishable), after {self.steps} steps {self.all:.1e}."
        )


@dataclass(frozen=True)
class StepCircuit(drawing.Drawn):
    """A step, ready to be drawn and run; made by `step_circuit`.

    Attributes:
        gates: in the order they act, preparations first.
        wires: all qubits, top to bottom.
        system: the physics it was made from.
        psi: the sample's product state (D,).
        dt: time of the step.
        form: "exact" or "trotter".
    """

    gates: tuple[StepGate, ...]
    wires: tuple[str, ...]
    system: lindblad.System
    psi: np.ndarray
    dt: float
    form: str
    decimals = None

    def qnode(self, steps: int = 1, device: Any = None) -> Callable[[], np.ndarray]:
        """Returns a QNode without arguments whose result is the density matrix of all qubits after `steps` steps.

        Args:
            steps: how often the step after the preparation is repeated.
            device: a PennyLane device with these wires; default `default.mixed`.
        """
        check(
            isinstance(steps, int) and steps >= 0,
            f"Argument `steps` must be a whole number from 0, but is {steps!r}. Use 1 for the drawn circuit.",
        )

        # The device takes one state preparation, as the first operation: the product of the drawn ones.
        start = reduce(np.kron, [gate.on_qubits for gate in self.gates if gate.kind == "prepare"])

        @qml.qnode(device or qml.device("default.mixed", wires=self.wires))
        def circuit() -> Any:
            qml.StatePrep(start, wires=self.wires)
            for _ in range(steps):
                for gate in self.gates:
                    if gate.kind != "prepare":
                        _operation(gate)
            return qml.density_matrix(wires=self.wires)

        return circuit

    @cached_property
    @dynamics.single_threaded()
    def error(self) -> StepError:
        """The distance of the drawn step, and of its repetition over the duration, from the exact evolution."""
        # at most so many steps, which take a quarter of a second at D = 64
        steps = min(max(1, round(self.system.duration / self.dt)), 400)
        rho = np.outer(self.psi, self.psi.conj())
        exact = lindblad.evolve_states(
            self.system.H, self.system.jumps, torch.from_numpy(rho), [self.dt, steps * self.dt]
        ).numpy()
        embedded = [
            states.embed(
                torch.from_numpy(gate.operators),
                self.system.dims,
                [self.system.names.index(name) for name in gate.modalities],
            ).numpy()
            for gate in self.gates
            if gate.kind != "prepare"
        ]
        distances = []
        for step in range(1, steps + 1):
            for operators in embedded:
                rho = dynamics.apply(operators, rho)
            if step in (1, steps):
                distances.append(
                    float(np.abs(np.linalg.eigvalsh(exact[int(step > 1)] - rho)).sum() / 2)
                )
        return StepError(distances[0], distances[-1], steps)

    def drawn(self, one_line: bool = True) -> qml.tape.QuantumScript:
        """Returns the gates with their labels as a tape."""
        operations = [_operation(gate, drawing.LabelledUnitary, _Channel) for gate in self.gates]
        for gate, operation in zip(self.gates, operations, strict=True):
            operation.text = gate.label
        return qml.tape.QuantumScript(operations, [])

    def to_quantikz(self, per_line: int = 0) -> str:
        """Returns the circuit as Quantikz, for LaTeX; `per_line` as of `drawing.quantikz`."""
        return drawing.quantikz(
            self.drawn(),
            self.wires,
            per_line=per_line,
            says=f"One step of dt = {self.dt:.4g}. Rounded boxes are channels.",
        )


class _Channel(drawing.Labelled, qml.QubitChannel):
    """A channel with a label."""


def _operation(
    gate: StepGate, unitary: type = qml.QubitUnitary, kraus: type = qml.QubitChannel
) -> qml.operation.Operator:
    if gate.kind == "prepare":
        return qml.StatePrep(gate.on_qubits, wires=gate.wires)
    if gate.kind == "unitary":
        return unitary(gate.on_qubits[0], wires=gate.wires)
    return kraus(list(gate.on_qubits), wires=gate.wires)


def step_circuit(
    system: Any,
    kets: Mapping[str, Tensor] | Sequence[Tensor],
    dt: float,
    *,
    form: str | None = None,
    split: str = "terms",
) -> StepCircuit:
    """Returns the circuit of one step of the evolution of one sample.

    Args:
        system: a `System`, or a model that has one (`model.system()`).
        kets: the sample's state per modality, (d_m,) each, of unit norm, by name or in order.
        dt: time of the step, above 0.
        form: "exact" for the step's channel as one gate, from its Choi matrix (D up to 16); "trotter" for exp(-i H_S
            dt) per term and one channel per L_k, whose error is in `StepCircuit.error`. Default: exact up to D = 8.
        split: "terms" or "whole": exp(-i H dt) per term H_S or in one gate (trotter only).

    Raises:
        InvalidInput: when a ket does not fit or is not normalised, `dt` is not positive, or an option is unknown.
    """
    system = system if isinstance(system, lindblad.System) else system.system()
    dt, D = dynamics.checked_step(dt), len(system.H)
    form = form or ("exact" if D <= 8 else "trotter")
    check(
        form in ("exact", "trotter"),
        f"Argument `form` must be 'exact' or 'trotter', but is {form!r}. Choose one of them.",
    )
    check(
        split in ("terms", "whole"),
        f"Argument `split` must be 'terms' or 'whole', but is {split!r}. Choose one of them.",
    )
    check(
        form == "trotter" or D <= 16,
        f"Argument `form` must be 'trotter' above D = 16, but is 'exact' at D = {D}. The step's channel would have "
        f"{D * D} Kraus operators of side {D}.",
    )
    wires = {
        name: tuple(f"{name}{q}" for q in range(_qubits(d)))
        for name, d in zip(system.names, system.dims, strict=True)
    }
    own = checked_kets(system, kets)
    psi = states.product([torch.from_numpy(ket) for ket in own]).numpy()
    gates = [
        *(
            _preparation(name, wires[name], state)
            for name, state in zip(system.names, own, strict=True)
        ),
        # A term or jump operator that is zero, as after a tweak, has no gate.
        *(
            [_whole_step(system, dt, wires)]
            if form == "exact"
            else _split_step(system, psi, dt, split, wires)
        ),
    ]
    qubits = tuple(wire for name in system.names for wire in wires[name])
    return StepCircuit(fusion_gates.in_columns(gates, qubits), qubits, system, psi, dt, form)


# The circuit of a model with plain gates for one sample in PennyLane: run, drawn and exported.


@dataclass(frozen=True)
class GateCircuit(drawing.Drawn):
    """The circuit; made by `gate_circuit`.

    Attributes:
        gates: in the order they act on |0...0>.
        elementary: the same circuit, up to its global phase, of preparations and gates on at most two qubits.
        wires: names of the qubits, the most significant first.
    """

    gates: tuple[circuits.Gate, ...]
    elementary: tuple[circuits.Gate, ...]
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
        return qml.tape.QuantumScript(
            [
                _operation_of_gate_circuit(gate, self.wires, unitary)
                for gate in (self.elementary if elementary else self.gates)
            ]
        )

    def drawn(self, one_line: bool = True) -> qml.tape.QuantumScript:
        """Returns the gates with their names as a tape."""
        return self.tape(unitary=drawing.LabelledUnitary)

    def to_quantikz(self, per_line: int = 0) -> str:
        """Returns the circuit as Quantikz, for LaTeX; `per_line` as of `drawing.quantikz`."""
        return drawing.quantikz(self.drawn(), self.wires, self.wires, per_line=per_line)

    def to_openqasm(self, version: int = 3) -> str:
        """Returns the elementary gates in OpenQASM 3 or 2, whose bits `c` read all qubits in order; preparations as
        rotations and CNOTs (Möttönen and others 2005)."""
        return drawing.to_openqasm(version, self.tape(elementary=True), self.wires, self.wires)


def gate_circuit(model: neighbours.CircuitModel, states: Mapping[str, Tensor]) -> GateCircuit:
    """Returns the circuit of one sample.

    Args:
        model: whose circuit it is. states: what the sample's modalities come to, one row each, as of `model.encode`.

    Raises:
        InvalidInput: when there are several rows.
    """
    return GateCircuit(
        tuple(model.gates(states)),
        tuple(model.elementary(states)),
        fusion_gates.qubits_of(model.registers()),
    )


def _operation_of_gate_circuit(
    gate: circuits.Gate, wires: Sequence[str], unitary: type
) -> qml.operation.Operator:
    on, matrix = [wires[q] for q in gate.wires], gate.matrix.detach().numpy()
    if gate.name == "StatePrep":
        return qml.StatePrep(matrix[:, 0], wires=on)
    known = getattr(qml, gate.name, None)
    if known is not None:
        return known(*list(gate.values.values())[: known.num_params], wires=on)
    operator = unitary(matrix, wires=on)
    operator.text = gate.name  # which a labelled one shows
    return operator


# The circuit of an EntangledQCNN for one sample in PennyLane: one list of gates that is drawn, exported, and run on
# any device, exactly or with shots, with or without noise.
#
# A circuit that is too wide runs element by element, which is equal: the modality qubits are left out after fusion, so
# the fused qubits are in a product state. A small circuit per element (its M modality qubits and fused qubits) gives
# <X> and <Z> of its fused qubit, and the network starts from these: from their density matrix on `default.mixed`,
# elsewhere with a spare qubit for each.


# Pooling is written in two equal forms: a
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

    gates: tuple[fusion_gates.FusionGate, ...]
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

    def part(self, name: str = "whole", element: int | None = None) -> "FusionCircuit":
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
        kinds = {"fusion": fusion_gates.STAGES[:2], "network": fusion_gates.STAGES[2:]}[name]
        gates = [
            g for g in self.gates if g.kind in kinds and (element is None or g.element == element)
        ]
        touched = {wire for gate in gates for wire in gate.wires}
        wires = tuple(wire for wire in self.wires if wire in touched)
        return FusionCircuit(
            fusion_gates.in_columns(gates, wires),
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
                qml.BitFlip(noise.flip, wires=wire)

    def probabilities(
        self,
        device: Any = None,
        *,
        measured: bool = False,
        shots: int | None = None,
        noise: fusion_gates.Noise | None = None,
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
    values, fused, wires, gates = fusion_gates.laid_out(model, theta)
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
        qml.cond(outcomes[gate.wires[0]] == gate.outcome, qml.U3)(*angles, wires=gate.wires[1])
    else:
        qml.ctrl(qml.U3, control=gate.wires[0], control_values=[gate.outcome])(
            *angles, wires=gate.wires[1]
        )


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


@dynamics.single_threaded()
def run(
    model: EntangledQCNN,
    theta: Mapping[str, Tensor],
    device: Any = "default.qubit",
    shots: int | None = None,
    seed: int | None = None,
    *,
    noise: fusion_gates.Noise | None = None,
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
        form = "whole" if fusion_gates.width(model) <= WIDEST[name == MIXED] else "elements"
    circuit = fusion_circuit(model, theta)
    vectors = prepare = None
    parts: list[FusionCircuit] = []
    wires = list(circuit.wires)
    if form == "elements":
        parts = [circuit.part("fusion", i) for i in range(model.elements)]
        vectors = torch.tensor(
            [
                _vector(part, _device(device, part.wires, shots, seed, i), shots, noise)
                for i, part in enumerate(parts, 1)
            ],
            dtype=torch.float64,
        )
        circuit = circuit.part("network")
        spare = [] if name == MIXED else [f"spare[{i}]" for i in range(model.elements)]
        wires = [*circuit.wires, *spare]
        prepare = partial(_prepare, circuit.wires, spare, vectors)
    p = np.asarray(
        circuit.probabilities(
            _device(device, wires, shots, seed), shots=shots, noise=noise, before=prepare
        )()
    )
    values = fusion_gates.outcome_scores(model).numpy()
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


def _device(
    device: Any, wires: Sequence[str], shots: int | None, seed: int | None, salt: int = 0
) -> Any:
    """A device of these qubits; each circuit of a run has its own random numbers."""
    if not isinstance(device, str):
        return device
    if shots is not None:
        own = np.random.SeedSequence(seed, spawn_key=(salt,)).generate_state(1)[0]
        with suppress(TypeError):  # some devices take none
            return qml.device(device, wires=list(wires), seed=int(own))
    return qml.device(device, wires=list(wires))


def _vector(
    part: FusionCircuit, device: Any, shots: int | None, noise: fusion_gates.Noise | None
) -> list[float]:
    """(1, <X>, <Z>) of one element's fused qubit."""
    wire = part.fused[0]

    def expectations(*observables: Any) -> Any:
        part.queue(noise=noise)
        return [qml.expval(O) for O in observables]

    measure = qml.QNode(expectations, device, shots=shots)
    # With shots each observable takes runs of its own, so that their errors are independent.
    x, z = (
        measure(qml.X(wire), qml.Z(wire))
        if shots is None
        else (measure(qml.X(wire))[0], measure(qml.Z(wire))[0])
    )
    length = max(1.0, float(np.hypot(x, z)))
    return [1.0, float(x) / length, float(z) / length]


def _prepare(wires: Sequence[str], spare: Sequence[str], vectors: Tensor) -> None:
    """Applies what gives each wire the state of its vector (1, <X>, <Z>): gates that entangle it with a spare qubit,
    or, where there are none, their density matrix."""
    if spare:
        for wire, other, (_, x, z) in zip(wires, spare, vectors.tolist(), strict=True):
            qml.RY(math.acos(min(1.0, math.hypot(x, z))), wires=other)
            qml.CNOT(wires=[other, wire])
            qml.RY(math.atan2(x, z), wires=wire)
    else:
        qml.QubitDensityMatrix(qcnn.fused_state(vectors).numpy(), wires=list(wires))


def _carried(
    model: EntangledQCNN, vectors: Tensor, noise: fusion_gates.Noise | None, shots: int
) -> np.ndarray:
    """The scores' variance from that of <X> and <Z>, to first order, (C,)."""
    # The network's noise is in the observables; that on the fused qubits is in the vectors already.
    free = vectors.clone().requires_grad_()
    O = (
        model.network.observables(
            channel=fusion_gates.channel(model, noise or fusion_gates.Noise())
        )
        .detach()
        .double()
    )
    slopes = torch.stack(
        [
            torch.autograd.grad(qcnn.evaluate(O, free[None])[0, c], free, retain_graph=True)[0]
            for c in range(len(O))
        ]
    )
    return (slopes.square() * (1 - vectors.square()).clamp_min(0) / shots).sum((1, 2)).numpy()
