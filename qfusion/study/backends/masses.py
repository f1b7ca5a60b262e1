"""Studies of entangled-fusion networks: masses, fused qubits and observables of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from qfusion import simulate
from qfusion._memory_cache import memo
from qfusion.explain import fusion
from qfusion.models.base import recompute_observables, with_observables
from qfusion.models.network import network_model, qcnn, truth_tables
from qfusion.study.backends.base import (
    EXPLAINED,
    BaseBackend,
    Coordinates,
    compute_in_blocks,
    entropy_column,
    name_readouts,
)
from qfusion.study.cache import state_cache
from qfusion.study.jobs import Task

if TYPE_CHECKING:
    from qfusion.simulate.fusion_circuit import FusionCircuit


COALITIONS = 1500  # that are computed sample by sample before the pages show them
DISAGREEMENT, MEAN_ENTROPY, CONFLICT = "disagreement", "entropy[mean]", "conflict"
ENTROPY, LARGEST_ENTROPY = "entropy", "largest entropy"


class MassBackend(BaseBackend):
    """The samples of a study as masses of every modality for every element."""

    @classmethod
    def prepare_model(cls, model: Any) -> Any:
        """Return the model with its observables computed once."""
        return with_observables(model, model.observables().double())

    @property
    def observables(self) -> torch.Tensor:
        """Effective observables of the fused qubits, (C, 3, ..., 3) double."""
        return self.study.model.observables()

    @state_cache
    @torch.no_grad()
    def masses(self) -> torch.Tensor:
        """Masses of all samples, per element and modality, (N, n, M) double."""
        study = self.study
        parts = [study.model.encode(study.inputs(rows)) for rows in study.blocks()]
        columns = []
        for name in study.modalities:
            columns.append(torch.cat([part[name].double() for part in parts]))
        return torch.stack(columns, -1)

    def named_masses(self, rows: Any) -> dict[str, torch.Tensor]:
        """Return the masses of rows as the model takes them, (B, n) each; (n,) for one row number."""
        return {name: self.masses[rows, ..., m] for m, name in enumerate(self.study.modalities)}

    @torch.no_grad()
    def scores(self) -> np.ndarray:
        """Return the scores of all samples, (N, C)."""
        model = self.study.model
        parts = []
        for rows in self.study.blocks():
            fused = model.fuse(self.named_masses(rows))[0]
            parts.append(qcnn.evaluate(self.observables, fused) + model.bias)
        return torch.cat(parts).numpy()

    @torch.no_grad()
    def tweaked_scores(self, rows: np.ndarray, tweak: Any) -> np.ndarray:
        """Return the scores of rows with edited truth tables or angles, (n, C)."""
        model = self.study.model.tweaked(tweak)
        fused = model.fuse(self.named_masses(torch.as_tensor(rows)))[0]
        observables = self.observables
        if model.network is not self.study.model.network:
            observables = recompute_observables(model)
        return (qcnn.evaluate(observables, fused) + model.bias).numpy()

    def explained_rows(self) -> np.ndarray:
        """Return the test rows: against every row of the background, all samples would take several seconds.

        With more than three modalities each coalition is computed sample by sample, and only the first test rows are
        explained.
        """
        study = self.study
        rows = study.dataset.rows("test")[: EXPLAINED if study.is_large else None]
        M = len(study.modalities)
        return rows if M <= 3 else rows[: max(12, COALITIONS // 2**M)]

    def opening_sample(self) -> str:
        """Return the test sample, of those predicted right, on which the modalities disagree most."""
        study = self.study
        rows = study.dataset.rows("test")
        disagreement = np.where(study.errors[rows] < 0.5, self.disagreement[rows], -1.0)
        return str(study.dataset.ids[rows[int(np.argmax(disagreement))]])

    @property
    def elements(self) -> tuple[str, ...]:
        """Names of the elements, which are the class names if the elements are classes."""
        model = self.study.model
        if model.elements_are_classes:
            return tuple(model.outputs)
        return tuple(f"element {i}" for i in range(model.elements))

    @state_cache
    @torch.no_grad()
    def vectors(self) -> torch.Tensor:
        """Fused qubits (1, <X>, <Z>) of all samples, (N, n, 3)."""
        return self.study.model.fuse(self.named_masses(slice(None)))[0]

    def reading(self, row: int, model: Any = None) -> fusion.FusionEvidence:
        """Return the evidence of one sample, as the model as learned or an edited one reads it."""
        return fusion.fusion_evidence(model or self.study.model, self.named_masses(row))

    @torch.no_grad()
    def theta(self, row: int) -> dict[str, torch.Tensor]:
        """Return the angles of one sample's modality qubits, (n,) radians each."""
        angles = self.study.model.angles(self.study.inputs([row]))
        return {name: values[0] for name, values in angles.items()}

    @state_cache
    def disagreement(self) -> np.ndarray:
        """Mean over the elements of Dempster's K between the modalities on each, (N,)."""
        return fusion.disagreement(self.masses).mean(-1).numpy()

    def facts(self, rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Return disagreement, conflict where elements are classes, and entropies of the fused qubits."""
        some = slice(None) if rows is None else rows
        entropies = truth_tables.fused_entropy(self.vectors[some]).numpy()
        facts = {DISAGREEMENT: self.disagreement[some]}
        if self.study.model.elements_are_classes:
            facts[CONFLICT] = fusion.conflict(self.masses[some]).numpy()
        facts[MEAN_ENTROPY] = entropies.mean(1)
        for i, name in enumerate(self.elements):
            facts[entropy_column(name)] = entropies[:, i]
        return facts

    def fact_columns(self) -> tuple[str, ...]:
        """Return the names of `facts`."""
        conflict = (CONFLICT,) if self.study.model.elements_are_classes else ()
        return (DISAGREEMENT, *conflict, MEAN_ENTROPY, *map(entropy_column, self.elements))

    def encodings(self, rows: np.ndarray) -> np.ndarray:
        """Return the masses, (n, elements * M)."""
        return np.asarray(self.masses[torch.as_tensor(rows)].flatten(1).numpy())

    def coordinates(self) -> Mapping[str, Coordinates]:
        """Return the coordinates of the modality qubits and of the network's read-out."""
        return {
            "states": lambda rows: qubit_coordinates(self.study, rows),
            "final": lambda rows: read_out_coordinates(self.study, rows),
        }

    def infidelities(self, others: np.ndarray, row: int) -> np.ndarray:
        """Return 1 - |<psi|phi>|^2 of the products of modality qubits, (n,)."""
        # coordinates are cos and sin of all angles over the square root of 2
        of_others = np.sqrt(2) * qubit_coordinates(self.study, others)
        own = np.sqrt(2) * qubit_coordinates(self.study, np.array([row]))
        n = of_others.shape[1] // 2
        cosines = of_others[:, :n] * own[:, :n] + of_others[:, n:] * own[:, n:]
        return 1 - np.asarray(((1 + cosines) / 2).prod(1))

    def circuit(self, row: int, words: str = "") -> FusionCircuit:
        """Return the circuit of one sample in PennyLane, with edited truth tables."""
        model = self.study.model.tweaked(words)
        return simulate.fusion_circuit.fusion_circuit(model, self.theta(row))

    def readouts(self) -> dict[str, tuple[str, ...]]:
        """Return the fused qubits and the product of those whose joint outcome the head reads."""
        model = self.study.model
        wires = tuple(stages[-1] for stages in simulate.fusion_gates.wire_names(model)[1])
        stored = tuple(model.network.retained)
        words = [(q,) for q in range(len(wires))]
        if len(stored) > 1:
            words.append(stored)
        return name_readouts(wires, words)

    def can_attribute_terms(self) -> bool:
        """Return whether there are few enough patterns of masses and coalitions."""
        count = 2 ** (self.study.model.elements + len(self.study.modalities))
        return count <= truth_tables.MAX_COALITIONS

    def entropy_part(self, part: str) -> str:
        """Return the name of a fused qubit, given its number."""
        return f"fused qubit ‘{self.elements[int(part)]}’"

    def sample_entropies(self, row: int, tweak: Any) -> dict[str, float]:
        """Return the entropies of the fused qubits in nats, by element."""
        reading = self.reading(row, self.study.model.tweaked(tweak))
        return dict(zip(reading.elements, map(float, reading.entropy), strict=True))

    def entanglement_measures(self) -> tuple[str, ...]:
        """Return the mean and the largest entropy of the fused qubits."""
        return ENTROPY, LARGEST_ENTROPY

    def entropy_values(self, columns: Mapping[str, np.ndarray], measure: str) -> np.ndarray:
        """Return the mean or the largest entropy of the fused qubits, (n,)."""
        if measure == ENTROPY:
            return np.asarray(columns[MEAN_ENTROPY])
        return np.stack([columns[entropy_column(name)] for name in self.elements], 1).max(1)


@memo(6, background=False)
def qubit_coordinates(study: Any, rows: np.ndarray) -> np.ndarray:
    """Return cos and sin of all modality qubits' angles over the square root of 2, (n, 2 elements M)."""

    def encode_block(some: np.ndarray) -> torch.Tensor:
        angles = study.model.angles(study.inputs(some))
        theta = torch.cat([angles[name].double() for name in study.modalities], 1)
        return torch.cat([torch.cos(theta), torch.sin(theta)], 1) / math.sqrt(2)

    return compute_in_blocks(rows, encode_block)


@memo(6, background=False, task=Task.EVOLVE_SAMPLES)
def read_out_coordinates(study: Any, rows: np.ndarray) -> np.ndarray:
    """Return populations of the retained qubits, and <Z> of the measured ones over the square root of 2, (n, F)."""
    network = study.model.network
    stored = 2 ** len(network.retained)

    def read_block(some: np.ndarray) -> torch.Tensor:
        vectors = study.backend.vectors[torch.as_tensor(some)].to(network.head.dtype)
        read = network_model.network_features(network, vectors)
        return torch.cat([read[:, :stored], read[:, stored:] / math.sqrt(2)], 1)

    return compute_in_blocks(rows, read_block)
