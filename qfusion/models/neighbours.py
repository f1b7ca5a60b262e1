"""Systems that stand beside ours in the literature: of each what its source says and what is our reading; and what
those with a circuit share.
"""

import math
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import combinations
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from qfusion._checks import check, choose, require_number, require_whole
from qfusion.models import baselines, encoders, hermitian, ket_model, qcnn
from qfusion.quantum import circuits

# What neighbours with a circuit share: how it is told gate by gate, how many qubits a modality has, and the layers of
# trained rotations and CNOTs.


def qubits_per_modality(qubits: int, modalities: int, limit: int, most: int = 3) -> int:
    """Returns the qubits of each modality; 0 takes as many as fit, but not more than `most`.

    Raises:
        InvalidInput: when all together are more than `limit`.
    """
    require_whole("qubits", qubits, 0, limit)
    count = qubits or max(1, min(most, limit // max(1, modalities)))
    check(
        count * modalities <= limit,
        f"Argument `qubits` must give at most {limit} qubits in all, but {count} for each of {modalities} modalities "
        f"are {count * modalities}: their states are held exactly. Lower `qubits`.",
    )
    return count


def around(n: int) -> list[tuple[int, ...]]:
    """Returns the qubits of all words in Z that are read of n: each alone, and neighbours around the ring."""
    return [
        *((i,) for i in range(n)),
        *sorted({(min(pair), max(pair)) for pair in circuits.ring(n)}),
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
        rotations = circuits.joined(circuits.rotations(self.angles[layer]))
        return circuits.reordered(circuits.apply(psi, rotations), self.rings[layer])

    def through(self, psi: Tensor) -> Tensor:
        """Returns states (B, 2^n) after all layers."""
        for layer in range(len(self.rings)):
            psi = self(psi, layer)
        return psi

    def gates(self, layer: int) -> list[circuits.Gate]:
        """Returns the gates of a layer."""
        angles = self.angles[layer].detach()
        turns = circuits.rotations(angles)
        cnot = torch.eye(4, dtype=turns.dtype, device=turns.device)[[0, 1, 3, 2]]
        return [
            *(
                circuits.Gate("Rot", (q,), U, dict(phi=phi, theta=theta, omega=omega))
                for q, (U, (phi, theta, omega)) in enumerate(
                    zip(turns, angles.tolist(), strict=True)
                )
            ),
            *(circuits.Gate("CNOT", pair, cnot, {}) for pair in self.rings[layer]),
        ]

    def all_gates(self) -> list[circuits.Gate]:
        """Returns the gates of all layers."""
        return [gate for layer in range(len(self.rings)) for gate in self.gates(layer)]


class CircuitModel(baselines.Baseline):
    """A model with a circuit of unitary gates on |0...0>, which a subclass lists and speaks of.

    Attributes:
        n: qubits.
    """

    abilities = frozenset({"circuit", "gates"})
    n: int

    @abstractmethod
    def gates(self, states: Mapping[str, Tensor]) -> list[circuits.Gate]:
        """Returns the circuit of one sample, given what its modalities come to (one row each).

        Raises:
            InvalidInput: when there are several rows.
        """

    @abstractmethod
    def remark(self, states: Mapping[str, Tensor]) -> str:
        """Returns what this circuit is to the sample and to its scores, in a sentence or two; arguments and errors as
        of `gates`."""

    def elementary(self, states: Mapping[str, Tensor]) -> list[circuits.Gate]:
        """Returns the same circuit, up to its global phase, of preparations and gates on at most two qubits."""
        return self.gates(states)

    def registers(self) -> dict[str, int]:
        """Returns what the qubits belong to, in their order, and how many each has: the modalities, all alike."""
        return dict.fromkeys(self.modalities, self.n // len(self.modalities))

    def one_row(self, states: Mapping[str, Tensor]) -> Tensor:
        """Returns the encoders' numbers of one sample side by side, without their gradient.

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
        """Returns what of a sample each qubit holds, `numbers` (n,), by the names of its modality and its place."""
        names = [f"{name} {k + 1}" for name, n in self.registers().items() for k in range(n)]
        return dict(zip(names, numbers.tolist(), strict=True))

    def encoding(self, angles: Tensor, numbers: Tensor) -> list[circuits.Gate]:
        """Returns RY of every qubit, by angles (n,), with what of the sample it holds, `numbers` (n,)."""
        return [
            circuits.turn("RY", q, angle, **{name: number})
            for q, (angle, (name, number)) in enumerate(
                zip(angles, self.named(numbers).items(), strict=True)
            )
        ]


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
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
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
        self.per_modality = qubits_per_modality(qubits, len(inputs), limit)
        self.n = self.per_modality * len(inputs)
        super().__init__(
            inputs,
            outputs,
            self.per_modality,
            encoder,
            hidden,
            dropout,
            pooling,
            input_dropout,
            **more,
            qubits=qubits,
        )
        del self.settings["features"]


# Quantum LEGO (Qi, Yang, Chen, Hsieh, Zenil, Tegner 2026, "Quantum LEGO learning: a modular design principle for
# hybrid artificial intelligence", arXiv 2601.21780).
#
#     a = tanh(h_1(x_1), ..., h_M(x_M))                    the classical block: encoders, trained first and then frozen
#     |psi> = V_L ... V_1 prod_i RY(pi (1 + a_i) / 2)|0>   the quantum block, trained on what the frozen one gives
#     y = HEAD_SCALE W (<Z_i>, <Z_i Z_{i+1}>) + b
#
# For the first share `pretraining` of the epochs the scores are those of a classical head on a, a network with one
# hidden layer, and encoders and head are trained. Then the encoders are frozen as their running average stands, without
# dropout, the head is done with, and circuit and W are trained from their start; only these epochs can be kept. Where
# training ends before, the classical head decides.
#
# From the source: a pre-trained classical network as a frozen feature block, a variational circuit
# as the only part that is trained on top, product encoding by angles. Our reading: which head the
# block is trained with, and for how long; the source compares circuits with such classical heads on
# the same block.


class QuantumLego(CircuitFusion):
    """A frozen classical block with a trained circuit on it.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        qubits: of each modality; 0 takes as many as fit into twelve, up to three.
        layers: of the circuit.
        pretraining: share of the epochs in which the classical block is trained.
        width: hidden units of the head that it is trained with; 0 takes a linear one.
        encoder, hidden, dropout, pooling, input_dropout: of the encoders, see `Encoder`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "quantum-lego"
    title = "Neighbour: quantum LEGO (frozen block, circuit)"
    says = "Encoders are trained with a classical head first and then frozen; a circuit learns to read what they give."
    about = (
        "turns {names} into numbers by a classical block that was trained first and then frozen, and reads "
        "the {target} from a circuit that was trained on these."
    )
    staged = True

    def __init__(
        self,
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        qubits: int = 0,
        layers: int = 6,
        pretraining: float = 0.3,
        width: int = 32,
        encoder: str = "mlp",
        hidden: int = 32,
        dropout: float = 0.2,
        pooling: str = "gru",
        input_dropout: float = 0.0,
    ):
        require_whole("layers", layers, 1, 64)
        require_whole("width", width, 0, 4096)
        require_number("pretraining", pretraining, 0, 1)
        super().__init__(
            inputs,
            outputs,
            qubits,
            12,  # qubits, at most
            encoder,
            hidden,
            dropout,
            pooling,
            input_dropout,
            layers=layers,
            pretraining=pretraining,
            width=width,
        )
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
        """Freezes the classical block once its share of the epochs is over; returns whether it did."""
        if not self.preparing or share < self.settings["pretraining"]:
            return False
        self.frozen.fill_(True)
        return True

    def train(self, mode: bool = True) -> Self:
        """Sets the model to training or not; a frozen block does not change, not even its running means."""
        super().train(mode)
        if mode and not self.preparing:
            self.encoders.eval()
        return self

    def encode_one(self, inputs: Mapping[str, encoders.Features], name: str) -> Tensor:
        """Returns what a modality's encoder gives, (B, n_m); no gradient passes a frozen one while training."""
        with torch.set_grad_enabled(
            torch.is_grad_enabled() and not (self.training and not self.preparing)
        ):
            return super().encode_one(inputs, name)

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Returns the scores, (B, C), apart from where they start."""
        a = torch.cat(encoded, -1).tanh()
        if self.preparing:
            return self.first_head(a)
        psi = self.layers.through(circuits.turned_y(torch.pi / 2 * (1 + a)))
        return self.head(qcnn.HEAD_SCALE * circuits.expectations(psi, self.words))

    def gates(self, states: Mapping[str, Tensor]) -> list[circuits.Gate]:
        """Returns the circuit of one sample, see `CircuitModel`."""
        a = self.one_row(states).tanh()
        return [*self.encoding(torch.pi / 2 * (1 + a), a), *self.layers.all_gates()]

    def remark(self, states: Mapping[str, Tensor]) -> str:
        """Returns what was trained when, or that the circuit was not reached."""
        if self.preparing:
            return (
                "This circuit has no say: training ended before its part began, and the classical head decides. "
                "Its angles are those of the start."
            )
        return "Each RY holds a number of the frozen classical block; the gates behind them alone were trained since."


# Cross-attention mid-fusion (Alavi, Kouchmeshki, Alavi 2025, "Practical quantum-classical feature fusion for complex
# data classification", arXiv 2512.19180).
#
#     c = W_c relu(h_1(x_1), ..., h_M(x_M)) + b_c                       the classical branch
# |psi> = V_L ... V_1 prod_i RY(s_i u_i)|0>,  u_m = W_m h_m(x_m)    the quantum branch: angles with
# trained scales s_i
#     token_i = W_t (<X_i>, <Y_i>, <Z_i>) + p_i                         a token for each qubit
#     y = network(c + attention(c; tokens))                             asks the tokens, and keeps what it is
#
# From the source: two branches as two modalities, angle encoding with trained scales, three strongly entangling layers,
# at most nine qubits, a classical query to quantum tokens, residual. Our reading: one circuit that
# holds all modalities, some qubits each; what it is given is a trained linear map of an encoder's
# numbers, where the source takes principal components, so that sequences and images have a place; a
# token is made of all three expectations of its qubit; and the block (normalised before, with a
# small network after) is that of our MulT.


class QuantumCrossAttention(CircuitModel):
    """Classical features that ask quantum tokens.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        features: numbers per modality.
        qubits: of each modality; 0 takes as many as fit into nine, up to three.
        layers: of the circuit.
        heads: of attention.
        width: of the classical branch and of the tokens; a multiple of `heads`.
        encoder, hidden, dropout, pooling, input_dropout: of the encoders, see `Encoder`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "cross-attention-q"
    title = "Neighbour: cross-attention to a circuit"
    says = "A classical branch asks, by attention, what a circuit of at most nine qubits makes of the same modalities."
    about = (
        "reads the {target} from a network on {names}, which asks by attention what a circuit of a few qubits "
        "makes of the same numbers."
    )

    def __init__(
        self,
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        features: int = 8,
        qubits: int = 0,
        layers: int = 3,
        heads: int = 2,
        width: int = 16,
        encoder: str = "mlp",
        hidden: int = 32,
        dropout: float = 0.2,
        pooling: str = "gru",
        input_dropout: float = 0.0,
    ):
        for name, value, high in (
            ("layers", layers, 64),
            ("heads", heads, 4096),
            ("width", width, 4096),
        ):
            require_whole(name, value, 1, high)
        check(
            width % heads == 0,
            f"Argument `width` must be a multiple of `heads`, {heads}, but is {width}.",
        )
        per_modality = qubits_per_modality(qubits, len(inputs), limit=9)
        super().__init__(
            inputs,
            outputs,
            features,
            encoder,
            hidden,
            dropout,
            pooling,
            input_dropout,
            qubits=qubits,
            layers=layers,
            heads=heads,
            width=width,
        )
        M, self.n = len(inputs), per_modality * len(inputs)
        self.classical = nn.Linear(M * features, width)
        self.maps = nn.ModuleList([nn.Linear(features, per_modality) for _ in range(M)])
        self.scales = nn.Parameter(torch.ones(self.n))
        self.layers = Layers(self.n, layers, 0.5)
        self.tokens = nn.Linear(3, width)
        self.places = nn.Parameter(0.1 * torch.randn(self.n, width))
        self.block = baselines.Block(width, heads)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, len(outputs)))

    def angles(self, encoded: Sequence[Tensor]) -> Tensor:
        """Returns the angles of all qubits, (..., n) radians, of the encoders' numbers."""
        return self.scales * torch.cat(
            [own(h) for own, h in zip(self.maps, encoded, strict=True)], -1
        )

    def expectations(self, encoded: Sequence[Tensor]) -> Tensor:
        """Returns <X>, <Y> and <Z> of every qubit, (B, n, 3)."""
        return circuits.bloch_vectors(self.layers.through(circuits.turned_y(self.angles(encoded))))

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Returns the scores, (B, C), apart from where they start."""
        asks = self.classical(torch.cat(encoded, -1).relu())[:, None]
        tokens = self.tokens(self.expectations(encoded)) + self.places
        mask = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        return self.head(self.block(asks, (tokens, mask))[:, 0])

    @torch.no_grad()
    def gates(self, states: Mapping[str, Tensor]) -> list[circuits.Gate]:
        """Returns the circuit of one sample, see `CircuitModel`."""
        angles = self.angles(self.one_row(states)[None].split(self.settings["features"], -1))[0]
        return [*self.encoding(angles, angles / self.scales), *self.layers.all_gates()]

    def remark(self, states: Mapping[str, Tensor]) -> str:
        """Returns what becomes of the circuit's end."""
        return (
            "At the end the Bloch vector of each qubit is a token; a classical branch asks these tokens by "
            "attention, and the score is read from its answer."
        )


# Quantum fusion layer, QFL (Nguyen, Hoang, Nguyen, Vu, Thang 2025, "Expressive and scalable quantum fusion for
# multimodal learning", arXiv 2510.06938).
#
#     theta_mi = h_mi(x_m), a_mi = cos(theta_mi / 2)           signals, as in quantum signal processing
#     |psi> = V_U R_U ... V_1 R_1 V_0 |0...0>                  P passes over all signals, between trained layers V_u
#     y = HEAD_SCALE W (<Z_i>, <Z_i Z_{i+1}>) + b              of all qubits and of neighbours around the ring
#
# Each modality has q qubits, and R_u turns each of them by RZ of the next of its modality's F signals: a pass takes
# ceil(F / q) of them. So every signal is used P times, and every score is a polynomial of degree 2P at most in cos and
# sin of each theta_mi / 2, that is in a_mi and sqrt(1 - a_mi^2), with products of the signals of all modalities;
# parameters behind the encoders grow in proportion to the modalities.
#
# From the source: parameterised circuits after the principle of quantum signal processing, polynomials of degree P in
# the modalities, parameters linear in their number, measurement of expectations. Our reading:
# rotations about z of a few qubits a modality instead of states prepared from all features,
# strongly entangling layers as V_u, and exact expectations of these Pauli words instead of
# randomised measurements.


class QuantumFusionLayer(CircuitModel):
    """The quantum fusion layer.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        features: signals F of each modality.
        qubits: of each modality; 0 takes as many as fit into twelve, up to two.
        degree: passes over the signals, P.
        encoder, hidden, dropout, pooling, input_dropout: of the encoders, see `Encoder`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "qfl"
    title = "Neighbour: QFL (quantum fusion layer)"
    says = "A circuit takes up the modalities' signals several times between trained gates: polynomials of all of them."
    about = (
        "turns {names} into angles of a circuit that takes them up several times between trained gates, and "
        "reads the {target} from Pauli expectations: polynomials in all modalities."
    )

    def __init__(
        self,
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        features: int = 8,
        qubits: int = 0,
        degree: int = 1,
        encoder: str = "mlp",
        hidden: int = 32,
        dropout: float = 0.2,
        pooling: str = "gru",
        input_dropout: float = 0.0,
    ):
        require_whole("degree", degree, 1, 64)
        self.per_modality = qubits_per_modality(qubits, len(inputs), limit=12, most=2)
        super().__init__(
            inputs,
            outputs,
            features,
            encoder,
            hidden,
            dropout,
            pooling,
            input_dropout,
            qubits=qubits,
            degree=degree,
        )
        self.n, self.turns = self.per_modality * len(inputs), -(-features // self.per_modality)
        self.layers = Layers(self.n, self.turns * degree + 1, 0.3, torch.pi / 2)
        self.words = around(self.n)
        self.head = nn.Linear(len(self.words), len(outputs))

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Returns the angles of the trained layers: at 0 every qubit stays as it is, whatever the signals."""
        return [(self.layers.angles, 0.0)]

    def uses(self, encoded: list[Tensor]) -> list[Tensor]:
        """Returns the angles of all qubits at each turn of a pass, (B, n) each; 0 where no signal is left."""
        theta = torch.stack(encoded, 1)
        theta = nn.functional.pad(theta, (0, self.turns * self.per_modality - theta.shape[-1]))
        return [
            turn.flatten(1)
            for turn in theta.unflatten(-1, (self.turns, self.per_modality)).unbind(2)
        ]

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Returns the scores, (B, C), apart from where they start."""
        uses = self.uses(encoded) * self.settings["degree"]
        psi = self.layers(circuits.ground(uses[0].shape[0], self.n, uses[0]), 0)
        for u, theta in enumerate(uses, 1):
            psi = self.layers(circuits.turn_z(psi, theta), u)
        return self.head(qcnn.HEAD_SCALE * circuits.expectations(psi, self.words))

    @torch.no_grad()
    def gates(self, states: Mapping[str, Tensor]) -> list[circuits.Gate]:
        """Returns the circuit of one sample, see `CircuitModel`."""
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
                    result.append(circuits.turn("RZ", q, angle, **signal))
            result += self.layers.gates(u + 1)
        return result

    def remark(self, states: Mapping[str, Tensor]) -> str:
        """Returns how often the sample's signals are taken up."""
        P = self.settings["degree"]
        return (
            f"Every RZ turns its qubit by the next signal of its modality; each signal is taken up "
            f"{'once' if P == 1 else f'{P} times'}, so scores are polynomials of degree {2 * P} at most."
        )


# Unitary fusion, after quantum-inspired multimodal fusion for video sentiment analysis (Li, Gkoumas, Lioma, Melucci
# 2021, Information Fusion 65, 58; arXiv 2103.10572).
#
#     psi_m = (e_0 + h_m(x_m)) / ||e_0 + h_m(x_m)||        modality states, as of `QuantumJump`
#     p_j = |<j| U |psi_1 x ... x psi_M>|^2                one trained unitary for all samples, U = exp(iH)
#     y_c = sum_j W_cj p_j + b_c
#
# The rows of U are entangled states: the modalities' product is measured in a basis of such, and
# every joint term is its work. All scores read the same outcomes, O_c = U^+ diag(W_c) U.
#
# From the source: modalities as complex states, their tensor product, trained measurement of the joint state,
# probabilities that are read classically. Our reading: the source turns every word of an utterance into a state and
# mixes them to a density matrix, measures vectors that need not be orthogonal, and reads by a network; here an encoder
# makes one pure state of each modality, the vectors are the rows of a unitary, and reading is linear, so that all exact
# explanations of states hold. It is QiNN-QJ without jumps and with a joint read-out.

MAX_DIMENSION = 1024  # U is an exponential of a D x D matrix in every step


class UnitaryFusion(ket_model.KetModel):
    """One unitary on the product of the modality states, then a measurement.

    Args:
        inputs: form of each modality's features, by name; the order is the order of the tensor product.
        outputs: names of the scores.
        dims: dimension d_m of every modality state, or one number for all.
        encoder, hidden, dropout, pooling, input_dropout: of the encoders, see `Encoder`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "unitary-fusion"
    title = "Neighbour: one unitary, one measurement"
    says = "Modality states pass one learned unitary together and are measured; can be explored."
    about = (
        "turns {names} into quantum states ({dims} levels) that pass one learned unitary together and are "
        "measured; the {target} is read from the outcomes. Every decision splits exactly into what each modality "
        "says alone and what they say only jointly."
    )

    def __init__(
        self,
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        dims: int | Sequence[int] = 4,
        encoder: str = "mlp",
        hidden: int = 32,
        dropout: float = 0.3,
        pooling: str = "gru",
        input_dropout: float = 0.0,
    ):
        super().__init__(inputs, outputs)
        self._lay_out(
            dims,
            MAX_DIMENSION,
            "the unitary is a D x D matrix",
            encoder,
            hidden,
            dropout,
            pooling,
            input_dropout,
        )
        D, C = math.prod(self.dims), len(self.outputs)
        self.H = hermitian.draw(D, D, scale=1 / math.sqrt(2 * D))
        self.W = nn.Parameter(torch.randn(C, D))
        self.bias = nn.Parameter(torch.zeros(C))

    def head_parameters(self) -> tuple[str, ...]:
        """Returns the names of the parameters with one row for each output."""
        return ("W", "bias")

    def couplings(self) -> list[tuple[nn.Parameter, float]]:
        """Returns H, which does nothing at 0."""
        return [(self.H, 0.0)]

    def unitary(self) -> Tensor:
        """Returns U, (D, D)."""
        return torch.linalg.matrix_exp(1j * hermitian.compose(self.H))

    def observables(self) -> Tensor:
        """Returns O_c = U^+ diag(W_c) U, (C, D, D)."""
        U = self.unitary()
        return U.mH @ (self.W[:, :, None] * U)

    def direct_scores(self, states: Mapping[str, Tensor]) -> Tensor:
        """Returns the scores of given kets, (B, C): their product passes the unitary and is measured."""
        psi = self.product_state(states)
        return circuits.populations(psi @ self.unitary().T.to(psi.dtype)) @ self.W.T + self.bias


# VQC-MLPNet (Qi, Yang, Chen, Hsieh 2025, "VQC-MLPNet: an unconventional hybrid quantum-classical architecture for
# scalable and robust quantum machine learning", arXiv 2506.10275).
#
#     |w_d> = w_d / |w_d|                                  a trained row for each of all D numbers, in log2(H) qubits
#     p_dj = |<j| V_L ... V_1 |w_d>|^2                     what the circuit makes of it: one circuit for all rows
#     W_dj = |w_d| s_j (H p_dj - 1) / sqrt(D)              the first layer's weights
#     y = W_2 relu(W^T (h_1(x_1), ..., h_M(x_M)) + b_1) + b_2
#
# No sample passes the circuit: it makes weights while training, and a trained model is a network of two layers.
#
# From the source: amplitude encoding of a classical weight matrix, a trained circuit, a linear map to what it makes, a
# network with one hidden layer, classical inference. Our reading: probabilities of all outcomes are measured, centred,
# which makes each weight the expectation of an observable with trace 0; the linear map is a scale s_j for each hidden
# unit; the norms of the rows, which amplitude encoding loses, are kept; and the network stands behind an encoder for
# each modality, as with all models here.


class CircuitWeights(CircuitModel):
    """A network whose first weights a circuit makes.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        features: numbers per modality.
        width: hidden units, a power of two from 2 to 1024: the circuit has log2 of it as qubits.
        layers: of the circuit.
        encoder, hidden, dropout, pooling, input_dropout: of the encoders, see `Encoder`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "vqc-mlpnet"
    title = "Neighbour: VQC-MLPNet (a circuit makes weights)"
    says = "A network on all modalities whose first weights a circuit makes; no sample passes the circuit."
    about = "reads the {target} from a network on {names} whose first weights were made by a trained circuit."

    def __init__(
        self,
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        features: int = 8,
        width: int = 32,
        layers: int = 3,
        encoder: str = "mlp",
        hidden: int = 32,
        dropout: float = 0.2,
        pooling: str = "gru",
        input_dropout: float = 0.0,
    ):
        require_whole("width", width, 2, 1024)
        check(
            width & (width - 1) == 0,
            "Argument `width` must be a power of two, one hidden unit for each state of the circuit's qubits, but is "
            f"{width}. Take {2 ** (width.bit_length() - 1)} or {2 ** width.bit_length()}.",
        )
        require_whole("layers", layers, 1, 64)
        super().__init__(
            inputs,
            outputs,
            features,
            encoder,
            hidden,
            dropout,
            pooling,
            input_dropout,
            width=width,
            layers=layers,
        )
        self.n = width.bit_length() - 1
        rows = torch.randn(features * len(inputs), width)
        self.rows = nn.Parameter(rows / torch.linalg.vector_norm(rows, dim=1, keepdim=True))
        self.layers = Layers(self.n, layers, 1.0)
        self.scales = nn.Parameter(torch.ones(width))
        self.offset = nn.Parameter(torch.zeros(width))
        self.head = nn.Linear(width, len(outputs))

    def norms(self) -> Tensor:
        """Returns |w_d|, (D, 1)."""
        return torch.linalg.vector_norm(self.rows, dim=1, keepdim=True).clamp_min(1e-12)

    def first_layer(self) -> Tensor:
        """Returns the weights that the circuit makes, (D, H)."""
        psi = self.layers.through((self.rows / self.norms()).to(self.rows.dtype.to_complex()))
        D, H = self.rows.shape
        return self.norms() * self.scales * (H * circuits.populations(psi) - 1) / D**0.5

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Returns the scores, (B, C), apart from where they start."""
        return self.head((torch.cat(encoded, -1) @ self.first_layer() + self.offset).relu())

    @torch.no_grad()
    def gates(self, states: Mapping[str, Tensor], number: int | None = None) -> list[circuits.Gate]:
        """Returns the circuit that makes the weights of one of a sample's numbers; all but the first gate are shared.

        Args:
            states: what its modalities come to, one row each.
            number: which, counted through all modalities; unless given that of largest size.

        Raises:
            InvalidInput: when there are several rows.
        """
        d, name, value = self.largest(states, number)
        state = prepared(self.rows[d] / self.norms()[d])
        return [
            circuits.Gate("StatePrep", tuple(range(self.n)), state, {name: value}),
            *self.layers.all_gates(),
        ]

    def largest(
        self, states: Mapping[str, Tensor], number: int | None = None
    ) -> tuple[int, str, float]:
        """Returns place, name and value of one of a sample's numbers, the largest by size unless `number` says
        which."""
        numbers = self.one_row(states)
        d = int(numbers.abs().argmax()) if number is None else number
        m, place = divmod(d, self.settings["features"])
        return d, f"{self.modalities[m]} {place + 1}", float(numbers[d])

    def remark(self, states: Mapping[str, Tensor]) -> str:
        """Returns that no sample passes the circuit, and whose weights are made here."""
        D, H = self.rows.shape
        return (
            f"No sample passes this circuit: it makes the {D} × {H} first weights of a network, the same for every "
            f"sample, a row for each of the encoders' {D} numbers. The sample says which row is shown: that of "
            f"{self.largest(states)[1]}, its largest number."
        )

    def registers(self) -> dict[str, int]:
        """Returns one register: its basis states are the hidden units."""
        return {"unit": self.n}


def prepared(state: Tensor) -> Tensor:
    """Returns a unitary that takes the first basis state to a real unit vector (H,): a reflection, (H, H) complex."""
    # reflect to the farther of -state and state: nothing cancels then
    sign = -1.0 if float(state[0]) < 0 else 1.0
    axis = sign * state
    axis[0] += 1
    U = torch.eye(len(state)).to(state) - 2 * torch.outer(axis, axis) / (axis @ axis)
    return (-sign * U).to(state.dtype.to_complex())


# A quantum reservoir of Rydberg atoms, after Kornjača and others 2024 ("Large-scale quantum reservoir learning with
# an analog quantum computer", arXiv 2407.02553) and Liu and others 2026 ("Practical quantum reservoir computing in
# Rydberg atom arrays", arXiv 2602.00610).
#
#     z_m = principal components of x_m, as many as the modality has atoms      fitted to the training rows, not trained
#     H(x) = Omega/2 sum_i X_i - sum_i Delta_i n_i + sum_{i<j} V / |i - j|^6 n_i n_j,   Delta_i = Delta tanh z_i
#     f_k = (<Z_i>, <Z_i Z_j>) after time k T / K, from all atoms in the ground state
#     y = W f + b                                                               all that is trained
#
# n = (1 - Z) / 2 counts a Rydberg excitation; the atoms stand in a chain. Time is in microseconds, Omega = 2 pi; V =
# 5.42 is that of rubidium atoms 10 micrometres apart; both are those of the tutorials that go with the first source.
# The evolution is a product of short steps of second order (Strang 1968), each exp(-i diagonal dt / 2) exp(-i Rabi dt)
# exp(-i diagonal dt / 2): with dt = 1 / 40 expectations are off by two thousandths, seldom by a hundredth.
#
# From the sources: principal components as local detunings, Rabi drive, interaction, expectation values of Z_i and Z_i
# Z_j at several times, linear read-out. Our reading: the modalities' atoms stand one modality after another in one
# chain, the squashing of the components, and means over time for sequences. `projection` "trained" puts our encoders in
# the components' place, which no source does.

RABI, INTERACTION = 2 * math.pi, 5.42  # radians per microsecond
PROJECTIONS = ("pca", "trained")


@lru_cache(16)
def excitations(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns which atoms are excited in each basis state, (n, 2^n), and their energy of interaction, (2^n,)."""
    excited = circuits.bits(n).astype(float)
    pairs = combinations(range(n), 2)
    return excited, sum(
        (INTERACTION / (j - i) ** 6 * excited[i] * excited[j] for i, j in pairs), np.zeros(2**n)
    )


class Components(encoders.Averaged):
    """Means of one modality's features -> its first principal components, in their deviations; random directions until
    `fit` is called."""

    def __init__(self, spec: encoders.InputSpec, outputs: int):
        super().__init__(spec)
        directions = torch.zeros(outputs, spec.size)
        least = min(outputs, spec.size)
        directions[:least] = torch.linalg.qr(torch.randn(spec.size, least))[0].T
        self.directions = nn.Buffer(directions)

    @torch.no_grad()
    def fit(self, features: encoders.Features) -> None:
        """Sets the directions to the principal axes of rows, over the deviations along them; surplus outputs are 0."""
        values = self.means(features).double()
        variances, axes = torch.linalg.eigh(torch.cov(values.T).reshape(values.shape[1], -1))
        least = min(len(self.directions), values.shape[1])
        variances, axes = variances.flip(0)[:least], axes.flip(1)[:, :least]
        axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()
        deviations = variances.clamp_min(0).sqrt()
        usable = deviations > 1e-6 * deviations.max().clamp_min(1e-12)
        self.directions.zero_()
        self.directions[:least] = (axes * usable / deviations.clamp_min(1e-12)).T.to(
            self.directions
        )

    def forward(self, features: encoders.Features) -> Tensor:
        """Returns (B, outputs)."""
        return self.means(features) @ self.directions.T


class Reservoir(CircuitFusion):
    """The reservoir, of which only the read-out is trained.

    Args:
        inputs: form of each modality's features, by name.
        outputs: names of the scores (classes).
        qubits: atoms of each modality; 0 takes as many as fit into nine, up to three.
        duration: T, in microseconds.
        readouts: times K at which is read.
        detuning: largest detuning Delta, in radians per microsecond.
        projection: "pca", or "trained": encoders as those of the other models.
        encoder, hidden, dropout, pooling, input_dropout: of the encoders, where they are trained, see `Encoder`.

    Raises:
        InvalidInput, NotFound: when a setting is out of range or unknown.
    """

    kind = "reservoir"
    title = "Neighbour: quantum reservoir (Rydberg atoms)"
    says = "Features detune interacting atoms; nothing is trained but a linear read-out of what is measured of them."
    about = (
        "lets {names} detune a chain of atoms that evolve together, untrained, and reads the {target} linearly "
        "from what is measured of them at several times."
    )

    def __init__(
        self,
        inputs: Mapping[str, encoders.InputSpec | Mapping[str, Any]],
        outputs: Sequence[str] = ("score",),
        *,
        qubits: int = 0,
        duration: float = 4.0,
        readouts: int = 8,
        detuning: float = 6.0,
        projection: str = "pca",
        encoder: str = "mlp",
        hidden: int = 32,
        dropout: float = 0.2,
        pooling: str = "gru",
        input_dropout: float = 0.0,
    ):
        require_whole("readouts", readouts, 1, 256)
        require_number("duration", duration, 1e-6, 100)
        require_number("detuning", detuning, 0, 1000)
        self.projects = choose("Projection", projection, PROJECTIONS) == "pca"
        super().__init__(
            inputs,
            outputs,
            qubits,
            9,  # atoms, at most
            encoder,
            hidden,
            dropout,
            pooling,
            input_dropout,
            duration=duration,
            readouts=readouts,
            detuning=detuning,
            projection=projection,
        )
        self.words = [*((i,) for i in range(self.n)), *combinations(range(self.n), 2)]
        self.head = nn.Linear(readouts * len(self.words), len(outputs))
        nn.init.zeros_(self.head.weight)

    def make_encoder(self, spec: encoders.InputSpec) -> nn.Module:
        """Returns the principal components of a modality, or a trained encoder."""
        return Components(spec, self.per_modality) if self.projects else super().make_encoder(spec)

    def project(self, inputs: Mapping[str, encoders.Features]) -> None:
        """Fits the principal components to rows, once features are standardised."""
        for name in self.modalities:
            encoder = self.encoders[name]
            if isinstance(encoder, Components):
                encoder.fit(self._features(inputs, name))

    @property
    def substeps(self) -> tuple[int, float]:
        """Steps between two times that are read, and how long each takes."""
        between = self.settings["duration"] / self.settings["readouts"]
        count = math.ceil(between / 0.025 - 1e-9)  # of at most 1 / 40 of a microsecond
        return count, between / count

    def detunings(self, numbers: Tensor) -> Tensor:
        """Returns Delta_i, (B, n) radians per microsecond, of the components (B, n)."""
        return self.settings["detuning"] * numbers.tanh()

    def energies(self, detunings: Tensor) -> Tensor:
        """Returns the energies of all basis states without the drive, (B, 2^n), of detunings (B, n)."""
        excited, interaction = (
            torch.as_tensor(table).to(detunings) for table in excitations(self.n)
        )
        return interaction - detunings @ excited

    def evolve(self, psi: Tensor, detunings: Tensor) -> Tensor:
        """Returns states (B, 2^n) one time of reading later; detunings are (B, n), or (1, n) for all rows."""
        count, dt = self.substeps
        half = torch.exp(-0.5j * dt * self.energies(detunings))
        rabi = circuits.rotation("RX", detunings.new_tensor([RABI * dt]))
        driven, whole_step = circuits.joined(rabi.expand(self.n, 2, 2)), half.square()
        psi = psi * half
        for step in range(count):
            psi = circuits.apply(psi, driven) * (whole_step if step < count - 1 else half)
        return psi

    def followed(self, psi: Tensor, detunings: Tensor) -> Iterator[Tensor]:
        """Yields states (B, 2^n) at each time of reading; arguments as of `evolve`."""
        for _ in range(self.settings["readouts"]):
            psi = self.evolve(psi, detunings)
            yield psi

    def measured(self, numbers: Tensor) -> Tensor:
        """Returns <Z_i> and <Z_i Z_j> at every time, (B, K (n + n (n - 1) / 2)), of the components (B, n)."""
        detunings = self.detunings(numbers)
        states = self.followed(circuits.ground(len(numbers), self.n, numbers), detunings)
        return torch.cat([circuits.expectations(psi, self.words) for psi in states], -1)

    def fuse(self, encoded: list[Tensor]) -> Tensor:
        """Returns the scores, (B, C), apart from where they start."""
        return self.head(self.measured(torch.cat(encoded, -1)))

    @torch.no_grad()
    def gates(self, states: Mapping[str, Tensor]) -> list[circuits.Gate]:
        """Returns the circuit of one sample, see `CircuitModel`: evolutions of all atoms, as they are stepped, from
        each time that is read to the next."""
        detunings = self.detunings(self.one_row(states)[None])
        start = torch.eye(2**self.n, dtype=detunings.dtype.to_complex(), device=detunings.device)
        U = self.evolve(start, detunings).T  # row i is where basis state i goes
        readouts = self.settings["readouts"]
        values = {"duration": self.settings["duration"] / readouts, **self.named(detunings[0])}
        return [circuits.Gate("Rydberg", tuple(range(self.n)), U, values)] * readouts

    @torch.no_grad()
    def elementary(self, states: Mapping[str, Tensor]) -> list[circuits.Gate]:
        """Returns the steps that stand for the evolution: RX for the drive, RZ and IsingZZ for the energies."""
        detunings, (count, dt) = self.detunings(self.one_row(states)[None])[0], self.substeps
        pairs = {(i, j): INTERACTION / (j - i) ** 6 for i, j in combinations(range(self.n), 2)}
        # n = (1 - Z) / 2: -D n is D Z / 2, and V n n is V (1 - Z - Z + Z Z) / 4
        fields = detunings.clone()
        for pair, V in pairs.items():
            fields[list(pair)] -= V / 2
        signs = circuits.signs(2, [(0, 1)], detunings)[0]

        def phases(time: float) -> list[circuits.Gate]:
            return [
                *(circuits.turn("RZ", i, field * time) for i, field in enumerate(fields)),
                *(
                    circuits.Gate(
                        "IsingZZ",
                        pair,
                        torch.exp(-0.25j * V * time * signs).diag(),
                        {"angle": V * time / 2},
                    )
                    for pair, V in pairs.items()
                ),
            ]

        drive = [circuits.turn("RX", i, detunings.new_tensor(RABI * dt)) for i in range(self.n)]
        further = (phases(dt) + drive) * (count * self.settings["readouts"] - 1)
        return phases(dt / 2) + drive + further + phases(dt / 2)

    @torch.no_grad()
    def step_errors(self, states: Mapping[str, Tensor]) -> tuple[float, float]:
        """Returns how far the steps end from the exact evolution: the largest deviation of what is read, and the trace
        distance of the states.

        Raises:
            InvalidInput: when there are several rows.
        """
        detunings = self.detunings(self.one_row(states)[None])
        own = circuits.bits(self.n).T
        drive = torch.as_tensor((own[:, None] != own[None]).sum(-1) == 1).to(detunings) * RABI / 2
        E, V = torch.linalg.eigh(torch.diag(self.energies(detunings)[0]) + drive)
        phases = torch.exp(-1j * self.settings["duration"] * E)
        exact = (V.to(phases) @ (phases * V[0]))[None]
        *_, psi = self.followed(circuits.ground(1, self.n, detunings), detunings)
        read = [circuits.expectations(part, self.words) for part in (psi, exact)]
        across = psi - exact * (exact.conj() * psi).sum()
        return float((read[0] - read[1]).abs().max()), float(torch.linalg.vector_norm(across))

    def remark(self, states: Mapping[str, Tensor]) -> str:
        """Returns what stands for the evolution, and how far it ends from it."""
        count, dt = self.substeps
        read, distance = self.step_errors(states)
        return (
            "Nothing of this circuit is trained. Each gate is the evolution of all atoms to the next time that is "
            f"read, by {count} steps of second order, {dt:.3g} microseconds long: at the end what is read of this "
            f"sample is off by {read:.2g} at most, and the state by {distance:.2g} in trace distance."
        )
