"""Figures of Why fuse."""

from __future__ import annotations

import numpy as np
import plotly.graph_objects as go
from collections.abc import Mapping, Sequence
from qfusion.figures.style import GREY, INK, QUIET, SIGNED_SCALE, Theme, base, drawing, faded, in_rows, label, term_colour, term_title
from qfusion.figures.dynamics import TIME


# Does the data need fusion?

SHARED, TOGETHER = "told by several", "told only together"


@drawing("parts")
def bits(
    rows: Sequence[str],
    parts: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    *,
    entropy: float | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """A bar a row: what is told redundantly, by each source alone, and only together, in bits, with intervals.

    Args:
        rows: names of the R rows. parts: by `SHARED`, source or `TOGETHER`: (R, 3) of value, low and high, NaN where a
            row has no such part. What is below 0, as estimates may be, is drawn as 0.
        modalities: names, whose colours sources have. entropy: bits that there are to tell, as a line.
    """
    places = np.arange(len(rows))
    figure = base(theme, 110 + 40 * len(rows), left=10, right=24, top=8, bottom=46, legend=True)
    ends = np.zeros(len(rows))
    for at, (name, values) in enumerate(parts.items()):
        hue = (
            GREY
            if name == SHARED
            else term_colour("+".join(modalities), modalities)
            if name == TOGETHER
            else term_colour(name if name in modalities else "+".join(modalities[:2]), modalities)
        )
        value, low, high = np.nan_to_num(np.asarray(values, float)).T
        size, tips = (
            np.maximum(value, 0),
            [f"{v:.3f} bits ({a:.3f} to {b:.3f})" for v, a, b in values],
        )
        fill = faded(hue, 0.25 if name == SHARED else 0.8)
        words = label(name if name in (SHARED, TOGETHER) else f"told only by {name}")
        figure.add_bar(
            x=size,
            y=places,
            base=ends,
            orientation="h",
            width=0.5,
            name=words,
            customdata=tips,
            marker={"color": fill, "line": {"color": hue, "width": 1}},
            hovertemplate=f"{words}: %{{customdata}}<extra></extra>",
        )
        shown = (size > 0) & np.isfinite(np.asarray(values, float)).all(1)
        ends = ends + size
        figure.add_scatter(
            x=ends[shown],
            y=places[shown] + 0.16 * ((at % 3) - 1),  # so that neighbours' intervals do not meet
            mode="markers",
            showlegend=False,
            hoverinfo="skip",
            marker={"size": 1, "color": INK[theme]},
            error_x={
                "type": "data",
                "array": np.maximum(high - value, 0)[shown],
                "arrayminus": np.maximum(value - low, 0)[shown],
                "color": INK[theme],
                "thickness": 1.5,
                "width": 3,
            },
        )
    if entropy is not None:
        figure.add_vline(
            x=entropy, line={"color": QUIET[theme], "dash": "dot", "width": 1}, layer="below"
        )
    return (
        figure.update_layout(barmode="overlay")
        .update_xaxes(title={"text": "bits of the target" + (" (dotted: all)" if entropy else "")})
        .update_yaxes(**in_rows(list(map(label, rows))))
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
