"""Variants of the entangled QCNN.

One also reads the modality qubits after the fusion, with or without entanglement; one dephases the fused qubits.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import torch
from torch import Tensor, nn

from qfusion.models import base
from qfusion.models.ablations.twin_settings import LACKS, NOTHING
from qfusion.models.encoding import encoders
from qfusion.models.network import qcnn, truth_tables
from qfusion.models.network.entangled_qcnn import EntangledQCNN, QCNNSettings


class CoherentSettings(QCNNSettings):
    """Settings of the coherent QCNN."""

    lacks: Annotated[Literal["entanglement", "nothing"], LACKS] = NOTHING


class CoherentQCNN(EntangledQCNN):
    """Entangled QCNN whose modality qubits are also read after the fusion. The fusion's entanglement acts on them.

        y = scores of `EntangledQCNN` + HEAD_SCALE sum_im w_im (cos a_im <Z_mi> + sin a_im <X_mi>)

    The fusion does not change <Z> of a modality qubit. It reduces <X> as far as the fused qubit distinguishes the two
    values: <X_mi> = sin theta_mi sum_b P(b) cos((phi_i,b1 - phi_i,b0) / 2), over outcomes b of the other controls.
    This factor depends on all modalities, so <X> contributes jointly with them.

    Args:
        inputs, outputs: as of `EntangledQCNN`.
        settings: of `EntangledQCNN`, and what it `lacks`: "nothing", or "entanglement": Z alone is read (a = 0), as if
            they had been measured before the fusion.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "qcnn-coherent"
    title = "Variant: QCNN that reads the modality qubits"
    settings_type = CoherentSettings
    parts = frozenset()
    family = "evaluated"

    def __init__(
        self,
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        shape = self.elements, len(self.modalities)
        self.own_head = nn.Parameter(torch.zeros(len(self.outputs), *shape))
        free = self.settings["lacks"] == NOTHING
        self.tilts = nn.Parameter(torch.full(shape, torch.pi / 4 if free else 0.0), free)

    def head_parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters with one row for each output."""
        return (*super().head_parameters(), "own_head")

    # By evaluation: scores are not linear in masses.
    algebra = base.FusionModel.algebra  # type: ignore[assignment]

    def encode_one(self, inputs: Mapping[str, encoders.Features], name: str) -> Tensor:
        """Return the angles theta_mi of one modality's qubits, (B, n)."""
        return self._encoded(inputs, name) + torch.pi / 2

    def remaining_coherence(self, theta: Tensor) -> Tensor:
        """Return the factor (B, n, M) by which the fusion reduces <X_mi> = sin theta_mi, of angles (B, n, M)."""
        masses = torch.sin(theta / 2).square()
        phi = self.phi
        stages = truth_tables.fuse(masses, phi)[1]
        M = masses.shape[-1]
        parts = []
        controls = phi.shape[-1].bit_length() - 1  # of a stage: all modalities, or two of a chain
        for m in range(M):
            stage = max(0, m + 1 - controls)
            tables = phi[:, stage].unflatten(-1, (2,) * controls)
            if stage:  # after the fused qubit of the previous stage
                place = 1
                known = stages[..., stage - 1 : stage]
            else:
                place = m
                known = masses[..., [k for k in range(controls) if k != m]]
            overlap = torch.cos((tables.select(1 + place, 1) - tables.select(1 + place, 0)) / 2)
            weights = truth_tables.probabilities(known) if M > 1 else masses.new_ones(1)
            parts.append((weights * overlap.reshape(len(phi), -1)).sum(-1).expand_as(theta[..., m]))
        return torch.stack(parts, -1)

    def scores(self, states: Mapping[str, Tensor], observables: Tensor | None = None) -> Tensor:
        """Return the scores of given angles, (B, C); `observables` are not used."""
        theta = torch.stack([states[name] for name in self.modalities], -1)
        masses = torch.sin(theta / 2).square()
        fused = truth_tables.fuse(masses, self.phi)[0]
        read = (
            self.tilts.cos() * theta.cos()
            + self.tilts.sin() * theta.sin() * self.remaining_coherence(theta)
        )
        own = qcnn.HEAD_SCALE * torch.einsum("bnm,cnm->bc", read, self.own_head)
        return self.read(fused) + own + self.bias

    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Return the scores, as `scores` does. The tests check the part that this variant adds against state
        vectors.
        """
        return self.scores(states)


class DephasedQCNN(EntangledQCNN):
    """Entangled QCNN whose fused qubits are dephased before the convolutions: <X> = 0, one classical bit each.
    Settings and errors are those of `EntangledQCNN`.
    """

    kind = "qcnn-dephased"
    title = "Twin: QCNN, fused qubits dephased"
    parts = frozenset()
    family = "evaluated"

    # By evaluation: the observables are those of undephased qubits.
    algebra = base.FusionModel.algebra  # type: ignore[assignment]

    def fuse(self, masses: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Return the fused qubits' vectors (1, 0, <Z>), (B, n, 3), and the mass after each stage."""
        vectors, fused = super().fuse(masses)
        return vectors * vectors.new_tensor([1.0, 0.0, 1.0]), fused
