"""How a training steps: losses, weight decay, learning-rate schedules, and precision: single, double, or encoders in
bfloat16 (Kalamkar and others 2019, arXiv 1905.12322)."""

import copy
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
from qfusion.models.inputs import mean_over_steps, values_and_mask
from qfusion.training.batches import Batches, to_device
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

    Example:
        >>> import torch
        >>> from qfusion.training.optimisation import compute_loss
        >>> compute_loss(torch.tensor([[1.0], [3.0]]), torch.tensor([1.0, 2.0]), "l1")
        tensor(0.5000)
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

    Example:
        >>> import numpy as np
        >>> from qfusion.training.optimisation import target_unit
        >>> target_unit(np.array([0.0, 10.0, 20.0]))
        8.0
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
def decay_couplings(model: nn.Module, part: float) -> None:
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


class Heads(nn.Module):
    """A model with a linear head on the encoder of every modality that has its own targets.

    Args:
        model: with `encoders`, a module for each modality.
        dataset: with `unimodal` targets; classes must be numbers from 0 there, as in `y`.
        rows: that are trained on, (N,).
        loss: as of `Options`.
        seed: of the heads' weights, which take no random numbers from the model's.
        unit: of a regression's targets, see `target_unit`; the heads are trained on targets divided by it.

    Raises:
        InvalidInput: when the data have no such targets, or the model has no encoders.
    """

    def __init__(
        self,
        model: nn.Module,
        dataset: DataSet,
        rows: np.ndarray,
        loss: str,
        seed: int,
        unit: float = 1.0,
    ):
        super().__init__()
        table, encoders = dataset.unimodal, getattr(model, "encoders", None)
        if table is None and dataset.unimodal_labels is not None:
            table = dataset.unimodal_labels.table  # of planted data
        check(
            table is not None and not table.columns.empty,
            f"Argument `unimodal` must be 0 for data set '{dataset.name}', which has no targets of single "
            "modalities. Leave it out, or import data that have them, as CH-SIMS does (`regression_labels_T` and the "
            "like).",
        )
        assert table is not None
        check(
            isinstance(encoders, nn.ModuleDict) and set(table.columns) <= set(encoders),
            f"Argument `unimodal` must be 0 for {type(model).__name__}, which has no encoder for each modality. "
            "Leave it out.",
        )
        targets = table.to_numpy(np.float64)[rows]
        known = targets[np.isfinite(targets)]
        classes = len(dataset.target.classes)
        check(
            len(known) > 0,
            f"Argument `unimodal` must be 0 for data set '{dataset.name}': its training rows have no such target. "
            "Leave it out.",
        )
        check(
            not classes or bool(np.isin(known, np.arange(classes)).all()),
            f"Targets of single modalities of data set '{dataset.name}' must be numbers of classes, 0 to "
            f"{classes - 1}, as its own are, but are not. Leave out `unimodal`.",
        )
        self.model, self.loss_kind = model, loss
        first = next(model.parameters())
        self.targets = nn.Buffer(
            torch.as_tensor(targets / unit, dtype=first.dtype), persistent=False
        )
        inputs = to_device(dataset.inputs(rows[:1], first.dtype), first.device)
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(seed)
            probe = copy.deepcopy(cast(nn.ModuleDict, encoders)).eval()
            heads = {}
            for name in table.columns:
                features = mean_over_steps(*values_and_mask(probe[name](inputs[name])))
                heads[name] = nn.Linear(features.shape[-1], max(1, classes), dtype=first.dtype)
            self.heads = nn.ModuleDict(heads)
        self.to(first.device)

    def forward(self, inputs: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Return the model's scores (B, C) and the heads' (B, modalities, C). The heads read the outputs of the
        encoders, or their means over real steps.
        """
        seen: dict[str, Tensor] = {}
        encoders = cast(nn.ModuleDict, self.model.encoders)
        with ExitStack() as hooks:
            for name in self.heads:
                hooks.enter_context(
                    encoders[name].register_forward_hook(
                        lambda _, __, output, name=name: seen.update(
                            {name: mean_over_steps(*values_and_mask(output))}
                        )
                    )
                )
            scores = self.model(inputs)
        return scores, torch.stack([head(seen[name]) for name, head in self.heads.items()], 1)

    def loss(self, scores: Tensor, rows: Tensor, whole: Tensor) -> Tensor:
        """Return the mean over modalities of the loss on the rows that have a target.

        Args:
            scores: the heads', (b, modalities, C).
            rows: places (b,) among the training rows.
            whole: those of the whole batch that the rows are a part of: its targets are what is divided by.
        """
        targets = self.targets[rows]
        losses = compute_loss(
            scores.flatten(0, 1),
            targets.nan_to_num(0.0).flatten(),
            self.loss_kind,
            reduction="none",
        )
        places = losses.view_as(targets).where(targets.isfinite(), 0.0)
        return (places.sum(0) / self.targets[whole].isfinite().sum(0).clamp_min(1)).mean()
