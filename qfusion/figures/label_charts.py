"""A model beside people's labels of single modalities: agreement with intervals, and labels against contributions."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.explain.bootstrap import Interval
from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    GREY,
    INK,
    PAPER,
    QUIET,
    Theme,
    add_panes,
    base_figure,
    fade_colour,
    label,
    row_axis,
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
    theme: Theme = "light",
) -> go.Figure:
    """Draw one row per name, with one dot and its interval per series, over the range of a control.

    Args:
        names: of the rows. series: by what it is called, (rows, 3): value, low and high; NaN where there is none.
        hues: of the rows. band: low and high of the control, (rows, 2), NaN where there is none.
        percent: values are shares. zero: whether the axis contains 0, marked by a line; it need not for metrics.
    """
    named = len(series) > 1 or band is not None
    row = 34 if len(series) <= 3 else 12 * len(series)
    figure = base_figure(
        theme, 70 + 26 * named + row * len(names), left=10, right=20, top=8, bottom=46, legend=named
    )
    shift = 0.22
    text = ".1%" if percent else "+.2f" if zero else ".3f"
    if band is not None and np.isfinite(band).all(1).any():
        figure.update_layout(
            shapes=[
                {
                    "type": "rect",
                    "x0": low,
                    "x1": high,
                    "y0": y - 0.36,
                    "y1": y + 0.36,
                    "layer": "below",
                    "line": {"width": 0},
                    "fillcolor": fade_colour(GREY, 0.3),
                }
                for y, (low, high) in enumerate(band)
                if np.isfinite([low, high]).all()
            ]
        )
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=label(band_name),
            hoverinfo="skip",
            marker={"symbol": "square", "size": 12, "color": fade_colour(GREY, 0.3)},
        )
    for place, (name, values) in enumerate(series.items()):
        at = (place - (len(series) - 1) / 2) * shift
        symbol = SYMBOLS[place % len(SYMBOLS)]
        sentence = label(name)
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="markers",
            name=sentence,
            hoverinfo="skip",
            marker={"symbol": symbol, "size": 9, "color": INK[theme], "line": {"width": 2}},
        )
        for y, (value, low, high) in enumerate(values):
            if np.isfinite(value):
                known = bool(np.isfinite([low, high]).all())
                tip = f" ({low:{text}} to {high:{text}})" if known else ""
                figure.add_scatter(
                    x=[value],
                    y=[y + at],
                    mode="markers",
                    showlegend=False,
                    name=sentence,
                    marker={
                        "symbol": symbol,
                        "size": 9,
                        "color": hues[y],
                        "line": {"width": 2, "color": hues[y]},
                    },
                    error_x={
                        "type": "data",
                        "array": [max(0.0, high - value)],
                        "arrayminus": [max(0.0, value - low)],
                        "color": hues[y],
                        "thickness": 2,
                        "width": 4,
                    }
                    if known
                    else None,
                    hovertemplate=f"{sentence}: %{{x:{text}}}{tip}<extra></extra>",
                )
    ends = np.array(
        [
            *([0.0] if zero else []),
            *np.ravel(list(series.values())),
            *(np.ravel(band) if band is not None else ()),
        ]
    )
    ends = ends[np.isfinite(ends)]
    room = 0.06 * max(float(np.ptp(ends)), 1e-9)
    if zero:
        figure.add_vline(
            x=0, line={"color": QUIET[theme], "dash": "dot", "width": 1}, layer="below"
        )
    figure.update_xaxes(
        title={"text": label(x_title, 90)},
        tickformat=".0%" if percent else "",
        nticks=7,
        range=[float(ends.min()) - room, float(ends.max()) + room],
    )
    figure.update_yaxes(
        **row_axis([term_title(name) for name in names]),
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
    theme: Theme = "light",
) -> go.Figure:
    """Draw small scatters, one a modality: own terms across, labels up, and the means of bins of the term as a line.

    Args:
        terms, labels: by modality, (n,) each. bins: by modality, mean terms and mean labels, (k,) each.
        notes: by modality, what stands under its name.
    """
    check(
        all(np.shape(terms[name]) == np.shape(labels[name]) for name in terms),
        "Arguments `terms` and `labels` must have one length in every modality.",
    )
    figure = base_figure(theme, 290, left=50, right=8, top=8, bottom=52)
    titles = [f"<b>{term_title(name)}</b><br>{label(notes.get(name, ''))}" for name in terms]
    places = add_panes(
        figure,
        titles,
        len(titles),
        theme,
        head=36,
        x_title=label(x_title, 90),
        y_title=label(y_title),
    )
    for (name, own), place in zip(terms.items(), places, strict=True):
        hue = term_colour(name, modalities)
        figure.add_scatter(
            x=own,
            y=labels[name],
            mode="markers",
            **place,
            marker={"size": 4, "color": fade_colour(hue, 0.35), "line": {"width": 0}},
            hovertemplate="own term %{x:+.2f}, label %{y:+.2f}<extra></extra>",
        )
        figure.add_scatter(
            x=bins[name][0],
            y=bins[name][1],
            mode="lines+markers",
            **place,
            line={"color": hue, "width": 2},
            marker={"size": 9, "color": hue, "line": {"width": 1.5, "color": PAPER[theme]}},
            hovertemplate="bin: own term %{x:+.2f}, mean label %{y:+.2f}<extra></extra>",
        )
    figure.update_xaxes(nticks=4, tickangle=0)
    figure.update_yaxes(nticks=4)
    return figure
