"""An entangled-fusion network on a data set: masses, fused qubits, observables. Free of streamlit."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch

from qfusion.analysis.subject import EXPLAINED, Workspace, entropy_column, shared
from qfusion.data import DataSet
from qfusion.explain import evidence
from qfusion.models.qcnn import evaluate

COALITIONS = 1500  # that are worked out sample by sample before the pages show them
DISAGREEMENT, MEAN_ENTROPY, CONFLICT = "disagreement", "entropy[mean]", "conflict"


@dataclass(frozen=True, eq=False)
class CircuitSpace(Workspace):
    """A workspace whose samples are masses.

    Attributes:
        observables: of the fused qubits, (C, 3, ..., 3) double.
    """

    observables: torch.Tensor = None  # type: ignore[assignment]

    @shared
    def masses(self) -> torch.Tensor:
        """Of all samples, per element and modality, (N, n, M) double."""
        with torch.no_grad():
            parts = [self.model.encode(self.inputs(rows)) for rows in self.blocks()]
            return torch.cat(
                [
                    torch.stack([encoded[name].double() for name in self.modalities], -1)
                    for encoded in parts
                ]
            )

    @shared
    def scores(self) -> np.ndarray:
        """Of all samples, (N, C)."""
        with torch.no_grad():
            return np.concatenate(
                [
                    (
                        evaluate(self.observables, self.model.fuse(self.by_name(rows))[0])
                        + self.model.bias
                    ).numpy()
                    for rows in self.blocks()
                ]
            )

    @cached_property
    def bulk(self) -> np.ndarray:
        """The test rows: against every row of the background, all samples would take several seconds.

        With more than three modalities each coalition is worked out sample by sample, and only the first test rows are
        taken.
        """
        rows, M = (
            self.dataset.rows("test")[: EXPLAINED if self.is_large else None],
            len(self.modalities),
        )
        return rows if M <= 3 else rows[: max(12, COALITIONS // 2**M)]

    @cached_property
    def opening(self) -> str:  # type: ignore[override]
        """The sample shown first: of those predicted right, the test sample on which the modalities disagree most."""
        rows = self.dataset.rows("test")
        worth = np.where(self.errors[rows] < 0.5, self.disagreement[rows], -1.0)
        return str(self.dataset.ids[rows[int(np.argmax(worth))]])

    @property
    def elements(self) -> tuple[str, ...]:
        """Names of the elements: the classes where they are classes."""
        if self.model.elements_are_classes:
            return tuple(self.model.outputs)
        return tuple(f"element {i}" for i in range(self.model.elements))

    @cached_property
    def vectors(self) -> torch.Tensor:
        """Fused qubits (1, <X>, <Z>) of all samples, (N, n, 3)."""
        with torch.no_grad():
            return self.model.fuse(self.by_name(slice(None)))[0]

    def by_name(self, rows: Any) -> dict[str, torch.Tensor]:
        """Masses of some rows as the model takes them, (B, n) each; (n,) for one row number."""
        return {name: self.masses[rows, ..., m] for m, name in enumerate(self.modalities)}

    def reading(self, row: int, model: Any = None) -> evidence.Reading:
        """What the fusion read from one sample, by the model as learned or by an edited one."""
        return evidence.read(model or self.model, self.by_name(row))

    def theta(self, row: int) -> dict[str, torch.Tensor]:
        """Angles of one sample's modality qubits, (n,) radians each."""
        with torch.no_grad():
            found = self.model.angles(self.inputs([row]))
        return {name: angles[0] for name, angles in found.items()}

    @cached_property
    def disagreement(self) -> np.ndarray:
        """Mean over the elements of Dempster's K between the modalities on each, (N,)."""
        return evidence.disagreement(self.masses).mean(-1).numpy()

    def facts(self, rows: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Disagreement, conflict where elements are classes, and entropies of the fused qubits."""
        some = slice(None) if rows is None else rows
        each = evidence.qubit_entropy(self.vectors[some]).numpy()
        found = {DISAGREEMENT: self.disagreement[some]}
        if self.model.elements_are_classes:
            found[CONFLICT] = evidence.conflict(self.masses[some]).numpy()
        found[MEAN_ENTROPY] = each.mean(1)
        return found | {entropy_column(name): each[:, i] for i, name in enumerate(self.elements)}

    def fact_titles(self) -> dict[str, str]:
        """Axis titles of `facts`."""
        titles = {DISAGREEMENT: "disagreement of the modalities (mean over elements)"}
        if self.model.elements_are_classes:
            titles[CONFLICT] = "conflict (Dempster's K)"
        titles[MEAN_ENTROPY] = "entropy of the fused qubits (mean, nats)"
        return titles | {
            entropy_column(name): f"entropy of fused qubit ‘{name}’ (nats)"
            for name in self.elements
        }


def build(name: str, card: Mapping[str, Any], model: Any, dataset: DataSet) -> CircuitSpace:
    """A model on a data set that it fits."""
    with torch.no_grad():
        observables = model.observables().double()
    return CircuitSpace(
        name, card, with_observables(model, observables), dataset, observables=observables
    )


def with_observables(model: Any, observables: torch.Tensor) -> Any:
    """A copy of a model, sharing its weights, that does not work its observables out again."""
    other = copy.copy(model)
    other.__dict__["observables"] = lambda: observables
    return other
