"""Waterfalls of two decisions in different units, side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qfusion._checks import check
from qfusion.figures.decision_charts import (
    add_steps,
    range_with_labels,
    waterfall_steps,
)
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import add_note, segment
from qfusion.figures.style import (
    axis,
    base_figure,
    label,
)

PANES = ([0.0, 0.47], [0.53, 1.0])  # parts of the width that two decisions take


@dataclass(frozen=True)
class Decision:
    """A decision in its own unit.

    Attributes:
        title: whose it is. terms: Harsanyi dividends by coalition, the baseline under "". unit: name of the axis.
        errors: standard errors of the terms, or None.
    """

    title: str
    terms: Mapping[str, float]
    unit: str
    errors: Mapping[str, float] | None = None


@checks_arrays()
def waterfall_pair(decisions: Sequence[Decision], modalities: Sequence[str]) -> Figure:
    """Draw waterfalls of two decisions with the same terms in different units, side by side, each on an axis of its
    own. Zero stands at the same place of both.

    Args:
        decisions: both. modalities: fix the colours.
    """
    check(
        len(decisions) == 2 and set(decisions[0].terms) == set(decisions[1].terms),
        "Argument `decisions` must hold two decisions with the same terms.",
    )
    names, steps, marker = waterfall_steps(
        [one.terms for one in decisions], modalities, "sum of all"
    )
    figure = base_figure(96 + 31 * len(names), left=10, top=30, bottom=60, rows=names)
    ranges = []
    for place, (one, own) in enumerate(zip(decisions, steps, strict=True)):
        axes = {} if place == 0 else {"xaxis": "x2", "yaxis": "y"}
        values = add_steps(figure, one.terms, names, own, marker, errors=one.errors, axes=axes)
        ends = np.cumsum(own)
        ranges.append(range_with_labels(values, [*own, ends[-1]], [*ends, ends[-1]], 0.12))
    for place, (one, x_range) in enumerate(zip(decisions, _align_zeros(ranges), strict=True)):
        domain = PANES[place]
        settings = {"domain": domain, "anchor": "y", "range": x_range, "nticks": 6}
        key = "xaxis" if place == 0 else "xaxis2"
        figure.update_layout({key: axis(label(one.unit, 60)) | settings})
        zero = segment(
            (0, 0), (0, 1), xref="x" if place == 0 else "x2", yref="paper", layer="below"
        )
        figure.add_shape(zero)
        add_note(
            figure,
            f"<b>{label(one.title, 50)}</b>",
            domain[0],
            1,
            size=13,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            yshift=6,
        )
    return figure


def _align_zeros(ranges: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return ranges, each widened at one end, in which zero stands at the same part of the length."""
    parts = [-low / (high - low) for low, high in ranges]
    zero = float(np.clip(np.mean(parts), 0.05, 0.95))
    widened = []
    for low, high in ranges:
        length = max(-low / zero, high / (1 - zero))
        widened.append([-zero * length, (1 - zero) * length])
    return widened
