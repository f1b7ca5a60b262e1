"""The score of a sample on a map of two sliders, from evaluations at a grid of Chebyshev points."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
from qfusion.models import games
from qfusion.models.tweak import DURATION, Tweak, learned_values

POINTS = 121  # of a side of the map
TOLERANCE = 5e-4  # of the largest value


@dataclass(frozen=True, eq=False)
class SliderMap:
    """Scores of a sample against two sliders, all others where they stand.

    Attributes:
        across, up: keys of the sliders.
        x, y: values of the sliders, (P,) and (Q,).
        scores: of all outputs, (Q, P, C).
        now: values of both sliders, and the scores there.
        evaluations: of the model. error: as of `Interpolation`, the larger of both directions.
        coefficients: of products of Chebyshev polynomials of y and of x: `scores`, (n, m, C), and `dividends` of the
            explained score, (n, m, 2^M).
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
    coefficients: Mapping[str, np.ndarray]

    def at(self, x: float, y: float) -> dict[str, np.ndarray]:
        """Return `scores`, (C,), and `dividends`, (2^M,), at one value of both sliders."""
        u = interpolation.unit_place(x, float(self.x[0]), float(self.x[-1]))
        v = interpolation.unit_place(y, float(self.y[0]), float(self.y[-1]))
        return {
            name: chebyshev.chebval(u, chebyshev.chebval(v, part))
            for name, part in self.coefficients.items()
        }

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
    if across == DURATION:  # one evolution gives all durations, so that it is cheap upwards
        return _transposed(_slider_map(sample, up, across))
    study: Any = sample.study
    model = study.model
    low_x, high_x = slider_curves.slider_range(model, across)
    low_y, high_y = slider_curves.slider_range(model, up)
    M = len(sample.modalities)
    states = model.encode(sample.inputs)

    def column(x: float) -> dict[str, np.ndarray]:
        """Decisions at all points of the other slider, which are as many as it needs alone."""
        observables = _observables(sample, {across: x}, up, places_y)
        values = model.algebra.values_along(states, sample.background, observables)[:, 0]
        dividends = games.dividends(values, M)
        return {"scores": values[:, -1], "dividends": dividends[..., sample.output]}

    curves = slider_curves.score_curves(sample, up)
    n = min(interpolation.COUNTS[-2], 2 * curves.evaluations - 1)
    u = interpolation.lobatto_points(n)
    places_y = (low_y + (high_y - low_y) * (u + 1) / 2).tolist()
    along = interpolation.interpolate(column, low_x, high_x, tolerance=TOLERANCE)
    matrix = np.linalg.inv(chebyshev.chebvander(u, n - 1))
    coefficients = {
        name: np.einsum("yk,xk...->yx...", matrix, entry)
        for name, entry in along.coefficients.items()
    }
    own = coefficients["scores"]
    x = np.linspace(low_x, high_x, POINTS)
    y = np.linspace(low_y, high_y, POINTS)
    by_x = np.moveaxis(chebyshev.chebval(_unit(x), own.swapaxes(0, 1)), -1, 1)  # (n, P, C)
    scores = np.moveaxis(chebyshev.chebval(_unit(y), by_x), -1, 0)
    count = max(2, n // 4)
    tail = np.abs(by_x[-count:]).max(initial=0.0) * count
    numbers = learned_values(model) | sample.tweak.numbers()
    return SliderMap(
        across,
        up,
        x,
        y,
        np.asarray(scores),
        (numbers[across], numbers[up]),
        sample.scores,
        n * along.evaluations,
        max(along.error, float(tail) / max(float(np.abs(scores).max()), 1e-12)),
        coefficients,
    )


def _observables(
    sample: Sample, values: dict[str, float], up: str, places: Sequence[float]
) -> torch.Tensor:
    """Return the observables at each of some places of a slider, (n, C, D, D), with values of other sliders."""
    study: Any = sample.study
    numbers = sample.tweak.numbers() | values
    if up == DURATION:
        order = np.argsort(places)
        model = study.model.tweaked(Tweak.of(numbers.items(), study.model))
        along = model.observables([places[at] for at in order])
        return torch.as_tensor(along[np.argsort(order)])
    models = [
        study.model.tweaked(Tweak.of((numbers | {up: y}).items(), study.model)) for y in places
    ]
    return torch.stack([model.observables() for model in models])


def _transposed(pair: SliderMap) -> SliderMap:
    return replace(
        pair,
        across=pair.up,
        up=pair.across,
        x=pair.y,
        y=pair.x,
        scores=pair.scores.swapaxes(0, 1),
        now=pair.now[::-1],
        coefficients={name: part.swapaxes(0, 1) for name, part in pair.coefficients.items()},
    )


def _unit(values: np.ndarray) -> np.ndarray:
    return np.asarray(interpolation.unit_place(values, float(values[0]), float(values[-1])))
