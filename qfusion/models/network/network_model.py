"""Models whose fused qubits pass a quantum convolutional network: their common settings, encoders and network."""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models import base
from qfusion.models.encoding import encoders
from qfusion.models.network import qcnn, qcnn_features
from qfusion.quantum.circuits import BlockName


class NetworkSettings(encoders.EncoderSettings):
    """Settings of a model with a quantum convolutional network."""

    # Element i then says "supports class i".
    elements: int = Field(
        0,
        ge=0,
        le=qcnn.MAX_QUBITS,
        title="Elements",
        description="Number of hypotheses that the modalities vote on, one fused qubit each; 0 uses the number of "
        "classes if that is 4 to 10, else 8.",
    )
    block: BlockName = Field(
        "su4",
        title="Convolution block",
        description="The gate that the network's convolutions repeat; more general ones have more parameters.",
    )
    start: Literal["random", "classes"] = Field(
        "random",
        title="Initial read-out",
        description="classes: element i supports class i from the start; it needs as many elements as classes.",
    )
    circuit_pooling: qcnn.PoolingName = Field(
        "conditional",
        title="Circuit pooling",
        description="conditional: the measured qubit chooses one of two free rotations of its neighbour (6 angles a "
        "layer); controlled: RX or RZ (2 angles).",
    )
    head: qcnn.HeadName = Field(
        "all",
        title="Qubits read",
        description="all: the head reads joint probabilities of retained qubits and ⟨Z⟩ of measured ones; retained: "
        "only the former.",
    )


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

    def init_encoders(self) -> None:
        """Make the network and encoders that give a number for each fused qubit."""
        settings = self.settings
        C = len(self.outputs)
        self.elements = settings["elements"] or (C if 4 <= C <= 10 else 8)
        check(
            settings["start"] == "random" or self.elements == C,
            f"Argument `start` is 'classes', which needs one element per class, but there are {self.elements} "
            f"elements and {C} classes. Set `elements` to {C}, or `start` to 'random'.",
        )
        self.network = qcnn.QCNN(
            self.elements,
            C,
            settings["block"],
            circuit_pooling=settings["circuit_pooling"],
            head=settings["head"],
        )
        self.encoders = nn.ModuleDict(
            {
                name: encoders.make_encoder(spec, self.elements, settings)
                for name, spec in self.input_specs.items()
            }
        )

    def head_parameters(self) -> tuple[str, ...]:
        """Return the names of the parameters with one row for each output."""
        return ("network.head", "bias")

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Return the angles of the circuit, which do nothing at 0."""
        return [(self.network.convolution, 0.0), (self.network.pooling, 0.0)]
