"""The linear model in states: the encoders and modality states of QiNN-QJ without evolution or circuit.

    psi_m = (e_0 + h_m(x_m)) / ||e_0 + h_m(x_m)||                          modality states, as of `QuantumJump`
    y_c = sum_m <psi_m|A_mc|psi_m> + sum_r w_cr prod_m <psi_m|B_mr|psi_m> + b_c

A_mc and B_mr are trained Hermitian observables of one modality each. With `rank=0`, the default, every score is a sum
of expectations of local observables, so that all joint dividends are zero whatever the background: the gain of QiNN-QJ
over it is the gain of its evolution. With a rank the products make joint terms without any evolution, as low-rank
fusion does on the encoders' outputs (LMF: Liu and others 2018, ACL).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from qfusion.models import baselines
from qfusion.models.encoding.input_features import InputSpec
from qfusion.models.jump import hermitian
from qfusion.models.jump.ket_model import KetModel, KetSettings
from qfusion.quantum import states
from qfusion.quantum.states import expectation

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
        self.single = nn.ParameterList([hermitian.draw(C, d, d, scale=1 / d) for d in self.dims])
        self.factors = nn.ParameterList(
            [hermitian.draw(rank, d, d, scale=1 / d) for d in self.dims] if rank else []
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
        """Return the scores of given kets, (B, C), modality by modality, without the joint space."""
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
