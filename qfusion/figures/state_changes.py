"""States and Bloch vectors before and after a change, and distances to the nearest decision flips."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion.figures.guards import checks_arrays
from qfusion.figures.style import (
    INK,
    LINE,
    QUIET,
    Theme,
    bare_axis,
    base_figure,
    label,
    row_axis,
    term_colour,
)


@checks_arrays(names="N", before="N", after="N")
def number_bars(
    before: np.ndarray,
    after: np.ndarray,
    names: Sequence[str],
    *,
    axis: str,
    across: str,
    hue: str,
    theme: Theme = "light",
) -> go.Figure:
    """Populations or masses in [0, 1] after a change as bars, before it as hollow diamonds.

    Args:
        before, after: (n,).
    """
    places = list(range(len(names)))
    figure = base_figure(theme, 230, left=52, right=10, top=6, bottom=44, legend=True)
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
            "color": INK[theme],
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
def bloch_change(
    before: np.ndarray, after: np.ndarray, *, hue: str, theme: Theme = "light"
) -> go.Figure:
    """Bloch vectors of a qubit before and after a change, seen from the side (x, z) and from above (x, y).

    Args:
        before, after: (x, y, z) of length at most 1.
    """
    figure = base_figure(theme, 262, left=10, right=10, top=10, bottom=4, legend=True)
    circle = np.linspace(0, 2 * np.pi, 121)
    for across, up, place, title, top, bottom in (
        (0, 2, "", "seen from the side", "|0⟩", "|1⟩"),
        (0, 1, "2", "seen from above", "y", ""),
    ):
        on = {"xaxis": f"x{place}", "yaxis": f"y{place}"}
        figure.add_scatter(
            x=np.cos(circle),
            y=np.sin(circle),
            mode="lines",
            line={"color": LINE[theme], "width": 1.2},
            hoverinfo="skip",
            showlegend=False,
            **on,
        )
        figure.add_scatter(
            x=[-1, 1, None, 0, 0],
            y=[0, 0, None, -1, 1],
            mode="lines",
            hoverinfo="skip",
            showlegend=False,
            line={"color": LINE[theme], "width": 0.8, "dash": "dot"},
            **on,
        )
        for vector, name, colour, symbol in (
            (before, "as it is", INK[theme], "diamond-open"),
            (after, "with the change", hue, "circle"),
        ):
            figure.add_trace(
                {
                    "type": "scatter",
                    "x": [0, vector[across]],
                    "y": [0, vector[up]],
                    "mode": "lines+markers",
                    "name": name,
                    "showlegend": not place,
                    "line": {"color": colour, "width": 3},
                    "marker": {
                        "symbol": symbol,
                        "size": [0, 12],
                        "color": colour,
                        "line": {"width": 2, "color": colour},
                    },
                    "hovertemplate": f"{name}: ({vector[0]:.2f}, {vector[1]:.2f}, "
                    f"{vector[2]:.2f})<extra></extra>",
                    **on,
                }
            )
        for words, x, y in ((top, 0, 1.17), (bottom, 0, -1.17), ("x", 1.14, 0), (title, 0, -1.5)):
            figure.add_annotation(
                text=words,
                x=x,
                y=y,
                xref=f"x{place}",
                yref=f"y{place}",
                showarrow=False,
                font={"size": 12, "color": QUIET[theme]},
            )
    across_box, up_box = (
        bare_axis() | {"range": reach, "constrain": "domain"}
        for reach in ([-1.3, 1.3], [-1.65, 1.35])
    )
    figure.update_layout(
        xaxis=across_box | {"domain": [0, 0.49]},
        xaxis2=across_box | {"domain": [0.51, 1]},
        yaxis=up_box | {"scaleanchor": "x"},
        yaxis2=up_box | {"scaleanchor": "x2", "anchor": "x2"},
    )
    return figure


@checks_arrays("states", "donors")
def flip_distances(
    names: Sequence[str],
    states: Sequence[float],
    donors: Sequence[float],
    modalities: Sequence[str],
    *,
    farthest: float,
    unit: str,
    theme: Theme = "light",
) -> go.Figure:
    """How far, for each modality, the nearest state is that turns the decision (bar), and the nearest that a sample has
    (diamond).

    Args:
        names: of the modalities. states, donors: distances in radians, infinite where there is none.
        farthest: the largest possible distance.
    """
    rows = list(range(len(names)))
    reached = [float(s) if np.isfinite(s) else 0.0 for s in states]
    held = [(d, row) for d, row in zip(donors, rows, strict=True) if np.isfinite(d)]
    figure = base_figure(
        theme, 84 + 38 * len(names), left=10, right=20, top=6, bottom=44, legend=True
    )
    figure.add_bar(
        x=reached,
        y=rows,
        orientation="h",
        width=0.5,
        name="nearest of all states",
        marker={"color": [term_colour(n, modalities) for n in names]},
        hovertemplate="%{x:.4f} rad<extra>nearest of all states</extra>",
    )
    figure.add_scatter(
        x=[d for d, _ in held],
        y=[row for _, row in held],
        mode="markers",
        name="nearest that a sample has",
        marker={
            "symbol": "diamond-open",
            "size": 11,
            "color": INK[theme],
            "line": {"width": 2},
        },
        hovertemplate="%{x:.4f} rad<extra>nearest that a sample has</extra>",
    )
    figure.add_scatter(
        x=[max(s, d if np.isfinite(d) else 0.0) for s, d in zip(reached, donors, strict=True)],
        y=rows,
        mode="text",
        text=["\u2002\u2002" + _distances(s, d) for s, d in zip(states, donors, strict=True)],
        textposition="middle right",
        textfont={"color": INK[theme], "size": 12},
        cliponaxis=False,
        showlegend=False,
        hoverinfo="skip",
    )
    figure.update_yaxes(
        **row_axis([label(name, 24) for name in names]),
    )
    figure.update_xaxes(
        title={"text": f"distance: {label(unit)} (rad; at most {farthest:.2f})"},
        range=[0, 1.75 * max([*reached, *(d for d, _ in held), 0.1 * farthest])],
    )
    return figure


def _distances(state: float, donor: float) -> str:
    """Both distances in words, beyond bar and diamond."""
    if not np.isfinite(state):
        return "no state of it"
    return f"{state:.2f} rad" + (f"; a sample’s {donor:.2f}" if np.isfinite(donor) else "")


@checks_arrays()
def turn_sizes(
    names: Sequence[str], values: np.ndarray, *, axis: str, most: int = 12, theme: Theme = "light"
) -> go.Figure:
    """The smallest turns of parameters, smallest first."""
    shown = [float(v) for v in values[:most]]
    figure = base_figure(theme, 62 + 24 * len(shown), left=10, right=16, top=6, bottom=44)
    figure.add_bar(
        x=shown,
        y=list(range(len(shown))),
        orientation="h",
        width=0.6,
        marker={"color": INK[theme]},
        text=[f"{v:.3f}" for v in shown],
        textposition="outside",
        cliponaxis=False,
        constraintext="none",
        textfont={"size": 11, "color": INK[theme]},
        hovertemplate="%{x:.4f}<extra></extra>",
    )
    figure.update_yaxes(
        **row_axis([label(name, 56) for name in names[:most]]),
    )
    figure.update_xaxes(title={"text": label(axis, 90)}, range=[0, 1.25 * max([*shown, 1e-9])])
    return figure
