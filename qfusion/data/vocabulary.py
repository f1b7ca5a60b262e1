"""Sentences of a known vocabulary as sequences: a step a word, which is 1 at its place in the vocabulary."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.data import spec
from qfusion.data.modality import Content, Maker, Text

MAX_LETTERS, MAX_WORDS = 1000, 40  # of a sentence that a visitor gives
_WORD = re.compile(r"[^\W_]+(?:['\u2019-][^\W_]+)*")


def words_of(sentence: str) -> tuple[str, ...]:
    """Returns the words of a sentence in small letters, without what stands between them.

    >>> words_of("Is there a red shape?")
    ('is', 'there', 'a', 'red', 'shape')
    """
    return tuple(_WORD.findall(sentence.lower()))


def steps_of(
    sentences: Sequence[Sequence[str]], vocabulary: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Returns sentences as values (N, T, F), float32, 1 at the word of a step and else 0, and lengths (N,).

    Args:
        sentences: words of each, at least one. vocabulary: the F words.

    Raises:
        InvalidInput: when a word is not in the vocabulary; names it and what is.
    """
    place = {word: at for at, word in enumerate(vocabulary)}
    words = [word for sentence in sentences for word in sentence]
    for word in words:
        check(
            word in place,
            f"Word {word[:40]!r} is not known to this data set. Known are: {', '.join(vocabulary)}.",
        )
    lengths = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
    return spec.padded(np.eye(len(place))[[place[word] for word in words]], lengths), lengths


def sentence_maker(vocabulary: Sequence[str], hint: str) -> Maker:
    """Returns how a sentence that a visitor types becomes steps (T, F) of a vocabulary.

    Its `make` raises InvalidInput when there are no words, too many, or one that is not known.
    """

    def make(given: Any) -> tuple[np.ndarray, Content]:
        check(
            isinstance(given, str) and len(given) <= MAX_LETTERS,
            f"A sentence must be text of at most {MAX_LETTERS} letters. Give a shorter one.",
        )
        words = words_of(given)
        check(
            1 <= len(words) <= MAX_WORDS,
            f"A sentence must have 1 to {MAX_WORDS} words, but has {len(words)}. Known are: {', '.join(vocabulary)}.",
        )
        return steps_of([words], vocabulary)[0][0], Text(given, words)

    return Maker("sentence", hint, make)
