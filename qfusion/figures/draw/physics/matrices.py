"""A density matrix as a Hinton diagram, and its elements through time as heat maps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.colors
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.draw.dynamics import TIME
from qfusion.figures.draw.state import basis_labels
from qfusion.figures.finite import drawing
from qfusion.figures.style import (
    CYCLIC_SCALE,
    INK,
    LINE,
    ON_BRIGHT,
    ON_DARK,
    UNSIGNED_SCALE,
    Theme,
    base,
    faded,
    label,
)

LEAST = 0.005  # share of the largest modulus from which an entry is drawn
_TURNS = 24  # colours that phases have
_WIDEST = 0.94  # side of the largest square


@drawing()
def hinton(rho: np.ndarray, dims: Sequence[int], theme: Theme = "light") -> go.Figure:
    """Returns a Hinton diagram: squares whose areas are |rho_ij|, coloured by phase; a hand in each points to its phase
    as on a clock of which 0 is to the right and +90 degrees up, so that it is read without colours too.

    Args:
        rho: (D, D) complex. Entries below `LEAST` of the largest modulus are left out.
        dims: levels of the modalities, whose product is D.
        theme: of the figure.

    Raises:
        InvalidInput: when the shape does not fit, or all is zero.
    """
    rho = np.asarray(rho, complex)
    size = int(np.prod(dims))
    check(
        rho.shape == (size, size),
        f"Argument `rho` must have shape ({size}, {size}), but has shape {rho.shape}.",
    )
    modulus = np.abs(rho)
    check(bool(modulus.max() > 0), "Argument `rho` must not be zero.")
    names = basis_labels(dims)
    figure = base(theme, 430 if size <= 16 else 620, left=52, right=10, top=6, bottom=48)
    rows, columns = np.nonzero(modulus >= LEAST * modulus.max())
    half = _WIDEST / 2 * np.sqrt(modulus[rows, columns] / modulus.max())
    phase = np.angle(rho[rows, columns])
    turn = np.rint(phase / (2 * np.pi) * _TURNS).astype(int) % _TURNS
    hues = plotly.colors.sample_colorscale(
        CYCLIC_SCALE, [(k / _TURNS + 0.5) % 1 for k in range(_TURNS)]
    )
    for k in np.unique(turn):
        those = turn == k
        x, y = _squares(columns[those], rows[those], half[those])
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            fill="toself",
            fillcolor=hues[k],
            hoverinfo="skip",
            connectgaps=False,
            line={"color": hues[k], "width": 0.5},
        )
    _hands(figure, columns, rows, half, phase, size)
    figure.add_scatter(
        x=columns,
        y=rows,
        mode="markers",
        hovertemplate="%{text}<extra></extra>",
        marker={
            "size": 8,
            "opacity": 0,
            "color": [float(value) for value in phase],
            "cmin": -np.pi,
            "cmax": np.pi,
            "colorscale": CYCLIC_SCALE,
            "showscale": True,
            "colorbar": {
                "title": {"text": "phase (rad)", "side": "top", "font": {"size": 12}},
                "thickness": 12,
                "len": 0.9,
                "outlinewidth": 0,
                "tickvals": [-np.pi, -np.pi / 2, 0, np.pi / 2, np.pi],
                "ticktext": ["−π ←", "−π/2 ↓", "0 →", "π/2 ↑", "π ←"],
            },
        },
        text=[
            f"row {names[i]}, column {names[j]}: {modulus[i, j]:.4f}, phase {angle:+.3f} rad"
            for i, j, angle in zip(rows, columns, phase, strict=True)
        ],
    )
    step = 1 if size <= 16 else max(1, size // dims[0])
    ticks = {
        "tickvals": list(range(0, size, step)),
        "ticktext": [names[i] for i in range(0, size, step)],
        "range": [-0.6, size - 0.4],
    }
    figure.update_xaxes(title={"text": "column j (basis state)"}, constrain="domain", **ticks)
    figure.update_yaxes(
        title={"text": "row i (basis state)"},
        scaleanchor="x",
        constrain="domain",
        **ticks | {"range": [size - 0.4, -0.6]},
    )
    return figure


def _squares(x: np.ndarray, y: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Outlines of squares, parted by gaps."""
    right, down = np.array([-1, 1, 1, -1, -1, np.nan]), np.array([-1, -1, 1, 1, -1, np.nan])
    return (x[:, None] + half[:, None] * right).ravel(), (y[:, None] + half[:, None] * down).ravel()


