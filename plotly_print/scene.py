"""What is drawn, in points from the lower left corner of the page: marks that know nothing of
plotly or of matplotlib; and the hand that draws them, which knows the scale, colours and
letters."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from plotly_print.values import CLEAR, RGBA, fade, rgba
from plotly_print.words import ASCENT, CAPITAL, DESCENT, LEADING, Block, TextStyle

SMALLEST = 5.0  # points: no letters are smaller
# What lies above what.
GRID, BELOW, FIELD, BARS, BOXES, VIOLINS, LINES, FRAME, ABOVE, NOTES, KEY = range(0, 110, 10)
_DASHES: dict[str, tuple[float, ...]] = {
    "solid": (),
    "dot": (1, 1),
    "dash": (3, 3),
    "longdash": (5, 5),
    "dashdot": (3, 1, 1, 1),
    "longdashdot": (5, 2, 2, 2),
}


class Box(NamedTuple):
    """A rectangle."""

    left: float
    bottom: float
    right: float
    top: float

    @classmethod
    def of(cls, points: np.ndarray) -> "Box":
        """The smallest one that holds points (N, 2)."""
        return cls(*points.min(0).tolist(), *points.max(0).tolist())

    @property
    def width(self) -> float:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """From bottom to top."""
        return self.top - self.bottom

    @property
    def corners(self) -> np.ndarray:
        """Its corners, (4, 2)."""
        return rectangle(*self)

    def grown(self, by: float) -> "Box":
        """With so much more room at each side."""
        return Box(self.left - by, self.bottom - by, self.right + by, self.top + by)

    def overlaps(self, other: "Box", by: float = 0.0) -> bool:
        """Whether the two share more than `by` points in both directions."""
        return (
            min(self.right, other.right) - max(self.left, other.left) > by
            and min(self.top, other.top) - max(self.bottom, other.bottom) > by
        )


def around(boxes: Iterable[Box]) -> Box:
    """The smallest box that holds all of them."""
    return Box.of(np.array([*boxes]).reshape(-1, 2))


def rectangle(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """Its corners, (4, 2)."""
    return np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]], dtype=float)


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
    """Markers of one symbol: `outline` (M, 2) with `codes` around the origin for a radius of 1,
    drawn at (N, 2) with radii (N,)."""

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
    """Coloured rectangles between edges x (n + 1,) and y (m + 1,), colours (m, n, 4), `gap` points
    apart."""

    x: np.ndarray
    y: np.ndarray
    colours: np.ndarray
    gap: tuple[float, float] = (0.0, 0.0)
    clip: Box | None = None

    def rectangles(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Corners (4, 2) and colour of each cell that is seen."""
        # Each reaches below the next, so that no light falls between them.
        seam = 0.0 if any(self.gap) else 0.25
        columns, rows = (
            _sides(*ends, seam) for ends in ((self.x, self.gap[0]), (self.y, self.gap[1]))
        )
        for row, (y0, y1) in zip(self.colours, rows, strict=True):
            for colour, (x0, x1) in zip(row, columns, strict=True):
                if colour[3] != 0:
                    yield rectangle(x0, y0, x1, y1), colour


def _sides(edges: np.ndarray, gap: float, seam: float) -> np.ndarray:
    """Where cells begin and end, (n, 2)."""
    way = np.sign(np.diff(edges))
    return np.column_stack(
        [
            edges[:-1] + way * gap / 2,
            edges[1:] - way * gap / 2 + way * np.append(np.full(len(way) - 1, seam), 0.0),
        ]
    )


