"""A quantum convolutional network: as effective observables of its input qubits, and step by step on a density matrix.

A quantum convolutional network as effective observables of its input qubits (Cong, Choi, Lukin 2019; Hur, Kim, Park
2022).

Every layer applies one shared two-qubit block to even, odd and ring pairs, then pools: every second qubit is measured
and the outcome chooses one of two rotations of its neighbour. The rotations are two free U3 ("conditional"), or RX for
outcome 0 and RZ for outcome 1 ("controlled": the pooling circuit of Hur, Kim, Park, whose controlled rotations followed
by the trace of the control equal measuring it first). The head is linear in the joint probabilities of the qubits that
remain and, unless it reads the "retained" qubits alone, in Z of the measured ones. So each score is the expectation of
one observable. This observable is pulled back through the circuit in the Pauli basis: measured qubits stay in {I, Z},
and since the input qubits are real, only words in {I, X, Z} are needed at the end.

The density matrix of the fused qubits through a quantum convolutional network, step by step.

It is the reference for the effective observables, and the Circuit page shows it between the gates.
"""

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal, NamedTuple

import torch
from torch import Tensor, nn

from qfusion._checks import check
from qfusion.quantum import circuits, decomposition, states

MAX_QUBITS = 10
HEAD_SCALE = (
    4.0  # scores are HEAD_SCALE * (W f) + b: features lie in [-1, 1], logits should not have to
)
IZ, IXZ, ALL = [0, 3], [0, 1, 3], [0, 1, 2, 3]  # letters of I, X, Y, Z
_OF_SIZE = {2: IZ, 3: IXZ, 4: ALL}  # letters that a qubit with so many of them has

