"""The words that belong to the time steps of a sequence: by the data set, or by equal counts. Where counts differ, no
words are assigned."""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum

from qfusion.data import Text

# Attribution inside a modality for the pages: which words the steps of a sequence are.

_WIDE = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")  # Han
FIRST, LAST = "[CLS]", "[SEP]"


class Match(Enum):
    """How the steps of a sequence were matched with the spoken words, or why they were not."""

    GIVEN = "given"  # the data name the word of every step
    NO_TEXT = "no text"
    WORDS = "words"  # as many words as steps
    CHARACTERS = "characters"  # as many characters as steps
    LENGTHS_DIFFER = "lengths differ"


@dataclass(frozen=True)
class StepMatch:
    """How steps were matched, and the numbers that it rests on.

    Attributes:
        kind: how. steps: number of steps.
        units: number of words, or of characters where `characters` is true.
        is_framed: whether the first and the last step are the tokens around a sentence.
    """

    kind: Match
    steps: int
    units: int = 0
    characters: bool = False
    is_framed: bool = False


@dataclass(frozen=True)
class Spoken:
    """Names of the words spoken at the steps of a sequence.

    Attributes:
        units: the word at each step; None where steps have only numbers.
        how: the way in which steps were matched.
    """

    units: tuple[str, ...] | None
    how: StepMatch


def match(content: Text | None, steps: int) -> Spoken:
    """Return the words or characters spoken at each of `steps` real steps of a sequence."""
    if content is None:
        return Spoken(None, StepMatch(Match.NO_TEXT, steps))
    if content.words is not None and len(content.words) == steps:
        return Spoken(tuple(content.words), StepMatch(Match.GIVEN, steps))
    letters = _letters(content.text)
    words = content.text.split()
    if len(words) == steps > 1:
        return Spoken(tuple(words), StepMatch(Match.WORDS, steps, len(words)))
    if letters and len(letters) in (steps, steps - 2):
        is_framed = len(letters) == steps - 2
        units = (FIRST, *letters, LAST) if is_framed else letters
        how = StepMatch(Match.CHARACTERS, steps, len(letters), characters=True, is_framed=is_framed)
        return Spoken(units, how)
    if not words:
        return Spoken(None, StepMatch(Match.NO_TEXT, steps))
    count = len(letters) or len(words)
    how = StepMatch(Match.LENGTHS_DIFFER, steps, count, characters=bool(letters))
    return Spoken(None, how)


def _letters(text: str) -> tuple[str, ...]:
    """Return the characters of a Chinese sentence, each of which is a token. The result is empty if some of the
    sentence is written in words of letters, which tokenizers split in different ways.
    """
    result = tuple(letter for letter in text if not letter.isspace())
    plain = all(
        _WIDE.match(letter) or unicodedata.category(letter).startswith("P") for letter in result
    )
    return result if plain and any(map(_WIDE.match, result)) else ()
