"""Lindblad systems, and their superoperators."""

from __future__ import annotations

import math

import torch


def system(D: int, K: int, h: float, l: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    g = torch.Generator().manual_seed(seed)
    A = torch.randn(D, D, dtype=torch.complex128, generator=g) * h / math.sqrt(D)
    return A + A.mH, torch.randn(K, D, D, dtype=torch.complex128, generator=g) * l / math.sqrt(D)


def superoperator(H: torch.Tensor, L: torch.Tensor) -> torch.Tensor:
    """The generator as a matrix on row-stacked operators: A X B -> (A x B^T) vec X."""
    one = torch.eye(len(H), dtype=H.dtype)
    G = -1j * H - 0.5 * (L.mH @ L).sum(0)
    return (
        torch.kron(G, one)
        + torch.kron(one, G.conj())
        + sum((torch.kron(l, l.conj()) for l in L), torch.zeros(()))
    )
