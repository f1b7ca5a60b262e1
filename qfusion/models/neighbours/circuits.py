"""What neighbours with a circuit share: how it is told gate by gate, how many qubits a modality has, and the layers of
trained rotations and CNOTs.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models.baselines.heads import Baseline
from qfusion.models.encoders import InputSpec
from qfusion.quantum import circuits
from qfusion.quantum.circuits import Gate


def whole(name: str, value: Any, low: int, high: int) -> None:
    """Raises InvalidInput unless a setting is a whole number from `low` to `high`."""
    check(
        isinstance(value, int) and not isinstance(value, bool) and low <= value <= high,
        f"Argument `{name}` must be a whole number from {low} to {high}, but is {value!r}.",
    )


def each_of(qubits: int, modalities: int, limit: int, most: int = 3) -> int:
    """Returns the qubits of each modality; 0 takes as many as fit, but not more than `most`.

    Raises:
        InvalidInput: when all together are more than `limit`.
    """
    whole("qubits", qubits, 0, limit)
    each = qubits or max(1, min(most, limit // max(1, modalities)))
    check(
        each * modalities <= limit,
        f"Argument `qubits` must give at most {limit} qubits in all, but {each} for each of {modalities} modalities "
        f"are {each * modalities}: their states are held exactly. Lower `qubits`.",
    )
    return each


def around(n: int) -> list[tuple[int, ...]]:
    """Returns the qubits of all words in Z that are read of n: each alone, and neighbours around the ring."""
    pairs = sorted({(min(pair), max(pair)) for pair in circuits.ring(n)})
    return [*((i,) for i in range(n)), *pairs]


def single(numbers: Tensor) -> Tensor:
    """Returns the only row of numbers (1, n), without its gradient.

    Raises:
        InvalidInput: when there are several.
    """
    check(
        len(numbers) == 1,
        f"Argument `states` must hold one row, but holds {len(numbers)}: a circuit is drawn for one sample.",
    )
    return numbers[0].detach()


class Layers(nn.Module):
    """Layers of a rotation on every qubit and a ring of CNOTs, each ring one qubit wider than the one before ("strongly
    entangling": Schuld, Bocharov, Svore, Wiebe 2020, Physical Review A 101, 032308; as PennyLane's
    StronglyEntanglingLayers).

    Args:
        n: qubits.
        count: layers.
        spread: deviation of the angles at the start.
        tilt: angle theta of all rotations, about which they start.

    Attributes:
        angles: of the rotations, (count, n, 3) radians.
    """

    def __init__(self, n: int, count: int, spread: float, tilt: float = 0.0):
        super().__init__()
        self.rings = [circuits.ring(n, 1 + layer % max(1, n - 1)) for layer in range(count)]
        self.angles = nn.Parameter(
            torch.randn(count, n, 3) * spread + torch.tensor([0.0, tilt, 0.0])
        )

    def forward(self, psi: Tensor, layer: int) -> Tensor:
        """Returns states (B, 2^n) after a layer."""
        turned = circuits.on_each(psi, circuits.rotations(self.angles[layer]))
        return circuits.reordered(turned, self.rings[layer])

    def gates(self, layer: int) -> list[Gate]:
        """Returns the gates of a layer."""
        angles = self.angles[layer].detach()
        return [
            *circuits.rotation_gates(angles),
            *circuits.cnot_gates(self.rings[layer], angles),
        ]


class CircuitModel(Baseline):
    """A model with a circuit of unitary gates on |0...0>, which a subclass lists and speaks of.

    Attributes:
        n: qubits.
    """

    abilities = frozenset({"circuit", "gates"})
    n: int

    @abstractmethod
    def gates(self, states: Mapping[str, Tensor]) -> list[Gate]:
        """Returns the circuit of one sample, given what its modalities come to (one row each).

        Raises:
            InvalidInput: when there are several rows.
        """

    @abstractmethod
    def remark(self, states: Mapping[str, Tensor]) -> str:
        """Returns what this circuit is to the sample and to its scores, in a sentence or two; arguments and errors as
        of `gates`."""

    def elementary(self, states: Mapping[str, Tensor]) -> list[Gate]:
        """Returns the same circuit, up to its global phase, of preparations and gates on at most two qubits."""
        return self.gates(states)

    def registers(self) -> dict[str, int]:
        """Returns what the qubits belong to, in their order, and how many each has: the modalities, all alike."""
        return dict.fromkeys(self.modalities, self.n // len(self.modalities))


class CircuitFusion(CircuitModel):
    """Encoders that give each modality a number for each of its qubits; a subclass adds the circuit and what is read.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        qubits: of each modality; 0 takes as many as fit, up to three.
        limit: qubits of all modalities together.
        encoder, hidden, dropout, pooling, input_dropout: of the encoders, see `Encoder`.
        more: settings of a subclass, kept with the others.

    Attributes:
        each, n: qubits of each modality, and of all.
    """

    def __init__(
        self,
        inputs: Mapping[str, InputSpec | Mapping[str, Any]],
        outputs: Sequence[str],
        qubits: int,
        limit: int,
        encoder: str,
        hidden: int,
        dropout: float,
        pooling: str,
        input_dropout: float,
        **more: Any,
    ):
        self.each = each_of(qubits, len(inputs), limit)
        self.n = self.each * len(inputs)
        super().__init__(
            inputs, outputs, self.each, encoder, hidden, dropout, pooling, input_dropout, **more
        )
        del self.settings["features"]
        self.settings["qubits"] = qubits

    def named(self, numbers: Tensor) -> list[dict[str, float]]:
        """Returns for every qubit what of the sample it holds: `numbers` (n,), by the names of modality and place."""
        names = [f"{name} {k + 1}" for name in self.modalities for k in range(self.each)]
        return [{name: value} for name, value in zip(names, numbers.tolist(), strict=True)]

    def one_row(self, states: Mapping[str, Tensor]) -> Tensor:
        """Returns the encoders' numbers of one sample side by side, (n,); errors as for `single`."""
        return single(torch.cat([states[name] for name in self.modalities], -1))
