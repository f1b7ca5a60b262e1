"""Circuits of unitary gates that neighbours from the literature share: qubits a modality, layers, gates of a sample."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models import baselines, inputs
from qfusion.models.protocols import Circuit, GateCircuit
from qfusion.quantum import statevector

Qubits = Annotated[
    int,
    Field(
        title="Qubits per modality",
        description="Number of qubits (for a reservoir, atoms) for each modality; 0 uses as many as fit, up to three.",
    ),
]
CircuitLayers = Annotated[
    int,
    Field(
        title="Circuit layers",
        description="Layers of trained gates; more are more expressive and slower.",
    ),
]


def qubits_per_modality(qubits: int, modalities: int, limit: int, most: int = 3) -> int:
    """Return the qubits of each modality; 0 takes as many as fit, but not more than `most`.

    Raises:
        InvalidInput: when all together are more than `limit`.
    """
    count = qubits or max(1, min(most, limit // max(1, modalities)))
    check(
        count * modalities <= limit,
        f"Argument `qubits` must give at most {limit} qubits in all, but {count} for each of {modalities} modalities "
        f"are {count * modalities}: their states are held exactly. Lower `qubits`.",
    )
    return count


def around(n: int) -> list[tuple[int, ...]]:
    """Return the qubits of all words in Z that are read of n: each alone, and neighbours around the ring."""
    return [
        *((i,) for i in range(n)),
        *sorted({(min(pair), max(pair)) for pair in statevector.ring(n)}),
    ]


class Layers(nn.Module):
    """Layers of a rotation on every qubit and a ring of CNOTs, each ring one qubit wider than the one before ("strongly
    entangling": Schuld, Bocharov, Svore, Wiebe 2020, Physical Review A 101, 032308; as PennyLane's
    StronglyEntanglingLayers).

    Args:
        n: qubits.
        count: layers.
        spread: deviation of the angles at the start.
        tilt: angle theta of all rotations, about which they start.
        trained: whether the angles are trained; otherwise they stay as they were drawn.
        entangling: whether the layers have CNOTs; otherwise every qubit evolves by itself.

    Attributes:
        angles: of the rotations, (count, n, 3) radians.
    """

    angles: Tensor

    def __init__(
        self,
        n: int,
        count: int,
        spread: float,
        tilt: float = 0.0,
        trained: bool = True,
        entangling: bool = True,
    ):
        super().__init__()
        self.rings = [
            statevector.ring(n, 1 + layer % max(1, n - 1)) if entangling else []
            for layer in range(count)
        ]
        angles = torch.randn(count, n, 3) * spread + torch.tensor([0.0, tilt, 0.0])
        if trained:
            self.angles = nn.Parameter(angles)
        else:
            self.register_buffer("angles", angles)

    def forward(self, psi: Tensor, layer: int) -> Tensor:
        """Return states (B, 2^n) after a layer."""
        rotations = statevector.join_gates(statevector.rotations(self.angles[layer]))
        return statevector.apply_cnots(statevector.apply(psi, rotations), self.rings[layer])

    def through(self, psi: Tensor) -> Tensor:
        """Return states (B, 2^n) after all layers."""
        for layer in range(len(self.rings)):
            psi = self(psi, layer)
        return psi

    def gates(self, layer: int) -> list[statevector.Gate]:
        """Return the gates of a layer."""
        angles = self.angles[layer].detach()
        turns = statevector.rotations(angles)
        cnot = torch.eye(4, dtype=turns.dtype, device=turns.device)[[0, 1, 3, 2]]
        gates = []
        for q, (U, (phi, theta, omega)) in enumerate(zip(turns, angles.tolist(), strict=True)):
            values = {"phi": phi, "theta": theta, "omega": omega}
            gates.append(statevector.Gate("Rot", (q,), U, values))
        for pair in self.rings[layer]:
            gates.append(statevector.Gate("CNOT", pair, cnot, {}))
        return gates

    def all_gates(self) -> list[statevector.Gate]:
        """Return the gates of all layers."""
        return [gate for layer in range(len(self.rings)) for gate in self.gates(layer)]


class CircuitModel(baselines.Baseline):
    """A model with a circuit of unitary gates on |0...0>, which a subclass lists and speaks of.

    Attributes:
        n: qubits.
    """

    parts = frozenset({Circuit, GateCircuit})
    family = "gates"
    n: int

    @abstractmethod
    def gates(self, states: Mapping[str, Tensor]) -> list[statevector.Gate]:
        """Return the circuit of one sample, given its encoded modalities (one row each).

        Raises:
            InvalidInput: when there are several rows.
        """

    def circuit_facts(self, states: Mapping[str, Tensor]) -> Mapping[str, Any]:
        """Return numbers on the circuit of one sample; arguments and errors as of `gates`."""
        return {}

    def gate_roles(self) -> tuple[str, ...]:
        """Return no roles: the gates are described by their names."""
        return ()

    def gate_layers(self) -> tuple[tuple[str, tuple[int, ...]], ...]:
        """Return no layers."""
        return ()

    def elementary(self, states: Mapping[str, Tensor]) -> list[statevector.Gate]:
        """Return the same circuit, up to its global phase, of preparations and gates on at most two qubits."""
        return self.gates(states)

    def registers(self) -> dict[str, int]:
        """Return the number of qubits per register, in the order of the qubits. The registers are the modalities,
        all of equal size.
        """
        return dict.fromkeys(self.modalities, self.n // len(self.modalities))

    def one_row(self, states: Mapping[str, Tensor]) -> Tensor:
        """Return the encoders' numbers of one sample side by side, without their gradient.

        Raises:
            InvalidInput: when there are several rows.
        """
        numbers = torch.cat([states[name] for name in self.modalities], -1)
        check(
            len(numbers) == 1,
            f"Argument `states` must hold one row, but holds {len(numbers)}: a circuit is drawn for one sample.",
        )
        return numbers[0].detach()

    def named(self, numbers: Tensor) -> dict[str, float]:
        """Return the sample's value that each qubit encodes, from `numbers` (n,), by the name of its modality and
        its position.
        """
        names = [f"{name} {k + 1}" for name, n in self.registers().items() for k in range(n)]
        return dict(zip(names, numbers.tolist(), strict=True))

    def encoding(self, angles: Tensor, numbers: Tensor) -> list[statevector.Gate]:
        """Return an RY gate for every qubit, given the angles (n,) and the sample's values that the qubits encode,
        `numbers` (n,).
        """
        return [
            statevector.rotation_gate("RY", q, angle, **{name: number})
            for q, (angle, (name, number)) in enumerate(
                zip(angles, self.named(numbers).items(), strict=True)
            )
        ]


class CircuitFusion(CircuitModel):
    """Base model with encoders that give each modality one number for each of its qubits, by its setting `qubits`. A
    subclass adds the circuit and the readout.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        settings: see `settings_type` of the class.

    Attributes:
        limit: qubits of all modalities together.
        n: qubits of all modalities.
    """

    limit: ClassVar[int]

    def __init__(
        self,
        inputs: Mapping[str, inputs.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        **settings: Any,
    ):
        super().__init__(inputs, outputs, **settings)
        self.n = self.features * len(inputs)

    @property
    def features(self) -> int:
        """Number of outputs of each encoder: the qubits of each modality."""
        return qubits_per_modality(self.settings["qubits"], len(self.modalities), self.limit)
