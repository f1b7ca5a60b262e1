"""A sweep of settings: values over trials, value against each setting, all settings side by side, and how much each one
matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.finite import drawing
from qfusion.figures.style import (
    BLUE,
    GREY,
    INK,
    LINE,
    ORANGE,
    PAPER,
    QUIET,
    VERMILLION,
    Theme,
    axis,
    base,
    label,
    log_ticks,
)

WIDE = 20.0  # largest over smallest value from which their axis is logarithmic


@drawing()
def history(
    numbers: Sequence[int],
    values: np.ndarray,
    pruned: np.ndarray,
    *,
    smaller: bool = True,
    y_title: str = "value",
    theme: Theme = "light",
) -> go.Figure:
    """The value of each trial, and the best of those finished so far as a line.

    Args:
        numbers: of the trials, ascending, (n,). values: (n,).
        pruned: which of them were stopped early, (n,); their value is that of their last epoch.
        smaller: whether smaller values are better.
    """
    values, pruned = np.asarray(values, dtype=float), np.asarray(pruned, dtype=bool)
    check(
        len(numbers) == len(values) == len(pruned) > 0,
        "Arguments must have one entry a trial, and at least one.",
    )
    figure = base(theme, 300, legend=True, left=64, right=12)
    done = np.where(pruned, np.inf if smaller else -np.inf, values)
    best = np.minimum.accumulate(done) if smaller else np.maximum.accumulate(done)
    figure.add_scatter(
        x=list(numbers),
        y=np.where(np.isfinite(best), best, np.nan),
        mode="lines",
        name="best so far",
        connectgaps=False,
        hoverinfo="skip",
        line={"color": ORANGE, "width": 2, "shape": "hv"},
    )
    for stopped, name, marker in (
        (False, "finished", {"color": BLUE, "size": 8}),
        (
            True,
            "stopped early",
            {"color": GREY, "size": 8, "symbol": "circle-open", "line": {"width": 1.6}},
        ),
    ):
        here = pruned == stopped
        if here.any():
            figure.add_scatter(
                x=np.asarray(numbers)[here],
                y=values[here],
                mode="markers",
                name=name,
                marker=marker,
                hovertemplate=f"trial %{{x}}, {name}: %{{y:.4g}}<extra></extra>",
            )
    figure.update_layout(uirevision="kept")
    figure.update_xaxes(
        title={"text": "trial"},
        tickformat="d",
        nticks=10,
        **({"dtick": 1} if max(numbers) < 10 else {}),
    )
    figure.update_yaxes(title={"text": label(y_title)}, **_scale(values))
    return figure


@drawing()
def slices(
    values: np.ndarray,
    pruned: np.ndarray,
    tried: Mapping[str, Sequence[Any]],
    logarithmic: Sequence[str] = (),
    *,
    best: int = -1,
    y_title: str = "value",
    columns: int = 3,
    theme: Theme = "light",
) -> go.Figure:
    """A plot a setting: the value of each trial against what was tried, all on one scale.

    Args:
        values, pruned: see `history`.
        tried: what each trial tried, (n,), by setting; numbers, or words for choices; None where it is not known.
        logarithmic: settings with a logarithmic axis.
        best: place of the trial to mark, -1 for none.
    """
    values, pruned = np.asarray(values, dtype=float), np.asarray(pruned, dtype=bool)
    check(len(tried) > 0, "Argument `tried` must name a setting, but is empty.")
    across, down = min(columns, len(tried)), -(-len(tried) // columns)
    figure = base(theme, 60 + 240 * down, left=64, right=12, top=8)
    figure.update_layout(xaxis={"visible": False}, yaxis={"visible": False}, uirevision="kept")
    for place, (name, given) in enumerate(tried.items()):
        row, column = divmod(place, across)
        number = place + 2
        bottom = 1 - (row + 1) / down
        words = any(isinstance(value, (str, bool)) for value in given)
        xs = [label(value, 20) if words and value is not None else value for value in given]
        for stopped in (True, False):
            here = [n for n in range(len(values)) if pruned[n] == stopped and xs[n] is not None]
            figure.add_scatter(
                x=[xs[n] for n in here],
                y=values[here],
                mode="markers",
                xaxis=f"x{number}",
                yaxis=f"y{number}",
                customdata=here,
                marker={
                    "color": GREY if stopped else BLUE,
                    "size": 7,
                    "symbol": "circle-open" if stopped else "circle",
                },
                hovertemplate=f"{label(name)} = %{{x}}: %{{y:.4g}}<extra></extra>",
            )
        if best >= 0:
            figure.add_scatter(
                x=[xs[best]],
                y=[values[best]],
                mode="markers",
                xaxis=f"x{number}",
                yaxis=f"y{number}",
                marker={
                    "color": PAPER[theme],
                    "size": 11,
                    "line": {"color": VERMILLION, "width": 2.5},
                },
                hovertemplate=f"best: {label(name)} = %{{x}}: %{{y:.4g}}<extra></extra>",
            )
        kind: dict[str, Any] = (
            {"type": "category", "categoryorder": "category ascending"} if words else {}
        )
        if name in logarithmic:
            kind = {
                "type": "log",
                **log_ticks(np.array([x for x in xs if x is not None], dtype=float)),
            }
        gap = 0.03
        figure.update_layout(
            {
                f"xaxis{number}": axis(theme)
                | {
                    "domain": [
                        column / across + (gap if column else 0),
                        (column + 1) / across - gap / 2,
                    ],
                    "anchor": f"y{number}",
                    "title": {**axis(theme)["title"], "text": label(name)},
                    "nticks": 5,
                }
                | kind,
                f"yaxis{number}": axis(theme)
                | {
                    "domain": [
                        bottom + (0.22 if down > 1 else 0),
                        bottom + 1 / down - (0.02 if down > 1 else 0),
                    ],
                    "anchor": f"x{number}",
                    "showticklabels": column == 0,
                    "matches": "y2" if place else None,
                }
                | _scale(values),
            }
        )
    figure.add_annotation(
        x=0,
        y=0.5,
        xshift=-52,
        xref="paper",
        yref="paper",
        showarrow=False,
        textangle=-90,
        text=label(y_title),
        font={"size": 12, "color": QUIET[theme]},
    )
    return figure


@drawing()
def parallel(
    values: np.ndarray,
    tried: Mapping[str, Sequence[Any]],
    logarithmic: Sequence[str] = (),
    *,
    smaller: bool = True,
    y_title: str = "value",
    theme: Theme = "light",
) -> go.Figure:
    """All settings side by side: a line a finished trial, the redder the better its value, which is the last axis.

    Args:
        values: (n,). tried: see `slices`; every trial must have all of them.
    """
    values = np.asarray(values, dtype=float)
    dimensions: list[dict[str, Any]] = []
    for name, given in tried.items():
        if any(isinstance(value, (str, bool)) for value in given):
            known = sorted({str(value) for value in given})
            dimensions.append(
                {
                    "label": label(name, 20),
                    "values": [known.index(str(value)) for value in given],
                    "tickvals": list(range(len(known))),
                    "ticktext": [label(word, 14) for word in known],
                    "range": [-0.2, len(known) - 0.8],
                }
            )
        else:
            numbers = np.asarray(given, dtype=float)
            dimensions.append(
                {"label": label(name, 20), "values": numbers}
                if name not in logarithmic
                else _logarithmic(name, numbers)
            )
    log = bool(_scale(values))
    dimensions.append(
        _logarithmic(y_title, values) if log else {"label": label(y_title, 20), "values": values}
    )
    figure = base(theme, 340, left=60, right=60, top=44, bottom=20)
    figure.add_trace(
        go.Parcoords(
            dimensions=dimensions,
            line={
                "color": np.log10(values) if log else values,
                "reversescale": smaller,
                "colorscale": [[0.0, LINE[theme]], [0.6, ORANGE], [1.0, VERMILLION]],
            },
            labelfont={"color": INK[theme], "size": 12},
            tickfont={"color": INK[theme], "size": 11},
            rangefont={"color": PAPER[theme], "size": 1},
            unselected={"line": {"color": LINE[theme], "opacity": 0.25}},
        )
    )
    return figure


@drawing()
def importance(names: Sequence[str], shares: np.ndarray, theme: Theme = "light") -> go.Figure:
    """A bar a setting, the most important on top.

    Args:
        names: of the settings. shares: of each in the differences between trials, (n,), 0 to 1.
    """
    order = np.argsort(shares)
    figure = base(theme, 70 + 30 * len(names), left=10, right=40)
    figure.add_bar(
        x=np.asarray(shares)[order],
        y=[label(names[n], 24) for n in order],
        orientation="h",
        marker={"color": BLUE},
        width=0.6,
        text=[f"{shares[n]:.0%}" for n in order],
        textposition="outside",
        cliponaxis=False,
        textfont={"size": 12, "color": INK[theme]},
        hovertemplate="%{y}: %{x:.1%}<extra></extra>",
    )
    figure.update_xaxes(
        title={"text": "importance"},
        tickformat=".0%",
        range=[0, 1.12 * max(float(np.max(shares)), 1e-9)],
    )
    figure.update_yaxes(showline=False, ticks="")
    return figure


def _scale(values: np.ndarray) -> dict[str, Any]:
    """A logarithmic axis where values are positive and far apart."""
    wide = (
        len(values) > 0
        and float(np.min(values)) > 0
        and float(np.max(values)) > WIDE * float(np.min(values))
    )
    return {"type": "log", **log_ticks(values)} if wide else {}


def _logarithmic(name: str, numbers: np.ndarray) -> dict[str, Any]:
    logs = np.log10(numbers)
    powers = log_ticks(numbers)
    marks = np.log10(np.asarray(powers["tickvals"], dtype=float))
    inside = (marks >= logs.min() - 1e-9) & (marks <= logs.max() + 1e-9)
    shown = marks[inside] if inside.sum() > 1 else np.array([logs.min(), logs.max()])
    return {
        "label": label(name, 20),
        "values": logs,
        "tickvals": shown,
        "ticktext": [f"{10**mark:.2g}" for mark in shown],
    }
