"""The cooperative game of a sample's modalities: values of coalitions, dividends, Shapley values and interactions.

Every array of coalitions is in the order of `decomposition.subsets`, along the last axis but one. Sums over the subsets
of every coalition take M passes over the 2^M values, one for each modality (the Moebius and zeta transforms of the
lattice of subsets, after Yates 1937); a matrix of signs would hold 4^M numbers.

The algebra of a model's decisions: coalition values, backgrounds, forms and operators, as explanations need them.

`FusionModel.algebra` returns a `CoalitionAlgebra`. Every model has one by evaluation (`evaluation.EvaluationAlgebra`);
families with exact formulas override it (`kets.KetAlgebra`, `mass_algebra.MassAlgebra`). A new family of models
with its own exact algebra subclasses `CoalitionAlgebra` beside the model and returns it; nothing else changes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
from torch import Tensor

from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.models.inputs import KINDS, SAMPLE_KINDS, Background, Group
from qfusion.models.protocols import KetStates, ScoringModel, StateModel, missing_part
from qfusion.quantum import decomposition


def dividends(values: np.ndarray, M: int) -> np.ndarray:
    """Return the Harsanyi dividends sum_{R in S} (-1)^{|S|-|R|} v(R) of values (..., 2^M, C), in the same shape.

    Example:
        >>> import numpy as np
        >>> from qfusion.models.coalition_algebra import dividends
        >>> values = np.array([[0.0], [1.0], [2.0], [5.0]])  # of "", "a", "b" and "a+b"
        >>> dividends(values, 2)[:, 0].tolist()
        [0.0, 1.0, 2.0, 2.0]
    """
    return _combine_subsets(values, M, np.subtract)


def sums(dividend: np.ndarray, M: int) -> np.ndarray:
    """Return sum_{R in S} d(R) for every coalition S of (..., 2^M, C), in its shape: the inverse of `dividends`.

    Example:
        >>> import numpy as np
        >>> from qfusion.models.coalition_algebra import sums
        >>> sums(np.array([[0.0], [1.0], [2.0], [2.0]]), 2)[:, 0].tolist()
        [0.0, 1.0, 2.0, 5.0]
    """
    return _combine_subsets(dividend, M, np.add)


def shapley(dividend: np.ndarray, M: int) -> np.ndarray:
    """Return phi_m = sum_{S containing m} dividend(S) / |S|, (..., M, C), of dividends (..., 2^M, C).

    Example:
        >>> import numpy as np
        >>> from qfusion.models.coalition_algebra import shapley
        >>> shapley(np.array([[0.0], [1.0], [2.0], [2.0]]), 2)[:, 0].tolist()
        [2.0, 3.0]
    """
    return np.einsum("ms,...sc->...mc", _weights_of_one(M), dividend)


def interaction(dividend: np.ndarray, M: int) -> np.ndarray:
    """Return the Shapley interaction index of every pair of players, sum_{S containing i, j} dividend(S) / (|S| - 1).

    It is the mean over orders in which the two stand as one of what they add together beyond what each adds alone
    (Grabisch and Roubens 1999, equation for dividends); for M = 2 it is the joint dividend.

    Args:
        dividend: (..., 2^M, C) in the order of `subsets`.

    Returns:
        (..., M, M, C), symmetric, with 0 on the diagonal, where the index is not defined.

    Example:
        >>> import numpy as np
        >>> from qfusion.models.coalition_algebra import interaction
        >>> interaction(np.array([[0.0], [1.0], [2.0], [2.0]]), 2).shape
        (2, 2, 1)
    """
    pairs = np.einsum("ps,...sc->...pc", _weights_of_two(M), dividend)
    first, second = np.triu_indices(M, 1)
    result = np.zeros((*pairs.shape[:-2], M, M, pairs.shape[-1]))
    result[..., first, second, :] = pairs
    result[..., second, first, :] = pairs
    return result


def members(M: int) -> np.ndarray:
    """Return whether each modality is in each coalition, bool (2^M, M).

    Example:
        >>> from qfusion.models.coalition_algebra import members
        >>> members(2).tolist()
        [[False, False], [True, False], [False, True], [True, True]]
    """
    return (masks(M)[:, None] >> np.arange(M)) % 2 == 1


@memo(16)
def masks(M: int) -> np.ndarray:
    """Return the coalitions in the order of `subsets` as bit masks, bit m of modality m: (2^M,).

    Example:
        >>> from qfusion.models.coalition_algebra import masks
        >>> masks(2).tolist()
        [0, 1, 2, 3]
    """
    return np.array([sum(1 << m for m in subset) for subset in decomposition.subsets(M)])


def _combine_subsets(values: np.ndarray, M: int, combine: Callable[..., np.ndarray]) -> np.ndarray:
    """Values (..., 2^M, C) where, modality by modality, that of each coalition with it is combined with the value of
    the coalition without it."""
    by_mask = np.take(values, _places(M), axis=-2)
    shape = by_mask.shape
    for m in range(M):
        split = by_mask.reshape(*shape[:-2], 2 ** (M - 1 - m), 2, 2**m, shape[-1])
        without, with_it = split[..., 0, :, :], split[..., 1, :, :]
        combine(with_it, without, out=with_it)
    return np.take(by_mask, masks(M), axis=-2)


def _places(M: int) -> np.ndarray:
    """Return the position of the coalition of every bit mask in the order of `subsets`, (2^M,)."""
    return np.argsort(masks(M))


def _weights_of_one(M: int) -> np.ndarray:
    """1 / |S| where a modality is in S, (M, 2^M)."""
    inside = members(M)
    return inside.T / np.maximum(inside.sum(1), 1)


@memo(16)
def _weights_of_two(M: int) -> np.ndarray:
    """1 / (|S| - 1) where both modalities of a pair are in S, (M (M - 1) / 2, 2^M)."""
    inside = members(M)
    first, second = np.triu_indices(M, 1)
    return (inside[:, first] & inside[:, second]).T / np.maximum(inside.sum(1) - 1, 1)


class ModalityForm(Protocol):
    """Functions of one modality's state that are fixed by their values at a few probes, for example v -> <v|A|v>.

    Attributes:
        probes: states (K, ...) of the modality whose values fix a form.
        is_exact: whether `nearest_state` is the global optimum.
        max_coalitions: largest number of probes times coalitions whose values are computed; None for any number.
    """

    @property
    def probes(self) -> Tensor: ...
    @property
    def is_exact(self) -> bool: ...
    @property
    def max_coalitions(self) -> int | None: ...

    def assemble(self, values: Tensor) -> Tensor:
        """Return the forms of values at the probes, (K, ...)."""

    def value(self, form: Tensor, state: Tensor) -> Tensor:
        """Return the values (B, ...) of forms at states (B, ...), differentiable in the states."""

    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the distance of states in radians."""

    def nearest_state(self, forms: Sequence[Tensor], state: Tensor) -> tuple[Tensor | None, float]:
        """Return the nearest state at which any of the forms is at least a small positive margin.

        Returns:
            The state, None where there is none, and the largest value that any of the forms can take.
        """


