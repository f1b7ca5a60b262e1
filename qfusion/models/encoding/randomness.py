"""Randomness per sample that does not depend on how many processes share a batch.

When several processes train one model, each works on some rows of a global batch. Masks and noise are those that one
process would draw for the whole batch, so that the result does not depend on their number.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from torch import Tensor, nn

from qfusion._sentences import meanwhile


class Shard(NamedTuple):
    """The rows (b,) of a global batch of `total` that this process works on."""

    rows: Tensor
    total: int


_share: ContextVar[Shard | None] = ContextVar("share", default=None)


def shard_context(share: Shard | None) -> AbstractContextManager[None]:
    """Context manager in which random numbers per sample are drawn for the whole batch. None changes nothing."""
    return meanwhile(_share, share)


def global_batch_random(random: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    """Return `random` numbers for the rows of `values` (B, ...), one draw a row of the global batch.

    Args:
        random: takes a tensor and returns random numbers of its shape, like torch.randn_like.
        values: whose first dimension counts samples.
    """
    share = _share.get()
    if share is None:
        return random(values)
    return random(values.new_empty(share.total, *values.shape[1:]))[share.rows.to(values.device)]


class Dropout(nn.Dropout):
    """Dropout (Srivastava and others 2014) with the masks of the global batch."""

    def forward(self, values: Tensor) -> Tensor:
        """Return values of the same shape."""
        if _share.get() is None or not self.training:
            return super().forward(values)
        return values * global_batch_random(
            lambda like: nn.functional.dropout(torch.ones_like(like), self.p), values
        )

    def mask(self, values: Tensor) -> Tensor | None:
        """Return which numbers of values (B, ...) stay, bool of their shape; None where all do.

        Sixteen random bits decide on a number: the probability is met to 1e-5, in a third of the time.
        """
        return global_batch_random(self._random, values) if self.training and self.p else None

    def _random(self, like: Tensor) -> Tensor:
        bits = torch.empty(-(-like.numel() // 4), dtype=torch.int64, device=like.device).random_(
            -(2**63), None
        )
        return bits.view(torch.int16)[: like.numel()].view_as(like) >= round(self.p * 2**16) - 2**15
