"""Unitary fusion, after quantum-inspired multimodal fusion for video sentiment analysis (Li, Gkoumas, Lioma, Melucci
2021, Information Fusion 65, 58; arXiv 2103.10572).

    psi_m = (e_0 + h_m(x_m)) / ||e_0 + h_m(x_m)||        modality states, as of `QuantumJump`
    p_j = |<j| U |psi_1 x ... x psi_M>|^2                one trained unitary for all samples, U = exp(iH)
    y_c = sum_j W_cj p_j + b_c

The rows of U are entangled states: the modalities' product is measured in a basis of such, and
every joint term is its work. All scores read the same outcomes, O_c = U^+ diag(W_c) U.

From the source: modalities as complex states, their tensor product, trained measurement of the joint state,
probabilities that are read classically. Our reading: the source turns every word of an utterance into a state and
mixes them to a density matrix, measures vectors that need not be orthogonal, and reads by a network; here an encoder
makes one pure state of each modality, the vectors are the rows of a unitary, and reading is linear, so that all exact
explanations of states hold. It is QiNN-QJ without jumps and with a joint read-out.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qfusion.models import inputs
from qfusion.models.jump import kets
from qfusion.quantum import statevector

MAX_DIMENSION = 1024  # U is an exponential of a D x D matrix in every step


class UnitaryFusion(kets.KetModel):
    """Model with one unitary on the product of the modality states, followed by a measurement.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        settings: see `KetSettings`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "unitary-fusion"
    title = "Neighbour: one unitary, one measurement"
    settings_type = kets.KetSettings

    def __init__(
        self,
        inputs: Mapping[str, inputs.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        self.init_encoders(MAX_DIMENSION, "the unitary is a D x D matrix")
        D = math.prod(self.dims)
        C = len(self.outputs)
        self.H = kets.draw_hermitian(D, D, scale=1 / math.sqrt(2 * D))
        self.W = nn.Parameter(torch.randn(C, D))
        self.bias = nn.Parameter(torch.zeros(C))

    def head_parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters with one row for each output."""
        return ("W", "bias")

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Return H, which does nothing at 0."""
        return [(self.H, 0.0)]

    def unitary(self) -> Tensor:
        """Return U, (D, D)."""
        return torch.linalg.matrix_exp(1j * kets.compose_hermitian(self.H))

    def observables(self) -> Tensor:
        """Return O_c = U^+ diag(W_c) U, (C, D, D)."""
        U = self.unitary()
        return U.mH @ (self.W[:, :, None] * U)

    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Return the scores of given kets, (B, C): their product passes the unitary and is measured."""
        psi = self.product_state(states)
        return statevector.populations(psi @ self.unitary().T.to(psi.dtype)) @ self.W.T + self.bias
