"""Recordings of the samples of a set: which file is of which sample, what is seen and heard in it, and a copy of a
sample's part that any browser plays.

A folder is joined once: files are matched with samples by their names or by a table, looked into, and a record is kept
beside the set. Nothing is copied. From then on only files of the record are opened, and only while they lie inside that
folder and are as they were. What is worked out of them lies in the cache and can be made again.
"""

import itertools
import os
import threading
import unicodedata
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import msgspec
import numpy as np
import pandas as pd

from qfusion import _files, _limits
from qfusion._checks import check, require_number
from qfusion._lazy import load
from qfusion._sentences import count, listed
from qfusion.data import array_cache, decoders, files, media
from qfusion.data.clusters import VIDEO_MARK
from qfusion.data.data_set import DataSet
from qfusion.data.decoders import TooMuchWork
from qfusion.data.extractors import Take
from qfusion.data.progress import Progress, no_progress
from qfusion.data.row_splits import SPLITS
from qfusion.data.sample_content import Audio, Clip, Film, Word
from qfusion.errors import DataUnavailable, InvalidInput, NotFound, collect_errors, translate_errors

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
    root, recordings, beside = opened(folder, problems)
    ids = dataset.ids.tolist()
    parts = (
        _by_name(dataset, ids, recordings)
        if table is None
        else _by_table(table, root, set(ids), recordings, problems)
    )
    others = unread(root)
    remarks = [unread_words(others, id_) for id_ in ids if id_ not in parts and id_ in others]
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
    usable = {id_: part for id_, part in parts.items() if _fits(part, known[part.path].facts)}
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


def opened(folder: Path, problems: list[str]) -> tuple[Path, dict[str, Path], dict[str, Path]]:
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


def unread(root: Path) -> dict[str, list[str]]:
    """Returns the recordings below a folder that are not read, by the names that ids may have; see `join`."""
    names = [
        path.relative_to(root).as_posix()
        for path in itertools.islice(root.rglob("*"), MAX_FILES)
        if path.suffix.lower() in media.UNREAD
    ]
    shown = sorted(name for name in names if "/." not in f"/{name}")
    called = called_like(shown) | {name: [name] for name in shown}
    return {unicodedata.normalize("NFC", name): entries for name, entries in called.items()}


def unread_words(called: Mapping[str, Sequence[str]], name: str) -> str:
    """Returns a sentence on the recording of a sample that is there and not read; empty where there is none.

    Args:
        called: as of `unread`. name: of the sample or its file.
    """
    names = called.get(unicodedata.normalize("NFC", name), ())
    if not names:
        return ""
    ending = Path(names[0]).suffix.lower()
    return f"`{names[0][-80:]}` is there, but {ending} is not read: convert it to {media.UNREAD[ending]}."


def _by_name(dataset: DataSet, ids: Sequence[str], recordings: Iterable[str]) -> dict[str, Take]:
    """Parts by id, of files that are called like samples, or like the videos that a table names."""
    called = called_like(recordings)
    parts = {id_: Take(_only(called[id_], id_)) for id_ in ids if id_ in called}
    table = dataset.table
    if "video" in table and {"start", "end"} <= set(table.select_dtypes("number").columns):
        columns = table["video"].astype(str), table["start"], table["end"]
        for id_, video, start, end in zip(ids, *columns, strict=True):
            if id_ not in parts and video in called and np.isfinite([start, end]).all():
                parts[id_] = Take(_only(called[video], id_), float(start), float(end))
    return parts


def called_like(recordings: Iterable[str]) -> dict[str, list[str]]:
    """Returns the files, paths below the folder, that each id is a name of; see `join`."""
    called = defaultdict[str, list[str]](list)
    for name in recordings:
        whole = name.rpartition(".")[0]
        folder, stem = Path(whole).parent.name, Path(whole).name
        for key in {whole, stem, f"{folder}{VIDEO_MARK}{stem}", f"{folder}_{stem}"}:
            called[key].append(name)
    return called


def _only(names: Sequence[str], id_: str) -> str:
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


def _fits(part: Take, facts: media.Facts) -> bool:
    """Whether a part lies in its file; an end a little after the file's is the file's."""
    return facts.kind == "image" or part.start < (part.end or facts.seconds) <= facts.seconds + 0.5


# What is joined.


def _record_path(name: str) -> Path:
    """Where the record of a set lies: in the folder of an imported one, else beside these."""
    base, root = name.partition(":")[0], _files.own_folder("imported")
    return root / base / RECORD if (root / base).is_dir() else root / ".media" / f"{base}.json"


