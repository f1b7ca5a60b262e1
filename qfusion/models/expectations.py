"""What the head of a quantum convolutional network reads, sample by sample: the forward path for training.

Real expectation values of Pauli words are carried through the circuit in groups of qubits that have met; groups join
only when a gate first connects them, a qubit that is about to be measured keeps {I, Z} alone, and one that was measured
leaves with its <Z> as soon as its gates are done. For a batch this is far less than the effective observables of all
scores: their 4^n numbers never stand at once.
"""

from __future__ import annotations

import torch
from torch import Tensor

from qfusion.models.qcnn import HEAD_SCALE, QCNN, evaluate
from qfusion.quantum.pauli import transfer_matrix

_IZ, _ALL = [0, 3], [0, 1, 2, 3]


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


def features(network: QCNN, vectors: Tensor) -> Tensor:
    """Returns the joint probabilities of the kept qubits, then <Z> of the measured ones, (B, F).

    Args:
        network: the circuit.
        vectors: per input qubit (1, <X>, <Z>), (B, n, 3).
    """
    groups = {q: _Group([q], vectors[:, q]) for q in range(network.n)}
    maps: dict[tuple[str, int], Tensor] = {}
    measured: dict[int, Tensor] = {}
    for index in _order(network):
        step = network.steps[index]
        if (step.kind, step.layer) not in maps:
            maps[step.kind, step.layer] = transfer_matrix(network.matrix(step)).view(4, 4, 4, 4)
        R = maps[step.kind, step.layer]
        after = [_letters(network, index, q) for q in step.wires]
        if step.kind == "pool":
            measured[index] = _pool(groups, step.wires, R[:, after[1]])
        else:
            _convolve(groups, step.wires, R[after[0]][:, after[1]])
    return torch.cat([_probabilities(groups, network.kept),
                      torch.stack([measured[index] for index in sorted(measured)], -1)], -1)


def scores(network: QCNN, vectors: Tensor) -> Tensor:
    """Returns the scores of fused qubits, (B, n, 3) -> (B, C), by whichever way is cheaper: their features, or, of many
    samples, the observables pulled back once."""
    if len(vectors) > 2 * len(network.head) * 2 ** (network.n / 2):  # measured
        return evaluate(network.observables(), vectors)
    return HEAD_SCALE * features(network, vectors) @ network.head.T


def _order(network: QCNN) -> list[int]:
    """Indices of the steps, each pooling directly after the last gate on either of its qubits: groups stay small."""
    order: list[int] = []
    for index, step in enumerate(network.steps):
        place = len(order)
        while step.kind == "pool" and place and not set(step.wires) & set(network.steps[order[place - 1]].wires):
            place -= 1
        order.insert(place, index)
    return order


def _letters(network: QCNN, index: int, qubit: int) -> list[int]:
    """What is still needed of a qubit after step `index`: {I, Z} when it is measured or read next, else everything."""
    for step in network.steps[index + 1:]:
        if qubit in step.wires:
            return _IZ if step.kind == "pool" and step.wires[0] == qubit else _ALL
    return _IZ


def _inputs(R: Tensor, axis: int, size: int) -> Tensor:
    """R restricted to the letters that a qubit with `size` of them has: {I, Z}, {I, X, Z} or all."""
    return R if size == 4 else R.index_select(axis, torch.tensor({2: [0, 3], 3: [0, 1, 3]}[size], device=R.device))


def _convolve(groups: dict[int, _Group], wires: tuple[int, int], R: Tensor) -> None:
    """Replaces the two qubits' words by those after the gate, joining their groups."""
    a, b = wires
    left, right = groups[a], groups[b]
    if left is right:
        T = left.last(a, b)
        rest = T.shape[:-2]
        block = _inputs(_inputs(R, 2, T.shape[-2]), 3, T.shape[-1])
        T = (T.reshape(-1, block.shape[2] * block.shape[3])
             @ block.flatten(2).flatten(0, 1).T).view(*rest, *block.shape[:2])
        left.T = T
        return
    X, Y = left.last(a), right.last(b)
    B, block = len(X), _inputs(_inputs(R, 2, X.shape[-1]), 3, Y.shape[-1])
    t, u = block.shape[:2]
    # The gate meets the smaller group first; then one batched product writes the joined group.
    X2, Y2 = X.reshape(B, -1, X.shape[-1]), Y.reshape(B, -1, Y.shape[-1])
    if X2.shape[1] >= Y2.shape[1]:
        inner = torch.einsum("tuvw,bqw->bvtuq", block, Y2).reshape(B, X.shape[-1], -1)
        T = (X2 @ inner).view(B, *X.shape[1:-1], t, u, *Y.shape[1:-1])
        order = [*left.qubits[:-1], a, b, *right.qubits[:-1]]
    else:
        inner = torch.einsum("tuvw,bpv->bwtup", block, X2).reshape(B, Y.shape[-1], -1)
        T = (Y2 @ inner).view(B, *Y.shape[1:-1], t, u, *X.shape[1:-1])
        order = [*right.qubits[:-1], a, b, *left.qubits[:-1]]
    joined = _Group(order, T)
    for q in order:
        groups[q] = joined


def _pool(groups: dict[int, _Group], wires: tuple[int, int], R: Tensor) -> Tensor:
    """Drops the measured qubit after its outcome has turned the kept one; returns its <Z>, (B,)."""
    a, b = wires
    group = groups[a]  # they have met in the convolution before
    T = group.last(a, b)
    z = T.reshape(len(T), -1, T.shape[-2], T.shape[-1])[:, 0, 1, 0]  # Z on the measured qubit, I on all others
    block = _inputs(_inputs(R[0], 1, T.shape[-2]), 2, T.shape[-1])  # I on the measured qubit afterwards: (u, v, w)
    group.T = (T.reshape(-1, T.shape[-2] * T.shape[-1]) @ block.flatten(1).T).view(*T.shape[:-2], len(block))
    group.qubits = group.qubits[:-2] + [b]
    del groups[a]
    return z


def _probabilities(groups: dict[int, _Group], kept: list[int]) -> Tensor:
    """Joint outcome probabilities of the kept qubits, (B, 2^k), the first most significant."""
    order: list[int] = []
    T = groups[kept[0]].T.new_ones(len(groups[kept[0]].T), 1)
    for group in dict.fromkeys(groups[q] for q in kept):
        T, order = torch.einsum("bp,bq->bpq", T.flatten(1), group.T.flatten(1)), order + group.qubits
    T = T.reshape(len(T), *(2,) * len(order)).permute(0, *(1 + order.index(q) for q in kept))
    half = T.new_tensor([[0.5, 0.5], [0.5, -0.5]])  # p(0), p(1) from <I>, <Z>
    for _ in kept:
        T = torch.tensordot(T, half, ([1], [1]))  # each pass moves the first axis to the end
    return T.flatten(1)
