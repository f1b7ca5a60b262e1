"""A model as a whole: interactions of modalities, basins of training seeds, and people's labels beside it."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion._sentences import true_minus
from qfusion.explain.bootstrap import Interval
from qfusion.figures.colours import SIGNED_SCALE
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import (
    add_legend_mark,
    add_line,
    add_marks,
    add_note,
    add_vertical_rule,
    error_bars,
    rectangle,
)
from qfusion.figures.style import (
    GREY,
    INK,
    MODALITY_HUES,
    PAPER,
    QUIET,
    add_panes,
    base_figure,
    fade_colour,
    label,
    term_colour,
    term_title,
    title_with_unit,
)

BINS = 80  # of the value axis; the points of one bin are stacked
SWARM = 0.4  # largest distance of a stacked point from the middle of its row


@checks_arrays("values", values="P 3")
def interaction_matrix(
    pairs: Sequence[Sequence[str]],
    values: np.ndarray,
    modalities: Sequence[str],
    *,
    unit: str = "score",
) -> Figure:
    """Draw the interaction index of any two modalities as a heat map, with its interval below it.

    Full colour stands for the largest value or end of an interval, so that a value within the noise is pale.

    Args:
        pairs: names of both, P of them.
        values: value, low and high end of the interval, (P, 3). The ends are NaN where so few samples have none.
    """
    M = len(modalities)
    z = np.full((M, M), np.nan)
    reach = max(float(np.nanmax(np.abs(values[:, 0]), initial=0)), 1e-12)
    colour_reach = max(reach, float(np.nanmax(np.abs(values), initial=0)))
    # digits of an interval; the largest value has one more
    few = int(np.clip(-np.floor(np.log10(reach)), 2, 6))
    figure = base_figure(90 + 62 * M, left=90, right=10, top=8, bottom=40)
    for pair, (value, low, high) in zip(pairs, values, strict=True):
        i, j = (modalities.index(name) for name in pair)
        z[i, j] = z[j, i] = value
        # cells of many are narrow in print
        ends = f"<br>{low:+.{few}f} to{'<br>' if M > 4 else ' '}{high:+.{few}f}"
        for x, y in ((i, j), (j, i)):
            add_note(
                figure,
                true_minus(f"{value:+.{few + 1}f}{ends if np.isfinite([low, high]).all() else ''}"),
                x,
                y,
            )
    names = [term_title(name) for name in modalities]
    figure.add_heatmap(
        z=[[None if np.isnan(value) else float(value) for value in row] for row in z],
        colorscale=SIGNED_SCALE,
        zmin=-2.5 * colour_reach,  # pale enough for what is written on it
        zmax=2.5 * colour_reach,
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
) -> Figure:
    """Draw every sample's dividend of each coalition as a point, stacked where many are alike, with its id in
    `customdata`.

    Args:
        values: by coalition, (n,). ids: of the samples.
        colour: of the points, (n,); where all is NaN, points are grey.
        by: what the colour says.
    """
    figure = base_figure(
        96 + 74 * len(values),
        left=10,
        right=70,
        top=8,
        bottom=46,
        x_title=title_with_unit("contribution", unit),
        rows=[term_title(term) for term in values],
    )
    reach = max(max((float(np.abs(v).max(initial=0)) for v in values.values()), default=0), 1e-12)
    is_coloured = bool(np.isfinite(colour).any())
    low, high = np.nanquantile(colour, (0.02, 0.98)).tolist() if is_coloured else (0.0, 1.0)
    scale = {
        "color": colour,
        "cmin": low,
        "cmax": max(high, low + 1e-12),
        "colorscale": "Cividis",
        "colorbar": {"title": {"text": label(by, 40), "side": "right"}, "thickness": 10},
    }
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
            marker={"size": 4, **scale, "showscale": place == 0}
            if is_coloured
            else {"size": 4, "color": GREY},
            hovertemplate="%{customdata}: %{x:+.3f}<extra></extra>",
        )
    add_vertical_rule(figure, 0)
    figure.update_layout(showlegend=False)
    return figure


@checks_arrays(values="R T", labels="R", terms="T", seeds="R")
def seed_basins(
    values: np.ndarray,
    labels: np.ndarray,
    terms: Sequence[str],
    seeds: Sequence[int],
    *,
    unit: str = "score",
) -> Figure:
    """Draw one sample's terms for every training seed, one line with its own markers per seed, in the colour and dash
    of its basin.

    Args:
        values: (R, T). labels: basin of every seed, (R,), from 0. terms: names. seeds: their numbers.
    """
    dashes = ("solid", "dot", "dash", "longdash", "dashdot")
    symbols = cycle(("circle", "square", "diamond", "triangle-up", "cross"))
    figure = base_figure(
        96 + 34 * len(terms),
        left=10,
        top=8,
        bottom=46,
        legend=True,
        x_title=label(unit),
        rows=[term_title(term) for term in terms],
    )
    for row, basin, seed, symbol in zip(values, labels, seeds, symbols, strict=False):
        hue = MODALITY_HUES[int(basin) % len(MODALITY_HUES)]
        add_line(
            figure,
            row,
            list(range(len(terms))),
            fade_colour(hue, 0.7),
            1.5,
            dash=dashes[int(basin) % len(dashes)],
            mode="lines+markers",
            name=f"seed {seed}" if labels.max() == 0 else f"seed {seed} (explanation {basin + 1})",
            marker={"size": 8, "color": hue, "symbol": symbol},
            hovertemplate=f"seed {seed}: %{{x:+.3f}}<extra></extra>",
        )
    add_vertical_rule(figure, 0, hue=QUIET)
    return figure


# A model beside people's labels: numbers with intervals as dots, and labels over own terms.

SYMBOLS = ("circle", "diamond-open", "square-open", "triangle-up-open")


def interval_ends(intervals: Iterable[Interval | None]) -> np.ndarray:
    """Return value, low and high of intervals in the form that `interval_dots` takes, (rows, 3). A row is NaN if
    there is no interval.
    """
    return np.array(
        [(np.nan,) * 3 if one is None else (one.value, one.low, one.high) for one in intervals],
        float,
    ).reshape(-1, 3)


@checks_arrays("series", "band", names="N", hues="N", series="N 3")
def interval_dots(
    names: Sequence[str],
    series: Mapping[str, np.ndarray],
    *,
    hues: Sequence[str],
    x_title: str,
    band: np.ndarray | None = None,
    band_name: str = "",
    percent: bool = False,
    zero: bool = True,
) -> Figure:
    """Draw one row per name, with one dot and its interval per series, over the range of a control.

    Args:
        names: of the rows. series: by what it is called, (rows, 3): value, low and high; NaN where there is none.
        hues: of the rows. band: low and high of the control, (rows, 2), NaN where there is none.
        percent: values are shares. zero: whether the axis contains 0, marked by a line; it need not for metrics.
    """
    named = len(series) > 1 or band is not None
    row = 34 if len(series) <= 3 else 12 * len(series)
    figure = base_figure(
        70 + 26 * named + row * len(names),
        left=10,
        right=20,
        top=8,
        bottom=46,
        legend=named,
        x_title=label(x_title, 90),
        rows=[term_title(name) for name in names],
    )
    shift = 0.22
    text = ".1%" if percent else "+.2f" if zero else ".3f"
    if band is not None and np.isfinite(band).all(1).any():
        figure.update_layout(
            shapes=[
                rectangle((low, high), (y - 0.36, y + 0.36), fade_colour(GREY, 0.3), layer="below")
                for y, (low, high) in enumerate(band)
                if np.isfinite([low, high]).all()
            ]
        )
        grey = {"symbol": "square", "size": 12, "color": fade_colour(GREY, 0.3)}
        add_legend_mark(figure, label(band_name), grey, hoverinfo="skip")
    for place, (name, values) in enumerate(series.items()):
        at = (place - (len(series) - 1) / 2) * shift
        symbol = SYMBOLS[place % len(SYMBOLS)]
        sentence = label(name)
        mark = {"symbol": symbol, "size": 9, "color": INK, "line": {"width": 2}}
        add_legend_mark(figure, sentence, mark, hoverinfo="skip")
        for y, (value, low, high) in enumerate(values):
            if np.isfinite(value):
                known = bool(np.isfinite([low, high]).all())
                tip = f" ({low:{text}} to {high:{text}})" if known else ""
                add_marks(
                    figure,
                    [value],
                    [y + at],
                    hues[y],
                    9,
                    symbol=symbol,
                    rim=2,
                    rim_hue=hues[y],
                    showlegend=False,
                    name=sentence,
                    error_x=error_bars(
                        [max(0.0, high - value)], hues[y], minus=[max(0.0, value - low)]
                    )
                    if known
                    else None,
                    hovertemplate=f"{sentence}: %{{x:{text}}}{tip}<extra></extra>",
                )
    numbers = [np.ravel(part) for part in series.values()]
    if band is not None:
        numbers.append(np.ravel(band))
    if zero:
        numbers.append(np.zeros(1))
    ends = np.concatenate(numbers)
    ends = ends[np.isfinite(ends)]
    room = 0.06 * max(float(np.ptp(ends)), 1e-9)
    if zero:
        add_vertical_rule(figure, 0, hue=QUIET, dash="dot")
    figure.update_xaxes(
        tickformat=".0%" if percent else "",
        nticks=7,
        range=[float(ends.min()) - room, float(ends.max()) + room],
    )
    return figure


@checks_arrays()
def calibration(
    terms: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    bins: Mapping[str, tuple[np.ndarray, np.ndarray]],
    modalities: Sequence[str],
    *,
    notes: Mapping[str, str],
    x_title: str,
    y_title: str,
) -> Figure:
    """Draw small scatters, one a modality: own terms across, labels up, and the means of bins of the term as a line.

    Args:
        terms, labels: by modality, (n,) each. bins: by modality, mean terms and mean labels, (k,) each.
        notes: by modality, what stands under its name.
    """
    check(
        all(np.shape(terms[name]) == np.shape(labels[name]) for name in terms),
        "Arguments `terms` and `labels` must have one length in every modality.",
    )
    figure = base_figure(290, left=50, right=8, top=8, bottom=52)
    titles = [f"<b>{term_title(name)}</b><br>{label(notes.get(name, ''))}" for name in terms]
    places = add_panes(
        figure, titles, len(titles), head=36, x_title=label(x_title, 90), y_title=label(y_title)
    )
    for (name, own), place in zip(terms.items(), places, strict=True):
        hue = term_colour(name, modalities)
        add_marks(
            figure,
            own,
            labels[name],
            fade_colour(hue, 0.35),
            4,
            rim=0,
            **place,
            hovertemplate="own term %{x:+.2f}, label %{y:+.2f}<extra></extra>",
        )
        add_line(
            figure,
            bins[name][0],
            bins[name][1],
            hue,
            2,
            mode="lines+markers",
            **place,
            marker={"size": 9, "color": hue, "line": {"width": 1.5, "color": PAPER}},
            hovertemplate="bin: own term %{x:+.2f}, mean label %{y:+.2f}<extra></extra>",
        )
    figure.update_xaxes(nticks=4, tickangle=0)
    figure.update_yaxes(nticks=4)
    return figure
