"""Slices of the samples with their error rates, and the samples with the largest errors."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._sentences import true_minus
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    BLUE,
    INK,
    LINE,
    QUIET,
    VERMILLION,
    Theme,
    base_figure,
    label,
    name_rows,
    row_axis,
    write_note,
)

# Slices of the samples with how often each is wrong, and the samples of the largest errors.

_CHOSEN = {"selected": {"marker": {"opacity": 1}}, "unselected": {"marker": {"opacity": 1}}}


@checks_arrays(names="S", counts="S", values="S 3")
def error_rates(
    names: Sequence[str],
    counts: Sequence[tuple[int, int]],
    values: np.ndarray,
    overall: float,
    *,
    axis: str = "error rate",
    theme: Theme = "light",
) -> go.Figure:
    """Draw the error rate of every slice with its interval, and that of all as a line.

    `customdata` of a point is the number of its slice.

    Args:
        names: of the slices, from the top. counts: errors and samples of each.
        values: rate and both ends of its interval, (S, 3). overall: of all.
        axis: what the rate is called. theme: of the figure.
    """
    figure = base_figure(theme, 96 + 30 * max(1, len(names)), left=10, right=24, top=24)
    if not len(names):
        return write_note(figure, "No sample to slice.", theme)
    value, low, high = np.asarray(values, dtype=float).T
    tips = [
        f"{label(name)}: {wrong:,} of {count:,} ({rate:.1%}, {a:.1%} to {b:.1%})"
        for name, (wrong, count), rate, a, b in zip(names, counts, value, low, high, strict=True)
    ]
    figure.add_vline(
        x=overall, line={"color": LINE[theme], "width": 1.5, "dash": "dot"}, layer="below"
    )
    figure.add_annotation(
        x=overall,
        y=1,
        yref="paper",
        yanchor="bottom",
        showarrow=False,
        text=f"all {overall:.1%}",
        font={"size": 12, "color": QUIET[theme]},
    )
    for row, hue in enumerate([VERMILLION if a > overall else BLUE for a in low]):
        figure.add_trace(
            {
                "type": "scatter",
                "x": [value[row]],
                "y": [row],
                "mode": "markers",
                "marker": {"size": 12, "color": hue},
                "name": "",
                "error_x": {
                    "type": "data",
                    "array": [high[row] - value[row]],
                    "arrayminus": [value[row] - low[row]],
                    "color": hue,
                    "thickness": 2,
                    "width": 5,
                },
                "customdata": [[row, tips[row]]],
                **_CHOSEN,
                "hovertemplate": "%{customdata[1]}<br>click to make it the cohort<extra></extra>",
            }
        )
    figure.update_layout(clickmode="event+select")
    top = float(min(1.0, max(high.max(), overall)))
    figure.update_xaxes(
        title={"text": label(axis, 90)},
        tickformat=".0%",
        nticks=7,
        range=[-0.03 * max(top, 0.05), 1.06 * max(top, 0.05)],
    )
    figure.update_yaxes(
        **row_axis(
            [
                f"{label(name, 30)}  ({wrong:,} of {count:,})"
                for name, (wrong, count) in zip(names, counts, strict=True)
            ]
        ),
    )
    return figure


@checks_arrays(names="N", errors="N")
def largest_errors(
    names: Sequence[str],
    errors: np.ndarray,
    *,
    notes: Sequence[str] = (),
    axis: str = "error",
    chosen: int | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Draw the largest errors as bars, the worst on top.

    Args:
        names: what is said of each sample, its id first. errors: (n,), with their sign where they have one.
        notes: the text of each sample, on a line of its own; empty for none.
        axis: what an error is, with its unit. chosen: place of the open sample. theme: of the figure.
    """
    row_height = 40 if any(notes) else 24
    figure = base_figure(theme, 74 + row_height * max(1, len(names)), left=10, right=56)
    if not len(names):
        return write_note(figure, "No sample of this cohort.", theme)
    colours = [VERMILLION] * len(names)
    if chosen is not None and 0 <= chosen < len(names):
        colours[chosen] = INK[theme]
    figure.add_bar(
        x=errors,
        y=list(range(len(names))),
        orientation="h",
        width=0.66,
        marker={
            "color": colours,
            "line": {"width": 0},
        },
        customdata=[label(name, 90) for name in names],
        **_CHOSEN,
        hovertemplate="%{customdata}: %{x:.4g}<br>click to open it<extra></extra>",
    )
    # On the right of bars to the left, too: the names of the rows stand on the other side.
    figure.add_scatter(
        x=np.maximum(errors, 0.0),
        y=list(range(len(names))),
        mode="text",
        text=[" " + true_minus(f"{value:.3f}") for value in errors],
        textposition="middle right",
        textfont={"color": INK[theme], "size": 12},
        cliponaxis=False,
        hoverinfo="skip",
    )
    low = min(0.0, float(np.min(errors)))
    high = max(0.0, float(np.max(errors)))
    room = 0.22 * max(high - low, 1e-9)
    figure.update_layout(clickmode="event+select")
    figure.update_xaxes(
        title={"text": label(axis, 90)},
        nticks=7,
        range=[low, high + room],
    )
    figure.update_yaxes(
        **row_axis(name_rows(names, notes)),
    )
    figure.add_vline(x=0, line={"color": LINE[theme], "width": 1}, layer="below")
    return figure
