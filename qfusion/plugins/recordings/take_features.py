"""Features of the parts of recordings that are samples."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from qfusion import _disk_cache
from qfusion._checks import check
from qfusion.data import media_files, media_pictures
from qfusion.data.parsing import split_words
from qfusion.data.sample_content import Audio, Film
from qfusion.errors import QFusionError, translate_errors
from qfusion.plugins.recordings import media_probe, timed_words, video_frames
from qfusion.plugins.recordings.clips import Take
from qfusion.plugins.recordings.extractor_types import SAMPLES, Extractor
from qfusion.plugins.recordings.extractors import cached_extractor, extract_features


def read_part(
    modality: str, extractor: Extractor, path: Path, start: float = 0.0, end: float | None = None
) -> Audio | Film:
    """Return the part of a file that is the input of an extractor of voices ("audio") or pictures ("vision").

    Raises:
        QFusionError: when the file cannot be read.
    """
    if modality == "audio":
        return media_files.read_sound(path, start, end, SAMPLES)
    if media_files.TYPES[path.suffix.lower()].startswith("image/"):
        return Film(media_pictures.read_picture(path)[None], 1.0)
    rate, side = (extractor.chosen[key] for key in ("rate", "side"))
    return video_frames.read_film(path, start, end, rate=rate, side=side)


def measure(
    extractors: Mapping[str, Extractor], take: Take, longest: float
) -> dict[str, np.ndarray]:
    """Return features (T, F) by modality, for those that a sample has, and its `words`.

    Args:
        longest: seconds that a sample may last.

    Raises:
        QFusionError: when the file cannot be read, or the sample is not in it or longer.
    """
    path = Path(take.path)
    facts = media_probe.probe(path)
    result = dict[str, np.ndarray]()
    end = facts.seconds if take.end is None else min(take.end, facts.seconds)
    check(
        facts.kind == "image" or (0 <= take.start < end and (take.end or end) <= end + 1),
        f"The sample is to last from {take.start:g} s to {take.end or end:g} s of `{path.name}`, which has "
        f"{facts.seconds:.1f} s. Correct `start` and `end`.",
    )
    check(
        facts.kind == "image" or end - take.start <= longest,
        f"The sample lasts {end - take.start:,.0f} s of `{path.name}`, and at most {longest:g} s are taken. Name a "
        "part by `start` and `end`, or allow more by --longest.",
    )
    for name, there in (("audio", facts.sound), ("vision", facts.size)):
        if name in extractors and there:
            result[name] = extract_features(
                extractors[name], read_part(name, extractors[name], path, take.start, end)
            )
    if "text" in extractors:
        timed = timed_words.read_words(Path(take.subtitles)) if take.subtitles else ()
        inside = [w.text for w in timed if w.end > take.start and (not end or w.start < end)]
        words = split_words(" ".join(inside) if take.subtitles else take.text)
        if words:
            result |= {
                "text": extract_features(extractors["text"], words),
                "words": np.array(words),
            }
    return result


def write_features(records: Mapping[str, Any], longest: float, take: Take, place: Path) -> str:
    """Write the features of a sample to a file; return why the sample cannot be read, empty where it can.

    Args:
        records: of the extractors, by modality.
        longest: seconds that a sample may last.
        take: the sample.
        place: the file.

    Raises:
        OSError: when the file cannot be written.
    """
    extractors = {name: cached_extractor(name, record) for name, record in records.items()}
    try:
        with translate_errors(
            "It cannot be read",
            "Leave it out.",
            Exception,  # a damaged file raises whatever its bytes lead to
            why="{kind}: {words:.160}",
            passing=(QFusionError,),
        ):
            arrays = measure(extractors, take, longest)
        check(bool(arrays), "It has nothing that was asked for.")
    except QFusionError as error:
        return str(error)
    _disk_cache.write_arrays(place, arrays)
    return ""
