"""The effect of every generator term on a decision: slopes, removals, dose response, and parts over time."""

from collections.abc import Sequence

import numpy as np

from qfusion._sentences import true_minus
from qfusion.figures.decision_charts import bar_pattern
from qfusion.figures.generator_attribution import OTHERS
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.lines import TIME, draw_time_cursor, time_range
from qfusion.figures.parts import (
    add_band,
    add_line,
    add_marks,
    add_row_bars,
    add_texts,
    note,
    outside_texts,
    segment,
)
from qfusion.figures.style import (
    GREY,
    INK,
    PAPER,
    QUIET,
    Attributes,
    axis,
    base_figure,
    fade_colour,
    halo,
    label,
    split_term,
    term_colour,
    term_title,
    title_with_unit,
)

# What physics did it: a tornado of slopes and knock-outs, and the way from a removed term to where it stands.

ROW = 22  # pixels a term
_DOMAINS = ((0.0, 0.47), (0.53, 1.0))


@checks_arrays("weaker", "half", titles="P", weaker="P", removed="P", terms="P")
def tornado(
    titles: Sequence[str],
    weaker: np.ndarray,
    removed: np.ndarray,
    terms: Sequence[str],
    modalities: Sequence[str],
    *,
    bends: Sequence[bool] = (),
    half: np.ndarray | None = None,
    unit: str = "score",
) -> Figure:
    """Draw two bars per term, in the given order: the effect of reducing it by 10% (left, by its slope) and the effect
    of its removal (right).

    The right scale is ten times the left one: a term whose answer is a straight line has two bars of one length.

    Args:
        titles: names of the terms, (P,).
        weaker: change of the target for -10% of what was learned, (P,); not a number where there is no slope.
        removed: change of the target when the term is removed, (P,).
        terms: the modalities that each is about, joined by "+"; "" for none in particular.
        modalities: in the model's order; fixes the colours.
        bends: terms to mark with that word because the two differ in sign.
        half: what the slope half-way says that removal does, (P,), as diamonds beside the right bars; NaN draws none.
        unit: of the target, for the axes.
    """
    P = len(titles)
    figure = base_figure(96 + ROW * max(P, 1), left=10, right=14, top=44, bottom=46)
    hues = [term_colour(term, modalities) if term else GREY for term in terms]
    joint = ["+" in term for term in terms]
    finite = np.where(np.isfinite(weaker), weaker, 0.0)
    reach = 1.6 * max(
        float(np.abs(removed).max(initial=0)), 10 * float(np.abs(finite).max(initial=0)), 1e-9
    )
    for side, values in enumerate((finite, np.asarray(removed))):
        text = [
            true_minus(words) if side or np.isfinite(slope) else "no slope"
            for words, slope in zip(_numbers(values), weaker, strict=True)
        ]
        add_row_bars(
            figure,
            values,
            bar_pattern(hues, joint, rim=1.2),
            y=list(range(P)),
            width=0.66,
            xaxis="x" if side == 0 else "x2",
            textangle=0,
            customdata=[label(title) for title in titles],
            hovertemplate="%{customdata}: "
            + ("10% weaker" if side == 0 else "removed")
            + " %{x:+.4f}<extra></extra>",
            **outside_texts(text, size=11),
        )
    if half is not None:
        add_marks(
            figure,
            half,
            list(range(P)),
            INK,
            8,
            symbol="diamond-open",
            rim=1.6,
            xaxis="x2",
            connectgaps=False,
            hovertemplate="slope half-way: %{x:+.4f}<extra></extra>",
        )
    figure.update_layout(
        xaxis={
            "domain": _DOMAINS[0],
            "range": [-reach / 10, reach / 10],
            "nticks": 3,
            "tickangle": 0,
        },
        xaxis2=axis()
        | {
            "domain": _DOMAINS[1],
            "range": [-reach, reach],
            "anchor": "y",
            "nticks": 3,
            "tickangle": 0,
        },
        yaxis={
            "range": [P - 0.5, -0.5],
            "showline": False,
            "ticks": "",
            "tickvals": list(range(P)),
            "ticktext": [label(title, 44) for title in titles],
            "tickfont": {"size": 12},
        },
    )
    paper: Attributes = {"xref": "paper", "yref": "paper", "xanchor": "center"}
    notes = [
        note(f"<b>{head}</b>", sum(domain) / 2, 1, hue=QUIET, yanchor="bottom", yshift=8, **paper)
        for domain, head in zip(_DOMAINS, ("10% weaker", "removed"), strict=True)
    ]
    change = f"change of {label(unit)}"
    notes.append(note(change, 0.5, 0, size=13, hue=QUIET, yanchor="top", yshift=-24, **paper))
    for row in np.flatnonzero(bends).tolist():
        # on the free side of the bar
        anchor, shift = ("right", -3) if removed[row] > 0 else ("left", 3)
        bent = note(
            "bends", 0, row, size=11, hue=QUIET, xref="x2", yref="y", xanchor=anchor, xshift=shift
        )
        notes.append(bent)
    figure.update_layout(
        annotations=notes,
        shapes=[
            segment((0, 0), (0, 1), xref=axis, yref="paper", layer="below") for axis in ("x", "x2")
        ],
    )
    return figure


