"""A decision along a coordinate: entropies, correlations and contributions over time, layers or an angle."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from qfusion.figures.decision_charts import condense_curves
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.lines import (
    DOTTED,
    TERMS,
    TIME,
    UPPER,
    draw_time_cursor,
    learned_legend_entry,
    learned_line,
    line_meta,
    merge_equal_series,
    offer_line_labels,
    part_colour,
    part_title,
    parts_title,
    parts_union,
    time_line,
    time_range,
    zero_and_cursor,
)
from qfusion.figures.parts import add_line, add_marks, note, segment
from qfusion.figures.style import (
    INK,
    PAPER,
    QUIET,
    Attributes,
    axis,
    base_figure,
    label,
    split_term,
    term_colour,
    term_dash,
    term_title,
    title_with_unit,
)

Curves = tuple[np.ndarray, Mapping[tuple[str, ...], np.ndarray]]  # times, and values by modalities


@checks_arrays(times="T", series="T")
def measure_lines(
    times: np.ndarray,
    series: Mapping[tuple[str, ...], np.ndarray],
    modalities: Sequence[str],
    y_title: str,
    *,
    before: Curves | None = None,
    cursor: float | None = None,
    height: int = 300,
) -> Figure:
    """Draw lines over time, one per subset of modalities; equal ones once, under all their names.

    Args:
        times: (nT,) in model units; series: (nT,) each, by the modalities that they are of; () for all together.
        before: times and series as learned, before a tweak, drawn thin and dotted.
    """
    was: Curves = (times, {}) if before is None else before
    lines = []
    for part, values in was[1].items():
        lines.append(learned_line(was[0], values, part_colour(part, modalities), "y"))
    for parts, values in merge_equal_series(series):
        whole = parts_union(parts)
        lines.append(
            time_line(
                times,
                values,
                parts_title(parts),
                part_colour(whole, modalities),
                term_dash("+".join(parts[0])),
                "y",
                group="+".join(whole),
            )
        )
    if before is not None:
        lines.append(learned_legend_entry())
    figure = base_figure(height, legend=True, right=20, top=8, x_title=TIME, y_title=label(y_title))
    figure.add_traces(lines)
    figure.update_layout(
        hovermode="x unified",
        dragmode="zoom",
        xaxis={"range": time_range(times, was[0])},
    )
    offer_line_labels(figure, DOTTED if before is not None else "")
    return draw_time_cursor(figure, cursor)


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
) -> Figure:
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
                colour = part_colour(split_term(name), modalities)
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
                part_colour(whole, modalities),
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
                part_colour(part, modalities),
                term_dash(name),
                "y2",
                group=name,
                meta=line_meta(TERMS, [name]),
            )
        )
    for name, values in others.items():
        meta = line_meta(TERMS, condensed)
        lines.append(time_line(times, values, name, QUIET, "dot", "y2", True, meta=meta))
    if before is not None:
        lines.append(learned_legend_entry())
    figure = base_figure(420, legend=True, right=20, top=8, x_title=TIME, y_title=label(above))
    figure.add_traces(lines)
    figure.update_layout(
        hovermode="x unified",
        dragmode="zoom",
        shapes=zero_and_cursor(cursor),
        xaxis={"range": time_range(times, was[0]), "anchor": "y2"},
        yaxis={"domain": [0.56, 1.0], "rangemode": "tozero"},
        yaxis2=axis(title_with_unit(what, unit, "<br>")) | {"domain": [0.0, 0.46]},
    )
    return offer_line_labels(figure, DOTTED if before is not None else "")


@checks_arrays(moments="T", entropies="T", terms="T")
def decision_layers(
    moments: Sequence[str],
    entropies: Mapping[str, np.ndarray],
    terms: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    *,
    unit: str = "score",
    what: str = "contribution",
    cursor: int | None = None,
) -> Figure:
    """Draw the entropies above and terms below over the moments between layers.

    Args:
        moments: names, T of them. entropies: (T,) in nats, keyed by what to write in the legend.
        terms: (T,) by coalition or modality, as if the circuit stopped there; the empty coalition is left out.
        cursor: place of the moment that is marked.
    """
    places = np.arange(len(moments))
    shown, others = condense_curves(terms)
    figure = base_figure(
        460, legend=True, right=24, top=8, x_title="place in the network", y_title="nats"
    )
    marks = {"mode": "lines+markers", "marker": {"size": 7}}
    dashes = ("solid", "dash", "dot", "dashdot")
    for (name, values), dash in zip(entropies.items(), dashes, strict=False):
        add_line(
            figure,
            places,
            values,
            INK,
            2.5,
            dash=dash,
            name=label(name),
            hovertemplate=f"{label(name)}: %{{y:.3f}}<extra></extra>",
            **marks,
        )
    lines: list[tuple[str, np.ndarray, str, str, Attributes]] = [
        (term_title(name), values, term_colour(name, modalities), term_dash(name), marks)
        for name, values in shown.items()
        if name
    ]
    lines += [(name, values, QUIET, "dot", {}) for name, values in others.items()]
    for title, values, hue, dash, look in lines:
        add_line(
            figure,
            places,
            values,
            hue,
            2.5,
            dash=dash,
            yaxis="y2",
            name=title,
            hovertemplate=f"{title}: %{{y:+.3f}}<extra></extra>",
            **look,
        )
    figure.update_layout(
        hovermode="x unified",
        shapes=zero_and_cursor(cursor),
        xaxis={
            "tickvals": places.tolist(),
            "ticktext": ["<br>".join(label(name).rsplit(" ", 1)) for name in moments],
            "tickangle": 0,
            "range": [-0.15, len(moments) - 0.85],
            "anchor": "y2",
        },
        yaxis={"domain": [0.58, 1.0], "rangemode": "tozero"},
        yaxis2=axis(title_with_unit(what, unit, "<br>")) | {"domain": [0.0, 0.48]},
    )
    return figure


_ABOVE, _BELOW, _ALONE = (
    (0.54, 0.94),
    (0.0, 0.44),
    (0.0, 0.94),
)  # shares of the height of score and contributions


@checks_arrays(angles="A", scores="A", flips="F")
def angle_curve(
    angles: np.ndarray,
    scores: np.ndarray,
    terms: Mapping[str, np.ndarray],
    modalities: Sequence[str],
    *,
    present: tuple[float, float],
    learned: float,
    flips: np.ndarray,
    decisions: Sequence[str] = (),
    unit: str = "score",
    x_title: str = "angle (rad)",
) -> Figure:
    """Draw the score above and its contributions below, with lines where the decision changes.

    Args:
        angles: in radians, (A,). scores: there, (A,). terms: contributions by coalition, (A,) each; the empty one, the
            baseline, is drawn in grey. Without any the score alone is drawn.
        present: angle and score as they stand. learned: angle as learned, marked where it differs.
        flips: angles at which the decision changes, (F,). decisions: between them and at both ends, F + 1 names, or
            none.
        unit: of the score. x_title: of the angle.
    """
    above = _ABOVE if terms else _ALONE
    height = 430 if terms else 300
    figure = base_figure(height, left=66, right=20, top=8, legend=bool(terms))
    add_line(
        figure,
        angles,
        scores,
        INK,
        2.5,
        name="sum",
        hovertemplate="%{x:.2f} rad: %{y:+.3f}<extra></extra>",
    )
    for name, values in terms.items():
        title = term_title(name) if name else "baseline"
        add_line(
            figure,
            angles,
            values,
            term_colour(name, modalities) if name else QUIET,
            2 if name else 1.5,
            dash=term_dash(name) if name else "solid",
            yaxis="y2",
            name=title,
            hovertemplate=f"{title}, %{{x:.2f}} rad: %{{y:+.3f}}<extra></extra>",
        )
    add_marks(
        figure,
        [present[0]],
        [present[1]],
        PAPER,
        11,
        rim_hue=INK,
        rim=2.5,
        name="now",
        showlegend=False,
        hovertemplate="now, %{x:.2f} rad: %{y:+.3f}<extra></extra>",
    )
    figure.update_layout(
        hovermode="closest",
        shapes=_lines(angles, present[0], learned, flips, above),
        annotations=_decided(angles, flips, decisions),
        xaxis={
            "range": [float(angles[0]), float(angles[-1])],
            "anchor": "y2" if terms else "y",
            "title": {"text": label(x_title, 80)},
            **_multiples_of_pi(float(angles[0]), float(angles[-1])),
        },
        yaxis={"domain": list(above), "title": {"text": label(unit, 40)}},
    )
    if not terms:
        return figure
    below = axis(title_with_unit("contribution", unit, "<br>")) | {"domain": list(_BELOW)}
    figure.update_layout(yaxis2=below)
    return offer_line_labels(figure)


def _lines(
    angles: np.ndarray,
    present: float,
    learned: float,
    flips: np.ndarray,
    above: tuple[float, float],
) -> list[Attributes]:
    """The present and learned angle, the zero of the contributions, and the flips, from `above` of the height."""
    place: Attributes = {"yref": "paper", "layer": "below"}
    top = above[1]
    shapes = [segment((present, present), (0, top), hue=QUIET, **place)]
    if abs(learned - present) > 1e-6:
        shapes.append(segment((learned, learned), (0, top), dash="dot", **place))
    if above != _ALONE:
        ends = float(angles[0]), float(angles[-1])
        shapes.append(segment(ends, (0, 0), yref="y2", layer="below"))
    for flip in flips.tolist():
        shapes.append(segment((flip, flip), above, hue=INK, width=1.5, dash="dash", **place))
    return shapes


def _decided(angles: np.ndarray, flips: np.ndarray, decisions: Sequence[str]) -> list[Attributes]:
    """The decision, above the plot, between the angles at which it changes."""
    ends = np.concatenate([angles[:1], flips, angles[-1:]])
    whole = float(angles[-1] - angles[0])
    return [
        note(
            label(name, 18),
            float((left + right) / 2),
            _ABOVE[1],
            hue=QUIET,
            yref="paper",
            yanchor="bottom",
            yshift=3,
        )
        for left, right, name in zip(ends[:-1], ends[1:], decisions, strict=False)
        if right - left > 0.09 * whole  # room for a word
    ]


def _multiples_of_pi(low: float, high: float) -> Attributes:
    """Ticks at multiples of pi / 2, or of pi over more than one turn."""
    step = math.pi / 2 if high - low < 7 else math.pi
    values = [
        k * step for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    ]
    return {"tickvals": values, "ticktext": [_as_pi(value) for value in values]}


def _as_pi(value: float) -> str:
    halves = round(2 * value / math.pi)
    sign, size = "−" if halves < 0 else "", abs(halves)
    if size == 0:
        return "0"
    over = "" if size % 2 == 0 else "/2"
    count = size if over else size // 2
    return f"{sign}{'' if count == 1 else count}π{over}"
