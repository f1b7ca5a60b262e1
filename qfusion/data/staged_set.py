"""A data set on its way in, read into files of its own and not yet repaired or kept; and what there is to know about
it.
"""

import hashlib
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib import format as npy

from qfusion import _limits
from qfusion._checks import check, require_few_modalities
from qfusion._sentences import count, meanwhile
from qfusion.data import files, leaks, sharing
from qfusion.data.coalition_terms import describe_coalition_count
from qfusion.data.precision import CastErrors
from qfusion.data.row_splits import SPLIT_SEED, SPLITS, TEST_SHARE, VALID_SHARE, stratified_split
from qfusion.data.target_spec import Target
from qfusion.errors import InvalidInput

# A data set on its way in: read into files of its own, not yet examined, repaired or kept.
#
# Values lie in one `.npy` file a modality and are written and read in pieces, so that a set may be larger than memory.
# What there is once a sample (ids, split, targets, lengths) is held as arrays.

MAX_CLASSES = 10_000
MAX_LABELS = 64  # where a sample may have several
MAX_LETTERS = 500  # of an id, or of a class: an array of them has room for the longest in every row
LABEL = re.compile(r"[\w.-][\w .-]{0,39}")
NO_LABEL = "none"
PARTS = {
    "train": "train",
    "training": "train",
    "valid": "valid",
    "val": "valid",
    "dev": "valid",
    "validation": "valid",
    "test": "test",
    "testing": "test",
    "": "",
}  # what files call the parts of a split
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
        features: what a repair needs: numbers of features of the modality.
    """

    code: str
    severity: str
    words: str
    where: str = ""
    repairs: tuple[str, ...] = ()
    rows: np.ndarray | None = None
    features: np.ndarray | None = None

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
        step = files.rows_at_once(self.shape)
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
        return piece[np.arange(self.shape[1]) < self.lengths[start : start + len(piece), None]]

    def summaries(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns numbers that stand for some samples, and of which feature each is.

        Args:
            rows: of the samples, (n,).

        Returns:
            the features of vectors (n, F); of sequences the means over the real steps and the first steps, (n, 2 F).
            And the numbers of the features, (F,) or (2 F,).
        """
        stored = np.load(self.path, mmap_mode="r", allow_pickle=False)
        features = np.arange(self.shape[-1])
        if self.lengths is None:
            return np.asarray(stored[rows]).reshape(len(rows), -1), features
        summary = np.empty((len(rows), 2 * len(features)), np.float32)
        at_once = files.rows_at_once(self.shape)
        for start in range(0, len(rows), at_once):
            some = rows[start : start + at_once]
            lengths = np.maximum(1, self.lengths[some])
            steps = np.asarray(stored[some])
            real = np.arange(self.shape[1]) < lengths[:, None]
            means = np.where(real[..., None], steps, 0).sum(1) / lengths[:, None]
            summary[start : start + len(some)] = np.concatenate([means, steps[:, 0]], axis=1)
        return summary, np.concatenate([features, features])


@dataclass(eq=False)
class Targets:
    """What is to be predicted of samples.

    Attributes:
        y: targets (N,): float64, NaN where there is none; for classes int64, -1 where there is none.
        classes: their names; empty for a regression.
        bounds: the range of a number, or None.
        labels, sets: where a sample may have several labels, their names, and for every class the places of those that
            it stands for.
    """

    y: np.ndarray
    classes: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None
    labels: tuple[str, ...] = ()
    sets: tuple[tuple[int, ...], ...] = ()


@dataclass(eq=False, kw_only=True)
class StagedSet(Targets):
    """A set as it was read, targets and all else; see `DataSet` for what its parts mean.

    Attributes:
        folder: that holds its arrays and goes with it.
        title: what was read.
        kind: of file, in words.
        parts: the modalities.
        tokens: numbers of a language model's tokens, int32 (N, T), -1 beyond each sample's; None where there are none.
        target: name of the target; unit: what one step means.
        ids: (N,) text. split: "train", "valid", "test" (N,), "" where a sample is in none.
        columns: more columns of the table.
        unimodal: targets of single modalities (N,), by modality.
        convention: of the metrics of a number, one of `target_spec.CONVENTIONS`; of classes it says nothing.
        findings: of the reading.
        files: name, bytes and sha256 of each file that was read.
        done: the repairs made, in words.
        leaks_are_meant: whether features that give the target away are meant to be there, so that they are no error.
    """

    folder: Path
    title: str
    kind: str
    parts: list[Part]
    ids: np.ndarray
    split: np.ndarray
    target: str = "score"
    unit: str = ""
    columns: pd.DataFrame = field(default_factory=pd.DataFrame)
    unimodal: dict[str, np.ndarray] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    convention: str = "plain"
    tokens: np.ndarray | None = None
    leaks_are_meant: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    def as_target(self) -> Target:
        """Returns what is to be predicted, as a data set holds it."""
        return Target(
            "classification" if self.classes else "regression",
            self.target,
            self.bounds,
            self.classes,
            self.unit,
            self.labels,
            self.sets,
            "" if self.classes else self.convention,
        )

    @property
    def missing(self) -> np.ndarray:
        """Which samples have no target, bool (N,)."""
        return self.y < 0 if self.classes else ~np.isfinite(self.y)

    def discard(self) -> None:
        """Removes its files."""
        shutil.rmtree(self.folder, ignore_errors=True)


