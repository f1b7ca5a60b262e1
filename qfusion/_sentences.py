"""What numbers allow a sentence to say: which of them is the largest where a reader can see it, a share that is not
rounded to none or all, names in a row.

A superlative is said of one name only where its number differs, as it is written, from all others; of several names
where they are written alike.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

ZERO = 1e-9  # of a share: what is smaller is rounding


def top(numbers: Mapping[str, float], places: int = 2, *, smallest: bool = False) -> list[str]:
    """Returns the names whose number is the largest as it is written, in their order.

    Args:
        numbers: by name; those that are not finite are left out.
        places: decimal places that are written.
        smallest: take the smallest number instead.

    Returns:
        several names where their numbers are written alike, none where no number is finite.
    """
    written = {
        name: float(f"{value:.{places}f}")
        for name, value in numbers.items()
        if math.isfinite(value)
    }
    if not written:
        return []
    best = (min if smallest else max)(written.values())
    return [name for name, value in written.items() if value == best]


def sizes(numbers: Mapping[str, float]) -> dict[str, float]:
    """Returns the numbers without their signs."""
    return {name: abs(value) for name, value in numbers.items()}


def share(part: float) -> str:
    """Returns a part of a whole, 0 to 1, as `"37%"`; `"less than 1%"` of what is something, `"more than 99%"` of what
    is not all."""
    words = f"{part:.0%}"
    if words in ("0%", "-0%") and abs(part) > ZERO:
        return "less than 1%"
    if words == "100%" and part < 1 - ZERO:
        return "more than 99%"
    return words.replace("-0%", "0%")


def size(value: float, places: int = 2) -> str:
    """Returns a number that is not negative as `"0.37"`; `"less than 0.01"` of what is something and rounded to 0."""
    least = 10.0**-places
    return f"less than {least:.{places}f}" if 0 < value < least / 2 else f"{value:.{places}f}"


def listed(names: Sequence[str]) -> str:
    """Returns names as a list in a sentence: "a, b and c"; empty for none."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def count(number: int, one: str, more: str = "") -> str:
    """Returns so many things: "1 gate", "1,000 gates"; `more` where the plural is not `one` with an s."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"
