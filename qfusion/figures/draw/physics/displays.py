"""Small displays on the wires of a circuit after every column, as Quirk has them; and a gate's matrix in few letters.

A display is a frame as high as its scale: the probability of |1> from 0 to 1, the purity from 1/2 to 1, or three bars,
<X>, <Y> and <Z> from -1 to 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from qfusion._checks import choose
from qfusion.figures.style import BLUE, GREEN, LINE, ORANGE, PAPER, SKY, VERMILLION, Theme

KINDS = ("probability of 1", "Bloch vector", "purity")
_HALF = 0.12  # of a display's width, in columns
_AXES = (VERMILLION, GREEN, BLUE)  # of x, y and z, from left to right


@dataclass(frozen=True, eq=False)
class Display:
    """A qubit's state at a place of the drawing: `x` and `y` of its middle, half its height, its Bloch vector (3,), and
    what the pointer reads."""

    x: float
    y: float
    half: float
    bloch: np.ndarray
    tip: str


def add(figure: go.Figure, shown: Sequence[Display], kind: str, theme: Theme) -> None:
    """Draws displays of one of `KINDS`; heights count downwards."""
    choose("Display", kind, KINDS)
    frames = [
        (each.x - _HALF, each.x + _HALF, each.y - each.half, each.y + each.half) for each in shown
    ]
    _fill(figure, frames, PAPER[theme], LINE[theme], "frames")
    if kind == KINDS[1]:
        for k, hue in enumerate(_AXES):
            left = (2 * k - 3) * _HALF / 3
            bars = [
                (
                    each.x + left,
                    each.x + left + 2 * _HALF / 3,
                    *sorted((each.y, each.y - float(each.bloch[k]) * each.half)),
                )
                for each in shown
            ]
            _fill(figure, bars, hue, hue, f"⟨{'XYZ'[k]}⟩")
        x, y = _lines([(each.x - _HALF, each.x + _HALF, each.y) for each in shown])
        figure.add_scatter(
            x=x,
            y=y,
            mode="lines",
            hoverinfo="skip",
            connectgaps=False,
            line={"color": LINE[theme], "width": 1},
        )
    else:
        bars = [
            (left, right, low + (bottom - low) * (1 - share(each, kind)), bottom)
            for each, (left, right, low, bottom) in zip(shown, frames, strict=True)
        ]
        hue = SKY if kind == KINDS[0] else ORANGE
        _fill(figure, bars, hue, hue, kind)
    figure.add_scatter(
        x=[each.x for each in shown],
        y=[each.y for each in shown],
        mode="markers",
        name="displays",
        text=[each.tip for each in shown],
        hovertemplate="%{text}<extra></extra>",
        marker={"size": 14, "opacity": 0.0, "color": LINE[theme], "symbol": "square"},
    )


def share(each: Display, kind: str) -> float:
    """How full a display is: the probability of |1>, or where the purity lies between 1/2 and 1."""
    z, length = float(each.bloch[2]), float(np.linalg.norm(each.bloch))
    return float(np.clip((1 - z) / 2 if kind == KINDS[0] else length**2, 0, 1))


def _fill(
    figure: go.Figure, boxes: Sequence[tuple[float, ...]], hue: str, rim: str, name: str
) -> None:
    """Rectangles (left, right, top, bottom) as one series."""
    x = np.array([(a, b, b, a, a, np.nan) for a, b, _, _ in boxes]).ravel()
    y = np.array([(c, c, d, d, c, np.nan) for _, _, c, d in boxes]).ravel()
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        fill="toself",
        fillcolor=hue,
        hoverinfo="skip",
        name=name,
        connectgaps=False,
        line={"color": rim, "width": 1},
    )


def _lines(spans: Sequence[tuple[float, float, float]]) -> tuple[np.ndarray, np.ndarray]:
    return (
        np.array([(a, b, np.nan) for a, b, _ in spans]).ravel(),
        np.array([(y, y, np.nan) for _, _, y in spans]).ravel(),
    )


def matrix_tip(matrix: np.ndarray, digits: int = 2) -> str:
    """Returns a matrix as lines for the pointer, `<br>` between them; empty of one larger than 4 x 4."""
    U = np.asarray(matrix)
    if U.ndim != 2 or len(U) > 4:
        return ""
    cells = [[_cell(complex(value), digits) for value in row] for row in U]
    widest = max(len(cell) for row in cells for cell in row)
    # A space of a digit's width holds columns together where letters are not of one width, and breaks no line.
    return "<br>".join("\u2007".join(cell.rjust(widest, "\u2007") for cell in row) for row in cells)


def _cell(value: complex, digits: int) -> str:
    real, imaginary = round(value.real, digits) + 0.0, round(value.imag, digits) + 0.0
    if not imaginary:
        return f"{real:.{digits}f}" if real else "0"
    return f"{imaginary:.{digits}f}i" if not real else f"{real:.{digits}f}{imaginary:+.{digits}f}i"
