"""Attribution inside a modality, and the canvas to draw it on: words, a waveform, a picture, a curve or features.

The words of a sequence belong to its time steps by the data set, or by equal counts."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
import pandas as pd
import torch

from qfusion._memory_cache import memo
from qfusion.data import Audio, Image, Modality, Text
from qfusion.data.coalition_terms import split_term
from qfusion.data.media_pictures import pixel_names
from qfusion.data.sample_content import Series
from qfusion.data.synthetic import hummed_voices, planted_editing
from qfusion.explain import attribution
from qfusion.models.inputs import InputSpec
from qfusion.study.jobs import Task
from qfusion.study.study import Study

# Attribution inside a modality for the pages, and what there is to draw it on. Free of streamlit.

_CELL = re.compile(r"(?:pixel|band, frame) (\d+),(\d+)")


@memo(64, task=Task.ATTRIBUTE_FEATURES)
def attribute(
    study: Study,
    row: int,
    modality: str,
    term: str,
    output: int,
    baseline: str,
    other: str = "",
    method: str = attribution.INTEGRATED,
) -> attribution.Attribution:
    """The attribution of a term of one output; `other` is the id of the sample that is the baseline, where one is."""
    rows = [row, study.dataset.row(other)] if other else [row]
    inputs, *others = (study.dataset.inputs([at], dtype=torch.float64) for at in rows)
    start = others[0][modality] if others else None
    model = study.backend.fixed_model()
    return attribution.attribute(
        model, inputs, study.background, modality, term, output, baseline, start, method
    )


def terms(study: Study, modality: str) -> tuple[str, ...]:
    """Return the terms that can be attributed: the explained output and, unless these would take minutes, the
    modality's dividends.
    """
    every = attribution.attributable_terms(study.model, modality)
    return every if study.backend.can_attribute_terms() else every[:1]


def title(term: str, quantity: str = "score") -> str:
    """A term as an option and in links: `text+audio` -> "text and audio"; the whole of them is "the log-odds" or "the
    score".

    Example:
        >>> from qfusion.study.attribution import title
        >>> title("text+audio")
        'text and audio'
    """
    return f"the {quantity}" if term == attribution.SCORE else term.replace("+", " and ")


def parse_title(title: str) -> str:
    """The term that an option or a link calls by its `title`."""
    whole = ("the log-odds", "the score")
    return attribution.SCORE if title in whole else title.replace(" and ", "+")


@dataclass(frozen=True, eq=False)
class Canvas:
    """Content on which the values of a modality are drawn.

    Attributes:
        kind: "words", "waveform", "picture", "spectrogram", "curve", or "features" where there is nothing but features.
        parts: what the figure takes besides the values. names: of the units (words, frames, pixels, features).
        groups: the features that each pixel is made of; None where a unit is one step or feature. how: the way in which
            steps were matched with what was said; None where there are no steps to match.
        shape: rows and columns of the units of a picture or spectrogram; None for others.
    """

    kind: str
    parts: dict[str, Any]
    names: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...] | None = None
    how: StepMatch | None = None
    shape: tuple[int, int] | None = None

    def sum_steps(self, units: np.ndarray) -> np.ndarray:
        """The values of the units, (U,), from those of the steps."""
        return (
            units
            if self.groups is None
            else np.array([units[list(group)].sum() for group in self.groups])
        )

    def step_names(self, steps: int) -> tuple[str, ...]:
        """Return the name of each step of a sequence: the word spoken at it, or else its number."""
        if self.kind == "words":
            return self.names
        return tuple(f"step {step + 1}" for step in range(steps))


def canvas(study: Study, row: int, modality: str, steps: int | None) -> Canvas:
    """Return the canvas for the attribution of a modality. `steps` is the number of real steps of a sequence, or
    None for a vector.
    """
    result = next(m for m in study.dataset.modalities if m.name == modality)
    content = study.dataset.content(row).get(modality)
    if steps is not None:
        steps_said = match(content if isinstance(content, Text) else None, steps)
        if steps_said.units is not None:
            return Canvas(
                "words",
                {"spoken": steps_said.units},
                steps_said.units,
                how=steps_said.how,
            )
        if isinstance(content, Audio):
            step = (
                len(content.samples) / content.rate / steps
                if planted_editing.find_recipe(study.dataset) is None
                else hummed_voices.FRAME / hummed_voices.PROSODY_RATE
            )
            return Canvas(
                "waveform",
                {"samples": content.samples, "rate": content.rate, "step": step},
                tuple(f"the frame at {(t + 0.5) * step:.2f} s" for t in range(steps)),
            )
        return Canvas(
            "features", {}, tuple(f"step {t + 1}" for t in range(steps)), how=steps_said.how
        )
    values = study.dataset.features(modality, row)[0][0].astype(float)
    if (shape := grid(result)) is not None:
        pixels = values.reshape(*shape, -1)
        colours = pixels.shape[2]
        if result.feature_names[0].startswith("band, frame"):
            names = tuple(f"band {i // shape[1]}, frame {i % shape[1]}" for i in range(result.size))
            return Canvas("spectrogram", {"cells": pixels[..., 0]}, names, shape=shape)
        groups = None
        if colours > 1:
            groups = tuple(map(tuple, np.arange(result.size).reshape(-1, colours).tolist()))
        original = content.pixels if isinstance(content, Image) else None
        shown = find_picture(pixels, original)
        return Canvas("picture", {"pixels": shown}, pixel_names(shape), groups, shape=shape)
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
    how: StepMatch | None = None


def sequences(study: Study, term: str = attribution.SCORE) -> tuple[str, ...]:
    """Return the modalities that are sequences and that occur in a term."""
    return tuple(
        modality.name
        for modality in study.dataset.modalities
        if modality.is_sequence and (term == attribution.SCORE or modality.name in split_term(term))
    )


def rates(study: Study, modalities: Sequence[str]) -> dict[str, float]:
    """Return the steps per second of the modalities whose rate is known."""
    return {
        modality.name: modality.rate
        for modality in study.dataset.modalities
        if modality.name in modalities and modality.rate is not None
    }


def lanes(study: Study, row: int, attributions: Sequence[attribution.Attribution]) -> list[Lane]:
    """Attributions of sequences on one axis: seconds where the rates of all are known, else percent of each one's
    length."""
    names = [one.modality for one in attributions]
    known = rates(study, names)
    timed = len(known) == len(names)
    result = []
    for one in attributions:
        steps = len(one.units)
        drawn = canvas(study, row, one.modality, steps)
        width = 1 / known[one.modality] if timed else 100 / steps
        result.append(Lane(one.modality, one.units, width, drawn.step_names(steps), drawn.how))
    return result


def grid(modality: Modality) -> tuple[int, int] | None:
    """Return the (h, w) of features that are pixels or cells of a spectrogram, recognised by shape or names, or None
    for other features. Coloured pixels have three numbers each.
    """
    if modality.shape is not None:
        spec = InputSpec(modality.size, modality.is_sequence, modality.shape)
        return (modality.shape[0], modality.shape[1]) if spec.is_picture else None
    cells = [
        (int(place[1]), int(place[2]))
        for place in map(_CELL.fullmatch, modality.feature_names)
        if place
    ]
    if len(cells) < len(modality.feature_names):
        return None
    h, w = 1 + np.max(cells, 0)
    return (int(h), int(w)) if cells == list(np.ndindex(h, w)) else None


def frame(study: Study, row: int, result: attribution.Attribution) -> pd.DataFrame:
    """Return a table with one row per feature, or per feature and step: its value and its attribution."""
    modality = next(m for m in study.dataset.modalities if m.name == result.modality)
    values = study.dataset.features(result.modality, row)[0][0]
    names = np.array(modality.feature_names, dtype=object)
    about = {
        "sample": str(study.dataset.ids[row]),
        "modality": result.modality,
        "term": study.quantity if result.term == attribution.SCORE else result.term,
        "unit": study.score_unit(result.output),
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


MOST = 144  # pixels of the longer side of a picture that is drawn
_ALIKE = 0.9  # correlation with the pixels of the model above which a picture is theirs


def find_picture(pixels: np.ndarray, original: np.ndarray | None) -> np.ndarray:
    """Return the picture to draw under values of a model's pixels, uint8 (H, W, 3).

    It is the original if it shows the same at the same places. Otherwise it is made of the model's pixels, their
    smallest number black and their largest white.

    Args:
        pixels: what the model takes, (h, w, 1) or (h, w, 3).
        original: uint8 (H, W) or (H, W, 3); None if there is none.
    """
    if original is not None and _shows_pixels(original, pixels):
        shown = _thin_out(original)
    else:
        low = pixels.min()
        spread = max(float(pixels.max() - low), 1e-9)
        shown = np.round(255 * (pixels - low) / spread).astype(np.uint8)
    return shown if shown.shape[-1:] == (3,) and shown.ndim == 3 else _repeat_grey(shown)


def _shows_pixels(original: np.ndarray, pixels: np.ndarray) -> bool:
    """Return whether a picture, reduced to the size of the pixels, is correlated with them."""
    h, w = pixels.shape[:2]
    if original.shape[0] < h or original.shape[1] < w:
        return False
    reduced = _reduce(_mean_colour(original), h, w).ravel()
    taken = pixels.mean(2).ravel()
    if reduced.std() < 1e-9 or taken.std() < 1e-9:
        return False
    return bool(np.corrcoef(reduced, taken)[0, 1] > _ALIKE)


def _reduce(grey: np.ndarray, h: int, w: int) -> np.ndarray:
    """Return the means (h, w) of blocks of a picture."""
    rows = np.linspace(0, grey.shape[0], h + 1).astype(int)[:-1]
    columns = np.linspace(0, grey.shape[1], w + 1).astype(int)[:-1]
    sums = np.add.reduceat(np.add.reduceat(grey, rows, axis=0), columns, axis=1)
    ones = np.ones_like(grey)
    return sums / np.add.reduceat(np.add.reduceat(ones, rows, axis=0), columns, axis=1)


def _mean_colour(picture: np.ndarray) -> np.ndarray:
    return picture.mean(2) if picture.ndim == 3 else picture.astype(float)


def _thin_out(picture: np.ndarray) -> np.ndarray:
    """Return a picture with at most `MOST` rows and columns, evenly spread."""
    height, width = picture.shape[:2]
    rows = np.linspace(0, height - 1, min(height, MOST)).round().astype(int)
    columns = np.linspace(0, width - 1, min(width, MOST)).round().astype(int)
    return np.ascontiguousarray(picture[rows][:, columns])


def _repeat_grey(picture: np.ndarray) -> np.ndarray:
    return np.repeat(picture.reshape(*picture.shape[:2], 1), 3, 2)


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
