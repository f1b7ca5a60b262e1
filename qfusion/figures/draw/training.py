"""Runs side by side: curves over epochs, one colour a run; and what single modalities do over training, one plot a
run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.finite import drawing
from qfusion.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PAPER,
    PURPLE,
    QUIET,
    SKY,
    VERMILLION,
    Theme,
    axis,
    base,
    label,
    term_colour,
    term_dash,
    term_title,
)

HUES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY)
Curve = tuple[np.ndarray, np.ndarray]  # epochs and values, (N,) each


def hue_of(place: int) -> str:
    """Colour of the run at a place among those shown."""
    return HUES[place % len(HUES)]


@drawing()
def curves(
    solid: Mapping[str, Curve],
    dashed: Mapping[str, Curve] | None = None,
    *,
    hues: Mapping[str, str],
    y_title: str,
    kinds: tuple[str, str] = ("", ""),
    kept: Mapping[str, int] | None = None,
    log: bool = False,
    theme: Theme = "light",
) -> go.Figure:
    """One line a run over the epochs.

    Args:
        solid, dashed: epochs and values by run. hues: by run.
        y_title: what goes up, with its unit.
        kinds: what solid and dashed lines are, for the legend, where there are both.
        kept: the epoch whose weights a run keeps: ringed on its solid line.
        log: a logarithmic axis; values that are not positive are left out.
    """
    dashed, kept = dashed or {}, kept or {}
    for name, (epochs, values) in (*solid.items(), *dashed.items()):
        check(
            np.shape(epochs) == np.shape(values) and np.ndim(epochs) == 1,
            f"The curve of {name!r} must have as many values as epochs, but has shapes {np.shape(values)} and "
            f"{np.shape(epochs)}.",
        )
    figure = base(theme, 320, legend=True, left=56, right=12)
    for name, (epochs, values) in dashed.items():
        figure.add_scatter(
            **_line(name, epochs, values, hues[name], "dot", log),
            showlegend=False,
            hovertemplate=f"{label(name)}, {kinds[1] or 'dashed'}<br>epoch %{{x}}: "
            f"%{{y:.4g}}<extra></extra>",
        )
    for name, (epochs, values) in solid.items():
        figure.add_scatter(
            **_line(name, epochs, values, hues[name], "solid", log),
            showlegend=True,
            hovertemplate=f"{label(name)}{', ' + kinds[0] if kinds[0] else ''}<br>epoch %{{x}}: "
            f"%{{y:.4g}}<extra></extra>",
        )
        at = np.flatnonzero(epochs == kept.get(name, -1))
        if len(at):
            figure.add_scatter(
                x=epochs[at],
                y=values[at],
                mode="markers",
                showlegend=False,
                marker={
                    "size": 11,
                    "symbol": "circle",
                    "color": PAPER[theme],
                    "line": {"width": 2.5, "color": hues[name]},
                },
                hovertemplate=f"{label(name)}: epoch %{{x}} is kept, %{{y:.4g}}<extra></extra>",
            )
    if all(kinds):
        for kind, dash in zip(kinds, ("solid", "dot"), strict=True):
            figure.add_scatter(
                x=[None],
                y=[None],
                mode="lines",
                name=kind,
                line={"color": QUIET[theme], "dash": dash, "width": 2},
            )
    figure.update_layout(uirevision="kept")  # a reader's zoom outlives the next epoch
    figure.update_xaxes(
        title={"text": "epoch"}, **_epochs([epochs for epochs, _ in solid.values()])
    )
    figure.update_yaxes(
        title={"text": label(y_title)},
        **({"type": "log", "exponentformat": "power", "nticks": 6} if log else {}),
    )
    return figure


@drawing()
def by_modality(
    found: Mapping[str, Mapping[str, Curve]],
    modalities: Mapping[str, Sequence[str]],
    *,
    y_title: str,
    columns: int = 2,
    marks: Mapping[str, float] | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """One plot a run: a line for each modality or coalition, in its colour and dash, all plots on one scale.

    Args:
        found: by run, then by coalition: epochs and values.
        modalities: of each run, in their order.
        y_title: what goes up, with its unit.
        marks: a level of each run that is drawn as a dotted line.
    """
    names = [name for name, terms in found.items() if terms]
    check(bool(names), "Argument `found` must hold a run with at least one curve, but is empty.")
    across = min(columns, len(names))
    down = -(-len(names) // across)
    plots = 330 * down - 38 - 48  # pixels between the margins
    each, head, foot = (plots - 24 * down - 52 * (down - 1)) / down / plots, 24 / plots, 52 / plots
    figure = base(theme, 330 * down, legend=True, left=56, right=8)
    figure.update_layout(xaxis={"visible": False}, yaxis={"visible": False}, uirevision="kept")
    top = max(
        float(values.max()) for name in names for _, values in found[name].values() if len(values)
    )
    told: set[tuple[str, str]] = set()
    for i, name in enumerate(names):
        row, column = divmod(i, across)
        wide, number = 1 / across, i + 2
        x = [column * wide + (0.02 if column else 0), (column + 1) * wide - 0.02]
        bottom = 1 - (row + 1) * (each + head) - row * foot
        y = [max(0.0, bottom), bottom + each]
        place = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        for term, (epochs, values) in found[name].items():
            hue = term_colour(term, modalities[name])
            figure.add_scatter(
                x=epochs,
                y=values,
                mode="lines+markers",
                name=term_title(term),
                legendgroup=term_title(term),
                **place,
                showlegend=(term_title(term), hue) not in told,
                marker={"size": 5, "color": hue},
                line={"color": hue, "width": 2, "dash": term_dash(term)},
                hovertemplate=f"{term_title(term)}<br>epoch %{{x}}: %{{y:.4g}}<extra></extra>",
            )
            told.add((term_title(term), hue))
        figure.update_layout(
            {
                f"xaxis{number}": axis(theme)
                | {
                    "domain": x,
                    "anchor": f"y{number}",
                    "title": {**axis(theme)["title"], "text": "epoch"},
                }
                | _epochs([epochs for epochs, _ in found[name].values()]),
                f"yaxis{number}": axis(theme)
                | {
                    "domain": y,
                    "anchor": f"x{number}",
                    "range": [min(0.0, -0.02 * top), 1.08 * max(top, 1e-9)],
                    "nticks": 5,
                    "showticklabels": column == 0,
                },
            }
        )
        if marks and name in marks:
            figure.add_shape(
                type="line",
                x0=0,
                x1=1,
                xref=f"x{number} domain",
                y0=marks[name],
                y1=marks[name],
                yref=f"y{number}",
                line={"color": QUIET[theme], "dash": "dot", "width": 1},
            )
        figure.add_annotation(
            x=x[0],
            y=y[1],
            yshift=2,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            showarrow=False,
            text=f"<b>{label(name, 40)}</b>",
            font={"size": 12, "color": INK[theme]},
        )
    figure.add_annotation(
        x=0,
        y=0.5,
        xshift=-46,
        xref="paper",
        yref="paper",
        showarrow=False,
        textangle=-90,
        text=label(y_title),
        font={"size": 12, "color": QUIET[theme]},
    )
    return figure


def _line(
    name: str, epochs: np.ndarray, values: np.ndarray, hue: str, dash: str, log: bool
) -> dict[str, object]:
    shown = np.where(np.asarray(values) > 0, values, np.nan) if log else values
    return {
        "x": epochs,
        "y": shown,
        "mode": "lines" if len(epochs) > 1 else "markers",
        "name": label(name, 40),
        "connectgaps": False,
        "line": {"color": hue, "width": 2.2 if dash == "solid" else 1.8, "dash": dash},
        "marker": {"color": hue, "size": 7},
    }


def _epochs(all_epochs: Sequence[np.ndarray]) -> dict[str, object]:
    """An axis of whole epochs from the first."""
    last = max([float(epochs[-1]) for epochs in all_epochs if len(epochs)], default=1.0)
    pad = 0.03 * max(last - 1, 1)
    return {
        "range": [1 - pad, max(last, 2) + pad],
        "tickformat": "d",
        "nticks": 8,
        **({"dtick": 1} if last <= 8 else {}),
    }


class Measured(NamedTuple):
    """A metric on test samples: what it is called, mean and standard deviation over training seeds (0 of one seed),
    the number of the seed that is loaded (nan where it is not known), and whether it lies in [0, 1]."""

    name: str
    mean: float
    std: float
    own: float
    is_share: bool


@drawing()
def test_metrics(rows: Sequence[Measured], theme: Theme = "light") -> go.Figure:
    """Metrics, one a row: mean over seeds as a dot, its standard deviation as a bar, the loaded seed as a ring.

    Args:
        rows: the metrics, the first on top; those outside of [0, 1] are written only.
        theme: of the figure.
    """
    check(len(rows) > 0, "Argument `rows` must hold at least one metric, but is empty.")
    shares = [row for row in rows if row.is_share]
    low = min(
        [row.mean - row.std for row in shares] + [row.own for row in shares if row.own == row.own],
        default=0,
    )
    figure = base(theme, 52 + 25 * len(rows), left=10, right=118, top=6, bottom=40)
    for place, row in enumerate(rows):
        said = f"{row.mean:.3f}" + (f" ± {row.std:.3f}" if row.std else "")
        figure.add_annotation(
            x=1,
            xref="paper",
            xanchor="left",
            xshift=12,
            y=place,
            yanchor="middle",
            text=said,
            showarrow=False,
            font={"size": 12, "color": INK[theme]},
        )
        if not row.is_share:
            continue
        figure.add_scatter(
            x=[row.mean - row.std, row.mean + row.std],
            y=[place, place],
            mode="lines",
            line={"color": BLUE, "width": 3},
            hoverinfo="skip",
        )
        figure.add_scatter(
            x=[row.mean],
            y=[place],
            mode="markers",
            marker={"size": 9, "color": BLUE},
            hovertemplate=f"{label(row.name)}: {said}<extra></extra>",
        )
        figure.add_scatter(
            x=[row.own],
            y=[place],
            mode="markers",
            marker={
                "size": 13,
                "symbol": "circle-open",
                "color": INK[theme],
                "line": {"width": 1.5},
            },
            hovertemplate=f"{label(row.name)}, this model: %{{x:.3f}}<extra></extra>",
        )
    # from the half below the lowest, so that differences are seen; never below -1, where correlations end
    figure.update_xaxes(
        range=[max(-1.0, min(0.5, low - 0.05) if low > 0.5 else low - 0.1), 1.005], nticks=6
    )
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=[label(row.name) for row in rows],
        range=[len(rows) - 0.4, -0.6],
        ticks="",
        showline=False,
    )
    return figure
