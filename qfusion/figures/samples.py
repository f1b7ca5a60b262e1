"""A data set and samples in it: what it holds and how good a model is on it (confusions, ROC and precision-recall,
calibration, residuals), maps of samples, the nearest to one, and some side by side."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.decision import in_steps
from qfusion.figures.guards import drawing
from qfusion.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    LINE,
    ORANGE,
    PAPER,
    PURPLE,
    QUIET,
    SKY,
    UNSIGNED_SCALE,
    VERMILLION,
    YELLOW,
    Theme,
    axis,
    base,
    faded,
    halo,
    in_cells,
    in_rows,
    label,
    note,
    ringed,
    signed,
)
from qfusion.figures.themes import SIGNED_SCALE

PART_HUES = {"train": GREY, "valid": SKY, "test": VERMILLION}
BINS = 40


@drawing(names="C", counts="C")
def classes(
    counts: Mapping[str, Sequence[int]], names: Sequence[str], *, theme: Theme = "light"
) -> go.Figure:
    """Bars, one a class, stacked by part of the split.

    Args:
        counts: samples of every class, by part. names: of the classes.
    """

    return (
        base(theme, max(220, 70 + 22 * len(names)), left=120, legend=True)
        .add_traces(
            [
                {
                    "type": "bar",
                    "y": list(range(len(names))),
                    "customdata": [label(name) for name in names],
                    "x": list(column),
                    "orientation": "h",
                    "name": part,
                    "marker": {"color": PART_HUES.get(part, GREY)},
                    "hovertemplate": f"%{{customdata}}, {part}: %{{x:,}} samples<extra></extra>",
                }
                for part, column in counts.items()
            ]
        )
        .update_layout(barmode="stack", legend_traceorder="normal")
        .update_xaxes(title={"text": "samples"})
        .update_yaxes(**in_rows([label(name, 24) for name in names]))
    )


@drawing()
def targets(values: Mapping[str, np.ndarray], name: str, *, theme: Theme = "light") -> go.Figure:
    """Shares of the samples in forty bins of the target, a line a part of the split.

    Args:
        values: targets (n,) by part. name: of the target with its unit.
    """

    edges = histogram_edges(values)
    return (
        base(theme, 260, legend=True)
        .add_traces(
            [
                {
                    "type": "scatter",
                    "x": np.repeat(edges, 2)[1:-1],
                    "y": np.repeat(np.histogram(targets_of, edges)[0] / max(1, len(targets_of)), 2),
                    "mode": "lines",
                    "name": f"{part} ({len(targets_of):,})",
                    "line": {"color": PART_HUES.get(part, GREY), "width": 2},
                    "hovertemplate": f"%{{x:.2f}}, {part}: %{{y:.1%}}<extra></extra>",
                }
                for part, targets_of in values.items()
            ]
        )
        .update_xaxes(title={"text": label(name)})
        .update_yaxes(
            title={"text": "share of the part's samples"}, tickformat=".0%", rangemode="tozero"
        )
    )


def histogram_edges(values: Mapping[str, np.ndarray]) -> np.ndarray:
    """The edges (BINS + 1,) of the bins that `targets` draws."""
    return np.histogram_bin_edges(np.concatenate(list(values.values())), BINS)


MANY = 20  # classes whose counts are still written
_EMPTY = "No sample of this cohort."


# a named line with its number: x, y, (N,) each
Curve = tuple[str, np.ndarray, np.ndarray, float]


@drawing(classes="C+", counts="C+ C+")
def confusions(counts: np.ndarray, classes: Sequence[str], theme: Theme = "light") -> go.Figure:
    """Annotated classes down, predicted ones across; the colour is the share of the annotated class.

    Args:
        counts: (C, C), rows are annotations. classes: names. theme: of the figure.
    """
    C = len(classes)
    figure = base(theme, int(min(110 + 34 * C, 560)), left=10, right=14, top=8, bottom=52)
    if not counts.sum():
        return note(figure, _EMPTY, theme)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    names = [label(name, 24) for name in classes]
    figure.add_heatmap(
        z=shares,
        x=list(range(C)),
        y=list(range(C)),
        zmin=0,
        zmax=1,
        colorscale=UNSIGNED_SCALE,
        showscale=False,
        xgap=1,
        ygap=1,
        customdata=[[[names[i], names[j], int(counts[i, j])] for j in range(C)] for i in range(C)],
        hovertemplate="annotated %{customdata[0]}, predicted %{customdata[1]}: %{customdata[2]} "
        "(%{z:.1%})<extra></extra>",
    )
    if C <= MANY:
        in_cells(figure, np.where(counts, counts, np.nan), shares, "{:,.0f}", size=12)
    # A heat map cannot be clicked: what is clicked lies over it, unseen.
    filled = [(i, j) for i in range(C) for j in range(C) if counts[i, j]]
    figure.add_scatter(
        x=[j for _, j in filled],
        y=[i for i, _ in filled],
        mode="markers",
        marker={"size": max(8, min(30, 400 // C)), "symbol": "square", "opacity": 0, "color": GREY},
        customdata=[
            [i, j, names[i], names[j], int(counts[i, j]), float(shares[i, j])] for i, j in filled
        ],
        hovertemplate="annotated %{customdata[2]}, predicted %{customdata[3]}: %{customdata[4]} "
        "(%{customdata[5]:.1%})<br>click to make them the cohort<extra></extra>",
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
    ).update_layout(clickmode="event+select")
    ticks = {"tickvals": list(range(C)), "ticktext": names, "ticks": "", "showline": False}
    return figure.update_xaxes(
        title={"text": "predicted"}, range=[-0.5, C - 0.5], **ticks
    ).update_yaxes(title={"text": "annotated"}, range=[C - 0.5, -0.5], **ticks)


@drawing()
def curves(
    roc: Sequence[Curve], pr: Sequence[Curve], chosen: str = "", theme: Theme = "light"
) -> go.Figure:
    """ROC curves on the left, precision-recall curves on the right, a line a class; one of them stands out.

    Args:
        roc: false against true positive rates, with the area. pr: recall against precision, with the average precision.
        chosen: name of the class that stands out. theme: of the figure.
    """
    figure = base(theme, 360, right=16, top=26)
    if not roc:
        return note(figure, "Curves need samples of a class and of others.", theme)
    plain = {"range": [-0.02, 1.02], "nticks": 5}
    return (
        figure.add_traces(
            [
                {
                    "type": "scatter",
                    "x": x,
                    "y": y,
                    "mode": "lines",
                    "xaxis": f"x{to}",
                    "yaxis": f"y{to}",
                    "line": {"color": BLUE, "width": 3}
                    if name == chosen
                    else {"color": faded(GREY, 0.7), "width": 1.2},
                    "hovertemplate": f"{label(name)}: %{{x:.3f}}, %{{y:.3f}} ({value:.3f})<extra></extra>",
                }
                for result, to in ((roc, ""), (pr, "2"))
                for name, x, y, value in sorted(result, key=lambda curve: curve[0] == chosen)
            ]
        )
        .add_scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            hoverinfo="skip",
            line={"color": LINE[theme], "width": 1, "dash": "dot"},
        )
        .update_layout(
            xaxis=axis(theme) | plain | {"domain": [0, 0.45]},
            yaxis=axis(theme) | plain,
            xaxis2=axis(theme) | plain | {"domain": [0.57, 1], "anchor": "y2"},
            yaxis2=axis(theme) | plain | {"anchor": "x2"},
        )
        .update_layout(
            xaxis_title_text="false positive rate",
            yaxis_title_text="true positive rate",
            xaxis2_title_text="recall",
            yaxis2_title_text="precision",
        )
    )


@drawing(certainty="B", accuracy="B", counts="B")
def calibration(
    certainty: np.ndarray, accuracy: np.ndarray, counts: np.ndarray, theme: Theme = "light"
) -> go.Figure:
    """How often it is right against how sure it is; discs are as large as their bins are full.

    Args:
        certainty, accuracy: of every bin, (B,). counts: samples in it, (B,). theme: of the figure.
    """
    figure = base(theme, 360, right=16, top=10)
    if not len(counts):
        return note(figure, _EMPTY, theme)
    return (
        figure.add_scatter(
            x=[0, 1],
            y=[0, 1],
            mode="lines",
            hoverinfo="skip",
            line={"color": LINE[theme], "width": 1, "dash": "dot"},
        )
        .add_traces(
            [
                {
                    "type": "scatter",
                    "x": [x, x],
                    "y": [low, high],
                    "mode": "lines",
                    "hoverinfo": "skip",
                    "line": {"color": faded(VERMILLION, 0.6), "width": 2},
                }
                for x, high, low in zip(
                    certainty,
                    np.maximum(certainty, accuracy),
                    np.minimum(certainty, accuracy),
                    strict=True,
                )
            ]
        )
        .add_scatter(
            x=certainty,
            y=accuracy,
            mode="lines+markers",
            line={"color": BLUE, "width": 1.6},
            marker={
                "size": list(6 + 18 * np.sqrt(counts / counts.max())),
                "color": BLUE,
                "opacity": 1,
                "line": {"width": 0},
            },
            customdata=[f"{count:,} samples" for count in counts],
            hovertemplate="sure %{x:.1%}, right %{y:.1%}, %{customdata}<extra></extra>",
        )
        .update_xaxes(
            title={"text": "mean certainty"}, range=[-0.02, 1.04], tickformat=".0%", nticks=6
        )
        .update_yaxes(
            title={"text": "share that is right"}, range=[-0.02, 1.06], tickformat=".0%", nticks=6
        )
    )


@drawing(ids="N", truth="N", values="N", inside="N")
def residuals(
    ids: Sequence[str],
    truth: np.ndarray,
    values: np.ndarray,
    inside: np.ndarray,
    unit: str,
    theme: Theme = "light",
) -> go.Figure:
    """Prediction minus annotation against the annotation, the cohort coloured; on the right how many are how far off.

    Args:
        ids: of the samples. truth, values: annotations and residuals, (n,). inside: of the cohort, bool (n,).
        unit: axis name of the target. theme: of the figure.
    """
    figure = base(theme, 360, right=12, top=10)
    if not len(values):
        return note(figure, _EMPTY, theme)
    edges = np.histogram_bin_edges(values, bins="auto" if len(values) < 5000 else 60)
    for chosen, colour, name in ((~inside, GREY, "others"), (inside, BLUE, "cohort")):
        if chosen.any():
            figure.add_scatter(
                x=truth[chosen],
                y=values[chosen],
                mode="markers",
                customdata=[
                    label(name, 40) for name, stored in zip(ids, chosen, strict=True) if stored
                ],
                marker={"size": 5, "color": faded(colour, 0.55)},
                hovertemplate=f"%{{customdata}} ({name}): annotated %{{x:.2f}}, off by "
                "%{y:+.2f}<extra></extra>",
            ).add_bar(
                x=np.histogram(values[chosen], edges)[0],
                y=(edges[1:] + edges[:-1]) / 2,
                orientation="h",
                xaxis="x2",
                marker={"color": colour, "line": {"width": 0}},
                hovertemplate=f"%{{x}} {name}, off by %{{y:+.2f}}<extra></extra>",
            )
    return (
        figure.add_shape(
            type="line",
            xref="paper",
            x0=0,
            x1=1,
            y0=0,
            y1=0,
            line={"color": LINE[theme], "width": 1},
        )
        .update_layout(
            bargap=0.05,
            barmode="stack",
            xaxis=axis(theme) | {"domain": [0, 0.74], "nticks": 7},
            yaxis=axis(theme) | {"nticks": 7},
            xaxis2=axis(theme) | {"domain": [0.79, 1], "anchor": "y", "nticks": 4},
        )
        .update_layout(
            xaxis_title_text=f"annotated {label(unit)}",
            yaxis_title_text="prediction − annotation",
            xaxis2_title_text="samples",
        )
    )


# A map of samples: a point each, coloured by a number or by what it belongs to; and the samples nearest to one.

GROUP_HUES = (BLUE, VERMILLION, GREEN, PURPLE, SKY, ORANGE, YELLOW, GREY)
SHAPES = ("circle", "diamond", "square")
MAX_GROUPS = len(GROUP_HUES) * len(SHAPES)
_CHOSEN = {"selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": 0.4}}}


@drawing("values", ids="N", xy="N 2", values="N", inside="N")
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
        len(names) <= MAX_GROUPS,
        f"Argument `names` holds {len(names)} groups, and at most {MAX_GROUPS} are told apart.",
    )
    across, up = ({"title": {"text": label(title, 90)}, "nticks": 7} for title in titles)
    figure = base(theme, 560, legend=bool(names), top=38).update_layout(
        dragmode="lasso", clickmode="event+select", xaxis=across, yaxis=up
    )
    if not len(ids):
        return note(figure, "No sample of this split is explained.", theme)
    texts = [
        f"<b>{label(name)}</b>" + (f"<br>{label(tip, 160)}" if tip else "")
        for name, tip in zip(ids, tips or [""] * len(ids), strict=True)
    ]
    part = not inside.all()
    kinds: list[tuple[int | None, np.ndarray]] = [(k, values == k) for k in range(len(names))] or [
        (None, np.isfinite(values)),
        (None, ~np.isfinite(values)),
    ]
    groups = [
        (within, k, (inside == within) & own)
        for within in ((False, True) if part else (True,))
        for k, own in kinds
    ]
    (
        figure.add_traces(
            [
                {
                    "type": "scatter",
                    "x": xy[own, 0],
                    "y": xy[own, 1],
                    "mode": "markers",
                    "customdata": list(itertools.compress(ids, own)),
                    "text": list(itertools.compress(texts, own)),
                    "name": label(by if k is None else names[k], 24),
                    "showlegend": False,
                    "marker": _marker(values[own], k, within, part, hues, values, by, theme),
                    **_CHOSEN,
                    "hovertemplate": "%{text}<br>click to open it<extra></extra>",
                }
                for within, k, own in groups
                if own.any()
            ]
        ).add_traces(
            [
                {
                    "type": "scatter",
                    "x": [None],
                    "y": [None],
                    "mode": "markers",
                    "name": label(name, 24),
                    "marker": {
                        "size": 9,
                        "color": _hue(k, hues),
                        "symbol": SHAPES[k // len(GROUP_HUES)],
                    },
                }
                for k, name in enumerate(names)
            ]
        )
    )  # the legend's points are as strong as those of the cohort
    return ringed(
        figure,
        ids,
        xy[:, 0],
        xy[:, 1],
        chosen,
        INK[theme],
        17,
        showlegend=False,
        name="this sample",
        **_CHOSEN,
    )


def _hue(k: int, hues: Sequence[str]) -> str:
    return hues[k] if k < len(hues) else GROUP_HUES[k % len(GROUP_HUES)]


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
    if k is not None or not np.isfinite(own).any():  # a gap is no number of the scale
        return {
            "size": size,
            "color": GREY if k is None else _hue(k, hues),
            "opacity": 0.75 if within else 0.25,
            "line": {"width": 0},
            "symbol": SHAPES[(k or 0) // len(GROUP_HUES)],
        }
    known = every[np.isfinite(every)]
    scale: Any = UNSIGNED_SCALE
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if low < 0 < high:
        low, high, scale = -max(-low, high), max(-low, high), SIGNED_SCALE[theme]
    return {
        "size": size,
        "color": own.tolist(),
        "colorscale": scale,
        "cmin": low,
        "cmax": high if high > low else low + 1,
        "showscale": within,
        "opacity": 0.9 if within else 0.3,
        "colorbar": {
            "thickness": 12,
            "outlinewidth": 0,
            "len": 0.9,
            "nticks": 6,
            "title": {"text": label(by, 40), "side": "right"},
        },
        "line": {"width": 0.5, "color": GREY},
    }


@drawing("typical", names="N", distances="N", right="N")
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
    figure = base(theme, 92 + 27 * max(1, len(names)), left=10, right=56, top=22)
    if not len(names):
        return note(figure, "There is no other sample.", theme)
    hues = [BLUE if entry is not False else VERMILLION for entry in right]
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
                "shape": ["/" if entry is False else "" for entry in right],
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
        ).add_annotation(
            x=typical,
            y=1,
            yref="paper",
            yanchor="bottom",
            showarrow=False,
            text="median of all",
            font={"size": 12, "color": INK[theme]},
        )
    top = max(float(np.max(distances)), typical if np.isfinite(typical) else 0.0, 1e-9)
    return (
        figure.update_layout(clickmode="event+select")
        .update_xaxes(title={"text": label(axis)}, range=[0, 1.12 * top], nticks=7)
        .update_yaxes(
            **in_rows([label(name, 44) for name in names]),
            ticklabelstandoff=6,
        )
    )


# Some samples side by side: their decisions term by term, and other numbers, in columns on the same scale.

MOST = 6  # columns
_GAP = 0.022


@drawing(names="N", dividends="N")
def decisions(
    names: Sequence[str],
    dividends: Sequence[Mapping[str, float]],
    modalities: Sequence[str],
    *,
    truths: Sequence[float | None] = (),
    notes: Sequence[str] = (),
    unit: str = "score",
    quantity: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """A waterfall a column, all with the same terms and the same scale.

    Args:
        names: of the samples, one to six. dividends: of each, the baseline under "".
        modalities: in the model's order. truths: annotated values, drawn as dotted lines; None for none.
        notes: what is said of each below its name, in lines. theme: of the figure.
        unit: of the terms. quantity: what they add up to, "log-odds" or "score".
    """
    rows, steps, marker = in_steps(dividends, modalities, theme, quantity)
    ends = steps.cumsum(1)
    figure = _columns(
        names,
        notes,
        rows,
        np.r_[0.0, ends.ravel(), [value for value in truths if value is not None]],
        unit,
        theme,
    )
    for i in range(len(names)):
        widths = np.r_[steps[i], ends[i, -1]]
        figure.add_bar(
            x=widths,
            y=list(range(len(rows))),
            base=np.r_[0.0, ends[i, :-1], 0.0],
            orientation="h",
            width=0.62,
            marker=marker,
            text=[signed(value) for value in widths],
            textposition="outside",
            cliponaxis=False,
            constraintext="none",
            textfont={"size": 11, "color": INK[theme], "shadow": halo(theme)},
            customdata=rows,
            xaxis=f"x{i + 1}" if i else "x",
            yaxis="y",
            hovertemplate=f"{label(names[i])}, %{{customdata}}: %{{text}}<extra></extra>",
        )
    return figure.update_layout(
        shapes=[
            {
                "type": "line",
                "x0": truth,
                "x1": truth,
                "y0": -0.5,
                "y1": len(rows) - 0.5,
                "xref": f"x{i + 1}" if i else "x",
                "yref": "y",
                "layer": "below",
                "line": {"color": QUIET[theme], "width": 1.5, "dash": "dot"},
            }
            for i, truth in enumerate(truths)
            if truth is not None
        ]
    )


@drawing(names="N", values="N")
def bars(
    names: Sequence[str],
    values: Sequence[Mapping[str, float]],
    hues: Mapping[str, str],
    *,
    title: str = "",
    theme: Theme = "light",
) -> go.Figure:
    """The same numbers of every sample as bars, a column a sample, on the same scale.

    Args:
        names: of the samples, one to six. values: of each, by what they are of.
        hues: colours of these; grey where there is none. title: of the axes, with the unit. theme: of the figure.
    """
    parts = list(dict.fromkeys(part for value in values for part in value))
    figure = _columns(
        names,
        (),
        [label(part, 24) for part in parts],
        np.array([0.0, *[value for one in values for value in one.values()]]),
        title,
        theme,
    )
    for i, entry in enumerate(values):
        own = [part for part in parts if part in entry]
        figure.add_bar(
            x=[entry[part] for part in own],
            y=[parts.index(part) for part in own],
            orientation="h",
            width=0.6,
            xaxis=f"x{i + 1}" if i else "x",
            yaxis="y",
            marker={"color": [hues.get(part, GREY) for part in own], "line": {"width": 0}},
            text=[f"{entry[part]:.2f}" for part in own],
            textposition="outside",
            cliponaxis=False,
            constraintext="none",
            textfont={"size": 11, "color": INK[theme]},
            hovertemplate=f"{label(names[i])}, %{{y}}: %{{x:.3f}}<extra></extra>",
            customdata=[label(part) for part in own],
        )
    return figure


def _columns(
    names: Sequence[str],
    notes: Sequence[str],
    rows: Sequence[str],
    values: np.ndarray,
    title: str,
    theme: Theme,
) -> go.Figure:
    """Empty columns with their heads, on one scale that holds all values."""
    count = len(names)
    check(0 < count <= MOST, f"Argument `names` must hold 1 to {MOST} samples, but holds {count}.")
    lines = max((note.count("\n") + 1 for note in notes), default=0)
    low, high = float(values.min()), float(values.max())
    pad = (0.16 + 0.07 * count) * max(high - low, 0.1)
    limits = [low - (pad if low < 0 else 0.02 * pad), high + pad]
    heads = [label(name, min(60, 96 // count)) for name in names]
    if count < 4:
        heads = [f"<b>{head}</b>" for head in heads]
    below = [note.split("\n") for note in notes] or [[]] * count
    return (
        base(theme, 88 + 23 * len(rows), left=10, right=10, top=28 + 17 * lines, bottom=48)
        .update_layout(
            **{
                f"xaxis{i + 1 if i else ''}": axis(theme)
                | {
                    "domain": [
                        (i + _GAP * (i > 0)) / count,
                        (i + 1 - _GAP * (i + 1 < count)) / count,
                    ],
                    "anchor": "y",
                    "range": limits,
                    "nticks": 4 if count > 3 else 6,
                    "zeroline": True,
                    "zerolinecolor": LINE[theme],
                }
                for i in range(count)
            },
            annotations=[
                {
                    "x": sum(limits) / 2,
                    "y": 1,
                    "xref": f"x{i + 1}" if i else "x",
                    "yref": "paper",
                    "yanchor": "bottom",
                    "showarrow": False,
                    "text": "<br>".join([head, *(label(line, 96 // count) for line in below[i])]),
                    "font": {"size": {4: 11, 5: 10, 6: 10}.get(count, 12), "color": INK[theme]},
                }
                for i, head in enumerate(heads)
            ],
        )
        .add_annotation(
            x=0.5,
            y=0,
            xref="paper",
            yref="paper",
            yanchor="top",
            yshift=-26,
            showarrow=False,
            text=label(title, 90),
            font={"size": 13, "color": QUIET[theme]},
        )
        .update_yaxes(**in_rows(list(rows)), ticklabelstandoff=6)
    )
