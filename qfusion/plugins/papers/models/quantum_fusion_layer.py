"""Quantum fusion layer, QFL (Nguyen, Hoang, Nguyen, Vu, Thang 2025, "Expressive and scalable quantum fusion for
multimodal learning", arXiv 2510.06938).

    theta_mi = h_mi(x_m), a_mi = cos(theta_mi / 2)           signals, as in quantum signal processing
    |psi> = V_U R_U ... V_1 R_1 V_0 |0...0>                  P passes over all signals, between trained layers V_u
    y = HEAD_SCALE W (<Z_i>, <Z_i Z_{i+1}>) + b              of all qubits and of neighbours around the ring

Each modality has q qubits, and R_u turns each of them by RZ of the next of its modality's F signals: a pass takes
ceil(F / q) of them. So every signal is used P times, and every score is a polynomial of degree 2P at most in cos and
sin of each theta_mi / 2, that is in a_mi and sqrt(1 - a_mi^2), with products of the signals of all modalities;
parameters behind the encoders grow in proportion to the modalities.

From the source: parameterised circuits after the principle of quantum signal processing, polynomials of degree P in
the modalities, parameters linear in their number, measurement of expectations. Our reading:
rotations about z of a few qubits a modality instead of states prepared from all features,
strongly entangling layers as V_u, and exact expectations of these Pauli words instead of
randomised measurements.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from pydantic import Field
from torch import Tensor, nn

from qfusion.models import baselines, inputs
from qfusion.models.network import qcnn
from qfusion.plugins.papers.models.published_circuits import (
    CircuitModel,
    Layers,
    Qubits,
    around,
    qubits_per_modality,
)
from qfusion.quantum import statevector

MAX_QUBITS = 12  # of all modalities together


class FusionLayerSettings(baselines.FeatureSettings):
    """Settings of the quantum fusion layer; 0 qubits take as many as fit, up to two."""

    qubits: Qubits = Field(0, ge=0, le=MAX_QUBITS)
    # Passes over the signals, P.
    degree: int = Field(
        1,
        ge=1,
        le=64,
        title="Encoding repetitions",
        description="How often a circuit encodes the modalities' signals; the degree of its polynomials grows with it.",
    )
    freeze_gates: bool = Field(
        False,
        title="Freeze the gates",
        description="The angles of the circuit's layers are not trained; encoders and read-out are.",
    )
    entangling: bool = Field(
        True,
        title="Entangling gates",
        description="Whether the circuit's layers have CNOTs; without them its qubits stay in a product state.",
    )


class QuantumFusionLayer(CircuitModel):
    """The quantum fusion layer.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        settings: see `FusionLayerSettings`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "qfl"
    title = "Neighbour: QFL (quantum fusion layer)"
    settings_type = FusionLayerSettings

    def __init__(
        self,
        inputs: Mapping[str, inputs.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        features = self.features
        self.per_modality = qubits_per_modality(
            self.settings["qubits"], len(inputs), MAX_QUBITS, most=2
        )
        self.n = self.per_modality * len(inputs)
        self.turns = -(-features // self.per_modality)
        self.layers = Layers(
            self.n,
            self.turns * self.settings["degree"] + 1,
            0.3,
            torch.pi / 2,
            trained=not self.settings["freeze_gates"],
            entangling=self.settings["entangling"],
        )
        self.words = around(self.n)
        self.head = nn.Linear(len(self.words), len(outputs))

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Return the angles of the layers if they are trained. At 0 every qubit is unchanged for all signals."""
        angles = self.layers.angles
        return [(angles, 0.0)] if isinstance(angles, nn.Parameter) else []

    def uses(self, encoded: list[Tensor]) -> list[Tensor]:
        """Return the angles of all qubits at each turn of a pass, (B, n) each; 0 where no signal is left."""
        theta = torch.stack(encoded, 1)
        theta = nn.functional.pad(theta, (0, self.turns * self.per_modality - theta.shape[-1]))
        return [
            turn.flatten(1)
            for turn in theta.unflatten(-1, (self.turns, self.per_modality)).unbind(2)
        ]

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Return the scores, (B, C), apart from where they start."""
        uses = self.uses(encoded) * self.settings["degree"]
        psi = self.layers(statevector.zero_state(uses[0].shape[0], self.n, uses[0]), 0)
        for u, theta in enumerate(uses, 1):
            psi = self.layers(statevector.apply_rz(psi, theta), u)
        return self.head(qcnn.HEAD_SCALE * statevector.expectations(psi, self.words))

    @torch.no_grad()
    def gates(self, states: Mapping[str, Tensor]) -> list[statevector.Gate]:
        """Return the circuit of one sample, see `CircuitModel`."""
        F = self.settings["features"]
        row = self.one_row(states)
        signals = (row / 2).cos().tolist()
        result = self.layers.gates(0)
        turns = self.uses(list(row[None].split(F, -1))) * self.settings["degree"]
        for u, theta in enumerate(turns):
            for q, angle in enumerate(theta[0]):
                m, place = divmod(q, self.per_modality)
                i = u % self.turns * self.per_modality + place
                if i < F:
                    signal = {f"{self.modalities[m]} {i + 1}": signals[m * F + i]}
                    result.append(statevector.rotation_gate("RZ", q, angle, **signal))
            result += self.layers.gates(u + 1)
        return result

    def circuit_facts(self, states: Mapping[str, Tensor]) -> Mapping[str, Any]:
        """Return how often each signal is encoded, and the degree of the polynomials."""
        degree = self.settings["degree"]
        return {"repeats": degree, "order": 2 * degree}
