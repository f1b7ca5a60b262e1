"""Numbers as text, as reports print them."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from qfusion.analysis.shown_terms import select_shown_terms
from qfusion.figures import decision_charts

SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def list_terms(numbers: Mapping[str, float], form: str = "+.2f") -> str:
    """Return names with their numbers: "text +0.41, baseline -0.69". The empty name is the baseline, and the
    smallest of many joint terms are summed.
    """
    shown, rest = select_shown_terms([numbers])
    listed = {name: value for name, value in numbers.items() if name in {"", *shown}}
    if rest:
        listed[decision_charts.rest_title(len(rest))] = sum(numbers[name] for name in rest)
    return ", ".join(f"{name or 'baseline'} {value:{form}}" for name, value in listed.items())


def format_signed(value: float, digits: int = 3) -> str:
    """Return a number with its sign and a typographic minus. A value that rounds to zero gets a plus."""
    return f"{_round(value, digits):+.{digits}f}".replace("-", "−")


def format_number(value: Any, digits: int = 3) -> str:
    """Return a number as text, or "–" if there is none."""
    if value is None or not np.isfinite(value):
        return "–"
    return f"{_round(value, digits):.{digits}f}".replace("-", "−")


def _round(value: float, digits: int) -> float:
    """Return a rounded number. Adding 0.0 turns -0.0 into 0.0."""
    return round(float(value), digits) + 0.0


def format_power(value: float) -> str:
    """Return a small number by its order of magnitude: "2 · 10⁻¹¹"."""
    if value == 0:
        return "0"
    digit, exponent = f"{value:.0e}".split("e")
    return f"{digit} · 10{str(int(exponent)).translate(SUPERSCRIPTS)}"
