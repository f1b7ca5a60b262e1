"""The goal of an exercise: conditions on numbers and words of a sample, and whether they are met.

    leader is vision                  a word: `is` or `is not`
    term[text+audio] >= 0.5           a number: `<`, `<=`, `>` or `>=`
    negativity[text] at cursor <= 0   a measure of the state: at the time cursor, at a share of T such as
                                      `at 0.5`, or at T
    changed within H,T                only these knobs may be changed: H all couplings, D all dissipation, T the
                                      duration, tables, network, or single ones such as `H.text-audio`

The vocabulary is closed (`exercise_quantities.QUANTITIES`), and nothing is executed. A bound counts as reached where it
is missed by no more than `TOLERANCE`, and `<` and `>` ask for more than that beyond the bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qfusion._checks import check, choose, require_number
from qfusion.analysis.exercise_quantities import (
    FREE_PARTS,
    QUANTITIES,
    Quantity,
    Situation,
    changed_knobs,
    knob_group,
    split_knobs,
)
from qfusion.errors import QFusionError

TOLERANCE = 1e-9
MAX_CONDITION = 300  # characters
MAX_CONDITIONS = 12
MAX_NUMBER = 1e6
IS, IS_NOT, WITHIN = "is", "is not", "within"
COMPARISONS = ("<=", ">=", "<", ">")
END, CURSOR = "end", "cursor"
ONLY = "changed"  # the quantity of `within`
_FORM = re.compile(
    r"(?P<name>[a-z_]{1,40})(?:\[(?P<part>.{1,200}?)\])?(?: at (?P<time>[a-z0-9.]{1,12}))? "
    r"(?P<operator>is not|is|within|<=|>=|<|>) (?P<value>.{1,200})"
)


@dataclass(frozen=True)
class Condition:
    """One condition of a goal.

    Attributes:
        quantity: key of `QUANTITIES`.
        operator: `is`, `is not`, `within` or a comparison.
        value: a number of a comparison, else a word.
        part: what the quantity is of, such as a modality; empty for the whole.
        time: "end", "cursor" or a share of T as text; of quantities with a value at every time.
    """

    quantity: str
    operator: str
    value: float | str
    part: str = ""
    time: str = END

    def __str__(self) -> str:
        """The text that `parse_condition` reads."""
        part = f"[{self.part}]" if self.part else ""
        time = "" if self.time == END else f" at {self.time}"
        value = self.value if isinstance(self.value, str) else f"{self.value:.12g}"
        return f"{self.quantity}{part}{time} {self.operator} {value}"

    @property
    def spec(self) -> Quantity:
        """The quantity itself."""
        return QUANTITIES[self.quantity]


@dataclass(frozen=True)
class CheckedCondition:
    """A condition and what a sample has.

    Attributes:
        condition: what is required.
        met: whether it is met.
        seen: the number or the word of the sample; None where it has none.
        problem: why it has none.
    """

    condition: Condition
    met: bool
    seen: float | str | None = None
    problem: str = ""


def parse_condition(text: str) -> Condition:
    """Return the condition of a text.

    Raises:
        InvalidInput, NotFound: naming the part that does not fit.
    """
    check(
        len(text) <= MAX_CONDITION,
        f"A condition must have at most {MAX_CONDITION} characters, but has {len(text):,}. Shorten it.",
    )
    words = " ".join(text.split())
    match = _FORM.fullmatch(words)
    check(
        match is not None,
        f"Condition {words[:80]!r} must look like `leader is text` or `term[text+audio] >= 0.5`. Mend it.",
    )
    assert match is not None
    name = choose("Quantity", match["name"], QUANTITIES)
    spec, part, operator = QUANTITIES[name], match["part"] or "", match["operator"]
    takes_part = spec.parts is not None or name in FREE_PARTS
    check(takes_part or not part, f"Quantity `{name}` has no parts. Leave [{part[:40]}] out.")
    check(
        bool(part) or not takes_part or spec.whole,
        f"Quantity `{name}` must name what it is of, such as `{name}[NAME]`. Add it.",
    )
    check(
        match["time"] is None or spec.timed,
        f"Quantity `{name}` has no value at a time. Leave `at {match['time']}` out.",
    )
    _check_operator(name, operator)
    value: float | str = match["value"].strip()
    if operator in COMPARISONS:
        value = require_number(name, value, -MAX_NUMBER, MAX_NUMBER)
    return Condition(name, operator, value, part, _parse_time(match["time"] or END))


def _check_operator(name: str, operator: str) -> None:
    if name == ONLY:
        allowed: Sequence[str] = (WITHIN,)
    elif QUANTITIES[name].is_number:
        allowed = COMPARISONS
    else:
        allowed = (IS, IS_NOT)
    check(
        operator in allowed,
        f"Quantity `{name}` must be compared by {' or '.join(f'`{word}`' for word in allowed)}, but is by "
        f"`{operator}`. Change it.",
    )


def _parse_time(text: str) -> str:
    if text in (END, CURSOR):
        return text
    share = require_number("at", text, 0, 1)
    return END if share == 1 else f"{share:.6g}"


def parse_goal(texts: Iterable[str]) -> tuple[Condition, ...]:
    """Return the conditions of a goal, each once.

    Raises:
        InvalidInput, NotFound: when there is none, there are too many, or one does not fit.
    """
    given = list(texts)
    check(
        1 <= len(given) <= MAX_CONDITIONS,
        f"A goal must have 1 to {MAX_CONDITIONS} conditions, but has {len(given)}.",
    )
    return tuple(dict.fromkeys(map(parse_condition, given)))


def check_goal(goal: Sequence[Condition], here: Situation) -> list[CheckedCondition]:
    """Return for each condition of a goal whether a situation meets it."""
    return [check_condition(condition, here) for condition in goal]


def check_condition(condition: Condition, here: Situation) -> CheckedCondition:
    """Return whether a situation meets a condition, and what was seen.

    A condition that does not apply, such as one on a modality that the model lacks, is not met and says why.
    """
    try:
        _check_names(condition, here)
        seen = condition.spec.measure(here, condition.part, place_in_time(condition, here))
    except QFusionError as error:
        return CheckedCondition(condition, False, problem=str(error))
    return CheckedCondition(condition, is_met(condition, seen, here), seen)


def place_in_time(condition: Condition, here: Situation) -> float:
    """Return the time of a condition as a share of T."""
    if condition.time == CURSOR:
        return here.cursor
    return 1.0 if condition.time == END else float(condition.time)


def _check_names(condition: Condition, here: Situation) -> None:
    """Raise a QFusionError if the situation does not have the part or the word of a condition."""
    spec = condition.spec
    if spec.parts is not None and not (spec.whole and not condition.part):
        choose(f"Part of `{condition.quantity}`", condition.part, spec.parts(here))
    if spec.options is not None:
        choose(f"Value of `{condition.quantity}`", str(condition.value), spec.options(here))


def is_met(condition: Condition, seen: float | str, here: Situation) -> bool:
    """Return whether what was seen is what a condition requires."""
    wanted = condition.value
    if condition.operator == WITHIN:
        return not forbidden_changes(condition, here)
    if isinstance(seen, str) or isinstance(wanted, str):
        return (seen == wanted) == (condition.operator == IS)
    match condition.operator:
        case "<":
            return seen < wanted - TOLERANCE
        case "<=":
            return seen <= wanted + TOLERANCE
        case ">":
            return seen > wanted + TOLERANCE
        case _:
            return seen >= wanted - TOLERANCE


def forbidden_changes(condition: Condition, here: Situation) -> list[str]:
    """Return the changed knobs that a condition `changed within ...` does not allow."""
    allowed = set(split_knobs(str(condition.value)))
    return [
        knob
        for knob in changed_knobs(here)
        if knob not in allowed and knob_group(knob) not in allowed
    ]
