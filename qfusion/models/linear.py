"""The linear model: ridge or logistic regression on standardised features, means over time for sequences.

Its loss is convex, so it is trained to its minimum.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qfusion.models.baselines import Baseline
from qfusion.models.input_features import Features, InputSpec
from qfusion.models.randomness import Dropout
from qfusion.models.standardisation import MeanPool


class MeanEncoder(MeanPool):
    """Means of one modality's features -> `outputs` linear combinations."""

    def __init__(self, spec: InputSpec, outputs: int, dropout: float):
        super().__init__(spec)
        self.drop = Dropout(dropout)
        self.weigh = nn.Linear(spec.size, outputs, bias=False)

    def forward(self, features: Features) -> Tensor:
        """Return (B, outputs)."""
        return self.weigh(self.drop(self.means(features)))


class Linear(Baseline):
    """y = sum_m W_m mean of x_m + b: with an L2 penalty (`weight_decay`) ridge or logistic regression, by the loss it
    is trained with; the minimum is found by L-BFGS."""

    kind = "linear"
    title = "Baseline: linear"
    convex = True

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
        """Return the modality's part of the sum."""
        return MeanEncoder(spec, self.settings["features"], self.settings["input_dropout"])

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Return the sum of the modalities' parts and a trained constant, (B, C)."""
        return torch.stack(encoded).sum(0) + self.offset
