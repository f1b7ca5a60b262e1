"""Attributions inside a modality on what was said, heard and seen; and how far explanations can be trusted: against
truth, deletion against random orders, training seeds, people's labels."""

from collections.abc import Mapping, Sequence
from typing import Any
from unicodedata import east_asian_width

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    ON_BRIGHT,
    ON_DARK,
    PAPER,
    QUIET,
    SIGNED_SCALE,
    Theme,
    axis,
    bare_axis,
    base,
    drawing,
    faded,
    halo,
    in_rows,
    label,
    term_colour,
    term_title,
)
from qfusion.figures.theme import signed_colour

_LINE = 52  # characters of a line of words
_BINS = 700  # of a drawn waveform


def _reach(values: np.ndarray) -> float:
    return max(float(np.abs(values).max(initial=0)), 1e-12)


def _scale(values: np.ndarray, unit: str, theme: Theme) -> dict[str, Any]:
    """A signed colour scale, neutral at zero."""
    reach = _reach(values)
    return {
        "colorscale": SIGNED_SCALE[theme],
        "cmin": -reach,
        "cmax": reach,
        "colorbar": {
            "title": {"text": label(unit, 40), "side": "right", "font": {"size": 12}},
            "thickness": 10,
            "outlinewidth": 0,
            "len": 1.0,
            "tickformat": "+.2g",
            "nticks": 5,
        },
    }


def _hue(value: float, reach: float, theme: Theme) -> str:
    return signed_colour(0.5 + 0.5 * float(np.clip(value / reach, -1, 1)), theme)


@drawing(spoken="T", values="T")
def words(
    spoken: Sequence[str], values: np.ndarray, *, unit: str = "score", theme: Theme = "light"
) -> go.Figure:
    """The words in reading order, each on a patch in the colour of its value, with the value below it.

    Args:
        spoken: T words. values: (T,) in units of the score.
    """
    places, x, line = [], 0.0, 0
    for word in spoken:
        shown = word if len(word) <= 20 else word[:19] + "…"
        width = (
            max(
                len(label(word, 20))
                + 0.8 * sum(east_asian_width(letter) in "WF" for letter in shown),
                5,
            )
            + 1.6
        )
        if x and x + width > _LINE:
            x, line = 0.0, line + 1
        places.append((x, line, width))
        x += width + 0.5
    reach = _reach(values)
    dark = (np.abs(values) > 0.6 * reach) == (theme == "light")
    shapes = [
        {
            "type": "rect",
            "x0": left,
            "x1": left + width,
            "y0": row - 0.3,
            "y1": row + 0.2,
            "layer": "below",
            "fillcolor": _hue(float(value), reach, theme),
            "line": {"width": 0.5, "color": LINE[theme]},
        }
        for value, (left, row, width) in zip(values, places, strict=True)
    ]
    notes = [
        {"x": left + width / 2, "y": row + below, "text": text, "showarrow": False, "font": font}
        for n, (left, row, width) in enumerate(places)
        for below, text, font in (
            (-0.05, label(spoken[n], 20), {"size": 15, "color": ON_DARK if dark[n] else ON_BRIGHT}),
            (0.38, f"{values[n]:+.3f}", {"size": 11, "color": QUIET[theme]}),
        )
    ]
    return (
        base(theme, 34 + 62 * (line + 1), left=6, right=6, top=6, bottom=6)
        .update_layout(shapes=shapes, annotations=notes)
        .add_scatter(
            x=[left + width / 2 for left, _, width in places],
            y=[row for _, row, _ in places],
            mode="markers",
            marker={"opacity": 0, "size": 24},
            customdata=[[label(w), f"{v:+.4f}"] for w, v in zip(spoken, values, strict=True)],
            hovertemplate="‘%{customdata[0]}’: %{customdata[1]} " + label(unit) + "<extra></extra>",
        )
        .update_xaxes(bare_axis(), range=[-0.5, _LINE + 8])
        .update_yaxes(bare_axis(), range=[line + 0.6, -0.5])
    )


