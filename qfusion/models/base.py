"""Models that can be explored: modalities with an encoder each, fused to named scores; and these encoders, features of
one modality -> numbers, with their recurrence and dropout.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar, Union, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils import _pytree

from qfusion._checks import check, choose, require_whole
from qfusion._sentences import meanwhile
from qfusion.errors import InvalidInput
from qfusion.quantum import states

# The recurrence of a GRU over sequences of unequal length, with its gradient written out.
#
# Same numbers as torch.nn.GRU's, which on a processor spends most of its time on the bookkeeping of a few hundred small
# operations. Cho et al. (2014), arXiv 1406.1078, in the form of torch.nn.GRU.


class _Recurrence(torch.autograd.Function):
    """Input parts (n, 3 H) of real steps, by time and within a time the longest first -> last states (B, H)."""

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, sizes: Sequence[int]
    ) -> Tensor:
        """Runs over times; how many sequences are still there at each, `sizes`, does not grow."""
        H, sizes = weight.shape[1], list(sizes)
        gates, stored, new, before = (
            inputs.new_empty(len(inputs), width) for width in (2 * H, H, H, H)
        )
        state, across, ended = inputs.new_zeros(sizes[0], H), weight.t(), []
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
        """Runs back over times; what does not depend on later ones is worked out for all at once."""
        gates, stored, new, before, weight = ctx.saved_tensors
        sizes, H = list(ctx.sizes), weight.shape[1]
        r, z = gates[:, :H], gates[:, H:]
        of_new = (1 - z) * (1 - new.square())
        of_z, of_r = (before - new) * z * (1 - z), stored * r * (1 - r)
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
    """Returns the last state of every sequence, (B, H), the longest first.

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


# Randomness per sample that does not depend on how many processes share a batch.
#
# When several processes train one model, each works on some rows of a global batch. Masks and noise are then drawn for
# the whole batch in every process, and each takes its own rows: the result is that of one process.


class Share(NamedTuple):
    """The rows (b,) of a global batch of `total` that this process works on."""

    rows: Tensor
    total: int


_share: ContextVar[Share | None] = ContextVar("share", default=None)


def sharing(share: Share | None) -> AbstractContextManager[None]:
    """While it lasts, what is drawn per sample is drawn for the whole batch; None changes nothing."""
    return meanwhile(_share, share)


def drawn(random: Callable[[Tensor], Tensor], values: Tensor) -> Tensor:
    """Returns `random` numbers for the rows of `values` (B, ...), one draw a row of the global batch.

    Args:
        random: takes a tensor and returns random numbers of its shape, like torch.randn_like.
        values: whose first dimension counts samples.
    """
    share = _share.get()
    if share is None:
        return random(values)
    return random(values.new_empty(share.total, *values.shape[1:]))[share.rows.to(values.device)]


