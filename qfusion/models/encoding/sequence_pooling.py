"""Pooling of masked sequences over time, and the recurrence of a GRU over sequences of unequal length, with its
gradient written out.

The numbers of the recurrence are those of torch.nn.GRU, which on a processor spends most of its time on the
bookkeeping of small steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence

_REACH = 3  # steps that a convolution over time looks at together


class Pooling(nn.Module):
    """A masked sequence (B, T, F) -> (B, hidden): the last state of a GRU, attention over embedded steps, or the
    largest response over time of a convolution that looks at three neighbouring steps (Kim 2014, arXiv 1408.5882)."""

    def __init__(self, size: int, hidden: int, kind: str):
        super().__init__()
        self.kind = kind
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
            states = self.gru(values)[0]
            last = mask.sum(1).clamp_min(1) - 1
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


class _Recurrence(torch.autograd.Function):
    """Input parts (n, 3 H) of real steps, by time and within a time the longest first -> last states (B, H)."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, sizes: Sequence[int]
    ) -> Tensor:
        """Run over times; how many sequences are still there at each, `sizes`, does not grow."""
        H, sizes = weight.shape[1], list(sizes)
        gates, stored, new, before = (
            inputs.new_empty(len(inputs), width) for width in (2 * H, H, H, H)
        )
        state = inputs.new_zeros(sizes[0], H)
        across = weight.t()
        ended = []
        columns = (
            inputs[:, : 2 * H],
            inputs[:, 2 * H :],
            gates,
            gates[:, :H],
            gates[:, H:],
            stored,
            new,
            before,
        )
        there = sizes[0]
        for size, x, into_new, g, r, z, k, n, b in zip(
            sizes, *(column.split(sizes) for column in columns), strict=True
        ):
            if size < there:
                ended.append(state[size:])
                state, there = state[:size], size
            b.copy_(state)
            own, own_new = torch.addmm(bias, state, across).split((2 * H, H), 1)
            torch.add(x, own, out=g).sigmoid_()
            k.copy_(own_new)
            torch.addcmul(into_new, r, k, out=n).tanh_()
            state = torch.lerp(n, state, z)
        ctx.save_for_backward(gates, stored, new, before, weight)
        ctx.sizes = sizes
        return torch.cat([state, *reversed(ended)])

    @staticmethod
    def backward(ctx: Any, *wanted: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Run backward over time. Quantities that do not depend on later times are computed for all times at once."""
        gates, stored, new, before, weight = ctx.saved_tensors
        sizes, H = list(ctx.sizes), weight.shape[1]
        r, z = gates[:, :H], gates[:, H:]
        of_new = (1 - z) * (1 - new.square())
        of_z = (before - new) * z * (1 - z)
        of_r = stored * r * (1 - r)
        # of r, z, the state's part of the new, the input's part of it
        result = gates.new_empty(len(gates), 4 * H)
        across = result[:, : 3 * H]
        state, there = gates.new_zeros(0, H), 0
        parts = zip(
            sizes,
            across.split(sizes),
            *(part.split(sizes) for part in result.split(H, 1)),
            *(part.split(sizes) for part in (of_new, of_z, of_r, r, z)),
            strict=True,
        )
        for (
            size,
            to_before,
            to_r,
            to_z,
            to_own,
            to_new,
            n,
            into_z,
            into_r,
            open_,
            stays,
        ) in reversed(list(parts)):
            if size > there:  # these end here
                state, there = torch.cat([state, wanted[0][there:size]]), size
            torch.mul(state, n, out=to_new)
            torch.mul(state, into_z, out=to_z)
            torch.mul(to_new, into_r, out=to_r)
            torch.mul(to_new, open_, out=to_own)
            state = torch.addmm(state * stays, to_before, weight)
        return (
            torch.cat([result[:, : 2 * H], result[:, 3 * H :]], 1),
            across.t() @ before,
            across.sum(0),
            None,
        )


def last_states(gru: nn.GRU, steps: Tensor, sizes: Sequence[int]) -> Tensor:
    """Return the last state of every sequence, (B, H), the longest first.

    Args:
        gru: of one layer and one direction.
        steps: real steps (n, F), by time and within a time the longest sequences first.
        sizes: how many sequences are still there at each time.
    """
    into, weight, bias, own = (
        gru.get_parameter(f"{kind}_l0") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    if (
        steps.device.type != "cpu"
    ):  # where one kernel does it all; cuDNN's has no gradient outside training
        with torch.backends.cudnn.flags(enabled=gru.training or not torch.is_grad_enabled()):
            return gru(PackedSequence(steps, torch.tensor(sizes)))[1][0]
    inputs = torch.addmm(bias, steps, into.t()).to(weight.dtype)
    with torch.autocast("cpu", enabled=False):
        states: Tensor = _Recurrence.apply(inputs, weight, own, tuple(sizes))
    return states
