"""How numbers of the leaderboard are written: p-values, means with intervals, bounds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def probability(p: float | None) -> str:
    """Returns a p-value as it is written."""
    return (
        "no p"
        if p is None
        else "p < 0.001"
        if p < 0.001
        else f"p = {p:.2g}"
        if p < 0.1
        else f"p = {p:.2f}"
    )


def beside(pair: Mapping[str, Any]) -> str:
    """Returns a raw p-value beside the one after the correction."""
    return f"{probability(pair['p'])}, {probability(pair['holm'])}"


def span(found: Mapping[str, Any], digits: int = 3) -> str:
    """Returns a mean with its 95 % interval."""
    if found["low"] is None:
        return f"{found['mean']:.{digits}f}"
    return f"{found['mean']:.{digits}f} [{found['low']:.{digits}f}, {found['high']:.{digits}f}]"


def digits_of(key: str) -> int:
    """Returns how many digits a metric is worth: accuracies near 1 differ in the fourth."""
    return 4 if key == "accuracy" else 3


def at_most(bound: float, digits: int) -> str:
    """Returns a bound rounded up: what is written is not below it."""
    return f"{math.ceil(bound * 10**digits - 1e-9) / 10**digits:.{digits}f}"
