"""Random states and systems for circuits."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from qfusion.quantum.lindblad import System

NAMES = ("text", "audio", "vision")


def random_system(dims: tuple[int, ...], K: int = 3, seed: int = 0) -> System:
    generator = torch.Generator().manual_seed(seed)
    D = math.prod(dims)
    A = torch.randn(D, D, dtype=torch.complex128, generator=generator)
    L = torch.randn(K, D, D, dtype=torch.complex128, generator=generator)
    H = A + A.mH
    return System(
        2 * H / torch.linalg.matrix_norm(H, 2), L / math.sqrt(4 * D), dims, NAMES[: len(dims)], 1.0
    )


def random_kets(dims: tuple[int, ...]) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(9)
    kets = [torch.randn(d, dtype=torch.complex128, generator=generator) for d in dims]
    return {name: ket / ket.norm() for name, ket in zip(NAMES, kets, strict=False)}
