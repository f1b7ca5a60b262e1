"""How a training steps: losses, weight decay, learning-rate schedules, and precision: single, double, or encoders in
bfloat16 (Kalamkar and others 2019, arXiv 1905.12322)."""

import math
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.models.base import FusionModel
from qfusion.models.evaluation import nested_mapped
from qfusion.training.batches import Batches
from qfusion.training.options import Options

_NUMBERS = {
    "l1": nn.functional.l1_loss,
    "mse": nn.functional.mse_loss,
    "huber": nn.functional.smooth_l1_loss,
}


def compute_loss(
    scores: Tensor, y: Tensor, kind: str, weights: Tensor | None = None, reduction: str = "mean"
) -> Tensor:
    """Return the loss of scores (B, C) against targets (B,): its mean, of classes with weights (C,) the weighted one.

    Args:
        kind: of `Options.loss`. reduction: as of torch; "none" gives that of every target, (B,).
    """
    return (
        nn.functional.cross_entropy(scores, y.long(), weights, reduction=reduction)
        if kind == "cross_entropy"
        else _NUMBERS[kind](scores[:, 0], y, reduction=reduction)
    )


def target_unit(y: np.ndarray) -> float:
    """Return the unit in which targets (N,) of a regression are trained on: their standard deviation, rounded to a
    power of two.

    Dividing weights by a power of two is exact, so a trained model can be given back in the targets' own unit without
    rounding. Targets that are all equal have unit 1.
    """
    deviation = float(np.std(y))
    return 2.0 ** round(math.log2(deviation)) if deviation > 0 else 1.0


def loss_factor(kind: str, unit: float) -> float:
    """Return the factor that converts a loss of targets divided by a unit to the loss of the targets themselves.
    "huber" then bends at one unit.
    """
    return {"l1": unit, "mse": unit**2, "huber": unit**2, "cross_entropy": 1.0}[kind]


def balanced_weights(dataset: DataSet, rows: Batches) -> Tensor:
    """Return the weights (C,) with which every class counts alike over the training rows.

    Raises:
        InvalidInput: when a class has no row.
    """
    names = dataset.target.classes
    counts = torch.bincount(rows.y, minlength=len(names))
    missing = [name for name, count in zip(names, counts.tolist(), strict=True) if not count]
    check(
        not missing,
        "Argument `class_weights` 'balanced' needs a training row of every class, but there is none of "
        f"{missing[:3]}. Use 'none'.",
    )
    return len(rows) / (len(names) * counts.to(rows.dtype))


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


@contextmanager
def mixed_precision(model: nn.Module, device: torch.device) -> Iterator[None]:
    """While it lasts, the model's encoders calculate under autocast to bfloat16 and give single precision.

    Whatever comes after them, states, gates and evolution, is left as it is: products of many small rotations lose what
    bfloat16's eight bits cannot hold, and take no part of the time that would be worth it.

    Raises:
        InvalidInput: when the model has no encoders.
    """
    encoders = getattr(model, "encoders", None)
    check(
        isinstance(encoders, nn.ModuleDict),
        f"Argument `precision` must not be 'mixed' for {type(model).__name__}, which has no encoders. Use 'single'.",
    )
    entered = ExitStack()

    def before(*_: Any) -> None:
        entered.enter_context(torch.autocast(device.type, torch.bfloat16))

    def after(_: nn.Module, __: Any, output: Any) -> Any:
        entered.close()
        return nested_mapped(
            lambda part: part.float() if part.is_floating_point() else part, output
        )

    with entered, ExitStack() as hooks:  # also where an encoder fails
        for encoder in cast(nn.ModuleDict, encoders).values():
            hooks.enter_context(encoder.register_forward_pre_hook(before))
            hooks.enter_context(encoder.register_forward_hook(after))
        yield
