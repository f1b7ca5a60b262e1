"""Pooling of masked sequences over time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from qfusion._checks import choose
from qfusion.models.recurrence import last_states

POOLINGS = ("gru", "attention", "conv")  # of sequences
_REACH = 3  # steps that a convolution over time looks at together


class Pooling(nn.Module):
    """A masked sequence (B, T, F) -> (B, hidden): the last state of a GRU, attention over embedded steps, or the
    largest response over time of a convolution that looks at three neighbouring steps (Kim 2014, arXiv 1408.5882)."""

    def __init__(self, size: int, hidden: int, kind: str):
        super().__init__()
        self.kind = choose("Sequence pooling", kind, POOLINGS)
        if kind == "gru":
            self.gru = nn.GRU(size, hidden, batch_first=True)
        elif kind == "conv":
            self.convolve = nn.Conv1d(size, hidden, _REACH, padding=_REACH // 2)
        else:
            self.embed = nn.Sequential(nn.Linear(size, hidden), nn.Tanh())
            self.score = nn.Linear(hidden, 1)

    def forward(self, values: Tensor, mask: Tensor) -> Tensor:
        """Return (B, hidden); steps where `mask` is False have no influence."""
        if self.kind == "gru":  # by all steps, for exporters; else see `of_steps`
            states, last = self.gru(values)[0], mask.sum(1).clamp_min(1) - 1
            return states.gather(1, last[:, None, None].expand(-1, 1, states.shape[2]))[:, 0]
        if self.kind == "conv":
            present = mask[..., None]
            return (self.convolve((values * present).mT).mT.relu() * present).amax(1)
        steps = self.embed(values)
        weights = self.score(steps)[..., 0].masked_fill(~mask, -torch.inf).softmax(-1)
        return (weights[..., None] * steps).sum(1)

    def pool_steps(self, mask: Tensor, take: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        """Return the last states (B, hidden) of the GRU, which is run over real steps alone.

        Args:
            mask: (B, T), real steps first. take: returns the values (n, F) at rows and steps (n,).
        """
        lengths = mask.sum(1).clamp_min(1)
        order = lengths.argsort(descending=True, stable=True)
        there = torch.arange(int(lengths.max()), device=lengths.device)[:, None] < lengths[order]
        step, place = there.nonzero(as_tuple=True)
        return last_states(self.gru, take(order[place], step), there.sum(1).tolist())[
            order.argsort()
        ]
