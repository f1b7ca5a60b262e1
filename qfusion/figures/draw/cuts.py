"""Scores, metrics and terms after the correlations of a modality were taken away, against the time of the cut."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.finite import drawing
from qfusion.figures.style import (
    INK,
    QUIET,
    Theme,
    axis,
    base,
    faded,
    label,
    term_colour,
    term_dash,
    term_title,
)

TIME = "time t of the cut (model units, ħ = 1)"
#: kind of cut -> what a legend and an axis call it, and its line.
KINDS: dict[str, tuple[str, str]] = {
    "cut": ("all correlation cut", "solid"),
    "dephased": ("classical part kept", "dash"),
    "held": ("never correlated before t", "dashdot"),
}


@dataclass(frozen=True, eq=False)
class Band:
    """A line (nT,) with its interval; `low` and `high` are None where there is none."""

    value: np.ndarray
    low: np.ndarray | None = None
    high: np.ndarray | None = None


@drawing()
def curves(
    times: np.ndarray,
    scores: Mapping[str, Mapping[str, np.ndarray]],
    undisturbed: float,
    modalities: Sequence[str],
    *,
    unit: str = "score",
    cursor: float | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """The score of one sample after a cut, one line a modality and kind of cut.

    Args:
        times: (nT,). scores: (nT,) each, by kind of `KINDS`, then by modality. undisturbed: the score without a cut.
        modalities: of the model, in their order. cursor: a time that is marked.
    """
    figure = base(theme, 340, legend=True, right=20, top=8)
    figure.add_traces(
        [
            _line(times, values, name, modalities, kind, "y", kind == next(iter(scores)))
            for kind, found in scores.items()
            for name, values in found.items()
        ]
    )
    figure.add_traces([_level(times, undisturbed, "undisturbed", INK[theme], "dot", "y")])
    if len(scores) > 1:
        figure.add_traces([_key(kind, theme) for kind in scores])
    figure.update_layout(
        hovermode="x unified",
        dragmode="zoom",
        yaxis_title_text=label(unit),
        xaxis={"title": {"text": TIME}, "range": _span(times)},
    )
    return _marked(figure, cursor, theme)


@drawing()
def terms(
    times: np.ndarray,
    sizes: Mapping[str, Mapping[str, np.ndarray]],
    modalities: Sequence[str],
    *,
    whose: str = "",
    unit: str = "score",
    cursor: float | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """The sizes of the terms after a cut, a plot a kind of cut.

    Args:
        times: (nT,). sizes: |dividend| (nT,) each, by kind of `KINDS`, then by coalition; the baseline is left out.
        whose: the modality that is cut, for the axis.
        modalities, cursor: as for `curves`.
    """
    figure, rows = _stacked(times, list(sizes), theme)
    for found, row in zip(sizes.values(), rows, strict=True):
        figure.add_traces(
            [
                _term(times, values, name, modalities, row, row == "y")
                for name, values in found.items()
                if name
            ]
        )
    _axes(
        figure,
        {
            row: f"{KINDS[kind][0]}:<br>|contribution| ({label(unit)})"
            for kind, row in zip(sizes, rows, strict=True)
        },
        theme,
        "tozero",
    )
    if whose:
        figure.update_layout(xaxis_title_text=f"{TIME.replace('cut', f'cut of {label(whose)}')}")
    return _marked(figure, cursor, theme)


@drawing()
def metric(
    times: np.ndarray,
    found: Mapping[str, Mapping[str, Band]],
    levels: Mapping[str, float],
    modalities: Sequence[str],
    *,
    y_title: str,
    cursor: float | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """A metric over many samples after a cut, a plot a kind of cut, with bands.

    Args:
        times: (nT,). found: by kind of `KINDS`, then by modality. levels: what is drawn as lines across: "undisturbed"
            first, "chance", ...
        y_title: the metric, with its sample size. modalities, cursor: as for `curves`.
    """
    figure, rows = _stacked(times, list(found), theme)
    for bands, row in zip(found.values(), rows, strict=True):
        figure.add_traces(
            [
                _band(times, band, name, modalities, row)
                for name, band in bands.items()
                if band.low is not None
            ]
        )
        figure.add_traces(
            [
                _line(times, band.value, name, modalities, "cut", row, row == "y")
                for name, band in bands.items()
            ]
        )
        for (name, level), dash in zip(
            levels.items(), ("dot", "dash", "dashdot", "longdash"), strict=False
        ):
            hue = INK[theme] if name == "undisturbed" else QUIET[theme]
            figure.add_traces([_level(times, level, name, hue, dash, row, row == "y")])
    _axes(
        figure,
        {
            row: f"{KINDS[kind][0]}:<br>{label(y_title)}"
            for kind, row in zip(found, rows, strict=True)
        },
        theme,
        "normal",
    )
    for row in rows[1:]:
        figure.update_layout({f"yaxis{row[1:]}": {"matches": "y"}})
    return _marked(figure, cursor, theme)


def _line(
    times: np.ndarray,
    values: np.ndarray,
    name: str,
    modalities: Sequence[str],
    kind: str,
    row: str,
    legend: bool,
) -> dict[str, Any]:
    _check(times, values, name)
    title = term_title(name)
    what = f"{title}, {KINDS[kind][0]}" if kind in KINDS and row == "y" else title
    return {
        "type": "scatter",
        "x": times,
        "y": values,
        "yaxis": row,
        "mode": "lines",
        "name": title,
        "showlegend": legend,
        "legendgroup": title,
        "line": {"width": 2.5, "color": term_colour(name, modalities), "dash": KINDS[kind][1]},
        "hovertemplate": f"{what}: %{{y:.3f}}<extra></extra>",
    }


def _term(
    times: np.ndarray,
    values: np.ndarray,
    name: str,
    modalities: Sequence[str],
    row: str,
    legend: bool,
) -> dict[str, Any]:
    _check(times, values, name)
    title = term_title(name)
    return {
        "type": "scatter",
        "x": times,
        "y": values,
        "yaxis": row,
        "mode": "lines",
        "name": title,
        "showlegend": legend,
        "legendgroup": title,
        "line": {"width": 2.5, "color": term_colour(name, modalities), "dash": term_dash(name)},
        "hovertemplate": f"{title}: %{{y:.3f}}<extra></extra>",
    }


def _band(
    times: np.ndarray, band: Band, name: str, modalities: Sequence[str], row: str
) -> dict[str, Any]:
    assert band.low is not None
    assert band.high is not None
    return {
        "type": "scatter",
        "x": np.concatenate([times, times[::-1]]),
        "y": np.concatenate([band.high, band.low[::-1]]),
        "yaxis": row,
        "mode": "lines",
        "line": {"width": 0, "color": term_colour(name, modalities)},
        "fill": "toself",
        "fillcolor": faded(term_colour(name, modalities), 0.16),
        "name": term_title(name),
        "showlegend": False,
        "legendgroup": term_title(name),
        "hoverinfo": "skip",
    }


def _level(
    times: np.ndarray, value: float, name: str, hue: str, dash: str, row: str, legend: bool = True
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": _span(times),
        "y": [value, value],
        "yaxis": row,
        "mode": "lines",
        "name": label(name),
        "legendgroup": label(name),
        "showlegend": legend,
        "line": {"width": 1.5, "color": hue, "dash": dash},
        "hovertemplate": f"{label(name)}: %{{y:.3f}}<extra></extra>",
    }


def _key(kind: str, theme: Theme) -> dict[str, Any]:
    return {
        "type": "scatter",
        "x": [None],
        "y": [None],
        "mode": "lines",
        "name": KINDS[kind][0],
        "hoverinfo": "skip",
        "line": {"width": 2.5, "color": QUIET[theme], "dash": KINDS[kind][1]},
    }


def _check(times: np.ndarray, values: np.ndarray, name: str) -> None:
    check(
        np.shape(values) == np.shape(times),
        f"The series of {name!r} must have shape {np.shape(times)}, but has shape {np.shape(values)}.",
    )


def _stacked(times: np.ndarray, kinds: list[str], theme: Theme) -> tuple[go.Figure, list[str]]:
    check(
        0 < len(kinds) <= len(KINDS),
        f"There must be one to {len(KINDS)} kinds of cut, but there are {len(kinds)}.",
    )
    rows = ["y", "y2", "y3"][: len(kinds)]
    figure = base(theme, 140 + 180 * len(kinds), legend=True, right=20, top=8, left=72)
    figure.update_layout(
        hovermode="x unified",
        dragmode="zoom",
        xaxis={"title": {"text": TIME}, "range": _span(times), "anchor": rows[-1]},
    )
    return figure, rows


def _axes(figure: go.Figure, titles: Mapping[str, str], theme: Theme, mode: str) -> None:
    gap = 0.08
    height = (1 - gap * (len(titles) - 1)) / len(titles)
    look = axis(theme)
    for place, (row, title) in enumerate(titles.items()):
        top = 1 - place * (height + gap)
        figure.update_layout(
            {
                f"yaxis{row[1:]}": look
                | {
                    "domain": [max(0.0, top - height), top],
                    "title": look["title"] | {"text": title},
                    "rangemode": mode,
                }
            }
        )


def _span(times: np.ndarray) -> list[float]:
    return [0.0, max(float(times[-1]), 1e-6)]


def _marked(figure: go.Figure, cursor: float | None, theme: Theme) -> go.Figure:
    if cursor is not None:
        figure.update_layout(
            shapes=[
                {
                    "type": "line",
                    "xref": "x",
                    "yref": "paper",
                    "x0": cursor,
                    "x1": cursor,
                    "y0": 0,
                    "y1": 1,
                    "layer": "below",
                    "line": {"color": QUIET[theme], "width": 1, "dash": "dash"},
                }
            ]
        )
    return figure
