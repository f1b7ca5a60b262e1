"""Recordings of the samples of a set: which file is of which sample, what is seen and heard in it, and a copy of a
sample's part that any browser plays.

A folder is joined once: files are matched with samples by their names or by a table, looked into, and a record is kept
beside the set. Nothing is copied. From then on only files of the record are opened, and only while they lie inside that
folder and are as they were. What is worked out of them lies in the cache and can be made again.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion import _files, _limits
from qfusion._checks import check, require_number
from qfusion._sentences import count, listed
from qfusion.data import files, media, staged_set
from qfusion.data.extractors import Take
from qfusion.data.modality import VIDEO_MARK, Audio, Clip, Film, Word
from qfusion.data.spec import SPLITS, DataSet
from qfusion.errors import DataUnavailable, InvalidInput, NotFound, QFusionError, refused

RECORD = "media.json"
FORMAT = 1
MAX_FILES = 200_000  # of a folder that is joined
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
        kinds = listed([count(number, kind) for kind, number in self.kinds.items()])
        lines = [
            f"{kinds}; {self.sounding:,} with sound, {self.worded:,} with words at known times."
        ]
        for what, names, number in (
            ("without a recording", self.without, self.without_count),
            ("of no sample", self.unfit, self.unfit_count),
        ):
            more = f" and {number - len(names):,} more" if number > len(names) else ""
            unit = "sample" if names is self.without else "file"
            if number:
                lines.append(f"{count(number, unit)} {what}: {', '.join(names)}{more}.")
        if self.problem_count > len(self.problems):
            lines.append(f"{count(self.problem_count, 'problem')}, of which these are the first:")
        return [*lines, *self.problems]


def join(
    dataset: DataSet,
    folder: Path,
    table: Path | None = None,
    progress: staged_set.Progress = staged_set.quiet,
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
    root, inside, beside = opened(folder, problems)
    recordings = [name for name, path in inside.items() if path.suffix.lower() in media.TYPES]
    ids = dataset.ids.tolist()
    parts = (
        _by_name(dataset, ids, recordings)
        if table is None
        else _by_table(table, root, set(ids), set(recordings), problems)
    )
    check(
        bool(parts),
        f"No file below {root} is of a sample of '{dataset.name}', whose ids are such as {ids[:3]}, among "
        f"{len(recordings):,} recordings such as {recordings[:3]}. "
        f"{problems[0] if problems else 'Name the files by the ids, or give a table of id and path.'}",
    )
    used = sorted({part.path for part in parts.values()})
    facts = dict[str, dict[str, Any]]()
    for done, name in enumerate(used):
        progress(done, len(used), name)
        with _noted(problems, name):
            state = inside[name].stat()
            known = media.probe(inside[name])
            words = beside.get(name.rpartition(".")[0], "")
            with _noted(problems, words):
                words = words if words and media.words(inside[words]) else ""
            facts[name] = asdict(known) | {
                "bytes": state.st_size,
                "changed": state.st_mtime_ns,
                "words": words,
            }
    usable = {
        id_: part
        for id_, part in parts.items()
        if part.path in facts and _fits(part, facts[part.path], id_, problems)
    }
    check(
        bool(usable),
        f"No recording below {root} can be used. {problems[0] if problems else ''}",
    )
    of = [facts[part.path] for part in usable.values()]
    without = [id_ for id_ in ids if id_ not in usable]
    unfit = sorted(set(recordings) - set(used))
    coverage = Coverage(
        str(root),
        {
            split: [sum(id_ in usable for id_ in dataset.ids[rows].tolist()), len(rows)]
            for split in SPLITS
            for rows in [dataset.rows(split)]
        },
        dict(Counter(one["kind"] for one in of)),
        sum(one["sound"] is not None for one in of),
        sum(bool(one["words"]) for one in of),
        without[:SHOWN],
        len(without),
        unfit[:SHOWN],
        len(unfit),
        problems[:SHOWN],
        len(problems),
    )
    place = _record_path(dataset.name)
    with refused(
        f"The record of '{dataset.name}' cannot be written", "Correct the folder's permissions."
    ):
        place.parent.mkdir(parents=True, exist_ok=True)
    record = {
        "format": FORMAT,
        "created": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "coverage": asdict(coverage),
        "files": facts,
        "samples": {id_: [part.path, part.start, part.end] for id_, part in usable.items()},
    }
    _files.write_file(place, json.dumps(record))
    progress(len(used), len(used), "")
    return coverage


def is_joinable(dataset: DataSet) -> bool:
    """Whether recordings can be joined to a set: to imported ones, and others that ask for them."""
    return getattr(dataset.clip_of, "func", None) is clip_of


def opened(folder: Path, problems: list[str]) -> tuple[Path, dict[str, Path], dict[str, str]]:
    """Returns a folder's own path; the files in it that a recording or its words may be, by their names below it; and
    the names of files of words by names without endings.

    Args:
        folder: in any spelling. problems: takes a line for every file that leads out of it.

    Raises:
        NotFound: when there is no such folder. InvalidInput: when it holds more than MAX_FILES.
    """
    with refused(f"Folder {str(folder)[:200]} cannot be opened", "Check the path.", error=NotFound):
        root = folder.expanduser().resolve(strict=True)
    check(
        root.is_dir(),
        f"{str(folder)[:200]} is no folder. Name the folder of the recordings.",
        NotFound,
    )
    inside = {path.relative_to(root).as_posix(): path for path in _walked(root, problems)}
    return (
        root,
        inside,
        {
            name.rpartition(".")[0]: name
            for name, path in inside.items()
            if path.suffix.lower() in media.SPOKEN
        },
    )


def _walked(root: Path, problems: list[str]) -> Iterator[Path]:
    """Yields the files below a folder that a recording or its words may be; what leads out of it is a problem."""
    seen = 0
    for place, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            seen += 1
            check(
                seen <= MAX_FILES,
                f"Folder {root} holds more than {MAX_FILES:,} files. Name the folder of the recordings alone.",
            )
            path = Path(place, name)
            if path.suffix.lower() not in (*media.TYPES, *media.SPOKEN) or name.startswith("."):
                continue
            if path.resolve().is_relative_to(root):
                yield path
            else:
                problems.append(
                    f"{path.relative_to(root)} leads out of the folder, and is left out."
                )


def _by_name(dataset: DataSet, ids: Sequence[str], recordings: Sequence[str]) -> dict[str, Take]:
    """Parts by id, of files that are called like samples, or like the videos that a table names."""
    called = called_like(recordings)
    parts = {id_: Take(_only(called[id_], id_)) for id_ in ids if id_ in called}
    table = dataset.table
    if {"video", "start", "end"} <= set(table.columns):
        videos = table["video"].astype(str).tolist()
        for id_, video, start, end in zip(ids, videos, table["start"], table["end"], strict=True):
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
    path: Path, root: Path, ids: set[str], recordings: set[str], problems: list[str]
) -> dict[str, Take]:
    """Parts by id, as a CSV has them."""
    files.check_size(path.name, files.size_of(path))
    with refused(
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
        name = os.path.relpath(Path(os.path.normpath(root / row["path"])), root).replace(
            os.sep, "/"
        )
        lacking = (
            f"recording {row['path'][:80]} below the folder"
            if row["id"] in ids
            else f"sample {row['id'][:80]}"
        )
        if row["id"] not in ids or name not in recordings:
            problems.append(f"{where}: there is no {lacking}.")
            continue
        check(
            row["id"] not in parts,
            f"Two files are of sample '{row['id'][:80]}': {parts[row['id']].path if row['id'] in parts else ''} and "
            f"{name} ({where}). Leave one out.",
        )
        with _noted(problems, where):
            start, end = (
                require_number(key, row[key], 0, 1e7) if row.get(key, "").strip() else None
                for key in ("start", "end")
            )
            parts[row["id"]] = Take(name, start or 0.0, end)
    return parts


def _fits(part: Take, facts: dict[str, Any], id_: str, problems: list[str]) -> bool:
    """Whether a part lies in its file; an end a little after the file's is the file's."""
    seconds = facts["seconds"]
    if facts["kind"] == "image" or part.start < (part.end or seconds) <= seconds + 0.5:
        return True
    problems.append(
        f"Sample '{id_[:80]}' is from {part.start:g} s to {part.end or seconds:g} s of {part.path}, which has "
        f"{seconds:.1f} s."
    )
    return False


@contextlib.contextmanager
def _noted(problems: list[str], name: str) -> Iterator[None]:
    """Notes what is wrong with one file, which costs that file alone."""
    try:
        yield
    except (QFusionError, OSError) as error:
        if "not installed" in str(error):
            raise
        problems.append(f"{name}: {error}")


# What is joined.


def _record_path(name: str) -> Path:
    """Where the record of a set lies: in the folder of an imported one, else beside these."""
    base, root = name.partition(":")[0], _files.own_folder("imported")
    return root / base / RECORD if (root / base).is_dir() else root / ".media" / f"{base}.json"


@lru_cache(maxsize=16)
def _read(path: Path, changed: int) -> dict[str, Any]:
    """The record in a file; `changed` is there to tell one that was written again."""
    with refused(
        f"The record of recordings {path} is damaged",
        _AGAIN.format(name=path.parent.name),
        *(OSError, ValueError, KeyError, TypeError, RecursionError),
        error=DataUnavailable,
        why="{kind}",
    ):
        record = json.loads(path.read_text(encoding="utf-8"))
        if record["format"] != FORMAT:
            raise ValueError("another format")
        Coverage(**record["coverage"])
        return dict(record)


def _record(name: str) -> dict[str, Any] | None:
    path = _record_path(name)
    try:
        changed = path.stat().st_mtime_ns
    except OSError:
        return None
    return _read(path, changed)


def coverage(name: str) -> Coverage | None:
    """Returns what came of joining recordings to a set; None where none are.

    Raises:
        DataUnavailable: when the record is damaged.
    """
    record = _record(name)
    return None if record is None else Coverage(**record["coverage"])


def clip_of(name: str, ids: np.ndarray, row: int) -> Clip | None:
    """Returns the recording that a row of a set is of; None where none was joined.

    Args:
        name: of the set. ids: of its samples, (N,). row: of the sample.

    Raises:
        DataUnavailable: when the file is gone, was changed since, or leads out of the folder that was joined.
    """
    record = _record(name)
    entry = None if record is None else record["samples"].get(str(ids[row]))
    if record is None or entry is None:
        return None
    with refused(
        f"The recording of sample '{str(ids[row])[:80]}' is not as it was joined",
        _AGAIN.format(name=name),
        *(OSError, KeyError, TypeError, ValueError),
        error=DataUnavailable,
        why="{words}",
    ):
        root, (rel, start, end) = Path(record["coverage"]["folder"]), entry
        facts = record["files"][rel]
        place = _inside(root, rel)
        state = place.stat()
        if (state.st_size, state.st_mtime_ns) != (facts["bytes"], facts["changed"]):
            raise ValueError(f"{rel} was changed since")
        words = tuple[Word, ...]()
        if facts["words"]:
            with contextlib.suppress(QFusionError, ValueError):
                text = _inside(root, facts["words"])
                words = _words(text, text.stat().st_mtime_ns)
        if facts["kind"] != "image":
            end = min(float(end or facts["seconds"]), facts["seconds"])
        return Clip(place, facts["kind"], float(start), end, _within(words, float(start), end))


def _inside(root: Path, rel: str) -> Path:
    """The file itself, where it lies below a folder, links followed."""
    place = (root / rel).resolve(strict=True)
    if not (place.is_relative_to(root.resolve()) and place.is_file()):
        raise ValueError(f"{rel} leads out of the folder")
    return place


@lru_cache(maxsize=256)
def _words(path: Path, changed: int) -> tuple[Word, ...]:
    return media.words(path)


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
MAX_CACHE = 2**30  # bytes of what is kept of recordings


@dataclass(frozen=True, eq=False)
class Preview:
    """What a strip of time shows of a sample.

    Attributes:
        seconds: from its begin that are shown: all of it, or the first MAX_SECONDS.
        thumbs: uint8 (n, h, w, 3), each from the middle of its nth of these seconds; None without pictures.
        poster: uint8 (h, w, 3), the picture in the middle, larger; None without pictures.
        envelope: least and largest sample of every bin, float32 (BINS, 2); None without sound.
        spectrogram: decibels below the loudest cell, float32 (BANDS, COLUMNS), lowest band first; None without sound.
        edges: Hz between the bands, (BANDS + 1,).
    """

    seconds: float
    thumbs: np.ndarray | None = None
    poster: np.ndarray | None = None
    envelope: np.ndarray | None = None
    spectrogram: np.ndarray | None = None

    @property
    def edges(self) -> np.ndarray:
        """Hz between the bands."""
        return np.geomspace(LOWEST, HEARD / 2, BANDS + 1)


def preview(clip: Clip) -> Preview:
    """Returns what a strip of time shows of a recording, from the cache where it is there.

    Raises:
        InvalidInput, NotFound, DataUnavailable: when the file cannot be read, see `media`.
    """
    if clip.kind == "image":
        return Preview(0.0, poster=media.picture(clip.path, POSTER))
    arrays = files.cached_arrays("clips/strip", _key(clip), lambda: _arrays(clip))
    bound_cache()
    return Preview(float(arrays.pop("seconds")), **arrays)


def _arrays(clip: Clip) -> dict[str, np.ndarray]:
    facts = media.probe(clip.path)
    end = min(clip.end or facts.seconds, clip.start + media.MAX_SECONDS)
    seconds = end - clip.start
    film = audio = None
    result = {"seconds": np.array(seconds)}
    if facts.size is not None:
        middles = ((np.arange(THUMBS) + 0.5) * seconds / THUMBS).tolist()
        film = media.frames(clip.path, clip.start, end, times=middles, side=THUMB)
        middle = media.frames(clip.path, clip.start, end, times=[seconds / 2], side=POSTER)
        result["poster"] = middle.frames[0]
    if facts.sound is not None:
        audio = media.sound(clip.path, clip.start, end, HEARD)
    return result | strip_of(film, audio)


def strip_of(film: Film | None, audio: Audio | None) -> dict[str, np.ndarray]:
    """Returns the arrays of a `Preview` that are made from pictures, as many as there are up to THUMBS, and sound."""
    result = dict[str, np.ndarray]()
    if film is not None:
        count = min(THUMBS, len(film.frames))
        chosen = ((np.arange(count) + 0.5) * len(film.frames) / count).astype(int)
        shown = film.frames[chosen]
        result["thumbs"] = shown if shown.ndim == 4 else np.repeat(shown[..., None], 3, -1)
    if audio is not None and len(audio.samples):
        samples = np.asarray(audio.samples, np.float32)
        parts = np.array_split(samples, min(BINS, len(samples)))
        result["envelope"] = np.array([(part.min(), part.max()) for part in parts], np.float32)
        result["spectrogram"] = _spectrogram(samples, audio.rate)
    return result


def _spectrogram(samples: np.ndarray, rate: int) -> np.ndarray:
    """Power in bands of equal ratio, in decibels below the loudest cell; of what the rate does not reach, the least."""
    size = 2 ** max(6, round(np.log2(0.032 * rate)))
    padded = np.pad(samples, size // 2)
    starts = np.linspace(0, len(padded) - size, COLUMNS).astype(int)
    power = np.array(
        [np.abs(np.fft.rfft(padded[at : at + size] * np.hanning(size))) ** 2 for at in starts]
    )
    hertz = np.arange(power.shape[1]) * rate / size
    edges = Preview(0.0).edges
    middle = np.sqrt(edges[1:] * edges[:-1])
    # bands narrower than a step of the transform take what is between its steps
    bands = np.array([np.interp(middle, hertz, row, right=0.0) for row in power]).T
    wide = np.searchsorted(hertz, edges)
    for band in np.flatnonzero(np.diff(wide) > 1):
        bands[band] = power[:, wide[band] : wide[band + 1]].mean(1)
    loudest = bands.max()
    if loudest <= 0:
        return np.full(bands.shape, -RANGE, np.float32)
    return np.maximum(10 * np.log10(np.maximum(bands / loudest, 1e-12)), -RANGE).astype(np.float32)


def _key(clip: Clip) -> str:
    state = clip.path.stat()
    return files.key_of(
        map(str, (FORMAT, clip.path, state.st_size, state.st_mtime_ns, clip.start, clip.end))
    )


def bound_cache(most: int = MAX_CACHE) -> None:
    """Removes what was kept of recordings and not used for longest, until at most so many bytes are left."""
    with contextlib.suppress(OSError):
        entries = [(path, path.stat()) for path in (_files.cache_root() / "clips").iterdir()]
        used = sum(state.st_size for _, state in entries)
        for path, state in sorted(entries, key=lambda entry: entry[1].st_mtime):
            if used <= most:
                return
            path.unlink(missing_ok=True)
            used -= state.st_size


# A copy of a sample's part that any browser plays.

FAST = 30.0  # pictures a second at most
SPOKEN_RATE = 32_000  # samples a second of its sound


def portable(clip: Clip) -> Path:
    """Returns a video (MP4: H.264, AAC) of a recording's part, upright, of at most POSTER pixels a side and
    MAX_SECONDS, from the cache where it is there; of a sound its sound alone.

    Raises:
        InvalidInput, NotFound, DataUnavailable: when the file cannot be read or the cache not be written.
    """
    check(clip.kind != "image", "A picture is not played. Show it.")
    place = _files.cache_root() / "clips" / f"part-{_key(clip)}.mp4"
    if place.is_file():
        os.utime(place)
        return place
    facts = media.probe(clip.path)
    end = min(clip.end or facts.seconds, clip.start + media.MAX_SECONDS)
    audio = None if facts.sound is None else media.sound(clip.path, clip.start, end, SPOKEN_RATE)
    if facts.size is None:
        return _encoded(place, iter(()), 0.0, audio)
    rate = min(facts.rate or FAST, FAST)
    pictures = media.pictures(clip.path, clip.start, end, rate=rate, side=POSTER)
    return _encoded(place, pictures, rate, audio)


def of_film(film: Film) -> Path:
    """Returns a video of moving pictures that a set holds itself, as `portable`."""
    frames = np.ascontiguousarray(film.frames)
    key = files.key_of([str((frames.shape, film.rate)), frames.tobytes()])
    place = _files.cache_root() / "clips" / f"film-{key}.mp4"
    if place.is_file():
        os.utime(place)
        return place
    shown = frames if frames.ndim == 4 else np.repeat(frames[..., None], 3, -1)
    return _encoded(place, iter(shown), film.rate, None)


def _encoded(place: Path, pictures: Iterator[np.ndarray], rate: float, audio: Audio | None) -> Path:
    """Writes a video, whole or not at all."""
    from fractions import Fraction

    import av

    _limits.check_disk("The copy of a recording", 2**26)
    with refused("The cache cannot be written", "Correct its permissions.", error=DataUnavailable):
        place.parent.mkdir(parents=True, exist_ok=True)
    with (
        refused(
            "A recording cannot be written for the browser",
            "Convert it to MP4 (H.264, AAC).",
            *(av.FFmpegError, ValueError),
            why="{words:.100}",
            passing=(InvalidInput,),
        ),
        _files.atomic(place) as part,
        av.open(str(part), "w", format="mp4", options={"movflags": "+faststart"}) as out,
    ):
        first = next(pictures, None)
        video: Any = None
        if first is not None:
            video = out.add_stream("libx264", rate=Fraction(rate).limit_denominator(1000))
            video.height, video.width = (size + size % 2 for size in first.shape[:2])
            video.pix_fmt = "yuv420p"
            video.options = {"preset": "veryfast", "crf": "26"}
        sound: Any = None
        if audio is not None:
            sound = out.add_stream("aac", rate=audio.rate, layout="mono")
            frame = av.AudioFrame.from_ndarray(
                audio.samples[None].astype(np.float32), "flt", "mono"
            )
            frame.rate, frame.pts = audio.rate, 0  # from which players know the encoder's delay
            for entry in (frame, None):
                out.mux(sound.encode(entry))
        for shown in [] if first is None else itertools.chain([first], pictures):
            room = (video.height - shown.shape[0], video.width - shown.shape[1])
            even = np.pad(shown, ((0, max(0, room[0])), (0, max(0, room[1])), (0, 0)), "edge")
            whole = np.ascontiguousarray(even[: video.height, : video.width])
            out.mux(video.encode(av.VideoFrame.from_ndarray(whole, "rgb24")))
        if video is not None:
            out.mux(video.encode(None))
    bound_cache()
    return place
