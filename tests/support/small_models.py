"""Small models of every kind, and rows for them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from qfusion.models import build
from qfusion.training.batches import Group

NAMES = ("text", "a b", "a-b", "H", "ö", "x+y")
SMALL = {
    "quantum-jump": {"dims": 2, "jumps": 1, "hidden": 4},
    "entangled-qcnn": {"elements": 2, "hidden": 4},
    "product-qcnn": {"elements": 2, "hidden": 4},
    "state-linear": {"dims": 2, "hidden": 4},
    "linear": {},
    "tensor": {"features": 2, "hidden": 4},
    "jump-mean-field": {"dims": 2, "jumps": 1, "hidden": 4, "steps": 2},
    "qcnn-dephased": {"elements": 2, "hidden": 4},
    "qcnn-coherent": {"elements": 2, "hidden": 4},
}


def model_of(kind: str, M: int, outputs: int = 2, sequences: bool = False) -> Any:
    torch.manual_seed(0)
    inputs = {
        name: {"size": 3, "sequence": sequences and m % 2 == 1} for m, name in enumerate(NAMES[:M])
    }
    return (
        build(kind, inputs, tuple(map(str, range(outputs))), SMALL.get(kind, {"hidden": 4}))
        .double()
        .eval()
    )


def rows_of(model: Any, count: int, seed: int) -> dict[str, Any]:
    generator = torch.Generator().manual_seed(seed)
    found: dict[str, Any] = {}
    for name, spec in model.input_specs.items():
        if spec.sequence:
            steps = torch.randint(1, 5, (count, 1), generator=generator)
            mask = torch.arange(4)[None] < steps
            found[name] = (
                torch.randn(count, 4, 3, dtype=torch.float64, generator=generator)
                * mask[..., None],
                mask,
            )
        else:
            found[name] = torch.randn(count, 3, dtype=torch.float64, generator=generator)
    return found


class Recorded(Group):
    """One of two processes: what it would tell the other stands in `told`."""

    def __init__(self, rank: int) -> None:
        super().__init__(rank, 2)
        object.__setattr__(self, "told", [])

    def sum(self, values: Tensor) -> Tensor:
        self.told.append(values.clone())
        return values

    def collected(self, own: dict[int, Any]) -> dict[int, Any]:
        self.told.append(own)
        return own
