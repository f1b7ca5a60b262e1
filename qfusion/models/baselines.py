"""What accuracy and size of the quantum models are compared with: classical heads on the same encoders, the linear
model, the linear model in states, and cross-modal attention.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from qfusion._checks import check, require_whole
from qfusion.models import hermitian
from qfusion.models.base import FusionModel
from qfusion.models.encoders import (
    Averaged,
    Encoder,
    Features,
    InputSpec,
    Standardiser,
    check_encoder,
    mean_over_steps,
    split,
)
from qfusion.models.ket_model import KetModel
from qfusion.models.randomness import Dropout
from qfusion.quantum import states
from qfusion.quantum.states import expectation

# Classical fusion heads on the encoders of the quantum models: what their accuracy and size are compared with.
#
# Each takes h_m = relu(encoder of modality m), n numbers per modality, except late fusion, whose
# encoders give one score per output. Two more are `CrossModalAttention` (MulT) and `Linear`.
#
#     late            y = sum_m encoder_m(x_m): decisions are added, nothing is learned after the encoders
#     concatenation   y = network(h_1, ..., h_M), two hidden layers
#     tensor          y = network(outer product of (1, h_m)): all interactions (TFN, Zadeh and others 2017, EMNLP)
#     low-rank        y_c = sum_r w_r prod_m (1, h_m) F_mrc + b_c: the tensor's linear layer as a sum of `rank` products
#                     (LMF, Liu and others 2018, ACL)

# What accuracy and size of the quantum models are compared with.

MAX_TENSOR = 2**21


class Baseline(FusionModel):
    """Encoders of all modalities; a subclass adds the head and `fuse`.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        features: numbers n that each encoder gives.
        encoder, hidden, dropout, pooling, input_dropout: of the encoders, see `Encoder`.
        more: settings of a subclass, kept with the others.

    Attributes:
        bias: where the scores start, (C,): the training median of a regression, 0 for classes; not trained, heads and
            encoders have trained biases of their own.
        unit: what `fuse` gives is multiplied by, (): the unit of a regression's target, 1 for classes; not trained.
    """

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str],
        features: int,
        encoder: str,
        hidden: int,
        dropout: float,
        pooling: str,
        input_dropout: float,
        **more: Any,
    ):
        super().__init__(inputs, outputs)
        check(features >= 1, f"Argument `features` must be at least 1, but is {features}.")
        check_encoder(hidden, dropout, input_dropout)
        self.settings: dict[str, Any] = dict(
            features=features,
            encoder=encoder,
            hidden=hidden,
            dropout=dropout,
            pooling=pooling,
            input_dropout=input_dropout,
            **more,
        )
        self.encoders = nn.ModuleDict(
            {name: self.make_encoder(spec) for name, spec in self.input_specs.items()}
        )
        self.bias = nn.Buffer(torch.zeros(len(outputs)))
        self.unit = nn.Buffer(torch.ones(()))

    @torch.no_grad()
    def rescale(self, factor: float) -> bool:
        """Multiplies all scores by a factor."""
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
        """Returns a new encoder; it has a `standardise`, and gives what `fuse` takes of each modality."""
        s = self.settings
        return Encoder(
            spec,
            s["features"],
            s["hidden"],
            s["dropout"],
            s["pooling"],
            s["encoder"],
            s["input_dropout"],
        )

    def fuse(self, encoded: list[Any]) -> Tensor:
        """Returns the scores (B, C), apart from where they start, of the encoders' outputs."""
        raise NotImplementedError

    def scores(self, states: Mapping[str, Any]) -> Tensor:
        """Returns the scores (logits), (B, C), of what the encoders give."""
        return self.unit * self.fuse([states[name] for name in self.modalities]) + self.bias


