"""What a data set is: modalities, a target, ids, a split, what there is to show of a sample, what rows share, and what
people say of each modality alone; and how class sets are split and named.

A data set is checked once, when it is made; whatever reads it afterwards can rely on it. Its arrays are read-only,
because one data set is shared by every session of the app.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from functools import cached_property
from itertools import combinations
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from qfusion._checks import MOST_MODALITIES, check, choose, require_few_modalities
from qfusion.data import files
from qfusion.errors import InvalidInput, translate_errors

if TYPE_CHECKING:
    import torch


def frozen(values: Any, dtype: Any) -> np.ndarray:
    """Returns `values` as a read-only array of `dtype`; a copy unless it is one already.

    Raises:
        InvalidInput: when the values cannot be read as that type.
    """
    with translate_errors(
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
        seconds: how long the whole file is; None where that is not known.
        state: size of the file in bytes and time of its last change in nanoseconds, as it was joined; None where that
            is not known.
    """

    path: Path
    kind: str
    start: float = 0.0
    end: float | None = None
    words: tuple[Word, ...] = ()
    seconds: float | None = None
    state: tuple[int, int] | None = None


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

    Raises:
        InvalidInput: when there are more than 12 modalities.
    """
    require_few_modalities("A model", len(names))
    return tuple(
        "+".join(subset) for size in range(len(names) + 1) for subset in combinations(names, size)
    )


def coalitions_said(count: int) -> str:
    """Returns, in one sentence, how many coalitions so many modalities have, where they are many; else an empty
    string."""
    if count < MANY:
        return ""
    return (
        f"{count} modalities have {2**count:,} coalitions, and all of them are explained: every modality more doubles "
        f"their number and the time that explanations take (at most {MOST_MODALITIES} modalities)."
    )


MANY = 8  # modalities from which it is said how many coalitions they have: 256


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
    scores = np.column_stack([labels, whole]).astype(float)
    return np.where(np.isfinite(scores).all(1), (scores > 0).any(1) & (scores < 0).any(1), np.nan)


def people_columns(labels: pd.DataFrame, whole: np.ndarray) -> pd.DataFrame:
    """Returns what tables and filters show of labels: a column a modality, and whether people call the sample
    conflicting: "yes", "no", or "unknown" where a label is missing."""
    called = conflicting(labels.to_numpy(float), whole)
    return (
        labels.add_prefix(COLUMN)
        .astype(float)
        .assign(**{CONFLICT: np.select([called == 1, called == 0], ["yes", "no"], UNKNOWN)})
    )


# What a data set is: modalities, a target, ids, a split, and what there is to show of a sample.

SPLITS = ("train", "valid", "test")
BLOCK = 64_000_000  # bytes of features that are read at once


@dataclass(frozen=True, eq=False)
class DataSet:
    """Samples with their modalities, targets, split and whatever there is to show; checked when made.

    Attributes:
        name: what it is loaded by.
        title: what a person calls it.
        description: a paragraph for the page.
        source: where it comes from.
        licence: the terms it comes under.
        modalities: each with N samples, in the order of the tensor product.
        target: what is predicted.
        y: the targets (N,): float64 for regression, int64 classes otherwise.
        ids: the samples' names, str (N,), unique.
        split: "train", "valid" or "test", str (N,), none of them empty.
        table: per-sample columns to show and filter by, N rows indexed by id; with `unimodal` and a number as target,
            those of `people_columns` too, in the place of columns called so.
        truth: where it is known, each sample's true Harsanyi dividends: columns as `coalitions` names them, indexed by
            id; of two classes those of the first: 1 where it is right, -1 where not.
        noise_variance: where it is known, the variance of what no model can predict.
        content_of: returns the raw content of a row, by modality.
        unimodal: where each modality was annotated on its own (CH-SIMS), those targets: a column per modality, indexed
            by id.
        clusters: what rows share, where they do: videos, pictures. Intervals over rows resample these; None where rows
            are independent.
        clip_of: returns the recording that a row is of, where there is one.
        makers: of the modalities whose features can be made here from what a visitor gives, how.
        own: samples of a visitor's behind those of the set, see `own.behind`.
        recorded: of an imported set, the digest that was recorded when all checks were made: they are not made again,
            and what lies in memory-mapped arrays is not read. `dataclasses.replace` forgets it.

    Raises:
        InvalidInput: when shapes disagree, ids repeat, a split is empty, a value is NaN or infinite, or there are more
            than 12 modalities; the message names the modality, the first such sample and the feature.
    """

    name: str
    title: str
    description: str
    source: str
    licence: str
    modalities: tuple[Modality, ...]
    target: Target
    y: np.ndarray
    ids: np.ndarray
    split: np.ndarray
    table: pd.DataFrame
    truth: pd.DataFrame | None = None
    noise_variance: float | None = None
    content_of: Callable[[int], dict[str, Content]] = field(default=no_content, repr=False)
    unimodal: pd.DataFrame | None = None
    clusters: Clusters | None = field(default=None, repr=False)
    clip_of: Callable[[int], Clip | None] = field(default=no_clip, repr=False)
    makers: Mapping[str, Maker] = field(default_factory=dict, repr=False)
    own: DataSet | None = field(default=None, repr=False)
    recorded: InitVar[str] = ""

    def __post_init__(self, recorded: str) -> None:
        for name, value in (
            ("modalities", tuple(self.modalities)),
            ("y", frozen(self.y, float if self.target.kind == "regression" else np.int64)),
            ("ids", frozen(self.ids, np.str_)),
            ("split", frozen(self.split, np.str_)),
        ):
            object.__setattr__(self, name, value)
        require_few_modalities(f"Data set {self.name}", len(self.modalities))
        check(
            self.clusters is None or len(self.clusters.labels) == len(self.ids),
            f"Argument `clusters` must have a row for each of {len(self.ids)} samples, but has "
            f"{0 if self.clusters is None else len(self.clusters.labels)}. Name the cluster of every sample.",
        )
        if recorded:
            object.__setattr__(self, "digest", recorded)
        else:
            _check(self)
        if self.unimodal is not None and self.target.kind == "regression":
            object.__setattr__(
                self, "table", self.table.assign(**people_columns(self.unimodal, self.y))
            )

    def __len__(self) -> int:
        return len(self.ids) - (0 if self.own is None else len(self.own))

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities' names, in order."""
        return tuple(m.name for m in self.modalities)

    @property
    def input_specs(self) -> dict[str, dict[str, Any]]:
        """What a model needs to know to be built: per modality the number of features, whether it is a sequence, and
        the features' shape where they have one."""
        return {
            m.name: {"size": m.size, "sequence": m.is_sequence}
            | ({} if m.shape is None else {"shape": m.shape})
            for m in self.modalities
        }

    def rows(self, split: str | None = None) -> np.ndarray:
        """Returns the row numbers of a split, ascending, int64.

        Args:
            split: "train", "valid", "test", several joined like "train+valid", or None for every row.

        Raises:
            NotFound: when there is no such split.
        """
        if split is None:
            return np.arange(len(self))
        return np.flatnonzero(
            np.isin(self.split, [choose("Split", part, SPLITS) for part in split.split("+")])
        )

    def row(self, sample_id: str) -> int:
        """Returns the row of a sample.

        Raises:
            NotFound: when there is none of that id, with close matches.
        """
        return int(self.places([sample_id])[0])

    def places(self, sample_ids: Iterable[str]) -> np.ndarray:
        """Returns the rows of several samples, (n,) int64.

        Raises:
            NotFound: when there is none of some id, with close matches.
        """
        names = [str(id_) for id_ in sample_ids]
        rows = self._place.get_indexer(names)
        for place in np.flatnonzero(rows < 0):
            # Looking for close matches in a million ids would take minutes.
            choose(f"In data set '{self.name}', sample", names[place], self.ids[:5000].tolist())
        return np.asarray(rows, dtype=np.int64)

    @cached_property
    def people(self) -> People | None:
        """People's labels of single modalities, where the target is a number and there are any; of planted data the
        hidden scores."""
        if self.target.kind != "regression":
            return None
        if self.unimodal is not None and len(self.unimodal.columns):
            return People(
                self.unimodal[[name for name in self.names if name in self.unimodal]], False
            )
        hidden = {
            f"latent_{name}": name for name in self.names if f"latent_{name}" in self.table.columns
        }
        if self.truth is None or not hidden:
            return None
        return People(self.table[list(hidden)].rename(columns=hidden).astype(float), True)

    @cached_property
    def signed(self) -> bool:
        """Whether targets lie on both sides of zero, so that a sign says something."""
        return self.target.kind == "regression" and bool((self.y < 0).any() and (self.y > 0).any())

    @cached_property
    def _place(self) -> pd.Index:
        return pd.Index(self.ids.astype(object))

    @cached_property
    def identity(self) -> str:
        """A digest of all that a reader is told of it: of its words, its table and what `digest` says of its numbers.
        Two sets of the same numbers may be of different people."""
        sha = hashlib.sha256(
            "\0".join(
                (
                    self.name,
                    self.title,
                    self.description,
                    self.source,
                    self.licence,
                    self.digest,
                    *(
                        []
                        if self.target.convention in (MOSI, "classes")
                        else [self.target.convention]
                    ),
                )
            ).encode("utf-8", "surrogatepass")
        )
        for frame in (self.table, self.truth, self.unimodal):
            if frame is not None:
                sha.update(repr(list(frame.columns)).encode())
                try:
                    rows = pd.util.hash_pandas_object(frame, index=False)
                except TypeError:  # cells such as lists
                    rows = pd.util.hash_pandas_object(frame.astype(str), index=False)
                sha.update(rows.to_numpy().tobytes())
        return sha.hexdigest()

    def known(self, sample_ids: Iterable[str]) -> list[str]:
        """Returns those of some ids that it has, each once, in their order."""
        return [name for name in dict.fromkeys(map(str, sample_ids)) if name in self._place]

    def of_label(self, label: str) -> DataSet:
        """Returns the question whether a sample has one of several labels: two classes, the second is yes.

        It is called NAME:LABEL, which `load` takes; features, split and ids are those of this set.

        Raises:
            NotFound: when samples do not have several labels, or none is called so.
        """
        at = self.target.labels.index(
            choose(f"Label of data set '{self.name}'", label, self.target.labels)
        )
        return replace(
            self,
            name=f"{self.name}:{label}",
            title=f"{self.title}: {label}",
            target=Target(
                "classification",
                label,
                None,
                (f"not {label}", label),
                self.target.unit,
                self.target.labels,
                ((), (at,)),
            ),
            y=np.array([at in labels for labels in self.target.sets])[self.y].astype(np.int64),
            recorded=hashlib.sha256(f"{self.digest}|{label}".encode()).hexdigest(),
        )

    def part(self, rows: np.ndarray) -> DataSet:
        """Returns some of the samples as a set of its own, which holds a copy of their features.

        Args:
            rows: row numbers, of every split some.
        """
        rows = self._checked_rows(rows)

        return replace(
            self,
            modalities=tuple(
                replace(
                    m,
                    values=m.values[rows],
                    lengths=None if m.lengths is None else m.lengths[rows],
                    checked=True,
                )
                for m in self.modalities
            ),
            y=self.y[rows],
            ids=self.ids[rows],
            split=self.split[rows],
            table=self.table.iloc[rows],
            truth=None if self.truth is None else self.truth.iloc[rows],
            unimodal=None if self.unimodal is None else self.unimodal.iloc[rows],
            content_of=lambda row: self.content_of(int(rows[row])),
            clip_of=lambda row: self.clip_of(int(rows[row])),
            clusters=None if self.clusters is None else self.clusters.taken(rows),
            recorded=hashlib.sha256(f"{self.digest}|{rows.tolist()}".encode()).hexdigest(),
        )

    def content(self, row: int) -> dict[str, Content]:
        """Returns the raw content of a row by modality, only of the modalities that have any.

        Raises:
            InvalidInput: when there is no such row.
        """
        return dict(self.content_of(int(self._checked_rows(row)[0])))

    def inputs(
        self, rows: Any = None, dtype: torch.dtype | None = None, only: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Returns what models take: per modality a tensor (B, F), or for sequences (values (B, T, F), mask (B, T)).

        Args:
            rows: one row number, several, or None for all N.
            dtype: of the values; torch.float32 unless told. In the mask True marks a real step.
            only: names of the modalities wanted; all unless told.

        Raises:
            InvalidInput: when a row does not exist.
        """
        import torch

        chosen = self._checked_rows(self.rows() if rows is None else rows)
        tensors: dict[str, Any] = {}
        for name in (name for name in self.names if only is None or name in only):
            features, lengths = self.features(name, chosen)
            tensors[name] = torch.from_numpy(features).to(dtype or torch.float32)
            if lengths is not None:
                real = np.arange(features.shape[1]) < lengths[:, None]
                tensors[name] = (tensors[name], torch.from_numpy(real))
        return tensors

    def features(self, name: str, rows: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Returns the features of a modality of some rows, (B, F) or (B, T, F), and of sequences their lengths (B,).

        Args:
            name: of the modality. rows: one row number or several.

        Raises:
            InvalidInput: when a row does not exist.
        """
        chosen, at = self._checked_rows(rows), self.names.index(name)
        m = self.modalities[at]
        if self.own is None or bool((chosen < len(self)).all()):
            return m.values[chosen], None if m.lengths is None else m.lengths[chosen]
        behind, inside = self.own.modalities[at], np.minimum(chosen, len(self) - 1)
        outside = np.maximum(chosen - len(self), 0)
        is_own = (chosen >= len(self)).reshape(-1, *[1] * (m.values.ndim - 1))
        values = np.where(is_own, behind.values[outside], m.values[inside])
        if m.lengths is None or behind.lengths is None:
            return values, None
        return values, np.where(is_own.ravel(), behind.lengths[outside], m.lengths[inside])

    def is_own(self, row: int) -> bool:
        """Whether a row is a visitor's, of which no truth is known."""
        return row >= len(self)

    def blocks(self, rows: np.ndarray, itemsize: int = 8, most: int = 4096) -> list[np.ndarray]:
        """Returns row numbers (B,) in blocks, in their order, whose features do not take more than `BLOCK` bytes.

        Args:
            itemsize: bytes of a number. most: rows of a block.
        """
        width = itemsize * sum(int(np.prod(m.values.shape[1:])) for m in self.modalities)
        size = max(1, min(most, BLOCK // max(width, 1)))
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, over ids, split, targets every modality's names, values, lengths and shape, and unimodal
        targets."""
        return digest_of(self)

    def _checked_rows(self, rows: Any) -> np.ndarray:
        chosen = np.atleast_1d(np.asarray(rows))
        check(
            (chosen.dtype.kind in "iu" or chosen.size == 0) and chosen.ndim == 1,
            f"Argument `rows` must hold row numbers, but has type {chosen.dtype} and shape {chosen.shape}. "
            "Use `row(id)` or `rows(split)` to get them.",
        )
        bad = chosen[(chosen < 0) | (chosen >= len(self.ids))]
        check(
            bad.size == 0,
            f"Argument `rows` must lie in 0..{len(self.ids) - 1}, but holds {bad[:1].tolist()}. "
            "Use `row(id)` or `rows(split)` to get row numbers.",
        )
        return chosen.astype(np.int64, copy=False)


def digest_of(data: DataSet) -> str:
    """Returns the digest of what a data set holds now, whatever was recorded."""
    return files.digest(
        data.target,
        data.ids,
        data.split,
        data.y,
        (
            (m.name, m.values.shape, m.feature_names, files.pieces(m.values), m.lengths, m.shape)
            for m in data.modalities
        ),
        data.unimodal,
    )


def _check(data: DataSet) -> None:
    """Checks that all parts of a data set fit together."""
    count = len(data.ids)
    check(
        len(data.modalities) > 0,
        "Argument `modalities` must hold at least one modality, but is empty. Add one.",
    )
    check(
        len(set(data.names)) == len(data.names),
        f"Argument `modalities` must have distinct names, but has {data.names}. Rename the repeated ones.",
    )
    for name, array in (("ids", data.ids), ("split", data.split), ("y", data.y)):
        check(
            array.ndim == 1 and len(array) == count,
            f"Argument `{name}` must have shape ({count},) like `ids`, but has shape {array.shape}. One per sample.",
        )
    for m in data.modalities:
        check(
            len(m.values) == count,
            f"Modality '{m.name}' must have {count} samples like `ids`, but has "
            f"{len(m.values)}. Drop or add samples.",
        )
    check(
        bool((data.ids != "").all()), "Argument `ids` must not hold empty names. Name every sample."
    )
    unique, counts = np.unique(data.ids, return_counts=True)
    check(
        len(unique) == len(data.ids),
        f"Argument `ids` must be unique, but {str(unique[counts > 1][:1].tolist())[:80]} appears more than once. "
        "Drop or rename duplicates.",
    )
    for part in np.unique(data.split).tolist():
        choose("Split", part, SPLITS)
    for part in SPLITS:
        check(
            bool((data.split == part).any()),
            f"Argument `split` must put at least one sample in '{part}', but puts none there. Move some samples.",
        )
    _check_finite(data)
    _check_targets(data)
    _check_tables(data)


def _check_finite(data: DataSet) -> None:
    for m in data.modalities:
        count = 0
        first: list[Any] = []
        for at, piece in files.placed(files.pieces(m.values)):
            if not np.isfinite(piece).all():
                bad = np.argwhere(~np.isfinite(piece))
                first = first or [at + bad[0][0], *bad[0][1:]]
                count += len(bad)
        if first:
            row, *step, feature = first
            where = f"sample '{str(data.ids[row])[:80]}'" + (f", step {step[0]}" if step else "")
            raise InvalidInput(
                f"Modality '{m.name}' must be finite, but holds {count} NaN or infinite values, the first "
                f"in {where}, feature '{m.feature_names[feature]}'. Clean or impute the data first."
            )
    for row in np.flatnonzero(~np.isfinite(data.y)):
        raise InvalidInput(
            f"Argument `y` must be finite, but is not for sample '{str(data.ids[row])[:80]}'. "
            "Drop the sample or mend its target."
        )


def _check_targets(data: DataSet) -> None:
    target, y = data.target, data.y
    low, high = (
        (0, len(target.classes) - 1)
        if target.kind == "classification"
        else target.range or (-np.inf, np.inf)
    )
    check(
        bool(((y >= low) & (y <= high)).all()),
        f"Argument `y` must lie in [{low:g}, {high:g}] for target '{target.name}', but goes from {y.min():g} to "
        f"{y.max():g}. Correct the range or the targets.",
    )
    if target.convention == "sims":
        check_convention(target.convention, y)


def _check_tables(data: DataSet) -> None:
    for name, table in (("table", data.table), ("truth", data.truth)):
        check(
            table is None or list(table.index) == data.ids.tolist(),
            f"Argument `{name}` must have the ids as its index, in their order, but has others. Use "
            f"`{name}.set_index(ids)`.",
        )
    if data.truth is not None:
        check(
            tuple(data.truth.columns) == coalitions(data.names),
            f"Argument `truth` must have columns {coalitions(data.names)}, but has {tuple(data.truth.columns)}. "
            "Reorder or rename.",
        )
        check(
            bool(np.isfinite(data.truth.to_numpy()).all()),
            "Argument `truth` must be finite. Recompute it.",
        )
    if data.unimodal is not None:
        check(
            all(pd.api.types.is_numeric_dtype(kind) for kind in data.unimodal.dtypes),
            f"Argument `unimodal` must hold numbers, but has columns of {list(map(str, data.unimodal.dtypes))}. "
            "Convert them, with NaN where there is no label.",
        )
        check(
            list(data.unimodal.index) == data.ids.tolist()
            and set(data.unimodal.columns) <= set(data.names),
            f"Argument `unimodal` must have a row for every id, in their order, and columns among {data.names}, but "
            f"has columns {tuple(data.unimodal.columns)}. Reorder or rename.",
        )


# What class data sets share: stratified splits, names of samples and features, and pictures large enough to see.

SPLIT_SEED = 2013
TEST_SHARE, VALID_SHARE = 0.3, 0.1


def stratified(
    y: np.ndarray, seed: int = SPLIT_SEED, test: float = TEST_SHARE, valid: float = VALID_SHARE
) -> np.ndarray:
    """Returns "train", "valid" or "test" per sample, str (N,), with the same shares in every class.

    Every class of three samples or more is in every part that has a share above zero.

    Args:
        y: classes (N,).
        seed: of the random order.
        test: share of the test part, in 0..1.
        valid: share of the validation part, in 0..1; the rest trains.
    """
    rng = np.random.default_rng(seed)
    split = np.full(len(y), "train", dtype="<U5")
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        tests, valids = (max(round(share * len(rows)), int(share > 0)) for share in (test, valid))
        split[rows[:tests]] = "test"
        split[rows[tests : tests + valids]] = "valid"
    return split


def numbered(prefix: str, count: int) -> np.ndarray:
    """Returns ids "prefix-0001", ... that sort as they count, str (count,)."""
    return np.array([f"{prefix}-{row:0{max(4, len(str(count)))}d}" for row in range(1, count + 1)])


def padded(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Returns sequences that lie one after another, (sum of lengths, F), as float32 (N, T, F), zero beyond each one's
    length (N,)."""
    result = np.zeros((len(lengths), int(lengths.max(initial=1)), values.shape[1]), np.float32)
    result[np.arange(result.shape[1]) < lengths[:, None]] = values
    return result


def pixel_names(shape: tuple[int, ...], what: str = "pixel") -> tuple[str, ...]:
    """Returns the names "pixel 1,1" (row, column), ... of a picture's entries, row by row; of a coloured one,
    (h, w, 3), "pixel 1,1 red", ..."""
    return tuple(
        f"{what} {row},{column}{colour}"
        for row in range(1, shape[0] + 1)
        for column in range(1, shape[1] + 1)
        for colour in ([" red", " green", " blue"] if len(shape) == 3 else [""])
    )


def enlarged(pixels: np.ndarray, side: int = 128) -> np.ndarray:
    """Returns a picture (h, w) with each pixel repeated, so that its longer side has at most `side` pixels, or as many
    as before."""
    factor = max(1, side // max(pixels.shape[:2]))
    return np.repeat(np.repeat(pixels, factor, axis=0), factor, axis=1)


def grey(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Returns values (h, w) as grey levels, uint8: `low` and below black, `high` and above white."""
    return np.round(255 * np.clip((values - low) / (high - low), 0, 1)).astype(np.uint8)
