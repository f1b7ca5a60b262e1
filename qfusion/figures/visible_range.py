"""The visible part of a figure: hidden series and axis ranges, as one short text in the URL."""

import html
import re
from collections.abc import Iterable
from dataclasses import dataclass
from math import log10
from typing import Any
from urllib.parse import parse_qsl, urlencode

import plotly.graph_objects as go

from qfusion._checks import check, require_number
from qfusion.figures.line_labels import keep_legend
from qfusion.figures.offline_figure import Figure

# What of a figure is shown: series left out and ranges of its axes, as one short text in the address.

MAX_VISIBLE = 1_000
MAX_LEFT_OUT = 30
_LARGEST = 1e9


@dataclass(frozen=True)
class VisibleRange:
    """Legend entries that are left out; (low, high) of the horizontal and the vertical axis, in the axis' own units."""

    hidden: tuple[str, ...] = ()
    x: tuple[float, float] | None = None
    y: tuple[float, float] | None = None

    def __str__(self) -> str:
        written = [
            (key, f"{pair[0]:g},{pair[1]:g}")
            for key, pair in (("x", self.x), ("y", self.y))
            if pair
        ]
        return urlencode([*(("hide", name) for name in self.hidden), *written])

    def __bool__(self) -> bool:
        return bool(self.hidden or self.x or self.y)


def parse_visible(text: str) -> VisibleRange:
    """Return a visible range from its text.

    Raises:
        InvalidInput: when the text is not one.
    """
    check(
        len(text) <= MAX_VISIBLE,
        f"What is shown of a figure is told in at most {MAX_VISIBLE:,} characters, but here are {len(text):,}. Choose "
        "anew what is shown.",
    )
    hidden: list[str] = []
    ranges: dict[str, tuple[float, float]] = {}
    for key, value in (
        parse_qsl(text, max_num_fields=MAX_LEFT_OUT + 2)
        if text.count("&") < MAX_LEFT_OUT + 2
        else [("", text)]
    ):
        check(
            key in ("hide", "x", "y"),
            "What is shown of a figure is told by `hide=SERIES`, `x=LOW,HIGH` or `y=LOW,HIGH`, but here "
            f"stands {text[:60]!r}. Choose anew what is shown.",
        )
        if key == "hide":
            hidden.append(value)
        else:
            ends = value.split(",")
            check(
                len(ends) == 2,
                f"A range is `LOW,HIGH`, but {key} is {value[:40]!r}. Give two numbers.",
            )
            low, high = (require_number(key, end, -_LARGEST, _LARGEST) for end in ends)
            check(
                low < high,
                f"A range goes from low to high, but {key} is {value[:40]!r}. Exchange the two.",
            )
            ranges[key] = (low, high)
    return VisibleRange(tuple(dict.fromkeys(hidden)), ranges.get("x"), ranges.get("y"))


def apply_visible(drawn: go.Figure, visible: VisibleRange) -> go.Figure:
    """Return the figure with this visible range, or the figure itself if the range is empty."""
    if not visible:
        return drawn
    figure = Figure(hide_series(drawn, visible.hidden))
    for axis, span in (("xaxis", visible.x), ("yaxis", visible.y)):
        if span and axis in adjustable_axes(drawn):
            present = figure.layout[axis]
            log = present.type == "log"
            check(
                not log or span[0] > 0,
                f"Argument `{axis[0]}` must be positive on a logarithmic axis, but starts at {span[0]:g}. Raise it.",
            )
            ends = [log10(end) for end in span] if log else list(span)
            if present.range and present.range[0] > present.range[1]:
                ends.reverse()
            for own in figure.select_xaxes() if axis == "xaxis" else [present]:
                own.update(range=ends, autorange=False)
            keep_legend(figure)
    return figure


def adjustable_axes(drawn: go.Figure) -> tuple[str, ...]:
    """Return the axes whose range can be chosen: those with numbers along them.

    The vertical one where there is only one.
    """
    single = len({trace.yaxis for trace in drawn.data if "yaxis" in trace}) <= 1
    return tuple(
        axis for axis in (("xaxis", "yaxis") if single else ("xaxis",)) if _is_ranged(drawn, axis)
    )


def _is_ranged(drawn: go.Figure, name: str) -> bool:
    """Return whether an axis has numbers along it, and ticks of plotly's."""
    axis = drawn.layout[name]
    columns = (trace[name[0]] for trace in drawn.data if trace.type in ("scatter", "bar"))
    return (
        axis.visible is not False
        and axis.type in (None, "-", "linear", "log")
        and axis.tickvals is None
        and any(
            values is not None and len(values) > 0 and not isinstance(values[0], str)
            for values in columns
        )
    )


_TAG = re.compile(r"</?(?:b|i|em|strong|sub|sup|span|a|u|s)\b[^<>]{0,200}>", re.IGNORECASE)
_BREAK = re.compile(r"<br\s*/?>", re.IGNORECASE)


def plain_legend_entry(entry: str) -> str:
    """Return a legend entry as a reader sees it: plotly's markup taken out, entities resolved."""
    return html.unescape(_TAG.sub("", _BREAK.sub(" ", entry)))


def legend_entries(drawn: go.Figure) -> list[str]:
    """Return the names of the legend entries, each once. They are in the order of the figure, with groups together.

    See `plain_legend_entry` for how they read.
    """
    if not drawn.layout.showlegend:
        return []
    shown = [
        (entry, group or id(trace))
        for entry, group, trace in _entries(drawn)
        if _is_in_legend(trace)
    ]
    groups = list(dict.fromkeys(group for _, group in shown))
    shown.sort(key=lambda pair: groups.index(pair[1]))
    return list(dict.fromkeys(entry for entry, _ in shown))


def _is_in_legend(trace: Any) -> bool:
    shown = (True,) if trace.type == "heatmap" else (True, None)
    return trace.visible is not False and "showlegend" in trace and trace.showlegend in shown


def _entries(drawn: go.Figure) -> list[tuple[str, str | None, Any]]:
    """Return the name, legend group and trace of every series; plotly calls the third one without a name "trace 2"."""
    return [
        (
            f"trace {place}" if trace.name is None else str(trace.name),
            getattr(trace, "legendgroup", None),  # parallel coordinates have none
            trace,
        )
        for place, trace in enumerate(drawn.data)
    ]


def hide_series(drawn: go.Figure, hidden: Iterable[str]) -> go.Figure:
    """Draw the figure without the traces that belong to the named legend entries: of that name, or of a legend group
    that an entry leads.

    Entries are named as `legend_entries` or `plain_legend_entry` does. Names that this figure does not have leave
    nothing out; where nothing is left out, the figure itself is returned.
    """
    named = set(hidden)
    if not named:
        return drawn
    pairs = [
        (not named.isdisjoint((entry, plain_legend_entry(entry), group)), group)
        for entry, group, _ in _entries(drawn)
    ]
    groups = {group for is_named, group in pairs if is_named and group}
    gone = [is_named or group in groups for is_named, group in pairs]
    if not any(gone):
        return drawn
    figure = Figure(drawn)
    figure.data = [trace for trace, left_out in zip(figure.data, gone, strict=True) if not left_out]
    return figure
