"""A modality of a data set: the features of every sample, as vectors or as padded sequences."""

from __future__ import annotations

from dataclasses import InitVar, dataclass
from math import prod

import numpy as np

from qfusion._checks import check
from qfusion.data import set_digest
from qfusion.data.arrays import read_only_array
from qfusion.data.given_forms import GivenForm


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
        for start, piece in set_digest.enumerate_pieces(set_digest.pieces(self.values)):
            is_padding = np.arange(steps) >= lengths[start : start + len(piece), None]
            check(
                not np.any(piece[is_padding]),
                f"Argument `values` of modality '{self.name}' must be zero beyond each sample's length, but is not. "
                "Set the padding to zero.",
            )
