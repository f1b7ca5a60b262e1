"""A QiNN-QJ on a data set: product states, entropies and entanglement at T. Free of streamlit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from qfusion.analysis.memo import memo
from qfusion.analysis.subject import entropy_column
from qfusion.analysis.systems.ket_subject import KetSpace, expectations, predict, test_metrics
from qfusion.quantum import lindblad, measures, states
from qfusion.quantum.measures import column

__all__ = [
    "JumpSpace",
    "expectations",
    "negativities",
    "negativity_column",
    "predict",
    "reduced_entropies",
    "test_metrics",
]


@dataclass(frozen=True, eq=False)
class JumpSpace(KetSpace):
    """A workspace whose samples are product states that evolve."""

    @cached_property
    def entropies(self) -> np.ndarray:
        """Von Neumann entropies (N, M) of the reduced states at T, in nats; worked out when first asked for."""
        return self._entropies(self.dataset.rows())

    def _entropies(self, rows: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return reduced_entropies(self.model, self.kets(rows))

    def facts(self, rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Entropies of the modalities' states."""
        found = self.entropies if rows is None else self._entropies(rows)
        return {entropy_column(name): found[:, m] for m, name in enumerate(self.modalities)}

    def fact_titles(self) -> dict[str, str]:
        """Axis titles of the entropies, and of the entanglement, which is worked out for the rows that are shown."""
        titles = {
            entropy_column(name): f"entropy of {name} at T (nats)" for name in self.modalities
        }
        return titles | {
            negativity_column(name): f"entanglement of {name} at T (log. negativity, bits)"
            for name in self.modalities
        }


def negativity_column(name: str) -> str:
    """Column of the entanglement of a modality with the rest at T."""
    return column("negativity", (name,))


def reduced_entropies(model: Any, psi: torch.Tensor) -> np.ndarray:
    """Von Neumann entropy of every modality's state at T for many samples, (N, M) in nats.

    The d^2 matrix units of a modality are evolved once in the Heisenberg picture; then Tr[E_ji(T) rho_0] is the element
    (i, j) of each sample's reduced state, whatever the number of samples.
    """
    system = model.system()
    kets = torch.as_tensor(psi, dtype=torch.complex128)
    end = torch.tensor([float(system.duration)], dtype=torch.float64)
    columns = []
    for place, size in enumerate(system.dims):
        units = _matrix_units(system.dims, place)
        evolved = lindblad.evolve_observables(system.H, system.jumps, units, end)[-1]
        values = torch.einsum("bi,cij,bj->bc", kets.conj(), evolved, kets).real
        rho = _from_expectations(values.reshape(-1, size, size))
        columns.append(measures.von_neumann_entropy(rho))
    return torch.stack(columns, -1).numpy()


@memo(8, background=False, says="Working out the entanglement of these samples, about 15 ms each …")
def negativities(work: Any, rows: np.ndarray) -> np.ndarray:
    """Logarithmic negativity of each modality against the rest at T, (len(rows), M) in bits.

    Entanglement is not linear in the state, so every sample is evolved on its own: about 15 ms each at D = 64.
    """
    parts = []
    with torch.no_grad():
        for start in range(0, len(rows), 64):
            psi = work.kets(rows[start : start + 64]).to(torch.complex128)
            rho = work.model.evolve_states(states.density(psi), [float(work.model.duration)])[0]
            parts.append(
                torch.stack(
                    [
                        measures.logarithmic_negativity(rho, work.model.dims, (m,))
                        for m in range(len(work.modalities))
                    ],
                    -1,
                ).numpy()
            )
    return np.concatenate(parts) if parts else np.zeros((0, len(work.modalities)))


def _matrix_units(dims: tuple[int, ...], place: int) -> torch.Tensor:
    """Hermitian basis of one modality's operators, embedded: (E_ij + E_ji)/2 for i <= j, (E_ij - E_ji)/2i for i > j."""
    size = dims[place]
    before, after = int(np.prod(dims[:place])), int(np.prod(dims[place + 1 :]))
    basis = torch.zeros(size * size, size, size, dtype=torch.complex128)
    for i in range(size):
        for j in range(size):
            if i <= j:
                basis[i * size + j, i, j] += 0.5
                basis[i * size + j, j, i] += 0.5
            else:
                basis[i * size + j, i, j] += -0.5j
                basis[i * size + j, j, i] += 0.5j
    one, other = torch.eye(before, dtype=basis.dtype), torch.eye(after, dtype=basis.dtype)
    return torch.stack([torch.kron(torch.kron(one, unit), other) for unit in basis])


def _from_expectations(values: torch.Tensor) -> torch.Tensor:
    """Reduced states (N, d, d) from the expectation values (N, d, d) of `_matrix_units`.

    As Tr[E_ij rho] = rho_ji: <(E_ij + E_ji)/2> = Re rho_ij for i <= j, and <(E_ij - E_ji)/2i> = Im rho_ji for i > j.
    """
    real = torch.triu(values) + torch.triu(values, 1).mT
    imaginary = torch.tril(values, -1)
    return torch.complex(real, imaginary.mT - imaginary)
