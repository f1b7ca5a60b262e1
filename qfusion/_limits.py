"""Limits that an environment variable sets each."""

import os
from dataclasses import dataclass

from qfusion._checks import check

MIB = 2**20  # bytes


@dataclass(frozen=True)
class Limit:
    """Default value of a limit, at least 1, and a description of the quantity that it counts."""

    default: int
    description: str


LIMITS = {
    "QFUSION_KEPT_MB": Limit(2048, "megabytes of computed arrays that are kept on the disk"),
    "QFUSION_PROGRAM_S": Limit(60, "seconds that a Python process takes to answer"),
}


def limit(variable: str) -> int:
    """Return the value of a limit: that of the environment variable, or the default.

    Raises:
        InvalidInput: when the variable holds anything but a whole number from 1.
    """
    entry = LIMITS[variable]
    text = os.environ.get(variable, "").strip()
    if not text:
        return entry.default
    is_number = text.isascii() and text.isdecimal() and len(text) < 10
    check(
        is_number and int(text) >= 1,
        f"{variable} must be a whole number from 1 ({entry.description}), but is {text[:20]!r}.",
    )
    return int(text)
