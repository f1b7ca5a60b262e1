"""Random entangled-fusion models and samples, for the tests of several modules."""

from __future__ import annotations

import torch
from torch import Tensor

from qfusion.models import EntangledQCNN
from qfusion.models.inputs import InputSpec


def model_of(
    n: int, M: int = 2, C: int = 3, *, block: str = "su4", seed: int = 0, **settings: object
) -> EntangledQCNN:
    """A model on n elements and M modalities `v0`, `v1`, ... of three features, with large random angles, in double
    precision."""
    torch.manual_seed(seed)
    inputs = {f"v{m}": InputSpec(3, False) for m in range(M)}
    model = (
        EntangledQCNN(
            inputs,
            [f"c{c}" for c in range(C)],
            elements=n,
            block=block,
            hidden=4,
            **({"rule": "random"} | settings),
        )
        .double()
        .eval()
    )  # type: ignore[arg-type]
    for values in (model.network.convolution, model.network.pooling, model.bias):
        values.data = torch.randn_like(values)
    return model


def angles_of(model: EntangledQCNN, seed: int = 0) -> dict[str, Tensor]:
    """Angles theta of one sample, (n,) per modality."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.rand(model.elements, dtype=torch.float64, generator=generator) * torch.pi
        for name in model.modalities
    }


def masses_of(theta: dict[str, Tensor]) -> dict[str, Tensor]:
    """The masses of such angles as a batch of one, (1, n) per modality."""
    return {name: torch.sin(angles / 2).square()[None] for name, angles in theta.items()}


def scores_of(model: EntangledQCNN, theta: dict[str, Tensor]) -> Tensor:
    """The scores by effective observables, (C,)."""
    return model.scores(masses_of(theta))[0].detach()