def _hands(
    figure: go.Figure, x: np.ndarray, y: np.ndarray, half: np.ndarray, phase: np.ndarray, size: int
) -> None:
    """A dark line with a bright rim, so that it is seen on every colour."""
    seen = half * 2 > 0.2  # shorter ones are specks
    gaps = np.full(int(seen.sum()), np.nan)
    ends = (
        x[seen] + 0.85 * half[seen] * np.cos(phase[seen]),
        y[seen] - 0.85 * half[seen] * np.sin(phase[seen]),
    )
    lines = [
        np.stack([start[seen], end, gaps], 1).ravel()
        for start, end in zip((x, y), ends, strict=True)
    ]
    thick = 2.0 if size <= 16 else 1.0
    for colour, width in (
        (faded(ON_DARK, 0.9), thick + 2 * min(1.0, thick / 2)),
        (ON_BRIGHT, thick),
    ):
        figure.add_scatter(
            x=lines[0],
            y=lines[1],
            mode="lines",
            hoverinfo="skip",
            connectgaps=False,
            line={"color": colour, "width": width},
        )


@drawing()
def through_time(
    times: np.ndarray,
    values: np.ndarray,
    names: Sequence[str],
    owners: Sequence[str],
    unit: str,
    cursor: float | None = None,
    theme: Theme = "light",
) -> go.Figure:
    """Returns a heat map: time across, an element a row, rows of one owner together.

    Args:
        times: (nT,), ascending. values: (rows, nT), from 0 on.
        names: of the rows. owners: of the rows too; those of one follow each other.
        unit: what the colours are.
        cursor: the time that is marked.
        theme: of the figure.

    Raises:
        InvalidInput: when the shapes do not fit.
    """
    check(
        values.shape == (len(names), len(times)) and len(owners) == len(names) > 0,
        f"Argument `values` must have shape ({len(names)}, {len(times)}), but has {np.shape(values)}.",
    )
    figure = base(theme, 96 + max(18 * len(names), 110), left=10, right=10, top=8, bottom=46)
    high = max(float(values.max()), 1e-12)
    written = [
        f"{label(owner, 14)} {label(name)}" for owner, name in zip(owners, names, strict=True)
    ]
    figure.add_trace(
        go.Heatmap(
            x=times,
            y=list(range(len(names))),
            z=values,
            colorscale=UNSIGNED_SCALE,
            zmin=0,
            zmax=high,
            customdata=np.array([[words] * len(times) for words in written]),
            colorbar={
                "title": {"text": label(unit), "side": "right", "font": {"size": 12}},
                "thickness": 10,
                "outlinewidth": 0,
            },
            hovertemplate="%{customdata}, t = %{x:.3f}: %{z:.4f}<extra></extra>",
        )
    )
    half = (times[1] - times[0]) / 2 if len(times) > 1 else 0.5
    ends = [float(times[0] - half), float(times[-1] + half)]
    lines = [
        {
            "type": "line",
            "x0": ends[0],
            "x1": ends[1],
            "y0": row - 0.5,
            "y1": row - 0.5,
            "layer": "above",
            "line": {"color": ON_DARK, "width": 2},
        }
        for row in range(1, len(names))
        if owners[row] != owners[row - 1]
    ]
    if cursor is not None:
        for colour, width, dash in ((ON_BRIGHT, 3, "solid"), (ON_DARK, 1.5, "solid")):
            lines.append(
                {
                    "type": "line",
                    "x0": cursor,
                    "x1": cursor,
                    "yref": "paper",
                    "y0": 0,
                    "y1": 1,
                    "layer": "above",
                    "line": {"color": colour, "width": width, "dash": dash},
                }
            )
    figure.update_layout(shapes=lines)
    figure.update_xaxes(title={"text": TIME}, range=ends, nticks=7)
    figure.update_yaxes(
        tickvals=list(range(len(names))),
        ticktext=written,
        range=[len(names) - 0.5, -0.5],
        ticks="",
        showline=False,
        tickfont={"size": 11, "color": INK[theme]},
        linecolor=LINE[theme],
    )
    return figure
