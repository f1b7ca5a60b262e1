"""A model whose modality states are kets on a data set: product states and the scores that observables make of them.
Free of streamlit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from qfusion.analysis.subject import BLOCK, Workspace, shared


@dataclass(frozen=True, eq=False)
class KetSpace(Workspace):
    """A workspace whose samples are product states."""

    @shared
    def _all_kets(self) -> torch.Tensor:
        return self._encoded(None)

    def _encoded(self, rows: np.ndarray | None) -> torch.Tensor:
        with torch.no_grad():
            found: torch.Tensor = self.model.product_state(self.model.encode(self.inputs(rows)))
        return found

    def kets(self, rows: np.ndarray | Sequence[int]) -> torch.Tensor:
        """Product states (len(rows), D) of some samples, complex128; those of a large set are made when asked for."""
        if self.is_large:
            return self._encoded(np.asarray(rows))
        return self._all_kets[torch.as_tensor(np.asarray(rows, dtype=np.int64))]

    def ket(self, row: int) -> torch.Tensor:
        """The product state (D,) of one sample, complex128."""
        return self.kets([row])[0]

    @shared
    def scores(self) -> np.ndarray:
        """Of all samples, (N, C)."""
        with torch.no_grad():
            observables = self.model.observables()
            return np.concatenate(
                [
                    expectations(self.kets(rows), observables, self.model.bias)
                    for rows in self.blocks()
                ]
            )


def expectations(psi: torch.Tensor, observables: torch.Tensor, bias: torch.Tensor) -> np.ndarray:
    """Scores (B, C) of product states (B, D): <psi| O_c(T) |psi> + b_c, one product and no evolution."""
    kets = psi.to(observables.dtype)
    scores = torch.einsum("bi,cij,bj->bc", kets.conj(), observables, kets).real
    return np.asarray((scores + bias.detach()).numpy())


def predict(
    work: KetSpace, rows: np.ndarray, observables: torch.Tensor, bias: torch.Tensor
) -> np.ndarray:
    """Scores (B, C) of rows for given observables (C, D, D)."""
    parts = np.array_split(rows, max(1, -(-len(rows) // BLOCK)))
    return np.concatenate([expectations(work.kets(part), observables, bias) for part in parts])


def test_metrics(
    work: KetSpace, observables: torch.Tensor, bias: torch.Tensor, split: str = "test"
) -> dict[str, float]:
    """Metrics of a split for given observables (C, D, D) at T."""
    return work.of_split(predict(work, work.dataset.rows(split), observables, bias), split)
