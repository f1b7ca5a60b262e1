"""VQC-MLPNet (Qi, Yang, Chen, Hsieh 2025, "VQC-MLPNet: an unconventional hybrid quantum-classical architecture for
scalable and robust quantum machine learning", arXiv 2506.10275).

    |w_d> = w_d / |w_d|                                  a trained row for each of all D numbers, in log2(H) qubits
    p_dj = |<j| V_L ... V_1 |w_d>|^2                     what the circuit makes of it: one circuit for all rows
    W_dj = |w_d| s_j (H p_dj - 1) / sqrt(D)              the first layer's weights
    y = W_2 relu(W^T (h_1(x_1), ..., h_M(x_M)) + b_1) + b_2

No sample passes the circuit: it makes weights while training, and a trained model is a network of two layers.

From the source: amplitude encoding of a classical weight matrix, a trained circuit, a linear map to what it makes, a
network with one hidden layer, classical inference. Our reading: probabilities of all outcomes are measured, centred,
which makes each weight the expectation of an observable with trace 0; the linear map is a scale s_j for each hidden
unit; the norms of the rows, which amplitude encoding loses, are kept; and the network stands behind an encoder for
each modality, as with all models here.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models import baselines, inputs
from qfusion.plugins.papers.models.published_circuits import CircuitLayers, CircuitModel, Layers
from qfusion.quantum import statevector


class CircuitWeightsSettings(baselines.FeatureSettings):
    """Settings of VQC-MLPNet."""

    # The circuit has log2 of it as qubits.
    width: baselines.Width = Field(32, ge=2, le=1024)
    layers: CircuitLayers = Field(3, ge=1, le=64)

    @model_validator(mode="after")
    def _check_width(self) -> Self:
        width = self.width
        check(
            width & (width - 1) == 0,
            "Argument `width` must be a power of two, one hidden unit for each state of the circuit's qubits, but is "
            f"{width}. Take {2 ** (width.bit_length() - 1)} or {2 ** width.bit_length()}.",
        )
        return self


class CircuitWeights(CircuitModel):
    """Network whose first weights are made by a circuit.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        settings: see `CircuitWeightsSettings`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "vqc-mlpnet"
    title = "Neighbour: VQC-MLPNet (a circuit makes weights)"
    settings_type = CircuitWeightsSettings

    def __init__(
        self,
        inputs: Mapping[str, inputs.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        features, width, layers = (self.settings[key] for key in ("features", "width", "layers"))
        self.n = width.bit_length() - 1
        rows = torch.randn(features * len(inputs), width)
        self.rows = nn.Parameter(rows / torch.linalg.vector_norm(rows, dim=1, keepdim=True))
        self.layers = Layers(self.n, layers, 1.0)
        self.scales = nn.Parameter(torch.ones(width))
        self.offset = nn.Parameter(torch.zeros(width))
        self.head = nn.Linear(width, len(outputs))

    def norms(self) -> Tensor:
        """Return |w_d|, (D, 1)."""
        return torch.linalg.vector_norm(self.rows, dim=1, keepdim=True).clamp_min(1e-12)

    def first_layer(self) -> Tensor:
        """Return the weights that the circuit makes, (D, H)."""
        psi = self.layers.through((self.rows / self.norms()).to(self.rows.dtype.to_complex()))
        D, H = self.rows.shape
        return self.norms() * self.scales * (H * statevector.populations(psi) - 1) / D**0.5

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Return the scores, (B, C), apart from where they start."""
        return self.head((torch.cat(encoded, -1) @ self.first_layer() + self.offset).relu())

    @torch.no_grad()
    def gates(
        self, states: Mapping[str, Tensor], number: int | None = None
    ) -> list[statevector.Gate]:
        """Return the circuit that makes the weights of one of a sample's numbers; all but the first gate are shared.

        Args:
            states: what its modalities come to, one row each.
            number: which, counted through all modalities; unless given that of largest size.

        Raises:
            InvalidInput: when there are several rows.
        """
        d, name, value = self.largest(states, number)
        state = prepared(self.rows[d] / self.norms()[d])
        return [
            statevector.Gate("StatePrep", tuple(range(self.n)), state, {name: value}),
            *self.layers.all_gates(),
        ]

    def largest(
        self, states: Mapping[str, Tensor], number: int | None = None
    ) -> tuple[int, str, float]:
        """Return place, name and value of one of a sample's numbers, the largest by size unless `number` says
        which."""
        numbers = self.one_row(states)
        d = int(numbers.abs().argmax()) if number is None else number
        m, place = divmod(d, self.settings["features"])
        return d, f"{self.modalities[m]} {place + 1}", float(numbers[d])

    def circuit_facts(self, states: Mapping[str, Tensor]) -> Mapping[str, Any]:
        """Return the size of the weights that the circuit generates, and the encoders' largest number."""
        inputs, hidden = self.rows.shape
        return {"inputs": inputs, "hidden": hidden, "largest": self.largest(states)[1]}

    def registers(self) -> dict[str, int]:
        """Return one register: its basis states are the hidden units."""
        return {"unit": self.n}


def prepared(state: Tensor) -> Tensor:
    """Return a unitary that takes the first basis state to a real unit vector (H,): a reflection, (H, H) complex."""
    # reflect to the farther of -state and state: nothing cancels then
    sign = -1.0 if float(state[0]) < 0 else 1.0
    axis = sign * state
    axis[0] += 1
    U = torch.eye(len(state)).to(state) - 2 * torch.outer(axis, axis) / (axis @ axis)
    return (-sign * U).to(state.dtype.to_complex())
