"""The process that extracts features of one sample after another; it is killed when a file takes too long."""

import errno
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from qfusion._checks import check
from qfusion.data import (
    array_cache,
    decoders,
    frame_reader,
    media_probe,
    media_types,
    picture_reader,
    sound_reader,
    timed_words,
)
from qfusion.data.extractor_types import SAMPLES, Extractor
from qfusion.data.extractors import begin_extractor, extract_features
from qfusion.data.isolated import process_limits
from qfusion.data.sample_content import Audio, Film
from qfusion.data.word_features import split_words
from qfusion.errors import InvalidInput, QFusionError, translate_errors


class Take(NamedTuple):
    """A part of a recording that is a sample.

    Attributes:
        path: of the file. start, end: seconds; to the file's end where None.
        subtitles: path of a file of words with their times; empty where there is none.
        text: what is said, where there is no such file.
    """

    path: str
    start: float = 0.0
    end: float | None = None
    subtitles: str = ""
    text: str = ""


def read_part(
    modality: str, extractor: Extractor, path: Path, start: float = 0.0, end: float | None = None
) -> Audio | Film:
    """Return the part of a file that is the input of an extractor of voices ("audio") or pictures ("vision").

    Raises:
        QFusionError: when the file cannot be read.
    """
    if modality == "audio":
        return sound_reader.read_sound(path, start, end, SAMPLES)
    if media_types.TYPES[path.suffix.lower()].startswith("image/"):
        return Film(picture_reader.read_picture(path)[None], 1.0)
    rate, side = (extractor.chosen[key] for key in ("rate", "side"))
    return frame_reader.read_film(path, start, end, rate=rate, side=side)


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
    facts, result = media_probe.probe(path), dict[str, np.ndarray]()
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


def serve() -> None:
    """Answer requests on standard input, in lines of JSON. The first one names the extractors to begin. Each further
    one is a take to measure, with the path of the file for its arrays. End when the input ends.
    """
    decoders.run_here()
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)  # what libraries print goes elsewhere
    begin = json.loads(sys.stdin.readline())
    try:
        extractors = {
            name: begin_extractor(name, record) for name, record in begin["methods"].items()
        }
    except QFusionError as error:
        print(json.dumps({"why": str(error)}), file=answers)
        return
    print(
        json.dumps({"names": {name: one.names for name, one in extractors.items()}}), file=answers
    )
    used = process_limits.used_address_space()
    if used:
        process_limits.limit_process(used + begin["memory"], 10**8)
    for order in map(json.loads, sys.stdin):
        why = disk = ""
        try:
            with translate_errors(
                "It cannot be read",
                "Leave it out.",
                Exception,  # a damaged file raises whatever its bytes lead to
                why="{kind}: {words:.160}",
                passing=(QFusionError,),
            ):
                arrays = measure(extractors, Take(*order["take"]), begin["longest"])
            check(bool(arrays), "It has nothing that was asked for.")
        except QFusionError as error:
            why = str(error)
            disk = why if _is_full(error.__cause__) else ""
        else:
            disk = _write(Path(order["out"]), arrays)
        print(json.dumps({"why": why, "disk": disk}), file=answers)


def _write(place: Path, arrays: dict[str, np.ndarray]) -> str:
    """Write features; return why they cannot be written, empty where they are."""
    try:
        array_cache.write_arrays(place, arrays)
    except (OSError, InvalidInput) as error:
        return str(error)
    return ""


def _is_full(error: BaseException | None) -> bool:
    """Whether a disk has no room, which is no fault of the file that was read."""
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
