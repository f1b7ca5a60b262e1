"""What is made small: losses of scores against targets, weights of classes, and heads on single modalities."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.models.encoders import split

if TYPE_CHECKING:
    from qfusion.data import DataSet
    from qfusion.training.batches import Batches


# What is made small: losses of scores against targets, and weights of classes.

_NUMBERS = {
    "l1": functional.l1_loss,
    "mse": functional.mse_loss,
    "huber": functional.smooth_l1_loss,
}


def mean(scores: Tensor, y: Tensor, kind: str, weights: Tensor | None = None) -> Tensor:
    """Returns the mean loss of scores (B, C) against targets (B,); of classes with weights (C,) the weighted mean.

    Args:
        kind: of `options.LOSSES`.
    """
    return (
        functional.cross_entropy(scores, y, weights)
        if kind == "cross_entropy"
        else _NUMBERS[kind](scores[:, 0], y)
    )


def per_target(scores: Tensor, targets: Tensor, kind: str) -> Tensor:
    """Returns the loss of every target (B, M) of scores (B, M, C)."""
    if kind == "cross_entropy":
        return functional.cross_entropy(
            scores.flatten(0, 1), targets.long().flatten(), reduction="none"
        ).view_as(targets)
    return _NUMBERS[kind](scores[..., 0], targets, reduction="none")


def balanced(dataset: DataSet, rows: Batches) -> Tensor:
    """Returns the weights (C,) with which every class counts alike over the training rows.

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


# Multi-task training on what single modalities were annotated with: a linear head on each encoder, while it is
# trained.
#
# After CH-SIMS (Yu and others 2020, ACL), where every modality was annotated on its own: encoders
# that must also predict these targets keep what their modality says by itself. The heads are no
# part of the model that is kept.


class Heads(nn.Module):
    """A model with a linear head on the encoder of every modality that has targets of its own.

    Args:
        model: with `encoders`, a module for each modality.
        dataset: with `unimodal` targets; classes must be numbers from 0 there, as in `y`.
        rows: that are trained on, (N,).
        loss: as of `Options`.
        seed: of the heads' weights, which take no random numbers from the model's.

    Raises:
        InvalidInput: when the data have no such targets, or the model has no encoders.
    """

    targets: Tensor

    def __init__(self, model: nn.Module, dataset: DataSet, rows: np.ndarray, loss: str, seed: int):
        super().__init__()
        table, encoders = dataset.unimodal, getattr(model, "encoders", None)
        if table is None and (hidden := dataset.people) is not None:
            table = hidden.table  # of planted data
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
        self.model, self.loss_kind = model, loss
        targets = table.to_numpy(np.float64)[rows]
        known, classes = targets[np.isfinite(targets)], len(dataset.target.classes)
        check(
            len(known) > 0,
            f"Argument `unimodal` must be 0 for data set '{dataset.name}': its training rows have no such target. "
            "Leave it out.",
        )
        check(
            not classes
            or bool(
                (known == known.round()).all() and (known >= 0).all() and (known < classes).all()
            ),
            f"Targets of single modalities of data set '{dataset.name}' must be numbers of classes, 0 to "
            f"{classes - 1}, as its own are, but are not. Leave out `unimodal`.",
        )
        first = next(model.parameters())
        self.register_buffer(
            "targets", torch.as_tensor(targets, dtype=first.dtype), persistent=False
        )
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(seed)
            inputs = dataset.inputs(rows[:1], first.dtype)
            self.heads = nn.ModuleDict(
                {
                    name: nn.Linear(
                        _width(cast(nn.ModuleDict, encoders)[name], inputs[name]),
                        max(1, classes),
                        dtype=first.dtype,
                    )
                    for name in table.columns
                }
            )
        self.to(first.device)

    def forward(self, inputs: dict[str, Any]) -> tuple[Tensor, Tensor]:
        """Returns the model's scores (B, C) and the heads' (B, modalities, C)."""
        seen: dict[str, Tensor] = {}
        encoders = cast(nn.ModuleDict, self.model.encoders)
        handles = [
            encoders[name].register_forward_hook(
                lambda _, __, output, name=name: seen.update({name: _numbers(output)})
            )
            for name in self.heads
        ]
        try:
            scores = self.model(inputs)
        finally:
            for handle in handles:
                handle.remove()
        return scores, torch.stack([head(seen[name]) for name, head in self.heads.items()], 1)

    def loss(self, scores: Tensor, rows: Tensor, whole: Tensor) -> Tensor:
        """Returns the mean over modalities of the loss on the rows that have a target.

        Args:
            scores: the heads', (b, modalities, C).
            rows: places (b,) among the training rows.
            whole: those of the whole batch that the rows are a part of: its targets are what is divided by.
        """
        targets = self.targets[rows]
        there = targets.isfinite()
        places = torch.where(
            there,
            per_target(scores, targets.nan_to_num(0.0), self.loss_kind),
            torch.zeros_like(targets),
        )
        return (places.sum(0) / self.targets[whole].isfinite().sum(0).clamp_min(1)).mean()


def _numbers(output: Any) -> Tensor:
    """What an encoder gives, (B, n): the mean over real steps where it gives several."""
    values, mask = split(output)
    return (
        values
        if mask is None
        else (values * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
    )


def _width(encoder: nn.Module, features: Any) -> int:
    training, device = encoder.training, next(chain(encoder.parameters(), encoder.buffers())).device
    placed = (
        tuple(t.to(device) for t in features)
        if isinstance(features, tuple)
        else features.to(device)
    )
    width = _numbers(encoder.eval()(placed)).shape[-1]
    encoder.train(training)
    return width
