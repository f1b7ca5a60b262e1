"""A map of samples, one point each, the samples nearest to one, and slices with their error rates."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion._sentences import true_minus
from qfusion.figures.colours import SIGNED_SCALE
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import (
    add_head,
    add_legend_mark,
    add_marks,
    add_row_bars,
    add_texts,
    add_vertical_rule,
    error_bars,
    outside_texts,
    selection,
)
from qfusion.figures.style import (
    GREY,
    INK,
    PAPER,
    QUIET,
    STATE_HUES,
    UNSIGNED_SCALE,
    Attributes,
    add_ring,
    base_figure,
    label,
    name_rows,
    row_axis,
    write_note,
)

# A map of samples: a point each, coloured by a number or by what it belongs to; and the samples nearest to one.

GROUP_HUES = (*STATE_HUES, INK)  # of no modality: groups may be classes
SHAPES = ("circle", "diamond", "square", "triangle-up", "cross")
WRONG = STATE_HUES[0]  # of errors
MAX_GROUPS = len(GROUP_HUES) * len(SHAPES)
_CHOSEN = selection(1, 0.4)


@checks_arrays("values", ids="N", xy="N 2", values="N", inside="N")
def sample_scatter(
    ids: Sequence[str],
    xy: np.ndarray,
    values: np.ndarray,
    inside: np.ndarray,
    *,
    names: Sequence[str] = (),
    hues: Sequence[str] = (),
    by: str = "",
    titles: tuple[str, str] = ("", ""),
    tips: Sequence[str] = (),
    chosen: str | None = None,
) -> Figure:
    """Draw every sample as a point with its id in `customdata`; those outside the cohort small and faint, one ringed.

    Args:
        ids: of the samples, (N,). xy: places, (N, 2).
        values: numbers (N,), or where there are `names` the place of each sample's group among them.
        inside: which belong to the cohort, bool (N,).
        names: of groups, at most `MAX_GROUPS`; without, `values` are coloured by a scale.
        hues: a colour a group; in their usual order unless told.
        by: what the colours tell.
        titles: of the axes.
        tips: what a point says when it is pointed at, after its id, from data: made harmless here.
        chosen: id of the sample with a ring.
    """
    check(
        len(names) <= MAX_GROUPS,
        f"Argument `names` holds {len(names)} groups, and at most {MAX_GROUPS} are told apart.",
    )
    across, up = ({"title": {"text": label(title, 90)}, "nticks": 7} for title in titles)
    figure = base_figure(360, legend=bool(names), top=38)
    figure.update_layout(dragmode="lasso", clickmode="event+select", xaxis=across, yaxis=up)
    if not len(ids):
        return write_note(figure, "No sample of this split is explained.")
    texts = [
        f"<b>{label(name)}</b>" + (f"<br>{label(tip, 160)}" if tip else "")
        for name, tip in zip(ids, tips or [""] * len(ids), strict=True)
    ]
    part = not inside.all()
    kinds: list[tuple[int | None, np.ndarray]] = [(k, values == k) for k in range(len(names))] or [
        (None, np.isfinite(values)),
        (None, ~np.isfinite(values)),
    ]
    groups = [
        (within, k, (inside == within) & own)
        for within in ((False, True) if part else (True,))
        for k, own in kinds
    ]
    for within, k, own in groups:
        if own.any():
            figure.add_trace(
                {
                    "type": "scatter",
                    "x": xy[own, 0],
                    "y": xy[own, 1],
                    "mode": "markers",
                    "customdata": list(itertools.compress(ids, own)),
                    "text": list(itertools.compress(texts, own)),
                    "name": label(by if k is None else names[k], 24),
                    "showlegend": False,
                    "marker": _marker(values[own], k, within, part, hues, values, by),
                    **_CHOSEN,
                    "hovertemplate": "%{text}<br>click to open it<extra></extra>",
                }
            )
    for k, name in enumerate(names):
        add_legend_mark(
            figure,
            label(name, 24),
            {"size": 9, "color": _hue(k, hues), "symbol": SHAPES[k // len(GROUP_HUES)]},
        )  # the legend's points are as strong as those of the cohort
    return add_ring(
        figure,
        ids,
        xy[:, 0],
        xy[:, 1],
        chosen,
        INK,
        17,
        showlegend=False,
        name="this sample",
        **_CHOSEN,
    )


def _hue(k: int, hues: Sequence[str]) -> str:
    return hues[k] if k < len(hues) else GROUP_HUES[k % len(GROUP_HUES)]


def _marker(
    own: np.ndarray,
    k: int | None,
    within: bool,
    part: bool,
    hues: Sequence[str],
    every: np.ndarray,
    by: str,
) -> Attributes:
    if within:
        size = 8 if part else 7
    else:
        size = 5
    if k is not None or not np.isfinite(own).any():  # a gap is no number of the scale
        return {
            "size": size,
            "color": GREY if k is None else _hue(k, hues),
            "opacity": 0.75 if within else 0.25,
            "line": {"width": 0},
            "symbol": SHAPES[(k or 0) // len(GROUP_HUES)],
        }
    known = every[np.isfinite(every)]
    scale: Any = UNSIGNED_SCALE
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 1.0)
    if low < 0 < high:
        low, high, scale = -max(-low, high), max(-low, high), SIGNED_SCALE
    return {
        "size": size,
        "color": own.tolist(),
        "colorscale": scale,
        "cmin": low,
        "cmax": high if high > low else low + 1,
        "showscale": within,
        "opacity": 0.9 if within else 0.3,
        "colorbar": {
            "thickness": 12,
            "outlinewidth": 0,
            "len": 0.9,
            "nticks": 6,
            "title": {"text": label(by, 40), "side": "right"},
        },
        "line": {"width": 0.5, "color": GREY},
    }


@checks_arrays("typical", names="N", distances="N", right="N")
def nearest_bars(
    names: Sequence[str],
    distances: np.ndarray,
    right: Sequence[bool | None],
    *,
    notes: Sequence[str] = (),
    ends: Sequence[str] = (),
    axis: str = "distance",
    typical: float = float("nan"),
    empty: str = "There is no other sample.",
) -> Figure:
    """Draw the distances of the nearest samples as bars, the nearest on top; a dotted line at the median distance of
    all, or its value at the edge where it is beyond the bars.

    Args:
        names: what is said of each, its id first. distances: (n,).
        right: whether each was predicted rightly; None where that is no question.
        notes: the text of each sample, on a line of its own; empty for none.
        ends: what stands behind the number of each bar.
        axis: title of the distances. typical: median distance of all samples, NaN for none.
        empty: what an empty figure says.
    """
    row_height = 40 if any(notes) else 27
    figure = base_figure(
        92 + row_height * max(1, len(names)),
        left=10,
        right=56,
        top=22,
    )
    if not len(names):
        figure.update_xaxes(visible=False).update_yaxes(visible=False)
        return write_note(figure, empty)
    hues = []
    patterns = []
    for entry in right:
        if entry is False:
            hues.append(WRONG)
            patterns.append("/")
        else:
            hues.append(GREY)
            patterns.append("")
    add_row_bars(
        figure,
        distances,
        {
            "color": hues,
            "line": {"width": 0},
            "pattern": {
                "shape": patterns,
                "fgcolor": hues,
                "bgcolor": PAPER,
                "solidity": 0.5,
            },
        },
        width=0.62,
        customdata=[label(name, 90) for name in names],
        **_CHOSEN,
        hovertemplate="%{customdata}: %{x:.4g}<br>click to open it<extra></extra>",
        **outside_texts(
            [
                f"{value:.3g}" + (f"  {label(end)}" if end else "")
                for value, end in zip(distances, ends or [""] * len(names), strict=True)
            ]
        ),
    )
    end = 1.15 * max(float(np.max(distances)), 1e-9)
    if typical <= end:
        add_vertical_rule(figure, typical, width=1.5, dash="dot")
        add_head(figure, f"median of all {typical:.3g}", typical)
    elif np.isfinite(typical):
        add_head(figure, f"median of all {typical:.3g} →", end, xanchor="right")
    figure.update_layout(clickmode="event+select")
    figure.update_xaxes(title_text=label(axis), range=[0, end], nticks=7)
    figure.update_yaxes(**row_axis(name_rows(names, notes)))
    if any(ends):
        figure.update_xaxes(domain=[0, 0.66])
    return figure


# Slices of the samples with how often each is wrong, and the samples of the largest errors.

_OPAQUE = selection(1, 1)


@checks_arrays(names="S", counts="S", values="S 3")
def error_rates(
    names: Sequence[str],
    counts: Sequence[tuple[int, int]],
    values: np.ndarray,
    overall: float,
    *,
    axis: str = "error rate",
) -> Figure:
    """Draw the error rate of every slice with its interval, and that of all as a line.

    `customdata` of a point is the number of its slice.

    Args:
        names: of the slices, from the top. counts: errors and samples of each.
        values: rate and both ends of its interval, (S, 3). overall: of all.
        axis: what the rate is called.
    """
    figure = base_figure(
        96 + 30 * max(1, len(names)),
        left=10,
        right=24,
        top=24,
    )
    if not len(names):
        return write_note(figure, "No sample to slice.")
    value, low, high = np.asarray(values, dtype=float).T
    tips = [
        f"{label(name)}: {wrong:,} of {count:,} ({rate:.1%}, {a:.1%} to {b:.1%})"
        for name, (wrong, count), rate, a, b in zip(names, counts, value, low, high, strict=True)
    ]
    add_vertical_rule(figure, overall, width=1.5, dash="dot")
    add_head(figure, f"all {overall:.1%}", overall, hue=QUIET)
    for row, hue in enumerate([WRONG if a > overall else GREY for a in low]):
        add_marks(
            figure,
            [value[row]],
            [row],
            hue,
            12,
            name="",
            error_x=error_bars(
                [high[row] - value[row]], hue, minus=[value[row] - low[row]], width=5
            ),
            customdata=[[row, tips[row]]],
            **_OPAQUE,
            hovertemplate="%{customdata[1]}<br>click to make it the cohort<extra></extra>",
        )
    figure.update_layout(clickmode="event+select")
    top = float(min(1.0, max(high.max(), overall)))
    figure.update_xaxes(
        title_text=label(axis, 90),
        tickformat=".0%",
        nticks=7,
        range=[-0.03 * max(top, 0.05), 1.06 * max(top, 0.05)],
    )
    rows = [
        f"{label(name, 30)}  ({wrong:,} of {count:,})"
        for name, (wrong, count) in zip(names, counts, strict=True)
    ]
    figure.update_yaxes(**row_axis(rows))
    return figure


@checks_arrays(names="N", errors="N")
def largest_errors(
    names: Sequence[str],
    errors: np.ndarray,
    *,
    notes: Sequence[str] = (),
    axis: str = "error",
    chosen: int | None = None,
) -> Figure:
    """Draw the largest errors as bars, the worst on top.

    Args:
        names: what is said of each sample, its id first. errors: (n,), with their sign where they have one.
        notes: the text of each sample, on a line of its own; empty for none.
        axis: what an error is, with its unit. chosen: place of the open sample.
    """
    row_height = 40 if any(notes) else 24
    figure = base_figure(
        74 + row_height * max(1, len(names)),
        left=10,
        right=56,
    )
    if not len(names):
        return write_note(figure, "No sample of this cohort.")
    colours = [WRONG] * len(names)
    if chosen is not None and 0 <= chosen < len(names):
        colours[chosen] = INK
    add_row_bars(
        figure,
        errors,
        {
            "color": colours,
            "line": {"width": 0},
        },
        width=0.66,
        customdata=[label(name, 90) for name in names],
        **_OPAQUE,
        hovertemplate="%{customdata}: %{x:.4g}<br>click to open it<extra></extra>",
    )
    # On the right of bars to the left, too: the names of the rows stand on the other side.
    add_texts(
        figure,
        np.maximum(errors, 0.0),
        list(range(len(names))),
        [" " + true_minus(f"{value:.3f}") for value in errors],
        textposition="middle right",
        cliponaxis=False,
    )
    low = min(0.0, float(np.min(errors)))
    high = max(0.0, float(np.max(errors)))
    room = 0.22 * max(high - low, 1e-9)
    figure.update_layout(clickmode="event+select")
    figure.update_xaxes(title_text=label(axis, 90), nticks=7, range=[low, high + room])
    figure.update_yaxes(**row_axis(name_rows(names, notes)))
    add_vertical_rule(figure, 0)
    return figure
