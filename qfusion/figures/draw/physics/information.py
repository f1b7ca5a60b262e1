"""Who shares how much with whom at a time: a triangle, or polygon, of the modalities, and the same over time."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.draw.dynamics import TIME
from qfusion.figures.finite import drawing
from qfusion.figures.style import (
    INK,
    LINE,
    QUIET,
    Theme,
    axis,
    bare_axis,
    base,
    faded,
    halo,
    label,
    term_colour,
    term_dash,
)

_WIDEST, _LARGEST = 13.0, 48.0  # pixels of the strongest line, and of the largest disc
_LEFT = 0.40  # of the width, that the graph takes


@drawing()
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
    for values in (*shared.values(), *alone.values(), *([] if together is None else [together])):
        check(
            np.shape(values) == np.shape(times),
            f"Every series must have shape {np.shape(times)}, but one has shape "
            f"{np.shape(values)}.",
        )
    figure = base(theme, 360, legend=True, left=8, right=16)
    _graph(figure, shared, alone, at, theme)
    modalities = list(alone)
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
    now = float(times[at])
    figure.update_layout(
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
            {
                "type": "line",
                "xref": "x2",
                "yref": "y2 domain",
                "x0": now,
                "x1": now,
                "y0": 0,
                "y1": 1,
                "layer": "below",
                "line": {"color": QUIET[theme], "width": 1, "dash": "dash"},
            },
            {
                "type": "line",
                "xref": "x2 domain",
                "yref": "y2",
                "x0": 0,
                "x1": 1,
                "y0": 0,
                "y1": 0,
                "layer": "below",
                "line": {"color": LINE[theme], "width": 1},
            },
        ],
    )
    return figure


def _graph(
    figure: go.Figure,
    shared: Mapping[tuple[str, str], np.ndarray],
    alone: Mapping[str, np.ndarray],
    at: int,
    theme: Theme,
) -> None:
    modalities, M = list(alone), len(alone)
    turn = (np.pi / 2 + np.pi / M * (M in (2, 4))) - 2 * np.pi * np.arange(M) / M
    places = dict(zip(modalities, np.stack([np.cos(turn), np.sin(turn)], 1), strict=True))
    most = max(float(np.max(values)) for values in shared.values()) or 1.0
    full = max(float(np.max(values)) for values in alone.values()) or 1.0
    for (a, b), values in sorted(shared.items(), key=lambda each: float(each[1][at])):
        value, hue = max(float(values[at]), 0.0), term_colour(f"{a}+{b}", modalities)
        ends = np.stack([places[a], places[b]])
        middle = ends.mean(0) * (1.0 if M == 2 else 1.12)
        figure.add_scatter(
            x=ends[:, 0],
            y=ends[:, 1],
            mode="lines",
            showlegend=False,
            hoverinfo="skip",
            line={"color": faded(hue, 0.8), "width": max(_WIDEST * value / most, 0.6)},
        )
        figure.add_scatter(
            x=[middle[0]],
            y=[middle[1]],
            mode="markers+text",
            text=[f"{value:.3f}"],
            showlegend=False,
            textposition="middle center",
            marker={"size": 26, "opacity": 0, "color": hue},
            textfont={"size": 12, "color": INK[theme], "shadow": halo(theme)},
            hovertemplate=f"{label(a)} : {label(b)}: {value:.4f} nats<extra></extra>",
        )
    sizes = [
        max(_LARGEST * np.sqrt(max(float(alone[name][at]), 0.0) / full), 6.0) for name in modalities
    ]
    figure.add_scatter(
        x=[place[0] for place in places.values()],
        y=[place[1] for place in places.values()],
        mode="markers",
        showlegend=False,
        marker={
            "size": sizes,
            "color": [term_colour(name, modalities) for name in modalities],
            "opacity": 1,
            "line": {"width": 0},
        },
        text=[
            f"entropy of {label(name)}: {float(alone[name][at]):.4f} nats" for name in modalities
        ],
        hovertemplate="%{text}<extra></extra>",
    )
    for name, place in places.items():
        above = place[1] > 0.1
        figure.add_annotation(
            x=place[0],
            y=place[1],
            showarrow=False,
            yanchor="bottom" if above else "top",
            text=f"{label(name, 20)}<br>S = {max(float(alone[name][at]), 0.0):.3f}",
            yshift=(1 if above else -1) * _LARGEST / 2,
            font={"size": 12, "color": INK[theme]},
        )
    heights = [place[1] for place in places.values()]
    figure.update_xaxes(**bare_axis(), domain=[0.0, _LEFT], range=[-1.6, 1.6])
    figure.update_yaxes(**bare_axis(), range=[min(heights) - 0.9, max(heights) + 1.0])
