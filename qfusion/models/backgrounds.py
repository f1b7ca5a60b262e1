"""Backgrounds: the samples or states that replace the modalities that a coalition leaves out.

`Background` is the part that all have in common. Each family of models defines its own subclass with the numbers that
its algebra needs, makes it (`CoalitionAlgebra.make_background`) and reads it; no other code looks inside.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol

from torch import Tensor

# What replaces absent modalities.
PRODUCT = "product"  # the mean over the background samples, each modality drawn independently
JOINT = "joint"  # the mean over the background samples as they occur
MIXED = "mixed"  # the maximally mixed state: nothing is known
ZERO = "zero"  # the reference state |0>: the encoder gives no signal
COHORT = "cohort"  # the mean over chosen samples as they occur
CONTRAST = "contrast"  # one other sample
KINDS = (PRODUCT, JOINT, MIXED, ZERO, COHORT, CONTRAST)
DEFAULT = PRODUCT  # all coalitions break the pairing of the data alike
SAMPLE_KINDS = (PRODUCT, JOINT, COHORT, CONTRAST)  # those made of samples
GROUPS = 8  # of drawn samples; standard errors follow from their differences
# What standard errors of contributions are over.
Spread = Literal["sampled background", "raters", "shots", "measurement"]


@dataclass(frozen=True, kw_only=True)
class Background(ABC):
    """A background of one model.

    Attributes:
        kind: of `KINDS`.
        size: number of samples, or of combinations of their modalities, averaged over; 0 for "mixed" and "zero".
        label: name of a cohort, or id of the sample to contrast with.
        total: number of samples that were drawn from, where the background is a random part of them, or that are
            combined; else 0.
    """

    kind: str
    size: int
    label: str = ""
    total: int = 0

    @property
    def is_drawn(self) -> bool:
        """Whether its samples were drawn from a larger set."""
        return self.size < self.total

    @property
    def is_exact(self) -> bool:
        """Whether means over its samples are exact."""
        return not self.is_drawn

    @property
    def spread(self) -> Spread:
        """What standard errors of contributions against it are over."""
        return "shots" if self.is_exact else "sampled background"

    @property
    def samples(self) -> int:
        """Number of samples averaged over, also where their modalities are combined."""
        return min(self.size, self.total or self.size)

    @property
    def name(self) -> str:
        """The kind, with size and label of a cohort, the id of a contrast, and the number of rows of a part."""
        kind = self.kind
        if kind == "contrast":
            kind = f"contrast sample {self.label}".rstrip()
        elif kind == "cohort":
            kind = f"cohort of {self.size:,} samples" + (f" '{self.label}'" if self.label else "")
        return f"{kind}, {self.size:,} of {self.total:,} rows" if self.is_drawn else kind

    @cached_property
    def key(self) -> str:
        """Name and digest of the numbers: distinguishes backgrounds of one name."""
        numbers = self.numbers().contiguous().numpy().tobytes()
        return f"{self.name} {hashlib.sha256(numbers).hexdigest()[:16]}"

    def subsample(self, count: int, seed: int = 0) -> Background:
        """Return a background of at most `count` rows where the cost grows with the rows; else the background itself.

        Args:
            count: of rows, drawn at random without replacement.
            seed: of the draw.
        """
        return self

    @abstractmethod
    def numbers(self) -> Tensor:
        """Return the numbers that the background consists of, for `key`."""


class Group(Protocol):
    """Processes that share the work on a background, such as `training.processes.Group`."""

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum of a tensor over all processes."""

    def collected(self, own: dict[int, Any]) -> dict[int, Any]:
        """Return the entries of every process's mapping, in every process."""
