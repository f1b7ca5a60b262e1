"""Planted opinions: 3,000 short spoken opinions made from a seed, with known contributions.

Every sample is a sentence, a hummed voice and a drawn face. Their latents (`synthetic.planted_score`) determine the
score and the exact contribution of every modality and of every group of them (`synthetic.planted_score`). Features are
measured from the content: word vectors, prosody of the waveform, pixels of the picture. Those of the usual seed ship
with the package; making others takes a few seconds once, then they come from a cache. Voices are synthesised again for
playing. `synthetic.planted_editing` makes a sample with other words, another voice or another face.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import PIL
import scipy

from qfusion import _disk_cache, plugin
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.sample_content import Audio, Content, Image, Text
from qfusion.data.sources import Source
from qfusion.data.synthetic import drawn_faces, hummed_voices, opinion_texts, planted_score
from qfusion.data.target_spec import Target

SHIPPED = plugin.asset_path("data", "planted.npz")
SEED = 2025
SIZES = {"train": 2100, "valid": 300, "test": 600}
_MAKERS = (planted_score, planted_score, opinion_texts, hummed_voices, drawn_faces, hummed_voices)
_CHUNK = 50  # recordings at a time: few enough for the processor's cache


@dataclass(frozen=True, eq=False)
class Recipe:
    """The parameters of all samples: cheap to draw, and enough to make any sample again.

    Attributes:
        latents: (N, 3), of text, audio and vision.
        regime: its name, for every sample (N,).
        sentences: the words of every sample.
        voices: parameters of the voices, see `hummed_voices`.
        faces: parameters of the faces, see `drawn_faces`.
        y: score with noise, (N,).
        split: part of the split, (N,).
    """

    latents: np.ndarray
    regime: np.ndarray
    sentences: list[tuple[str, ...]]
    voices: hummed_voices.Parameters
    faces: hummed_voices.Parameters
    y: np.ndarray
    split: np.ndarray


def build(seed: int = SEED, sizes: Mapping[str, int] = SIZES) -> DataSet:
    """Return the planted data set of a seed.

    Args:
        seed: of all random draws.
        sizes: number of samples in "train", "valid" and "test"; 2,100, 300 and 600 by default.
    """
    recipe = draw_recipe(seed, sizes)
    measured = load_features(recipe, seed, sizes)
    ids = np.array([f"p{row:04d}" for row in range(len(recipe.y))])
    spoken, lengths = opinion_texts.word_features(recipe.sentences)
    truth = planted_score.dividends(recipe.latents, recipe.latents[recipe.split == "train"])
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
            Modality("text", spoken, lengths, opinion_texts.WORD_FEATURES),
            Modality(
                "audio",
                measured["audio"],
                measured["audio_lengths"],
                hummed_voices.PROSODY_FEATURES,
            ),
            Modality("vision", face_features(measured["vision"]), None, _pixel_names()),
        ),
        target=Target(
            "regression",
            "score",
            range=(-3.0, 3.0),
            unit="points, very negative (-3) to very positive (+3)",
        ),
        y=recipe.y,
        ids=ids,
        split=recipe.split,
        table=_table(recipe, ids),
        truth=pd.DataFrame(truth, index=ids),
        noise_variance=planted_score.noise_variance(),
        content_of=partial(_content, recipe),
    )


def _pixel_names() -> tuple[str, ...]:
    side = range(drawn_faces.SIDE)
    return tuple(f"pixel {row},{column}" for row in side for column in side)


def _table(recipe: Recipe, ids: np.ndarray) -> pd.DataFrame:
    """Return the columns to show of each sample: text, regime, speaker, duration, and the hidden score and latents."""
    table = pd.DataFrame(
        {
            "text": [" ".join(words) for words in recipe.sentences],
            "regime": recipe.regime,
            "speaker": [f"speaker {n + 1}" for n in recipe.voices["speaker"]],
            "duration": recipe.voices["duration"],
            "score_clean": planted_score.planted_score(recipe.latents),
        },
        index=ids,
    )
    for place, name in enumerate(planted_score.NAMES):
        table[f"latent_{name}"] = recipe.latents[:, place]
    return table


def draw_recipe(seed: int = SEED, sizes: Mapping[str, int] = SIZES) -> Recipe:
    """Return the latents, sentences, voices, faces and scores of a seed."""
    count = sum(sizes.values())
    rng, words_rng, voice_rng, face_rng, noise_rng = (
        np.random.default_rng((seed, part)) for part in range(5)
    )
    latents, regime = planted_score.draw_latents(rng, count)
    sentences = [opinion_texts.sentence(float(t), words_rng) for t in latents[:, 0]]
    latents = latents.copy()
    latents[:, 0] = [round(opinion_texts.valence(words), 6) for words in sentences]
    voices = hummed_voices.draw_voices(voice_rng, latents[:, 1])
    faces = drawn_faces.draw_faces(face_rng, latents[:, 2])
    noise = planted_score.planted_noise(noise_rng, count)
    return Recipe(
        latents=latents,
        regime=regime,
        sentences=sentences,
        voices=voices,
        faces=faces,
        y=np.round(planted_score.planted_score(latents) + noise, 4),
        split=rng.permutation(np.repeat(list(sizes), list(sizes.values()))),
    )


def ship() -> None:
    """Measure the features that ship with the package, and write them: `python scripts/ship_planted.py`."""
    arrays = measure_features(draw_recipe())
    _disk_cache.write_arrays(
        SHIPPED, {**arrays, "made_by": np.array(code_digest())}, compressed=True
    )


def voice_audio(waves: np.ndarray, parameters: hummed_voices.Parameters) -> Audio:
    """Return the first of some recordings, cut to its duration."""
    end = round(float(parameters["duration"][0]) * hummed_voices.RATE)
    return Audio((waves[0, :end] / 32768.0).astype(np.float32), hummed_voices.RATE)


def face_features(pixels: np.ndarray) -> np.ndarray:
    """Return grey pixels (N, h, w) as features (N, h w), in [0, 1]."""
    return (pixels.reshape(len(pixels), -1) / np.float32(255)).astype(np.float32)


def load_features(recipe: Recipe, seed: int, sizes: Mapping[str, int]) -> dict[str, np.ndarray]:
    """Return the features of voices and faces. They are shipped for the default seed, and otherwise come from the
    cache or are measured.
    """
    if (seed, sizes) == (SEED, SIZES):
        shipped = _disk_cache.read_arrays(SHIPPED)
        if shipped is not None and str(shipped.pop("made_by")) == code_digest():
            return shipped
    key = code_digest(seed, sizes, np.__version__, PIL.__version__, scipy.__version__)
    return _disk_cache.cached_arrays("planted", key, partial(measure_features, recipe))


def measure_features(recipe: Recipe) -> dict[str, np.ndarray]:
    """Features of the voices and faces, which take the most time."""
    features = []
    lengths = []
    for start in range(0, len(recipe.y), _CHUNK):
        voices = hummed_voices.select_parameters(recipe.voices, slice(start, start + _CHUNK))
        waves = hummed_voices.synthesise(voices)
        part, part_lengths = hummed_voices.prosody_features(waves, voices["duration"])
        features.append(part)
        lengths.append(part_lengths)
    return {
        # Rounded, so that the last bits of another machine's transforms cannot show in the data set's digest.
        "audio": np.round(np.concatenate(features), 4).astype(np.float32),
        "audio_lengths": np.concatenate(lengths),
        "vision": drawn_faces.pixels(recipe.faces),
    }


def code_digest(*parts: object) -> str:
    """A digest of the code that makes the features, and of other things that they depend on."""
    sources = [Path(__file__)]
    sources += [Path(str(module.__file__)) for module in _MAKERS]
    return _disk_cache.cache_key(
        ["|".join(map(str, parts)), *(path.read_bytes() for path in sources)]
    )


def _content(recipe: Recipe, row: int) -> dict[str, Content]:
    words = recipe.sentences[row]
    voice = hummed_voices.select_parameters(recipe.voices, np.array([row]))
    return {
        "text": Text(" ".join(words), words),
        "audio": voice_audio(hummed_voices.synthesise(voice), voice),
        "vision": Image(drawn_faces.portrait(recipe.faces, row)),
    }


SOURCE = Source("planted", "Planted opinions", build, place=10, made="is made by the project")
