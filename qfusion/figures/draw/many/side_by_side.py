"""Some samples side by side: their decisions term by term, and other numbers, in columns on the same scale."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.draw.decision import condensed, hatched
from qfusion.figures.finite import drawing
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    QUIET,
    Theme,
    axis,
    base,
    halo,
    label,
    signed,
    split_term,
    term_colour,
    term_title,
)

MOST = 6  # columns
_GAP = 0.022


@drawing()
def decisions(
    names: Sequence[str],
    dividends: Sequence[Mapping[str, float]],
    modalities: Sequence[str],
    *,
    truths: Sequence[float | None] = (),
    notes: Sequence[str] = (),
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """A waterfall a column, all with the same terms and the same scale.

    Args:
        names: of the samples, one to six. dividends: of each, the baseline under "".
        modalities: in the model's order. truths: annotated values, drawn as dotted lines; None for none.
        notes: what is said of each below its name, in lines. unit: of the scores. theme: of the figure.
    """
    check(len(names) == len(dividends), "Arguments `names` and `dividends` must have one length.")
    shown, rest = condensed(dividends)
    steps = np.array(
        [
            [
                found[""],
                *(found[term] for term in shown),
                *([sum(found[term] for term in rest)] if rest else []),
            ]
            for found in dividends
        ]
    )
    ends = steps.cumsum(1)
    rows = [
        "baseline",
        *(term_title(term) for term in shown),
        *([f"{len(rest)} other joint terms"] if rest else []),
        "<b>score</b>",
    ]
    marks = [value for value in truths if value is not None]
    figure = _columns(names, notes, rows, np.r_[0.0, ends.ravel(), marks], unit, theme)
    terms = ["", *shown, *(["+".join(modalities)] if rest else [])]
    hues = [GREY, *(term_colour(term, modalities) for term in terms[1:]), INK[theme]]
    joint = [len(split_term(term)) > 1 for term in terms] + [False]
    for i in range(len(names)):
        to = {"xaxis": f"x{i + 1}" if i else "x", "yaxis": "y"}
        widths = np.r_[steps[i], ends[i, -1]]
        figure.add_bar(
            x=widths,
            y=list(range(len(rows))),
            base=np.r_[0.0, ends[i, :-1], 0.0],
            orientation="h",
            width=0.62,
            marker=hatched(hues, joint, theme),
            text=[signed(value) for value in widths],
            textposition="outside",
            cliponaxis=False,
            constraintext="none",
            textfont={"size": 11, "color": INK[theme], "shadow": halo(theme)},
            customdata=rows,
            **to,
            hovertemplate=f"{label(names[i])}, %{{customdata}}: %{{text}}<extra></extra>",
        )
        if i < len(truths) and truths[i] is not None:
            figure.add_shape(
                type="line",
                x0=truths[i],
                x1=truths[i],
                y0=-0.5,
                y1=len(rows) - 0.5,
                xref=to["xaxis"],
                yref="y",
                layer="below",
                line={"color": QUIET[theme], "width": 1.5, "dash": "dot"},
            )
    return figure


@drawing()
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
    check(len(names) == len(values), "Arguments `names` and `values` must have one length.")
    parts = list(dict.fromkeys(part for each in values for part in each))
    every = [value for each in values for value in each.values()]
    figure = _columns(
        names, (), [label(part, 24) for part in parts], np.array([0.0, *every]), title, theme
    )
    for i, each in enumerate(values):
        own = [part for part in parts if part in each]
        figure.add_bar(
            x=[each[part] for part in own],
            y=[parts.index(part) for part in own],
            orientation="h",
            width=0.6,
            xaxis=f"x{i + 1}" if i else "x",
            yaxis="y",
            marker={"color": [hues.get(part, GREY) for part in own], "line": {"width": 0}},
            text=[f"{each[part]:.2f}" for part in own],
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
    figure = base(theme, 88 + 23 * len(rows), left=10, right=10, top=28 + 17 * lines, bottom=48)
    low, high = float(values.min()), float(values.max())
    pad = (0.16 + 0.07 * count) * max(high - low, 0.1)
    limits = [low - (pad if low < 0 else 0.02 * pad), high + pad]
    for i in range(count):
        domain = [(i + _GAP * (i > 0)) / count, (i + 1 - _GAP * (i + 1 < count)) / count]
        figure.update_layout(
            {
                f"xaxis{i + 1 if i else ''}": axis(theme)
                | {
                    "domain": domain,
                    "anchor": "y",
                    "range": limits,
                    "nticks": 4 if count > 3 else 6,
                    "zeroline": True,
                    "zerolinecolor": LINE[theme],
                }
            }
        )
        name = label(name_of(names[i], count))
        head = "<br>".join(
            [
                f"<b>{name}</b>" if count < 4 else name,
                *(label(line, 96 // count) for line in (notes[i].split("\n") if notes else ())),
            ]
        )
        figure.add_annotation(
            x=sum(limits) / 2,
            y=1,
            xref=f"x{i + 1}" if i else "x",
            yref="paper",
            yanchor="bottom",
            showarrow=False,
            text=head,
            font={"size": {4: 11, 5: 10, 6: 10}.get(count, 12), "color": INK[theme]},
        )
    figure.add_annotation(
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
    figure.update_yaxes(
        tickvals=list(range(len(rows))),
        ticktext=list(rows),
        ticks="",
        showline=False,
        range=[len(rows) - 0.5, -0.5],
        ticklabelstandoff=6,
    )
    return figure


def name_of(name: str, count: int) -> str:
    """Returns a sample's name as short as its column asks for."""
    words = " ".join(str(name).split())
    most = 96 // count
    return words if len(words) <= most else words[: most - 1] + "…"
