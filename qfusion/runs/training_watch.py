"""Measurements of a fusion model during its training: coupling strength, entanglement and contributions.

They are taken on validation rows, against a background of training rows.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from qfusion import data as sources, explain
from qfusion.models import FusionModel, base

EXPLAINED, ENTANGLED, BACKGROUND = 32, 8, 256  # validation rows, validation rows, training rows


class Watch:
    """Measurements of a model after epochs, seldom enough to take little of the training's time.

    Args:
        dataset: its validation rows are explained, against its training rows.
        split: the training rows.
    """

    def __init__(self, dataset: sources.DataSet, split: str = "train"):
        self.dataset, self.valid = dataset, dataset.rows("valid")
        self.background = _spread(dataset.rows(split), BACKGROUND)
        self._trained = self._watched = 0.0

    def measure_seldom(
        self, seconds: float, make_model: Callable[[], torch.nn.Module]
    ) -> dict[str, float]:
        """Return the measures of a model after an epoch of so many seconds, or nothing, so that measuring takes at most
        a fifth of the time. The model is made only where it is measured.
        """
        self._trained += seconds
        if self._watched > 0.2 * self._trained:
            return {}
        model = make_model()
        start = time.perf_counter()
        measured = self.measure(model)
        self._watched += time.perf_counter() - start
        return measured

    @torch.no_grad()
    def measure(self, model: Any) -> dict[str, float]:
        """Return all measures of a model.

        Keys are `norm.H`, `norm.L` (Frobenius norms over sqrt(D)) or `norm.tables`, `norm.circuit` (radians, root mean
        square); `entanglement.MODALITY` (mean logarithmic negativity of that modality with the others at T) or
        `entanglement.fused` (mean entropy of a fused qubit, nats); `dividend.COALITION` (mean size over rows and
        outputs); `fusing.joint`, the joint terms' part of these, and `fusing.entanglement`, the mean of `entanglement`,
        with their standard errors over the rows, `fusing.joint_error` and `fusing.entanglement_error`.
        """
        model = copy.deepcopy(model).cpu().double().eval()
        if self.dataset.target.kind == "classification":
            model = base.log_odds_against_others(model)
        # where every coalition is evaluated, fewer
        behind = self.background if model.algebra.is_linear else _spread(self.background, 64)
        explanation = explain.explain(
            model,
            self._inputs(EXPLAINED),
            explain.background(model, self.dataset.inputs(behind, torch.float64)),
        )
        by_row = abs(explanation.dividends).mean(2)
        sizes, whole = by_row.mean(0), by_row[:, 1:].sum(1)
        joint = by_row[:, ["+" in name for name in explanation.coalitions]].sum(1)
        share = float(joint.mean() / whole.mean()) if whole.any() else 0.0
        measured = model.parameter_norms() | self._entanglement(model)
        # of a ratio of means, by its linear part
        measured |= _uncertain("joint", share + (joint - share * whole) / max(whole.mean(), 1e-300))
        return measured | {
            f"dividend.{name}": float(size)
            for name, size in zip(explanation.coalitions, sizes, strict=True)
            if name
        }

    def _inputs(self, count: int) -> dict[str, Any]:
        return self.dataset.inputs(_spread(self.valid, count), torch.float64)

    def _entanglement(self, model: FusionModel) -> dict[str, float]:
        """Return the mean entanglement of every part over validation rows, and of all parts with its standard error."""
        count = ENTANGLED if model.entanglement_is_slow else EXPLAINED
        by_part = model.entanglement(model.encode(self._inputs(count)))
        if not by_part:
            return {}
        measured = {
            f"entanglement.{name}": float(values.mean()) for name, values in by_part.items()
        }
        of_rows = torch.stack(list(by_part.values())).mean(0)
        return measured | _uncertain("entanglement", of_rows.numpy())


def _uncertain(name: str, values: np.ndarray) -> dict[str, float]:
    """The mean over rows, and its standard error."""
    error = float(values.std(ddof=1)) / len(values) ** 0.5 if len(values) > 1 else 0.0
    return {f"fusing.{name}": float(values.mean()), f"fusing.{name}_error": error}


def watched_sizes(train: int, valid: int) -> tuple[int, int, int]:
    """Return how many validation rows are explained, on how many entanglement is measured, and how many rows are the
    background."""
    rows = np.arange(valid)
    return (
        len(_spread(rows, EXPLAINED)),
        len(_spread(rows, ENTANGLED)),
        len(_spread(np.arange(train), BACKGROUND)),
    )


def _spread(rows: np.ndarray, count: int) -> np.ndarray:
    """At most `count` rows, evenly spaced."""
    return rows[:: max(1, -(-len(rows) // count))]
