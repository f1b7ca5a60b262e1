"""What is drawn, in points from the lower left corner of the page: a list of marks that know nothing of plotly or of
matplotlib."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from qfusion.renderer.colours import CLEAR, RGBA
from qfusion.renderer.words import ASCENT, CAPITAL, DESCENT, LEADING, Block


@dataclass(frozen=True)
class Box:
    """A rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From bottom to top."""
        return self.top - self.bottom

    def overlaps(self, other: Box, by: float = 0.0) -> bool:
        """Whether the two share more than `by` points in both directions."""
        return (min(self.right, other.right) - max(self.left, other.left) > by
                and min(self.top, other.top) - max(self.bottom, other.bottom) > by)


def around(boxes: list[Box]) -> Box | None:
    """The smallest box that holds all of them."""
    if not boxes:
        return None
    return Box(min(b.left for b in boxes), min(b.bottom for b in boxes), max(b.right for b in boxes),
               max(b.top for b in boxes))


@dataclass(frozen=True)
class Pen:
    """A line's colour, width in points, and dashes in points (empty: solid)."""

    colour: RGBA = CLEAR
    width: float = 0.0
    dashes: tuple[float, ...] = ()

    @property
    def draws(self) -> bool:
        """Whether anything of the line is seen."""
        return self.width > 0 and self.colour[3] > 0


@dataclass(frozen=True, eq=False)
class Stroke:
    """A line through points (N, 2), interrupted where one is not a number."""

    points: np.ndarray
    pen: Pen
    clip: Box | None = None


@dataclass(frozen=True, eq=False)
class Area:
    """A closed shape, (N, 2); `codes` are matplotlib's where it is not a polygon."""

    points: np.ndarray
    face: RGBA
    pen: Pen = Pen()
    clip: Box | None = None
    codes: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Dots:
    """Markers of one symbol: `outline` (M, 2) with `codes` around the origin for a radius of 1, drawn at (N, 2) with
    radii (N,)."""

    points: np.ndarray
    radii: np.ndarray
    outline: np.ndarray
    codes: np.ndarray
    faces: np.ndarray
    edges: np.ndarray
    widths: np.ndarray
    clip: Box | None = None


@dataclass(frozen=True, eq=False)
class Cells:
    """Coloured rectangles between edges x (n + 1,) and y (m + 1,), colours (m, n, 4), `gap` points apart."""

    x: np.ndarray
    y: np.ndarray
    colours: np.ndarray
    gap: tuple[float, float] = (0.0, 0.0)
    clip: Box | None = None


@dataclass(frozen=True, eq=False)
class Words:
    """A label at (x, y): `across` is left, center or right, `up` is bottom, middle, top or base, turned by `angle`
    degrees, anti-clockwise.

    `lines` says how the lines of a label lie to each other; `halo` is the colour of a rim around the letters.
    """

    block: Block
    x: float
    y: float
    across: str = "center"
    up: str = "middle"
    angle: float = 0.0
    lines: str = ""
    halo: RGBA | None = None
    opacity: float = 1.0
    role: str = ""

    @property
    def box(self) -> Box:
        """The upright rectangle around it."""
        corners = self.corners
        return Box(float(corners[:, 0].min()), float(corners[:, 1].min()), float(corners[:, 0].max()),
                   float(corners[:, 1].max()))

    @property
    def corners(self) -> np.ndarray:
        """The four corners, (4, 2)."""
        left, bottom = self._offset()
        w, h = self.block.width, self.block.height
        return self.turn(np.array([[left, bottom], [left + w, bottom], [left + w, bottom + h], [left, bottom + h]]))

    def turn(self, points: np.ndarray) -> np.ndarray:
        """Points relative to the anchor, on the page."""
        a = math.radians(self.angle)
        return points @ np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]]) + [self.x, self.y]

    def _offset(self) -> tuple[float, float]:
        """Lower left corner of the unturned block, relative to the anchor."""
        w, h, size = self.block.width, self.block.height, self.block.size
        left = {"left": 0.0, "center": -w / 2, "right": -w}[self.across]
        if self.up == "middle":  # capitals and digits are centred, not the box with its descenders
            letters = h - size * (DESCENT + ASCENT - CAPITAL)
            return left, -letters / 2 - size * DESCENT
        return left, {"bottom": 0.0, "top": -h, "base": -size * DESCENT}[self.up]

    def baselines(self) -> list[tuple[float, float]]:
        """For each line, where its anchor lies relative to that of the label."""
        left, bottom = self._offset()
        top = bottom + self.block.height
        x = left + {"left": 0.0, "center": self.block.width / 2, "right": self.block.width}[self.lines or self.across]
        return [(x, top - self.block.size * (ASCENT + LEADING * i)) for i in range(len(self.block.lines))]


Mark = Stroke | Area | Dots | Cells | Words


@dataclass
class Scene:
    """Marks by layer; layers are drawn from the lowest."""

    marks: list[tuple[int, Mark]] = field(default_factory=list)

    def add(self, layer: int, *marks: Mark) -> None:
        """Puts marks on a layer, above those that are there."""
        self.marks += [(layer, mark) for mark in marks]

    def words(self) -> list[Words]:
        """All labels."""
        return [mark for _, mark in self.marks if isinstance(mark, Words)]

    def ordered(self) -> list[Mark]:
        """All marks, the lowest first."""
        return [mark for _, mark in sorted(self.marks, key=lambda each: each[0])]


def rectangle(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """Its corners, (4, 2)."""
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=float)
