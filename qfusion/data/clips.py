"""Recordings of the samples of a set: the file of each sample, found once and recorded.

A folder is joined once: files are matched with samples by their names or by a table, checked, and a record is kept
beside the set. Nothing is copied. From then on only files of the record are opened, and only while they are inside that
folder and unchanged.
"""

import itertools
import os
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import pandas as pd

from qfusion import _files, _limits
from qfusion._checks import check, require_number
from qfusion._sentences import count, listed
from qfusion.data import files, media
from qfusion.data.clusters import VIDEO_MARK
from qfusion.data.data_set import DataSet
from qfusion.data.extract_worker import Take
from qfusion.data.progress import Progress, no_progress
from qfusion.data.row_splits import SPLITS
from qfusion.data.sample_content import Clip, Word
from qfusion.errors import DataUnavailable, NotFound, collect_errors, translate_errors

RECORD = "media.json"
MAX_FILES = 200_000  # of a folder that is joined, and folders in it
SHOWN = 20  # names of files or samples that a report lists
_AGAIN = "Join the folder again: `python -m qfusion data media {name} FOLDER`."

# Joining a folder: which file is of which sample.


@dataclass(frozen=True)
class Coverage:
    """What came of joining a folder.

    Attributes:
        folder: that was joined.
        splits: of every part of the split, how many samples have a recording, and how many there are.
        kinds: samples with a video, a sound or a picture.
        sounding: samples whose recording has sound. worded: samples whose words have known times.
        without, without_count: ids of samples that have none, the first of them.
        unfit, unfit_count: files that are of no sample.
        problems, problem_count: a line for every file or row of the table that could not be used.
    """

    folder: str
    splits: dict[str, list[int]]
    kinds: dict[str, int]
    sounding: int
    worded: int
    without: list[str] = field(default_factory=list)
    without_count: int = 0
    unfit: list[str] = field(default_factory=list)
    unfit_count: int = 0
    problems: list[str] = field(default_factory=list)
    problem_count: int = 0

    def lines(self) -> list[str]:
        """What there is to say of it, a sentence each."""
        lines = [
            f"{listed([count(number, kind) for kind, number in self.kinds.items()])}; {self.sounding:,} with sound, "
            f"{self.worded:,} with words at known times."
        ]
        for unit, what, names, number in (
            ("sample", "without a recording", self.without, self.without_count),
            ("file", "of no sample", self.unfit, self.unfit_count),
        ):
            if number:
                more = f" and {number - len(names):,} more" if number > len(names) else ""
                lines.append(f"{count(number, unit)} {what}: {', '.join(names)}{more}.")
        if self.problem_count > len(self.problems):
            lines.append(f"{count(self.problem_count, 'problem')}, of which these are the first:")
        return [*lines, *self.problems]


class _File(NamedTuple):
    """A file as it was joined: what it holds, its size and time of change, and the words that lie beside it."""

    facts: media.Facts
    state: tuple[int, int]
    words: tuple[Word, ...]


@dataclass(frozen=True)
class _Record:
    """What is kept of a joined folder: the files by their paths below it, and of each sample its part."""

    coverage: Coverage
    files: dict[str, _File]
    samples: dict[str, Take]


