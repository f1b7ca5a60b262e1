"""Features of words, a step a word."""

import re
from collections.abc import Iterator, Sequence

import numpy as np

from qfusion._checks import check
from qfusion.data.parsing import numbered_features
from qfusion.plugins.recordings.extractor_types import Begun, Chosen
from qfusion.plugins.recordings.weights import load_transformer


def ngrams(chosen: Chosen) -> Begun:
    """Words, where wanted several in a row, and characters in a row, hashed into so many numbers of length one."""
    from sklearn.feature_extraction import FeatureHasher
    from sklearn.preprocessing import normalize

    hasher = FeatureHasher(chosen["size"], input_type="string")

    def grams(words: Sequence[str], at: int) -> Iterator[str]:
        for count in range(1, min(chosen["words"], at + 1) + 1):
            yield f"words {' '.join(words[at + 1 - count : at + 1])}"
        framed = f"<{words[at]}>"
        for size in range(2, chosen["letters"] + 1):
            yield from (framed[place : place + size] for place in range(len(framed) - size + 1))

    def make(given: Sequence[str]) -> np.ndarray:
        plain = [re.sub(r"\W+", "", word.casefold()) or word for word in given]
        return normalize(hasher.transform(grams(plain, at) for at in range(len(plain)))).toarray()

    return numbered_features("hash", chosen["size"]), make


def word_transformer(chosen: Chosen) -> Begun:
    """The last hidden states of a language model of transformers, averaged over the tokens of a word; from a folder."""
    prepare, states = load_transformer(chosen["folder"], "AutoTokenizer")

    def make(given: Sequence[str]) -> np.ndarray:
        tokens = prepare(
            list(given), is_split_into_words=True, truncation=True, return_tensors="pt"
        )
        values = states(**tokens)[0]
        owner = tokens.word_ids(0)
        words = [np.flatnonzero([own == place for own in owner]) for place in range(len(given))]
        check(
            all(map(len, words)),
            f"The language model takes no more than {len(owner):,} tokens, and not every word has one there. Shorten "
            "the text.",
        )
        return np.stack([values[places].mean(0) for places in words])

    return numbered_features("unit", make(["word"]).shape[1]), make
