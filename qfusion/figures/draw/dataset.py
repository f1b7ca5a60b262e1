"""What a data set holds, drawn, and how good a model is on it: confusions, ROC and precision-recall, calibration,
residuals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.finite import drawing
from qfusion.figures.style import (
    BLUE,
    BRIGHT,
    GREY,
    LINE,
    ON_BRIGHT,
    ON_DARK,
    SKY,
    UNSIGNED_SCALE,
    VERMILLION,
    Theme,
    axis,
    base,
    faded,
    label,
    note,
)

HUES = {"train": GREY, "valid": SKY, "test": VERMILLION}
BINS = 40


@drawing()
def classes(
    counts: Mapping[str, Sequence[int]], names: Sequence[str], *, theme: Theme = "light"
) -> go.Figure:
    """Bars, one a class, stacked by part of the split.

    Args:
        counts: samples of every class, by part. names: of the classes.
    """
    check(
        all(len(found) == len(names) for found in counts.values()),
        f"Argument `counts` must hold {len(names)} numbers a part.",
    )
    figure = base(theme, max(220, 70 + 22 * len(names)), left=120, legend=True)
    shown = [label(name, 24) for name in names]
    for part, found in counts.items():
        figure.add_bar(
            y=shown,
            x=list(found),
            orientation="h",
            name=part,
            marker={"color": HUES.get(part, GREY)},
            hovertemplate=f"%{{y}}, {part}: %{{x:,}} samples<extra></extra>",
        )
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    figure.update_xaxes(title={"text": "samples"})
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


@drawing()
def targets(values: Mapping[str, np.ndarray], name: str, *, theme: Theme = "light") -> go.Figure:
    """Shares of the samples in forty bins of the target, a line a part of the split.

    Args:
        values: targets (n,) by part. name: of the target with its unit.
    """
    figure = base(theme, 260, legend=True)
    edges = histogram_edges(values)
    for part, found in values.items():
        counts = np.histogram(found, edges)[0]
        shares = counts / max(1, len(found))
        figure.add_scatter(
            x=np.repeat(edges, 2)[1:-1],
            y=np.repeat(shares, 2),
            mode="lines",
            name=f"{part} ({len(found):,})",
            line={"color": HUES.get(part, GREY), "width": 2},
            hovertemplate=f"%{{x:.2f}}, {part}: %{{y:.1%}}<extra></extra>",
        )
    figure.update_xaxes(title={"text": label(name)})
    figure.update_yaxes(
        title={"text": "share of the part's samples"}, tickformat=".0%", rangemode="tozero"
    )
    return figure


def histogram_edges(values: Mapping[str, np.ndarray]) -> np.ndarray:
    """The edges (BINS + 1,) of the bins that `targets` draws."""
    found = [part for part in values.values() if len(part)]
    low, high = min(float(part.min()) for part in found), max(float(part.max()) for part in found)
    return np.linspace(low, high if high > low else low + 1, BINS + 1)


MANY = 20  # classes whose counts are still written
_EMPTY = "No sample of this cohort."


class Curve(NamedTuple):
    """A named line with its number: x, y, (N,) each."""

    name: str
    x: np.ndarray
    y: np.ndarray
    value: float


@drawing()
def confusions(counts: np.ndarray, classes: Sequence[str], theme: Theme = "light") -> go.Figure:
    """Annotated classes down, predicted ones across; the colour is the share of the annotated class.

    Args:
        counts: (C, C), rows are annotations. classes: names. theme: of the figure.
    """
    C = len(classes)
    check(
        counts.shape == (C, C) and C > 0,
        f"Argument `counts` must have the shape {(C, C)}, but has {counts.shape}.",
    )
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
        for bright in (False, True):
            cells = [
                (i, j)
                for i in range(C)
                for j in range(C)
                if counts[i, j] and (shares[i, j] > BRIGHT) == bright
            ]
            figure.add_scatter(
                x=[j for _, j in cells],
                y=[i for i, _ in cells],
                mode="text",
                hoverinfo="skip",
                text=[f"{counts[i, j]:,}" for i, j in cells],
                textfont={"size": 12, "color": ON_BRIGHT if bright else ON_DARK},
            )
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
    )
    figure.update_layout(clickmode="event+select")
    ticks = {"tickvals": list(range(C)), "ticktext": names, "ticks": "", "showline": False}
    figure.update_xaxes(title={"text": "predicted"}, range=[-0.5, C - 0.5], **ticks)
    figure.update_yaxes(title={"text": "annotated"}, range=[C - 0.5, -0.5], **ticks)
    return figure


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
    for found, to in ((roc, ""), (pr, "2")):
        for curve in sorted(found, key=lambda each: each.name == chosen):
            stands = curve.name == chosen
            figure.add_scatter(
                x=curve.x,
                y=curve.y,
                mode="lines",
                xaxis=f"x{to}",
                yaxis=f"y{to}",
                line={"color": BLUE if stands else faded(GREY, 0.7), "width": 3 if stands else 1.2},
                hovertemplate=f"{label(curve.name)}: %{{x:.3f}}, %{{y:.3f}} "
                f"({curve.value:.3f})<extra></extra>",
            )
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        hoverinfo="skip",
        line={"color": LINE[theme], "width": 1, "dash": "dot"},
    )
    plain = {"range": [-0.02, 1.02], "nticks": 5}
    figure.update_layout(
        xaxis=axis(theme) | plain | {"domain": [0, 0.45]},
        yaxis=axis(theme) | plain,
        xaxis2=axis(theme) | plain | {"domain": [0.57, 1], "anchor": "y2"},
        yaxis2=axis(theme) | plain | {"anchor": "x2"},
    )
    figure.update_layout(
        xaxis_title_text="false positive rate",
        yaxis_title_text="true positive rate",
        xaxis2_title_text="recall",
        yaxis2_title_text="precision",
    )
    return figure


@drawing()
def calibration(
    certainty: np.ndarray, accuracy: np.ndarray, counts: np.ndarray, theme: Theme = "light"
) -> go.Figure:
    """How often it is right against how sure it is; discs are as large as their bins are full.

    Args:
        certainty, accuracy: of every bin, (B,). counts: samples in it, (B,). theme: of the figure.
    """
    check(
        certainty.shape == accuracy.shape == counts.shape,
        "Arguments `certainty`, `accuracy` and `counts` must have the same shape (B,).",
    )
    figure = base(theme, 360, right=16, top=10)
    if not len(counts):
        return note(figure, _EMPTY, theme)
    figure.add_scatter(
        x=[0, 1],
        y=[0, 1],
        mode="lines",
        hoverinfo="skip",
        line={"color": LINE[theme], "width": 1, "dash": "dot"},
    )
    for x, high, low in zip(
        certainty, np.maximum(certainty, accuracy), np.minimum(certainty, accuracy), strict=True
    ):
        figure.add_scatter(
            x=[x, x],
            y=[low, high],
            mode="lines",
            hoverinfo="skip",
            line={"color": faded(VERMILLION, 0.6), "width": 2},
        )
    figure.add_scatter(
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
    figure.update_xaxes(
        title={"text": "mean certainty"}, range=[-0.02, 1.04], tickformat=".0%", nticks=6
    )
    figure.update_yaxes(
        title={"text": "share that is right"}, range=[-0.02, 1.06], tickformat=".0%", nticks=6
    )
    return figure


@drawing()
def residuals(
    ids: Sequence[str],
    truth: np.ndarray,
    found: np.ndarray,
    inside: np.ndarray,
    unit: str,
    theme: Theme = "light",
) -> go.Figure:
    """Prediction minus annotation against the annotation, the cohort coloured; on the right how many are how far off.

    Args:
        ids: of the samples. truth, found: annotations and residuals, (n,). inside: of the cohort, bool (n,).
        unit: axis name of the target. theme: of the figure.
    """
    check(
        len(ids) == len(truth) == len(found) == len(inside),
        "Arguments `ids`, `truth`, `found` and `inside` must hold one entry a sample.",
    )
    figure = base(theme, 360, right=12, top=10)
    if not len(found):
        return note(figure, _EMPTY, theme)
    edges = np.histogram_bin_edges(found, bins="auto" if len(found) < 5000 else 60)
    middles = (edges[1:] + edges[:-1]) / 2
    for chosen, colour, name in ((~inside, GREY, "others"), (inside, BLUE, "cohort")):
        if not chosen.any():
            continue
        names = [label(name, 40) for name, kept in zip(ids, chosen, strict=True) if kept]
        figure.add_scatter(
            x=truth[chosen],
            y=found[chosen],
            mode="markers",
            customdata=names,
            marker={"size": 5, "color": faded(colour, 0.55)},
            hovertemplate=f"%{{customdata}} ({name}): annotated %{{x:.2f}}, off by "
            "%{y:+.2f}<extra></extra>",
        )
        counts = np.histogram(found[chosen], edges)[0]
        figure.add_bar(
            x=counts,
            y=middles,
            orientation="h",
            xaxis="x2",
            marker={"color": colour, "line": {"width": 0}},
            hovertemplate=f"%{{x}} {name}, off by %{{y:+.2f}}<extra></extra>",
        )
    figure.add_shape(
        type="line", xref="paper", x0=0, x1=1, y0=0, y1=0, line={"color": LINE[theme], "width": 1}
    )
    figure.update_layout(
        bargap=0.05,
        barmode="stack",
        xaxis=axis(theme) | {"domain": [0, 0.74], "nticks": 7},
        yaxis=axis(theme) | {"nticks": 7},
        xaxis2=axis(theme) | {"domain": [0.79, 1], "anchor": "y", "nticks": 4},
    )
    figure.update_layout(
        xaxis_title_text=f"annotated {label(unit)}",
        yaxis_title_text="prediction − annotation",
        xaxis2_title_text="samples",
    )
    return figure
