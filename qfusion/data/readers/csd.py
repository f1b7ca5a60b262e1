"""Computational sequences of the CMU Multimodal SDK (`.csd`, `.h5`): features with intervals of time, and labels.

A file holds, under any one name, `data`: for each video `features` (T, F) and `intervals` (T, 2) in seconds. In the
file of labels every interval is a sample. The features of a sample are the mean over the steps that its interval meets,
as the SDK's `align` makes them with `avg`.

    python -m qfusion data import --modality text=glove.csd --modality audio=covarep.csd --labels labels.csd --name mosi
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data.parsing import numbered_features, word_array
from qfusion.data.raw import Raw, RawModality, whole_array
from qfusion.data.readers import variables

KIND = "computational sequences"
SUFFIXES = (".csd", ".h5", ".hdf5")
_LAYOUT = "It must hold `data`, and in it for each video `features` (T, F) and `intervals` (T, 2)."
Sequence = tuple[
    np.ndarray, np.ndarray
]  # features (T, F), and the intervals (T, 2) of their steps in seconds


def read_csd(modalities: Mapping[str, Path], labels: Path, target: str = "auto") -> Raw:
    """Return the samples that computational sequences make up, with features aligned to the intervals of labels.

    Args:
        modalities: the file of each, in their order.
        labels: the file of labels, whose first column is the target.
        target: "regression" of the scores, which "auto" is as well, or "classification".

    Raises:
        NotFound: when a file is not there.
        InvalidInput: when a file is laid out otherwise, or too large.
    """
    check(
        len(modalities) > 0,
        "Argument `--modality` must name at least one file of features, but names none. Add --modality text=FILE.",
    )
    check(
        target != "labels",
        "Several labels a sample are read from tables and from multi-view files, not from computational sequences. "
        "Write them as a table, with ; between the labels of a sample.",
    )
    videos = read_sequence(labels)
    check(
        bool(videos),
        f"File `{labels.name}` must hold at least one label, but holds none. {_LAYOUT}",
    )
    samples = _samples(videos)
    values = np.concatenate([features for features, _ in videos.values()])
    scores = values[:, 0].astype(np.float64)
    largest = np.abs(scores[np.isfinite(scores)]).max(initial=0)
    raw = Raw(
        title=labels.name,
        kind=KIND,
        modalities=[],
        ids=word_array(samples["id"].tolist(), f"Ids in `{labels.name}`"),
        labels=scores,
        is_class=False,
        bounds=(-3.0, 3.0) if 1 < largest <= 3 else None,
        target="sentiment",
        columns=samples[["video", "start", "end"]],
    )
    raw.modalities = [_align(raw, name, path, samples) for name, path in modalities.items()]
    if values.shape[1] > 1:
        raw.note(
            "left-out",
            f"`{labels.name}` has {values.shape[1]} columns of labels. The first is the target; the others are left "
            "out.",
            "warning",
        )
    raw.note(
        "videos",
        f"{len(samples):,} samples of {len(videos):,} videos. A split that is made at random may have samples of one "
        "video in two parts.",
    )
    return raw


def _align(raw: Raw, name: str, path: Path, samples: pd.DataFrame) -> RawModality:
    """Return the features of a modality, a vector a sample."""
    sequence = read_sequence(path)
    sizes = {features.shape[1] for features, _ in sequence.values()}
    check(
        len(sizes) == 1,
        f"File `{path.name}` must hold the same number of features for every video, but holds {sorted(sizes)[:8]}. "
        f"{_LAYOUT}",
    )
    size = sizes.pop()
    values = np.zeros((len(samples), size))
    absent = np.ones(len(samples), bool)
    for row, sample in enumerate(samples.itertuples(index=False)):
        # files that the SDK has aligned name samples, and not videos
        features, intervals = sequence.get(sample.id, sequence.get(sample.video, _NOTHING))
        meets = (intervals[:, 0] < sample.end) & (intervals[:, 1] > sample.start)
        if meets.any():
            values[row] = features[meets].astype(np.float64).mean(0)
            absent[row] = False
    if absent.any():
        rows = np.flatnonzero(absent)
        raw.note_incomplete(
            rows,
            f"{len(rows):,} of {len(absent):,} samples have no step in `{path.name}`, the first "
            f"'{samples['id'].iloc[rows[0]][:60]}'.",
            name,
        )
    return whole_array(name, values, numbered_features(name, size))


_NOTHING: Sequence = np.zeros((0, 1)), np.zeros((0, 2))


def _samples(labels: Mapping[str, Sequence]) -> pd.DataFrame:
    """Id, video, start and end of every interval of the labels; ids are `video[0]`, `video[1]`, ..., as in the SDK."""
    rows: list[tuple[str, str, float, float]] = []
    for video, (_, intervals) in labels.items():
        is_sample = video.endswith("]") and len(intervals) == 1
        for number, (start, end) in enumerate(intervals.tolist()):
            name = video if is_sample else f"{video}[{number}]"
            rows.append((name, video, start, end))
    return pd.DataFrame(rows, columns=["id", "video", "start", "end"])


def read_sequence(path: Path) -> dict[str, Sequence]:
    """Return the features (T, F) and intervals (T, 2) of a computational sequence, by video.

    Raises:
        NotFound: when the file is not there.
        InvalidInput: when it is no HDF5 file, holds something else, or words in place of numbers.
    """
    content = variables.read_hdf5(path)
    data = _fields(content.get("data")) or next(
        (
            _fields(inner["data"])
            for inner in map(_fields, content.values())
            if _fields(inner.get("data"))
        ),
        {},
    )
    check(
        bool(data),
        f"File `{path.name}` must be a computational sequence of the CMU Multimodal SDK, but holds "
        f"{[str(name)[:30] for name in content][:6]}. {_LAYOUT}",
    )
    return {video: _sequence(path.name, video, _fields(entry)) for video, entry in data.items()}


def _fields(value: Any) -> dict[str, Any]:
    """The fields of a struct by name; none of anything else."""
    names = getattr(getattr(value, "dtype", None), "names", None) or ()
    return {name: value[name].ravel()[0] for name in names} if names and value.size == 1 else {}


def _sequence(file: str, video: str, fields: dict[str, Any]) -> Sequence:
    features = np.asarray(fields.get("features", np.zeros(0)))
    intervals = np.asarray(fields.get("intervals", np.zeros(0)))
    shown = f"Video '{video[:60]}' in `{file}`"
    kind = "words" if features.dtype.kind == "U" else features.dtype
    check(
        features.dtype.kind in "biuf",
        f"{shown} must hold numbers as features, but holds {kind}. Give the file of their vectors.",
    )
    features = features[:, None] if features.ndim == 1 else features
    check(
        features.ndim == 2
        and features.shape[1] > 0
        and intervals.shape == (len(features), 2)
        and intervals.dtype.kind in "biuf",
        f"{shown} must hold features (T, F) and intervals (T, 2), but holds {features.shape} and {intervals.shape}. "
        f"{_LAYOUT}",
    )
    return features, intervals.astype(np.float64)
