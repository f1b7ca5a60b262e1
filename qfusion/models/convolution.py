"""Convolution of pictures."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models.batch_norm import BatchNorm

_UNFOLDED = 64  # pictures that a convolution looks at together: they stay in the processor's cache


class Convolution(nn.Module):
    """Pixels (B, h w), or (B, h w 3) of colours, -> (B, hidden): two convolutions and a linear layer.

    Each convolution halves the sides: it looks at every second pixel or, with `pool`, at all, and the largest of four
    neighbours is kept.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        hidden: int,
        channels: int = 8,
        norm: bool = False,
        pool: bool = False,
    ):
        super().__init__()
        check(
            len(shape) in (2, 3) and min(shape[:2]) >= 4,
            f"An image for a convolution must have shape (h, w) of at least (4, 4), but has {shape}. Use "
            "encoder='mlp'.",
        )
        self.shape = (*shape, 1)[:3]
        h, w = (side // 4 if pool else (side + 3) // 4 for side in shape[:2])
        layers: list[nn.Module] = []
        for before, after in ((self.shape[2], channels), (channels, 2 * channels)):
            layers += [
                nn.Conv2d(before, after, 3, 1 if pool else 2, 1),
                *([nn.MaxPool2d(2)] if pool else []),
                *([BatchNorm(after)] if norm else []),
                nn.ReLU(),
            ]
        self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * channels * h * w, hidden))
        # so ordered, pooling takes a third of the time
        self.format = torch.channels_last if pool else torch.contiguous_format
        self.net.to(memory_format=self.format)  # type: ignore[call-overload]  # torch's stubs lack it

    def forward(self, values: Tensor) -> Tensor:
        """Return the encoded images, (B, hidden). Outside training the rows are processed in chunks, because each
        unfolded image takes a megabyte.
        """
        pixels = values.view(-1, *self.shape).permute(0, 3, 1, 2)
        if self.training or torch.compiler.is_exporting() or len(pixels) <= _UNFOLDED:
            return self.net(pixels.contiguous(memory_format=self.format))
        return torch.cat(
            [
                self.net(part.contiguous(memory_format=self.format))
                for part in pixels.split(_UNFOLDED)
            ]
        )
