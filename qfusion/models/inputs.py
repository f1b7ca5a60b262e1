"""What a model takes: features of each modality, sequences pooled over time, and the backgrounds that replace
absent modalities.

Pooling of masked sequences over time, and the recurrence of a GRU over sequences of unequal length, with its
gradient written out.

The numbers of the recurrence are those of torch.nn.GRU, which on a processor spends most of its time on the
bookkeeping of small steps.

Backgrounds: the samples or states that replace the modalities that a coalition leaves out.

`Background` is the part that all have in common. Each family of models defines its own subclass with the numbers that
its algebra needs, makes it (`CoalitionAlgebra.make_background`) and reads it; no other code looks inside.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence
from torch.utils import _pytree

from qfusion._checks import check
from qfusion.errors import InvalidInput


@dataclass(frozen=True)
class InputSpec:
    """Form of one modality's features: `size` of them, per time step when `sequence`; `shape` (h, w) or (h, w, 3)
    when they are pixels."""

    size: int
    sequence: bool = False
    shape: tuple[int, ...] | None = None

    @property
    def is_picture(self) -> bool:
        """Whether the features are pixels of a picture, grey (h, w) or coloured (h, w, 3)."""
        shape = self.shape or ()
        return not self.sequence and (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3))

    @staticmethod
    def from_mapping(spec: InputSpec | Mapping[str, Any]) -> InputSpec:
        """Return the form that a card's mapping describes. An `InputSpec` is returned unchanged."""
        if isinstance(spec, InputSpec):
            return spec
        shape = tuple(int(side) for side in spec["shape"]) if spec.get("shape") else None
        return InputSpec(int(spec["size"]), bool(spec["sequence"]), shape)


@dataclass(frozen=True, eq=False)
class Encoded:
    """Output of an encoder for a modality, (B, outputs). Models accept it in place of features, and functions such
    as `nested_part` find the tensor in it.
    """

    values: Tensor


_pytree.register_pytree_node(
    Encoded, lambda encoded: ([encoded.values], None), lambda values, _: Encoded(*values)
)


# Vectors (B, F), a masked sequence as values (B, T, F) and mask (B, T), or the output of an encoder
Features = Tensor | tuple[Tensor, Tensor] | Encoded


def values_and_mask(features: Features) -> tuple[Tensor, Tensor | None]:
    """Return the values and the mask of features. The mask of vectors is None."""
    if isinstance(features, tuple):
        return features
    return cast(Tensor, features), None


def real_steps(values: Tensor, mask: Tensor | None) -> Tensor:
    """Return all real steps of sequences (B, T, F), or all vectors (B, F), one after another, (n, F).

    Example:
        >>> import torch
        >>> from qfusion.models.inputs import real_steps
        >>> steps = torch.tensor([[[1.0], [3.0], [0.0]]])
        >>> real_steps(steps, torch.tensor([[True, True, False]]))
        tensor([[1.],
                [3.]])
    """
    return values.reshape(-1, values.shape[-1]) if mask is None else values[mask]


def mean_over_steps(values: Tensor, mask: Tensor | None) -> Tensor:
    """Return the means (B, F) of sequences (B, T, F) over their real steps. Vectors are returned unchanged.

    Example:
        >>> import torch
        >>> from qfusion.models.inputs import mean_over_steps
        >>> steps = torch.tensor([[[1.0], [3.0], [0.0]]])
        >>> mean_over_steps(steps, torch.tensor([[True, True, False]]))
        tensor([[2.]])
    """
    if mask is None:
        return values
    lengths = mask.sum(1, keepdim=True).clamp_min(1)
    return (values * mask[..., None]).sum(1) / lengths


def validate_features(
    name: str, features: Features, spec: InputSpec, dtype: torch.dtype, missing: bool = False
) -> Features:
    """Return the features of a modality in the precision of the model.

    Args:
        name: name of the modality.
        features: features in any floating-point precision.
        spec: form that the model was built for.
        dtype: data type of the model's weights.
        missing: whether values may be missing, as NaN.

    Raises:
        InvalidInput: if the features are not floating-point numbers, not finite, or of another form, or if the model
            is in half precision.
    """
    values, mask = values_and_mask(features)
    type_name = values.dtype if isinstance(values, Tensor) else type(values).__name__
    check(
        isinstance(values, Tensor) and values.is_floating_point(),
        f"Features of modality `{name}` must be a tensor of floating-point numbers, but are {type_name}. Convert them "
        "with `.float()` or `.double()`; the model takes either.",
    )
    _check_shape(name, values, mask, spec)
    _check_finite(name, values.nan_to_num(0, torch.inf, -torch.inf) if missing else values)
    check(
        dtype in (torch.float32, torch.float64),
        f"The model must be in single or double precision, but its weights are {dtype}: states hold too few digits "
        "in it. Call `.float()` or `.double()` on it; features may be of any precision.",
    )
    own = values.to(dtype)
    if own.dtype != values.dtype and own.isinf().any():
        raise InvalidInput(
            f"Features of modality `{name}` must be finite in the model's {dtype}, but hold "
            f"{values.abs().max():.2g}. Scale them, or call `.double()` on the model."
        )
    return own if mask is None else (own, mask)


