"""The words that belong to the time steps of a sequence: by the data set, by token numbers and a vocabulary, or by
equal counts. Where counts differ, no words are assigned."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from qfusion.data import Text, token_vocabulary

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
    NUMBERS_DIFFER = "numbers differ"  # another number of token numbers than steps
    TOKENS = "tokens"  # token numbers and their vocabulary
    TOKEN_CHARACTERS = (
        "token characters"  # token numbers without a vocabulary, as many characters as steps
    )
    NO_VOCABULARY = "no vocabulary"


@dataclass(frozen=True)
class StepMatch:
    """How steps were matched, and the numbers that it rests on.

    Attributes:
        kind: how. steps: number of steps.
        units: number of words, or of characters where `characters` is true.
        numbers: number of token numbers. merged: number of words that are made of several tokens.
        is_framed: whether the first and the last step are the tokens around a sentence.
        reason: why there is no vocabulary, as the end of a sentence "token numbers ..."; empty where none is known.
    """

    kind: Match
    steps: int
    units: int = 0
    characters: bool = False
    numbers: int = 0
    merged: int = 0
    is_framed: bool = False
    reason: str = ""


@dataclass(frozen=True)
class Spoken:
    """Names of the words or tokens spoken at the steps of a sequence.

    Attributes:
        units: the words, in order; None where steps have only numbers. groups: the steps of each, from 0.
        how: the way in which steps were matched.
    """

    units: tuple[str, ...] | None
    groups: tuple[tuple[int, ...], ...]
    how: StepMatch


def match(content: Text | None, steps: int) -> Spoken:
    """Return the words or tokens spoken at each of `steps` real steps of a sequence."""
    groups: tuple[tuple[int, ...], ...] = tuple((place,) for place in range(steps))
    if content is None:
        return Spoken(None, groups, StepMatch(Match.NO_TEXT, steps))
    if content.words is not None and len(content.words) == steps:
        return Spoken(tuple(content.words), groups, StepMatch(Match.GIVEN, steps))
    letters, words = _letters(content.text), content.text.split()
    if content.numbers is not None:
        return _match_tokens(content, content.numbers, letters, groups)
    if len(words) == steps > 1:
        return Spoken(tuple(words), groups, StepMatch(Match.WORDS, steps, len(words)))
    if letters and len(letters) in (steps, steps - 2):
        return _match_characters(letters, groups, StepMatch(Match.CHARACTERS, steps))
    if not words:
        return Spoken(None, groups, StepMatch(Match.NO_TEXT, steps))
    count = len(letters) or len(words)
    how = StepMatch(Match.LENGTHS_DIFFER, steps, count, characters=bool(letters))
    return Spoken(None, groups, how)


def _match_tokens(
    content: Text,
    numbers: Sequence[int],
    letters: tuple[str, ...],
    steps: tuple[tuple[int, ...], ...],
) -> Spoken:
    """Return the words of steps that are token numbers, by their vocabulary or by equal counts of characters."""
    if len(numbers) != len(steps):
        how = StepMatch(Match.NUMBERS_DIFFER, len(steps), numbers=len(numbers))
        return Spoken(None, steps, how)
    if content.tokens is not None:
        groups = token_vocabulary.word_groups(content.tokens)
        words = tuple(
            token_vocabulary.join_pieces([content.tokens[i] for i in group]) for group in groups
        )
        merged = sum(len(group) > 1 for group in groups)
        return Spoken(words, groups, StepMatch(Match.TOKENS, len(steps), merged=merged))
    if letters and len(letters) == len(steps) - 2:
        # equal characters must have equal numbers, and others other ones
        pairs = set(zip(letters, numbers[1:-1], strict=True))
        if len(pairs) == len(set(letters)) == len(set(numbers[1:-1])):
            how = StepMatch(Match.TOKEN_CHARACTERS, len(steps), reason=content.why)
            return _match_characters(letters, steps, how)
    return Spoken(None, steps, StepMatch(Match.NO_VOCABULARY, len(steps), reason=content.why))


def _match_characters(
    letters: tuple[str, ...], groups: tuple[tuple[int, ...], ...], how: StepMatch
) -> Spoken:
    """Return characters as the names of steps, between the tokens around a sentence where there are two more steps."""
    is_framed = len(letters) == len(groups) - 2
    units = (FIRST, *letters, LAST) if is_framed else letters
    how = replace(how, units=len(letters), characters=True, is_framed=is_framed)
    return Spoken(units, groups, how)


def _letters(text: str) -> tuple[str, ...]:
    """Return the characters of a Chinese sentence, each of which is a token. The result is empty if some of the
    sentence is written in words of letters, which tokenizers split in different ways.
    """
    result = tuple(letter for letter in text if not letter.isspace())
    plain = all(
        _WIDE.match(letter) or unicodedata.category(letter).startswith("P") for letter in result
    )
    return result if plain and any(map(_WIDE.match, result)) else ()
