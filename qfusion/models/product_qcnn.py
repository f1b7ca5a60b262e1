"""The QCNN without fusion qubits: every modality turns the fused qubits by its encoder's numbers, which add up.

    theta_mi = e_mi(x_m)                                  the encoders of EntangledQCNN
    fused qubit i: RY(pi / 2 + sum_m w_mi theta_mi)|0>    every modality turns it directly, one after another
    y = HEAD_SCALE W f + b                                the same network and head

A fused qubit of `EntangledQCNN` is turned by what the modality qubits read, so it is mixed once they are left out, and
the scores are linear in masses. Here it is turned by the encoders' numbers themselves: it stays pure, and the scores
are not linear in masses, so decisions are split by evaluation. That is another class of functions and not "the fusion
without entanglement", which would be `EntangledQCNN` itself: the entanglement of its fusion is inert for the scores.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qfusion._checks import check, choose
from qfusion.models import expectations, qcnn
from qfusion.models.encoders import Encoder, Features, InputSpec
from qfusion.models.entangled_qcnn import STARTS, read_classes
from qfusion.models.explorable import FusionModel
from qfusion.quantum.circuits import BLOCKS


class ProductQCNN(FusionModel):
    """The network on qubits whose angles are sums; settings and errors as for `EntangledQCNN`, but those of tables."""

    kind = "product-qcnn"

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        elements: int = 0,
        block: str = "su4",
        start: str = "random",
        encoder: str = "mlp",
        hidden: int = 32,
        dropout: float = 0.2,
        pooling: str = "gru",
        input_dropout: float = 0.0,
    ):
        super().__init__(inputs, outputs)
        M, C = len(self.modalities), len(self.outputs)
        choose("Convolution block", block, BLOCKS)
        choose("Start of the readout", start, STARTS)
        check(
            isinstance(elements, int) and elements >= 0,
            f"Argument `elements` must be a whole number from 0, but is {elements!r}.",
        )
        for name, share in (("dropout", dropout), ("input_dropout", input_dropout)):
            check(0 <= share < 1, f"Argument `{name}` must lie in [0, 1), but is {share}.")
        self.settings: dict[str, Any] = dict(
            elements=elements,
            block=block,
            start=start,
            encoder=encoder,
            hidden=hidden,
            dropout=dropout,
            pooling=pooling,
            input_dropout=input_dropout,
        )
        self.elements = elements or (C if 4 <= C <= 10 else 8)
        check(
            start == "random" or self.elements == C,
            f"Argument `start` is 'classes', which needs one element per class, but there are {self.elements} "
            f"elements and {C} classes. Set `elements` to {C}, or `start` to 'random'.",
        )
        self.network = qcnn.QCNN(self.elements, C, block)
        self.encoders = nn.ModuleDict(
            {
                name: Encoder(spec, self.elements, hidden, dropout, pooling, encoder, input_dropout)
                for name, spec in self.input_specs.items()
            }
        )
        self.weights = nn.Parameter(torch.full((M, self.elements), 1.0 / M))
        self.bias = nn.Parameter(torch.zeros(C))
        if start == "classes":
            angles = torch.full((self.elements + 1, self.elements), torch.pi / 2)
            angles[torch.arange(self.elements), torch.arange(self.elements)] = torch.pi
            read_classes(self.network, vectors(angles))

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Returns the angles of the circuit, which do nothing at 0."""
        return [(self.network.convolution, 0.0), (self.network.pooling, 0.0)]

    def encode_one(self, inputs: Mapping[str, Features], name: str) -> Tensor:
        """Returns the encoder's numbers for one modality, (B, n)."""
        return self._encoded(inputs, name)

    def scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Returns the scores (logits), (B, C), of the encoders' numbers."""
        turns = torch.stack([states[name] for name in self.modalities], 1)
        fused = vectors(torch.pi / 2 + (self.weights * turns).sum(1))
        return expectations.scores(self.network, fused) + self.bias


def vectors(angles: Tensor) -> Tensor:
    """Returns (1, <X>, <Z>) of qubits turned by `angles` (..., n) from |0>, (..., n, 3)."""
    return torch.stack([torch.ones_like(angles), angles.sin(), angles.cos()], -1)