@dataclass(frozen=True, eq=False)
class Words:
    """A label at (x, y): `across` is left, center or right, `up` is bottom, middle, top or base,
    turned by `angle` degrees, anti-clockwise.

    `lines` says how the lines of a label lie to each other; `halo` is the colour of a rim around
    the letters.
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
    clip: Box | None = None

    @cached_property
    def box(self) -> Box:
        """The upright rectangle around it."""
        left, bottom = self._offset()
        return Box.of(
            self.turn(
                Box(left, bottom, left + self.block.width, bottom + self.block.height).corners
            )
        )

    def turn(self, points: np.ndarray) -> np.ndarray:
        """Points relative to the anchor, on the page."""
        a = math.radians(self.angle)
        return (points @ np.array([[math.cos(a), math.sin(a)], [-math.sin(a), math.cos(a)]])) + [
            self.x,
            self.y,
        ]

    def _offset(self) -> tuple[float, float]:
        """Lower left corner of the unturned block, relative to the anchor."""
        w, h, size = self.block.width, self.block.height, self.block.size
        left = {"left": 0.0, "center": -w / 2, "right": -w}[self.across]
        # Capitals and digits are centred, not the box with its descenders.
        middle = -(h - size * (DESCENT + ASCENT - CAPITAL)) / 2 - size * DESCENT
        return left, {"bottom": 0.0, "middle": middle, "top": -h, "base": -size * DESCENT}[self.up]

    def baselines(self) -> list[tuple[float, float]]:
        """For each line, where its anchor lies relative to that of the label."""
        left, bottom = self._offset()
        w, top = self.block.width, bottom + self.block.height
        x = left + {"left": 0.0, "center": w / 2, "right": w}[self.lines or self.across]
        return [
            (x, top - self.block.size * (ASCENT + LEADING * i))
            for i in range(len(self.block.lines))
        ]


Mark = Stroke | Area | Dots | Cells | Words


@dataclass
class Scene:
    """Marks by layer; layers are drawn from the lowest."""

    marks: list[tuple[int, Mark]] = field(default_factory=list)

    def add(self, layer: int, *marks: Mark) -> None:
        """Put marks on a layer, above those that are there."""
        self.marks += [(layer, mark) for mark in marks]

    def words(self) -> list[Words]:
        """All labels."""
        return [mark for _, mark in self.marks if isinstance(mark, Words)]

    def ordered(self) -> list[Mark]:
        """All marks, the lowest first."""
        return [mark for _, mark in sorted(self.marks, key=lambda pair: pair[0])]


@dataclass(frozen=True)
class Hand:
    """Scale in points a pixel, the colours of letters and paper, the font of what names none, how
    much smaller discs are drawn, whether letters have serifs, and how much thicker lines are than
    plotly's."""

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

    def style(
        self,
        font: dict[str, Any] | None,
        size: float | None = None,
        colour: RGBA | None = None,
    ) -> TextStyle:
        """The letters that one of plotly's fonts asks for."""
        font = font or {}
        return TextStyle(
            max(SMALLEST, self.px(font.get("size", size or self.font))),
            rgba(font["color"]) if isinstance(font.get("color"), str) else colour or self.ink,
            bold=str(font.get("weight", "normal")) in ("bold", "700", "800", "900"),
            italic=font.get("style") == "italic",
            serif=self.serif,
        )

    def pen(
        self,
        line: dict[str, Any] | None,
        width: float = 2.0,
        colour: RGBA | None = None,
        opacity: float = 1.0,
    ) -> Pen:
        """The pen of one of plotly's lines."""
        line = line or {}
        pixels = float(line.get("width", width))
        shown = rgba(line["color"]) if isinstance(line.get("color"), str) else colour or self.ink
        unit = self.px(max(pixels, 3.0))
        return Pen(
            fade(shown, opacity),
            max(self.lines * self.px(pixels), 0.25) if pixels > 0 else 0.0,
            tuple(unit * part for part in _DASHES[str(line.get("dash", "solid"))]),
        )


def halo_of(font: dict[str, Any] | None) -> RGBA | None:
    """The colour of a shadow around the letters, in plotly's `textfont.shadow`."""
    shadow = str((font or {}).get("shadow", "none"))
    return None if shadow in ("none", "auto", "") else rgba(shadow.split(",")[0].split()[-1])