# The gates that pooling applies to the kept qubit when the measured one reads 0 or 1.
PoolingName = Literal["conditional", "controlled"]
POOLING_GATES: dict[PoolingName, tuple[str, str]] = {
    "conditional": ("U3", "U3"),
    "controlled": ("RX", "RZ"),
}
HeadName = Literal["all", "retained"]  # the qubits that the head reads
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
    are left.

    Example:
        >>> from qfusion.models.network.qcnn import layout
        >>> steps, retained = layout(8)
        >>> retained
        [0, 2, 4, 6]
    """
    steps, wires, layer = [], list(range(n)), 0
    while layer == 0 or len(wires) > 4:
        pairs = [(a, a + 1) for first in (0, 1) for a in range(first, len(wires) - 1, 2)]
        if len(wires) > 2:
            pairs.append((len(wires) - 1, 0))
        for a, b in pairs:
            steps.append(Step("conv", layer, (wires[a], wires[b])))
        for a in range(0, len(wires) - 1, 2):
            steps.append(Step("pool", layer, (wires[a + 1], wires[a])))
        wires, layer = wires[::2], layer + 1
    return steps, wires


class QCNN(nn.Module):
    """The network on n qubits with C scores.

    Args:
        n: input qubits, 2 to 10.
        C: scores.
        block: convolution block, of `quantum.circuits.BLOCKS`.
        spread: standard deviation of the initial angles.
        circuit_pooling: of POOLING_GATES: "conditional" chooses one of two U3, six angles a layer; "controlled" RX for
            outcome 0 and RZ for outcome 1, two angles a layer.
        head: "all" reads the retained qubits' joint probabilities and Z of every measured qubit, "retained"
            the former alone.

    Raises:
        InvalidInput: when n is out of range, with the limit.
    """

    def __init__(
        self,
        n: int,
        C: int,
        block: circuits.BlockName = "su4",
        spread: float = 0.03,
        circuit_pooling: PoolingName = "conditional",
        head: HeadName = "all",
    ):
        super().__init__()
        check(
            2 <= n <= MAX_QUBITS,
            f"Argument `elements` must lie between 2 and {MAX_QUBITS}, but is {n}: the exact observables hold 3^n "
            f"numbers per score. Take {MAX_QUBITS} or fewer: they can score any number of classes.",
        )
        self.n, self.block = n, block
        self.circuit_pooling = circuit_pooling
        self.reads = head
        self.steps, self.retained = layout(n)
        self.measured = [step.wires[0] for step in self.steps if step.kind == "pool"]
        layers = 1 + max(step.layer for step in self.steps)
        self.convolution = nn.Parameter(
            torch.randn(layers, circuits.BLOCKS[block].parameters) * spread
        )
        angles = sum(circuits.PARAMETERS[gate] for gate in self.pooling_gates)
        self.pooling = nn.Parameter(torch.randn(layers, angles) * spread)
        features = 2 ** len(self.retained) + len(self.read_singly)
        self.head = nn.Parameter(torch.randn(C, features) * 0.5)

    @property
    def pooling_gates(self) -> tuple[str, str]:
        """The gates on the kept qubit for the outcomes 0 and 1 of pooling."""
        return POOLING_GATES[self.circuit_pooling]

    @property
    def read_singly(self) -> Sequence[int]:
        """The measured qubits whose <Z> the head reads, in the order of its columns."""
        return self.measured if self.reads == "all" else ()

    def pooling_angles(self, outcome: int) -> range:
        """Return the places, among a layer's pooling angles, of those of the gate for an outcome."""
        first, second = (circuits.PARAMETERS[gate] for gate in self.pooling_gates)
        return range(first, first + second) if outcome else range(first)

    def conditioned_rotations(self, layer: int) -> Tensor:
        """Return the matrices on the kept qubit for the outcomes 0 and 1 of a layer's pooling, (2, 2, 2)."""
        angles = self.pooling[layer]
        if self.circuit_pooling == "conditional":
            return circuits.rotation_matrices(angles.view(2, 3))
        return torch.stack(
            [
                circuits.rotation(gate, angles[self.pooling_angles(outcome)])
                for outcome, gate in enumerate(self.pooling_gates)
            ]
        )

    def readout(self) -> Tensor:
        """Return the head as an observable after the circuit: coefficients (C, 2, ..., 2) of words in {I, Z} on n
        qubits."""
        C = len(self.head)
        k = len(self.retained)
        words = _walsh((HEAD_SCALE * self.head[:, : 2**k]).view(C, *(2,) * k))
        full = words.new_zeros(C, *(2,) * self.n)
        slices: tuple[slice | int, ...] = (
            slice(None),
            *(slice(None) if q in self.retained else 0 for q in range(self.n)),
        )
        full[slices] += words
        for j, q in enumerate(self.read_singly):
            single: tuple[slice | int, ...] = (slice(None), *(int(w == q) for w in range(self.n)))
            full[single] += HEAD_SCALE * self.head[:, 2**k + j]
        return full

    def matrix(self, step: Step) -> Tensor:
        """Return the unitary of a step, (4, 4); for "pool" the measured qubit controls, which equals measuring it
        first."""
        if step.kind == "conv":
            return circuits.unitary(self.block, self.convolution[step.layer])
        return torch.block_diag(*self.conditioned_rotations(step.layer))

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

    It is asked for at every batch of a training, where the key of the cache of results would walk through all steps.
    """
    size = dict.fromkeys(range(MAX_QUBITS), len(IZ))
    left = list(range(first, len(steps)))
    result = []
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
        left = products(chunk, range(k))
        right = products(chunk, range(k, n))
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
    The head reads joint probabilities of the retained qubits, then Z of the measured ones in `network.read_singly`.
    """
    b = p.ndim - 1
    qubits = range(network.n)
    p = p.unflatten(-1, (2,) * network.n)
    joint = p.sum([b + q for q in qubits if q not in network.retained]).flatten(b)
    single = [p.sum([b + w for w in qubits if w != q]) for q in network.read_singly]
    features = torch.cat([joint, *((s[..., 0] - s[..., 1])[..., None] for s in single)], -1)
    return HEAD_SCALE * features @ network.head.double().T


def density_scores(network: QCNN, rho: Tensor) -> Tensor:
    """Return the scores (..., C), without the bias, of final states (..., 2^n, 2^n)."""
    return outcome_scores(network, torch.diagonal(rho, dim1=-2, dim2=-1).real)
