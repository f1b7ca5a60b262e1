"""Edited truth tables: their text, as links hold it, and the angles that it sets.

    all:and            every element fuses by the rule AND
    3:or               element 3 by OR; `3:learned` restores the learned table
    3.011=1.57         element 3 turns by 1.57 rad when the modality qubits read 0, 1, 1
    3.1.01=1.57        the same in stage 1 of a chain (more than three modalities)
    3.011:learned      that one entry as a rule has it, or as learned
    pooling.0.2=1.57   angle 2 of the pooling of layer 0 of the network, which all its gates share; or convolution

Parts are separated by commas and applied from left to right. The text is part of the page's address, and edits are
stored nowhere else.
"""

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from qfusion._checks import check, choose, require_number
from qfusion.models.network import qcnn
from qfusion.models.network.truth_tables import named_angles, named_rules
from qfusion.models.tweak import MAX_TEXT

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
    """Return the same rotation (up to its sign) with an angle in [LOW, HIGH)."""
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
