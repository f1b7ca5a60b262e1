"""Displays of a qubit's state: Bloch balls, and discs, probabilities and matrices inside a circuit drawing."""

import itertools
from collections.abc import Sequence

import numpy as np

from qfusion._checks import check, choose
from qfusion.figures.guards import Figure, checks_arrays
from qfusion.figures.parts import add_line, add_marks, add_note, add_texts
from qfusion.figures.style import (
    BLUE,
    GREEN,
    INK,
    LINE,
    ORANGE,
    PAPER,
    QUIET,
    SKY,
    VERMILLION,
    bare_axis,
    base_figure,
    fade_colour,
    label,
)

_TURN = np.radians(35.0)  # viewing azimuth, from the x axis
_LIFT = np.radians(18.0)  # viewing elevation, above the equator
RIGHT = np.array([-np.sin(_TURN), np.cos(_TURN), 0.0])
UP = np.array([-np.sin(_LIFT) * np.cos(_TURN), -np.sin(_LIFT) * np.sin(_TURN), np.cos(_LIFT)])
TOWARDS_VIEWER = np.cross(RIGHT, UP)  # to the viewer
_AXES = {
    "x": np.array([1.0, 0, 0]),
    "y": np.array([0, 1.0, 0]),
    "|0⟩": np.array([0, 0, 1.0]),
    "|1⟩": np.array([0, 0, -1.0]),
}
_STEPS = 6  # of the fading of a way
_PITCH = (2.9, 3.5)  # between middles, across and down


