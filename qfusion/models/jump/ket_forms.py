"""Hermitian forms <psi|A|psi> of one modality's ket, and the nearest ket at which such a form is positive.

With the other modalities fixed, "class j overtakes class k" (or "the score changes sign") reads <psi|B|psi> >= 0 for
one Hermitian d x d matrix B. The nearest state in fidelity maximises |<psi_0|psi>|^2 under it; with b_i, c_i the
eigenvalues of -B and the coefficients of psi_0 in its eigenvectors, stationarity gives psi_i ~ c_i / (1 + t b_i), and t
solves the secular equation sum_i |c_i|^2 b_i / (1 + t b_i)^2 = 0, which falls strictly on the interval where all
denominators are positive. A quadratic problem with one quadratic constraint has no duality gap (S-lemma, see Polik and
Terlaky 2007), so this is the global optimum; where psi_0 has no part in the lowest eigenvector, that part is added (the
"hard case" of More and Sorensen 1983). The distance is the Fubini-Study angle arccos |<psi_0|psi>|. No state satisfies
the inequality if and only if B has no positive eigenvalue.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import scipy
import torch
from torch import Tensor

from qfusion.models.decisions import MARGIN


@dataclass(frozen=True)
class HermitianForm:
    """The forms <psi|A|psi> on kets of d amplitudes, as matrices (..., d, d) complex."""

    d: int
    is_exact: bool = True
    max_coalitions: int | None = None

    @property
    def probes(self) -> Tensor:
        """Kets whose values determine a form: basis states, then (|i> + |j>) and (|i> + i|j>), normalised, (d^2, d)."""
        basis = torch.eye(self.d, dtype=torch.complex128)
        pairs = [
            (basis[i] + phase * basis[j]) / 2**0.5
            for i, j in combinations(range(self.d), 2)
            for phase in (1, 1j)
        ]
        return torch.stack([*basis, *pairs])

    def assemble(self, values: Tensor) -> Tensor:
        """Return the matrices (..., d, d) of values at the probes, (d^2, ...)."""
        d = self.d
        form = torch.zeros(*values.shape[1:], d, d, dtype=torch.complex128)
        for i in range(d):
            form[..., i, i] = values[i].to(form.dtype)
        # <i + j> = (q_ii + q_jj) / 2 + Re q_ij and <i + i j> = (q_ii + q_jj) / 2 - Im q_ij
        for k, (i, j) in enumerate(combinations(range(d), 2)):
            mean = (values[i] + values[j]) / 2
            form[..., i, j] = torch.complex(values[d + 2 * k] - mean, mean - values[d + 2 * k + 1])
            form[..., j, i] = form[..., i, j].conj()
        return form

    def value(self, form: Tensor, state: Tensor) -> Tensor:
        """Return <psi|A|psi>, (B, ...), of forms (..., d, d) at kets (B, d)."""
        return torch.einsum("bi,...ij,bj->b...", state.conj(), form, state).real

    def distance(self, first: Tensor, second: Tensor) -> Tensor:
        """Return the Fubini-Study angle of kets (..., d) in radians."""
        overlap = (first.conj() * second).sum(-1)
        # arccos loses half the digits near zero distance; the rest of the second ket does not.
        rest = torch.linalg.vector_norm(second - overlap[..., None] * first, dim=-1)
        return torch.atan2(rest, overlap.abs())

    def nearest_state(self, forms: Sequence[Tensor], state: Tensor) -> tuple[Tensor | None, float]:
        """Return the nearest ket at which any form is `MARGIN`, and the largest value of any form."""
        solutions = [nearest_ket(B, state) for B in forms]
        reach = max(largest for _, largest in solutions)
        kets = [ket for ket, _ in solutions if ket is not None]
        nearest = min(kets, key=lambda ket: float(self.distance(state, ket)), default=None)
        return nearest, reach


def nearest_ket(B: Tensor, psi: Tensor) -> tuple[Tensor | None, float]:
    """Return the nearest unit ket with <B> = MARGIN (None if there is none), and the largest <B> of all kets."""
    margin = MARGIN * max(1.0, float(torch.linalg.matrix_norm(B, 2)))
    eigenvalues, vectors = torch.linalg.eigh(margin * torch.eye(len(B), dtype=B.dtype) - B)
    b = eigenvalues.numpy()
    c = (vectors.mH @ psi).numpy()
    reach = margin - float(b[0])
    w = np.abs(c) ** 2
    if w @ b <= 0:
        return psi, reach
    if b[0] >= 0:
        return None, reach
    size = -b[0]

    def denominators(log_delta: float) -> np.ndarray:
        delta = math.exp(log_delta)  # 1 + t b_0: how close t is to its end, without cancellation
        return np.where(b == b[0], delta, 1 + (1 - delta) * b / size)

    def secular(log_delta: float) -> float:
        return float((w * b / denominators(log_delta) ** 2).sum())

    end = math.log(1e-13)
    if secular(end) <= 0:
        root = scipy.optimize.brentq(secular, end, 0.0, xtol=1e-14, rtol=1e-15, maxiter=300)
        amplitudes = c / denominators(root)
    else:  # the hard case: next to nothing lies along the lowest eigenvector
        amplitudes = np.where(b == b[0], 0, c / np.where(b == b[0], 1, 1 + b / size))
        missing = float((np.abs(amplitudes) ** 2 * b).sum()) / size
        amplitudes[0] = math.sqrt(max(missing, 0.0))
    state = vectors @ torch.from_numpy(amplitudes)
    return state / torch.linalg.vector_norm(state), reach
