"""Coalition values of any fusion model, by evaluation: the model fuses what the sample's modalities come to with what a
row's come to.

    v(S) = mean over background rows n of y(x_S, x_n without S)

No structure is asked of the model but `FusionModel`: modalities are encoded once, and only the fusion is run for every
coalition and row. Against all rows the values are exact; against some of them, drawn at random without replacement,
each has a standard error with the correction for a finite population (Cochran 1977, "Sampling techniques", section
2.6). All coalitions of a sample see the same rows, so that errors of dividends are those of differences within a row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.explain.contributions.background import SampleBackground
from qfusion.explain.contributions.games import signs
from qfusion.models import FusionModel
from qfusion.models.nested import length, part, repeated, tiled
from qfusion.quantum.decomposition import Subset, subsets

CHUNK = 2048  # samples times rows that are fused at once


def coalition_values(
    model: FusionModel, states: Mapping[str, Any], background: SampleBackground
) -> tuple[np.ndarray, np.ndarray]:
    """Returns v(S) with the bias, (B, 2^M, C), and standard errors of its dividends, same shape, 0 against all rows.

    Args:
        model: in double precision and eval mode.
        states: of B samples, as `FusionModel.encode` gives them.
        background: of the same model.
    """
    check(
        background.modalities == model.modalities,
        f"Argument `background` must come from a model of {list(model.modalities)}, but is of "
        f"{list(background.modalities)}. Make it with this model.",
    )
    order = subsets(len(model.modalities))
    found = [
        _totals(model, one, background, order)
        for one in _blocks(states, len(order) * len(model.outputs))
    ]
    means = [each.mean for each in found if each.mean is not None]
    return np.concatenate(means), np.concatenate([each.errors(background.total) for each in found])


def _blocks(states: Mapping[str, Any], numbers: int) -> Iterator[dict[str, Any]]:
    """Samples whose scores, so many for each row, take no more than some hundred megabytes."""
    step = max(1, 2**23 // (CHUNK * numbers))
    for start in range(0, length(states), step):
        yield {name: part(each, slice(start, start + step)) for name, each in states.items()}


def _rows(background: SampleBackground) -> Iterator[dict[str, Any]]:
    for start in range(0, background.size, CHUNK):
        yield {
            name: part(each, slice(start, start + CHUNK))
            for name, each in background.states.items()
        }


def _totals(
    model: FusionModel, states: Mapping[str, Any], background: SampleBackground, order: list[Subset]
) -> Totals:
    totals = Totals(len(order))
    for rows in _rows(background):
        totals.add(over_rows(model, states, rows, order))
    return totals


def value(
    model: FusionModel,
    states: Mapping[str, Any],
    background: SampleBackground,
    missing: Collection[str],
) -> np.ndarray:
    """Returns v(all but the missing modalities) with the bias, (B, C).

    Raises:
        NotFound: when a modality does not exist.
    """
    for name in missing:
        choose("Modality", name, model.modalities)
    kept = tuple(m for m, name in enumerate(model.modalities) if name not in missing)
    return np.concatenate(
        [
            sum(over_rows(model, some, rows, [kept])[:, 0].sum(1) for rows in _rows(background))
            / background.size
            for some in _blocks(states, len(model.outputs))
        ]
    )


def over_rows(
    model: FusionModel, states: Mapping[str, Any], rows: Mapping[str, Any], order: list[Subset]
) -> np.ndarray:
    """Returns the scores of B samples, each coalition fused with R rows: (B, 2^M, R, C)."""
    count, many = length(states), length(rows)
    step = max(1, CHUNK // many)
    with torch.no_grad():
        nothing = model.scores(rows) if () in order else None  # the same for every sample
        parts = [
            _fused(
                model,
                {name: part(each, slice(start, start + step)) for name, each in states.items()},
                rows,
                order,
                nothing,
            )
            for start in range(0, count, step)
        ]
    return np.concatenate(parts)


def _fused(
    model: FusionModel,
    states: Mapping[str, Any],
    rows: Mapping[str, Any],
    order: list[Subset],
    nothing: Tensor | None,
) -> np.ndarray:
    """As `over_rows`, of few samples; `nothing`: scores (R, C) of the rows themselves, for the empty coalition."""
    count, many = length(states), length(rows)
    own = {name: repeated(each, many) for name, each in states.items()}
    theirs = {name: tiled(each, count) for name, each in rows.items()}
    found = []
    for subset in order:
        if len(subset) == len(model.modalities):  # the same for every row
            scores = model.scores(states)[:, None].expand(-1, many, -1)
        elif not subset and nothing is not None:
            scores = nothing[None].expand(count, -1, -1)
        else:
            mixed = {
                name: (own if m in subset else theirs)[name]
                for m, name in enumerate(model.modalities)
            }
            scores = model.scores(mixed).unflatten(0, (count, many))
        found.append(scores.double().numpy())
    return np.stack(found, 1)


class Totals:
    """Running means and, of dividends, squared deviations over rows (Welford 1962; Chan, Golub, LeVeque 1979).

    Args:
        coalitions: 2^M.
    """

    def __init__(self, coalitions: int):
        self.count = 0
        self.mean: np.ndarray | None = None
        self._squares: np.ndarray | None = None
        self._signs = signs(coalitions.bit_length() - 1)

    def add(self, scores: np.ndarray) -> None:
        """Takes the scores of some rows, (B, 2^M, R, C)."""
        many = scores.shape[2]
        mean = scores.mean(2)
        dividends = np.einsum("sr,brnc->bsnc", self._signs, scores)
        away = ((dividends - dividends.mean(2, keepdims=True)) ** 2).sum(2)
        if self.mean is None or self._squares is None:
            self.mean, self._squares, self.count = mean, away, many
            return
        shift = np.einsum("sr,brc->bsc", self._signs, mean - self.mean)
        total = self.count + many
        self._squares = self._squares + away + shift**2 * self.count * many / total
        self.mean = self.mean + (mean - self.mean) * many / total
        self.count = total

    def errors(self, total: int) -> np.ndarray:
        """Returns the standard errors of the dividends, (B, 2^M, C), where the rows are some of `total`."""
        assert self._squares is not None
        if self.count >= total:
            return np.zeros_like(self._squares)
        return np.asarray(
            np.sqrt(self._squares / max(self.count - 1, 1) / self.count * (1 - self.count / total))
        )
