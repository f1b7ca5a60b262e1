"""What of a figure is shown: series left out and the range of its axes, as one short text that stands in the address."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

import plotly.graph_objects as go

from qfusion._checks import check, require_number
from qfusion.figures import looks

MOST_TEXT, MOST_HIDDEN = 1_000, 30
_LARGEST = 1e9


@dataclass(frozen=True)
class Framing:
    """Legend entries that are left out; (low, high) of the horizontal and the vertical axis, in the axis' own units."""

    hidden: tuple[str, ...] = ()
    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None

    def __str__(self) -> str:
        parts = [("hide", name) for name in self.hidden]
        parts += [(key, f"{pair[0]:g},{pair[1]:g}") for key, pair in (("x", self.x), ("y", self.y)) if pair]
        return urlencode(parts)

    def __bool__(self) -> bool:
        return bool(self.hidden or self.x or self.y)


def parse(text: str) -> Framing:
    """Returns a framing from its text.

    Raises:
        InvalidInput: when the text is not one.
    """
    check(len(text) <= MOST_TEXT,
          f"A framing has at most {MOST_TEXT:,} characters, but this one has {len(text):,}. Choose anew what is shown.")
    hidden: list[str] = []
    ranges: dict[str, tuple[float, float]] = {}
    for key, value in parse_qsl(text, max_num_fields=MOST_HIDDEN + 2) if text.count("&") < MOST_HIDDEN + 2 else [("", text)]:
        check(key in ("hide", "x", "y"), f"A framing says `hide=SERIES`, `x=LOW,HIGH` or `y=LOW,HIGH`, but this one says {text[:60]!r}. "
                                         "Choose anew what is shown.")
        if key == "hide":
            hidden.append(value)
            continue
        ends = value.split(",")
        check(len(ends) == 2, f"A range is `LOW,HIGH`, but {key} is {value[:40]!r}. Give two numbers.")
        low, high = (require_number(key, end, -_LARGEST, _LARGEST) for end in ends)
        check(low < high, f"A range goes from low to high, but {key} is {value[:40]!r}. Exchange the two.")
        ranges[key] = (low, high)
    return Framing(tuple(dict.fromkeys(hidden)), ranges.get("x"), ranges.get("y"))


def apply(drawn: go.Figure, framing: Framing) -> go.Figure:
    """The figure with this framing; the figure itself when there is none."""
    if not framing:
        return drawn
    found = looks.without(drawn, framing.hidden)
    if found is drawn:
        found = go.Figure(drawn)
    for axis, span in (("xaxis", framing.x), ("yaxis", framing.y)):
        if span and axis in rangeable(drawn):
            log = found.layout[axis].type == "log"
            check(not log or span[0] > 0,
                  f"Argument `{axis[0]}` must be positive on a logarithmic axis, but starts at {span[0]:g}. Raise it.")
            ends = [_exponent(end) for end in span] if log else list(span)
            reverse = found.layout[axis].range and found.layout[axis].range[0] > found.layout[axis].range[1]
            every = found.select_xaxes() if axis == "xaxis" else [found.layout.yaxis]
            for each in every:
                each.update(range=ends[::-1] if reverse else ends, autorange=False)
    return found


def rangeable(drawn: go.Figure) -> tuple[str, ...]:
    """The axes of which a range can be chosen: those with numbers along them; the vertical one where there is only one."""
    found = []
    numbers = {"x": False, "y": False}
    for trace in drawn.data:
        if trace.type in ("scatter", "bar"):
            for key in numbers:
                values = trace[key]
                numbers[key] |= values is not None and len(values) > 0 and not isinstance(values[0], str)
    single = len({trace.yaxis for trace in drawn.data if "yaxis" in trace}) <= 1
    for axis, wanted in (("xaxis", True), ("yaxis", single)):
        about = drawn.layout[axis]
        plain = about.visible is not False and about.type in (None, "-", "linear", "log") and about.tickvals is None
        if wanted and plain and numbers[axis[0]]:
            found.append(axis)
    return tuple(found)


def _exponent(value: float) -> float:
    from math import log10

    return log10(value)