def _numbers(values: np.ndarray) -> list[str]:
    """Return all with the decimals that give the largest three digits."""
    largest = float(np.abs(values).max(initial=0))
    decimals = int(np.clip(2 - np.floor(np.log10(largest)), 0, 9)) if largest > 0 else 0
    return [f"{value:+.{decimals}f}" if abs(value) > 1e-12 else "0" for value in values]


@checks_arrays("slopes")
def term_response(
    factors: np.ndarray,
    values: np.ndarray,
    slopes: np.ndarray,
    term: str,
    modalities: Sequence[str],
    *,
    what: str = "factor of the term",
    unit: str = "score",
) -> Figure:
    """Draw the target against the factor of one term, from 0 (removed) to its current value, with the tangent at that
    value.

    Args:
        factors, values, slopes: at the points worked out, (n,), in order; between them the curve is the cubic that has
            these slopes.
        term: the modalities it is about, joined by "+".
    """
    hue = term_colour(term, modalities) if term else INK
    x, y = _smooth(factors, values, slopes)
    figure = base_figure(
        250,
        left=66,
        right=20,
        top=14,
        bottom=46,
        legend=True,
        x_title=what,
        y_title=label(unit, 40),
    )
    add_line(figure, x, y, hue, 2.5, name="exact", hoverinfo="skip")
    add_marks(
        figure,
        factors,
        values,
        hue,
        6,
        showlegend=False,
        hovertemplate="× %{x:.2f}: %{y:.4f}<extra></extra>",
    )
    if np.isfinite(slopes[-1]):
        add_line(
            figure,
            factors[[0, -1]],
            values[-1] + slopes[-1] * (factors[[0, -1]] - factors[-1]),
            QUIET,
            1.5,
            dash="dash",
            name="as the slope says",
            hoverinfo="skip",
        )
    add_marks(
        figure,
        [factors[-1]],
        [values[-1]],
        PAPER,
        11,
        rim_hue=hue,
        rim=2.5,
        name="now",
        hovertemplate="now: %{y:.3f}<extra></extra>",
    )
    return figure


def _smooth(x: np.ndarray, y: np.ndarray, slopes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return cubic Hermite curve through the points with these slopes; straight pieces where one is not finite."""
    t = np.linspace(0, 1, 12)
    h = np.diff(x)[:, None]
    a = y[:-1, None]
    b = y[1:, None]
    known = (np.isfinite(slopes[:-1]) & np.isfinite(slopes[1:]))[:, None]
    m0, m1 = (np.where(known, part[:, None], 0.0) for part in (slopes[:-1], slopes[1:]))
    cubic = (
        (1 + 2 * t) * (1 - t) ** 2 * a
        + t * (1 - t) ** 2 * h * m0
        + t**2 * (3 - 2 * t) * b
        + t**2 * (t - 1) * h * m1
    )
    return (x[:-1, None] + t * h).ravel(), np.where(known, cubic, a + t * (b - a)).ravel()


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
) -> Figure:
    """Draw one dividend over time as stacked areas. What was added is above its start, and what was taken away is
    below.

    The line is what is left.

    Args:
        times: (nT,). added: by each term until then, (nT, G). titles, hues: of the terms, (G,); see `term_styles`.
        dividend: the coalition. start: the dividend without evolution.
    """
    figure = base_figure(360, left=66, right=20, top=8, legend=True)
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
                add_band(
                    figure,
                    times,
                    level + piece,
                    level,
                    fade_colour(hue, 0.62),
                    line={"width": 0.6, "color": fade_colour(hue, 0.95)},
                    name=label(name),
                    legendgroup=label(name),
                    showlegend=bool(keyed),
                )
            if abs(piece[-1]) > max(room, 1e-12):
                named.append((float(level[-1] + piece[-1] / 2), label(name, 30)))
            level = level + piece
    lines = start + np.sum(added, 1)
    add_line(
        figure,
        times,
        lines,
        INK,
        2.6,
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
    add_line(
        figure,
        [times[0], times[-1]],
        [start, start],
        QUIET,
        1.2,
        dash="dot",
        name="without evolution",
        hoverinfo="skip",
    )
    add_texts(
        figure,
        [float(times[-1])] * len(named),
        [y for y, _ in named],
        [f"{name}  " for _, name in named],
        size=11,
        shadow=halo(),
        textposition="middle left",
        showlegend=False,
    )
    figure.update_layout(
        dragmode="zoom",
        xaxis={"title": {"text": TIME}, "range": time_range(times)},
        yaxis={
            "title": {"text": title_with_unit(" + ".join(split_term(dividend)) or "baseline", unit)}
        },
    )
    return draw_time_cursor(figure, cursor)


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
