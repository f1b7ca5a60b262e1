"""Density matrices and populations: heat maps, bars, Hinton diagrams, and matrix elements over time."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.colors

from qfusion._checks import check
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.lines import TIME
from qfusion.figures.parts import add_line, add_marks, add_note, segment, side_colour_bar
from qfusion.figures.style import (
    CYCLIC_SCALE,
    GREY,
    INK,
    LINE,
    ON_BRIGHT,
    ON_DARK,
    PAPER,
    STATE_HUES,
    UNSIGNED_SCALE,
    Attributes,
    base_figure,
    fade_colour,
    label,
)


def basis_labels(dims: Sequence[int]) -> list[str]:
    """Return the names of the joint basis states, first modality leftmost: `(4, 4, 4)` -> `"000"`, `"001"`, ...,
    `"333"`.
    """
    levels = [
        [str(level) if size <= 10 else f"{level:02d}·" for level in range(size)] for size in dims
    ]
    return ["".join(state) for state in itertools.product(*levels)]


# how much paper lies on a phase, by the share of the largest modulus
_VEILS = ((0.01, 0.05, 0.75), (0.05, 0.2, 0.5), (0.2, 0.5, 0.25))


@checks_arrays()
def density_matrix(rho: np.ndarray, dims: Sequence[int], *, part: str = "modulus") -> Figure:
    """Draw one density matrix as a heat map of its entries' modulus (unsigned scale) or phase (cyclic scale).

    Args:
        rho: (D, D) complex. Phases of entries below 1% of the largest modulus say nothing and are left blank; others
            fade towards them.
    """
    size = int(np.prod(dims))
    check(
        rho.shape == (size, size),
        f"Argument `rho` must have shape ({size}, {size}), but has shape {rho.shape}.",
    )
    check(
        part in ("modulus", "phase"),
        f"Argument `part` must be 'modulus' or 'phase', but is {part!r}.",
    )
    names = basis_labels(dims)
    modulus = np.abs(rho)
    veils = []
    look: Attributes = {"z": modulus, "colorscale": UNSIGNED_SCALE, "zmin": 0}
    bar = colour_bar("|ρ<sub>ij</sub>|")
    if part == "phase":
        look = {
            "z": np.where(modulus >= 0.01 * modulus.max(), np.angle(rho), np.nan),
            "colorscale": CYCLIC_SCALE,
            "zmin": -np.pi,
            "zmax": np.pi,
        }
        bar = colour_bar("phase (rad)", tickvals=[-np.pi, 0, np.pi], ticktext=["−π", "0", "π"])
        share = modulus / modulus.max()
        veils = [
            {
                "type": "heatmap",
                "z": np.where((low <= share) & (share < high), 0.0, np.nan),
                "colorscale": [[0, PAPER], [1, PAPER]],
                "opacity": veil,
                "showscale": False,
                "hoverinfo": "skip",
                "hoverongaps": False,
            }
            for low, high, veil in _VEILS
        ]
    step = max(1, size // dims[0])
    ticks = {"tickvals": list(range(0, size, step)), "ticktext": names[::step]}
    figure = base_figure(
        330,
        left=52,
        right=10,
        top=6,
        x_title="column j (basis state)",
        y_title="row i (basis state)",
    )
    figure.add_heatmap(
        **look,
        hoverongaps=False,
        colorbar=bar,
        hovertemplate="row %{customdata[0]}, column %{customdata[1]}: %{z:.3g}<extra></extra>",
        customdata=np.array([[(row, column) for column in names] for row in names]),
    )
    figure.add_traces(veils)
    figure.update_xaxes(constrain="domain", **ticks)
    figure.update_yaxes(autorange="reversed", scaleanchor="x", constrain="domain", **ticks)
    return figure


@checks_arrays()
def populations(
    values: np.ndarray,
    dims: Sequence[int],
    *,
    reference: np.ndarray | None = None,
    name: str = "ρ(t)",
    reference_name: str = "steady state",
    what: str = "joint basis state (levels of the modalities, first leftmost)",
) -> Figure:
    """Draw the probability of every joint basis state, with another state's as open marks."""
    names = basis_labels(dims)
    check(
        values.shape == (len(names),),
        f"Argument `values` must have shape ({len(names)},), but has shape {values.shape}.",
    )
    places = np.arange(len(names))
    figure = base_figure(
        260,
        legend=reference is not None,
        x_title=label(what, 90),
        y_title="probability",
        y_axis={"rangemode": "tozero"},
    )
    figure.add_bar(
        x=places,
        y=values,
        name=label(name),
        marker={"color": INK, "line": {"width": 0}},
        customdata=names,
        hovertemplate="|%{customdata}⟩: %{y:.4f}<extra></extra>",
    )
    if reference is not None:
        add_marks(
            figure,
            places,
            reference,
            STATE_HUES[0],
            5,
            symbol="circle-open",
            name=label(reference_name),
            hoverinfo="skip",
        )
    step = max(1, len(names) // 16)
    figure.update_xaxes(tickvals=places[::step], ticktext=names[::step])
    return figure


def colour_bar(title: str, **more: Any) -> Attributes:
    """Return the layout of a thin colour bar with its title on top."""
    return {
        "title": {"text": title, "side": "top", "font": {"size": 12}},
        "thickness": 12,
        "len": 0.9,
        "outlinewidth": 0,
        **more,
    }


# A density matrix as a Hinton diagram, and its elements through time as heat maps.

LEAST = 0.005  # share of the largest modulus from which an entry is drawn
_TURNS = 24  # colours that phases have
_WIDEST = 0.94  # side of the largest square


@checks_arrays()
def hinton(rho: np.ndarray, dims: Sequence[int]) -> Figure:
    """Draw a Hinton diagram: squares whose areas are |rho_ij|, coloured by phase.

    A hand in each points to its phase as on a clock of which 0 is to the right and +90 degrees up, so that it is read
    without colours too. Grey squares on the right are the key to the sizes.

    Args:
        rho: (D, D) complex. Entries below `LEAST` of the largest modulus are left out.
        dims: levels of the modalities, whose product is D.

    Raises:
        InvalidInput: when the shape does not fit, or all is zero.
    """
    size = int(np.prod(dims))
    check(
        rho.shape == (size, size),
        f"Argument `rho` must have shape ({size}, {size}), but has shape {rho.shape}.",
    )
    modulus = np.abs(rho)
    check(bool(modulus.max() > 0), "Argument `rho` must not be zero.")
    names = basis_labels(dims)
    height = 430 if size <= 16 else 620
    figure = base_figure(
        height,
        left=52,
        right=10,
        top=6,
        x_title="column j (basis state)",
        y_title="row i (basis state)",
    )
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
        add_line(
            figure,
            x,
            y,
            hues[k],
            0.5,
            fill="toself",
            fillcolor=hues[k],
            hoverinfo="skip",
            connectgaps=False,
        )
    _draw_hands(figure, columns, rows, half, phase, size)
    tips = []
    for i, j, angle in zip(rows, columns, phase, strict=True):
        tips.append(
            f"row {names[i]}, column {names[j]}: {modulus[i, j]:.4f}, phase {angle:+.3f} rad"
        )
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
            "colorbar": colour_bar(
                "phase (rad)",
                tickvals=[-np.pi, -np.pi / 2, 0, np.pi / 2, np.pi],
                ticktext=["−π ←", "−π/2 ↓", "0 →", "π/2 ↑", "π ←"],
            ),
        },
        text=tips,
    )
    key_width = _draw_size_key(figure, float(modulus.max()), size, (height - 54) / size)
    step = 1 if size <= 16 else max(1, size // dims[0])
    ticks = {
        "tickvals": list(range(0, size, step)),
        "ticktext": [names[i] for i in range(0, size, step)],
        "range": [-0.6, size - 0.4 + key_width],
    }
    figure.update_xaxes(constrain="domain", showline=False, **ticks)
    figure.update_yaxes(
        scaleanchor="x", constrain="domain", **ticks | {"range": [size - 0.4, -0.6]}
    )
    return figure


def _draw_size_key(figure: Figure, largest: float, size: int, cell: float) -> float:
    """Draw squares of round moduli with their numbers right of a matrix, and return the width that they take, in cells.

    Args:
        figure: of the matrix.
        largest: modulus, whose square fills its cell.
        size: of the matrix. cell: about the width of a cell, in pixels.
    """
    moduli = key_moduli(largest)
    halves = _WIDEST / 2 * np.sqrt(np.array(moduli) / largest)
    left = size - 0.5 + 22 / cell
    pitch = max(1.0, 24 / cell)
    head = 0.3 + 8 / cell
    x = np.full(len(moduli), left + 0.5)
    y = head + pitch * (0.5 + np.arange(len(moduli)))
    outline_x, outline_y = _squares(x, y, halves)
    add_line(
        figure,
        outline_x,
        outline_y,
        GREY,
        0.5,
        fill="toself",
        fillcolor=GREY,
        name="size key",
        hoverinfo="skip",
        connectgaps=False,
    )
    for text, height in zip(
        ["|ρ<sub>ij</sub>|", *(f"{m:g}" for m in moduli)], [-0.2, *y], strict=True
    ):
        is_head = height < 0
        add_note(figure, text, left if is_head else left + 1 + 4 / cell, height, xanchor="left")
    return left + 1 + 44 / cell - (size - 0.5)


def key_moduli(largest: float) -> list[float]:
    """Return two round moduli for the key to sizes: the largest of 1, 2 or 5 times a power of ten that is not above
    the largest modulus, and a fifth of it.
    """
    power = 10.0 ** np.floor(np.log10(largest))
    first = max(digit for digit in (1, 2, 5) if digit * power <= largest * (1 + 1e-12)) * power
    return [float(f"{first:.3g}"), float(f"{first / 5:.3g}")]


def _squares(x: np.ndarray, y: np.ndarray, half: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return outlines of squares, parted by gaps."""
    right = np.array([-1, 1, 1, -1, -1, np.nan])
    down = np.array([-1, -1, 1, 1, -1, np.nan])
    return (x[:, None] + half[:, None] * right).ravel(), (y[:, None] + half[:, None] * down).ravel()


def _draw_hands(
    figure: Figure, x: np.ndarray, y: np.ndarray, half: np.ndarray, phase: np.ndarray, size: int
) -> None:
    """Add a dark line with a bright rim, so that it is seen on every colour."""
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
        (fade_colour(ON_DARK, 0.9), thick + 2 * min(1.0, thick / 2)),
        (ON_BRIGHT, thick),
    ):
        add_line(figure, lines[0], lines[1], colour, width, hoverinfo="skip", connectgaps=False)


@checks_arrays(times="T", names="R+", owners="R+", values="R+ T")
def element_heatmap(
    times: np.ndarray,
    values: np.ndarray,
    names: Sequence[str],
    owners: Sequence[str],
    unit: str,
    cursor: float | None = None,
) -> Figure:
    """Return a heat map: time across, an element a row, rows of one owner together.

    Args:
        times: (nT,), ascending. values: (rows, nT), from 0 on.
        names: of the rows. owners: of the rows too; those of one follow each other.
        unit: what the colours are.
        cursor: the time that is marked.

    Raises:
        InvalidInput: when the shapes do not fit.
    """
    written = [
        f"{label(owner, 14)} {label(name)}" for owner, name in zip(owners, names, strict=True)
    ]

    half = (times[1] - times[0]) / 2 if len(times) > 1 else 0.5
    ends = (float(times[0] - half), float(times[-1] + half))
    lines = [
        segment(ends, (row - 0.5, row - 0.5), hue=ON_DARK, width=2, layer="above")
        for row in range(1, len(names))
        if owners[row] != owners[row - 1]
    ]
    if cursor is not None:
        lines += [
            segment(
                (cursor, cursor),
                (0, 1),
                hue=colour,
                width=width,
                dash="solid",
                yref="paper",
                layer="above",
            )
            for colour, width in ((ON_BRIGHT, 3), (ON_DARK, 1.5))
        ]
    figure = base_figure(
        96 + max(18 * len(names), 110),
        left=10,
        right=10,
        top=8,
        bottom=46,
        x_title=TIME,
        rows=written,
        x_axis={"range": ends, "nticks": 7},
        y_axis={"tickfont": {"size": 11, "color": INK}, "linecolor": LINE},
    )
    figure.add_heatmap(
        x=times,
        y=list(range(len(names))),
        z=values,
        colorscale=UNSIGNED_SCALE,
        zmin=0,
        zmax=max(float(values.max()), 1e-12),
        customdata=np.array([[words] * len(times) for words in written]),
        colorbar=side_colour_bar(label(unit)),
        hovertemplate="%{customdata}, t = %{x:.3f}: %{z:.4f}<extra></extra>",
    )
    figure.update_layout(shapes=lines)
    return figure
