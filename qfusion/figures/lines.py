"""Lines: the elements of charts over time, names at the ends of lines, and the series that traces draw."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from unicodedata import east_asian_width

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion._lazy import Library
from qfusion._sentences import listed
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import segment
from qfusion.figures.style import GREY, INK, QUIET, Attributes, label, term_colour, term_title

TIME = "time t (model units, ħ = 1)"
AS_LEARNED = "as learned"
DOTTED = f"dotted: {AS_LEARNED}"
JUMP_SYMBOLS = ("triangle-down", "square", "diamond", "star", "cross", "x")


def time_line(
    x: np.ndarray | Sequence[float],
    y: np.ndarray | Sequence[float],
    title: str,
    hue: str,
    dash: str,
    row: str,
    legend: bool = True,
    what: str = "",
    width: float = 2.5,
    group: str | None = None,
    meta: Mapping[str, Any] | None = None,
) -> Attributes:
    """Return a line with a legend entry, in its own legend group unless `group` is given.

    `what` stands behind its name under the pointer. `meta` names its series, see `followed_series`.
    """
    check(
        np.shape(y) == np.shape(x),
        f"The series of {title!r} must have shape {np.shape(x)}, but has shape {np.shape(y)}.",
    )
    # A dictionary is checked once, when it is added; a `go.Scatter` twice.
    return {
        "type": "scatter",
        "x": x,
        "y": y,
        "yaxis": row,
        "mode": "lines",
        "name": title,
        "showlegend": legend,
        "legendgroup": title if group is None else group,
        "line": {"width": width, "color": hue, "dash": dash},
        "hovertemplate": f"{title}{f', {what}' if what else ''}: %{{y:.3f}}<extra></extra>",
        **({"meta": dict(meta)} if meta else {}),
    }


def learned_line(times: np.ndarray, values: np.ndarray, hue: str, row: str) -> Attributes:
    """Return the thin dotted line of a series before a change of the model."""
    return {
        "type": "scatter",
        "x": times[::2],
        "y": values[::2],
        "yaxis": row,
        "mode": "lines",
        "hoverinfo": "skip",
        "showlegend": False,
        "legendgroup": AS_LEARNED,
        "opacity": 0.6,
        "line": {"width": 1.2, "color": hue, "dash": "dot"},
    }


def learned_legend_entry() -> Attributes:
    """Return the common legend entry of the ghost lines of all colours, which comes last in the legend."""
    line = {"width": 1.2, "color": GREY, "dash": "dot"}
    return legend_entry(AS_LEARNED, line, legendgroup=AS_LEARNED)


def legend_entry(name: str, line: Mapping[str, Any], **more: Any) -> Attributes:
    """Return a trace without points, which only explains a kind of line in the legend."""
    return {
        "type": "scatter",
        "x": [None],
        "y": [None],
        "mode": "lines",
        "hoverinfo": "skip",
        "name": name,
        "showlegend": True,
        "line": dict(line),
        **more,
    }


def cursor_line(at: float, *, xref: str = "x", yref: str = "paper") -> Attributes:
    """Return the dashed line of a cursor, as a plain dictionary: plotly's own helpers search every subplot first."""
    return segment((at, at), (0, 1), hue=QUIET, dash="dash", layer="below", xref=xref, yref=yref)


def zero_line(xref: str, yref: str) -> Attributes:
    """Return the line at zero across a plot."""
    return segment((0, 1), (0, 0), dash="solid", layer="below", xref=xref, yref=yref)


def zero_and_cursor(cursor: float | None) -> list[Attributes]:
    """Return zero of the lower plot, and the cursor through both."""
    zero = zero_line("paper", "y2")
    return [zero] if cursor is None else [zero, cursor_line(cursor)]


@checks_arrays()
def draw_time_cursor(figure: go.Figure, cursor: float | None) -> go.Figure:
    """Draw the time cursor."""
    if cursor is not None:
        figure.update_layout(shapes=[cursor_line(cursor)])
    return figure


def part_title(part: Sequence[str]) -> str:
    """Return the legend name of some modalities; of none, of all together."""
    return term_title("+".join(part)) if part else "all together"


