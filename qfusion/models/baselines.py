"""Classical fusion heads on the encoders of the quantum models: references for their accuracy and size.

Each takes h_m = relu(encoder of modality m), n numbers per modality, except late fusion, whose encoders give one score
per output. Two more are `CrossModalAttention` (MulT) and `Linear`.

    late            y = sum_m encoder_m(x_m): decisions are added, nothing is learned after the encoders
    concatenation   y = network(h_1, ..., h_M), two hidden layers
    tensor          y = network(outer product of (1, h_m)): all interactions (TFN, Zadeh and others 2017, EMNLP)
    low-rank        y_c = sum_r w_r prod_m (1, h_m) F_mrc + b_c: the tensor's linear layer as a sum of `rank` products
                    (LMF, Liu and others 2018, ACL)
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import torch
from pydantic import Field
from torch import Tensor, nn

from qfusion._checks import check
from qfusion._settings import Settings
from qfusion.models.base import FusionModel
from qfusion.models.encoders import (
    Dropout,
    EncoderSettings,
    InputDropoutShare,
    MeanPool,
    make_encoder,
)
from qfusion.models.inputs import Features, InputSpec
from qfusion.quantum import states

# What accuracy and size of the quantum models are compared with.

MAX_TENSOR = 2**21


Width = Annotated[
    int, Field(title="Hidden layer", description="Units of the layer before the scores.")
]
Rank = Annotated[
    int,
    Field(
        title="Rank",
        description="Number of factors of the tensor of all products; for a model linear in states, 0 gives an "
        "additive model.",
    ),
]


class FeatureSettings(EncoderSettings):
    """Settings of a model whose encoders give some numbers for each modality."""

    features: int = Field(
        8,
        ge=1,
        le=4096,
        title="Features per modality",
        description="Number of outputs of each encoder.",
    )


class WideSettings(FeatureSettings):
    """Settings of a model with a hidden layer behind the encoders."""

    width: Width = Field(64, ge=1, le=4096)


class TensorSettings(FeatureSettings):
    """Settings of the tensor fusion network."""

    width: Width = Field(64, ge=0, le=4096)


class LowRankSettings(FeatureSettings):
    """Settings of low-rank multimodal fusion."""

    rank: Rank = Field(4, ge=1, le=4096)


class LinearSettings(Settings):
    """Settings of the linear model."""

    input_dropout: InputDropoutShare = Field(0.0, ge=0)


class Baseline(FusionModel):
    """Encoders of all modalities; a subclass adds the head and `fuse`.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        settings: see `settings_type` of the class.

    Attributes:
        bias: where the scores start, (C,): the training median of a regression, 0 for classes; not trained, heads and
            encoders have trained biases of their own.
        unit: what `fuse` gives is multiplied by, (): the unit of a regression's target, 1 for classes; not trained.
    """

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        self.check_size()
        self.encoders = nn.ModuleDict(
            {name: self.make_encoder(spec) for name, spec in self.input_specs.items()}
        )
        self.bias = nn.Buffer(torch.zeros(len(outputs)))
        self.unit = nn.Buffer(torch.ones(()))

    @torch.no_grad()
    def rescale(self, factor: float) -> bool:
        """Multiply all scores by a factor."""
        self.unit.mul_(factor)
        self.bias.mul_(factor)
        return True

    def _load_from_state_dict(
        self, state_dict: dict[str, Tensor], prefix: str, *more: Any, **options: Any
    ) -> None:
        # models that were kept before there were units have none
        state_dict.setdefault(f"{prefix}unit", torch.ones(()))
        super()._load_from_state_dict(state_dict, prefix, *more, **options)

    def make_encoder(self, spec: InputSpec) -> nn.Module:
        """Return a new encoder. It has a `standardise` and returns the input of `fuse` for each modality."""
        return make_encoder(spec, self.features, self.settings)

    @property
    def features(self) -> int:
        """Number of outputs of each encoder."""
        return int(self.settings["features"])

    def check_size(self) -> None:
        """Raise InvalidInput where the settings do not fit the modalities."""

    def fuse(self, encoded: list[Any]) -> Tensor:
        """Return the scores (B, C), apart from where they start, of the encoders' outputs."""
        raise NotImplementedError

    def scores(self, states: Mapping[str, Any]) -> Tensor:
        """Return the scores (logits), (B, C), of the encoders' outputs."""
        return self.unit * self.fuse([states[name] for name in self.modalities]) + self.bias


class LateFusion(Baseline):
    """Late fusion: every modality has its own logits, which are added."""

    kind = "late"
    title = "Baseline: late fusion"

    settings_type = EncoderSettings

    @property
    def features(self) -> int:
        """Number of outputs of each encoder: a score for every output of the model."""
        return len(self.outputs)

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Return the sum of the modalities' logits, (B, C)."""
        return torch.stack(encoded).sum(0)


class Concatenation(Baseline):
    """The encoders' outputs side by side, then two hidden layers of `width`."""

    kind = "concatenation"
    title = "Baseline: early concatenation"
    settings_type = WideSettings

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        width = self.settings["width"]
        self.head = nn.Sequential(
            nn.Linear(self.features * len(inputs), width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, len(outputs)),
        )

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Return the network's scores, (B, C)."""
        return self.head(torch.cat(encoded, -1).relu())


