"""A data set during its import: with targets and features in single precision, before repairs and saving.

`stage_set` makes it of what a reader gave. Values lie in memory, or in one `.npy` file a modality; they are written and
read in chunks, so that a set may be larger than memory.
"""

import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib import format as npy

from qfusion._checks import check
from qfusion._progress import override
from qfusion._sentences import count
from qfusion.data import array_chunks, files
from qfusion.data.array_chunks import CastErrors
from qfusion.data.modality_spec import GivenForm
from qfusion.data.parsing import RESERVED_NAMES, parse_split, shown_names
from qfusion.data.raw import Finding, Raw, RawModality
from qfusion.data.row_splits import Clusters
from qfusion.data.target_spec import (
    CONVENTIONS,
    LARGEST_SCORE,
    METRICS_OF,
    MOSI_CONVENTION,
    Target,
    check_convention,
    guess_convention,
)
from qfusion.data.targets import Targets, encode_targets, encode_unimodal

PICKLE = "MMSA pickle"  # kind of files whose scores are sentiment
_MOST_BYTES: ContextVar[int | None] = ContextVar("most_bytes", default=None)
_PRECISION = "Subtract a constant, such as the first time or the smallest coordinate, or give seconds since the start."


@dataclass(frozen=True, eq=False)
class Part:
    """One modality in single precision.

    Attributes:
        name: of the modality.
        values: float32 (N, F), or (N, T, F) for sequences; in memory, or mapped from a .npy file.
        feature_names: the F names.
        lengths: of sequences, (N,); the steps beyond are zero. None for vectors.
        picture: shape of the picture that a vector holds, or None.
        given: form of the samples of a Python session, or None.
    """

    name: str
    values: np.ndarray
    feature_names: tuple[str, ...]
    lengths: np.ndarray | None = None
    picture: tuple[int, ...] | None = None
    given: GivenForm | None = None

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the values."""
        return tuple(self.values.shape)

    @property
    def path(self) -> Path | None:
        """The .npy file of the values, or None if they are in memory."""
        return Path(str(self.values.filename)) if isinstance(self.values, np.memmap) else None

    def chunks(self) -> Iterator[np.ndarray]:
        """Yield the rows, some 32 MiB at a time; those of a file are read, so that memory use stays small."""
        if self.path is None:
            yield from array_chunks.iter_chunks(self.values)
            return
        step = array_chunks.rows_at_once(self.shape)
        with self.path.open("rb") as file:
            npy.read_magic(file)
            npy.read_array_header_1_0(file)
            for start in range(0, self.shape[0], step):
                shape = (min(step, self.shape[0] - start), *self.shape[1:])
                yield np.fromfile(file, np.float32, prod(shape)).reshape(shape)

    def real(self, chunk: np.ndarray, start: int) -> np.ndarray:
        """Return the real steps, (n, F), of a chunk that begins at row `start`."""
        if self.lengths is None:
            return chunk
        return chunk[np.arange(self.shape[1]) < self.lengths[start : start + len(chunk), None]]

    def summaries(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return summaries of some samples and the feature that each summary belongs to.

        Args:
            rows: of the samples, (n,).

        Returns:
            the features of vectors, (n, F); for sequences the means over the real steps and the first steps, (n, 2 F).
            And the numbers of the features, (F,) or (2 F,).
        """
        features = np.arange(self.shape[-1])
        if self.lengths is None:
            return np.asarray(self.values[rows]), features
        summary = np.empty((len(rows), 2 * len(features)), np.float32)
        at_once = array_chunks.rows_at_once(self.shape)
        for start in range(0, len(rows), at_once):
            some = rows[start : start + at_once]
            lengths = np.maximum(1, self.lengths[some])
            steps = np.asarray(self.values[some])
            real = np.arange(self.shape[1]) < lengths[:, None]
            means = np.where(real[..., None], steps, 0).sum(1) / lengths[:, None]
            summary[start : start + len(some)] = np.concatenate([means, steps[:, 0]], axis=1)
        return summary, np.concatenate([features, features])


