"""Quantities over the time of the evolution or along the layers of a network: entropies, correlations, decision terms;
single runs and their jumps; who shares how much with whom."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.decision import condensed_lines
from qfusion.figures.guards import drawing
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    QUIET,
    STATE_HUES,
    Theme,
    axis,
    bare_axis,
    base,
    faded,
    halo,
    in_circle,
    in_unit,
    label,
    log_ticks,
    split_term,
    term_colour,
    term_dash,
    term_title,
)
from qfusion.figures.themes import DASHES

TIME = "time t (model units, ħ = 1)"
AS_LEARNED = "as learned"
Curves = tuple[np.ndarray, Mapping[tuple[str, ...], np.ndarray]]  # times, and values by modalities
JUMP_SYMBOLS = ("triangle-down", "square", "diamond", "star", "cross", "x")


@drawing(times="T", series="T")
def measure_lines(
    times: np.ndarray,
    series: Mapping[tuple[str, ...], np.ndarray],
    modalities: Sequence[str],
    y_title: str,
    *,
    between: str = "+",
    before: Curves | None = None,
    cursor: float | None = None,
    height: int = 300,
    theme: Theme = "light",
) -> go.Figure:
    """Lines over time, one per subset of modalities.

    Args:
        times: (nT,) in model units; series: (nT,) each, by the modalities that they are of; () for all together.
        between: what stands between the names of modalities in the legend.
        before: times and series as learned, before a tweak, drawn thin and dotted.
    """
    was: Curves = (times, {}) if before is None else before
    figure = (
        base(theme, height, legend=True, right=20, top=8)
        .add_traces(
            [
                *(
                    _ghost(was[0], values, _hue(part, modalities, theme), "y")
                    for part, values in was[1].items()
                ),
                *(
                    line(
                        times,
                        values,
                        _title(part, between),
                        _hue(part, modalities, theme),
                        term_dash("+".join(part)),
                        "y",
                        group=between.join(part),
                    )
                    for part, values in series.items()
                ),
                *([] if before is None else [_ghosts_entry()]),
            ]
        )
        .update_layout(
            hovermode="x unified",
            dragmode="zoom",
            xaxis={
                "title": {"text": TIME},
                "range": span(times, was[0]),
            },
            yaxis={"title": {"text": label(y_title)}},
        )
    )
    return mark_time(figure, cursor, theme)


@drawing(times="T", entropies="T", dividends="T")
def decision_lines(
    times: np.ndarray,
    entropies: Mapping[str, np.ndarray],
    dividends: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    *,
    before: tuple[np.ndarray, Mapping[str, np.ndarray], Mapping[str, np.ndarray]] | None = None,
    unit: str = "score",
    above: str = "entropy (nats)",
    what: str = "contribution",
    cursor: float | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Entanglement above, decision below, on one time axis: who speaks, alone or jointly, and when.

    Args:
        times: (nT,); entropies: of the modalities, of groups of them, and of all together (""); dividends: by
            coalition, as if the state were read out at t; the baseline (the empty coalition) is left out. Shapley
            values by modality do too.
        above, what: axis names of the two.
        before: times, entropies and dividends before a tweak, drawn thin and dotted, "as learned" in the legend.
    """
    terms, others = condensed_lines({name: part for name, part in dividends.items() if name})
    was = before or (times, {}, {})
    ghosts = [
        _ghost(was[0], values, _hue(split_term(name), modalities, theme), row)
        for row, series in zip(("y", "y2"), was[1:], strict=True)
        for name, values in series.items()
        if (name or row == "y") and (row == "y" or name in terms)
    ]
    return (
        base(theme, 420, legend=True, right=20, top=8)
        .add_traces(
            [
                *ghosts,
                *(
                    line(
                        times,
                        values,
                        _title(split_term(name)),
                        _hue(split_term(name), modalities, theme),
                        term_dash(name),
                        row,
                        row == "y2" or name not in terms,
                        group=name,
                    )
                    for row, series in (("y", entropies), ("y2", terms))
                    for name, values in series.items()
                ),
                *(
                    line(times, values, name, QUIET[theme], "dot", "y2", True)
                    for name, values in others.items()
                ),
                *([] if before is None else [_ghosts_entry()]),
            ]
        )
        .update_layout(
            hovermode="x unified",
            dragmode="zoom",
            shapes=_rules(theme, cursor),
            xaxis={
                "title": {"text": TIME},
                "range": span(times, was[0]),
                "anchor": "y2",
            },
            yaxis={"title": {"text": label(above)}, "domain": [0.56, 1.0], "rangemode": "tozero"},
            yaxis2=axis(theme) | {"domain": [0.0, 0.46]},
            yaxis2_title_text=in_unit(what, unit, "<br>"),
        )
    )


