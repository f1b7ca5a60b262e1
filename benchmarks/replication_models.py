"""Controls of benchmarks/replication.py that contract states as jumps do, without a learned dissipation."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from pydantic import Field
from torch import Tensor, nn

from qfusion.models import QuantumJump, inputs, registry
from qfusion.models.jump.quantum_jump import QuantumJumpSettings
from qfusion.quantum import states

PAIRS = 200  # of samples, between which distances are measured


class DepolarisedSettings(QuantumJumpSettings):
    """Settings of QiNN-QJ with a depolarising channel."""

    strength: float = Field(0.5, ge=0, le=1)


class Depolarised(QuantumJump):
    """QiNN-QJ of which a fixed depolarising channel follows the evolution: rho -> (1 - strength) rho + strength 1 / D.

    Args:
        inputs, outputs: as of `QuantumJump`.
        settings: see `DepolarisedSettings`.
    """

    kind = "depolarised"
    settings_type = DepolarisedSettings

    def weighted_readout(self, weights: Tensor) -> Tensor:
        """Returns (1 - strength) O_c + strength Tr[O_c] / D, (C, D, D): what the channel makes of observables."""
        O = super().weighted_readout(weights)
        strength = self.settings["strength"]
        mean = torch.diagonal(O, dim1=-2, dim2=-1).mean(-1)
        one = torch.eye(O.shape[-1], dtype=O.dtype)
        return (1 - strength) * O + strength * mean[:, None, None] * one


class DroppedOutSettings(QuantumJumpSettings):
    """Settings of QiNN-QJ with dropout on what the head reads."""

    share: float = Field(
        0.2, ge=0, lt=1
    )  # of the probabilities that are left out of a sample's scores


class DroppedOut(QuantumJump):
    """QiNN-QJ with dropout on the probabilities that the head reads, while training.

    Args:
        inputs, outputs: as of `QuantumJump`.
        settings: see `DroppedOutSettings`.
    """

    kind = "dropped-out"
    settings_type = DroppedOutSettings

    def forward(self, inputs: Mapping[str, inputs.Features]) -> Tensor:
        """Returns the scores, (B, C)."""
        if not self.training:
            return super().forward(inputs)
        rho = states.density(self.product_state(self.encode(inputs)))
        rho = self.evolve_states(rho, [self.duration])[0]
        vectors = self.measurement_vectors()
        read = []
        for s, v in vectors.items():
            reduced = states.partial_trace(rho, self.dims, s)
            read.append(torch.einsum("ja,nab,jb->nj", v.conj(), reduced, v).real)
        probabilities = torch.cat(read, 1)
        dropped = nn.functional.dropout(probabilities, self.settings["share"])
        return dropped @ self.W.T + self.bias


def register() -> None:
    """Makes both known to `qfusion.training.train`."""
    registry.FUSION["depolarised"] = Depolarised
    registry.FUSION["dropped-out"] = DroppedOut


@torch.no_grad()
def contraction(model: QuantumJump, kets: Tensor) -> float:
    """Returns by which factor the evolution makes distances between samples' joint states smaller, on average.

    Args:
        model: a QiNN-QJ.
        kets: product states (N, D) of samples.
    """
    rho = states.density(kets[: 2 * PAIRS].to(torch.complex128))
    after = model.evolve_states(rho, [model.duration])[0]
    after = (after + after.mH) / 2
    half = len(rho) // 2
    before_apart = _distance(rho[:half], rho[half : 2 * half])
    after_apart = _distance(after[:half], after[half : 2 * half])
    return float(after_apart.mean() / before_apart.mean())


def _distance(rho: Tensor, sigma: Tensor) -> Tensor:
    """Trace distances (N,)."""
    return torch.linalg.eigvalsh(rho - sigma).abs().sum(-1) / 2
