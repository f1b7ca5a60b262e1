"""Quantum-jump trajectories: single runs with their jumps, and the ensemble mean over the master equation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.dynamics import TIME
from qfusion.figures.style import GREY, INK, ORANGE, PURPLE, SKY, Theme, base, faded, label

HUES = (PURPLE, SKY, ORANGE, GREY)  # none of a single modality: runs and joint states belong to all
JUMP_SYMBOLS = ("triangle-down", "square", "diamond", "star", "cross", "x")


def single_runs(times: np.ndarray, curves: Sequence[np.ndarray], jumps: Sequence[Sequence[tuple[float, int]]],
                mean: np.ndarray | None, y_title: str, *, channels: int, mean_name: str = "mean of all runs",
                theme: Theme = "light") -> go.Figure:
    """One curve a trajectory, a marker where a jump happened (its shape says which operator), the mean bold.

    Args:
        times: (nT,); curves: per trajectory (nT,) values; jumps: per trajectory its (time, operator index) pairs;
        mean: (nT,) over all runs, if there is one; channels: number of jump operators K.
    """
    check(len(curves) == len(jumps), f"Arguments `curves` and `jumps` must have one length, but have {len(curves)} and "
                                     f"{len(jumps)}.")
    figure = base(theme, 320, legend=True)
    for i, curve in enumerate(curves):
        figure.add_scatter(x=times, y=curve, mode="lines", name=f"run {i + 1}", hovertemplate="%{y:.3f}",
                           line={"width": 1.4, "color": HUES[i % len(HUES)]}, showlegend=False)
    for channel in range(channels):
        xs, ys = _marks(times, curves, jumps, channel)
        if xs:
            figure.add_scatter(x=xs, y=ys, mode="markers", name=f"jump by L{channel + 1}",
                               marker={"symbol": JUMP_SYMBOLS[channel % len(JUMP_SYMBOLS)], "size": 10,
                                       "color": INK[theme], "line": {"width": 0}},
                               hovertemplate=f"jump by L{channel + 1} at t = %{{x:.3f}}<extra></extra>")
    if mean is not None:
        figure.add_scatter(x=times, y=mean, mode="lines", name=label(mean_name),
                           line={"width": 3, "color": INK[theme]}, hovertemplate="%{y:.3f}")
    figure.update_xaxes(title={"text": TIME}, range=[0, float(times[-1])])
    figure.update_yaxes(title={"text": label(y_title)})
    return figure


def _marks(times: np.ndarray, curves: Sequence[np.ndarray], jumps: Sequence[Sequence[tuple[float, int]]],
           channel: int) -> tuple[list[float], list[float]]:
    found = [(when, float(np.interp(when, times, curve)))
             for curve, marks in zip(curves, jumps, strict=True) for when, which in marks if which == channel]
    return [when for when, _ in found], [height for _, height in found]


def ensemble(times: np.ndarray, mean: np.ndarray, error: np.ndarray, master: np.ndarray, names: Sequence[str],
             runs: int, *, theme: Theme = "light") -> go.Figure:
    """Populations: mean of the trajectories with a band of 2 standard errors, over the master equation's line.

    Args:
        mean, error, master: (nT, P) for the P populations named in `names`.
    """
    check(mean.shape == error.shape == master.shape, f"Arguments `mean`, `error` and `master` must have one shape, but "
                                                     f"have {mean.shape}, {error.shape} and {master.shape}.")
    figure = base(theme, 320, legend=True)
    for i, name in enumerate(names):
        hue = HUES[i % len(HUES)]
        figure.add_scatter(x=np.r_[times, times[::-1]], hoverinfo="skip", showlegend=False, fill="toself",
                           y=np.r_[mean[:, i] + 2 * error[:, i], (mean[:, i] - 2 * error[:, i])[::-1]],
                           fillcolor=faded(hue, 0.25), line={"width": 0}, mode="lines")
        figure.add_scatter(x=times, y=mean[:, i], mode="lines", showlegend=False, name=f"mean of {runs} runs",
                           line={"color": hue, "width": 1.5, "dash": "dot"}, hovertemplate="%{y:.3f}")
        figure.add_scatter(x=times, y=master[:, i], mode="lines", name=f"|{label(name)}⟩",
                           line={"color": hue, "width": 2.5}, hovertemplate="%{y:.3f}")
    figure.update_xaxes(title={"text": TIME}, range=[0, float(times[-1])])
    figure.update_yaxes(title={"text": "probability"}, rangemode="tozero")
    return figure
