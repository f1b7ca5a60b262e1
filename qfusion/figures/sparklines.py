"""Small curves over time for cards, labelled with their end values."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import INK, Theme, base_figure, split_term, term_dash
from qfusion.figures.time_lines import part_colour, part_title


@checks_arrays()
def sparkline(
    times: np.ndarray,
    series: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    *,
    theme: Theme = "light",
) -> go.Figure:
    """Draw small entropies over time with the end values written out, for cards."""
    figure = base_figure(theme, 122, left=34, right=88, top=6, bottom=40)
    top = 1.2 * max((float(np.max(v)) for v in series.values()), default=1.0) or 1.0
    # A line of text is so high in units of the axis.
    heights = _spread_heights(
        [float(values[-1]) for values in series.values()], 0.19 * top, 0.93 * top
    )
    for (name, values), height in zip(series.items(), heights, strict=True):
        hue = part_colour(split_term(name), modalities, theme)
        title = part_title(split_term(name))
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


def _spread_heights(values: Sequence[float], gap: float, highest: float) -> list[float]:
    """Return heights near `values`, at least `gap` apart, at most `highest`, so that end labels neither overlap nor
    leave.
    """
    heights = np.asarray(values, dtype=float).copy()
    for lower, upper in itertools.pairwise(np.argsort(values)):
        heights[upper] = max(heights[upper], heights[lower] + gap)
    heights += np.mean(values) - heights.mean()
    return (heights - max(0.0, float(heights.max()) - highest)).tolist()
