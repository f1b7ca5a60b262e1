"""Attribution inside a modality for the pages, what there is to draw it on, and which words its time steps are: by the
data set, by token numbers and their vocabulary, by equal counts, or not at all; never guessed where counts differ."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion.analysis.memo import memo
from qfusion.analysis.study import Study
from qfusion.data import Audio, Modality, Text, mmsa, synthesis
from qfusion.data.modality import Series, split_term
from qfusion.data.sources import planted as editing
from qfusion.explain import attribution, counterfactual
from qfusion.explain.attribution import INTEGRATED, SCORE, Attribution

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
        groups = mmsa.word_groups(content.tokens)
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
                mmsa.joined_pieces([content.tokens[place] for place in group]) for group in groups
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
        f"name the tokenizer's folder in {mmsa.VOCABULARY}, or at import by --vocabulary.",
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
    result = tuple(letter for letter in text if not letter.isspace())
    plain = all(
        _WIDE.match(letter) or unicodedata.category(letter).startswith("P") for letter in result
    )
    return result if plain and any(map(_WIDE.match, result)) else ()


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


# Attribution inside a modality for the pages, and what there is to draw it on. Free of streamlit.

_CELL = re.compile(r"(?:pixel|band, frame) (\d+),(\d+)")


@memo(64, says="Following the term through the encoder …")
def attribute(
    study: Study,
    row: int,
    modality: str,
    term: str,
    output: int,
    baseline: str,
    other: str = "",
    method: str = INTEGRATED,
) -> Attribution:
    """The attribution of a term of one score; `other` is the id of the sample that is the baseline, where one is."""
    inputs = study.dataset.inputs([row], dtype=torch.float64)
    start = (
        study.dataset.inputs([study.dataset.row(other)], dtype=torch.float64)[modality]
        if other
        else None
    )
    return attribution.attribute(
        study.model, inputs, study.background, modality, term, output, baseline, start, method
    )


def terms(study: Study, modality: str) -> tuple[str, ...]:
    """What can be attributed: the score, and the modality's dividends unless these would take minutes."""
    every = attribution.terms_of(study.model, modality)
    return (
        every
        if not study.can("masses")
        or 2 ** (study.model.elements + len(study.modalities)) <= counterfactual.MAX_COALITIONS
        else every[:1]
    )


def title(term: str) -> str:
    """A term as an option and in links: `text+audio` -> "text and audio"."""
    return "the score" if term == SCORE else term.replace("+", " and ")


def named(title: str) -> str:
    """The term that an option or a link calls by its `title`."""
    return SCORE if title == "the score" else title.replace(" and ", "+")


@dataclass(frozen=True, eq=False)
class Canvas:
    """What the values of a modality are drawn on.

    Attributes:
        kind: "words", "waveform", "picture", "curve", or "features" where there is nothing but features.
        parts: what the figure takes besides the values. names: of the units (words, frames, pixels, features).
        groups: the steps that each word is made of; None where a unit is one step. how: a sentence on how steps were
            matched to what was said, or why not.
    """

    kind: str
    parts: dict[str, Any]
    names: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...] | None = None
    how: str = ""

    def added(self, units: np.ndarray) -> np.ndarray:
        """The values of the units, (U,), from those of the steps."""
        return (
            units
            if self.groups is None
            else np.array([units[list(group)].sum() for group in self.groups])
        )


def canvas(study: Study, row: int, modality: str, steps: int | None) -> Canvas:
    """What to draw the attribution of a modality on; `steps` of a sequence are real, None of a vector."""
    result = next(m for m in study.dataset.modalities if m.name == modality)
    content = study.dataset.content(row).get(modality)
    if steps is not None:
        found_words = match(content if isinstance(content, Text) else None, steps)
        if found_words.units is not None:
            return Canvas(
                "words",
                {"spoken": found_words.units},
                found_words.units,
                found_words.groups,
                found_words.how,
            )
        if isinstance(content, Audio):
            planted = editing.recipe_of(study.dataset) is not None
            step = (
                synthesis.FRAME / synthesis.PROSODY_RATE
                if planted
                else len(content.samples) / content.rate / steps
            )
            return Canvas(
                "waveform",
                {"samples": content.samples, "rate": content.rate, "step": step},
                tuple(f"the frame at {(t + 0.5) * step:.2f} s" for t in range(steps)),
            )
        return Canvas(
            "features", {}, tuple(f"step {t + 1}" for t in range(steps)), how=found_words.how
        )
    values = np.asarray(result.values[row], dtype=float)
    if (shape := grid(result)) is not None:
        spectrogram = result.feature_names[0].startswith("band, frame")
        names = (
            tuple(f"band {i // shape[1]}, frame {i % shape[1]}" for i in range(result.size))
            if spectrogram
            else result.feature_names
        )
        return Canvas(
            "picture", {"pixels": values.reshape(shape), "spectrogram": spectrogram}, names
        )
    if isinstance(content, Series) and len(content.values) == result.size:
        return Canvas(
            "curve",
            {
                "x": content.x,
                "y": content.values,
                "x_label": content.x_label,
                "y_label": content.y_label,
            },
            result.feature_names,
        )
    return Canvas("features", {}, result.feature_names)


