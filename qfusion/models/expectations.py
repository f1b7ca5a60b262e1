"""What the head of a quantum convolutional network reads, sample by sample: the forward path for training.

Real expectation values of Pauli words, no state: the inputs are mixed. Where all qubits of the first layer have
partners it is a ring of sites (even qubit, odd qubit): its words on the kept qubits are traces of products of one 8 x 8
matrix a site, as of a matrix product state, and the 4^n words never stand at once. Otherwise, and in later layers,
words are carried through the circuit in groups of qubits that have met; groups join only when a gate first connects
them, a qubit that is about to be measured keeps {I, Z} alone, and one that was measured leaves with its <Z> as soon as
its gates are done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from qfusion.models.qcnn import HEAD_SCALE, QCNN, evaluate
from qfusion.quantum.decomposition import transfer_matrix

_IZ, _IXZ, _ALL = [0, 3], [0, 1, 3], [0, 1, 2, 3]
_CACHED = 2**20  # numbers


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
    steps = {(step.kind, step.layer): step for step in network.steps}
    maps = {
        key: transfer_matrix(network.matrix(step)).view(4, 4, 4, 4) for key, step in steps.items()
    }
    parts = [_features(network, part, maps) for part in vectors.split(_rows(network))]
    return torch.cat(parts) if len(parts) > 1 else parts[0]


def is_ring(network: QCNN) -> bool:
    """Whether all qubits of the first layer have partners."""
    return network.n % 2 == 0 and network.n > 2


def _rows(network: QCNN) -> int:
    """How many samples at once: what is worked out of them fits the processor's cache."""
    if is_ring(network):
        U = 2 if len(network.kept) == network.n // 2 else 4
        return max(64, _CACHED // (64 * max(U ** ((network.n + 2) // 4), U * network.n // 2)))
    return max(64, _CACHED // 4 ** (network.n - 2))


def _features(network: QCNN, vectors: Tensor, maps: Mapping[tuple[str, int], Tensor]) -> Tensor:
    measured: dict[int, Tensor] = {}
    begins = 0
    if is_ring(network):
        groups, begins = _ring(network, vectors, maps, measured), 1
    else:
        groups = {q: _Group([q], vectors[:, q]) for q in range(network.n)}
    for index in _order(network):
        step = network.steps[index]
        if step.layer < begins:
            continue
        R, after = maps[step.kind, step.layer], [_letters(network, index, q) for q in step.wires]
        if step.kind == "pool":
            measured[index] = _pool(groups, step.wires, R[:, after[1]])
        else:
            _convolve(groups, step.wires, R[after[0]][:, after[1]])
    return torch.cat(
        [
            _probabilities(groups, network.kept),
            torch.stack([measured[index] for index in sorted(measured)], -1),
        ],
        -1,
    )


def _ring(
    network: QCNN,
    vectors: Tensor,
    maps: Mapping[tuple[str, int], Tensor],
    measured: dict[int, Tensor],
) -> dict[int, _Group]:
    """The first layer on n = 2 s qubits; adds <Z> of the measured qubits, and returns the words of the kept ones.

    Site j holds qubits 2 j (e, kept) and 2 j + 1 (o, measured). Its pair of words P_j[e, o] is the convolution of two
    inputs. The convolution of o_j with e_{j+1} leads to letters x, of {I, Z}, of the qubit that is then measured, and y
    of the one that the pooling of site j + 1 turns by that site's own x':

        A_j[(e, x), u, (e', x')] = sum_o P_j[e, o] sum_y R[x, y, o, e'] Q[u, x', y]
        <word u_0 u_1 ...> = Tr A_{s-1}[u_0] A_0[u_1] ... A_{s-2}[u_{s-1}]
    """
    B, s = len(vectors), network.n // 2
    pools = [
        index for index, step in enumerate(network.steps) if (step.kind, step.layer) == ("pool", 0)
    ]
    kept = [network.steps[index].wires[1] for index in pools]
    letters = _letters(network, pools[-1], kept[-1])
    U = len(letters)
    R, Q = maps["conv", 0], maps["pool", 0][0, letters][:, _IZ]
    inputs = vectors.roll(2, 1).view(B, s, 2, 3)  # the last site first
    pairs = (inputs[:, :, 0, :, None] * inputs[:, :, 1, None, :]).view(B * s, 9)
    P = pairs @ R[..., _IXZ, :][..., _IXZ].reshape(16, 9).T
    D = torch.einsum("xyof,uzy->oxufz", R[_IZ], Q).reshape(4, -1)
    A = (P.view(-1, 4) @ D).view(B, s, 8, U, 8)
    P = P.view(B, s, 4, 4)
    z = ((P[:, :, 0] @ R[3, 0]) * P[..., 0].roll(-1, 1)).sum(-1)  # R[Z, I, o, e'], all others I
    measured |= dict(zip(pools, z.roll(-1, 1).unbind(1), strict=True))
    sites, half = A.unbind(1), (s + 1) // 2
    left, right = _chain(sites[:half]), _chain(sites[half:])
    T = left.transpose(1, 2).flatten(2) @ right.permute(0, 3, 1, 2).flatten(1, 2)
    joined = _Group(kept, T.view(B, *(U,) * s))
    return dict.fromkeys(kept, joined)


def _chain(sites: Sequence[Tensor]) -> Tensor:
    """Products of the matrices of neighbouring sites, each (B, 8, U, 8), -> (B, 8, U^s, 8), the first site's word
    slowest."""
    product = sites[0]
    for each in sites[1:]:
        B, side = each.shape[:2]
        product = (product.reshape(B, -1, side) @ each.reshape(B, side, -1)).view(B, side, -1, side)
    return product


def scores(network: QCNN, vectors: Tensor) -> Tensor:
    """Returns the scores of fused qubits, (B, n, 3) -> (B, C), by whichever way is cheaper: their features, or, of many
    samples, the observables pulled back once."""
    C = len(network.head)
    many = (
        C < 6 and len(vectors) > 300 * C
        if is_ring(network)
        else len(vectors) > 2 * C * 2 ** (network.n / 2)
    )
    if many:  # measured
        return evaluate(network.observables(), vectors)
    return HEAD_SCALE * features(network, vectors) @ network.head.T


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
    """What is still needed of a qubit after step `index`: {I, Z} when it is measured or read next, else everything."""
    for step in network.steps[index + 1 :]:
        if qubit in step.wires:
            return _IZ if step.kind == "pool" and step.wires[0] == qubit else _ALL
    return _IZ


def _inputs(R: Tensor, axis: int, size: int) -> Tensor:
    """R restricted to the letters that a qubit with `size` of them has: {I, Z}, {I, X, Z} or all."""
    return (
        R
        if size == 4
        else R.index_select(axis, torch.tensor({2: [0, 3], 3: [0, 1, 3]}[size], device=R.device))
    )


def _convolve(groups: dict[int, _Group], wires: tuple[int, int], R: Tensor) -> None:
    """Replaces the two qubits' words by those after the gate, joining their groups."""
    a, b = wires
    left, right = groups[a], groups[b]
    if left is right:
        T = left.last(a, b)
        rest = T.shape[:-2]
        block = _inputs(_inputs(R, 2, T.shape[-2]), 3, T.shape[-1])
        T = (
            T.reshape(-1, block.shape[2] * block.shape[3]) @ block.flatten(2).flatten(0, 1).T
        ).view(*rest, *block.shape[:2])
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
    z = T.reshape(len(T), -1, T.shape[-2], T.shape[-1])[
        :, 0, 1, 0
    ]  # Z on the measured qubit, I on all others
    block = _inputs(
        _inputs(R[0], 1, T.shape[-2]), 2, T.shape[-1]
    )  # I on the measured qubit afterwards: (u, v, w)
    group.T = (T.reshape(-1, T.shape[-2] * T.shape[-1]) @ block.flatten(1).T).view(
        *T.shape[:-2], len(block)
    )
    group.qubits = group.qubits[:-2] + [b]
    del groups[a]
    return z


def _probabilities(groups: dict[int, _Group], kept: list[int]) -> Tensor:
    """Joint outcome probabilities of the kept qubits, (B, 2^k), the first most significant."""
    order: list[int] = []
    T = groups[kept[0]].T.new_ones(len(groups[kept[0]].T), 1)
    for group in dict.fromkeys(groups[q] for q in kept):
        T, order = (
            torch.einsum("bp,bq->bpq", T.flatten(1), group.T.flatten(1)),
            order + group.qubits,
        )
    T = T.reshape(len(T), *(2,) * len(order)).permute(0, *(1 + order.index(q) for q in kept))
    half = T.new_tensor([[0.5, 0.5], [0.5, -0.5]])  # p(0), p(1) from <I>, <Z>
    for _ in kept:
        T = torch.tensordot(T, half, ([1], [1]))  # each pass moves the first axis to the end
    return T.flatten(1)
