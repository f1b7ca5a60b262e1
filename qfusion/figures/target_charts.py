"""The targets of a data set: class counts and histograms by split."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import GREY, SKY, VERMILLION, Theme, base_figure, label, row_axis

PART_HUES = {"train": GREY, "valid": SKY, "test": VERMILLION}
BINS = 40


@checks_arrays(names="C", counts="C")
def class_counts(
    counts: Mapping[str, Sequence[int]], names: Sequence[str], *, theme: Theme = "light"
) -> go.Figure:
    """Draw bars, one a class, stacked by part of the split.

    Args:
        counts: samples of every class, by part. names: of the classes.
    """

    figure = base_figure(theme, max(220, 70 + 22 * len(names)), left=120, legend=True)
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
    figure.update_xaxes(title={"text": "samples"})
    figure.update_yaxes(**row_axis([label(name, 24) for name in names]))
    return figure


@checks_arrays()
def target_histogram(
    values: Mapping[str, np.ndarray], name: str, *, theme: Theme = "light"
) -> go.Figure:
    """Draw shares of the samples in forty bins of the target, a line a part of the split.

    Args:
        values: targets (n,) by part. name: of the target with its unit.
    """

    edges = histogram_edges(values)
    figure = base_figure(theme, 260, legend=True)
    for part, targets_of in values.items():
        figure.add_trace(
            {
                "type": "scatter",
                "x": np.repeat(edges, 2)[1:-1],
                "y": np.repeat(np.histogram(targets_of, edges)[0] / max(1, len(targets_of)), 2),
                "mode": "lines",
                "name": f"{part} ({len(targets_of):,})",
                "line": {"color": PART_HUES.get(part, GREY), "width": 2},
                "hovertemplate": f"%{{x:.2f}}, {part}: %{{y:.1%}}<extra></extra>",
            }
        )
    figure.update_xaxes(title={"text": label(name)})
    figure.update_yaxes(
        title={"text": "share of the part's samples"}, tickformat=".0%", rangemode="tozero"
    )
    return figure


def histogram_edges(values: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return the edges (BINS + 1,) of the bins that `target_histogram` draws."""
    return np.histogram_bin_edges(np.concatenate(list(values.values())), BINS)


MANY = 20  # classes whose counts are still written
EMPTY = "No sample of this cohort."
