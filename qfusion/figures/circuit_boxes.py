"""The boxes and lines of a circuit drawing for the gates of an evolution step, of an entangled-fusion network, and of
plain gates."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch

from qfusion._memory_cache import memo
from qfusion._sentences import true_minus
from qfusion.analysis import sample_circuits
from qfusion.analysis.tasks import Task
from qfusion.figures.circuit_diagram import Box, Wire
from qfusion.figures.circuit_replay import Replay
from qfusion.figures.gate_boxes import replay_gates
from qfusion.figures.qubit_displays import matrix_tip
from qfusion.figures.style import BLUE, GREY, ORANGE, SKY, term_colour
from qfusion.models.protocols import GateCircuit
from qfusion.models.tweak import LEARNED, Tweak
from qfusion.quantum import measures, states
from qfusion.quantum.circuits import operation_matrix, rotation
from qfusion.quantum.statevector import Step, gate_step
from qfusion.simulate import gate_replay, master_equation

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
            y += 0.4
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
        return replay_gates(model, sample_circuits.encoded_states(study, row))
    return fusion_replay(gate_replay.replay_fusion(model, study.space.theta(row)), model)


@memo(16, background=False)
def step_replay(study: Any, row: int, dt: float, split: str, tweak: Tweak = LEARNED) -> Replay:
    """Return a sample's way through one drawn step: every qubit before the first and after every gate."""
    return evolution_replay(sample_circuits.circuit(study, row, dt, split, tweak), study.modalities)
