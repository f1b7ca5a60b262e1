"""Models whose generators are written in another gauge."""

from __future__ import annotations

import copy

import torch

from qfusion.models import QuantumJump
from qfusion.models.jump import kets


def in_gauge(model: QuantumJump, seed: int) -> QuantumJump:
    """The same generator by other operators: L_k mixed by a random unitary, then shifted by random multiples of 1."""
    other, random = copy.deepcopy(model).double(), torch.Generator().manual_seed(seed)

    def drawn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, dtype=torch.complex128, generator=random)

    with torch.no_grad():
        for A, L in zip(other.A, other.L, strict=True):
            H, jumps = kets.compose_hermitian(A), torch.view_as_complex(L)
            K, d = len(jumps), len(H)
            jumps = torch.einsum("kl,lab->kab", torch.linalg.qr(drawn(K, K))[0], jumps)
            c = 0.5 * drawn(K)[:, None, None]
            shift = (c.conj() * jumps).sum(0)
            A.copy_(kets.hermitian_entries(H + (shift - shift.mH) / 2j))
            L.copy_(torch.view_as_real(jumps + c * torch.eye(d, dtype=H.dtype)))
    return other
