"""Studies of models whose modality states are kets: product states, and scores by observables of them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from qfusion._memory_cache import memo
from qfusion.analysis.spaces.base import BaseSpace, compute_in_blocks
from qfusion.analysis.spaces.protocol import Coordinates
from qfusion.analysis.study_cache import state_cache
from qfusion.models.base import with_observables
from qfusion.quantum import states
from qfusion.quantum.states import expectation

BLOCK = 2**14  # samples whose states are held at a time


class KetSpace(BaseSpace):
    """The samples of a study as product states."""

    @state_cache
    def all_kets(self) -> torch.Tensor:
        """Product states of all samples, (N, D)."""
        return self._encode(None)

    @torch.no_grad()
    def _encode(self, rows: np.ndarray | None) -> Any:
        model = self.study.model
        return model.product_state(model.encode(self.study.inputs(rows)))

    def kets(self, rows: np.ndarray | Sequence[int]) -> torch.Tensor:
        """Return the product states of rows, (n, D) complex128; those of a large set are computed when needed."""
        if self.study.is_large:
            return self._encode(np.asarray(rows))
        return self.all_kets[torch.as_tensor(np.asarray(rows, dtype=np.int64))]

    def ket(self, row: int) -> torch.Tensor:
        """Return the product state of one sample, (D,) complex128."""
        return self.kets([row])[0]

    def scores(self) -> np.ndarray:
        """Return the scores of all samples, (N, C)."""
        model = self.study.model
        return self.observable_scores(self.study.dataset.rows(), model.observables(), model.bias)

    @torch.no_grad()
    def observable_scores(
        self, rows: np.ndarray, observables: torch.Tensor, bias: torch.Tensor
    ) -> np.ndarray:
        """Return the scores (n, C) of rows for given observables (C, D, D): one product and no evolution."""
        values = []
        for part in np.array_split(rows, max(1, -(-len(rows) // BLOCK))):
            values.append(expectation(observables, self.kets(part).to(observables.dtype)))
        return (torch.cat(values) + bias).numpy()

    def encodings(self, rows: np.ndarray) -> np.ndarray:
        """Return the product states as real numbers, (n, 2 D)."""
        return np.asarray(torch.view_as_real(self.kets(rows)).flatten(1).numpy())

    def fixed_model(self) -> Any:
        """Return the study's model with its observables computed once."""
        return model_with_fixed_observables(self.study)

    def coordinates(self) -> Mapping[str, Coordinates]:
        """Return the coordinates of the modality states."""
        return {"states": lambda rows: state_coordinates(self.study, rows)}

    def infidelities(self, others: np.ndarray, row: int) -> np.ndarray:
        """Return 1 - |<psi|phi>|^2 of product states, (n,)."""
        kets = self.kets(others).to(torch.complex128)
        overlaps = kets.conj() @ self.ket(row).to(torch.complex128)
        return 1 - np.asarray(overlaps.abs().pow(2).numpy())

    def max_measure(self, kind: str, part: str) -> float:
        """Return the largest entropy (nats) or log. negativity (bits) of a modality."""
        levels = self.study.model.dims[self.study.modalities.index(part)]
        return float(np.log(levels) if kind == "entropy" else np.log2(levels))


@memo(4, background=False)
@torch.no_grad()
def model_with_fixed_observables(study: Any) -> Any:
    """Return a study's model, sharing its weights, that does not compute its observables again."""
    return with_observables(study.model, study.model.observables())


@memo(6, background=False)
def state_coordinates(study: Any, rows: np.ndarray) -> np.ndarray:
    """Return the reduced density matrices of all modalities in real coordinates, (n, sum of d^2)."""

    def encode_block(some: np.ndarray) -> torch.Tensor:
        kets = study.model.encode(study.inputs(some))
        parts = []
        for name in study.modalities:
            rho = states.density(kets[name].to(torch.complex128))
            parts.append(real_coordinates(rho))
        return torch.cat(parts, 1)

    return compute_in_blocks(rows, encode_block)


def real_coordinates(rho: torch.Tensor) -> torch.Tensor:
    """Return density matrices (n, d, d) as d^2 real numbers each: the diagonal, then real and imaginary parts above it
    times the square root of 2, so that plain distances are Hilbert-Schmidt distances."""
    upper = torch.triu_indices(rho.shape[-1], rho.shape[-1], 1)
    above = math.sqrt(2) * rho[:, upper[0], upper[1]]
    diagonal = torch.diagonal(rho, dim1=-2, dim2=-1).real
    return torch.cat([diagonal, above.real, above.imag], 1).double()
