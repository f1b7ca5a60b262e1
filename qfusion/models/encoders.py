"""Encoders: from the features of one modality to the numbers of a unit ket or of a set of angles, with dropout that is
drawn per sample.

Randomness per sample that does not depend on how many processes share a batch.

When several processes train one model, each works on some rows of a global batch. Masks and noise are those that one
process would draw for the whole batch, so that the result does not depend on their number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from functools import partial
from typing import Annotated, Any, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor, nn

from qfusion._checks import check
from qfusion._progress import override
from qfusion._settings import Settings
from qfusion.models.inputs import (
    Features,
    InputSpec,
    Pooling,
    mean_over_steps,
    real_steps,
    values_and_mask,
)

_CLIP = 5.0  # standard deviations: one outlier must not rule a small encoder
_CONSTANT = (
    1e-6  # of a feature's mean: smaller deviations are of the order of rounding in single precision
)


class Standardiser(nn.Module):
    """Zero mean and unit variance over the training rows, clipped at five standard deviations; part of the model's
    weights.

    Every feature is scaled by its own deviation, whatever the units of the others. A constant one keeps scale 1.
    """

    def __init__(self, size: int):
        super().__init__()
        self.mean = nn.Buffer(torch.zeros(size))
        self.scale = nn.Buffer(torch.ones(size))

    def fit(self, values: Tensor, mask: Tensor | None) -> None:
        """Set mean and scale from values (B, F), or unmasked steps of (B, T, F)."""
        steps = real_steps(values, mask).double()
        self.set(steps.mean(0), steps.std(0, correction=0))

    @torch.no_grad()
    def set(self, mean: Tensor, deviation: Tensor) -> None:
        """Set mean and scale (F,) from the features' means and deviations, in double precision."""
        self.mean.copy_(mean)
        varies = deviation > _CONSTANT * mean.abs()
        self.scale.copy_(torch.where(varies, deviation, torch.ones_like(deviation)))

    def forward(self, values: Tensor) -> Tensor:
        """Return values of the same shape, standardised."""
        result = (values - self.mean).div_(self.scale)
        return result.clamp(-_CLIP, _CLIP) if result.requires_grad else result.clamp_(-_CLIP, _CLIP)


class MeanPool(nn.Module):
    """Features of one modality, standardised and averaged over the real steps of a sequence: read by some encoders."""

    def __init__(self, spec: InputSpec):
        super().__init__()
        self.standardise = Standardiser(spec.size)

    def means(self, features: Features) -> Tensor:
        """Return standardised features, (B, F), of a sequence their means over real steps."""
        values, mask = values_and_mask(features)
        return mean_over_steps(self.standardise(values), mask)


def mean_pools(
    specs: Mapping[str, InputSpec], means: Mapping[str, Sequence[float]] | None, remedy: str
) -> nn.ModuleDict:
    """Return what models without encoders have in their place: the means of the features, by modality.

    Args:
        specs: forms of the features. means: of every feature over the training rows; zero unless given.
        remedy: end of the error.

    Raises:
        InvalidInput: when there are not as many means as features.
    """
    pools = {name: MeanPool(spec) for name, spec in specs.items()}
    for name, known in (means or {}).items():
        mean = pools[name].standardise.mean
        check(
            len(known) == len(mean),
            f"The card holds {len(known)} means of {len(mean)} features. {remedy}",
        )
        mean.copy_(torch.tensor(known))
    return nn.ModuleDict(pools)


class BatchNorm(nn.Module):
    """Units (B, F) or channels (B, F, h, w) with mean 0 and variance 1 over the rows of a batch, then a learned scale
    and offset per unit; outside training by running means over batches (Ioffe and Szegedy 2015, arXiv 1502.03167).

    Where only products of modalities say anything, nothing rewards that a modality's units tell rows apart until those
    of all the others do, and training flattens them first. So scaled, they cannot be flat.
    """

    def __init__(self, units: int):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(units))
        self.offset = nn.Parameter(torch.zeros(units))
        self.mean = nn.Buffer(torch.zeros(units))
        self.variance = nn.Buffer(torch.ones(units))

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


NORMALISED = ("cnn-norm", "cnn-pool")

DropoutShare = Annotated[
    float,
    Field(
        ge=0,
        lt=1,
        title="Dropout",
        description="Fraction of encoder units dropped at random during training, against overfitting.",
    ),
]
InputDropoutShare = Annotated[
    float,
    Field(
        lt=1,
        title="Input dropout",
        description="Fraction of features dropped at random during training; for QiNN-QJ, below 0: same as dropout.",
    ),
]


