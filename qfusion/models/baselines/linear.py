"""The linear model: ridge or logistic regression on standardised features, means over time for sequences, trained as
all others are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qfusion.models.baselines.heads import Baseline
from qfusion.models.dropout import Dropout
from qfusion.models.encoders import Features, InputSpec, Standardiser, split


class MeanEncoder(nn.Module):
    """Features of one modality, standardised and averaged over the real steps of a sequence -> `outputs` linear
    combinations."""

    def __init__(self, spec: InputSpec, outputs: int, dropout: float):
        super().__init__()
        self.standardise = Standardiser(spec.size)
        self.drop = Dropout(dropout)
        self.weigh = nn.Linear(spec.size, outputs, bias=False)

    def forward(self, features: Features) -> Tensor:
        """Returns (B, outputs)."""
        values, mask = split(features)
        values = self.standardise(values)
        if mask is not None:
            values = (values * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
        return self.weigh(self.drop(values))


class Linear(Baseline):
    """y = sum_m W_m mean of x_m + b: with an L2 penalty (`weight_decay`) ridge or logistic regression, by the loss it
    is trained with."""

    kind = "linear"

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        input_dropout: float = 0.0,
    ):
        super().__init__(inputs, outputs, len(outputs), "mlp", 1, 0.0, "gru", input_dropout)
        self.settings = dict(input_dropout=input_dropout)
        self.offset = nn.Parameter(torch.zeros(len(outputs)))

    def make_encoder(self, spec: InputSpec) -> nn.Module:
        """Returns the modality's part of the sum."""
        return MeanEncoder(spec, self.settings["features"], self.settings["input_dropout"])

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Returns the sum of the modalities' parts and a trained constant, (B, C)."""
        return torch.stack(encoded).sum(0) + self.offset
