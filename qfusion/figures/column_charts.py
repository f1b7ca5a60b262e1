"""Several samples side by side: their contributions and other numbers in columns on one scale."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.decision_charts import waterfall_steps
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    QUIET,
    Theme,
    axis,
    base_figure,
    format_signed,
    halo,
    label,
    row_axis,
)

# Some samples side by side: their decisions term by term, and other numbers, in columns on the same scale.

MOST = 6  # columns
_GAP = 0.022


@checks_arrays(names="N", dividends="N")
def decision_columns(
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
    rows, steps, marker = waterfall_steps(dividends, modalities, theme, quantity)
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
            text=[format_signed(value) for value in widths],
            textposition="outside",
            cliponaxis=False,
            constraintext="none",
            textfont={"size": 11, "color": INK[theme], "shadow": halo(theme)},
            customdata=rows,
            xaxis=f"x{i + 1}" if i else "x",
            yaxis="y",
            hovertemplate=f"{label(names[i])}, %{{customdata}}: %{{text}}<extra></extra>",
        )
    figure.update_layout(
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
    return figure


@checks_arrays(names="N", values="N")
def bar_columns(
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
    low = float(values.min())
    high = float(values.max())
    pad = (0.16 + 0.07 * count) * max(high - low, 0.1)
    limits = [low - (pad if low < 0 else 0.02 * pad), high + pad]
    heads = [label(name, min(60, 96 // count)) for name in names]
    if count < 4:
        heads = [f"<b>{head}</b>" for head in heads]
    below = [note.split("\n") for note in notes] or [[]] * count
    figure = base_figure(
        theme, 88 + 23 * len(rows), left=10, right=10, top=28 + 17 * lines, bottom=48
    )
    figure.update_layout(
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
    figure.update_yaxes(**row_axis(list(rows)), ticklabelstandoff=6)
    return figure
