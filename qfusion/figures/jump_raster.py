"""Which jump operator fired when: one row per trajectory, beside the rates of the master equation."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.guards import checks_arrays
from qfusion.figures.series_styles import DASHES
from qfusion.figures.style import QUIET, STATE_HUES, Theme, axis, base_figure, fade_colour, label
from qfusion.figures.time_lines import JUMP_SYMBOLS, TIME


@checks_arrays()
def raster(
    records: Sequence[tuple[np.ndarray, np.ndarray]],
    edges: np.ndarray,
    values: np.ndarray,
    times: np.ndarray,
    exact: np.ndarray,
    theme: Theme = "light",
) -> go.Figure:
    """Return a raster of jumps above the rates at which they come.

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
    figure = base_figure(theme, 560, legend=True, right=16)
    for k, rates in enumerate(exact):
        hue = STATE_HUES[k % len(STATE_HUES)]
        name = f"L{k + 1}"
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
        )
        figure.add_scatter(
            x=np.repeat(edges, 2)[1:-1],
            y=np.repeat(values[k], 2),
            yaxis="y2",
            mode="lines",
            legendgroup=name,
            showlegend=False,
            line={"color": fade_colour(hue, 0.6), "width": 1.2},
            name=f"{name}, counted",
            hovertemplate=f"{name}, counted: %{{y:.3f}}<extra></extra>",
        )
        figure.add_scatter(
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
    figure.add_annotation(
        x=1,
        y=0.29,
        xref="paper",
        yref="paper",
        xanchor="right",
        yanchor="bottom",
        showarrow=False,
        text="thin: counted, thick: Tr L<sub>k</sub>†L<sub>k</sub> ρ(t)",
        font={"size": 12, "color": QUIET[theme]},
    )
    figure.update_layout(
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
    return figure
