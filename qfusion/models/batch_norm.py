"""Batch normalisation of hidden units or channels."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BatchNorm(nn.Module):
    """Units (B, F) or channels (B, F, h, w) with mean 0 and variance 1 over the rows of a batch, then a learned scale
    and offset per unit; outside training by running means over batches (Ioffe and Szegedy 2015, arXiv 1502.03167).

    Where only products of modalities say anything, nothing rewards that a modality's units tell rows apart until those
    of all the others do, and training flattens them first. So scaled, they cannot be flat.
    """

    def __init__(self, units: int):
        super().__init__()
        self.scale, self.offset = nn.Parameter(torch.ones(units)), nn.Parameter(torch.zeros(units))
        self.mean, self.variance = nn.Buffer(torch.zeros(units)), nn.Buffer(torch.ones(units))

    def forward(self, values: Tensor) -> Tensor:
        """Return values of the same shape; a batch of one row has no variance and is scaled by the running means."""
        return nn.functional.batch_norm(
            values,
            self.mean,
            self.variance,
            self.scale,
            self.offset,
            self.training and len(values) > 1,
            momentum=0.05,
        )
