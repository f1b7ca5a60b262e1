"""Pictures of two shapes on a dark ground, each of a form and a colour, one left of and above or below the other.

Forms and colours are balanced exactly: pictures come in blocks of 288, in which the left and the right shape have every
pair of forms with every pair of colours, with the left one above and below. Pairs of two equal forms occur twice as
often as others, and so do pairs of two equal colours. Hence in a block every form is in half of the pictures, and so is
every colour; in half of them the forms are the same, in half the colours are; and each answer to a question about
places holds for as many pictures as the other.
"""

import math
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np

SIDE = 24  # pixels
FORMS = ("circle", "triangle", "cross")
# In radii of a circle of the same area: half the width of a cross's arms, the circle inside a triangle, and how far a
# form reaches from its middle.
_ARM, _TRIANGLE = 0.33, math.sqrt(math.pi / math.sqrt(27))
_REACH = {"circle": 1.0, "triangle": 2 * _TRIANGLE, "cross": math.pi / 8 / _ARM + _ARM / 2}
COLOURS = {"red": (214, 48, 44), "yellow": (236, 200, 52), "blue": (58, 104, 232)}
_PAIRS = [(k, k) for k in range(3)] * 2 + list(permutations(range(3), 2))
# Of every picture of a block: forms, left and right, colours, left and right, and whether the left one is above.
BLOCK = np.array([(*f, *c, a) for f, c, a in product(_PAIRS, _PAIRS, (0, 1))])


@dataclass(frozen=True, eq=False)
class Scenes:
    """The parameters of N pictures of two shapes; the first shape is the left one.

    Attributes:
        forms: places in FORMS (N, 2). colours: places in COLOURS (N, 2). above: whether the left one is above the right
            one (N,).
        centres: x from the left and y from the top (N, 2, 2), and radii of circles of the same area (N, 2), in pixels.
        turns: radians (N, 2). paints, grounds: red, green and blue, 0 to 255, of shapes (N, 2, 3) and pictures (N, 3).
    """

    forms: np.ndarray
    colours: np.ndarray
    above: np.ndarray
    centres: np.ndarray
    radii: np.ndarray
    turns: np.ndarray
    paints: np.ndarray
    grounds: np.ndarray


def draw_scenes(units: np.ndarray, rng: np.random.Generator) -> Scenes:
    """Return scenes of forms, colours and places `units` (N, 5), as rows of BLOCK; all else is drawn."""
    count, forms, colours = len(units), units[:, :2], units[:, 2:4]
    above, paints = units[:, 4] == 1, np.array(list(COLOURS.values()))
    reach = np.array([math.hypot(_REACH[form], _ARM * (form == "cross")) for form in FORMS])
    centres, radii = np.zeros((count, 2, 2)), np.zeros((count, 2))
    waiting = np.arange(count)
    # a pixel stays free at the picture's edge, 3.5 between two centres from left to right and from top to bottom
    while len(waiting):
        radii[waiting] = rng.uniform(3.2, 4.2, (len(waiting), 2))
        ends = radii[waiting] * reach[forms[waiting]]
        margin = (ends + 1.0)[..., None]
        centres[waiting] = margin + rng.random((len(waiting), 2, 2)) * (SIDE - 2 * margin)
        between = centres[waiting, 1] - centres[waiting, 0]
        fits = (np.abs(between) >= 3.5).all(1) & (np.hypot(*between.T) >= ends.sum(1))
        waiting = waiting[~fits]
    between = centres[:, 1] - centres[:, 0]
    mirrored = np.stack([between[:, 0] < 0, (between[:, 1] > 0) != above], 1)
    return Scenes(
        forms,
        colours,
        above,
        np.where(mirrored[:, None], SIDE - centres, centres),
        radii,
        rng.uniform(-0.2, 0.2, (count, 2)),
        paints[colours] + rng.uniform(-18, 18, (count, 2, 3)),
        rng.uniform(15, 70, (count, 1)) + rng.uniform(-10, 10, (count, 3)),
    )


def paint_scenes(scenes: Scenes, rows: np.ndarray, scale: int = 1) -> np.ndarray:
    """Return pictures of scenes, uint8 (n, SIDE scale, SIDE scale, 3), with soft edges. A pixel on an edge has a
    mixture of both colours.
    """
    along = (np.arange(SIDE * scale) + 0.5) / scale
    picture = np.tile(scenes.grounds[rows, None, None], (1, len(along), len(along), 1))
    for shape in (0, 1):
        for form, name in enumerate(FORMS):
            places = np.flatnonzero(scenes.forms[rows, shape] == form)
            own, one = rows[places], (slice(None), None, None)
            x, y = (along - scenes.centres[own, shape, axis, None] for axis in (0, 1))
            turn, radius = scenes.turns[own, shape][one], scenes.radii[own, shape][one]
            x, y = (
                x[:, None] * np.cos(turn) + y[..., None] * np.sin(turn),
                y[..., None] * np.cos(turn) - x[:, None] * np.sin(turn),
            )
            if name == "circle":
                outside = np.hypot(x, y) - radius
            elif name == "triangle":
                sides = math.sqrt(0.75) * np.abs(x) - 0.5 * y
                outside = np.maximum(y, sides) - _TRIANGLE * radius
            else:
                near, far = np.minimum(np.abs(x), np.abs(y)), np.maximum(np.abs(x), np.abs(y))
                outside = np.maximum(near - _ARM * radius, far - _REACH["cross"] * radius)
            share = np.clip(0.5 - outside * scale, 0, 1)[..., None]
            picture[places] += share * (scenes.paints[own, shape][one] - picture[places])
    return np.round(picture).astype(np.uint8)