@dataclass(eq=False, kw_only=True)
class StagedSet(Targets):
    """A set on its way in; see `DataSet` for the meaning of its parts.

    Attributes:
        folder: of its arrays, removed with the set; None if they are in memory.
        title: name of the files.
        kind: of the files, for descriptions.
        parts: the modalities.
        target: name of the target.
        ids: names of the samples, (N,).
        split: "train", "valid" or "test", or "" for a sample in none, (N,).
        columns: other columns of the table.
        unimodal: targets of single modalities (N,), by modality.
        convention: of the metrics of a number, one of `target_spec.CONVENTIONS`; ignored for classes.
        findings: of the reader.
        files: name, bytes and sha256 of each file.
        done: descriptions of the repairs made.
        leaks_are_meant: whether the caller agreed to keep features that give the target away.
        clusters: groups of dependent rows; None if they follow from the ids.
    """

    folder: Path | None
    title: str
    kind: str
    parts: list[Part]
    ids: np.ndarray
    split: np.ndarray
    target: str = "score"
    columns: pd.DataFrame = field(default_factory=pd.DataFrame)
    unimodal: dict[str, np.ndarray] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    done: list[str] = field(default_factory=list)
    convention: str = "plain"
    leaks_are_meant: bool = False
    clusters: Clusters | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def build_target(self) -> Target:
        """Return the target as a data set holds it."""
        return Target(
            "classification" if self.classes else "regression",
            self.target,
            self.bounds,
            self.classes,
            labels=self.labels,
            sets=self.sets,
            convention="" if self.classes else self.convention,
        )

    @property
    def missing(self) -> np.ndarray:
        """Return which samples have no target, bool (N,)."""
        return self.y < 0 if self.classes else ~np.isfinite(self.y)

    def discard(self) -> None:
        """Remove its files."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)


def stage_set(
    raw: Raw, folder: Path | None, target: str = "auto", convention: str = "auto"
) -> StagedSet:
    """Return a set of what a reader gave: targets as numbers, features in single precision.

    Args:
        raw: what was read.
        folder: that takes the arrays; None to hold them in memory.
        target: see `targets.encode_targets`.
        convention: one of `target_spec.CONVENTIONS`, or "auto" for the one that fits.

    Raises:
        InvalidInput: when labels, parts of the split or values cannot be taken, or there is no room for the arrays.
    """
    _check_names(raw, is_stored=folder is not None)
    targets = encode_targets(raw, target)
    unimodal = encode_unimodal(raw)
    if unimodal:
        raw.note("unimodal", _describe_unimodal(unimodal))
    name = raw.target or raw.label
    if targets.labels:
        name = "labels"
    elif targets.classes:
        name = raw.class_target
    parts = []
    while raw.modalities:  # each is freed once it is cast
        parts.append(cast_modality(raw, raw.modalities.pop(0), folder))
    staged = StagedSet(
        **vars(targets),
        folder=folder,
        title=raw.title,
        kind=raw.kind,
        parts=parts,
        ids=raw.ids,
        split=parse_split([""] * len(raw.ids) if raw.split is None else raw.split, raw.split_name),
        target=name,
        columns=raw.columns,
        unimodal=unimodal,
        findings=raw.findings,
        files=raw.files,
        clusters=raw.clusters,
    )
    set_convention(staged, convention)
    return staged


def _check_names(raw: Raw, is_stored: bool) -> None:
    """Check that there are samples, and that names of modalities can be names of files of a stored set."""
    check(
        len(raw.ids) > 0,
        f"{raw.title} must hold at least one sample, but holds none. Check the file.",
    )
    names = [modality.name for modality in raw.modalities]
    check(
        len(set(names)) == len(names),
        f"Modalities must have distinct names, but are {names[:8]}. Rename the repeated ones.",
    )
    reserved = RESERVED_NAMES & set(names)
    check(
        not (is_stored and reserved),
        f"No modality may be called {sorted(reserved)}. Rename it.",
    )


def _describe_unimodal(targets: dict[str, np.ndarray]) -> str:
    """Return a sentence on which modalities have targets of their own, and how many samples lack one."""
    missing = []
    for name, values in targets.items():
        number = int((~np.isfinite(values)).sum())
        if number:
            verb = "has" if number == 1 else "have"
            missing.append(f"{count(number, 'sample')} {verb} none of {name}")
    rest = f" {'; '.join(missing)}." if missing else ""
    return f"Targets of single modalities are kept: {', '.join(targets)}.{rest}"


def set_convention(staged: StagedSet, convention: str) -> None:
    """Set the convention of a set's scores, and note it where it matters.

    Args:
        staged: the set.
        convention: one of `target_spec.CONVENTIONS`, or "auto" for `target_spec.guess_convention`.

    Raises:
        NotFound: when there is no such convention.
        InvalidInput: when scores do not fit it, or targets are classes.
    """
    is_requested = convention != "auto"
    if staged.classes:
        check(
            not is_requested,
            f"Argument `convention` is of scores, and has to be left out for classes, but is {convention}. Leave it "
            "out, or import the set with --target regression.",
        )
        return
    is_pickle = staged.kind == PICKLE
    annotated = {part.name for part in staged.parts} == set(staged.unimodal)
    guess = guess_convention(staged.y, annotated=annotated, pickled=is_pickle)
    staged.convention = convention if is_requested else guess
    check_convention(staged.convention, staged.y)
    if convention in LARGEST_SCORE:
        largest = LARGEST_SCORE[convention]
        staged.bounds = (-largest, largest)
    if is_requested or guess != "plain" or is_pickle:
        reason = "as asked for" if is_requested else _REASONS[guess]
        words = (
            f"Metrics are those of {METRICS_OF[staged.convention]}, {reason}. "
            f"Another is one of {', '.join(CONVENTIONS)} (--convention)."
        )
        staged.findings.append(Finding("convention", "note", words))


_REASONS = {
    MOSI_CONVENTION: "since scores lie in [-3, 3]",
    "sims": "since every modality has its own targets and scores lie in [-1, 1]",
    "plain": "since the scores do not look like sentiment of MOSI or CH-SIMS",
}


def cast_modality(raw: Raw, modality: RawModality, folder: Path | None) -> Part:
    """Return a modality in single precision, and note what that loses.

    Args:
        raw: takes the findings.
        modality: to cast.
        folder: that takes the array; None to hold it in memory.

    Raises:
        InvalidInput: when there is no room for it, or there are more or fewer rows.
    """
    how = ", padded to its longest sequence," if modality.padded else ""
    what = f"Modality '{modality.name}'{how}"
    size = 4 * prod(modality.shape)
    if folder is None:
        files.check_size(raw.title, size)
    else:
        require_room(folder, size, what)
    values = new_array(folder, modality.name, modality.shape)
    errors = CastErrors(modality.shape[-1])
    overflows = 0
    with np.errstate(over="ignore", invalid="ignore"):
        for place, chunk in modality.chunks():
            single = chunk.astype(np.float32, copy=False)
            values[place] = single
            overflows += int(np.isinf(single).sum() - np.isinf(chunk).sum())
            errors.add(chunk, single)
    if isinstance(values, np.memmap):
        values.flush()
    values.flags.writeable = False  # so that nothing copies it
    if overflows:
        raw.note(
            "too-large",
            f"{overflows:,} values are too large for single precision and count as infinite.",
            "warning",
            modality.name,
        )
    _note_precision(raw, modality, errors)
    return Part(
        modality.name,
        values,
        tuple(modality.feature_names),
        modality.lengths,
        modality.picture,
        modality.given,
    )


def new_array(folder: Path | None, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return a float32 array of zeros: a file of a folder, mapped, or in memory if the folder is None."""
    if folder is None:
        return np.zeros(shape, np.float32)
    return npy.open_memmap(folder / f"{name}.npy", "w+", np.float32, shape)