class LateFusion(Baseline):
    """Every modality decides for itself; the logits are added."""

    kind = "late"

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        encoder: str = "mlp",
        hidden: int = 32,
        dropout: float = 0.2,
        pooling: str = "gru",
        input_dropout: float = 0.0,
    ):
        super().__init__(
            inputs, outputs, len(outputs), encoder, hidden, dropout, pooling, input_dropout
        )
        del self.settings["features"]

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Returns the sum of the modalities' logits, (B, C)."""
        return torch.stack(encoded).sum(0)


class Concatenation(Baseline):
    """The encoders' outputs side by side, then two hidden layers of `width`."""

    kind = "concatenation"

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        features: int = 8,
        width: int = 64,
        encoder: str = "mlp",
        hidden: int = 32,
        dropout: float = 0.2,
        pooling: str = "gru",
        input_dropout: float = 0.0,
    ):
        super().__init__(
            inputs,
            outputs,
            features,
            encoder,
            hidden,
            dropout,
            pooling,
            input_dropout,
            width=width,
        )
        require_whole("width", width, 1, 4096)
        self.head = nn.Sequential(
            nn.Linear(features * len(inputs), width),
            nn.ReLU(),
            nn.Linear(width, width),
            nn.ReLU(),
            nn.Linear(width, len(outputs)),
        )

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Returns the network's scores, (B, C)."""
        return self.head(torch.cat(encoded, -1).relu())


class TensorFusion(Baseline):
    """Tensor fusion network: outer product of all (1, h_m), then one hidden layer of `width`, or none when it is 0."""

    kind = "tensor"

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        features: int = 8,
        width: int = 64,
        encoder: str = "mlp",
        hidden: int = 32,
        dropout: float = 0.2,
        pooling: str = "gru",
        input_dropout: float = 0.0,
    ):
        size = (features + 1) ** len(inputs)
        require_whole("width", width, 0, 4096)
        check(
            size <= MAX_TENSOR,
            f"The outer product of {len(inputs)} modalities with {features} features has {size:,} entries, more than "
            f"{MAX_TENSOR:,}. Take fewer features, or the low-rank head.",
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
            width=width,
        )
        self.middle = (
            len(inputs) + 1
        ) // 2  # the outer product of all is never formed, only those of either half
        left, right = (features + 1) ** self.middle, (features + 1) ** (len(inputs) - self.middle)
        first = width or len(outputs)
        self.weight = nn.Parameter(
            torch.empty(left, first, right).uniform_(-1, 1) / size**0.5
        )  # as nn.Linear starts
        self.offset = nn.Parameter(torch.empty(first).uniform_(-1, 1) / size**0.5)
        self.head: nn.Module = (
            nn.Sequential(nn.ReLU(), nn.Linear(width, len(outputs))) if width else nn.Identity()
        )

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Returns the scores of the outer product, (B, C)."""
        vectors = [with_one(h.relu()) for h in encoded]
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

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        features: int = 8,
        rank: int = 4,
        encoder: str = "mlp",
        hidden: int = 32,
        dropout: float = 0.2,
        pooling: str = "gru",
        input_dropout: float = 0.0,
    ):
        check(rank >= 1, f"Argument `rank` must be at least 1, but is {rank}.")
        super().__init__(
            inputs,
            outputs,
            features,
            encoder,
            hidden,
            dropout,
            pooling,
            input_dropout,
            rank=rank,
        )
        self.factors = nn.ParameterList(
            [
                nn.Parameter(nn.init.xavier_normal_(torch.empty(rank, features + 1, len(outputs))))
                for _ in self.modalities
            ]
        )
        self.weights = nn.Parameter(torch.full((rank,), 1.0))
        self.offset = nn.Parameter(torch.zeros(len(outputs)))

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Returns sum_r w_r prod_m (1, h_m) F_mr and a trained constant, (B, C)."""
        product = encoded[0].new_ones(())
        for h, factor in zip(encoded, self.factors, strict=True):
            product = product * torch.einsum("bi,ric->rbc", with_one(h.relu()), factor)
        return torch.einsum("r,rbc->bc", self.weights, product) + self.offset


