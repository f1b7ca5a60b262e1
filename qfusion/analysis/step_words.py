"""Which words the time steps of a sequence are: by the data set, by token numbers and their vocabulary, by equal
counts, or not at all. It is never guessed where counts differ.
"""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from qfusion._sentences import count
from qfusion.data import Text, token_vocabulary

# Attribution inside a modality for the pages: which words the steps of a sequence are.

_WIDE = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")  # Han
FIRST, LAST = "[CLS]", "[SEP]"


@dataclass(frozen=True)
class Spoken:
    """Names of what was said at the steps of a sequence.

    Attributes:
        units: the words, in order; None where steps have only numbers. groups: the steps of each, from 0.
        how: a sentence: by what steps were matched, or why they are not.
    """

    units: tuple[str, ...] | None
    groups: tuple[tuple[int, ...], ...]
    how: str


def match(content: Text | None, steps: int) -> Spoken:
    """What was said at each of `steps` real steps of a sequence."""
    groups: tuple[tuple[int, ...], ...] = tuple((place,) for place in range(steps))
    if content is None:
        return Spoken(None, groups, "")
    if content.words is not None and len(content.words) == steps:
        return Spoken(tuple(content.words), groups, "")
    letters, words = _letters(content.text), content.text.split()
    if content.numbers is not None:
        return _match_tokens(content, content.numbers, letters, groups)
    if len(words) == steps > 1:
        return Spoken(
            tuple(words),
            groups,
            "The data do not say which word a step is; the sentence has as many words as the sequence "
            "has steps, and they were matched in their order.",
        )
    if letters and len(letters) in (steps, steps - 2):
        return _characters(letters, groups, "The data do not say which character a step is;")
    known = f"{len(letters):,} characters" if letters else count(len(words), "word")
    how = f"The sentence has {known} and the sequence {steps:,} steps, so steps have numbers only."
    return Spoken(None, groups, how if words else "")


def _match_tokens(
    content: Text,
    numbers: Sequence[int],
    letters: tuple[str, ...],
    steps: tuple[tuple[int, ...], ...],
) -> Spoken:
    if len(numbers) != len(steps):
        return Spoken(
            None,
            steps,
            f"There are {len(numbers):,} token numbers for {len(steps):,} steps, so steps have "
            "numbers only.",
        )
    if content.tokens is not None:
        groups = token_vocabulary.word_groups(content.tokens)
        several = sum(len(group) > 1 for group in groups)
        merged = {0: "", 1: " One word is made of several tokens, whose shares are added up."}.get(
            several, f" {several:,} words are made of several tokens, whose shares are added up."
        )
        return Spoken(
            tuple(
                token_vocabulary.join_pieces([content.tokens[i] for i in group]) for group in groups
            ),
            groups,
            f"Steps are tokens of the language model, named by its tokenizer's vocabulary.{merged}",
        )
    are = f"Steps are token numbers {content.why or 'without a vocabulary'}"
    if letters and len(letters) == len(steps) - 2:
        # equal characters must have equal numbers, and others other ones
        pairs = set(zip(letters, numbers[1:-1], strict=True))
        if len(pairs) == len(set(letters)) == len(set(numbers[1:-1])):
            return _characters(letters, steps, f"{are};")
    return Spoken(
        None,
        steps,
        f"{are}, so they have numbers only: "
        f"name the tokenizer's folder in {token_vocabulary.VOCABULARY}, or at import by --vocabulary.",
    )


def _characters(letters: tuple[str, ...], groups: tuple[tuple[int, ...], ...], why: str) -> Spoken:
    framed = len(letters) == len(groups) - 2
    between = f" between {FIRST} and {LAST}" if framed else ""
    return Spoken(
        (FIRST, *letters, LAST) if framed else letters,
        groups,
        f"{why} the sentence has as many characters as there are steps{between}, and they were matched in "
        "their order.",
    )


def _letters(text: str) -> tuple[str, ...]:
    """The characters of a Chinese sentence, each a token of its own; none where some of it is written in words of
    letters, which tokenizers part in ways of their own."""
    result = tuple(letter for letter in text if not letter.isspace())
    plain = all(
        _WIDE.match(letter) or unicodedata.category(letter).startswith("P") for letter in result
    )
    return result if plain and any(map(_WIDE.match, result)) else ()
