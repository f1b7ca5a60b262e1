"""How far explanations can be trusted: against truth, deletion against random orders, training seeds, people's labels;
and whether fusion matters: what data tell only together, interactions, swarms of samples, patches."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.explain.stability import Interval
from qfusion.figures.dynamics import TIME
from qfusion.figures.guards import drawing
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    MODALITY_HUES,
    PAPER,
    QUIET,
    Theme,
    base,
    faded,
    halo,
    in_rows,
    in_unit,
    label,
    panes,
    term_colour,
    term_title,
)
from qfusion.figures.themes import SIGNED_SCALE

# How far explanations can be trusted: against truth, deletion and insertion against random orders, spread over
# training seeds.


@drawing(ids="B", terms="T", true="B T", ours="B T")
def against_truth(
    true: np.ndarray,
    ours: np.ndarray,
    terms: Sequence[str],
    ranks: np.ndarray,
    modalities: Sequence[str],
    *,
    ids: Sequence[str],
    chosen: int | None = None,
    unit: str = "score",
    columns: int = 3,
    theme: Theme = "light",
) -> go.Figure:
    """Small scatters, one a coalition: true dividend across, exact dividend up, both on one scale, the diagonal dotted.

    Args:
        true, ours: (B, terms). ranks: rank correlations, (terms,). ids: of the samples; chosen: place of the one that
            is ringed.
    """
    figure = base(theme, 40 + 225 * -(-len(terms) // columns), left=46, right=8, top=6, bottom=46)
    titles = [
        f"<b>{term_title(term)}</b><br>ρ = {rank:.2f}"
        for term, rank in zip(terms, ranks, strict=True)
    ]
    places = panes(
        figure,
        titles,
        columns,
        theme,
        head=56,
        foot=34,
        x_title="true contribution",
        y_title=in_unit("contribution", unit),
    )
    names = [label(name) for name in ids]
    for i, (term, place) in enumerate(zip(terms, places, strict=True)):
        reach = [
            float(min(true[:, i].min(), ours[:, i].min())),
            float(max(true[:, i].max(), ours[:, i].max())),
        ]
        figure.add_scatter(
            x=reach,
            y=reach,
            mode="lines",
            line={"color": LINE[theme], "dash": "dot"},
            hoverinfo="skip",
            **place,
        ).add_scatter(
            x=true[:, i],
            y=ours[:, i],
            mode="markers",
            text=names,
            **place,
            marker={
                "size": 4,
                "color": faded(term_colour(term, modalities), 0.5),
                "line": {"width": 0},
            },
            hovertemplate="%{text}<br>true %{x:+.2f}, explained %{y:+.2f}<extra></extra>",
        )
        if chosen is not None:
            figure.add_scatter(
                x=true[[chosen], i],
                y=ours[[chosen], i],
                mode="markers",
                hoverinfo="skip",
                **place,
                marker={
                    "size": 12,
                    "symbol": "circle-open",
                    "color": INK[theme],
                    "line": {"width": 2},
                },
            )
    return figure.update_xaxes(nticks=4, tickangle=0).update_yaxes(nticks=4)


@drawing(shares="K", ours="K", random="R K")
def curves(
    shares: np.ndarray,
    ours: np.ndarray,
    random: np.ndarray,
    *,
    what: str,
    unit: str,
    hue: str | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """One deletion or insertion curve over the share of players, with the band and mean of random orders.

    Args:
        shares: (K,); ours: (K,); random: (R, K).
        what: axis name of the share, such as "modalities taken away"; unit: of the change.
        hue: of our line, such as a modality's colour.
    """
    low, high = random.min(0), random.max(0)
    return (
        base(theme, 300, legend=True, right=14, top=8)
        .add_scatter(
            x=np.r_[shares, shares[::-1]],
            y=np.r_[high, low[::-1]],
            fill="toself",
            mode="lines",
            hoverinfo="skip",
            line={"width": 0},
            fillcolor=faded(GREY, 0.3),
            name=f"{len(random)} random orders",
        )
        .add_scatter(
            x=shares,
            y=random.mean(0),
            mode="lines",
            name="their mean",
            line={"color": GREY, "width": 2, "dash": "dash"},
            hovertemplate="random: %{y:.3f}<extra></extra>",
        )
        .add_scatter(
            x=shares,
            y=ours,
            mode="lines+markers",
            name="most important first",
            line={"color": hue or INK[theme], "width": 2.5},
            marker={"size": 6},
            hovertemplate="%{x:.0%}: %{y:.3f}<extra></extra>",
        )
        .update_xaxes(title={"text": label(what)}, tickformat=".0%", range=[-0.02, 1.02])
        .update_yaxes(title={"text": label(unit)}, rangemode="tozero")
    )


@drawing()
def rank_bars(
    ranks: Mapping[str, tuple[float, float]],
    modalities: Sequence[str],
    *,
    floor: float,
    x_title: str = "rank correlation",
    theme: Theme = "light",
) -> go.Figure:
    """Rank correlation of each term as a bar, the lowest pair as a tick, and the line from which an order counts as
    kept."""
    names, places = list(ranks), list(range(len(ranks)))
    means, lowest = (
        np.array([ranks[name][0] for name in names]),
        np.array([ranks[name][1] for name in names]),
    )
    hues = [term_colour(name, modalities) for name in names]
    return (
        base(theme, 76 + 28 * len(ranks), left=10, right=40, top=6, bottom=44)
        .add_bar(
            x=means,
            y=places,
            orientation="h",
            width=0.6,
            customdata=lowest,
            text=[f"{value:.2f}" for value in means],
            textposition="outside",
            cliponaxis=False,
            textfont={"color": INK[theme], "shadow": halo(theme)},
            marker={
                "color": [
                    faded(hue, 0.55) if "+" in name else hue
                    for hue, name in zip(hues, names, strict=True)
                ],
                "line": {"color": hues, "width": 1.5},
            },
            hovertemplate="mean %{x:.3f}, lowest %{customdata:.3f}<extra></extra>",
        )
        .add_scatter(
            x=lowest,
            y=places,
            mode="markers",
            hoverinfo="skip",
            marker={
                "symbol": "line-ns-open",
                "size": 13,
                "color": INK[theme],
                "line": {"width": 2, "color": INK[theme]},
            },
        )
        .add_vline(x=floor, line={"color": QUIET[theme], "dash": "dot", "width": 1}, layer="below")
        .update_xaxes(
            title={"text": label(x_title, 90)}, range=[min(0.0, float(lowest.min()) - 0.05), 1.08]
        )
        .update_yaxes(
            **in_rows([term_title(name) for name in names]),
        )
    )


@drawing(seeds="R", terms="T", values="R T")
def seed_dots(
    values: np.ndarray,
    terms: Sequence[str],
    modalities: Sequence[str],
    seeds: Sequence[int],
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """One sample's terms by every training seed: a dot a seed, the shipped one's filled, and a bar from the lowest to
    the highest.

    Args:
        values: (R, terms), the shipped seed first.
    """
    figure = base(theme, 76 + 28 * len(terms), left=10, right=16, top=6, bottom=44)
    for i, term in enumerate(terms):
        hue = term_colour(term, modalities)
        figure.add_scatter(
            x=[values[:, i].min(), values[:, i].max()],
            y=[i, i],
            mode="lines",
            hoverinfo="skip",
            line={"color": faded(hue, 0.45), "width": 8},
        ).add_scatter(
            x=values[1:, i],
            y=[i] * (len(seeds) - 1),
            mode="markers",
            text=[f"seed {seed}" for seed in seeds[1:]],
            marker={"symbol": "circle-open", "size": 8, "color": hue, "line": {"width": 2}},
            hovertemplate="%{text}: %{x:+.3f}<extra></extra>",
        ).add_scatter(
            x=values[:1, i],
            y=[i],
            mode="markers",
            text=[f"seed {seeds[0]}, the model shown"],
            marker={"size": 10, "color": hue, "line": {"width": 1.5, "color": INK[theme]}},
            hovertemplate="%{text}: %{x:+.3f}<extra></extra>",
        )
    return (
        figure.add_vline(x=0, line={"color": LINE[theme], "width": 1}, layer="below")
        .update_xaxes(title={"text": label(unit)})
        .update_yaxes(
            **in_rows([term_title(term) for term in terms]),
        )
    )


# A model beside people's labels: numbers with intervals as dots, and labels over own terms.

SYMBOLS = ("circle", "diamond-open", "square-open")


def ends(intervals: Iterable[Interval | None]) -> np.ndarray:
    """Value, low and high of intervals as `dots` takes them, (rows, 3); NaN where there is none."""
    return np.array(
        [(np.nan,) * 3 if one is None else (one.value, one.low, one.high) for one in intervals],
        float,
    ).reshape(-1, 3)


@drawing("series", "band", names="N", hues="N", series="N 3")
def dots(
    names: Sequence[str],
    series: Mapping[str, np.ndarray],
    *,
    hues: Sequence[str],
    x_title: str,
    band: np.ndarray | None = None,
    band_name: str = "",
    percent: bool = False,
    theme: Theme = "light",
) -> go.Figure:
    """A row a name: a dot a series with its interval, over the range that a control gives.

    Args:
        names: of the rows. series: by what it is called, (rows, 3): value, low and high; NaN where there is none.
        hues: of the rows. band: low and high of the control, (rows, 2), NaN where there is none.
        percent: values are shares.
    """
    named = len(series) > 1 or band is not None
    figure = base(
        theme, 70 + 26 * named + 34 * len(names), left=10, right=20, top=8, bottom=46, legend=named
    )
    shift, text = 0.22, ".1%" if percent else "+.2f"
    if band is not None and np.isfinite(band).all(1).any():
        figure.update_layout(
            shapes=[
                {
                    "type": "rect",
                    "x0": low,
                    "x1": high,
                    "y0": y - 0.36,
                    "y1": y + 0.36,
                    "layer": "below",
                    "line": {"width": 0},
                    "fillcolor": faded(GREY, 0.3),
                }
                for y, (low, high) in enumerate(band)
                if np.isfinite([low, high]).all()
            ]
        ).add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=label(band_name),
            hoverinfo="skip",
            marker={"symbol": "square", "size": 12, "color": faded(GREY, 0.3)},
        )
    for place, (name, values) in enumerate(series.items()):
        at = (place - (len(series) - 1) / 2) * shift
        symbol, sentence = SYMBOLS[place % len(SYMBOLS)], label(name)
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=sentence,
            hoverinfo="skip",
            marker={"symbol": symbol, "size": 9, "color": INK[theme], "line": {"width": 2}},
        )
        for y, (value, low, high) in enumerate(values):
            if np.isfinite(value):
                known = bool(np.isfinite([low, high]).all())
                tip = f" ({low:{text}} to {high:{text}})" if known else ""
                figure.add_scatter(
                    x=[value],
                    y=[y + at],
                    mode="markers",
                    showlegend=False,
                    name=sentence,
                    marker={
                        "symbol": symbol,
                        "size": 9,
                        "color": hues[y],
                        "line": {"width": 2, "color": hues[y]},
                    },
                    error_x={
                        "type": "data",
                        "array": [max(0.0, high - value)],
                        "arrayminus": [max(0.0, value - low)],
                        "color": hues[y],
                        "thickness": 2,
                        "width": 4,
                    }
                    if known
                    else None,
                    hovertemplate=f"{sentence}: %{{x:{text}}}{tip}<extra></extra>",
                )
    ends = np.array(
        [0.0, *np.ravel(list(series.values())), *(np.ravel(band) if band is not None else ())]
    )
    ends = ends[np.isfinite(ends)]
    room = 0.06 * max(float(np.ptp(ends)), 1e-9)
    return (
        figure.add_vline(
            x=0, line={"color": QUIET[theme], "dash": "dot", "width": 1}, layer="below"
        )
        .update_xaxes(
            title={"text": label(x_title, 90)},
            tickformat=".0%" if percent else "",
            nticks=7,
            range=[float(ends.min()) - room, float(ends.max()) + room],
        )
        .update_yaxes(
            **in_rows([term_title(name) for name in names]),
        )
    )


@drawing()
def calibration(
    terms: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    bins: Mapping[str, tuple[np.ndarray, np.ndarray]],
    modalities: Sequence[str],
    *,
    notes: Mapping[str, str],
    x_title: str,
    y_title: str,
    theme: Theme = "light",
) -> go.Figure:
    """Small scatters, one a modality: own terms across, labels up, and the means of bins of the term as a line.

    Args:
        terms, labels: by modality, (n,) each. bins: by modality, mean terms and mean labels, (k,) each.
        notes: by modality, what stands under its name.
    """
    check(
        all(np.shape(terms[name]) == np.shape(labels[name]) for name in terms),
        "Arguments `terms` and `labels` must have one length in every modality.",
    )
    figure = base(theme, 290, left=50, right=8, top=8, bottom=52)
    titles = [f"<b>{term_title(name)}</b><br>{label(notes.get(name, ''))}" for name in terms]
    places = panes(
        figure,
        titles,
        len(titles),
        theme,
        head=36,
        x_title=label(x_title, 90),
        y_title=label(y_title),
    )
    for (name, own), place in zip(terms.items(), places, strict=True):
        hue = term_colour(name, modalities)
        figure.add_scatter(
            x=own,
            y=labels[name],
            mode="markers",
            **place,
            marker={"size": 4, "color": faded(hue, 0.35), "line": {"width": 0}},
            hovertemplate="own term %{x:+.2f}, label %{y:+.2f}<extra></extra>",
        ).add_scatter(
            x=bins[name][0],
            y=bins[name][1],
            mode="lines+markers",
            **place,
            line={"color": hue, "width": 2},
            marker={"size": 9, "color": hue, "line": {"width": 1.5, "color": PAPER[theme]}},
            hovertemplate="bin: own term %{x:+.2f}, mean label %{y:+.2f}<extra></extra>",
        )
    return figure.update_xaxes(nticks=4, tickangle=0).update_yaxes(nticks=4)


# Does fusion matter, for the data, and for the model?

# Does the data need fusion?

SHARED, TOGETHER = "told by several", "told only together"


@drawing("parts")
def bits(
    rows: Sequence[str],
    parts: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    *,
    entropy: float,
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
                "color": faded(hue, 0.25 if name == SHARED else 0.8),
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
    return (
        figure.update_layout(barmode="overlay")
        .add_vline(
            x=entropy, line={"color": QUIET[theme], "dash": "dot", "width": 1}, layer="below"
        )
        .update_xaxes(title={"text": "bits of the target" + (" (dotted: all)" if entropy else "")})
        .update_yaxes(**in_rows(list(map(label, rows))))
    )


# Does my model fuse?

BINS, SWARM = (
    80,
    0.4,
)  # of the axis, in each of which points are stacked, up to so far from the middle


@drawing(values="P 3")
def interactions(
    pairs: Sequence[Sequence[str]],
    values: np.ndarray,
    modalities: Sequence[str],
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """The interaction index of any two modalities as a heat map, with its interval below it.

    Args:
        pairs: names of both, P of them. values: value, low and high end of the interval, (P, 3).
    """
    M = len(modalities)
    z = np.full((M, M), np.nan)
    reach = max(float(np.nanmax(np.abs(values[:, 0]), initial=0)), 1e-12)
    # digits of an interval; the largest value has one more
    few = int(np.clip(-np.floor(np.log10(reach)), 2, 6))
    figure = base(theme, 90 + 62 * M, left=90, right=10, top=8, bottom=40)
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
    return (
        figure.add_heatmap(
            z=[[None if np.isnan(value) else float(value) for value in row] for row in z],
            colorscale=SIGNED_SCALE[theme],
            zmin=-2.5 * reach,  # pale enough for what is written on it
            zmax=2.5 * reach,
            showscale=False,
            hovertemplate="%{z:+.4f} " + label(unit) + "<extra></extra>",
        )
        .update_xaxes(tickvals=list(range(M)), ticktext=names, showgrid=False)
        .update_yaxes(
            tickvals=list(range(M)), ticktext=names, showgrid=False, range=[M - 0.5, -0.5]
        )
    )


@drawing("colour", colour="N")
def swarm(
    values: Mapping[str, np.ndarray],
    colour: np.ndarray,
    ids: Sequence[str],
    *,
    by: str,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Every sample's dividend of each coalition as a point, stacked where many are alike, with its id in `customdata`.

    Args:
        values: by coalition, (n,). colour: of the points, (n,). ids: of the samples.
        by: what the colour says.
    """
    figure = base(theme, 96 + 74 * len(values), left=10, right=70, top=8, bottom=46)
    reach = max(max((float(np.abs(v).max(initial=0)) for v in values.values()), default=0), 1e-12)
    low, high = (float(end) for end in np.nanquantile(colour, (0.02, 0.98)))
    for place, (term, own) in enumerate(values.items()):
        stack = pd.Series(np.round(own / reach * BINS)).pipe(lambda bins: bins.groupby(bins))
        rank, size = stack.cumcount().to_numpy(), stack.transform("size").to_numpy()
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
    return (
        figure.add_vline(x=0, line={"color": LINE[theme], "width": 1}, layer="below")
        .update_layout(showlegend=False)
        .update_xaxes(title={"text": in_unit("contribution", unit)})
        .update_yaxes(**in_rows([term_title(term) for term in values]))
    )


