"""Finished features of recordings, stored by a digest of their inputs, and the staged set that they make up."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from qfusion import _disk_cache
from qfusion._checks import check
from qfusion._sentences import count
from qfusion.data import clips, files, imported_sets, media_types
from qfusion.data.array_files import scatter_array
from qfusion.data.clips import Take
from qfusion.data.label_table import LabelReader
from qfusion.data.staged_set import StagedSet
from qfusion.errors import DataUnavailable
from qfusion.plugins.recordings import extractors


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
    with imported_sets.translate_disk_errors("The features"):
        for path in draft.glob("*.npz"):
            path.unlink()


def stage_features(
    reader: LabelReader,
    takes: Mapping[int, Take],
    done: Mapping[int, Path],
    names: Mapping[str, Sequence[str]],
    target: str,
    title: str,
) -> StagedSet:
    """The set of all rows that are finished, its arrays written to the reader's folder."""
    rows = sorted(takes)
    reader.keep(rows)
    counts, texts = [], []
    for row in rows:
        arrays, take = _read_features(done[row]), takes[row]
        counts.append([len(arrays.get(name, ())) for name in names])
        texts.append(" ".join(arrays.get("words", ())) if take.subtitles else take.text)
    still = all(
        media_types.TYPES[Path(take.path).suffix.lower()].startswith("image/")
        for take in takes.values()
    )
    parts = []
    for name, real in zip(names, np.array(counts).T, strict=True):
        if not real.any():
            reader.add_finding(
                "left-out",
                f"No recording has what `{extractors.OPTIONS[name]}` looks at: there is no {name}.",
            )
            continue
        absent = np.flatnonzero(real == 0)
        if len(absent):
            reader.add_finding(
                "incomplete",
                f"{len(absent):,} of {count(len(rows), 'sample')} {'has' if len(absent) == 1 else 'have'} no {name} (a "
                f"recording without it, or no words), the first '{reader.ids[absent[0]][:60]}'.",
                "error",
                where=name,
                repairs=("drop-incomplete", "zero-incomplete"),
                rows=absent,
            )
        steps = int(real.max())
        size = len(names[name])
        shape = (len(rows), size) if still and name == "vision" else (len(rows), steps, size)
        pieces = _pieces(name, rows, done, sequence=len(shape) == 3)
        own = np.maximum(real, 1) if len(shape) == 3 else None
        parts.append(
            reader.write_part(
                name, shape, pieces, tuple(names[name]), own, padded=True, write=scatter_array
            )
        )
        if own is not None:
            reader.note_sequences(name, real, steps)
    staged = reader.stage(parts, target, title, "recordings")
    if "text" in names:
        staged.columns["text"] = texts
    path = reader.header.path
    staged.files = [{"name": path.name, "bytes": path.stat().st_size, "sha256": files.sha256(path)}]
    return staged


def _pieces(
    name: str, rows: Sequence[int], done: Mapping[int, Path], *, sequence: bool
) -> Iterator[tuple[Any, np.ndarray]]:
    for at, row in enumerate(rows):
        values = _read_features(done[row]).get(name)
        if values is not None:
            where = (np.full(len(values), at), np.arange(len(values))) if sequence else [at]
            yield where, values if sequence else values[:1]


def _read_features(path: Path) -> dict[str, np.ndarray]:
    arrays = _disk_cache.read_arrays(path)
    check(
        arrays is not None,
        f"{path} is gone or damaged meanwhile. Extract once more: it is made again.",
        DataUnavailable,
    )
    return arrays or {}
