"""Plotly's markers as paths around the origin, for a radius of 1."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from matplotlib.path import Path

from qfusion.errors import InvalidInput

_Points = list[tuple[float, float]]


def _star() -> _Points:
    angles = np.pi / 2 + np.arange(10) * np.pi / 5
    radii = np.where(np.arange(10) % 2, 1.4 * 0.382, 1.4)
    return list(zip((radii * np.cos(angles)).tolist(), (radii * np.sin(angles)).tolist(), strict=True))


def _cross(arm: float = 1.2, half: float = 0.4) -> _Points:
    return [(arm, half), (half, half), (half, arm), (-half, arm), (-half, half), (-arm, half), (-arm, -half),
            (-half, -half), (-half, -arm), (half, -arm), (half, -half), (arm, -half)]


def _turned(points: _Points) -> _Points:
    r = 0.5**0.5
    return [(r * (x - y), r * (x + y)) for x, y in points]


_T, _H = 2 / 3**0.5, 3**0.5 / 2
_POLYGONS: dict[str, _Points] = {
    "square": [(1, 1), (-1, 1), (-1, -1), (1, -1)],
    "diamond": [(1.3, 0), (0, 1.3), (-1.3, 0), (0, -1.3)],
    "triangle-up": [(-_T, -0.5), (_T, -0.5), (0, 1)],
    "triangle-down": [(-_T, 0.5), (_T, 0.5), (0, -1)],
    "triangle-left": [(0.5, -_T), (0.5, _T), (-1, 0)],
    "triangle-right": [(-0.5, -_T), (-0.5, _T), (1, 0)],
    "triangle-ne": [(-1.2, 0.6), (0.6, 0.6), (0.6, -1.2)],
    "hexagon": [(_H, -0.5), (_H, 0.5), (0, 1), (-_H, 0.5), (-_H, -0.5), (0, -1)],
    "star": _star(),
    "cross": _cross(),
    "x": _turned(_cross()),
}
_LINES: dict[str, list[_Points]] = {
    "line-ns": [[(0, -1), (0, 1)]], "line-ew": [[(-1, 0), (1, 0)]],
    "cross-thin": [[(0, -1), (0, 1)], [(-1, 0), (1, 0)]],
    "x-thin": [[(-0.7, -0.7), (0.7, 0.7)], [(-0.7, 0.7), (0.7, -0.7)]],
}

NAMES = {name + end for name in ("circle", *_POLYGONS, *_LINES) for end in ("", "-open")}


@lru_cache(maxsize=64)
def outline(symbol: str) -> tuple[np.ndarray, np.ndarray, bool, bool]:
    """Points (M, 2), codes (M,), whether the marker is open, and whether it is made of lines.

    Raises:
        InvalidInput: for a symbol that is not drawn.
    """
    name = symbol.removesuffix("-dot").removesuffix("-open")
    is_open = "-open" in symbol
    if name == "circle":
        circle = Path.unit_circle()
        return np.asarray(circle.vertices), np.asarray(circle.codes), is_open, False
    if name in _POLYGONS and not symbol.endswith("-dot"):
        points = np.array([*_POLYGONS[name], _POLYGONS[name][0]], dtype=float)
        codes = np.array([Path.MOVETO, *[Path.LINETO] * (len(points) - 2), Path.CLOSEPOLY], dtype=Path.code_type)
        return points, codes, is_open, False
    if name in _LINES:
        points = np.array([point for line in _LINES[name] for point in line], dtype=float)
        return points, np.array([Path.MOVETO, Path.LINETO] * len(_LINES[name]), dtype=Path.code_type), True, True
    raise InvalidInput(f"The figure uses the marker symbol {symbol!r}, which is not drawn in vector files. "
                       f"Use one of {sorted(['circle', *_POLYGONS, *_LINES])}.")
