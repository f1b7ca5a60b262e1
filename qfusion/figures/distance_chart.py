"""The distance of a state from its steady state over time."""

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    GREY,
    INK,
    QUIET,
    STATE_HUES,
    Theme,
    base_figure,
    fade_colour,
    log_ticks,
)
from qfusion.figures.time_lines import TIME

FLOOR = 1e-10  # distances below are dominated by rounding errors


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
    """Draw the trace distance to the steady state on a logarithmic axis, and the slope of the spectral gap.

    The gap predicts the slope for long times: its line meets the curve at the last point above `FLOOR`.

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
        tail = int(np.flatnonzero(seen >= FLOOR)[-1])
        figure.add_scatter(
            x=times,
            y=seen[tail] * np.exp(-gap * (np.asarray(times) - times[tail])),
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
