"""Classical encoders: from the features of one modality to the numbers of a unit ket or of a set of angles."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils import _pytree

from qfusion._checks import check, choose, require_whole
from qfusion.errors import InvalidInput
from qfusion.models.randomness import Dropout
from qfusion.models.recurrence import last_states

KINDS = ("mlp", "cnn", "cnn-norm", "cnn-pool")
NORMALISED = ("cnn-norm", "cnn-pool")
POOLINGS = ("gru", "attention", "conv")  # of sequences
_REACH = 3  # steps that a convolution over time looks at together
_UNFOLDED = 64  # pictures that a convolution looks at together: they stay in the processor's cache
_CLIP = 5.0  # standard deviations: one outlier must not rule a small encoder
_CONSTANT = (
    1e-6  # of a feature's mean: smaller deviations are of the order of rounding in single precision
)


@dataclass(frozen=True)
class InputSpec:
    """Form of one modality's features: `size` of them, per time step when `sequence`; `shape` (h, w) or (h, w, 3)
    when they are pixels."""

    size: int
    sequence: bool = False
    shape: tuple[int, ...] | None = None

    @property
    def pictured(self) -> bool:
        """Whether the features are pixels of a picture, grey (h, w) or coloured (h, w, 3)."""
        shape = self.shape or ()
        return not self.sequence and (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3))

    @staticmethod
    def of(spec: InputSpec | Mapping[str, Any]) -> InputSpec:
        """Return `spec` itself, or one read from a card's mapping."""
        return (
            spec
            if isinstance(spec, InputSpec)
            else InputSpec(
                int(spec["size"]),
                bool(spec["sequence"]),
                tuple(int(side) for side in spec["shape"]) if spec.get("shape") else None,
            )
        )


class Standardiser(nn.Module):
    """Zero mean and unit variance over the training rows, clipped at five standard deviations; part of the model's
    weights.

    Every feature is scaled by its own deviation, whatever the units of the others. A constant one keeps scale 1.
    """

    def __init__(self, size: int):
        super().__init__()
        self.mean, self.scale = nn.Buffer(torch.zeros(size)), nn.Buffer(torch.ones(size))

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


@dataclass(frozen=True, eq=False)
class Encoded:
    """Output of an encoder for a modality, (B, outputs). Models accept it in place of features, and functions such
    as `nested_part` find the tensor in it.
    """

    values: Tensor


# Vectors (B, F), a masked sequence: values (B, T, F), mask (B, T), or what an encoder made of either.
Features = Tensor | tuple[Tensor, Tensor] | Encoded


