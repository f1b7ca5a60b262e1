"""The algebra of an EntangledQCNN: scores are multilinear in the masses of every modality.

Values against samples as they occur are in `qcnn_rows`, against independent modalities in `qcnn_marginals`; marginal
observables are diagonal, see `mass_operators`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.models.algebra import LinearAlgebra, Spectrum, StateBackground
from qfusion.models.backgrounds import GROUPS, Background, Group
from qfusion.models.network import mass_operators, qcnn_marginals, qcnn_rows
from qfusion.models.network.mass_forms import MultilinearForm
from qfusion.models.network.qcnn_contractions import chunk_length
from qfusion.models.network.truth_tables import probabilities
from qfusion.models.protocols import MassStates
from qfusion.quantum import decomposition

MAX_PATTERNS = 2**20  # outcome patterns of a pair of modalities whose values are computed


@dataclass(frozen=True, kw_only=True)
class MassBackground(StateBackground):
    """The masses of background samples: scores are multilinear in them, but not in a mean state of all modalities.

    Attributes:
        masses: per sample, element and modality, (N, n, M) double.
    """

    masses: Tensor

    def parts(self) -> list[MassBackground]:
        return [
            replace(self, masses=self.masses[group::GROUPS], total=0) for group in range(GROUPS)
        ]

    @cached_property
    def distributions(self) -> Tensor:
        """Mean probability of every outcome of each modality's qubits, (M, 2^n), as kind "product" needs it."""
        _, n, M = self.masses.shape
        sums = [
            torch.stack([probabilities(chunk[..., m]).sum(0) for m in range(M)])
            for chunk in self.masses.split(chunk_length(2**n))
        ]
        return torch.stack(sums).sum(0) / len(self.masses)

    def numbers(self) -> Tensor:
        return self.masses


class MassAlgebra(LinearAlgebra[MassStates, MassBackground]):
    """The algebra of a model that fuses masses by truth tables and reads the fused qubits by a network."""

    def make_uninformed_background(self, kind: str, label: str) -> MassBackground:
        # No evidence leaves every qubit on the equator, which is as good as maximally mixed to a control.
        shape = (1, self.model.elements, len(self.model.modalities))
        half = torch.full(shape, 0.5, dtype=torch.float64)
        return MassBackground(masses=half, kind=kind, size=0, label=label)

    def make_background(
        self,
        parts: Iterable[tuple[int, Mapping[str, Any]]],
        count: int,
        kind: str,
        label: str,
        group: Group,
    ) -> MassBackground:
        own = {number: self._masses(encoded) for number, encoded in parts}
        in_order = [part for _, part in sorted(group.collected(own).items())]
        return MassBackground(masses=torch.cat(in_order), kind=kind, size=count, label=label)

    def fits(self, background: Background) -> bool:
        shape = self.model.elements, len(self.model.modalities)
        return isinstance(background, MassBackground) and background.masses.shape[1:] == shape

    def expectations(
        self,
        states: Mapping[str, Any],
        background: MassBackground,
        observables: Tensor | None = None,
    ) -> Tensor:
        masses = self._masses(states)
        if background.kind == "product":
            distributions = background.distributions
            return qcnn_marginals.marginal_values(self.model, masses, distributions, observables)
        return qcnn_rows.row_values(self.model, masses, background.masses, observables)

    def check_state(self, name: str, state: Any) -> None:
        check(
            bool(((state >= 0) & (state <= 1)).all()),
            f"Argument `states[{name}]` must hold masses in [0, 1], but does not.",
        )

    def form(self, modality: str) -> MultilinearForm:
        return MultilinearForm(self.model.elements)

    def operator_groups(self) -> list[decomposition.Subset]:
        """Return the single modalities, and the pairs if at most two others are averaged over."""
        M = len(self.model.modalities)
        with_pairs = M <= 4 and 4**self.model.elements <= MAX_PATTERNS
        sizes = (1, 2) if with_pairs else (1,)
        return [S for S in decomposition.subsets(M) if len(S) in sizes]

    def operator_states(self, states: Mapping[str, Any], names: Sequence[str]) -> list[Tensor]:
        """Return the probabilities of the outcomes of some modalities' qubits, (B, 2^n) each."""
        return [probabilities(states[name].double()) for name in names]

    def spectrum(self, background: Background, S: decomposition.Subset, output: int) -> Spectrum:
        own = self.check_background(background)
        bias = float(self.model.bias[output])
        O = self.model.observables()[output].double()
        distributions = own.distributions if own.kind == "product" else None
        return mass_operators.spectrum(
            O, self.model.phi.double(), own.masses, distributions, S, bias
        )

    def _masses(self, states: Mapping[str, Any]) -> Tensor:
        """Return the masses of all modalities side by side, (B, n, M)."""
        return torch.stack([states[name].double() for name in self.model.modalities], -1)
