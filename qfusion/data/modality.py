"""What a data set is made of: modalities, a target, what there is to show of a sample, what rows share, and what
people say of each modality alone; checked when made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass
from functools import cached_property
from itertools import combinations
from math import prod
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion.data import files
from qfusion.errors import refused

# What a data set is made of: modalities, a target, and what there is to show of a sample; checked when made.


def frozen(values: Any, dtype: Any) -> np.ndarray:
    """Returns `values` as a read-only array of `dtype`; a copy unless it is one already.

    Raises:
        InvalidInput: when the values cannot be read as that type.
    """
    with refused(
        f"Values must be readable as {np.dtype(dtype).name}, but are not",
        "Convert them first.",
        *(TypeError, ValueError),
    ):
        array = np.asarray(values)
        # A float that is no whole number must not become a class or a length silently.
        check(
            np.dtype(dtype).kind != "i"
            or array.dtype.kind != "f"
            or np.array_equal(array, np.round(array)),
            "not whole numbers",
        )
        array = array.astype(dtype, copy=array.flags.writeable)
    array.flags.writeable = False
    return array


@dataclass(frozen=True, eq=False)
class Modality:
    """One modality of every sample.

    Attributes:
        name: for example "text".
        values: float32, vectors (N, F) or zero-padded sequences (N, T, F).
        lengths: for sequences, how many of the T steps are real, int64 (N,), each in 1..T; None for vectors.
        feature_names: the F names of the features.
        shape: for vectors that are flattened pictures or the like, their shape, whose product is F; else None.
        rate: steps a second of a sequence, where it is known.
        checked: whether lengths and padding were checked before, when the set was imported: a memory-mapped array is
            then not read.

    Raises:
        InvalidInput: when shapes disagree. Finiteness is checked by the data set, which can name the sample.
    """

    name: str
    values: np.ndarray
    lengths: np.ndarray | None
    feature_names: tuple[str, ...]
    shape: tuple[int, ...] | None = None
    rate: float | None = None
    checked: InitVar[bool] = False

    def __post_init__(self, checked: bool) -> None:
        for name, value in (
            ("values", frozen(self.values, np.float32)),
            ("lengths", None if self.lengths is None else frozen(self.lengths, np.int64)),
            ("feature_names", tuple(self.feature_names)),
            ("shape", None if self.shape is None else tuple(int(n) for n in self.shape)),
        ):
            object.__setattr__(self, name, value)
        check(
            self.name != "" and "+" not in self.name,
            f"Argument `name` of a modality must be non-empty without '+', but is {self.name!r}. Rename it.",
        )
        check(
            self.values.ndim == (2 if self.lengths is None else 3),
            f"Argument `values` of modality '{self.name}' must have shape "
            f"{'(N, F)' if self.lengths is None else '(N, T, F)'}, but has shape {self.values.shape}. "
            "Give `lengths` for sequences and None for vectors.",
        )
        check(
            len(self.feature_names) == self.values.shape[-1],
            f"Argument `feature_names` of modality '{self.name}' must hold {self.values.shape[-1]} names, but holds "
            f"{len(self.feature_names)}. Give one per feature.",
        )
        check(
            self.shape is None
            or (self.lengths is None and prod(self.shape) == self.values.shape[-1]),
            f"Argument `shape` of modality '{self.name}' must have the product {self.values.shape[-1]} of its "
            f"features and be left out for sequences, but is {self.shape}. Give the shape of one sample, or "
            "None.",
        )
        check(
            self.lengths is None or self.lengths.shape == self.values.shape[:1],
            f"Argument `lengths` of modality '{self.name}' must have shape ({len(self.values)},), but has shape "
            f"{getattr(self.lengths, 'shape', ())}. Give one per sample.",
        )
        check(
            self.rate is None or (self.lengths is not None and self.rate > 0),
            f"Argument `rate` of modality '{self.name}' must be positive steps a second, and left out for vectors, "
            f"but is {self.rate}. Give the rate of the sequences, or None.",
        )
        if self.lengths is not None and not checked:
            self._check_steps(self.lengths)

    @property
    def size(self) -> int:
        """The number of features F."""
        return int(self.values.shape[-1])

    @property
    def is_sequence(self) -> bool:
        """Whether samples are sequences (T, F) rather than vectors (F,)."""
        return self.lengths is not None

    def _check_steps(self, lengths: np.ndarray) -> None:
        """Checks lengths and padding of sequences."""
        steps = self.values.shape[1]
        check(
            bool(((lengths >= 1) & (lengths <= steps)).all()),
            f"Argument `lengths` of modality '{self.name}' must lie in 1..{steps}, but goes from "
            f"{lengths.min(initial=steps + 1)} to {lengths.max(initial=0)}. Every sample needs at least one step.",
        )
        for at, piece in files.placed(files.pieces(self.values)):
            check(
                not np.any(piece[np.arange(steps) >= lengths[at : at + len(piece), None]]),
                f"Argument `values` of modality '{self.name}' must be zero beyond each sample's length, but is not. "
                "Set the padding to zero.",
            )


# How scores are measured: as of MOSI and MOSEI, as of CH-SIMS, or without any reading of them as sentiment; and, where
# it has them, the largest score that a convention knows.
MOSI = "mosi"  # the convention, whatever the data are called
CONVENTIONS = {MOSI: "MOSI / MOSEI", "sims": "CH-SIMS", "plain": "plain"}
LARGEST = {MOSI: 3.0, "sims": 1.0}


def check_convention(convention: str, y: np.ndarray) -> None:
    """Checks that targets (N,) fit the convention of their metrics; those that are not finite are left out.

    Raises:
        NotFound: when there is no such convention. InvalidInput: when a target is larger than it knows.
    """
    largest = LARGEST.get(choose("Convention", convention, CONVENTIONS))
    finite = y[np.isfinite(y)]
    low, high = finite.min(initial=0.0), finite.max(initial=0.0)
    check(
        largest is None or max(-low, high) <= (largest or 0.0),
        f"Argument `convention` must fit the targets: scores of {CONVENTIONS[convention]} lie in "
        f"[-{largest or 0:g}, {largest or 0:g}], but these go from {low:g} to {high:g}. Choose another of "
        f"{', '.join(CONVENTIONS)}, or correct the targets.",
    )


def likely_convention(y: np.ndarray, *, annotated: bool, pickled: bool) -> str:
    """Returns the convention that scores (N,) look like: CH-SIMS's where every modality has targets of its own and all
    lie in [-1, 1]; MOSI's of an MMSA pickle with scores up to 3; else plain.

    Args:
        y: scores; those that are not finite are left out.
        annotated: whether every modality has targets of its own. pickled: whether they come from an MMSA pickle.
    """
    largest = np.abs(y[np.isfinite(y)]).max(initial=0.0)
    if annotated and largest <= LARGEST["sims"]:
        return "sims"
    return MOSI if pickled and LARGEST["sims"] < largest <= LARGEST[MOSI] else "plain"


@dataclass(frozen=True)
class Target:
    """What is to be predicted: a number in a range, or a class.

    Samples of several labels at once have as their class the set of their labels (the label powerset of Tsoumakas and
    Vlahavas 2007, ECML); `DataSet.of_label` makes the question of one label of it, yes or no.

    Attributes:
        kind: "regression" or "classification".
        name: for example "sentiment".
        range: lowest and highest value of a regression target, or None when it is unbounded.
        classes: names of the classes 0, 1, ...; empty for regression.
        unit: what one step means, to print beside an axis.
        labels: where a sample may have several, their names.
        sets: for every class, the places of those that it stands for.
        convention: of the metrics of a number, one of CONVENTIONS; `MOSI` unless told. Of classes it is "classes".
    """

    kind: str
    name: str
    range: tuple[float, float] | None = None
    classes: tuple[str, ...] = ()
    unit: str = ""
    labels: tuple[str, ...] = ()
    sets: tuple[tuple[int, ...], ...] = ()
    convention: str = ""

    def __post_init__(self) -> None:
        choose("Kind of target", self.kind, ("regression", "classification"))
        check(
            self.kind == "regression" or len(self.classes) >= 2,
            f"Argument `classes` must name at least two classes, but is {self.classes}. Name every class.",
        )
        check(
            self.range is None or self.range[0] < self.range[1],
            f"Argument `range` must be (low, high) with low < high, but is {self.range}. Swap or widen it.",
        )
        check(
            self.kind == "regression" or self.convention in ("", "classes"),
            f"Argument `convention` is of scores, and has to be left out for classes, but is "
            f"{self.convention[:40]!r}. Leave it out.",
        )
        object.__setattr__(
            self,
            "convention",
            choose("Convention", self.convention or MOSI, CONVENTIONS)
            if self.kind == "regression"
            else "classes",
        )
        check(
            not self.labels
            or (
                len(self.sets) == len(self.classes)
                and all(0 <= label < len(self.labels) for own in self.sets for label in own)
            ),
            f"Argument `sets` must say of each of the {len(self.classes)} classes which of the {len(self.labels)} "
            f"labels it stands for, but has {len(self.sets)} entries. Give one tuple of places a class.",
        )

    @property
    def label(self) -> str:
        """Of several labels the one that is asked for; empty where it is all of them, or there are none."""
        return self.name if self.name in self.labels and len(self.classes) == 2 else ""


@dataclass(frozen=True)
class Text:
    """What was said: a plain string (never markup), and its words where the features are one a word.

    Attributes:
        words: one a step. numbers: of a language model's tokens, one a step. tokens: these in letters, where the
            vocabulary is at hand. why: it is not, in words that go on "token numbers ...".
    """

    text: str
    words: tuple[str, ...] | None = None
    numbers: tuple[int, ...] | None = None
    tokens: tuple[str, ...] | None = None
    why: str = ""


@dataclass(frozen=True, eq=False)
class Audio:
    """A waveform: float32 samples (n,) in [-1, 1] at `rate` samples a second."""

    samples: np.ndarray
    rate: int


@dataclass(frozen=True, eq=False)
class Image:
    """A picture: uint8 pixels (h, w) or (h, w, 3)."""

    pixels: np.ndarray


@dataclass(frozen=True, eq=False)
class Series:
    """A curve: float64 values (n,) over `x` (n,), with what to write on the axes."""

    values: np.ndarray
    x: np.ndarray
    x_label: str
    y_label: str


@dataclass(frozen=True, eq=False)
class Film:
    """Moving pictures without sound: uint8 frames (T, h, w) or (T, h, w, 3), at `rate` frames a second."""

    frames: np.ndarray
    rate: float


Content = Text | Audio | Image | Series | Film


class Word(NamedTuple):
    """A word and when it was said, in seconds from the begin of its sample."""

    start: float
    end: float
    text: str


@dataclass(frozen=True)
class Clip:
    """The recording that a sample is of.

    Attributes:
        path: of the file. kind: "video", "audio" or "image".
        start: where in the file the sample begins, in seconds. end: where it ends; None where the file does.
        words: with their times, where they are known.
    """

    path: Path
    kind: str
    start: float = 0.0
    end: float | None = None
    words: tuple[Word, ...] = ()


def no_clip(row: int) -> Clip | None:
    """The recording of a data set without any."""
    return None


@dataclass(frozen=True)
class Maker:
    """How a modality's features are made from what a visitor gives: the very way of the training data.

    Attributes:
        kind: what is given. "drawing": uint8 pixels (h, w, 3), white on black unless `hint` says otherwise;
            "recording": an `Audio` of one channel; "sentence": a str; "clip": the path of a checked video or sound
            file.
        hint: what to give, in a few words: "one digit". Modalities with makers of one kind and hint are made of one and
            the same thing that is given.
        make: returns the features, (F,) or (T, F), in the form of `Modality.values`, and the content to show: what
            the model was given.
    """

    kind: str
    hint: str
    make: Callable[[Any], tuple[np.ndarray, Content]]


def no_content(row: int) -> dict[str, Content]:
    """The content of a data set that comes as features only: nothing."""
    return {}


def split_term(term: str) -> tuple[str, ...]:
    """The modalities of a coalition name: `"text+audio"` -> `("text", "audio")`, `""` -> `()`."""
    return tuple(part for part in term.split("+") if part)


def coalitions(names: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of all subsets of modalities, by size, then in their order: "", "text", ..., "text+audio", ...

    >>> coalitions(["text", "audio"])
    ('', 'text', 'audio', 'text+audio')
    """
    return tuple(
        "+".join(subset) for size in range(len(names) + 1) for subset in combinations(names, size)
    )


