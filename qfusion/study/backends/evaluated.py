"""Studies of models whose coalitions are evaluated row by row of the background; test samples alone are explained."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from qfusion import _progress, explain, simulate
from qfusion.explain import Explanation
from qfusion.models import evaluation
from qfusion.study.backends.base import FEWEST, BaseBackend, name_readouts
from qfusion.study.cache import per_model_cache

# Floating-point operations for the explanation of a test set, of one sample, and of samples that are explained at once:
# some two seconds of one core, one, and a fifth of one.
BUDGET, SAMPLE_BUDGET, STEP = 1e10, 4e9, 8e8
MAX_NUMBERS = 2**23  # features of combinations of rows: 64 MB
OVERHEAD = 20_000  # operations a row besides those of products
SLOW = (
    3  # budgets that a page may take with the fewest rows; beyond, it begins with the first samples
)


class EvaluatedBackend(BaseBackend):
    """Samples of a study whose coalitions are evaluated."""

    def explained_rows(self) -> np.ndarray:
        """Return the test rows; the first of them where even the fewest rows of the background would take long."""
        study = self.study
        rows = study.dataset.rows("test")
        if study.uses_all_rows:
            return rows
        return rows[: max(FEWEST, int(SLOW * BUDGET / (FEWEST * self.cost)))]

    def explain_rows(self) -> Explanation:
        """Return the explanation of the explained rows, computed a few rows at a time."""
        count = len(self.study.explained_rows)
        parts = list(
            _progress.progress_over(
                self.explain_steps(), "Explaining", count, lambda part: len(part.values)
            )
        )
        errors = [part.errors for part in parts if part.errors is not None]
        return replace(
            parts[0],
            values=np.concatenate([part.values for part in parts]),
            dividends=np.concatenate([part.dividends for part in parts]),
            shapley=np.concatenate([part.shapley for part in parts]),
            errors=np.concatenate(errors) if errors else None,
        )

    def explain_steps(self) -> Iterator[Explanation]:
        """Yield the explanations of the explained rows, a few at a time, in their order."""
        study = self.study
        background = study.explanation_background
        step = max(1, int(STEP / self._operations(background, 1)))
        all_rows = study.explained_rows
        for rows in np.array_split(all_rows, range(step, len(all_rows), step)):
            yield explain.explain(study.model, study.inputs(rows), background)

    def opening_sample(self) -> str:
        """Return the first test sample where the explanations of all take long."""
        study = self.study
        return str(study.dataset.ids[study.explained_rows[0]]) if study.is_sampled else ""

    @per_model_cache
    def cost(self) -> float:
        """Floating-point operations of all coalitions of a sample with one row of the background."""
        model = self.study.model
        first_row = {
            name: evaluation.nested_part(entry, slice(0, 1))
            for name, entry in self.study.background.states.items()
        }
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model.scores(first_row)
        # those of elementwise functions are estimated
        row = float(counter.get_total_flops() + OVERHEAD + model.unseen_operations)
        return 2 ** len(self.study.modalities) * row

    @property
    def operations(self) -> float:
        """Floating-point operations of the explanation of the explained rows."""
        study = self.study
        return self._operations(study.explanation_background, len(study.explained_rows))

    def explanation_background(self) -> Any:
        """Return the background, or so many of its rows as a test set allows, see `_affordable`."""
        return self._affordable(BUDGET, len(self.study.explained_rows))

    def sample_background(self) -> Any:
        """Return the background, or so many of its rows as take about a second for one sample, see `_affordable`."""
        return self._affordable(SAMPLE_BUDGET, 1)

    def _affordable(self, budget: float, samples: int) -> Any:
        """Return all combinations of the background's rows where these and so many samples allow; else all its rows, or
        a part of them.

        How many depends on the model and the data alone.
        """
        background = self.study.background
        if self._can_combine(background) and self._of_combined(background.size, samples) <= budget:
            return background.combined
        if self.study.uses_all_rows:
            return background
        return background.subsample(max(FEWEST, int(budget / (samples * self.cost))))

    def _can_combine(self, background: Any) -> bool:
        """Whether the mean over all combinations of rows, which is computed once, is quick, and they fit in memory."""
        if background.kind != "product" or background.size < background.total:
            return False
        N, M = background.size, len(background.states)
        is_quick = (
            N**M * self.cost / 2**M <= SAMPLE_BUDGET
            and getattr(self.study.model, "repeats", 1) == 1
        )
        return is_quick and background.numbers().numel() * N ** (M - 1) <= MAX_NUMBERS

    def _operations(self, background: Any, samples: int) -> float:
        """Return the floating-point operations of the explanation of so many samples."""
        if background.is_combined:
            return self._of_combined(background.total, samples)
        return samples * background.size * self.cost

    def _of_combined(self, rows: int, samples: int) -> float:
        """Return these operations against all combinations of so many rows of each modality, without the baseline."""
        M = len(self.study.modalities)
        return samples * ((rows + 1) ** M - rows**M) * self.cost / 2**M


class GateBackend(EvaluatedBackend):
    """The samples of a study of a circuit of gates."""

    def circuit(self, row: int, words: str = "") -> Any:
        """Return the circuit of one sample in PennyLane."""
        model = self.study.model
        return simulate.fusion_circuit.gate_circuit(model, model.encode(self.study.inputs([row])))

    @torch.no_grad()
    def tweaked_scores(self, rows: np.ndarray, tweak: Any) -> np.ndarray:
        """Return the scores of rows with edited gates, (n, C)."""
        model = self.study.model.tweaked(tweak)
        return np.asarray(model.scores(model.encode(self.study.inputs(rows))).double().numpy())

    def sample_entropies(self, row: int, tweak: Any) -> dict[str, float]:
        """Return the von Neumann entropy of every register at the end of the circuit, in nats; of one register alone it
        is 0.
        """
        model = self.study.model.tweaked(tweak)
        registers = model.registers()
        gates = model.gates(model.encode(self.study.inputs([row])))
        return simulate.gate_replay.register_entropies(gates, registers)

    def readouts(self) -> dict[str, tuple[str, ...]]:
        """Return all qubits, and the further products of Z that the model reads."""
        model = self.study.model
        wires = simulate.gate_replay.qubit_names(model.registers())
        words = [(q,) for q in range(len(wires))]
        words += [word for word in getattr(model, "words", ()) if len(word) > 1]
        return name_readouts(wires, words)


class GameBackend(BaseBackend):
    """Samples of a game."""