@drawing()
def waveform(
    samples: np.ndarray,
    rate: int,
    values: np.ndarray,
    step: float,
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """The waveform over time, each frame shaded in the colour of its value.

    Args:
        samples: (n,) in [-1, 1] at `rate` a second. values: (T,), of frames of `step` seconds.
    """
    size = max(1, len(samples) // _BINS)
    bins = np.asarray(samples)[: len(samples) // size * size].reshape(-1, size)
    reach = max(float(np.abs(samples).max(initial=0)) * 1.08, 1e-3)
    scale = _scale(values, unit, theme)
    return (
        base(theme, 230, left=56, right=10, top=8, bottom=44)
        .add_trace(
            go.Heatmap(
                z=np.asarray(values)[None],
                x=(np.arange(len(values)) + 0.5) * step,
                y=[0.0],
                x0=0,
                dy=2 * reach,
                zmin=scale["cmin"],
                zmax=scale["cmax"],
                colorscale=SIGNED_SCALE[theme],
                colorbar=scale["colorbar"],
                hovertemplate="%{x:.2f} s: %{z:+.4f} " + label(unit) + "<extra></extra>",
            )
        )
        .add_scatter(
            x=np.repeat((np.arange(len(bins)) + 0.5) * size / rate, 2),
            y=np.stack([bins.min(1), bins.max(1)], 1).ravel(),
            mode="lines",
            hoverinfo="skip",
            line={"color": INK[theme], "width": 0.8},
        )
        .update_xaxes(
            title={"text": "time (s)"}, range=[0, max(len(samples) / rate, step * len(values))]
        )
        .update_yaxes(title={"text": "amplitude"}, range=[-reach, reach])
    )


@drawing()
def timeline(
    lanes: Sequence[tuple[str, np.ndarray, float, Sequence[str]]],
    *,
    seconds: bool,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """The steps of several modalities on one axis, a lane each, in the colour of what they added. In each lane the
    colours run to its own largest step, which stands below its name.

    Args:
        lanes: for each modality its name, the values (T,) of its steps, the width of a step on the axis, the names
            (T,) of the steps. seconds: whether the axis is time in seconds, else percent.
    """
    figure = base(theme, 64 + 58 * len(lanes), left=86, right=16, top=8, bottom=44)
    ticks = []
    for place, (name, values, width, names) in enumerate(lanes):
        check(
            len(values) == len(names),
            f"Argument `lanes` must name each step, but '{name}' has {len(values)} steps and {len(names)} names.",
        )
        reach = _reach(values)
        ticks.append(f"{label(name, 24)}<br>±{reach:.2g}")
        figure.add_trace(
            go.Heatmap(
                z=np.asarray(values, dtype=float)[None],
                x=np.arange(len(values) + 1) * width,
                y=[place - 0.36, place + 0.36],
                zmin=-reach,
                zmax=reach,
                colorscale=SIGNED_SCALE[theme],
                showscale=False,
                customdata=[
                    [
                        [label(entry), f"{value:+.4f}"]
                        for entry, value in zip(names, values, strict=True)
                    ]
                ],
                hovertemplate=f"{label(name)}, %{{customdata[0]}}, %{{x:.2f}} {'s' if seconds else '%'}: "
                f"%{{customdata[1]}} {label(unit)}<extra></extra>",
            )
        )
    return figure.update_xaxes(
        title={"text": "time (s)" if seconds else "share of the sample's length (%)"},
        range=[0, max((len(values) * width for _, values, width, _ in lanes), default=1.0)],
    ).update_yaxes(range=[len(lanes) - 0.5, -0.5], tickvals=list(range(len(lanes))), ticktext=ticks)


@drawing(pixels="h w", values="h w")
def picture(
    pixels: np.ndarray,
    values: np.ndarray,
    *,
    unit: str = "score",
    spectrogram: bool = False,
    seen: str = "what the model sees",
    theme: Theme = "light",
) -> go.Figure:
    """What the model sees in grey, and beside it the same, faint, under the value of every pixel.

    Args:
        pixels, values: (h, w). spectrogram: rows are frequency bands, low ones at the bottom, columns frames.
        seen: the first picture's title.
    """
    pixels, values = np.asarray(pixels, dtype=float), np.asarray(values, dtype=float)
    h, w = pixels.shape
    low, high = float(pixels.min()), float(pixels.max())
    grey = {
        "zmin": low,
        "zmax": max(high, low + 1e-9),
        "colorscale": "Gray",
        "showscale": False,
        "hoverinfo": "skip",
    }
    scale = _scale(values, unit, theme)
    figure = (
        base(theme, 300, left=34, right=10, top=24, bottom=30)
        .add_trace(go.Heatmap(z=pixels, xaxis="x", yaxis="y", **grey))
        .add_trace(go.Heatmap(z=pixels, xaxis="x2", yaxis="y2", **grey))
    )
    what = ("band", "frame") if spectrogram else ("row", "column")
    figure.add_trace(
        go.Heatmap(
            z=values,
            xaxis="x2",
            yaxis="y2",
            zmin=scale["cmin"],
            zmax=scale["cmax"],
            colorscale=SIGNED_SCALE[theme],
            opacity=0.72,
            colorbar=scale["colorbar"],
            hovertemplate=f"{what[0]} %{{y}}, {what[1]} %{{x}}: %{{z:+.4f}} "
            f"{label(unit)}<extra></extra>",
        )
    )
    plain = {"showline": False, "ticks": "", "constrain": "domain", "showticklabels": False}
    titled = {"size": 12, "color": QUIET[theme]}
    up = plain | {"range": [-0.5, h - 0.5] if spectrogram else [h - 0.5, -0.5]}
    return figure.update_layout(
        xaxis=plain | {"domain": [0, 0.46], "title": {"text": what[1], "font": titled}},
        xaxis2=plain | {"domain": [0.5, 0.96]},
        yaxis=up | {"scaleanchor": "x", "title": {"text": what[0], "font": titled}},
        yaxis2=up | {"scaleanchor": "x2", "anchor": "x2"},
        annotations=[
            {
                "text": words_,
                "x": x,
                "y": 1,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "center",
                "yanchor": "bottom",
                "showarrow": False,
                "font": titled,
            }
            for words_, x in (
                (seen, 0.23),
                (f"what each {'cell' if spectrogram else 'pixel'} added", 0.73),
            )
        ],
    ).update_xaxes(range=[-0.5, w - 0.5])


@drawing(x="F", y="F", values="F")
def curve(
    x: np.ndarray,
    y: np.ndarray,
    values: np.ndarray,
    *,
    x_label: str,
    y_label: str,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """A spectrum or profile whose points have the colour of their value.

    Args:
        x, y, values: (F,).
    """
    return (
        base(theme, 260, left=60, right=10, top=8, bottom=46)
        .add_scatter(
            x=x, y=y, mode="lines", line={"color": LINE[theme], "width": 1.5}, hoverinfo="skip"
        )
        .add_scatter(
            x=x,
            y=y,
            mode="markers",
            customdata=np.asarray(values),
            marker={
                "color": values,
                "size": 8,
                "line": {"color": QUIET[theme], "width": 0.6},
                **_scale(values, unit, theme),
            },
            hovertemplate="%{x}: %{customdata:+.4f} " + label(unit) + "<extra></extra>",
        )
        .update_xaxes(title={"text": label(x_label, 90)})
        .update_yaxes(title={"text": label(y_label)})
    )


@drawing(names="F", values="F")
def bars(
    names: Sequence[str],
    values: np.ndarray,
    *,
    most: int = 12,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """The features of largest value as bars, largest first, the rest added up in the last one."""
    values = np.asarray(values, dtype=float)
    order = np.argsort(-np.abs(values), kind="stable")
    shown, rest = order[:most], order[most:]
    titles = [label(names[i], 34) for i in shown] + ([f"{len(rest)} others"] if len(rest) else [])
    heights = np.r_[values[shown], [values[rest].sum()] if len(rest) else []]
    reach = _reach(heights)
    return (
        base(theme, 62 + 22 * len(titles), left=10, right=16, top=6, bottom=42)
        .add_bar(
            x=heights,
            y=list(range(len(titles))),
            orientation="h",
            width=0.66,
            marker={
                "color": [_hue(float(v), reach, theme) for v in heights],
                "line": {"color": QUIET[theme], "width": 0.8},
            },
            text=[f"{v:+.3f}" for v in heights],
            textposition="outside",
            cliponaxis=False,
            constraintext="none",
            textfont={"size": 11, "color": INK[theme]},
            hovertemplate="%{x:+.4f}<extra></extra>",
        )
        .update_yaxes(
            **in_rows(titles),
        )
        .update_xaxes(
            title={"text": f"added to the term ({label(unit)})"},
            range=[-1.35 * reach, 1.35 * reach],
        )
        .add_vline(x=0, line={"color": LINE[theme], "width": 1})
        .update_layout(plot_bgcolor=PAPER[theme])
    )


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
    rows = -(-len(terms) // columns)
    figure = base(theme, 40 + 215 * rows, left=46, right=8, top=30, bottom=46).update_layout(
        xaxis={"visible": False}, yaxis={"visible": False}
    )
    names = [label(name) for name in ids]
    for i, term in enumerate(terms):
        row, column = divmod(i, columns)
        wide, high = 1 / columns, 1 / rows
        number = i + 2
        reach = [
            float(min(true[:, i].min(), ours[:, i].min())),
            float(max(true[:, i].max(), ours[:, i].max())),
        ]
        place = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
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
        box = {
            "x": [column * wide + 0.012, (column + 1) * wide - 0.03],
            "y": [1 - (row + 1) * high + 0.14 / rows, 1 - row * high - 0.14 / rows],
        }
        figure.update_layout(
            {
                f"xaxis{number}": axis(theme)
                | {"domain": box["x"], "anchor": f"y{number}", "nticks": 4, "tickangle": 0},
                f"yaxis{number}": axis(theme)
                | {"domain": box["y"], "anchor": f"x{number}", "nticks": 4},
            }
        ).add_annotation(
            x=box["x"][0],
            y=box["y"][1],
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            showarrow=False,
            text=f"<b>{term_title(term)}</b><br>ρ = {ranks[i]:.2f}",
            align="left",
            font={"size": 12, "color": INK[theme]},
        )
    quiet = {"size": 12, "color": QUIET[theme]}
    return figure.add_annotation(
        x=0.5,
        y=0,
        yshift=-40,
        xref="paper",
        yref="paper",
        showarrow=False,
        font=quiet,
        text=f"true contribution ({label(unit)})",
    ).add_annotation(
        x=0,
        y=0.5,
        xshift=-38,
        xref="paper",
        yref="paper",
        showarrow=False,
        textangle=-90,
        font=quiet,
        text=f"exact contribution in the model ({label(unit)})",
    )


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
    floor: float | None = None,
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
    joint = ["+" in name for name in names]
    figure = (
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
                    faded(hue, 0.55) if is_joint else hue
                    for hue, is_joint in zip(hues, joint, strict=True)
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
    )
    if floor is not None:
        figure.add_vline(
            x=floor, line={"color": QUIET[theme], "dash": "dot", "width": 1}, layer="below"
        )
    return figure.update_xaxes(
        title={"text": label(x_title, 90)}, range=[min(0.0, float(lowest.min()) - 0.05), 1.08]
    ).update_yaxes(
        **in_rows([term_title(name) for name in names]),
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
    figure = base(theme, 96 + 34 * len(names), left=10, right=20, top=8, bottom=46, legend=True)
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
    names, wide = list(terms), 1 / max(1, len(terms))
    figure = base(theme, 290, left=50, right=8, top=40, bottom=52).update_layout(
        xaxis={"visible": False}, yaxis={"visible": False}
    )
    for i, name in enumerate(names):
        hue, number = term_colour(name, modalities), i + 2
        place = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        figure.add_scatter(
            x=terms[name],
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
        left = i * wide
        figure.update_layout(
            {
                f"xaxis{number}": axis(theme)
                | {
                    "domain": [left + 0.012, left + wide - 0.03],
                    "anchor": f"y{number}",
                    "nticks": 4,
                    "tickangle": 0,
                },
                f"yaxis{number}": axis(theme)
                | {"domain": [0, 1], "anchor": f"x{number}", "nticks": 4},
            }
        ).add_annotation(
            x=left + 0.012,
            y=1,
            yshift=4,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            showarrow=False,
            align="left",
            text=f"<b>{term_title(name)}</b><br>{label(notes.get(name, ''))}",
            font={"size": 12, "color": INK[theme]},
        )
    quiet = {"size": 12, "color": QUIET[theme]}
    return figure.add_annotation(
        x=0.5,
        y=0,
        yshift=-40,
        xref="paper",
        yref="paper",
        showarrow=False,
        font=quiet,
        text=label(x_title, 90),
    ).add_annotation(
        x=0,
        y=0.5,
        xshift=-42,
        xref="paper",
        yref="paper",
        showarrow=False,
        textangle=-90,
        font=quiet,
        text=label(y_title),
    )
