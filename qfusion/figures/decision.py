"""One decision: waterfall of its terms, Shapley values, place on the scale of the target; two side by side; and what an
entangled-fusion network's fusion read."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.guards import drawing
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    ON_DARK,
    PAPER,
    QUIET,
    UNSIGNED_SCALE,
    VERMILLION,
    Theme,
    base,
    faded,
    halo,
    in_cells,
    in_rows,
    in_unit,
    label,
    signed,
    split_term,
    term_colour,
    term_title,
    wrap,
)


@drawing()
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
    names, (steps,), marker = in_steps([dividends], modalities, theme, quantity)
    ends = np.cumsum(steps)
    figure = (
        base(
            theme,
            206 if compact else 72 + 31 * len(names),
            left=10,
            top=22,
            bottom=22 if compact else 44,
        )
        .add_bar(
            y=list(range(len(names))),
            x=np.r_[steps, ends[-1]],
            base=np.r_[0.0, ends[:-1], 0.0],
            orientation="h",
            width=0.62,
            customdata=[
                [name, total] for name, total in zip(names, [*ends.tolist(), ends[-1]], strict=True)
            ],
            marker=marker,
            text=[signed(value) for value in (*steps, ends[-1])],
            textposition="outside",
            cliponaxis=False,
            constraintext="none",
            textangle=0,
            textfont={"size": 11 if compact else 12, "color": INK[theme], "shadow": halo(theme)},
            hovertemplate="%{customdata[0]}: %{text}<br>running total %{customdata[1]:.3f}"
            "<extra></extra>",
        )
        .add_scatter(  # from the end of a step to the beginning of the next
            x=[place for end in ends.tolist() for place in (end, end, None)],
            y=[place for row in range(len(ends)) for place in (row + 0.31, row + 0.69, None)],
            mode="lines",
            line={"color": QUIET[theme], "width": 1},
            hoverinfo="skip",
        )
    )
    if truth is not None:
        figure.add_vline(
            x=truth, line={"color": QUIET[theme], "width": 1.5, "dash": "dot"}, layer="below"
        ).add_annotation(
            x=truth,
            y=1,
            yref="paper",
            yanchor="bottom",
            text=f"truth {truth:+.2f}",
            showarrow=False,
            font={"size": 11, "color": QUIET[theme]},
        )
    return (
        figure.update_yaxes(
            **in_rows(names),
            tickfont={"size": 11 if compact else 13},
        )
        .update_xaxes(
            title={"text": "" if compact else label(unit)},
            range=_room(
                [0.0, *ends, *([] if truth is None else [truth])], 0.3 if compact else 0.18
            ),
        )
        .add_vline(x=0, line={"color": LINE[theme], "width": 1}, layer="below")
    )


MAX_JOINT = 11  # joint terms that are drawn one by one: all of them up to four modalities


def condensed(dividends: Sequence[Mapping[str, float]]) -> tuple[list[str], list[str]]:
    """Terms of some decisions to draw one by one, by size of the coalition, and the smallest joint ones, to be added
    up."""
    terms = sorted((term for term in dividends[0] if term), key=lambda term: len(split_term(term)))
    joint = sorted(
        (term for term in terms if len(split_term(term)) > 1),
        key=lambda term: -sum(abs(dividend[term]) for dividend in dividends),
    )
    rest = set(joint[MAX_JOINT:]) if len(joint) > MAX_JOINT + 1 else set()
    return [term for term in terms if term not in rest], sorted(rest)


def condensed_lines(
    terms: Mapping[str, np.ndarray],
) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Terms over time or layers to draw one by one, in their order, and what the smallest joint ones sum to, by what it
    is called; nothing where all are drawn."""
    shown, rest = condensed([{term: float(np.abs(values).sum()) for term, values in terms.items()}])
    drawn = {term: values for term, values in terms.items() if term in {"", *shown}}
    if not rest:
        return drawn, {}
    return drawn, {others_title(len(rest)): np.sum([terms[term] for term in rest], axis=0)}


