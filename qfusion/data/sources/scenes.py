"""Pictures and questions: a small coloured picture, made from a seed, and a question about it in words, yes or no.

Neither says anything without the other. Here stand the pictures, the questions with their programs, who is asked what,
the true contributions, and how a visitor's own picture and question are made into features.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise, permutations, product

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data.arrays import numbered_ids
from qfusion.data.clusters import Clusters
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.picture_arrays import pixel_names
from qfusion.data.row_splits import SPLITS
from qfusion.data.sample_content import Content, Image, Text
from qfusion.data.sources import Source, picture_maker, sentence_maker, steps_of, words_of
from qfusion.data.target_spec import Target
from qfusion.errors import InvalidInput

# Pictures: two shapes on a dark ground, each in a form and a colour, one of them left of and above or below the other.
#
# Forms and colours are balanced, which is not left to chance: pictures come in blocks of 288, in which the left and the
# right shape have every pair of forms with every pair of colours, with the left one above and below. Pairs of two equal
# forms stand there twice as often as others, so do those of two equal colours. Hence in a block every form is in half
# of the pictures, so is every colour; in half of them the forms are the same, in half the colours are; and with each
# answer to a question about places there are as many pictures as with the other.

SIDE = 24  # pixels
FORMS = ("circle", "triangle", "cross")
# In radii of a circle of the same area: half the width of a cross's arms, the circle inside a triangle, and how far a
# form reaches from its middle.
_ARM, _TRIANGLE = 0.33, math.sqrt(math.pi / math.sqrt(27))
_REACH = {"circle": 1.0, "triangle": 2 * _TRIANGLE, "cross": math.pi / 8 / _ARM + _ARM / 2}
COLOURS = {"red": (214, 48, 44), "yellow": (236, 200, 52), "blue": (58, 104, 232)}
_SHOWN = 8  # times as large as the model's pixels, people see a picture
_PAIRS = [(k, k) for k in range(3)] * 2 + list(permutations(range(3), 2))
# Of every picture of a block: forms, left and right, colours, left and right, and whether the left one is above.
BLOCK = np.array([(*f, *c, a) for f, c, a in product(_PAIRS, _PAIRS, (0, 1))])


@dataclass(frozen=True, eq=False)
class Scenes:
    """What N pictures are drawn from; of two shapes the first is the left one.

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
    """Returns scenes of forms, colours and places `units` (N, 5), as rows of BLOCK; all else is drawn."""
    count, forms, colours = len(units), units[:, :2], units[:, 2:4]
    above, paints = units[:, 4] == 1, np.array(list(COLOURS.values()))
    reach = np.array([math.hypot(_REACH[form], _ARM * (form == "cross")) for form in FORMS])
    centres, radii = np.zeros((count, 2, 2)), np.zeros((count, 2))
    waiting = np.arange(count)
    # a pixel stays free at the picture's edge, 3.5 between two centres from left to right and from top to bottom
    while len(waiting):
        radii[waiting] = rng.uniform(3.2, 4.2, (len(waiting), 2))
        ends = radii * reach[forms]
        margin = (ends + 1.0)[waiting, :, None]
        centres[waiting] = margin + rng.random((len(waiting), 2, 2)) * (SIDE - 2 * margin)
        between = centres[:, 1] - centres[:, 0]
        fits = (np.abs(between) >= 3.5).all(1) & (np.hypot(*between.T) >= ends.sum(1))
        waiting = np.flatnonzero(~fits)
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


def painted(scenes: Scenes, rows: np.ndarray, scale: int = 1) -> np.ndarray:
    """Returns pictures of scenes, uint8 (n, SIDE scale, SIDE scale, 3), with soft edges: a pixel that an edge crosses
    is of both colours."""
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


# Questions about places and presence, each with an opposite, whose answer is the other one on every picture.
#
# A picture is asked two questions: the answer to one is yes, to the other no, so it says nothing of the answer. In each
# part of the split half of the pictures that are asked a question have the answer yes, so it says nothing either; and
# its opposite is asked as often. Hence any sum of functions of
# the picture and of the question, which is what late fusion forms, has exactly the same mean with both answers.

THINGS = (*(f"{colour} shape" for colour in COLOURS), *FORMS)
_OPPOSITES = {"left of": "right of", "right of": "left of", "above": "below", "below": "above"}


