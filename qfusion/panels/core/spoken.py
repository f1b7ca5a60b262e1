"""Numbers of a figure in words, for its alternative text: what a reader who does not see it is told."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from qfusion._sentences import top

MAX_NUMBERS = 8  # numbers of one figure that are said


def listed(
    names: Iterable[Any], numbers: Iterable[float], form: str = ".2f", most: int = MAX_NUMBERS
) -> str:
    """`"text 0.41, audio -0.69"`, the largest by size of more than `most`; the empty name is the baseline."""
    pairs = [
        (str(name) or "baseline", float(number))
        for name, number in zip(names, numbers, strict=True)
    ]
    if len(pairs) <= most:
        return ", ".join(f"{name} {value:{form}}" for name, value in pairs)
    largest = sorted(pairs, key=lambda pair: -abs(pair[1]))[:most]
    return f"largest of {len(pairs)}: " + ", ".join(
        f"{name} {value:{form}}" for name, value in largest
    )


def values(found: Mapping[str, float], form: str = ".2f") -> str:
    """`listed`, of numbers by name."""
    return listed(found, found.values(), form)


def terms(found: Mapping[str, float]) -> str:
    """Contributions by coalition, with their signs."""
    return values(found, "+.2f")


def lines(found: Mapping[str, np.ndarray], form: str = ".2f", whole: str = "all together") -> str:
    """`"text from 0.00 to 0.41"` for each curve; the empty name is `whole`."""
    said = [
        f"{name or whole} from {each[0]:{form}} to {each[-1]:{form}}"
        for name, each in found.items()
    ][:MAX_NUMBERS]
    return ", ".join(said) + (
        f" and {len(found) - MAX_NUMBERS} more" if len(found) > MAX_NUMBERS else ""
    )


def pairs(
    names: Iterable[Any],
    before: Iterable[float],
    after: Iterable[float],
    form: str = ".2f",
    most: int = MAX_NUMBERS,
) -> str:
    """`"text 0.41 (before 0.39)"`, those that differ most first."""
    found = sorted(
        zip(map(str, names), before, after, strict=True), key=lambda each: -abs(each[2] - each[1])
    )
    return ", ".join(
        f"{name} {new:{form}} (before {old:{form}})" for name, old, new in found[:most]
    )


def off_diagonal(rho: np.ndarray, names: Iterable[str]) -> str:
    """The largest entries of a matrix off its diagonal, where one is 0.01 or more, and between which levels."""
    labels, sizes = list(names), np.abs(rho)
    pairs = {
        f"{labels[i]} and {labels[j]}": float(max(sizes[i, j], sizes[j, i]))
        for i, j in itertools.combinations(range(len(labels)), 2)
    }
    first, entries = top(pairs), f"{len(labels)} by {len(labels)} entries"
    if not first or round(pairs[first[0]], 2) == 0:
        return f"{entries}; none off the diagonal is as large as 0.01"
    between = f"between {first[0]}" if len(first) == 1 else f"of {len(first)} pairs of levels alike"
    return f"{entries}; the largest off the diagonal is {pairs[first[0]]:.2f}, {between}"
