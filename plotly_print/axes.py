"""Axes: which numbers stand where. Kinds, categories, and ranges as plotly chooses them when none
is given."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise, product
from typing import Any

import numpy as np

from plotly_print.scene import Box, Hand, Scene
from plotly_print.values import PrintError, as_list, floats

Trace = dict[str, Any]  # plotly's settings of one


@dataclass(frozen=True, eq=False)
class Reach:
    """Values that an axis must hold: `pad` points of room below and above, a twentieth of the axis
    more if `room`."""

    values: np.ndarray
    pad: tuple[float, float] = (0.0, 0.0)
    room: bool = False
    to_zero: bool = False


@dataclass(eq=False)
class Axis:
    """One axis of the figure.

    Attributes:
        name: "x", "y2", ...; settings: plotly's; kind: "linear", "log" or "category"; categories:
            in order.
        low, high: ends of the range: numbers, exponents of ten or places of categories; low > high
            on a turned axis.
        start, end: where they stand on the page, in points.
        used: whether a trace stands on it.
    """

    name: str
    settings: dict[str, Any]
    kind: str = "linear"
    categories: list[str] = field(default_factory=list)
    low: float = 0.0
    high: float = 1.0
    start: float = 0.0
    end: float = 1.0
    used: bool = False

    @property
    def letter(self) -> str:
        """ "x" or "y"."""
        return self.name[0]

    @property
    def length(self) -> float:
        """On the page, in points."""
        return abs(self.end - self.start)

    @property
    def domain(self) -> tuple[float, float]:
        """The shares of the drawing between which it stands."""
        low, high = self.settings.get("domain", (0.0, 1.0))
        return float(low), float(high)

    def numbers(self, values: Any) -> np.ndarray:
        """Values as numbers on the axis (exponents of ten on a logarithmic one), NaN where there is
        none."""
        if self.kind == "category":
            places = {name: float(i) for i, name in enumerate(self.categories)}
            return floats([places.get(v) if isinstance(v, str) else v for v in as_list(values)])
        listed = values if _numeric(values) else [_number(v) for v in as_list(values)]
        numbers = np.asarray(listed, dtype=float)
        if self.kind == "log":
            return np.where(numbers > 0, np.log10(np.where(numbers > 0, numbers, 1.0)), np.nan)
        return numbers

    def place(self, numbers: Any) -> np.ndarray:
        """Numbers on the axis as points on the page."""
        return self.start + (
            (np.asarray(numbers, dtype=float) - self.low) / (self.high - self.low)
        ) * (self.end - self.start)

    def at(self, values: Any) -> np.ndarray:
        """Values as points on the page."""
        return self.place(self.numbers(values))

    def pitch(self, numbers: np.ndarray) -> float:
        """Points between the nearest two of numbers; the length of the axis for one alone."""
        steps = np.abs(np.diff(np.sort(self.place(numbers))))
        return float(steps.min()) if len(steps) else self.length


@dataclass
class Grid:
    """Columns (or rows) of the drawing: where they lie by the figure's own domains, and where they
    are drawn, as shares."""

    given: list[tuple[float, float]]
    drawn: list[tuple[float, float]]

    @classmethod
    def of(cls, axes: Iterable[Axis]) -> "Grid":
        """The intervals of axes; one for all where they overlap."""
        domains = sorted({axis.domain for axis in axes})
        if not domains or any(b[0] < a[1] - 1e-9 for a, b in pairwise(domains)):
            domains = [(0.0, 1.0)]
        return cls(domains, domains)

    def share(self, value: float) -> float:
        """A share of the drawing, moved with the columns."""
        knots, to = ([end for pair in pairs for end in pair] for pairs in (self.given, self.drawn))
        near = min(max(value, knots[0]), knots[-1])
        if near != value:
            return value + (to[0 if value < knots[0] else -1] - near)
        return float(np.interp(value, knots, to))

    def index(self, domain: tuple[float, float]) -> int:
        """The column that is nearest to a domain."""
        away = [abs((low + high) / 2 - (domain[0] + domain[1]) / 2) for low, high in self.given]
        return away.index(min(away))

    def widen(self, needed: list[float]) -> None:
        """Makes the gaps between columns at least so wide (shares), and the columns narrower by as
        much."""
        gaps = [
            max(b[0] - a[1], g) for (a, b), g in zip(pairwise(self.given), needed, strict=False)
        ]
        widths = [b - a for a, b in self.given]
        at, whole = self.given[0][0], self.given[-1][1] - self.given[0][0]
        room = whole - sum(gaps)
        if room < 0.25 * sum(widths):
            room = 0.25 * sum(widths)
            gaps = [gap * (whole - room) / max(sum(gaps), 1e-9) for gap in gaps]
        self.drawn = []
        for width, gap in zip(widths, [*gaps, 0.0], strict=True):
            wide = width * room / sum(widths)
            self.drawn.append((at, at + wide))
            at += wide + gap


@dataclass(frozen=True, eq=False)
class Place:
    """Where a trace is drawn: the scene, its two axes, the rectangle between them."""

    scene: Scene
    hand: Hand
    x: Axis
    y: Axis

    @property
    def box(self) -> Box:
        """The rectangle of the plot."""
        (left, right), (bottom, top) = (sorted((axis.start, axis.end)) for axis in (self.x, self.y))
        return Box(left, bottom, right, top)


def _numeric(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.dtype.kind in "iufb"


def _number(value: Any) -> float:
    try:
        return float("nan") if value is None else float(value)
    except (TypeError, ValueError):
        return float("nan")


def kind_of(settings: dict[str, Any], columns: list[Any]) -> str:
    """Whether an axis is linear, logarithmic or of categories, by its data where it does not say.

    Raises:
        PrintError: for dates.
    """
    named = settings.get("type", "-")
    if named in ("linear", "log", "category"):
        return str(named)
    values = [v for col in columns if not _numeric(col) for v in as_list(col) if v is not None]
    words = [v for v in values if isinstance(v, str)]
    dates = [v for v in values if not isinstance(v, (str, int, float, np.number, np.bool_))]
    if all(math.isfinite(_number(v)) for v in words):
        words = []
    if words and all(len(v) >= 8 and v[:4].isdigit() and v[4] == "-" for v in words):
        dates += words
    if dates:
        raise PrintError(
            f"The figure has dates on an axis, such as {str(dates[0])[:20]!r}, which are not drawn "
            "without a browser. Give them as numbers, or the axis the type 'category'."
        )
    return "category" if words else "linear"


def categories_of(settings: dict[str, Any], columns: list[Any]) -> list[str]:
    """The names on an axis of categories, in their order."""
    seen = dict.fromkeys(str(v) for col in columns for v in as_list(col) if isinstance(v, str))
    listed = settings.get("categoryarray")
    order = settings.get("categoryorder", "trace" if listed is None else "array")
    if order.startswith("category"):
        return sorted(seen, reverse=order.endswith("descending"))
    first = map(str, as_list([] if listed is None else listed)) if order == "array" else ()
    return list(dict.fromkeys([*first, *seen]))


def fit(axis: Axis, reaches: list[Reach]) -> None:
    """Sets the range of an axis: the one that is given, else one that holds the values with
    plotly's room."""
    settings = axis.settings
    given, automatic = settings.get("range"), settings.get("autorange")
    low, high = _automatic(axis, reaches)
    if automatic in (None, False) and given is not None and len(given) == 2:
        low = low if given[0] is None else float(given[0])
        high = high if given[1] is None else float(given[1])
    elif automatic == "reversed":
        low, high = high, low
    axis.low, axis.high = (low - 0.5, high + 0.5) if low == high else (low, high)


