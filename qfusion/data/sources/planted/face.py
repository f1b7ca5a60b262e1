"""A drawn face whose mouth, brows and eyes follow a latent, with position, size, skin and light as nuisance.

A smile bends the mouth up, opens it a little, lifts the brows and narrows the eyes from below; a frown bends it down
and pulls the brows together. Drawn with Pillow at several times the wanted size and averaged down, which is what
smooths the edges; that reduction is integer arithmetic, so the pixels are the same on any machine with the same Pillow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
from PIL import Image, ImageDraw

SIDE = 24  # pixels of the features
SHOWN = 192  # pixels of the picture for a person
_OVER = 4  # how much larger the drawing is than the features

_Place = Callable[[float, float], tuple[int, int]]  # from the head's own units to pixels
_Width = Callable[[float], int]

# Skin tones from light to dark (RGB).
_SKINS = np.array(
    [
        (255, 224, 196),
        (241, 194, 150),
        (224, 172, 120),
        (206, 144, 98),
        (172, 116, 76),
        (146, 96, 62),
    ],
    float,
)


@dataclass(frozen=True)
class FaceParameters:
    """What one face is drawn from; every field has one entry per sample.

    Attributes:
        bend: of the mouth, -1 (down) to 1 (up).
        brow: lift of the inner ends of the brows, -1 (pulled down) to 1.
        lids: opening of the eyes, 0 (closed) to 1.
        gape: opening of the mouth, 0 to 1.
        x, y: position, in parts of the picture.
        size: factor on everything.
        skin: from light (0) to dark (1).
        light: factor on all colours.
        shade: light falling from the left (> 0) or the right (< 0).
    """

    bend: np.ndarray
    brow: np.ndarray
    lids: np.ndarray
    gape: np.ndarray
    x: np.ndarray
    y: np.ndarray
    size: np.ndarray
    skin: np.ndarray
    light: np.ndarray
    shade: np.ndarray

    def take(self, rows: np.ndarray | slice) -> FaceParameters:
        """Returns the parameters of some rows."""
        return FaceParameters(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


def draw(rng: np.random.Generator, v: np.ndarray) -> FaceParameters:
    """Returns the parameters of faces that show the latents `v` (N,)."""
    count = len(v)
    wobble = 0.04 * rng.standard_normal((4, count))
    drawn = FaceParameters(
        bend=v + wobble[0],
        brow=v + wobble[1] * 2,
        lids=np.clip(0.62 - 0.25 * v + wobble[2], 0.25, 1),
        gape=np.clip(0.3 * np.abs(v) + wobble[3], 0, 1),
        x=rng.uniform(-0.025, 0.025, count),
        y=rng.uniform(-0.025, 0.025, count),
        size=rng.uniform(0.95, 1.05, count),
        skin=rng.random(count),
        light=rng.uniform(0.85, 1.1, count),
        shade=rng.uniform(-0.15, 0.15, count),
    )
    return FaceParameters(**{f.name: np.round(getattr(drawn, f.name), 6) for f in fields(drawn)})


def _skin(tone: float) -> np.ndarray:
    at = tone * (len(_SKINS) - 1)
    low = min(int(at), len(_SKINS) - 2)
    return _SKINS[low] + (at - low) * (_SKINS[low + 1] - _SKINS[low])


def _colour(rgb: np.ndarray | tuple[int, int, int], light: float) -> tuple[int, int, int]:
    r, g, b = (int(min(255, round(float(c) * light))) for c in rgb)
    return r, g, b


def picture(p: FaceParameters, row: int, side: int) -> Image.Image:
    """Returns one face, drawn `side` pixels wide and high, RGB, without smoothing."""
    light = float(p.light[row])
    image = Image.new("RGB", (side, side), _colour((206, 216, 224), light))
    pen = ImageDraw.Draw(image)
    unit = side * 0.44 * float(p.size[row])  # half the width of the head
    cx, cy = side * (0.5 + float(p.x[row])), side * (0.5 + float(p.y[row]))

    def at(x: float, y: float) -> tuple[int, int]:
        return round(cx + unit * x), round(cy + unit * y)

    def thick(width: float) -> int:
        return max(1, round(unit * width))

    skin = _skin(float(p.skin[row]))
    shade = float(p.shade[row])
    pen.ellipse([at(-0.95, -1.05), at(0.95, 1.05)], fill=_colour(skin, light * (1 - abs(shade))))
    lit = (-0.95, 0.45) if shade > 0 else (-0.45, 0.95)  # the lit side of the head
    pen.ellipse([at(lit[0], -1.0), at(lit[1], 1.0)], fill=_colour(skin, light))
    _eyes(pen, p, row, at, thick)
    _mouth(pen, p, row, at, thick)
    return image


def _eyes(pen: ImageDraw.ImageDraw, p: FaceParameters, row: int, at: _Place, thick: _Width) -> None:
    light, lids, brow = float(p.light[row]), float(p.lids[row]), float(p.brow[row])
    for side in (-1, 1):
        pen.ellipse(
            [at(side * 0.4 - 0.2, -0.25 - 0.2 * lids), at(side * 0.4 + 0.2, -0.25 + 0.2 * lids)],
            fill=_colour((250, 250, 250), light),
        )
        pen.ellipse(
            [at(side * 0.4 - 0.1, -0.25 - 0.14 * lids), at(side * 0.4 + 0.1, -0.25 + 0.14 * lids)],
            fill=_colour((40, 30, 30), light),
        )
        inner, outer = -0.62 - 0.14 * brow, -0.62 - 0.02 * brow
        pen.line(
            [at(side * 0.17, inner), at(side * 0.62, outer)],
            fill=_colour((60, 40, 30), light),
            width=thick(0.12),
        )


def _mouth(
    pen: ImageDraw.ImageDraw, p: FaceParameters, row: int, at: _Place, thick: _Width
) -> None:
    light, bend, gape = float(p.light[row]), float(p.bend[row]), float(p.gape[row])
    across = [i / 8 - 1 for i in range(17)]
    upper = [at(0.5 * x, 0.5 + 0.3 * bend * (0.5 - x * x)) for x in across]
    lower = [
        at(0.5 * x, 0.5 + 0.3 * bend * (0.5 - x * x) + 0.3 * gape * (1 - x * x)) for x in across
    ]
    pen.polygon(upper + lower[::-1], fill=_colour((70, 12, 22), light))
    pen.line(upper, fill=_colour((116, 22, 38), light), width=thick(0.16), joint="curve")
    pen.line(lower, fill=_colour((116, 22, 38), light), width=thick(0.1), joint="curve")


def pixels(p: FaceParameters) -> np.ndarray:
    """Returns the grey pixels of the faces, uint8 (N, SIDE, SIDE)."""
    count = len(p.bend)
    grey = np.empty((count, SIDE, SIDE), dtype=np.uint8)
    for row in range(count):
        grey[row] = np.asarray(picture(p, row, SIDE * _OVER).convert("L").reduce(_OVER))
    return grey


def portrait(p: FaceParameters, row: int) -> np.ndarray:
    """Returns one face for a person to see, uint8 (SHOWN, SHOWN, 3)."""
    return np.asarray(picture(p, row, SHOWN * 3).reduce(3))
