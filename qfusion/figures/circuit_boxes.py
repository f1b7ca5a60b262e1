"""From gates to a drawing: which boxes stand for which gates, on which lines, and a sample's way through them; for a
step of an evolution, for an entangled-fusion network, and for plain gates."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from qfusion.analysis import dynamics
from qfusion.analysis.memo import memo
from qfusion.figures.circuit import LINES, Box, Wire, matrix_tip
from qfusion.figures.style import BLUE, GREY, ORANGE, SKY, term_colour
from qfusion.models.protocols import GateCircuit
from qfusion.models.tweak import LEARNED, Tweak
from qfusion.quantum import states
from qfusion.quantum.circuits import Cone, Gate, Step, as_step, operation_matrix, rotation
from qfusion.track import fusion_gates, gate_replay, step_channel

LEFT_OUT = 1.78  # modality qubits end right of the fusion gate


@dataclass(frozen=True, eq=False)
class Replay:
    """One sample's way through a circuit, whichever system it is of.

    Attributes:
        boxes, wires: of the drawing, in the order of the qubits below.
        gates: what every gate does, in words: (name, qubits, sentence, values).
        bloch: (G + 1, Q, 3); entropy: (G + 1, Q) nats.
        moments: per gate the qubits it concerns, their density matrix before and after, and their mutual information
            (or None).
        parts: where parts of the circuit begin, as numbers of gates done, and their names.
        followed: places in `wires` of the qubits that live to the end.
        says: what the circuit is to the sample, where that is to be said.
        across: columns that are drawn at once, where there may be many; 0 for all.
        steps: every gate as far as a light cone asks, by places in `wires`; empty where none is asked for.
        takes: of every gate of a network, where its angles stand: names of parameters and indices in them.
    """

    boxes: tuple[Box, ...]
    wires: tuple[Wire, ...]
    gates: tuple[tuple[str, tuple[str, ...], str, dict[str, float]], ...]
    bloch: np.ndarray
    entropy: np.ndarray
    moments: tuple[tuple[tuple[str, ...], np.ndarray, np.ndarray, tuple[float, float] | None], ...]
    parts: tuple[tuple[int, str], ...]
    followed: tuple[int, ...]
    says: str = ""
    across: int = 0
    steps: tuple[Step[int], ...] = ()
    takes: tuple[tuple[fusion_gates.Reference, ...], ...] = ()

    @property
    def count(self) -> int:
        """Number of gates."""
        return len(self.gates)

    def near(self, at: int) -> tuple[Box, ...]:
        """Returns the boxes to be drawn when so many gates are done: all, or the columns around the last of these."""
        first, across = self._columns(at)
        return tuple(
            replace(box, column=box.column - first)
            for box in self.boxes
            if first <= box.column < first + across
        )

    def _columns(self, at: int) -> tuple[int, int]:
        """The first of the columns that are drawn when so many gates are done, and how many these are."""
        columns = 1 + max(int(box.column) for box in self.boxes)
        if not 0 < self.across < columns:
            return 0, columns
        here = next((int(box.column) for box in self.boxes if box.first <= at <= box.last), 0)
        return min(here - here % self.across, columns - self.across), self.across

    def between(self, at: int) -> list[tuple[float, int, np.ndarray, float]]:
        """Returns the state of every qubit after each column that is drawn when so many gates are done: where it stands
        from left to right, on which wire, its Bloch vector (3,), and its entropy in nats."""
        (first, _), states = self._columns(at), []
        for column in sorted({box.column + first for box in self.near(at)}):
            for row, wire in enumerate(self.wires):
                x = column - first + 0.5
                # No other gate changes what a qubit is by itself.
                done = max(
                    (box.last for box in self.boxes if row in box.rows and box.column <= column),
                    default=0,
                )
                if wire.end is None or x <= wire.end + 1:
                    states.append((x, row, self.bloch[done, row], float(self.entropy[done, row])))
        return states

    def greyed(self, boxes: Sequence[Box], cone: Cone[int]) -> tuple[Box, ...]:
        """Returns boxes, those without a gate inside a light cone in grey."""
        return tuple(
            replace(box, outside=not any(cone.inside[box.first - 1 : box.last])) for box in boxes
        )


def of_fusion(progressed: Any, model: Any) -> Replay:
    """The replay of an entangled-fusion circuit; `progressed` as `track.gate_replay.replay_fusion` gives it."""
    wires = _fusion_wires(progressed.wires, model)
    rows = {name: row for row, name in enumerate(progressed.wires)}
    return Replay(
        _fusion_boxes(progressed.gates, rows, model),
        wires,
        tuple((gate.label, gate.wires, gate.sentence, gate.values) for gate in progressed.gates),
        progressed.bloch,
        progressed.entropy,
        tuple((m.wires, m.before, m.after, m.mutual) for m in progressed.moments),
        _fusion_parts(progressed.gates),
        tuple(row for row, wire in enumerate(wires) if wire.end is None),
        steps=tuple(_step_of(gate, rows) for gate in progressed.gates),
        takes=tuple(gate.takes for gate in progressed.gates),
    )


def _step_of(gate: Any, rows: dict[str, int]) -> Step[int]:
    """A gate of the network as far as a light cone asks."""
    on = tuple(rows[wire] for wire in gate.wires)
    if gate.gate == "measure":
        return Step(on, frozenset(on), monomial=True, reads=True)
    if gate.kind in ("fuse", "pool"):  # its other qubits choose how it turns the last
        return Step(on, frozenset(on[:-1]))
    return as_step(on, _unitary(gate))


def _unitary(gate: Any) -> torch.Tensor:
    """The matrix of a gate on its own qubits, without those that choose it."""
    angles = torch.tensor(list(gate.values.values()), dtype=torch.float64)
    if len(gate.wires) == 1 or gate.kind == "pool":
        return rotation(gate.gate, angles)
    return operation_matrix(gate.gate, angles, (0, 1))


def _fusion_wires(names: Sequence[str], model: Any) -> tuple[Wire, ...]:
    modalities, y, wires = model.modalities, 0.0, []
    stages = model.phi.shape[1]
    for name in names:
        owner = name.partition("[")[0]
        if owner in modalities or "," in name:  # or a stage of a chain that only leads to the next
            wires.append(
                Wire(
                    name,
                    y,
                    term_colour(owner, modalities) if owner in modalities else GREY,
                    LEFT_OUT + stages - 1,
                )
            )
            y += 0.4
        else:
            y += 0.06
            wires.append(Wire(name, y))
            y += 0.66
    return tuple(wires)


def _fusion_boxes(gates: Sequence[Any], rows: dict[str, int], model: Any) -> tuple[Box, ...]:
    modalities, boxes, stages = model.modalities, [], model.phi.shape[1]
    free: dict[int, float] = {}
    fused: dict[int, int] = {}
    for number, gate in enumerate(gates, 1):
        on = tuple(rows[wire] for wire in gate.wires)
        if gate.kind == "encode":
            boxes.append(
                Box(
                    "RY",
                    0,
                    on,
                    number,
                    number,
                    f"{gate.sentence} θ = {gate.values['theta']:.3f}.",
                    term_colour(gate.modalities[0], modalities),
                    values=matrix_tip(_unitary(gate).numpy()),
                )
            )
        elif gate.kind == "fuse":
            stage = fused.get(gate.element, 0)
            fused[gate.element] = stage + 1
            table = ", ".join(f"{pattern}: {angle:.2f}" for pattern, angle in gate.values.items())
            boxes.append(
                Box(
                    "fuse",
                    1 + stage,
                    on,
                    number,
                    number,
                    f"{gate.sentence} Angles (rad) by outcome: {table}.",
                    BLUE,
                )
            )
    return (
        *boxes,
        *(
            _step_box(gates, step, rows, 1.3 + stages, free, model)
            for step in sorted({gate.step for gate in gates if gate.step >= 0})
        ),
    )


def _step_box(
    gates: Sequence[Any],
    step: int,
    rows: dict[str, int],
    start: float,
    free: dict[int, float],
    model: Any,
) -> Box:
    """All gates of one convolution or pooling as one box."""
    numbers = [n for n, gate in enumerate(gates, 1) if gate.step == step]
    inside = [gates[n - 1] for n in numbers]
    where = sorted({wire for gate in inside for wire in gate.wires}, key=lambda wire: rows[wire])
    layer, pool, stored = inside[0].layer, inside[0].kind == "pool", inside[-1].wires[-1]
    on = tuple(rows[wire] for wire in ((inside[0].wires[0], stored) if pool else where))
    span = range(min(on), max(on) + 1)
    column = max([start, *(free.get(row, start) for row in span)])
    free.update(dict.fromkeys(span, column + 1))
    if pool:
        does = f"{inside[0].sentence} {stored} is turned by one of two learned rotations, depending on what was read."
        text = "<br>".join(
            f"if {gate.outcome}: {_angles(gate)}<br>{matrix_tip(_unitary(gate).numpy())}"
            for gate in inside
            if gate.outcome is not None
        )
        return Box("M|U3", column, on, numbers[0], numbers[-1], does, ORANGE, True, text)
    does = (
        f"Convolution of layer {layer}: block {model.network.block}, {len(inside)} gates with angles that every "
        f"pair of this layer shares, on {' and '.join(where)}."
    )
    U = torch.eye(4, dtype=torch.complex128)
    for gate in inside:
        angles = torch.tensor(list(gate.values.values()), dtype=torch.float64)
        U = operation_matrix(gate.gate, angles, tuple(where.index(wire) for wire in gate.wires)) @ U
    text = "<br>".join(
        [
            *(
                f"{gate.gate} {'→'.join(str(where.index(wire) + 1) for wire in gate.wires)} "
                f"{_angles(gate)}".strip()
                for gate in inside
            ),
            "together:",
            matrix_tip(U.numpy()),
        ]
    )
    return Box(f"C{layer}|C{layer}", column, on, numbers[0], numbers[-1], does, SKY, True, text)


def _angles(gate: Any) -> str:
    return ", ".join(f"{value:.3f}" for value in gate.values.values())


def _fusion_parts(gates: Sequence[Any]) -> tuple[tuple[int, str], ...]:
    names = [
        "encode and fuse" if gate.kind in ("encode", "fuse") else f"{gate.kind} {gate.layer}"
        for gate in gates
    ]
    return tuple(
        (done, name) for done, name in enumerate(names) if not done or name != names[done - 1]
    )


def through_step(built: Any, modalities: Sequence[str]) -> Replay:
    """The replay of a sample through one step of an evolution, from its product state; `built` as
    `track.step_circuit.step_circuit` gives it."""
    qubits = (2,) * len(built.wires)
    sides = tuple(2 ** len(gate.wires) for gate in built.gates if gate.kind == "prepare")
    ground = np.zeros((2 ** len(qubits), 2 ** len(qubits)), dtype=complex)
    ground[0, 0] = 1
    rhos, moments = [ground], []
    for gate in built.gates:
        on = tuple(built.wires.index(wire) for wire in gate.wires)
        operators = gate.on_qubits
        if gate.kind == "prepare":  # |ket><0...0|, of qubits that nothing was done to
            operators = np.outer(operators, np.eye(len(operators))[0])[None]
        whole = states.embed(
            torch.from_numpy(operators),
            sides,
            [built.system.names.index(name) for name in gate.modalities],
        )
        rhos.append(step_channel.apply_kraus(whole.numpy(), rhos[-1]))
        shown = on if len(on) <= gate_replay.LARGEST else ()
        before, after = (
            states.partial_trace(torch.from_numpy(rho), qubits, shown).numpy() for rho in rhos[-2:]
        )
        moments.append((gate.wires if shown else (), before, after, None))
    bloch = np.stack([gate_replay.bloch_vectors(torch.from_numpy(rho)) for rho in rhos])
    owners = {
        wire: gate.modalities[-1]
        for gate in built.gates
        if gate.kind == "prepare"
        for wire in gate.wires
    }
    return Replay(
        tuple(_boxes_of_step(built, modalities)),
        tuple(
            Wire(wire, float(row), term_colour(owners[wire], modalities))
            for row, wire in enumerate(built.wires)
        ),
        tuple((gate.label, gate.wires, gate.sentence, gate.values) for gate in built.gates),
        bloch,
        states.qubit_entropy(bloch),
        tuple(moments),
        (
            (0, "prepare"),
            (
                next((n for n, gate in enumerate(built.gates) if gate.kind != "prepare"), 0),
                "one step",
            ),
        ),
        tuple(range(len(qubits))),
    )


def _boxes_of_step(built: Any, modalities: Sequence[str]) -> Iterator[Box]:
    for number, gate in enumerate(built.gates, 1):
        values = "; ".join(f"{name}: {value:.3g}" for name, value in gate.values.items())
        on = tuple(built.wires.index(wire) for wire in gate.wires)
        shared = gate.kind == "jump" or len(gate.modalities) == len(modalities)
        yield Box(
            gate.label,
            gate.column,
            on,
            number,
            number,
            f"{gate.sentence} {values}",
            GREY if shared else term_colour("+".join(gate.modalities), modalities),
            len(on) > 1 and max(on) - min(on) + 1 > len(on),
            matrix_tip(gate.operators[0]) if gate.kind == "unitary" else "",
        )


# From the gates of a model with plain gates to a drawing: boxes, wires, parts, and what every gate does in words.

ACROSS, MARKS = (
    8,
    12,
)  # columns that are drawn at once; parts, at most, that are marked along the gates
HUES = {"Rot": SKY, "CNOT": GREY, "StatePrep": ORANGE, "Rydberg": BLUE}
NAMES = {"StatePrep": "|w⟩", "Rydberg": "H(x)"}
PARTS = {
    "RX": "encode",
    "RY": "encode",
    "RZ": "encode",
    "Rot": "layer",
    "StatePrep": "prepare",
    "Rydberg": "evolve",
}
DOES = {
    "RX": "Turns {0} about x: its angle holds {held}.",
    "RY": "Turns {0} about y: its angle holds {held}.",
    "RZ": "Turns {0} about z: its angle holds {held}.",
    "Rot": "Turns {0} by trained angles: RZ(phi), then RY(theta), then RZ(omega).",
    "CNOT": "Flips {1} where {0} is 1.",
    "StatePrep": "Prepares the trained row of weights of {held}, of length 1.",
    "Rydberg": "Lets all atoms evolve to the next time that is read, detuned by the sample.",
}
PARAMETERS = (
    "angle",
    "phi",
    "theta",
    "omega",
    "duration",
)  # what a gate's values hold besides numbers of the sample


@torch.no_grad()
def of_gates(model: GateCircuit, encoded: Mapping[str, torch.Tensor]) -> Replay:
    """Returns the way of one sample through the circuit.

    Args:
        model: whose circuit it is. encoded: what the sample's modalities come to, one row each, as of `model.encode`.

    Raises:
        InvalidInput: when there are several rows.
    """
    registers = model.registers()
    progressed = gate_replay.replay_gates(model.gates(encoded), registers)
    gates = [(gate, tuple(progressed.wires[q] for q in gate.wires)) for gate in progressed.gates]
    owners = [name for name, size in registers.items() for _ in range(size)]
    coloured = set(owners) <= set(model.modalities) and max(registers.values()) <= len(LINES)
    hues = [term_colour(owner, model.modalities) if coloured else "" for owner in owners]
    return Replay(
        tuple(_gate_boxes(gates, hues)),
        tuple(Wire(name, float(q), hues[q]) for q, name in enumerate(progressed.wires)),
        tuple((gate.name, wires, _does(gate, wires), gate.values) for gate, wires in gates),
        progressed.bloch,
        progressed.entropy,
        tuple((m.wires, m.before, m.after, m.mutual) for m in progressed.moments),
        _gate_parts(progressed.gates),
        tuple(range(len(owners))),
        model.remark(encoded),
        ACROSS,
        tuple(as_step(gate.wires, gate.matrix) for gate in progressed.gates),
    )


def _does(gate: Gate, wires: Sequence[str]) -> str:
    return DOES[gate.name].format(
        *wires, held=" and ".join(name for name in gate.values if name not in PARAMETERS)
    )


def _gate_boxes(
    gates: Sequence[tuple[Gate, tuple[str, ...]]], hues: Sequence[str]
) -> Iterator[Box]:
    """A box for each gate, and one for CNOTs in a row."""
    free = [0] * len(hues)
    places = {n: -1 if gate.name == "CNOT" else n for n, (gate, _) in enumerate(gates)}
    for run in (list(run) for _, run in itertools.groupby(places, key=places.__getitem__)):
        gate, wires = gates[run[0]]
        rows = tuple(sorted({q for number in run for q in gates[number][0].wires}))
        column = max(free[rows[0] : rows[-1] + 1])
        free[rows[0] : rows[-1] + 1] = [column + 1] * (rows[-1] + 1 - rows[0])
        name, says = NAMES.get(gate.name, gate.name), _does(gate, wires)
        if len(run) > 1:
            name, says = (
                "CNOTs",
                "CNOTs, in this order: " + ", ".join(" → ".join(gates[n][1]) for n in run) + ".",
            )
        text = "; ".join(f"{key}: {value:.3g}" for key, value in gate.values.items())
        yield Box(
            name,
            column,
            rows,
            run[0] + 1,
            run[-1] + 1,
            f"{says} {text}".strip(),
            HUES.get(gate.name) or hues[rows[0]] or GREY,
            values=matrix_tip(gate.matrix.numpy()) if len(run) == 1 else "",
        )


def _gate_parts(gates: Sequence[Any]) -> tuple[tuple[int, str], ...]:
    """Where encodings, layers and evolutions begin; of very many only some."""
    parts: list[tuple[int, str]] = []
    turned: set[int] = set()
    for done, gate in enumerate(gates):
        name = PARTS.get(gate.name, "")
        again = turned & set(gate.wires) and name != "evolve"
        if name and (again or not parts or parts[-1][1] != name):
            parts.append((done, name))
            turned = set()
        turned |= set(gate.wires) if name else set()
    counts = Counter(name for _, name in parts)
    numbers = {name: itertools.count(1) for name in counts}
    named = [
        (done, f"{name} {next(numbers[name])}" if counts[name] > 1 else name)
        for done, name in parts
    ]
    return tuple(named[:: -(-len(named) // MARKS) or 1])


# A sample's way through a drawn circuit: one step of an evolution, an entangled-fusion network, or plain gates.


@memo(16, background=False, says="Walking the sample through the circuit …")
def replay(study: Any, row: int, words: str = "") -> Replay:
    """The sample's way through the circuit."""
    model = study.model.tweaked(words)
    if study.can("gates"):
        return of_gates(model, dynamics.encoded_states(study, row))
    return of_fusion(gate_replay.replay_fusion(model, study.theta(row)), model)


@memo(16, background=False)
def step_replay(study: Any, row: int, dt: float, split: str, tweak: Tweak = LEARNED) -> Replay:
    """A sample's way through one drawn step: every qubit before the first and after every gate."""
    return through_step(dynamics.circuit(study, row, dt, split, tweak), study.modalities)
