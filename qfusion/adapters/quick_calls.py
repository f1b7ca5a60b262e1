"""Calls of a user's model whose circuits are evaluated for all rows of a batch at once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor

from qfusion.models import live_model
from qfusion.models.protocols import CircuitSource

EQUAL = 1e-6  # relative difference of two evaluations that are the same, also of a model in single precision


def quick_call(
    source: CircuitSource, rows: Mapping[str, Any], columns: Tensor
) -> live_model.Call | None:
    """Return a call of a model that evaluates its circuits for all rows at once; None where that gives other scores.

    Args:
        source: of its circuit.
        rows: features of some rows. columns: what the model itself gives for these.
    """
    make: Any = getattr(source, "quick_call", None)
    with contextlib.suppress(Exception):  # of a circuit that cannot be evaluated otherwise
        quick: QuickCall | None = make and make(rows)
        if quick is None:
            return None
        apart = (quick(rows) - columns).abs().max()
        if float(apart) <= EQUAL * (1 + float(columns.abs().max())):
            return quick
    return None


class QuickCall:
    """A call of a model whose circuits are evaluated otherwise.

    Args:
        call: of the model. context: makes a context manager for features, inside which they are.

    Attributes:
        model: the user's.
    """

    def __init__(self, call: Any, context: Callable[[Any], contextlib.AbstractContextManager[Any]]):
        self._call, self._context = call, context
        self.model = getattr(call, "model", None)

    def __call__(self, features: Mapping[str, Any]) -> Tensor:
        """Return the columns (B, K) of features."""
        with self._context(features):
            columns: Tensor = self._call(features)
            return columns

    def slopes(self, features: Mapping[str, Any], weights: Tensor) -> dict[str, Tensor]:
        """Return the gradients of the sum of columns times `weights` (B, K), by modality; empty where it has none."""
        slopes: dict[str, Tensor] = self._call.slopes(features, weights)
        return slopes
