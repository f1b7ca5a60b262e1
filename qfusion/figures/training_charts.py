"""Curves: training runs over epochs, shares with interval bands, and small curves for cards."""

import itertools
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from qfusion._checks import check
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.lines import part_colour, part_title
from qfusion.figures.parts import add_band, add_line, add_marks, add_note, segment
from qfusion.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PAPER,
    PURPLE,
    QUIET,
    SKY,
    VERMILLION,
    add_panes,
    base_figure,
    fade_colour,
    label,
    row_axis,
    split_term,
    term_colour,
    term_dash,
    term_title,
)

HUES = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GREY)
COLUMNS = 2  # of plots, one a run
Curve = tuple[np.ndarray, np.ndarray]  # epochs and values, (N,) each


def run_colour(place: int) -> str:
    """Return the colour of the run at a place among those shown."""
    return HUES[place % len(HUES)]


@checks_arrays()
def run_curves(
    solid: Mapping[str, Curve],
    dashed: Mapping[str, Curve] | None = None,
    *,
    hues: Mapping[str, str],
    y_title: str,
    kinds: tuple[str, str] = ("", ""),
    best_epochs: Mapping[str, int] | None = None,
    log: bool = False,
) -> Figure:
    """Draw a solid line per run over the epochs, and where it is given a dashed one.

    Args:
        solid, dashed: epochs and values by run.
        hues: by run.
        y_title: quantity on the y axis, with its unit.
        kinds: meaning of solid and dashed lines, for the legend, where there are both.
        best_epochs: the epoch whose weights a run keeps, which has a ring on the solid line.
        log: a logarithmic axis; values that are not positive are left out.
    """
    figure = base_figure(
        320, legend=True, left=56, right=12, x_title="epoch", y_title=label(y_title)
    )
    for name, curve in (dashed or {}).items():
        _add_curve(figure, name, curve, hues[name], kinds[1] or "dashed", log, is_solid=False)
    for name, curve in solid.items():
        _add_curve(figure, name, curve, hues[name], kinds[0], log, is_solid=True)
        best = (best_epochs or {}).get(name, -1)
        epochs, values = curve
        at = np.flatnonzero(epochs == best)
        if not len(at):
            continue
        add_marks(
            figure,
            epochs[at],
            values[at],
            PAPER,
            11,
            symbol="circle",
            rim=2.5,
            rim_hue=hues[name],
            showlegend=False,
            hovertemplate=f"{label(name)}: epoch %{{x}} is kept, %{{y:.4g}}<extra></extra>",
        )
    if all(kinds):
        add_line(figure, [None], [None], QUIET, 2, dash="dot", name=f"dotted: {kinds[1]}")
    # With a constant revision a reader's zoom outlives the next epoch.
    figure.update_layout(uirevision="zoom")
    drawn = [epochs for epochs, _ in (*solid.values(), *(dashed or {}).values())]
    figure.update_xaxes(**_epochs(drawn))
    if log:
        figure.update_yaxes(type="log", exponentformat="power", nticks=6)
    return figure


def _add_curve(
    figure: Figure, name: str, curve: Curve, hue: str, kind: str, log: bool, *, is_solid: bool
) -> None:
    """Add the line of a run.

    Raises:
        InvalidInput: when the numbers of epochs and values differ.
    """
    epochs, values = curve
    check(
        np.shape(epochs) == np.shape(values) and np.ndim(epochs) == 1,
        f"The curve of {name!r} must have as many values as epochs, but has shapes {np.shape(values)} and "
        f"{np.shape(epochs)}.",
    )
    if log:
        values = np.where(np.asarray(values) > 0, values, np.nan)
    if is_solid:
        line = {"color": hue, "width": 2.2, "dash": "solid"}
    else:
        line = {"color": hue, "width": 1.8, "dash": "dot"}
    tip = label(name)
    if kind:
        tip += ", " + kind
    figure.add_scatter(
        x=epochs,
        y=values,
        mode="lines" if len(epochs) > 1 else "markers",
        name=label(name, 40),
        connectgaps=False,
        line=line,
        marker={"color": hue, "size": 7},
        showlegend=is_solid,
        hovertemplate=f"{tip}<br>epoch %{{x}}: %{{y:.4g}}<extra></extra>",
    )


