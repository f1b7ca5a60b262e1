"""Curves of shares with interval bands, and a control in grey behind them."""

from collections.abc import Mapping

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import GREY, QUIET, Theme, base_figure, fade_colour, label


@checks_arrays()
def banded_curves(
    x: np.ndarray,
    lines: Mapping[str, tuple[np.ndarray, ...]],
    *,
    hues: Mapping[str, str],
    x_title: str,
    y_title: str,
    behind: np.ndarray | None = None,
    behind_name: str = "",
    marks: Mapping[str, float] | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Draw lines with interval bands as shares, with the lines of a control in grey behind them.

    Args:
        x: (X,). lines: value, low and high, (X,) each, by name. hues: of these.
        x_title, y_title: of the axes; y are shares. behind: of the control, (R, X). behind_name: what it is.
        marks: where a line is marked, by its name.
    """
    figure = base_figure(theme, 330, left=60, right=16, legend=True)
    for place, values in enumerate(() if behind is None else behind):
        figure.add_scatter(
            x=x,
            y=values,
            mode="lines",
            name=label(behind_name),
            showlegend=place == 0,
            hoverinfo="skip",
            line={"color": fade_colour(GREY, 0.5), "width": 1},
        )
    for name, (values, low, high) in lines.items():
        figure.add_scatter(
            x=np.r_[x, x[::-1]],
            y=np.r_[high, low[::-1]],
            mode="lines",
            fill="toself",
            showlegend=False,
            hoverinfo="skip",
            line={"width": 0, "color": hues[name]},
            fillcolor=fade_colour(hues[name], 0.2),
        )
        figure.add_scatter(
            x=x,
            y=values,
            mode="lines+markers",
            name=label(name),
            line={"color": hues[name], "width": 2.2},
            marker={"color": hues[name], "size": 6},
            hovertemplate=f"{label(name)}, {label(x_title)} %{{x}}: %{{y:.0%}}<extra></extra>",
        )
    for name, at in (marks or {}).items():
        figure.add_vline(x=at, line={"color": hues.get(name, QUIET[theme]), "dash": "dot"})
    figure.update_xaxes(title={"text": label(x_title)})
    figure.update_yaxes(title={"text": label(y_title)}, tickformat=".0%")
    return figure
