"""A data set on its way in: read into files of its own, not yet examined, repaired or kept.

Values lie in one `.npy` file a modality and are written and read in pieces, so that a set may be larger than memory.
What there is once a sample (ids, split, targets, lengths) is held as arrays.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.lib import format as npy

from qfusion import _limits
from qfusion._checks import check
from qfusion.data import _digest
from qfusion.errors import InvalidInput

SEVERITIES = ("error", "warning", "note")
MAX_FLOAT = float(np.finfo(np.float32).max)
MAX_CLASSES = 10_000
MAX_LABELS = 64  # where a sample may have several
LABEL = re.compile(r"[\w.-][\w .-]{0,39}")
NO_LABEL = "none"
SEPARATOR = ";"  # of the labels of a sample in a table
_ROOM: ContextVar[int | None] = ContextVar("room", default=None)


@dataclass(frozen=True, eq=False)
class Finding:
    """Something that was found while reading or examining.

    Attributes:
        code: short name, for programs.
        severity: "error" keeps the set out, a "warning" is to be weighed, a "note" is to be known.
        words: what was found, in a sentence or two.
        where: the modality, or empty.
        repairs: names of the repairs that would mend it, see `repairs.REPAIRS`.
        rows: what a repair needs: row numbers.
    """

    code: str
    severity: str
    words: str
    where: str = ""
    repairs: tuple[str, ...] = ()
    rows: np.ndarray | None = None

    def as_dict(self) -> dict[str, Any]:
        """What of it is printed and recorded."""
        return {
            "code": self.code,
            "severity": self.severity,
            "modality": self.where,
            "words": self.words,
            "repairs": list(self.repairs),
        }


@dataclass(frozen=True, eq=False)
class Part:
    """One modality: a .npy file of float32 (N, F) or (N, T, F), zero beyond `lengths` (N,) where it holds sequences."""

    name: str
    path: Path
    shape: tuple[int, ...]
    feature_names: tuple[str, ...]
    lengths: np.ndarray | None = None
    picture: tuple[int, ...] | None = None

    def pieces(self) -> Iterator[np.ndarray]:
        """Yields the rows, some 32 MiB at a time; they are read and not mapped, so that memory stays small."""
        step = _digest.rows_at_once(self.shape)
        with self.path.open("rb") as file:
            npy.read_magic(file)
            npy.read_array_header_1_0(file)
            for start in range(0, self.shape[0], step):
                shape = (min(step, self.shape[0] - start), *self.shape[1:])
                yield np.fromfile(file, np.float32, prod(shape)).reshape(shape)

    def real(self, piece: np.ndarray, start: int) -> np.ndarray:
        """Of a piece that begins at row `start`, the steps that are real, (n, F)."""
        if self.lengths is None:
            return piece
        mask = np.arange(self.shape[1]) < self.lengths[start : start + len(piece), None]
        return piece[mask]


@dataclass(eq=False)
class StagedSet:
    """A set as it was read; see `DataSet` for what its parts mean.

    Attributes:
        folder: that holds its arrays and goes with it.
        title: what was read.
        kind: of file, in words.
        parts: the modalities.
        y: targets (N,): float64, NaN where there is none; for classes int64, -1 where there is none.
        classes: their names; empty for a regression.
        tokens: numbers of a language model's tokens, int32 (N, T), -1 beyond each sample's; None where there are none.
        labels, sets: where a sample may have several labels, their names, and for every class the places of those that
            it stands for.
        target: name of the target; bounds: its range or None; unit: what one step means.
        ids: (N,) text. split: "train", "valid", "test" (N,), "" where a sample is in none.
        columns: more columns of the table.
        unimodal: targets of single modalities (N,), by modality.
        convention: of the metrics of a number, one of `modality.CONVENTIONS`; of classes it says nothing.
        findings: of the reading.
        files: name, bytes and sha256 of each file that was read.
        done: the repairs made, in words.
    """

    folder: Path
    title: str
    kind: str
    parts: list[Part]
    y: np.ndarray
    ids: np.ndarray
    split: np.ndarray
    classes: tuple[str, ...] = ()
    target: str = "score"
    bounds: tuple[float, float] | None = None
    unit: str = ""
    columns: pd.DataFrame = field(default_factory=pd.DataFrame)
    unimodal: dict[str, np.ndarray] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    labels: tuple[str, ...] = ()
    sets: tuple[tuple[int, ...], ...] = ()
    convention: str = "plain"
    tokens: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def missing(self) -> np.ndarray:
        """Which samples have no target, bool (N,)."""
        return self.y < 0 if self.classes else ~np.isfinite(self.y)

    def discard(self) -> None:
        """Removes its files."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Writer:
    """Writes rows one after the other into a .npy file of float32 whose number of rows is known at the end."""

    def __init__(self, path: Path, row: tuple[int, ...]):
        self.path, self.row, self.rows = path, row, 0
        self.too_large = 0
        self._file = path.open("wb")
        self._header()

    def _header(self) -> None:
        # NumPy leaves room in the header for the first axis to grow.
        npy.write_array_header_1_0(
            self._file, {"descr": "<f4", "fortran_order": False, "shape": (self.rows, *self.row)}
        )

    def append(self, values: np.ndarray) -> None:
        """Adds rows (n, ...); counts finite values that are too large for single precision and become infinite."""
        single = as_single(values)
        self.too_large += (
            int(np.isinf(single).sum() - np.isinf(values).sum()) if values.dtype.itemsize > 4 else 0
        )
        self._file.write(np.ascontiguousarray(single, "<f4").data)
        self.rows += len(values)

    def close(self) -> tuple[int, ...]:
        """Ends the file and returns the array's shape."""
        self._file.seek(0)
        self._header()
        self._file.close()
        return (self.rows, *self.row)


