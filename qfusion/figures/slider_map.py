"""The score on a map of two sliders: colours, the boundary of the decision, and where the sliders stand."""

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.colour_scales import SIGNED_SCALE
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import INK, PAPER, QUIET, Theme, base_figure, label, title_with_unit


@checks_arrays(x="P", y="Q", scores="Q P", margin="Q P")
def slider_map(
    x: np.ndarray,
    y: np.ndarray,
    scores: np.ndarray,
    margin: np.ndarray | None,
    *,
    now: tuple[float, float],
    learned: tuple[float, float],
    x_title: str,
    y_title: str,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Draw the score against two sliders.

    Args:
        x, y: values of the sliders, (P,) and (Q,). scores: (Q, P).
        margin: 0 where the decision changes, (Q, P); None where nothing is decided.
        now, learned: where both sliders stand, and their learned values.
        x_title, y_title: names of the sliders. unit: of the score.
    """
    most = float(np.abs(scores).max())
    figure = base_figure(theme, 460, left=64, right=20, top=12, bottom=52)
    figure.add_trace(
        {
            "type": "heatmap",
            "x": x,
            "y": y,
            "z": scores,
            "colorscale": SIGNED_SCALE[theme],
            "zmin": -most,
            "zmax": most,
            "zsmooth": "best",
            "colorbar": {
                "title": {"text": label(unit), "side": "right"},
                "thickness": 12,
                "outlinewidth": 0,
            },
            "hovertemplate": f"{label(x_title)} %{{x:.2f}}<br>{label(y_title)} %{{y:.2f}}<br>"
            "%{z:+.3f}<extra></extra>",
        }
    )
    if margin is not None and margin.min() < 0 < margin.max():
        figure.add_trace(
            {
                "type": "contour",
                "x": x,
                "y": y,
                "z": margin,
                "contours": {"start": 0, "end": 0, "size": 1, "coloring": "none"},
                "line": {"color": INK[theme], "width": 2},
                "showscale": False,
                "hoverinfo": "skip",
                "name": "decision boundary",
            }
        )
    if learned != now:
        figure.add_scatter(
            x=[learned[0]],
            y=[learned[1]],
            mode="markers",
            marker={"symbol": "x-thin", "size": 11, "line": {"width": 2, "color": QUIET[theme]}},
            hovertemplate="as learned<extra></extra>",
            showlegend=False,
        )
    figure.add_scatter(
        x=[now[0]],
        y=[now[1]],
        mode="markers",
        marker={
            "symbol": "circle",
            "size": 13,
            "color": PAPER[theme],
            "line": {"width": 3, "color": INK[theme]},
        },
        hovertemplate="now: %{x:.2f}, %{y:.2f}<extra></extra>",
        showlegend=False,
    )
    figure.update_layout(
        xaxis={"title": {"text": label(x_title)}, "range": [float(x[0]), float(x[-1])]},
        yaxis={"title": {"text": label(y_title)}, "range": [float(y[0]), float(y[-1])]},
    )
    return figure


def axis_title(name: str, is_duration: bool) -> str:
    """Return the title of an axis of a slider: a duration, or a factor."""
    return title_with_unit(name, "model units") if is_duration else f"{name} (factor)"
