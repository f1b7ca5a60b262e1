"""Two or more decisions side by side: pairs of bars, differences, and columns on one scale."""

from collections.abc import Mapping, Sequence

import numpy as np

from qfusion._checks import check
from qfusion.figures.decision_charts import (
    add_step_bars,
    padded_range,
    waterfall_steps,
)
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import add_note, add_row_bars, add_vertical_rule, outside_texts, segment
from qfusion.figures.style import (
    GREY,
    INK,
    LINE,
    PAPER,
    QUIET,
    axis,
    base_figure,
    format_signed,
    label,
    row_axis,
    split_term,
    title_with_unit,
)


def common_range(*decisions: Mapping[str, float], marks: Sequence[float] = ()) -> list[float]:
    """Return an axis range that holds every running total of some waterfalls, and some marks, with room for their
    numbers.
    """
    totals = [
        np.cumsum([terms[term] for term in sorted(terms, key=lambda term: len(split_term(term)))])
        for terms in decisions
    ]
    return padded_range([0.0, *marks, *np.ravel(totals)], 0.3)


@checks_arrays()
def differences(
    a: Mapping[str, float],
    b: Mapping[str, float],
    modalities: Sequence[str],
    *,
    what: str = "B − A",
    baseline: bool = True,
    unit: str = "score",
    quantity: str = "score",
) -> Figure:
    """Draw B minus A of every term, baseline first and total last; beyond twelve joint terms the smallest are added up.

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
    names, (steps,), marker = waterfall_steps([change], modalities, quantity)
    values = [*steps, steps.sum()]
    reach = 1.4 * max(float(np.abs(values).max()), 0.02)
    figure = base_figure(
        72 + 31 * len(names),
        left=10,
        top=22,
        bottom=44,
        x_title=title_with_unit(what, unit),
        rows=names,
        x_axis={"range": [-reach, reach]},
    )
    add_row_bars(
        figure,
        values,
        marker,
        width=0.62,
        hovertemplate=f"{what}: %{{x:+.3f}}<extra></extra>",
        **outside_texts([format_signed(value) for value in values], size=12),
    )
    add_vertical_rule(figure, 0)
    return figure


@checks_arrays()
def bar_pairs(
    a: Mapping[str, float],
    b: Mapping[str, float],
    hues: Mapping[str, str],
    x_title: str,
    *,
    percent: bool = False,
) -> Figure:
    """Draw two bars for each name, A outlined and B filled, with the numbers.

    A name that one side does not have gets one bar.
    """
    names = list(dict.fromkeys([*a, *b]))
    figure = base_figure(
        88 + 44 * len(names), left=10, right=20, legend=True, x_title=label(x_title, 90)
    )
    write = "{:.0%}" if percent else "{:.2f}"
    for numbers, shift, filled, side in ((a, -0.19, False, "A"), (b, 0.19, True, "B")):
        known = [i for i, name in enumerate(names) if name in numbers]
        lengths = [numbers[names[i]] for i in known]
        colours = [hues.get(names[i], GREY) for i in known]
        if filled:
            fills = colours
        else:
            fills = [PAPER] * len(known)
        add_row_bars(
            figure,
            lengths,
            {
                "color": fills,
                "line": {"color": colours, "width": 2},
            },
            y=np.array(known) + shift,
            width=0.34,
            name=side,
            showlegend=False,
            hovertemplate=f"{side}: %{{x:.3f}}<extra></extra>",
            **outside_texts([f"{side} {write.format(length)}" for length in lengths], size=11),
        )
        figure.add_bar(
            x=[None],
            y=[None],
            name=side,
            marker={
                "color": INK if filled else PAPER,
                "line": {"color": INK, "width": 2},
            },
        )
    values = [*a.values(), *b.values()]
    top = max([*values, 0.02])
    low = min([*values, 0.0])
    figure.update_layout(barmode="overlay")
    figure.update_xaxes(range=[1.25 * low, 1.25 * top], **{"tickformat": ".0%"} if percent else {})
    figure.update_yaxes(
        **row_axis([label(name, 24) for name in names], 0.45, 0.55),
    )
    return figure


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
) -> Figure:
    """Draw the waterfalls of several samples in columns, all with the same terms and the same scale.

    Args:
        names: of the samples, one to six.
        dividends: contribution of every coalition, for each sample; the baseline is keyed `""`.
        modalities: in the model's order.
        truths: annotated values, drawn as dotted lines; None for none.
        notes: text below the name of each sample, in lines.
        unit: of the terms.
        quantity: name of the total, "log-odds" or "score".
    """
    rows, steps, marker = waterfall_steps(dividends, modalities, quantity)
    ends = steps.cumsum(1)
    known_truths = [value for value in truths if value is not None]
    # numbers of negative steps stand left of their bars
    left = (ends - ROOM * np.ptp(ends, axis=None))[steps < 0]
    on_scale = np.r_[0.0, ends.ravel(), known_truths, left]
    figure = _empty_columns(names, notes, rows, on_scale, unit)
    for i, name in enumerate(names):
        add_step_bars(
            figure,
            steps[i],
            marker,
            11,
            customdata=rows,
            xaxis=_axis_name(i),
            yaxis="y",
            hovertemplate=f"{label(name)}, %{{customdata}}: %{{text}}<extra></extra>",
        )
    for i, truth in enumerate(truths):
        if truth is None:
            continue
        line = segment(
            (truth, truth),
            (-0.5, len(rows) - 0.5),
            hue=QUIET,
            width=1.5,
            dash="dot",
            xref=_axis_name(i),
            yref="y",
            layer="below",
        )
        figure.add_shape(line)
    return figure


@checks_arrays(names="N", values="N")
def bar_columns(
    names: Sequence[str],
    values: Sequence[Mapping[str, float]],
    hues: Mapping[str, str],
    *,
    title: str = "",
) -> Figure:
    """Draw the same quantities of several samples as bars, one column per sample, on the same scale.

    Args:
        names: of the samples, one to six.
        values: of each sample, by quantity.
        hues: colours by quantity; grey where there is none.
        title: of the axes, with the unit.
    """
    quantities = list(dict.fromkeys(name for entry in values for name in entry))
    on_scale = [0.0]
    for entry in values:
        on_scale.extend(entry.values())
    rows = [label(quantity, 24) for quantity in quantities]
    figure = _empty_columns(names, (), rows, np.array(on_scale), title)
    for i, entry in enumerate(values):
        own = [quantity for quantity in quantities if quantity in entry]
        lengths = [entry[quantity] for quantity in own]
        places = [quantities.index(quantity) for quantity in own]
        colours = [hues.get(quantity, GREY) for quantity in own]
        add_row_bars(
            figure,
            lengths,
            {
                "color": colours,
                "line": {"width": 0},
            },
            y=places,
            xaxis=_axis_name(i),
            yaxis="y",
            hovertemplate=f"{label(names[i])}, %{{y}}: %{{x:.3f}}<extra></extra>",
            customdata=[label(quantity) for quantity in own],
            **outside_texts([f"{length:.2f}" for length in lengths], size=11),
        )
    return figure


def _empty_columns(
    names: Sequence[str], notes: Sequence[str], rows: Sequence[str], values: np.ndarray, title: str
) -> Figure:
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
        88 + 23 * len(rows), left=10, right=10, top=28 + 17 * lines, rows=list(rows)
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
            "zerolinecolor": LINE,
        }
        number = i + 1 if i else ""
        figure.update_layout({f"xaxis{number}": axis() | settings})

    font_size = {4: 11, 5: 10, 6: 10}.get(count, 12)
    note_lines = [note.split("\n") for note in notes] or [[]] * count
    for i, name in enumerate(names):
        head = label(name, min(60, 96 // count))
        if count < 4:
            head = f"<b>{head}</b>"
        below = [label(line, 96 // count) for line in note_lines[i]]
        add_note(
            figure,
            "<br>".join([head, *below]),
            sum(limits) / 2,
            1,
            size=font_size,
            xref=_axis_name(i),
            yref="paper",
            yanchor="bottom",
        )
    add_note(
        figure,
        label(title, 90),
        0.5,
        0,
        size=13,
        hue=QUIET,
        xref="paper",
        yref="paper",
        yanchor="top",
        yshift=-26,
    )
    return figure
