"""The quality of a model on a data set, and the targets: their counts, histograms and information."""

from collections.abc import Mapping, Sequence

import numpy as np

from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import (
    add_line,
    add_marks,
    segment,
    selection,
)
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    SKY,
    STATE_HUES,
    UNSIGNED_SCALE,
    VERMILLION,
    axis,
    base_figure,
    cell_annotations,
    fade_colour,
    label,
    write_note,
)

# a named line with its number: x, y, (N,) each
Curve = tuple[str, np.ndarray, np.ndarray, float]


@checks_arrays(classes="C+", counts="C+ C+")
def confusion_matrix(counts: np.ndarray, classes: Sequence[str]) -> Figure:
    """Draw annotated classes down, predicted ones across; the colour is the share of the annotated class.

    Args:
        counts: (C, C), rows are annotations. classes: names.
    """
    C = len(classes)
    figure = base_figure(
        int(min(110 + 34 * C, 560)),
        left=10,
        right=14,
        top=8,
        bottom=52,
    )
    if not counts.sum():
        return write_note(figure, EMPTY)
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    names = [label(name, 24) for name in classes]
    cells = []
    filled: list[tuple[int, int]] = []
    for i in range(C):
        cells.append([[names[i], names[j], int(counts[i, j])] for j in range(C)])
        filled.extend((i, j) for j in range(C) if counts[i, j])
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
        customdata=cells,
        hovertemplate="annotated %{customdata[0]}, predicted %{customdata[1]}: %{customdata[2]} "
        "(%{z:.1%})<extra></extra>",
    )
    if C <= MANY:
        cell_annotations(figure, np.where(counts, counts, np.nan), shares, "{:,.0f}", size=12)
    filled_cells = []
    for i, j in filled:
        count = int(counts[i, j])
        filled_cells.append([i, j, names[i], names[j], count, float(shares[i, j])])
    # A heat map cannot be clicked: transparent markers over it receive the clicks.
    add_marks(
        figure,
        [j for _, j in filled],
        [i for i, _ in filled],
        GREY,
        max(8, min(30, 400 // C)),
        symbol="square",
        opacity=0,
        customdata=filled_cells,
        hovertemplate="annotated %{customdata[2]}, predicted %{customdata[3]}: %{customdata[4]} "
        "(%{customdata[5]:.1%})<br>click to make them the cohort<extra></extra>",
        **selection(0, 0),
    )
    figure.update_layout(clickmode="event+select")
    ticks = {"tickvals": list(range(C)), "ticktext": names, "ticks": "", "showline": False}
    figure.update_xaxes(title_text="predicted", range=[-0.5, C - 0.5], **ticks)
    figure.update_yaxes(title_text="annotated", range=[C - 0.5, -0.5], **ticks)
    return figure


@checks_arrays()
def roc_curves(roc: Sequence[Curve], pr: Sequence[Curve], chosen: str = "") -> Figure:
    """Draw ROC curves on the left and precision-recall curves on the right, one line per class. The class `chosen` is
    highlighted.

    Args:
        roc: false against true positive rates, with the area. pr: recall against precision, with the average precision.
        chosen: name of the class that stands out.
    """
    figure = base_figure(360, top=26)
    if not roc:
        return write_note(figure, "Curves need samples of a class and of others.")
    plain = {"range": [-0.02, 1.02], "nticks": 5}
    for result, to in ((roc, ""), (pr, "2")):
        for name, x, y, value in sorted(result, key=lambda curve: curve[0] == chosen):
            figure.add_trace(
                {
                    "type": "scatter",
                    "x": x,
                    "y": y,
                    "mode": "lines",
                    "xaxis": f"x{to}",
                    "yaxis": f"y{to}",
                    "line": {"color": INK, "width": 3}
                    if name == chosen
                    else {"color": fade_colour(GREY, 0.7), "width": 1.2},
                    "hovertemplate": f"{label(name)}: %{{x:.3f}}, %{{y:.3f}} ({value:.3f})<extra></extra>",
                }
            )
    add_line(figure, [0, 1], [0, 1], LINE, 1, dash="dot", hoverinfo="skip")
    figure.update_layout(
        xaxis=axis("false positive rate") | plain | {"domain": [0, 0.45]},
        yaxis=axis("true positive rate") | plain,
        xaxis2=axis("recall") | plain | {"domain": [0.57, 1], "anchor": "y2"},
        yaxis2=axis("precision") | plain | {"anchor": "x2"},
    )
    return figure


@checks_arrays(certainty="B", accuracy="B", counts="B")
def calibration_plot(certainty: np.ndarray, accuracy: np.ndarray, counts: np.ndarray) -> Figure:
    """Draw how often it is right against how sure it is; discs are as large as their bins are full.

    Args:
        certainty, accuracy: of every bin, (B,). counts: samples in it, (B,).
    """
    figure = base_figure(360, top=10)
    if not len(counts):
        return write_note(figure, EMPTY)
    add_line(figure, [0, 1], [0, 1], LINE, 1, dash="dot", hoverinfo="skip")
    for x, high, low in zip(
        certainty,
        np.maximum(certainty, accuracy),
        np.minimum(certainty, accuracy),
        strict=True,
    ):
        add_line(figure, [x, x], [low, high], fade_colour(STATE_HUES[0], 0.6), 2, hoverinfo="skip")
    add_line(
        figure,
        certainty,
        accuracy,
        INK,
        1.6,
        mode="lines+markers",
        marker={
            "size": list(6 + 18 * np.sqrt(counts / counts.max())),
            "color": INK,
            "opacity": 1,
            "line": {"width": 0},
        },
        customdata=[f"{count:,} samples" for count in counts],
        hovertemplate="sure %{x:.1%}, right %{y:.1%}, %{customdata}<extra></extra>",
    )
    figure.update_xaxes(
        title_text="mean certainty", range=[-0.02, 1.04], tickformat=".0%", nticks=6
    )
    figure.update_yaxes(
        title_text="share that is right", range=[-0.02, 1.06], tickformat=".0%", nticks=6
    )
    return figure


@checks_arrays(ids="N", truth="N", values="N", inside="N")
def residual_plot(
    ids: Sequence[str], truth: np.ndarray, values: np.ndarray, inside: np.ndarray, unit: str
) -> Figure:
    """Draw the prediction minus annotation against the annotation, the cohort coloured.

    On the right how many are how far off.

    Args:
        ids: of the samples. truth, values: annotations and residuals, (n,). inside: of the cohort, bool (n,).
        unit: axis name of the target.
    """
    figure = base_figure(360, right=12, top=10)
    if not len(values):
        return write_note(figure, EMPTY)
    edges = np.histogram_bin_edges(values, bins="auto" if len(values) < 5000 else 60)
    for chosen, colour, name in ((~inside, GREY, "others"), (inside, INK, "cohort")):
        if chosen.any():
            add_marks(
                figure,
                truth[chosen],
                values[chosen],
                fade_colour(colour, 0.55),
                5,
                customdata=[
                    label(name, 40) for name, stored in zip(ids, chosen, strict=True) if stored
                ],
                hovertemplate=f"%{{customdata}} ({name}): annotated %{{x:.2f}}, off by "
                "%{y:+.2f}<extra></extra>",
            )
            figure.add_bar(
                x=np.histogram(values[chosen], edges)[0],
                y=(edges[1:] + edges[:-1]) / 2,
                orientation="h",
                xaxis="x2",
                marker={"color": colour, "line": {"width": 0}},
                hovertemplate=f"%{{x}} {name}, off by %{{y:+.2f}}<extra></extra>",
            )
    figure.add_shape(segment((0, 1), (0, 0), xref="paper"))
    figure.update_layout(
        bargap=0.05,
        barmode="stack",
        xaxis=axis(f"annotated {label(unit)}") | {"domain": [0, 0.74], "nticks": 7},
        yaxis=axis("prediction − annotation") | {"nticks": 7},
        xaxis2=axis("samples") | {"domain": [0.79, 1], "anchor": "y", "nticks": 4},
    )
    return figure


PART_HUES = {"train": GREY, "valid": SKY, "test": VERMILLION}
BINS = 40


@checks_arrays(names="C", counts="C")
def class_counts(counts: Mapping[str, Sequence[int]], names: Sequence[str]) -> Figure:
    """Draw bars, one a class, stacked by part of the split.

    Args:
        counts: samples of every class, by part. names: of the classes.
    """

    figure = base_figure(
        max(220, 70 + 22 * len(names)),
        left=120,
        legend=True,
        x_title="samples",
        rows=[label(name, 24) for name in names],
    )
    for part, column in counts.items():
        figure.add_trace(
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
        )
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    return figure


@checks_arrays()
def target_histogram(values: Mapping[str, np.ndarray], name: str) -> Figure:
    """Draw shares of the samples in forty bins of the target, a line a part of the split.

    Args:
        values: targets (n,) by part. name: of the target with its unit.
    """

    edges = histogram_edges(values)
    figure = base_figure(
        260,
        legend=True,
        x_title=label(name),
        y_title="share of the part's samples",
        y_axis={"tickformat": ".0%", "rangemode": "tozero"},
    )
    for part, targets_of in values.items():
        add_line(
            figure,
            np.repeat(edges, 2)[1:-1],
            np.repeat(np.histogram(targets_of, edges)[0] / max(1, len(targets_of)), 2),
            PART_HUES.get(part, GREY),
            2,
            name=f"{part} ({len(targets_of):,})",
            hovertemplate=f"%{{x:.2f}}, {part}: %{{y:.1%}}<extra></extra>",
        )
    return figure


def histogram_edges(values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the edges (BINS + 1,) of the bins that `target_histogram` draws."""
    return np.histogram_bin_edges(np.concatenate(list(values.values())), BINS)


MANY = 20  # classes whose counts are still written
EMPTY = "No sample of this cohort."