def _note_precision(raw: Raw, modality: RawModality, errors: CastErrors) -> None:
    """Note the features that vary too little for single precision, if any."""
    merged = errors.merges_values
    for which, severity, effect in (
        (merged, "error", "most of their different values become equal"),
        (errors.imprecise & ~merged, "warning", "values that differ little become equal"),
    ):
        places = np.flatnonzero(which)
        if len(places) == 0:
            continue
        first = int(places[0])
        names = shown_names([modality.feature_names[int(place)] for place in places])
        raw.note(
            "precision",
            f"Values are kept in single precision, of some 7 digits, which is too coarse for {names}: {effect}. "
            f"`{modality.feature_names[first][:40]}` lies between {errors.low[first]:.12g} and "
            f"{errors.high[first]:.12g}, and is wrong by up to {errors.error[first]:.2g}. {_PRECISION}",
            severity,
            modality.name,
            features=places,
        )


def limit_part_size(size: int) -> AbstractContextManager[None]:
    """Limits every modality to `size` bytes inside the block: small files can unpack to any size."""
    return override(_MOST_BYTES, size)


def require_room(folder: Path, size: int, what: str) -> None:
    """Raise InvalidInput when `size` bytes do not fit onto the disk, or exceed the limit of `limit_part_size`.

    Args:
        folder: on the disk.
        size: bytes to be written.
        what: their name, for messages.
    """
    most = _MOST_BYTES.get()
    if most is not None:
        check(
            size <= most,
            f"{what} would take {size / 1024**3:,.1f} GiB, and at most {most / 1024**3:.0f} are accepted on this "
            "page. Use the command line: `python -m qfusion data import FILE --name NAME`.",
        )
    free = shutil.disk_usage(folder).free
    check(
        size <= free,
        f"{what} would take {size / 1e6:,.1f} MB on disk, but the disk has {free / 1e6:,.1f} MB left. Free "
        "some space, name another folder in QFUSION_IMPORTED, or keep fewer samples, steps or features.",
    )
