"""Cross-modal attention after MulT (Tsai and others 2019, "Multimodal transformer for unaligned multimodal language
sequences", ACL).

For every ordered pair of modalities a <- b the steps of a ask those of b (attention over time, then a small network,
both residual); what a has learned of the others, side by side, passes one block of self-attention and is averaged over
its real steps; a network on all modalities' averages gives the scores. Ours differs in size, in that averages are read
instead of the last step, and in that modalities that are vectors come as a few learned tokens instead of time steps.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models.baselines.heads import Baseline
from qfusion.models.dropout import Dropout
from qfusion.models.encoders import Encoder, Features, InputSpec, Standardiser, split

Steps = tuple[Tensor, Tensor]  # values (B, T, width), mask (B, T)


class StepEncoder(nn.Module):
    """A masked sequence (B, T, F) -> its standardised steps, mapped to `width` numbers, with sines of the step's number
    added."""

    def __init__(self, spec: InputSpec, width: int, dropout: float, input_dropout: float):
        super().__init__()
        self.standardise = Standardiser(spec.size)
        self.drop, self.drop_last = Dropout(input_dropout), Dropout(dropout)
        self.weigh = nn.Linear(spec.size, width)

    def forward(self, features: Features) -> Steps:
        """Returns the steps (B, T, width) and the mask (B, T)."""
        values, mask = split(features)
        assert mask is not None
        steps = self.weigh(self.drop(self.standardise(values)))
        return self.drop_last(steps + positions(steps.shape[1], steps.shape[2]).to(steps)), mask


class TokenEncoder(nn.Module):
    """A vector (B, F) -> `tokens` tokens of `width` numbers: the usual encoder with so many outputs."""

    def __init__(self, encoder: Encoder, tokens: int):
        super().__init__()
        self.encoder, self.tokens = encoder, tokens

    @property
    def standardise(self) -> Standardiser:
        """That of the encoder."""
        return self.encoder.standardise

    def forward(self, features: Features) -> Steps:
        """Returns the tokens (B, tokens, width) and a mask of ones (B, tokens)."""
        values = self.encoder(features).unflatten(-1, (self.tokens, -1))
        return values, torch.ones(values.shape[:2], dtype=torch.bool, device=values.device)


class Block(nn.Module):
    """Attention of one sequence to another (or itself) and a small network, both residual, normalised before (as in
    MulT)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.before, self.before_other, self.before_net = (
            nn.LayerNorm(width),
            nn.LayerNorm(width),
            nn.LayerNorm(width),
        )
        self.query, self.key_value, self.out = (
            nn.Linear(width, width),
            nn.Linear(width, 2 * width),
            nn.Linear(width, width),
        )
        self.net = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )

    def forward(self, asks: Tensor, told: Steps) -> Tensor:
        """Returns the asking steps (B, T, width) after they have attended to the real steps of `told`."""
        values, mask = told
        q, (k, v) = (
            self.query(self.before(asks)),
            self.key_value(self.before_other(values)).chunk(2, -1),
        )
        q, k, v = (x.unflatten(-1, (self.heads, -1)).transpose(1, 2) for x in (q, k, v))
        seen = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
        asks = asks + self.out(seen.transpose(1, 2).flatten(-2))
        return asks + self.net(self.before_net(asks))


class CrossModalAttention(Baseline):
    """MulT-style fusion: every modality attends to every other.

    Args:
        features: width of tokens and steps; a multiple of `heads`.
        heads: of attention.
        tokens: that a modality without time steps comes as.
        width: of the hidden layer before the scores.
    """

    kind = "mult"
    encodes = False

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        features: int = 8,
        heads: int = 2,
        tokens: int = 4,
        width: int = 64,
        encoder: str = "mlp",
        hidden: int = 32,
        dropout: float = 0.2,
        pooling: str = "gru",
        input_dropout: float = 0.0,
    ):
        for name, value in (("heads", heads), ("tokens", tokens), ("width", width)):
            check(
                isinstance(value, int) and 1 <= value <= 4096,
                f"Argument `{name}` must be a whole number from 1 to 4096, but is {value!r}.",
            )
        check(
            features % heads == 0,
            f"Argument `features` must be a multiple of `heads`, {heads}, but is {features}.",
        )
        super().__init__(
            inputs,
            outputs,
            features,
            encoder,
            hidden,
            dropout,
            pooling,
            input_dropout,
            heads=heads,
            tokens=tokens,
            width=width,
        )
        names = self.modalities
        self.others = {
            a: [b for b in names if b != a] or [a] for a in names
        }  # a single modality attends to itself
        self.crossing = nn.ModuleList(
            [nn.ModuleList([Block(features, heads) for _ in self.others[a]]) for a in names]
        )
        sizes = [features * len(self.others[a]) for a in names]
        self.own = nn.ModuleList([Block(size, heads) for size in sizes])
        self.head = nn.Sequential(
            nn.LayerNorm(sum(sizes)),
            nn.Linear(sum(sizes), width),
            nn.ReLU(),
            nn.Linear(width, len(outputs)),
        )

    def make_encoder(self, spec: InputSpec) -> nn.Module:
        """Returns what makes tokens of a vector or steps of a sequence."""
        s = self.settings
        if spec.sequence:
            return StepEncoder(spec, s["features"], s["dropout"], s["input_dropout"])
        return TokenEncoder(
            Encoder(
                spec,
                s["tokens"] * s["features"],
                s["hidden"],
                s["dropout"],
                s["pooling"],
                s["encoder"],
                s["input_dropout"],
            ),
            s["tokens"],
        )

    def fuse(self, encoded: list[Steps]) -> Tensor:
        """Returns the network's scores, (B, C)."""
        told, means = dict(zip(self.modalities, encoded, strict=True)), []
        for i, name in enumerate(self.modalities):
            steps, mask = told[name]
            blocks: Any = self.crossing[i]
            learned = torch.cat(
                [
                    block(steps, told[other])
                    for block, other in zip(blocks, self.others[name], strict=True)
                ],
                -1,
            )
            learned = self.own[i](learned, (learned, mask))
            means.append(
                (learned * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
            )
        return self.head(torch.cat(means, -1))


def positions(steps: int, width: int) -> Tensor:
    """Returns sines and cosines of the steps' numbers, (steps, width) (Vaswani and others 2017)."""
    rates = torch.exp(-math.log(10_000.0) * torch.arange(0, width, 2) / width)
    angles = torch.arange(steps)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, :width]
