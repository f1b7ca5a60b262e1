"""Two decisions side by side: a common scale, pairs of bars, and differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.decision_charts import (
    add_steps,
    padded_range,
    range_with_labels,
    waterfall_steps,
)
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    PAPER,
    QUIET,
    Theme,
    axis,
    base_figure,
    format_signed,
    label,
    row_axis,
    split_term,
    title_with_unit,
)

PANES = ([0.0, 0.47], [0.53, 1.0])  # parts of the width that two decisions take


def common_range(*decisions: Mapping[str, float], marks: Sequence[float] = ()) -> list[float]:
    """Return an axis range that holds every running total of some waterfalls, and some marks, with room for their
    numbers.
    """
    totals = [
        np.cumsum([terms[term] for term in sorted(terms, key=lambda term: len(split_term(term)))])
        for terms in decisions
    ]
    return padded_range([0.0, *marks, *np.ravel(totals)], 0.3)


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
def waterfall_pair(
    decisions: Sequence[Decision], modalities: Sequence[str], *, theme: Theme = "light"
) -> go.Figure:
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
        [one.terms for one in decisions], modalities, theme, "sum of all"
    )
    figure = base_figure(theme, 96 + 31 * len(names), left=10, top=30, bottom=60)
    ranges = []
    for place, (one, own) in enumerate(zip(decisions, steps, strict=True)):
        axes = {} if place == 0 else {"xaxis": "x2", "yaxis": "y"}
        values = add_steps(
            figure, one.terms, names, own, marker, errors=one.errors, theme=theme, axes=axes
        )
        ends = np.cumsum(own)
        ranges.append(range_with_labels(values, [*own, ends[-1]], [*ends, ends[-1]], 0.12))
    for place, (one, x_range) in enumerate(zip(decisions, _align_zeros(ranges), strict=True)):
        key = "xaxis" if place == 0 else "xaxis2"
        domain = PANES[place]
        figure.update_layout(
            {
                key: axis(theme)
                | {
                    "domain": domain,
                    "anchor": "y",
                    "range": x_range,
                    "title": {
                        "text": label(one.unit, 60),
                        "font": {"size": 13, "color": QUIET[theme]},
                        "standoff": 8,
                    },
                    "nticks": 6,
                }
            }
        )
        figure.add_shape(
            type="line",
            xref="x" if place == 0 else "x2",
            yref="paper",
            x0=0,
            x1=0,
            y0=0,
            y1=1,
            line={"color": LINE[theme], "width": 1},
            layer="below",
        )
        figure.add_annotation(
            x=domain[0],
            y=1,
            xref="paper",
            yref="paper",
            xanchor="left",
            yanchor="bottom",
            yshift=6,
            text=f"<b>{label(one.title, 50)}</b>",
            showarrow=False,
            font={"size": 13, "color": INK[theme]},
        )
    figure.update_yaxes(**row_axis(names))
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


@checks_arrays()
def differences(
    a: Mapping[str, float],
    b: Mapping[str, float],
    modalities: Sequence[str],
    *,
    what: str = "B − A",
    baseline: bool = True,
    unit: str = "score",
    quantity: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Draw B minus A of every term, baseline first and total last; beyond twelve joint terms the smallest are added up.

    Args:
        a, b: dividends keyed by the same coalitions, the baseline under the empty one.
        what: a difference is called. baseline: whether that of the baseline is drawn.
        quantity: what the terms add up to, "log-odds" or "score".
    """
    check(
        set(a) == set(b) and "" in a,
        "Arguments `a` and `b` must have the same terms and a baseline.",
    )
    change = {term: b[term] - a[term] for term in a if term or baseline}
    names, (steps,), marker = waterfall_steps([change], modalities, theme, quantity)
    values = [*steps, steps.sum()]
    reach = 1.4 * max(float(np.abs(values).max()), 0.02)
    figure = base_figure(theme, 72 + 31 * len(names), left=10, top=22, bottom=44)
    figure.add_bar(
        x=values,
        y=list(range(len(names))),
        orientation="h",
        width=0.62,
        text=[format_signed(value) for value in values],
        textposition="outside",
        cliponaxis=False,
        constraintext="none",
        textfont={"size": 12, "color": INK[theme]},
        marker=marker,
        hovertemplate=f"{what}: %{{x:+.3f}}<extra></extra>",
    )
    figure.update_xaxes(range=[-reach, reach], title={"text": title_with_unit(what, unit)})
    figure.update_yaxes(
        **row_axis(names),
    )
    figure.add_vline(x=0, line={"color": LINE[theme], "width": 1}, layer="below")
    return figure


@checks_arrays()
def bar_pairs(
    a: Mapping[str, float],
    b: Mapping[str, float],
    hues: Mapping[str, str],
    x_title: str,
    *,
    percent: bool = False,
    theme: Theme = "light",
) -> go.Figure:
    """Draw two bars for each name, A outlined and B filled, with the numbers.

    A name that one side does not have gets one bar.
    """
    names = list(dict.fromkeys([*a, *b]))
    figure = base_figure(theme, 88 + 44 * len(names), left=10, right=20, legend=True)
    write = "{:.0%}" if percent else "{:.2f}"
    for numbers, shift, filled, side in ((a, -0.19, False, "A"), (b, 0.19, True, "B")):
        known = [i for i, name in enumerate(names) if name in numbers]
        lengths = [numbers[names[i]] for i in known]
        colours = [hues.get(names[i], GREY) for i in known]
        if filled:
            fills = colours
        else:
            fills = [PAPER[theme]] * len(known)
        figure.add_bar(
            x=lengths,
            y=np.array(known) + shift,
            orientation="h",
            width=0.34,
            name=side,
            showlegend=False,
            marker={
                "color": fills,
                "line": {"color": colours, "width": 2},
            },
            text=[f"{side} {write.format(length)}" for length in lengths],
            textposition="outside",
            constraintext="none",
            cliponaxis=False,
            textfont={"size": 11, "color": INK[theme]},
            hovertemplate=f"{side}: %{{x:.3f}}<extra></extra>",
        )
        figure.add_bar(
            x=[None],
            y=[None],
            name=side,
            marker={
                "color": INK[theme] if filled else PAPER[theme],
                "line": {"color": INK[theme], "width": 2},
            },
        )
    values = [*a.values(), *b.values()]
    top = max([*values, 0.02])
    low = min([*values, 0.0])
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(
        title={"text": label(x_title, 90)},
        range=[1.25 * low, 1.25 * top],
        **({"tickformat": ".0%"} if percent else {}),
    )
    figure.update_yaxes(
        **row_axis([label(name, 24) for name in names], 0.45, 0.55),
    )
    return figure