@drawing(moments="T", entropies="T", terms="T")
def decision_layers(
    moments: Sequence[str],
    entropies: Mapping[str, np.ndarray],
    terms: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    *,
    unit: str = "score",
    what: str = "contribution",
    cursor: int | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Entropies above and terms below over the moments between layers.

    Args:
        moments: names, T of them. entropies: (T,) in nats, keyed by what to write in the legend.
        terms: (T,) by coalition or modality, as if the circuit stopped there; the empty coalition is left out.
        cursor: place of the moment that is marked.
    """
    places = np.arange(len(moments))
    shown, others = condensed_lines(terms)
    return (
        base(theme, 460, legend=True, right=24, top=8)
        .add_traces(
            [
                {
                    "type": "scatter",
                    "x": places,
                    "y": values,
                    "mode": "lines+markers",
                    "name": label(name),
                    "marker": {"size": 7},
                    "line": {"width": 2.5, "color": INK[theme], "dash": dash},
                    "hovertemplate": f"{label(name)}: %{{y:.3f}}<extra></extra>",
                }
                for (name, values), dash in zip(
                    entropies.items(), ("solid", "dash", "dot", "dashdot"), strict=False
                )
            ]
        )
        .add_traces(
            [
                {
                    "type": "scatter",
                    "x": places,
                    "y": values,
                    "yaxis": "y2",
                    "mode": "lines+markers",
                    "name": term_title(name),
                    "marker": {"size": 7},
                    "line": {
                        "width": 2.5,
                        "color": term_colour(name, modalities),
                        "dash": term_dash(name),
                    },
                    "hovertemplate": f"{term_title(name)}: %{{y:+.3f}}<extra></extra>",
                }
                for name, values in shown.items()
                if name
            ]
        )
        .add_traces(
            [
                {
                    "type": "scatter",
                    "x": places,
                    "y": values,
                    "yaxis": "y2",
                    "mode": "lines",
                    "name": name,
                    "line": {"width": 2.5, "color": QUIET[theme], "dash": "dot"},
                    "hovertemplate": f"{name}: %{{y:+.3f}}<extra></extra>",
                }
                for name, values in others.items()
            ]
        )
        .update_layout(
            hovermode="x unified",
            shapes=_rules(theme, cursor),
            xaxis={
                "tickvals": places.tolist(),
                "ticktext": ["<br>".join(label(name).rsplit(" ", 1)) for name in moments],
                "tickangle": 0,
                "range": [-0.15, len(moments) - 0.85],
                "anchor": "y2",
                "title": {"text": "place in the network"},
            },
            yaxis={"title": {"text": "nats"}, "domain": [0.58, 1.0], "rangemode": "tozero"},
            yaxis2=axis(theme) | {"domain": [0.0, 0.48]},
            yaxis2_title_text=in_unit(what, unit, "<br>"),
        )
    )


def line(
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
) -> dict[str, Any]:
    """A line of the legend, in a group of its own unless told; `what` stands behind its name under the pointer."""
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
    }


def _ghost(times: np.ndarray, values: np.ndarray, hue: str, row: str) -> dict[str, Any]:
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


def _ghosts_entry() -> dict[str, Any]:
    """What ghosts of all colours have in the legend, the last of it."""
    return {
        "type": "scatter",
        "x": [None],
        "y": [None],
        "mode": "lines",
        "hoverinfo": "skip",
        "name": AS_LEARNED,
        "showlegend": True,
        "legendgroup": AS_LEARNED,
        "line": {"width": 1.2, "color": GREY, "dash": "dot"},
    }


def _rule(theme: Theme, **place: Any) -> dict[str, Any]:
    """A thin line across a figure, as a plain dictionary: plotly's own helpers search every subplot first."""
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


def _rules(theme: Theme, cursor: float | None) -> list[dict[str, Any]]:
    """Zero of the lower plot, and the cursor through both."""
    cursors = [] if cursor is None else [cursor]
    return [
        _rule(theme, yref="y2", xref="paper", x0=0, x1=1, y0=0, y1=0),
        *(_rule(theme, yref="paper", xref="x", x0=t, x1=t, y0=0, y1=1) for t in cursors),
    ]


@drawing()
def distance_line(
    times: np.ndarray,
    distance: np.ndarray,
    gap: float,
    end: float,
    *,
    pairs: tuple[np.ndarray, np.ndarray] | None = None,
    random_rates: np.ndarray | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Trace distance to the steady state on a logarithmic axis, and the slope that the spectral gap predicts.

    Args:
        times, distance: (nT,). gap: spectral gap, 1 / time. end: T.
        pairs: times within T and distances of pairs of inputs, (nT,) and (nT, P).
        random_rates: of contraction under random generators, drawn as a band from the mean of the pairs.
        theme: of the figure.
    """
    figure = base(theme, 340, legend=True)
    seen = np.maximum(np.asarray(distance, dtype=float), 1e-16)
    every = [seen]
    if pairs is not None and random_rates is not None:
        within, apart = pairs
        band = float(apart[0].mean()) * np.exp(
            -np.outer(within, [random_rates.max(), random_rates.min()])
        )
        figure.add_scatter(
            x=np.r_[within, within[::-1]],
            y=np.r_[band[:, 0], band[::-1, 1]],
            fill="toself",
            mode="lines",
            fillcolor=faded(GREY, 0.35),
            line={"width": 0},
            name="random generators",
            hoverinfo="skip",
        ).add_traces(
            [
                {
                    "type": "scatter",
                    "x": within,
                    "y": np.maximum(values, 1e-16),
                    "mode": "lines",
                    "name": "to other test samples",
                    "legendgroup": "pairs",
                    "showlegend": i == 0,
                    "line": {"color": STATE_HUES[1], "width": 1.2},
                    "hovertemplate": "t = %{x:.2f}: %{y:.3f}<extra></extra>",
                }
                for i, values in enumerate(apart.T)
            ]
        )
        every += [np.maximum(apart.ravel(), 1e-16), band.ravel()]
    figure.add_scatter(
        x=times,
        y=seen,
        mode="lines",
        name="to the steady state",
        line={"color": INK[theme], "width": 2.5},
        hovertemplate="t = %{x:.2f}: %{y:.2e}<extra></extra>",
    )
    if np.isfinite(gap) and gap > 0:
        anchor = len(times) // 2
        figure.add_scatter(
            x=times,
            y=seen[anchor] * np.exp(-gap * (np.asarray(times) - times[anchor])),
            mode="lines",
            name=f"exp(−gap·t), gap = {gap:.3g}",
            line={"color": GREY, "dash": "dash"},
            hoverinfo="skip",
        )
    return (
        figure.update_yaxes(
            type="log",
            title={"text": "trace distance (0 to 1)"},
            **log_ticks(np.concatenate(every)),
        )
        .update_xaxes(title={"text": TIME})
        .add_vline(x=end, line={"color": QUIET[theme], "dash": "dot"})
        .add_annotation(
            x=end,
            y=1,
            yref="paper",
            text="read-out T",
            showarrow=False,
            xanchor="left",
            xshift=4,
            font={"size": 11, "color": QUIET[theme]},
        )
    )


@drawing()
def sparkline(
    times: np.ndarray,
    series: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    *,
    theme: Theme = "light",
) -> go.Figure:
    """Small entropies over time with the end values written out, for cards."""
    figure = base(theme, 116, left=34, right=88, top=6, bottom=34)
    top = 1.2 * max((float(np.max(v)) for v in series.values()), default=1.0) or 1.0
    # A line of text is so high in units of the axis.
    heights = _spread([float(values[-1]) for values in series.values()], 0.19 * top, 0.93 * top)
    for (name, values), height in zip(series.items(), heights, strict=True):
        hue, title = _hue(split_term(name), modalities, theme), _title(split_term(name))
        figure.add_scatter(
            x=times,
            y=values,
            mode="lines",
            line={"width": 2.2, "color": hue, "dash": term_dash(name)},
            hovertemplate=f"{title} %{{y:.2f}}<extra></extra>",
        ).add_annotation(
            x=float(times[-1]),
            y=height,
            text=f"{title} {values[-1]:.2f}",
            showarrow=False,
            xanchor="left",
            xshift=5,
            font={"size": 11, "color": INK[theme]},
        )
    return figure.update_xaxes(
        title={"text": "time t", "font": {"size": 11}},
        range=[0, float(times[-1])],
        nticks=3,
        tickfont={"size": 11},
    ).update_yaxes(nticks=3, range=[0, top], tickfont={"size": 11})


@drawing()
def mark_time(figure: go.Figure, cursor: float | None, theme: Theme) -> go.Figure:
    """Draws the time cursor."""
    if cursor is not None:
        figure.update_layout(
            shapes=[_rule(theme, yref="paper", xref="x", x0=cursor, x1=cursor, y0=0, y1=1)]
        )
    return figure


def _title(part: Sequence[str], between: str = "+") -> str:
    """Legend name of some modalities; of none, of all together."""
    if not part:
        return "all together"
    return term_title("+".join(part)) if between == "+" else f" {between} ".join(map(label, part))


def _hue(part: Sequence[str], modalities: Sequence[str], theme: Theme) -> str:
    return term_colour("+".join(part), modalities) if part else INK[theme]


def span(*times: np.ndarray) -> list[float]:
    """Returns the range of an axis of time, from 0 to the last of all times; it is never empty."""
    return [0.0, max(1e-6, *(float(part[-1]) for part in times))]


def _spread(values: Sequence[float], gap: float, highest: float) -> list[float]:
    """Heights near `values`, at least `gap` apart, at most `highest`, so that end labels neither overlap nor leave."""
    heights = np.asarray(values, dtype=float).copy()
    for lower, upper in itertools.pairwise(np.argsort(values)):
        heights[upper] = max(heights[upper], heights[lower] + gap)
    heights += np.mean(values) - heights.mean()
    return (heights - max(0.0, float(heights.max()) - highest)).tolist()


@drawing(curves="R", jumps="R")
def single_runs(
    times: np.ndarray,
    curves: Sequence[np.ndarray],
    jumps: Sequence[Sequence[tuple[float, int]]],
    mean: np.ndarray | None,
    y_title: str,
    *,
    channels: int,
    mean_name: str = "mean of all runs",
    theme: Theme = "light",
) -> go.Figure:
    """One curve a trajectory, a marker where a jump happened (its shape says which operator), the mean bold.

    Args:
        times: (nT,); curves: per trajectory (nT,) values; jumps: per trajectory its (time, operator index) pairs;
        mean: (nT,) over all runs, if there is one; channels: number of jump operators K.
    """
    figure = base(theme, 320, legend=True).add_traces(
        [
            {
                "type": "scatter",
                "x": times,
                "y": curve,
                "mode": "lines",
                "name": f"run {i + 1}",
                "hovertemplate": "%{y:.3f}",
                "line": {"width": 1.4, "color": STATE_HUES[i % len(STATE_HUES)]},
                "showlegend": False,
            }
            for i, curve in enumerate(curves)
        ]
    )
    for channel in range(channels):
        marks = [
            (when, float(np.interp(when, times, curve)))
            for curve, own in zip(curves, jumps, strict=True)
            for when, which in own
            if which == channel
        ]
        if marks:
            figure.add_scatter(
                x=[when for when, _ in marks],
                y=[height for _, height in marks],
                mode="markers",
                name=f"jump by L{channel + 1}",
                marker={
                    "symbol": JUMP_SYMBOLS[channel % len(JUMP_SYMBOLS)],
                    "size": 10,
                    "color": INK[theme],
                    "line": {"width": 0},
                },
                hovertemplate=f"jump by L{channel + 1} at t = %{{x:.3f}}<extra></extra>",
            )
    if mean is not None:
        figure.add_scatter(
            x=times,
            y=mean,
            mode="lines",
            name=label(mean_name),
            line={"width": 3, "color": INK[theme]},
            hovertemplate="%{y:.3f}",
        )
    return figure.update_xaxes(title={"text": TIME}, range=[0, float(times[-1])]).update_yaxes(
        title={"text": label(y_title)}
    )


@drawing(mean="T P", error="T P", master="T P")
def ensemble(
    times: np.ndarray,
    mean: np.ndarray,
    error: np.ndarray,
    master: np.ndarray,
    names: Sequence[str],
    runs: int,
    *,
    theme: Theme = "light",
) -> go.Figure:
    """Populations: mean of the trajectories with a band of 2 standard errors, over the master equation's line.

    Args:
        mean, error, master: (nT, P) for the P populations named in `names`.
    """
    figure = base(theme, 320, legend=True)
    for i, name in enumerate(names):
        hue = STATE_HUES[i % len(STATE_HUES)]
        figure.add_scatter(
            x=np.r_[times, times[::-1]],
            hoverinfo="skip",
            showlegend=False,
            fill="toself",
            y=np.r_[mean[:, i] + 2 * error[:, i], (mean[:, i] - 2 * error[:, i])[::-1]],
            fillcolor=faded(hue, 0.25),
            line={"width": 0},
            mode="lines",
        ).add_scatter(
            x=times,
            y=mean[:, i],
            mode="lines",
            showlegend=False,
            name=f"mean of {runs} runs",
            line={"color": hue, "width": 1.5, "dash": "dot"},
            hovertemplate="%{y:.3f}",
        ).add_scatter(
            x=times,
            y=master[:, i],
            mode="lines",
            name=f"|{label(name)}⟩",
            line={"color": hue, "width": 2.5},
            hovertemplate="%{y:.3f}",
        )
    return figure.update_xaxes(title={"text": TIME}, range=[0, float(times[-1])]).update_yaxes(
        title={"text": "probability"}, rangemode="tozero"
    )


# Which jump operator jumped when, a row a trajectory, above how often, beside what the master equation says.


@drawing()
def raster(
    records: Sequence[tuple[np.ndarray, np.ndarray]],
    edges: np.ndarray,
    values: np.ndarray,
    times: np.ndarray,
    exact: np.ndarray,
    theme: Theme = "light",
) -> go.Figure:
    """Returns a raster of jumps above the rates at which they come.

    Args:
        records: of each trajectory the times of its jumps and the operators that jumped, from 0 on; drawn from top to
            bottom; those without a jump may be left out.
        edges: of the spans in which jumps were counted, (B + 1,).
        values: jumps per trajectory and time in each, (K, B), of each operator.
        times: (nT,). exact: Tr(L_k^+ L_k rho(t)), (K, nT).
        theme: of the figure.

    Raises:
        InvalidInput: when the shapes do not fit.
    """
    check(
        values.shape == (len(exact), len(edges) - 1)
        and exact.shape[1:] == times.shape
        and len(exact) > 0,
        f"Arguments `values` and `exact` must have shapes (K, {len(edges) - 1}) and (K, {len(times)}), but have "
        f"{values.shape} and {exact.shape}.",
    )
    figure = base(theme, 560, legend=True, right=16)
    for k, rates in enumerate(exact):
        hue, name = STATE_HUES[k % len(STATE_HUES)], f"L{k + 1}"
        marks = [
            (float(when), row)
            for row, (whens, which) in enumerate(records, 1)
            for when, one in zip(whens, which, strict=True)
            if one == k
        ]
        figure.add_scatter(
            x=[when for when, _ in marks],
            y=[row for _, row in marks],
            mode="markers",
            name=name,
            legendgroup=name,
            marker={
                "symbol": JUMP_SYMBOLS[k % len(JUMP_SYMBOLS)],
                "size": 6,
                "color": hue,
                "line": {"width": 0},
            },
            hovertemplate=f"{name} at t = %{{x:.3f}}, trajectory %{{y}}<extra></extra>",
        ).add_scatter(
            x=np.repeat(edges, 2)[1:-1],
            y=np.repeat(values[k], 2),
            yaxis="y2",
            mode="lines",
            legendgroup=name,
            showlegend=False,
            line={"color": faded(hue, 0.6), "width": 1.2},
            name=f"{name}, counted",
            hovertemplate=f"{name}, counted: %{{y:.3f}}<extra></extra>",
        ).add_scatter(
            x=times,
            y=rates,
            yaxis="y2",
            mode="lines",
            name=f"{name}, exact",
            legendgroup=name,
            showlegend=False,
            line={"color": hue, "width": 2.8, "dash": DASHES[k % len(DASHES)]},
            hovertemplate=f"{name}, exact: %{{y:.3f}}<extra></extra>",
        )
    return figure.add_annotation(
        x=1,
        y=0.29,
        xref="paper",
        yref="paper",
        xanchor="right",
        yanchor="bottom",
        showarrow=False,
        text="thin: counted, thick: Tr L<sub>k</sub>†L<sub>k</sub> ρ(t)",
        font={"size": 12, "color": QUIET[theme]},
    ).update_layout(
        xaxis={
            "title": {"text": TIME},
            "range": [float(edges[0]), float(edges[-1])],
            "anchor": "y2",
        },
        yaxis={
            "title": {"text": label("trajectory, by its first jump")},
            "domain": [0.38, 1.0],
            "range": [max(len(records), 8) + 1, 0],
            "nticks": 6,
        },
        yaxis2=axis(theme) | {"domain": [0.0, 0.28], "rangemode": "tozero", "nticks": 4},
        yaxis2_title_text="rate (1 / time)",
    )


# Who shares how much with whom at a time: a triangle, or polygon, of the modalities, and the same over time.

_WIDEST, _LARGEST = 13.0, 48.0  # pixels of the strongest line, and of the largest disc
_LEFT = 0.40  # of the width, that the graph takes


@drawing(times="T", shared="T", alone="T", together="T")
def triangle(
    times: np.ndarray,
    shared: Mapping[tuple[str, str], np.ndarray],
    alone: Mapping[str, np.ndarray],
    at: int,
    *,
    together: np.ndarray | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Returns a graph at one time beside lines over time.

    Args:
        times: (nT,).
        shared: mutual information of each pair of modalities, (nT,) nats: widths of the lines, of which the widest is
            the largest at any time.
        alone: entropy of each modality, in the model's order, (nT,) nats: areas of the discs, likewise.
        at: place of the time that the graph shows.
        together: tripartite information, (nT,) nats, of three modalities.
        theme: of the figure.

    Raises:
        InvalidInput: when there is no pair, or a series has another length.
    """
    check(
        len(shared) > 0 and len(alone) > 1,
        "Arguments `shared` and `alone` must hold at least a pair.",
    )
    figure = base(theme, 360, legend=True, left=8, right=16)
    modalities, places = list(alone), in_circle(list(alone))
    entropy = {name: max(float(values[at]), 0.0) for name, values in alone.items()}
    now = {pair: max(float(values[at]), 0.0) for pair, values in shared.items()}
    most, full = (
        max(float(np.max(values)) for values in series.values()) or 1.0
        for series in (shared, alone)
    )
    graph(
        figure,
        places,
        [
            (
                pair,
                max(_WIDEST * value / most, 0.6),
                f"{value:.3f}",
                f"{' : '.join(map(label, pair))}: {value:.4f} nats",
            )
            for pair, value in sorted(now.items(), key=lambda entry: entry[1])
        ],
        {
            name: (
                max(_LARGEST * np.sqrt(S / full), 6.0),
                f"S = {S:.3f}",
                f"entropy of {label(name)}: {S:.4f} nats",
            )
            for name, S in entropy.items()
        },
        theme,
    )
    heights = [place[1] for place in places.values()]
    figure.update_xaxes(**bare_axis(), domain=[0.0, _LEFT], range=[-1.6, 1.6]).update_yaxes(
        **bare_axis(), range=[min(heights) - 0.9, max(heights) + 1.0]
    )
    for pair, values in shared.items():
        term = "+".join(pair)
        figure.add_scatter(
            x=times,
            y=values,
            xaxis="x2",
            yaxis="y2",
            mode="lines",
            name=" : ".join(label(name, 20) for name in pair),
            line={"color": term_colour(term, modalities), "width": 2.5, "dash": term_dash(term)},
            hovertemplate="%{y:.4f}",
        )
    if together is not None:
        figure.add_scatter(
            x=times,
            y=together,
            xaxis="x2",
            yaxis="y2",
            mode="lines",
            name="tripartite",
            line={"color": INK[theme], "width": 2.5, "dash": "dot"},
            hovertemplate="%{y:+.4f}",
        )
    cursor = float(times[at])
    return figure.update_layout(
        hovermode="x",
        xaxis2=axis(theme)
        | {
            "domain": [_LEFT + 0.12, 1.0],
            "anchor": "y2",
            "range": [float(times[0]), float(times[-1])],
        },
        yaxis2=axis(theme) | {"anchor": "x2", "nticks": 6},
        xaxis2_title_text=TIME,
        yaxis2_title_text="information (nats)",
        shapes=[
            _rule(theme, xref="x2", yref="y2 domain", x0=cursor, x1=cursor, y0=0, y1=1),
            _rule(theme, xref="x2 domain", yref="y2", x0=0, x1=1, y0=0, y1=0),
        ],
    )


def graph(
    figure: go.Figure,
    places: Mapping[str, np.ndarray],
    lines: Sequence[tuple[Sequence[str], float, str, str]],
    discs: Mapping[str, tuple[float, str, str]],
    theme: Theme,
    **to: str,
) -> None:
    """Draws modalities as discs, and what several share as lines between them, of more than two as stars.

    Args:
        places: of the modalities, in the model's order.
        lines: members, width in pixels, what is written beside the line and what the pointer reads, the last on top.
        discs: by modality its width in pixels, what is written below its name and what the pointer reads.
        to: `xaxis` and `yaxis`, where they are not the first.
    """
    modalities = list(places)
    for members, width, words, tip in lines:
        hue = term_colour("+".join(members), modalities)
        ends = np.stack([places[name] for name in members])
        # Stars of several coalitions must not lie on one another; nor may the line of a pair cross the middle.
        middle = ends.mean(0) * (1.0 if len(members) in (2, len(modalities)) else 1.25)
        path = [point for end in ends for point in (end, middle, [None, None])]
        beside = middle * (1.25 if len(members) == 2 and len(modalities) > 2 else 1.0)
        if len(members) == 2 < len(modalities) and not middle.round(9).any():
            # all lines between opposite places have one middle; of four, stars of three have theirs near a third
            beside = ends[0] * (2 / 3 if len(modalities) == 4 else 1 / 3)
        figure.add_scatter(
            x=[point[0] for point in (path if len(members) > 2 else ends)],
            y=[point[1] for point in (path if len(members) > 2 else ends)],
            mode="lines",
            showlegend=False,
            hoverinfo="skip",
            line={"color": faded(hue, 0.75), "width": width},
            **to,
        ).add_scatter(
            x=[beside[0]],
            y=[beside[1]],
            mode="markers+text",
            text=[words],
            showlegend=False,
            textposition="middle center",
            marker={"size": 26, "opacity": 0, "color": hue},
            textfont={"size": 12, "color": INK[theme], "shadow": halo(theme)},
            hovertemplate=f"{tip}<extra></extra>",
            **to,
        )
    figure.add_scatter(
        x=[place[0] for place in places.values()],
        y=[place[1] for place in places.values()],
        mode="markers",
        showlegend=False,
        marker={
            "size": [discs[name][0] for name in modalities],
            "color": [term_colour(name, modalities) for name in modalities],
            "opacity": 1,
            "line": {"width": 0},
        },
        text=[discs[name][2] for name in modalities],
        hovertemplate="%{text}<extra></extra>",
        **to,
    )
    for name, place in places.items():
        above = place[1] > 0.1
        figure.add_annotation(
            x=place[0],
            y=place[1],
            xref=to.get("xaxis"),
            yref=to.get("yaxis"),
            showarrow=False,
            text=f"{label(name, 24)}<br>{discs[name][1]}",
            yanchor="bottom" if above else "top",
            yshift=(1 if above else -1) * discs[name][0] / 2,
            font={"size": 12, "color": INK[theme]},
        )
