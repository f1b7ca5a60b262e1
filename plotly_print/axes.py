"""Axes: which numbers stand where, their kinds, categories, and ranges as plotly chooses them when
none is given; and what an axis shows of itself: line, ticks where plotly puts them and what it
writes there, labels that do not overlap, title, grid."""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise, product
from typing import Any

import numpy as np

from plotly_print.scene import FRAME, GRID, KEY, SMALLEST, Box, Hand, Scene, Stroke, Words, around
from plotly_print.values import PrintError, as_list, check, floats
from plotly_print.words import TextStyle, balanced, longest_word, read

Trace = dict[str, Any]  # plotly's settings of one
_FORMAT = re.compile(
    r"(?P<sign>[+]?)(?P<comma>,?)(?:\.(?P<digits>\d+))?(?P<trim>~?)(?P<kind>[a-z%]?)"
)
_NUMBER = re.compile(r"\|?[-\u2212+]?[\d.·]+%?⟩?")
MINUS = "\u2212"


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
        numbers = np.asarray(
            values if _numeric(values) else [_number(v) for v in as_list(values)], dtype=float
        )
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

    @property
    def ends(self) -> np.ndarray:
        """Where the columns are drawn, (n, 2)."""
        return np.array(self.drawn)

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

    def widen(self, needed: list[float]) -> float:
        """Make the gaps between columns at least so wide (shares), and the columns narrower by as
        much; return by how much the gaps are too wide for the drawing (at most 1: they fit)."""
        gaps = [
            max(b[0] - a[1], g) for (a, b), g in zip(pairwise(self.given), needed, strict=False)
        ]
        widths = [b - a for a, b in self.given]
        at, whole = self.given[0][0], self.given[-1][1] - self.given[0][0]
        least = 0.25 * sum(widths)
        crowd = sum(gaps) / max(whole - least, 1e-9)
        room = whole - sum(gaps)
        if room < least:
            room = least
            gaps = [gap * (whole - room) / max(sum(gaps), 1e-9) for gap in gaps]
        self.drawn = []
        for width, gap in zip(widths, [*gaps, 0.0], strict=True):
            wide = width * room / sum(widths)
            self.drawn.append((at, at + wide))
            at += wide + gap
        return crowd


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
    named_so = not all(math.isfinite(_number(v)) for v in words)
    if named_so and all(len(v) >= 8 and v[:4].isdigit() and v[4] == "-" for v in words):
        dates += words
    check(
        not dates,
        f"The figure has dates on an axis, such as {str(next(iter(dates), ''))[:20]!r}, which are "
        "not drawn without a browser. Give them as numbers, or the axis the type 'category'.",
    )
    return "category" if named_so else "linear"


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
    """Set the range of an axis: the one that is given, else one that holds the values with
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


def linear(
    low: float, high: float, most: float, step: float | None = None, origin: float = 0.0
) -> np.ndarray:
    """Round numbers between two ends, at steps of 1, 2 or 5 times a power of ten such that there
    are about `most` of them."""
    low, high = min(low, high), max(low, high)
    if step is None:
        rough = (high - low) / max(most, 1e-9)
        power = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
        step = power * next(base for base in (1, 2, 5, 10, 20) if base >= rough / power - 1e-9)
    return origin + step * np.arange(
        math.ceil((low - origin) / step - 1e-6), math.floor((high - origin) / step + 1e-6) + 1
    )


def logarithmic(low: float, high: float, most: float) -> np.ndarray:
    """Powers of ten between two exponents, and 2 and 5 times them where the axis is short;
    exponents are returned."""
    low, high = min(low, high), max(low, high)
    rough = (high - low) / max(most, 1e-9)
    if rough > 0.7:
        return linear(low, high, 0, step=max(1.0, math.ceil(rough)))
    if high - low < 1:
        return np.log10(linear(10**low, 10**high, 1.5 * most))
    places = (
        power + math.log10(factor)
        for power in range(math.floor(low), math.ceil(high) + 1)
        for factor in ((1, 2, 5) if rough > 0.3 else range(1, 10))
    )
    return np.array([place for place in places if low - 1e-9 <= place <= high + 1e-9])


def written(values: np.ndarray, form: str = "", *, powers: bool = False) -> list[str]:
    """Numbers as labels, all with the decimals that their steps need.

    Args:
        form: one of d3's formats: sign, `.digits`, `~`, and `%`, `d`, `f`, `g` or `e`.
        powers: write powers of ten as such.

    Raises:
        PrintError: for another format.
    """
    values = np.asarray(values, dtype=float)
    if form:
        return [formatted(float(value), form) for value in values]
    largest = float(np.abs(values).max(initial=0.0))
    if powers or largest >= 1e15 or 0 < largest < 1e-6:
        return [_power(value) for value in values]
    step = float(np.diff(np.sort(values)).min(initial=np.inf)) if len(values) > 1 else largest
    units = ((1e9, "B"), (1e6, "M"), (1e3, "k"))
    scale, suffix = next((unit for unit in units if largest >= max(unit[0], 1e4)), (1.0, ""))
    decimals = min(12, max(0, 6 - math.floor(math.log10(step / scale)))) if step > 0 else 6
    bare = [_bare(f"{value / scale + 0.0:.{decimals}f}") for value in values]
    needed = max((len(text.partition(".")[2]) for text in bare), default=0)
    texts = [_minus(f"{value / scale + 0.0:.{needed}f}") for value in values]
    return [text + (suffix if value else "") for text, value in zip(texts, values, strict=True)]


def _bare(text: str) -> str:
    return _minus(text.rstrip("0").rstrip(".") if "." in text else text)


def _minus(text: str) -> str:
    return text[1:] if re.fullmatch(r"-0(\.0*)?", text) else text.replace("-", MINUS)


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
    parts = _FORMAT.fullmatch(form)
    if parts is None or parts["kind"] not in ("", "%", "d", "f", "g", "e", "r"):
        raise PrintError(
            f"The figure writes numbers in the format {form!r}, which is not drawn without a "
            "browser. Use d3's %, d, f, g or e."
        )
    kind = parts["kind"] or "g"
    digits = "0" if kind == "d" else parts["digits"] or ("12" if kind == "g" else "6")
    number, percent, _ = format(
        value + 0.0,
        parts["sign"] + parts["comma"] + f".{digits}" + {"d": "f", "r": "g"}.get(kind, kind),
    ).partition("%")
    return (_bare(number) if parts["trim"] and "e" not in number else _minus(number)) + percent


def listed(
    settings: dict[str, Any], low: float, high: float, most: float
) -> Iterable[tuple[float, str]]:
    """Numbers and labels along a scale: those that its settings name, else about `most` round
    ones."""
    named, texts = settings.get("tickvals"), settings.get("ticktext")
    values = linear(low, high, most) if named is None else floats(named)
    if named is None or texts is None:
        texts = written(values, settings.get("tickformat", ""))
    return zip(values.tolist(), map(str, as_list(texts)), strict=False)


def marks(axis: Axis, hand: Hand, most: float | None = None) -> tuple[np.ndarray, list[str], bool]:
    """Places (numbers on the axis) and labels of ticks within the range, and whether the figure
    named them."""
    settings = axis.settings
    low, high = min(axis.low, axis.high), max(axis.low, axis.high)
    form = str(settings.get("tickformat", ""))
    by_hand = settings.get("tickvals") is not None and settings.get("tickmode", "array") == "array"
    if by_hand or axis.kind == "category":
        values, texts = np.arange(len(axis.categories), dtype=float), axis.categories
        if by_hand:
            values, named = axis.numbers(settings["tickvals"]), settings.get("ticktext")
            shown = 10.0**values if axis.kind == "log" else values
            texts = written(shown, form) if named is None else [str(t) for t in as_list(named)]
        slack = 1e-6 * (high - low)
        inside = [
            i
            for i in range(min(len(values), len(texts)))
            if low - slack <= values[i] <= high + slack
        ]
        return values[inside], [texts[i] for i in inside], True
    length = axis.length / hand.scale
    count, step = most, None
    if count is None:
        usual = min(max(length / (40 if axis.letter == "y" else 80), 4), 9) + 1
        count, step = float(settings.get("nticks") or usual), settings.get("dtick")
    if axis.letter == "y":
        count = min(count, max(1.5, length / 24))
    if axis.kind == "log":
        values = logarithmic(low, high, count)
        return values, written(10**values, form, powers=True), False
    origin = 0.0 if step is None else float(settings.get("tick0", 0.0))
    values = linear(low, high, count, step, origin)
    values = np.unique(values.round()) if form == "d" else values
    return values, written(values, form, powers=settings.get("exponentformat") == "power"), False


def draw_axis(
    axis: Axis, across: Axis, scene: Scene, hand: Hand, widest: float, push: float = 0.0
) -> tuple[list[Words], float]:
    """Draw an axis at the edge of the one that it stands against, and return what it writes, and
    by how much its labels are too high for the room between their ticks (at most 1: they fit).

    Args:
        across: the other axis. widest: room for labels beside an upright axis, in points.
        push: how far the labels stand away, so that they do not lie on the texts of bars that reach
            over the edge.
    """
    settings, upright = axis.settings, axis.letter == "y"
    far = settings.get("side") in ("top", "right")
    edge = max(across.start, across.end) if far else min(across.start, across.end)
    away = 1.0 if far else -1.0
    ticks = marks(axis, hand)

    def rule(layer: int, what: str, *ends: tuple[float, float], least: float = 0.0) -> None:
        """A line between places along and across the axis: of its grid, zeroline, line or ticks."""
        pen = hand.pen(
            {
                "color": settings.get(f"{what}color", "#eee" if what == "grid" else None),
                "width": settings.get(f"{what}width", 1),
                "dash": settings.get(f"{what}dash", "solid"),
            }
        )
        pen = replace(pen, width=max(pen.width, least))
        scene.add(layer, Stroke(np.array(ends)[:, :: -1 if upright else 1], pen))

    for at in axis.place(ticks[0]).tolist() if settings.get("showgrid") else ():
        rule(GRID, "grid", (at, across.start), (at, across.end))
    if (
        settings.get("zeroline")
        and axis.kind == "linear"
        and (min(axis.low, axis.high) <= 0 <= max(axis.low, axis.high))
    ):
        zero = float(axis.place(0.0))
        rule(GRID, "zeroline", (zero, across.start), (zero, across.end))
    if settings.get("showline"):
        rule(FRAME, "line", (axis.start, edge), (axis.end, edge), least=0.4)
    inside = settings.get("ticks") == "inside"
    reach = hand.px(settings.get("ticklen", 5)) if settings.get("ticks") else 0.0
    out = edge + away * (0.0 if inside else reach)
    words: list[Words] = []
    values, crowd = ticks[0], 1.0
    if settings.get("showticklabels", True) is not False and len(values):
        style, beyond = (
            hand.style(settings.get("tickfont"), 12),
            out + away * (hand.px(3 + float(settings.get("ticklabelstandoff", 0))) + push),
        )
        if upright:
            values, words, crowd = _beside(axis, hand, *ticks, style, beyond, far, widest)
        else:
            for attempt in _along(axis, hand, *ticks, style, beyond, far):
                values, words, space = attempt
                boxes = sorted((word.box for word in words), key=lambda box: box.left)
                if all(b.left - a.right >= space for a, b in pairwise(boxes)):
                    break
        scene.add(KEY, *words)
    for at in axis.place(values).tolist() if settings.get("ticks") else ():
        rule(FRAME, "tick", (at, edge), (at, edge - away * reach if inside else out), least=0.4)
    title = _title(axis, hand, words, out, away, upright)
    scene.add(KEY, *title)
    return [*words, *title], crowd


def _beside(
    axis: Axis,
    hand: Hand,
    values: np.ndarray,
    texts: list[str],
    named: bool,
    style: TextStyle,
    at: float,
    far: bool,
    widest: float,
) -> tuple[np.ndarray, list[Words], float]:
    """Labels of an upright axis: broken where they are wide, smaller where they are high, left out
    last."""
    for most in range(len(values) - 1, 1, -1):
        if named or len(values) <= 2 or axis.pitch(values) >= 1.05 * style.size:
            break
        values, texts, _ = marks(axis, hand, float(most))
    pitch = max(axis.pitch(values), 1e-6)
    blocks = [balanced(read(text, style), widest) for text in texts]
    crowd = (max(block.height for block in blocks) + 0.45 * style.size) / pitch
    if crowd > 1 and named and style.size > SMALLEST:
        style = replace(style, size=max(SMALLEST, style.size / crowd))
        blocks = [balanced(read(text, style), widest) for text in texts]
    step = (
        max(1, math.ceil(0.85 * max(block.height for block in blocks) / pitch))
        if len(values) > 1
        else 1
    )
    words = [
        Words(block, at, place, "left" if far else "right", "middle", role="tick")
        for block, place in zip(blocks[::step], axis.place(values[::step]).tolist(), strict=True)
    ]
    return values[::step], words, crowd if named else 1.0


def _along(
    axis: Axis,
    hand: Hand,
    values: np.ndarray,
    texts: list[str],
    named: bool,
    style: TextStyle,
    at: float,
    far: bool,
) -> Iterator[tuple[np.ndarray, list[Words], float]]:
    """Attempts at labels of a level axis, of which the first is taken that leaves so much room
    between neighbours, else the last: fewer, broken, smaller or turned."""
    angle = axis.settings.get("tickangle", "auto")
    small = replace(style, size=max(SMALLEST, 0.85 * style.size))

    def level(
        labels: list[str], numbers: np.ndarray, letters: TextStyle = style, limit: float = np.inf
    ) -> list[Words]:
        return [
            Words(balanced(read(text, letters), limit), place, at, "center", up, role="tick")
            for text, place in zip(labels, axis.place(numbers).tolist(), strict=True)
        ]

    def turned(step: int, letters: TextStyle, degrees: float) -> list[Words]:
        # Their ends (below) or beginnings (above) stand at the ticks.
        side = "left" if far == (degrees > 0) else "right"
        lift = 0.0 if abs(degrees) > 80 else (0.1 if far else -0.3) * letters.size
        return [
            Words(read(text, letters), place, at + lift, side, "middle", degrees, role="tick")
            for text, place in zip(texts[::step], axis.place(values[::step]).tolist(), strict=True)
        ]

    up = "bottom" if far else "top"
    if angle != "auto" and float(angle):
        yield values, turned(1, style, -float(angle)), 0.0
        return
    if not named:  # fewer round numbers; where that leaves one alone, every second or third
        gap, few, labels = 0.6 * style.size, values, texts
        yield values, level(texts, values), gap
        for most in range(len(values) - 1, 1, -1):
            few, labels, _ = marks(axis, hand, float(most))
            if len(few) < 2:
                break
            yield few, level(labels, few), gap
        first = int(np.argmin(np.abs(values)))
        for step in (1, 2, 3, 4):
            some = slice(first % step, None, step)
            yield values[some], level(texts[some], values[some]), gap
        yield few[:1], level(labels[:1], few[:1]), gap
        return
    words = level(texts, values)
    yield values, words, 0.35 * style.size
    pitch = axis.pitch(values)
    for letters in (style, small):
        if any(" " in text for text in texts):
            longest = max(longest_word(read(text, letters)) for text in texts)
            broken = level(texts, values, letters, max(0.94 * pitch, 1.01 * longest))
            if max(len(word.block.lines) for word in broken) <= 3:
                yield values, broken, 0.15 * style.size
        words = level(texts, values, letters)
        yield values, words, 0.3 * letters.size
    longest = max(word.block.width for word in words)
    # Short numbers or levels, which readers can fill in: leave some out, powers of ten last, unless
    # there is room to turn them.
    if (longest <= 3.2 * style.size or angle == 0) and all(
        _NUMBER.fullmatch(text) for text in texts
    ):
        whole = np.flatnonzero(np.abs(values - values.round()) < 1e-6)
        steps = [np.arange(0, len(values), s) for s in (2, 3, 4, 5, 8) if len(values) > s]
        for rest in [whole, *steps] if axis.kind == "log" and len(whole) > 1 else steps:
            words = level([texts[i] for i in rest], values[rest], small)
            yield values[rest], words, 0.3 * small.size
    degrees = 45.0 if pitch > 1.5 * style.size and longest > 2.2 * style.size else 90.0
    step = max(1, math.ceil(1.05 * small.size / max(pitch, 1e-6)))
    letters = small if pitch < 1.3 * style.size else style
    yield values[::step], turned(step, letters, degrees), 0.0


def _title(
    axis: Axis, hand: Hand, labels: list[Words], out: float, away: float, upright: bool
) -> list[Words]:
    """The title beyond the labels, where the axis has one."""
    title = axis.settings.get("title", {})
    text = str(title.get("text", ""))
    if not text:
        return []
    style, length = hand.style(title.get("font")), axis.length
    block = read(text, style)
    block = balanced(block, max(1.02 * length, longest_word(block) if upright else 12 * style.size))
    if upright and block.width > 1.05 * length:
        style = replace(style, size=max(SMALLEST, style.size * 1.05 * length / block.width))
        block = read(text, style)
        block = balanced(block, max(1.02 * length, longest_word(block)))
    written = around([Box(out, out, out, out), *(word.box for word in labels)])
    beyond = (written[:2] if away < 0 else written[2:])[0 if upright else 1] + away * hand.px(
        title.get("standoff", 8)
    ) * 0.75
    middle = (axis.start + axis.end) / 2
    x, y = (beyond, middle) if upright else (middle, beyond)
    return [
        Words(
            block,
            x,
            y,
            "center",
            "bottom" if (away < 0) == upright else "top",
            90.0 if upright else 0.0,
            role="title",
        )
    ]
