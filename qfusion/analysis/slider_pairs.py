"""The score of a sample on a map of two sliders, from evaluations at a grid of Chebyshev points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.polynomial import chebyshev

from qfusion._checks import check
from qfusion.analysis import interpolation, slider_curves
from qfusion.analysis.memo import memo
from qfusion.analysis.sample import Sample
from qfusion.analysis.tasks import Task
from qfusion.models.tweak import Tweak, learned_values

POINTS = 121  # of a side of the map


@dataclass(frozen=True, eq=False)
class SliderMap:
    """Scores of a sample against two sliders, all others where they stand.

    Attributes:
        across, up: keys of the sliders.
        x, y: values of the sliders, (P,) and (Q,).
        scores: of all outputs, (Q, P, C).
        now: values of both sliders, and the scores there.
        evaluations: of the model. error: as of `Interpolation`, the larger of both directions.
    """

    across: str
    up: str
    x: np.ndarray
    y: np.ndarray
    scores: np.ndarray
    now: tuple[float, float]
    score_now: np.ndarray
    evaluations: int
    error: float

    def decisions(self, by_sign: bool) -> np.ndarray | None:
        """Return the decision at every point, (Q, P): the class with the largest score, or whether the score is
        positive; None of a score that nothing is decided by.
        """
        if self.scores.shape[-1] > 1:
            return np.asarray(self.scores.argmax(-1))
        return (self.scores[..., 0] > 0).astype(int) if by_sign else None

    def margin(self, output: int) -> np.ndarray:
        """Return the score of an output less the largest other one, (Q, P), or the only score itself. It is 0 on the
        boundary of the decision for the output.
        """
        if self.scores.shape[-1] == 1:
            return np.asarray(self.scores[..., 0])
        others = np.delete(self.scores, output, axis=-1).max(-1)
        return np.asarray(self.scores[..., output] - others)

    def frame(self, output: int, quantity: str = "score") -> pd.DataFrame:
        """Return one row a point: both sliders, and the score of an output by the name of its `quantity`."""
        across, up = np.meshgrid(self.x, self.y)
        scores = self.scores[..., output]
        return pd.DataFrame(
            {self.across: across.ravel(), self.up: up.ravel(), quantity: scores.ravel()}
        )


def slider_map(sample: Sample, across: str, up: str) -> SliderMap:
    """Return the scores of a sample against two sliders.

    Args:
        sample: of a model with time. Its tweak says where the sliders stand.
        across, up: keys of two different sliders, as in `Tweak`.

    Raises:
        NotFound: when the model has no such slider.
        InvalidInput: when both are the same.
    """
    check(
        across != up,
        f"Arguments `across` and `up` must be two different sliders, but both are {across!r}.",
    )
    return _slider_map(sample, across, up)


def strongest_pair(sample: Sample) -> tuple[str, str]:
    """Return the keys of the two sliders over whose ranges the explained score changes most."""
    ranges = {}
    for key in learned_values(sample.study.model):
        curves = slider_curves.score_curves(sample, key)
        scores = curves.values(np.linspace(curves.low, curves.high, 41))["scores"][sample.output]
        ranges[key] = float(np.ptp(scores))
    first, second = sorted(ranges, key=lambda key: -ranges[key])[:2]
    return first, second


@memo(16, task=Task.FOLLOW_SLIDERS)
@torch.no_grad()
def _slider_map(sample: Sample, across: str, up: str) -> SliderMap:
    study: Any = sample.study
    model = study.model
    low_x, high_x = slider_curves.slider_range(model, across)
    low_y, high_y = slider_curves.slider_range(model, up)

    def column(x: float) -> dict[str, np.ndarray]:
        """Scores at all points of the other slider, which are as many as it needs alone."""
        return {"scores": np.stack([_scores(sample, {across: x, up: y}) for y in places_y])}

    curves = slider_curves.score_curves(sample, up)
    n = min(interpolation.COUNTS[-2], 2 * curves.evaluations - 1)
    u = interpolation.lobatto_points(n)
    places_y = (low_y + (high_y - low_y) * (u + 1) / 2).tolist()
    along = interpolation.interpolate(column, low_x, high_x)
    x = np.linspace(low_x, high_x, POINTS)
    y = np.linspace(low_y, high_y, POINTS)
    at_nodes = along.values(x)["scores"]  # (n, C, P)
    matrix = np.linalg.inv(chebyshev.chebvander(u, n - 1))
    coefficients = np.tensordot(matrix, at_nodes, 1)
    u_y = interpolation.unit_place(y, low_y, high_y)
    scores = np.asarray(chebyshev.chebval(u_y, coefficients))
    tail = np.abs(coefficients[-max(2, n // 4) :]).max(initial=0.0) * max(2, n // 4)
    learned = learned_values(model)
    numbers = learned | sample.tweak.numbers()
    return SliderMap(
        across,
        up,
        x,
        y,
        np.moveaxis(scores, (0, 1, 2), (2, 1, 0)),
        (numbers[across], numbers[up]),
        sample.scores,
        n * along.evaluations,
        max(along.error, float(tail) / max(float(np.abs(at_nodes).max()), 1e-12)),
    )


def _scores(sample: Sample, values: dict[str, float]) -> np.ndarray:
    study: Any = sample.study
    numbers = sample.tweak.numbers() | values
    model = study.model.tweaked(Tweak.of(numbers.items(), study.model))
    rows: Sequence[int] = [sample.row]
    scores: np.ndarray = study.space.observable_scores(
        np.array(rows), model.observables(), model.bias
    )
    return scores[0]