def as_single(values: np.ndarray) -> np.ndarray:
    """Returns numbers as float32; what is too large becomes infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float32, copy=False)


def write(
    path: Path, row: tuple[int, ...], pieces: Iterable[np.ndarray]
) -> tuple[tuple[int, ...], int]:
    """Writes pieces (n, *row) into a .npy file; returns its shape and how many values were too large for single
    precision."""
    writer = Writer(path, row)
    try:
        for piece in pieces:
            writer.append(piece)
    finally:
        shape = writer.close()
    return shape, writer.too_large


@contextmanager
def at_most(size: int) -> Iterator[None]:
    """Inside the block, no modality may take more than `size` bytes: small files can unpack to anything."""
    token = _ROOM.set(size)
    try:
        yield
    finally:
        _ROOM.reset(token)


def need_room(folder: Path, size: int, what: str) -> None:
    """Raises InvalidInput when `size` bytes do not fit onto the disk, or are more than `at_most` says."""
    _limits.check_disk(what, size)
    most, free = _ROOM.get(), shutil.disk_usage(folder).free
    check(
        most is None or size <= (most or 0),
        f"{what} would take {size / 1024**3:,.1f} GiB, and at most {(most or 0) / 1024**3:.0f} are taken from this "
        "page. Use the command line: `python -m qfusion data import FILE --name NAME`.",
    )
    check(
        size <= free,
        f"{what} would take {size / 1e6:,.1f} MB on disk, but {folder} has {free / 1e6:,.1f} MB left. Free "
        "some space, name another folder in QFUSION_IMPORTED, or keep fewer samples, steps or features.",
    )


def numbered(name: str, count: int) -> tuple[str, ...]:
    """Returns the names "name 1", ... of features that have none."""
    return tuple(f"{name} {i + 1}" for i in range(count))


def classes_of(labels: list[Any] | np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Returns classes 0, 1, ... (N,), -1 where a label is missing, and their names, in the order of numbers or of the
    alphabet.

    Raises:
        InvalidInput: when there are more than MAX_CLASSES.
    """
    series = pd.Series(labels)
    codes, known = pd.factorize(series, sort=True)
    check(
        len(known) <= MAX_CLASSES,
        f"Labels must name at most {MAX_CLASSES:,} classes, but name {len(known):,}. Import the set with --target "
        "regression if they are amounts, or name another column.",
    )
    return codes.astype(np.int64), tuple(_shown(label) for label in known)


