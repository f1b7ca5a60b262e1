"""Entropies, correlations and contributions over the time of the evolution or along the layers of a network."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.decision_charts import condense_curves
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    QUIET,
    STATE_HUES,
    Theme,
    axis,
    base_figure,
    fade_colour,
    label,
    log_ticks,
    split_term,
    term_colour,
    term_dash,
    term_title,
    with_unit,
)

TIME = "time t (model units, ħ = 1)"
AS_LEARNED = "as learned"
Curves = tuple[np.ndarray, Mapping[tuple[str, ...], np.ndarray]]  # times, and values by modalities
JUMP_SYMBOLS = ("triangle-down", "square", "diamond", "star", "cross", "x")


@checks_arrays(times="T", series="T")
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
    """Draw lines over time, one per subset of modalities.

    Args:
        times: (nT,) in model units; series: (nT,) each, by the modalities that they are of; () for all together.
        between: what stands between the names of modalities in the legend.
        before: times and series as learned, before a tweak, drawn thin and dotted.
    """
    was: Curves = (times, {}) if before is None else before
    figure = base_figure(theme, height, legend=True, right=20, top=8)
    figure.add_traces(
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
            *([] if before is None else [_ghost_legend_entry()]),
        ]
    )
    figure.update_layout(
        hovermode="x unified",
        dragmode="zoom",
        xaxis={
            "title": {"text": TIME},
            "range": time_range(times, was[0]),
        },
        yaxis={"title": {"text": label(y_title)}},
    )
    return draw_time_cursor(figure, cursor, theme)


@checks_arrays(times="T", entropies="T", dividends="T")
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
    """Draw the entanglement above, decision below, on one time axis: who speaks, alone or jointly, and when.

    Args:
        times: (nT,); entropies: of the modalities, of groups of them, and of all together (""); dividends: by
            coalition, as if the state were read out at t; the baseline (the empty coalition) is left out. Shapley
            values by modality do too.
        above, what: axis names of the two.
        before: times, entropies and dividends before a tweak, drawn thin and dotted, "as learned" in the legend.
    """
    terms, others = condense_curves({name: part for name, part in dividends.items() if name})
    was = before or (times, {}, {})
    ghosts = [
        _ghost(was[0], values, _hue(split_term(name), modalities, theme), row)
        for row, series in zip(("y", "y2"), was[1:], strict=True)
        for name, values in series.items()
        if (name or row == "y") and (row == "y" or name in terms)
    ]
    figure = base_figure(theme, 420, legend=True, right=20, top=8)
    figure.add_traces(
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
            *([] if before is None else [_ghost_legend_entry()]),
        ]
    )
    figure.update_layout(
        hovermode="x unified",
        dragmode="zoom",
        shapes=_rules(theme, cursor),
        xaxis={
            "title": {"text": TIME},
            "range": time_range(times, was[0]),
            "anchor": "y2",
        },
        yaxis={"title": {"text": label(above)}, "domain": [0.56, 1.0], "rangemode": "tozero"},
        yaxis2=axis(theme) | {"domain": [0.0, 0.46]},
        yaxis2_title_text=with_unit(what, unit, "<br>"),
    )
    return figure


@checks_arrays(moments="T", entropies="T", terms="T")
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
    """Draw the entropies above and terms below over the moments between layers.

    Args:
        moments: names, T of them. entropies: (T,) in nats, keyed by what to write in the legend.
        terms: (T,) by coalition or modality, as if the circuit stopped there; the empty coalition is left out.
        cursor: place of the moment that is marked.
    """
    places = np.arange(len(moments))
    shown, others = condense_curves(terms)
    figure = base_figure(theme, 460, legend=True, right=24, top=8)
    for (name, values), dash in zip(
        entropies.items(), ("solid", "dash", "dot", "dashdot"), strict=False
    ):
        figure.add_trace(
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
        )
    for name, values in shown.items():
        if name:
            figure.add_trace(
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
            )
    for name, values in others.items():
        figure.add_trace(
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
        )
    figure.update_layout(
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
        yaxis2_title_text=with_unit(what, unit, "<br>"),
    )
    return figure


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
    """Return a line with a legend entry, in its own legend group unless `group` is given.

    `what` stands behind its name under the pointer.
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


def _ghost_legend_entry() -> dict[str, Any]:
    """Return the common legend entry of the ghost lines of all colours, which comes last in the legend."""
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


