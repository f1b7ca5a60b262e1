"""The recurrence of a GRU over sequences of unequal length, with its gradient written out.

Same numbers as torch.nn.GRU's, which on a processor spends most of its time on the bookkeeping of a few hundred small
operations. Cho et al. (2014), arXiv 1406.1078, in the form of torch.nn.GRU.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence


class _Recurrence(torch.autograd.Function):
    """Input parts (n, 3 H) of real steps, by time and within a time the longest first -> last states (B, H)."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, sizes: Sequence[int]
    ) -> Tensor:
        """Runs over times; how many sequences are still there at each, `sizes`, does not grow."""
        H = weight.shape[1]
        gates, kept, new, before = (
            inputs.new_empty(len(inputs), width) for width in (2 * H, H, H, H)
        )
        state, across, ended = inputs.new_zeros(sizes[0], H), weight.t(), []
        parts = zip(
            sizes,
            *(each.split(list(sizes)) for each in (inputs, gates, kept, new, before)),
            strict=True,
        )
        for size, x, g, k, n, b in parts:
            if size < len(state):
                ended.append(state[size:])
                state = state[:size]
            b.copy_(state)
            h = torch.addmm(bias, state, across)
            torch.add(x[:, : 2 * H], h[:, : 2 * H], out=g).sigmoid_()
            k.copy_(h[:, 2 * H :])
            torch.addcmul(x[:, 2 * H :], g[:, :H], k, out=n).tanh_()
            state = torch.lerp(n, state, g[:, H:])
        ctx.save_for_backward(gates, kept, new, before, weight)
        ctx.sizes = sizes
        return torch.cat([state, *reversed(ended)])

    @staticmethod
    def backward(ctx: Any, *wanted: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        """Runs back over times; what does not depend on later ones is worked out for all at once."""
        gates, kept, new, before, weight = ctx.saved_tensors
        sizes, H = list(ctx.sizes), weight.shape[1]
        r, z = gates[:, :H], gates[:, H:]
        of_new = (1 - z) * (1 - new.square())
        of_z, of_r = (before - new) * z * (1 - z), kept * r * (1 - r)
        found = gates.new_empty(
            len(gates), 4 * H
        )  # of r, z, the state's part of the new, the input's part of it
        state = gates.new_zeros(0, H)
        parts = [each.split(sizes) for each in (found, of_new, of_z, of_r, r, z)]
        for t in range(len(sizes) - 1, -1, -1):
            out, n, into_z, into_r, open_, stays = (each[t] for each in parts)
            size = sizes[t]
            if size > len(state):  # these end here
                state = torch.cat([state, wanted[0][len(state) : size]])
            torch.mul(state, n, out=out[:, 3 * H :])
            torch.mul(state, into_z, out=out[:, H : 2 * H])
            torch.mul(out[:, 3 * H :], into_r, out=out[:, :H])
            torch.mul(out[:, 3 * H :], open_, out=out[:, 2 * H : 3 * H])
            state = torch.addmm(state * stays, out[:, : 3 * H], weight)
        across = found[:, : 3 * H]
        return (
            torch.cat([found[:, : 2 * H], found[:, 3 * H :]], 1),
            across.t() @ before,
            across.sum(0),
            None,
        )


def last_states(gru: nn.GRU, steps: Tensor, sizes: Sequence[int]) -> Tensor:
    """Returns the last state of every sequence, (B, H), the longest first.

    Args:
        gru: of one layer and one direction.
        steps: real steps (n, F), by time and within a time the longest sequences first.
        sizes: how many sequences are still there at each time.
    """
    into, weight, bias, own = (
        gru.get_parameter(f"{kind}_l0") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    )
    if steps.device.type != "cpu":  # where one kernel does it all
        return gru(PackedSequence(steps, torch.tensor(sizes)))[1][0]
    inputs = torch.addmm(bias, steps, into.t()).to(weight.dtype)
    with torch.autocast("cpu", enabled=False):
        found: Tensor = _Recurrence.apply(inputs, weight, own, tuple(sizes))
    return found
