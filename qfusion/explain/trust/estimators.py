"""The same Shapley values by other ways: brute force over the background, and captum's sampling estimators, with error
and time.

The game is the one that `explain` solves: v(S) is the mean score when the modalities outside S come from a row of the
background. Here it is played as anyone without the structure of the model would: the features of the sample and of
every row are put together and the model is run. A coalition is run once and remembered; an estimator that asks for it
again is charged its time again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.explain.contributions.coalitions import Explanation
from qfusion.explain.contributions.games import dividends, shapley
from qfusion.models import FusionModel
from qfusion.models.encoders import Features
from qfusion.quantum.decomposition import subsets

METHODS = EXACT, BRUTE, SAMPLING, KERNEL = (
    "exact (this project)",
    "brute force",
    "captum ShapleyValueSampling",
    "captum KernelShap",
)
_CHUNK = 512  # background rows at a time: images and sequences of thousands would fill the memory


@dataclass(frozen=True, eq=False)
class Estimate:
    """Shapley values of one sample by one method.

    Attributes:
        method: its name. shapley: (M,). error: largest absolute difference from the exact ones.
        evaluations: how often a coalition was asked for; 0 where none is run.
        seconds: what that takes, a coalition that was remembered counted each time.
    """

    method: str
    shapley: np.ndarray
    error: float
    evaluations: int
    seconds: float


class Game:
    """v(S) of one sample by running the model on every row of the background.

    Args:
        model: in double precision.
        inputs: features of one sample.
        background: features of the background rows.
        output: number of the score.
    """

    def __init__(
        self,
        model: FusionModel,
        inputs: Mapping[str, Features],
        background: Mapping[str, Features],
        output: int,
    ):
        self.model, self.output = model, output
        self.names = model.modalities
        self.sample, self.rows = inputs, background
        self.count = _length(background[self.names[0]])
        check(
            _length(inputs[self.names[0]]) == 1,
            "Argument `inputs` must hold one sample. Take one row.",
        )
        self.values: dict[frozenset[int], float] = {}
        self.costs: dict[frozenset[int], float] = {}
        self.asked, self.seconds = 0, 0.0

    def value(self, present: frozenset[int]) -> float:
        """Returns v(S) with the bias, and charges its time."""
        if present not in self.values:
            start = time.perf_counter()
            self.values[present] = self._run(present)
            self.costs[present] = time.perf_counter() - start
        self.asked += 1
        self.seconds += self.costs[present]
        return self.values[present]

    @torch.no_grad()
    def _run(self, present: frozenset[int]) -> float:
        if len(present) == len(self.names):
            return float(self.model(self.sample)[0, self.output])
        total = 0.0
        for start in range(0, self.count, _CHUNK):
            rows = slice(start, min(start + _CHUNK, self.count))
            mixed = {
                name: _expand(self.sample[name], rows.stop - rows.start)
                if m in present
                else _cut(self.rows[name], rows)
                for m, name in enumerate(self.names)
            }
            total += float(self.model(mixed)[:, self.output].sum())
        return total / self.count

    def reset(self) -> None:
        """Sets the account to nothing."""
        self.asked, self.seconds = 0, 0.0

    def forward(self, masks: Tensor) -> Tensor:
        """Returns v of masks (B, M), 1 for present: what captum calls."""
        return torch.tensor(
            [self.value(frozenset(torch.nonzero(mask > 0.5).flatten().tolist())) for mask in masks],
            dtype=torch.float64,
        )


def _length(features: Features) -> int:
    return len(features[0] if isinstance(features, tuple) else features)


def _cut(features: Features, rows: slice) -> Features:
    return (features[0][rows], features[1][rows]) if isinstance(features, tuple) else features[rows]


def _expand(features: Features, count: int) -> Features:
    if isinstance(features, tuple):
        return features[0].expand(count, -1, -1), features[1].expand(count, -1)
    return features.expand(count, -1)


def compare(game: Game, exact: Explanation, exact_seconds: float, seed: int = 0) -> list[Estimate]:
    """Returns the exact values, brute force, and captum's ShapleyValueSampling and KernelShap at their defaults.

    Args:
        game: of the sample.
        exact: of the same sample against the same background, and the seconds it took.
        seed: of the estimators; the global random state is left as it was.
    """
    from captum.attr import KernelShap, ShapleyValueSampling

    M = len(game.names)
    reference = exact.shapley[0, :, game.output]
    found = [Estimate(EXACT, reference, 0.0, 0, exact_seconds)]
    game.reset()
    values = np.array([game.value(frozenset(S)) for S in subsets(M)])
    brute = shapley(dividends(values[:, None], M), M)[:, 0]
    found.append(_estimate(BRUTE, brute, reference, game))
    ones, zeros = torch.ones(1, M, dtype=torch.float64), torch.zeros(1, M, dtype=torch.float64)
    for method, kind in ((SAMPLING, ShapleyValueSampling), (KERNEL, KernelShap)):
        game.reset()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            state = np.random.get_state()  # noqa: NPY002 - KernelShap draws from the global generator
            np.random.seed(seed)  # noqa: NPY002
            explainer: Any = kind(game.forward)
            values = explainer.attribute(ones, baselines=zeros)[0].numpy()
            np.random.set_state(state)  # noqa: NPY002
        found.append(_estimate(method, values, reference, game))
    return found


def _estimate(method: str, values: np.ndarray, reference: np.ndarray, game: Game) -> Estimate:
    return Estimate(
        method,
        np.asarray(values, dtype=float),
        float(np.abs(values - reference).max()),
        game.asked,
        game.seconds,
    )


def frame(estimates: list[Estimate], names: tuple[str, ...]) -> pd.DataFrame:
    """Returns one row a method."""
    return pd.DataFrame(
        [
            {"method": e.method}
            | {f"shapley[{name}]": e.shapley[m] for m, name in enumerate(names)}
            | {"largest_error": e.error, "coalitions_run": e.evaluations, "seconds": e.seconds}
            for e in estimates
        ]
    )