@np.errstate(over="ignore", invalid="ignore")
def as_single(values: np.ndarray) -> np.ndarray:
    """Returns numbers as float32; what is too large becomes infinite."""
    return values.astype(np.float32, copy=False)


def too_large(values: np.ndarray) -> int:
    """Returns how many finite values are too large for single precision, in which they become infinite."""
    return int(np.isinf(as_single(values)).sum() - np.isinf(values).sum())


def last_steps(pieces: Iterable[np.ndarray]) -> np.ndarray:
    """Returns the number of steps (N,) up to the last one that is not all zeros, of pieces (n, T, F)."""
    lasts = [np.zeros(0, np.int64)]
    for piece in pieces:
        steps = np.arange(1, piece.shape[1] + 1)
        lasts.append(((np.asarray(piece) != 0).any(-1) * steps).max(1, initial=0))
    return np.concatenate(lasts)


def padded_lengths(pieces: Callable[[], Iterable[np.ndarray]]) -> np.ndarray | None:
    """Returns the lengths (N,), at least 1, of sequences that steps of zeros fill up; None where nothing looks so.

    Pictures with black rows have them at the top as well. So arrays of which any sample begins with zeros, or of which
    all end alike, are none.

    Args:
        pieces: returns the samples in pieces (n, T, F), each time from the first.
    """
    for piece in pieces():
        values = np.asarray(piece)
        begins_with_zeros = (values[:, 0] == 0).all(-1) & (values != 0).any((1, 2))
        if begins_with_zeros.any():
            return None
    lengths = np.maximum(1, last_steps(pieces()))
    return lengths if len(np.unique(lengths)) > 1 else None


def write(
    path: Path,
    shape: tuple[int, ...],
    pieces: Iterable[np.ndarray],
    errors: CastErrors | None = None,
) -> int:
    """Writes pieces (n, *shape[1:]) that make up an array into a .npy file of float32; returns how many values are
    `too_large`.

    Args:
        errors: take note of what the cast to float32 changes.

    Raises:
        InvalidInput: when there are more or fewer rows.
    """
    large = rows = 0
    with path.open("wb") as file:
        npy.write_array_header_1_0(file, {"descr": "<f4", "fortran_order": False, "shape": shape})
        for piece in pieces:
            single = as_single(piece)
            large += too_large(piece)
            if errors is not None:
                errors.add(piece, single)
            file.write(np.ascontiguousarray(single, "<f4").data)
            rows += len(piece)
    check(
        rows == shape[0],
        f"Modality '{path.stem}' must have {shape[0]} samples like the labels, but has {rows}. Drop or add samples.",
    )
    return large


def scatter(
    path: Path,
    shape: tuple[int, ...],
    pieces: Iterable[tuple[Any, np.ndarray]],
    errors: CastErrors | None = None,
) -> int:
    """Does as `write` does with rows in any order: every piece comes after the places (rows, or rows and steps) where
    it belongs. What does not come is zero."""
    array, large = npy.open_memmap(path, "w+", np.float32, shape), 0
    for places, values in pieces:
        single = as_single(values)
        array[places] = single
        large += too_large(values)
        if errors is not None:
            errors.add(values, single)
    array.flush()
    return large


