"""Joining a folder of recordings to the samples of a data set, by file names or by a table."""

import os
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pandas as pd

from qfusion import _files, _read_only
from qfusion._checks import check, require_number
from qfusion.data import files
from qfusion.data.data_set import DataSet
from qfusion.data.examine.report import Progress, no_progress
from qfusion.data.media_files import find_clip
from qfusion.data.row_splits import SPLITS
from qfusion.data.sample_content import Word
from qfusion.errors import collect_errors, translate_errors
from qfusion.plugins.recordings import media_probe, timed_words
from qfusion.plugins.recordings.clip_folder import (
    describe_unread,
    list_unread,
    match_names,
    open_folder,
)
from qfusion.plugins.recordings.clips import (
    Coverage,
    Record,
    RecordedFile,
    Take,
    file_state,
    record_path,
)

SHOWN = 20  # names of files or samples that a report lists


def join_recordings(
    dataset: DataSet,
    folder: Path,
    table: Path | Mapping[str, Take] | None = None,
    progress: Progress = no_progress,
) -> Coverage:
    """Join the recordings of a folder to the samples of a set, replacing those joined before.

    A file is of the sample whose id is its name without its ending, its path below the folder, or its folder's name and
    its own with `$_$` or `_` between (MMSA's `Raw/<video>/<clip>.mp4`). Where the set's table names video, start and
    end of every sample, a file called like the video has all its samples. Words are read from a .srt, .vtt or .TextGrid
    file of the same name beside the recording.

    Args:
        dataset: imported, or another whose recordings can be joined.
        folder: that holds the files, in it or in folders below.
        table: CSV of columns id and path (below the folder), and, where a sample is a part of a file, start and end in
            seconds; or the parts themselves, by id, of which only those of samples are joined. Instead of the files'
            names.
        progress: called with (files looked into, files in all, file).

    Raises:
        NotFound: when there is no such folder or table.
        InvalidInput: when two files are of one sample, or no file is of any; nothing is kept then.
    """
    _read_only.check_allowed("join recordings")
    check(
        is_joinable(dataset),
        f"Recordings are joined to imported sets and to `mosi`, but '{dataset.name}' is neither. Import it first.",
    )
    problems = list[str]()
    root, recordings, beside = open_folder(folder, problems)
    ids = dataset.ids.tolist()
    parts = (
        match_by_name(dataset, ids, recordings)
        if table is None
        else _match_by_table(table, root, set(ids), recordings, problems)
        if isinstance(table, Path)
        else {id_: table[id_] for id_ in ids if id_ in table}
    )
    others = list_unread(root)
    remarks = [describe_unread(others, id_) for id_ in ids if id_ not in parts and id_ in others]
    problems += remarks
    check(
        bool(parts),
        f"No file below {root} is of a sample of '{dataset.name}', whose ids are such as {ids[:3]}, among "
        f"{len(recordings):,} recordings such as {list(recordings)[:3]}. "
        f"{problems[0] if problems else 'Name the files by the ids, or give a table of id and path.'}",
    )
    known: dict[str, RecordedFile] = {}
    used = sorted({part.path for part in parts.values()})
    for done, name in enumerate(used):
        progress(done, len(used), name)
        path = recordings[name]
        spoken = beside.get(name.rpartition(".")[0])
        words: tuple[Word, ...] = ()
        if spoken is not None:
            with collect_errors(problems, str(spoken.relative_to(root))):
                words = timed_words.read_words(spoken)
        with collect_errors(problems, name):
            known[name] = RecordedFile(media_probe.probe(path), file_state(path), words)
    parts = {id_: part for id_, part in parts.items() if part.path in known}
    usable = {id_: part for id_, part in parts.items() if _is_inside(part, known[part.path].facts)}
    problems += [
        f"Sample '{id_[:80]}' is from {part.start:g} s to {part.end or known[part.path].facts.seconds:g} s of "
        f"{part.path}, which has {known[part.path].facts.seconds:.1f} s."
        for id_, part in parts.items()
        if id_ not in usable
    ]
    check(
        bool(usable),
        f"No recording below {root} can be used. {problems[0] if problems else ''}",
    )
    sample_files = [known[part.path] for part in usable.values()]
    without = [id_ for id_ in ids if id_ not in usable]
    unfit = sorted(set(recordings) - set(used))
    coverage = Coverage(
        folder=str(root),
        splits=_count_by_split(dataset, usable),
        kinds=dict(Counter(file.facts.kind for file in sample_files)),
        sounding=sum(file.facts.sound is not None for file in sample_files),
        worded=sum(bool(file.words) for file in sample_files),
        without=without[:SHOWN],
        without_count=len(without),
        unfit=unfit[:SHOWN],
        unfit_count=len(unfit),
        problems=problems[:SHOWN],
        problem_count=len(problems),
    )
    place = record_path(dataset.name)
    with translate_errors(
        f"The record of '{dataset.name}' cannot be written", "Correct the folder's permissions."
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
    _files.write_file(place, msgspec.json.encode(Record(coverage, known, usable)))
    progress(len(used), len(used), "")
    return coverage


def _count_by_split(dataset: DataSet, usable: Collection[str]) -> dict[str, list[int]]:
    """Return how many samples of each split have a recording, and how many there are."""
    counts = {}
    for split in SPLITS:
        ids = dataset.ids[dataset.rows(split)].tolist()
        counts[split] = [sum(id_ in usable for id_ in ids), len(ids)]
    return counts


def is_joinable(dataset: DataSet) -> bool:
    """Whether recordings can be joined to a set, as to imported ones."""
    return getattr(dataset.clip_of, "func", None) is find_clip


def match_by_name(
    dataset: DataSet, ids: Sequence[str], recordings: Iterable[str]
) -> dict[str, Take]:
    """Return parts by id, of files that are named like samples, or like the videos in the table of the set."""
    called = match_names(recordings)
    parts = {id_: Take(_require_one(called[id_], id_)) for id_ in ids if id_ in called}
    table = dataset.table
    if "video" in table and {"start", "end"} <= set(table.select_dtypes("number").columns):
        columns = table["video"].astype(str), table["start"], table["end"]
        for id_, video, start, end in zip(ids, *columns, strict=True):
            if id_ not in parts and video in called and np.isfinite([start, end]).all():
                parts[id_] = Take(_require_one(called[video], id_), float(start), float(end))
    return parts


def _require_one(names: Sequence[str], id_: str) -> str:
    check(
        len(names) == 1,
        f"Two files are of sample '{id_[:80]}': {' and '.join(names[:2])}. Leave one out, or say which in a table of "
        "id and path.",
    )
    return names[0]


def _match_by_table(
    path: Path, root: Path, ids: set[str], recordings: Iterable[str], problems: list[str]
) -> dict[str, Take]:
    """Return parts by id from a CSV table."""
    files.check_size(path.name, files.file_size(path))
    with translate_errors(
        f"File `{path.name}` must be a CSV with columns id and path, and start and end or neither, but cannot be read",
        "Save it as UTF-8 with commas.",
        *(ValueError, OSError),
        why="{kind}",
    ):
        rows = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        check({"id", "path"} <= set(rows.columns), f"its columns are {list(rows.columns)[:8]}")
    parts = dict[str, Take]()
    for number, row in enumerate(rows.to_dict("records"), 2):
        where = f"`{path.name}`, line {number}"
        id_ = row["id"]
        name = Path(os.path.relpath(root / row["path"], root)).as_posix()
        check(
            id_ not in parts or name not in recordings,
            f"Two files are of sample '{id_[:80]}': {parts.get(id_, Take('')).path} and {name} ({where}). Leave one "
            "out.",
        )
        with collect_errors(problems, where):
            check(id_ in ids, f"there is no sample {id_[:80]}.")
            check(name in recordings, f"there is no recording {row['path'][:80]} below the folder.")
            start = _read_seconds(row, "start")
            parts[id_] = Take(name, start or 0.0, _read_seconds(row, "end"))
    return parts


def _read_seconds(row: Mapping[Any, str], key: str) -> float | None:
    """Return the seconds in a cell; None if it is empty."""
    text = row.get(key, "")
    return require_number(key, text, 0, 1e7) if text.strip() else None


def _is_inside(part: Take, facts: media_probe.Facts) -> bool:
    """Whether a part lies in its file; its end may exceed that of the file by 0.5 s."""
    return facts.kind == "image" or part.start < (part.end or facts.seconds) <= facts.seconds + 0.5
