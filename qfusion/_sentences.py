"""Numbers as readers see them in sentences."""

import math
import re
from collections.abc import Mapping, Sequence

# What numbers allow a sentence to say: which of them is the largest where a reader can see it, a share that is not
# rounded to none or all, names in a row.
#
# A superlative is said of one name only where its number differs, as it is written, from all others; of several names
# where they are written alike.

ZERO = 1e-9  # of a share: what is smaller is rounding
# The hyphen of a negative number: at the beginning of a word, before a digit; in markdown it may be escaped.
_NEGATIVE = re.compile(r"(?:(?<=[\s(\[‘“*|,:;>±])|^)\\?-(?=\\?\.?\d)")


def top(numbers: Mapping[str, float], places: int = 2, *, smallest: bool = False) -> list[str]:
    """Return the names with the largest number after rounding, in their order.

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
    best = (min if smallest else max)(written.values(), default=None)
    return [name for name, value in written.items() if value == best]


def sizes(numbers: Mapping[str, float]) -> dict[str, float]:
    """Return the numbers without their signs."""
    return {name: abs(value) for name, value in numbers.items()}


def share(part: float) -> str:
    """Return a part of a whole, from 0 to 1, as `"37%"`. A part above 0 that rounds to 0 is `"less than 1%"`, and a
    part below 1 that rounds to 1 is `"more than 99%"`.
    """
    words = f"{part:.0%}"
    if words in ("0%", "-0%") and abs(part) > ZERO:
        return "less than 1%"
    if words == "100%" and part < 1 - ZERO:
        return "more than 99%"
    return words.replace("-0%", "0%")


def size(value: float, places: int = 2) -> str:
    """Return a number that is not negative as `"0.37"`. A number above 0 that rounds to 0 is `"less than 0.01"`."""
    least = 10.0**-places
    return f"less than {least:.{places}f}" if 0 < value < least / 2 else f"{value:.{places}f}"


def true_minus(words: str) -> str:
    """Return words with a minus sign (U+2212) in place of the hyphen of a negative number: "-0.35" becomes "−0.35".

    Hyphens within words and ids stay, and so does code in backticks.
    """
    parts = words.split("`")
    parts[::2] = [_NEGATIVE.sub("−", part) for part in parts[::2]]
    return "`".join(parts)


def capitalise(words: str) -> str:
    """Return words with a capital letter first."""
    return words[:1].upper() + words[1:]


def listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence: "a, b and c"; empty for none."""
    return " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else "".join(names)


def count(number: int, one: str, more: str = "") -> str:
    """Return so many things: "1 gate", "1,000 gates"; `more` where the plural is not `one` with an s."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"
