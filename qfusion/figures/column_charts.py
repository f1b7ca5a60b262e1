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

MOST = 6  # columns
ROOM = 0.12  # of the running totals' range, which a number takes at least
_GAP = 0.022  # between columns, as a share of the width of a column


def _axis_name(column: int) -> str:
    """Return Plotly's name of the x axis of a column, counted from 0."""
    return f"x{column + 1}" if column else "x"


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
    """Draw the waterfalls of several samples in columns, all with the same terms and the same scale.

    Args:
        names: of the samples, one to six.
        dividends: contribution of every coalition, for each sample; the baseline is keyed `""`.
        modalities: in the model's order.
        truths: annotated values, drawn as dotted lines; None for none.
        notes: text below the name of each sample, in lines.
        unit: of the terms.
        quantity: name of the total, "log-odds" or "score".
        theme: of the figure.
    """
    rows, steps, marker = waterfall_steps(dividends, modalities, theme, quantity)
    ends = steps.cumsum(1)
    known_truths = [value for value in truths if value is not None]
    # numbers of negative steps stand left of their bars
    left = (ends - ROOM * np.ptp(ends, axis=None))[steps < 0]
    on_scale = np.r_[0.0, ends.ravel(), known_truths, left]
    figure = _empty_columns(names, notes, rows, on_scale, unit, theme)
    for i, name in enumerate(names):
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
            xaxis=_axis_name(i),
            yaxis="y",
            hovertemplate=f"{label(name)}, %{{customdata}}: %{{text}}<extra></extra>",
        )
    for i, truth in enumerate(truths):
        if truth is None:
            continue
        figure.add_shape(
            type="line",
            x0=truth,
            x1=truth,
            y0=-0.5,
            y1=len(rows) - 0.5,
            xref=_axis_name(i),
            yref="y",
            layer="below",
            line={"color": QUIET[theme], "width": 1.5, "dash": "dot"},
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
    """Draw the same quantities of several samples as bars, one column per sample, on the same scale.

    Args:
        names: of the samples, one to six.
        values: of each sample, by quantity.
        hues: colours by quantity; grey where there is none.
        title: of the axes, with the unit.
        theme: of the figure.
    """
    quantities = list(dict.fromkeys(name for entry in values for name in entry))
    on_scale = [0.0]
    for entry in values:
        on_scale.extend(entry.values())
    rows = [label(quantity, 24) for quantity in quantities]
    figure = _empty_columns(names, (), rows, np.array(on_scale), title, theme)
    for i, entry in enumerate(values):
        own = [quantity for quantity in quantities if quantity in entry]
        lengths = [entry[quantity] for quantity in own]
        places = [quantities.index(quantity) for quantity in own]
        colours = [hues.get(quantity, GREY) for quantity in own]
        figure.add_bar(
            x=lengths,
            y=places,
            orientation="h",
            width=0.6,
            xaxis=_axis_name(i),
            yaxis="y",
            marker={
                "color": colours,
                "line": {"width": 0},
            },
            text=[f"{length:.2f}" for length in lengths],
            textposition="outside",
            cliponaxis=False,
            constraintext="none",
            textfont={"size": 11, "color": INK[theme]},
            hovertemplate=f"{label(names[i])}, %{{y}}: %{{x:.3f}}<extra></extra>",
            customdata=[label(quantity) for quantity in own],
        )
    return figure


def _empty_columns(
    names: Sequence[str],
    notes: Sequence[str],
    rows: Sequence[str],
    values: np.ndarray,
    title: str,
    theme: Theme,
) -> go.Figure:
    """Return a figure of empty columns with their heads, on one scale that holds all values."""
    count = len(names)
    check(0 < count <= MOST, f"Argument `names` must hold 1 to {MOST} samples, but holds {count}.")
    lines = max((note.count("\n") + 1 for note in notes), default=0)
    low = float(values.min())
    high = float(values.max())
    pad = (0.16 + 0.07 * count) * max(high - low, 0.1)
    left_pad = pad if low < 0 else 0.02 * pad
    limits = [low - left_pad, high + pad]
    most_ticks = 4 if count > 3 else 6

    figure = base_figure(
        theme, 88 + 23 * len(rows), left=10, right=10, top=28 + 17 * lines, bottom=48
    )
    for i in range(count):
        start = i + _GAP * (i > 0)
        end = i + 1 - _GAP * (i + 1 < count)
        settings = {
            "domain": [start / count, end / count],
            "anchor": "y",
            "range": limits,
            "nticks": most_ticks,
            "zeroline": True,
            "zerolinecolor": LINE[theme],
        }
        number = i + 1 if i else ""
        figure.update_layout({f"xaxis{number}": axis(theme) | settings})

    font_size = {4: 11, 5: 10, 6: 10}.get(count, 12)
    note_lines = [note.split("\n") for note in notes] or [[]] * count
    for i, name in enumerate(names):
        head = label(name, min(60, 96 // count))
        if count < 4:
            head = f"<b>{head}</b>"
        below = [label(line, 96 // count) for line in note_lines[i]]
        figure.add_annotation(
            x=sum(limits) / 2,
            y=1,
            xref=_axis_name(i),
            yref="paper",
            yanchor="bottom",
            showarrow=False,
            text="<br>".join([head, *below]),
            font={"size": font_size, "color": INK[theme]},
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
    figure.update_yaxes(**row_axis(list(rows)))
    return figure