def _rules(theme: Theme, cursor: float | None) -> list[dict[str, Any]]:
    """Return zero of the lower plot, and the cursor through both."""
    cursors = [] if cursor is None else [cursor]
    return [
        vertical_rule(theme, yref="y2", xref="paper", x0=0, x1=1, y0=0, y1=0),
        *(vertical_rule(theme, yref="paper", xref="x", x0=t, x1=t, y0=0, y1=1) for t in cursors),
    ]


@checks_arrays()
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
    """Draw the trace distance to the steady state on a logarithmic axis, and the slope that the spectral gap predicts.

    Args:
        times, distance: (nT,). gap: spectral gap, 1 / time. end: T.
        pairs: times within T and distances of pairs of inputs, (nT,) and (nT, P).
        random_rates: of contraction under random generators, drawn as a band from the mean of the pairs.
        theme: of the figure.
    """
    figure = base_figure(theme, 340, legend=True)
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
            fillcolor=fade_colour(GREY, 0.35),
            line={"width": 0},
            name="random generators",
            hoverinfo="skip",
        )
        for i, values in enumerate(apart.T):
            figure.add_trace(
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
    figure.update_yaxes(
        type="log",
        title={"text": "trace distance (0 to 1)"},
        **log_ticks(np.concatenate(every)),
    )
    figure.update_xaxes(title={"text": TIME})
    figure.add_vline(x=end, line={"color": QUIET[theme], "dash": "dot"})
    figure.add_annotation(
        x=end,
        y=1,
        yref="paper",
        text="read-out T",
        showarrow=False,
        xanchor="left",
        xshift=4,
        font={"size": 11, "color": QUIET[theme]},
    )
    return figure


@checks_arrays()
def sparkline(
    times: np.ndarray,
    series: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    *,
    theme: Theme = "light",
) -> go.Figure:
    """Draw small entropies over time with the end values written out, for cards."""
    figure = base_figure(theme, 116, left=34, right=88, top=6, bottom=34)
    top = 1.2 * max((float(np.max(v)) for v in series.values()), default=1.0) or 1.0
    # A line of text is so high in units of the axis.
    heights = _spread_heights(
        [float(values[-1]) for values in series.values()], 0.19 * top, 0.93 * top
    )
    for (name, values), height in zip(series.items(), heights, strict=True):
        hue = _hue(split_term(name), modalities, theme)
        title = _title(split_term(name))
        figure.add_scatter(
            x=times,
            y=values,
            mode="lines",
            line={"width": 2.2, "color": hue, "dash": term_dash(name)},
            hovertemplate=f"{title} %{{y:.2f}}<extra></extra>",
        )
        figure.add_annotation(
            x=float(times[-1]),
            y=height,
            text=f"{title} {values[-1]:.2f}",
            showarrow=False,
            xanchor="left",
            xshift=5,
            font={"size": 11, "color": INK[theme]},
        )
    figure.update_xaxes(
        title={"text": "time t", "font": {"size": 11}},
        range=[0, float(times[-1])],
        nticks=3,
        tickfont={"size": 11},
    )
    figure.update_yaxes(nticks=3, range=[0, top], tickfont={"size": 11})
    return figure


@checks_arrays()
def draw_time_cursor(figure: go.Figure, cursor: float | None, theme: Theme) -> go.Figure:
    """Draw the time cursor."""
    if cursor is not None:
        figure.update_layout(
            shapes=[vertical_rule(theme, yref="paper", xref="x", x0=cursor, x1=cursor, y0=0, y1=1)]
        )
    return figure


def _title(part: Sequence[str], between: str = "+") -> str:
    """Return the legend name of some modalities; of none, of all together."""
    if not part:
        return "all together"
    return term_title("+".join(part)) if between == "+" else f" {between} ".join(map(label, part))


def _hue(part: Sequence[str], modalities: Sequence[str], theme: Theme) -> str:
    return term_colour("+".join(part), modalities) if part else INK[theme]


def time_range(*times: np.ndarray) -> list[float]:
    """Return the range of an axis of time, from 0 to the last of all times; it is never empty."""
    return [0.0, max(1e-6, *(float(part[-1]) for part in times))]


def _spread_heights(values: Sequence[float], gap: float, highest: float) -> list[float]:
    """Return heights near `values`, at least `gap` apart, at most `highest`, so that end labels neither overlap nor
    leave.
    """
    heights = np.asarray(values, dtype=float).copy()
    for lower, upper in itertools.pairwise(np.argsort(values)):
        heights[upper] = max(heights[upper], heights[lower] + gap)
    heights += np.mean(values) - heights.mean()
    return (heights - max(0.0, float(heights.max()) - highest)).tolist()