class Reading:
    """What readers of all kinds of files do: arrays go into a folder, and there is something to say about them."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.findings: list[Finding] = []

    def say(
        self, code: str, words: str, severity: str = "note", where: str = "", **more: Any
    ) -> None:
        """Adds a finding."""
        self.findings.append(Finding(code, severity, words, where, **more))

    def say_left_out(self, names: Sequence[str], why: str) -> None:
        """Says what of a file is left out, where anything is."""
        if names:
            self.say("left-out", f"Left out, as neither {why}: {', '.join(names[:12])}.")

    def say_sequences(self, name: str, lengths: np.ndarray, longest: int, why: str = "") -> None:
        """Says how long sequences are, (N,), and `why` that is known."""
        real = lengths[lengths > 0]
        self.say(
            "sequences",
            f"Sequences of {real.min(initial=longest)} to {longest} steps, "
            f"{np.median(real) if len(real) else 0:g} in the middle{why}. Shorter ones are padded with zeros, "
            "which the model is told to leave out.",
            where=name,
        )

    def say_unimodal(self, targets: Mapping[str, np.ndarray]) -> None:
        """Says whose targets of single modalities (N,) there are, where any are, and how many samples lack one."""
        lacks = [
            f"{count(missing, 'sample')} {'has' if missing == 1 else 'have'} none of {name}"
            for name, values in targets.items()
            if (missing := int((~np.isfinite(values)).sum()))
        ]
        if targets:
            rest = f" {'; '.join(lacks)}." if lacks else ""
            self.say(
                "unimodal", f"Targets of single modalities are kept: {', '.join(targets)}.{rest}"
            )

    def part(
        self,
        name: str,
        shape: tuple[int, ...],
        pieces: Iterable[Any],
        feature_names: tuple[str, ...],
        lengths: np.ndarray | None = None,
        picture: tuple[int, ...] | None = None,
        padded: bool = False,
        by: Callable[[Path, tuple[int, ...], Iterable[Any], CastErrors], int] = write,
    ) -> Part:
        """Returns a modality (see `Part`), its array written from pieces as `by` takes them, `write` or `scatter`.

        Raises:
            InvalidInput: when there is no room for it.
        """
        path = self.folder / f"{name}.npy"
        how = ", padded to its longest sequence," if padded else ""
        need_room(self.folder, 4 * prod(shape), f"Modality '{name}'{how}")
        errors = CastErrors(shape[-1])
        if large := by(path, shape, pieces, errors):
            self.say(
                "too-large",
                f"{large:,} values are too large for single precision and count as infinite.",
                "warning",
                name,
            )
        self._say_imprecise(name, feature_names, errors)
        return Part(name, path, shape, feature_names, lengths, picture)

    def _say_imprecise(self, name: str, features: Sequence[str], errors: CastErrors) -> None:
        """Says which features of a modality vary too little for single precision."""
        remedy = (
            "Subtract a constant, such as the first time or the smallest coordinate, or give seconds "
            "since the start."
        )
        for at, severity, what in (
            (errors.merged, "error", "most of their different values become equal"),
            (
                errors.imprecise & ~errors.merged,
                "warning",
                "values that differ little cannot be told apart",
            ),
        ):
            places = np.flatnonzero(at).tolist()
            if places:
                first = places[0]
                self.say(
                    "precision",
                    "Values are kept in single precision, of some 7 digits, which is too coarse for "
                    f"{_names([features[place] for place in places])}: {what}. `{features[first][:40]}` lies between "
                    f"{errors.low[first]:.12g} and {errors.high[first]:.12g}, and is wrong by up to "
                    f"{errors.error[first]:.2g}. {remedy}",
                    severity,
                    name,
                    features=np.array(places),
                )


def at_most(size: int) -> AbstractContextManager[None]:
    """Inside the block, no modality may take more than `size` bytes: small files can unpack to anything."""
    return meanwhile(_ROOM, size)


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
        f"{what} would take {size / 1e6:,.1f} MB on disk, but the disk has {free / 1e6:,.1f} MB left. Free "
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
    codes, known = pd.factorize(pd.Series(labels), sort=True)
    check(
        len(known) <= MAX_CLASSES,
        f"Labels must name at most {MAX_CLASSES:,} classes, but name {len(known):,}. Import the set with --target "
        "regression if they are amounts, or name another column.",
    )
    return codes.astype(np.int64), tuple(
        # numbers that were read as floats are named as they were written
        str(int(label) if isinstance(label, float) and label.is_integer() else label)
        for label in known.tolist()
    )


def label_sets(named: Sequence[Sequence[str] | None], order: Sequence[str] = ()) -> Targets:
    """Returns the sets of labels that occur as classes, those of fewer labels first.

    Args:
        named: the labels of each sample, none where it has none, or None where they are not known.
        order: of the labels; the alphabet unless given.

    Raises:
        InvalidInput: when a label cannot be part of a link, or there are fewer than two.
    """
    known = tuple(order or sorted({label for labels in named if labels for label in labels}))
    check(
        2 <= len(known) <= MAX_LABELS,
        f"Samples of several labels must name 2 to {MAX_LABELS} different ones, but name {len(known)}. Import the "
        "set with --target classification if every sample has one.",
    )
    for label in known:
        check(
            LABEL.fullmatch(label) is not None,
            f"Label {label[:60]!r} must be at most 40 letters, digits, spaces, '.', '_' or '-'. Rename it.",
        )
    places = [
        None if labels is None else tuple(sorted({known.index(label) for label in labels}))
        for labels in named
    ]
    sets = sorted({own for own in places if own is not None}, key=lambda own: (len(own), own))
    number: dict[tuple[int, ...] | None, int] = {own: at for at, own in enumerate(sets)}
    return Targets(
        np.array([number.get(own, -1) for own in places], np.int64),
        tuple(" + ".join(known[place] for place in own) or NO_LABEL for own in sets),
        None,
        known,
        tuple(sets),
    )


def made_split(staged: StagedSet, groups: np.ndarray | None = None) -> tuple[np.ndarray, str]:
    """Returns a split (N,), or one with the validation part that is missing, by a fixed seed with equal shares in every
    class or tenth of amounts; and how it was made.

    Args:
        staged: the set. groups: numbers of what samples share, (N,): those of one number come into one part, and shares
            of classes are then equal as far as that allows. None where samples share nothing.
    """
    groups = np.arange(len(staged)) if groups is None else groups
    together = "" if len(np.unique(groups)) == len(groups) else ", what shares content in one part"
    classes = staged.y if staged.classes else _bins(staged.y)
    train = staged.split == "train"
    if (staged.split == "test").any() and train.sum() > 1 and not (staged.split == "valid").any():
        made, rows = staged.split.copy(), np.flatnonzero(train)
        inner = _grouped(
            classes[rows], groups[rows], test=0.0, valid=VALID_SHARE / (1 - TEST_SHARE)
        )
        made[rows[inner == "valid"]] = "valid"
        return (
            made,
            f"{int((inner == 'valid').sum()):,} training samples validate, by seed {SPLIT_SEED}{together}",
        )
    how = f"60 % train, 10 % validate, 30 % test, by seed {SPLIT_SEED}{together}"
    return _grouped(classes, groups), how


def _grouped(
    classes: np.ndarray,
    groups: np.ndarray,
    test: float = TEST_SHARE,
    valid: float = VALID_SHARE,
) -> np.ndarray:
    """Returns a stratified split (N,) of whole groups, each of which counts as of the class that most of it has."""
    known, place = np.unique(groups, return_inverse=True)
    if len(known) == len(groups):
        return stratified_split(classes, test=test, valid=valid)
    labels, label = np.unique(classes, return_inverse=True)
    counts = np.zeros((len(known), len(labels)), np.int64)
    np.add.at(counts, (place, label), 1)
    return stratified_split(labels[counts.argmax(1)], test=test, valid=valid)[place]


def _bins(y: np.ndarray) -> np.ndarray:
    """Ten groups of targets of about the same size, fewer where there are few samples."""
    groups = int(np.clip(len(y) // 10, 1, 10))
    return (np.argsort(np.argsort(y, kind="stable"), kind="stable") * groups) // max(1, len(y))


def split_of(words: Sequence[str] | np.ndarray, what: str) -> np.ndarray:
    """Returns "train", "valid", "test" or "" for what a file calls the part that a sample is in, str (N,).

    Args:
        words: (N,). what: holds them: "Column `split` of `labels.csv`".

    Raises:
        InvalidInput: when a word is none of PARTS.
    """
    written = pd.Series(words, dtype=object).str.strip().str.lower()
    wrong = written[~written.isin(list(PARTS))]
    check(
        wrong.empty,
        f"{what} must hold train, valid or test, but holds {str(wrong.iloc[0])[:40] if len(wrong) else ''!r}. "
        "Correct it.",
    )
    return np.array(written.map(PARTS).to_list(), dtype="<U5")


def modality_name(name: str) -> str:
    """Returns a name for a modality that can be a column, a key and a part of a link.

    Raises:
        InvalidInput: when nothing of it is left.
    """
    words = "".join(c if c.isalnum() or c in "_-" else "_" for c in name.strip().lower()).strip(
        "_"
    )[:40]
    check(
        bool(words),
        f"A modality must have a name of letters or digits, but is called {name[:40]!r}. Rename it.",
    )
    return words


def clean(word: Any) -> str:
    """Returns a word of a file as text that can be written again: bytes are UTF-8, and what no text may hold is
    replaced."""
    if isinstance(word, (bytes, bytearray, memoryview)):
        return bytes(word).decode("utf-8", "replace").rstrip("\0")
    return str(word).encode("utf-8", "replace").decode("utf-8").rstrip("\0")


def words_of(words: Sequence[Any], what: str) -> np.ndarray:
    """Returns words, or the numbers that stand in their place, as an array (N,).

    Args:
        words: (N,). what: they are: "Ids in `labels.csv`".

    Raises:
        InvalidInput: when one has more than MAX_LETTERS.
    """
    longest = max((len(word) for word in words if isinstance(word, str)), default=0)
    check(
        longest <= MAX_LETTERS,
        f"{what} must have at most {MAX_LETTERS} letters, but one has {longest:,}. Shorten it.",
    )
    return np.array(words)


# What there is to know about a set before it is kept: sizes, values, labels, ids, and leaks between the parts of its
# split.
#
# Nothing is changed here. Values are read once, in pieces.

Progress = Callable[[int, int, str], None]


def quiet(done: int, total: int, words: str) -> None:
    """Tells nobody how far something is."""


SHARED = 0.1  # of the samples: where so many share content with another one, it is noted
RARE = 3  # samples of a class below which not every part of a split can have one
_SHOWN = 8


@dataclass(eq=False)
class Scan:
    """What one reading of a modality found: per feature (F,) and per sample (N,)."""

    nans: np.ndarray
    infinite: np.ndarray
    low: np.ndarray
    high: np.ndarray
    broken: np.ndarray  # samples with a value that is not finite
    zero: np.ndarray  # samples that are zeros only
    keys: np.ndarray  # digests of the rows, uint64
    contents: (
        np.ndarray
    )  # numbers of what rows hold, the same where they are nearly the same, int64

    @property
    def constant(self) -> np.ndarray:
        """Features that never change, bool (F,)."""
        return ~(self.high > self.low)


@dataclass(eq=False)
class Report:
    """Sizes and findings.

    Attributes:
        samples: how many; splits: how many in each part.
        modalities: of each its name, shape, and whether it holds sequences.
        target: name, kind, and either samples a class or the range, mean and deviation, by part.
        findings: worst first.
        scans: what was read, by modality.
    """

    samples: int
    splits: dict[str, int]
    modalities: list[dict[str, Any]]
    target: dict[str, Any]
    findings: list[Finding]
    scans: dict[str, Scan] = field(default_factory=dict)

    @property
    def errors(self) -> list[Finding]:
        """What keeps the set out."""
        return [finding for finding in self.findings if finding.severity == "error"]

    @property
    def repairs(self) -> list[str]:
        """Names of the repairs that are offered, each once."""
        return list(dict.fromkeys(name for finding in self.findings for name in finding.repairs))

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON knows it."""
        return {
            "samples": self.samples,
            "splits": self.splits,
            "modalities": self.modalities,
            "target": self.target,
            "findings": [finding.as_dict() for finding in self.findings],
            "repairs": self.repairs,
            "can_be_kept": not self.errors,
        }

    def require_fit(self) -> None:
        """Raises InvalidInput, with the first error and the repairs that are offered, when the set cannot be kept."""
        if not self.errors:
            return
        first, more = self.errors[0], len(self.errors) - 1
        offered = ", ".join(dict.fromkeys(name for error in self.errors for name in error.repairs))
        remedy = (
            f"Repairs that would mend it, if you agree: {offered}." if offered else "Mend the file."
        )
        raise InvalidInput(
            f"As it is, the set cannot be kept: {first.where}{': ' if first.where else ''}{first.words}"
            f"{f' ({more} more errors in the report.)' if more else ''} {remedy}"
        )


