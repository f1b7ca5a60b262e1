"""What an address may say: a rule a parameter, and what is said of a value that does not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from qfusion import _checks
from qfusion.analysis.cohort import draws
from qfusion.errors import QFusionError


@dataclass(frozen=True)
class Allowed:
    """What one query parameter may hold: `test` raises a QFusionError that names a value that does not fit.

    `many`: it may stand in the address several times, once for each value; an empty one says that none is chosen.
    """

    test: Callable[[str], object]
    instead: str
    many: bool = False


def options(name: str, values: Iterable[str], instead: str, many: bool = False) -> Allowed:
    """A parameter that is one of `values`, or with `many` any of them."""
    known = list(values)
    return Allowed(lambda value: _checks.choose(name, value, known), instead, many)


def number(name: str, low: float, high: float, instead: str) -> Allowed:
    """A parameter that is a number in [low, high]."""
    return Allowed(lambda value: _checks.require_number(name, value, low, high), instead)


def switch(name: str, instead: str) -> Allowed:
    """A parameter that is true or false."""
    return options(name, ("true", "false"), instead)


def drawn() -> dict[str, Allowed]:
    """Of a page with panels that are measured on samples drawn at random unless all are asked for."""
    return {"measured": options("Samples", draws.SAMPLES, "Some are drawn.")}


def words(name: str, most: int, instead: str) -> Allowed:
    """A parameter that is a text of at most `most` characters."""
    return Allowed(
        lambda value: _checks.check(
            len(value) <= most,
            f"{name} has at most {most:,} characters, but this one has {len(value):,}. Shorten it.",
        ),
        instead,
    )


def anything() -> Allowed:
    """A parameter that is checked where it is used, beside what it changes."""
    return Allowed(lambda value: None, "")


@dataclass(frozen=True)
class Problem:
    """What is wrong with a parameter, and the values that are left of it."""

    words: str
    left: tuple[str, ...] = ()


def audit(query: Mapping[str, Sequence[str]], allowed: Mapping[str, Allowed]) -> dict[str, Problem]:
    """Returns what is wrong with every parameter in `query`, keyed by parameter, that does not fit.

    Args:
        query: all values of each parameter. Of one that may stand there once, the last counts.
    """
    problems = {}
    for key, rule in allowed.items():
        values = list(query.get(key, ()))
        if not values or (rule.many and values == [""]):
            continue
        if not rule.many and len(values) > 1:
            found = _fitting(key, values[-1:], rule)
            problems[key] = Problem(
                f"In the link, `{key}` stands {len(values)} times; the last one counts."
                + (f" {found.words}" if found else ""),
                () if found else (values[-1],),
            )
        elif problem := _fitting(key, values, rule):
            problems[key] = problem
    return problems


def _fitting(key: str, values: Sequence[str], rule: Allowed) -> Problem | None:
    left, said = [], []
    for value in dict.fromkeys(values):
        try:
            rule.test(value)
        except QFusionError as error:
            said.append(str(error))
        else:
            left.append(value)
    if not said:
        return None
    more = f" {len(said) - 1} more do not fit either." if len(said) > 1 else ""
    return Problem(
        f"In the link, `{key}`: {said[0]}{more}{'' if left else f' {rule.instead}'}", tuple(left)
    )
