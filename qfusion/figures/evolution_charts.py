"""Entropies, correlations and contributions over the time of the evolution."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.decision_charts import condense_curves
from qfusion.figures.followed_series import TERMS, UPPER, line_meta
from qfusion.figures.guards import checks_arrays
from qfusion.figures.line_labels import offer_line_labels
from qfusion.figures.style import (
    QUIET,
    Theme,
    axis,
    base_figure,
    label,
    split_term,
    term_dash,
    title_with_unit,
)
from qfusion.figures.time_lines import (
    DOTTED,
    TIME,
    draw_time_cursor,
    learned_legend_entry,
    learned_line,
    merge_equal_series,
    part_colour,
    part_title,
    parts_title,
    parts_union,
    time_line,
    time_range,
    zero_and_cursor,
)

Curves = tuple[np.ndarray, Mapping[tuple[str, ...], np.ndarray]]  # times, and values by modalities


@checks_arrays(times="T", series="T")
def measure_lines(
    times: np.ndarray,
    series: Mapping[tuple[str, ...], np.ndarray],
    modalities: Sequence[str],
    y_title: str,
    *,
    between: str = "+",
    before: Curves | None = None,
    cursor: float | None = None,
    height: int = 300,
    theme: Theme = "light",
) -> go.Figure:
    """Draw lines over time, one per subset of modalities; equal ones once, under all their names.

    Args:
        times: (nT,) in model units; series: (nT,) each, by the modalities that they are of; () for all together.
        between: what stands between the names of modalities in the legend.
        before: times and series as learned, before a tweak, drawn thin and dotted.
    """
    was: Curves = (times, {}) if before is None else before
    lines = []
    for part, values in was[1].items():
        lines.append(learned_line(was[0], values, part_colour(part, modalities, theme), "y"))
    for parts, values in merge_equal_series(series):
        whole = parts_union(parts)
        lines.append(
            time_line(
                times,
                values,
                parts_title(parts, between),
                part_colour(whole, modalities, theme),
                term_dash("+".join(parts[0])),
                "y",
                group=between.join(whole),
            )
        )
    if before is not None:
        lines.append(learned_legend_entry())
    figure = base_figure(theme, height, legend=True, right=20, top=8)
    figure.add_traces(lines)
    figure.update_layout(
        hovermode="x unified",
        dragmode="zoom",
        xaxis={
            "title": {"text": TIME},
            "range": time_range(times, was[0]),
        },
        yaxis={"title": {"text": label(y_title)}},
    )
    offer_line_labels(figure, DOTTED if before is not None else "")
    return draw_time_cursor(figure, cursor, theme)


@checks_arrays(times="T", entropies="T", dividends="T")
def decision_lines(
    times: np.ndarray,
    entropies: Mapping[str, np.ndarray],
    dividends: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    *,
    before: tuple[np.ndarray, Mapping[str, np.ndarray], Mapping[str, np.ndarray]] | None = None,
    unit: str = "score",
    above: str = "entropy (nats)",
    what: str = "contribution",
    cursor: float | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Draw the entanglement above, decision below, on one time axis: who speaks, alone or jointly, and when.

    Args:
        times: (nT,); entropies: of the modalities, of groups of them, and of all together (""); dividends: by
            coalition, as if the state were read out at t; the baseline (the empty coalition) is left out. Shapley
            values by modality do too.
        above, what: axis names of the two.
        before: times, entropies and dividends before a tweak, drawn thin and dotted, "as learned" in the legend.
    """
    terms, others = condense_curves({name: part for name, part in dividends.items() if name})
    condensed = [name for name in dividends if name and name not in terms]
    was = before or (times, {}, {})
    lines = []
    for row, series in zip(("y", "y2"), was[1:], strict=True):
        for name, values in series.items():
            if row == "y" or name in terms:
                colour = part_colour(split_term(name), modalities, theme)
                lines.append(learned_line(was[0], values, colour, row))
    for parts, values in merge_equal_series(
        {tuple(split_term(name)): values for name, values in entropies.items()}
    ):
        whole = parts_union(parts)
        name = "+".join(whole)
        several = len(parts) > 1
        lines.append(
            time_line(
                times,
                values,
                parts_title(parts),
                part_colour(whole, modalities, theme),
                term_dash("+".join(parts[0])),
                "y",
                several or name not in terms,
                group=parts_title(parts) if several else name,
                meta=line_meta(UPPER, ["+".join(part) for part in parts], several),
            )
        )
    for name, values in terms.items():
        part = split_term(name)
        lines.append(
            time_line(
                times,
                values,
                part_title(part),
                part_colour(part, modalities, theme),
                term_dash(name),
                "y2",
                group=name,
                meta=line_meta(TERMS, [name]),
            )
        )
    for name, values in others.items():
        meta = line_meta(TERMS, condensed)
        lines.append(time_line(times, values, name, QUIET[theme], "dot", "y2", True, meta=meta))
    if before is not None:
        lines.append(learned_legend_entry())
    figure = base_figure(theme, 420, legend=True, right=20, top=8)
    figure.add_traces(lines)
    figure.update_layout(
        hovermode="x unified",
        dragmode="zoom",
        shapes=zero_and_cursor(theme, cursor),
        xaxis={
            "title": {"text": TIME},
            "range": time_range(times, was[0]),
            "anchor": "y2",
        },
        yaxis={"title": {"text": label(above)}, "domain": [0.56, 1.0], "rangemode": "tozero"},
        yaxis2=axis(theme) | {"domain": [0.0, 0.46]},
        yaxis2_title_text=title_with_unit(what, unit, "<br>"),
    )
    return offer_line_labels(figure, DOTTED if before is not None else "")
