"""Terms of a model's physics with their factors: what `sensitivity` asks of every kind of model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from torch import Tensor

from qfusion.models.encoders import Features

SCORE = "score"
# entanglement is followed sample by sample: the mean over a cohort takes at most so many, evenly spaced
ENTANGLEMENT_SAMPLES = 12


class Parameter(NamedTuple):
    """One term of the physics.

    Attributes:
        key: such as "H[text+audio]", "D[text+audio]", "T", "W[5]"; counted from 1 where readers count, as on the pages.
        title: in plain words.
        kind: "coupling", "dissipation", "duration", "measurement"; "fusion", "say", "convolution", "pooling", "head".
        modalities: that it is about; empty when about none in particular.
        value: factor where it stands now, 1 as learned.
    """

    key: str
    title: str
    kind: str
    modalities: tuple[str, ...]
    value: float


T = TypeVar("T", bound="Terms")


@dataclass(frozen=True, eq=False)
class Terms:
    """The terms of a model's physics and where their factors stand, (P,)."""

    parameters: tuple[Parameter, ...]
    factors: Tensor

    def moved(self: T, place: int, value: float) -> T:
        """Returns the same with one factor changed."""
        factors, parameters = self.factors.clone(), list(self.parameters)
        factors[place] = value
        parameters[place] = parameters[place]._replace(value=value)
        return replace(self, factors=factors, parameters=tuple(parameters))


class System(Protocol):
    """What a model's physics answers; one instance holds the cohort, the background and where the factors stand."""

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The terms."""

    def slopes(self, targets: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Returns values (Y,) and slopes (P, Y)."""

    def effects(self, targets: Sequence[str]) -> np.ndarray:
        """Returns the effects of removal, (P, Y)."""

    def moved(self, place: int, value: float) -> System:
        """Returns the system with one factor changed."""

    def scores_without(self, inputs: Mapping[str, Features]) -> np.ndarray:
        """Returns the scores of other samples with each term removed in turn, from every output, (P, B, C)."""

    def samples(self, target: str) -> int:
        """How many samples a target is averaged over."""