@dataclass(frozen=True)
class Question:
    """A question, its opposite, its kind, its program (a relation and what it is between), and how often, beside
    others, it is asked: those about a form and a colour seldom, as they fit few pictures."""

    text: str
    opposite: str
    kind: str
    program: tuple[str, ...]
    often: int = 12


QUESTIONS = (
    *(
        Question(
            f"is the {one} {place} the {other}?",
            f"is the {one} {_OPPOSITES[place]} the {other}?",
            "places",
            (place, one, other),
            4 if (one in FORMS) == (other in FORMS) else 1,
        )
        for place in ("left of", "above")
        for one, other in permutations(THINGS, 2)
    ),
    *(
        Question(f"is there a {thing}?", f"is there no {thing}?", "presence", ("there", thing))
        for thing in THINGS
    ),
)
TEXTS = (*(q.text for q in QUESTIONS), *(q.opposite for q in QUESTIONS))
SPOKEN = tuple(map(words_of, TEXTS))
VOCABULARY = tuple(sorted({word for words in SPOKEN for word in words}))


def answers(scenes: Scenes) -> np.ndarray:
    """Returns what is right of every scene and question of QUESTIONS, (N, Q): 1 yes, -1 no, 0 where a question about
    places does not fit, since no or more than one shape is called so, or both are the same one."""
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


