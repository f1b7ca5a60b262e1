"""The circuit of one step against the exact evolution."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.style import INK, QUIET, Theme, base, log_ticks


def step_error(steps: np.ndarray, one: np.ndarray, whole: np.ndarray, chosen: float, *,
               theme: Theme = "light") -> go.Figure:
    """Trace distance of the circuit from the exact evolution against the step, after one step and after all of them.

    Args:
        steps, one, whole: (n,) step sizes dt and distances; chosen: the step that is drawn.
    """
    figure = base(theme, 300, legend=True)
    lines = ((one, "after one step", "solid"), (whole, "after as many as fill T", "dash"))
    for values, name, dash in lines:
        figure.add_scatter(x=steps, y=np.maximum(values, 1e-17), mode="lines+markers", name=name, marker={"size": 7},
                           line={"color": INK[theme], "width": 2, "dash": dash},
                           hovertemplate="dt = %{x:.3g}: %{y:.2e}<extra></extra>")
    everything = np.maximum(np.concatenate([one, whole]), 1e-17)
    figure.update_xaxes(type="log", title={"text": "step dt (model units)"}, **log_ticks(steps))
    figure.update_yaxes(type="log", title={"text": "trace distance (0 to 1)"}, **log_ticks(everything))
    figure.add_vline(x=chosen, line={"color": QUIET[theme], "dash": "dash"})
    return figure