def merge_equal_series(
    series: Mapping[tuple[str, ...], np.ndarray],
) -> list[tuple[list[tuple[str, ...]], np.ndarray]]:
    """Return every different curve once, with the parts that it belongs to, such as both halves of a pure state."""
    merged: list[tuple[list[tuple[str, ...]], np.ndarray]] = []
    for part, values in series.items():
        for parts, known in merged:
            if np.allclose(values, known, rtol=1e-6, atol=1e-7):
                parts.append(part)
                break
        else:
            merged.append(([part], values))
    return merged


def parts_title(parts: Sequence[Sequence[str]]) -> str:
    """Return the legend name of a curve that belongs to one part, or to several alike."""
    titles = [part_title(part) for part in parts]
    return titles[0] if len(titles) == 1 else f"{listed(titles)} (equal)"


def parts_union(parts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the modalities that give a curve of several parts its colour; its dash is that of the first part."""
    return tuple(dict.fromkeys(name for part in parts for name in part))


def part_colour(part: Sequence[str], modalities: Sequence[str]) -> str:
    """Return the colour of a set of modalities; that of the letters for none."""
    return term_colour("+".join(part), modalities) if part else INK


def time_range(*times: np.ndarray) -> list[float]:
    """Return the range of an axis of time, from 0 to the last of all times; it is never empty."""
    return [0.0, max(1e-6, *(float(part[-1]) for part in times))]


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


def _annotation(trace: Any, name: str, end: float, shift: float) -> Attributes:
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


def _note(text: str) -> Attributes:
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


# Groups of series.
UPPER = "upper"  # measures of the states over time
TERMS = "terms"  # contributions or Shapley values over time
FINAL = "final"  # contributions at T
BUILT = "built"  # what each term of the dynamics built
STATES = "states"  # Bloch vectors of qubits after a gate and before it
ENDS = "ends"  # probabilities that qubits read 1 at the end of a circuit
OUTCOMES = "outcomes"  # of the qubits of a gate: `before` and `after` it
ENTROPIES = "entropies"  # of qubits after every gate
SHARED = "shared"  # mutual information after every gate


def series_names(names: Iterable[str]) -> list[str]:
    """Return names from data, of qubits or registers, as the names of their series: without markup."""
    return [label(name) for name in names]


def line_meta(group: str, names: Sequence[str], equal: bool = False) -> Attributes:
    """Return the `meta` of a line.

    Args:
        group: of the series. names: of the series that the line draws.
        equal: whether the line draws each of them, since they are equal; else it draws their sum.
    """
    return {"group": group, "names": list(names), "equal": equal}


def bars_meta(rows: Sequence[Sequence[str]]) -> Attributes:
    """Return the `meta` of the bars of a waterfall: the terms that each bar adds, without the total."""
    return {"group": FINAL, "rows": [list(names) for names in rows]}


def classes_meta(classes: Sequence[int]) -> Attributes:
    """Return the `meta` of the bars of some classes' probabilities."""
    return {"classes": list(classes)}


def part_meta(part: str) -> Attributes:
    """Return the `meta` of another part of a waterfall, `connectors`, or of a matrix: `cells`, `texts`, `start` or
    `end`.
    """
    return {"group": FINAL if part == "connectors" else BUILT, "part": part}


def discs_meta(names: Sequence[str], hues: Sequence[str], before: bool = False) -> Attributes:
    """Return the `meta` of discs of qubits with needles.

    Args:
        names: of the qubits. hues: of their needles.
        before: whether thin needles show the state before the gate.
    """
    return {"group": STATES, "discs": series_names(names), "colors": list(hues), "before": before}


def ends_meta(names: Sequence[str], height: float, now: bool = False) -> Attributes:
    """Return the `meta` of the filled parts of frames, of this height, at the ends of the wires of qubits.

    Args:
        now: whether they show the states at the scrubber, not at the end.
    """
    return {"group": STATES if now else ENDS, "ends": series_names(names), "height": height}


def decision_meta(classes: Sequence[str]) -> Attributes:
    """Return the `meta` of the box of a decision, with what it calls the classes; without any it shows the score."""
    return {"group": ENDS, "decision": list(classes)}


def now_meta(angle: str) -> Attributes:
    """Return the `meta` of the mark of the present score on its curve against an angle."""
    return {"angle": angle}
