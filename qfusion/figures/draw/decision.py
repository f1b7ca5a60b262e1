"""One decision: waterfall of its terms, Shapley values, place on the scale of the target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.finite import drawing
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    PAPER,
    QUIET,
    Theme,
    base,
    faded,
    halo,
    label,
    signed,
    split_term,
    term_colour,
    term_title,
)


@drawing()
def waterfall(
    dividends: Mapping[str, float],
    modalities: Sequence[str],
    *,
    truth: float | None = None,
    bias_note: str = "",
    unit: str = "score",
    theme: Theme = "light",
    compact: bool = False,
) -> go.Figure:
    """The score built up term by term: baseline, single modalities, pairs, triple, result.

    Args:
        dividends: Harsanyi dividend of every coalition (unit of the score), keyed `""`, `"text"`, `"text+audio"`, ...;
            the empty coalition is the baseline.
        modalities: in the model's order; fixes the colours.
        truth: annotated value, drawn as a vertical line.
        unit: name of the score's axis.
        compact: small version without axis titles.
    """
    check(
        "" in dividends,
        'Argument `dividends` must have the empty coalition "" (the baseline), but has none.',
    )
    terms, rest = condensed([dividends])
    others = [sum(dividends[term] for term in rest)] if rest else []
    steps = np.array([dividends[""], *(dividends[term] for term in terms), *others], dtype=float)
    ends = np.cumsum(steps)
    names = [
        "baseline",
        *(term_title(term) for term in terms),
        *([f"{len(rest)} other joint terms"] if rest else []),
        "<b>score</b>",
    ]
    figure = base(
        theme,
        206 if compact else 72 + 31 * len(names),
        left=10,
        top=22,
        bottom=22 if compact else 44,
    )
    _bars(
        figure,
        names,
        steps,
        ends,
        ["", *terms, *(["+".join(modalities)] if rest else [])],
        modalities,
        theme,
        compact,
    )
    _connectors(figure, ends, theme)
    if truth is not None:
        figure.add_vline(
            x=truth, line={"color": QUIET[theme], "width": 1.5, "dash": "dot"}, layer="below"
        )
        figure.add_annotation(
            x=truth,
            y=1,
            yref="paper",
            yanchor="bottom",
            text=f"truth {truth:+.2f}",
            showarrow=False,
            font={"size": 11, "color": QUIET[theme]},
        )
    figure.update_yaxes(
        range=[len(names) - 0.5, -0.5],
        showline=False,
        ticks="",
        tickvals=list(range(len(names))),
        ticktext=names,
        tickfont={"size": 11 if compact else 13},
    )
    figure.update_xaxes(
        range=_room(np.r_[0.0, ends, [] if truth is None else [truth]], 0.3 if compact else 0.18)
    )
    if not compact:
        figure.update_xaxes(title={"text": label(unit) + bias_note})
    figure.add_vline(x=0, line={"color": LINE[theme], "width": 1}, layer="below")
    return figure


MAX_JOINT = 11  # joint terms that are drawn one by one: all of them up to four modalities


def condensed(dividends: Sequence[Mapping[str, float]]) -> tuple[list[str], list[str]]:
    """Terms of some decisions to draw one by one, by size of the coalition, and the smallest joint ones, to be added
    up."""
    terms = sorted((term for term in dividends[0] if term), key=lambda term: len(split_term(term)))
    joint = sorted(
        (term for term in terms if len(split_term(term)) > 1),
        key=lambda term: -sum(abs(found[term]) for found in dividends),
    )
    rest = set(joint[MAX_JOINT:]) if len(joint) > MAX_JOINT + 1 else set()
    return [term for term in terms if term not in rest], sorted(rest)


def _bars(
    figure: go.Figure,
    names: Sequence[str],
    steps: np.ndarray,
    ends: np.ndarray,
    terms: Sequence[str],
    modalities: Sequence[str],
    theme: Theme,
    compact: bool,
) -> None:
    starts = np.r_[0.0, ends[:-1], 0.0]
    widths = np.r_[steps, ends[-1]]
    hues = [GREY, *(term_colour(term, modalities) for term in terms[1:]), INK[theme]]
    joint = [len(split_term(term)) > 1 for term in terms] + [False]
    text = [signed(value) for value in widths]
    figure.add_bar(
        y=list(range(len(names))),
        x=widths,
        base=starts,
        orientation="h",
        width=0.62,
        customdata=[
            [name, total] for name, total in zip(names, [*ends.tolist(), ends[-1]], strict=True)
        ],
        marker=hatched(hues, joint, theme),
        text=text,
        textposition="outside",
        cliponaxis=False,
        constraintext="none",
        textangle=0,
        textfont={"size": 11 if compact else 12, "color": INK[theme], "shadow": halo(theme)},
        hovertemplate="%{customdata[0]}: %{text}<br>running total %{customdata[1]:.3f}<extra></extra>",
    )


def hatched(hues: Sequence[str], joint: Sequence[bool], theme: Theme) -> dict[str, Any]:
    """Bars of terms in their hues, those of several modalities hatched."""
    return {
        "color": [faded(hue, 0.55) if both else hue for hue, both in zip(hues, joint, strict=True)],
        "line": {"color": hues, "width": 1.5},
        "pattern": {
            "shape": ["/" if both else "" for both in joint],
            "fgcolor": hues,
            "bgcolor": PAPER[theme],
            "solidity": 0.4,
            "size": 7,
        },
    }


def _connectors(figure: go.Figure, ends: np.ndarray, theme: Theme) -> None:
    xs: list[float | None] = []
    ys: list[float | None] = []
    for row, end in enumerate(ends):
        xs += [float(end), float(end), None]
        ys += [row + 0.31, row + 0.69, None]
    figure.add_scatter(
        x=xs, y=ys, mode="lines", line={"color": QUIET[theme], "width": 1}, hoverinfo="skip"
    )


def _room(values: np.ndarray, share: float) -> list[float]:
    low, high = float(np.min(values)), float(np.max(values))
    pad = share * max(high - low, 0.1)
    return [low - pad, high + pad]


@drawing()
def shapley_bars(
    shapley: Mapping[str, float],
    shares: Mapping[str, float],
    modalities: Sequence[str],
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Shapley value of every modality (unit of the score), with its share of the absolute total written beside it."""
    figure = base(theme, 60 + 36 * len(modalities), left=10, top=6, bottom=44)
    values = np.array([shapley[name] for name in modalities], dtype=float)
    figure.add_bar(
        y=[label(name) for name in modalities],
        x=values,
        orientation="h",
        width=0.6,
        marker={"color": [term_colour(name, modalities) for name in modalities]},
        text=[
            f"{value:+.2f}  ({shares[name]:.0%})"
            for name, value in zip(modalities, values, strict=True)
        ],
        textposition="outside",
        cliponaxis=False,
        constraintext="none",
        textfont={"color": INK[theme]},
        hovertemplate="%{y}: %{x:+.3f}<extra></extra>",
    )
    reach = 1.7 * max(float(np.abs(values).max(initial=0)), 0.05)
    figure.update_xaxes(range=[-reach, reach], title={"text": f"Shapley value ({label(unit)})"})
    figure.update_yaxes(autorange="reversed", showline=False, ticks="")
    figure.add_vline(x=0, line={"color": LINE[theme], "width": 1})
    return figure


