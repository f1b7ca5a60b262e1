"""Quantum fusion layer, QFL (Nguyen, Hoang, Nguyen, Vu, Thang 2025, "Expressive and scalable quantum fusion for multimodal learning",
arXiv 2510.06938).

    a_mi = tanh h_mi(x_m), theta_mi = 2 arccos a_mi         a signal for each qubit of each modality, as in quantum signal processing
    |psi> = V_P R(theta) V_{P-1} ... R(theta) V_0 |0...0>    P times the same signals, between trained layers V_p
    y = W (<Z_i>, <Z_i Z_{i+1}>) + b                        Pauli expectations of all qubits and of neighbours around the ring

R turns qubit i by RZ(theta_i). Since it is used P times, every score is a polynomial of degree 2P at most in cos and sin of each
theta_mi / 2, that is in a_mi and sqrt(1 - a_mi^2), and holds products of the signals of all modalities; parameters behind the encoders
grow in proportion to the number of modalities.

From the source: parameterised circuits after the principle of quantum signal processing, polynomials of degree P in the modalities,
parameters linear in their number, measurement of expectations. Our reading: a rotation about z of a few qubits a modality instead of
states prepared from all features, strongly entangling layers as V_p, and exact expectations of these Pauli words instead of randomised
measurements.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qfusion.models.encoders import InputSpec
from qfusion.models.neighbours.circuits import CircuitFusion, Layers, whole
from qfusion.quantum import statevector
from qfusion.quantum.statevector import Gate

MAX_QUBITS = 12


class QuantumFusionLayer(CircuitFusion):
    """The quantum fusion layer.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        qubits: of each modality; 0 takes as many as fit into twelve, up to three.
        degree: how often the signals are used, P.
        encoder, hidden, dropout, pooling, input_dropout: of the encoders, see `Encoder`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "qfl"
    title = "Neighbour: QFL (quantum fusion layer)"
    says = "A circuit turns the modalities' qubits several times between trained gates: polynomials of all of them, with few parameters."
    about = ("turns {names} into angles of a circuit that takes them up several times between trained gates, and reads the {target} from "
             "Pauli expectations: polynomials in all modalities.")
    words: Tensor

    def __init__(self, inputs: Mapping[str, InputSpec | Mapping[str, Any]], outputs: Sequence[str] = ("score",), *,
                 qubits: int = 0, degree: int = 3, encoder: str = "mlp", hidden: int = 32, dropout: float = 0.2, pooling: str = "gru",
                 input_dropout: float = 0.0):
        whole("degree", degree, 1, 64)
        super().__init__(inputs, outputs, qubits, MAX_QUBITS, encoder, hidden, dropout, pooling, input_dropout, degree=degree)
        self.layers = Layers(self.n, degree + 1, 1.0)
        neighbours = sorted({tuple(sorted(pair)) for pair in statevector.ring(self.n)})
        self.register_buffer("words", statevector.signs(self.n, [*((i,) for i in range(self.n)), *neighbours]), persistent=False)
        self.head = nn.Linear(len(self.words), len(outputs))

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Returns the angles of the trained layers: at 0 every qubit stays as it is, whatever the signals."""
        return [(self.layers.angles, 0.0)]

    def signals(self, numbers: Tensor) -> Tensor:
        """Returns theta = 2 arccos tanh(h) of the encoders' numbers h, of the same shape, with a gradient everywhere."""
        return torch.pi - 4 * torch.atan(torch.tanh(numbers / 2))

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Returns the scores, (B, C), apart from where they start."""
        theta = self.signals(torch.cat(encoded, -1))
        psi = self.layers(statevector.ground(len(theta), self.n, theta), 0)
        for use in range(self.settings["degree"]):
            psi = self.layers(statevector.turn_z(psi, theta), use + 1)
        return self.head(statevector.populations(psi) @ self.words.T)

    def gates(self, states: Mapping[str, Tensor]) -> list[Gate]:
        """Returns the circuit of one sample, given what its modalities come to (one row each)."""
        numbers = self.one_row(states)[0]
        held, theta, found = self.named(numbers.tanh()), self.signals(numbers), self.layers.gates(0)
        for use in range(self.settings["degree"]):
            found += [statevector.turn("RZ", q, angle, **held[q]) for q, angle in enumerate(theta)] + self.layers.gates(use + 1)
        return found
