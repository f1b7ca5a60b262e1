"""A model that nothing is known of but how it fuses, on a data set: all is asked by evaluation. Free of streamlit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from qfusion.analysis.subject import Workspace, shared
from qfusion.explain.contributions.background import SampleBackground
from qfusion.models import FusionModel, nested

BUDGET = 4e10  # floating-point operations for the explanation of a test set: some ten seconds of one core
SLOW = 6  # budgets: where the fewest rows take more of them, no page waits for them unasked
OVERHEAD = 20_000  # operations a row besides those of products
ROWS = 2048  # samples that are asked at once
FEWEST = 64  # rows of the background, at least


@dataclass(frozen=True, eq=False)
class EvaluatedSpace(Workspace):
    """A workspace whose coalitions are evaluated, row by row of the background."""

    @shared
    def scores(self) -> np.ndarray:
        """Of all samples, (N, C)."""
        blocks = np.array_split(np.arange(len(self.dataset)), -(-len(self.dataset) // ROWS))
        with torch.no_grad():
            return np.concatenate([self.model(self.dataset.inputs(rows, dtype=torch.float64)).double().numpy()
                                   for rows in blocks])

    @cached_property
    def bulk_background(self) -> Any:
        """Some rows of the background where all would take long for a test set; how many depends on the model and the
        data alone."""
        return self.background.some(max(FEWEST, int(BUDGET / self._each)))

    @cached_property
    def _each(self) -> float:
        """Operations for each row of the background."""
        return len(self.bulk) * 2 ** len(self.modalities) * row_cost(self.model, self.background)

    @property
    def opening(self) -> str:  # type: ignore[override]
        """The first test sample where even the fewest rows take minutes: no example is looked for."""
        return str(self.dataset.ids[self.dataset.rows("test")[0]]) if FEWEST * self._each > SLOW * BUDGET else ""


def row_cost(model: FusionModel, background: SampleBackground) -> float:
    """Returns the floating-point operations of fusing one row, those of elementwise functions guessed."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.scores({name: nested.part(each, slice(0, 1)) for name, each in background.states.items()})
    return float(counter.get_total_flops() + OVERHEAD + model.unseen_operations)
