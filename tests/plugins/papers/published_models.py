"""Small models after published neighbours of the networks."""

from __future__ import annotations

from typing import Any

import torch

from qfusion.models import build

SMALL: dict[str, dict[str, Any]] = {  # by kind, what keeps a test cheap
    "qfl": {"features": 3, "qubits": 2, "degree": 2},
    "cross-attention-q": {"features": 3, "qubits": 2, "layers": 2, "width": 4},
    "vqc-mlpnet": {"features": 3, "width": 8, "layers": 2},
    "quantum-lego": {"qubits": 2, "layers": 2, "width": 4},
    "reservoir": {"qubits": 2, "duration": 0.5, "readouts": 2},
    "unitary-fusion": {"dims": 2},
}


def inputs_of(M: int) -> dict[str, dict[str, Any]]:
    forms = (
        {"size": 3, "sequence": False},
        {"size": 2, "sequence": True},
        {"size": 16, "sequence": False, "shape": (4, 4)},
    )
    return {f"view {m}": forms[m % 3] for m in range(M)}


def model_of(kind: str, M: int, outputs: tuple[str, ...] = ("a", "b"), **more: Any) -> Any:
    """A model in double precision that is not being trained, its circuit in use."""
    torch.manual_seed(M)
    model = build(kind, inputs_of(M), outputs, {**SMALL[kind], "hidden": 4, **more}).double().eval()
    model.advance(1.0)
    if kind == "reservoir":
        torch.nn.init.normal_(model.head.weight)
    return model


def rows_of(M: int, B: int, seed: int = 0) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    mask = torch.arange(4) < torch.arange(1, B + 1).clamp_max(4)[:, None]
    found: dict[str, Any] = {}
    for name, form in inputs_of(M).items():
        shape = (B, 4, form["size"]) if form["sequence"] else (B, form["size"])
        values = torch.randn(shape, generator=generator, dtype=torch.float64)
        found[name] = (values, mask) if form["sequence"] else values
    return found