def _assigned(right: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Which texts of TEXTS every picture is asked, (N, 2): one whose answer is yes and one whose answer is no; each
    text is asked as often with one answer as with the other.

    Args:
        right: as of `answers`, (N, Q).
    """
    often = np.repeat(np.arange(len(QUESTIONS)), [q.often for q in QUESTIONS])
    pairs = np.resize(rng.permutation(often), len(right) // 2)
    rows = np.arange(len(right))
    dealt = [_dealt(right, pairs, rng) for _ in range(2)]
    return np.stack(
        [
            question + len(QUESTIONS) * (right[rows, question] != answer)
            for question, answer in zip(dealt, (1, -1), strict=True)
        ],
        1,
    )


def _dealt(right: np.ndarray, pairs: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Deals questions to pictures, (N,): each of `pairs` (N / 2,) to one that it is right of and to one that it is not.
    Pictures swap questions until everything fits."""
    order = rng.permutation(len(right))
    dealt = np.tile(pairs, 2)[order]
    wanted = np.repeat(np.array([1, -1], right.dtype), len(pairs))[order]
    of_question = np.ascontiguousarray(right.T)
    fits = right[np.arange(len(right)), dealt] == wanted
    # a few swaps a picture are enough
    for _ in range(100 * len(right)):
        bad = np.flatnonzero(~fits)
        if not len(bad):
            return dealt
        row = bad[rng.integers(len(bad))]
        able = right[row].take(dealt) == wanted
        both = able & (of_question[dealt[row]] == wanted[row])
        others = np.flatnonzero(both if both.any() else able)
        swapped = [row, others[rng.integers(len(others))]]
        for slots in (dealt, wanted):
            slots[swapped] = slots[swapped[::-1]]
        fits[swapped] = right[swapped, dealt[swapped]] == wanted[swapped]
    raise InvalidInput(f"Questions for {len(right)} pictures cannot be balanced. Ask for others.")


def dividends(
    right: np.ndarray, pictures: np.ndarray, texts: np.ndarray, behind: np.ndarray
) -> pd.DataFrame:
    """Returns the true Harsanyi dividends of the first class: what is right, 1 for yes, -1 for no and 0 where a
    question does not fit, against the pictures and questions of background rows.

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


# The data set, and how what a visitor gives is made into features as its own are.

SIZES = {
    "train": 2880,
    "valid": 288,
    "test": 576,
}  # pictures; each is asked a question and its opposite


def _content(
    scenes: Scenes, pictures: np.ndarray, texts: np.ndarray, row: int
) -> dict[str, Content]:
    return {
        "picture": Image(painted(scenes, pictures[[row]], _SHOWN)[0]),
        "question": Text(TEXTS[texts[row]], SPOKEN[texts[row]]),
    }


def _table(
    scenes: Scenes, pictures: np.ndarray, texts: np.ndarray, ids: np.ndarray
) -> pd.DataFrame:
    forms, colours = (
        np.array(list(names))[kind[pictures]]
        for names, kind in ((FORMS, scenes.forms), (COLOURS, scenes.colours))
    )
    questions = [QUESTIONS[text % len(QUESTIONS)] for text in texts]
    return pd.DataFrame(
        {
            "asks_about": [question.kind for question in questions],
            "question": np.array(TEXTS)[texts],
            "left_shape": [f"{c} {f}" for c, f in zip(colours[:, 0], forms[:, 0], strict=True)],
            "right_shape": [f"{c} {f}" for c, f in zip(colours[:, 1], forms[:, 1], strict=True)],
            "upper_shape": np.where(scenes.above[pictures], "left", "right"),
            "picture_item": np.char.add("picture ", pictures.astype(str)),
        },
        index=ids,
    )


def build(seed: int = 2026, sizes: Mapping[str, int] = SIZES) -> DataSet:
    """Returns the pictures and questions of a seed.

    Args:
        seed: of everything that is drawn.
        sizes: how many pictures "train", "valid" and "test" have, multiples of 288; each is in two rows.

    Raises:
        InvalidInput: when a size is no such multiple.
    """
    check(
        set(sizes) == set(SPLITS)
        and all(count > 0 and count % len(BLOCK) == 0 for count in sizes.values()),
        f"Argument `sizes` must hold a multiple of {len(BLOCK)} above zero for each of {', '.join(SPLITS)}, but "
        f"is {dict(sizes)}.",
    )
    rng, parts = np.random.default_rng(seed), [sizes[part] for part in SPLITS]
    units = [rng.permutation(np.resize(np.arange(len(BLOCK)), count)) for count in parts]
    scenes = draw_scenes(BLOCK[np.concatenate(units)], rng)
    right = answers(scenes)
    starts = np.cumsum([0, *parts])
    assigned = np.concatenate([_assigned(right[a:b], rng) for a, b in pairwise(starts)])
    order = np.concatenate(
        [2 * a + rng.permutation(2 * count) for a, count in zip(starts, parts, strict=False)]
    )
    pictures = order // 2
    texts = assigned[pictures, order % 2]
    every = np.concatenate([right, -right], 1)
    y = (every[pictures, texts] < 0).astype(np.int64)
    blocks = np.arange(len(right)).reshape(-1, len(BLOCK))  # few enough for the processor's cache
    drawn = np.concatenate([painted(scenes, rows) for rows in blocks])
    seen = drawn.reshape(len(drawn), -1)[pictures] / np.float32(255)
    spoken, lengths = steps_of(SPOKEN, VOCABULARY)
    ids, split = numbered_ids("scene", len(y)), np.repeat(SPLITS, 2 * np.array(parts))
    return DataSet(
        name=SOURCE.name,
        title=SOURCE.title,
        description="Small coloured pictures of two shapes, and questions about them in words, made by this project "
        "from a seed: where a shape is, whether there is one. Neither says anything of the answer alone: every picture "
        "is asked two, one whose answer is yes and one whose answer is no, and every question "
        "is asked of as many pictures whose answer is yes as of ones whose answer is no, in each part of the "
        "split. The program of every question is known, and so is the true contribution of picture, question and both, "
        "for every sample.",
        source=f"made by this project from seed {seed}",
        licence="Apache-2.0, like the project",
        modalities=(
            Modality(
                "picture",
                seen,
                None,
                pixel_names((SIDE, SIDE, 3)),
                (SIDE, SIDE, 3),
            ),
            Modality(
                "question", spoken[texts], lengths[texts], tuple(f"word {w}" for w in VOCABULARY)
            ),
        ),
        target=Target("classification", "answer", None, ("yes", "no")),
        y=y,
        ids=ids,
        split=split,
        table=_table(scenes, pictures, texts, ids),
        truth=dividends(every, pictures, texts, np.flatnonzero(split == "train")).set_index(ids),
        content_of=partial(_content, scenes, pictures, texts),
        clusters=Clusters(np.char.add("picture ", pictures.astype(str)), "pictures"),
        makers={
            "picture": picture_maker(
                "two shapes in red, yellow or blue on a dark ground", SIDE, SIDE * _SHOWN
            ),
            "question": sentence_maker(
                VOCABULARY, "a question such as: is the red shape left of the circle?"
            ),
        },
    )


SOURCE = Source("scenes", "Pictures and questions", build, place=5, made="is made by the project")
