"""What is to be predicted in a data set: samples a class, or the distribution of a number, by part of the split."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.style import GREY, SKY, VERMILLION, Theme, base, label

HUES = {"train": GREY, "valid": SKY, "test": VERMILLION}
BINS = 40


def classes(counts: Mapping[str, Sequence[int]], names: Sequence[str], *, theme: Theme = "light") -> go.Figure:
    """Bars, one a class, stacked by part of the split.

    Args:
        counts: samples of every class, by part. names: of the classes.
    """
    check(all(len(found) == len(names) for found in counts.values()),
          f"Argument `counts` must hold {len(names)} numbers a part.")
    figure = base(theme, max(220, 70 + 22 * len(names)), left=120, legend=True)
    shown = [label(name, 24) for name in names]
    for part, found in counts.items():
        figure.add_bar(y=shown, x=list(found), orientation="h", name=part, marker={"color": HUES.get(part, GREY)},
                       hovertemplate=f"%{{y}}, {part}: %{{x:,}} samples<extra></extra>")
    figure.update_layout(barmode="stack", legend_traceorder="normal")
    figure.update_xaxes(title={"text": "samples"})
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


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
        figure.add_scatter(x=np.repeat(edges, 2)[1:-1], y=np.repeat(shares, 2), mode="lines",
                           name=f"{part} ({len(found):,})", line={"color": HUES.get(part, GREY), "width": 2},
                           hovertemplate=f"%{{x:.2f}}, {part}: %{{y:.1%}}<extra></extra>")
    figure.update_xaxes(title={"text": label(name)})
    figure.update_yaxes(title={"text": "share of the part's samples"}, tickformat=".0%", rangemode="tozero")
    return figure


def histogram_edges(values: Mapping[str, np.ndarray]) -> np.ndarray:
    """The edges (BINS + 1,) of the bins that `targets` draws."""
    found = [part for part in values.values() if len(part)]
    low, high = min(float(part.min()) for part in found), max(float(part.max()) for part in found)
    return np.linspace(low, high if high > low else low + 1, BINS + 1)
