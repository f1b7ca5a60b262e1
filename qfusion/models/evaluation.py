"""Coalition values of any fusion model, by evaluation; encodings may be nested tensors.

    v(S) = mean over background rows n of y(x_S, x_n without S)

No structure is required of the model but `FusionModel`: modalities are encoded once, and only the fusion is run for
every coalition and row. Against all rows the values are exact; against some of them, drawn at random without
replacement, each has a standard error with the correction for a finite population (Cochran 1977, "Sampling
techniques", section 2.6). All coalitions of a sample see the same rows, so that errors of dividends are those of
differences within a row.

Against "product" the rows are combinations: each modality's rows in an order of their own. That is a Latin hypercube
sample of all N^M combinations (McKay, Beckman and Conover 1979), each row of each modality once: the mean is exact
where one modality alone is absent. The errors are those of independent draws, and rather too large: they include the
variation of each modality's own term, which evens out. They are common to samples in part: all share the baseline. With
all combinations (`SampleBackground.combined`) all means are exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor
from torch.utils import _pytree

from qfusion.models import coalition_algebra
from qfusion.models.coalition_algebra import CoalitionAlgebra
from qfusion.models.inputs import Background, Group
from qfusion.models.protocols import ScoringModel
from qfusion.quantum import decomposition

CHUNK = 2048  # samples times rows that are fused at once
_SCORES = 2**23  # scores held at once: 64 MB


@dataclass(frozen=True, kw_only=True)
class SampleBackground(Background):
    """The encodings of background samples.

    Of kind "product" the rows of every modality are shuffled on their own: as many combinations of rows are taken as
    there are rows, and means over them have standard errors. Or all combinations are taken, see `combined`; `size` is
    then their number.

    Attributes:
        states: encodings by modality, `size` rows each.
    """

    states: Mapping[str, Any]

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities, in the model's order."""
        return tuple(self.states)

    @property
    def is_exact(self) -> bool:
        """Whether means over its rows are exact: no rows were drawn, and none are shuffled."""
        return not self.is_drawn and not self._is_shuffled

    @property
    def is_combined(self) -> bool:
        """Whether it holds all combinations of rows of the modalities."""
        return self.size > self.total > 0

    @property
    def population(self) -> float:
        """Number of rows, or of combinations of rows, that the rows are drawn from."""
        return math.inf if self._is_shuffled else max(self.total, self.size)

    @property
    def _is_shuffled(self) -> bool:
        return (
            self.kind == "product"
            and len(self.states) > 1
            and self.size > 1
            and not self.is_combined
        )

    def numbers(self) -> Tensor:
        leaves = nested_leaves(dict(self.states))
        return torch.cat([entry.double().flatten() for entry in leaves])

    def subsample(self, count: int, seed: int = 0) -> SampleBackground:
        """Return a background of `count` rows, drawn at random, each once; itself where it has no more."""
        if count >= self.size:
            return self
        rows = np.arange(self.size)
        if self.is_combined:  # those that have each row of each modality once
            rows = rows[:: (self.size - 1) // (self.total - 1)]
            count = min(count, self.total)
        drawn = np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))
        return self._part(drawn)

    @cached_property
    def combined(self) -> SampleBackground:
        """All combinations of the rows of the modalities, of a background of kind "product" of all rows."""
        grid = np.indices((self.size,) * len(self.states)).reshape(len(self.states), -1)
        states = {
            name: nested_part(entry, rows)
            for (name, entry), rows in zip(self.states.items(), grid, strict=True)
        }
        return replace(self, states=states, size=grid.shape[1], total=self.size)

    def without(self, present: decomposition.Subset) -> SampleBackground:
        """Return the rows that a coalition is averaged over: of all combinations, those of the absent modalities."""
        if not self.is_combined:
            return self
        M = len(self.states)
        grid = np.arange(self.size).reshape((self.total,) * M)
        rows = grid[tuple(0 if m in present else slice(None) for m in range(M))]
        return self._part(rows.ravel())

    def baseline(self, model: ScoringModel) -> np.ndarray:
        """Return v of the empty coalition, (C,): computed once for each model, which must not change afterwards.

        It is kept with the background, since a model of the user's own has no digest for the cache of results.
        """
        if model not in self._baselines:
            self._baselines[model] = _mean_scores(model, self.without((0,)).states, self, ())[0]
        return self._baselines[model]

    @cached_property
    def _baselines(self) -> WeakKeyDictionary[ScoringModel, np.ndarray]:
        return WeakKeyDictionary()

    def _part(self, rows: np.ndarray) -> SampleBackground:
        states = {name: nested_part(entry, rows) for name, entry in self.states.items()}
        return replace(self, states=states, size=len(rows))


class EvaluationAlgebra(CoalitionAlgebra[ScoringModel, SampleBackground]):
    """The algebra of any model: means over background rows, row by row."""

    def make_background(
        self,
        parts: Iterable[tuple[int, Mapping[str, Any]]],
        count: int,
        kind: str,
        label: str,
        group: Group,
    ) -> SampleBackground:
        ((_, encoded),) = parts
        states = dict(encoded)
        if kind == "product":
            states = _shuffle_rows(states)
        return SampleBackground(states=states, kind=kind, size=count, total=count, label=label)

    def fits(self, background: Background) -> bool:
        return (
            isinstance(background, SampleBackground)
            and background.modalities == self.model.modalities
        )

    def coalition_values(
        self, states: Mapping[str, Any], background: Background
    ) -> tuple[np.ndarray, np.ndarray | None]:
        rows = self.check_background(background)
        if rows.is_combined:
            return _combined_values(self.model, states, rows), None
        values, errors = evaluated_values(self.model, states, rows)
        return values, None if rows.is_exact else errors

    def value_without(
        self, states: Mapping[str, Any], background: Background, missing: Collection[str]
    ) -> np.ndarray:
        """Return v(all but the missing modalities), (B, C): this one coalition alone is evaluated."""
        rows = self.check_background(background)
        present = self._present(missing)
        return _mean_scores(self.model, states, rows, present)


