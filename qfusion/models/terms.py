"""The terms of a model's physics, which can be weakened, removed or changed, as every family with terms has them.

A model with them is a `protocols.Physics`. Every term has a factor: 1 as learned, 0 when it is removed. `Terms` gives
slopes and knock-outs of targets (the score, a dividend, an entanglement measure), `Physics.nearest_changes` the
smallest change of each parameter that turns a decision.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
from torch import Tensor

from qfusion.models.decisions import decision
from qfusion.models.encoding.input_features import Features
from qfusion.quantum import decomposition, measure_kinds

SCORE = "score"
# Entropy has no finite slope where an eigenvalue is smaller, or a Bloch vector shorter than 1 by less.
PURE = 1e-9


class Parameter(NamedTuple):
    """One term of the physics.

    Attributes:
        key: such as "H[text+audio]", "D[text+audio]", "T", "W[5]"; counted from 1 where readers count, as on the pages.
        title: in plain words.
        kind: "coupling", "dissipation", "duration", "measurement"; "fusion", "say", "convolution", "pooling", "head".
        modalities: that it acts on; empty when on none in particular.
        value: current factor, 1 as learned.
    """

    key: str
    title: str
    kind: str
    modalities: tuple[str, ...]
    value: float


@dataclass(frozen=True, eq=False)
class Terms(ABC):
    """The terms of a model's physics, of a cohort of samples, and their current factors, (P,)."""

    parameters: tuple[Parameter, ...]
    factors: Tensor

    def moved(self, place: int, value: float) -> Self:
        """Return the same with one factor changed."""
        parameters = list(self.parameters)
        parameters[place] = parameters[place]._replace(value=value)
        return replace(self, factors=self.with_factor(place, value), parameters=tuple(parameters))

    def with_factor(self, places: int | slice, value: float) -> Tensor:
        """Return the factors with some of them changed."""
        factors = self.factors.clone()
        factors[places] = value
        return factors

    @abstractmethod
    def samples(self, target: str) -> int:
        """Return how many samples of the cohort a target is averaged over."""

    @abstractmethod
    def slopes(self, targets: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Return the values (Y,) of targets and their slopes in the factors, (P, Y); NaN where a slope is infinite."""

    @abstractmethod
    def effects(self, targets: Sequence[str], slopes: np.ndarray) -> np.ndarray:
        """Return the changes of targets when each term is removed in turn, (P, Y).

        Args:
            targets: names, Y of them.
            slopes: of `slopes`, from which effects of linear terms follow.
        """

    @abstractmethod
    def scores_without(self, inputs: Mapping[str, Features]) -> np.ndarray:
        """Return all scores of samples when each term is removed in turn, (P, B, C)."""


def coalition_signs(target: str, names: tuple[str, ...]) -> dict[decomposition.Subset, float]:
    """Return the coalitions whose signed values add up to a score or dividend, with their signs. The largest
    coalition is last.
    """
    everything = decomposition.subsets(len(names))
    if target == SCORE:
        return {everything[-1]: 1.0}
    name = measure_kinds.split_column(target)[1]
    whole = next(S for S in everything if decomposition.subset_name(S, names) == name)
    return {S: (-1.0) ** (len(whole) - len(S)) for S in everything if set(S) <= set(whole)}


def spread_places(count: int, most: int) -> np.ndarray:
    """Return the places of at most `most` of `count` samples, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


@dataclass(frozen=True, eq=False)
class Turn:
    """A change that is to turn a decision.

    Attributes:
        before, after: scores (C,); `after` from running the model with the change.
    """

    before: np.ndarray
    after: np.ndarray

    @property
    def decision(self) -> int:
        """The decision before: a class, or 1 for a positive score and 0 for another."""
        return decision(self.before)

    @property
    def turned(self) -> int:
        """The decision after."""
        return decision(self.after)

    @property
    def verified(self) -> bool:
        """Whether the model, run again, decides otherwise."""
        return self.turned != self.decision


@dataclass(frozen=True, eq=False)
class ParameterChange(Turn):
    """The nearest setting of one parameter that turns the decision.

    Attributes:
        kind: "coupling", "dissipation", "duration" or "angle".
        name: a coalition such as "text+audio"; "T"; or "element.stage.pattern",
            numbers from 0.
        learned, value: before and after: a factor, T itself, or radians.
        size: |value / learned - 1|, or the change in radians of an angle.
    """

    kind: str
    name: str
    learned: float
    value: float
    size: float


@dataclass(frozen=True, eq=False)
class Search:
    """Result of the search for changes of single parameters that turn a decision.

    Attributes:
        changes: the nearest turn of each parameter that has one, smallest first.
        tried: how many parameters were turned.
        largest_factor, largest_duration: ends of the searched ranges of factors and of the duration; None where all
            parameters are angles, which are searched over the full circle.
        resolution: for interpolated parameters the largest relative size of the last coefficients; 0 for closed forms.
    """

    changes: tuple[ParameterChange, ...]
    tried: int
    resolution: float
    largest_factor: float | None = None
    largest_duration: float | None = None
