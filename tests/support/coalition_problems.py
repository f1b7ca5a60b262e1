"""Small problems whose coalition values are known."""

from __future__ import annotations

import torch

from qfusion.models import InputSpec, QuantumJump


def problem(M: int, B: int = 3, N: int = 6, outputs=("a", "b")) -> tuple[QuantumJump, dict, dict]:
    names = ["text", "audio", "vision", "touch", "smell"][:M]
    model = (
        QuantumJump({name: InputSpec(3) for name in names}, outputs, dims=(2, 3, 2, 2, 2)[:M])
        .double()
        .eval()
    )
    return (
        model,
        {name: torch.randn(B, 3, dtype=torch.float64) for name in names},
        {name: torch.randn(N, 3, dtype=torch.float64) + 0.5 for name in names},
    )
