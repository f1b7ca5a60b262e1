"""Planted opinions: 3,000 short spoken opinions made from a seed, of which everything is known.

Every sample is a sentence, a hummed voice and a drawn face; their latents and the score come from `score`, which also
gives the exact contribution of every modality and of every group of them. Features are measured from the content: word
vectors, prosody of the waveform, pixels of the picture. Those of the usual seed ship with the package; making others
takes a few seconds once, then they come from a cache. Voices are made again when they are heard.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import PIL
import scipy

from qfusion import _assets
from qfusion.data import cache
from qfusion.data.modality import Audio, Content, Image, Modality, Target, Text
from qfusion.data.source import Source
from qfusion.data.sources.planted import face, latents, prosody, score, voice, words
from qfusion.data.spec import DataSet

SHIPPED = _assets.path("data", "planted.npz")
SEED = 2025
SIZES = {"train": 2100, "valid": 300, "test": 600}
_CHUNK = 50  # recordings at a time: few enough for the processor's cache

DESCRIPTION = (
    "3,000 short spoken opinions made by this project from a seed: sentences from a grammar, hummed voices, drawn "
    "faces. The score is a known function of what words, voice and face say, plus noise of known variance, so the true "
    "contribution of every modality and every combination is known for every sample. Voice turns the sign of praise "
    "(sarcasm), an expressive face amplifies words, and warm voice and smile strengthen one another."
)


@dataclass(frozen=True, eq=False)
class Recipe:
    """What the samples are made from: cheap to draw, and all that is needed to make any one of them again."""

    latents: np.ndarray  # (N, 3): text, audio, vision
    regime: np.ndarray
    sentences: list[tuple[str, ...]]
    voices: voice.VoiceParameters
    faces: face.FaceParameters
    y: np.ndarray  # (N,): score with noise
    split: np.ndarray


def recipe(seed: int = SEED, sizes: dict[str, int] | None = None) -> Recipe:
    """Returns the latents, sentences, voices, faces and scores that follow from a seed."""
    sizes = sizes or SIZES
    count = sum(sizes.values())
    rng, words_rng, voice_rng, face_rng, noise_rng = (
        np.random.default_rng((seed, part)) for part in range(5)
    )
    wanted, regime = latents.draw(rng, count)
    sentences = [words.sentence(float(t), words_rng) for t in wanted[:, 0]]
    drawn = wanted.copy()
    drawn[:, 0] = [round(words.valence(s), 6) for s in sentences]
    y = np.round(score.score(drawn) + score.noise(noise_rng, count), 4)
    split = rng.permutation(np.repeat(list(sizes), list(sizes.values())))
    return Recipe(
        drawn,
        regime,
        sentences,
        voice.draw(voice_rng, drawn[:, 1]),
        face.draw(face_rng, drawn[:, 2]),
        y,
        split,
    )


def _measure(made: Recipe) -> dict[str, np.ndarray]:
    """Features of the voices and faces: the part that takes time."""
    parts = []
    for start in range(0, len(made.y), _CHUNK):
        p = made.voices.take(slice(start, start + _CHUNK))
        parts.append(prosody.features(voice.synthesise(p), p.duration))
    # Rounded, so that the last bits of another machine's transforms cannot show in the data set's digest.
    heard = np.round(np.concatenate([f for f, _ in parts]), 4).astype(np.float32)
    return {
        "audio": heard,
        "audio_lengths": np.concatenate([n for _, n in parts]),
        "vision": face.pixels(made.faces),
    }


def _key(*parts: object) -> str:
    """A digest of the code that makes the features, and of what else they depend on."""
    return cache.key_of(
        [
            "|".join(map(str, parts)),
            *(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))),
        ]
    )


def _features(made: Recipe, seed: int, sizes: dict[str, int]) -> dict[str, np.ndarray]:
    """As they ship if that is what is asked for, from the cache, or measured."""
    shipped = cache.read(SHIPPED) if (seed, sizes) == (SEED, SIZES) else None
    if shipped is not None and str(shipped.pop("made_by")) == _key():
        return shipped
    versions = np.__version__, PIL.__version__, scipy.__version__
    return cache.arrays("planted", _key(seed, sizes, *versions), partial(_measure, made))


def ship() -> None:
    """Measures the features that ship with the package, and writes them: `python scripts/ship_planted.py`."""
    cache.write(SHIPPED, {**_measure(recipe()), "made_by": np.array(_key())}, compressed=True)


def _content(made: Recipe, row: int) -> dict[str, Content]:
    spoken = made.sentences[row]
    p = made.voices.take(np.array([row]))
    wave = voice.synthesise(p)[0, : round(float(p.duration[0]) * voice.RATE)]
    return {
        "text": Text(" ".join(spoken), spoken),
        "audio": Audio((wave / 32768.0).astype(np.float32), voice.RATE),
        "vision": Image(face.portrait(made.faces, row)),
    }


def _table(made: Recipe, ids: np.ndarray) -> pd.DataFrame:
    t, a, v = made.latents.T
    return pd.DataFrame(
        {
            "text": [" ".join(spoken) for spoken in made.sentences],
            "regime": made.regime,
            "speaker": [f"speaker {n + 1}" for n in made.voices.speaker],
            "duration": made.voices.duration,
            "score_clean": score.score(made.latents),
            "latent_text": t,
            "latent_audio": a,
            "latent_vision": v,
        },
        index=ids,
    )


def build(seed: int = SEED, sizes: dict[str, int] | None = None) -> DataSet:
    """Returns the planted data set of a seed.

    Args:
        seed: of everything that is drawn.
        sizes: how many samples "train", "valid" and "test" have; 2,100, 300 and 600 unless told.
    """
    sizes = sizes or SIZES
    made = recipe(seed, sizes)
    measured = _features(made, seed, sizes)
    ids = np.array([f"p{row:04d}" for row in range(len(made.y))])
    spoken, lengths = words.features(made.sentences)
    seen = (measured["vision"].reshape(len(ids), -1) / np.float32(255)).astype(np.float32)
    names = tuple(f"pixel {r},{c}" for r in range(face.SIDE) for c in range(face.SIDE))
    truth = score.dividends(made.latents, made.latents[made.split == "train"])
    return DataSet(
        name=SOURCE.name,
        title=SOURCE.title,
        description=DESCRIPTION,
        source=f"made by this project from seed {seed}",
        licence="Apache-2.0, like the project",
        modalities=(
            Modality("text", spoken, lengths, words.FEATURES),
            Modality("audio", measured["audio"], measured["audio_lengths"], prosody.FEATURES),
            Modality("vision", seen, None, names),
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
        table=_table(made, ids),
        truth=pd.DataFrame(truth, index=ids),
        noise_variance=score.noise_variance(),
        content_of=partial(_content, made),
    )


SOURCE = Source("planted", "Planted opinions", build, place=10, made="is made by the project")