_pytree.register_pytree_node(
    Encoded, lambda encoded: ([encoded.values], None), lambda values, _: Encoded(*values)
)


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

    def of_steps(self, mask: Tensor, take: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
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
        choose("Encoder", kind, KINDS)
        self.spec = spec
        self.standardise = Standardiser(spec.size)
        self.drop = Dropout(dropout if input_dropout is None else input_dropout)
        if spec.sequence:
            self.first: nn.Module = Pooling(spec.size, hidden, pooling)
        elif kind != "mlp" and spec.shape is not None and spec.pictured:
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
        values, mask = split(features)
        if (
            mask is not None
            and isinstance(self.first, Pooling)
            and self.first.kind == "gru"
            and not torch.compiler.is_exporting()
        ):
            return self.last(self.first.of_steps(mask, partial(self._steps, values)))
        masks = () if mask is None else (mask,)
        return self.last(self.first(self.drop(self.standardise(values)), *masks))

    def _steps(self, values: Tensor, rows: Tensor, steps: Tensor) -> Tensor:
        """Standardised steps (n, F) of sequences (B, T, F), some numbers of them dropped."""
        places, stays = rows * values.shape[1] + steps, self.drop.mask(values)
        taken = self.standardise(values.flatten(0, 1).index_select(0, places))
        if stays is None:
            return taken
        stay = stays.flatten(0, 1).index_select(0, places)
        taken = taken * stay if taken.requires_grad else taken.mul_(stay)
        return taken.mul_(1 / (1 - self.drop.p))


def check_encoder(hidden: int, dropout: float, input_dropout: float, lowest: float = 0.0) -> None:
    """Raise InvalidInput unless encoders can be so wide and drop so much; `lowest` is that of `input_dropout`."""
    require_whole("hidden", hidden, 1, 2**14)
    for name, share, low in (
        ("dropout", dropout, 0.0),
        ("input_dropout", input_dropout, lowest),
    ):
        check(low <= share < 1, f"Argument `{name}` must lie in [{low:g}, 1), but is {share}.")


class MeanPool(nn.Module):
    """Features of one modality, standardised and averaged over the real steps of a sequence: read by some encoders."""

    def __init__(self, spec: InputSpec):
        super().__init__()
        self.standardise = Standardiser(spec.size)

    def means(self, features: Features) -> Tensor:
        """Return standardised features, (B, F), of a sequence their means over real steps."""
        values, mask = split(features)
        return mean_over_steps(self.standardise(values), mask)


def split(features: Features) -> tuple[Tensor, Tensor | None]:
    """Return values and mask; the mask is None for vectors."""
    return features if isinstance(features, tuple) else (cast(Tensor, features), None)


def real_steps(values: Tensor, mask: Tensor | None) -> Tensor:
    """Return all real steps of sequences (B, T, F), or all vectors (B, F), one after another, (n, F)."""
    return values.reshape(-1, values.shape[-1]) if mask is None else values[mask]


def mean_over_steps(values: Tensor, mask: Tensor | None) -> Tensor:
    """Return the means (B, F) of sequences (B, T, F) over their real steps. Vectors are returned unchanged."""
    return (
        values
        if mask is None
        else (values * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
    )


def validate_features(
    name: str, features: Features, spec: InputSpec, dtype: torch.dtype
) -> Features:
    """Return the features of a modality as a model takes them, in its precision.

    Args:
        name: of the modality.
        features: as they were given, in any floating-point precision.
        spec: the form that the model was built for.
        dtype: of the model's weights.

    Raises:
        InvalidInput: when they are not floating-point numbers, not finite, or of another form, or the model is in
            half precision.
    """
    values, mask = split(features)
    check(
        isinstance(values, Tensor) and values.is_floating_point(),
        f"Features of modality `{name}` must be a tensor of floating-point numbers, but are "
        f"{values.dtype if isinstance(values, Tensor) else type(values).__name__}. Convert them "
        "with `.float()` or `.double()`; the model takes either.",
    )
    expected = f"(B, T, {spec.size}) with a mask (B, T)" if spec.sequence else f"(B, {spec.size})"
    check(
        values.ndim == (3 if spec.sequence else 2)
        and values.shape[-1] == spec.size
        and (
            mask is not None and mask.shape == values.shape[:2] if spec.sequence else mask is None
        ),
        f"Features of modality `{name}` must have shape {expected}, but have shape {tuple(values.shape)}"
        f"{'' if mask is None else f' and a mask {tuple(mask.shape)}'}. Use the data set the model was trained "
        "for.",
    )
    check(
        mask is None or mask.dtype == torch.bool,
        f"The mask of modality `{name}` must hold True for every real step, but has type "
        f"{None if mask is None else mask.dtype}. Convert it with `.bool()`.",
    )
    if not torch.isfinite(values.detach().sum()):  # one pass, where nothing is wrong
        for row, *place in (~torch.isfinite(values)).nonzero().tolist():
            raise InvalidInput(
                f"Features of modality `{name}` must be finite, but row {row} has NaN or infinity at {place}. Clean or "
                "impute the data first."
            )
    check(
        dtype in (torch.float32, torch.float64),
        f"The model must be in single or double precision, but its weights are {dtype}: states hold too few digits "
        "in it. Call `.float()` or `.double()` on it; features may be of any precision.",
    )
    own = values.to(dtype)
    if own.dtype != values.dtype and not torch.isfinite(own).all():
        raise InvalidInput(
            f"Features of modality `{name}` must be finite in the model's {dtype}, but hold "
            f"{values.abs().max():.2g}. Scale them, or call `.double()` on the model."
        )
    return own if mask is None else (own, mask)