class Dropout(nn.Dropout):
    """Dropout (Srivastava and others 2014) whose masks are those of the global batch."""

    def forward(self, values: Tensor) -> Tensor:
        """Returns values of the same shape."""
        if _share.get() is None or not self.training:
            return super().forward(values)
        return values * drawn(
            lambda like: nn.functional.dropout(torch.ones_like(like), self.p), values
        )

    def mask(self, values: Tensor) -> Tensor | None:
        """Returns which numbers of values (B, ...) stay, bool of their shape; None where all do.

        Sixteen random bits decide on a number: the probability is met to 1e-5, in a third of the time.
        """
        return drawn(self._random, values) if self.training and self.p else None

    def _random(self, like: Tensor) -> Tensor:
        bits = torch.empty(-(-like.numel() // 4), dtype=torch.int64, device=like.device).random_(
            -(2**63), None
        )
        return bits.view(torch.int16)[: like.numel()].view_as(like) >= round(self.p * 2**16) - 2**15


# Classical encoders: features of one modality -> a unit ket or a set of angles.

# vectors (B, F), a masked sequence: values (B, T, F), mask (B, T), or what an encoder made of either
Features = Union[Tensor, tuple[Tensor, Tensor], "Encoded"]
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
        """Returns `spec` itself, or one read from a card's mapping."""
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
        """Sets mean and scale from values (B, F), or unmasked steps of (B, T, F)."""
        steps = real_steps(values, mask).double()
        self.set(steps.mean(0), steps.std(0, correction=0))

    @torch.no_grad()
    def set(self, mean: Tensor, deviation: Tensor) -> None:
        """Sets mean and scale (F,) from the features' means and deviations, in double precision."""
        self.mean.copy_(mean)
        varies = deviation > _CONSTANT * mean.abs()
        self.scale.copy_(torch.where(varies, deviation, torch.ones_like(deviation)))

    def forward(self, values: Tensor) -> Tensor:
        """Returns values of the same shape, standardised."""
        result = (values - self.mean).div_(self.scale)
        return result.clamp(-_CLIP, _CLIP) if result.requires_grad else result.clamp_(-_CLIP, _CLIP)


@dataclass(frozen=True, eq=False)
class Encoded:
    """What an encoder has made of a modality already, (B, outputs): models take it in the place of features, and
    `nested_part` and the like find the tensor in it."""

    values: Tensor


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
        """Returns (B, hidden); steps where `mask` is False have no influence."""
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
        """Returns the last states (B, hidden) of the GRU, which is run over real steps alone.

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
        """Returns values of the same shape; a batch of one row has no variance and is scaled by the running means."""
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
        """Returns (B, hidden); outside training some rows at a time, as what is unfolded of each takes a megabyte."""
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
        """Returns (B, outputs)."""
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
    """Raises InvalidInput unless encoders can be so wide and drop so much; `lowest` is that of `input_dropout`."""
    require_whole("hidden", hidden, 1, 2**14)
    for name, share, low in (
        ("dropout", dropout, 0.0),
        ("input_dropout", input_dropout, lowest),
    ):
        check(low <= share < 1, f"Argument `{name}` must lie in [{low:g}, 1), but is {share}.")


class Averaged(nn.Module):
    """Features of one modality, standardised and averaged over the real steps of a sequence: read by some encoders."""

    def __init__(self, spec: InputSpec):
        super().__init__()
        self.standardise = Standardiser(spec.size)

    def means(self, features: Features) -> Tensor:
        """Returns standardised features, (B, F), of a sequence their means over real steps."""
        values, mask = split(features)
        return mean_over_steps(self.standardise(values), mask)


def split(features: Features) -> tuple[Tensor, Tensor | None]:
    """Returns values and mask; the mask is None for vectors."""
    return features if isinstance(features, tuple) else (cast(Tensor, features), None)


def real_steps(values: Tensor, mask: Tensor | None) -> Tensor:
    """Returns all real steps of sequences (B, T, F), or all vectors (B, F), one after another, (n, F)."""
    return values.reshape(-1, values.shape[-1]) if mask is None else values[mask]


def mean_over_steps(values: Tensor, mask: Tensor | None) -> Tensor:
    """Returns the means (B, F) of sequences (B, T, F) over their real steps; vectors as they are."""
    return (
        values
        if mask is None
        else (values * mask[..., None]).sum(1) / mask.sum(1, keepdim=True).clamp_min(1)
    )


def admitted(name: str, features: Features, spec: InputSpec, dtype: torch.dtype) -> Features:
    """Returns the features of a modality as a model takes them, in its precision.

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


M = TypeVar("M", bound=Any)


def in_double(model: M) -> M:
    """Returns a model whose weights are in double precision: the model itself where they are, else a copy of it.

    Args:
        model: any of ours.
    """
    return model if model.bias.dtype == torch.float64 else copy.deepcopy(model).double()


# Models that can be explored: each makes something of every modality, and fuses it to scores.
#
# What a modality comes to, `encode_one`, is a tensor, or tuples of tensors, with one row a sample, of that modality
# alone; `scores` fuses. That is enough to ask what a score would be with some modalities of another sample, so
# contributions are exact by evaluation, see `explain.coalitions`. Of models whose scores are linear in
# states, `StateModel`, they follow from observables at once.
#
# An ability is a name of ABILITIES. Pages, reports, commands and explanations ask for the one that they need with
# `abilities.can`, or `abilities.require` it, which names what is missing; none asks of which class a model is. A new
# model says its own abilities, and is shown wherever these suffice:
#
#     states    `StateModel`: scores are linear in a state of each modality
#     kets      `KetModel`: unit vectors of each modality and Hermitian observables of their product
#     masses    numbers from 0 to 1 of each modality for each element, as of `EntangledQCNN`
#     time      `time_model.TimeModel`: states evolve, and can be read out earlier; sliders change the physics
#     layers    can be read out between the layers of a network
#     rules     fuses by truth tables that can be read and edited
#     circuit   can be drawn as gates with a sample in it
#     gates     its circuit is a list of unitary gates on |0...0>, as of `neighbours.circuits.CircuitModel`
#     terms     consists of terms that `explain.sensitivity` weakens and removes and `flips` turns; those of `time` or
#               of `rules`

Ability = Literal[
    "states", "kets", "masses", "time", "layers", "rules", "circuit", "gates", "terms"
]
ABILITIES: dict[Ability, str] = {
    "states": "states of its modalities that scores are linear in",
    "kets": "modality states that are kets",
    "masses": "masses of its modalities for elements",
    "time": "evolution in time",
    "layers": "layers to be read out between",
    "rules": "fusion rules to read",
    "circuit": "circuit of gates",
    "gates": "circuit of unitary gates alone",
    "terms": "terms of a physics to weaken or turn",
}


@dataclass(frozen=True, eq=False)
class Points:
    """Where a model can be read out, the last being its end.

    Attributes:
        kind: "time" or "layers". positions: times, or places by number. names: of each.
    """

    kind: Literal["time", "layers"]
    positions: tuple[float, ...]
    names: tuple[str, ...]


class FusionModel(nn.Module, ABC):
    """A model that can be explored, of named modalities with an encoder each and named scores; a subclass fills
    `encoders` and `settings`.

    Features come in any floating-point precision; a model calculates in that of its own weights.

    Attributes:
        kind: name in the registry.
        abilities: what it can do, of ABILITIES.
        title, says: what people call the kind, and a plain sentence on it for the Train page; those of old stand in
            `runs.settings`.
        about: one sentence on what it does between features and score, for the Overview page, with {names}, {dims} and
            {target} to be filled in; of old ones in `analysis.describe`.
        modalities: names, in the order of fusion.
        outputs: names of the scores.
        input_specs: form of each modality's features.
        settings: what it was built with, JSON-able.
        encoders: one `Encoder` per modality.
        bias: of the scores, (C,).
        projects: whether it has what `project` fits.
        staged: whether parts of it are trained one after another, see `advance`.
        convex: whether its loss is convex in all its parameters: then an epoch minimises the loss over all rows at
            once, without a learning rate, in the place of steps on batches.
        encodes: whether its encoders make a row of numbers of each modality, and nothing else looks at features: then
            it takes `Encoded` in their place.
        unseen_operations: floating-point operations a row that torch does not see: those of programs of another
            runtime.
        logit_scale: factor by which scores are multiplied before a softmax; 1 unless scores are log-odds.
        score_kind: what the scores of a classifier are, where they are not those it was trained with; see `log_odds`.
    """

    kind: str
    abilities: ClassVar[frozenset[Ability]] = frozenset()
    title: ClassVar[str] = ""
    says: ClassVar[str] = ""
    about: ClassVar[str] = ""
    settings: dict[str, Any]
    encoders: nn.ModuleDict
    bias: Tensor
    projects: bool = False
    staged: bool = False
    convex: bool = False
    encodes: bool = True
    unseen_operations: int = 0
    logit_scale: float = 1.0
    score_kind: str = ""

    def __init__(self, inputs: Mapping[str, InputSpec | Mapping[str, Any]], outputs: Sequence[str]):
        super().__init__()
        check(len(inputs) >= 1, "Argument `inputs` must name at least one modality, but is empty.")
        check(len(outputs) >= 1, "Argument `outputs` must name at least one score, but is empty.")
        self.modalities, self.outputs = tuple(inputs), tuple(outputs)
        self.input_specs = {name: InputSpec.of(spec) for name, spec in inputs.items()}

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Returns the trained parameters by which modalities meet, each with the value at which it does nothing; none
        where no parameter has a value at which only their meeting ends."""
        return []

    def head_parameters(self) -> tuple[str, ...]:
        """Returns the names of all parameters that scores are linear in, with one row for each output; none where the
        model has no such head."""
        return ()

    def check_trainable(self) -> None:
        """Raises InvalidInput where an epoch of a training would take hours, whatever the data."""

    @torch.no_grad()
    def rescale(self, factor: float) -> bool:
        """Multiplies all scores by a factor, in the weights.

        Returns:
            Whether that was done; False where the model has no linear head (see `head_parameters`), and is unchanged.
        """
        paths = self.head_parameters()
        for path in paths:
            self.get_parameter(path).mul_(factor)
        return bool(paths)

    @torch.no_grad()
    def standardise(self, inputs: Mapping[str, Features]) -> None:
        """Fits the encoders' standardisation to the training rows."""
        for name in self.modalities:
            cast(Encoder, self.encoders[name]).standardise.fit(*split(self._features(inputs, name)))

    def project(self, inputs: Mapping[str, Features]) -> None:
        """Fits what is neither trained nor a standardisation to training rows, many of them but perhaps not all."""

    @property
    def preparing(self) -> bool:
        """Whether training is at a part before the last: what is measured then is no result yet."""
        return False

    def advance(self, share: float) -> bool:
        """Goes on to the next part that is trained, once such a share of the epochs is over; returns whether it did."""
        return False

    def _encoded(self, inputs: Mapping[str, Features], name: str) -> Any:
        """Returns the encoder's numbers for one modality, (B, outputs of the encoder); those of `Encoded` as they are.

        Raises:
            InvalidInput: when the modality is missing, has the wrong form, or is not of finite floating-point numbers.
        """
        value = inputs.get(name)
        return (
            value.values.to(self.bias.dtype)
            if isinstance(value, Encoded)
            else self.encoders[name](self._features(inputs, name))
        )

    def _features(self, inputs: Mapping[str, Features], name: str) -> Features:
        check(
            name in inputs,
            f"Argument `inputs` must hold modality `{name}`, but holds {sorted(inputs)}.",
        )
        return admitted(name, inputs[name], self.input_specs[name], self.bias.dtype)

    def encode_one(self, inputs: Mapping[str, Features], name: str) -> Any:
        """Returns what one modality comes to, what its encoder gives unless a model makes more of it; `inputs` need
        not hold the others."""
        return self._encoded(inputs, name)

    def encode(self, inputs: Mapping[str, Features]) -> dict[str, Any]:
        """Returns what every modality comes to, by name.

        Raises:
            InvalidInput: when a modality is missing, has the wrong form, or is not finite.
        """
        return {name: self.encode_one(inputs, name) for name in self.modalities}

    @abstractmethod
    def scores(self, states: Mapping[str, Any]) -> Tensor:
        """Returns the scores (B, C) of what modalities come to, as of `encode`; a row's scores depend on that row
        alone."""

    def forward(self, inputs: Mapping[str, Features]) -> Tensor:
        """Returns the scores (logits), (B, C)."""
        return self.scores(self.encode(inputs))

    def points(self, count: int = 2) -> Points | None:
        """Returns where the model can be read out, so many times of an evolution; None where only its end can."""
        return None

    def parse_tweak(self, tweak: Any) -> Any:
        """Returns a tweak of this model in the one form that equal tweaks have; its `str` is its text, empty for none.

        Raises:
            InvalidInput, NotFound: when it does not fit the model.
        """
        check(
            not str(tweak).strip(" ,"),
            f"A model of kind {self.kind} has nothing to tweak, but the tweak is {str(tweak)[:60]!r}. "
            "Leave it out.",
        )
        return ""

    def tweaked(self, tweak: Any) -> FusionModel:
        """Returns a model that shares this one's weights with a tweak; see `parse_tweak`."""
        self.parse_tweak(tweak)
        return self

    def baked(
        self, state: dict[str, Tensor], settings: dict[str, Any], words: str
    ) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """Returns weights and settings in which this model's tweak is part of the weights.

        Args:
            state, settings: of the model before it was tweaked. words: the tweak as text, empty for none.
        """
        return state, settings


class StateModel(FusionModel):
    """A model whose scores are linear in every modality's state, kets (B, d_m) complex or masses (B, n): expectations
    of observables."""

    @abstractmethod
    def observables(self) -> Tensor:
        """Returns what scores are expectations of: of kets (C, D, D), of masses see the model."""

    @abstractmethod
    def scores(self, states: Mapping[str, Tensor], observables: Tensor | None = None) -> Tensor:
        """Returns the scores (B, C) of given modality states; linear in each.

        Args:
            states: as of `encode`. observables: of this model, where they are worked out already.
        """

    @abstractmethod
    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Returns the scores (B, C) of given modality states by another way than `observables`: the reference."""


class KetModel(StateModel):
    """A model whose modality states are kets psi_m = (e_0 + h_m(x_m)) / ||e_0 + h_m(x_m)||, for encoders h_m with 2 d_m
    outputs.

    Attributes:
        dims: dimension d_m of every modality state; D is their product.
    """

    abilities = frozenset({"states", "kets"})

    def _lay_out(
        self,
        dims: int | Sequence[int],
        most: int,
        held: str,
        encoder: str,
        hidden: int,
        dropout: float,
        pooling: str,
        input_dropout: float,
        lowest: float = 0.0,
        **more: Any,
    ) -> None:
        """Sets the settings and the dimension of every modality state, and makes encoders that give 2 d_m numbers.

        Args:
            dims: of each, or one for all. most: of their product. held: why, for the message.
            encoder, hidden, dropout, pooling, input_dropout: of the encoders, see `Encoder`; `input_dropout` may be as
                low as `lowest`, and is as `dropout` below 0.
            more: settings of a subclass, kept with the others.

        Raises:
            InvalidInput: where dimensions are impossible, or their product is too large for what is held.
        """
        M = len(self.modalities)
        sizes = (dims,) * M if isinstance(dims, int) else tuple(int(d) for d in dims)
        check(
            len(sizes) == M and all(d >= 2 for d in sizes),
            f"Argument `dims` must hold {M} dimensions of at least 2, but is {dims}.",
        )
        D = math.prod(sizes)
        check(
            most >= D,
            f"Argument `dims` must give a joint dimension of at most {most}, but {sizes} gives {D:,}: {held}. Lower "
            "`dims`, join modalities, or take a model that grows with their number, such as entangled-qcnn.",
        )
        check_encoder(hidden, dropout, input_dropout, lowest)
        self.dims = sizes
        self.settings = dict(
            dims=list(sizes),
            encoder=encoder,
            hidden=hidden,
            dropout=dropout,
            pooling=pooling,
            input_dropout=input_dropout,
            **more,
        )
        dropped = dropout if input_dropout < 0 else input_dropout
        self.encoders = nn.ModuleDict(
            {
                name: Encoder(spec, 2 * d, hidden, dropout, pooling, encoder, dropped)
                for (name, spec), d in zip(self.input_specs.items(), sizes, strict=True)
            }
        )

    def encode_one(self, inputs: Mapping[str, Features], name: str) -> Tensor:
        """Returns the unit kets of one modality, (B, d_m) complex; `inputs` need not hold the others."""
        d = self.dims[self.modalities.index(name)]
        real, imaginary = self._encoded(inputs, name).split(d, -1)
        ket = torch.complex(real, imaginary)
        # The reference amplitude keeps the magnitude of h, which plain normalisation would throw away.
        ket = ket + torch.eye(d, dtype=ket.dtype, device=ket.device)[0]
        return ket / torch.linalg.vector_norm(ket, dim=-1, keepdim=True).clamp_min(1e-6)

    def product_state(self, kets: Mapping[str, Tensor]) -> Tensor:
        """Returns |psi_1 x ... x psi_M>, (B, D)."""
        return states.product([kets[name] for name in self.modalities])

    def scores(self, states: Mapping[str, Tensor], observables: Tensor | None = None) -> Tensor:
        """Returns <psi|O_c|psi> + b_c of given kets, (B, C)."""
        psi = self.product_state(states)
        O = self.observables() if observables is None else observables
        return expectation(O.to(psi.dtype), psi) + self.bias

    def forward(self, inputs: Mapping[str, Features]) -> Tensor:
        """Returns the scores, (B, C)."""
        return self.direct_scores(self.encode(inputs))


def expectation(observables: Tensor, psi: Tensor) -> Tensor:
    """Returns <psi|O_c|psi>, (B, C), for observables (C, D, D) and kets (B, D)."""
    return torch.einsum("cnb,nb->nc", psi.conj() @ observables, psi).real


# What modalities come to: tensors, or tuples, lists and dictionaries of tensors, with one row a sample.


def nested_leaves(state: Any) -> list[Tensor]:
    """Returns the tensors of a state, in order."""
    return _pytree.tree_leaves(state)


def nested_mapped(change: Callable[[Tensor], Tensor], state: Any) -> Any:
    """Returns a state of the same form, with every tensor changed."""
    return _pytree.tree_map(change, state)


def nested_length(state: Any) -> int:
    """Returns the number of rows."""
    return len(nested_leaves(state)[0])


def nested_part(state: Any, rows: Any) -> Any:
    """Returns some rows: a slice, or numbers."""
    return nested_mapped(lambda entry: entry[rows], state)


def nested_repeated(state: Any, times: int) -> Any:
    """Returns every row so many times, one after the other: 0, 0, 1, 1, ..."""
    return nested_mapped(lambda entry: entry.repeat_interleave(times, 0), state)


def nested_tiled(state: Any, times: int) -> Any:
    """Returns all rows so many times: 0, 1, ..., 0, 1, ..."""
    return (
        state
        if times == 1
        else nested_mapped(lambda entry: entry.repeat(times, *[1] * (entry.ndim - 1)), state)
    )