# What the rows of a data set share, so that they are not independent: videos that sentences come from, pictures that
# several pairs show.

VIDEO_MARK = "$_$"  # between video and clip in the ids of MMSA's files


@dataclass(frozen=True, eq=False)
class Clusters:
    """Groups that rows belong to. Intervals over rows resample these, not rows.

    Attributes:
        labels: of every row and way of grouping, str (N, k): one column of videos, two of the pictures of a pair.
            Columns that share a label draw from one pool: a picture that is left here and right there is one picture.
        unit: what they are, in the plural: "videos".

    Raises:
        InvalidInput: when the labels are not (N, k) with k of 1 or more.
    """

    labels: np.ndarray
    unit: str

    def __post_init__(self) -> None:
        labels = frozen(self.labels, np.str_)
        labels = labels[:, None] if labels.ndim == 1 else labels
        check(
            labels.ndim == 2 and labels.shape[1] > 0,
            f"Argument `labels` must have shape (N,) or (N, k), one label a row and way of grouping, but has shape "
            f"{labels.shape}.",
        )
        object.__setattr__(self, "labels", labels)

    @cached_property
    def numbers(self) -> np.ndarray:
        """The labels as whole numbers, int64 (N, k): equal where labels are."""
        return (
            np.unique(self.labels, return_inverse=True)[1]
            .reshape(self.labels.shape)
            .astype(np.int64)
        )

    def taken(self, rows: np.ndarray) -> Clusters:
        """Returns the clusters of some rows."""
        return Clusters(self.labels[rows], self.unit)

    def with_own(self, ids: np.ndarray) -> Clusters:
        """Returns the clusters with a visitor's samples of these ids behind, each a cluster of its own."""
        own = np.repeat(ids[:, None], self.labels.shape[1], 1)
        return Clusters(np.concatenate([self.labels, own]), self.unit)

    def count_words(self, rows: np.ndarray) -> str:
        """Returns how many clusters some rows are of, in words: "31 videos"."""
        return f"{len(np.unique(self.numbers[rows])):,} {self.unit}"


