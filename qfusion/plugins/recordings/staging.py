"""Finished features of recordings, stored by a digest of their inputs, and the staged set that they make up."""

import json
import os
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from qfusion import _disk_cache
from qfusion._checks import check
from qfusion._sentences import count
from qfusion.data import media_files
from qfusion.data.raw import Chunks, Raw, RawModality
from qfusion.data.store import manifest
from qfusion.errors import DataUnavailable
from qfusion.plugins.recordings import clips, extractors
from qfusion.plugins.recordings.clips import Take


def feature_paths(
    root: Path,
    takes: Mapping[int, Take],
    records: Mapping[str, Any],
    longest: float,
    draft: Path,
) -> dict[int, Path]:
    """Return the file for the features of each row, named by a digest of their inputs."""
    made = json.dumps([records, longest], sort_keys=True)

    def key(take: Take) -> str:
        state = [clips.file_state(Path(path)) for path in (take.path, take.subtitles) if path]
        where = os.path.relpath(take.path, root), take.start, take.end, take.text
        return _disk_cache.cache_key([made, repr(where), repr(state)])

    return {row: draft / f"{key(take)}.npz" for row, take in takes.items()}


def remove_features(draft: Path) -> None:
    """Remove the features that were finished before."""
    with manifest.translate_disk_errors("The features"):
        for path in draft.glob("*.npz"):
            path.unlink()


def add_features(
    raw: Raw,
    takes: Mapping[int, Take],
    done: Mapping[int, Path],
    names: Mapping[str, Sequence[str]],
) -> None:
    """Keep the rows that are finished, and add their features as modalities."""
    rows = sorted(takes)
    raw.take(rows)
    counts, texts = [], []
    for row in rows:
        arrays, take = _read_features(done[row]), takes[row]
        counts.append([len(arrays.get(name, ())) for name in names])
        texts.append(" ".join(arrays.get("words", ())) if take.subtitles else take.text)
    still = all(
        media_files.TYPES[Path(take.path).suffix.lower()].startswith("image/")
        for take in takes.values()
    )
    for name, real in zip(names, np.array(counts).T, strict=True):
        if not real.any():
            raw.note(
                "left-out",
                f"No recording has what `{extractors.OPTIONS[name]}` looks at: there is no {name}.",
            )
            continue
        absent = np.flatnonzero(real == 0)
        if len(absent):
            raw.note_incomplete(
                absent,
                f"{len(absent):,} of {count(len(rows), 'sample')} {'has' if len(absent) == 1 else 'have'} no {name} (a "
                f"recording without it, or no words), the first '{raw.ids[absent[0]][:60]}'.",
                name,
            )
        steps = int(real.max())
        size = len(names[name])
        shape = (len(rows), size) if still and name == "vision" else (len(rows), steps, size)
        is_sequence = len(shape) == 3
        raw.modalities.append(
            RawModality(
                name,
                shape,
                partial(_chunks, name, rows, done, is_sequence),
                tuple(names[name]),
                np.maximum(real, 1) if is_sequence else None,
                padded=True,
            )
        )
        if is_sequence:
            raw.note_sequences(name, real, steps)
    if "text" in names:
        raw.columns["text"] = texts


def _chunks(name: str, rows: Sequence[int], done: Mapping[int, Path], is_sequence: bool) -> Chunks:
    for at, row in enumerate(rows):
        values = _read_features(done[row]).get(name)
        if values is not None:
            where = (np.full(len(values), at), np.arange(len(values))) if is_sequence else [at]
            yield where, values if is_sequence else values[:1]


def _read_features(path: Path) -> dict[str, np.ndarray]:
    arrays = _disk_cache.read_arrays(path)
    check(
        arrays is not None,
        f"{path} is gone or damaged meanwhile. Extract once more: it is made again.",
        DataUnavailable,
    )
    return arrays or {}
