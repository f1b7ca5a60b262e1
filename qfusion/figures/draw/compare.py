"""Two decisions side by side: one common scale, pairs of bars, and differences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.draw.decision import MAX_JOINT
from qfusion.figures.finite import drawing
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    PAPER,
    Theme,
    base,
    faded,
    label,
    signed,
    split_term,
    term_colour,
    term_title,
)


def common_range(*decisions: Mapping[str, float], marks: Sequence[float] = ()) -> list[float]:
    """An axis range that holds every running total of some waterfalls, and some marks, with room for their numbers."""
    reached = [0.0, *marks]
    for terms in decisions:
        steps = np.array(
            [
                terms[""],
                *(
                    terms[t]
                    for t in sorted((t for t in terms if t), key=lambda t: len(split_term(t)))
                ),
            ]
        )
        reached += np.cumsum(steps).tolist()
    low, high = min(reached), max(reached)
    pad = 0.3 * max(high - low, 0.1)
    return [low - pad, high + pad]


@drawing()
def differences(
    a: Mapping[str, float],
    b: Mapping[str, float],
    modalities: Sequence[str],
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """B minus A of every term, baseline first and score last; beyond twelve joint terms the smallest are added up.

    Args:
        a, b: dividends keyed by the same coalitions, the baseline under the empty one.
    """
    check(
        set(a) == set(b) and "" in a,
        "Arguments `a` and `b` must have the same terms and a baseline.",
    )
    change = {term: b[term] - a[term] for term in a}
    joint = sorted(
        (term for term in change if len(split_term(term)) > 1), key=lambda term: -abs(change[term])
    )
    rest = joint[MAX_JOINT:] if len(joint) > MAX_JOINT + 1 else []
    terms = sorted(
        (term for term in change if term and term not in rest),
        key=lambda term: len(split_term(term)),
    )
    values = [
        change[""],
        *(change[term] for term in terms),
        *([sum(change[term] for term in rest)] if rest else []),
        sum(change.values()),
    ]
    names = [
        "baseline",
        *map(term_title, terms),
        *([f"{len(rest)} other joint terms"] if rest else []),
        "<b>score</b>",
    ]
    hues = [
        GREY,
        *(term_colour(term, modalities) for term in terms),
        *([GREY] if rest else []),
        INK[theme],
    ]
    hatched = [
        False,
        *(len(split_term(term)) > 1 for term in terms),
        *([True] if rest else []),
        False,
    ]
    figure = base(theme, 72 + 31 * len(names), left=10, top=22, bottom=44)
    figure.add_bar(
        x=values,
        y=list(range(len(names))),
        orientation="h",
        width=0.62,
        text=[signed(value) for value in values],
        textposition="outside",
        cliponaxis=False,
        constraintext="none",
        textfont={"size": 12, "color": INK[theme]},
        marker={
            "color": [faded(hue, 0.55) if h else hue for hue, h in zip(hues, hatched, strict=True)],
            "line": {"color": hues, "width": 1.5},
            "pattern": {
                "shape": ["/" if h else "" for h in hatched],
                "fgcolor": hues,
                "bgcolor": PAPER[theme],
                "solidity": 0.4,
                "size": 7,
            },
        },
        hovertemplate="B − A: %{x:+.3f}<extra></extra>",
    )
    reach = 1.4 * max(float(np.abs(values).max()), 0.02)
    figure.update_xaxes(range=[-reach, reach], title={"text": f"B − A ({label(unit)})"})
    figure.update_yaxes(
        range=[len(names) - 0.5, -0.5],
        showline=False,
        ticks="",
        tickvals=list(range(len(names))),
        ticktext=names,
    )
    figure.add_vline(x=0, line={"color": LINE[theme], "width": 1}, layer="below")
    return figure


@drawing()
def pairs(
    a: Mapping[str, float],
    b: Mapping[str, float],
    hues: Mapping[str, str],
    x_title: str,
    *,
    percent: bool = False,
    theme: Theme = "light",
) -> go.Figure:
    """For each name two bars, A outlined and B filled, with the numbers; a name that one side does not have gets one
    bar."""
    names = list(dict.fromkeys([*a, *b]))
    rows = np.arange(len(names))
    figure = base(theme, 88 + 44 * len(names), left=10, right=20, legend=True)
    write = "{:.0%}" if percent else "{:.2f}"
    for found, shift, filled, side in ((a, -0.19, False, "A"), (b, 0.19, True, "B")):
        known = [i for i, name in enumerate(names) if name in found]
        colours = [hues.get(names[i], GREY) for i in known]
        figure.add_bar(
            x=[found[names[i]] for i in known],
            y=rows[known] + shift,
            orientation="h",
            width=0.34,
            name=side,
            showlegend=False,
            marker={
                "color": colours if filled else [PAPER[theme]] * len(known),
                "line": {"color": colours, "width": 2},
            },
            text=[f"{side} {write.format(found[names[i]])}" for i in known],
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
    top, low = max([*values, 0.02]), min([*values, 0.0])
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(
        title={"text": label(x_title, 90)},
        range=[1.25 * low, 1.25 * top],
        **({"tickformat": ".0%"} if percent else {}),
    )
    figure.update_yaxes(
        tickvals=rows,
        ticktext=[label(name, 24) for name in names],
        range=[len(names) - 0.45, -0.55],
        showline=False,
        ticks="",
        ticklabelstandoff=6,
    )
    return figure
