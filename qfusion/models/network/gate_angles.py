"""The angles of a model's gates by the names that edits give them, and the text of edited truth tables.

3.011, 3.1.01      entry of the truth table of an element of an entangled-fusion network, see `gate_angles`
pooling.0.2        angle of the network that all gates of a layer share; or convolution
5.theta            angle of a gate, from 1, of a circuit of a user's own, see `tweak`

Edited truth tables: their text, as links hold it, and the angles that it sets.

    all:and            every element fuses by the rule AND
    3:or               element 3 by OR; `3:learned` restores the learned table
    3.011=1.57         element 3 turns by 1.57 rad when the modality qubits read 0, 1, 1
    3.1.01=1.57        the same in stage 1 of a chain (more than three modalities)
    3.011:learned      that one entry as a rule has it, or as learned
    pooling.0.2=1.57   angle 2 of the pooling of layer 0 of the network, which all its gates share; or convolution

Parts are separated by commas and applied from left to right. The text is part of the page's address, and edits are
stored nowhere else.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, choose, require_number
from qfusion.models.base import FusionModel
from qfusion.models.network import qcnn
from qfusion.models.network.truth_tables import named_angles, named_rules
from qfusion.models.protocols import EditableCircuit, TruthTables
from qfusion.models.tweak import MAX_TEXT
from qfusion.quantum import circuits

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
        return circuits.shared_frequencies((1.0,), gates)
    gate, own, wires = next(
        step for step in circuits.BLOCKS[network.block].operations if k in step.parameters
    )

    def matrix(angle: float) -> np.ndarray:
        angles = torch.full((len(own),), 0.4, dtype=torch.float64)
        angles[own.index(k)] = angle
        return circuits.operation_matrix(gate, angles, wires).numpy()

    one = circuits.gate_frequencies(matrix)
    return None if one is None else circuits.shared_frequencies(one, gates)


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


# The range that angles are shown in, [LOW, HIGH): all rotations, the named rules inside.
LOW = -math.pi / 2
HIGH = 3 * math.pi / 2
EVERYONE, LEARNED = "all", "learned"
NETWORK = ("convolution", "pooling")  # whose angles are edited by layer and number


@dataclass(frozen=True)
class Shape:
    """Shape of the tables: n elements, stages and patterns, for M modalities."""

    n: int
    stages: int
    patterns: int
    M: int

    @property
    def digits(self) -> int:
        """Qubits that control a table."""
        return self.patterns.bit_length() - 1

    @property
    def rules(self) -> tuple[str, ...]:
        """Named rules that a preset can set."""
        return named_rules(self.M)


def edited_patterns(shape: Shape) -> tuple[str, ...]:
    """Return the patterns that the qubits of a table can read, in the order of its entries."""
    return tuple(format(b, f"0{shape.digits}b") for b in range(shape.patterns))


def table_shape(model: object) -> Shape:
    """The tables of a model."""
    n, stages, patterns = model.phi.shape  # type: ignore[attr-defined]
    return Shape(n, stages, patterns, len(model.modalities))  # type: ignore[attr-defined]


def wrap_angle(angle: float) -> float:
    """Return the same rotation (up to its sign) with an angle in [LOW, HIGH).

    Example:
        >>> from qfusion.models.network.gate_angles import wrap_angle
        >>> round(wrap_angle(7.0), 4)
        0.7168
    """
    return (angle - LOW) % (2 * math.pi) + LOW


def apply_edits(text: str, learned: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Return the angles (n, stages, patterns) that edits of learned ones lead to.

    Raises:
        InvalidInput, NotFound: naming the part that does not fit.
    """
    phi = learned.detach().clone().double()
    check(len(text) <= MAX_TEXT, "The edits are too long. Keep one for each angle.")
    for part in _parts(text):
        where, mark, value = (piece.strip() for piece in part.partition("="))
        if where.partition(".")[0] in NETWORK:
            continue  # see `network_edits`
        if mark:
            phi[_entry(where, part, shape)] = require_number(f"angle of {where}", value, -100, 100)
            continue
        where, mark, value = (piece.strip() for piece in part.partition(":"))
        check(
            bool(mark),
            f"Edit `{part[:60]}` must look like `3.01=1.57`, `3:and` or `all:or`. Remove or mend it.",
        )
        rule = choose("Fusion rule", value, (*shape.rules, LEARNED))
        table = learned.detach() if rule == LEARNED else named_angles(rule, shape.M)
        place: Any = slice(None)
        if "." in where:
            place = _entry(where, part, shape)
        elif where != EVERYONE:
            place = _whole(where, shape.n, "element", part)
        phi[place] = table.expand(phi.shape)[place].double()
    return phi


