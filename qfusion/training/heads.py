"""Multi-task training with labels of single modalities: a linear head on each encoder during training.

After CH-SIMS (Yu and others 2020, ACL), where every modality was annotated on its own.
"""

import copy
from contextlib import ExitStack
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.models.inputs import mean_over_steps, values_and_mask
from qfusion.training.batches import to_device
from qfusion.training.optimisation import compute_loss


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
