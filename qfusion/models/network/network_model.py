"""Models whose fused qubits pass a quantum convolutional network, and the features that its head reads in training.

The quantum convolutional network without fusion qubits: the encoders' numbers of all modalities add up.

    theta_mi = e_mi(x_m)                                  the encoders of EntangledQCNN
    fused qubit i: RY(pi / 2 + sum_m w_mi theta_mi)|0>    every modality turns it directly, one after another
    y = HEAD_SCALE W f + b                                the same network and head

A fused qubit of `EntangledQCNN` is turned according to the outcomes of the modality qubits, so it is mixed once they
are left out, and the scores are linear in masses. Here it is turned by the encoders' numbers themselves: it stays pure,
and the scores are not linear in masses, so decisions are split by evaluation. That is another class of functions and
not "the fusion without entanglement", which would be `EntangledQCNN` itself: the entanglement of its fusion does not
change the scores.

The features that the head of a quantum convolutional network reads, sample by sample: the forward path for training.

These are real expectation values of Pauli words; no state is formed, since the inputs are mixed. If all qubits of the
first layer have partners, the layer is a ring of sites (even qubit, odd qubit): its words on the remaining qubits are
traces of products of one 8 x 8 matrix per site, as of a matrix product state, and the 4^n words are never stored at
once. Otherwise, and in later layers, words are carried through the circuit in groups of qubits that have interacted.
Groups join when a gate first connects them, a qubit that is about to be measured keeps {I, Z} alone, and a measured
qubit leaves with its <Z> as soon as its gates are done.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.models import base, encoders, inputs
from qfusion.models.network import qcnn
from qfusion.models.network.qcnn import (
    _OF_SIZE,
    ALL,
    HEAD_SCALE,
    IXZ,
    IZ,
    QCNN,
    _select,
    _walsh,
    evaluate,
)
from qfusion.quantum import states
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
    features = network_features(network, vectors)
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


class ProductQCNN(NetworkModel):
    """Quantum convolutional network on qubits whose angles are sums. Settings and errors are those of
    `EntangledQCNN`, except for the settings of tables.
    """

    kind = "product-qcnn"
    title = "Ablation: QCNN, angles added"
    settings_type = NetworkSettings

    def __init__(
        self,
        inputs: Mapping[str, inputs.InputSpec | Mapping[str, Any]],
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
        return network_scores(self.network, fused) + self.bias


def vectors(angles: Tensor) -> Tensor:
    """Return (1, <X>, <Z>) of qubits turned by `angles` (..., n) from |0>, (..., n, 3)."""
    return torch.stack([torch.ones_like(angles), angles.sin(), angles.cos()], -1)


MAX_CACHED = 2**20  # numbers


class _Group:
    """Expectation values T (B, letters of each qubit ...) of all words on `qubits`."""

    def __init__(self, qubits: list[int], T: Tensor):
        self.qubits, self.T = qubits, T

    def last(self, *qubits: int) -> Tensor:
        """T with the given qubits' axes at the end, in that order; the group's order follows."""
        order = [q for q in self.qubits if q not in qubits] + list(qubits)
        T = self.T.permute(0, *(1 + self.qubits.index(q) for q in order))
        self.qubits = order
        return T


def network_features(network: QCNN, vectors: Tensor) -> Tensor:
    """Return the joint probabilities of the retained qubits, then <Z> of the measured ones that the head reads, (B, F).

    Args:
        network: the circuit.
        vectors: per input qubit (1, <X>, <Z>), (B, n, 3).
    """
    maps = {key: R.view(4, 4, 4, 4) for key, R in network.transfer_matrices(network.steps).items()}
    parts = [_features(network, part, maps) for part in vectors.split(_rows(network))]
    return torch.cat(parts) if len(parts) > 1 else parts[0]


def is_ring(network: QCNN) -> bool:
    """Whether all qubits of the first layer have partners."""
    return network.n % 2 == 0 and network.n > 2


def _rows(network: QCNN) -> int:
    """Return how many samples to process at once, so that their intermediate results fit in the processor's cache."""
    if is_ring(network):
        U = 2 if len(network.retained) == network.n // 2 else 4
        return max(64, MAX_CACHED // (64 * max(U ** ((network.n + 2) // 4), U * network.n // 2)))
    return max(64, MAX_CACHED // 4 ** (network.n - 2))


def _features(network: QCNN, vectors: Tensor, maps: Mapping[tuple[str, int], Tensor]) -> Tensor:
    measured: dict[int, Tensor] = {}
    ring = is_ring(network)
    groups = (
        _ring(network, vectors, maps, measured)
        if ring
        else {q: _Group([q], vectors[:, q]) for q in range(network.n)}
    )
    for index in _order(network):
        step = network.steps[index]
        if ring and step.layer == 0:
            continue
        R = maps[step.kind, step.layer]
        after = [_letters(network, index, q) for q in step.wires]
        if step.kind == "pool":
            measured[index] = _pool(groups, step.wires, R[:, after[1]])
        else:
            _convolve(groups, step.wires, R[after[0]][:, after[1]])
    probabilities = _probabilities(groups, network.retained)
    if not network.read_singly:
        return probabilities
    single = torch.stack([measured[index] for index in sorted(measured)], -1)
    return torch.cat([probabilities, single], -1)


def _ring(
    network: QCNN,
    vectors: Tensor,
    maps: Mapping[tuple[str, int], Tensor],
    measured: dict[int, Tensor],
) -> dict[int, _Group]:
    """Apply the first layer on n = 2 s qubits. Add <Z> of the measured qubits to `measured`, and return the words of
    the kept qubits.

    Site j holds qubits 2 j (e, kept) and 2 j + 1 (o, measured). Its pair of words P_j[e, o] is the convolution of two
    inputs. The convolution of o_j with e_{j+1} leads to letters x, of {I, Z}, of the qubit that is then measured, and y
    of the one that the pooling of site j + 1 turns by that site's own x':

        A_j[(e, x), u, (e', x')] = sum_o P_j[e, o] sum_y R[x, y, o, e'] Q[u, x', y]
        <word u_0 u_1 ...> = Tr A_{s-1}[u_0] A_0[u_1] ... A_{s-2}[u_{s-1}]
    """
    B = len(vectors)
    s = network.n // 2
    pools = [
        index for index, step in enumerate(network.steps) if (step.kind, step.layer) == ("pool", 0)
    ]
    wires = [network.steps[index].wires[1] for index in pools]
    letters = _letters(network, pools[-1], wires[-1])
    U = len(letters)
    R, Q = maps["conv", 0], maps["pool", 0][0, letters][:, IZ]
    inputs = vectors.roll(2, 1).view(B, s, 2, 3)  # the last site first
    pairs = (inputs[:, :, 0, :, None] * inputs[:, :, 1, None, :]).view(B * s, 9)
    P = pairs @ R[..., IXZ, :][..., IXZ].reshape(16, 9).T
    D = torch.einsum("xyof,uzy->oxufz", R[IZ], Q).reshape(4, -1)
    A = (P.view(-1, 4) @ D).view(B, s, 8, U, 8)
    P = P.view(B, s, 4, 4)
    z = ((P[:, :, 0] @ R[3, 0]) * P[..., 0].roll(-1, 1)).sum(-1)  # R[Z, I, o, e'], all others I
    measured |= dict(zip(pools, z.roll(-1, 1).unbind(1), strict=True))
    sites = A.unbind(1)
    half = (s + 1) // 2
    left = _chain(sites[:half])
    right = _chain(sites[half:])
    T = left.transpose(1, 2).flatten(2) @ right.permute(0, 3, 1, 2).flatten(1, 2)
    return dict.fromkeys(wires, _Group(wires, T.view(B, *(U,) * s)))


def _chain(sites: Sequence[Tensor]) -> Tensor:
    """Products of the matrices of neighbouring sites, each (B, 8, U, 8), -> (B, 8, U^s, 8), the first site's word
    slowest."""
    product = sites[0]
    for site in sites[1:]:
        B, side = site.shape[:2]
        product = (product.reshape(B, -1, side) @ site.reshape(B, side, -1)).view(B, side, -1, side)
    return product


def network_scores(network: QCNN, vectors: Tensor) -> Tensor:
    """Return the scores of fused qubits, (B, n, 3) -> (B, C), by whichever way is cheaper: their features, or, of many
    samples, the observables pulled back once."""
    C = len(network.head)
    many = (  # measured
        C < 6 and len(vectors) > 300 * C
        if is_ring(network)
        else len(vectors) > 2 * C * 2 ** (network.n / 2)
    )
    return (
        evaluate(network.observables(), vectors)
        if many
        else HEAD_SCALE * network_features(network, vectors) @ network.head.T
    )


def _order(network: QCNN) -> list[int]:
    """Indices of the steps, each pooling directly after the last gate on either of its qubits: groups stay small."""
    order: list[int] = []
    for index, step in enumerate(network.steps):
        place = len(order)
        while (
            step.kind == "pool"
            and place
            and not set(step.wires) & set(network.steps[order[place - 1]].wires)
        ):
            place -= 1
        order.insert(place, index)
    return order


def _letters(network: QCNN, index: int, qubit: int) -> list[int]:
    """Return the letters of a qubit that are still needed after step `index`: {I, Z} if the qubit is measured or
    read next, or else all.
    """
    for step in network.steps[index + 1 :]:
        if qubit in step.wires:
            return IZ if step.kind == "pool" and step.wires[0] == qubit else ALL
    return IZ


def _convolve(groups: dict[int, _Group], wires: tuple[int, int], R: Tensor) -> None:
    """Replace the two qubits' words by those after the gate, joining their groups."""
    a, b = wires
    left, right = groups[a], groups[b]
    if left is right:
        T = left.last(a, b)
        block = _select(R, [ALL, ALL, _OF_SIZE[T.shape[-2]], _OF_SIZE[T.shape[-1]]])
        words = T.reshape(-1, block.shape[2] * block.shape[3]) @ block.flatten(2).flatten(0, 1).T
        left.T = words.view(*T.shape[:-2], *block.shape[:2])
        return
    X = left.last(a)
    Y = right.last(b)
    block = _select(R, [ALL, ALL, _OF_SIZE[X.shape[-1]], _OF_SIZE[Y.shape[-1]]])
    # The gate meets the smaller group, Y, first; then one batched product writes the joined group.
    if math.prod(X.shape[1:-1]) < math.prod(Y.shape[1:-1]):
        left, right, X, Y, block = right, left, Y, X, block.transpose(2, 3)
    B = len(X)
    inner = torch.einsum("tuvw,bqw->bvtuq", block, Y.reshape(B, -1, Y.shape[-1]))
    T = X.reshape(B, -1, X.shape[-1]) @ inner.reshape(B, X.shape[-1], -1)
    joined = _Group(
        [*left.qubits[:-1], a, b, *right.qubits[:-1]],
        T.view(B, *X.shape[1:-1], *block.shape[:2], *Y.shape[1:-1]),
    )
    groups |= dict.fromkeys(joined.qubits, joined)


def _pool(groups: dict[int, _Group], wires: tuple[int, int], R: Tensor) -> Tensor:
    """Remove the measured qubit after its outcome has rotated the kept one, and return its <Z>, (B,)."""
    a, b = wires
    group = groups[a]  # they have met in the convolution before
    T = group.last(a, b)
    # I on the measured qubit afterwards: (u, v, w)
    block = _select(R[0], [ALL, _OF_SIZE[T.shape[-2]], _OF_SIZE[T.shape[-1]]])
    group.T = (T.reshape(-1, T.shape[-2] * T.shape[-1]) @ block.flatten(1).T).view(
        *T.shape[:-2], len(block)
    )
    group.qubits = group.qubits[:-2] + [b]
    del groups[a]
    # Z on the measured qubit, I on all others
    return T.reshape(len(T), -1, T.shape[-2], T.shape[-1])[:, 0, 1, 0]


def _probabilities(groups: dict[int, _Group], stored: list[int]) -> Tensor:
    """Return the joint outcome probabilities of the kept qubits, (B, 2^k), with the first qubit as the most
    significant.
    """
    distinct = list(dict.fromkeys(groups[q] for q in stored))
    order = [q for group in distinct for q in group.qubits]
    T = states.product([group.T.flatten(1) for group in distinct]).unflatten(1, (2,) * len(order))
    return _walsh(T.permute(0, *(1 + order.index(q) for q in stored))).flatten(1)