class EncoderSettings(Settings):
    """Settings of the encoders of a model."""

    encoder: Literal["mlp", "cnn", "cnn-norm", "cnn-pool"] = Field(
        "mlp",
        title="Encoder",
        description="mlp reads numbers, cnn images; cnn-norm also normalises hidden units over a batch, which shortens "
        "flat starts; cnn-pool uses every pixel.",
    )
    hidden: int = Field(
        32,
        ge=1,
        le=2**14,
        title="Encoder width",
        description="Units of each encoder's hidden layer.",
    )
    dropout: DropoutShare = 0.2
    pooling: Literal["gru", "attention", "conv"] = Field(
        "gru",
        title="Sequences",
        description="How the steps of a sequence are combined: gru reads them in order, attention weights them, conv "
        "detects patterns of neighbouring steps.",
    )
    input_dropout: InputDropoutShare = Field(0.0, ge=0)


class Encoder(nn.Module):
    """Features of one modality -> `outputs` real numbers.

    Args:
        spec: form of the features.
        outputs: how many numbers.
        hidden: width of the hidden layer.
        dropout: probability, on the input and on the hidden layer.
        pooling: "gru", "attention" or "conv", for sequences.
        kind: "mlp", "cnn" for modalities whose features are pixels, grey or coloured, "cnn-norm", which also normalises
            every hidden layer over the batch, see `BatchNorm`, or "cnn-pool", which in addition looks at every pixel
            and keeps the largest of four.
        input_dropout: probability on the input; default as `dropout`.
    """

    def __init__(
        self,
        spec: InputSpec,
        outputs: int,
        hidden: int = 32,
        dropout: float = 0.3,
        pooling: str = "gru",
        kind: str = "mlp",
        input_dropout: float | None = None,
    ):
        super().__init__()
        self.spec = spec
        self.standardise = Standardiser(spec.size)
        self.drop = Dropout(dropout if input_dropout is None else input_dropout)
        if spec.sequence:
            self.first: nn.Module = Pooling(spec.size, hidden, pooling)
        elif kind != "mlp" and spec.shape is not None and spec.is_picture:
            self.first = Convolution(
                spec.shape, hidden, norm=kind in NORMALISED, pool=kind == "cnn-pool"
            )
        else:
            self.first = nn.Linear(spec.size, hidden)
        self.last = nn.Sequential(
            *([BatchNorm(hidden)] if kind in NORMALISED else []),
            nn.ReLU(),
            Dropout(dropout),
            nn.Linear(hidden, outputs),
        )

    def forward(self, features: Features) -> Tensor:
        """Return (B, outputs)."""
        values, mask = values_and_mask(features)
        if (
            mask is not None
            and isinstance(self.first, Pooling)
            and self.first.kind == "gru"
            and not torch.compiler.is_exporting()
        ):
            return self.last(self.first.pool_steps(mask, partial(self._steps, values)))
        masks = () if mask is None else (mask,)
        return self.last(self.first(self.drop(self.standardise(values)), *masks))

    def _steps(self, values: Tensor, rows: Tensor, steps: Tensor) -> Tensor:
        """Standardised steps (n, F) of sequences (B, T, F), some numbers of them dropped."""
        places = rows * values.shape[1] + steps
        stays = self.drop.mask(values)
        taken = self.standardise(values.flatten(0, 1).index_select(0, places))
        if stays is None:
            return taken
        stay = stays.flatten(0, 1).index_select(0, places)
        taken = taken * stay if taken.requires_grad else taken.mul_(stay)
        return taken.mul_(1 / (1 - self.drop.p))


def make_encoder(spec: InputSpec, outputs: int, settings: Mapping[str, Any]) -> Encoder:
    """Return a new encoder of a modality by a model's settings, see `EncoderSettings`."""
    dropout, input_dropout = settings["dropout"], settings["input_dropout"]
    return Encoder(
        spec,
        outputs,
        settings["hidden"],
        dropout,
        settings["pooling"],
        settings["encoder"],
        dropout if input_dropout < 0 else input_dropout,
    )


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


class Shard(NamedTuple):
    """The rows (b,) of a global batch of `total` that this process works on."""

    rows: Tensor
    total: int


_share: ContextVar[Shard | None] = ContextVar("share", default=None)


def shard_context(share: Shard | None) -> AbstractContextManager[None]:
    """Context manager in which random numbers per sample are drawn for the whole batch. None changes nothing."""
    return override(_share, share)


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
