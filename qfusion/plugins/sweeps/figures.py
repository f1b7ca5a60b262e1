"""A sweep of settings: values over trials, against each setting, in parallel coordinates, and setting importance."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    BLUE,
    GREY,
    INK,
    LINE,
    ORANGE,
    PAPER,
    VERMILLION,
    add_panes,
    base_figure,
    label,
    log_ticks,
)

WIDE = 20.0  # largest over smallest value from which their axis is logarithmic


@checks_arrays(numbers="N+", values="N+", pruned="N+")
def trial_history(
    numbers: Sequence[int],
    values: np.ndarray,
    pruned: np.ndarray,
    *,
    smaller: bool = True,
    y_title: str = "value",
) -> go.Figure:
    """Draw the value of each trial, and the best of those finished so far as a line.

    Args:
        numbers: of the trials, ascending, (n,). values: (n,).
        pruned: which of them were stopped early, (n,); their value is that of their last epoch.
        smaller: whether smaller values are better.
    """
    done = np.where(pruned, np.inf if smaller else -np.inf, values)
    best = np.minimum.accumulate(done) if smaller else np.maximum.accumulate(done)
    figure = base_figure(300, legend=True, left=64, right=12)
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
        if (pruned == stopped).any():
            figure.add_trace(
                {
                    "type": "scatter",
                    "x": np.asarray(numbers)[pruned == stopped],
                    "y": values[pruned == stopped],
                    "mode": "markers",
                    "name": name,
                    "marker": marker,
                    "hovertemplate": f"trial %{{x}}, {name}: %{{y:.4g}}<extra></extra>",
                }
            )
    figure.update_layout(uirevision="zoom")
    figure.update_xaxes(
        title={"text": "trial"},
        tickformat="d",
        nticks=10,
        **({"dtick": 1} if max(numbers) < 10 else {}),
    )
    figure.update_yaxes(title={"text": label(y_title)}, **_scale(values))
    return figure


@checks_arrays()
def setting_slices(
    values: np.ndarray,
    pruned: np.ndarray,
    tried: Mapping[str, Sequence[Any]],
    logarithmic: Sequence[str] = (),
    *,
    best: int = -1,
    y_title: str = "value",
    columns: int = 3,
) -> go.Figure:
    """Draw one plot per setting: the value of each trial against the tried setting, all on one scale.

    Args:
        values, pruned: see `trial_history`.
        tried: what each trial tried, (n,), by setting; numbers, or words for choices; None where it is not known.
        logarithmic: settings with a logarithmic axis.
        best: place of the trial to mark, -1 for none.
    """
    check(len(tried) > 0, "Argument `tried` must name a setting, but is empty.")
    figure = base_figure(60 + 240 * -(-len(tried) // columns), left=64, right=12, top=8)
    titles = [f"<b>{label(name)}</b>" for name in tried]
    places = add_panes(
        figure, titles, columns, x_title="value of the setting", y_title=label(y_title)
    )
    for (name, given), place in zip(tried.items(), places, strict=True):
        words = any(isinstance(value, (str, bool)) for value in given)
        xs = [label(value, 20) if words and value is not None else value for value in given]
        for stopped in (True, False):
            here = [n for n in range(len(values)) if pruned[n] == stopped and xs[n] is not None]
            figure.add_scatter(
                x=[xs[n] for n in here],
                y=values[here],
                mode="markers",
                **place,
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
                **place,
                marker={
                    "color": PAPER,
                    "size": 11,
                    "line": {"color": VERMILLION, "width": 2.5},
                },
                hovertemplate=f"best: {label(name)} = %{{x}}: %{{y:.4g}}<extra></extra>",
            )
        if words:
            kind: dict[str, Any] = {"type": "category", "categoryorder": "category ascending"}
        else:
            kind = {}
        if name in logarithmic:
            kind = {
                "type": "log",
                **log_ticks(np.array([x for x in xs if x is not None], dtype=float)),
            }
        figure.layout[place["xaxis"].replace("x", "xaxis")].update(nticks=5, **kind)
    others = {f"yaxis{n}": {"matches": "y2"} for n in range(3, len(tried) + 2)}
    figure.update_layout(others, uirevision="zoom")
    figure.update_yaxes(**_scale(values))
    return figure


@checks_arrays()
def parallel_coordinates(
    values: np.ndarray,
    tried: Mapping[str, Sequence[Any]],
    logarithmic: Sequence[str] = (),
    *,
    smaller: bool = True,
    y_title: str = "value",
) -> go.Figure:
    """Draw all settings side by side: a line a finished trial, the redder the better its value, which is the last axis.

    Args:
        values: (n,). tried: see `setting_slices`; every trial must have all of them.
    """
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
    figure = base_figure(340, left=60, right=60, top=44, bottom=20)
    figure.add_trace(
        go.Parcoords(
            dimensions=dimensions,
            line={
                "color": np.log10(values) if log else values,
                "reversescale": smaller,
                "colorscale": [[0.0, LINE], [0.6, ORANGE], [1.0, VERMILLION]],
            },
            labelfont={"color": INK, "size": 12},
            tickfont={"color": INK, "size": 11},
            rangefont={"color": PAPER, "size": 1},
            unselected={"line": {"color": LINE, "opacity": 0.25}},
        )
    )
    return figure


@checks_arrays()
def setting_importance(names: Sequence[str], shares: np.ndarray) -> go.Figure:
    """Draw a bar a setting, the most important on top.

    Args:
        names: of the settings. shares: of each in the differences between trials, (n,), 0 to 1.
    """
    order = np.argsort(shares)
    figure = base_figure(70 + 30 * len(names), left=10, right=40)
    figure.add_bar(
        x=np.asarray(shares)[order],
        y=[label(names[n], 24) for n in order],
        orientation="h",
        marker={"color": BLUE},
        width=0.6,
        text=[f"{shares[n]:.0%}" for n in order],
        textposition="outside",
        cliponaxis=False,
        textfont={"size": 12, "color": INK},
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
    """Return a logarithmic axis where values are positive and far apart."""
    if (
        len(values) > 0
        and float(np.min(values)) > 0
        and float(np.max(values)) > WIDE * float(np.min(values))
    ):
        return {"type": "log", **log_ticks(values)}
    return {}


def _logarithmic(name: str, numbers: np.ndarray) -> dict[str, Any]:
    logs = np.log10(numbers)
    marks = np.log10(np.asarray(log_ticks(numbers)["tickvals"], dtype=float))
    inside = (marks >= logs.min() - 1e-9) & (marks <= logs.max() + 1e-9)
    shown = marks[inside] if inside.sum() > 1 else np.array([logs.min(), logs.max()])
    return {
        "label": label(name, 20),
        "values": logs,
        "tickvals": shown,
        "ticktext": [f"{10**mark:.2g}" for mark in shown],
    }
