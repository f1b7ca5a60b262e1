"""A modality of a data set: the features of every sample, as vectors or as padded sequences, and the form that a user
gave them in, where another is stored: pictures with their channels first, token numbers, whole numbers.

A data set stores vectors (N, F) and sequences (N, T, F) of real numbers. A model that lives in a user's process takes
its features as they were given, so `restore` returns them to that form.

    (N, h, w), (N, h, w, 3)     pictures, stored as (N, F) with shape (h, w) or (h, w, 3)
    (N, 1, h, w), (N, 3, h, w)  pictures with their channels first, stored in the same way
    (N, T) with a mask          token numbers, stored as a sequence (N, T, 1)
"""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from math import prod
from typing import TYPE_CHECKING

import numpy as np

from qfusion._checks import check
from qfusion.data import array_chunks
from qfusion.data.array_chunks import read_only_array

if TYPE_CHECKING:
    from torch import Tensor

CHANNELS = (1, 3)
SMALLEST = 4  # rows and columns of an array that is taken for a picture with channels


@dataclass(frozen=True)
class GivenForm:
    """The form of the samples of a modality as a user gave them.

    Attributes:
        shape: of one sample; () of a step that is one number.
        whole: whether its values are whole numbers, such as those of tokens.
    """

    shape: tuple[int, ...]
    whole: bool = False


def store_picture(values: np.ndarray) -> tuple[np.ndarray, tuple[int, ...]]:
    """Return pictures and other arrays as vectors, (N, F), and the shape of one: (h, w) or (h, w, 3) of a picture.

    Args:
        values: (N, h, w), (N, h, w, C), (N, C, h, w) with C of `CHANNELS`, or any other shape.
    """
    shape = values.shape[1:]
    if len(shape) == 3 and shape[2] not in CHANNELS and is_channels_first(shape):
        values = np.moveaxis(values, 1, 3)
        shape = values.shape[1:]
    if len(shape) == 3 and shape[2] == 1 and min(shape[:2]) >= SMALLEST:
        shape = shape[:2]
    return values.reshape(len(values), -1), tuple(shape)


def is_channels_first(shape: tuple[int, ...]) -> bool:
    """Whether the shape of one sample is that of a picture with its channels first, (C, h, w).

    Example:
        >>> from qfusion.data.modality_spec import is_channels_first
        >>> is_channels_first((3, 16, 16))
        True
    """
    return len(shape) == 3 and shape[0] in CHANNELS and min(shape[1:]) >= SMALLEST


def restore(values: Tensor, form: GivenForm, sequence: bool = False) -> Tensor:
    """Return stored features in the form that they were given in.

    Args:
        values: (B, F), or (B, T, 1) of token numbers.
        form: that they were given in.
        sequence: whether the modality is a sequence.
    """
    if sequence:
        return values[..., 0] if form.shape == () else values
    shape = form.shape
    if is_channels_first(shape) and shape[0] > 1 and shape[2] not in CHANNELS:
        return values.reshape(-1, *shape[1:], shape[0]).movedim(-1, 1)
    return values.reshape(-1, *shape)


def round_whole(values: Tensor) -> Tensor:
    """Return whole numbers as a model that takes token numbers expects them, int64."""
    return values.round().long()


@dataclass(frozen=True, eq=False)
class Modality:
    """The features of one modality of every sample.

    Attributes:
        name: for example "text".
        values: float32, or float64 if `double`, vectors (N, F) or zero-padded sequences (N, T, F).
        lengths: for sequences, the numbers of real steps, int64 (N,), each in 1..T; None for vectors.
        feature_names: the F names of the features.
        shape: for vectors that are flattened pictures or other arrays, their shape, with product F; else None.
        rate: steps a second of a sequence, if known.
        double: whether the values are in double precision, as amplitudes of kets are.
        checked: whether lengths and padding were checked before, as for imported sets: memory-mapped arrays are then
            not read.
        given: the form that a user gave the samples in, of a set made in Python; None where it is the stored one.

    Raises:
        InvalidInput: when shapes disagree. Finiteness is checked by the data set, which can name the sample.
    """

    name: str
    values: np.ndarray
    lengths: np.ndarray | None
    feature_names: tuple[str, ...]
    shape: tuple[int, ...] | None = None
    rate: float | None = None
    double: bool = False
    checked: InitVar[bool] = False
    given: GivenForm | None = None

    def __post_init__(self, checked: bool) -> None:
        object.__setattr__(
            self, "values", read_only_array(self.values, np.float64 if self.double else np.float32)
        )
        object.__setattr__(self, "feature_names", tuple(self.feature_names))
        if self.lengths is not None:
            object.__setattr__(self, "lengths", read_only_array(self.lengths, np.int64))
        if self.shape is not None:
            object.__setattr__(self, "shape", tuple(int(n) for n in self.shape))
        self._check_shapes()
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

    def _check_shapes(self) -> None:
        """Check that all attributes fit the values."""
        check(
            self.name != "" and "+" not in self.name,
            f"Argument `name` of a modality must be non-empty without '+', but is {self.name!r}. Rename it.",
        )
        shape = "(N, F)" if self.lengths is None else "(N, T, F)"
        check(
            self.values.ndim == (2 if self.lengths is None else 3),
            f"Argument `values` of modality '{self.name}' must have shape {shape}, but has shape {self.values.shape}. "
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

    def _check_steps(self, lengths: np.ndarray) -> None:
        """Check lengths and padding of sequences."""
        steps = self.values.shape[1]
        check(
            bool(((lengths >= 1) & (lengths <= steps)).all()),
            f"Argument `lengths` of modality '{self.name}' must lie in 1..{steps}, but goes from "
            f"{lengths.min(initial=steps + 1)} to {lengths.max(initial=0)}. Every sample needs at least one step.",
        )
        for start, chunk in array_chunks.enumerate_chunks(array_chunks.iter_chunks(self.values)):
            is_padding = np.arange(steps) >= lengths[start : start + len(chunk), None]
            check(
                not np.any(chunk[is_padding]),
                f"Argument `values` of modality '{self.name}' must be zero beyond each sample's length, but is not. "
                "Set the padding to zero.",
            )