@dataclass(frozen=True, eq=False)
class Spectrum:
    """The marginal observable of a group S of modalities for one output, diagonalised.

    Attributes:
        values: eigenvalues with the bias, ascending, (K,).
        vectors: eigenvectors as columns, (d, K) complex; None where the basis states are the eigenvectors.
        basis: for such, the number of the basis state of each eigenvalue, (K,).
        dims: dimension of each modality of S.
        baseline: the mean score over the background, v("").
        effects: for basis states, the mean change of the score when one bit turns from 0 to 1, (|S|, n); else None.
    """

    values: np.ndarray
    vectors: np.ndarray | None
    basis: np.ndarray | None
    dims: tuple[int, ...]
    baseline: float
    effects: np.ndarray | None


M = TypeVar("M", bound=ScoringModel)
B = TypeVar("B", bound=Background)


class CoalitionAlgebra(ABC, Generic[M, B]):
    """Coalition values of one model and the quantities that they consist of.

    A coalition S is a set of modalities that are taken from a sample; the others are averaged over a background. Arrays
    of coalitions are in the order of `decomposition.subsets`.

    Attributes:
        model: in double precision and eval mode wherever numbers are computed.
        background_kinds: kinds of backgrounds that the model can have.
        adds_parts: whether a background is made chunk by chunk, without holding all samples at once.
        is_linear: whether scores are linear in a state of every modality, so that means over a background are exact.
    """

    background_kinds: tuple[str, ...] = SAMPLE_KINDS
    adds_parts: bool = False
    is_linear: bool = False

    def __init__(self, model: M):
        self.model = model

    def check_kind(self, kind: str) -> None:
        """Raise InvalidInput unless the model can have a background of this kind, of `inputs.KINDS`."""
        kinds = self.background_kinds
        reason = "" if kind in SAMPLE_KINDS else ": it has no states of its modalities"
        check(
            kind in kinds,
            f"Argument `kind` must be one of {', '.join(kinds)} for a model of kind {self.model.kind}, but is "
            f"'{kind}'{reason}. Choose '{kinds[0]}'.",
        )

    def needs_samples(self, kind: str) -> bool:
        """Return whether a background of this kind, of `inputs.KINDS`, is made of samples."""
        return kind in SAMPLE_KINDS

    def make_uninformed_background(self, kind: str, label: str) -> B:
        """Return a background that needs no samples, such as one of kind "mixed" or "zero"."""
        raise NotImplementedError(f"{type(self).__name__} makes no background of kind {kind}")

    @abstractmethod
    def make_background(
        self,
        parts: Iterable[tuple[int, Mapping[str, Any]]],
        count: int,
        kind: str,
        label: str,
        group: Group,
    ) -> B:
        """Return the background of samples.

        Args:
            parts: numbers of this process's parts of the samples, and their encodings, as of `FusionModel.encode`;
                one part with all samples unless `adds_parts`.
            count: number of samples in all parts of all processes.
            kind: of `background_kinds`.
            label: see `Background`.
            group: processes that share the work; each gets the whole background.
        """

    def with_groups(self, background: B, make_groups: Callable[[], Sequence[B]]) -> B:
        """Return a background of drawn samples with the backgrounds of groups of them, where its errors need these.

        Args:
            background: of this model.
            make_groups: returns the backgrounds of `GROUPS` disjoint groups of the samples.
        """
        return background

    @abstractmethod
    def fits(self, background: Background) -> bool:
        """Return whether a background was made with a model of this kind, and of these modalities and dimensions."""

    def check_background(self, background: Background) -> B:
        """Return a background that was made with a model of this kind.

        Raises:
            InvalidInput: when it was made with another kind of model, or with other modalities or dimensions.
        """
        check(
            self.fits(background),
            "Argument `background` comes from another kind of model, or one of other modalities or dimensions. Make it "
            "with this model.",
        )
        return background  # type: ignore[return-value]

    @abstractmethod
    def coalition_values(
        self, states: Mapping[str, Any], background: Background
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Return v(S) with the bias, (B, 2^M, C), and standard errors of its dividends in the same shape.

        Args:
            states: encodings of B samples.
            background: of the same model.

        Returns:
            Values, and errors; None for errors where the values are exact.
        """

    def is_exact(self, background: Background) -> bool:
        """Return whether the values against a background of the model have no errors."""
        return background.is_exact

    def values_along(
        self, states: Mapping[str, Any], background: Background, observables: Tensor
    ) -> np.ndarray:
        """Return v(S) with the bias for read-outs along time or layers, (T, B, 2^M, C).

        Args:
            states, background: see `coalition_values`.
            observables: of the read-outs, (T, C, ...).
        """
        raise missing_part(self.model, StateModel)

    def value_without(
        self, states: Mapping[str, Any], background: Background, missing: Collection[str]
    ) -> np.ndarray:
        """Return v(all but the missing modalities) with the bias, (B, C).

        Raises:
            NotFound: when a modality does not exist.
        """
        values, _ = self.coalition_values(states, background)
        order = decomposition.subsets(len(self.model.modalities))
        return np.asarray(values[:, order.index(self._present(missing))])

    def _present(self, missing: Collection[str]) -> decomposition.Subset:
        names = self.model.modalities
        gone = {choose("Modality", name, names) for name in missing}
        return tuple(m for m, name in enumerate(names) if name not in gone)

    def scorer(self) -> Callable[[Mapping[str, Any]], Tensor]:
        """Return a function from encodings to scores (B, C); quantities that do not depend on samples are computed
        once."""
        return self.model.scores

    def reference_scores(self, states: Mapping[str, Any]) -> Tensor:
        """Return the scores (B, C) of encodings, computed by a path other than the exact algebra if there is one."""
        return self.model.scores(states)

    def check_state(self, name: str, state: Any) -> None:
        """Raise InvalidInput unless an encoding that was set by hand is a state of the modality."""

    def form(self, modality: str) -> ModalityForm | None:
        """Return the space of the forms that express scores and dividends in terms of one modality's state, or None
        if there is none.
        """
        return None

    def operator_groups(self) -> list[decomposition.Subset]:
        """Return the groups of modalities whose marginal observable can be diagonalised."""
        return [S for S in decomposition.subsets(len(self.model.modalities)) if S]

    def operator_states(self, states: Mapping[str, Any], names: Sequence[str]) -> list[Tensor]:
        """Return the states that marginal observables act on, (B, d) for each of some modalities."""
        raise missing_part(self.model, KetStates)

    def spectrum(self, background: Background, S: decomposition.Subset, output: int) -> Spectrum:
        """Return the marginal observable of the modalities S for one output, diagonalised."""
        raise missing_part(self.model, KetStates)


@dataclass(frozen=True, kw_only=True)
class StateBackground(Background):
    """A background of a model that is linear in states."""

    @abstractmethod
    def parts(self) -> list[Self]:
        """Return the backgrounds of groups of its samples. Standard errors follow from their differences."""


Linear = TypeVar("Linear", bound=StateModel)
States = TypeVar("States", bound=StateBackground)


class LinearAlgebra(CoalitionAlgebra[Linear, States], ABC):
    """An algebra by observables: v(S) is the expectation of a marginal observable."""

    background_kinds = KINDS
    adds_parts = True
    is_linear = True

    @abstractmethod
    def expectations(
        self, states: Mapping[str, Any], background: States, observables: Tensor | None = None
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

    def _errors(self, states: Mapping[str, Any], background: States) -> np.ndarray:
        """Return standard errors of dividends from the spread over groups of the background's samples."""
        M = len(self.model.modalities)
        by_group = np.stack(
            [
                dividends(self._with_bias(self.expectations(states, part)), M)
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


def shapley_values(values: np.ndarray, G: int) -> np.ndarray:
    """Return the Shapley values of G players, (G, ...), from the values of all coalitions, (2, ..., 2, ...), where
    axis g of the first G is 1 if player g takes part."""
    weights = coalition_weights(G)
    gains = (np.take(values, 1, g) - np.take(values, 0, g) for g in range(G))
    return np.stack([np.tensordot(weights, gain, G - 1) for gain in gains])


def coalition_weights(G: int) -> np.ndarray:
    """Return the weights |R|! (G - |R| - 1)! / G! of every coalition R of G - 1 players, (2, ..., 2).

    Example:
        >>> from qfusion.models.coalition_algebra import coalition_weights
        >>> coalition_weights(2).tolist()
        [0.5, 0.5]
    """
    by_size = np.array(
        [math.factorial(k) * math.factorial(G - 1 - k) / math.factorial(G) for k in range(G)]
    )
    return np.asarray(by_size[np.indices((2,) * (G - 1)).sum(0)])
