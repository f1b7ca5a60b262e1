"""What a data set is: modalities, a target, ids, a split, and what there is to show of a sample.

A data set is checked once, when it is made; whatever reads it afterwards can rely on it. Its arrays are read-only, because
one data set is shared by every session of the app.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import InitVar, dataclass, field
from functools import cached_property
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion.data import _digest, _validate
from qfusion.errors import InvalidInput, NotFound

if TYPE_CHECKING:
    import torch

SPLITS = ("train", "valid", "test")
NEAR = 5000  # ids among which one that is spelt alike is looked for


@dataclass(frozen=True, eq=False)
class Modality:
    """One modality of every sample.

    Attributes:
        name: for example "text".
        values: float32, vectors (N, F) or zero-padded sequences (N, T, F).
        lengths: for sequences, how many of the T steps are real, int64 (N,), each in 1..T; None for vectors.
        feature_names: the F names of the features.
        shape: for vectors that are flattened pictures or the like, their shape, whose product is F; else None.
        checked: whether lengths and padding were checked before, when the set was imported: a memory-mapped array is then not read.

    Raises:
        InvalidInput: when shapes disagree. Finiteness is checked by the data set, which can name the sample.
    """

    name: str
    values: np.ndarray
    lengths: np.ndarray | None
    feature_names: tuple[str, ...]
    shape: tuple[int, ...] | None = None
    checked: InitVar[bool] = False

    def __post_init__(self, checked: bool) -> None:
        object.__setattr__(self, "values", _validate.frozen(self.values, np.float32))
        if self.lengths is not None:
            object.__setattr__(self, "lengths", _validate.frozen(self.lengths, np.int64))
        object.__setattr__(self, "feature_names", tuple(self.feature_names))
        object.__setattr__(self, "shape", None if self.shape is None else tuple(int(n) for n in self.shape))
        _validate.modality(self, checked)

    @property
    def size(self) -> int:
        """The number of features F."""
        return int(self.values.shape[-1])

    @property
    def is_sequence(self) -> bool:
        """Whether samples are sequences (T, F) rather than vectors (F,)."""
        return self.lengths is not None


@dataclass(frozen=True)
class Target:
    """What is to be predicted: a number in a range, or a class.

    Attributes:
        kind: "regression" or "classification".
        name: for example "sentiment".
        range: lowest and highest value of a regression target, or None when it is unbounded.
        classes: names of the classes 0, 1, ...; empty for regression.
        unit: what one step means, to print beside an axis.
    """

    kind: str
    name: str
    range: tuple[float, float] | None = None
    classes: tuple[str, ...] = ()
    unit: str = ""

    def __post_init__(self) -> None:
        choose("Kind of target", self.kind, ("regression", "classification"))
        check(self.kind == "regression" or len(self.classes) >= 2,
              f"Argument `classes` must name at least two classes, but is {self.classes}. Name every class.")
        check(self.range is None or self.range[0] < self.range[1],
              f"Argument `range` must be (low, high) with low < high, but is {self.range}. Swap or widen it.")


@dataclass(frozen=True)
class Text:
    """What was said: a plain string (never markup), and its words where the features are one a word."""

    text: str
    words: tuple[str, ...] | None = None


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


Content = Text | Audio | Image | Series


def no_content(row: int) -> dict[str, Content]:
    """The content of a data set that comes as features only: nothing."""
    return {}


def coalitions(names: Sequence[str]) -> tuple[str, ...]:
    """Returns the names of all subsets of modalities, by size, then in modality order: "", "text", ..., "text+audio", ...

    >>> coalitions(["text", "audio"])
    ('', 'text', 'audio', 'text+audio')
    """
    return tuple("+".join(subset) for size in range(len(names) + 1) for subset in combinations(names, size))


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
        table: per-sample columns to show and filter by, N rows indexed by id.
        truth: where it is known, each sample's true Harsanyi dividends: columns as `coalitions` names them, indexed by id.
        noise_variance: where it is known, the variance of what no model can predict.
        content_of: returns the raw content of a row, by modality.
        unimodal: where each modality was annotated on its own (CH-SIMS), those targets: a column per modality, indexed by id.
        recorded: of an imported set, the digest that was recorded when all checks were made: they are not made again, and
            what lies in memory-mapped arrays is not read. `dataclasses.replace` forgets it.

    Raises:
        InvalidInput: when shapes disagree, ids repeat, a split is empty, or a value is NaN or infinite; the message names
            the modality, the first such sample and the feature.
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
    recorded: InitVar[str] = ""

    def __post_init__(self, recorded: str) -> None:
        y_type = np.float64 if self.target.kind == "regression" else np.int64
        object.__setattr__(self, "modalities", tuple(self.modalities))
        object.__setattr__(self, "y", _validate.frozen(self.y, y_type))
        for name in ("ids", "split"):
            object.__setattr__(self, name, _validate.frozen(getattr(self, name), np.str_))
        if recorded:
            self.__dict__["digest"] = recorded
        else:
            _validate.dataset(self, SPLITS)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities' names, in order."""
        return tuple(m.name for m in self.modalities)

    @property
    def input_specs(self) -> dict[str, dict[str, Any]]:
        """What a model needs to know to be built: per modality the number of features, whether it is a sequence, and the
        features' shape where they have one."""
        return {m.name: {"size": m.size, "sequence": m.is_sequence} | ({} if m.shape is None else {"shape": m.shape})
                for m in self.modalities}

    def rows(self, split: str | None = None) -> np.ndarray:
        """Returns the row numbers of a split, ascending, int64.

        Args:
            split: "train", "valid", "test", several joined like "train+valid", or None for every row.

        Raises:
            NotFound: when there is no such split.
        """
        if split is None:
            return np.arange(len(self))
        parts = [choose("Split", part, SPLITS) for part in split.split("+")]
        return np.flatnonzero(np.isin(self.split, parts))

    def row(self, sample_id: str) -> int:
        """Returns the row of a sample.

        Raises:
            NotFound: when there is none of that id, with close matches.
        """
        found = np.flatnonzero(self.ids == str(sample_id))
        if len(found) and str(self.ids[found[0]]) == str(sample_id):
            return int(found[0])
        # Looking for close matches in a million ids would take minutes.
        choose(f"In data set '{self.name}', sample", str(sample_id), self.ids[:NEAR].tolist())
        raise NotFound(f"In data set '{self.name}', sample {str(sample_id)[:80]!r} does not exist. Use an id of the data set.")

    def content(self, row: int) -> dict[str, Content]:
        """Returns the raw content of a row by modality, only of the modalities that have any.

        Raises:
            InvalidInput: when there is no such row.
        """
        return dict(self.content_of(int(self._checked_rows(row)[0])))

    def inputs(self, rows: Any = None, dtype: torch.dtype | None = None, only: Sequence[str] | None = None) -> dict[str, Any]:
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
        result: dict[str, Any] = {}
        for m in (m for m in self.modalities if only is None or m.name in only):
            values = torch.from_numpy(m.values[chosen]).to(dtype or torch.float32)
            if m.lengths is None:
                result[m.name] = values
            else:
                steps = np.arange(m.values.shape[1])
                result[m.name] = (values, torch.from_numpy(steps < m.lengths[chosen, None]))
        return result

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, over ids, split, targets every modality's names, values, lengths and shape, and unimodal targets."""
        contents = (_digest.Contents(m.name, m.values.shape, m.feature_names, _digest.pieces(m.values), m.lengths, m.shape)
                    for m in self.modalities)
        return _digest.of(self.target, self.ids, self.split, self.y, contents, self.unimodal)

    def _checked_rows(self, rows: Any) -> np.ndarray:
        chosen = np.atleast_1d(np.asarray(rows))
        if chosen.size == 0:
            chosen = chosen.astype(np.int64)
        if chosen.dtype.kind not in "iu" or chosen.ndim != 1:
            raise InvalidInput(f"Argument `rows` must hold row numbers, but has type {chosen.dtype} and shape "
                               f"{chosen.shape}. Use `row(id)` or `rows(split)` to get them.")
        bad = chosen[(chosen < 0) | (chosen >= len(self))]
        check(bad.size == 0, f"Argument `rows` must lie in 0..{len(self) - 1}, but holds {bad[:1].tolist()}. "
                             "Use `row(id)` or `rows(split)` to get row numbers.")
        return chosen
