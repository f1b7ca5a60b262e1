"""Contributions of groups of clips, with intervals, beside the mean of all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    INK,
    PAPER,
    QUIET,
    add_panes,
    base_figure,
    label,
    row_axis,
    term_title,
)

ROW = 26  # pixels of a group


@checks_arrays("terms", groups="G", terms="G 3")
def group_contributions(
    groups: Sequence[str],
    sizes: Sequence[int],
    terms: Mapping[str, np.ndarray],
    overall: Mapping[str, float],
    differs: Mapping[str, Sequence[bool]],
    *,
    hues: Mapping[str, str],
    x_title: str,
) -> go.Figure:
    """Draw one plot per term, with a row per group: its mean with the interval, over a line at the mean of all.

    Args:
        groups: names of the rows. sizes: numbers of their clips.
        terms: by term, (G, 3): value, low and high; the ends are NaN where there is no interval.
        overall: mean of all, by term. differs: by term, which groups are filled, since they are shown to differ.
        hues: colour of each term.
    """
    check(len(sizes) == len(groups), "Arguments `groups` and `sizes` must have one length.")
    check(set(terms) == set(overall) == set(differs), "All arguments must have the same terms.")
    figure = base_figure(96 + ROW * len(groups), left=10, right=12, top=6, bottom=46)
    places = add_panes(
        figure,
        [f"<b>{term_title(name)}</b>" for name in terms],
        len(terms),
        x_title=label(x_title, 90),
        y_title="",
    )
    ends = np.concatenate([np.ravel(values) for values in terms.values()])
    ends = np.array([*ends[np.isfinite(ends)], *overall.values(), 0.0])
    room = 0.06 * max(float(np.ptp(ends)), 1e-9)
    x_range = [float(ends.min()) - room, float(ends.max()) + room]
    for number, ((name, values), place) in enumerate(zip(terms.items(), places, strict=True)):
        known = np.isfinite(values).all(1)
        hue = hues[name]
        for at, style in ((overall[name], "dash"), (0.0, "dot")):
            figure.add_scatter(
                x=[at, at],
                y=[-0.5, len(groups) - 0.5],
                mode="lines",
                line={"color": hue if style == "dash" else QUIET, "width": 1, "dash": style},
                hoverinfo="skip",
                **place,
            )
        figure.add_scatter(
            x=values[:, 0],
            y=list(range(len(groups))),
            mode="markers",
            customdata=[label(group, 60) for group in groups],
            marker={
                "size": 9,
                "color": [hue if filled else PAPER for filled in differs[name]],
                "line": {"width": 2, "color": hue},
            },
            error_x={
                "type": "data",
                "array": np.where(known, values[:, 2] - values[:, 0], 0).clip(0),
                "arrayminus": np.where(known, values[:, 0] - values[:, 1], 0).clip(0),
                "color": hue,
                "thickness": 2,
                "width": 4,
            },
            hovertemplate="%{customdata}: %{x:+.3f}<extra></extra>",
            **place,
        )
        rows = row_axis(
            [f"{label(group, 22)} ({size:,})" for group, size in zip(groups, sizes, strict=True)]
        )
        axis = place["yaxis"].replace("y", "yaxis")
        figure.update_layout(
            {
                axis: rows | {"showticklabels": number == 0},
                axis.replace("y", "x", 1): {"range": x_range, "nticks": 4, "tickangle": 0},
            }
        )
    figure.update_layout(showlegend=False, font={"color": INK})
    return figure
