"""Quantum states and operators: populations, density matrices, Bloch balls, Hinton diagrams; decision operators with
the samples along them."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.colors
import plotly.graph_objects as go

from qfusion._checks import check
from qfusion.figures.dynamics import TIME
from qfusion.figures.guards import drawing
from qfusion.figures.style import (
    BLUE,
    CYCLIC_SCALE,
    GREY,
    INK,
    LINE,
    ON_BRIGHT,
    ON_DARK,
    PAPER,
    QUIET,
    STATE_HUES,
    UNSIGNED_SCALE,
    Theme,
    axis,
    bare_axis,
    base,
    faded,
    in_rows,
    in_unit,
    label,
    ringed,
    term_colour,
)
from qfusion.figures.themes import NEUTRAL


def basis_labels(dims: Sequence[int]) -> list[str]:
    """Names of the joint basis states, first modality leftmost: `(4, 4, 4)` -> `"000"`, `"001"`, ..., `"333"`."""
    levels = [
        [str(level) if size <= 10 else f"{level:02d}·" for level in range(size)] for size in dims
    ]
    return ["".join(state) for state in itertools.product(*levels)]


# how much paper lies on a phase, by the share of the largest modulus
_VEILS = ((0.01, 0.05, 0.75), (0.05, 0.2, 0.5), (0.2, 0.5, 0.25))


@drawing()
def density_matrix(
    rho: np.ndarray, dims: Sequence[int], *, part: str = "modulus", theme: Theme = "light"
) -> go.Figure:
    """One density matrix as a heat map of its entries' modulus (unsigned scale) or phase (cyclic scale).

    Args:
        rho: (D, D) complex. Phases of entries below 1 % of the largest modulus say nothing and are left blank; others
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
    modulus, veils = np.abs(rho), []
    look: dict[str, Any] = {"z": modulus, "colorscale": UNSIGNED_SCALE, "zmin": 0}
    bar = _bar("|ρ<sub>ij</sub>|")
    if part == "phase":
        look = {
            "z": np.where(modulus >= 0.01 * modulus.max(), np.angle(rho), np.nan),
            "colorscale": CYCLIC_SCALE,
            "zmin": -np.pi,
            "zmax": np.pi,
        }
        bar = _bar("phase (rad)", tickvals=[-np.pi, 0, np.pi], ticktext=["−π", "0", "π"])
        share = modulus / modulus.max()
        veils = [
            {
                "type": "heatmap",
                "z": np.where((low <= share) & (share < high), 0.0, np.nan),
                "colorscale": [[0, PAPER[theme]], [1, PAPER[theme]]],
                "opacity": veil,
                "showscale": False,
                "hoverinfo": "skip",
                "hoverongaps": False,
            }
            for low, high, veil in _VEILS
        ]
    step = max(1, size // dims[0])
    ticks = {"tickvals": list(range(0, size, step)), "ticktext": names[::step]}
    return (
        base(theme, 330, left=52, right=10, top=6, bottom=48)
        .add_heatmap(
            **look,
            hoverongaps=False,
            colorbar=bar,
            hovertemplate="row %{customdata[0]}, column %{customdata[1]}: %{z:.3g}<extra></extra>",
            customdata=np.array([[(row, column) for column in names] for row in names]),
        )
        .add_traces(veils)
        .update_xaxes(title={"text": "column j (basis state)"}, constrain="domain", **ticks)
        .update_yaxes(
            title={"text": "row i (basis state)"},
            autorange="reversed",
            scaleanchor="x",
            constrain="domain",
            **ticks,
        )
    )


@drawing()
def populations(
    values: np.ndarray,
    dims: Sequence[int],
    *,
    reference: np.ndarray | None = None,
    name: str = "ρ(t)",
    reference_name: str = "steady state",
    what: str = "joint basis state (levels of the modalities, first leftmost)",
    theme: Theme = "light",
) -> go.Figure:
    """Probability of every joint basis state, with another state's as open marks."""
    names = basis_labels(dims)
    check(
        values.shape == (len(names),),
        f"Argument `values` must have shape ({len(names)},), but has shape {values.shape}.",
    )
    places = np.arange(len(names))
    figure = base(theme, 260, legend=reference is not None).add_bar(
        x=places,
        y=values,
        name=label(name),
        marker={"color": INK[theme], "line": {"width": 0}},
        customdata=names,
        hovertemplate="|%{customdata}⟩: %{y:.4f}<extra></extra>",
    )
    if reference is not None:
        figure.add_scatter(
            x=places,
            y=reference,
            mode="markers",
            name=label(reference_name),
            hoverinfo="skip",
            marker={"color": STATE_HUES[0], "symbol": "circle-open", "size": 5},
        )
    step = max(1, len(names) // 16)
    return figure.update_xaxes(
        title={"text": label(what, 90)}, tickvals=places[::step], ticktext=names[::step]
    ).update_yaxes(title={"text": "probability"}, rangemode="tozero")


def _bar(title: str, **more: Any) -> dict[str, Any]:
    return {
        "title": {"text": title, "side": "top", "font": {"size": 12}},
        "thickness": 12,
        "len": 0.9,
        "outlinewidth": 0,
        **more,
    }


# Bloch balls in projection: outline, equator and axes, the way so far, and the vector now; its length is the purity.
#
# The viewer stands above the equator between the x and the y axis; what lies behind the middle is dotted or hollow.

_TURN, _LIFT = (
    np.radians(35.0),
    np.radians(18.0),
)  # of the viewer: from the x axis, and above the equator
_RIGHT = np.array([-np.sin(_TURN), np.cos(_TURN), 0.0])
_UP = np.array([-np.sin(_LIFT) * np.cos(_TURN), -np.sin(_LIFT) * np.sin(_TURN), np.cos(_LIFT)])
_NEAR = np.cross(_RIGHT, _UP)  # to the viewer
_AXES = {
    "x": np.array([1.0, 0, 0]),
    "y": np.array([0, 1.0, 0]),
    "|0⟩": np.array([0, 0, 1.0]),
    "|1⟩": np.array([0, 0, -1.0]),
}
_STEPS = 6  # of the fading of a way
_PITCH = (2.9, 3.5)  # between middles, across and down


@drawing(names="Q+", ways="Q+")
def balls(
    names: Sequence[str],
    ways: Sequence[np.ndarray],
    hues: Sequence[str] = (),
    theme: Theme = "light",
) -> go.Figure:
    """Returns a Bloch ball for every qubit, five a row.

    Args:
        names: of the qubits.
        ways: of each its Bloch vectors (<X>, <Y>, <Z>) from the start to now, (n, 3), n at least 1.
        hues: hex colours of the qubits; blue where there is none.
        theme: of the figure.

    Raises:
        InvalidInput: when the names and ways do not fit, or a vector is longer than 1.
    """
    for way in ways:
        check(
            np.ndim(way) == 2 and np.shape(way)[1] == 3 and len(way) > 0,
            f"Argument `ways` must hold arrays of shape (n, 3), but one has shape {np.shape(way)}.",
        )
        check(
            float(np.linalg.norm(way, axis=1).max()) < 1 + 1e-6,
            "A Bloch vector is not longer than 1.",
        )
    across = min(len(names), 5)
    lines = -(-len(names) // across)
    figure = base(theme, 20 + 215 * lines, left=4, right=4, top=4, bottom=4)
    middles = np.array(
        [(i % across * _PITCH[0], -(i // across) * _PITCH[1]) for i in range(len(names))]
    )
    _globes(figure, middles, theme)
    for name, way, middle, hue in zip(
        names, ways, middles, [*hues, *[""] * len(names)], strict=False
    ):
        _vector(figure, label(name, 24), np.asarray(way, float), middle, hue or BLUE, theme)
    spare = max(0, 4 - across) / 2 * _PITCH[0]  # one ball alone must not fill the page
    return figure.update_xaxes(
        **bare_axis(), range=[-1.45 - spare, (across - 1) * _PITCH[0] + 1.45 + spare]
    ).update_yaxes(
        **bare_axis(),
        range=[-(lines - 1) * _PITCH[1] - 2.05, 1.4],
        scaleanchor="x",
        constrain="domain",
        constraintoward="top",
    )


def flat(vectors: np.ndarray) -> np.ndarray:
    """Returns where vectors (..., 3) stand on the page, (..., 2): to the right, and up."""
    return np.stack([vectors @ _RIGHT, vectors @ _UP], -1)


def _globes(figure: go.Figure, middles: np.ndarray, theme: Theme) -> None:
    turn = np.linspace(0, 2 * np.pi, 61)
    equator = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
    equator = np.roll(equator[:-1], -int(np.argmax(equator @ _NEAR < 0)), 0)
    behind = equator @ _NEAR < 0
    back, front = equator[behind], np.concatenate([equator[~behind], equator[:1]])
    for shapes, width, dash in (
        ([np.stack([np.cos(turn), np.sin(turn)], 1)], 1.5, "solid"),
        ([flat(front)], 1.0, "solid"),
        ([flat(back)], 1.0, "dot"),
        ([flat(np.stack([-way, way])) for way in list(_AXES.values())[:3]], 0.8, "dash"),
    ):
        lines = [shape + middle for middle in middles for shape in shapes]
        figure.add_scatter(
            x=[x for line in lines for x in (*line[:, 0].tolist(), None)],
            y=[y for line in lines for y in (*line[:, 1].tolist(), None)],
            mode="lines",
            hoverinfo="skip",
            line={"color": LINE[theme], "width": width, "dash": dash},
        )
    places = [
        (words, middle + flat(1.17 * way)) for middle in middles for words, way in _AXES.items()
    ]
    figure.add_scatter(
        x=[at[0] for _, at in places],
        y=[at[1] for _, at in places],
        mode="text",
        hoverinfo="skip",
        text=[words for words, _ in places],
        textfont={"size": 11, "color": QUIET[theme]},
    )


def _vector(
    figure: go.Figure, name: str, way: np.ndarray, middle: np.ndarray, hue: str, theme: Theme
) -> None:
    now, points = way[-1], flat(way) + middle
    ends = np.unique(np.linspace(0, len(way) - 1, _STEPS + 1).round().astype(int))
    for k, (start, end) in enumerate(itertools.pairwise(ends), 1):
        part = points[start : end + 1]
        figure.add_scatter(
            x=part[:, 0],
            y=part[:, 1],
            mode="lines",
            hoverinfo="skip",
            line={"color": faded(hue, 0.12 + 0.68 * k / (len(ends) - 1)), "width": 2},
        )
    length = float(np.linalg.norm(now))
    figure.add_scatter(
        x=[middle[0], points[-1, 0]],
        y=[middle[1], points[-1, 1]],
        mode="lines",
        hoverinfo="skip",
        line={"color": INK[theme], "width": 2.5},
    ).add_scatter(
        x=[points[-1, 0]],
        y=[points[-1, 1]],
        mode="markers",
        text=[
            f"<b>{name}</b><br>⟨X⟩ {now[0]:+.3f}, ⟨Y⟩ {now[1]:+.3f}, ⟨Z⟩ {now[2]:+.3f}<br>"
            f"length {length:.3f}, purity {(1 + length**2) / 2:.3f}"
        ],
        hovertemplate="%{text}<extra></extra>",
        marker={
            "size": 10,
            "color": INK[theme] if (float(now @ _NEAR) >= 0) else PAPER[theme],
            "opacity": 1,
            "line": {"color": INK[theme], "width": 1.5},
        },
    ).add_annotation(
        x=middle[0],
        y=middle[1] - 1.72,
        showarrow=False,
        text=f"{name}: {length:.2f}",
        font={"size": 12, "color": INK[theme]},
    )


# A density matrix as a Hinton diagram, and its elements through time as heat maps.

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
            "colorbar": _bar(
                "phase (rad)",
                tickvals=[-np.pi, -np.pi / 2, 0, np.pi / 2, np.pi],
                ticktext=["−π ←", "−π/2 ↓", "0 →", "π/2 ↑", "π ←"],
            ),
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
    return figure.update_xaxes(
        title={"text": "column j (basis state)"}, constrain="domain", **ticks
    ).update_yaxes(
        title={"text": "row i (basis state)"},
        scaleanchor="x",
        constrain="domain",
        **ticks | {"range": [size - 0.4, -0.6]},
    )


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
    figure.add_traces(
        [
            {
                "type": "scatter",
                "x": lines[0],
                "y": lines[1],
                "mode": "lines",
                "hoverinfo": "skip",
                "connectgaps": False,
                "line": {"color": colour, "width": width},
            }
            for colour, width in (
                (faded(ON_DARK, 0.9), thick + 2 * min(1.0, thick / 2)),
                (ON_BRIGHT, thick),
            )
        ]
    )


@drawing(times="T", names="R+", owners="R+", values="R+ T")
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
    written = [
        f"{label(owner, 14)} {label(name)}" for owner, name in zip(owners, names, strict=True)
    ]

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
        lines += [
            {
                "type": "line",
                "x0": cursor,
                "x1": cursor,
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "layer": "above",
                "line": {"color": colour, "width": width, "dash": "solid"},
            }
            for colour, width in ((ON_BRIGHT, 3), (ON_DARK, 1.5))
        ]
    return (
        base(theme, 96 + max(18 * len(names), 110), left=10, right=10, top=8, bottom=46)
        .add_trace(
            go.Heatmap(
                x=times,
                y=list(range(len(names))),
                z=values,
                colorscale=UNSIGNED_SCALE,
                zmin=0,
                zmax=max(float(values.max()), 1e-12),
                customdata=np.array([[words] * len(times) for words in written]),
                colorbar={
                    "title": {"text": label(unit), "side": "right", "font": {"size": 12}},
                    "thickness": 10,
                    "outlinewidth": 0,
                },
                hovertemplate="%{customdata}, t = %{x:.3f}: %{z:.4f}<extra></extra>",
            )
        )
        .update_layout(shapes=lines)
        .update_xaxes(title={"text": TIME}, range=ends, nticks=7)
        .update_yaxes(
            **in_rows(written),
            tickfont={"size": 11, "color": INK[theme]},
            linecolor=LINE[theme],
        )
    )


# Decision operators: spectrum and where samples lie on it, what eigenvectors are made of, samples along the two
# extremes.

FOR, AGAINST = (
    "#E08214",
    "#8073AC",
)  # the two arms of the signed scale, readable on light and on dark paper
MAX_BARS = 64


def grouped(values: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Returns at most `MAX_BARS` bars of an ascending spectrum: mean vote and summed weights of neighbours, and how
    many share a bar.

    Args:
        values: (K,); weights: (..., K).
    """
    K = len(values)
    size = -(-K // MAX_BARS)
    edges = np.arange(0, K, size)
    return (
        np.add.reduceat(values, edges) / np.diff(np.append(edges, K)),
        np.add.reduceat(weights, edges, axis=-1),
        size,
    )


@drawing(votes="K", sample="K", cohort="K")
def spectrum(
    votes: np.ndarray,
    sample: np.ndarray,
    cohort: np.ndarray,
    *,
    unit: str = "score",
    sample_name: str = "this sample",
    cohort_name: str = "all samples",
    theme: Theme = "light",
) -> go.Figure:
    """Votes of the eigenstates as signed bars around the baseline, and below them how much of a sample lies on each.

    Args:
        votes: eigenvalues minus the baseline, ascending, (K,); many are drawn in groups of neighbours.
        sample, cohort: weight of one sample and mean weight of many on each eigenstate, (K,), adding up to 1.
    """
    bars, (own, mean), size = grouped(np.asarray(votes), np.stack([sample, cohort]))
    places = np.arange(len(bars))

    text = "eigenstate" if size == 1 else f"{size} eigenstates"
    return (
        base(theme, 430, legend=True, right=20, top=8)
        .add_traces(
            [
                {
                    "type": "bar",
                    "x": places[chosen],
                    "y": bars[chosen],
                    "name": name,
                    "marker": {"color": hue, "line": {"width": 0}},
                    "hovertemplate": f"{text} %{{x}}: %{{y:+.3f}}<extra>{name}</extra>",
                }
                for name, chosen, hue in (
                    ("votes for", bars >= 0, FOR),
                    ("votes against", bars < 0, AGAINST),
                )
            ]
        )
        .add_bar(
            x=places,
            y=own,
            yaxis="y2",
            name=label(sample_name),
            marker={"color": INK[theme], "line": {"width": 0}},
            hovertemplate="%{y:.1%}<extra>" + label(sample_name) + "</extra>",
        )
        .add_scatter(
            x=places,
            y=mean,
            yaxis="y2",
            name=label(cohort_name),
            mode="markers",
            marker={
                "symbol": "diamond-open",
                "size": 7,
                "color": QUIET[theme],
                "line": {"width": 1.6},
            },
            hovertemplate="%{y:.1%}<extra>" + label(cohort_name) + "</extra>",
        )
        .update_layout(
            bargap=0.15 if len(bars) < 40 else 0.05,
            xaxis={
                "title": {
                    "text": "eigenstates, from most against to most for"
                    + ("" if size == 1 else f" ({size} in each bar)")
                },
                "anchor": "y2",
                "range": [-0.7, len(bars) - 0.3],
                **({"dtick": 1} if len(bars) <= 16 else {}),
            },
            yaxis={
                "domain": [0.46, 1.0],
                "title": {"text": in_unit("vote above baseline", unit, "<br>")},
            },
            yaxis2=axis(theme)
            | {"domain": [0.0, 0.36], "tickformat": ".0%", "rangemode": "tozero"},
            yaxis2_title_text="weight",
        )
        .add_shape(
            type="line",
            xref="paper",
            yref="y",
            x0=0,
            x1=1,
            y0=0,
            y1=0,
            line={"color": LINE[theme], "width": 1},
        )
    )


@drawing()
def make_up(amplitudes: np.ndarray, dims: Sequence[int], *, theme: Theme = "light") -> go.Figure:
    """What an eigenvector is made of: the population of every basis state as height, its phase as colour.

    Args:
        amplitudes: (d,) complex, d the product of dims.
    """
    names = basis_labels(dims)
    check(
        amplitudes.shape == (len(names),),
        f"Argument `amplitudes` must have shape ({len(names)},), but has shape {amplitudes.shape}.",
    )
    populations, phases, places = (
        np.abs(amplitudes) ** 2,
        np.angle(amplitudes),
        np.arange(len(names)),
    )

    step = max(1, len(names) // 16)
    return (
        base(theme, 250, left=54, right=10, top=10)
        .add_bar(
            x=places,
            y=populations,
            customdata=list(zip(names, phases, strict=True)),
            marker={
                "color": phases,
                "colorscale": CYCLIC_SCALE,
                "cmin": -np.pi,
                "cmax": np.pi,
                "line": {"width": 0},
                "colorbar": _bar(
                    "phase (rad)",
                    thickness=10,
                    tickvals=[-np.pi, 0, np.pi],
                    ticktext=["−π", "0", "π"],
                ),
            },
            hovertemplate="|%{customdata[0]}⟩: %{y:.1%}, phase %{customdata[1]:+.2f} rad<extra></extra>",
        )
        .update_xaxes(
            title={"text": "basis state"},
            tickvals=places[::step],
            ticktext=[f"|{name}⟩" for name in names[::step]],
        )
        .update_yaxes(title={"text": "population"}, rangemode="tozero", tickformat=".0%")
    )


@drawing(elements="n", modalities="M", votes="K", bits="K M n")
def outcome_patterns(
    bits: np.ndarray,
    votes: np.ndarray,
    elements: Sequence[str],
    modalities: Sequence[str],
    all_modalities: Sequence[str],
    *,
    theme: Theme = "light",
) -> go.Figure:
    """Outcome patterns as rows of dots: filled where the qubit of an element reads 1, one block of columns a modality.

    Args:
        bits: (k, |S|, n) of 0 and 1; votes: (k,). modalities: of S; all_modalities: fix the colours.
    """
    k, count, n = bits.shape
    figure = base(theme, 92 + 27 * k, left=10, right=10, top=30, bottom=44)
    for m, name in enumerate(modalities):
        hue = term_colour(name, all_modalities)
        rows, columns = np.indices((k, n))
        on = bits[:, m].astype(bool)
        x = columns + m * (n + 1)
        figure.add_scatter(
            x=x[on],
            y=rows[on],
            mode="markers",
            name=f"{label(name)} reads 1",
            hoverinfo="skip",
            marker={"size": 13, "color": hue, "line": {"width": 1.5, "color": hue}},
        ).add_scatter(
            x=x[~on],
            y=rows[~on],
            mode="markers",
            hoverinfo="skip",
            showlegend=False,
            marker={
                "size": 13,
                "color": PAPER[theme],
                "line": {"width": 1.2, "color": LINE[theme]},
            },
        ).add_annotation(
            x=m * (n + 1) + (n - 1) / 2,
            y=1,
            yref="paper",
            yanchor="bottom",
            text=f"<b>{label(name)}</b>",
            showarrow=False,
            font={"size": 12, "color": hue},
        )
    short = [label(name, 9) for name in elements]
    figure.update_xaxes(
        tickvals=[i + m * (n + 1) for m in range(count) for i in range(n)],
        ticktext=short * count,
        showline=False,
        ticks="",
        range=[-0.6, count * (n + 1) - 1.4],
        title={"text": "element (filled: its qubit reads 1)"},
        tickangle=0 if max(map(len, short)) <= 2 else -40,
    ).update_yaxes(
        **in_rows([f"{vote:+.2f}" for vote in votes], 0.4, 0.6),
    )
    cut = int(np.searchsorted(-np.asarray(votes), 0))
    if 0 < cut < k:
        figure.add_hline(y=cut - 0.5, line={"color": LINE[theme], "width": 1, "dash": "dot"})
    return figure


@drawing(modalities="M", elements="n", values="M n")
def effects(
    values: np.ndarray,
    elements: Sequence[str],
    modalities: Sequence[str],
    all_modalities: Sequence[str],
    *,
    unit: str = "score",
    theme: Theme = "light",
) -> go.Figure:
    """How the score changes when one element turns from no to yes, (|S|, n): bars in the modalities' colours."""

    places = list(range(len(elements)))
    return (
        base(theme, 260, legend=len(modalities) > 1, right=10, top=8)
        .add_traces(
            [
                {
                    "type": "bar",
                    "x": places,
                    "y": values[m],
                    "customdata": [label(element) for element in elements],
                    "name": label(name),
                    "marker": {"color": term_colour(name, all_modalities)},
                    "hovertemplate": "%{customdata}: %{y:+.3f}<extra>" + label(name) + "</extra>",
                }
                for m, name in enumerate(modalities)
            ]
        )
        .update_yaxes(title={"text": f"change of {label(unit)}"})
        .update_xaxes(
            title={"text": "element that turns from 0 to 1"},
            tickvals=places,
            ticktext=[label(name, 14) for name in elements],
        )
        .add_hline(y=0, line={"color": LINE[theme], "width": 1})
    )


@drawing(ids="N", x="N", y="N", truth="N")
def along(
    ids: Sequence[str],
    x: np.ndarray,
    y: np.ndarray,
    x_title: str,
    y_title: str,
    *,
    truth: np.ndarray,
    truth_name: str,
    split: bool = False,
    chosen: str | None = None,
    shares: tuple[bool, bool] = (True, True),
    theme: Theme = "light",
) -> go.Figure:
    """Samples along two axes, coloured by truth, with ids in `customdata`; the chosen one ringed.

    Args:
        truth: (N,) numbers on a signed scale around their middle, or with `split` 1 for samples of the class and 0 for
            others.
        shares: whether x and y are shares of 1, written in per cent.
    """
    figure = base(theme, 400, legend=split, right=10 if not split else 16)
    tip = (
        "<b>%{text}</b><br>"
        + f"{label(x_title)}: %{{x:{'.1%' if shares[0] else '+.2f'}}}<br>"
        + f"{label(y_title)}: %{{y:{'.1%' if shares[1] else '+.2f'}}}<extra></extra>"
    )
    names = np.array([label(name) for name in ids], dtype=object)
    given = np.asarray(list(ids), dtype=object)
    reach = float(np.abs(truth).max(initial=0)) or 1.0
    parts = (
        [
            (
                truth == flag,
                name,
                {"symbol": symbol, "color": faded(hue, 0.7), "line": {"width": 0}},
            )
            for name, flag, hue, symbol in (
                (f"other than {label(truth_name)}", 0, GREY, "circle"),
                (f"truly {label(truth_name)}", 1, FOR, "diamond"),
            )
        ]
        if split
        else [
            (
                np.ones(len(names), dtype=bool),
                "samples",
                {
                    "color": truth,
                    "cmin": -reach,
                    "cmax": reach,
                    "line": {"width": 0.4, "color": QUIET[theme]},
                    "colorscale": [[0, AGAINST], [0.5, NEUTRAL[theme]], [1, FOR]],
                    "colorbar": _bar(label(truth_name)),
                },
            )
        ]
    )
    for own, name, look in parts:
        figure.add_scatter(
            x=x[own],
            y=y[own],
            mode="markers",
            name=name,
            customdata=given[own].tolist(),
            text=names[own],
            hovertemplate=tip,
            selected={"marker": {"opacity": 1}},
            unselected={"marker": {"opacity": 0.6}},
            marker={"size": 7} | look,
        )
    ringed(figure, ids, x, y, chosen, name="chosen", showlegend=False)
    return figure.update_xaxes(
        title={"text": label(x_title, 90)}, tickformat=".1~%" if shares[0] else ""
    ).update_yaxes(title={"text": label(y_title, 90)}, tickformat=".1~%" if shares[1] else "")
