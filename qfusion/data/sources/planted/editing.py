"""What a planted sample would be with other words, another voice or another face: raw content made anew and measured as
ever.

Words are free text from the grammar's vocabulary; voice and face take changes of what the sample was made from. The
features of an edit are measured from the new content by the same code as the data set's.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qfusion._checks import check, choose, require_number
from qfusion.data.modality import Audio, Content, Image, Text
from qfusion.data.sources.planted import Recipe, face, prosody, score, voice, words
from qfusion.data.spec import DataSet


@dataclass(frozen=True)
class Control:
    """One thing that can be changed: its name in links, what a reader calls it, its range around 0, and its unit."""

    name: str
    title: str
    low: float
    high: float
    unit: str


MAX_TEXT = 2000  # letters of a sentence
VOICE = (
    Control("pitch", "Pitch of the voice", -1.0, 1.0, "octaves"),
    Control("rise", "Rise of the melody", -1.0, 1.0, "octaves"),
    Control("energy", "Energy", -12.0, 12.0, "dB"),
    Control("tempo", "Tempo", -0.5, 0.5, "octaves of speed"),
)
FACE = (
    Control("mouth", "Mouth corners", -2.0, 2.0, "of full bend"),
    Control("brows", "Inner brows", -2.0, 2.0, "of full lift"),
    Control("eyes", "Eyes", -0.75, 0.75, "of full opening"),
)
CONTROLS = {"audio": VOICE, "vision": FACE}


@dataclass(frozen=True, eq=False)
class Edit:
    """An edited modality: what to show, its features (1, F) or (1, T, F) with (1, T) steps, and its latent where that
    is known."""

    content: Content
    values: np.ndarray
    lengths: np.ndarray | None
    latent: float | None = None


def recipe_of(dataset: DataSet) -> Recipe | None:
    """Returns what a planted data set was made from; None of any other data set."""
    kept = getattr(dataset.content_of, "args", ())
    return kept[0] if kept and isinstance(kept[0], Recipe) else None


def parse(text: str) -> tuple[str, ...]:
    """Returns the words of a sentence that someone typed.

    Raises:
        InvalidInput: when there is no word, too many, a word that the vocabulary lacks (with near ones), or more than
            two clauses.
    """
    check(
        len(text) <= MAX_TEXT,
        f"The sentence must have at most {MAX_TEXT:,} letters, but has {len(text):,}. Shorten it.",
    )
    found = tuple(re.findall(r"[^\s.,;:!?]+", str(text).lower()))
    check(
        len(found) > 0,
        "The sentence must have at least one word, but is empty. Write one from the vocabulary.",
    )
    check(
        len(found) <= words.MAX_WORDS,
        f"The sentence must have at most {words.MAX_WORDS} words, but has {len(found)}. Shorten it.",
    )
    for word in found:
        near = difflib.get_close_matches(word, words.VOCABULARY, n=3, cutoff=0.6)
        hint = (
            f"Did you mean {' or '.join(map(repr, near))}?"
            if near
            else "Use the words listed under the field."
        )
        check(
            word in words.VOCABULARY,
            f"The word {word[:40]!r} is not in the vocabulary of these data. {hint}",
        )
    joins = [word for word in found if word in words.JOINS]
    check(
        len(joins) <= 1,
        f"The sentence must have at most two clauses, but has {len(joins)} of 'and' and 'but'. Leave one.",
    )
    return found


def with_words(text: str) -> Edit:
    """Returns the text of a sample anew; its latent is what the words say by the rule of `words`."""
    spoken = parse(text)
    values, lengths = words.features([spoken])
    return Edit(
        Text(" ".join(spoken), spoken),
        values,
        lengths,
        float(np.clip(words.valence(spoken), -1, 1)),
    )


def with_voice(made: Recipe, row: int, changes: Mapping[str, float]) -> Edit:
    """Returns the recording of a sample with another voice.

    Args:
        changes: of the names in VOICE, 0 is as it was: pitch and rise in octaves, energy in dB, tempo in octaves of
            speed.
    """
    change = _checked("audio", changes)
    p = made.voices.take(np.array([row]))
    duration = np.clip(
        np.round(p.duration / 2 ** change["tempo"], 3), voice.MIN_SECONDS, voice.MAX_SECONDS - 0.01
    )
    p = dataclasses.replace(
        p,
        level=p.level + change["pitch"],
        slope=p.slope + change["rise"],
        loudness=p.loudness * 10 ** (change["energy"] / 20),
        duration=duration,
    )
    waves = voice.synthesise(p)
    measured, lengths = prosody.features(waves, p.duration)
    heard = waves[0, : round(float(p.duration[0]) * voice.RATE)]
    return Edit(
        Audio((heard / 32768.0).astype(np.float32), voice.RATE),
        np.round(measured, 4).astype(np.float32),
        lengths,
    )


def with_face(made: Recipe, row: int, changes: Mapping[str, float]) -> Edit:
    """Returns the face of a sample with other features; `changes` of the names in FACE, 0 is as it was."""
    change = _checked("vision", changes)
    p = made.faces.take(np.array([row]))
    p = dataclasses.replace(
        p,
        bend=np.clip(p.bend + change["mouth"], -1.5, 1.5),
        brow=np.clip(p.brow + change["brows"], -1.5, 1.5),
        lids=np.clip(p.lids + change["eyes"], 0.1, 1.0),
    )
    seen = (face.pixels(p).reshape(1, -1) / np.float32(255)).astype(np.float32)
    return Edit(Image(face.portrait(p, 0)), seen, None)


def true_score(latents: np.ndarray) -> float:
    """Returns the score without noise of latents (text, audio, vision)."""
    return float(score.score(np.asarray(latents, dtype=float)[None])[0])


def _checked(modality: str, changes: Mapping[str, float]) -> dict[str, float]:
    known = {control.name: control for control in CONTROLS[modality]}
    for name in changes:
        choose("Control", name, known)
    return {
        name: require_number(name, changes.get(name, 0.0), control.low, control.high)
        for name, control in known.items()
    }
