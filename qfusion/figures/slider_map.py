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
        line_x, line_y = zero_lines(x, y, margin)
        figure.add_scatter(
            x=line_x,
            y=line_y,
            mode="lines",
            line={"color": INK[theme], "width": 2},
            hoverinfo="skip",
            showlegend=False,
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
        dragmode=False,  # the page drags both sliders
        xaxis={"title": {"text": label(x_title)}, "range": [float(x[0]), float(x[-1])]},
        yaxis={"title": {"text": label(y_title)}, "range": [float(y[0]), float(y[-1])]},
    )
    return figure


def zero_lines(
    x: np.ndarray, y: np.ndarray, values: np.ndarray
) -> tuple[list[float | None], list[float | None]]:
    """Return the lines along which values on a grid are zero, by linear interpolation in each cell (marching squares).

    Args:
        x, y: of the grid, (P,) and (Q,). values: (Q, P).

    Returns:
        Coordinates of segments, each followed by None.
    """
    signs = values > 0
    corners = signs[:-1, :-1].astype(int) + signs[1:, :-1] + signs[:-1, 1:] + signs[1:, 1:]
    line_x: list[float | None] = []
    line_y: list[float | None] = []
    for row, column in np.argwhere((corners > 0) & (corners < 4)):
        around = [(row, column), (row, column + 1), (row + 1, column + 1), (row + 1, column)]
        points = []
        for one, other in zip(around, [*around[1:], around[0]], strict=True):
            start, end = values[one], values[other]
            if (start > 0) != (end > 0):
                part = start / (start - end)
                points.append(
                    (
                        float(x[one[1]] + part * (x[other[1]] - x[one[1]])),
                        float(y[one[0]] + part * (y[other[0]] - y[one[0]])),
                    )
                )
        for first, second in zip(points[::2], points[1::2], strict=True):
            line_x += [first[0], second[0], None]
            line_y += [first[1], second[1], None]
    return line_x, line_y


def axis_title(name: str, is_duration: bool) -> str:
    """Return the title of an axis of a slider: a duration, or a factor."""
    return title_with_unit(name, "model units") if is_duration else f"{name} (factor)"
