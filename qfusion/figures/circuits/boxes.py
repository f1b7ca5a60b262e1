"""The boxes and lines of a circuit drawing: of an evolution step, a fusion network, and plain gates."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from qfusion._memory_cache import memo
from qfusion._sentences import listed, true_minus
from qfusion.figures.circuits.charts import Replay
from qfusion.figures.circuits.diagram import LINES, Box, Wire
from qfusion.figures.circuits.qubits import matrix_tip
from qfusion.figures.style import BLUE, GREY, ORANGE, SKY, registers_colour, term_colour
from qfusion.models.kind_texts import describe_circuit
from qfusion.models.protocols import TRAINED, GateCircuit
from qfusion.models.tweak import LEARNED, Tweak
from qfusion.quantum import measures, states
from qfusion.quantum.circuits import operation_matrix, rotation
from qfusion.quantum.statevector import Gate, Step, gate_step
from qfusion.simulate import gate_replay, master_equation
from qfusion.study import circuits
from qfusion.study.jobs import Task

LEFT_OUT = 1.78  # modality qubits end right of the fusion gate


def fusion_replay(progressed: Any, model: Any) -> Replay:
    """Return the replay of an entangled-fusion circuit; `progressed` as `simulate.gate_replay.replay_fusion` gives
    it."""
    wires = _fusion_wires(progressed.wires, model)
    rows = {name: row for row, name in enumerate(progressed.wires)}
    sentences = []
    steps = []
    takes = []
    for gate in progressed.gates:
        sentences.append((gate.label, gate.wires, gate.sentence, gate.values))
        steps.append(_cone_step(gate, rows))
        takes.append(gate.takes)
    moments = [(m.wires, m.before, m.after, m.mutual) for m in progressed.moments]
    open_wires = [row for row, wire in enumerate(wires) if wire.end is None]
    return Replay(
        _fusion_boxes(progressed.gates, rows, model),
        wires,
        tuple(sentences),
        progressed.bloch,
        progressed.entropy,
        tuple(moments),
        _fusion_parts(progressed.gates),
        tuple(open_wires),
        steps=tuple(steps),
        takes=tuple(takes),
    )


def _cone_step(gate: Any, rows: dict[str, int]) -> Step[int]:
    """Return a gate of the network as far as a light cone asks."""
    on = tuple(rows[wire] for wire in gate.wires)
    if gate.gate == "measure":
        return Step(on, frozenset(on), monomial=True, reads=True)
    if gate.kind in ("fuse", "pool"):  # its other qubits choose how it turns the last
        return Step(on, frozenset(on[:-1]))
    return gate_step(on, _gate_matrix(gate))


def _gate_matrix(gate: Any) -> torch.Tensor:
    """Return the matrix of a gate on its own qubits, without the control qubits."""
    angles = torch.tensor(list(gate.values.values()), dtype=torch.float64)
    if len(gate.wires) == 1 or gate.kind == "pool":
        return rotation(gate.gate, angles)
    return operation_matrix(gate.gate, angles, (0, 1))


def _fusion_wires(names: Sequence[str], model: Any) -> tuple[Wire, ...]:
    modalities = model.modalities
    y = 0.0
    wires = []
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
            y += 0.44
        else:
            y += 0.06
            wires.append(Wire(name, y))
            y += 0.66
    return tuple(wires)


def _fusion_boxes(gates: Sequence[Any], rows: dict[str, int], model: Any) -> tuple[Box, ...]:
    modalities = model.modalities
    boxes = []
    stages = model.phi.shape[1]
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
                    true_minus(f"{gate.sentence} θ = {gate.values['theta']:.3f}."),
                    term_colour(gate.modalities[0], modalities),
                    values=matrix_tip(_gate_matrix(gate).numpy()),
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
                    true_minus(f"{gate.sentence} Angles (rad) by outcome: {table}."),
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
    """Return all gates of one convolution or pooling as one box."""
    numbers = [n for n, gate in enumerate(gates, 1) if gate.step == step]
    inside = [gates[n - 1] for n in numbers]
    where = sorted({wire for gate in inside for wire in gate.wires}, key=lambda wire: rows[wire])
    layer = inside[0].layer
    pool = inside[0].kind == "pool"
    stored = inside[-1].wires[-1]
    on = tuple(rows[wire] for wire in ((inside[0].wires[0], stored) if pool else where))
    span = range(min(on), max(on) + 1)
    column = max([start, *(free.get(row, start) for row in span)])
    free.update(dict.fromkeys(span, column + 1))
    if pool:
        does = f"{inside[0].sentence} {stored} is turned by one of two learned rotations, depending on what was read."
        text = "<br>".join(
            f"if {gate.outcome}: {gate.gate} {_angles(gate)}<br>{matrix_tip(_gate_matrix(gate).numpy())}"
            for gate in inside
            if gate.outcome is not None
        )
        name = "M|U3" if model.network.circuit_pooling == "conditional" else "M|R"
        return Box(name, column, on, numbers[0], numbers[-1], does, ORANGE, True, text)
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
    return true_minus(", ".join(f"{value:.3f}" for value in gate.values.values()))


def _fusion_parts(gates: Sequence[Any]) -> tuple[tuple[int, str], ...]:
    names = [
        "encode and fuse" if gate.kind in ("encode", "fuse") else f"{gate.kind} {gate.layer}"
        for gate in gates
    ]
    return tuple(
        (done, name) for done, name in enumerate(names) if not done or name != names[done - 1]
    )


def evolution_replay(built: Any, modalities: Sequence[str]) -> Replay:
    """Return the replay of a sample through one step of an evolution, from its product state.

    `built` as `simulate.step_circuit.step_circuit` gives it.
    """
    qubits = (2,) * len(built.wires)
    sides = tuple(2 ** len(gate.wires) for gate in built.gates if gate.kind == "prepare")
    ground = np.zeros((2 ** len(qubits), 2 ** len(qubits)), dtype=complex)
    ground[0, 0] = 1
    rhos = [ground]
    moments = []
    for gate in built.gates:
        on = tuple(built.wires.index(wire) for wire in gate.wires)
        operators = gate.qubit_operators
        if gate.kind == "prepare":  # |ket><0...0|, of qubits that nothing was done to
            operators = np.outer(operators, np.eye(len(operators))[0])[None]
        whole = states.embed(
            torch.from_numpy(operators),
            sides,
            [built.system.names.index(name) for name in gate.modalities],
        )
        rhos.append(master_equation.apply_kraus(whole.numpy(), rhos[-1]))
        shown = on if len(on) <= gate_replay.LARGEST else ()
        before, after = (
            states.partial_trace(torch.from_numpy(rho), qubits, shown).numpy() for rho in rhos[-2:]
        )
        moments.append((gate.wires if shown else (), before, after, None))
    bloch = np.stack([gate_replay.bloch_vectors(torch.from_numpy(rho)) for rho in rhos])
    owners = {}
    for gate in built.gates:
        if gate.kind == "prepare":
            for wire in gate.wires:
                owners[wire] = gate.modalities[-1]
    wires = []
    for row, wire in enumerate(built.wires):
        wires.append(Wire(wire, float(row), term_colour(owners[wire], modalities)))
    sentences = [(gate.label, gate.wires, gate.sentence, gate.values) for gate in built.gates]
    evolving = [n for n, gate in enumerate(built.gates) if gate.kind != "prepare"]
    first_evolving = evolving[0] if evolving else 0
    return Replay(
        tuple(_boxes_of_step(built, modalities)),
        tuple(wires),
        tuple(sentences),
        bloch,
        measures.qubit_entropy(bloch),
        tuple(moments),
        ((0, "prepare"), (first_evolving, "one step")),
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


# A sample's way through a drawn circuit: one step of an evolution, an entangled-fusion network, or plain gates.


@memo(16, background=False, task=Task.TRACE_CIRCUIT)
def replay(study: Any, row: int, words: str = "") -> Replay:
    """Return the sample's way through the circuit."""
    model = study.model.tweaked(words)
    if study.model.part(GateCircuit):
        return replay_gates(model, circuits.encoded_states(study, row))
    return fusion_replay(gate_replay.replay_fusion(model, study.backend.theta(row)), model)