@drawing()
def on_scale(
    truth: float,
    prediction: float,
    low: float,
    high: float,
    *,
    tweaked: float | None = None,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Truth and prediction as two marks on the range of the target, the error between them."""
    figure = base(theme, 116, left=10, right=10, top=46, bottom=40)
    figure.add_scatter(
        x=[truth, prediction],
        y=[0, 0],
        mode="lines",
        line={"color": QUIET[theme], "width": 3},
        hoverinfo="skip",
    )
    marks = [(truth, "truth", "diamond-open", 31), (prediction, "prediction", "circle", 16)]
    if tweaked is not None:
        marks.append((tweaked, "tweaked", "triangle-up", 25))
    for value, name, symbol, shift in marks:
        figure.add_scatter(
            x=[value],
            y=[0],
            mode="markers",
            name=name,
            marker={"symbol": symbol, "size": 14, "color": INK[theme], "line": {"width": 2}},
            hovertemplate=f"{name} {value:+.2f}<extra></extra>",
        )
        figure.add_annotation(
            x=value,
            y=0,
            text=f"{name} {value:+.2f}",
            showarrow=False,
            yshift=shift,
            font={"size": 12, "color": INK[theme]},
        )
    span = max(abs(low), abs(high), abs(prediction), abs(truth))
    figure.update_xaxes(
        range=[min(low, -span if low < 0 else low) * 1.08, span * 1.08], title={"text": label(unit)}
    )
    figure.update_yaxes(visible=False, range=[-1, 1])
    return figure


@drawing()
def term_bars(
    values: Mapping[str, float],
    errors: Mapping[str, float],
    before: Mapping[str, float],
    modalities: Sequence[str],
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Every term but the baseline as a bar with its standard error, and what it was before as a hollow diamond."""
    terms, _ = condensed([values])
    figure = base(theme, 70 + 30 * len(terms), left=10, right=16, top=8, bottom=42, legend=True)
    rows = list(range(len(terms)))
    hues = [term_colour(term, modalities) for term in terms]
    figure.add_bar(
        x=[values[t] for t in terms],
        y=rows,
        orientation="h",
        width=0.6,
        name="with noise",
        marker={
            "color": [
                faded(hue, 0.55) if "+" in t else hue for t, hue in zip(terms, hues, strict=True)
            ],
            "line": {"color": hues, "width": 1.5},
        },
        error_x={
            "type": "data",
            "array": [errors[t] for t in terms],
            "color": QUIET[theme],
            "thickness": 2,
            "width": 4,
        },
        hovertemplate="%{x:+.3f}<extra></extra>",
    )
    figure.add_scatter(
        x=[before[t] for t in terms],
        y=rows,
        mode="markers",
        name="exact",
        marker={"symbol": "diamond-open", "size": 9, "color": INK[theme], "line": {"width": 2}},
        hovertemplate="exact: %{x:+.3f}<extra></extra>",
    )
    figure.update_yaxes(
        tickvals=rows,
        ticktext=[term_title(t) for t in terms],
        range=[len(rows) - 0.5, -0.5],
        showline=False,
        ticks="",
    )
    figure.update_xaxes(title={"text": f"contribution ({label(unit)})"})
    figure.add_vline(x=0, line={"color": LINE[theme], "width": 1})
    return figure
