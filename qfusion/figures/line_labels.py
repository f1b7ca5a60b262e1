"""Names of lines at their right ends, in place of a legend where the figure is wide enough for them.

A figure is drawn with its legend and offers its labels in the `meta` of its layout, with the margins and ranges that
they need. What shows the figure knows its width and draws the labels if they fit: pages in
`qfusion/assets/figure.js`, files by `draw_line_labels`. Elsewhere, as in a notebook, the legend stays.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import east_asian_width

import numpy as np
import plotly.graph_objects as go

from qfusion._lazy import Library
from qfusion.figures.offline_figure import Figure

optimize: Any = Library("scipy.optimize")

OFFER = "line_labels"  # in `meta` of the layout: labels, notes, and the margins and ranges that belong to them
MOST = 10  # labels in one plot
SHARE = 0.25  # of the figure's width that the labels may take

# Pixels.
_SIZE = 12  # letters
_APART = 15  # between the middles of two labels
_LEADER = 16  # length of the line from the end of a curve to its label
_GAP = 3  # between that line and the label
_LETTER = 6.2  # width of a letter, on average over a name
_TOP = 12  # margin above the plots where there is no legend


def place_labels(
    wanted: Sequence[float] | np.ndarray, apart: float, low: float, high: float
) -> np.ndarray:
    """Return places in [low, high] that are at least `apart` from each other, as near to the wanted ones as possible.

    They keep the order of the wanted places. Of all such places they have the least sum of squared distances.
    """
    order = np.argsort(wanted, kind="stable")
    # Places that are `apart` become equal when each gives up the room of those before it: a monotonic regression.
    room = apart * np.arange(len(order))
    most = max(low, high - apart * (len(order) - 1))
    pushed = optimize.isotonic_regression(np.asarray(wanted, dtype=float)[order] - room).x
    places = np.empty(len(order))
    places[order] = np.clip(pushed, low, most) + room
    return places


def offer_line_labels(figure: go.Figure, note: str = "") -> go.Figure:
    """Let the figure have labels instead of its legend: one for every line whose name is shown under the pointer.

    A figure with more than `MOST` lines in a plot, or less room than they need, offers none.

    Args:
        figure: with its axes and margins; changed in place and returned.
        note: what else the legend says, written below the labels.
    """
    margin = figure.layout.margin
    rows: dict[str, list[Any]] = {}
    for trace in figure.data:
        if trace.mode == "lines" and trace.hoverinfo != "skip":
            rows.setdefault(trace.yaxis or "y", []).append(trace)
    ranges = {}
    labels = []
    for name, traces in rows.items():
        axis = figure.layout[f"yaxis{name[1:]}"]
        low, high = axis.domain or (0.0, 1.0)
        pixels = (high - low) * (figure.layout.height - _TOP - margin.b)
        if len(traces) > MOST or _APART * len(traces) > pixels:
            return figure
        span = axis.range or _line_range(figure, name, axis.rangemode == "tozero")
        ranges[f"yaxis{name[1:]}"] = [float(end) for end in span]
        ends = np.array([float(trace.y[-1]) for trace in traces])
        wanted = pixels * (span[1] - ends) / (span[1] - span[0])
        places = place_labels(wanted, _APART, _APART / 2, pixels - _APART / 2)
        labels += [
            _annotation(trace, name, end, shift)
            for trace, end, shift in zip(traces, ends, places - wanted, strict=True)
        ]
    widest = max((_text_width(label["text"]) for label in labels), default=0.0)
    figure.layout.meta = {
        OFFER: {
            "labels": labels,
            "right": round(max(widest, _text_width(note)) + _LEADER + _GAP + 6),
            "top": _TOP,
            "ranges": ranges,
            "notes": [_note(note)] if note else [],
        }
    }
    return figure


def keep_legend(figure: go.Figure) -> go.Figure:
    """Take back the offer of labels: the ranges of the figure change. It is changed in place and returned."""
    figure.layout.meta = None
    return figure


def fits(drawn: go.Figure, width: float) -> bool:
    """Return whether a figure offers labels that take at most `SHARE` of a width in pixels."""
    offer = _offer(drawn)
    return bool(offer) and offer["right"] <= SHARE * width


def draw_line_labels(drawn: go.Figure, width: float) -> go.Figure:
    """Return the figure with labels instead of a legend where they fit into a width in pixels, or the figure itself."""
    if not fits(drawn, width):
        return drawn
    offer = _offer(drawn)
    lines = {(trace.name, trace.yaxis or "y") for trace in drawn.data if trace.mode == "lines"}
    labels = [label for label in offer["labels"] if (label["text"], label["yref"]) in lines]
    figure = Figure(drawn)
    figure.update_layout(
        showlegend=False,
        margin={"r": offer["right"], "t": offer["top"]},
        annotations=[*drawn.layout.annotations, *labels, *offer["notes"]],
    )
    for axis, span in offer["ranges"].items():
        figure.update_layout({axis: {"range": span}})
    return figure


def _offer(drawn: go.Figure) -> Mapping[str, Any]:
    meta = drawn.layout.meta
    return meta.get(OFFER, {}) if isinstance(meta, Mapping) else {}


def _line_range(figure: go.Figure, name: str, from_zero: bool) -> tuple[float, float]:
    """Return the range of a vertical axis that holds all its lines, as plotly chooses it."""
    values = np.concatenate(
        [np.asarray(trace.y, dtype=float) for trace in figure.data if (trace.yaxis or "y") == name]
    )
    low = float(np.nanmin(values))
    high = float(np.nanmax(values))
    if from_zero and low >= 0:
        return 0.0, 1.05 * high if high > 0 else 1.0
    edge = 0.05 * (high - low) or 1.0
    return low - edge, high + edge


def _annotation(trace: Any, name: str, end: float, shift: float) -> dict[str, Any]:
    """Return the label of a trace: its name, and a line in its colour from its end."""
    return {
        "x": float(trace.x[-1]),
        "y": end,
        "xref": trace.xaxis or "x",
        "yref": name,
        "ax": _LEADER,
        "ay": round(float(shift), 1),
        "xanchor": "left",
        "yanchor": "middle",
        "text": trace.name,
        "font": {"size": _SIZE},
        "showarrow": True,
        "arrowhead": 0,
        "arrowwidth": 1.5,
        "arrowcolor": trace.line.color,
        "borderpad": _GAP,
    }


def _note(text: str) -> dict[str, Any]:
    """Return a line of text right of the lowest plot's axis."""
    return {
        "x": 1,
        "y": 0,
        "xref": "paper",
        "yref": "paper",
        "xshift": 8,
        "yshift": -4,
        "xanchor": "left",
        "yanchor": "top",
        "text": text,
        "font": {"size": _SIZE},
        "showarrow": False,
    }


def _text_width(text: str) -> float:
    """Return the width of a text in pixels, rather too wide; East Asian wide letters count double."""
    return _LETTER * sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
