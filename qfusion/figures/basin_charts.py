"""One sample's explanations by training seed, grouped by the basin of the loss that the seed reached."""

from collections.abc import Sequence
from itertools import cycle

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    MODALITY_HUES,
    QUIET,
    Theme,
    base_figure,
    fade_colour,
    label,
    row_axis,
    term_title,
)


@checks_arrays(values="R T", labels="R", terms="T", seeds="R")
def seed_basins(
    values: np.ndarray,
    labels: np.ndarray,
    terms: Sequence[str],
    seeds: Sequence[int],
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Draw one sample's terms for every training seed, one line with its own markers per seed, in the colour and dash
    of its basin.

    Args:
        values: (R, T). labels: basin of every seed, (R,), from 0. terms: names. seeds: their numbers.
    """
    dashes = ("solid", "dot", "dash", "longdash", "dashdot")
    symbols = cycle(("circle", "square", "diamond", "triangle-up", "cross"))
    figure = base_figure(
        theme, 96 + 34 * len(terms), left=10, right=16, top=8, bottom=46, legend=True
    )
    for row, basin, seed, symbol in zip(values, labels, seeds, symbols, strict=False):
        hue = MODALITY_HUES[int(basin) % len(MODALITY_HUES)]
        figure.add_scatter(
            x=row,
            y=list(range(len(terms))),
            mode="lines+markers",
            name=f"seed {seed}" if labels.max() == 0 else f"seed {seed} (explanation {basin + 1})",
            line={
                "color": fade_colour(hue, 0.7),
                "width": 1.5,
                "dash": dashes[int(basin) % len(dashes)],
            },
            marker={"size": 8, "color": hue, "symbol": symbol},
            hovertemplate=f"seed {seed}: %{{x:+.3f}}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": QUIET[theme], "width": 1}, layer="below")
    figure.update_xaxes(title={"text": label(unit)})
    figure.update_yaxes(**row_axis([term_title(term) for term in terms]))
    return figure