@lru_cache(maxsize=16)
def _read(path: Path, state: tuple[int, int]) -> _Record:
    """The record in a file; `state` is there to tell one that was written again."""
    with translate_errors(
        f"The record of the recordings of '{path.parent.name}' is damaged",
        _AGAIN.format(name=path.parent.name),
        *(OSError, msgspec.MsgspecError, RecursionError),
        error=DataUnavailable,
        why="{kind}",
    ):
        return msgspec.json.decode(path.read_bytes(), type=_Record)


def _record(name: str) -> _Record | None:
    path = _record_path(name)
    return _read(path, state_of(path)) if path.is_file() else None


def state_of(path: Path) -> tuple[int, int]:
    """A file's size and when it was changed, by which another is told."""
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def coverage(name: str) -> Coverage | None:
    """Returns what came of joining recordings to a set; None where none are.

    Raises:
        DataUnavailable: when the record is damaged.
    """
    record = _record(name)
    return None if record is None else record.coverage


def clip_of(name: str, ids: np.ndarray, row: int) -> Clip | None:
    """Returns the recording that a row of a set is of; None where none was joined.

    Args:
        name: of the set. ids: of its samples, (N,). row: of the sample.

    Raises:
        DataUnavailable: when the file is gone, was changed since, or leads out of the folder that was joined.
    """
    record = _record(name)
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


# What is seen and heard in a recording, for a strip of time: worked out once and kept in the cache.

THUMBS, THUMB, POSTER = (
    8,
    120,
    480,
)  # pictures of a strip, pixels of their longer side, and of the poster's
BINS = 600  # of an envelope
BANDS, COLUMNS = 48, 240  # of a spectrogram
HEARD = 16_000  # samples a second that are looked at
LOWEST, RANGE = 60.0, 70.0  # Hz of the lowest band; decibels below the loudest that are shown


@dataclass(frozen=True, eq=False)
class Preview:
    """What a strip of time shows of a sample.

    Attributes:
        seconds: from its begin that are shown: all of it, or the first MAX_SECONDS.
        thumbs: uint8 (n, h, w, 3), each from the middle of its nth of these seconds; None without pictures.
        poster: uint8 (h, w, 3), the picture in the middle, larger; None without pictures.
        envelope: least and largest sample of every bin, float32 (BINS, 2); None without sound.
        spectrogram: decibels below the loudest cell, float32 (BANDS, about COLUMNS), lowest band first; None without
            sound.
        edges: Hz between the bands, (BANDS + 1,).
    """

    seconds: float
    thumbs: np.ndarray | None = None
    poster: np.ndarray | None = None
    envelope: np.ndarray | None = None
    spectrogram: np.ndarray | None = None
    edges = np.geomspace(LOWEST, HEARD / 2, BANDS + 1)


def preview(clip: Clip) -> Preview:
    """Returns what a strip of time shows of a recording, from the cache where it is there.

    Raises:
        InvalidInput, NotFound, DataUnavailable: when the file cannot be read, see `media`.
    """
    if clip.kind == "image":
        return Preview(0.0, poster=media.picture(clip.path, POSTER))
    key = _key(clip)
    with _one_at_a_time(f"strip-{key}"):
        arrays = array_cache.cached_arrays(
            "clips/strip", key, lambda: _arrays(clip.path, clip.start, clip.end)
        )
    bound_cache()
    return Preview(float(arrays.pop("seconds")), **arrays)


@decoders.apart(60)
def _arrays(path: Path, start: float, end: float | None) -> dict[str, np.ndarray]:
    facts = media.probe(path)
    end = min(end or facts.seconds, start + media.MAX_SECONDS)
    seconds = end - start
    film = audio = None
    result = {"seconds": np.array(seconds)}
    if facts.size is not None:
        middles = ((np.arange(THUMBS) + 0.5) * seconds / THUMBS).tolist()
        film = Film(
            np.stack([*media.pictures(path, start, end, times=middles, side=THUMB)]),
            THUMBS / seconds,
        )
        (result["poster"],) = media.pictures(path, start, end, times=[seconds / 2], side=POSTER)
    if facts.sound is not None:
        audio = media.sound(path, start, end, HEARD)
    return result | strip_of(film, audio)