def with_one(h: Tensor) -> Tensor:
    """Returns (1, h), (B, n + 1), so that products keep the terms of fewer modalities."""
    return torch.cat([torch.ones_like(h[:, :1]), h], -1)


# The linear model: ridge or logistic regression on standardised features, means over time for sequences. Its loss is
# convex, so it is trained to its minimum.


class MeanEncoder(Averaged):
    """Means of one modality's features -> `outputs` linear combinations."""

    def __init__(self, spec: InputSpec, outputs: int, dropout: float):
        super().__init__(spec)
        self.drop = Dropout(dropout)
        self.weigh = nn.Linear(spec.size, outputs, bias=False)

    def forward(self, features: Features) -> Tensor:
        """Returns (B, outputs)."""
        return self.weigh(self.drop(self.means(features)))


class Linear(Baseline):
    """y = sum_m W_m mean of x_m + b: with an L2 penalty (`weight_decay`) ridge or logistic regression, by the loss it
    is trained with; the minimum is found by L-BFGS."""

    kind = "linear"
    convex = True

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        input_dropout: float = 0.0,
    ):
        super().__init__(inputs, outputs, len(outputs), "mlp", 1, 0.0, "gru", input_dropout)
        self.settings = dict(input_dropout=input_dropout)
        self.offset = nn.Parameter(torch.zeros(len(outputs)))

    def make_encoder(self, spec: InputSpec) -> nn.Module:
        """Returns the modality's part of the sum."""
        return MeanEncoder(spec, self.settings["features"], self.settings["input_dropout"])

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Returns the sum of the modalities' parts and a trained constant, (B, C)."""
        return torch.stack(encoded).sum(0) + self.offset


# The linear model in states: the encoders and modality states of QiNN-QJ, read out at once, with neither evolution nor
# circuit.
#
#     psi_m = (e_0 + h_m(x_m)) / ||e_0 + h_m(x_m)||                          modality states, as of `QuantumJump`
#     y_c = sum_m <psi_m|A_mc|psi_m> + sum_r w_cr prod_m <psi_m|B_mr|psi_m> + b_c
#
# A_mc and B_mr are trained Hermitian observables of one modality each. With `rank=0`, the default, every score is a sum
# of expectations of local observables, so that all joint dividends are zero whatever the background: what QiNN-QJ gains
# over it, its evolution has gained. With a rank the products make joint terms without any evolution, as low-rank fusion
# does on the encoders' outputs (LMF: Liu and others 2018, ACL).

MAX_DIMENSION = 4096  # as of QuantumJump: explanations hold observables as D x D matrices


