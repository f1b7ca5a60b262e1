"""Cross-attention mid-fusion (Alavi, Kouchmeshki, Alavi 2025, "Practical quantum-classical feature fusion for complex
data classification", arXiv 2512.19180).

    c = W_c relu(h_1(x_1), ..., h_M(x_M)) + b_c                       the classical branch
|psi> = V_L ... V_1 prod_i RY(s_i u_i)|0>,  u_m = W_m h_m(x_m)    the quantum branch: angles with
trained scales s_i
    token_i = W_t (<X_i>, <Y_i>, <Z_i>) + p_i                         a token for each qubit
    y = network(c + attention(c; tokens))                             asks the tokens, and keeps what it is

From the source: two branches as two modalities, angle encoding with trained scales, three strongly entangling layers,
at most nine qubits, a classical query to quantum tokens, residual. Our reading: one circuit that
holds all modalities, some qubits each; what it is given is a trained linear map of an encoder's
numbers, where the source takes principal components, so that sequences and images have a place; a
token is made of all three expectations of its qubit; and the block (normalised before, with a
small network after) is that of our MulT.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models import baselines, cross_modal_attention, inputs
from qfusion.plugins.papers.models.published_circuits import (
    CircuitLayers,
    CircuitModel,
    Layers,
    Qubits,
    qubits_per_modality,
)
from qfusion.quantum import statevector

MAX_QUBITS = 9  # of all modalities together


class QuantumAttentionSettings(baselines.FeatureSettings):
    """Settings of cross-attention to a circuit; `width` is that of the classical branch and of the tokens."""

    qubits: Qubits = Field(0, ge=0, le=MAX_QUBITS)
    layers: CircuitLayers = Field(3, ge=1, le=64)
    heads: cross_modal_attention.Heads = Field(2, ge=1, le=4096)
    width: baselines.Width = Field(16, ge=1, le=4096)

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        check(
            self.width % self.heads == 0,
            f"Argument `width` must be a multiple of `heads`, {self.heads}, but is {self.width}.",
        )
        return self


class QuantumCrossAttention(CircuitModel):
    """Classical features that ask quantum tokens.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        settings: see `QuantumAttentionSettings`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "cross-attention-q"
    title = "Neighbour: cross-attention to a circuit"
    settings_type = QuantumAttentionSettings

    def __init__(
        self,
        inputs: Mapping[str, inputs.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        features, width, layers = (self.settings[key] for key in ("features", "width", "layers"))
        per_modality = qubits_per_modality(self.settings["qubits"], len(inputs), MAX_QUBITS)
        M = len(inputs)
        self.n = per_modality * len(inputs)
        self.classical = nn.Linear(M * features, width)
        self.maps = nn.ModuleList([nn.Linear(features, per_modality) for _ in range(M)])
        self.scales = nn.Parameter(torch.ones(self.n))
        self.layers = Layers(self.n, layers, 0.5)
        self.tokens = nn.Linear(3, width)
        self.places = nn.Parameter(0.1 * torch.randn(self.n, width))
        self.block = cross_modal_attention.Block(width, self.settings["heads"])
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, len(outputs)))

    def angles(self, encoded: Sequence[Tensor]) -> Tensor:
        """Return the angles of all qubits, (..., n) radians, of the encoders' numbers."""
        return self.scales * torch.cat(
            [own(h) for own, h in zip(self.maps, encoded, strict=True)], -1
        )

    def expectations(self, encoded: Sequence[Tensor]) -> Tensor:
        """Return <X>, <Y> and <Z> of every qubit, (B, n, 3)."""
        return statevector.bloch_vectors(
            self.layers.through(statevector.ry_states(self.angles(encoded)))
        )

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Return the scores, (B, C), apart from where they start."""
        asks = self.classical(torch.cat(encoded, -1).relu())[:, None]
        tokens = self.tokens(self.expectations(encoded)) + self.places
        mask = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        return self.head(self.block(asks, (tokens, mask))[:, 0])

    @torch.no_grad()
    def gates(self, states: Mapping[str, Tensor]) -> list[statevector.Gate]:
        """Return the circuit of one sample, see `CircuitModel`."""
        angles = self.angles(self.one_row(states)[None].split(self.settings["features"], -1))[0]
        return [*self.encoding(angles, angles / self.scales), *self.layers.all_gates()]