@memo(16, background=False)
def step_replay(study: Any, row: int, dt: float, split: str, tweak: Tweak = LEARNED) -> Replay:
    """Return a sample's way through one drawn step: every qubit before the first and after every gate."""
    return evolution_replay(circuits.circuit(study, row, dt, split, tweak), study.modalities)


# From the gates of a model with plain gates to a drawing: boxes, wires, parts, and what every gate does in words.

ACROSS = 8  # columns drawn at once
MARKS = 12  # most parts that are marked along the gates
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
def replay_gates(model: GateCircuit, encoded: Mapping[str, torch.Tensor]) -> Replay:
    """Return the way of one sample through the circuit.

    Args:
        model: whose circuit it is. encoded: what the sample's modalities come to, one row each, as of `model.encode`.

    Raises:
        InvalidInput: when there are several rows.
    """
    registers = model.registers()
    progressed = gate_replay.replay_gates(model.gates(encoded), registers)
    roles = model.gate_roles()
    gates = []
    sentences = []
    for number, gate in enumerate(progressed.gates):
        names = tuple(progressed.wires[q] for q in gate.wires)
        says = _describe_gate(gate, names, roles[number] if roles else None)
        gates.append((gate, names, says))
        sentences.append((gate.name, names, says, gate.values))
    owners = []
    for name, size in registers.items():
        owners.extend([name] * size)
    known = not set(registers).isdisjoint(model.modalities)
    coloured = known and max(registers.values()) <= len(LINES)
    hues = [registers_colour([owner], model.modalities) if coloured else "" for owner in owners]
    wires = [Wire(name, float(q), hues[q]) for q, name in enumerate(progressed.wires)]
    moments = [(m.wires, m.before, m.after, m.mutual) for m in progressed.moments]
    steps = [gate_step(gate.wires, gate.matrix) for gate in progressed.gates]
    return Replay(
        tuple(_gate_boxes(gates, hues)),
        tuple(wires),
        tuple(sentences),
        progressed.bloch,
        progressed.entropy,
        tuple(moments),
        _layer_parts(model.gate_layers()) if roles else _gate_parts(progressed.gates),
        tuple(range(len(owners))),
        describe_circuit(model, encoded),
        ACROSS,
        tuple(steps),
    )


