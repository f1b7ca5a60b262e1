"""Models whose modality states are kets, and the exact coalition values that follow from it.

Hermitian matrices as real parameters: d x d real numbers for a d x d matrix, of which each one acts.

    Re H_ij = E_ij   for i <= j        (on the diagonal and above it)
    Im H_ij = E_ji   for i < j         (below it)

A free complex matrix A with H = (A + A^+) / 2 would have twice as many parameters, and half of them would do nothing.

Exact coalition values of models whose modality states are kets, by marginal observables.

The score is linear in every modality's state: y = Tr[O rho_1 x ... x rho_M] + b. The interventional value of a
coalition S against a background with mean state sigma is therefore exact without sampling,

    v(S) = E_background[y(x_S, x'_rest)] = <psi_S| O_S |psi_S> + b,    O_S = Tr_rest[O (1_S x sigma_rest)],

where the marginal observables O_S do not depend on the sample (interventional values: Janzing, Minorics, Bloebaum
2020).

The linear model in states: the encoders and modality states of QiNN-QJ without evolution or circuit.

    psi_m = (e_0 + h_m(x_m)) / ||e_0 + h_m(x_m)||                          modality states, as of `QuantumJump`
    y_c = sum_m <psi_m|A_mc|psi_m> + sum_r w_cr prod_m <psi_m|B_mr|psi_m> + b_c

A_mc and B_mr are trained Hermitian observables of one modality each. With `rank=0`, the default, every score is a sum
of expectations of local observables, so that all joint dividends are zero whatever the background: the gain of QiNN-QJ
over it is the gain of its evolution. With a rank the products make joint terms without any evolution, as low-rank
fusion does on the encoders' outputs (LMF: Liu and others 2018, ACL).
"""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Annotated, Any

import numpy as np
import torch
from pydantic import BeforeValidator, Field
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models import baselines
from qfusion.models.base import FusionModel
from qfusion.models.coalition_algebra import LinearAlgebra, Spectrum, StateBackground
from qfusion.models.encoders import DropoutShare, EncoderSettings, make_encoder
from qfusion.models.inputs import Background, Features, Group, InputSpec
from qfusion.models.jump.flips import HermitianForm
from qfusion.models.protocols import KetStates, StateModel
from qfusion.quantum import decomposition, states, states as quantum_states
from qfusion.quantum.states import expectation, takes_arrays


def _split_numbers(value: Any) -> Any:
    """Return the parts of "4,4,2" or "[4,4,2]"; anything else as it is."""
    is_list = isinstance(value, str) and ("," in value or value.startswith("["))
    return [part.strip() for part in value.strip("[] ").split(",")] if is_list else value


Dims = Annotated[
    int | list[int],
    BeforeValidator(_split_numbers),
    Field(
        title="State dimensions",
        description="Levels of each modality's state: one number for all, or one each, such as 4,4,2; time and memory "
        "grow with their product.",
    ),
]


class KetSettings(EncoderSettings):
    """Settings of a model whose modality states are kets."""

    dims: Dims = 4
    dropout: DropoutShare = 0.3


