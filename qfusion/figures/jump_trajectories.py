"""Single quantum-jump trajectories and their ensemble beside the master equation."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import GREY, INK, STATE_HUES, Theme, base_figure, fade_colour, label
from qfusion.figures.time_lines import JUMP_SYMBOLS, TIME, legend_entry


@checks_arrays(curves="R", jumps="R")
def single_runs(
    times: np.ndarray,
    curves: Sequence[tuple[np.ndarray, np.ndarray]],
    jumps: Sequence[Sequence[tuple[float, int]]],
    mean: np.ndarray | None,
    y_title: str,
    *,
    channels: int,
    mean_name: str = "mean of all runs",
    theme: Theme = "light",
) -> go.Figure:
    """Draw one curve a trajectory, a marker where a jump ended (its shape says which operator), the mean bold.

    Args:
        times: (nT,), of the mean.
        curves: per trajectory its times and values; the time of a jump stands twice, just before and just after it.
        jumps: per trajectory its (time, operator index) pairs.
        mean: (nT,) over all runs, if there is one.
        y_title: of the axis.
        channels: number of jump operators K.
        mean_name: of the mean in the legend.
        theme: of the figure.
    """
    figure = base_figure(theme, 320, legend=True)
    for i, (own_times, values) in enumerate(curves):
        figure.add_trace(
            {
                "type": "scatter",
                "x": own_times,
                "y": values,
                "mode": "lines",
                "name": f"run {i + 1}",
                "hovertemplate": "%{y:.3f}",
                "line": {"width": 1.4, "color": STATE_HUES[i % len(STATE_HUES)]},
            }
        )
    if mean is not None:
        figure.add_scatter(
            x=times,
            y=mean,
            mode="lines",
            name=label(mean_name),
            line={"width": 3, "color": INK[theme]},
            hovertemplate="%{y:.3f}",
        )
    for channel in range(channels):
        marks = [
            (when, _value_after(curve, when))
            for curve, own in zip(curves, jumps, strict=True)
            for when, which in own
            if which == channel
        ]
        if marks:
            figure.add_scatter(
                x=[when for when, _ in marks],
                y=[height for _, height in marks],
                mode="markers",
                name=f"jump by L{channel + 1}",
                marker={
                    "symbol": JUMP_SYMBOLS[channel % len(JUMP_SYMBOLS)],
                    "size": 9,
                    "color": INK[theme],
                    "line": {"width": 0},
                },
                hovertemplate=f"jump by L{channel + 1} at t = %{{x:.3f}}, to %{{y:.3f}}<extra></extra>",
            )
    figure.update_xaxes(title={"text": TIME}, range=[0, float(times[-1])])
    figure.update_yaxes(title={"text": label(y_title)})
    return figure


def _value_after(curve: tuple[np.ndarray, np.ndarray], when: float) -> float:
    """Return the value of a curve just after a jump, where its times have that of the jump twice."""
    times, values = curve
    return float(values[np.searchsorted(times, when, side="right") - 1])


@checks_arrays(mean="T P", error="T P", master="T P")
def ensemble(
    times: np.ndarray,
    mean: np.ndarray,
    error: np.ndarray,
    master: np.ndarray,
    names: Sequence[str],
    runs: int,
    *,
    theme: Theme = "light",
) -> go.Figure:
    """Draw the populations: mean of the trajectories with a band of 2 standard errors, over the master equation's line.

    The legend names the states by their colours, and the three kinds of marks in grey.

    Args:
        mean, error, master: (nT, P) for the P populations named in `names`.
    """
    figure = base_figure(theme, 320, legend=True)
    for i, name in enumerate(names):
        hue = STATE_HUES[i % len(STATE_HUES)]
        figure.add_scatter(
            x=np.r_[times, times[::-1]],
            hoverinfo="skip",
            showlegend=False,
            fill="toself",
            y=np.r_[mean[:, i] + 2 * error[:, i], (mean[:, i] - 2 * error[:, i])[::-1]],
            fillcolor=fade_colour(hue, 0.25),
            line={"width": 0},
            mode="lines",
        )
        figure.add_scatter(
            x=times,
            y=mean[:, i],
            mode="lines",
            showlegend=False,
            name=f"mean of {runs} runs",
            line={"color": hue, "width": 1.5, "dash": "dot"},
            hovertemplate="%{y:.3f}",
        )
        figure.add_scatter(
            x=times,
            y=master[:, i],
            mode="lines",
            name=f"|{label(name)}⟩",
            line={"color": hue, "width": 2.5},
            hovertemplate="%{y:.3f}",
        )
    figure.add_traces(
        [
            legend_entry("master equation", {"color": GREY, "width": 2.5}),
            legend_entry(f"mean of {runs} runs", {"color": GREY, "width": 1.5, "dash": "dot"}),
            legend_entry("± 2 standard errors", {"color": fade_colour(GREY, 0.4), "width": 9}),
        ]
    )
    figure.update_xaxes(title={"text": TIME}, range=[0, float(times[-1])])
    figure.update_yaxes(title={"text": "probability"}, rangemode="tozero")
    return figure
