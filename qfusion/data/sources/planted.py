"""Planted opinions: 3,000 short spoken opinions made from a seed, of which everything is known.

Every sample is a sentence, a hummed voice and a drawn face (`qfusion.data.synthesis`). Here stand their latents,
the score with the exact contribution of every modality and of every group of them, the data set, and what a sample
would be if its content were edited.
"""

import difflib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import PIL
import scipy

from qfusion import _files
from qfusion._checks import check, choose, require_number
from qfusion.data import array_cache, synthesis
from qfusion.data.coalition_terms import coalition_names
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.sample_content import Audio, Content, Image, Text
from qfusion.data.sources import Source
from qfusion.data.target_spec import Target

# The planted score: a known function of three latents, its noise, and the exact contributions that follow from it.
#
# With t (words), a (voice) and v (face), each in [-1, 1], the score without noise is
#
#     g = 0.75 t + 0.10 a + 0.25 v            what each modality says alone
#       - 2.00 p(t) p(-a)                     a bitter voice turns the sign of praise: sarcasm
#       + 0.80 t e(v)                         an expressive face, smiling or frowning, amplifies the words
#       + 0.60 (p(a) p(v) - p(-a) p(-v))      warm voice and smile strengthen one another, so do cold voice and frown
#       + 1.20 p(t) p(-a) v                   all three: a smile takes the edge off sarcasm, a frown sharpens it
#       + 0.10
#
#     p(x) = (x + sqrt(x^2 + 0.04)) / 2       a smooth positive part
#     e(x) = (3 x^2 - 1) / 2                  expressiveness: 1 at either end, -1/2 for a blank face
#
# Every term is a product of functions of one latent each. Averages over a background therefore factor, and the value of
# every coalition, hence every Harsanyi dividend, is exact at the cost of a few means.

NAMES = ("text", "audio", "vision")
NOISE_SCALE = 0.15  # standard deviation of the normal before truncation
NOISE_CUT = 2.5  # truncated at this many of them, so that |g + noise| <= 3 needs no clipping

COEFFICIENTS = np.array([0.75, 0.10, 0.25, -2.00, 0.80, 0.60, -0.60, 1.20, 0.10])


def positive_part(x: np.ndarray) -> np.ndarray:
    """Returns p(x) = (x + sqrt(x^2 + 0.04)) / 2, a smooth max(x, 0)."""
    return (x + np.sqrt(x * x + 0.04)) / 2


def expressiveness(x: np.ndarray) -> np.ndarray:
    """Returns e(x) = (3 x^2 - 1) / 2, the second Legendre polynomial."""
    return (3 * x * x - 1) / 2