def others_title(count: int) -> str:
    """What so many joint terms are called that are not shown one by one."""
    return f"{count} other joint terms"


def in_steps(
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
    shown, rest = condensed(decisions)
    first = [""] if "" in decisions[0] else []
    terms = [*first, *shown, *(["+".join(modalities)] if rest else [])]
    names = [
        *map(term_title, [*first, *shown]),
        *([others_title(len(rest))] if rest else []),
        f"<b>{quantity}</b>",
    ]
    steps = [
        [*(own[term] for term in (*first, *shown)), *([sum(own[t] for t in rest)] if rest else [])]
        for own in decisions
    ]
    hues = [*(term_colour(term, modalities) for term in terms), INK[theme]]
    joint = [*(len(split_term(term)) > 1 for term in terms), False]
    return names, np.array(steps, dtype=float), hatched(hues, joint, theme)


def hatched(
    hues: Sequence[str], joint: Sequence[bool], theme: Theme, *, rim: float = 1.5
) -> dict[str, Any]:
    """Bars of terms in their hues, those of several modalities hatched."""
    return {
        "color": [faded(hue, 0.55) if both else hue for hue, both in zip(hues, joint, strict=True)],
        "line": {"color": hues, "width": rim},
        "pattern": {
            "shape": ["/" if both else "" for both in joint],
            "fgcolor": hues,
            "bgcolor": PAPER[theme],
            "solidity": 0.4,
            "size": 7,
        },
    }


def _room(values: Sequence[float], share: float) -> list[float]:
    """A range that holds values, and a share more at both ends."""
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
    """Shapley value of every modality (unit of the output), with its share of the absolute total written beside it."""
    values = np.array([shapley[name] for name in modalities], dtype=float)

    reach = 1.7 * max(float(np.abs(values).max(initial=0)), 0.05)
    return (
        base(theme, 60 + 36 * len(modalities), left=10, top=6, bottom=44)
        .add_bar(
            y=[label(name) for name in modalities],
            x=values,
            orientation="h",
            width=0.6,
            marker={"color": [term_colour(name, modalities) for name in modalities]},
            text=[
                f"{signed(value)}  ({shares[name]:.0%})"
                for name, value in zip(modalities, values, strict=True)
            ],
            textposition="outside",
            cliponaxis=False,
            constraintext="none",
            textfont={"color": INK[theme]},
            hovertemplate="%{y}: %{x:+.3f}<extra></extra>",
        )
        .update_xaxes(range=[-reach, reach], title={"text": in_unit("Shapley value", unit)})
        .update_yaxes(autorange="reversed", showline=False, ticks="")
        .add_vline(x=0, line={"color": LINE[theme], "width": 1})
    )


@drawing()
def on_scale(
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
    figure = base(theme, 116, left=10, right=10, top=46, bottom=40).add_scatter(
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
            ).add_annotation(
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
    return figure.update_xaxes(
        range=[min(held) - room, max(held) + room], title={"text": label(unit)}
    ).update_yaxes(visible=False, range=[-1, 1])


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
    both = [{term: own[term] for term in values if term} for own in (values, before)]
    shown, rest = condensed(both)
    names, (noisy, exact), look = in_steps(both, modalities, theme)
    rows = list(range(len(noisy)))
    return (
        base(theme, 70 + 30 * len(rows), left=10, right=16, top=8, bottom=42, legend=True)
        .add_bar(
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
        .add_scatter(
            x=exact,
            y=rows,
            mode="markers",
            name="exact",
            marker={"symbol": "diamond-open", "size": 9, "color": INK[theme], "line": {"width": 2}},
            hovertemplate="exact: %{x:+.3f}<extra></extra>",
        )
        .update_yaxes(
            **in_rows(names[:-1]),
        )
        .update_xaxes(title={"text": in_unit("contribution", unit)})
        .add_vline(x=0, line={"color": LINE[theme], "width": 1})
    )


# Two decisions side by side: one common scale, pairs of bars, and differences.


def common_range(*decisions: Mapping[str, float], marks: Sequence[float] = ()) -> list[float]:
    """An axis range that holds every running total of some waterfalls, and some marks, with room for their numbers."""
    totals = [
        np.cumsum([terms[term] for term in sorted(terms, key=lambda term: len(split_term(term)))])
        for terms in decisions
    ]
    return _room([0.0, *marks, *np.ravel(totals)], 0.3)


@drawing()
def differences(
    a: Mapping[str, float],
    b: Mapping[str, float],
    modalities: Sequence[str],
    *,
    what: str = "B − A",
    baseline: bool = True,
    unit: str = "score",
    quantity: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """B minus A of every term, baseline first and total last; beyond twelve joint terms the smallest are added up.

    Args:
        a, b: dividends keyed by the same coalitions, the baseline under the empty one.
        what: a difference is called. baseline: whether that of the baseline is drawn.
        quantity: what the terms add up to, "log-odds" or "score".
    """
    check(
        set(a) == set(b) and "" in a,
        "Arguments `a` and `b` must have the same terms and a baseline.",
    )
    change = {term: b[term] - a[term] for term in a if term or baseline}
    names, (steps,), marker = in_steps([change], modalities, theme, quantity)
    values = [*steps, steps.sum()]
    reach = 1.4 * max(float(np.abs(values).max()), 0.02)
    return (
        base(theme, 72 + 31 * len(names), left=10, top=22, bottom=44)
        .add_bar(
            x=values,
            y=list(range(len(names))),
            orientation="h",
            width=0.62,
            text=[signed(value) for value in values],
            textposition="outside",
            cliponaxis=False,
            constraintext="none",
            textfont={"size": 12, "color": INK[theme]},
            marker=marker,
            hovertemplate=f"{what}: %{{x:+.3f}}<extra></extra>",
        )
        .update_xaxes(range=[-reach, reach], title={"text": in_unit(what, unit)})
        .update_yaxes(
            **in_rows(names),
        )
        .add_vline(x=0, line={"color": LINE[theme], "width": 1}, layer="below")
    )


@drawing()
def pairs(
    a: Mapping[str, float],
    b: Mapping[str, float],
    hues: Mapping[str, str],
    x_title: str,
    *,
    percent: bool = False,
    theme: Theme = "light",
) -> go.Figure:
    """For each name two bars, A outlined and B filled, with the numbers; a name that one side does not have gets one
    bar."""
    names = list(dict.fromkeys([*a, *b]))
    figure = base(theme, 88 + 44 * len(names), left=10, right=20, legend=True)
    write = "{:.0%}" if percent else "{:.2f}"
    for numbers, shift, filled, side in ((a, -0.19, False, "A"), (b, 0.19, True, "B")):
        known = [i for i, name in enumerate(names) if name in numbers]
        colours = [hues.get(names[i], GREY) for i in known]
        figure.add_bar(
            x=[numbers[names[i]] for i in known],
            y=np.array(known) + shift,
            orientation="h",
            width=0.34,
            name=side,
            showlegend=False,
            marker={
                "color": colours if filled else [PAPER[theme]] * len(known),
                "line": {"color": colours, "width": 2},
            },
            text=[f"{side} {write.format(numbers[names[i]])}" for i in known],
            textposition="outside",
            constraintext="none",
            cliponaxis=False,
            textfont={"size": 11, "color": INK[theme]},
            hovertemplate=f"{side}: %{{x:.3f}}<extra></extra>",
        ).add_bar(
            x=[None],
            y=[None],
            name=side,
            marker={
                "color": INK[theme] if filled else PAPER[theme],
                "line": {"color": INK[theme], "width": 2},
            },
        )
    values = [*a.values(), *b.values()]
    top, low = max([*values, 0.02]), min([*values, 0.0])
    return (
        figure.update_layout(barmode="overlay")
        .update_xaxes(
            title={"text": label(x_title, 90)},
            range=[1.25 * low, 1.25 * top],
            **({"tickformat": ".0%"} if percent else {}),
        )
        .update_yaxes(
            **in_rows([label(name, 24) for name in names], 0.45, 0.55),
            ticklabelstandoff=6,
        )
    )


# Reading an entangled-fusion network's fusion: masses, truth tables, softmax of the classes, curves of raw content.

_MASSES: dict[str, Any] = {
    "zmin": 0,
    "zmax": 1,
    "colorscale": UNSIGNED_SCALE,
    "xgap": 2,
    "ygap": 2,
    "colorbar": {
        "title": {"text": "mass", "side": "right", "font": {"size": 12}},
        "thickness": 10,
        "outlinewidth": 0,
        "tickvals": [0, 0.5, 1],
    },
}
SOFTMAX = "softmax"  # 0 to 1; no probability unless it is calibrated


@drawing(elements="n", modalities="M", values="n M", fused="n")
def masses(
    values: np.ndarray,
    fused: np.ndarray,
    modalities: Sequence[str],
    elements: Sequence[str],
    *,
    marked: int | None = None,
    compact: bool = False,
    theme: Theme = "light",
) -> go.Figure:
    """The mass that each modality gives each element, and the fused one, as a heat map with the numbers in it.

    Args:
        values: (n, M) in [0, 1]; fused: (n,).
        marked: element to mark (the true class).
        compact: small version without numbers and scale.
    """
    n, M = np.shape(values)
    figure = base(
        theme,
        (36 + 17 * (M + 1)) if compact else 56 + 40 * (M + 1),
        left=10,
        right=10,
        top=20 if compact else 30,
        bottom=4 if compact else 10,
    )
    z = np.column_stack([values, fused]).T
    figure.add_heatmap(
        z=z,
        **_MASSES,
        showscale=not compact,
        hovertemplate="%{y}, ‘%{x}’: mass %{z:.3f}<extra></extra>",
    )
    if not compact:
        in_cells(figure, z, z, "{:.2f}", showlegend=False)
    return (
        figure.update_xaxes(
            tickvals=list(range(n)),
            ticktext=[
                f"<b>{label(e, 14)} ◂ truth</b>" if i == marked else label(e, 14)
                for i, e in enumerate(elements)
            ],
            side="top",
            showline=False,
            ticks="",
            range=[-0.5, n - 0.5],
        )
        .update_yaxes(
            tickvals=list(range(M + 1)),
            ticktext=[*(label(name) for name in modalities), "<b>fused</b>"],
            range=[M + 0.5, -0.5],
            showline=False,
            ticks="",
        )
        .add_hline(y=M - 0.5, line={"color": PAPER[theme], "width": 5})
    )


@drawing(elements="n", patterns="P", values="n P", weights="n P", angles="n P")
def tables(
    values: np.ndarray,
    weights: np.ndarray,
    patterns: Sequence[str],
    elements: Sequence[str],
    *,
    controls: Sequence[str],
    angles: np.ndarray,
    chosen: tuple[int, int] | None = None,
    edited: np.ndarray | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """The fusion's truth tables: for each element and outcome of the modality qubits the mass of the fused qubit.

    Args:
        values, weights, angles: (n, patterns): mass of the fused qubit when the pattern is read, how likely this sample
            reads it, and the angle phi in radians that gives the mass.
        patterns: such as "01", one digit for each of `controls`.
        chosen: element and pattern of the cell that is marked. edited: (n, patterns) which entries differ from the
            learned ones.

    Over the cells lie invisible marks that a click selects (plotly does not select cells): x is the pattern, y the
    element.
    """
    n, P = np.shape(values)
    figure = base(theme, 100 + 23 * n, left=10, right=10, top=46, bottom=14)
    texts = [
        " + ".join(label(name) for name, bit in zip(controls, pattern, strict=True) if bit == "1")
        or "none"
        for pattern in patterns
    ]
    figure.add_heatmap(z=values, **_MASSES, hoverinfo="skip")
    in_cells(figure, values, values, "{:.2f}", showlegend=False)
    if edited is not None and np.any(edited):
        rows, columns = np.nonzero(edited)
        figure.add_scatter(
            x=columns + 0.34,
            y=rows - 0.22,
            mode="markers",
            hoverinfo="skip",
            name="edited",
            marker={
                "symbol": "triangle-ne",
                "size": 10,
                "color": VERMILLION,
                "line": {"width": 1, "color": ON_DARK},
            },
        )
    cells = [(i, b) for i in range(n) for b in range(P)]
    figure.add_scatter(
        x=[b for _, b in cells],
        y=[i for i, _ in cells],
        mode="markers",
        name="cells",
        marker={"size": 22, "opacity": 0, "symbol": "square"},
        selected={"marker": {"opacity": 0}},
        unselected={"marker": {"opacity": 0}},
        customdata=[
            [
                label(elements[i]),
                texts[b],
                round(float(values[i][b]), 3),
                round(float(angles[i][b]), 3),
                f"{weights[i][b]:.1%}",
            ]
            for i, b in cells
        ],
        hovertemplate="‘%{customdata[0]}’ when yes from: %{customdata[1]}<br>φ = %{customdata[3]} rad, mass "
        "%{customdata[2]}<br>this sample reads it with %{customdata[4]}<br>click to change "
        "it<extra></extra>",
    ).update_xaxes(
        tickvals=list(range(P)),
        ticktext=[
            f"<b>{p}</b>" if chosen and b == chosen[1] else p for b, p in enumerate(patterns)
        ],
        side="top",
        showline=False,
        ticks="",
        tickangle=0,
        range=[-0.5, P - 0.5],
        title={"text": f"what the qubits of {', '.join(map(label, controls))} read (1 = yes)"},
    ).update_yaxes(
        **in_rows(
            [
                f"<b>▸ {label(e, 16)}</b>" if chosen and i == chosen[0] else label(e, 16)
                for i, e in enumerate(elements)
            ]
        )
    )
    mark = {"type": "rect", "fillcolor": "rgba(0,0,0,0)", "layer": "above"}
    around = (
        {"x0": chosen[1] - 0.5, "x1": chosen[1] + 0.5, "y0": chosen[0] - 0.5, "y1": chosen[0] + 0.5}
        if chosen
        else {}
    )
    return figure.update_layout(
        clickmode="event+select",
        hoverdistance=40,
        shapes=[
            mark | around | {"line": {"color": hue, "width": width}}
            for hue, width in ((PAPER[theme], 6), (INK[theme], 3))
            if chosen
        ],
    )


MOST_CLASSES = 15  # drawn, the true one apart


def classes_drawn(classes: Sequence[str], truth: int | None) -> str:
    """Which classes `class_bars` draws, in words."""
    return (
        "the classes"
        if len(classes) <= MOST_CLASSES
        else f"the {MOST_CLASSES} likeliest of {len(classes):,} classes"
        + ("" if truth is None else " and the true one")
    )


@drawing(classes="C", probabilities="C")
def class_bars(
    probabilities: np.ndarray,
    classes: Sequence[str],
    *,
    truth: int | None = None,
    before: np.ndarray | None = None,
    errors: np.ndarray | None = None,
    before_name: str = "as learned",
    unit: str = SOFTMAX,
    most: int = MOST_CLASSES,
    theme: Theme = "light",
) -> go.Figure:
    """One bar a class, see `classes_drawn`; the true one's name is marked, what was before is a hollow diamond, errors
    are standard errors."""
    shown = sorted(
        {*np.argsort(-probabilities)[:most].tolist(), *([] if truth is None else [truth])}
    )
    best = int(probabilities.argmax())
    figure = base(
        theme, 66 + 22 * len(shown), left=10, right=34, top=8, bottom=40, legend=before is not None
    ).add_bar(
        x=probabilities[shown],
        y=list(range(len(shown))),
        orientation="h",
        width=0.7,
        name="now",
        showlegend=before is not None,
        marker={"color": [INK[theme] if i == best else faded(GREY, 0.55) for i in shown]},
        error_x=None
        if errors is None
        else {
            "type": "data",
            "array": errors[shown],
            "color": QUIET[theme],
            "thickness": 2,
            "width": 4,
        },
        hovertemplate="%{x:.3f}<extra></extra>",
    )
    if before is not None:
        figure.add_scatter(
            x=before[shown],
            y=list(range(len(shown))),
            mode="markers",
            name=before_name,
            marker={"symbol": "diamond-open", "size": 9, "color": VERMILLION, "line": {"width": 2}},
            hovertemplate=f"{before_name}: %{{x:.3f}}<extra></extra>",
        )
    return figure.update_yaxes(
        **in_rows(
            [
                f"<b>{label(classes[i], 18)} ◂ truth</b>" if i == truth else label(classes[i], 18)
                for i in shown
            ]
        ),
        ticklabelstandoff=6,
    ).update_xaxes(title={"text": label(unit)}, **({"range": [0, 1.02]} if unit == SOFTMAX else {}))


@drawing()
def curve(
    values: np.ndarray,
    x: np.ndarray,
    x_label: str,
    y_label: str,
    hue: str,
    *,
    height: int = 160,
    theme: Theme = "light",
) -> go.Figure:
    """Raw content that is a curve: a spectrum, a profile."""
    title = wrap(label(x_label, 70), 42)
    lines = title.count("<br>")

    size = {"size": 11}
    return (
        base(theme, height + 14 * lines, left=58, right=8, top=6, bottom=38 + 14 * lines)
        .add_scatter(
            x=x,
            y=values,
            mode="lines+markers" if len(values) <= 40 else "lines",
            line={"color": hue, "width": 2},
            marker={"size": 4},
            hovertemplate="%{x:g}: %{y:.3g}<extra></extra>",
        )
        .update_xaxes(title={"text": title, "font": size}, tickfont=size)
        .update_yaxes(
            title={"text": label(y_label, 40).replace(" (", "<br>("), "font": size},
            tickfont=size,
            nticks=5,
        )
    )


@drawing()
def belief_bars(
    belief: np.ndarray,
    pignistic: np.ndarray,
    plausibility: np.ndarray,
    classes: Sequence[str],
    *,
    truth: int | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """For each class the interval from belief to plausibility, with the pignistic probability as a mark."""
    rows = list(range(len(classes)))

    return (
        base(theme, 60 + 24 * len(classes), left=10, right=10, top=6, bottom=42, legend=True)
        .add_bar(
            x=np.asarray(plausibility) - np.asarray(belief),
            base=belief,
            y=rows,
            orientation="h",
            width=0.5,
            name="belief to plausibility",
            marker={"color": faded(GREY, 0.5), "line": {"color": LINE[theme], "width": 1}},
            hovertemplate="belief %{base:.3f}, plausibility %{x:.3f} above it<extra></extra>",
        )
        .add_scatter(
            x=pignistic,
            y=rows,
            mode="markers",
            name="pignistic probability",
            marker={"symbol": "diamond", "size": 9, "color": INK[theme]},
            hovertemplate="%{x:.3f}<extra></extra>",
        )
        .update_yaxes(
            **in_rows(
                [
                    f"<b>{label(c, 18)} ◂ truth</b>" if i == truth else label(c, 18)
                    for i, c in enumerate(classes)
                ]
            ),
            ticklabelstandoff=6,
        )
        .update_xaxes(title={"text": "degree of belief (0 to 1)"}, range=[-0.02, 1.02])
    )
