"""Studies of models whose modality states are kets: product states, which evolve where the model has a time.

`EvolutionBackend` adds what exists at the end T of the evolution: states, entropies and entanglement."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from qfusion._memory_cache import memo
from qfusion.models.base import with_observables
from qfusion.models.jump import flips
from qfusion.quantum import decomposition, lindblad, measure_kinds, measures, states
from qfusion.quantum.states import expectation
from qfusion.study import evolution
from qfusion.study.backends.base import (
    BaseBackend,
    Coordinates,
    compute_in_blocks,
    entropy_column,
    negativity_column,
)
from qfusion.study.cache import state_cache
from qfusion.study.jobs import Task, iterate_chunks

BLOCK = 2**14  # samples whose states are held at a time


class KetBackend(BaseBackend):
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


EVOLVED_AT_ONCE = 64  # samples whose states are evolved together
SECONDS, EVOLVED = 20.0, 0.017  # that final states may take, and that one takes at D = 64
MAX_NUMBERS = 30_000_000  # coordinates that are held at once


class EvolutionBackend(KetBackend):
    """The samples of a study as product states that evolve."""

    @state_cache
    def entropies(self) -> np.ndarray:
        """Von Neumann entropies of the reduced states at T, (N, M) in nats."""
        return reduced_entropies(self.study.model, self.kets(self.study.dataset.rows()))

    def facts(self, rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return the entropies of the modalities' states."""
        if rows is None:
            entropies = self.entropies
        else:
            entropies = reduced_entropies(self.study.model, self.kets(rows))
        names = self.study.modalities
        return {entropy_column(name): entropies[:, m] for m, name in enumerate(names)}

    def fact_columns(self) -> tuple[str, ...]:
        """Return the names of the entropies, and of the entanglement, which is computed for the rows that are shown."""
        names = self.study.modalities
        return (*map(entropy_column, names), *map(negativity_column, names))

    @torch.no_grad()
    def tweaked_scores(self, rows: np.ndarray, tweak: Any) -> np.ndarray:
        """Return the scores of rows under a tweak, (n, C), by the observables at T."""
        model = self.study.model.tweaked(tweak)
        observables = evolution.observables(self.study, tweak)[-1]
        return self.observable_scores(rows, observables, model.bias)

    def coordinates(self) -> Mapping[str, Coordinates]:
        """Return the coordinates of the modality states and of the final state."""
        final = {"final": lambda rows: final_coordinates(self.study, rows)}
        return {**super().coordinates(), **final}

    def max_final_states(self, part: float) -> int:
        """Return how many final states take a part of `SECONDS` and can be held."""
        D = math.prod(self.study.model.dims)
        in_time = part * SECONDS / (EVOLVED * max(1.0, D / 64) ** 2.5)
        return max(16, int(min(in_time, MAX_NUMBERS / D**2)))

    def parameter_table(self) -> Any:
        """Return the scores over the range of every parameter."""
        return flips.table(self.study.model)

    def generator_dimension(self) -> int:
        """Return the dimension D of the joint states."""
        return math.prod(self.study.model.dims)

    def entropy_part(self, part: str) -> str:
        """Return a modality and the time of its entropy."""
        return f"{part} at T"

    def sample_entropies(self, row: int, tweak: Any) -> dict[str, float]:
        """Return the entropies at T by modality, and of all together, in nats."""
        tracked = evolution.track(self.study, row, tweak, negativity=False, runs=0)
        measures = tracked.measures.single("entropy")
        return {name or "all together": float(line[-1]) for name, line in measures.items()}

    def entanglement_measures(self) -> tuple[str, ...]:
        """Return the measures of entanglement that are shown for cohorts."""
        return tuple(
            name.replace("_", " ") for name, about in measure_kinds.KINDS.items() if about.cohort
        )

    def entropy_values(self, columns: Mapping[str, np.ndarray], measure: str) -> np.ndarray:
        """Return the mean entropy of the modalities' states, (n,)."""
        return np.stack([columns[entropy_column(name)] for name in self.study.modalities], 1).mean(
            1
        )


@torch.no_grad()
def reduced_entropies(model: Any, psi: torch.Tensor) -> np.ndarray:
    """Return the von Neumann entropy of every modality's state at T for many samples, (N, M) in nats.

    The d^2 letters B_k of a modality's basis are evolved once in the Heisenberg picture; each sample's reduced state is
    then sum_k Tr[B_k(T) rho_0] B_k / d, whatever the number of samples.
    """
    system = model.system()
    kets = torch.as_tensor(psi, dtype=torch.complex128)
    columns = []
    for place, size in enumerate(system.dims):
        letters = decomposition.basis(size)[1]
        evolved = lindblad.evolve_observables(
            system.H,
            system.jumps,
            states.embed(letters, system.dims, (place,)),
            [float(system.duration)],
        )[-1]
        weights = expectation(evolved, kets).to(letters.dtype) / size
        columns.append(measures.von_neumann_entropy(torch.tensordot(weights, letters, 1)))
    return torch.stack(columns, -1).numpy()


@torch.no_grad()
def final_states(study: Any, rows: np.ndarray) -> Iterator[torch.Tensor]:
    """Yield the states at T of rows, (n, D, D), a few at a time."""
    for chunk in iterate_chunks(rows, EVOLVED_AT_ONCE, "Evolving states"):
        rho = states.density(study.backend.kets(chunk).to(torch.complex128))
        yield study.model.evolve_states(rho, [float(study.model.duration)])[0]


@memo(6, background=False, task=Task.EVOLVE_SAMPLES)
def final_coordinates(study: Any, rows: np.ndarray) -> np.ndarray:
    """Return the joint states at T in real coordinates, (n, D^2)."""
    return torch.cat([real_coordinates(rho) for rho in final_states(study, rows)]).numpy()


@memo(8, background=False, task=Task.MEASURE_ENTANGLEMENT)
def negativities(study: Any, rows: np.ndarray) -> np.ndarray:
    """Return the logarithmic negativity of each modality with the rest at T, (n, M) in bits.

    Entanglement is not linear in the state, so every sample is evolved on its own: about 15 ms each at D = 64.
    """
    dims = study.model.dims
    if not len(rows):
        return np.zeros((0, len(dims)))
    parts = []
    for rho in final_states(study, rows):
        by_modality = [measures.logarithmic_negativity(rho, dims, (m,)) for m in range(len(dims))]
        parts.append(torch.stack(by_modality, -1))
    return torch.cat(parts).numpy()
