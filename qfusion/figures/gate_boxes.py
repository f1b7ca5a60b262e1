"""Boxes, wires and descriptions of a circuit of plain unitary gates."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from qfusion._sentences import listed
from qfusion.figures.circuit_diagram import LINES, Box, Wire
from qfusion.figures.circuit_replay import Replay
from qfusion.figures.qubit_displays import matrix_tip
from qfusion.figures.style import BLUE, GREY, ORANGE, SKY, registers_colour
from qfusion.models.protocols import TRAINED, GateCircuit
from qfusion.quantum.statevector import Gate, gate_step
from qfusion.simulate import gate_replay
from qfusion.wording.circuit_remarks import describe_circuit

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
