"""Interactions of modalities in a model: the interaction index of pairs, and the contributions of all samples."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from qfusion._sentences import true_minus
from qfusion.figures.colour_scales import SIGNED_SCALE
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    Theme,
    base_figure,
    label,
    row_axis,
    term_title,
    title_with_unit,
)

BINS = 80  # of the value axis; the points of one bin are stacked
SWARM = 0.4  # largest distance of a stacked point from the middle of its row


@checks_arrays("values", values="P 3")
def interaction_matrix(
    pairs: Sequence[Sequence[str]],
    values: np.ndarray,
    modalities: Sequence[str],
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Draw the interaction index of any two modalities as a heat map, with its interval below it.

    Full colour stands for the largest value or end of an interval, so that a value within the noise is pale.

    Args:
        pairs: names of both, P of them.
        values: value, low and high end of the interval, (P, 3). The ends are NaN where so few samples have none.
    """
    M = len(modalities)
    z = np.full((M, M), np.nan)
    reach = max(float(np.nanmax(np.abs(values[:, 0]), initial=0)), 1e-12)
    colour_reach = max(reach, float(np.nanmax(np.abs(values), initial=0)))
    # digits of an interval; the largest value has one more
    few = int(np.clip(-np.floor(np.log10(reach)), 2, 6))
    figure = base_figure(theme, 90 + 62 * M, left=90, right=10, top=8, bottom=40)
    for pair, (value, low, high) in zip(pairs, values, strict=True):
        i, j = (modalities.index(name) for name in pair)
        z[i, j] = z[j, i] = value
        # cells of many are narrow in print
        ends = f"<br>{low:+.{few}f} to{'<br>' if M > 4 else ' '}{high:+.{few}f}"
        for x, y in ((i, j), (j, i)):
            figure.add_annotation(
                x=x,
                y=y,
                text=true_minus(
                    f"{value:+.{few + 1}f}{ends if np.isfinite([low, high]).all() else ''}"
                ),
                showarrow=False,
                font={"size": 12, "color": INK[theme]},
            )
    names = [term_title(name) for name in modalities]
    figure.add_heatmap(
        z=[[None if np.isnan(value) else float(value) for value in row] for row in z],
        colorscale=SIGNED_SCALE[theme],
        zmin=-2.5 * colour_reach,  # pale enough for what is written on it
        zmax=2.5 * colour_reach,
        showscale=False,
        hovertemplate="%{z:+.4f} " + label(unit) + "<extra></extra>",
    )
    figure.update_xaxes(tickvals=list(range(M)), ticktext=names, showgrid=False)
    figure.update_yaxes(
        tickvals=list(range(M)), ticktext=names, showgrid=False, range=[M - 0.5, -0.5]
    )
    return figure


@checks_arrays("colour", colour="N")
def contribution_swarm(
    values: Mapping[str, np.ndarray],
    colour: np.ndarray,
    ids: Sequence[str],
    *,
    by: str,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Draw every sample's dividend of each coalition as a point, stacked where many are alike, with its id in
    `customdata`.

    Args:
        values: by coalition, (n,). ids: of the samples.
        colour: of the points, (n,); where all is NaN, points are grey.
        by: what the colour says.
    """
    figure = base_figure(theme, 96 + 74 * len(values), left=10, right=70, top=8, bottom=46)
    reach = max(max((float(np.abs(v).max(initial=0)) for v in values.values()), default=0), 1e-12)
    is_coloured = bool(np.isfinite(colour).any())
    low, high = np.nanquantile(colour, (0.02, 0.98)).tolist() if is_coloured else (0.0, 1.0)
    scale = {
        "color": colour,
        "cmin": low,
        "cmax": max(high, low + 1e-12),
        "colorscale": "Cividis",
        "colorbar": {"title": {"text": label(by, 40), "side": "right"}, "thickness": 10},
    }
    for place, (term, own) in enumerate(values.items()):
        stack = pd.Series(np.round(own / reach * BINS)).pipe(lambda bins: bins.groupby(bins))
        rank = stack.cumcount().to_numpy()
        size = stack.transform("size").to_numpy()
        step = 2 * SWARM / max(int(size.max(initial=1)), 24)
        figure.add_scatter(
            x=own,
            y=place + step * (rank - (size - 1) / 2),
            mode="markers",
            name=label(term_title(term)),
            customdata=list(ids),
            marker={"size": 4, **scale, "showscale": place == 0}
            if is_coloured
            else {"size": 4, "color": GREY},
            hovertemplate="%{customdata}: %{x:+.3f}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": LINE[theme], "width": 1}, layer="below")
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title={"text": title_with_unit("contribution", unit)})
    figure.update_yaxes(**row_axis([term_title(term) for term in values]))
    return figure
