"""States and Bloch vectors before and after a change, and distances to the nearest decision flips."""

from collections.abc import Sequence

import numpy as np

from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import (
    add_line,
    add_marks,
    add_note,
    add_row_bars,
    add_texts,
    outside_texts,
)
from qfusion.figures.style import (
    INK,
    LINE,
    QUIET,
    bare_axis,
    base_figure,
    label,
    term_colour,
)

MOST_BARS = 12  # of the smallest changes


@checks_arrays(names="N", before="N", after="N")
def number_bars(
    before: np.ndarray, after: np.ndarray, names: Sequence[str], *, axis: str, across: str, hue: str
) -> Figure:
    """Draw the populations or masses in [0, 1]: bars after a change, hollow diamonds before it.

    Args:
        before, after: (n,).
        names: of the n levels or elements.
        axis, across: titles of the y and the x axis.
        hue: colour of the bars.
    """
    places = list(range(len(names)))
    figure = base_figure(
        230,
        left=52,
        right=10,
        top=6,
        bottom=44,
        legend=True,
        x_title=label(across),
        y_title=label(axis),
        y_axis={"range": [0, 1.04]},
    )
    figure.add_bar(
        x=places,
        y=after,
        width=0.6,
        name="with the change",
        marker={"color": hue},
        hovertemplate="%{y:.3f}<extra>with the change</extra>",
    )
    add_marks(
        figure,
        places,
        before,
        INK,
        10,
        symbol="diamond-open",
        rim=2,
        name="as it is",
        hovertemplate="%{y:.3f}<extra>as it is</extra>",
    )
    figure.update_xaxes(tickvals=places, ticktext=[label(name, 14) for name in names])
    return figure


@checks_arrays(before="3", after="3")
def bloch_change(before: np.ndarray, after: np.ndarray, *, hue: str) -> Figure:
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
            add_line(
                figure,
                [0, x],
                [0, vector[up]],
                colour,
                3,
                mode="lines+markers",
                name=name,
                showlegend=axes is side,
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


def _add_circle(figure: Figure, axes: dict[str, str]) -> None:
    """Add the unit circle and its dotted diameters."""
    angle = np.linspace(0, 2 * np.pi, 121)
    add_line(
        figure, np.cos(angle), np.sin(angle), LINE, 1.2, hoverinfo="skip", showlegend=False, **axes
    )
    add_line(
        figure,
        [-1, 1, None, 0, 0],
        [0, 0, None, -1, 1],
        LINE,
        0.8,
        dash="dot",
        hoverinfo="skip",
        showlegend=False,
        **axes,
    )


def _name_axes(figure: Figure, axes: dict[str, str], title: str, top: str, bottom: str) -> None:
    """Write the names of the directions around a circle, and a title below it."""
    for words, x, y in ((top, 0, 1.17), (bottom, 0, -1.17), ("x", 1.14, 0), (title, 0, -1.5)):
        add_note(figure, words, x, y, hue=QUIET, xref=axes["xaxis"], yref=axes["yaxis"])


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
) -> Figure:
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
    donor_rows = [row for row in rows if np.isfinite(donors[row])]
    longest = max([*state_reach, *(donors[row] for row in donor_rows), 0.1 * farthest])
    figure = base_figure(
        84 + 38 * len(names),
        left=10,
        right=92,
        top=6,
        bottom=44,
        legend=True,
        x_title=f"distance: {label(unit)}" + f" (rad; at most {farthest:.2f})" * radians,
        rows=[label(name, 24) for name in names],
    )
    add_row_bars(
        figure,
        state_reach,
        {"color": [term_colour(n, modalities) for n in names]},
        width=0.5,
        showlegend=False,
        hovertemplate=f"%{{x:.4f}}{pointed}<extra>{nearest}</extra>",
    )
    figure.add_bar(x=[None], y=[None], name=nearest, marker={"color": QUIET})
    add_marks(
        figure,
        [donors[row] for row in donor_rows],
        donor_rows,
        INK,
        11,
        symbol="diamond-open",
        rim=2,
        name="nearest that a sample has",
        hovertemplate=f"%{{x:.4f}}{pointed}<extra>nearest that a sample has</extra>",
    )
    values = [f"{state:.2f}" if np.isfinite(state) else "no state of it" for state in states]
    beside = []
    for row in donor_rows:
        beside.append(f"\u2002\u2002{donors[row]:.2f}")
        if donors[row] - state_reach[row] < _ROOM * longest:  # both stand beside the diamond
            beside[-1] = f"\u2002\u2002{values[row]}, ◇ {donors[row]:.2f}"
            values[row] = ""
    add_texts(
        figure,
        [*state_reach, *(donors[row] for row in donor_rows)],
        [*rows, *donor_rows],
        [*(f"\u2002{value}" for value in values), *beside],
        textposition="middle right",
        cliponaxis=False,
        showlegend=False,
    )
    figure.update_xaxes(range=[0, 1.05 * longest])
    return figure


_ROOM = 0.14  # of the longest distance, that a number takes beside its bar


@checks_arrays()
def turn_sizes(names: Sequence[str], values: np.ndarray, *, axis: str) -> Figure:
    """Draw the smallest changes of parameters that flip the decision as bars, smallest first.

    Args:
        names, values: parameters and sizes in ascending order, (n,).
    """
    shown = [float(v) for v in values[:MOST_BARS]]
    figure = base_figure(
        62 + 24 * len(shown),
        left=10,
        top=6,
        bottom=44,
        x_title=label(axis, 90),
        x_axis={"range": [0, 1.25 * max([*shown, 1e-9])]},
        rows=[label(name, 56) for name in names[:MOST_BARS]],
    )
    add_row_bars(
        figure,
        shown,
        {"color": INK},
        hovertemplate="%{x:.4f}<extra></extra>",
        **outside_texts([f"{v:.3f}" for v in shown], size=11),
    )
    return figure