class TensorFusion(Baseline):
    """Tensor fusion network: outer product of all (1, h_m), then one hidden layer of `width`, or none when it is 0."""

    kind = "tensor"
    title = "Baseline: TFN (tensor fusion)"
    settings_type = TensorSettings

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        features, width = self.features, self.settings["width"]
        size = (features + 1) ** len(inputs)
        self.middle = (
            len(inputs) + 1
        ) // 2  # the outer product of all is never formed, only those of either half
        left = (features + 1) ** self.middle
        right = (features + 1) ** (len(inputs) - self.middle)
        first = width or len(outputs)
        self.weight = nn.Parameter(
            torch.empty(left, first, right).uniform_(-1, 1) / size**0.5
        )  # as nn.Linear starts
        self.offset = nn.Parameter(torch.empty(first).uniform_(-1, 1) / size**0.5)
        self.head: nn.Module = (
            nn.Sequential(nn.ReLU(), nn.Linear(width, len(outputs))) if width else nn.Identity()
        )

    def check_size(self) -> None:
        """Raise InvalidInput where the outer product has too many entries."""
        size = (self.features + 1) ** len(self.modalities)
        check(
            size <= MAX_TENSOR,
            f"The outer product of {len(self.modalities)} modalities with {self.features} features has {size:,} "
            f"entries, more than {MAX_TENSOR:,}. Take fewer features, or the low-rank head.",
        )

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Return the scores of the outer product, (B, C)."""
        vectors = [append_one(h.relu()) for h in encoded]
        left, right = (
            states.product(part) if part else vectors[0][:, :1]
            for part in (vectors[: self.middle], vectors[self.middle :])
        )
        hidden = (left @ self.weight.flatten(1)).view(len(left), *self.weight.shape[1:])
        return self.head(torch.bmm(hidden, right[..., None])[..., 0] + self.offset)


class LowRankFusion(Baseline):
    """Low-rank multimodal fusion: the weight of the outer product as a sum of `rank` products of one factor per
    modality."""

    kind = "low-rank"
    title = "Baseline: LMF (low-rank fusion)"
    settings_type = LowRankSettings

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        rank = self.settings["rank"]
        self.factors = nn.ParameterList(
            [
                nn.Parameter(
                    nn.init.xavier_normal_(torch.empty(rank, self.features + 1, len(outputs)))
                )
                for _ in self.modalities
            ]
        )
        self.weights = nn.Parameter(torch.full((rank,), 1.0))
        self.offset = nn.Parameter(torch.zeros(len(outputs)))

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Return sum_r w_r prod_m (1, h_m) F_mr and a trained constant, (B, C)."""
        product = encoded[0].new_ones(())
        for h, factor in zip(encoded, self.factors, strict=True):
            product = product * torch.einsum("bi,ric->rbc", append_one(h.relu()), factor)
        return torch.einsum("r,rbc->bc", self.weights, product) + self.offset


def append_one(h: Tensor) -> Tensor:
    """Return (1, h), (B, n + 1), so that products keep the terms of fewer modalities.

    Example:
        >>> import torch
        >>> from qfusion.models.baselines import append_one
        >>> append_one(torch.tensor([[2.0, 3.0]]))
        tensor([[1., 2., 3.]])
    """
    return torch.cat([torch.ones_like(h[:, :1]), h], -1)


# Cross-modal attention after MulT (Tsai and others 2019, "Multimodal transformer for unaligned multimodal language
# sequences", ACL).
#
# For every ordered pair of modalities a <- b the steps of a ask those of b (attention over time, then a small network,
# both residual); what a has learned of the others, side by side, passes one block of self-attention
# and is averaged over its real steps; a network on all modalities' averages gives the scores. Ours
# differs in size, in that averages are read instead of the last step, and in that modalities that
# are vectors come as a few learned tokens instead of time steps.


class MeanEncoder(MeanPool):
    """Means of one modality's features -> `outputs` linear combinations."""

    def __init__(self, spec: InputSpec, outputs: int, dropout: float):
        super().__init__(spec)
        self.drop = Dropout(dropout)
        self.weigh = nn.Linear(spec.size, outputs, bias=False)

    def forward(self, features: Features) -> Tensor:
        """Return (B, outputs)."""
        return self.weigh(self.drop(self.means(features)))


class Linear(Baseline):
    """y = sum_m W_m mean of x_m + b: with an L2 penalty (`weight_decay`) ridge or logistic regression, by the loss it
    is trained with; the minimum is found by L-BFGS."""

    kind = "linear"
    title = "Baseline: linear"
    convex = True
    settings_type = LinearSettings

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        self.offset = nn.Parameter(torch.zeros(len(outputs)))

    def make_encoder(self, spec: InputSpec) -> nn.Module:
        """Return the modality's part of the sum."""
        return MeanEncoder(spec, len(self.outputs), self.settings["input_dropout"])

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Return the sum of the modalities' parts and a trained constant, (B, C)."""
        return torch.stack(encoded).sum(0) + self.offset
