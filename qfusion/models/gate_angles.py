"""The angles of a model's gates, by the names that edits give them: listed, read, set, and their frequencies.

3.011, 3.1.01      entry of the truth table of an element of an entangled-fusion network, see `table_edits`
pooling.0.2        angle of the network that all gates of a layer share; or convolution
5.theta            angle of a gate, from 1, of a circuit of a user's own, see `circuit_change`
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from qfusion._checks import check, choose
from qfusion.models.base import FusionModel
from qfusion.models.network.table_edits import NETWORK, edit_key, table_shape
from qfusion.models.protocols import EditableCircuit, TruthTables
from qfusion.quantum import circuits, trigonometric

MAX_ANGLE = 100.0  # radians, in size: as of edits


def angle_names(model: FusionModel) -> tuple[str, ...]:
    """Return the names of all angles that can be set; none of a model without gates that can be changed."""
    if tables := model.part(TruthTables):
        shape = table_shape(model)
        places = np.ndindex(shape.n, shape.stages, shape.patterns)
        shared = [
            f"{part}.{layer}.{k}"
            for part in NETWORK
            for layer, k in np.ndindex(*getattr(tables.network, part).shape)
        ]
        return (*(edit_key(shape, *place) for place in places), *shared)
    if circuit := model.part(EditableCircuit):
        trainable = circuit.source.trainable()
        return tuple(f"{gate + 1}.{name}" for gate, names in trainable.items() for name in names)
    return ()


def check_angle(model: FusionModel, name: str) -> str:
    """Return the name of an angle of a model.

    Raises:
        InvalidInput: when no angle of the model can be set.
        NotFound: when it has none of this name.
    """
    known = angle_names(model)
    check(
        bool(known),
        f"A model of kind {model.kind} has no angles of gates that can be set. Take an entangled-qcnn, or a circuit "
        "of your own with trained angles.",
    )
    return choose("Angle", name, known)


def angle_value(model: FusionModel, states: Mapping[str, Any], name: str) -> float:
    """Return an angle as it stands in a model, in radians.

    Args:
        states: encodings of one sample. name: of `angle_names`.

    Raises:
        InvalidInput: when its gate is left out of the circuit.
    """
    check_angle(model, name)
    if circuit := model.part(EditableCircuit):
        gate, angle = _split(name)
        removed = circuit.change.removed
        check(
            gate not in removed,
            f"Gate {gate + 1} is left out of the circuit, so its angle {angle!r} has no value. Put it back.",
        )
        place = gate - sum(other < gate for other in removed)
        return circuit.gates(states)[place].values[angle]
    tables = model.require(TruthTables)
    if part := network_part(name):
        return float(getattr(tables.network, part[0])[part[1], part[2]])
    return float(tables.phi.detach()[table_entry(name)])


def with_angle(model: FusionModel, name: str, angle: float) -> FusionModel:
    """Return a model that shares this one's weights, with one angle set and all other edits as they are.

    Raises:
        InvalidInput, NotFound: when it has no such angle, or the angle is not a number up to `MAX_ANGLE`.
    """
    check_angle(model, name)
    check(
        math.isfinite(angle) and abs(angle) <= MAX_ANGLE,
        f"Argument `angle` must be a finite number of radians up to {MAX_ANGLE:g} in size, but is {angle!r}.",
    )
    if model.part(TruthTables):
        return model.tweaked(f"{name}={float(angle)!r}")
    circuit = model.require(EditableCircuit)
    gate, own = _split(name)
    others = [edit for edit in circuit.change.angles if edit[:2] != (gate, own)]
    angles = tuple(sorted([*others, (gate, own, float(angle))]))
    return model.tweaked(replace(circuit.change, angles=angles))


def angle_frequencies(model: FusionModel, name: str) -> tuple[float, ...] | None:
    """Return the frequencies of expectation values in an angle, ascending, per radian; None where they are not known.

    Raises:
        InvalidInput, NotFound: when it has no such angle, or gates that share it have too many frequencies.
    """
    check_angle(model, name)
    if circuit := model.part(EditableCircuit):
        return circuit.source.angle_frequencies(*_split(name))
    part = network_part(name)
    if part is None:
        return (1.0,)  # a rotation of the fused qubit, for one outcome of the others
    kind, layer, k = part
    network = model.require(TruthTables).network
    gates = sum(
        step.layer == layer and step.kind == {"convolution": "conv", "pooling": "pool"}[kind]
        for step in network.steps
    )
    if kind == "pooling":  # a rotation of the kept qubit, for one outcome of the measured one
        return trigonometric.shared_frequencies((1.0,), gates)
    gate, own, wires = next(
        step for step in circuits.BLOCKS[network.block].operations if k in step.parameters
    )

    def matrix(angle: float) -> np.ndarray:
        angles = torch.full((len(own),), 0.4, dtype=torch.float64)
        angles[own.index(k)] = angle
        return circuits.operation_matrix(gate, angles, wires).numpy()

    one = trigonometric.gate_frequencies(matrix)
    return None if one is None else trigonometric.shared_frequencies(one, gates)


def _split(name: str) -> tuple[int, str]:
    """Return the gate, from 0, and the angle of "3.theta"."""
    gate, _, angle = name.partition(".")
    return int(gate) - 1, angle


def network_part(name: str) -> tuple[str, int, int] | None:
    """Return the part, layer and number of "pooling.0.2"; None of an entry of a table."""
    part, *place = name.split(".")
    return (part, int(place[0]), int(place[1])) if part in NETWORK else None


def table_entry(name: str) -> tuple[int, int, int]:
    """Return the element, stage and pattern of an entry of a table."""
    element, *stage, pattern = name.split(".")
    return int(element), int(stage[0]) if stage else 0, int(pattern, 2)
