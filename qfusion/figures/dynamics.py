"""Quantities over the time of the evolution: entropies, correlations, decision terms, distance to the steady state."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    QUIET,
    Theme,
    axis,
    base,
    label,
    log_ticks,
    term_colour,
    term_dash,
    term_title,
)

TIME = "time t (model units, ħ = 1)"


def measure_lines(times: np.ndarray, series: Mapping[str, np.ndarray], modalities: Sequence[str], y_title: str, *,
                  cursor: float | None = None, height: int = 300, theme: Theme = "light") -> go.Figure:
    """Lines over time, one per subset of modalities.

    Args:
        times: (nT,) in model units; series: (nT,) each, keyed by coalition ("" = all together) or by a pair of parties
            `"a:b"`.
    """
    figure = base(theme, height, legend=True, right=20, top=8)
    figure.add_traces([_line(times, values, name, modalities, theme, "y", True) for name, values in series.items()])
    figure.update_layout(hovermode="x unified", dragmode="zoom",
                         xaxis={"title": {"text": TIME}, "range": _span(times, None)},
                         yaxis={"title": {"text": label(y_title)}})
    return mark_time(figure, cursor, theme)


def decision_lines(times: np.ndarray, entropies: Mapping[str, np.ndarray], dividends: Mapping[str, np.ndarray],
                   modalities: Sequence[str], *, before: Before | None = None, unit: str = "score",
                   above: str = "entropy (nats)", what: str = "dividend", cursor: float | None = None,
                   theme: Theme = "light") -> go.Figure:
    """Entanglement above, decision below, on one time axis: who speaks, alone or jointly, and when.

    Args:
        times: (nT,); entropies: of the modalities and of all together (""); dividends: by coalition, as if the state were
            read out at t; the baseline (the empty coalition) is left out. Shapley values by modality do too.
        above, what: axis names of the two.
        before: the same before a tweak, drawn as thin dotted ghosts.
    """
    figure = base(theme, 500, legend=True, right=20, top=8)
    terms = {name: values for name, values in dividends.items() if name}
    if before is not None:
        ghosts = {name: values for name, values in before.dividends.items() if name}
        figure.add_traces([_ghost(before.times, values, _hue(name, modalities, theme), row)
                           for row, found in (("y", before.entropies), ("y2", ghosts)) for name, values in found.items()])
    figure.add_traces([_line(times, values, name, modalities, theme, row, row == "y2" or not name)
                       for row, found in (("y", entropies), ("y2", terms)) for name, values in found.items()])
    lines = [_rule(theme, yref="y2", xref="paper", x0=0, x1=1, y0=0, y1=0)]
    if cursor is not None:
        lines.append(_rule(theme, yref="paper", xref="x", x0=cursor, x1=cursor, y0=0, y1=1))
    figure.update_layout(
        hovermode="x unified", dragmode="zoom", shapes=lines,
        xaxis={"title": {"text": TIME}, "range": _span(times, None if before is None else before.times), "anchor": "y2"},
        yaxis={"title": {"text": label(above)}, "domain": [0.56, 1.0], "rangemode": "tozero"},
        yaxis2=axis(theme) | {"domain": [0.0, 0.46]}, yaxis2_title_text=f"{label(what)} ({label(unit)})")
    return figure


@dataclass(frozen=True, eq=False)
class Before:
    """What `decision_lines` drew before a tweak."""

    times: np.ndarray
    entropies: Mapping[str, np.ndarray]
    dividends: Mapping[str, np.ndarray]


def _line(times: np.ndarray, values: np.ndarray, name: str, modalities: Sequence[str], theme: Theme, row: str,
          legend: bool) -> dict[str, Any]:
    check(len(values) == len(times), f"The series of {name!r} must have shape ({len(times)},), but has shape "
                                     f"{np.shape(values)}.")
    title = series_title(name)
    # A dictionary is checked once, when it is added; a `go.Scatter` twice.
    return {"type": "scatter", "x": times, "y": values, "yaxis": row, "mode": "lines", "name": title,
            "showlegend": legend, "legendgroup": name,
            "line": {"width": 2.5, "color": _hue(name, modalities, theme), "dash": _dash(name)},
            "hovertemplate": f"{title}: %{{y:.3f}}<extra></extra>"}


def _ghost(times: np.ndarray, values: np.ndarray, hue: str, row: str) -> dict[str, Any]:
    return {"type": "scatter", "x": times[::2], "y": values[::2], "yaxis": row, "mode": "lines", "hoverinfo": "skip",
            "showlegend": False, "opacity": 0.6, "line": {"width": 1.2, "color": hue, "dash": "dot"}}


def _rule(theme: Theme, **place: Any) -> dict[str, Any]:
    """A thin line across a figure, as a plain dictionary: plotly's own helpers search every subplot first."""
    dash = "solid" if place["y0"] == place["y1"] else "dash"
    return {"type": "line", "line": {"color": QUIET[theme] if dash == "dash" else LINE[theme], "width": 1, "dash": dash},
            "layer": "below", **place}


