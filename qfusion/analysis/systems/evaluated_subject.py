"""A model that nothing is known of but how it fuses, on a data set: all is asked by evaluation. Free of streamlit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from qfusion import _progress, explain
from qfusion.analysis.subject import Workspace, shared
from qfusion.explain import Explanation
from qfusion.explain.backgrounds import SampleBackground
from qfusion.models import FusionModel, nested

# Floating-point operations for the explanation of a test set, of one sample, and of samples that are explained at once:
# some two seconds of one core, one, and a fifth of one.
BUDGET, SAMPLE_BUDGET, STEP = 1e10, 4e9, 8e8
OVERHEAD = 20_000  # operations a row besides those of products
ROWS = 2048  # samples that are asked at once
FEWEST = 16  # rows of the background, and samples, at least
SLOW = (
    3  # budgets that a page may take with the fewest rows; beyond, it begins with the first samples
)


@dataclass(frozen=True, eq=False)
class EvaluatedSpace(Workspace):
    """A workspace whose coalitions are evaluated, row by row of the background; only test samples are explained
    together."""

    @shared
    def scores(self) -> np.ndarray:
        """Of all samples, (N, C)."""
        blocks = self.dataset.blocks(self.dataset.rows(), most=ROWS)
        with torch.no_grad():
            return np.concatenate(
                [self.model(self.inputs(rows)).double().numpy() for rows in blocks]
            )

    @cached_property
    def bulk(self) -> np.ndarray:
        """The rows that are explained together: those for testing; the first of them, where even the fewest rows of the
        background would keep a page waiting."""
        rows = self.dataset.rows("test")
        return (
            rows if self._whole else rows[: max(FEWEST, int(SLOW * BUDGET / (FEWEST * self._cost)))]
        )

    @property
    def opening(self) -> str:  # type: ignore[override]
        """The first test sample where the most telling one is not known at once."""
        return str(self.dataset.ids[self.bulk[0]]) if self.is_sampled else ""

    @cached_property
    def explanation(self) -> Explanation:
        """Of the rows in `bulk`; worked out when first asked for."""
        parts = _progress.over(
            self.parts(), "Explaining", len(self.bulk), lambda part: len(part.values)
        )
        return joined(list(parts))

    def parts(self) -> Iterator[Explanation]:
        """The explanations of the rows in `bulk`, a few at a time, in their order."""
        background = self.bulk_background
        step = max(1, int(STEP / (background.size * self._cost)))
        for start in range(0, len(self.bulk), step):
            yield explain.explain(
                self.model, self.inputs(self.bulk[start : start + step]), background
            )

    @shared
    def _cost(self) -> float:
        """Floating-point operations of all coalitions of a sample with one row."""
        return 2 ** len(self.modalities) * row_cost(self.model, self.background)

    @property
    def operations(self) -> float:
        """Floating-point operations of the explanation of the rows in `bulk`."""
        return len(self.bulk) * self.bulk_background.size * self._cost

    @cached_property
    def bulk_background(self) -> SampleBackground:
        """Some rows of the background where all would take long for a test set; how many depends on the model and the
        data alone."""
        return self._some(BUDGET / len(self.bulk))

    @cached_property
    def sample_background(self) -> SampleBackground:
        """Some rows of the background where all would take more than a second for one sample."""
        return self._some(SAMPLE_BUDGET)

    def _some(self, budget: float) -> SampleBackground:
        rows: SampleBackground = self.background
        return rows if self._whole else rows.some(max(FEWEST, int(budget / self._cost)))


def joined(parts: Sequence[Explanation]) -> Explanation:
    """Returns the explanation of several samples from those of some of them, in their order."""
    errors = [each.errors for each in parts if each.errors is not None]
    return replace(
        parts[0],
        values=np.concatenate([each.values for each in parts]),
        dividends=np.concatenate([each.dividends for each in parts]),
        shapley=np.concatenate([each.shapley for each in parts]),
        errors=np.concatenate(errors) if errors else None,
    )


def row_cost(model: FusionModel, background: SampleBackground) -> float:
    """Returns the floating-point operations of fusing one row, those of elementwise functions guessed."""
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.scores(
            {name: nested.part(each, slice(0, 1)) for name, each in background.states.items()}
        )
    return float(counter.get_total_flops() + OVERHEAD + model.unseen_operations)
