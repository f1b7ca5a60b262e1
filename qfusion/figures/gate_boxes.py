"""From the gates of a model with plain gates to a drawing: boxes, wires, parts, and what every gate does in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import torch

from qfusion.figures.circuit_boxes import Replay
from qfusion.figures.draw.circuit import LINES, Box, Wire
from qfusion.figures.draw.physics.displays import matrix_tip
from qfusion.figures.style import BLUE, GREY, ORANGE, SKY, term_colour
from qfusion.models.neighbours.circuits import CircuitModel
from qfusion.quantum.circuits import Gate, as_step
from qfusion.track import progress

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
def replay(model: CircuitModel, states: Mapping[str, torch.Tensor]) -> Replay:
    """Returns the way of one sample through the circuit.

    Args:
        model: whose circuit it is. states: what the sample's modalities come to, one row each, as of `model.encode`.

    Raises:
        InvalidInput: when there are several rows.
    """
    registers = model.registers()
    found = progress.of_gates(model.gates(states), registers)
    gates = [(gate, tuple(found.wires[q] for q in gate.wires)) for gate in found.gates]
    owners = [name for name, size in registers.items() for _ in range(size)]
    coloured = set(owners) <= set(model.modalities) and max(registers.values()) <= len(LINES)
    hues = [term_colour(owner, model.modalities) if coloured else "" for owner in owners]
    return Replay(
        tuple(_boxes(gates, hues)),
        tuple(Wire(name, float(q), hues[q]) for q, name in enumerate(found.wires)),
        tuple((gate.name, wires, _does(gate, wires), gate.values) for gate, wires in gates),
        found.bloch,
        found.entropy,
        tuple((m.wires, m.before, m.after, m.mutual) for m in found.moments),
        _parts(found.gates),
        tuple(range(len(owners))),
        model.remark(states),
        ACROSS,
        tuple(as_step(gate.wires, gate.matrix) for gate in found.gates),
    )


def _does(gate: Gate, wires: Sequence[str]) -> str:
    return DOES[gate.name].format(
        *wires, held=" and ".join(name for name in gate.values if name not in PARAMETERS)
    )


def _boxes(gates: Sequence[tuple[Gate, tuple[str, ...]]], hues: Sequence[str]) -> Iterator[Box]:
    """A box for each gate, and one for CNOTs in a row."""
    free, runs = [0] * len(hues), list[list[int]]()
    for number, (gate, _) in enumerate(gates):
        if gate.name == "CNOT" and runs and gates[runs[-1][0]][0].name == "CNOT":
            runs[-1].append(number)
        else:
            runs.append([number])
    for run in runs:
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
        said = "; ".join(f"{key}: {value:.3g}" for key, value in gate.values.items())
        yield Box(
            name,
            column,
            rows,
            run[0] + 1,
            run[-1] + 1,
            f"{says} {said}".strip(),
            HUES.get(gate.name) or hues[rows[0]] or GREY,
            values=matrix_tip(gate.matrix.numpy()) if len(run) == 1 else "",
        )


def _parts(gates: Sequence[Any]) -> tuple[tuple[int, str], ...]:
    """Where encodings, layers and evolutions begin; of very many only some."""
    found: list[tuple[int, str]] = []
    turned: set[int] = set()
    for done, gate in enumerate(gates):
        name = PARTS.get(gate.name)
        if name is None:
            continue
        again = turned & set(gate.wires) and name != "evolve"
        if again or not found or found[-1][1] != name:
            found.append((done, name))
            turned = set()
        turned |= set(gate.wires)
    counts: dict[str, int] = {}
    named = []
    for done, name in found:
        counts[name] = counts.get(name, 0) + 1
        several = sum(other == name for _, other in found) > 1
        named.append((done, f"{name} {counts[name]}" if several else name))
    return tuple(named[:: -(-len(named) // MARKS) or 1])
