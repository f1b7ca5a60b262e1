"""One decision: a waterfall of its contributions, Shapley values, and its place on the scale of the target."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.analysis.shown_terms import select_shown_terms
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    INK,
    LINE,
    PAPER,
    QUIET,
    Theme,
    base_figure,
    fade_colour,
    format_signed,
    halo,
    label,
    row_axis,
    split_term,
    term_colour,
    term_title,
    with_unit,
)


@checks_arrays()
def waterfall(
    dividends: Mapping[str, float],
    modalities: Sequence[str],
    *,
    truth: float | None = None,
    unit: str = "score",
    quantity: str = "score",
    theme: Theme = "light",
    compact: bool = False,
) -> go.Figure:
    """The explained output built up term by term: baseline, single modalities, pairs, triple, result.

    Args:
        dividends: Harsanyi dividend of every coalition (unit of the output), keyed `""`, `"text"`, `"text+audio"`, ...;
            the empty coalition is the baseline.
        modalities: in the model's order; fixes the colours.
        truth: annotated value, drawn as a vertical line.
        unit: name of the axis.
        quantity: what the terms add up to, "log-odds" or "score".
        compact: small version without axis titles.
    """
    check(
        "" in dividends,
        'Argument `dividends` must have the empty coalition "" (the baseline), but has none.',
    )
    names, (steps,), marker = waterfall_steps([dividends], modalities, theme, quantity)
    ends = np.cumsum(steps)
    figure = base_figure(
        theme,
        206 if compact else 72 + 31 * len(names),
        left=10,
        top=22,
        bottom=22 if compact else 44,
    )
    figure.add_bar(
        y=list(range(len(names))),
        x=np.r_[steps, ends[-1]],
        base=np.r_[0.0, ends[:-1], 0.0],
        orientation="h",
        width=0.62,
        customdata=[
            [name, total] for name, total in zip(names, [*ends.tolist(), ends[-1]], strict=True)
        ],
        marker=marker,
        text=[format_signed(value) for value in (*steps, ends[-1])],
        textposition="outside",
        cliponaxis=False,
        constraintext="none",
        textangle=0,
        textfont={"size": 11 if compact else 12, "color": INK[theme], "shadow": halo(theme)},
        hovertemplate="%{customdata[0]}: %{text}<br>running total %{customdata[1]:.3f}"
        "<extra></extra>",
    )
    figure.add_scatter(  # from the end of a step to the beginning of the next
        x=[place for end in ends.tolist() for place in (end, end, None)],
        y=[place for row in range(len(ends)) for place in (row + 0.31, row + 0.69, None)],
        mode="lines",
        line={"color": QUIET[theme], "width": 1},
        hoverinfo="skip",
    )
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
        **row_axis(names),
        tickfont={"size": 11 if compact else 13},
    )
    figure.update_xaxes(
        title={"text": "" if compact else label(unit)},
        range=padded_range(
            [0.0, *ends, *([] if truth is None else [truth])], 0.3 if compact else 0.18
        ),
    )
    figure.add_vline(x=0, line={"color": LINE[theme], "width": 1}, layer="below")
    return figure


def condense_curves(
    terms: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Terms over time or layers to draw one by one, in their order, and what the smallest joint ones sum to, by what it
    is called; nothing where all are drawn."""
    shown, rest = select_shown_terms(
        [{term: float(np.abs(values).sum()) for term, values in terms.items()}]
    )
    drawn = {term: values for term, values in terms.items() if term in {"", *shown}}
    if not rest:
        return drawn, {}
    return drawn, {rest_title(len(rest)): np.sum([terms[term] for term in rest], axis=0)}


def rest_title(count: int) -> str:
    """What so many joint terms are called that are not shown one by one."""
    return f"{count} other joint terms"


def waterfall_steps(
    decisions: Sequence[Mapping[str, float]],
    modalities: Sequence[str],
    theme: Theme,
    quantity: str = "score",
) -> tuple[list[str], np.ndarray, dict[str, Any]]:
    """The rows of waterfalls: their names, that of the total last, the steps of each decision, (n, rows - 1), and the
    look of their bars.

    Args:
        quantity: name of the total, "log-odds" or "score".
    """
    shown, rest = select_shown_terms(decisions)
    first = [""] if "" in decisions[0] else []
    terms = [*first, *shown, *(["+".join(modalities)] if rest else [])]
    names = [
        *map(term_title, [*first, *shown]),
        *([rest_title(len(rest))] if rest else []),
        f"<b>{quantity}</b>",
    ]
    steps = [
        [*(own[term] for term in (*first, *shown)), *([sum(own[t] for t in rest)] if rest else [])]
        for own in decisions
    ]
    hues = [*(term_colour(term, modalities) for term in terms), INK[theme]]
    joint = [*(len(split_term(term)) > 1 for term in terms), False]
    return names, np.array(steps, dtype=float), bar_pattern(hues, joint, theme)