def factors(latents: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns per modality the factor it gives to each of the nine terms.

    Args:
        latents: (N, 3), columns text, audio, vision.

    Returns:
        Three arrays (N, 9); the score is sum_k COEFFICIENTS[k] * text[k] * audio[k] * vision[k].
    """
    t, a, v = latents.T
    one, p, e = np.ones_like(t), positive_part, expressiveness
    text = (t, one, one, p(t), t, one, one, p(t), one)
    audio = (one, a, one, p(-a), one, p(a), p(-a), p(-a), one)
    vision = (one, one, v, one, e(v), p(v), p(-v), v, one)
    return np.stack(text, 1), np.stack(audio, 1), np.stack(vision, 1)


def planted_score(latents: np.ndarray) -> np.ndarray:
    """Returns the score without noise, (N,), of latents (N, 3)."""
    text, audio, vision = factors(latents)
    return (text * audio * vision) @ COEFFICIENTS


def coalition_values(latents: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Returns v(S) = mean over the background of g(z_S, z'_rest), exactly, for every subset S of modalities.

    The background is joint: the absent modalities are taken together from one background row.

    Args:
        latents: (N, 3), the samples.
        background: (R, 3), the rows to average over.

    Returns:
        Array (N, 8); the subset of column c holds modality m when bit m of c is set.
    """
    own, other = factors(latents), factors(background)
    values = np.empty((len(latents), 8))
    for mask in range(8):
        present = math.prod(
            (own[m] for m in range(3) if mask >> m & 1), start=np.ones((len(latents), 1))
        )
        absent = math.prod(
            (other[m] for m in range(3) if not mask >> m & 1), start=np.ones((len(background), 1))
        )
        values[:, mask] = (present * (COEFFICIENTS * absent.mean(axis=0))).sum(axis=1)
    return values


def dividends(latents: np.ndarray, background: np.ndarray) -> dict[str, np.ndarray]:
    """Returns the Harsanyi dividends sum_{T in S} (-1)^(|S|-|T|) v(T), by coalition name, each (N,); they add up to g.

    Args:
        latents: (N, 3), the samples.
        background: (R, 3), the rows that `coalition_values` averages over.

    Source: Harsanyi (1963), "A simplified bargaining model for the n-person cooperative game".
    """
    terms = coalition_values(latents, background)
    for m in range(3):  # Moebius transform, in place: one modality after the other
        for mask in range(8):
            if mask >> m & 1:
                terms[:, mask] -= terms[:, mask ^ (1 << m)]
    column = {
        name: sum(1 << NAMES.index(part) for part in name.split("+") if part)
        for name in coalition_names(NAMES)
    }
    return {name: terms[:, mask] for name, mask in column.items()}


def noise_variance() -> float:
    """Returns the exact variance of the truncated normal noise: scale^2 (1 - 2 c phi(c) / (2 Phi(c) - 1))."""
    density = math.exp(-(NOISE_CUT**2) / 2) / math.sqrt(2 * math.pi)
    return NOISE_SCALE**2 * (1 - 2 * NOISE_CUT * density / math.erf(NOISE_CUT / math.sqrt(2)))


def planted_noise(rng: np.random.Generator, count: int) -> np.ndarray:
    """Returns `count` draws of the noise, (count,), all within NOISE_CUT * NOISE_SCALE, by redrawing what lies
    outside."""
    draws = rng.standard_normal(count)
    while (outside := np.abs(draws) > NOISE_CUT).any():
        draws[outside] = rng.standard_normal(int(outside.sum()))
    return draws * NOISE_SCALE


# Every sample is a sentence, a hummed voice and a drawn face; their latents and the score come from `score`, which also
# gives the exact contribution of every modality and of every group of them. Features are measured
# from the content: word vectors, prosody of the waveform, pixels of the picture. Those of the usual
# seed ship with the package; making others takes a few seconds once, then they come from a cache.
# Voices are made again when they are heard.

SHIPPED = _files.asset_path("data", "planted.npz")
SEED = 2025
SIZES = {"train": 2100, "valid": 300, "test": 600}
_CHUNK = 50  # recordings at a time: few enough for the processor's cache


@dataclass(frozen=True, eq=False)
class Recipe:
    """What the samples are made from: cheap to draw, and all that is needed to make any one of them again."""

    latents: np.ndarray  # (N, 3): text, audio, vision
    regime: np.ndarray
    sentences: list[tuple[str, ...]]
    voices: synthesis.Parameters
    faces: synthesis.Parameters
    y: np.ndarray  # (N,): score with noise
    split: np.ndarray


def recipe(seed: int = SEED, sizes: Mapping[str, int] = SIZES) -> Recipe:
    """Returns the latents, sentences, voices, faces and scores that follow from a seed."""
    count = sum(sizes.values())
    rng, words_rng, voice_rng, face_rng, noise_rng = (
        np.random.default_rng((seed, part)) for part in range(5)
    )
    latents, regime = draw_latents(rng, count)
    sentences = [synthesis.sentence(float(t), words_rng) for t in latents[:, 0]]
    drawn = latents.copy()
    drawn[:, 0] = [round(synthesis.valence(s), 6) for s in sentences]
    return Recipe(
        drawn,
        regime,
        sentences,
        synthesis.draw_voices(voice_rng, drawn[:, 1]),
        synthesis.draw_faces(face_rng, drawn[:, 2]),
        np.round(planted_score(drawn) + planted_noise(noise_rng, count), 4),
        rng.permutation(np.repeat(list(sizes), list(sizes.values()))),
    )


def _measure(made: Recipe) -> dict[str, np.ndarray]:
    """Features of the voices and faces: the part that takes time."""
    voices = (
        synthesis.parameters_of(made.voices, slice(start, start + _CHUNK))
        for start in range(0, len(made.y), _CHUNK)
    )
    parts = [synthesis.prosody_features(synthesis.synthesise(p), p["duration"]) for p in voices]
    return {
        # Rounded, so that the last bits of another machine's transforms cannot show in the data set's digest.
        "audio": np.round(np.concatenate([f for f, _ in parts]), 4).astype(np.float32),
        "audio_lengths": np.concatenate([n for _, n in parts]),
        "vision": synthesis.pixels(made.faces),
    }


def _key(*parts: object) -> str:
    """A digest of the code that makes the features, and of what else they depend on."""
    return array_cache.key_of(
        [
            "|".join(map(str, parts)),
            *(Path(file).read_bytes() for file in (__file__, str(synthesis.__file__))),
        ]
    )


def _features(made: Recipe, seed: int, sizes: Mapping[str, int]) -> dict[str, np.ndarray]:
    """As they ship if that is what is asked for, from the cache, or measured."""
    shipped = array_cache.read_arrays(SHIPPED) if (seed, sizes) == (SEED, SIZES) else None
    if shipped is not None and str(shipped.pop("made_by")) == _key():
        return shipped
    return array_cache.cached_arrays(
        "planted",
        _key(seed, sizes, np.__version__, PIL.__version__, scipy.__version__),
        partial(_measure, made),
    )


def ship() -> None:
    """Measures the features that ship with the package, and writes them: `python scripts/ship_planted.py`."""
    array_cache.write_arrays(
        SHIPPED, {**_measure(recipe()), "made_by": np.array(_key())}, compressed=True
    )


def _heard(waves: np.ndarray, p: synthesis.Parameters) -> Audio:
    """The first of some recordings, to its end."""
    end = round(float(p["duration"][0]) * synthesis.RATE)
    return Audio((waves[0, :end] / 32768.0).astype(np.float32), synthesis.RATE)


def _content(made: Recipe, row: int) -> dict[str, Content]:
    spoken = made.sentences[row]
    p = synthesis.parameters_of(made.voices, np.array([row]))
    return {
        "text": Text(" ".join(spoken), spoken),
        "audio": _heard(synthesis.synthesise(p), p),
        "vision": Image(synthesis.portrait(made.faces, row)),
    }


def _seen(pixels: np.ndarray) -> np.ndarray:
    """Grey pixels (N, h, w) as features (N, h w), in [0, 1]."""
    return (pixels.reshape(len(pixels), -1) / np.float32(255)).astype(np.float32)


def build(seed: int = SEED, sizes: Mapping[str, int] = SIZES) -> DataSet:
    """Returns the planted data set of a seed.

    Args:
        seed: of everything that is drawn.
        sizes: how many samples "train", "valid" and "test" have; 2,100, 300 and 600 unless told.
    """
    made = recipe(seed, sizes)
    measured = _features(made, seed, sizes)
    ids = np.array([f"p{row:04d}" for row in range(len(made.y))])
    spoken, lengths = synthesis.word_features(made.sentences)
    names = tuple(f"pixel {r},{c}" for r in range(synthesis.SIDE) for c in range(synthesis.SIDE))
    return DataSet(
        name=SOURCE.name,
        title=SOURCE.title,
        description="3,000 short spoken opinions made by this project from a seed: sentences from a grammar, hummed "
        "voices, drawn faces. The score is a known function of what words, voice and face say, plus noise of known "
        "variance, so the true contribution of every modality and every combination is known for every sample. Voice "
        "turns the sign of praise (sarcasm), an expressive face amplifies words, and warm voice and smile strengthen "
        "one another.",
        source=f"made by this project from seed {seed}",
        licence="Apache-2.0, like the project",
        modalities=(
            Modality("text", spoken, lengths, synthesis.WORD_FEATURES),
            Modality(
                "audio", measured["audio"], measured["audio_lengths"], synthesis.PROSODY_FEATURES
            ),
            Modality("vision", _seen(measured["vision"]), None, names),
        ),
        target=Target(
            "regression",
            "score",
            range=(-3.0, 3.0),
            unit="points, very negative (-3) to very positive (+3)",
        ),
        y=made.y,
        ids=ids,
        split=made.split,
        table=pd.DataFrame(
            {
                "text": [" ".join(words) for words in made.sentences],
                "regime": made.regime,
                "speaker": [f"speaker {n + 1}" for n in made.voices["speaker"]],
                "duration": made.voices["duration"],
                "score_clean": planted_score(made.latents),
                **{f"latent_{name}": made.latents[:, m] for m, name in enumerate(NAMES)},
            },
            index=ids,
        ),
        truth=pd.DataFrame(dividends(made.latents, made.latents[made.split == "train"]), index=ids),
        noise_variance=noise_variance(),
        content_of=partial(_content, made),
    )


SOURCE = Source("planted", "Planted opinions", build, place=10, made="is made by the project")


# Which latents the samples get: seven telling regimes, and a mixed rest.
#
# Each sample is drawn for one regime, with "strong" meaning a size in [0.5, 1] and "weak" a size of at most 0.2:
#
#     text decides    words strong; voice and face weak
#     voice decides   voice strong; words and face weak
#     face decides    face strong; words and voice weak
#     agreement       all three strong, of one sign
#     conflict        all three strong, not of one sign, and no praise in a bitter voice
#     sarcasm         strong praise (t > 0) in a strongly negative voice (a < 0), any face
#     synergy         anywhere in the cube outside sarcasm (t > 0.2 with a < -0.2) where, decomposed exactly against the
#                     samples of the other regimes, what the modalities say jointly is at least 0.4 in size and at least
#                     1.5 times what they say alone
#     mixed           anywhere in the cube
#
# The words' latent is what the sentence that was found for it says, so it may leave these bounds by a few hundredths.

SHARES = {
    "text decides": 0.09,
    "voice decides": 0.08,
    "face decides": 0.08,
    "agreement": 0.12,
    "conflict": 0.17,
    "sarcasm": 0.14,
    "mixed": 0.18,
    "synergy": 0.14,
}  # synergy last: it is defined against the others

# The sign patterns (t, a, v) of a conflict: not all equal, and no praise (+) in a bitter voice (-).
_CONFLICTS = np.array([(-1, 1, 1), (-1, -1, 1), (-1, 1, -1), (1, 1, -1)])


def _strong(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.uniform(0.5, 1, shape)


def _signs(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.integers(0, 2, shape) * 2 - 1


def _synergy(rng: np.random.Generator, count: int, others: np.ndarray) -> np.ndarray:
    values = np.empty((0, 3))
    while len(values) < count:
        tried = rng.uniform(-1, 1, (20 * count, 3))
        parts = dividends(tried, others)
        alone = parts["text"] + parts["audio"] + parts["vision"]
        joint = planted_score(tried) - alone - parts[""]
        sarcastic = (tried[:, 0] > 0.2) & (tried[:, 1] < -0.2)
        values = np.concatenate(
            [values, tried[(np.abs(joint) > np.maximum(1.5 * np.abs(alone), 0.4)) & ~sarcastic]]
        )
    return values[:count]


def draw_regime(
    rng: np.random.Generator, regime: str, count: int, others: np.ndarray
) -> np.ndarray:
    """Returns `count` latents (count, 3) of one regime, columns text, audio, vision.

    Args:
        rng: what to draw from.
        regime: one of SHARES.
        count: how many.
        others: (R, 3), latents of the other regimes, which synergy is defined against.
    """
    match regime:
        case "agreement":
            return _strong(rng, (count, 3)) * _signs(rng, (count, 1))
        case "conflict":
            return _strong(rng, (count, 3)) * _CONFLICTS[rng.integers(0, len(_CONFLICTS), count)]
        case "sarcasm":
            return np.stack(
                [_strong(rng, (count,)), -_strong(rng, (count,)), rng.uniform(-1, 1, count)], axis=1
            )
        case "synergy":
            return _synergy(rng, count, others)
        case "mixed":
            return rng.uniform(-1, 1, (count, 3))
    latents = rng.uniform(-0.2, 0.2, (count, 3))
    decides = ("text decides", "voice decides", "face decides").index(regime)
    latents[:, decides] = _strong(rng, (count,)) * _signs(rng, (count,))
    return latents


def draw_latents(rng: np.random.Generator, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns latents (count, 3) and the regimes (count,) they were drawn for, shuffled."""
    sizes = [int(share * count) for share in SHARES.values()]
    sizes[0] += count - sum(sizes)
    latents = np.empty((0, 3))
    for regime, size in zip(SHARES, sizes, strict=True):
        latents = np.concatenate([latents, draw_regime(rng, regime, size, latents)])
    order = rng.permutation(count)
    # Rounded, so that the last bits of another machine's arithmetic cannot show in the data set's digest.
    return np.round(latents, 6)[order], np.repeat(list(SHARES), sizes)[order]


# What a planted sample would be with other words, another voice or another face: raw content made anew and measured as
# ever.
#
# Words are free text from the grammar's vocabulary; voice and face take changes of what the sample was made from. The
# features of an edit are measured from the new content by the same code as the data set's.


@dataclass(frozen=True)
class Control:
    """One thing that can be changed: its name in links, what a reader calls it, its range around 0, and its unit."""

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
    """An edited modality: what to show, its features (1, F) or (1, T, F) with (1, T) steps, and its latent where that
    is known."""

    content: Content
    values: np.ndarray
    lengths: np.ndarray | None
    latent: float | None = None


def recipe_of(dataset: DataSet) -> Recipe | None:
    """Returns what a planted data set was made from; None of any other data set."""
    arguments = getattr(dataset.content_of, "args", ())
    return arguments[0] if arguments and isinstance(arguments[0], Recipe) else None


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
    lines = tuple(re.findall(r"[^\s.,;:!?]+", str(text).lower()))
    check(
        len(lines) > 0,
        "The sentence must have at least one word, but is empty. Write one from the vocabulary.",
    )
    check(
        len(lines) <= synthesis.MAX_WORDS,
        f"The sentence must have at most {synthesis.MAX_WORDS} words, but has {len(lines)}. Shorten it.",
    )
    for word in lines:
        near = difflib.get_close_matches(word, synthesis.VOCABULARY, n=3, cutoff=0.6)
        hint = (
            f"Did you mean {' or '.join(map(repr, near))}?"
            if near
            else "Use the words listed under the field."
        )
        check(
            word in synthesis.VOCABULARY,
            f"The word {word[:40]!r} is not in the vocabulary of these data. {hint}",
        )
    joins = [word for word in lines if word in synthesis.JOINS]
    check(
        len(joins) <= 1,
        f"The sentence must have at most two clauses, but has {len(joins)} of 'and' and 'but'. Leave one.",
    )
    return lines


def with_words(text: str) -> Edit:
    """Returns the text of a sample anew; its latent is what the words say by the rule of `words`."""
    spoken = parse(text)
    values, lengths = synthesis.word_features([spoken])
    return Edit(
        Text(" ".join(spoken), spoken),
        values,
        lengths,
        float(np.clip(synthesis.valence(spoken), -1, 1)),
    )


def with_voice(made: Recipe, row: int, changes: Mapping[str, float]) -> Edit:
    """Returns the recording of a sample with another voice.

    Args:
        changes: of the names in CONTROLS["audio"], 0 is as it was: pitch and rise in octaves, energy in dB, tempo in
            octaves of speed.
    """
    change = _checked("audio", changes)
    p = synthesis.parameters_of(made.voices, np.array([row]))
    p |= {
        "level": p["level"] + change["pitch"],
        "slope": p["slope"] + change["rise"],
        "loudness": p["loudness"] * 10 ** (change["energy"] / 20),
        "duration": np.clip(
            np.round(p["duration"] / 2 ** change["tempo"], 3),
            synthesis.MIN_SECONDS,
            synthesis.MAX_SECONDS - 0.01,
        ),
    }
    waves = synthesis.synthesise(p)
    measured, lengths = synthesis.prosody_features(waves, p["duration"])
    return Edit(
        _heard(waves, p),
        np.round(measured, 4).astype(np.float32),
        lengths,
    )


def with_face(made: Recipe, row: int, changes: Mapping[str, float]) -> Edit:
    """Returns the face of a sample with other features; `changes` are of CONTROLS["vision"], 0 is as it was."""
    change = _checked("vision", changes)
    p = synthesis.parameters_of(made.faces, np.array([row]))
    p |= {
        "bend": np.clip(p["bend"] + change["mouth"], -1.5, 1.5),
        "brow": np.clip(p["brow"] + change["brows"], -1.5, 1.5),
        "lids": np.clip(p["lids"] + change["eyes"], 0.1, 1.0),
    }
    return Edit(Image(synthesis.portrait(p, 0)), _seen(synthesis.pixels(p)), None)


def true_score(latents: np.ndarray) -> float:
    """Returns the score without noise of latents (text, audio, vision)."""
    return float(planted_score(np.asarray(latents, dtype=float)[None])[0])


def _checked(modality: str, changes: Mapping[str, float]) -> dict[str, float]:
    known = {control.name: control for control in CONTROLS[modality]}
    for name in changes:
        choose("Control", name, known)
    return {
        name: require_number(name, changes.get(name, 0.0), control.low, control.high)
        for name, control in known.items()
    }