def _automatic(axis: Axis, reaches: list[Reach]) -> tuple[float, float]:
    lows: list[tuple[float, float]] = []  # value, points of room below it
    highs: list[tuple[float, float]] = []  # value, points of room above it
    length = axis.length
    for reach in reaches:
        values = reach.values[np.isfinite(reach.values)].tolist()
        zero = reach.to_zero and axis.kind == "linear"
        below, above = (pad + (0.05 * length if reach.room else 0.0) for pad in reach.pad)
        for value in (min(values), max(values)) if values else ():
            lows.append((value, 0.0 if zero and value >= 0 else below))
            highs.append((value, 0.0 if zero and value <= 0 else above))
        if zero and values:
            lows.append((0.0, 0.0))
            highs.append((0.0, 0.0))
    if not lows:
        return (-1.0, 6.0) if axis.letter == "x" else (-1.0, 4.0)
    lowest, highest = min(v for v, _ in lows), max(v for v, _ in highs)
    # Logarithmic axes and those of categories have no mode.
    mode = str(axis.settings.get("rangemode", "normal")) if axis.kind == "linear" else "normal"
    if lowest == highest:
        if mode == "tozero" and lowest:
            return (0.0, 2 * lowest) if lowest > 0 else (2 * lowest, 0.0)
        return lowest - 1, highest + 1
    steepest, first, last = 0.0, (lowest, 0.0), (highest, 0.0)
    for a, b in product(lows, highs):
        free = length - a[1] - b[1]
        if b[0] > a[0] and free > length / 10 and (b[0] - a[0]) / free > steepest:
            steepest, first, last = (b[0] - a[0]) / free, a, b
    if (mode == "tozero" and first[0] >= 0) or (
        mode == "nonnegative" and (first[0] - steepest * first[1] < 0)
    ):
        first = (0.0, 0.0)
    if mode == "tozero" and last[0] <= 0:
        last = (0.0, 0.0)
    steepest = (last[0] - first[0]) / (length - first[1] - last[1])
    return first[0] - steepest * first[1], last[0] + steepest * last[1]