def bar_pattern(
    hues: Sequence[str], joint: Sequence[bool], theme: Theme, *, rim: float = 1.5
) -> dict[str, Any]:
    """Bars of terms in their hues, those of several modalities hatched."""
    return {
        "color": [
            fade_colour(hue, 0.55) if both else hue for hue, both in zip(hues, joint, strict=True)
        ],
        "line": {"color": hues, "width": rim},
        "pattern": {
            "shape": ["/" if both else "" for both in joint],
            "fgcolor": hues,
            "bgcolor": PAPER[theme],
            "solidity": 0.4,
            "size": 7,
        },
    }


def padded_range(values: Sequence[float], share: float) -> list[float]:
    """A range that holds values, and a share more at both ends."""
    low = float(np.min(values))
    high = float(np.max(values))
    pad = share * max(high - low, 0.1)
    return [low - pad, high + pad]


@checks_arrays()
def shapley_bars(
    shapley: Mapping[str, float],
    shares: Mapping[str, float],
    modalities: Sequence[str],
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Shapley value of every modality (unit of the output), with its share of the absolute total written beside it."""
    values = np.array([shapley[name] for name in modalities], dtype=float)

    reach = 1.7 * max(float(np.abs(values).max(initial=0)), 0.05)
    figure = base_figure(theme, 60 + 36 * len(modalities), left=10, top=6, bottom=44)
    figure.add_bar(
        y=[label(name) for name in modalities],
        x=values,
        orientation="h",
        width=0.6,
        marker={"color": [term_colour(name, modalities) for name in modalities]},
        text=[
            f"{format_signed(value)}  ({shares[name]:.0%})"
            for name, value in zip(modalities, values, strict=True)
        ],
        textposition="outside",
        cliponaxis=False,
        constraintext="none",
        textfont={"color": INK[theme]},
        hovertemplate="%{y}: %{x:+.3f}<extra></extra>",
    )
    figure.update_xaxes(range=[-reach, reach], title={"text": with_unit("Shapley value", unit)})
    figure.update_yaxes(autorange="reversed", showline=False, ticks="")
    figure.add_vline(x=0, line={"color": LINE[theme], "width": 1})
    return figure


@checks_arrays()
def target_scale(
    truth: float | None,
    prediction: float,
    low: float,
    high: float,
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """Truth, where it is known, and prediction as marks on the range of the target, the error between them."""
    ends = [prediction] if truth is None else [truth, prediction]
    figure = base_figure(theme, 116, left=10, right=10, top=46, bottom=40)
    figure.add_scatter(
        x=ends,
        y=[0] * len(ends),
        mode="lines",
        line={"color": QUIET[theme], "width": 3},
        hoverinfo="skip",
    )
    for value, name, symbol, shift in (
        (truth, "truth", "diamond-open", 31),
        (prediction, "prediction", "circle", 16),
    ):
        if value is not None:
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
    # zero stands in the middle of a scale with both signs
    held = [sign * mark for sign in ((1, -1) if low < 0 else (1,)) for mark in (low, high, *ends)]
    room = 0.04 * (max(held) - min(held))
    figure.update_xaxes(range=[min(held) - room, max(held) + room], title={"text": label(unit)})
    figure.update_yaxes(visible=False, range=[-1, 1])
    return figure


@checks_arrays()
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
    both = [{term: own[term] for term in values if term} for own in (values, before)]
    shown, rest = select_shown_terms(both)
    names, (noisy, exact), look = waterfall_steps(both, modalities, theme)
    rows = list(range(len(noisy)))
    figure = base_figure(
        theme, 70 + 30 * len(rows), left=10, right=16, top=8, bottom=42, legend=True
    )
    figure.add_bar(
        x=noisy,
        y=rows,
        orientation="h",
        width=0.6,
        name="with noise",
        marker={
            "color": look["color"][:-1],
            "line": {"color": look["line"]["color"][:-1], "width": 1.5},
        },
        error_x={
            "type": "data",
            # that of a sum is not known from theirs
            "array": [*(errors[t] for t in shown), *([None] if rest else [])],
            "color": QUIET[theme],
            "thickness": 2,
            "width": 4,
        },
        hovertemplate="%{x:+.3f}<extra></extra>",
    )
    figure.add_scatter(
        x=exact,
        y=rows,
        mode="markers",
        name="exact",
        marker={"symbol": "diamond-open", "size": 9, "color": INK[theme], "line": {"width": 2}},
        hovertemplate="exact: %{x:+.3f}<extra></extra>",
    )
    figure.update_yaxes(
        **row_axis(names[:-1]),
    )
    figure.update_xaxes(title={"text": with_unit("contribution", unit)})
    figure.add_vline(x=0, line={"color": LINE[theme], "width": 1})
    return figure