class StateLinear(KetModel):
    """The linear model in states.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores.
        dims: dimension d_m of every modality state, or one number for all.
        rank: number of products of one observable a modality that the scores share; 0 leaves a sum over modalities.
        encoder, hidden, dropout, pooling, input_dropout: of the encoders, see `Encoder`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "state-linear"
    title = "Baseline: linear in states"
    says = "The states of QiNN-QJ are read out at once, without evolution; can be explored."
    about = (
        "turns {names} into quantum states ({dims} levels) and reads the {target} from them at once, by trained "
        "observables of each modality: nothing evolves and nothing is entangled. Every decision splits exactly into "
        "what each modality says alone and what they say only jointly; without products of observables the joint part "
        "is nothing."
    )

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        dims: int | Sequence[int] = 4,
        rank: int = 0,
        encoder: str = "mlp",
        hidden: int = 32,
        dropout: float = 0.3,
        pooling: str = "gru",
        input_dropout: float = 0.0,
    ):
        super().__init__(inputs, outputs)
        C = len(self.outputs)
        require_whole("rank", rank, 0, 4096)
        self._lay_out(
            dims,
            MAX_DIMENSION,
            "observables are held as D x D matrices",
            encoder,
            hidden,
            dropout,
            pooling,
            input_dropout,
            rank=rank,
        )
        self.single = nn.ParameterList([hermitian.draw(C, d, d, scale=1 / d) for d in self.dims])
        self.factors = nn.ParameterList(
            [hermitian.draw(rank, d, d, scale=1 / d) for d in self.dims] if rank else []
        )
        self.weights = nn.Parameter(torch.randn(C, rank) * 0.1)
        self.bias = nn.Parameter(torch.zeros(C))

    def head_parameters(self) -> tuple[str, ...]:
        """Returns the names of the parameters with one row for each output."""
        return (*(f"single.{m}" for m in range(len(self.dims))), "weights", "bias")

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Returns the weights of the products, which do nothing at 0."""
        return [(self.weights, 0.0)] if self.settings["rank"] else []

    def observables(self) -> Tensor:
        """Returns O_c = sum_m A_mc x 1 + sum_r w_cr B_1r x ... x B_Mr, (C, D, D)."""
        total = torch.stack(
            [states.embed(hermitian.compose(A), self.dims, (m,)) for m, A in enumerate(self.single)]
        ).sum(0)
        if self.settings["rank"]:
            product = hermitian.compose(self.factors[0])
            for B in list(self.factors)[1:]:
                product = (
                    torch.einsum("rij,rkl->rikjl", product, hermitian.compose(B))
                    .flatten(3, 4)
                    .flatten(1, 2)
                )
            total = total + torch.einsum("cr,rij->cij", self.weights.to(product.dtype), product)
        return total

    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Returns the scores of given kets, (B, C), modality by modality, without the joint space."""
        kets = [states[name] for name in self.modalities]

        def expectations(observables: nn.ParameterList) -> Tensor:
            return torch.stack(
                [
                    expectation(hermitian.compose(A).to(ket.dtype), ket)
                    for A, ket in zip(observables, kets, strict=True)
                ]
            )

        total = expectations(self.single).sum(0)
        if self.settings["rank"]:
            total = total + expectations(self.factors).prod(0) @ self.weights.T
        return total + self.bias


# Cross-modal attention after MulT (Tsai and others 2019, "Multimodal transformer for unaligned multimodal language
# sequences", ACL).
#
# For every ordered pair of modalities a <- b the steps of a ask those of b (attention over time, then a small network,
# both residual); what a has learned of the others, side by side, passes one block of self-attention
# and is averaged over its real steps; a network on all modalities' averages gives the scores. Ours
# differs in size, in that averages are read instead of the last step, and in that modalities that
# are vectors come as a few learned tokens instead of time steps.

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
        self.before, self.before_other, self.before_net = (nn.LayerNorm(width) for _ in range(3))
        self.query, self.key_value, self.out = (
            nn.Linear(width, outputs) for outputs in (width, 2 * width, width)
        )
        self.net = nn.Sequential(
            nn.Linear(width, 2 * width), nn.ReLU(), nn.Linear(2 * width, width)
        )

    def forward(self, asks: Tensor, steps: Steps) -> Tensor:
        """Returns the asking steps (B, T, width) after they have attended to the real steps of `steps`."""
        values, mask = steps
        parts = (
            self.query(self.before(asks)),
            *self.key_value(self.before_other(values)).chunk(2, -1),
        )
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
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
            require_whole(name, value, 1, 4096)
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
        steps_of, means = dict(zip(self.modalities, encoded, strict=True)), []
        for i, name in enumerate(self.modalities):
            steps, mask = steps_of[name]
            blocks = zip(cast(Any, self.crossing[i]), self.others[name], strict=True)
            learned = torch.cat([block(steps, steps_of[other]) for block, other in blocks], -1)
            means.append(mean_over_steps(self.own[i](learned, (learned, mask)), mask))
        return self.head(torch.cat(means, -1))


def positions(steps: int, width: int) -> Tensor:
    """Returns sines and cosines of the steps' numbers, (steps, width) (Vaswani and others 2017)."""
    rates = torch.exp(-math.log(10_000.0) * torch.arange(0, width, 2) / width)
    angles = torch.arange(steps)[:, None] * rates
    return torch.stack([angles.sin(), angles.cos()], -1).flatten(1)[:, :width]
