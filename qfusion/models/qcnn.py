"""A quantum convolutional network in three forms: effective observables, expectations for training, and density
matrices step by step as the reference."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import torch
from torch import Tensor, nn

from qfusion._checks import check, choose
from qfusion.quantum import circuits, decomposition, states

# A quantum convolutional network as effective observables of its input qubits (Cong, Choi, Lukin 2019; Hur, Kim, Park
# 2022).
#
# Every layer applies one shared two-qubit block to even, odd and ring pairs, then pools: every second qubit is measured
# and the outcome chooses one of two U3 rotations of its neighbour. The head is linear in the joint probabilities of the
# qubits that remain and in Z of the measured ones, so each score is the expectation of one observable. That
# observable is
# pulled back through the circuit in the Pauli basis: measured qubits stay in {I, Z}, and since the input qubits are
# real,
# only words in {I, X, Z} are kept at the end.

MAX_QUBITS = 10
HEAD_SCALE = (
    4.0  # scores are HEAD_SCALE * (W f) + b: features lie in [-1, 1], logits should not have to
)
IZ, IXZ, ALL = [0, 3], [0, 1, 3], [0, 1, 2, 3]  # letters of I, X, Y, Z
_OF_SIZE = {2: IZ, 3: IXZ, 4: ALL}  # letters that a qubit with so many of them has
Channel = Callable[["Step"], Tensor | None]


class Step(NamedTuple):
    """Two-qubit operation: "conv" on (left, right) or "pool" on (measured, kept), with the layer whose parameters it
    shares.
    """

    kind: str
    layer: int
    wires: tuple[int, int]


def layout(n: int) -> tuple[list[Step], list[int]]:
    """Return the steps in order and the qubits that are never measured: one layer at least, then until at most four
    are left."""
    steps, wires, layer = [], list(range(n)), 0
    while layer == 0 or len(wires) > 4:
        pairs = [(a, a + 1) for first in (0, 1) for a in range(first, len(wires) - 1, 2)]
        if len(wires) > 2:
            pairs.append((len(wires) - 1, 0))
        steps += [
            *(Step("conv", layer, (wires[a], wires[b])) for a, b in pairs),
            *(Step("pool", layer, (wires[a + 1], wires[a])) for a in range(0, len(wires) - 1, 2)),
        ]
        wires, layer = wires[::2], layer + 1
    return steps, wires


class QCNN(nn.Module):
    """The network on n qubits with C scores.

    Args:
        n: input qubits, 2 to 10.
        C: scores.
        block: convolution block, of `quantum.circuits.BLOCKS`.

    Raises:
        InvalidInput: when n is out of range, with the limit.
        NotFound: when the block does not exist.
    """

    def __init__(self, n: int, C: int, block: str = "su4", spread: float = 0.03):
        super().__init__()
        check(
            2 <= n <= MAX_QUBITS,
            f"Argument `elements` must lie between 2 and {MAX_QUBITS}, but is {n}: the exact observables hold 3^n "
            f"numbers per score. Take {MAX_QUBITS} or fewer: they can score any number of classes.",
        )
        self.n, self.block = n, choose("Convolution block", block, circuits.BLOCKS)
        self.steps, self.retained = layout(n)
        self.measured = [step.wires[0] for step in self.steps if step.kind == "pool"]
        layers = 1 + max(step.layer for step in self.steps)
        self.convolution = nn.Parameter(
            torch.randn(layers, circuits.BLOCKS[block].parameters) * spread
        )
        self.pooling = nn.Parameter(torch.randn(layers, 6) * spread)
        self.head = nn.Parameter(torch.randn(C, 2 ** len(self.retained) + len(self.measured)) * 0.5)

    def readout(self) -> Tensor:
        """Return the head as an observable after the circuit: coefficients (C, 2, ..., 2) of words in {I, Z} on n
        qubits."""
        C, k = len(self.head), len(self.retained)
        words = _walsh((HEAD_SCALE * self.head[:, : 2**k]).view(C, *(2,) * k))
        full = words.new_zeros(C, *(2,) * self.n)
        slices: tuple[slice | int, ...] = (
            slice(None),
            *(slice(None) if q in self.retained else 0 for q in range(self.n)),
        )
        full[slices] += words
        for j, q in enumerate(self.measured):
            single: tuple[slice | int, ...] = (slice(None), *(int(w == q) for w in range(self.n)))
            full[single] += HEAD_SCALE * self.head[:, 2**k + j]
        return full

    def matrix(self, step: Step) -> Tensor:
        """Return the unitary of a step, (4, 4); for "pool" the measured qubit controls, which equals measuring it
        first."""
        return (
            circuits.unitary(self.block, self.convolution[step.layer])
            if step.kind == "conv"
            else torch.block_diag(*circuits.rotation_matrices(self.pooling[step.layer].view(2, 3)))
        )

    def moments(self) -> list[tuple[str, int]]:
        """Return the places between the layers' parts and how many steps are done there: ("input", 0), ("layer 0
        convolved", n), ..."""
        ends = {(step.layer, step.kind): done for done, step in enumerate(self.steps, 1)}
        return [("input", 0)] + [
            (f"layer {layer} {'convolved' if kind == 'conv' else 'pooled'}", done)
            for (layer, kind), done in ends.items()
        ]

    def transfer_matrices(self, steps: Sequence[Step]) -> dict[tuple[str, int], Tensor]:
        """Return the maps (16, 16) of Pauli words that gates of steps make, by kind and layer."""
        return {
            key: decomposition.transfer_matrix(self.matrix(step))
            for key, step in {(step.kind, step.layer): step for step in steps}.items()
        }

    def observables(
        self, first: int = 0, channel: Channel = lambda _: None, last: int | None = None
    ) -> Tensor:
        """Return the scores' observables pulled back to the state before step `first`.

        Args:
            first: 0 pulls back to the input, len(steps) is the read-out itself.
            last: read out after that many steps, leaving later ones out; all unless given.
            channel: for each step, Kraus operators (K, 4, 4) to apply after its gate, or None: noise.

        Returns:
            (C, 3, ..., 3) coefficients of words in {I, X, Z} for `first` = 0; else (C, 4, ..., 4) in {I, X, Y, Z}.
        """
        O, order = self.readout(), list(range(self.n))  # order: the qubit of each leg of O
        letters = [_OF_SIZE[side] for side in O.shape[1:]]
        maps = self.transfer_matrices(self.steps[first:last])
        for index, real in _backwards(tuple(self.steps[:last]), first):
            step, noise = self.steps[index], channel(self.steps[index])
            R = maps[step.kind, step.layer]
            R = R if noise is None else decomposition.transfer_matrix(noise) @ R
            after = [IXZ if q in real else ALL for q in step.wires]
            if step.kind == "pool" and noise is None:
                after[0] = IZ  # a control that is measured stays diagonal
            block = _select(R.view(4, 4, 4, 4), [*(letters[q] for q in step.wires), *after])
            O = torch.tensordot(O, block, ([1 + order.index(q) for q in step.wires], [0, 1]))
            order = [q for q in order if q not in step.wires] + list(step.wires)
            letters[step.wires[0]], letters[step.wires[1]] = after
        O = O.permute(0, *(1 + order.index(q) for q in range(self.n)))
        return _expand(O, letters, IXZ if first == 0 else ALL)


