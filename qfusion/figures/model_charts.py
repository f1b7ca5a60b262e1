"""A model as a whole: numbers with intervals as dots, and people's labels beside it."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from qfusion._checks import check
from qfusion.explain.bootstrap import Interval
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import (
    add_legend_mark,
    add_line,
    add_marks,
    add_vertical_rule,
    error_bars,
    rectangle,
)
from qfusion.figures.style import (
    GREY,
    INK,
    PAPER,
    QUIET,
    add_panes,
    base_figure,
    fade_colour,
    label,
    term_colour,
    term_title,
)

# A model beside people's labels: numbers with intervals as dots, and labels over own terms.

SYMBOLS = ("circle", "diamond-open", "square-open", "triangle-up-open")


def interval_ends(intervals: Iterable[Interval | None]) -> np.ndarray:
    """Return value, low and high of intervals in the form that `interval_dots` takes, (rows, 3). A row is NaN if
    there is no interval.
    """
    return np.array(
        [(np.nan,) * 3 if one is None else (one.value, one.low, one.high) for one in intervals],
        float,
    ).reshape(-1, 3)


@checks_arrays("series", "band", names="N", hues="N", series="N 3")
def interval_dots(
    names: Sequence[str],
    series: Mapping[str, np.ndarray],
    *,
    hues: Sequence[str],
    x_title: str,
    band: np.ndarray | None = None,
    band_name: str = "",
    percent: bool = False,
    zero: bool = True,
) -> Figure:
    """Draw one row per name, with one dot and its interval per series, over the range of a control.

    Args:
        names: of the rows. series: by what it is called, (rows, 3): value, low and high; NaN where there is none.
        hues: of the rows. band: low and high of the control, (rows, 2), NaN where there is none.
        percent: values are shares. zero: whether the axis contains 0, marked by a line; it need not for metrics.
    """
    named = len(series) > 1 or band is not None
    row = 34 if len(series) <= 3 else 12 * len(series)
    figure = base_figure(
        70 + 26 * named + row * len(names),
        left=10,
        right=20,
        top=8,
        bottom=46,
        legend=named,
        x_title=label(x_title, 90),
        rows=[term_title(name) for name in names],
    )
    shift = 0.22
    text = ".1%" if percent else "+.2f" if zero else ".3f"
    if band is not None and np.isfinite(band).all(1).any():
        figure.update_layout(
            shapes=[
                rectangle((low, high), (y - 0.36, y + 0.36), fade_colour(GREY, 0.3), layer="below")
                for y, (low, high) in enumerate(band)
                if np.isfinite([low, high]).all()
            ]
        )
        grey = {"symbol": "square", "size": 12, "color": fade_colour(GREY, 0.3)}
        add_legend_mark(figure, label(band_name), grey, hoverinfo="skip")
    for place, (name, values) in enumerate(series.items()):
        at = (place - (len(series) - 1) / 2) * shift
        symbol = SYMBOLS[place % len(SYMBOLS)]
        sentence = label(name)
        mark = {"symbol": symbol, "size": 9, "color": INK, "line": {"width": 2}}
        add_legend_mark(figure, sentence, mark, hoverinfo="skip")
        for y, (value, low, high) in enumerate(values):
            if np.isfinite(value):
                known = bool(np.isfinite([low, high]).all())
                tip = f" ({low:{text}} to {high:{text}})" if known else ""
                add_marks(
                    figure,
                    [value],
                    [y + at],
                    hues[y],
                    9,
                    symbol=symbol,
                    rim=2,
                    rim_hue=hues[y],
                    showlegend=False,
                    name=sentence,
                    error_x=error_bars(
                        [max(0.0, high - value)], hues[y], minus=[max(0.0, value - low)]
                    )
                    if known
                    else None,
                    hovertemplate=f"{sentence}: %{{x:{text}}}{tip}<extra></extra>",
                )
    numbers = [np.ravel(part) for part in series.values()]
    if band is not None:
        numbers.append(np.ravel(band))
    if zero:
        numbers.append(np.zeros(1))
    ends = np.concatenate(numbers)
    ends = ends[np.isfinite(ends)]
    room = 0.06 * max(float(np.ptp(ends)), 1e-9)
    if zero:
        add_vertical_rule(figure, 0, hue=QUIET, dash="dot")
    figure.update_xaxes(
        tickformat=".0%" if percent else "",
        nticks=7,
        range=[float(ends.min()) - room, float(ends.max()) + room],
    )
    return figure


@checks_arrays()
def calibration(
    terms: Mapping[str, np.ndarray],
    labels: Mapping[str, np.ndarray],
    bins: Mapping[str, tuple[np.ndarray, np.ndarray]],
    modalities: Sequence[str],
    *,
    notes: Mapping[str, str],
    x_title: str,
    y_title: str,
) -> Figure:
    """Draw small scatters, one a modality: own terms across, labels up, and the means of bins of the term as a line.

    Args:
        terms, labels: by modality, (n,) each. bins: by modality, mean terms and mean labels, (k,) each.
        notes: by modality, what stands under its name.
    """
    check(
        all(np.shape(terms[name]) == np.shape(labels[name]) for name in terms),
        "Arguments `terms` and `labels` must have one length in every modality.",
    )
    figure = base_figure(290, left=50, right=8, top=8, bottom=52)
    titles = [f"<b>{term_title(name)}</b><br>{label(notes.get(name, ''))}" for name in terms]
    places = add_panes(
        figure, titles, len(titles), head=36, x_title=label(x_title, 90), y_title=label(y_title)
    )
    for (name, own), place in zip(terms.items(), places, strict=True):
        hue = term_colour(name, modalities)
        add_marks(
            figure,
            own,
            labels[name],
            fade_colour(hue, 0.35),
            4,
            rim=0,
            **place,
            hovertemplate="own term %{x:+.2f}, label %{y:+.2f}<extra></extra>",
        )
        add_line(
            figure,
            bins[name][0],
            bins[name][1],
            hue,
            2,
            mode="lines+markers",
            **place,
            marker={"size": 9, "color": hue, "line": {"width": 1.5, "color": PAPER}},
            hovertemplate="bin: own term %{x:+.2f}, mean label %{y:+.2f}<extra></extra>",
        )
    figure.update_xaxes(nticks=4, tickangle=0)
    figure.update_yaxes(nticks=4)
    return figure
