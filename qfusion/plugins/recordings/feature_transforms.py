"""Makers that turn a visitor's input into features by the methods of an extracted set."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.data import media_files
from qfusion.data.modality_spec import Modality
from qfusion.data.parsing import split_words
from qfusion.data.sample_content import Audio, Content, FeatureTransform, Film, Image, Text
from qfusion.plugins.recordings import media_probe
from qfusion.plugins.recordings.extractor_types import SAMPLES
from qfusion.plugins.recordings.extractors import cached_extractor, extract_features
from qfusion.plugins.recordings.take_features import read_part

_GIVEN = {
    ("audio", True): ("recording", "something"),
    ("vision", True): ("clip", "a video"),
    ("vision", False): ("drawing", "a picture"),
    ("text", True): ("sentence", "a sentence"),
}


def feature_transforms(
    extracted: Mapping[str, Any], modalities: Sequence[Modality]
) -> dict[str, FeatureTransform]:
    """Return the transforms of an extracted set, by modality. They compute the features of the set from a visitor's
    input.

    Args:
        extracted: what is recorded with the set: `methods`, a record each, and `longest`, in seconds.
        modalities: of the set.
    """
    methods = extracted.get("methods", {})
    given = {
        one.name: _GIVEN[one.name, one.is_sequence]
        for one in modalities
        if one.name in methods and (one.name, one.is_sequence) in _GIVEN
    }
    if "audio" in given and given.get("vision") == _GIVEN["vision", True]:
        given["audio"] = given["vision"]  # what is heard and seen in one video belongs together
    return {
        one.name: FeatureTransform(
            *given[one.name],
            partial(
                _make_features,
                one.name,
                methods[one.name],
                one.feature_names,
                float(extracted["longest"]),
            ),
        )
        for one in modalities
        if one.name in given
    }


def _make_features(
    modality: str,
    record: Mapping[str, Any],
    names: tuple[str, ...],
    longest: float,
    given: Any,
) -> tuple[np.ndarray, Content]:
    """Return the features of a visitor's input, and the input of the extractor."""
    extractor = cached_extractor(modality, record)
    columns = [extractor.names.index(name) for name in names]
    if modality == "text":
        words = split_words(given)
        check(bool(words), "The sentence must hold a word, but holds none. Write one.")
        return extract_features(extractor, words)[:, columns], Text(given, words)
    if isinstance(given, np.ndarray):
        picture = Image(np.asarray(given, np.uint8))
        return extract_features(extractor, Film(picture.pixels[None], 1.0))[0, columns], picture
    seconds = (
        len(given.samples) / given.rate
        if isinstance(given, Audio)
        else media_probe.probe(Path(given)).seconds
    )
    check(
        0 < seconds <= longest,
        f"What is given must last at most {longest:g} s, but lasts {seconds:.1f} s. Give a shorter recording.",
    )
    shown = (
        media_files.resample(given, SAMPLES)
        if isinstance(given, Audio)
        else read_part(modality, extractor, Path(given))
    )
    return extract_features(extractor, shown)[:, columns], shown
