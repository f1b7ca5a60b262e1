"""Edited truth tables: as text, as links say it, and the angles it stands for.

    all:and            every element fuses by the rule AND
    3:or               element 3 by OR; `3:learned` puts back what training found
    3.011=1.57         element 3 turns by 1.57 rad when the modality qubits read 0, 1, 1
    3.1.01=1.57        the same in stage 1 of a chain (more than three modalities)
    3.011:learned      that one entry as a rule has it, or as learned

separated by commas, applied from left to right. Text is the one place where edits are kept: it is in the address.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from qfusion._checks import check, choose, require_number
from qfusion.models import fusion
from qfusion.models.tweak import MAX_TEXT

LOW, HIGH = (
    -math.pi / 2,
    3 * math.pi / 2,
)  # every angle has its place here; the named rules lie inside
RULES = ("and", "or", "mean")
EVERYONE, LEARNED = "all", "learned"


@dataclass(frozen=True)
class Shape:
    """Of the tables: n elements, stages and patterns, M modalities."""

    n: int
    stages: int
    patterns: int
    M: int

    @property
    def rules(self) -> tuple[str, ...]:
        """Named rules that a preset can set."""
        return (*RULES, "majority") if self.M == 3 else RULES


def patterns(shape: Shape) -> tuple[str, ...]:
    """What the qubits of a table can read, in the order of its entries."""
    return tuple(format(b, f"0{_digits(shape)}b") for b in range(shape.patterns))


def shape_of(model: object) -> Shape:
    """The tables of a model."""
    n, stages, patterns = model.phi.shape  # type: ignore[attr-defined]
    return Shape(n, stages, patterns, len(model.modalities))  # type: ignore[attr-defined]


def wrapped(angle: float) -> float:
    """The same rotation (up to its sign) with an angle in [LOW, HIGH)."""
    return (angle - LOW) % (2 * math.pi) + LOW


def apply(text: str, learned: torch.Tensor, shape: Shape) -> torch.Tensor:
    """Returns the angles (n, stages, patterns) that edits of learned ones lead to.

    Raises:
        InvalidInput, NotFound: naming the part that does not fit.
    """
    phi = learned.detach().clone().double()
    check(len(text) <= MAX_TEXT, "The edits are too long. Keep one for each angle.")
    for part in (piece.strip() for piece in text.split(",")):
        if part:
            _one(part, phi, learned.detach(), shape)
    return phi


def _one(part: str, phi: torch.Tensor, learned: torch.Tensor, shape: Shape) -> None:
    where, mark, value = part.partition("=")
    if mark:
        phi[_entry(where, part, shape)] = require_number(
            f"angle of {where.strip()}", value.strip(), -100, 100
        )
        return
    where, mark, value = part.partition(":")
    check(
        bool(mark),
        f"Edit `{part[:60]}` must look like `3.01=1.57`, `3:and` or `all:or`. Remove or mend it.",
    )
    rule = choose("Fusion rule", value.strip(), (*shape.rules, LEARNED))
    known = (
        learned.double()
        if rule == LEARNED
        else fusion.named_angles(rule, shape.M).expand(phi.shape)
    )
    if where.strip() == EVERYONE:
        phi[:] = known
        return
    place = (
        _entry(where, part, shape)
        if "." in where
        else _whole(where.strip(), shape.n, "element", part)
    )
    phi[place] = known[place]


def _entry(where: str, part: str, shape: Shape) -> tuple[int, int, int]:
    """Element, stage and pattern of one entry's name."""
    steps = where.strip().split(".")
    check(
        len(steps) == (2 if shape.stages == 1 else 3),
        f"Edit `{part[:60]}` must name element{' and outcome' if shape.stages == 1 else ', stage and outcome'}, like "
        f"`{'0.' + '0' * _digits(shape) if shape.stages == 1 else '0.1.00'}=1.57`.",
    )
    stage = 0 if shape.stages == 1 else _whole(steps[1], shape.stages, "stage", part)
    digits = steps[-1]
    check(
        len(digits) == _digits(shape) and set(digits) <= {"0", "1"},
        f"Edit `{part[:60]}` must name an outcome of {_digits(shape)} digits 0 or 1, but names `{digits[:20]}`.",
    )
    return _whole(steps[0].strip(), shape.n, "element", part), stage, int(digits, 2)


def _digits(shape: Shape) -> int:
    return shape.patterns.bit_length() - 1


def _whole(word: str, count: int, name: str, part: str) -> int:
    check(
        word.isdecimal() and int(word) < count,
        f"Edit `{part[:60]}` must name an {name} from 0 to {count - 1}, but names `{word[:20]}`.",
    )
    return int(word)


def key(shape: Shape, element: int, stage: int, pattern: int) -> str:
    """How an entry is named in the text."""
    digits = format(pattern, f"0{_digits(shape)}b")
    return f"{element}.{digits}" if shape.stages == 1 else f"{element}.{stage}.{digits}"


def with_angle(
    text: str, shape: Shape, element: int, stage: int, pattern: int, angle: float
) -> str:
    """The text with one entry set; an earlier value of the same entry goes."""
    name = key(shape, element, stage, pattern)
    return ",".join([*_without(text, name), f"{name}={angle:.5g}"])


def with_entry_learned(text: str, shape: Shape, element: int, stage: int, pattern: int) -> str:
    """The text with one entry as learned."""
    name = key(shape, element, stage, pattern)
    kept = ",".join(_without(text, name))
    untouched = torch.full((shape.n, shape.stages, shape.patterns), math.inf)
    still_set = bool(torch.isfinite(apply(kept, untouched, shape)[element, stage, pattern]))
    return f"{kept},{name}:{LEARNED}" if still_set else kept


def _without(text: str, name: str) -> list[str]:
    """The parts of the text that do not name this entry."""
    return [
        part.strip()
        for part in text.split(",")
        if part.strip() and part.replace("=", ":").partition(":")[0].strip() != name
    ]


def with_rule(text: str, shape: Shape, element: int | None, rule: str) -> str:
    """The text with one element's table, or all, set to a rule; "learned" takes its edits away."""
    if element is None:
        return "" if rule == LEARNED else f"{EVERYONE}:{rule}"
    parts = [part.strip() for part in text.split(",") if part.strip()]
    kept = [part for part in parts if part.replace(":", ".").partition(".")[0] != str(element)]
    put_back = rule == LEARNED and not any(part.startswith(EVERYONE) for part in kept)
    return ",".join(kept if put_back else [*kept, f"{element}:{rule}"])