class LabelSets(NamedTuple):
    """Samples of several labels: the class of each (N,), -1 where nothing is known; names of the classes; the labels;
    which of them every class stands for."""

    y: np.ndarray
    classes: tuple[str, ...]
    labels: tuple[str, ...]
    sets: tuple[tuple[int, ...], ...]


def label_sets(named: Sequence[Sequence[str] | None], order: Sequence[str] = ()) -> LabelSets:
    """Returns the sets of labels that occur as classes, those of fewer labels first.

    Args:
        named: the labels of each sample, none where it has none, or None where they are not known.
        order: of the labels; the alphabet unless given.

    Raises:
        InvalidInput: when a label cannot be part of a link, or there are fewer than two.
    """
    found = {label for labels in named if labels for label in labels}
    known = tuple(order) or tuple(sorted(found))
    check(
        2 <= len(known) <= MAX_LABELS,
        f"Samples of several labels must name 2 to {MAX_LABELS} different ones, but name {len(known)}. Import the "
        "set with --target classification if every sample has one.",
    )
    bad = next((label for label in known if not LABEL.fullmatch(label)), None)
    check(
        bad is None,
        f"Label {str(bad)[:60]!r} must be at most 40 letters, digits, spaces, '.', '_' or '-'. Rename it.",
    )
    sets = [
        None if labels is None else tuple(sorted({known.index(label) for label in labels}))
        for labels in named
    ]
    every = sorted({each for each in sets if each is not None}, key=lambda each: (len(each), each))
    names = tuple(" + ".join(known[place] for place in each) or NO_LABEL for each in every)
    place = {each: at for at, each in enumerate(every)}
    return LabelSets(
        np.array([-1 if each is None else place[each] for each in sets], np.int64),
        names,
        known,
        tuple(every),
    )


def unimodal_words(found: Mapping[str, np.ndarray]) -> str:
    """Returns what is said of targets of single modalities (N,): whose there are, and how many samples lack one."""
    lacks = [
        f"{count(missing, 'sample')} {'has' if missing == 1 else 'have'} none of {name}"
        for name, values in found.items()
        if (missing := int((~np.isfinite(values)).sum()))
    ]
    rest = f" {'; '.join(lacks)}." if lacks else ""
    return f"Targets of single modalities are kept: {', '.join(found)}.{rest}"


def _shown(label: Any) -> str:
    return (
        str(int(label))
        if isinstance(label, (float, np.floating)) and float(label).is_integer()
        else str(label)
    )


def modality_name(name: str) -> str:
    """Returns a name for a modality that can be a column, a key and a part of a link.

    Raises:
        InvalidInput: when nothing of it is left.
    """
    words = "".join(c if c.isalnum() or c in "_-" else "_" for c in name.strip().lower()).strip(
        "_"
    )[:40]
    if not words:
        raise InvalidInput(
            f"A modality must have a name of letters or digits, but is called {name[:40]!r}. Rename it."
        )
    return words


def clean(word: Any) -> str:
    """Returns a word of a file as text that can be written again: bytes are UTF-8, and what no text may hold is
    replaced."""
    if isinstance(word, (bytes, bytearray, memoryview)):
        return bytes(word).decode("utf-8", "replace").rstrip("\0")
    return str(word).encode("utf-8", "replace").decode("utf-8").rstrip("\0")


def count(number: int, what: str) -> str:
    """Returns "1 sample", "2,000 samples", "3 classes".

    >>> count(1, "class"), count(2000, "sample")
    ('1 class', '2,000 samples')
    """
    return (
        f"{number:,} {what}"
        if number == 1
        else f"{number:,} {what}{'es' if what.endswith('s') else 's'}"
    )
