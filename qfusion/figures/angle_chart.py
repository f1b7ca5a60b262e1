"""A score, and the contributions that add up to it, over one angle of a circuit."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.guards import checks_arrays
from qfusion.figures.line_labels import offer_line_labels
from qfusion.figures.style import (
    INK,
    LINE,
    PAPER,
    QUIET,
    Theme,
    axis,
    base_figure,
    label,
    term_colour,
    term_dash,
    term_title,
    title_with_unit,
)

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
    theme: Theme = "light",
) -> go.Figure:
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
    figure = base_figure(theme, height, left=66, right=20, top=8, bottom=48, legend=bool(terms))
    figure.add_scatter(
        x=angles,
        y=scores,
        mode="lines",
        line={"color": INK[theme], "width": 2.5},
        name="sum",
        hovertemplate="%{x:.2f} rad: %{y:+.3f}<extra></extra>",
    )
    for name, values in terms.items():
        title = term_title(name) if name else "baseline"
        figure.add_scatter(
            x=angles,
            y=values,
            yaxis="y2",
            mode="lines",
            name=title,
            line={
                "color": term_colour(name, modalities) if name else QUIET[theme],
                "width": 2 if name else 1.5,
                "dash": term_dash(name) if name else "solid",
            },
            hovertemplate=f"{title}, %{{x:.2f}} rad: %{{y:+.3f}}<extra></extra>",
        )
    figure.add_scatter(
        x=[present[0]],
        y=[present[1]],
        mode="markers",
        name="now",
        showlegend=False,
        marker={"color": PAPER[theme], "size": 11, "line": {"color": INK[theme], "width": 2.5}},
        hovertemplate="now, %{x:.2f} rad: %{y:+.3f}<extra></extra>",
    )
    figure.update_layout(
        hovermode="closest",
        shapes=_lines(angles, present[0], learned, flips, above, theme),
        annotations=_decided(angles, flips, decisions, theme),
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
    below = {"text": title_with_unit("contribution", unit, "<br>")}
    figure.update_layout(yaxis2=axis(theme) | {"domain": list(_BELOW)}, yaxis2_title=below)
    return offer_line_labels(figure)


def _lines(
    angles: np.ndarray,
    present: float,
    learned: float,
    flips: np.ndarray,
    above: tuple[float, float],
    theme: Theme,
) -> list[dict[str, Any]]:
    """The present and learned angle, the zero of the contributions, and the flips, from `above` of the height."""
    line: dict[str, Any] = {"type": "line", "yref": "paper", "layer": "below", "y0": 0}
    line["y1"] = above[1]
    quiet = {"color": LINE[theme], "width": 1}
    shapes = [{**line, "x0": present, "x1": present, "line": {**quiet, "color": QUIET[theme]}}]
    if abs(learned - present) > 1e-6:
        shapes.append({**line, "x0": learned, "x1": learned, "line": {**quiet, "dash": "dot"}})
    if above != _ALONE:
        ends = {"x0": float(angles[0]), "x1": float(angles[-1]), "y1": 0}
        shapes.append({**line, **ends, "yref": "y2", "line": quiet})
    ticks = {"color": INK[theme], "width": 1.5, "dash": "dash"}
    places = [{"x0": float(flip), "x1": float(flip)} for flip in flips]
    return shapes + [{**line, **place, "y0": above[0], "line": ticks} for place in places]


def _decided(
    angles: np.ndarray, flips: np.ndarray, decisions: Sequence[str], theme: Theme
) -> list[dict[str, Any]]:
    """The decision, above the plot, between the angles at which it changes."""
    ends = np.concatenate([angles[:1], flips, angles[-1:]])
    whole = float(angles[-1] - angles[0])
    return [
        {
            "x": float((left + right) / 2),
            "y": _ABOVE[1],
            "yref": "paper",
            "yanchor": "bottom",
            "yshift": 3,
            "text": label(name, 18),
            "showarrow": False,
            "font": {"size": 12, "color": QUIET[theme]},
        }
        for left, right, name in zip(ends[:-1], ends[1:], decisions, strict=False)
        if right - left > 0.09 * whole  # room for a word
    ]


def _multiples_of_pi(low: float, high: float) -> dict[str, Any]:
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
