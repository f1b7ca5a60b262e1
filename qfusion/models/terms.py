"""Terms of a model's physics, and the decisions that a change of one turns.

A model with them is a `protocols.Physics`. Every term has a factor: 1 as learned, 0 when it is removed. `Terms` gives
slopes and knock-outs of targets (the score, a dividend, an entanglement measure), `Physics.nearest_changes` the
smallest change of each parameter that turns a decision.

Decisions of scores: the class of the largest score, or the sign of a single one; and the
boundaries between decisions.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self, TypeVar

import numpy as np
import torch
from torch import Tensor

from qfusion.models.inputs import Features
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

    def with_parameter(self, place: int, value: float) -> Self:
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

    Example:
        >>> from qfusion.models.terms import coalition_signs
        >>> coalition_signs("dividend[text+audio]", ("text", "audio"))
        {(): 1.0, (0,): -1.0, (1,): -1.0, (0, 1): 1.0}
    """
    everything = decomposition.subsets(len(names))
    if target == SCORE:
        return {everything[-1]: 1.0}
    name = measure_kinds.split_column(target)[1]
    whole = next(S for S in everything if decomposition.subset_name(S, names) == name)
    return {S: (-1.0) ** (len(whole) - len(S)) for S in everything if set(S) <= set(whole)}


def spread_places(count: int, most: int) -> np.ndarray:
    """Return the places of at most `most` of `count` samples, evenly spaced.

    Example:
        >>> from qfusion.models.terms import spread_places
        >>> spread_places(10, 3).tolist()
        [0, 4, 9]
    """
    return np.unique(np.linspace(0, count - 1, min(count, most)).round().astype(int))


@dataclass(frozen=True, eq=False)
class DecisionFlip:
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
    def new_decision(self) -> int:
        """The decision after."""
        return decision(self.after)

    @property
    def verified(self) -> bool:
        """Whether the model, run again, decides otherwise."""
        return self.new_decision != self.decision


@dataclass(frozen=True, eq=False)
class ParameterFlip(DecisionFlip):
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
class FlipSearch:
    """Result of the search for changes of single parameters that turn a decision.

    Attributes:
        changes: the nearest turn of each parameter that has one, smallest first.
        tried: how many parameters were turned.
        largest_factor, largest_duration: ends of the searched ranges of factors and of the duration; None where all
            parameters are angles, which are searched over the full circle.
        resolution: for interpolated parameters the largest relative size of the last coefficients; 0 for closed forms.
    """

    changes: tuple[ParameterFlip, ...]
    tried: int
    resolution: float
    largest_factor: float | None = None
    largest_duration: float | None = None


A = TypeVar("A", Tensor, np.ndarray)


def decision(scores: np.ndarray | Tensor) -> int:
    """Return the class of the largest score; of a single score 1 where it is positive, else 0.

    Example:
        >>> import numpy as np
        >>> from qfusion.models.terms import decision
        >>> decision(np.array([0.1, 0.9])), decision(np.array([-0.4]))
        (1, 0)
    """
    return int(decisions(np.asarray(scores, dtype=float).reshape(-1)))


def decisions(scores: np.ndarray) -> np.ndarray:
    """Return the decision of every row of scores (..., C), see `decision`.

    Example:
        >>> import numpy as np
        >>> from qfusion.models.terms import decisions
        >>> decisions(np.array([[0.1, 0.9], [0.8, 0.2]])).tolist()
        [1, 0]
    """
    return np.asarray(scores[..., 0] > 0 if scores.shape[-1] == 1 else scores.argmax(-1)).astype(
        int
    )


TIE = 1e-12  # of the largest score: a smaller difference is rounding


def is_tied(scores: np.ndarray | Tensor) -> bool:
    """Return whether several classes have the same largest score, so that none of them is decided for.

    Example:
        >>> import numpy as np
        >>> from qfusion.models.terms import is_tied
        >>> is_tied(np.array([1.0, 1.0, 0.0]))
        True
    """
    return len(leading(scores)) > 1


def leading(scores: np.ndarray | Tensor) -> list[int]:
    """Return the classes with the largest score: several where they are equal to rounding.

    Example:
        >>> import numpy as np
        >>> from qfusion.models.terms import leading
        >>> leading(np.array([1.0, 1.0, 0.0]))
        [0, 1]
    """
    values = np.asarray(scores, dtype=float).reshape(-1)
    least = values.max() - TIE * max(1.0, float(np.abs(values).max()))
    return [int(place) for place in np.flatnonzero(values >= least)]


def boundaries(form: A, scores: np.ndarray) -> list[A]:
    """Return forms that are >= 0 where the decision differs from that of `scores`: one for each other class, or the
    sign's.

    Args:
        form: of the scores, or such scores themselves, (C, ...).
    """
    held = decision(scores)
    if len(form) == 1:
        return [form[0] * (-1.0 if held else 1.0)]
    return [form[c] - form[held] for c in range(len(form)) if c != held]


MARGIN = 1e-6  # how far beyond the boundary, in units of the score, so that the decision changes


def linearised_steps(
    margin: Callable[[Tensor], Tensor],
    own: Tensor,
    start: Tensor,
    count: int,
    damping: float,
    max_change: float = math.inf,
) -> Iterator[Tensor]:
    """Yield points (T, k), each a damped step nearer to the boundary point that is nearest to a sample.

    Args:
        margin: from points (T, k) to values (T,), which are 0 on the boundary and positive beyond it.
        own: the sample's numbers, (1, k) or (k,).
        start: first points, (T, k).
        count: most steps.
        damping: share of each full step that is taken.
        max_change: how far any number may differ from the sample's.
    """
    point = start
    for _ in range(count):
        at = point.detach().requires_grad_()
        value = margin(at)
        (slope,) = torch.autograd.grad(value.sum(), at)
        with torch.no_grad():
            size = slope.square().sum(1, keepdim=True).clamp_min(1e-12)
            projection = (slope * (at - own)).sum(1, keepdim=True) - value[:, None]
            change = projection / size * slope
            step = damping * (own + change.clamp(-max_change, max_change) - at)
            point = at + step
        yield point
        if float(step.abs().max()) < 1e-8:
            return
