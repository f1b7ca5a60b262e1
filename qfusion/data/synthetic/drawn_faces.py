"""Faces drawn from a latent: mouth, brows and eyes follow it; position, size, skin and light are nuisance.

A smile bends the mouth up, opens it a little, lifts the brows and narrows the eyes from below; a frown bends it down
and pulls the brows together. Faces are drawn with Pillow at several times the wanted size and averaged down, which
smooths the edges. The reduction is integer arithmetic, so that pixels are the same on any machine with the same Pillow.
"""

import numpy as np
from PIL import Image, ImageDraw

from qfusion.data.synthetic.hummed_voices import Parameters

SIDE = 24  # pixels of the features
SHOWN = 192  # pixels of the picture for a person
_OVER = 4  # how much larger the drawing is than the features


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


def draw_faces(rng: np.random.Generator, v: np.ndarray) -> dict[str, np.ndarray]:
    """Return the parameters for drawing faces that show the latents `v` (N,).

    Returns:
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
    count = len(v)
    wobble = 0.04 * rng.standard_normal((4, count))
    drawn = dict(
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
    return {name: np.round(values, 6) for name, values in drawn.items()}


def _skin(tone: float) -> np.ndarray:
    at = tone * (len(_SKINS) - 1)
    low = min(int(at), len(_SKINS) - 2)
    return _SKINS[low] + (at - low) * (_SKINS[low + 1] - _SKINS[low])


def lit_colour(rgb: np.ndarray | tuple[int, int, int], light: float) -> tuple[int, int, int]:
    """Return a colour multiplied by the light, with each channel at most 255."""
    r, g, b = (int(min(255, round(float(c) * light))) for c in rgb)
    return r, g, b


def picture(p: Parameters, row: int, side: int) -> Image.Image:
    """Return one face, drawn `side` pixels wide and high, RGB, without smoothing."""
    own = {name: float(values[row]) for name, values in p.items()}
    light, bend, lids, gape = (own[name] for name in ("light", "bend", "lids", "gape"))
    image = Image.new("RGB", (side, side), lit_colour((206, 216, 224), light))
    pen = ImageDraw.Draw(image)
    unit = side * 0.44 * own["size"]  # half the width of the head
    cx, cy = side * (0.5 + own["x"]), side * (0.5 + own["y"])

    def at(x: float, y: float) -> tuple[int, int]:
        return round(cx + unit * x), round(cy + unit * y)

    def thick(width: float) -> int:
        return max(1, round(unit * width))

    skin, shade = _skin(own["skin"]), own["shade"]
    pen.ellipse([at(-0.95, -1.05), at(0.95, 1.05)], fill=lit_colour(skin, light * (1 - abs(shade))))
    lit = (-0.95, 0.45) if shade > 0 else (-0.45, 0.95)  # the lit side of the head
    pen.ellipse([at(lit[0], -1.0), at(lit[1], 1.0)], fill=lit_colour(skin, light))
    for eye in (-0.4, 0.4):
        for width, height, colour in ((0.2, 0.2, (250, 250, 250)), (0.1, 0.14, (40, 30, 30))):
            pen.ellipse(
                [
                    at(eye - width, -0.25 - height * lids),
                    at(eye + width, -0.25 + height * lids),
                ],
                fill=lit_colour(colour, light),
            )
    inner, outer = -0.62 - 0.14 * own["brow"], -0.62 - 0.02 * own["brow"]
    for turned in (-1, 1):
        pen.line(
            [at(turned * 0.17, inner), at(turned * 0.62, outer)],
            fill=lit_colour((60, 40, 30), light),
            width=thick(0.12),
        )
    across = [i / 8 - 1 for i in range(17)]
    upper = [at(0.5 * x, 0.5 + 0.3 * bend * (0.5 - x * x)) for x in across]
    lower = [
        at(0.5 * x, 0.5 + 0.3 * bend * (0.5 - x * x) + 0.3 * gape * (1 - x * x)) for x in across
    ]
    pen.polygon(upper + lower[::-1], fill=lit_colour((70, 12, 22), light))
    pen.line(upper, fill=lit_colour((116, 22, 38), light), width=thick(0.16), joint="curve")
    pen.line(lower, fill=lit_colour((116, 22, 38), light), width=thick(0.1), joint="curve")
    return image


def pixels(p: Parameters) -> np.ndarray:
    """Return the grey pixels of the faces, uint8 (N, SIDE, SIDE)."""
    return np.stack(
        [
            np.asarray(picture(p, row, SIDE * _OVER).convert("L").reduce(_OVER))
            for row in range(len(p["bend"]))
        ]
    )


def portrait(p: Parameters, row: int) -> np.ndarray:
    """Return one face for a person to see, uint8 (SHOWN, SHOWN, 3)."""
    return np.asarray(picture(p, row, SHOWN * 3).reduce(3))
