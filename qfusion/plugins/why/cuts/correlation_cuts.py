"""Scores, metrics and terms after the correlations of a modality were removed, against the time of the removal."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.guards import checks_arrays
from qfusion.figures.lines import (
    draw_time_cursor,
    merge_equal_series,
    part_colour,
    parts_title,
    parts_union,
    time_line,
    time_range,
)
from qfusion.figures.style import (
    INK,
    QUIET,
    axis,
    base_figure,
    fade_colour,
    label,
    term_colour,
    term_dash,
    term_title,
    title_with_unit,
)

# Scores, metrics and terms after the correlations of a modality were taken away, against the time of the cut.

CUT_TIME = "time t of the cut (model units, ħ = 1)"
#: kind of cut -> what a legend and an axis call it, and its line.
KINDS: dict[str, tuple[str, str]] = {
    "cut": ("all correlation cut", "solid"),
    "dephased": ("classical part kept", "dash"),
    "held": ("never correlated before t", "dashdot"),
}


@checks_arrays()
def cut_curves(
    times: np.ndarray,
    scores: Mapping[str, Mapping[str, np.ndarray]],
    undisturbed: float,
    modalities: Sequence[str],
    *,
    unit: str = "score",
    cursor: float | None = None,
) -> go.Figure:
    """Draw the explained output of one sample after a cut, one line a modality and kind of cut.

    Args:
        times: (nT,). scores: (nT,) each, by kind of `KINDS`, then by modality. undisturbed: without a cut.
        modalities: of the model, in their order. cursor: a time that is marked.
    """
    figure = base_figure(340, legend=True, right=20, top=8)
    titled: set[str] = set()  # lines with an entry in the legend
    for kind, lines in scores.items():
        for title, hue, values in _distinct_lines(lines, modalities):
            figure.add_trace(
                time_line(
                    times,
                    values,
                    title,
                    hue,
                    KINDS[kind][1],
                    "y",
                    title not in titled,
                    KINDS[kind][0],
                )
            )
            titled.add(title)
    figure.add_trace(
        time_line(
            time_range(times),
            [undisturbed] * 2,
            "undisturbed",
            INK,
            "dot",
            "y",
            width=1.5,
        )
    )
    for title, dash in [KINDS[kind] for kind in scores] if len(scores) > 1 else ():
        figure.add_trace(
            {
                "type": "scatter",
                "x": [None],
                "y": [None],
                "mode": "lines",
                "name": title,
                "hoverinfo": "skip",
                "line": {"width": 2.5, "color": QUIET, "dash": dash},
            }
        )
    figure.update_layout(
        hovermode="x unified",
        dragmode="zoom",
        yaxis_title_text=label(unit),
        xaxis={"title": {"text": CUT_TIME}, "range": time_range(times)},
    )
    return draw_time_cursor(figure, cursor)


@checks_arrays()
def cut_terms(
    times: np.ndarray,
    sizes: Mapping[str, Mapping[str, np.ndarray]],
    modalities: Sequence[str],
    *,
    whose: str = "",
    unit: str = "score",
    cursor: float | None = None,
) -> go.Figure:
    """Draw the sizes of the terms after a cut, a plot a kind of cut.

    Args:
        times: (nT,). sizes: |dividend| (nT,) each, by kind of `KINDS`, then by coalition; the baseline is left out.
        whose: the modality that is cut, for the axis.
        modalities, cursor: as for `cut_curves`.
    """
    figure, rows = _stacked_plots(
        times, list(sizes), title_with_unit("|contribution|", unit, "<br>"), "tozero"
    )
    for terms_after, row in zip(sizes.values(), rows, strict=True):
        for name, values in terms_after.items():
            if name:
                figure.add_trace(
                    time_line(
                        times,
                        values,
                        term_title(name),
                        term_colour(name, modalities),
                        term_dash(name),
                        row,
                        row == "y",
                    )
                )
    if whose:
        figure.update_layout(xaxis_title_text=CUT_TIME.replace("cut", f"cut of {label(whose)}"))
    return draw_time_cursor(figure, cursor)


@checks_arrays()
def cut_metric(
    times: np.ndarray,
    lines: Mapping[str, Mapping[str, tuple[np.ndarray, ...]]],
    levels: Mapping[str, float],
    modalities: Sequence[str],
    *,
    y_title: str,
) -> go.Figure:
    """Draw a metric over many samples after a cut, a plot a kind of cut, with bands.

    Args:
        times: (nT,). lines: by kind of `KINDS`, then by modality: the metric (nT,), and low and high where it has an
            interval. levels: what is drawn as lines across: "undisturbed" first, "chance", ...
        y_title: the metric, with its sample size. modalities: as for `cut_curves`.
    """
    figure, rows = _stacked_plots(times, list(lines), label(y_title), "normal")
    cut, solid = KINDS["cut"]
    titled: set[str] = set()
    for bands, row in zip(lines.values(), rows, strict=True):
        first = row == "y"
        for name, (_, *ends) in bands.items():
            if ends:
                figure.add_trace(
                    {
                        "type": "scatter",
                        "x": np.concatenate([times, times[::-1]]),
                        "y": np.concatenate([ends[1], ends[0][::-1]]),
                        "yaxis": row,
                        "mode": "lines",
                        "line": {"width": 0, "color": term_colour(name, modalities)},
                        "fill": "toself",
                        "fillcolor": fade_colour(term_colour(name, modalities), 0.16),
                        "name": term_title(name),
                        "showlegend": False,
                        "legendgroup": term_title(name),
                        "hoverinfo": "skip",
                    }
                )
        means = {name: values for name, (values, *_) in bands.items()}
        for title, hue, values in _distinct_lines(means, modalities):
            figure.add_trace(
                time_line(
                    times, values, title, hue, solid, row, title not in titled, cut if first else ""
                )
            )
            titled.add(title)
        for (name, level), dash in zip(
            levels.items(), ("dot", "dash", "dashdot", "longdash"), strict=False
        ):
            figure.add_trace(
                time_line(
                    time_range(times),
                    [level] * 2,
                    label(name),
                    (INK if name == "undisturbed" else QUIET),
                    dash,
                    row,
                    first,
                    width=1.5,
                )
            )
    figure.update_layout({f"yaxis{row[1:]}": {"matches": "y"} for row in rows[1:]})
    return figure


def _distinct_lines(
    lines: Mapping[str, np.ndarray], modalities: Sequence[str]
) -> Iterator[tuple[str, str, np.ndarray]]:
    """Yield title, colour and values of every different line: of two modalities, a cut of either is the same cut."""
    for parts, values in merge_equal_series({(name,): line for name, line in lines.items()}):
        yield parts_title(parts), part_colour(parts_union(parts), modalities), values


def _stacked_plots(
    times: np.ndarray, kinds: list[str], title: str, mode: str
) -> tuple[go.Figure, list[str]]:
    """Draw an empty plot a kind of cut on one axis of time, and the names of their upright axes."""
    check(
        0 < len(kinds) <= len(KINDS),
        f"There must be one to {len(KINDS)} kinds of cut, but there are {len(kinds)}.",
    )
    rows = ["y", "y2", "y3"][: len(kinds)]
    gap = 0.08
    height = (1 - gap * (len(kinds) - 1)) / len(kinds)
    figure = base_figure(140 + 180 * len(kinds), legend=True, right=20, top=8, left=72)
    figure.update_layout(
        hovermode="x unified",
        dragmode="zoom",
        xaxis={"title": {"text": CUT_TIME}, "range": time_range(times), "anchor": rows[-1]},
    )
    for place, (row, kind) in enumerate(zip(rows, kinds, strict=True)):
        top = 1 - place * (height + gap)
        look = axis() | {"domain": [max(0.0, top - height), top], "rangemode": mode}
        look["title"] |= {"text": f"{KINDS[kind][0]}:<br>{title}"}
        figure.update_layout({f"yaxis{row[1:]}": look})
    return figure, rows
