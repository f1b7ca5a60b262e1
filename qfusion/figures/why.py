"""Figures of the Why fuse? page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from qfusion.figures.style import (
    INK,
    LINE,
    MODALITY_HUES,
    QUIET,
    SIGNED_SCALE,
    Theme,
    base,
    drawing,
    faded,
    in_rows,
    label,
    term_title,
)

# Does my model fuse?

BINS, SWARM = (
    80,
    0.4,
)  # of the axis, in each of which points are stacked, up to so far from the middle


@drawing(values="P 3")
def interactions(
    pairs: Sequence[Sequence[str]],
    values: np.ndarray,
    modalities: Sequence[str],
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """The interaction index of any two modalities as a heat map, with its interval below it.

    Args:
        pairs: names of both, P of them. values: value, low and high end of the interval, (P, 3).
    """
    M = len(modalities)
    z = np.full((M, M), np.nan)
    figure = base(theme, 90 + 62 * M, left=90, right=10, top=8, bottom=40)
    for pair, (value, low, high) in zip(pairs, values, strict=True):
        i, j = (modalities.index(name) for name in pair)
        z[i, j] = z[j, i] = value
        for x, y in ((i, j), (j, i)):
            figure.add_annotation(
                x=x,
                y=y,
                text=f"{value:+.3f}<br>{low:+.2f} to {high:+.2f}",
                showarrow=False,
                font={"size": 12, "color": INK[theme]},
            )
    reach = max(float(np.nanmax(np.abs(z), initial=0)), 1e-12)
    names = [term_title(name) for name in modalities]
    return (
        figure.add_heatmap(
            z=[[None if np.isnan(value) else float(value) for value in row] for row in z],
            colorscale=SIGNED_SCALE[theme],
            zmin=-2.5 * reach,  # pale enough for what is written on it
            zmax=2.5 * reach,
            showscale=False,
            hovertemplate="%{z:+.4f} " + label(unit) + "<extra></extra>",
        )
        .update_xaxes(tickvals=list(range(M)), ticktext=names, showgrid=False)
        .update_yaxes(
            tickvals=list(range(M)), ticktext=names, showgrid=False, range=[M - 0.5, -0.5]
        )
    )


@drawing("colour", colour="N")
def swarm(
    values: Mapping[str, np.ndarray],
    colour: np.ndarray,
    ids: Sequence[str],
    *,
    by: str,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Every sample's dividend of each coalition as a point, stacked where many are alike, with its id in `customdata`.

    Args:
        values: by coalition, (n,). colour: of the points, (n,). ids: of the samples.
        by: what the colour says.
    """
    figure = base(theme, 96 + 74 * len(values), left=10, right=10, top=8, bottom=46)
    reach = max(max((float(np.abs(v).max(initial=0)) for v in values.values()), default=0), 1e-12)
    low, high = (float(end) for end in np.nanquantile(colour, (0.02, 0.98)))
    for place, (term, own) in enumerate(values.items()):
        stack = pd.Series(np.round(own / reach * BINS)).pipe(lambda bins: bins.groupby(bins))
        rank, size = stack.cumcount().to_numpy(), stack.transform("size").to_numpy()
        step = 2 * SWARM / max(int(size.max(initial=1)), 24)
        figure.add_scatter(
            x=own,
            y=place + step * (rank - (size - 1) / 2),
            mode="markers",
            name=label(term_title(term)),
            customdata=list(ids),
            marker={
                "size": 4,
                "color": colour,
                "cmin": low,
                "cmax": max(high, low + 1e-12),
                "colorscale": "Cividis",
                "showscale": place == 0,
                "colorbar": {"title": {"text": label(by, 40), "side": "right"}, "thickness": 10},
            },
            hovertemplate="%{customdata}: %{x:+.3f}<extra></extra>",
        )
    return (
        figure.add_vline(x=0, line={"color": LINE[theme], "width": 1}, layer="below")
        .update_layout(showlegend=False)
        .update_xaxes(title={"text": label(f"contribution ({unit})", 90)})
        .update_yaxes(**in_rows([term_title(term) for term in values]))
    )


@drawing(values="R T", labels="R", terms="T", seeds="R")
def basins(
    values: np.ndarray,
    labels: np.ndarray,
    terms: Sequence[str],
    seeds: Sequence[int],
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """One sample's terms by every training seed, a line a seed, in the colour and dash of its basin.

    Args:
        values: (R, T). labels: basin of every seed, (R,), from 0. terms: names. seeds: their numbers.
    """
    dashes = ("solid", "dot", "dash", "longdash", "dashdot")
    figure = base(theme, 96 + 34 * len(terms), left=10, right=16, top=8, bottom=46, legend=True)
    for row, basin, seed in zip(values, labels, seeds, strict=True):
        hue = MODALITY_HUES[int(basin) % len(MODALITY_HUES)]
        figure.add_scatter(
            x=row,
            y=list(range(len(terms))),
            mode="lines+markers",
            name=f"seed {seed}" if labels.max() == 0 else f"seed {seed} (explanation {basin + 1})",
            line={"color": faded(hue, 0.7), "width": 1.5, "dash": dashes[int(basin) % len(dashes)]},
            marker={"size": 8, "color": hue},
            hovertemplate=f"seed {seed}: %{{x:+.3f}}<extra></extra>",
        )
    return (
        figure.add_vline(x=0, line={"color": QUIET[theme], "width": 1}, layer="below")
        .update_xaxes(title={"text": label(unit)})
        .update_yaxes(**in_rows([term_title(term) for term in terms]))
    )
