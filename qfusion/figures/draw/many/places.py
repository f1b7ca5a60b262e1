"""A map of samples: a point each, coloured by a number or by what it belongs to; and the samples nearest to one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.finite import drawing
from qfusion.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LINE,
    ORANGE,
    PAPER,
    PURPLE,
    SIGNED_SCALE,
    SKY,
    UNSIGNED_SCALE,
    VERMILLION,
    YELLOW,
    Theme,
    base,
    label,
    note,
)

HUES = (BLUE, VERMILLION, GREEN, PURPLE, SKY, ORANGE, YELLOW, GREY)
SHAPES = ("circle", "diamond", "square")
MAX_GROUPS = len(HUES) * len(SHAPES)
_CHOSEN = {"selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": 0.4}}}


@drawing("values")
def places(
    ids: Sequence[str],
    xy: np.ndarray,
    values: np.ndarray,
    inside: np.ndarray,
    *,
    names: Sequence[str] = (),
    hues: Sequence[str] = (),
    by: str = "",
    titles: tuple[str, str] = ("", ""),
    tips: Sequence[str] = (),
    chosen: str | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Every sample as a point with its id in `customdata`; those outside the cohort small and faint, one ringed.

    Args:
        ids: of the samples, (N,). xy: places, (N, 2).
        values: numbers (N,), or where there are `names` the place of each sample's group among them.
        inside: which belong to the cohort, bool (N,).
        names: of groups, at most `MAX_GROUPS`; without, `values` are coloured by a scale.
        hues: a colour a group; in their usual order unless told.
        by: what the colours tell.
        titles: of the axes.
        tips: what a point says when it is pointed at, after its id, from data: made harmless here.
        chosen: id of the sample with a ring. theme: of the figure.
    """
    check(
        len(ids) == len(xy) == len(values) == len(inside),
        "Arguments `ids`, `xy`, `values` and `inside` must have one length.",
    )
    check(
        len(names) <= MAX_GROUPS,
        f"Argument `names` holds {len(names)} groups, and at most {MAX_GROUPS} are told apart.",
    )
    figure = base(theme, 560, legend=bool(names), top=38)
    figure.update_layout(dragmode="lasso", clickmode="event+select")
    for side, title in zip((figure.layout.xaxis, figure.layout.yaxis), titles, strict=True):
        side.update(title={"text": label(title, 90)}, nticks=7)
    if not len(ids):
        return note(figure, "No sample of this split is explained.", theme)
    texts = [
        f"<b>{label(name)}</b>" + (f"<br>{label(tip, 160)}" if tip else "")
        for name, tip in zip(ids, tips or [""] * len(ids), strict=True)
    ]
    part = not inside.all()
    for within in (False, True) if part else (True,):
        for k in range(len(names)) if names else (None,):
            at = np.flatnonzero((inside == within) & (True if k is None else values == k)).tolist()
            if not at:
                continue
            figure.add_scatter(
                x=xy[at, 0],
                y=xy[at, 1],
                mode="markers",
                customdata=[ids[i] for i in at],
                text=[texts[i] for i in at],
                name=label(by if k is None else names[k], 24),
                showlegend=False,
                marker=_marker(values[at], k, within, part, hues, values, by, theme),
                **_CHOSEN,
                hovertemplate="%{text}<br>click to open it<extra></extra>",
            )
    for k, name in enumerate(names):  # the legend's points are as strong as those of the cohort
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=label(name, 24),
            marker={"size": 9, "color": _hue(k, hues), "symbol": SHAPES[k // len(HUES)]},
        )
    here = [i for i, name in enumerate(ids) if name == chosen]
    if here:
        figure.add_scatter(
            x=[xy[here[0], 0]],
            y=[xy[here[0], 1]],
            mode="markers",
            hoverinfo="skip",
            showlegend=False,
            name="this sample",
            marker={
                "size": 17,
                "color": INK[theme],
                "symbol": "circle-open",
                "line": {"width": 3, "color": INK[theme]},
            },
            **_CHOSEN,
        )
    return figure


def _hue(k: int, hues: Sequence[str]) -> str:
    return hues[k] if k < len(hues) else HUES[k % len(HUES)]


def _marker(
    own: np.ndarray,
    k: int | None,
    within: bool,
    part: bool,
    hues: Sequence[str],
    every: np.ndarray,
    by: str,
    theme: Theme,
) -> dict[str, Any]:
    size = (8 if part else 7) if within else 5
    if k is not None:
        return {
            "size": size,
            "color": _hue(k, hues),
            "opacity": 0.75 if within else 0.25,
            "line": {"width": 0},
            "symbol": SHAPES[k // len(HUES)],
        }
    known = every[np.isfinite(every)]
    scale: Any
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if low < 0 < high:
        low, high, scale = -max(-low, high), max(-low, high), SIGNED_SCALE[theme]
    else:
        scale = UNSIGNED_SCALE
    bar = {
        "thickness": 12,
        "outlinewidth": 0,
        "len": 0.9,
        "nticks": 6,
        "title": {"text": label(by, 40), "side": "right"},
    }
    return {
        "size": size,
        "color": np.where(np.isfinite(own), own, low).tolist(),
        "colorscale": scale,
        "cmin": low,
        "cmax": high if high > low else low + 1,
        "showscale": within,
        "opacity": 0.9 if within else 0.3,
        "colorbar": bar,
        "line": {"width": 0.5, "color": GREY},
    }


@drawing("typical")
def nearest(
    names: Sequence[str],
    distances: np.ndarray,
    right: Sequence[bool | None],
    *,
    axis: str = "distance",
    typical: float = float("nan"),
    theme: Theme = "light",
) -> go.Figure:
    """Distances of the nearest samples as bars, the nearest on top; a dotted line at the median distance of all.

    Args:
        names: what is said of each, its id first. distances: (n,).
        right: whether each was predicted rightly; None where that is no question.
        axis: title of the distances. typical: median distance of all samples, NaN for none. theme: of the figure.
    """
    check(
        len(names) == len(distances) == len(right),
        "Arguments `names`, `distances` and `right` must have one length.",
    )
    figure = base(theme, 92 + 27 * max(1, len(names)), left=10, right=56, top=22)
    if not len(names):
        return note(figure, "There is no other sample.", theme)
    hues = [BLUE if each is not False else VERMILLION for each in right]
    figure.add_bar(
        x=distances,
        y=list(range(len(names))),
        orientation="h",
        width=0.62,
        customdata=[label(name, 90) for name in names],
        marker={
            "color": hues,
            "line": {"width": 0},
            "pattern": {
                "shape": ["/" if each is False else "" for each in right],
                "fgcolor": hues,
                "bgcolor": PAPER[theme],
                "solidity": 0.5,
            },
        },
        text=[f"{value:.3g}" for value in distances],
        textposition="outside",
        cliponaxis=False,
        constraintext="none",
        textfont={"color": INK[theme]},
        **_CHOSEN,
        hovertemplate="%{customdata}: %{x:.4g}<br>click to open it<extra></extra>",
    )
    if np.isfinite(typical):
        figure.add_vline(
            x=typical, line={"color": LINE[theme], "width": 1.5, "dash": "dot"}, layer="below"
        )
        figure.add_annotation(
            x=typical,
            y=1,
            yref="paper",
            yanchor="bottom",
            showarrow=False,
            text="median of all",
            font={"size": 12, "color": INK[theme]},
        )
    top = max(float(np.max(distances)), typical if np.isfinite(typical) else 0.0, 1e-9)
    figure.update_layout(clickmode="event+select")
    figure.update_xaxes(title={"text": label(axis)}, range=[0, 1.12 * top], nticks=7)
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=[label(name, 44) for name in names],
        ticks="",
        showline=False,
        range=[len(names) - 0.5, -0.5],
        ticklabelstandoff=6,
    )
    return figure