def _describe_gate(gate: Gate, wires: Sequence[str], role: str | None) -> str:
    """Return what a gate does in a sentence.

    Args:
        gate: see `Gate`. wires: names of its qubits.
        role: of a circuit of a user's own, see `GateCircuit.gate_roles`; None of others.
    """
    if role is None:
        return DOES[gate.name].format(
            *wires, held=" and ".join(name for name in gate.values if name not in PARAMETERS)
        )
    if gate.name == "CNOT":
        return DOES["CNOT"].format(*wires)
    on = listed(list(wires))
    if gate.name == "StatePrep":
        return f"Prepares {on} in a state ({_describe_role(role)})."
    if not gate.values and not role:
        return f"Acts on {on}, the same for every sample."
    what, verb = (("matrix", "is"), ("angle", "is"), ("angles", "are"))[min(len(gate.values), 2)]
    return f"Acts on {on}; its {what} {verb} {_describe_role(role)}."


def _describe_role(role: str) -> str:
    if role == TRAINED:
        return "trained"
    return f"from {listed(role.split('+'))}" if role else "fixed"


def _gate_boxes(
    gates: Sequence[tuple[Gate, tuple[str, ...], str]], hues: Sequence[str]
) -> Iterator[Box]:
    """Yield a box for each gate, and one for CNOTs in a row."""
    free = [0] * len(hues)
    places = {n: -1 if gate.name == "CNOT" else n for n, (gate, *_) in enumerate(gates)}
    for run in (list(run) for _, run in itertools.groupby(places, key=places.__getitem__)):
        gate, _, says = gates[run[0]]
        rows = tuple(sorted({q for number in run for q in gates[number][0].wires}))
        column = max(free[rows[0] : rows[-1] + 1])
        free[rows[0] : rows[-1] + 1] = [column + 1] * (rows[-1] + 1 - rows[0])
        name = NAMES.get(gate.name, gate.name)
        if len(run) > 1:
            name = "CNOTs"
            says = "CNOTs, in this order: " + ", ".join(" → ".join(gates[n][1]) for n in run) + "."
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


def _layer_parts(layers: Sequence[tuple[str, tuple[int, ...]]]) -> tuple[tuple[int, str], ...]:
    """Return where the layers of a circuit of a user's own begin."""
    return tuple((gates[0], name) for name, gates in layers)


def _gate_parts(gates: Sequence[Any]) -> tuple[tuple[int, str], ...]:
    """Return where encodings, layers and evolutions begin; of very many only some."""
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
