"""Questions about the places and the presence of shapes, each with an opposite whose answer is the other one.

Each picture gets two questions: the answer to one is yes, to the other no, so the picture alone does not predict the
answer. In each part of the split half of the pictures of a question have the answer yes, so the question alone does not
predict it either; and its opposite is asked as often. Hence any sum of functions of the picture and of the question,
as late fusion forms, has exactly the same mean with both answers.
"""

import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import permutations

import numpy as np
import pandas as pd

from qfusion.data.sources import split_words
from qfusion.data.synthetic.scene_pictures import COLOURS, FORMS, Scenes
from qfusion.errors import InvalidInput

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
