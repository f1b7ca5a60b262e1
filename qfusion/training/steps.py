"""How weights are moved: what decays, towards what, and what becomes of the learning rate."""

from __future__ import annotations

import re
from typing import Any

import torch
from torch import nn
from torch.optim import lr_scheduler

from qfusion.models.base import FusionModule
from qfusion.training.options import Options


def groups(model: nn.Module, options: Options) -> list[dict[str, Any]]:
    """Returns the optimiser's groups: weight decay on all matrices; not on biases, nor on measurement vectors (V, V0,
    ...), whose length means nothing, nor on truth tables (phi), whose zero is a rule like any other: "never"."""
    found: dict[float, list[nn.Parameter]] = {}
    for name, p in model.named_parameters():
        decay = 0.0
        if p.ndim > 1 and not _without_length(name):
            decay = options.weight_decay + options.encoder_decay * name.startswith("encoders.")
        found.setdefault(decay, []).append(p)
    return [{"params": members, "weight_decay": decay} for decay, members in found.items()]


def _without_length(name: str) -> bool:
    return name == "phi" or re.fullmatch(r"V\d*", name) is not None


def schedule(
    optimiser: torch.optim.Optimizer, options: Options, count: int
) -> lr_scheduler.LRScheduler:
    """Returns what sets the learning rate of each of `count` steps; see `Options`."""
    if options.schedule == "onecycle":
        # the last one, after all steps, is the lowest
        return lr_scheduler.OneCycleLR(optimiser, options.rate, count + 1)
    if options.schedule == "constant":
        return lr_scheduler.ConstantLR(optimiser, 1.0, 1)
    return lr_scheduler.CosineAnnealingLR(optimiser, count)


@torch.no_grad()
def relax(model: nn.Module, part: float) -> None:
    """Moves what couples the modalities this part of the way to where it does nothing."""
    if part and isinstance(model, FusionModule):
        for parameter, nothing in model.couplings():
            parameter.lerp_(torch.full_like(parameter, nothing), min(part, 1.0))
