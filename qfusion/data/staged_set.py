"""A data set during its import: read into temporary files, before checks, repairs and saving.

Values lie in one `.npy` file a modality and are written and read in pieces, so that a set may be larger than memory.
Values of which there is one a sample (ids, split, targets, lengths) are arrays in memory.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.lib import format as npy

from qfusion.data import set_digest
from qfusion.data.target_classes import Targets
from qfusion.data.target_spec import Target

SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True, eq=False)
class Finding:
    """A finding on an imported set.

    Attributes:
        code: short name, for programs.
        severity: one of SEVERITIES. A set with an "error" cannot be stored.
        words: the finding, in a sentence or two.
        where: the modality, or empty.
        repairs: names of the repairs that remove it, see `import_repairs.REPAIRS`.
        rows: numbers of the samples, for repairs.
        features: numbers of the features of the modality, for repairs.
    """

    code: str
    severity: str
    words: str
    where: str = ""
    repairs: tuple[str, ...] = ()
    rows: np.ndarray | None = None
    features: np.ndarray | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as values that JSON can hold."""
        return {
            "code": self.code,
            "severity": self.severity,
            "modality": self.where,
            "words": self.words,
            "repairs": list(self.repairs),
        }


@dataclass(frozen=True, eq=False)
class Part:
    """One modality in a .npy file of float32.

    Attributes:
        name: of the modality.
        path: of the file.
        shape: (N, F), or (N, T, F) for sequences.
        feature_names: the F names.
        lengths: of sequences, (N,); the steps beyond are zero. None for vectors.
        picture: shape of the picture that a vector holds, or None.
    """

    name: str
    path: Path
    shape: tuple[int, ...]
    feature_names: tuple[str, ...]
    lengths: np.ndarray | None = None
    picture: tuple[int, ...] | None = None

    def pieces(self) -> Iterator[np.ndarray]:
        """Yield the rows, some 32 MiB at a time; they are read, not mapped, so that memory use stays small."""
        step = set_digest.rows_at_once(self.shape)
        with self.path.open("rb") as file:
            npy.read_magic(file)
            npy.read_array_header_1_0(file)
            for start in range(0, self.shape[0], step):
                shape = (min(step, self.shape[0] - start), *self.shape[1:])
                yield np.fromfile(file, np.float32, prod(shape)).reshape(shape)

    def real(self, piece: np.ndarray, start: int) -> np.ndarray:
        """Return the real steps, (n, F), of a piece that begins at row `start`."""
        if self.lengths is None:
            return piece
        return piece[np.arange(self.shape[1]) < self.lengths[start : start + len(piece), None]]

    def summaries(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return summaries of some samples and the feature that each summary belongs to.

        Args:
            rows: of the samples, (n,).

        Returns:
            the features of vectors, (n, F); for sequences the means over the real steps and the first steps, (n, 2 F).
            And the numbers of the features, (F,) or (2 F,).
        """
        stored = np.load(self.path, mmap_mode="r", allow_pickle=False)
        features = np.arange(self.shape[-1])
        if self.lengths is None:
            return np.asarray(stored[rows]).reshape(len(rows), -1), features
        summary = np.empty((len(rows), 2 * len(features)), np.float32)
        at_once = set_digest.rows_at_once(self.shape)
        for start in range(0, len(rows), at_once):
            some = rows[start : start + at_once]
            lengths = np.maximum(1, self.lengths[some])
            steps = np.asarray(stored[some])
            real = np.arange(self.shape[1]) < lengths[:, None]
            means = np.where(real[..., None], steps, 0).sum(1) / lengths[:, None]
            summary[start : start + len(some)] = np.concatenate([means, steps[:, 0]], axis=1)
        return summary, np.concatenate([features, features])


@dataclass(eq=False, kw_only=True)
class StagedSet(Targets):
    """A set as it was read; see `DataSet` for the meaning of its parts.

    Attributes:
        folder: of its arrays; removed with the set.
        title: name of the files.
        kind: of the files, for descriptions.
        parts: the modalities.
        target: name of the target.
        unit: meaning of one step of the target.
        ids: names of the samples, (N,).
        split: "train", "valid" or "test", or "" for a sample in none, (N,).
        columns: other columns of the table.
        unimodal: targets of single modalities (N,), by modality.
        convention: of the metrics of a number, one of `target_spec.CONVENTIONS`; ignored for classes.
        findings: of the reader.
        files: name, bytes and sha256 of each file.
        done: descriptions of the repairs made.
        leaks_are_meant: whether the caller agreed to keep features that give the target away.
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
    leaks_are_meant: bool = False

    def __len__(self) -> int:
        return len(self.ids)

    def build_target(self) -> Target:
        """Return the target as a data set holds it."""
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
        """Return which samples have no target, bool (N,)."""
        return self.y < 0 if self.classes else ~np.isfinite(self.y)

    def discard(self) -> None:
        """Remove its files."""
        shutil.rmtree(self.folder, ignore_errors=True)