@checks_arrays(names="Q+", ways="Q+")
def draw_balls(
    names: Sequence[str], ways: Sequence[np.ndarray], hues: Sequence[str] = ()
) -> Figure:
    """Return a Bloch ball for every qubit, five a row.

    Args:
        names: of the qubits.
        ways: of each its Bloch vectors (<X>, <Y>, <Z>) from the start to now, (n, 3), n at least 1.
        hues: hex colours of the qubits; blue where there is none.

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
    figure = base_figure(20 + 215 * lines, left=4, right=4, top=4, bottom=4)
    middles = np.array(
        [(i % across * _PITCH[0], -(i // across) * _PITCH[1]) for i in range(len(names))]
    )
    _add_globes(figure, middles)
    for name, way, middle, hue in zip(
        names, ways, middles, [*hues, *[""] * len(names)], strict=False
    ):
        _add_vector(figure, label(name, 24), np.asarray(way, float), middle, hue or BLUE)
    spare = max(0, 4 - across) / 2 * _PITCH[0]  # one ball alone must not fill the page
    figure.update_xaxes(
        **bare_axis(), range=[-1.45 - spare, (across - 1) * _PITCH[0] + 1.45 + spare]
    )
    figure.update_yaxes(
        **bare_axis(),
        range=[-(lines - 1) * _PITCH[1] - 2.05, 1.4],
        scaleanchor="x",
        constrain="domain",
        constraintoward="top",
    )
    return figure


def project(vectors: np.ndarray) -> np.ndarray:
    """Return where vectors (..., 3) stand on the page, (..., 2): to the right, and up."""
    return np.stack([vectors @ RIGHT, vectors @ UP], -1)


def _add_globes(figure: Figure, middles: np.ndarray) -> None:
    turn = np.linspace(0, 2 * np.pi, 61)
    equator = np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
    equator = np.roll(equator[:-1], -int(np.argmax(equator @ TOWARDS_VIEWER < 0)), 0)
    behind = equator @ TOWARDS_VIEWER < 0
    back = equator[behind]
    front = np.concatenate([equator[~behind], equator[:1]])
    for shapes, width, dash in (
        ([np.stack([np.cos(turn), np.sin(turn)], 1)], 1.5, "solid"),
        ([project(front)], 1.0, "solid"),
        ([project(back)], 1.0, "dot"),
        ([project(np.stack([-way, way])) for way in list(_AXES.values())[:3]], 0.8, "dash"),
    ):
        lines = [shape + middle for middle in middles for shape in shapes]
        add_line(
            figure,
            [x for line in lines for x in (*line[:, 0].tolist(), None)],
            [y for line in lines for y in (*line[:, 1].tolist(), None)],
            LINE,
            width,
            dash=dash,
            hoverinfo="skip",
        )
    places = [
        (words, middle + project(1.17 * way)) for middle in middles for words, way in _AXES.items()
    ]
    add_texts(
        figure,
        [at[0] for _, at in places],
        [at[1] for _, at in places],
        [words for words, _ in places],
        size=11,
        hue=QUIET,
    )


def _add_vector(figure: Figure, name: str, way: np.ndarray, middle: np.ndarray, hue: str) -> None:
    now = way[-1]
    points = project(way) + middle
    ends = np.unique(np.linspace(0, len(way) - 1, _STEPS + 1).round().astype(int))
    for k, (start, end) in enumerate(itertools.pairwise(ends), 1):
        part = points[start : end + 1]
        add_line(
            figure,
            part[:, 0],
            part[:, 1],
            fade_colour(hue, 0.12 + 0.68 * k / (len(ends) - 1)),
            2,
            hoverinfo="skip",
        )
    length = float(np.linalg.norm(now))
    add_line(
        figure, [middle[0], points[-1, 0]], [middle[1], points[-1, 1]], INK, 2.5, hoverinfo="skip"
    )
    purity = (1 + length**2) / 2
    tip = (
        f"<b>{name}</b><br>⟨X⟩ {now[0]:+.3f}, ⟨Y⟩ {now[1]:+.3f}, ⟨Z⟩ {now[2]:+.3f}<br>"
        f"length {length:.3f}, purity {purity:.3f}"
    )
    in_front = float(now @ TOWARDS_VIEWER) >= 0
    add_marks(
        figure,
        [points[-1, 0]],
        [points[-1, 1]],
        INK if in_front else PAPER,
        10,
        opacity=1,
        rim_hue=INK,
        rim=1.5,
        text=[tip],
        hovertemplate="%{text}<extra></extra>",
    )
    add_note(figure, f"{name}: {length:.2f}", middle[0], middle[1] - 1.72)


KINDS = ("probability of 1", "Bloch vector", "purity")
_HALF = 0.12  # of a display's width, in columns
_AXIS_COLOURS = (VERMILLION, GREEN, BLUE)  # of x, y and z, from left to right


# A qubit's state at a place of the drawing: x and y of its middle, half its height, its Bloch vector (3,), and what the
# pointer reads.
Display = tuple[float, float, float, np.ndarray, str]


def draw_displays(figure: Figure, shown: Sequence[Display], kind: str) -> None:
    """Draw displays of one of `KINDS`; heights count downwards."""
    choose("Display", kind, KINDS)
    frames = [(x - _HALF, x + _HALF, y - half, y + half) for x, y, half, *_ in shown]
    _fill(figure, frames, PAPER, LINE, "frames")
    if kind == KINDS[1]:
        for k, hue in enumerate(_AXIS_COLOURS):
            left = (2 * k - 3) * _HALF / 3
            bars = [
                (x + left, x + left + 2 * _HALF / 3, *sorted((y, y - float(bloch[k]) * half)))
                for x, y, half, bloch, _ in shown
            ]
            _fill(figure, bars, hue, hue, f"⟨{'XYZ'[k]}⟩")
        add_line(
            figure,
            [end for x, *_ in shown for end in (x - _HALF, x + _HALF, np.nan)],
            [end for _, y, *_ in shown for end in (y, y, np.nan)],
            LINE,
            1,
            hoverinfo="skip",
            connectgaps=False,
        )
    else:
        bars = [
            (left, right, low + (bottom - low) * (1 - display_share(bloch, kind)), bottom)
            for (*_, bloch, _), (left, right, low, bottom) in zip(shown, frames, strict=True)
        ]
        hue = SKY if kind == KINDS[0] else ORANGE
        _fill(figure, bars, hue, hue, kind)
    add_marks(
        figure,
        [x for x, *_ in shown],
        [y for _, y, *_ in shown],
        LINE,
        14,
        symbol="square",
        opacity=0.0,
        name="displays",
        text=[tip for *_, tip in shown],
        hovertemplate="%{text}<extra></extra>",
    )


def display_share(bloch: np.ndarray, kind: str) -> float:
    """Return how full a display is: the probability of |1>, or where the purity lies between 1/2 and 1."""
    z = float(bloch[2])
    length = float(np.linalg.norm(bloch))
    return float(np.clip((1 - z) / 2 if kind == KINDS[0] else length**2, 0, 1))


def _fill(
    figure: Figure, boxes: Sequence[tuple[float, ...]], hue: str, rim: str, name: str
) -> None:
    """Add rectangles (left, right, top, bottom) as one series."""
    add_line(
        figure,
        np.array([(a, b, b, a, a, np.nan) for a, b, _, _ in boxes]).ravel(),
        np.array([(c, c, d, d, c, np.nan) for _, _, c, d in boxes]).ravel(),
        rim,
        1,
        fill="toself",
        fillcolor=hue,
        hoverinfo="skip",
        name=name,
        connectgaps=False,
    )


def matrix_tip(matrix: np.ndarray) -> str:
    """Return a matrix as lines for the pointer, `<br>` between them; empty of one larger than 4 x 4."""
    U = np.asarray(matrix)
    if U.ndim != 2 or len(U) > 4:
        return ""
    cells = [[_cell(complex(value)) for value in row] for row in U]
    widest = max(len(cell) for row in cells for cell in row)
    # A space of a digit's width holds columns together where letters are not of one width, and breaks no line.
    return "<br>".join("\u2007".join(cell.rjust(widest, "\u2007") for cell in row) for row in cells)


def _cell(value: complex) -> str:
    """Return a number with two digits."""
    real = round(value.real, 2) + 0.0
    imaginary = round(value.imag, 2) + 0.0
    if not imaginary:
        return f"{real:.2f}" if real else "0"
    return f"{imaginary:.2f}i" if not real else f"{real:.2f}{imaginary:+.2f}i"
