"""What of a figure is shown: series left out and ranges of its axes, as one short text in the address."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import log10
from typing import Any
from urllib.parse import parse_qsl, urlencode

import plotly.graph_objects as go

from qfusion._checks import check, require_number

MAX_TEXT, MAX_HIDDEN = 1_000, 30
_LARGEST = 1e9


@dataclass(frozen=True)
class VisibleRange:
    """Legend entries that are left out; (low, high) of the horizontal and the vertical axis, in the axis' own units."""

    hidden: tuple[str, ...] = ()
    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None

    def __str__(self) -> str:
        parts = [("hide", name) for name in self.hidden]
        parts += [
            (key, f"{pair[0]:g},{pair[1]:g}")
            for key, pair in (("x", self.x), ("y", self.y))
            if pair
        ]
        return urlencode(parts)

    def __bool__(self) -> bool:
        return bool(self.hidden or self.x or self.y)


def parse(text: str) -> VisibleRange:
    """Returns a visible range from its text.

    Raises:
        InvalidInput: when the text is not one.
    """
    check(
        len(text) <= MAX_TEXT,
        f"What is shown of a figure is told in at most {MAX_TEXT:,} characters, but here are {len(text):,}. Choose "
        "anew what is shown.",
    )
    hidden: list[str] = []
    ranges: dict[str, tuple[float, float]] = {}
    for key, value in (
        parse_qsl(text, max_num_fields=MAX_HIDDEN + 2)
        if text.count("&") < MAX_HIDDEN + 2
        else [("", text)]
    ):
        check(
            key in ("hide", "x", "y"),
            "What is shown of a figure is told by `hide=SERIES`, `x=LOW,HIGH` or `y=LOW,HIGH`, but here "
            f"stands {text[:60]!r}. Choose anew what is shown.",
        )
        if key == "hide":
            hidden.append(value)
            continue
        ends = value.split(",")
        check(
            len(ends) == 2, f"A range is `LOW,HIGH`, but {key} is {value[:40]!r}. Give two numbers."
        )
        low, high = (require_number(key, end, -_LARGEST, _LARGEST) for end in ends)
        check(
            low < high,
            f"A range goes from low to high, but {key} is {value[:40]!r}. Exchange the two.",
        )
        ranges[key] = (low, high)
    return VisibleRange(tuple(dict.fromkeys(hidden)), ranges.get("x"), ranges.get("y"))


def apply(drawn: go.Figure, visible: VisibleRange) -> go.Figure:
    """The figure with this visible range; the figure itself when there is none."""
    if not visible:
        return drawn
    found = without(drawn, visible.hidden)
    if found is drawn:
        found = go.Figure(drawn)
    for axis, span in (("xaxis", visible.x), ("yaxis", visible.y)):
        if span and axis in rangeable(drawn):
            log = found.layout[axis].type == "log"
            check(
                not log or span[0] > 0,
                f"Argument `{axis[0]}` must be positive on a logarithmic axis, but starts at {span[0]:g}. Raise it.",
            )
            ends = [log10(end) for end in span] if log else list(span)
            reverse = (
                found.layout[axis].range
                and found.layout[axis].range[0] > found.layout[axis].range[1]
            )
            every = found.select_xaxes() if axis == "xaxis" else [found.layout.yaxis]
            for each in every:
                each.update(range=ends[::-1] if reverse else ends, autorange=False)
    return found


def rangeable(drawn: go.Figure) -> tuple[str, ...]:
    """The axes whose range can be chosen: those with numbers along them; the vertical one where there is only one."""
    found = []
    numbers = {"x": False, "y": False}
    for trace in drawn.data:
        if trace.type in ("scatter", "bar"):
            for key in numbers:
                values = trace[key]
                numbers[key] |= (
                    values is not None and len(values) > 0 and not isinstance(values[0], str)
                )
    single = len({trace.yaxis for trace in drawn.data if "yaxis" in trace}) <= 1
    for axis, wanted in (("xaxis", True), ("yaxis", single)):
        about = drawn.layout[axis]
        plain = (
            about.visible is not False
            and about.type in (None, "-", "linear", "log")
            and about.tickvals is None
        )
        if wanted and plain and numbers[axis[0]]:
            found.append(axis)
    return tuple(found)


_TAG = re.compile(r"</?(?:b|i|em|strong|sub|sup|span|a|u|s)\b[^<>]{0,200}>", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def plain_entry(entry: str) -> str:
    """A legend entry as a reader sees it: plotly's markup taken out, entities resolved."""
    return html.unescape(_TAG.sub("", _BREAK.sub(" ", entry)))


def legend_entries(drawn: go.Figure) -> list[str]:
    """Names of what stands in the legend, from left to right or top to bottom, each once; see `plain_entry` for how
    they read."""
    shown = [trace for trace in drawn.data if _in_legend(trace)]
    if drawn.layout.showlegend is False or (
        drawn.layout.showlegend is None
        and len(shown) < 2
        and not any(trace.showlegend for trace in shown)
    ):
        return []
    order = _legend_order(drawn, shown)
    if "grouped" in order:
        groups = list(dict.fromkeys(trace.legendgroup or id(trace) for trace in shown))
        shown = sorted(shown, key=lambda trace: groups.index(trace.legendgroup or id(trace)))
    if "reversed" in order:
        shown = shown[::-1]
    shown = sorted(shown, key=lambda trace: 1000 if trace.legendrank is None else trace.legendrank)
    return list(dict.fromkeys(_name(drawn, trace) for trace in shown))


def _in_legend(trace: Any) -> bool:
    if trace.visible is False or "showlegend" not in trace:
        return False
    return bool(trace.showlegend) if trace.type == "heatmap" else trace.showlegend is not False


def _name(drawn: go.Figure, trace: Any) -> str:
    """plotly calls the third trace without a name "trace 2"."""
    if trace.name is not None:
        return str(trace.name)
    return f"trace {next(i for i, each in enumerate(drawn.data) if each is trace)}"


def _legend_order(drawn: go.Figure, shown: list[Any]) -> str:
    if drawn.layout.legend.traceorder:
        return str(drawn.layout.legend.traceorder)
    stacked = any(
        (trace.type == "bar" and drawn.layout.barmode == "stack")
        or (trace.type == "scatter" and trace.fill in ("tonextx", "tonexty"))
        for trace in shown
    )
    return (
        "+".join(
            [
                *(["grouped"] if any(trace.legendgroup for trace in shown) else []),
                *(["reversed"] if stacked else []),
            ]
        )
        or "normal"
    )


def without(drawn: go.Figure, hidden: Iterable[str]) -> go.Figure:
    """The figure without the traces that belong to the named legend entries: of that name, or of a legend group that an
    entry leads.

    Entries are named as `legend_entries` or `plain_entry` does. Names that this figure does not have leave nothing out;
    where nothing is left out, the figure itself is returned.
    """
    named = set(hidden)
    if not named:
        return drawn
    groups = {
        trace.legendgroup
        for trace in drawn.data
        if trace.legendgroup and _named(drawn, trace, named)
    }
    gone = [_named(drawn, trace, named) or trace.legendgroup in groups for trace in drawn.data]
    if not any(gone):
        return drawn
    found = go.Figure(drawn)
    found.data = [trace for trace, left_out in zip(found.data, gone, strict=True) if not left_out]
    return found


def _named(drawn: go.Figure, trace: Any, named: set[str]) -> bool:
    name = _name(drawn, trace)
    return not named.isdisjoint((name, plain_entry(name), trace.legendgroup))
