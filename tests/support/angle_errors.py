"""How far scores as functions of an angle are from those of the model with that angle set."""

from __future__ import annotations

from typing import Any

import numpy as np

from qfusion import explain
from qfusion.models.network import gate_angles

RANDOM = np.random.default_rng(5)
EXACT = 1e-10


def angles(count: int = 7) -> np.ndarray:
    return RANDOM.uniform(-7, 7, count)


def worst_error(model: Any, inputs: Any, found: Any, own: Any) -> float:
    """Returns the largest difference from the model with the angle set, of scores and of coalition values."""
    errors = []
    at = angles()
    scores, values, dividends = found.values(at), found.coalition_values(at), found.dividends(at)
    for place, angle in enumerate(at):
        other = gate_angles.with_angle(model, found.name, angle)
        expected = explain.explain(other, inputs, own)
        errors += [
            np.abs(scores[place] - expected.prediction).max(),
            np.abs(values[place] - expected.values).max(),
            np.abs(dividends[place] - expected.dividends).max(),
        ]
    return float(max(errors))