@dataclass(frozen=True, eq=False)
class Lane:
    """The steps of a modality on an axis that all modalities share.

    Attributes:
        modality: whose. values: what each step added (T,). width: of a step on the axis. names: of what was said, or
            of the steps, (T,). how: as of `Canvas`.
    """

    modality: str
    values: np.ndarray
    width: float
    names: tuple[str, ...]
    how: str = ""


def sequences(study: Study, term: str = SCORE) -> tuple[str, ...]:
    """The modalities that are sequences and that a term is of."""
    return tuple(
        modality.name
        for modality in study.dataset.modalities
        if modality.is_sequence and (term == SCORE or modality.name in split_term(term))
    )


def rates(study: Study, modalities: Sequence[str]) -> dict[str, float]:
    """Steps a second, of those modalities whose rate is known."""
    return {
        modality.name: modality.rate
        for modality in study.dataset.modalities
        if modality.name in modalities and modality.rate is not None
    }


def lanes(study: Study, row: int, attributions: Sequence[Attribution]) -> list[Lane]:
    """Attributions of sequences on one axis: seconds where the rates of all are known, else percent of each one's
    length."""
    names = [one.modality for one in attributions]
    known = rates(study, names)
    made = []
    for entry in attributions:
        steps = len(entry.units)
        drawn = canvas(study, row, entry.modality, steps)
        groups = drawn.groups if drawn.kind == "words" else None
        said_at = {
            place: name
            for group, name in zip(groups or (), drawn.names, strict=False)
            for place in group
        }
        width = 1 / known[entry.modality] if len(known) == len(names) else 100 / steps
        made.append(
            Lane(
                entry.modality,
                entry.units,
                width,
                tuple(said_at.get(place, f"step {place + 1}") for place in range(steps)),
                drawn.how,
            )
        )
    return made


def grid(modality: Modality) -> tuple[int, int] | None:
    """The (h, w) of features that are pixels or cells of a spectrogram, told by shape or names; None of others."""
    if modality.shape is not None:
        return (modality.shape[0], modality.shape[1]) if len(modality.shape) == 2 else None
    places = [_CELL.fullmatch(name) for name in modality.feature_names]
    if not all(places):
        return None
    h, w = (1 + max(int(place.group(k)) for place in places if place) for k in (1, 2))
    expected = [(r, c) for r in range(h) for c in range(w)]
    return (h, w) if [(int(p.group(1)), int(p.group(2))) for p in places if p] == expected else None


def frame(study: Study, row: int, result: Attribution) -> pd.DataFrame:
    """One row a feature, or a feature and step: its value and what it added."""
    modality = next(m for m in study.dataset.modalities if m.name == result.modality)
    values, names = np.asarray(modality.values[row]), np.array(modality.feature_names, dtype=object)
    about = {
        "sample": str(study.dataset.ids[row]),
        "modality": result.modality,
        "term": result.term,
        "score": study.unit_of(result.output),
        "baseline": result.baseline,
        "background": study.background.name,
        "method": result.method,
    }
    if result.values.ndim == 1:
        return pd.DataFrame(
            about | {"feature": names, "feature_value": values, "attribution": result.values}
        )
    T, F = result.values.shape
    return pd.DataFrame(
        about
        | {
            "step": np.repeat(np.arange(1, T + 1), F),
            "feature": np.tile(names, T),
            "feature_value": values[:T].ravel(),
            "attribution": result.values.ravel(),
        }
    )
