"""Pictures of two shapes on a dark ground, each of a form and a colour, one left of and above or below the other.

Forms and colours are balanced exactly: pictures come in blocks of 288, in which the left and the right shape have every
pair of forms with every pair of colours, with the left one above and below. Pairs of two equal forms occur twice as
often as others, and so do pairs of two equal colours. Hence in a block every form is in half of the pictures, and so is
every colour; in half of them the forms are the same, in half the colours are; and each answer to a question about
places holds for as many pictures as the other.

Questions about the places and the presence of shapes, each with an opposite whose answer is the other one.

Each picture gets two questions: the answer to one is yes, to the other no, so the picture alone does not predict the
answer. In each part of the split half of the pictures of a question have the answer yes, so the question alone does not
predict it either; and its opposite is asked as often. Hence any sum of functions of the picture and of the question,
as late fusion forms, has exactly the same mean with both answers.
"""

import bisect
import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations, product

import numpy as np
import pandas as pd

from qfusion.data.sources import split_words
from qfusion.errors import InvalidInput

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


THINGS = (*(f"{colour} shape" for colour in COLOURS), *FORMS)
_OPPOSITES = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


@dataclass(frozen=True)
class Question:
    """A question about a picture.

    Attributes:
        text: the question.
        opposite: the question whose answer is the other one on every picture.
        kind: "places" or "presence".
        program: a relation and the things that it relates.
        often: relative frequency; small for pairs of a form and a colour, which few pictures have.
    """

    text: str
    opposite: str
    kind: str
    program: tuple[str, ...]
    often: int = 12


def _build_questions() -> Iterator[Question]:
    """Yield the questions about places, then those about presence."""
    for place in ("left of", "above"):
        for one, other in permutations(THINGS, 2):
            yield Question(
                text=f"is the {one} {place} the {other}?",
                opposite=f"is the {one} {_OPPOSITES[place]} the {other}?",
                kind="places",
                program=(place, one, other),
                often=4 if (one in FORMS) == (other in FORMS) else 1,
            )
    for thing in THINGS:
        yield Question(
            text=f"is there a {thing}?",
            opposite=f"is there no {thing}?",
            kind="presence",
            program=("there", thing),
        )


QUESTIONS = tuple(_build_questions())
TEXTS = (*(q.text for q in QUESTIONS), *(q.opposite for q in QUESTIONS))
SPOKEN = tuple(map(split_words, TEXTS))
VOCABULARY = tuple(sorted({word for words in SPOKEN for word in words}))


def answers(scenes: Scenes) -> np.ndarray:
    """Return the correct answer to every question of QUESTIONS for every scene, (N, Q): 1 for yes, -1 for no. It is
    0 if a question about places does not fit: no shape or more than one has the name, or both names are of the same
    shape.
    """
    colours, forms = (np.eye(3, dtype=bool)[kind] for kind in (scenes.colours, scenes.forms))
    called = np.concatenate([colours, forms], 2)  # (N, 2, things)
    left, alone = called[:, 0], called.sum(1) == 1
    result = np.empty((len(called), len(QUESTIONS)), dtype=np.int8)
    for place, question in enumerate(QUESTIONS):
        relation, *about = question.program
        one, other = (THINGS.index(thing) for thing in (about[0], about[-1]))
        right, fits = called[:, :, one].any(1), True
        if question.kind == "places":
            right = left[:, one] == (scenes.above if relation == "above" else True)
            fits = alone[:, one] & alone[:, other] & (left[:, one] != left[:, other])
        result[:, place] = np.where(fits, np.where(right, 1, -1), 0)
    return result


def assign_questions(right: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the places in TEXTS of the questions of each picture, (N, 2), one with the answer yes and one with no.

    Each text is asked as often with one answer as with the other.

    Args:
        right: as of `answers`, (N, Q).
    """
    often = np.repeat(np.arange(len(QUESTIONS)), [q.often for q in QUESTIONS])
    pairs = np.resize(rng.permutation(often), len(right) // 2)
    rows = np.arange(len(right))
    dealt = [_deal_questions(right, pairs, rng) for _ in range(2)]
    return np.stack(
        [
            question + len(QUESTIONS) * (right[rows, question] != answer)
            for question, answer in zip(dealt, (1, -1), strict=True)
        ],
        1,
    )


def _deal_questions(right: np.ndarray, pairs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Deal questions to pictures, (N,): each of `pairs` (N / 2,) to one that it is right of and to one that it is not.
    Pictures swap questions until everything fits."""
    order = rng.permutation(len(right))
    dealt = np.tile(pairs, 2)[order]
    wanted = np.repeat(np.array([1, -1], right.dtype), len(pairs))[order]
    of_question = np.ascontiguousarray(right.T)
    fits = right[np.arange(len(right)), dealt] == wanted
    bad = np.flatnonzero(~fits).tolist()  # sorted
    # a few swaps a picture are enough
    for _ in range(100 * len(right)):
        if not bad:
            return dealt
        row = bad.pop(rng.integers(len(bad)))
        able = right[row].take(dealt) == wanted
        others = np.flatnonzero(able & (of_question[dealt[row]] == wanted[row]))
        if not len(others):
            others = np.flatnonzero(able)
        other = others[rng.integers(len(others))]
        for slots in (dealt, wanted):
            slots[row], slots[other] = slots[other], slots[row]
        fits[row] = True
        fitted, fits[other] = fits[other], right[other, dealt[other]] == wanted[other]
        if fitted and not fits[other]:
            bisect.insort(bad, other)
        elif fits[other] and not fitted:
            bad.remove(other)
    raise InvalidInput(f"Questions for {len(right)} pictures cannot be balanced. Ask for others.")


def true_dividends(
    right: np.ndarray, pictures: np.ndarray, texts: np.ndarray, behind: np.ndarray
) -> pd.DataFrame:
    """Return the true Harsanyi dividends of the first class against the pictures and questions of background rows. The
    value is the correct answer: 1 for yes, -1 for no, and 0 if a question does not fit.

    Args:
        right: of every picture and text of TEXTS, (P, 2 Q).
        pictures, texts: of every row (N,). behind: the rows of the background.
    """
    of_picture = right @ np.bincount(texts[behind], minlength=right.shape[1]) / len(behind)
    of_text = np.bincount(pictures[behind], minlength=len(right)) @ right / len(behind)
    base = float(right[pictures[behind], texts[behind]].mean())
    one, other = of_picture[pictures] - base, of_text[texts] - base
    joint = right[pictures, texts] - one - other - base
    return pd.DataFrame(
        {
            "": np.full(len(texts), base),
            "picture": one,
            "question": other,
            "picture+question": joint,
        }
    )
