"""A model whose modality states are kets on a data set: product states and the scores that observables make of them. Free of streamlit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch

from qfusion import explain
from qfusion.analysis.subject import Workspace
from qfusion.data import DataSet
from qfusion.training import checkpoint


@dataclass(frozen=True, eq=False)
class KetSpace(Workspace):
    """A workspace whose samples are product states.

    Attributes:
        psi: product states (N, D) complex128.
    """

    psi: torch.Tensor = None  # type: ignore[assignment]


K = TypeVar("K", bound=KetSpace)


def build(name: str, card: Mapping[str, Any], model: Any, dataset: DataSet) -> KetSpace:
    """Applies a model to all samples of a data set that it fits."""
    return made(KetSpace, name, card, model, dataset)


def made(kind: type[K], name: str, card: Mapping[str, Any], model: Any, dataset: DataSet) -> K:
    """Applies a model to all samples of a data set that it fits, as a workspace of a kind."""
    with torch.no_grad():
        psi = model.product_state(model.encode(dataset.inputs(dtype=torch.float64)))
        trained_on = dataset.inputs(dataset.rows(checkpoint.training_split(card)), dtype=torch.float64)
        background = explain.background(model, trained_on, kind="joint")
        scores = expectations(psi, model.observables(), model.bias)
    return kind(name, card, model, dataset, scores, background, psi=psi)


def expectations(psi: torch.Tensor, observables: torch.Tensor, bias: torch.Tensor) -> np.ndarray:
    """Scores (B, C) of product states (B, D): <psi| O_c(T) |psi> + b_c, one product and no evolution."""
    kets = psi.to(observables.dtype)
    scores = torch.einsum("bi,cij,bj->bc", kets.conj(), observables, kets).real
    return np.asarray((scores + bias.detach()).numpy())


def predict(work: KetSpace, rows: np.ndarray, observables: torch.Tensor, bias: torch.Tensor) -> np.ndarray:
    """Scores (B, C) of rows for given observables (C, D, D)."""
    return expectations(work.psi[torch.as_tensor(rows)], observables, bias)


def test_metrics(work: KetSpace, observables: torch.Tensor, bias: torch.Tensor, split: str = "test") -> dict[str, float]:
    """Metrics of a split for given observables (C, D, D) at T."""
    return work.of_split(predict(work, work.dataset.rows(split), observables, bias), split)
