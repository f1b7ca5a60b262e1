"""A model whose modality states are kets on a data set: product states and the scores that observables make of them.
Free of streamlit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from qfusion.analysis.subject import Workspace, shared


@dataclass(frozen=True, eq=False)
class KetSpace(Workspace):
    """A workspace whose samples are product states."""

    @shared
    def psi(self) -> torch.Tensor:
        """Product states (N, D) of all samples, complex128."""
        with torch.no_grad():
            found: torch.Tensor = self.model.product_state(self.model.encode(self.dataset.inputs(dtype=torch.float64)))
        return found

    @shared
    def scores(self) -> np.ndarray:
        """Of all samples, (N, C)."""
        with torch.no_grad():
            return expectations(self.psi, self.model.observables(), self.model.bias)


def expectations(psi: torch.Tensor, observables: torch.Tensor, bias: torch.Tensor) -> np.ndarray:
    """Scores (B, C) of product states (B, D): <psi| O_c(T) |psi> + b_c, one product and no evolution."""
    kets = psi.to(observables.dtype)
    scores = torch.einsum("bi,cij,bj->bc", kets.conj(), observables, kets).real
    return np.asarray((scores + bias.detach()).numpy())


def predict(work: KetSpace, rows: np.ndarray, observables: torch.Tensor, bias: torch.Tensor) -> np.ndarray:
    """Scores (B, C) of rows for given observables (C, D, D)."""
    return expectations(work.psi[torch.as_tensor(rows)], observables, bias)


def test_metrics(work: KetSpace, observables: torch.Tensor, bias: torch.Tensor,
                 split: str = "test") -> dict[str, float]:
    """Metrics of a split for given observables (C, D, D) at T."""
    return work.of_split(predict(work, work.dataset.rows(split), observables, bias), split)
