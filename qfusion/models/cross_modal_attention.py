"""Cross-modal attention after MulT (Tsai and others 2019, "Multimodal transformer for unaligned multimodal language
sequences", ACL).

For every ordered pair of modalities a <- b the steps of a ask those of b (attention over time, then a small network,
both residual); the results for a, side by side, pass one block of self-attention and are averaged over its real steps;
a network on all modalities' averages gives the scores. Ours differs in size, in that averages are read instead of the
last step, and in that modalities that are vectors come as a few learned tokens instead of time steps.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Self, cast

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models.baselines import Baseline, WideSettings
from qfusion.models.encoders import Dropout, Encoder, Standardiser, make_encoder
from qfusion.models.inputs import Features, InputSpec, mean_over_steps, values_and_mask

Heads = Annotated[
    int,
    Field(
        title="Attention heads",
        description="Number of attention heads; the number of features per modality must be a multiple.",
    ),
]
Steps = tuple[Tensor, Tensor]  # values (B, T, width), mask (B, T)


class StepEncoder(nn.Module):
    """A masked sequence (B, T, F) -> its standardised steps, mapped to `width` numbers, with sines of the step's number
    added."""

    def __init__(self, spec: InputSpec, width: int, dropout: float, input_dropout: float):
        super().__init__()
        self.standardise = Standardiser(spec.size)
        self.drop = Dropout(input_dropout)
        self.drop_last = Dropout(dropout)
        self.weigh = nn.Linear(spec.size, width)

    def forward(self, features: Features) -> Steps:
        """Return the steps (B, T, width) and the mask (B, T)."""
        values, mask = values_and_mask(features)
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
        """Return the tokens (B, tokens, width) and a mask of ones (B, tokens)."""
        values = self.encoder(features).unflatten(-1, (self.tokens, -1))
        return values, torch.ones(values.shape[:2], dtype=torch.bool, device=values.device)


class Block(nn.Module):
    """Attention of one sequence to another (or itself) and a small network, both residual, normalised before (as in
    MulT)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.before, self.before_other, self.before_net = (nn.LayerNorm(width) for _ in range(3))
        self.query, self.key_value, self.out = (
            nn.Linear(width, outputs) for outputs in (width, 2 * width, width)
        )
        self.net = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )

    def forward(self, asks: Tensor, steps: Steps) -> Tensor:
        """Return the asking steps (B, T, width) after they have attended to the real steps of `steps`."""
        values, mask = steps
        parts = (
            self.query(self.before(asks)),
            *self.key_value(self.before_other(values)).chunk(2, -1),
        )
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        seen = nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask[:, None, None, :])
        asks = asks + self.out(seen.transpose(1, 2).flatten(-2))
        return asks + self.net(self.before_net(asks))


class AttentionSettings(WideSettings):
    """Settings of cross-modal attention."""

    heads: Heads = Field(2, ge=1, le=4096)
    tokens: int = Field(
        4,
        ge=1,
        le=4096,
        title="Tokens",
        description="Number of steps into which a modality without time steps is divided.",
    )

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        check(
            self.features % self.heads == 0,
            f"Argument `features` must be a multiple of `heads`, {self.heads}, but is {self.features}.",
        )
        return self


class CrossModalAttention(Baseline):
    """MulT-style fusion: every modality attends to every other.

    Args:
        inputs, outputs: as of `Baseline`.
        settings: see `AttentionSettings`; `features` is the width of tokens and steps, a multiple of `heads`.
    """

    kind = "mult"
    title = "Baseline: MulT (cross-modal attention)"
    encodes = False
    settings_type = AttentionSettings

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        features, heads, width = (self.settings[key] for key in ("features", "heads", "width"))
        self.others = {
            a: [b for b in self.modalities if b != a] or [a] for a in self.modalities
        }  # a single modality attends to itself
        self.crossing = nn.ModuleList(
            [
                nn.ModuleList([Block(features, heads) for _ in others])
                for others in self.others.values()
            ]
        )
        sizes = [features * len(others) for others in self.others.values()]
        self.own = nn.ModuleList([Block(size, heads) for size in sizes])
        self.head = nn.Sequential(
            nn.LayerNorm(sum(sizes)),
            nn.Linear(sum(sizes), width),
            nn.ReLU(),
            nn.Linear(width, len(outputs)),
        )

    def make_encoder(self, spec: InputSpec) -> nn.Module:
        """Return an encoder that makes tokens of a vector or of the steps of a sequence."""
        s = self.settings
        tokens, width = s["tokens"], s["features"]
        if spec.sequence:
            return StepEncoder(spec, width, s["dropout"], s["input_dropout"])
        return TokenEncoder(make_encoder(spec, tokens * width, s), tokens)

    def fuse(self, encoded: list[Steps]) -> Tensor:
        """Return the network's scores, (B, C)."""
        steps_of, means = dict(zip(self.modalities, encoded, strict=True)), []
        for i, name in enumerate(self.modalities):
            steps, mask = steps_of[name]
            blocks = zip(cast(Any, self.crossing[i]), self.others[name], strict=True)
            learned = torch.cat([block(steps, steps_of[other]) for block, other in blocks], -1)
            means.append(mean_over_steps(self.own[i](learned, (learned, mask)), mask))
        return self.head(torch.cat(means, -1))


def positions(steps: int, width: int) -> Tensor:
    """Return sines and cosines of the positions of the steps, (steps, width) (Vaswani and others 2017)."""
    rates = torch.exp(-math.log(10_000.0) * torch.arange(0, width, 2) / width)
    angles = torch.arange(steps)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, :width]
