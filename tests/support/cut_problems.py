"""Small systems whose correlations are cut."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from qfusion.models import InputSpec, QuantumJump

NAMES = ("text", "audio", "vision")


def problem(
    dims: tuple[int, ...],
    *,
    B: int = 2,
    C: int = 2,
    seed: int = 0,
    scale: float = 1.5,
    **settings: Any,
) -> tuple[QuantumJump, dict[str, Tensor]]:
    """A model with dynamics strong enough to matter, and features of B samples."""
    torch.manual_seed(seed)
    names = NAMES[: len(dims)]
    outputs = [f"y{c}" for c in range(C)]
    model = (
        QuantumJump(
            {name: InputSpec(3) for name in names}, outputs, dims=dims, hidden=4, **settings
        )
        .double()
        .eval()
    )
    with torch.no_grad():
        for parameter, _ in model.couplings():
            parameter *= scale
        model.bias += 0.3
    generator = torch.Generator().manual_seed(seed + 1)
    return model, {
        name: 2 * torch.randn(B, 3, dtype=torch.float64, generator=generator) for name in names
    }
