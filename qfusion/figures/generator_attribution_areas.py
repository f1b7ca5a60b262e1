"""The parts of one contribution that the generator terms built, as stacked areas over time."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._sentences import true_minus
from qfusion.figures.generator_attribution import OTHERS
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    INK,
    QUIET,
    Theme,
    base_figure,
    fade_colour,
    halo,
    label,
    split_term,
    term_title,
    title_with_unit,
)
from qfusion.figures.time_lines import TIME, draw_time_cursor, time_range

LABELLED = 0.08  # share of all areas from which one has room for its name
ROUNDING = 1e-12  # of the largest: what is smaller differs from machine to machine, and is nothing
SHOWN = 6  # terms with an area of their own


@checks_arrays(times="T", titles="G", hues="G", added="T G")
def attribution_areas(
    times: np.ndarray,
    added: np.ndarray,
    titles: Sequence[str],
    hues: Sequence[str],
    dividend: str,
    *,
    start: float = 0.0,
    cursor: float | None = None,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Draw one dividend over time as stacked areas. What was added is above its start, and what was taken away is
    below.

    The line is what is left.

    Args:
        times: (nT,). added: by each term until then, (nT, G). titles, hues: of the terms, (G,); see `term_styles`.
        dividend: the coalition. start: the dividend without evolution.
    """
    figure = base_figure(theme, 360, left=66, right=20, top=8, legend=True)
    folded = _fold_small_terms(
        np.where(np.abs(added) > ROUNDING * np.abs(added).max(initial=0), added, 0.0), titles, hues
    )
    room = LABELLED * sum(float(np.abs(part[-1])) for *_, part in folded)
    named: list[tuple[float, str]] = []  # areas that are wide enough at the end for their name
    for side in (1.0, -1.0):
        level = np.full(len(times), float(start))
        for name, hue, part in folded:
            piece = side * np.maximum(side * part, 0.0)
            # once, on the side it is first seen on
            keyed = (np.abs(part).max(initial=0) > 0) and (side > 0) == (part.max(initial=0) > 0)
            if piece.any() or keyed:
                figure.add_scatter(
                    x=np.concatenate([times, times[::-1]]),
                    y=np.concatenate([level, (level + piece)[::-1]]),
                    mode="lines",
                    line={"width": 0.6, "color": fade_colour(hue, 0.95)},
                    fill="toself",
                    fillcolor=fade_colour(hue, 0.62),
                    name=label(name),
                    legendgroup=label(name),
                    showlegend=bool(keyed),
                    hoverinfo="skip",
                )
            if abs(piece[-1]) > max(room, 1e-12):
                named.append((float(level[-1] + piece[-1] / 2), label(name, 30)))
            level = level + piece
    lines = start + np.sum(added, 1)
    figure.add_scatter(
        x=times,
        y=lines,
        mode="lines",
        line={"width": 2.6, "color": INK[theme]},
        customdata=[
            "<br>".join(
                [
                    true_minus(f"{term_title(dividend)} {value:+.3f}"),
                    *(true_minus(f"{label(name)} {part[n]:+.3f}") for name, _, part in folded),
                ]
            )
            for n, value in enumerate(lines)
        ],
        name=term_title(dividend),
        hovertemplate="t = %{x:.2f}: %{customdata}<extra></extra>",
    )
    figure.add_scatter(
        x=[times[0], times[-1]],
        y=[start, start],
        mode="lines",
        line={"width": 1.2, "color": QUIET[theme], "dash": "dot"},
        name="without evolution",
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[float(times[-1])] * len(named),
        y=[y for y, _ in named],
        mode="text",
        text=[f"{name}  " for _, name in named],
        textposition="middle left",
        textfont={"size": 11, "color": INK[theme], "shadow": halo(theme)},
        hoverinfo="skip",
        showlegend=False,
    )
    figure.update_layout(
        dragmode="zoom",
        xaxis={"title": {"text": TIME}, "range": time_range(times)},
        yaxis={
            "title": {"text": title_with_unit(" + ".join(split_term(dividend)) or "baseline", unit)}
        },
    )
    return draw_time_cursor(figure, cursor, theme)


def _fold_small_terms(
    added: np.ndarray, titles: Sequence[str], hues: Sequence[str]
) -> list[tuple[str, str, np.ndarray]]:
    """Return the name, colour and series of the largest terms, in the given order, and of the sum of all others."""
    largest = np.argsort(-np.abs(added).max(0, initial=0), kind="stable")[:SHOWN]
    others = np.setdiff1d(np.arange(len(titles)), largest)
    series = [(titles[g], hues[g], added[:, g]) for g in sorted(largest.tolist())]
    if len(others):
        series.append((f"{len(others)} others", OTHERS, added[:, others].sum(1)))
    return series
