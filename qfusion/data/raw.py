"""What a reader gives of a file or of Python objects: arrays, and a value a sample of all else, as they are written.

`staged_set.stage_set` makes a set of it. A reader decides what is what and says so in findings; it converts nothing.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from qfusion.data import array_chunks
from qfusion.data.modality_spec import GivenForm
from qfusion.data.row_splits import Clusters

SEVERITIES = ("error", "warning", "note")
# Of each chunk: where its values belong (rows, or rows and steps), and the values.
Chunks = Iterator[tuple[Any, np.ndarray]]


@dataclass(frozen=True, eq=False)
class Finding:
    """A finding on a set.

    Attributes:
        code: short name, for programs.
        severity: one of SEVERITIES. A set with an "error" cannot be stored.
        words: the finding, in a sentence or two.
        where: the modality, or empty.
        repairs: names of the repairs that remove it, see `repairs.REPAIRS`.
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
class RawModality:
    """The features of one modality as they were read.

    Attributes:
        name: of the modality.
        shape: (N, F), or (N, T, F) for sequences.
        chunks: returns the values, in chunks; places that no chunk names are zero.
        feature_names: the F names.
        lengths: of sequences, (N,), each at least 1; values beyond are zero. None for vectors.
        picture: shape of the picture that a vector holds, or None.
        given: form of the samples of a Python session, or None.
        padded: whether the shape is that of the longest sequence, while the file has shorter ones.
    """

    name: str
    shape: tuple[int, ...]
    chunks: Callable[[], Chunks]
    feature_names: Sequence[str]
    lengths: np.ndarray | None = None
    picture: tuple[int, ...] | None = None
    given: GivenForm | None = None
    padded: bool = False


@dataclass(eq=False, kw_only=True)
class Raw:
    """Samples as they were read.

    Attributes:
        title: name of the files.
        kind: of the files, for descriptions.
        modalities: in their order.
        ids: of the samples, str (N,).
        labels: numbers, words or truth values (N,), None or NaN where there is none; of samples that may have several
            labels the matrix of 0 and 1 (N, L), or words with `SEPARATOR` between them.
        label_names: the L names of the columns of a matrix of labels, if known.
        classes: names of the classes in their order, if known.
        label: what the labels are called in the file.
        is_class: whether whole numbers are classes or amounts; None if their number decides.
        decimal_comma: whether labels may be words with a decimal comma.
        bounds: the range of a number, if known.
        split: words for the part of each sample, (N,), or None; None where it is not known.
        split_name: what the split is called in the file.
        target: name of the target where it is a number; empty for `label`.
        class_target: name of the target where it is a class.
        columns: other columns, to show and to filter by.
        unimodal: targets of single modalities (N,), by modality.
        contents: what is shown of each sample, by modality, of a Python session.
        findings: of the reader.
        files: name, bytes and sha256 of each file.
        clusters: groups of dependent rows; None if they follow from the ids.
    """

    title: str
    kind: str
    modalities: list[RawModality]
    ids: np.ndarray
    labels: Any
    label_names: Sequence[str] = ()
    classes: Sequence[str] | None = None
    label: str = "label"
    is_class: bool | None = None
    decimal_comma: bool = False
    bounds: tuple[float, float] | None = None
    split: Sequence[str | None] | np.ndarray | None = None
    split_name: str = "`split`"
    target: str = ""
    class_target: str = "class"
    columns: pd.DataFrame = field(default_factory=pd.DataFrame)
    unimodal: dict[str, Any] = field(default_factory=dict)
    contents: dict[str, Sequence[Any]] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    clusters: Clusters | None = None

    def note(
        self, code: str, words: str, severity: str = "note", where: str = "", **more: Any
    ) -> None:
        """Add a finding, see `Finding`."""
        self.findings.append(Finding(code, severity, words, where, **more))

    def take(self, rows: Sequence[int]) -> None:
        """Keep some samples, whose modalities are read later, and drop the others."""
        self.ids = self.ids[list(rows)]
        self.labels = [self.labels[row] for row in rows]
        self.split = None if self.split is None else [self.split[row] for row in rows]
        self.columns = self.columns.iloc[list(rows)].reset_index(drop=True)
        self.unimodal = {
            name: [words[row] for row in rows] for name, words in self.unimodal.items()
        }

    def note_incomplete(self, rows: np.ndarray, words: str, where: str = "") -> None:
        """Note the samples, by their rows (k,), that lack a modality."""
        repairs = ("drop-incomplete", "zero-incomplete")
        self.note("incomplete", words, "error", where, repairs=repairs, rows=rows)

    def note_sequences(self, name: str, lengths: np.ndarray, longest: int, why: str = "") -> None:
        """Note the lengths (N,) of sequences, and `why` they are known."""
        real = lengths[lengths > 0]
        median = np.median(real) if len(real) else 0
        self.note(
            "sequences",
            f"Sequences of {real.min(initial=longest)} to {longest} steps (median {median:g}){why}. Shorter ones are "
            "padded with zeros, which models ignore.",
            where=name,
        )


def whole_array(
    name: str, values: np.ndarray, feature_names: Sequence[str], **more: Any
) -> RawModality:
    """Return a modality of an array (N, F) or (N, T, F), in memory or mapped; `more`: see `RawModality`."""
    return RawModality(
        name,
        values.shape,
        lambda: in_order(array_chunks.iter_chunks(values)),
        feature_names,
        **more,
    )


def in_order(chunks: Iterable[np.ndarray]) -> Chunks:
    """Yield consecutive chunks of rows, each with its place."""
    for start, chunk in array_chunks.enumerate_chunks(chunks):
        yield slice(start, start + len(chunk)), chunk