@checks_arrays()
def modality_curves(
    runs: Mapping[str, Mapping[str, Curve]],
    modalities: Mapping[str, Sequence[str]],
    *,
    y_title: str,
    marks: Mapping[str, float] | None = None,
) -> Figure:
    """Draw one plot a run: a line for each modality or coalition, in its colour and dash, all plots on one scale.

    Args:
        runs: by run, then by coalition: epochs and values.
        modalities: of each run, in their order.
        y_title: what goes up, with its unit.
        marks: a level of each run that is drawn as a dotted line.
    """
    names = [name for name, terms in runs.items() if terms]
    check(bool(names), "Argument `runs` must hold a run with at least one curve, but is empty.")
    down = -(-len(names) // min(COLUMNS, len(names)))
    figure = base_figure(330 * down, legend=True, left=56, right=8)
    titles = [f"<b>{label(name, 40)}</b>" for name in names]
    places = add_panes(figure, titles, COLUMNS, x_title="epoch", y_title=label(y_title))
    top = max(
        float(values.max()) for name in names for _, values in runs[name].values() if len(values)
    )
    lines: set[tuple[str, str]] = set()
    for name, place in zip(names, places, strict=True):
        for term, (epochs, values) in runs[name].items():
            hue = term_colour(term, modalities[name])
            add_line(
                figure,
                epochs,
                values,
                hue,
                2,
                dash=term_dash(term),
                mode="lines+markers",
                name=term_title(term),
                legendgroup=term_title(term),
                **place,
                showlegend=(term_title(term), hue) not in lines,
                marker={"size": 5, "color": hue},
                hovertemplate=f"{term_title(term)}<br>epoch %{{x}}: %{{y:.4g}}<extra></extra>",
            )
            lines.add((term_title(term), hue))
        figure.layout[place["xaxis"].replace("x", "xaxis")].update(
            _epochs([epochs for epochs, _ in runs[name].values()])
        )
        if marks and name in marks:
            line = segment(
                (0, 1),
                (marks[name], marks[name]),
                hue=QUIET,
                dash="dot",
                xref=f"{place['xaxis']} domain",
                yref=place["yaxis"],
            )
            figure.add_shape(line)
    figure.update_layout(uirevision="zoom")
    figure.update_yaxes(range=[min(0.0, -0.02 * top), 1.08 * max(top, 1e-9)], nticks=5)
    return figure


def _epochs(all_epochs: Sequence[np.ndarray]) -> dict[str, object]:
    """Return an axis of whole epochs from the first, or from where the first begins if it is drawn."""
    first = min([float(epochs[0]) for epochs in all_epochs if len(epochs)], default=1.0)
    start = 0.0 if first < 1 else 1.0
    last = max([float(epochs[-1]) for epochs in all_epochs if len(epochs)], default=1.0)
    end = max(last, start + 1)
    pad = 0.03 * (end - start)
    return {
        "range": [start - pad, end + pad],
        "tickformat": "d",
        "nticks": 8,
        **({"dtick": 1} if last <= 8 else {}),
    }


class Measured(NamedTuple):
    """A metric on test samples: its name, mean and standard deviation over training seeds (0 for one seed), the
    value of the loaded seed (nan if it is not known), and whether the metric lies in [0, 1].
    """

    name: str
    mean: float
    std: float
    own: float
    is_share: bool


@checks_arrays(rows="N+")
def test_metrics(rows: Sequence[Measured]) -> Figure:
    """Draw metrics, one a row: mean over seeds as a dot, its standard deviation as a bar, the loaded seed as a ring.

    Args:
        rows: the metrics, the first on top; those outside of [0, 1] are written only.
    """
    shares = [row for row in rows if row.is_share]
    low = min(
        [row.mean - row.std for row in shares] + [row.own for row in shares if row.own == row.own],
        default=0,
    )
    figure = base_figure(
        52 + 25 * len(rows),
        left=10,
        right=118,
        top=6,
        bottom=40,
        x_axis={
            "range": [max(-1.0, min(0.5, low - 0.05) if low > 0.5 else low - 0.1), 1.005],
            "nticks": 6,
        },
    )
    for place, row in enumerate(rows):
        text = f"{row.mean:.3f}"
        if row.std:
            text += f" ± {row.std:.3f}"
        add_note(figure, text, 1, place, xref="paper", xanchor="left", xshift=12, yanchor="middle")
        if row.is_share:
            add_line(
                figure,
                [row.mean - row.std, row.mean + row.std],
                [place, place],
                BLUE,
                3,
                hoverinfo="skip",
            )
            add_marks(
                figure,
                [row.mean],
                [place],
                BLUE,
                9,
                hovertemplate=f"{label(row.name)}: {text}<extra></extra>",
            )
            add_marks(
                figure,
                [row.own],
                [place],
                INK,
                13,
                symbol="circle-open",
                rim=1.5,
                hovertemplate=f"{label(row.name)}, this model: %{{x:.3f}}<extra></extra>",
            )
    # from the half below the lowest, so that differences are seen; never below -1, where correlations end
    figure.update_yaxes(
        **row_axis([label(row.name) for row in rows], 0.4, 0.6),
    )
    return figure


@checks_arrays()
def banded_curves(
    x: np.ndarray,
    lines: Mapping[str, tuple[np.ndarray, ...]],
    *,
    hues: Mapping[str, str],
    x_title: str,
    y_title: str,
    behind: np.ndarray | None = None,
    behind_name: str = "",
    marks: Mapping[str, float] | None = None,
) -> Figure:
    """Draw lines with interval bands as shares, with the lines of a control in grey behind them.

    Args:
        x: (X,). lines: value, low and high, (X,) each, by name. hues: of these.
        x_title, y_title: of the axes; y are shares. behind: of the control, (R, X). behind_name: what it is.
        marks: where a line is marked, by its name.
    """
    figure = base_figure(
        330,
        legend=True,
        x_title=label(x_title),
        y_title=label(y_title),
        y_axis={"tickformat": ".0%"},
    )
    for place, values in enumerate(() if behind is None else behind):
        add_line(
            figure,
            x,
            values,
            fade_colour(GREY, 0.5),
            1,
            name=label(behind_name),
            showlegend=place == 0,
            hoverinfo="skip",
        )
    for name, (values, low, high) in lines.items():
        add_band(
            figure,
            x,
            low,
            high,
            fade_colour(hues[name], 0.2),
            line={"width": 0, "color": hues[name]},
            showlegend=False,
        )
        add_line(
            figure,
            x,
            values,
            hues[name],
            2.2,
            mode="lines+markers",
            name=label(name),
            marker={"color": hues[name], "size": 6},
            hovertemplate=f"{label(name)}, {label(x_title)} %{{x}}: %{{y:.0%}}<extra></extra>",
        )
    for name, at in (marks or {}).items():
        figure.add_vline(x=at, line={"color": hues.get(name, QUIET), "dash": "dot"})
    return figure


@checks_arrays()
def sparkline(
    times: np.ndarray, series: Mapping[str, np.ndarray], modalities: Sequence[str]
) -> Figure:
    """Draw small entropies over time with the end values written out, for cards."""
    figure = base_figure(
        122,
        left=34,
        right=88,
        top=6,
        bottom=40,
        x_title="time t",
        x_axis={"range": [0, float(times[-1])], "nticks": 3},
    )
    top = 1.2 * max((float(np.max(v)) for v in series.values()), default=1.0) or 1.0
    # A line of text is so high in units of the axis.
    heights = _spread_heights(
        [float(values[-1]) for values in series.values()], 0.19 * top, 0.93 * top
    )
    for (name, values), height in zip(series.items(), heights, strict=True):
        hue = part_colour(split_term(name), modalities)
        title = part_title(split_term(name))
        add_line(
            figure,
            times,
            values,
            hue,
            2.2,
            dash=term_dash(name),
            hovertemplate=f"{title} %{{y:.2f}}<extra></extra>",
        )
        add_note(
            figure,
            f"{title} {values[-1]:.2f}",
            float(times[-1]),
            height,
            size=11,
            xanchor="left",
            xshift=5,
        )
    figure.update_xaxes(title_font_size=11, tickfont_size=11)
    figure.update_yaxes(nticks=3, range=[0, top], tickfont_size=11)
    return figure


def _spread_heights(values: Sequence[float], gap: float, highest: float) -> list[float]:
    """Return heights near `values`, at least `gap` apart, at most `highest`, so that end labels neither overlap nor
    leave.
    """
    heights = np.asarray(values, dtype=float).copy()
    for lower, upper in itertools.pairwise(np.argsort(values)):
        heights[upper] = max(heights[upper], heights[lower] + gap)
    heights += np.mean(values) - heights.mean()
    return (heights - max(0.0, float(heights.max()) - highest)).tolist()
