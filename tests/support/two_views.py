"""A model of two views that a program makes."""

from __future__ import annotations

import torch
from torch import Tensor, nn

N, T, A, V = 60, 5, 3, 4


class Two(nn.Module):
    """Steps of audio are averaged where they are real; a product with vision."""

    def __init__(self, outputs: int = 1):
        super().__init__()
        torch.manual_seed(0)
        self.a, self.v, self.drop, self.out = (
            nn.Linear(A, 6),
            nn.Linear(V, 6),
            nn.Dropout(0.5),
            nn.Linear(6, outputs),
        )

    def forward(self, audio: Tensor, vision: Tensor, audio_mask: Tensor) -> Tensor:
        weight = audio_mask / audio_mask.sum(1, keepdim=True)
        return self.out(
            self.drop(
                torch.tanh((self.a(audio) * weight[..., None]).sum(1)) * self.v(vision).relu()
            )
        )
