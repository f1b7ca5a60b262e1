"""A model beside people's labels: numbers with intervals as dots, and labels over own terms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.finite import drawing
from qfusion.figures.style import (
    GREY,
    INK,
    PAPER,
    QUIET,
    Theme,
    axis,
    base,
    faded,
    label,
    term_colour,
    term_title,
)

SYMBOLS = ("circle", "diamond-open", "square-open")


@drawing("series", "band")
def dots(
    names: Sequence[str],
    series: Mapping[str, np.ndarray],
    *,
    hues: Sequence[str],
    x_title: str,
    band: np.ndarray | None = None,
    band_name: str = "",
    percent: bool = False,
    theme: Theme = "light",
) -> go.Figure:
    """A row a name: a dot a series with its interval, over the range that a control gives.

    Args:
        names: of the rows. series: by what it is called, (rows, 3): value, low and high; NaN where there is none.
        hues: of the rows. band: low and high of the control, (rows, 2), NaN where there is none.
        percent: values are shares.
    """
    check(
        len(hues) == len(names)
        and all(np.shape(each) == (len(names), 3) for each in series.values()),
        f"Argument `series` must hold arrays of shape ({len(names)}, 3), and `hues` one colour a name.",
    )
    figure = base(theme, 96 + 34 * len(names), left=10, right=20, top=8, bottom=46, legend=True)
    shift, text = 0.22, ".1%" if percent else "+.2f"
    if band is not None and np.isfinite(band).all(1).any():
        for y, (low, high) in enumerate(band):
            if np.isfinite([low, high]).all():
                figure.add_shape(
                    type="rect",
                    x0=low,
                    x1=high,
                    y0=y - 0.36,
                    y1=y + 0.36,
                    layer="below",
                    line={"width": 0},
                    fillcolor=faded(GREY, 0.3),
                )
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=label(band_name),
            hoverinfo="skip",
            marker={"symbol": "square", "size": 12, "color": faded(GREY, 0.3)},
        )
    for place, (name, values) in enumerate(series.items()):
        at = (place - (len(series) - 1) / 2) * shift
        symbol, said = SYMBOLS[place % len(SYMBOLS)], label(name)
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=said,
            hoverinfo="skip",
            marker={"symbol": symbol, "size": 9, "color": INK[theme], "line": {"width": 2}},
        )
        for y, (value, low, high) in enumerate(values):
            if not np.isfinite(value):
                continue
            known = bool(np.isfinite([low, high]).all())
            tip = f" ({low:{text}} to {high:{text}})" if known else ""
            figure.add_scatter(
                x=[value],
                y=[y + at],
                mode="markers",
                showlegend=False,
                name=said,
                marker={
                    "symbol": symbol,
                    "size": 9,
                    "color": hues[y],
                    "line": {"width": 2, "color": hues[y]},
                },
                error_x={
                    "type": "data",
                    "array": [max(0.0, high - value)],
                    "arrayminus": [max(0.0, value - low)],
                    "color": hues[y],
                    "thickness": 2,
                    "width": 4,
                }
                if known
                else None,
                hovertemplate=f"{said}: %{{x:{text}}}{tip}<extra></extra>",
            )
    ends = np.array(
        [0.0, *np.ravel(list(series.values())), *(np.ravel(band) if band is not None else ())]
    )
    ends = ends[np.isfinite(ends)]
    room = 0.06 * max(float(np.ptp(ends)), 1e-9)
    figure.add_vline(x=0, line={"color": QUIET[theme], "dash": "dot", "width": 1}, layer="below")
    figure.update_xaxes(
        title={"text": label(x_title, 90)},
        tickformat=".0%" if percent else "",
        nticks=7,
        range=[float(ends.min()) - room, float(ends.max()) + room],
    )
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[term_title(name) for name in names],
        range=[len(names) - 0.5, -0.5],
        showline=False,
        ticks="",
    )
    return figure


@drawing()
def calibration(
    terms: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    bins: Mapping[str, tuple[np.ndarray, np.ndarray]],
    modalities: Sequence[str],
    *,
    notes: Mapping[str, str],
    x_title: str,
    y_title: str,
    theme: Theme = "light",
) -> go.Figure:
    """Small scatters, one a modality: own terms across, labels up, and the means of bins of the term as a line.

    Args:
        terms, labels: by modality, (n,) each. bins: by modality, mean terms and mean labels, (k,) each.
        notes: by modality, what stands under its name.
    """
    check(
        all(np.shape(terms[name]) == np.shape(labels[name]) for name in terms),
        "Arguments `terms` and `labels` must have one length in every modality.",
    )
    names, wide = list(terms), 1 / max(1, len(terms))
    figure = base(theme, 290, left=50, right=8, top=40, bottom=52)
    figure.update_layout(xaxis={"visible": False}, yaxis={"visible": False})
    for i, name in enumerate(names):
        hue, number = term_colour(name, modalities), i + 2
        place = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        figure.add_scatter(
            x=terms[name],
            y=labels[name],
            mode="markers",
            **place,
            marker={"size": 4, "color": faded(hue, 0.35), "line": {"width": 0}},
            hovertemplate="own term %{x:+.2f}, label %{y:+.2f}<extra></extra>",
        )
        figure.add_scatter(
            x=bins[name][0],
            y=bins[name][1],
            mode="lines+markers",
            **place,
            line={"color": hue, "width": 2},
            marker={"size": 9, "color": hue, "line": {"width": 1.5, "color": PAPER[theme]}},
            hovertemplate="bin: own term %{x:+.2f}, mean label %{y:+.2f}<extra></extra>",
        )
        left = i * wide
        figure.update_layout(
            {
                f"xaxis{number}": axis(theme)
                | {
                    "domain": [left + 0.012, left + wide - 0.03],
                    "anchor": f"y{number}",
                    "nticks": 4,
                    "tickangle": 0,
                },
                f"yaxis{number}": axis(theme)
                | {"domain": [0, 1], "anchor": f"x{number}", "nticks": 4},
            }
        )
        figure.add_annotation(
            x=left + 0.012,
            y=1,
            yshift=4,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            showarrow=False,
            align="left",
            text=f"<b>{term_title(name)}</b><br>{label(notes.get(name, ''))}",
            font={"size": 12, "color": INK[theme]},
        )
    quiet = {"size": 12, "color": QUIET[theme]}
    figure.add_annotation(
        x=0.5,
        y=0,
        yshift=-40,
        xref="paper",
        yref="paper",
        showarrow=False,
        font=quiet,
        text=label(x_title, 90),
    )
    figure.add_annotation(
        x=0,
        y=0.5,
        xshift=-42,
        xref="paper",
        yref="paper",
        showarrow=False,
        textangle=-90,
        font=quiet,
        text=label(y_title),
    )
    return figure