@drawing(values="R T", labels="R", terms="T", seeds="R")
def basins(
    values: np.ndarray,
    labels: np.ndarray,
    terms: Sequence[str],
    seeds: Sequence[int],
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """One sample's terms by every training seed, a line with markers of its own, in the colour and dash of its basin.

    Args:
        values: (R, T). labels: basin of every seed, (R,), from 0. terms: names. seeds: their numbers.
    """
    dashes = ("solid", "dot", "dash", "longdash", "dashdot")
    symbols = cycle(("circle", "square", "diamond", "triangle-up", "cross"))
    figure = base(theme, 96 + 34 * len(terms), left=10, right=16, top=8, bottom=46, legend=True)
    for row, basin, seed, symbol in zip(values, labels, seeds, symbols, strict=False):
        hue = MODALITY_HUES[int(basin) % len(MODALITY_HUES)]
        figure.add_scatter(
            x=row,
            y=list(range(len(terms))),
            mode="lines+markers",
            name=f"seed {seed}" if labels.max() == 0 else f"seed {seed} (explanation {basin + 1})",
            line={"color": faded(hue, 0.7), "width": 1.5, "dash": dashes[int(basin) % len(dashes)]},
            marker={"size": 8, "color": hue, "symbol": symbol},
            hovertemplate=f"seed {seed}: %{{x:+.3f}}<extra></extra>",
        )
    return (
        figure.add_vline(x=0, line={"color": QUIET[theme], "width": 1}, layer="below")
        .update_xaxes(title={"text": label(unit)})
        .update_yaxes(**in_rows([term_title(term) for term in terms]))
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
        ).add_scatter(
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