def network_edits(text: str, network: qcnn.QCNN) -> dict[str, Tensor]:
    """Return the angles of the network that edits lead to, (layers, angles) by name; of those alone that are edited.

    Raises:
        InvalidInput: naming the part that does not fit.
    """
    edited: dict[str, Tensor] = {}
    for part in _parts(text):
        where, mark, value = (piece.strip() for piece in part.partition("="))
        name, *place = where.split(".")
        if name not in NETWORK:
            continue
        check(
            bool(mark) and len(place) == 2,
            f"Edit `{part[:60]}` must name a layer and an angle, like `{name}.0.2=1.57`. Mend it.",
        )
        angles = edited.setdefault(name, getattr(network, name).detach().clone())
        layer, angle = (
            _whole(word, size, what, part)
            for word, size, what in zip(place, angles.shape, ("layer", "angle"), strict=True)
        )
        angles[layer, angle] = require_number(f"angle of {where}", value, -100, 100)
    return edited


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _entry(where: str, part: str, shape: Shape) -> tuple[int, int, int]:
    """Element, stage and pattern of one entry's name."""
    chained = shape.stages > 1
    steps = where.strip().split(".")
    check(
        len(steps) == 2 + chained,
        f"Edit `{part[:60]}` must name element{', stage and outcome' if chained else ' and outcome'}, like "
        f"`{'0.1.00' if chained else '0.' + '0' * shape.digits}=1.57`.",
    )
    stage = _whole(steps[1], shape.stages, "stage", part) if chained else 0
    digits = steps[-1]
    check(
        len(digits) == shape.digits and set(digits) <= {"0", "1"},
        f"Edit `{part[:60]}` must name an outcome of {shape.digits} digits 0 or 1, but names `{digits[:20]}`.",
    )
    return _whole(steps[0].strip(), shape.n, "element", part), stage, int(digits, 2)


def _whole(word: str, count: int, name: str, part: str) -> int:
    check(
        word.isdecimal() and int(word) < count,
        f"Edit `{part[:60]}` must name an {name} from 0 to {count - 1}, but names `{word[:20]}`.",
    )
    return int(word)


def edit_key(shape: Shape, element: int, stage: int, pattern: int) -> str:
    """How an entry is named in the text."""
    place = f"{element}" if shape.stages == 1 else f"{element}.{stage}"
    return f"{place}.{edited_patterns(shape)[pattern]}"


def set_entry(text: str, shape: Shape, element: int, stage: int, pattern: int, angle: float) -> str:
    """Return the text with one entry set. An earlier value of the same entry is removed."""
    return set_angle(text, edit_key(shape, element, stage, pattern), angle)


def set_angle(text: str, name: str, angle: float) -> str:
    """Return the text with one angle set, by its name in the text. An earlier value of the same angle is removed."""
    return ",".join([*parts_without(text, name), f"{name}={angle:.5g}"])


def reset_entry(text: str, shape: Shape, element: int, stage: int, pattern: int) -> str:
    """The text with one entry as learned."""
    name = edit_key(shape, element, stage, pattern)
    rest = ",".join(parts_without(text, name))
    untouched = torch.full((shape.n, shape.stages, shape.patterns), math.inf)
    angle = apply_edits(rest, untouched, shape)[element, stage, pattern]
    return f"{rest},{name}:{LEARNED}" if angle.isfinite() else rest


def parts_without(text: str, name: str) -> list[str]:
    """The parts of the text that do not name this angle."""
    return [
        part for part in _parts(text) if part.replace("=", ":").partition(":")[0].strip() != name
    ]


def set_rule(text: str, shape: Shape, element: int | None, rule: str) -> str:
    """The text with one element's table, or all, set to a rule; "learned" takes its edits away."""
    if element is None:
        return "" if rule == LEARNED else f"{EVERYONE}:{rule}"
    others = [
        part for part in _parts(text) if part.replace(":", ".").partition(".")[0] != str(element)
    ]
    put_back = rule == LEARNED and not any(part.startswith(EVERYONE) for part in others)
    return ",".join(others if put_back else [*others, f"{element}:{rule}"])