@cache
def _backwards(steps: tuple[Step, ...], first: int) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """The places of the steps from the last to `first`, each with its qubits that are in a real state before it: all
    that no earlier step touches, if `first` is 0.

    Steps on different qubits commute. The next is the one after which fewest letters are left, so that an observable
    grows on a few qubits at a time: at ten qubits that takes a fifth of the time.
    """
    size, left, result = (
        dict.fromkeys(range(MAX_QUBITS), len(IZ)),
        list(range(first, len(steps))),
        [],
    )
    while left:
        ready = [
            i
            for i in left
            if not any(set(steps[i].wires) & set(steps[j].wires) for j in left if j > i)
        ]
        real = {
            i: tuple(
                q
                for q in steps[i].wires
                if not first and all(q not in step.wires for step in steps[:i])
            )
            for i in ready
        }
        after = {i: {q: len(IXZ if q in real[i] else ALL) for q in steps[i].wires} for i in ready}
        growth = {
            i: math.prod(after[i].values()) / math.prod(size[q] for q in steps[i].wires)
            for i in ready
        }
        best = min(reversed(ready), key=growth.__getitem__)
        size |= after[best]
        if steps[best].kind == "pool":
            size[steps[best].wires[0]] = len(IZ)
        left.remove(best)
        result.append((best, real[best]))
    return tuple(result)


