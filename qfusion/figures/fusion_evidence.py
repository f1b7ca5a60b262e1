"""Evidence for fusion: information in the data, interactions in a model, loss basins, and patching experiments."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from qfusion.figures.evolution_charts import TIME
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    MODALITY_HUES,
    QUIET,
    Theme,
    base_figure,
    fade_colour,
    label,
    row_axis,
    term_colour,
    term_title,
    with_unit,
)
from qfusion.figures.themes import SIGNED_SCALE

# Does fusion matter, for the data, and for the model?

# Does the data need fusion?

SHARED = "told by several"
TOGETHER = "told only together"


@checks_arrays("parts")
def information_bars(
    rows: Sequence[str],
    parts: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    *,
    entropy: float,
    theme: Theme = "light",
) -> go.Figure:
    """Draw one bar per row with the information told redundantly, by each source alone, and only together. Values are
    in bits, with intervals.

    Args:
        rows: names of the R rows. parts: by `SHARED`, source or `TOGETHER`: (R, 3) of value, low and high, NaN where a
            row has no such part. What is below 0, as estimates may be, is drawn as 0.
        modalities: names, whose colours sources have. entropy: bits that there are to tell, as a line.
    """
    places = np.arange(len(rows))
    figure = base_figure(
        theme, 110 + 40 * len(rows), left=10, right=24, top=8, bottom=46, legend=True
    )
    ends = np.zeros(len(rows))
    for at, (name, values) in enumerate(parts.items()):
        if name == SHARED:
            hue = GREY
        elif name == TOGETHER:
            hue = term_colour("+".join(modalities), modalities)
        else:
            hue = term_colour(name if name in modalities else "+".join(modalities[:2]), modalities)
        value, low, high = np.nan_to_num(np.asarray(values, float)).T
        size = np.maximum(value, 0)
        tips = [f"{v:.3f} bits ({a:.3f} to {b:.3f})" for v, a, b in values]
        words = label(name if name in (SHARED, TOGETHER) else f"told only by {name}")
        figure.add_bar(
            x=size,
            y=places,
            base=ends,
            orientation="h",
            width=0.5,
            name=words,
            customdata=tips,
            marker={
                "color": fade_colour(hue, 0.25 if name == SHARED else 0.8),
                "line": {"color": hue, "width": 1},
            },
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
    figure.update_layout(barmode="overlay")
    figure.add_vline(
        x=entropy, line={"color": QUIET[theme], "dash": "dot", "width": 1}, layer="below"
    )
    figure.update_xaxes(
        title={"text": "bits of the target" + (" (dotted: all)" if entropy else "")}
    )
    figure.update_yaxes(**row_axis(list(map(label, rows))))
    return figure


# Does my model fuse?

BINS = 80  # of the value axis; the points of one bin are stacked
SWARM = 0.4  # largest distance of a stacked point from the middle of its row


@checks_arrays(values="P 3")
def interaction_matrix(
    pairs: Sequence[Sequence[str]],
    values: np.ndarray,
    modalities: Sequence[str],
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Draw the interaction index of any two modalities as a heat map, with its interval below it.

    Args:
        pairs: names of both, P of them. values: value, low and high end of the interval, (P, 3).
    """
    M = len(modalities)
    z = np.full((M, M), np.nan)
    reach = max(float(np.nanmax(np.abs(values[:, 0]), initial=0)), 1e-12)
    # digits of an interval; the largest value has one more
    few = int(np.clip(-np.floor(np.log10(reach)), 2, 6))
    figure = base_figure(theme, 90 + 62 * M, left=90, right=10, top=8, bottom=40)
    for pair, (value, low, high) in zip(pairs, values, strict=True):
        i, j = (modalities.index(name) for name in pair)
        z[i, j] = z[j, i] = value
        for x, y in ((i, j), (j, i)):
            figure.add_annotation(
                x=x,
                y=y,
                # cells of many are narrow in print
                text=f"{value:+.{few + 1}f}<br>{low:+.{few}f} to{'<br>' if M > 4 else ' '}{high:+.{few}f}",
                showarrow=False,
                font={"size": 12, "color": INK[theme]},
            )
    names = [term_title(name) for name in modalities]
    figure.add_heatmap(
        z=[[None if np.isnan(value) else float(value) for value in row] for row in z],
        colorscale=SIGNED_SCALE[theme],
        zmin=-2.5 * reach,  # pale enough for what is written on it
        zmax=2.5 * reach,
        showscale=False,
        hovertemplate="%{z:+.4f} " + label(unit) + "<extra></extra>",
    )
    figure.update_xaxes(tickvals=list(range(M)), ticktext=names, showgrid=False)
    figure.update_yaxes(
        tickvals=list(range(M)), ticktext=names, showgrid=False, range=[M - 0.5, -0.5]
    )
    return figure


