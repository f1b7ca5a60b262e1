"""The quantum convolutional network without fusion qubits: the encoders' numbers of all modalities add up.

    theta_mi = e_mi(x_m)                                  the encoders of EntangledQCNN
    fused qubit i: RY(pi / 2 + sum_m w_mi theta_mi)|0>    every modality turns it directly, one after another
    y = HEAD_SCALE W f + b                                the same network and head

A fused qubit of `EntangledQCNN` is turned according to the outcomes of the modality qubits, so it is mixed once they
are left out, and the scores are linear in masses. Here it is turned by the encoders' numbers themselves: it stays pure,
and the scores are not linear in masses, so decisions are split by evaluation. That is another class of functions and
not "the fusion without entanglement", which would be `EntangledQCNN` itself: the entanglement of its fusion does not
change the scores.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qfusion.models.encoding import input_features
from qfusion.models.network import qcnn_features
from qfusion.models.network.network_model import NetworkModel, NetworkSettings, read_classes


class ProductQCNN(NetworkModel):
    """Quantum convolutional network on qubits whose angles are sums. Settings and errors are those of
    `EntangledQCNN`, except for the settings of tables.
    """

    kind = "product-qcnn"
    title = "Ablation: QCNN, angles added"
    settings_type = NetworkSettings

    def __init__(
        self,
        inputs: Mapping[str, input_features.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        self.init_encoders()
        n, M = self.elements, len(self.modalities)
        self.weights = nn.Parameter(torch.full((M, n), 1.0 / M))
        self.bias = nn.Parameter(torch.zeros(len(self.outputs)))
        if self.settings["start"] == "classes":
            angles = torch.full((n + 1, n), torch.pi / 2)
            angles[:n].fill_diagonal_(torch.pi)
            read_classes(self.network, vectors(angles))

    def scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Return the scores (logits), (B, C), of the encoders' numbers, (B, n) of each modality."""
        turns = torch.stack([states[name] for name in self.modalities], 1)
        fused = vectors(torch.pi / 2 + (self.weights * turns).sum(1))
        return qcnn_features.network_scores(self.network, fused) + self.bias


def vectors(angles: Tensor) -> Tensor:
    """Return (1, <X>, <Z>) of qubits turned by `angles` (..., n) from |0>, (..., n, 3)."""
    return torch.stack([torch.ones_like(angles), angles.sin(), angles.cos()], -1)
