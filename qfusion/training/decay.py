"""Weight decay: which parameters decay and towards which values, and learning-rate schedules."""

import re
from typing import Any

import torch
from torch import nn

from qfusion.models.base import FusionModel
from qfusion.training.options import Options


def parameter_groups(model: nn.Module, options: Options) -> list[dict[str, Any]]:
    """Return the optimiser's parameter groups. Weight decay applies to matrices, but not to biases. It also does not
    apply to measurement vectors (V, V0, ...), whose length has no meaning, or to truth tables (phi), whose zero is a
    rule like any other: "never".
    """
    parameters: dict[float, list[nn.Parameter]] = {}
    for name, p in model.named_parameters():
        whole = options.weight_decay + options.encoder_decay * name.startswith("encoders.")
        decay = whole if p.ndim > 1 and not re.fullmatch(r"phi|V\d*", name) else 0.0
        parameters.setdefault(decay, []).append(p)
    return [{"params": members, "weight_decay": decay} for decay, members in parameters.items()]


def rate_schedule(
    optimiser: torch.optim.Optimizer, options: Options, count: int
) -> torch.optim.lr_scheduler.LRScheduler:
    """Return the scheduler that sets the learning rate of each of `count` steps; see `Options`."""
    match options.schedule:
        case "onecycle":  # the last one, after all steps, is the lowest
            return torch.optim.lr_scheduler.OneCycleLR(optimiser, options.rate, count + 1)
        case "constant":
            return torch.optim.lr_scheduler.ConstantLR(optimiser, 1.0, 1)
    return torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, count)


@torch.no_grad()
def relax(model: nn.Module, part: float) -> None:
    """Move the couplings of the modalities by this fraction towards the values at which they have no effect."""
    if part and isinstance(model, FusionModel):
        for parameter, nothing in model.couplings():
            parameter.lerp_(torch.full_like(parameter, nothing), min(part, 1.0))
