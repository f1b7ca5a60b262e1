"""Quantum LEGO (Qi, Yang, Chen, Hsieh, Zenil, Tegner 2026, "Quantum LEGO learning: a modular design principle for
hybrid artificial intelligence", arXiv 2601.21780).

    a = tanh(h_1(x_1), ..., h_M(x_M))                    the classical block: encoders, trained first and then frozen
    |psi> = V_L ... V_1 prod_i RY(pi (1 + a_i) / 2)|0>   the quantum block, trained on what the frozen one gives
    y = HEAD_SCALE W (<Z_i>, <Z_i Z_{i+1}>) + b

For the first share `pretraining` of the epochs the scores are those of a classical head on a, a network with one
hidden layer, and encoders and head are trained. Then the encoders are frozen as their running average stands, without
dropout, the head is done with, and circuit and W are trained from their start; only these epochs can be kept. Where
training ends before, the classical head decides.

From the source: a pre-trained classical network as a frozen feature block, a variational circuit
as the only part that is trained on top, product encoding by angles. Our reading: which head the
block is trained with, and for how long; the source compares circuits with such classical heads on
the same block.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from pydantic import Field
from torch import Tensor, nn

from qfusion.models import baselines, inputs
from qfusion.models.encoders import EncoderSettings
from qfusion.models.network import qcnn
from qfusion.plugins.papers.models.published_circuits import (
    CircuitFusion,
    CircuitLayers,
    Layers,
    Qubits,
    around,
)
from qfusion.quantum import statevector

MAX_QUBITS = 12  # of all modalities together


class LegoSettings(EncoderSettings):
    """Settings of quantum LEGO; `width` is that of the head in pre-training, 0 a linear one."""

    qubits: Qubits = Field(0, ge=0, le=MAX_QUBITS)
    layers: CircuitLayers = Field(6, ge=1, le=64)
    pretraining: float = Field(
        0.3,
        ge=0,
        le=1,
        title="Pre-training fraction",
        description="Fraction of the epochs in which the classical block is trained with a classical head; then it is "
        "frozen and the circuit is trained.",
    )
    width: baselines.Width = Field(32, ge=0, le=4096)


class QuantumLego(CircuitFusion):
    """A frozen classical block with a trained circuit on it.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        settings: see `LegoSettings`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "quantum-lego"
    title = "Neighbour: quantum LEGO (frozen block, circuit)"
    staged = True
    limit = MAX_QUBITS
    settings_type = LegoSettings

    def __init__(
        self,
        inputs: Mapping[str, inputs.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        width, layers = self.settings["width"], self.settings["layers"]
        hidden_layer = [nn.Linear(self.n, width), nn.ReLU()] if width else []
        self.first_head = nn.Sequential(*hidden_layer, nn.Linear(width or self.n, len(outputs)))
        self.layers = Layers(self.n, layers, 0.2, torch.pi / 2)
        self.words = around(self.n)
        self.head = nn.Linear(len(self.words), len(outputs))
        self.frozen = nn.Buffer(torch.tensor(False))  # with the weights, which say so when read

    @property
    def preparing(self) -> bool:
        """Whether the classical block is being trained; then it is frozen."""
        return not self.frozen

    def advance(self, share: float) -> bool:
        """Freeze the classical block once its share of the epochs is over; return whether it did."""
        if not self.preparing or share < self.settings["pretraining"]:
            return False
        self.frozen.fill_(True)
        return True

    def train(self, mode: bool = True) -> Self:
        """Set the model to training or not; a frozen block does not change, not even its running means."""
        super().train(mode)
        if mode and not self.preparing:
            self.encoders.eval()
        return self

    def encode_one(self, inputs: Mapping[str, inputs.Features], name: str) -> Tensor:
        """Return the outputs of a modality's encoder, (B, n_m). No gradient passes through a frozen encoder during
        training.
        """
        with torch.set_grad_enabled(
            torch.is_grad_enabled() and not (self.training and not self.preparing)
        ):
            return super().encode_one(inputs, name)

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Return the scores, (B, C), apart from where they start."""
        a = torch.cat(encoded, -1).tanh()
        if self.preparing:
            return self.first_head(a)
        psi = self.layers.through(statevector.ry_states(torch.pi / 2 * (1 + a)))
        return self.head(qcnn.HEAD_SCALE * statevector.expectations(psi, self.words))

    def gates(self, states: Mapping[str, Tensor]) -> list[statevector.Gate]:
        """Return the circuit of one sample, see `CircuitModel`."""
        a = self.one_row(states).tanh()
        return [*self.encoding(torch.pi / 2 * (1 + a), a), *self.layers.all_gates()]