@checks_arrays("colour", colour="N")
def contribution_swarm(
    values: Mapping[str, np.ndarray],
    colour: np.ndarray,
    ids: Sequence[str],
    *,
    by: str,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Draw every sample's dividend of each coalition as a point, stacked where many are alike, with its id in
    `customdata`.

    Args:
        values: by coalition, (n,). colour: of the points, (n,). ids: of the samples.
        by: what the colour says.
    """
    figure = base_figure(theme, 96 + 74 * len(values), left=10, right=70, top=8, bottom=46)
    reach = max(max((float(np.abs(v).max(initial=0)) for v in values.values()), default=0), 1e-12)
    low, high = (float(end) for end in np.nanquantile(colour, (0.02, 0.98)))
    for place, (term, own) in enumerate(values.items()):
        stack = pd.Series(np.round(own / reach * BINS)).pipe(lambda bins: bins.groupby(bins))
        rank = stack.cumcount().to_numpy()
        size = stack.transform("size").to_numpy()
        step = 2 * SWARM / max(int(size.max(initial=1)), 24)
        figure.add_scatter(
            x=own,
            y=place + step * (rank - (size - 1) / 2),
            mode="markers",
            name=label(term_title(term)),
            customdata=list(ids),
            marker={
                "size": 4,
                "color": colour,
                "cmin": low,
                "cmax": max(high, low + 1e-12),
                "colorscale": "Cividis",
                "showscale": place == 0,
                "colorbar": {"title": {"text": label(by, 40), "side": "right"}, "thickness": 10},
            },
            hovertemplate="%{customdata}: %{x:+.3f}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": LINE[theme], "width": 1}, layer="below")
    figure.update_layout(showlegend=False)
    figure.update_xaxes(title={"text": with_unit("contribution", unit)})
    figure.update_yaxes(**row_axis([term_title(term) for term in values]))
    return figure


@checks_arrays(values="R T", labels="R", terms="T", seeds="R")
def seed_basins(
    values: np.ndarray,
    labels: np.ndarray,
    terms: Sequence[str],
    seeds: Sequence[int],
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Draw one sample's terms for every training seed, one line with its own markers per seed, in the colour and dash
    of its basin.

    Args:
        values: (R, T). labels: basin of every seed, (R,), from 0. terms: names. seeds: their numbers.
    """
    dashes = ("solid", "dot", "dash", "longdash", "dashdot")
    symbols = cycle(("circle", "square", "diamond", "triangle-up", "cross"))
    figure = base_figure(
        theme, 96 + 34 * len(terms), left=10, right=16, top=8, bottom=46, legend=True
    )
    for row, basin, seed, symbol in zip(values, labels, seeds, symbols, strict=False):
        hue = MODALITY_HUES[int(basin) % len(MODALITY_HUES)]
        figure.add_scatter(
            x=row,
            y=list(range(len(terms))),
            mode="lines+markers",
            name=f"seed {seed}" if labels.max() == 0 else f"seed {seed} (explanation {basin + 1})",
            line={
                "color": fade_colour(hue, 0.7),
                "width": 1.5,
                "dash": dashes[int(basin) % len(dashes)],
            },
            marker={"size": 8, "color": hue, "symbol": symbol},
            hovertemplate=f"seed {seed}: %{{x:+.3f}}<extra></extra>",
        )
    figure.add_vline(x=0, line={"color": QUIET[theme], "width": 1}, layer="below")
    figure.update_xaxes(title={"text": label(unit)})
    figure.update_yaxes(**row_axis([term_title(term) for term in terms]))
    return figure


# Which piece does it?


@checks_arrays(times="T", modalities="M", restored="M T", turned="M T")
def patching_heatmap(
    times: np.ndarray,
    modalities: Sequence[str],
    restored: np.ndarray,
    turned: np.ndarray,
    theme: Theme = "light",
) -> go.Figure:
    """Draw the share of the difference that a modality's state from another sample restores, one row per modality and
    one column per time. A dot marks where the decision flips.

    Args:
        restored: share of the difference, (M, nT). turned: whether the decision is another, (M, nT).
    """
    reach = max(1.0, float(np.abs(restored).max()))
    rows, columns = np.nonzero(turned)
    figure = base_figure(
        theme, 120 + 44 * len(modalities), left=10, right=14, top=8, bottom=48, legend=True
    )
    figure.add_heatmap(
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
    figure.add_scatter(
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
    figure.update_xaxes(title={"text": TIME})
    figure.update_yaxes(**row_axis([term_title(name) for name in modalities]))
    return figure


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
