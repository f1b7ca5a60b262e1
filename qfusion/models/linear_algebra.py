"""The algebra of models whose scores are linear in a state of every modality: means over a background are exact."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import numpy as np
from torch import Tensor

from qfusion.models import games
from qfusion.models.algebra import CoalitionAlgebra
from qfusion.models.backgrounds import KINDS, Background
from qfusion.models.protocols import StateModel


@dataclass(frozen=True, kw_only=True)
class StateBackground(Background):
    """A background of a model that is linear in states."""

    @abstractmethod
    def parts(self) -> list[Self]:
        """Return the backgrounds of groups of its samples. Standard errors follow from their differences."""


M = TypeVar("M", bound=StateModel)
B = TypeVar("B", bound=StateBackground)


class LinearAlgebra(CoalitionAlgebra[M, B], ABC):
    """An algebra by observables: v(S) is the expectation of a marginal observable."""

    background_kinds = KINDS
    adds_parts = True
    is_linear = True

    @abstractmethod
    def expectations(
        self, states: Mapping[str, Any], background: B, observables: Tensor | None = None
    ) -> Tensor:
        """Return v(S) without the bias, (B, 2^M, C).

        Args:
            states: of the modalities of B samples.
            background: of this model.
            observables: other ones than the model's, (C, ...).
        """

    def coalition_values(
        self, states: Mapping[str, Any], background: Background
    ) -> tuple[np.ndarray, np.ndarray | None]:
        own = self.check_background(background)
        values = self._with_bias(self.expectations(states, own))
        return values, self._errors(states, own) if own.is_drawn else None

    def _errors(self, states: Mapping[str, Any], background: B) -> np.ndarray:
        """Return standard errors of dividends from the spread over groups of the background's samples."""
        M = len(self.model.modalities)
        by_group = np.stack(
            [
                games.dividends(self._with_bias(self.expectations(states, part)), M)
                for part in background.parts()
            ]
        )
        variance = (1 - background.size / background.total) / len(by_group)
        return np.asarray(by_group.std(0, ddof=1) * np.sqrt(variance))

    def values_along(
        self, states: Mapping[str, Any], background: Background, observables: Tensor
    ) -> np.ndarray:
        own = self.check_background(background)
        values = self.expectations(states, own, observables.flatten(0, 1))
        return self._with_bias(values.unflatten(2, observables.shape[:2]).movedim(2, 0))

    def scorer(self) -> Callable[[Mapping[str, Any]], Tensor]:
        observables = self.model.observables()
        return lambda states: self.model.scores(states, observables)

    def reference_scores(self, states: Mapping[str, Any]) -> Tensor:
        return self.model.direct_scores(states)

    def _with_bias(self, values: Tensor) -> np.ndarray:
        return (values + self.model.bias.detach().double()).numpy()