def examine(staged: StagedSet, progress: Progress = quiet) -> Report:
    """Returns the report on a set.

    Args:
        staged: the set as it was read.
        progress: called with modalities read, modalities in all, and the next one's name.
    """
    scans, findings = {}, [*staged.findings]
    for done, part in enumerate(staged.parts):
        progress(done, len(staged.parts), f"examining {part.name}")
        scans[part.name] = _scan(part)
        findings += _of_values(part, scans[part.name])
    # 0 for training, 1 for validation, 2 for test, -1 for none
    rank = np.select([staged.split == part for part in SPLITS], [0, 1, 2], -1)
    findings += [
        *_of_coalitions(len(staged.parts)),
        *_of_ids(staged, rank),
        *_of_split(staged, rank),
        *_of_target(staged, rank),
        *_of_copies(staged, rank, scans),
        *_of_sharing(scans),
        *_of_leaks(staged),
    ]
    return Report(
        len(staged),
        {part: int((staged.split == part).sum()) for part in SPLITS},
        [
            {"name": p.name, "shape": list(p.shape), "sequence": p.lengths is not None}
            for p in staged.parts
        ],
        _target(staged),
        sorted(findings, key=lambda finding: ("error", "warning", "note").index(finding.severity)),
        scans,
    )


def _scan(part: Part) -> Scan:
    samples, size = part.shape[0], part.shape[-1]
    scan = Scan(
        np.zeros(size, np.int64),
        np.zeros(size, np.int64),
        np.full(size, np.inf),
        np.full(size, -np.inf),
        np.zeros(samples, bool),
        np.zeros(samples, bool),
        np.zeros(samples, np.uint64),
        np.zeros(samples, np.int64),
    )
    signature = sharing.Signature()
    for at, piece in files.placed(part.pieces()):
        rows = slice(at, at + len(piece))
        real = part.real(piece, at)
        finite = np.isfinite(real)
        bad = not finite.all()
        if bad:
            nan = np.isnan(real)
            scan.nans += nan.sum(0)
            scan.infinite += (~finite & ~nan).sum(0)
            scan.broken[rows] = ~np.isfinite(piece).reshape(len(piece), -1).all(1)
        scan.low = np.minimum(scan.low, (np.where(finite, real, np.inf) if bad else real).min(0))
        scan.high = np.maximum(scan.high, (np.where(finite, real, -np.inf) if bad else real).max(0))
        scan.zero[rows] = ~piece.reshape(len(piece), -1).any(1)
        scan.keys[rows] = _keys(piece)
        signature.add(piece)
    scan.contents = signature.contents()
    return scan


