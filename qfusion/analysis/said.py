"""Which words a modality's time steps are: by the data set, by token numbers and their vocabulary, by equal counts, or
not at all. Never guessed where counts differ."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from qfusion.data import Text, vocabulary

_HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_WIDE = re.compile(f"[{_HAN}]")
FIRST, LAST = "[CLS]", "[SEP]"


@dataclass(frozen=True)
class Said:
    """Names of what was said at the steps of a sequence.

    Attributes:
        units: the words, in order; None where steps have only numbers. groups: the steps of each, from 0.
        how: a sentence: by what steps were matched, or why they are not.
    """

    units: tuple[str, ...] | None
    groups: tuple[tuple[int, ...], ...]
    how: str


def match(content: Text | None, steps: int) -> Said:
    """What was said at each of `steps` real steps of a sequence."""
    if content is None:
        return _numbered(steps, "")
    if content.words is not None and len(content.words) == steps:
        return _each(content.words, "")
    if content.numbers is not None:
        return _by_tokens(content, content.numbers, steps)
    words, letters = content.text.split(), _letters(content.text)
    if len(words) == steps > 1:
        return _each(
            words,
            "The data do not say which word a step is; the sentence has as many words as the sequence "
            "has steps, and they were matched in their order.",
        )
    if letters and len(letters) in (steps, steps - 2):
        return _characters(letters, steps, "The data do not say which character a step is;")
    return _numbered(steps, _differ(words, letters, steps) if content.text.strip() else "")


def _by_tokens(content: Text, numbers: Sequence[int], steps: int) -> Said:
    if len(numbers) != steps:
        return _numbered(
            steps,
            f"There are {len(numbers):,} token numbers for {steps:,} steps, so steps have numbers "
            "only.",
        )
    if content.tokens is not None:
        groups = vocabulary.words(content.tokens)
        several = sum(len(group) > 1 for group in groups)
        merged = (
            f" {several:,} words are made of several tokens, whose shares are added up."
            if several > 1
            else " One word is made of several tokens, whose shares are added up."
            if several
            else ""
        )
        return Said(
            tuple(
                vocabulary.joined([content.tokens[place] for place in group]) for group in groups
            ),
            groups,
            f"Steps are tokens of the language model, named by its tokenizer's vocabulary.{merged}",
        )
    letters, are = (
        _letters(content.text),
        f"Steps are token numbers {content.why or 'without a vocabulary'}",
    )
    if letters and len(letters) == steps - 2 and _one_to_one(letters, numbers[1:-1]):
        return _characters(letters, steps, f"{are};")
    return _numbered(
        steps,
        f"{are}, so they have numbers only: "
        f"name the tokenizer's folder in {vocabulary.VARIABLE}, or at import by --vocabulary.",
    )


def _one_to_one(letters: Sequence[str], numbers: Sequence[int]) -> bool:
    """Whether equal characters have equal numbers, and others other ones."""
    pairs = set(zip(letters, numbers, strict=True))
    return (
        len(pairs) == len({letter for letter, _ in pairs}) == len({number for _, number in pairs})
    )


def _letters(text: str) -> tuple[str, ...]:
    """The characters of a Chinese sentence, each a token of its own; none where some of it is written in words of
    letters, which tokenizers part in ways of their own."""
    found = tuple(letter for letter in text if not letter.isspace())
    plain = all(
        _WIDE.match(letter) or unicodedata.category(letter).startswith("P") for letter in found
    )
    return found if plain and any(map(_WIDE.match, found)) else ()


def _characters(letters: tuple[str, ...], steps: int, why: str) -> Said:
    framed = len(letters) == steps - 2
    between = f" between {FIRST} and {LAST}" if framed else ""
    return _each(
        (FIRST, *letters, LAST) if framed else letters,
        f"{why} the sentence has as many characters as there are steps{between}, and they were matched in "
        "their order.",
    )


def _differ(words: Sequence[str], letters: Sequence[str], steps: int) -> str:
    count = (
        f"{len(letters):,} characters"
        if letters
        else f"{len(words):,} word{'s' if len(words) != 1 else ''}"
    )
    return f"The sentence has {count} and the sequence {steps:,} steps, so steps have numbers only."


def _each(words: Sequence[str], how: str) -> Said:
    return Said(tuple(words), tuple((place,) for place in range(len(words))), how)


def _numbered(steps: int, how: str) -> Said:
    return Said(None, tuple((place,) for place in range(steps)), how)
