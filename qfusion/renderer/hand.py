"""What every part of a drawing is drawn with: the scale from plotly's pixels to points, colours, fonts, dashes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qfusion.renderer.axes import Axis, as_list
from qfusion.renderer.colours import RGBA, fade, rgba
from qfusion.renderer.scene import Box, Pen, Scene
from qfusion.renderer.words import Style

SMALLEST = 5.0  # points: no letters are smaller
# What lies above what.
GRID, BELOW, FIELD, BARS, BOXES, VIOLINS, LINES, FRAME, ABOVE, NOTES, KEY = range(0, 110, 10)
_DASHES: dict[str, tuple[float, ...]] = {"solid": (), "dot": (1, 1), "dash": (3, 3), "longdash": (5, 5),
                                         "dashdot": (3, 1, 1, 1), "longdashdot": (5, 2, 2, 2)}


@dataclass(frozen=True)
class Hand:
    """Scale in points a pixel, the colours of letters and paper, the font of what names none, how much smaller discs
    are drawn, whether letters have serifs, and how much thicker lines are than plotly's."""

    scale: float
    ink: RGBA
    paper: RGBA
    font: float = 13.0  # pixels
    discs: float = 1.0
    serif: bool = False
    lines: float = 1.0

    def px(self, pixels: Any) -> float:
        """Points of a length that plotly gives in pixels."""
        return float(pixels) * self.scale

    def style(self, font: Mapping[str, Any] | None, size: float | None = None, colour: RGBA | None = None) -> Style:
        """The letters that one of plotly's fonts asks for."""
        font = font or {}
        return Style(max(SMALLEST, self.px(font.get("size", size or self.font))),
                     rgba(str(font["color"])) if isinstance(font.get("color"), str) else colour or self.ink,
                     bold=str(font.get("weight", "normal")) in ("bold", "700", "800", "900"),
                     italic=font.get("style") == "italic", serif=self.serif)

    def pen(self, line: Mapping[str, Any] | None, width: float = 2.0, colour: RGBA | None = None,
            opacity: float = 1.0) -> Pen:
        """The pen of one of plotly's lines."""
        line = line or {}
        pixels = float(line.get("width", width))
        shown = rgba(str(line["color"])) if isinstance(line.get("color"), str) else colour or self.ink
        unit = self.px(max(pixels, 3.0))
        thick = max(self.lines * self.px(pixels), 0.25) if pixels > 0 else 0.0
        return Pen(fade(shown, opacity), thick, tuple(unit * part for part in _DASHES[str(line.get("dash", "solid"))]))


@dataclass(frozen=True, eq=False)
class Place:
    """Where a trace is drawn: the scene, its two axes, the rectangle between them."""

    scene: Scene
    hand: Hand
    x: Axis
    y: Axis

    @property
    def box(self) -> Box:
        """The rectangle of the plot."""
        (left, right), (bottom, top) = sorted((self.x.start, self.x.end)), sorted((self.y.start, self.y.end))
        return Box(left, bottom, right, top)


def spread(value: Any, count: int, default: Any) -> list[Any]:
    """One entry for each of `count` marks from one value, a list or nothing."""
    if value is None:
        return [default] * count
    if isinstance(value, (list, tuple, np.ndarray)):
        found = as_list(value)
        return [default if i >= len(found) or found[i] is None else found[i] for i in range(count)]
    return [value] * count


def halo_of(font: Mapping[str, Any] | None) -> RGBA | None:
    """The colour of a shadow around the letters, in plotly's `textfont.shadow`."""
    shadow = str((font or {}).get("shadow", "none"))
    if shadow in ("none", "auto", ""):
        return None
    return rgba(shadow.split(",")[0].split()[-1])