def _keys(piece: np.ndarray) -> np.ndarray:
    """A digest of every row, uint64 (n,)."""
    flat = np.ascontiguousarray(piece).reshape(len(piece), -1).view(np.uint8)
    return np.frombuffer(
        b"".join(hashlib.blake2b(row.data, digest_size=8).digest() for row in flat), np.uint64
    )


def _some(rows: np.ndarray, one: str, more: str) -> str:
    """How many of the samples, bool (N,), and the verb."""
    return f"{count(int(rows.sum()), 'sample')} {one if rows.sum() == 1 else more}"


def _names(names: Sequence[object]) -> str:
    shown = ", ".join(str(name)[:40] for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _of_values(part: Part, scan: Scan) -> Iterator[Finding]:
    bad, name = scan.nans + scan.infinite, part.name
    if bad.any():
        worst = np.argsort(-bad, kind="stable")[: int((bad > 0).sum())]
        rows, nans = np.flatnonzero(scan.broken), int(scan.nans.sum())
        most = "most in " if len(set(bad[worst].tolist())) > 1 else ""
        yield Finding(
            "not-finite",
            "error",
            f"{count(nans, 'value')} {'is' if nans == 1 else 'are'} NaN and {int(scan.infinite.sum()):,} infinite, in "
            f"{len(rows):,} of {count(len(scan.keys), 'sample')} and {len(worst):,} of {count(len(bad), 'feature')}, "
            f"{most}{_names([part.feature_names[i] for i in worst])}.",
            name,
            ("fill-median", "fill-zero", "drop-not-finite"),
            rows,
        )
    still = np.flatnonzero(scan.constant)
    if len(still) == len(bad):
        yield Finding(
            "empty-modality",
            "error",
            "No feature ever changes: the modality says nothing.",
            name,
            ("drop-constant",),
        )
    elif len(still):
        zeros = int(((scan.low == 0) & (scan.high == 0)).sum())
        only = ", all zeros" if zeros == len(still) else f", {zeros:,} of them zeros only"
        yield Finding(
            "constant",
            "warning",
            f"{len(still):,} of {count(len(bad), 'feature')} never {'changes' if len(still) == 1 else 'change'}"
            f"{only if zeros else ''}: {_names([part.feature_names[i] for i in still])}.",
            name,
            ("drop-constant",),
        )
    yield from _of_rows(
        "zero-rows",
        "note",
        scan.zero,
        f"{_some(scan.zero, 'is', 'are')} zeros only, as where a modality is missing.",
        where=name,
    )


def _again(keys: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Which samples have the key of one before them in the same part, bool (N,)."""
    return pd.DataFrame({"key": keys, "rank": rank}).duplicated().to_numpy()


def _leaking(keys: np.ndarray, rank: np.ndarray) -> np.ndarray:
    """Which samples have the key of one in a part further from training, bool (N,)."""
    return (rank < pd.Series(rank).groupby(keys).transform("max").to_numpy()) & (rank >= 0)


def _of_rows(
    code: str, severity: str, rows: np.ndarray | bool, words: str, *repairs: str, where: str = ""
) -> Iterator[Finding]:
    """A finding on some samples, bool (N,), where there are any; or on the set, where it holds."""
    if np.any(rows):
        yield Finding(
            code, severity, words, where, repairs, np.flatnonzero(rows) if np.ndim(rows) else None
        )


def _of_coalitions(modalities: int) -> Iterator[Finding]:
    """Whether so many modalities can be explained, and at what cost, where they are many."""
    try:
        require_few_modalities("A data set", modalities)
    except InvalidInput as error:
        yield Finding("many-modalities", "error", str(error))
        return
    sentence = describe_coalition_count(modalities)
    if sentence:
        yield Finding("many-coalitions", "note", sentence)


def _of_ids(staged: StagedSet, rank: np.ndarray) -> list[Finding]:
    ids, empty = staged.ids, staged.ids == ""
    leaks, again = _leaking(ids, rank) & ~empty, _again(ids, rank) & ~empty
    return [
        *_of_rows(
            "empty-id",
            "error",
            empty,
            f"{_some(empty, 'has', 'have')} no id, the first in row {empty.argmax() + 1}.",
            "rename-ids",
        ),
        *_of_rows(
            "leak-id",
            "error",
            leaks,
            f"{_some(leaks, 'has', 'have')} the id of a sample in a later part of the split (training, "
            f"validation, test): {_names(ids[leaks].tolist())}.",
            "drop-leaking",
            "rename-ids",
        ),
        *_of_rows(
            "duplicate-id",
            "error",
            again,
            f"{_some(again, 'has', 'have')} the id of one before them: {_names(ids[again].tolist())}.",
            "drop-duplicates",
            "rename-ids",
        ),
    ]


def _of_split(staged: StagedSet, rank: np.ndarray) -> list[Finding]:
    if (rank < 0).all():
        return [
            Finding(
                "no-split",
                "error",
                "There is no split into training, validation and test.",
                repairs=("make-split",),
            )
        ]
    empty = [part for part in SPLITS if part not in staged.split]
    drawn = empty == ["valid"] and (rank == 0).sum() > 1
    return [
        *_of_rows(
            "empty-split",
            "error",
            bool(empty),
            f"No sample is in {' or '.join(empty)}. With `make-split` it would be "
            f"{'drawn from the training samples' if drawn else 'made anew from all samples'}.",
            "make-split",
        ),
        *_of_rows(
            "outside-split",
            "error",
            rank < 0,
            f"{_some(rank < 0, 'is', 'are')} in no part of the split.",
            "drop-outside",
        ),
    ]


def _target(staged: StagedSet) -> dict[str, Any]:
    y, named = staged.y[~staged.missing], {"name": staged.target}
    if not staged.classes:
        facts = {"low": y.min, "high": y.max, "mean": y.mean, "deviation": y.std}
        return {
            **named,
            "kind": "regression",
            "range": staged.bounds,
            "convention": staged.convention,
            **{key: float(of()) if len(y) else None for key, of in facts.items()},
        }
    split, size = staged.split[~staged.missing], len(staged.classes)
    return {
        **named,
        "kind": "classification",
        "classes": list(staged.classes),
        "convention": "classes",
        "counts": {part: np.bincount(y[split == part], minlength=size).tolist() for part in SPLITS},
        "samples": np.bincount(y, minlength=size).tolist(),
    }


def _of_target(staged: StagedSet, rank: np.ndarray) -> list[Finding]:
    absent = staged.missing
    y = staged.y[~absent]
    rows: list[Finding] = [
        *_of_rows(
            "no-target",
            "error",
            absent,
            f"{_some(absent, 'has', 'have')} no {'label' if staged.classes else 'target'}, the first "
            f"'{str(staged.ids[absent.argmax()])[:60]}'.",
            "drop-unlabelled",
        ),
        *_of_rows(
            "one-target",
            "error",
            len(np.unique(y)) < 2,
            "All samples have the same target: there is nothing to predict.",
        ),
    ]
    if not staged.classes:
        return rows
    counts = np.bincount(y, minlength=len(staged.classes))
    rare = np.flatnonzero((counts > 0) & (counts < RARE))
    occurring = int((counts > 0).sum())
    # Sets of labels may be many, since every label is a question of its own.
    too_many = not staged.labels and occurring > max(2, len(y) / 3)
    unseen = np.setdiff1d(staged.y[(rank > 0) & ~absent], staged.y[rank == 0])
    return [
        *rows,
        *_of_rows(
            "many-classes",
            "error",
            too_many,
            f"{len(y):,} samples have {occurring:,} classes, more than one for every three samples, such as "
            f"{_names([repr(name) for name in staged.classes[:3]])}. Are they amounts (--target regression), or is "
            "another column the label?",
            *(["drop-rare"] if len(rare) < occurring else []),
        ),
        *_of_rows(
            "rare-class",
            "warning",
            np.isin(staged.y, rare),
            f"{len(rare):,} of {len(counts):,} classes {'has' if len(rare) == 1 else 'have'} fewer than {RARE} "
            "samples, too few to train, validate and test: "
            f"{_names([f'{staged.classes[i]} ({counts[i]})' for i in rare])}.",
            "drop-rare",
        ),
        *_of_rows(
            "unseen-class",
            "warning",
            bool(len(unseen) and (rank == 0).any()),
            f"Training never sees {count(len(unseen), 'class', 'classes')} that "
            f"{'is' if len(unseen) == 1 else 'are'} validated or tested: "
            f"{_names([staged.classes[i] for i in unseen])}.",
        ),
        *_of_rows(
            "uneven",  # a share from which accuracy says little
            "warning",
            bool(counts.max() > 0.9 * counts.sum()),
            f"{counts.max() / max(1, counts.sum()):.1%} of the samples are of class "
            f"'{staged.classes[int(counts.argmax())][:40]}': saying it always is as accurate as that.",
        ),
    ]


def _of_copies(staged: StagedSet, rank: np.ndarray, scans: dict[str, Scan]) -> list[Finding]:
    """Samples that are the same in every modality, and rows of one modality that occur in two parts of the split."""
    whole = np.zeros(len(staged), np.uint64)
    for scan in scans.values():
        whole = whole * np.uint64(0x9E3779B97F4A7C15) + scan.keys
    leaks, again = _leaking(whole, rank), _again(whole, rank)
    findings = [
        *_of_rows(
            "leak-sample",
            "warning",
            leaks,
            f"{_some(leaks, 'is', 'are')}, in every modality, the same as one in a later part of the split "
            f"(training, validation, test): figures would be too good. {_names(staged.ids[leaks].tolist())}.",
            "drop-leaking",
        ),
        *_of_rows(
            "duplicate-sample",
            "warning",
            again,
            f"{_some(again, 'is', 'are')}, in every modality, the same as one before them in the same part: "
            f"{_names(staged.ids[again].tolist())}.",
            "drop-duplicates",
        ),
    ]
    for name, scan in scans.items():
        usable = ~scan.zero & ~scan.broken & ~leaks
        same = _leaking(scan.keys[usable], rank[usable])
        few = len(np.unique(scan.keys)) < len(staged) / 2
        findings += _of_rows(
            "leak-row",
            "note" if few else "warning",
            bool(same.any()),
            f"{_some(same, 'shares', 'share')} this modality, value for value, with one in a later part of the split"
            + (
                ", where few different values occur at all."
                if few
                else ": the same recording or sentence may be in both."
            ),
            where=name,
        )
    return findings


def _of_sharing(scans: Mapping[str, Scan]) -> Iterator[Finding]:
    """Modalities of which many samples share the same content, such as pictures of balanced pairs; not those of few
    values."""
    for name, scan in scans.items():
        sizes = np.bincount(scan.contents)
        shared = int(sizes[sizes > 1].sum())
        if len(sizes) >= sharing.FEW and shared >= SHARED * len(scan.contents):
            yield Finding(
                "shared-content",
                "note",
                f"{len(scan.contents):,} samples hold {len(sizes):,} different ones of this modality. Samples that "
                "share one are kept in one part where `make-split` draws the parts, as far as they can be.",
                name,
            )


def _of_leaks(staged: StagedSet) -> Iterator[Finding]:
    """Features and modalities that give the target away, see `leaks`."""
    known = ~staged.missing
    columns = sum(
        part.shape[-1] * (1 if part.lengths is None else 2)
        for part in staged.parts
        if np.prod(part.shape) > 0
    )
    for part in staged.parts:
        rows = leaks.rows_to_look_at(known, int(np.prod(part.shape[1:])))
        if len(rows) == 0 or np.prod(part.shape) == 0:
            continue
        values, feature = part.summaries(rows)
        names = [part.feature_names[number] for number in feature]
        is_class = bool(staged.classes)
        for leak in leaks.find_leaks(values, names, staged.y[rows], is_class, rows, columns):
            yield _leak_finding(part.name, leak, feature, len(rows), staged.leaks_are_meant)


def _leak_finding(
    modality: str, leak: leaks.Leak, feature: np.ndarray, looked_at: int, are_meant: bool
) -> Finding:
    seen = f"({count(looked_at, 'sample')} looked at.)"
    features = np.unique(feature[leak.features])
    if leak.kind == "target" and are_meant:
        return Finding(
            "target-leak", "warning", f"{leak.words} {seen} It is meant to be there.", modality
        )
    if leak.kind == "target":
        return Finding(
            "target-leak",
            "error",
            f"{leak.words} {seen} A model would read the answer there. Leave it out, or agree to keep it if it is "
            "known before the target is.",
            modality,
            ("drop-leaks", "keep-leaks"),
            features=features,
        )
    if leak.kind == "row":
        return Finding(
            "row-number",
            "warning",
            f"{leak.words} {seen} Rows often come sorted, so that their number says what a model should learn.",
            modality,
            ("drop-leaks",),
            features=features,
        )
    return Finding(
        "near-leak",
        "warning",
        f"{leak.words} {seen} Check how it was made: good features do this, and so do ones that were made from the "
        "target.",
        modality,
        ("drop-near-leaks",),
        features=features,
    )