def _check_shape(name: str, values: Tensor, mask: Tensor | None, spec: InputSpec) -> None:
    """Raise InvalidInput unless values and mask have the form that the model was built for."""
    if spec.sequence:
        expected = f"(B, T, {spec.size}) with a mask (B, T)"
        fits = values.ndim == 3 and mask is not None and mask.shape == values.shape[:2]
    else:
        expected = f"(B, {spec.size})"
        fits = values.ndim == 2 and mask is None
    given = (
        f"{tuple(values.shape)}"
        if mask is None
        else f"{tuple(values.shape)} and a mask {tuple(mask.shape)}"
    )
    check(
        fits and values.shape[-1] == spec.size,
        f"Features of modality `{name}` must have shape {expected}, but have shape {given}. Use the data set the model "
        "was trained for.",
    )
    if mask is not None:
        check(
            mask.dtype == torch.bool,
            f"The mask of modality `{name}` must hold True for every real step, but has type {mask.dtype}. Convert it "
            "with `.bool()`.",
        )


def _check_finite(name: str, values: Tensor) -> None:
    """Raise InvalidInput if a value is NaN or infinite."""
    if torch.isfinite(
        values.detach().sum()
    ):  # a sum takes one pass, and is finite in almost all uses
        return
    places = (~torch.isfinite(values)).nonzero().tolist()
    if places:
        row, *place = places[0]
        raise InvalidInput(
            f"Features of modality `{name}` must be finite, but row {row} has NaN or infinity at {place}. Clean or "
            "impute the data first."
        )


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


# What replaces absent modalities.
PRODUCT = "product"  # the mean over the background samples, each modality drawn independently
JOINT = "joint"  # the mean over the background samples as they occur
MIXED = "mixed"  # the maximally mixed state: nothing is known
ZERO = "zero"  # the reference state |0>: the encoder gives no signal
COHORT = "cohort"  # the mean over chosen samples as they occur
CONTRAST = "contrast"  # one other sample
KINDS = (PRODUCT, JOINT, MIXED, ZERO, COHORT, CONTRAST)
DEFAULT = PRODUCT  # all coalitions break the pairing of the data alike
SAMPLE_KINDS = (PRODUCT, JOINT, COHORT, CONTRAST)  # those made of samples
GROUPS = 8  # of drawn samples; standard errors follow from their differences
# What standard errors of contributions are over.
Spread = Literal["sampled background", "raters", "shots", "measurement"]


@dataclass(frozen=True, kw_only=True)
class Background(ABC):
    """A background of one model.

    Attributes:
        kind: of `KINDS`.
        size: number of samples, or of combinations of their modalities, averaged over; 0 for "mixed" and "zero".
        label: name of a cohort, or id of the sample to contrast with.
        total: number of samples that were drawn from, where the background is a random part of them, or that are
            combined; else 0.
    """

    kind: str
    size: int
    label: str = ""
    total: int = 0

    @property
    def is_drawn(self) -> bool:
        """Whether its samples were drawn from a larger set."""
        return self.size < self.total

    @property
    def is_exact(self) -> bool:
        """Whether means over its samples are exact."""
        return not self.is_drawn

    @property
    def spread(self) -> Spread:
        """What standard errors of contributions against it are over."""
        return "shots" if self.is_exact else "sampled background"

    @property
    def samples(self) -> int:
        """Number of samples averaged over, also where their modalities are combined."""
        return min(self.size, self.total or self.size)

    @property
    def name(self) -> str:
        """The kind, with size and label of a cohort, the id of a contrast, and the number of rows of a part."""
        kind = self.kind
        if kind == "contrast":
            kind = f"contrast sample {self.label}".rstrip()
        elif kind == "cohort":
            kind = f"cohort of {self.size:,} samples" + (f" '{self.label}'" if self.label else "")
        return f"{kind}, {self.size:,} of {self.total:,} rows" if self.is_drawn else kind

    @cached_property
    def key(self) -> str:
        """Name and digest of the numbers: distinguishes backgrounds of one name."""
        numbers = self.numbers().contiguous().numpy().tobytes()
        return f"{self.name} {hashlib.sha256(numbers).hexdigest()[:16]}"

    def subsample(self, count: int, seed: int = 0) -> Background:
        """Return a background of at most `count` rows where the cost grows with the rows; else the background itself.

        Args:
            count: of rows, drawn at random without replacement.
            seed: of the draw.
        """
        return self

    @abstractmethod
    def numbers(self) -> Tensor:
        """Return the numbers that the background consists of, for `key`."""


class Group(Protocol):
    """Processes that share the work on a background, such as `training.batches.Group`."""

    def sum(self, values: Tensor) -> Tensor:
        """Return the sum of a tensor over all processes."""

    def collected(self, own: dict[int, Any]) -> dict[int, Any]:
        """Return the entries of every process's mapping, in every process."""
