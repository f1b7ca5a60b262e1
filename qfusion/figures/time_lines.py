"""Elements of charts over time: lines, lines as learned, rules, the cursor, titles and colours."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion._sentences import listed
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import GREY, INK, LINE, QUIET, Theme, label, term_colour, term_title

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
) -> dict[str, Any]:
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


def learned_line(times: np.ndarray, values: np.ndarray, hue: str, row: str) -> dict[str, Any]:
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


def learned_legend_entry() -> dict[str, Any]:
    """Return the common legend entry of the ghost lines of all colours, which comes last in the legend."""
    line = {"width": 1.2, "color": GREY, "dash": "dot"}
    return legend_entry(AS_LEARNED, line, legendgroup=AS_LEARNED)


def legend_entry(name: str, line: Mapping[str, Any], **more: Any) -> dict[str, Any]:
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


def vertical_rule(theme: Theme, **place: Any) -> dict[str, Any]:
    """Return a thin line across a figure, as a plain dictionary: plotly's own helpers search every subplot first."""
    dash = "solid" if place["y0"] == place["y1"] else "dash"
    return {
        "type": "line",
        "line": {
            "color": QUIET[theme] if dash == "dash" else LINE[theme],
            "width": 1,
            "dash": dash,
        },
        "layer": "below",
        **place,
    }


def zero_and_cursor(theme: Theme, cursor: float | None) -> list[dict[str, Any]]:
    """Return zero of the lower plot, and the cursor through both."""
    cursors = [] if cursor is None else [cursor]
    return [
        vertical_rule(theme, yref="y2", xref="paper", x0=0, x1=1, y0=0, y1=0),
        *(vertical_rule(theme, yref="paper", xref="x", x0=t, x1=t, y0=0, y1=1) for t in cursors),
    ]


@checks_arrays()
def draw_time_cursor(figure: go.Figure, cursor: float | None, theme: Theme) -> go.Figure:
    """Draw the time cursor."""
    if cursor is not None:
        figure.update_layout(
            shapes=[vertical_rule(theme, yref="paper", xref="x", x0=cursor, x1=cursor, y0=0, y1=1)]
        )
    return figure


def part_title(part: Sequence[str], between: str = "+") -> str:
    """Return the legend name of some modalities; of none, of all together."""
    if not part:
        return "all together"
    return term_title("+".join(part)) if between == "+" else f" {between} ".join(map(label, part))


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


def parts_title(parts: Sequence[Sequence[str]], between: str = "+") -> str:
    """Return the legend name of a curve that belongs to one part, or to several alike."""
    titles = [part_title(part, between) for part in parts]
    return titles[0] if len(titles) == 1 else f"{listed(titles)} (equal)"


def parts_union(parts: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """Return the modalities that give a curve of several parts its colour; its dash is that of the first part."""
    return tuple(dict.fromkeys(name for part in parts for name in part))


def part_colour(part: Sequence[str], modalities: Sequence[str], theme: Theme) -> str:
    """Return the colour of a set of modalities; that of the letters for none."""
    return term_colour("+".join(part), modalities) if part else INK[theme]


def time_range(*times: np.ndarray) -> list[float]:
    """Return the range of an axis of time, from 0 to the last of all times; it is never empty."""
    return [0.0, max(1e-6, *(float(part[-1]) for part in times))]
