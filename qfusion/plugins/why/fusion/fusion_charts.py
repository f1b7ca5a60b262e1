"""Charts of a model that fuses: interactions of modalities, contributions of all samples, basins of training seeds."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd

from qfusion._sentences import true_minus
from qfusion.figures.colours import SIGNED_SCALE
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import (
    add_line,
    add_note,
    add_vertical_rule,
)
from qfusion.figures.style import (
    GREY,
    MODALITY_HUES,
    QUIET,
    Attributes,
    base_figure,
    fade_colour,
    label,
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
) -> Figure:
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
    figure = base_figure(90 + 62 * M, left=90, right=10, top=8, bottom=40)
    for pair, (value, low, high) in zip(pairs, values, strict=True):
        i, j = (modalities.index(name) for name in pair)
        z[i, j] = z[j, i] = value
        # cells of many are narrow in print
        ends = f"<br>{low:+.{few}f} to{'<br>' if M > 4 else ' '}{high:+.{few}f}"
        for x, y in ((i, j), (j, i)):
            add_note(
                figure,
                true_minus(f"{value:+.{few + 1}f}{ends if np.isfinite([low, high]).all() else ''}"),
                x,
                y,
            )
    names = [term_title(name) for name in modalities]
    figure.add_heatmap(
        z=[[None if np.isnan(value) else float(value) for value in row] for row in z],
        colorscale=SIGNED_SCALE,
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
) -> Figure:
    """Draw every sample's dividend of each coalition as a point, stacked where many are alike, with its id in
    `customdata`.

    Args:
        values: by coalition, (n,). ids: of the samples.
        colour: of the points, by its rank, (n,); where all is NaN, points are grey.
        by: what the colour says.
    """
    figure = base_figure(
        96 + 74 * len(values),
        left=10,
        right=70,
        top=8,
        bottom=46,
        x_title=title_with_unit("contribution", unit),
        rows=[term_title(term) for term in values],
    )
    reach = max(max((float(np.abs(v).max(initial=0)) for v in values.values()), default=0), 1e-12)
    known = np.isfinite(colour)
    is_coloured = bool(known.any())
    scale: Attributes = {}
    if is_coloured:
        # by rank, so that values that crowd at one end differ in colour
        marks = np.linspace(0, 1, 5)
        texts = [f"{value:.3g}" for value in np.quantile(colour[known], marks)]
        scale = {
            "color": pd.Series(colour).rank(pct=True).to_numpy(),
            "cmin": 0,
            "cmax": 1,
            "colorscale": "Cividis",
            "colorbar": {
                "title": {"text": f"{label(by, 40)}, by rank", "side": "right"},
                "thickness": 10,
                "tickvals": marks.tolist(),
                "ticktext": [
                    "" if text in texts[:place] else true_minus(text)
                    for place, text in enumerate(texts)
                ],
            },
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
    add_vertical_rule(figure, 0)
    figure.update_layout(showlegend=False)
    return figure


@checks_arrays(values="R T", labels="R", terms="T", seeds="R")
def seed_basins(
    values: np.ndarray,
    labels: np.ndarray,
    terms: Sequence[str],
    seeds: Sequence[int],
    *,
    unit: str = "score",
) -> Figure:
    """Draw one sample's terms for every training seed, one line with its own markers per seed, in the colour and dash
    of its basin.

    Args:
        values: (R, T). labels: basin of every seed, (R,), from 0. terms: names. seeds: their numbers.
    """
    dashes = ("solid", "dot", "dash", "longdash", "dashdot")
    symbols = cycle(("circle", "square", "diamond", "triangle-up", "cross"))
    figure = base_figure(
        96 + 34 * len(terms),
        left=10,
        top=8,
        bottom=46,
        legend=True,
        x_title=label(unit),
        rows=[term_title(term) for term in terms],
    )
    for row, basin, seed, symbol in zip(values, labels, seeds, symbols, strict=False):
        hue = MODALITY_HUES[int(basin) % len(MODALITY_HUES)]
        add_line(
            figure,
            row,
            list(range(len(terms))),
            fade_colour(hue, 0.7),
            1.5,
            dash=dashes[int(basin) % len(dashes)],
            mode="lines+markers",
            name=f"seed {seed}" if labels.max() == 0 else f"seed {seed} (explanation {basin + 1})",
            marker={"size": 8, "color": hue, "symbol": symbol},
            hovertemplate=f"seed {seed}: %{{x:+.3f}}<extra></extra>",
        )
    add_vertical_rule(figure, 0, hue=QUIET)
    return figure
