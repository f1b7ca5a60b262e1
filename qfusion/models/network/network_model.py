"""Models whose fused qubits pass a quantum convolutional network: their common settings, encoders and network."""

from typing import Any

import torch
from torch import Tensor, nn

from qfusion._checks import check, choose
from qfusion.models import base
from qfusion.models.encoding import encoders
from qfusion.models.network import qcnn, qcnn_features

CHOICES = {
    "rule": ("mean", "and", "or", "random"),  # where training begins
    "tables": ("joint", "separate"),
    "start": ("random", "classes"),
    "circuit_pooling": tuple(qcnn.POOLING_GATES),
    "head": qcnn.HEADS,
}


@torch.no_grad()
def read_classes(network: qcnn.QCNN, vectors: Tensor) -> None:
    """Set the head so that the i-th fused state raises score i by HEAD_SCALE and leaves the other scores unchanged.

    What the circuit hides of single elements (singular values below 0.1) starts unread.

    Args:
        network: with as many qubits n as scores.
        vectors: fused qubits (1, <X>, <Z>), (n + 1, n, 3): the i-th state has full mass on element i, the last on none.
    """
    features = qcnn_features.network_features(network, vectors)
    network.head.copy_(torch.linalg.pinv((features[:-1] - features[-1]).T, atol=0.1))


class NetworkModel(base.FusionModel):
    """Model whose fused qubits pass through a quantum convolutional network.

    Attributes:
        elements: number n of fused qubits.
        network: that they pass.
    """

    def init_encoders(
        self,
        elements: int,
        block: str,
        start: str,
        encoder: str,
        hidden: int,
        dropout: float,
        pooling: str,
        input_dropout: float,
        circuit_pooling: str,
        head: str,
        **more: Any,
    ) -> None:
        """Set the settings, and make the network and encoders that give a number for each fused qubit; arguments as
        of `EntangledQCNN`, `more` settings of a subclass."""
        self.settings = dict(
            elements=elements,
            block=block,
            start=start,
            encoder=encoder,
            hidden=hidden,
            dropout=dropout,
            pooling=pooling,
            input_dropout=input_dropout,
            circuit_pooling=circuit_pooling,
            head=head,
            **more,
        )
        C = len(self.outputs)
        choose("Start of the readout", start, CHOICES["start"])
        check(
            isinstance(elements, int) and elements >= 0,
            f"Argument `elements` must be a whole number from 0, but is {elements!r}.",
        )
        encoders.check_encoder(hidden, dropout, input_dropout)
        self.elements = elements or (C if 4 <= C <= 10 else 8)
        check(
            start == "random" or self.elements == C,
            f"Argument `start` is 'classes', which needs one element per class, but there are {self.elements} "
            f"elements and {C} classes. Set `elements` to {C}, or `start` to 'random'.",
        )
        self.network = qcnn.QCNN(
            self.elements, C, block, circuit_pooling=circuit_pooling, head=head
        )
        self.encoders = nn.ModuleDict(
            {
                name: encoders.Encoder(
                    spec, self.elements, hidden, dropout, pooling, encoder, input_dropout
                )
                for name, spec in self.input_specs.items()
            }
        )

    def head_parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters with one row for each output."""
        return ("network.head", "bias")

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Return the angles of the circuit, which do nothing at 0."""
        return [(self.network.convolution, 0.0), (self.network.pooling, 0.0)]
