"""A planted sample with other words, another voice or another face: new content, measured like that of the data set.

Words are free text from the grammar's vocabulary; voice and face take changes of the parameters that the sample was
made from.
"""

import difflib
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qfusion._checks import check, choose, require_number
from qfusion.data.data_set import DataSet
from qfusion.data.sample_content import Content, Image, Text
from qfusion.data.sources.planted import Recipe, face_features, voice_audio
from qfusion.data.synthetic import drawn_faces, hummed_voices, opinion_texts
from qfusion.data.synthetic.planted_score import planted_score


@dataclass(frozen=True)
class Control:
    """One quantity that can be changed: its name in links, its title for readers, its range around 0, and its unit."""

    name: str
    title: str
    low: float
    high: float
    unit: str


MAX_TEXT = 2000  # letters of a sentence
CONTROLS = {
    "audio": (
        Control("pitch", "Pitch of the voice", -1.0, 1.0, "octaves"),
        Control("rise", "Rise of the melody", -1.0, 1.0, "octaves"),
        Control("energy", "Energy", -12.0, 12.0, "dB"),
        Control("tempo", "Tempo", -0.5, 0.5, "octaves of speed"),
    ),
    "vision": (
        Control("mouth", "Mouth corners", -2.0, 2.0, "of full bend"),
        Control("brows", "Inner brows", -2.0, 2.0, "of full lift"),
        Control("eyes", "Eyes", -0.75, 0.75, "of full opening"),
    ),
}


@dataclass(frozen=True, eq=False)
class Edit:
    """Edited modality: its content to show, its features (1, F) or (1, T, F) with (1, T) steps, and its latent if it
    is known.
    """

    content: Content
    values: np.ndarray
    lengths: np.ndarray | None
    latent: float | None = None


def find_recipe(dataset: DataSet) -> Recipe | None:
    """Return the recipe of a planted data set, or None for any other data set."""
    arguments = getattr(dataset.content_of, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], Recipe) else None


def parse(text: str) -> tuple[str, ...]:
    """Return the words of a sentence that someone typed.

    Raises:
        InvalidInput: when there is no word, too many, a word that the vocabulary lacks (with near ones), or more than
            two clauses.
    """
    check(
        len(text) <= MAX_TEXT,
        f"The sentence must have at most {MAX_TEXT:,} letters, but has {len(text):,}. Shorten it.",
    )
    lines = tuple(re.findall(r"[^\s.,;:!?]+", str(text).lower()))
    check(
        len(lines) > 0,
        "The sentence must have at least one word, but is empty. Write one from the vocabulary.",
    )
    check(
        len(lines) <= opinion_texts.MAX_WORDS,
        f"The sentence must have at most {opinion_texts.MAX_WORDS} words, but has {len(lines)}. Shorten it.",
    )
    for word in lines:
        near = difflib.get_close_matches(word, opinion_texts.VOCABULARY, n=3, cutoff=0.6)
        hint = (
            f"Did you mean {' or '.join(map(repr, near))}?"
            if near
            else "Use the words listed under the field."
        )
        check(
            word in opinion_texts.VOCABULARY,
            f"The word {word[:40]!r} is not in the vocabulary of these data. {hint}",
        )
    joins = [word for word in lines if word in opinion_texts.JOINS]
    check(
        len(joins) <= 1,
        f"The sentence must have at most two clauses, but has {len(joins)} of 'and' and 'but'. Leave one.",
    )
    return lines


def replace_words(text: str) -> Edit:
    """Return the edited text of a sample. Its latent is the valence of the words by the rule of `words`."""
    spoken = parse(text)
    values, lengths = opinion_texts.word_features([spoken])
    return Edit(
        Text(" ".join(spoken), spoken),
        values,
        lengths,
        float(np.clip(opinion_texts.valence(spoken), -1, 1)),
    )


def replace_voice(made: Recipe, row: int, changes: Mapping[str, float]) -> Edit:
    """Return the recording of a sample with another voice.

    Args:
        changes: of the names in CONTROLS["audio"], 0 is as it was: pitch and rise in octaves, energy in dB, tempo in
            octaves of speed.
    """
    change = _check_changes("audio", changes)
    p = hummed_voices.select_parameters(made.voices, np.array([row]))
    p |= {
        "level": p["level"] + change["pitch"],
        "slope": p["slope"] + change["rise"],
        "loudness": p["loudness"] * 10 ** (change["energy"] / 20),
        "duration": np.clip(
            np.round(p["duration"] / 2 ** change["tempo"], 3),
            hummed_voices.MIN_SECONDS,
            hummed_voices.MAX_SECONDS - 0.01,
        ),
    }
    waves = hummed_voices.synthesise(p)
    measured, lengths = hummed_voices.prosody_features(waves, p["duration"])
    return Edit(
        voice_audio(waves, p),
        np.round(measured, 4).astype(np.float32),
        lengths,
    )


def replace_face(made: Recipe, row: int, changes: Mapping[str, float]) -> Edit:
    """Return the face of a sample with other features. `changes` are those of CONTROLS["vision"], and 0 means no
    change.
    """
    change = _check_changes("vision", changes)
    p = hummed_voices.select_parameters(made.faces, np.array([row]))
    p |= {
        "bend": np.clip(p["bend"] + change["mouth"], -1.5, 1.5),
        "brow": np.clip(p["brow"] + change["brows"], -1.5, 1.5),
        "lids": np.clip(p["lids"] + change["eyes"], 0.1, 1.0),
    }
    return Edit(Image(drawn_faces.portrait(p, 0)), face_features(drawn_faces.pixels(p)), None)


def true_score(latents: np.ndarray) -> float:
    """Return the score without noise of latents (text, audio, vision)."""
    return float(planted_score(np.asarray(latents, dtype=float)[None])[0])


def _check_changes(modality: str, changes: Mapping[str, float]) -> dict[str, float]:
    known = {control.name: control for control in CONTROLS[modality]}
    for name in changes:
        choose("Control", name, known)
    return {
        name: require_number(name, changes.get(name, 0.0), control.low, control.high)
        for name, control in known.items()
    }