def _select(R: Tensor, letters: Sequence[Sequence[int]]) -> Tensor:
    """R with only these letters on each of its axes."""
    for axis, chosen in enumerate(letters):
        if len(chosen) < 4:
            R = R.index_select(axis, torch.tensor(chosen, device=R.device))
    return R


def _expand(O: Tensor, letters: list[list[int]], wanted: list[int]) -> Tensor:
    """Fill in letters that are absent (coefficient 0) and drop unwanted ones."""
    for axis, present in enumerate(letters):
        if present != wanted:
            place = O.new_tensor([[float(p == w) for w in wanted] for p in present])
            O = torch.tensordot(O, place, ([1 + axis], [0])).movedim(-1, 1 + axis)
    return O


def evaluate(O: Tensor, vectors: Tensor) -> Tensor:
    """Return sum_w O_cw prod_i vectors[b, i, w_i], (B, C), for O (C, 3, ..., 3) and per-qubit (1, <X>, <Z>) of shape
    (B, n, 3)."""
    C, n = len(O), vectors.shape[1]
    k = n // 2
    # by halves: the products of all n would be most of the work
    words = O.reshape(C, 3**k, -1).transpose(0, 1).flatten(1)
    parts = []
    for chunk in vectors.split(max(1, 20_000_000 // words.shape[1])):
        left, right = products(chunk, range(k)), products(chunk, range(k, n))
        parts.append(((left @ words).view(len(chunk), C, -1) @ right[:, :, None])[..., 0])
    return torch.cat(parts)


def products(vectors: Tensor, qubits: range) -> Tensor:
    """Return the row-wise tensor product of vectors[:, i], (B, n, K), over the qubits: (B, prod of sizes)."""
    return states.product([vectors[:, i] for i in qubits])


def multiply_legs(O: Tensor, R: Tensor) -> Tensor:
    """Return coefficients (B, in, ..., in) with every leg multiplied by R (in, out): (B, out, ..., out)."""
    for _ in O.shape[1:]:
        O = torch.tensordot(O, R, ([1], [0]))  # each pass moves the first leg to the end
    return O


def _walsh(T: Tensor) -> Tensor:
    """Coefficients (B, 2, ..., 2) of |0><0| = (I + Z) / 2 and |1><1| = (I - Z) / 2 from those of I and Z, or back: with
    each leg transformed."""
    return multiply_legs(T, T.new_tensor([[0.5, 0.5], [0.5, -0.5]]))


# What the head of a quantum convolutional network reads, sample by sample: the forward path for training.
#
# Real expectation values of Pauli words, no state: the inputs are mixed. Where all qubits of the first layer have
# partners it is a ring of sites (even qubit, odd qubit): its words on the kept qubits are traces of
# products of one 8 x 8 matrix a site, as of a matrix product state, and the 4^n words never stand
# at once. Otherwise, and in later layers, words are carried through the circuit in groups of qubits
# that have met; groups join only when a gate first connects them, a qubit that is about to be
# measured keeps {I, Z} alone, and one that was measured leaves with its <Z> as soon as its gates
# are done.

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


def network_features(network: QCNN, vectors: Tensor) -> Tensor:
    """Return the joint probabilities of the kept qubits, then <Z> of the measured ones, (B, F).

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
        return max(64, _CACHED // (64 * max(U ** ((network.n + 2) // 4), U * network.n // 2)))
    return max(64, _CACHED // 4 ** (network.n - 2))


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
        R, after = maps[step.kind, step.layer], [_letters(network, index, q) for q in step.wires]
        if step.kind == "pool":
            measured[index] = _pool(groups, step.wires, R[:, after[1]])
        else:
            _convolve(groups, step.wires, R[after[0]][:, after[1]])
    return torch.cat(
        [
            _probabilities(groups, network.retained),
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
    """Apply the first layer on n = 2 s qubits. Add <Z> of the measured qubits to `measured`, and return the words of
    the kept qubits.

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
    sites, half = A.unbind(1), (s + 1) // 2
    left, right = _chain(sites[:half]), _chain(sites[half:])
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
    X, Y = left.last(a), right.last(b)
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


# The fused qubits' density matrix through the quantum convolutional network, step by step: the reference for the
# effective observables, and what the Circuit page shows between the gates.


def fused_state(vectors: Tensor) -> Tensor:
    """Return the product density matrix (..., 2^n, 2^n) of qubits with vectors (1, <X>, <Z>), (..., n, 3)."""
    letters = decomposition.PAULIS[[0, 1, 3]].to(vectors.device)
    qubits = torch.einsum("...w,wij->...ij", vectors.to(torch.complex128), letters) / 2
    return states.kron(qubits.unbind(-3))


def apply_channel(rho: Tensor, kraus: Tensor, wires: tuple[int, ...], n: int) -> Tensor:
    """Return sum_k K rho K^+ with K (K, 2^w, 2^w) on the given qubits of rho (..., 2^n, 2^n)."""
    batch, w = rho.shape[:-2], len(wires)
    K = kraus.to(rho.dtype).reshape(-1, 2**w, 2**w)
    # rows and columns at once: rho is copied once
    channel = torch.einsum("kab,kcd->acbd", K, K.conj()).reshape((2,) * (4 * w))
    legs = [1 + q for q in wires] + [1 + n + q for q in wires]
    out = torch.tensordot(
        channel, rho.reshape(-1, *(2,) * (2 * n)), (list(range(2 * w, 4 * w)), legs)
    )
    return out.movedim(list(range(2 * w)), legs).reshape(*batch, 2**n, 2**n)


@torch.no_grad()
def density_states(
    network: QCNN, vectors: Tensor, channel: Channel = lambda _: None
) -> list[Tensor]:
    """Return the density matrices before the first step and after every step, each (..., 2^n, 2^n).

    After pooling, the measured qubit's coherences are gone: its state is the classical record of the outcome.

    Args:
        network: whose steps are taken.
        vectors: fused qubits (1, <X>, <Z>), (..., n, 3).
        channel: noise after each step's gate, as for `QCNN.observables`.
    """
    rho = fused_state(vectors)
    measured = torch.stack([rho.new_tensor([1, 0]).diag(), rho.new_tensor([0, 1]).diag()])
    result = [rho]
    for step in network.steps:
        rho = apply_channel(rho, network.matrix(step)[None], step.wires, network.n)
        if step.kind == "pool":
            rho = apply_channel(rho, measured, step.wires[:1], network.n)
        noise = channel(step)
        if noise is not None:
            rho = apply_channel(rho, noise, step.wires, network.n)
        result.append(rho)
    return result


def outcome_scores(network: QCNN, p: Tensor) -> Tensor:
    """Return the scores (..., C), without the bias, of the probabilities (..., 2^n) of the outcomes of all qubits.
    The head reads joint probabilities of the kept qubits, then Z of the measured ones.
    """
    b, qubits = p.ndim - 1, range(network.n)
    p = p.unflatten(-1, (2,) * network.n)
    joint = p.sum([b + q for q in qubits if q not in network.retained]).flatten(b)
    single = [p.sum([b + w for w in qubits if w != q]) for q in network.measured]
    features = torch.cat([joint, torch.stack([s[..., 0] - s[..., 1] for s in single], -1)], -1)
    return HEAD_SCALE * features @ network.head.double().T


def density_scores(network: QCNN, rho: Tensor) -> Tensor:
    """Return the scores (..., C), without the bias, of final states (..., 2^n, 2^n)."""
    return outcome_scores(network, torch.diagonal(rho, dim1=-2, dim2=-1).real)
