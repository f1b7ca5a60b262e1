"""Axes: which numbers stand where. Kinds, categories, and ranges as plotly chooses them when none is given."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qfusion.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class Reach:
    """Values that an axis must hold: `pad` points of room below and above, a twentieth of the axis more if `room`."""

    values: np.ndarray
    pad: tuple[float, float] = (0.0, 0.0)
    room: bool = False
    to_zero: bool = False


@dataclass(eq=False)
class Axis:
    """One axis of the figure.

    Attributes:
        name: "x", "y2", ...; settings: plotly's; kind: "linear", "log" or "category"; categories: in order.
        low, high: ends of the range: numbers, exponents of ten or places of categories; low > high on a turned axis.
        start, end: where they stand on the page, in points.
        share: part of the drawing that it spans, from 0 to 1.
    """

    name: str
    settings: dict[str, Any]
    kind: str = "linear"
    categories: list[str] = field(default_factory=list)
    low: float = 0.0
    high: float = 1.0
    start: float = 0.0
    end: float = 1.0
    share: tuple[float, float] = (0.0, 1.0)
    used: bool = False

    @property
    def letter(self) -> str:
        """"x" or "y"."""
        return self.name[0]

    @property
    def shown(self) -> bool:
        """Whether it is drawn itself."""
        return self.settings.get("visible", True) is not False and self.used

    def numbers(self, values: Any) -> np.ndarray:
        """Values as numbers on the axis (exponents of ten on a logarithmic one), NaN where there is none."""
        if self.kind == "category":
            places = {name: float(i) for i, name in enumerate(self.categories)}
            return np.array([places.get(str(v), np.nan) if isinstance(v, str) else np.nan if v is None else float(v)
                             for v in as_list(values)], dtype=float)
        found = np.array([_number(v) for v in as_list(values)],
                         dtype=float) if not _numeric(values) else np.asarray(values, dtype=float)
        if self.kind == "log":
            with np.errstate(divide="ignore", invalid="ignore"):
                return np.where(found > 0, np.log10(np.where(found > 0, found, 1.0)), np.nan)
        return found

    def place(self, numbers: Any) -> np.ndarray:
        """Numbers on the axis as points on the page."""
        return self.start + (np.asarray(numbers, dtype=float) - self.low) / (self.high
                                                                             - self.low) * (self.end - self.start)

    def at(self, values: Any) -> np.ndarray:
        """Values as points on the page."""
        return self.place(self.numbers(values))


def as_list(values: Any) -> list[Any]:
    """A list of what may be an array, a list or one value."""
    if isinstance(values, np.ndarray):
        return values.tolist()
    return list(values) if isinstance(values, (list, tuple)) else [values]


def _numeric(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype.kind in "iufb"


def _number(value: Any) -> float:
    try:
        return float("nan") if value is None else float(value)
    except (TypeError, ValueError):
        return float("nan")


def kind_of(settings: dict[str, Any], columns: list[Any]) -> str:
    """Whether an axis is linear, logarithmic or of categories, told by its data where it does not say.

    Raises:
        InvalidInput: for dates.
    """
    named = settings.get("type", "-")
    if named in ("linear", "log", "category"):
        return str(named)
    values = [v for column in columns if not _numeric(column) for v in as_list(column) if v is not None]
    for other in (v for v in values if not isinstance(v, (str, int, float, np.number, np.bool_))):
        _refuse_dates(other)
    words = [v for v in values if isinstance(v, str)]
    if words and not all(math.isfinite(_number(v)) for v in words):
        if all(len(v) >= 8 and v[:4].isdigit() and v[4] == "-" for v in words):
            _refuse_dates(words[0])
        return "category"
    return "linear"


def _refuse_dates(value: Any) -> None:
    raise InvalidInput(
        f"The figure has dates on an axis, such as {str(value)[:20]!r}, which are not drawn without a browser. "
        "Give them as numbers, or the axis the type 'category'.")


def categories_of(settings: dict[str, Any], columns: list[Any]) -> list[str]:
    """The names on an axis of categories, in their order."""
    seen = list(dict.fromkeys(str(v) for column in columns for v in as_list(column) if isinstance(v, str)))
    order = settings.get("categoryorder", "array" if settings.get("categoryarray") is not None else "trace")
    if order.startswith("category"):
        return sorted(seen, reverse=order.endswith("descending"))
    if order == "array":
        first = [str(v) for v in as_list(settings.get("categoryarray", []))]
        return list(dict.fromkeys([*first, *seen]))
    return seen


def fit(axis: Axis, reaches: list[Reach], length: float) -> None:
    """Sets the range of an axis of `length` points: the one that is given, else one that holds the values with plotly's
    room."""
    settings = axis.settings
    given = settings.get("range")
    low, high = _automatic(axis, reaches, length)
    if settings.get("autorange") in (None, False) and given is not None and len(given) == 2:
        ends = [low if given[0] is None else float(given[0]), high if given[1] is None else float(given[1])]
        axis.low, axis.high = ends
    else:
        axis.low, axis.high = (high, low) if settings.get("autorange") == "reversed" else (low, high)
    if axis.low == axis.high:
        axis.low, axis.high = axis.low - 0.5, axis.high + 0.5


def _automatic(axis: Axis, reaches: list[Reach], length: float) -> tuple[float, float]:
    lows: list[tuple[float, float]] = []  # value, points of room below it
    highs: list[tuple[float, float]] = []  # value, points of room above it
    room = 0.05 * length
    for reach in reaches:
        values = reach.values[np.isfinite(reach.values)]
        if not len(values):
            continue
        zero = reach.to_zero and axis.kind == "linear"
        for value in (float(values.min()), float(values.max())):
            below, above = (pad + (room if reach.room else 0.0) for pad in reach.pad)
            lows.append((value, 0.0 if zero and value >= 0 else below))
            highs.append((value, 0.0 if zero and value <= 0 else above))
        if zero:
            lows.append((0.0, 0.0))
            highs.append((0.0, 0.0))
    if not lows:
        return (-1.0, 6.0) if axis.letter == "x" else (-1.0, 4.0)
    lowest, highest = min(v for v, _ in lows), max(v for v, _ in highs)
    mode = settings_mode(axis)
    if lowest == highest:
        if mode == "tozero" and lowest:
            return (0.0, 2 * lowest) if lowest > 0 else (2 * lowest, 0.0)
        return lowest - 1, highest + 1
    steepest, first, last = 0.0, (lowest, 0.0), (highest, 0.0)
    for a in lows:
        for b in highs:
            free = length - a[1] - b[1]
            if b[0] > a[0] and free > length / 10 and (b[0] - a[0]) / free > steepest:
                steepest, first, last = (b[0] - a[0]) / free, a, b
    if mode == "tozero":
        first = (0.0, 0.0) if first[0] >= 0 else first
        last = (0.0, 0.0) if last[0] <= 0 else last
    elif mode == "nonnegative":
        first = (0.0, 0.0) if first[0] - steepest * first[1] < 0 else first
    steepest = (last[0] - first[0]) / (length - first[1] - last[1])
    return first[0] - steepest * first[1], last[0] + steepest * last[1]


def settings_mode(axis: Axis) -> str:
    """Plotly's `rangemode`, which logarithmic axes and those of categories do not have."""
    return str(axis.settings.get("rangemode", "normal")) if axis.kind == "linear" else "normal"