class KetModel(FusionModel):
    """Model whose modality states are kets psi_m = (e_0 + h_m(x_m)) / ||e_0 + h_m(x_m)||, for encoders h_m with 2 d_m
    outputs.

    Attributes:
        dims: dimension d_m of every modality state; D is their product.
    """

    parts = frozenset({StateModel, KetStates})
    family = "kets"

    @abstractmethod
    def observables(self) -> Tensor:
        """Return the observables whose expectations are the scores, (C, D, D)."""

    @abstractmethod
    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Return the scores (B, C) of given kets by another way than `observables`: the reference."""

    def init_encoders(self, most: int, held: str) -> None:
        """Set the dimension of every modality state, and make encoders that give 2 d_m numbers.

        Args:
            most: of the product of all dimensions.
            held: why, for the message.

        Raises:
            InvalidInput: where dimensions are impossible, or their product is too large for what is held.
        """
        M = len(self.modalities)
        dims = self.settings["dims"]
        sizes = (dims,) * M if isinstance(dims, int) else tuple(dims)
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
        self.dims = sizes
        self.settings["dims"] = list(sizes)
        self.encoders = nn.ModuleDict(
            {
                name: make_encoder(spec, 2 * d, self.settings)
                for (name, spec), d in zip(self.input_specs.items(), sizes, strict=True)
            }
        )

    def encode_one(self, inputs: Mapping[str, Features], name: str) -> Tensor:
        """Return the unit kets of one modality, (B, d_m) complex; `inputs` need not hold the other modalities."""
        d = self.dims[self.modalities.index(name)]
        real, imaginary = self._encoded(inputs, name).split(d, -1)
        ket = torch.complex(real, imaginary)
        # The reference amplitude keeps the magnitude of h, which plain normalisation would throw away.
        ket = ket + torch.eye(d, dtype=ket.dtype, device=ket.device)[0]
        return ket / torch.linalg.vector_norm(ket, dim=-1, keepdim=True).clamp_min(1e-6)

    @property
    def algebra(self) -> KetAlgebra:
        """The algebra of coalitions by marginal observables."""
        return KetAlgebra(self)

    def mean_state(self, background: Background) -> Tensor:
        """Return the mean state sigma of a background of this model, (D, D) complex128."""
        return self.algebra.check_background(background).sigma

    def product_state(self, kets: Mapping[str, Tensor]) -> Tensor:
        """Return |psi_1 x ... x psi_M>, (B, D)."""
        return states.product([kets[name] for name in self.modalities])

    def scores(self, states: Mapping[str, Tensor], observables: Tensor | None = None) -> Tensor:
        """Return <psi|O_c|psi> + b_c of given kets, (B, C)."""
        psi = self.product_state(states)
        O = self.observables() if observables is None else observables
        return expectation(O.to(psi.dtype), psi) + self.bias

    def forward(self, inputs: Mapping[str, Features]) -> Tensor:
        """Return the scores, (B, C)."""
        return self.direct_scores(self.encode(inputs))


def compose_hermitian(entries: Tensor) -> Tensor:
    """Return the Hermitian matrices H of their entries E.

    Args:
        entries: (..., d, d), real.

    Returns:
        (..., d, d), complex of the same precision.
    """
    above = entries.triu(1)
    below = entries.tril(-1)
    real = entries.triu() + above.mT
    imaginary = below.mT - below
    return torch.complex(real, imaginary)


def hermitian_entries(H: Tensor) -> Tensor:
    """Return the entries E, real, of Hermitian matrices: the inverse of `compose_hermitian`; both (..., d, d)."""
    return H.real.triu() + H.imag.triu(1).mT


def draw_hermitian(*shape: int, scale: float) -> nn.Parameter:
    """Return the entries of random Hermitian matrices as a parameter.

    They are those of (A + A^+) / 2, where both parts of every entry of A are Gaussian.

    Args:
        shape: (..., d, d).
        scale: standard deviation of the real and of the imaginary parts of A.
    """
    A = torch.view_as_complex(torch.randn(*shape, 2) * scale)
    return nn.Parameter(hermitian_entries((A + A.mH) / 2))


@dataclass(frozen=True, kw_only=True)
class KetBackground(StateBackground):
    """A mean state.

    Attributes:
        sigma: density matrix (D, D), complex128.
        dims: dimension of each modality.
        groups: where samples were drawn, the mean states of `GROUPS` groups of them, (G, D, D).
    """

    sigma: Tensor
    dims: tuple[int, ...]
    groups: Tensor | None = None

    def parts(self) -> list[KetBackground]:
        assert self.groups is not None
        return [replace(self, sigma=sigma, groups=None, total=0) for sigma in self.groups]

    def numbers(self) -> Tensor:
        return self.sigma


@takes_arrays
def marginal_observables(
    observables: Tensor, background: KetBackground
) -> dict[decomposition.Subset, Tensor]:
    """Return O_S = Tr_rest[O (1_S x sigma_rest)], (C, d_S, d_S), for every subset S of the modalities.

    Args:
        observables: O_c, (C, D, D), complex128.
        background: its mean state replaces the modalities outside S.
    """
    dims, C = background.dims, len(observables)
    M = len(dims)
    marginals = {}
    for subset in decomposition.subsets(M):
        rest = [m for m in range(M) if m not in subset]
        rows = [1 + m for m in (*subset, *rest)]
        columns = [M + row for row in rows]
        sigma = quantum_states.partial_trace(background.sigma, dims, rest)
        r = len(sigma)
        d = len(background.sigma) // r
        O = observables.reshape(C, *dims, *dims).permute(0, *rows, *columns)
        marginals[subset] = torch.einsum("carbs,sr->cab", O.reshape(C, d, r, d, r), sigma)
    return marginals


@takes_arrays
def coalition_values(
    observables: Tensor, kets: Sequence[Tensor], background: KetBackground
) -> Tensor:
    """Return v(S) without the bias, (B, 2^M, C), in the order of `subsets`.

    Args:
        observables: O_c, (C, D, D), complex128.
        kets: of every modality, (B, d_m).
        background: its mean state replaces the modalities outside S.
    """
    values = []
    for subset, O in marginal_observables(observables, background).items():
        if subset:
            psi = quantum_states.product([kets[m] for m in subset])
        else:
            psi = kets[0].new_ones(len(kets[0]), 1)
        values.append(expectation(O, psi))
    return torch.stack(values, 1)


class KetAlgebra(LinearAlgebra[KetStates, KetBackground]):
    """Algebra of a model whose modality states are kets and whose observables are Hermitian matrices."""

    def make_uninformed_background(self, kind: str, label: str) -> KetBackground:
        dims = self.model.dims
        identity = torch.eye(math.prod(dims), dtype=torch.complex128)
        if kind == "mixed":
            sigma = identity / len(identity)
        else:
            sigma = quantum_states.density(identity[0])
        return KetBackground(sigma=sigma, kind=kind, size=0, label=label, dims=dims)

    def make_background(
        self,
        parts: Iterable[tuple[int, Mapping[str, Any]]],
        count: int,
        kind: str,
        label: str,
        group: Group,
    ) -> KetBackground:
        """Return the background of samples.

        Of kinds "joint", "cohort" and "contrast" sigma = mean_n rho_1(x_n) x ... x rho_M(x_n), so that Tr_S sigma
        averages over whole samples; of "product" it is the product of the modalities' mean states.
        """
        dims, is_product = self.model.dims, kind == "product"
        sizes = dims if is_product else (math.prod(dims),)
        totals = [torch.zeros(d, d, dtype=torch.complex128) for d in sizes]
        for _, encoded in parts:
            kets = {name: encoded[name].to(torch.complex128) for name in self.model.modalities}
            averaged = list(kets.values()) if is_product else [self.model.product_state(kets)]
            for total, ket in zip(totals, averaged, strict=True):
                total += ket.mT @ ket.conj()
        sums = [group.sum(torch.view_as_real(total)) for total in totals]
        means = [torch.view_as_complex(total) / count for total in sums]
        return KetBackground(
            sigma=reduce(torch.kron, means), kind=kind, size=count, label=label, dims=dims
        )

    def with_groups(
        self, background: KetBackground, make_groups: Callable[[], Sequence[KetBackground]]
    ) -> KetBackground:
        return replace(background, groups=torch.stack([group.sigma for group in make_groups()]))

    def fits(self, background: Background) -> bool:
        return isinstance(background, KetBackground) and background.dims == self.model.dims

    def expectations(
        self,
        states: Mapping[str, Any],
        background: KetBackground,
        observables: Tensor | None = None,
    ) -> Tensor:
        O = self.model.observables() if observables is None else observables
        kets = self.operator_states(states, self.model.modalities)
        return coalition_values(O.to(torch.complex128), kets, background)

    def check_state(self, name: str, state: Any) -> None:
        norm = float(torch.linalg.vector_norm(state))
        check(
            abs(norm - 1) < 1e-6,
            f"Argument `states[{name}]` must be a ket of norm 1, but has norm {norm:.3g}. Normalise it.",
        )

    def form(self, modality: str) -> HermitianForm:
        return HermitianForm(self.model.dims[self.model.modalities.index(modality)])

    def operator_states(self, states: Mapping[str, Any], names: Sequence[str]) -> list[Tensor]:
        """Return the kets of some modalities, (B, d_m) complex128 each."""
        return [states[name].to(torch.complex128) for name in names]

    def spectrum(self, background: Background, S: decomposition.Subset, output: int) -> Spectrum:
        own = self.check_background(background)
        bias = float(self.model.bias[output])
        O = self.model.observables()[output : output + 1].to(torch.complex128)
        marginals = marginal_observables(O, own)
        marginal = marginals[S][0]
        values, vectors = np.linalg.eigh(((marginal + marginal.mH) / 2).numpy())
        return Spectrum(
            values=values + bias,
            vectors=vectors,
            basis=None,
            dims=tuple(self.model.dims[m] for m in S),
            baseline=float(marginals[()].real) + bias,
            effects=None,
        )


MAX_DIMENSION = 4096  # as of QuantumJump: explanations hold observables as D x D matrices


class StateLinearSettings(KetSettings):
    """Settings of the linear model in states."""

    rank: baselines.Rank = Field(0, ge=0, le=4096)


class StateLinear(KetModel):
    """The linear model in states.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores.
        settings: see `StateLinearSettings`; the scores share `rank` products of one observable a modality.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "state-linear"
    title = "Baseline: linear in states"
    settings_type = StateLinearSettings

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        C = len(self.outputs)
        self.init_encoders(MAX_DIMENSION, "observables are held as D x D matrices")
        rank = self.settings["rank"]
        self.single = nn.ParameterList([draw_hermitian(C, d, d, scale=1 / d) for d in self.dims])
        self.factors = nn.ParameterList(
            [draw_hermitian(rank, d, d, scale=1 / d) for d in self.dims] if rank else []
        )
        self.weights = nn.Parameter(torch.randn(C, rank) * 0.1)
        self.bias = nn.Parameter(torch.zeros(C))

    def head_parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters with one row for each output."""
        return (*(f"single.{m}" for m in range(len(self.dims))), "weights", "bias")

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Return the weights of the products, which do nothing at 0."""
        return [(self.weights, 0.0)] if self.settings["rank"] else []

    def observables(self) -> Tensor:
        """Return O_c = sum_m A_mc x 1 + sum_r w_cr B_1r x ... x B_Mr, (C, D, D)."""
        total = torch.stack(
            [states.embed(compose_hermitian(A), self.dims, (m,)) for m, A in enumerate(self.single)]
        ).sum(0)
        if self.settings["rank"]:
            product = compose_hermitian(self.factors[0])
            for B in list(self.factors)[1:]:
                product = (
                    torch.einsum("rij,rkl->rikjl", product, compose_hermitian(B))
                    .flatten(3, 4)
                    .flatten(1, 2)
                )
            total = total + torch.einsum("cr,rij->cij", self.weights.to(product.dtype), product)
        return total

    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Return the scores of given kets, (B, C), modality by modality, without the joint space."""
        kets = [states[name] for name in self.modalities]

        def expectations(observables: nn.ParameterList) -> Tensor:
            return torch.stack(
                [
                    expectation(compose_hermitian(A).to(ket.dtype), ket)
                    for A, ket in zip(observables, kets, strict=True)
                ]
            )

        total = expectations(self.single).sum(0)
        if self.settings["rank"]:
            total = total + expectations(self.factors).prod(0) @ self.weights.T
        return total + self.bias
