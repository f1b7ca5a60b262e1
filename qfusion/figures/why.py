"""Whether fusion, its quantum part, and which of its pieces matters, as figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.dynamics import TIME
from qfusion.figures.style import (
    GREY,
    INK,
    QUIET,
    SIGNED_SCALE,
    Theme,
    base,
    drawing,
    faded,
    in_rows,
    label,
    term_title,
)

# Which piece does it?


@drawing(times="T", modalities="M", restored="M T", turned="M T")
def patches(
    times: np.ndarray,
    modalities: Sequence[str],
    restored: np.ndarray,
    turned: np.ndarray,
    theme: Theme = "light",
) -> go.Figure:
    """What a modality's state from another sample restores, a row a modality and a column a time, with a dot where the
    decision turns.

    Args:
        restored: share of the difference, (M, nT). turned: whether the decision is another, (M, nT).
    """
    reach = max(1.0, float(np.abs(restored).max()))
    rows, columns = np.nonzero(turned)
    return (
        base(theme, 120 + 44 * len(modalities), left=10, right=14, top=8, bottom=48, legend=True)
        .add_heatmap(
            z=restored,
            x=times,
            y=list(range(len(modalities))),
            zmin=-reach,
            zmax=reach,
            colorscale=SIGNED_SCALE[theme],
            ygap=2,
            colorbar={
                "title": {"text": "share restored", "side": "right", "font": {"size": 12}},
                "thickness": 10,
                "outlinewidth": 0,
                "tickformat": ".0%",
                "nticks": 5,
            },
            customdata=[[label(name)] * len(times) for name in modalities],
            hovertemplate="%{customdata} at t = %{x:.2f}: %{z:.0%}<extra></extra>",
        )
        .add_scatter(
            x=times[columns],
            y=rows,
            mode="markers",
            name="the decision turns",
            showlegend=True,
            hoverinfo="skip",
            marker={
                "size": 6,
                "color": INK[theme],
                "symbol": "circle-open",
                "line": {"width": 1.5},
            },
        )
        .update_xaxes(title={"text": TIME})
        .update_yaxes(**in_rows([term_title(name) for name in modalities]))
    )


@drawing()
def banded(
    x: np.ndarray,
    lines: Mapping[str, tuple[np.ndarray, np.ndarray, np.ndarray]],
    *,
    hues: Mapping[str, str],
    x_title: str,
    y_title: str,
    behind: np.ndarray | None = None,
    behind_name: str = "",
    marks: Mapping[str, float] | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Lines with bands over what they share, beside grey ones of a control.

    Args:
        x: (X,). lines: value, low and high, (X,) each, by name. hues: of these.
        x_title, y_title: of the axes; y are shares. behind: of the control, (R, X). behind_name: what it is.
        marks: where a line is marked, by its name.
    """
    figure = base(theme, 330, left=60, right=16, legend=True)
    for place, values in enumerate(() if behind is None else behind):
        figure.add_scatter(
            x=x,
            y=values,
            mode="lines",
            name=label(behind_name),
            showlegend=place == 0,
            hoverinfo="skip",
            line={"color": faded(GREY, 0.5), "width": 1},
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
            fillcolor=faded(hues[name], 0.2),
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
    return figure.update_xaxes(title={"text": label(x_title)}).update_yaxes(
        title={"text": label(y_title)}, tickformat=".0%"
    )
