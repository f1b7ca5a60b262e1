"""Displays of a qubit's state at a place of a circuit drawing: discs, probabilities and matrices."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import choose
from qfusion.figures.style import BLUE, GREEN, LINE, ORANGE, PAPER, SKY, VERMILLION, Theme

KINDS = ("probability of 1", "Bloch vector", "purity")
_HALF = 0.12  # of a display's width, in columns
_AXES = (VERMILLION, GREEN, BLUE)  # of x, y and z, from left to right


# A qubit's state at a place of the drawing: x and y of its middle, half its height, its Bloch vector (3,), and what the
# pointer reads.
Display = tuple[float, float, float, np.ndarray, str]


def draw_displays(figure: go.Figure, shown: Sequence[Display], kind: str, theme: Theme) -> None:
    """Draw displays of one of `KINDS`; heights count downwards."""
    choose("Display", kind, KINDS)
    frames = [(x - _HALF, x + _HALF, y - half, y + half) for x, y, half, *_ in shown]
    _fill(figure, frames, PAPER[theme], LINE[theme], "frames")
    if kind == KINDS[1]:
        for k, hue in enumerate(_AXES):
            left = (2 * k - 3) * _HALF / 3
            bars = [
                (x + left, x + left + 2 * _HALF / 3, *sorted((y, y - float(bloch[k]) * half)))
                for x, y, half, bloch, _ in shown
            ]
            _fill(figure, bars, hue, hue, f"⟨{'XYZ'[k]}⟩")
        figure.add_scatter(
            x=[end for x, *_ in shown for end in (x - _HALF, x + _HALF, np.nan)],
            y=[end for _, y, *_ in shown for end in (y, y, np.nan)],
            mode="lines",
            hoverinfo="skip",
            connectgaps=False,
            line={"color": LINE[theme], "width": 1},
        )
    else:
        bars = [
            (left, right, low + (bottom - low) * (1 - display_share(bloch, kind)), bottom)
            for (*_, bloch, _), (left, right, low, bottom) in zip(shown, frames, strict=True)
        ]
        hue = SKY if kind == KINDS[0] else ORANGE
        _fill(figure, bars, hue, hue, kind)
    figure.add_scatter(
        x=[x for x, *_ in shown],
        y=[y for _, y, *_ in shown],
        mode="markers",
        name="displays",
        text=[tip for *_, tip in shown],
        hovertemplate="%{text}<extra></extra>",
        marker={"size": 14, "opacity": 0.0, "color": LINE[theme], "symbol": "square"},
    )


def display_share(bloch: np.ndarray, kind: str) -> float:
    """Return how full a display is: the probability of |1>, or where the purity lies between 1/2 and 1."""
    z = float(bloch[2])
    length = float(np.linalg.norm(bloch))
    return float(np.clip((1 - z) / 2 if kind == KINDS[0] else length**2, 0, 1))


def _fill(
    figure: go.Figure, boxes: Sequence[tuple[float, ...]], hue: str, rim: str, name: str
) -> None:
    """Add rectangles (left, right, top, bottom) as one series."""
    figure.add_scatter(
        x=np.array([(a, b, b, a, a, np.nan) for a, b, _, _ in boxes]).ravel(),
        y=np.array([(c, c, d, d, c, np.nan) for _, _, c, d in boxes]).ravel(),
        mode="lines",
        fill="toself",
        fillcolor=hue,
        hoverinfo="skip",
        name=name,
        connectgaps=False,
        line={"color": rim, "width": 1},
    )


def matrix_tip(matrix: np.ndarray, digits: int = 2) -> str:
    """Return a matrix as lines for the pointer, `<br>` between them; empty of one larger than 4 x 4."""
    U = np.asarray(matrix)
    if U.ndim != 2 or len(U) > 4:
        return ""
    cells = [[_cell(complex(value), digits) for value in row] for row in U]
    widest = max(len(cell) for row in cells for cell in row)
    # A space of a digit's width holds columns together where letters are not of one width, and breaks no line.
    return "<br>".join("\u2007".join(cell.rjust(widest, "\u2007") for cell in row) for row in cells)


def _cell(value: complex, digits: int) -> str:
    real = round(value.real, digits) + 0.0
    imaginary = round(value.imag, digits) + 0.0
    if not imaginary:
        return f"{real:.{digits}f}" if real else "0"
    return f"{imaginary:.{digits}f}i" if not real else f"{real:.{digits}f}{imaginary:+.{digits}f}i"