def videos_of(ids: Sequence[str] | np.ndarray) -> Clusters | None:
    """Returns the videos that segments are of where every id names one, before `VIDEO_MARK`, as those of MMSA's
    files do; else None."""
    names = [str(id_) for id_ in ids]
    if not names or not all(VIDEO_MARK in name for name in names):
        return None
    return Clusters(np.array([name.rpartition(VIDEO_MARK)[0] for name in names]), "videos")


# What people say of each modality alone: labels of single modalities, as CH-SIMS has them (Yu and others 2020, ACL).
#
# Of planted data the hidden scores that every sample was made from take their place: they are what each modality says
# alone. They are read beside contributions, and may be an additional target while training; nothing else uses them.

COLUMN = "label_"  # of a modality, in the table of samples
CONFLICT, UNKNOWN = "label_conflict", "unknown"


class People(NamedTuple):
    """Labels of single modalities: a column a modality, indexed by id, NaN where nobody labelled it; and whether these
    are the hidden scores of planted data."""

    table: pd.DataFrame
    planted: bool

    @property
    def whose(self) -> str:
        """What they are, in words."""
        return "hidden scores" if self.planted else "people's labels"


def conflicting(labels: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Returns which samples people call conflicting, (B,): 1 where both signs are among their labels of single
    modalities and of the whole, 0 where not, NaN where a label is missing. A label of 0 is of neither sign.

    Args:
        labels: of single modalities, (B, M), NaN where there is none.
        whole: of the sample as a whole, (B,).

    Raises:
        InvalidInput: when the numbers of samples differ.
    """
    check(
        len(labels) == len(whole),
        f"Arguments `labels` (B, M) and `whole` (B,) must have one length, but have "
        f"{len(labels)} and {len(whole)}.",
    )
    scores = np.column_stack([np.asarray(labels, float), np.asarray(whole, float)])
    both = (scores > 0).any(1) & (scores < 0).any(1)
    return np.where(np.isfinite(scores).all(1), both.astype(float), np.nan)


def people_columns(labels: pd.DataFrame, whole: np.ndarray) -> pd.DataFrame:
    """Returns what tables and filters show of labels: a column a modality, and whether people call the sample
    conflicting: "yes", "no", or "unknown" where a label is missing."""
    called = conflicting(labels.to_numpy(float), whole)
    return (
        labels.add_prefix(COLUMN)
        .astype(float)
        .assign(**{CONFLICT: np.select([called == 1, called == 0], ["yes", "no"], UNKNOWN)})
    )
