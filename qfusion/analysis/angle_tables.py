"""What a page shows of a sample for every value that the slider of one angle takes.

The values are those of trigonometric polynomials from a few evaluations, see `explain.angle_response`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from qfusion.analysis.memo import memo
from qfusion.analysis.sample import Sample
from qfusion.explain import angle_response
from qfusion.explain.angle_response import AngleResponse

METRIC_STEP = 4  # test metrics are computed at every fourth value of a slider


@dataclass(frozen=True)
class AngleSlider:
    """The slider of one angle.

    Attributes:
        name: of the angle, see `explain.angle_response.angle_names`.
        low, high: its ends, in radians. count: of its values.
    """

    name: str
    low: float
    high: float
    count: int

    @property
    def values(self) -> np.ndarray:
        """Every value of the slider, (count,) radians."""
        return np.linspace(self.low, self.high, self.count)


@memo(64)
def score_table(sample: Sample, slider: AngleSlider) -> np.ndarray:
    """Return the scores of a sample for every value of a slider, (count, C)."""
    response = _response(sample, slider.name, np.array([sample.row]), with_terms=False)
    return response.values(slider.values)[:, 0]


@memo(64)
def dividend_table(sample: Sample, slider: AngleSlider) -> np.ndarray:
    """Return the contributions to the explained score for every value of a slider, (count, 2^M)."""
    response = _response(sample, slider.name, np.array([sample.row]), with_terms=True)
    return response.dividends(slider.values)[:, 0, :, sample.output]


@memo(32)
def metric_table(sample: Sample, slider: AngleSlider) -> dict[str, np.ndarray]:
    """Return the test metrics for every fourth value of a slider, by name."""
    rows = sample.dataset.rows("test")
    scores = _response(sample, slider.name, rows, with_terms=False).values(
        slider.values[::METRIC_STEP]
    )
    results = [sample.study.split_metrics(entry) for entry in scores]
    return {name: np.array([entry[name] for entry in results]) for name in results[0]}


def _response(sample: Sample, name: str, rows: np.ndarray, *, with_terms: bool) -> AngleResponse:
    study: Any = sample.study
    background = sample.background if with_terms else None
    return angle_response.angle_response(sample.model, study.inputs(rows), name, background)