def evaluated_values(
    model: ScoringModel, states: Mapping[str, Any], background: SampleBackground
) -> tuple[np.ndarray, np.ndarray]:
    """Return v(S) with the bias, (B, 2^M, C), and standard errors of its dividends, same shape: 0 where `is_exact`.

    Args:
        model: in double precision and eval mode.
        states: encodings of B samples.
        background: of the same model.
    """
    M, rows = len(model.modalities), background.size
    means, deviations = [], []
    for scores in score_all_rows(model, states, background, decomposition.subsets(M)):
        means.append(scores.mean(2))
        by_row = coalition_algebra.dividends(scores.swapaxes(1, 2), M)
        deviations.append(by_row.std(1, ddof=min(1, rows - 1)))
    factor = np.sqrt(1 / rows - 1 / background.population)
    return np.concatenate(means), np.concatenate(deviations) * factor


def _combined_values(
    model: ScoringModel, states: Mapping[str, Any], background: SampleBackground
) -> np.ndarray:
    """Return v(S), (B, 2^M, C), each the mean over all combinations of rows of the modalities left out."""
    order = decomposition.subsets(len(model.modalities))
    own = [_mean_scores(model, states, background, present) for present in order if present]
    baseline = np.broadcast_to(background.baseline(model), own[0].shape)
    return np.stack([baseline, *own], 1)


def _mean_scores(
    model: ScoringModel,
    states: Mapping[str, Any],
    background: SampleBackground,
    present: decomposition.Subset,
) -> np.ndarray:
    """Return v of one coalition, (B, C)."""
    scores = score_all_rows(model, states, background.without(present), [present])
    return np.concatenate([part[:, 0].mean(1) for part in scores])


def score_all_rows(
    model: ScoringModel,
    states: Mapping[str, Any],
    background: SampleBackground,
    order: list[decomposition.Subset],
) -> Iterator[np.ndarray]:
    """Yield scores (B, coalitions, N, C) of some samples at a time, at most `_SCORES` of them."""
    per_sample = len(order) * background.size * len(model.outputs)
    for some in _split(states, max(1, _SCORES // per_sample)):
        by_chunk = [
            score_rows(model, some, rows, order) for rows in _split(background.states, CHUNK)
        ]
        yield np.concatenate(by_chunk, 2)


@torch.no_grad()
def score_rows(
    model: ScoringModel,
    states: Mapping[str, Any],
    rows: Mapping[str, Any],
    order: list[decomposition.Subset],
) -> np.ndarray:
    """Return the scores of B samples, each coalition fused with R rows: (B, 2^M, R, C)."""
    many = nested_length(rows)
    of_rows = model.scores(rows) if () in order else None  # the same for every sample
    parts = []
    for few in _split(states, max(1, CHUNK // many)):
        count = nested_length(few)
        own = nested_repeated(few, many)
        theirs = nested_tiled(dict(rows), count)
        scores = []
        for subset in order:
            if len(subset) == len(model.modalities):  # the same for every row
                fused = model.scores(few)[:, None].expand(-1, many, -1)
            elif not subset and of_rows is not None:
                fused = of_rows[None].expand(count, -1, -1)
            else:
                mixed = {
                    name: (own if m in subset else theirs)[name]
                    for m, name in enumerate(model.modalities)
                }
                fused = model.scores(mixed).unflatten(0, (count, many))
            scores.append(fused.double().numpy())
        parts.append(np.stack(scores, 1))
    return np.concatenate(parts)


def _split(states: Mapping[str, Any], step: int) -> Iterator[dict[str, Any]]:
    for start in range(0, nested_length(states), step):
        yield nested_part(dict(states), slice(start, start + step))


def _shuffle_rows(encoded: dict[str, Any], seed: int = 0) -> dict[str, Any]:
    """Return states whose rows are shuffled separately in every modality but the first."""
    random = np.random.default_rng(seed)
    first, *others = encoded
    result = {first: encoded[first]}
    for name in others:
        order = random.permutation(nested_length(encoded[name]))
        result[name] = nested_part(encoded[name], order)
    return result


def nested_leaves(state: Any) -> list[Tensor]:
    """Return the tensors of a state, in order."""
    return _pytree.tree_leaves(state)


def nested_mapped(change: Callable[[Tensor], Tensor], state: Any) -> Any:
    """Return a state of the same form, with every tensor changed."""
    return _pytree.tree_map(change, state)


def nested_length(state: Any) -> int:
    """Return the number of rows."""
    return len(nested_leaves(state)[0])


def nested_part(state: Any, rows: Any) -> Any:
    """Return some rows: a slice, or numbers."""
    return nested_mapped(lambda entry: entry[rows], state)


def nested_repeated(state: Any, times: int) -> Any:
    """Return every row so many times, one after the other: 0, 0, 1, 1, ..."""
    return nested_mapped(lambda entry: entry.repeat_interleave(times, 0), state)


def nested_tiled(state: Any, times: int) -> Any:
    """Return all rows so many times: 0, 1, ..., 0, 1, ..."""
    return (
        state
        if times == 1
        else nested_mapped(lambda entry: entry.repeat(times, *[1] * (entry.ndim - 1)), state)
    )