def strip_of(film: Film | None, audio: Audio | None) -> dict[str, np.ndarray]:
    """Returns the arrays of a `Preview` that are made from pictures, as many as there are up to THUMBS, and sound."""
    result = dict[str, np.ndarray]()
    if film is not None:
        count = min(THUMBS, len(film.frames))
        chosen = ((np.arange(count) + 0.5) * len(film.frames) / count).astype(int)
        result["thumbs"] = _coloured(film.frames[chosen])
    if audio is not None and len(audio.samples):
        samples = np.asarray(audio.samples, np.float32)
        parts = np.array_split(samples, min(BINS, len(samples)))
        result["envelope"] = np.array([(part.min(), part.max()) for part in parts], np.float32)
        result["spectrogram"] = _spectrogram(samples, audio.rate)
    return result


def _spectrogram(samples: np.ndarray, rate: int) -> np.ndarray:
    """Power in bands of equal ratio, in decibels below the loudest cell; of what the rate does not reach, the least."""
    from scipy import signal

    size = 2 ** max(6, round(np.log2(0.032 * rate)))
    hop = max(1, len(samples) // COLUMNS, size // COLUMNS)
    transform = signal.ShortTimeFFT(np.hanning(size), hop, rate)
    power = transform.spectrogram(np.pad(samples, (0, max(0, size - len(samples)))))
    edges = Preview.edges
    middles = np.sqrt(edges[1:] * edges[:-1])[:, None]
    ratios = np.log(np.maximum(transform.f, 1) / middles) / np.log(edges[1] / edges[0])
    weights = np.exp(-(ratios**2)) * (middles < rate / 2)
    bands = weights / np.maximum(weights.sum(1, keepdims=True), 1e-9) @ power
    quiet = 10 ** (-RANGE / 10)
    return 10 * np.log10(np.maximum(bands / max(bands.max(), 1e-12), quiet)).astype(np.float32)


def _key(clip: Clip) -> str:
    # the number is raised when the same recording begins to give something else
    return array_cache.key_of(map(str, (2, clip.path, *state_of(clip.path), clip.start, clip.end)))


def bound_cache(most: int = 2**30) -> None:
    """Removes what was kept of recordings and not used for longest, until at most so many bytes are left."""
    array_cache.bound(_files.cache_root() / "clips", most)


# A copy of a sample's part that any browser plays.

FAST = 30.0  # pictures a second at most
COPY_SECONDS = 300  # of the processor that a copy may take
MAX_REFUSALS = 1000  # that are remembered


class _Maker:
    """Who makes a file."""

    def __init__(self) -> None:
        self.lock = threading.Lock()


def copy_of(clip: Clip) -> Path | None:
    """Returns the copy of a recording's part, see `portable`, where it is in the cache.

    Raises:
        TooMuchWork: that was raised when it was to be made.
    """
    name = _copy_name(clip)
    refusal = _refusals.get(name)
    if refusal is not None:
        raise TooMuchWork(refusal)
    return _cached(name)


def portable(clip: Clip, stop: threading.Event | None = None) -> Path:
    """Returns a video (MP4: H.264, AAC) of a recording's part, upright, of at most POSTER pixels a side and
    MAX_SECONDS, from the cache where it is there; of a sound its sound alone.

    Args:
        clip: a video or a sound. stop: ends the making when it is set.

    Raises:
        InvalidInput, NotFound, DataUnavailable: when the file cannot be read or the cache not be written, or it was
            stopped.
    """
    check(clip.kind != "image", "A picture is not played. Show it.")
    name = _copy_name(clip)

    def write(place: Path) -> None:
        _limits.check_disk("The copy of a recording", 2**26)
        _write_copy(clip.path, clip.start, clip.end, place, stop=stop)  # type: ignore[call-arg]

    return _copy(name, write)


def _copy_name(clip: Clip) -> str:
    return f"part-{_key(clip)}"


@decoders.apart(COPY_SECONDS, counted=False)
def _write_copy(path: Path, start: float, end: float | None, place: Path) -> None:
    facts = media.probe(path)
    part = start, min(end or facts.seconds, start + media.MAX_SECONDS)
    rate = min(facts.rate or FAST, FAST)
    encode(
        place,
        media.pictures(path, *part, rate=rate, side=POSTER) if facts.size else iter(()),
        rate,
        media.sound(path, *part, 32_000) if facts.sound else None,
    )


def of_film(film: Film) -> Path:
    """Returns a video of moving pictures that a set holds itself, as `portable`."""
    key = array_cache.key_of([str((film.frames.shape, film.rate)), film.frames.tobytes()])
    shown = iter(_coloured(film.frames))
    return _copy(f"film-{key}", lambda place: encode(place, shown, film.rate))


def _coloured(frames: np.ndarray) -> np.ndarray:
    """Pictures (T, h, w, 3), also of grey ones (T, h, w)."""
    return frames if frames.ndim == 4 else np.repeat(frames[..., None], 3, -1)


def _cached(name: str) -> Path | None:
    """A video in the cache, where it is there."""
    place = _files.cache_root() / "clips" / f"{name}.mp4"
    if not place.is_file():
        return None
    os.utime(place)
    return place


def _copy(name: str, write: Callable[[Path], None]) -> Path:
    """A video in the cache, written where it is not there."""
    with _one_at_a_time(name):
        place = _cached(name)
        if place is not None:
            return place
        place = _files.cache_root() / "clips" / f"{name}.mp4"
        with translate_errors(
            "The cache cannot be written", "Correct its permissions.", error=DataUnavailable
        ):
            place.parent.mkdir(parents=True, exist_ok=True)
        write(place)
    bound_cache()
    return place


# What is made of a recording is made once, however many ask for it.

_makers: WeakValueDictionary[str, _Maker] = WeakValueDictionary()
_makers_guard = threading.Lock()
_refusals: OrderedDict[str, str] = OrderedDict()  # what took too much work, and why


@contextmanager
def _one_at_a_time(name: str) -> Iterator[None]:
    """Waits while another thread makes what is called so, and remembers what took too much work: it is not tried again.
    Names say what the file was, so that a file that is mended is read anew.

    Raises:
        TooMuchWork: that was raised when it was to be made.
    """
    with _makers_guard:
        maker = _makers.setdefault(name, _Maker())
    with maker.lock:
        if name in _refusals:
            raise TooMuchWork(_refusals[name])
        try:
            yield
        except TooMuchWork as error:
            _refusals[name] = str(error)
            while len(_refusals) > MAX_REFUSALS:
                _refusals.popitem(last=False)
            raise


# of the codecs that browsers play: their settings, fast before small
_CODECS: dict[str, tuple[str, dict[str, str]]] = {
    ".mp4": ("libx264", {"preset": "veryfast", "crf": "26"}),
    ".webm": ("libvpx-vp9", {"deadline": "realtime", "cpu-used": "8", "crf": "36", "b": "0"}),
}


def encode(
    place: Path,
    pictures: Iterator[np.ndarray],
    rate: float,
    audio: Audio | None = None,
    comment: str = "",
) -> None:
    """Writes a video that browsers play, whole or not at all.

    Args:
        place: of the file, .mp4 (H.264, AAC) or, without sound, .webm (VP9).
        pictures: uint8 (h, w, 3) each. rate: of them a second. comment: is kept in the file.

    Raises:
        InvalidInput: when it cannot be written.
    """
    from fractions import Fraction

    av = load("av")

    _limits.check_disk("The copy of a recording", 2**26)
    with (
        translate_errors(
            "A recording cannot be written for the browser",
            "Convert it to MP4 (H.264, AAC).",
            *(av.FFmpegError, ValueError),
            why="{words:.100}",
            passing=(InvalidInput,),
        ),
        _files.atomic(place) as part,
        av.open(
            str(part),
            "w",
            format=place.suffix.removeprefix("."),
            options={"movflags": "+faststart"} if place.suffix == ".mp4" else {},
        ) as out,
    ):
        out.metadata["comment"] = comment
        codec, settings = _CODECS[place.suffix]
        streams: list[tuple[Any, Iterable[Any]]] = []
        if audio is not None:
            samples = audio.samples[None].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(samples, "flt", "mono")
            frame.rate, frame.pts = audio.rate, 0  # from which players know the encoder's delay
            streams.append((out.add_stream("aac", audio.rate, layout="mono"), [frame]))
        first = next(pictures, None)
        if first is not None:
            video = out.add_stream(
                codec,
                Fraction(rate).limit_denominator(1000),
                settings,
                height=first.shape[0] + first.shape[0] % 2,
                width=first.shape[1] + first.shape[1] % 2,
                pix_fmt="yuv420p",
            )
            shown = map(np.ascontiguousarray, itertools.chain([first], pictures))
            streams.append((video, (av.VideoFrame.from_ndarray(one, "rgb24") for one in shown)))
        for stream, frames in streams:
            for entry in itertools.chain(frames, [None]):
                out.mux(stream.encode(entry))
