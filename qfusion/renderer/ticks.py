"""Where plotly puts the ticks of an axis, and what it writes there."""

from __future__ import annotations

import math
import re

import numpy as np

from qfusion.errors import InvalidInput

_FORMAT = re.compile(r"(?P<sign>[+]?)(?P<comma>,?)(?:\.(?P<digits>\d+))?(?P<trim>~?)(?P<kind>[a-z%]?)")
MINUS = "\u2212"


def linear(low: float, high: float, most: float, step: float | None = None, origin: float = 0.0) -> np.ndarray:
    """Round numbers between two ends, at steps of 1, 2 or 5 times a power of ten such that there are about `most` of
    them."""
    low, high = min(low, high), max(low, high)
    if step is None:
        rough = (high - low) / max(most, 1e-9)
        power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
        step = power * next(base for base in (1, 2, 5, 10, 20) if base >= rough / power - 1e-9)
    first, last = math.ceil((low - origin) / step - 1e-6), math.floor((high - origin) / step + 1e-6)
    return origin + step * np.arange(first, last + 1)


def logarithmic(low: float, high: float, most: float) -> np.ndarray:
    """Powers of ten between two exponents, and 2 and 5 times them where the axis is short; exponents are returned."""
    low, high = min(low, high), max(low, high)
    rough = (high - low) / max(most, 1e-9)
    if rough > 0.7:
        return linear(low, high, 0, step=max(1.0, math.ceil(rough)))
    if high - low < 1:
        return np.log10(linear(10**low, 10**high, 1.5 * most))
    marks = (1, 2, 5) if rough > 0.3 else range(1, 10)
    found = [power + math.log10(mark) for power in range(math.floor(low), math.ceil(high) + 1) for mark in marks]
    return np.array([each for each in found if low - 1e-9 <= each <= high + 1e-9])


def written(values: np.ndarray, form: str = "", *, powers: bool = False) -> list[str]:
    """Numbers as labels, all with the decimals that their steps need.

    Args:
        form: one of d3's formats: sign, `.digits`, `~`, and `%`, `d`, `f`, `g` or `e`.
        powers: write powers of ten as such.

    Raises:
        InvalidInput: for another format.
    """
    if form:
        return [formatted(float(value), form) for value in values]
    values = np.asarray(values, dtype=float)
    if powers:
        return [_power(value) for value in values]
    if not len(values):
        return []
    largest = float(np.abs(values).max())
    step = float(np.diff(np.sort(values)).min()) if len(values) > 1 else largest
    if largest >= 1e15 or 0 < largest < 1e-6:
        return [_power(value) for value in values]
    scale, suffix = next(((10.0**p, s) for p, s in ((9, "B"), (6, "M"), (3, "k")) if largest >= 10**max(p, 4)),
                         (1.0, ""))
    decimals = min(12, max(0, 6 - math.floor(math.log10(step / scale)))) if step > 0 else 6
    return [_bare(f"{value / scale + 0.0:.{decimals}f}") + (suffix if value else "") for value in values]


def _bare(text: str) -> str:
    return _minus(text.rstrip("0").rstrip(".") if "." in text else text)


def _power(value: float) -> str:
    if value <= 0:
        return _minus(f"{value:g}")
    power = math.floor(math.log10(value) + 1e-9)
    mantissa = value / 10.0**power
    if -3 < power < 4:
        return f"{round(value, 6):g}"
    head = "" if abs(mantissa - 1) < 1e-6 else f"{mantissa:.3g}×"
    return f"{head}10<sup>{_minus(str(power))}</sup>"


def formatted(value: float, form: str) -> str:
    """One number in one of d3's formats."""
    found = _FORMAT.fullmatch(form)
    if found is None or found["kind"] not in ("", "%", "d", "f", "g", "e", "r"):
        raise InvalidInput(f"The figure writes numbers in the format {form!r}, which is not drawn without a browser. "
                           "Use d3's %, d, f, g or e.")
    kind, digits, sign, comma = found["kind"] or "g", found["digits"], found["sign"], found["comma"]
    number, suffix = (value * 100, "%") if kind == "%" else (value, "")
    spec = {"%": "f", "d": "f", "r": "g"}.get(kind, kind)
    count = "0" if kind == "d" else (digits if digits is not None else "6" if kind != "g" else "12")
    text = format(number + 0.0, f"{sign}{comma}.{count}{spec}")
    if found["trim"] and "." in text and "e" not in text:
        text = text.rstrip("0").rstrip(".")
    return _minus(text) + suffix


def _minus(text: str) -> str:
    zero = re.fullmatch(r"-0(\.0*)?", text)
    return text[1:] if zero else text.replace("-", MINUS)
