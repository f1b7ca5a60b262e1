"""Recordings of the samples of a set: the file of each sample, found once and recorded.

A folder is joined once: files are matched with samples by their names or by a table, checked, and a record is kept
beside the set. Nothing is copied. From then on only files of the record are opened, and only while they are inside that
folder and unchanged.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from qfusion import _user_folders
from qfusion._checks import check
from qfusion._memory_cache import memo
from qfusion._sentences import count, listed
from qfusion.data.sample_content import Clip, Preview, Word
from qfusion.errors import DataUnavailable, translate_errors
from qfusion.plugins.recordings import clip_previews, media_probe

RECORD = "media.json"
_AGAIN = "Join the folder again: `python -m qfusion data media {name} FOLDER`."


@dataclass(frozen=True)
class Coverage:
    """The result of joining a folder of recordings.

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
        """Return a summary, a sentence each."""
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


class RecordedFile(NamedTuple):
    """File as it was when joined: its media facts, its size and time of modification, and the words in the file
    beside it.
    """

    facts: media_probe.Facts
    state: tuple[int, int]
    words: tuple[Word, ...]


@dataclass(frozen=True)
class JoinedClip(Clip):
    """The recording that was joined to a sample.

    Attributes:
        state: size of the file in bytes and time of its last change in nanoseconds when it was joined; None if unknown.
    """

    state: tuple[int, int] | None = None

    def preview(self) -> Preview:
        """Return the pictures and the sound of the recording.

        Raises:
            InvalidInput, NotFound, DataUnavailable: when the file cannot be read, see `media_files`.
        """
        return clip_previews.preview(self)


@dataclass(frozen=True)
class Record:
    """The stored record of a joined folder: its files by path, and the part of each sample."""

    coverage: Coverage
    files: dict[str, RecordedFile]
    samples: dict[str, Take]


def record_path(name: str) -> Path:
    """Return the file of the record of a set: in the folder of an imported set, else beside those folders."""
    base, root = name.partition(":")[0], _user_folders.own_folder("imported")
    return root / base / RECORD if (root / base).is_dir() else root / ".media" / f"{base}.json"


@memo(16)
def _read_record(path: Path, state: tuple[int, int]) -> Record:
    """Load the record in a file. `state` changes when the file is written again, so that the record is read anew."""
    with translate_errors(
        f"The record of the recordings of '{path.parent.name}' is damaged",
        _AGAIN.format(name=path.parent.name),
        *(OSError, msgspec.MsgspecError, RecursionError),
        error=DataUnavailable,
        why="{kind}",
    ):
        return msgspec.json.decode(path.read_bytes(), type=Record)


def _load_record(name: str) -> Record | None:
    path = record_path(name)
    return _read_record(path, file_state(path)) if path.is_file() else None


def file_state(path: Path) -> tuple[int, int]:
    """Return the size and the modification time of a file, to detect changes."""
    state = path.stat()
    return state.st_size, state.st_mtime_ns


def coverage(name: str) -> Coverage | None:
    """Return the coverage of the recordings of a set; None if none are joined.

    Raises:
        DataUnavailable: when the record is damaged.
    """
    record = _load_record(name)
    return None if record is None else record.coverage


def find_clip(name: str, ids: np.ndarray, row: int) -> Clip | None:
    """Return the recording of a row of a set; None if none was joined.

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
        check(file_state(place) == file.state, f"{part.path} was changed since")
    seconds = file.facts.seconds
    end = part.end if file.facts.kind == "image" else min(part.end or seconds, seconds)
    return JoinedClip(
        place,
        file.facts.kind,
        part.start,
        end,
        _select_words(file.words, part.start, end),
        file.state,
    )


def _select_words(words: Iterable[Word], start: float, end: float | None) -> tuple[Word, ...]:
    """Return the words of a part of a file, with times from the begin of the part."""
    last = np.inf if end is None else end
    return tuple(
        Word(max(word.start, start) - start, min(word.end, last) - start, word.text)
        for word in words
        if word.start < last and word.end > start
    )