def join(
    dataset: DataSet,
    folder: Path,
    table: Path | None = None,
    progress: Progress = no_progress,
) -> Coverage:
    """Joins the recordings of a folder to the samples of a set, in place of what was joined before.

    A file is of the sample whose id is its name without its ending, its path below the folder, or its folder's name and
    its own with `$_$` or `_` between (MMSA's `Raw/<video>/<clip>.mp4`). Where the set's table names video, start and
    end of every sample, a file called like the video has all its samples. Words are read from a .srt, .vtt or .TextGrid
    file of the same name beside the recording.

    Args:
        dataset: imported, or another whose recordings can be joined.
        folder: that holds the files, in it or in folders below.
        table: CSV of columns id and path (below the folder), and, where a sample is a part of a file, start and end in
            seconds; instead of the files' names.
        progress: called with (files looked into, files in all, file).

    Raises:
        NotFound: when there is no such folder or table.
        InvalidInput: when two files are of one sample, or no file is of any; nothing is kept then.
    """
    _limits.refuse("join recordings")
    check(
        is_joinable(dataset),
        f"Recordings are joined to imported sets and to `mosi`, but '{dataset.name}' is neither. Import it first.",
    )
    problems = list[str]()
    root, recordings, beside = open_folder(folder, problems)
    ids = dataset.ids.tolist()
    parts = (
        _by_name(dataset, ids, recordings)
        if table is None
        else _by_table(table, root, set(ids), recordings, problems)
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
    known, used = dict[str, _File](), sorted({part.path for part in parts.values()})
    for done, name in enumerate(used):
        progress(done, len(used), name)
        path, spoken = recordings[name], beside.get(name.rpartition(".")[0])
        words = tuple[Word, ...]()
        if spoken is not None:
            with collect_errors(problems, str(spoken.relative_to(root))):
                words = media.words(spoken)
        with collect_errors(problems, name):
            known[name] = _File(media.probe(path), state_of(path), words)
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
    of = [known[part.path] for part in usable.values()]
    without = [id_ for id_ in ids if id_ not in usable]
    unfit = sorted(set(recordings) - set(used))
    coverage = Coverage(
        str(root),
        {
            split: [sum(id_ in usable for id_ in dataset.ids[rows].tolist()), len(rows)]
            for split in SPLITS
            for rows in [dataset.rows(split)]
        },
        dict(Counter(file.facts.kind for file in of)),
        sum(file.facts.sound is not None for file in of),
        sum(bool(file.words) for file in of),
        without[:SHOWN],
        len(without),
        unfit[:SHOWN],
        len(unfit),
        problems[:SHOWN],
        len(problems),
    )
    place = _record_path(dataset.name)
    with translate_errors(
        f"The record of '{dataset.name}' cannot be written", "Correct the folder's permissions."
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
    _files.write_file(place, msgspec.json.encode(_Record(coverage, known, usable)))
    progress(len(used), len(used), "")
    return coverage


def is_joinable(dataset: DataSet) -> bool:
    """Whether recordings can be joined to a set: to imported ones, and others that ask for them."""
    return getattr(dataset.clip_of, "func", None) is clip_of


def open_folder(folder: Path, problems: list[str]) -> tuple[Path, dict[str, Path], dict[str, Path]]:
    """Returns a folder's own path; the recordings in it by their names below it; and the files of words by these names
    without endings. What is hidden is passed over.

    Args:
        folder: in any spelling. problems: takes a line for every file that leads out of it.

    Raises:
        NotFound: when there is no such folder. InvalidInput: when it holds more than MAX_FILES.
    """
    with translate_errors(
        f"Folder {str(folder)[:200]} cannot be opened", "Check the path.", error=NotFound
    ):
        root = folder.expanduser().resolve(strict=True)
    check(
        root.is_dir(),
        f"{str(folder)[:200]} is no folder. Name the folder of the recordings.",
        NotFound,
    )
    every = {
        path.relative_to(root).as_posix(): path
        for path in itertools.islice(root.rglob("*"), MAX_FILES + 1)
    }
    check(
        len(every) <= MAX_FILES,
        f"Folder {root} holds more than {MAX_FILES:,} files. Name the folder of the recordings alone.",
    )
    fit = {
        name: path
        for name, path in sorted(every.items())
        if path.suffix.lower() in (*media.TYPES, *media.SPOKEN)
        and "/." not in f"/{name}"
        and not path.is_dir()
    }
    outside = {name for name, path in fit.items() if not path.resolve().is_relative_to(root)}
    problems += [f"{name} leads out of the folder, and is left out." for name in sorted(outside)]
    inside = [(name, path) for name, path in fit.items() if name not in outside]
    return (
        root,
        {name: path for name, path in inside if path.suffix.lower() in media.TYPES},
        {
            name.rpartition(".")[0]: path
            for name, path in inside
            if path.suffix.lower() in media.SPOKEN
        },
    )


def list_unread(root: Path) -> dict[str, list[str]]:
    """Returns the recordings below a folder that are not read, by the names that ids may have; see `join`."""
    names = [
        path.relative_to(root).as_posix()
        for path in itertools.islice(root.rglob("*"), MAX_FILES)
        if path.suffix.lower() in media.UNREAD
    ]
    shown = sorted(name for name in names if "/." not in f"/{name}")
    called = match_names(shown) | {name: [name] for name in shown}
    return {unicodedata.normalize("NFC", name): entries for name, entries in called.items()}


def describe_unread(called: Mapping[str, Sequence[str]], name: str) -> str:
    """Returns a sentence on the recording of a sample that is there and not read; empty where there is none.

    Args:
        called: as of `list_unread`. name: of the sample or its file.
    """
    names = called.get(unicodedata.normalize("NFC", name), ())
    if not names:
        return ""
    ending = Path(names[0]).suffix.lower()
    return f"`{names[0][-80:]}` is there, but {ending} is not read: convert it to {media.UNREAD[ending]}."


def _by_name(dataset: DataSet, ids: Sequence[str], recordings: Iterable[str]) -> dict[str, Take]:
    """Parts by id, of files that are called like samples, or like the videos that a table names."""
    called = match_names(recordings)
    parts = {id_: Take(_require_one(called[id_], id_)) for id_ in ids if id_ in called}
    table = dataset.table
    if "video" in table and {"start", "end"} <= set(table.select_dtypes("number").columns):
        columns = table["video"].astype(str), table["start"], table["end"]
        for id_, video, start, end in zip(ids, *columns, strict=True):
            if id_ not in parts and video in called and np.isfinite([start, end]).all():
                parts[id_] = Take(_require_one(called[video], id_), float(start), float(end))
    return parts


def match_names(recordings: Iterable[str]) -> dict[str, list[str]]:
    """Returns the files, paths below the folder, that each id is a name of; see `join`."""
    called = defaultdict[str, list[str]](list)
    for name in recordings:
        whole = name.rpartition(".")[0]
        folder, stem = Path(whole).parent.name, Path(whole).name
        for key in {whole, stem, f"{folder}{VIDEO_MARK}{stem}", f"{folder}_{stem}"}:
            called[key].append(name)
    return called


def _require_one(names: Sequence[str], id_: str) -> str:
    check(
        len(names) == 1,
        f"Two files are of sample '{id_[:80]}': {' and '.join(names[:2])}. Leave one out, or say which in a table of "
        "id and path.",
    )
    return names[0]


def _by_table(
    path: Path, root: Path, ids: set[str], recordings: Iterable[str], problems: list[str]
) -> dict[str, Take]:
    """Parts by id, as a CSV has them."""
    files.check_size(path.name, files.size_of(path))
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
        where, id_ = f"`{path.name}`, line {number}", row["id"]
        name = Path(os.path.relpath(root / row["path"], root)).as_posix()
        check(
            id_ not in parts or name not in recordings,
            f"Two files are of sample '{id_[:80]}': {parts.get(id_, Take('')).path} and {name} ({where}). Leave one "
            "out.",
        )
        with collect_errors(problems, where):
            check(id_ in ids, f"there is no sample {id_[:80]}.")
            check(name in recordings, f"there is no recording {row['path'][:80]} below the folder.")
            start, end = (
                require_number(key, row[key], 0, 1e7) if row.get(key, "").strip() else None
                for key in ("start", "end")
            )
            parts[id_] = Take(name, start or 0.0, end)
    return parts


def _is_inside(part: Take, facts: media.Facts) -> bool:
    """Whether a part lies in its file; an end a little after the file's is the file's."""
    return facts.kind == "image" or part.start < (part.end or facts.seconds) <= facts.seconds + 0.5


# What is joined.


def _record_path(name: str) -> Path:
    """Where the record of a set lies: in the folder of an imported one, else beside these."""
    base, root = name.partition(":")[0], _files.own_folder("imported")
    return root / base / RECORD if (root / base).is_dir() else root / ".media" / f"{base}.json"


@lru_cache(maxsize=16)
def _read_record(path: Path, state: tuple[int, int]) -> _Record:
    """The record in a file; `state` is there to tell one that was written again."""
    with translate_errors(
        f"The record of the recordings of '{path.parent.name}' is damaged",
        _AGAIN.format(name=path.parent.name),
        *(OSError, msgspec.MsgspecError, RecursionError),
        error=DataUnavailable,
        why="{kind}",
    ):
        return msgspec.json.decode(path.read_bytes(), type=_Record)


def _load_record(name: str) -> _Record | None:
    path = _record_path(name)
    return _read_record(path, state_of(path)) if path.is_file() else None


def state_of(path: Path) -> tuple[int, int]:
    """A file's size and when it was changed, by which another is told."""
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def coverage(name: str) -> Coverage | None:
    """Returns what came of joining recordings to a set; None where none are.

    Raises:
        DataUnavailable: when the record is damaged.
    """
    record = _load_record(name)
    return None if record is None else record.coverage


def clip_of(name: str, ids: np.ndarray, row: int) -> Clip | None:
    """Returns the recording that a row of a set is of; None where none was joined.

    Args:
        name: of the set. ids: of its samples, (N,). row: of the sample.

    Raises:
        DataUnavailable: when the file is gone, was changed since, or leads out of the folder that was joined.
    """
    record = _load_record(name)
    part = None if record is None else record.samples.get(str(ids[row]))
    if record is None or part is None:
        return None
    with translate_errors(
        f"The recording of sample '{str(ids[row])[:80]}' is not as it was joined",
        _AGAIN.format(name=name),
        *(OSError, KeyError, ValueError),
        error=DataUnavailable,
    ):
        file, root = record.files[part.path], Path(record.coverage.folder)
        place = (root / part.path).resolve(strict=True)
        check(place.is_relative_to(root.resolve()), f"{part.path} leads out of the folder")
        check(state_of(place) == file.state, f"{part.path} was changed since")
    seconds = file.facts.seconds
    end = part.end if file.facts.kind == "image" else min(part.end or seconds, seconds)
    return Clip(
        place,
        file.facts.kind,
        part.start,
        end,
        _within(file.words, part.start, end),
        seconds,
        file.state,
    )


def is_unchanged(clip: Clip) -> bool:
    """Whether a recording lies where it was joined, no link in its place, and is as it was then."""
    try:
        return clip.path.resolve(strict=True) == clip.path and clip.state in (
            None,
            state_of(clip.path),
        )
    except OSError:
        return False


def is_whole(clip: Clip) -> bool:
    """Whether a recording is all of its file, as far as the record says."""
    return (
        clip.start == 0
        and clip.seconds is not None
        and (clip.end is None or clip.end >= clip.seconds - 0.05)
    )


def _within(words: Iterable[Word], start: float, end: float | None) -> tuple[Word, ...]:
    """Words of a part of a file, from its begin."""
    last = np.inf if end is None else end
    return tuple(
        Word(max(word.start, start) - start, min(word.end, last) - start, word.text)
        for word in words
        if word.start < last and word.end > start
    )
