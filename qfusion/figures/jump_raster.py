"""Which jump operator fired when: one row per trajectory, beside the rates of the master equation."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    DASHES,
    GREY,
    STATE_HUES,
    Theme,
    axis,
    base_figure,
    fade_colour,
    label,
)
from qfusion.figures.time_lines import JUMP_SYMBOLS, TIME, legend_entry


@checks_arrays()
def raster(
    records: Sequence[tuple[np.ndarray, np.ndarray]],
    edges: np.ndarray,
    values: np.ndarray,
    errors: np.ndarray,
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
        errors: their standard errors, (K, B).
        times: (nT,). exact: Tr(L_k^+ L_k rho(t)), (K, nT).
        theme: of the figure.

    Raises:
        InvalidInput: when the shapes do not fit.
    """
    check(
        values.shape == errors.shape == (len(exact), len(edges) - 1)
        and exact.shape[1:] == times.shape
        and len(exact) > 0,
        f"Arguments `values`, `errors` and `exact` must have shapes (K, {len(edges) - 1}) twice and "
        f"(K, {len(times)}), but have {values.shape}, {errors.shape} and {exact.shape}.",
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
        steps = np.repeat(edges, 2)[1:-1]
        low, high = (np.repeat(values[k] + sign * errors[k], 2).clip(min=0.0) for sign in (-1, 1))
        figure.add_scatter(
            x=np.r_[steps, steps[::-1]],
            y=np.r_[high, low[::-1]],
            yaxis="y2",
            mode="lines",
            fill="toself",
            fillcolor=fade_colour(hue, 0.14),
            line={"width": 0, "color": hue},
            legendgroup=name,
            showlegend=False,
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=steps,
            y=np.repeat(values[k], 2),
            yaxis="y2",
            mode="lines",
            legendgroup=name,
            showlegend=False,
            line={"color": fade_colour(hue, 0.6), "width": 1.2},
            name=f"{name}, counted",
            customdata=np.repeat(errors[k], 2),
            hovertemplate=f"{name}, counted: %{{y:.3f}} ± %{{customdata:.3f}}<extra></extra>",
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
    figure.add_traces(
        [
            legend_entry("exact rate", {"color": GREY, "width": 2.8}),
            legend_entry("counted", {"color": fade_colour(GREY, 0.6), "width": 1.2}),
            legend_entry("± 1 standard error", {"color": fade_colour(GREY, 0.3), "width": 9}),
        ]
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