def distance_line(times: np.ndarray, distance: np.ndarray, gap: float, end: float, *,
                  theme: Theme = "light") -> go.Figure:
    """Trace distance to the steady state on a logarithmic axis, and the slope that the spectral gap predicts."""
    figure = base(theme, 300, legend=True)
    seen = np.maximum(np.asarray(distance, dtype=float), 1e-16)
    figure.add_scatter(x=times, y=seen, mode="lines", name="distance of ρ(t)", line={"color": INK[theme], "width": 2.5},
                       hovertemplate="t = %{x:.2f}: %{y:.2e}<extra></extra>")
    if np.isfinite(gap) and gap > 0:
        anchor = len(times) // 2
        slope = seen[anchor] * np.exp(-gap * (np.asarray(times) - times[anchor]))
        figure.add_scatter(x=times, y=slope, mode="lines", name=f"exp(−gap·t), gap = {gap:.3g}",
                           line={"color": GREY, "dash": "dash"}, hoverinfo="skip")
    figure.update_yaxes(type="log", title={"text": "trace distance (0 to 1)"}, **log_ticks(seen))
    figure.update_xaxes(title={"text": TIME})
    figure.add_vline(x=end, line={"color": QUIET[theme], "dash": "dot"})
    figure.add_annotation(x=end, y=1, yref="paper", text="read-out T", showarrow=False, xanchor="left", xshift=4,
                          font={"size": 11, "color": QUIET[theme]})
    return figure


def sparkline(times: np.ndarray, series: Mapping[str, np.ndarray], modalities: Sequence[str], *,
              theme: Theme = "light") -> go.Figure:
    """Small entropies over time with the end values written out, for cards."""
    figure = base(theme, 116, left=34, right=88, top=6, bottom=34)
    top = 1.2 * max((float(np.max(v)) for v in series.values()), default=1.0) or 1.0
    gap = 0.19 * top  # a line of text, in units of the axis
    heights = _spread([float(values[-1]) for values in series.values()], gap, 0.93 * top)
    for (name, values), height in zip(series.items(), heights, strict=True):
        hue = _hue(name, modalities, theme)
        figure.add_scatter(x=times, y=values, mode="lines", line={"width": 2.2, "color": hue, "dash": _dash(name)},
                           hovertemplate=f"{series_title(name)} %{{y:.2f}}<extra></extra>")
        figure.add_annotation(x=float(times[-1]), y=height, text=f"{series_title(name)} {values[-1]:.2f}",
                              showarrow=False, xanchor="left", xshift=5, font={"size": 11, "color": INK[theme]})
    figure.update_xaxes(title={"text": "time t", "font": {"size": 11}}, range=[0, float(times[-1])], nticks=3, tickfont={"size": 11})
    figure.update_yaxes(nticks=3, range=[0, top], tickfont={"size": 11})
    return figure


def mark_time(figure: go.Figure, cursor: float | None, theme: Theme) -> go.Figure:
    """Draws the time cursor."""
    if cursor is not None:
        figure.update_layout(shapes=[_rule(theme, yref="paper", xref="x", x0=cursor, x1=cursor, y0=0, y1=1)])
    return figure


def series_title(name: str) -> str:
    """Legend name of a coalition, a pair of parties `"a:b"`, or the joint state."""
    if name in ("", "all"):
        return "all together"
    if ":" in name:
        first, second = name.split(":", 1)
        return f"{label(first)} : {label(second)}"
    return term_title(name)


def _hue(name: str, modalities: Sequence[str], theme: Theme) -> str:
    if name in ("", "all"):
        return INK[theme]
    return term_colour(name.replace(":", "+"), modalities)


def _dash(name: str) -> str:
    return "solid" if name in ("", "all") else term_dash(name.replace(":", "+"))


def _span(times: np.ndarray, before_times: np.ndarray | None) -> list[float]:
    ends = [float(times[-1])] + ([] if before_times is None else [float(before_times[-1])])
    return [0.0, max(ends)]


def _spread(values: Sequence[float], gap: float, highest: float) -> list[float]:
    """Heights near `values`, at least `gap` apart and at most `highest`, so that end labels neither overlap nor leave."""
    order = np.argsort(values)
    heights = np.asarray(values, dtype=float).copy()
    for lower, upper in itertools.pairwise(order):
        heights[upper] = max(heights[upper], heights[lower] + gap)
    heights += np.mean(values) - heights.mean()
    return (heights - max(0.0, float(heights.max()) - highest)).tolist()

