"""States and Bloch vectors before and after a change, and distances to the nearest decision flips."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    INK,
    LINE,
    QUIET,
    bare_axis,
    base_figure,
    label,
    row_axis,
    term_colour,
)


@checks_arrays(names="N", before="N", after="N")
def number_bars(
    before: np.ndarray, after: np.ndarray, names: Sequence[str], *, axis: str, across: str, hue: str
) -> go.Figure:
    """Draw the populations or masses in [0, 1]: bars after a change, hollow diamonds before it.

    Args:
        before, after: (n,).
        names: of the n levels or elements.
        axis, across: titles of the y and the x axis.
        hue: colour of the bars.
    """
    places = list(range(len(names)))
    figure = base_figure(230, left=52, right=10, top=6, bottom=44, legend=True)
    figure.add_bar(
        x=places,
        y=after,
        width=0.6,
        name="with the change",
        marker={"color": hue},
        hovertemplate="%{y:.3f}<extra>with the change</extra>",
    )
    figure.add_scatter(
        x=places,
        y=before,
        mode="markers",
        name="as it is",
        marker={
            "symbol": "diamond-open",
            "size": 10,
            "color": INK,
            "line": {"width": 2},
        },
        hovertemplate="%{y:.3f}<extra>as it is</extra>",
    )
    figure.update_xaxes(
        tickvals=places,
        ticktext=[label(name, 14) for name in names],
        title={"text": label(across)},
    )
    figure.update_yaxes(title={"text": label(axis)}, range=[0, 1.04])
    return figure


@checks_arrays(before="3", after="3")
def bloch_change(before: np.ndarray, after: np.ndarray, *, hue: str) -> go.Figure:
    """Draw the Bloch vectors of a qubit before and after a change, from the side (x, z) and from above (x, y).

    Args:
        before, after: (x, y, z) of length at most 1.
        hue: colour of the vector after the change.
    """
    figure = base_figure(262, left=10, right=10, top=10, bottom=4, legend=True)
    side = {"xaxis": "x", "yaxis": "y"}
    above = {"xaxis": "x2", "yaxis": "y2"}
    for axes, up in ((side, 2), (above, 1)):
        _add_circle(figure, axes)
        for vector, name, colour, symbol in (
            (before, "as it is", INK, "diamond-open"),
            (after, "with the change", hue, "circle"),
        ):
            x, y, z = vector
            figure.add_scatter(
                x=[0, x],
                y=[0, vector[up]],
                mode="lines+markers",
                name=name,
                showlegend=axes is side,
                line={"color": colour, "width": 3},
                marker={
                    "symbol": symbol,
                    "size": [0, 12],
                    "color": colour,
                    "line": {"width": 2, "color": colour},
                },
                hovertemplate=f"{name}: ({x:.2f}, {y:.2f}, {z:.2f})<extra></extra>",
                **axes,
            )
    _name_axes(figure, side, "seen from the side", "|0⟩", "|1⟩")
    _name_axes(figure, above, "seen from above", "y", "")
    across_box = bare_axis() | {"range": [-1.3, 1.3], "constrain": "domain"}
    up_box = bare_axis() | {"range": [-1.65, 1.35], "constrain": "domain"}
    figure.update_layout(
        xaxis=across_box | {"domain": [0, 0.49]},
        xaxis2=across_box | {"domain": [0.51, 1]},
        yaxis=up_box | {"scaleanchor": "x"},
        yaxis2=up_box | {"scaleanchor": "x2", "anchor": "x2"},
    )
    return figure


def _add_circle(figure: go.Figure, axes: dict[str, str]) -> None:
    """Add the unit circle and its dotted diameters."""
    angle = np.linspace(0, 2 * np.pi, 121)
    figure.add_scatter(
        x=np.cos(angle),
        y=np.sin(angle),
        mode="lines",
        line={"color": LINE, "width": 1.2},
        hoverinfo="skip",
        showlegend=False,
        **axes,
    )
    figure.add_scatter(
        x=[-1, 1, None, 0, 0],
        y=[0, 0, None, -1, 1],
        mode="lines",
        hoverinfo="skip",
        showlegend=False,
        line={"color": LINE, "width": 0.8, "dash": "dot"},
        **axes,
    )


def _name_axes(figure: go.Figure, axes: dict[str, str], title: str, top: str, bottom: str) -> None:
    """Write the names of the directions around a circle, and a title below it."""
    for words, x, y in ((top, 0, 1.17), (bottom, 0, -1.17), ("x", 1.14, 0), (title, 0, -1.5)):
        figure.add_annotation(
            text=words,
            x=x,
            y=y,
            xref=axes["xaxis"],
            yref=axes["yaxis"],
            showarrow=False,
            font={"size": 12, "color": QUIET},
        )


@checks_arrays("states", "donors")
def flip_distances(
    names: Sequence[str],
    states: Sequence[float],
    donors: Sequence[float],
    modalities: Sequence[str],
    *,
    farthest: float,
    unit: str,
    radians: bool = True,
) -> go.Figure:
    """Draw the distance to the nearest state that flips the decision (bar) and to the nearest sample (diamond).

    Args:
        names: of the modalities.
        states, donors: distances, infinite where there is none.
        modalities: in the model's order; fixes the colours.
        farthest: the largest possible distance, or the largest of these.
        unit: name of the distance.
        radians: whether distances are those of all states, in radians; else of encodings that were found.
    """
    pointed, nearest = (" rad", "nearest of all states") if radians else ("", "nearest found")
    rows = list(range(len(names)))
    state_reach = [float(s) if np.isfinite(s) else 0.0 for s in states]
    donor_reach = [float(d) if np.isfinite(d) else 0.0 for d in donors]
    donor_rows = [row for row in rows if np.isfinite(donors[row])]
    text_starts = [max(pair) for pair in zip(state_reach, donor_reach, strict=True)]
    texts = ["\u2002\u2002" + _write_distances(s, d) for s, d in zip(states, donors, strict=True)]
    figure = base_figure(84 + 38 * len(names), left=10, right=20, top=6, bottom=44, legend=True)
    figure.add_bar(
        x=state_reach,
        y=rows,
        orientation="h",
        width=0.5,
        name=nearest,
        marker={"color": [term_colour(n, modalities) for n in names]},
        hovertemplate=f"%{{x:.4f}}{pointed}<extra>{nearest}</extra>",
    )
    figure.add_scatter(
        x=[donors[row] for row in donor_rows],
        y=donor_rows,
        mode="markers",
        name="nearest that a sample has",
        marker={
            "symbol": "diamond-open",
            "size": 11,
            "color": INK,
            "line": {"width": 2},
        },
        hovertemplate=f"%{{x:.4f}}{pointed}<extra>nearest that a sample has</extra>",
    )
    figure.add_scatter(
        x=text_starts,
        y=rows,
        mode="text",
        text=texts,
        textposition="middle right",
        textfont={"color": INK, "size": 12},
        cliponaxis=False,
        showlegend=False,
        hoverinfo="skip",
    )
    figure.update_yaxes(**row_axis([label(name, 24) for name in names]))
    longest = max([*text_starts, 0.1 * farthest])
    figure.update_xaxes(
        title={"text": f"distance: {label(unit)}" + f" (rad; at most {farthest:.2f})" * radians},
        range=[0, 1.75 * longest],
    )
    return figure


def _write_distances(state: float, donor: float) -> str:
    """Return both distances, that of a sample behind its mark."""
    if not np.isfinite(state):
        return "no state of it"
    if not np.isfinite(donor):
        return f"{state:.2f}"
    return f"{state:.2f}, ◇ {donor:.2f}"


@checks_arrays()
def turn_sizes(names: Sequence[str], values: np.ndarray, *, axis: str, most: int = 12) -> go.Figure:
    """Draw the smallest changes of parameters that flip the decision as bars, smallest first.

    Args:
        names, values: parameters and sizes in ascending order, (n,).
        most: number of bars.
    """
    shown = [float(v) for v in values[:most]]
    figure = base_figure(62 + 24 * len(shown), left=10, right=16, top=6, bottom=44)
    figure.add_bar(
        x=shown,
        y=list(range(len(shown))),
        orientation="h",
        width=0.6,
        marker={"color": INK},
        text=[f"{v:.3f}" for v in shown],
        textposition="outside",
        cliponaxis=False,
        constraintext="none",
        textfont={"size": 11, "color": INK},
        hovertemplate="%{x:.4f}<extra></extra>",
    )
    figure.update_yaxes(
        **row_axis([label(name, 56) for name in names[:most]]),
    )
    figure.update_xaxes(title={"text": label(axis, 90)}, range=[0, 1.25 * max([*shown, 1e-9])])
    return figure
