"""Gates of the quantum convolutional network, as trainable matrices and as lists for PennyLane; the statevector they
act on, and the light cone of a read-out."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import compress
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.quantum import states
from qfusion.quantum.arrays import takes_arrays

# Gates of the quantum convolutional network, as matrices that can be trained and as lists that PennyLane can draw.
#
# A block is a tuple of operations `(gate, parameters, wires)` with PennyLane's gate names,
# parameters and matrices; wire 0 is leftmost. The blocks are the convolution circuits of Hur, Kim,
# Park 2022 (Quantum Machine Intelligence 4, 3; arXiv 2108.00661, figure 2).


class Operation(NamedTuple):
    """One gate of a block: its name, the indices of its parameters among the block's, and the indices of its wires
    among the two.
    """

    gate: str
    parameters: tuple[int, ...]
    wires: tuple[int, ...]


class Block(NamedTuple):
    """A two-qubit circuit, its number of parameters and where it comes from."""

    operations: tuple[Operation, ...]
    parameters: int
    source: str


def _block(text: str, source: str) -> Block:
    """Read "RY 0|CNOT 0,1": gates and their wires; parameters are taken in order."""
    operations, count = [], 0
    for item in text.split("|"):
        gate, wires = item.split()
        taken = tuple(range(count, count + _PARAMETERS[gate]))
        operations.append(Operation(gate, taken, tuple(map(int, wires.split(",")))))
        count += len(taken)
    return Block(tuple(operations), count, source)


_PARAMETERS = {"RX": 1, "RY": 1, "RZ": 1, "U3": 3, "H": 0, "CNOT": 0, "CZ": 0, "CRX": 1, "CRZ": 1}

BLOCKS: dict[str, Block] = {
    "su4": _block(
        "U3 0|U3 1|CNOT 0,1|RY 0|RZ 1|CNOT 1,0|RY 0|CNOT 0,1|U3 0|U3 1",
        "any two-qubit unitary (Vatan and Williams 2004)",
    ),
    "so4": _block(
        "RY 0|RY 1|CNOT 0,1|RY 0|RY 1|CNOT 0,1|RY 0|RY 1",
        "any real two-qubit unitary (Wei and Di 2012)",
    ),
    "circuit6": _block(
        "RX 0|RX 1|RZ 0|RZ 1|CRX 1,0|CRX 0,1|RX 0|RX 1|RZ 0|RZ 1",
        "circuit 6 of Sim, Johnson, Aspuru-Guzik 2019",
    ),
    "circuit5": _block(
        "RX 0|RX 1|RZ 0|RZ 1|CRZ 1,0|CRZ 0,1|RX 0|RX 1|RZ 0|RZ 1",
        "circuit 5 of Sim, Johnson, Aspuru-Guzik 2019",
    ),
    "circuit14": _block(
        "RY 0|RY 1|CRX 1,0|RY 0|RY 1|CRX 0,1", "circuit 14 of Sim, Johnson, Aspuru-Guzik 2019"
    ),
    "circuit13": _block(
        "RY 0|RY 1|CRZ 1,0|RY 0|RY 1|CRZ 0,1", "circuit 13 of Sim, Johnson, Aspuru-Guzik 2019"
    ),
    "circuit15": _block(
        "RY 0|RY 1|CNOT 1,0|RY 0|RY 1|CNOT 0,1", "circuit 15 of Sim, Johnson, Aspuru-Guzik 2019"
    ),
    "circuit9": _block("H 0|H 1|CZ 0,1|RX 0|RX 1", "circuit 9 of Sim, Johnson, Aspuru-Guzik 2019"),
    "ttn": _block("RY 0|RY 1|CNOT 0,1", "tree tensor network (Grant and others 2018)"),
    "local": _block("U3 0|U3 1", "both qubits alone: it entangles nothing"),
}


# What U3's angles are besides a gate's own. Every gate turns a qubit by U3(theta, phi, delta), those whose name begins
# with C where another one is 1, up to a phase of RZ.
_CONSTANTS = (0.0, torch.pi / 2, -torch.pi / 2, torch.pi)


@lru_cache(maxsize=64)
def _u3_indices(operations: tuple[Operation, ...], given: int) -> tuple[Tensor, ...]:
    """Return each operation as the parameters of a U3 gate. The tensors are the positions of its three angles among
    those `given` and `_CONSTANTS`, (G, 3), the fraction of the last angle that is taken back as a phase, whether it
    acts on a single wire, and whether its target is wire 0, (G,) each.
    """
    zero, quarter, back, half = range(given, given + len(_CONSTANTS))
    places = [
        {
            "U3": taken,
            "RX": (*taken, back, quarter),
            "RY": (*taken, zero, zero),
            "RZ": (zero, zero, *taken),
            "H": (quarter, zero, half),
            "NOT": (half, zero, half),
            "Z": (zero, zero, half),
        }[gate.removeprefix("C")]
        for gate, taken, _ in operations
    ]
    return (
        torch.tensor(places),
        torch.tensor([0.5 * gate.endswith("RZ") for gate, *_ in operations]),
        torch.tensor([len(wires) == 1 for *_, wires in operations]),
        torch.tensor([wires[-1] == 0 for *_, wires in operations]),
    )


def _turns(operations: tuple[Operation, ...], angles: Tensor) -> Tensor:
    """Return the matrices that operations apply to their target qubit, (G, 2, 2). The operations take their angles
    from `angles`, (P,).
    """
    places, parts, *_ = _u3_indices(operations, len(angles))
    own = torch.cat([angles, angles.new_tensor(_CONSTANTS)])[places.to(angles.device)]
    return rotation_matrices(own) * torch.exp(-1j * own[:, 2] * parts.to(own))[:, None, None]


@takes_arrays
def rotation(gate: str, angles: Tensor) -> Tensor:
    """Return the matrix (2, 2) of RX, RY, RZ (one angle), U3 (theta, phi, delta) or H (none), in the conventions of
    PennyLane."""
    return _turns((Operation(gate, tuple(range(len(angles))), (0,)),), angles)[0]


@takes_arrays
def rotation_matrices(angles: Tensor) -> Tensor:
    """Return the matrices (G, 2, 2) of several U3, of angles (G, 3) as theta, phi, delta."""
    theta, phi, delta = angles.unbind(1)
    c, s = torch.cos(theta / 2), torch.sin(theta / 2)
    left, right = torch.polar(torch.ones_like(phi), phi), torch.polar(torch.ones_like(phi), delta)
    return torch.stack([c.to(left.dtype), -s * right, s * left, c * left * right], -1).view(
        -1, 2, 2
    )


@takes_arrays
def swap_wires(U: Tensor) -> Tensor:
    """Return two-qubit operators (..., 4, 4) with their wires exchanged."""
    order = [0, 2, 1, 3]
    return U[..., order, :][..., order]


def _two_wire_matrices(operations: tuple[Operation, ...], angles: Tensor) -> Tensor:
    """The matrices (G, 4, 4) of operations on both wires, of the angles (P,) that they take from."""
    turns = _turns(operations, angles)
    *_, alone, on_first = (part.to(turns.device) for part in _u3_indices(operations, len(angles)))
    U = torch.eye(4, dtype=turns.dtype, device=turns.device).repeat(len(turns), 1, 1)
    U[:, 2:, 2:] = turns  # as if each turned wire 1
    U[alone, :2, :2] = turns[alone]
    return torch.where(on_first[:, None, None], swap_wires(U), U)


@takes_arrays
def operation_matrix(gate: str, angles: Tensor, wires: tuple[int, ...]) -> Tensor:
    """Return the matrix (4, 4) that one gate of a block has on both of its wires.

    Args:
        gate: its name.
        angles: those it takes, radians; empty when it takes none.
        wires: of 0 and 1, controls first.
    """
    return _two_wire_matrices((Operation(gate, tuple(range(len(angles))), wires),), angles)[0]


@takes_arrays
def unitary(name: str, parameters: Tensor) -> Tensor:
    """Return the block's matrix, (4, 4) complex, differentiable.

    Args:
        name: of BLOCKS.
        parameters: angles in radians, (P,).

    Raises:
        NotFound: when there is no such block.
        InvalidInput: when the number of angles differs.
    """
    block = BLOCKS[choose("Convolution block", name, BLOCKS)]
    check(
        parameters.shape == (block.parameters,),
        f"Argument `parameters` of block {name!r} must have shape ({block.parameters},), but has shape "
        f"{tuple(parameters.shape)}.",
    )
    return reduce(lambda U, gate: gate @ U, _two_wire_matrices(block.operations, parameters))


# Qubits as batches of state vectors, differentiable, and their gates as a list that can be drawn.
#
# Qubit 0 is leftmost, that is most significant; rotations have the names and conventions of PennyLane. Gates that are
# the same for all samples are applied to several qubits at once, rotations about z and rings of CNOTs as phases and a
# reordering of amplitudes.

TOGETHER = 5  # qubits, at most, whose gates are joined to one matrix: measured, for 64 rows and 4 to 12 qubits


class Gate(NamedTuple):
    """One gate of a sample's circuit.

    Attributes:
        name: PennyLane's, where it has one of that kind.
        wires: qubits it acts on, the most significant first.
        matrix: (2^w, 2^w) complex.
        values: what it is made from, by name: its parameters, in their order, then what of the sample they hold.
    """

    name: str
    wires: tuple[int, ...]
    matrix: Tensor
    values: dict[str, float]


@takes_arrays
def ground(rows: int, n: int, like: Tensor) -> Tensor:
    """Return |0...0> for so many rows, (rows, 2^n) complex, in the precision of `like`."""
    psi = torch.zeros(rows, 2**n, dtype=like.dtype.to_complex(), device=like.device)
    psi[:, 0] = 1
    return psi


@takes_arrays
def rotations(angles: Tensor) -> Tensor:
    """Return Rot(phi, theta, omega) = RZ(omega) RY(theta) RZ(phi), (..., 2, 2), of angles (..., 3) in radians."""
    phi, theta, omega = angles.unbind(-1)
    c, s = torch.cos(theta / 2), torch.sin(theta / 2)
    sum_, difference = torch.exp(0.5j * (phi + omega)), torch.exp(0.5j * (phi - omega))
    return torch.stack(
        [sum_.conj() * c, -difference * s, difference.conj() * s, sum_ * c], -1
    ).unflatten(-1, (2, 2))


@takes_arrays
def joined(matrices: Tensor) -> list[Tensor]:
    """Return gates on each qubit, (n, 2, 2), joined to few matrices (2^k, 2^k) on neighbours, the first first."""
    groups = -(-len(matrices) // TOGETHER)
    return [reduce(torch.kron, group) for group in torch.tensor_split(matrices, groups)]


@takes_arrays
def apply(psi: Tensor, gates: Iterable[Tensor]) -> Tensor:
    """Return states (B, 2^n) after gates on neighbouring qubits that are together all of them, as of `joined`."""
    B, right = psi.shape
    for U in gates:
        right //= len(U)
        psi = U @ psi.reshape(-1, len(U), right) if right > 1 else psi.reshape(-1, len(U)) @ U.T
    return psi.reshape(B, -1)


@takes_arrays
def signs(n: int, words: Sequence[Sequence[int]], like: Tensor) -> Tensor:
    """Return the eigenvalues, 1 or -1, of products of Z on the given qubits, (words, 2^n).

    Args:
        n: qubits.
        words: those of each product.
        like: whose precision and device are taken.
    """
    return torch.as_tensor(_signs(n, tuple(map(tuple, words)))).to(like)


@lru_cache(64)
def _signs(n: int, words: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """Return the signs as a NumPy array, which is on no device. Models are also built where no memory is available."""
    return np.stack([(1.0 - 2 * bits(n)[list(word)]).prod(0) for word in words])


def bits(n: int) -> np.ndarray:
    """Return the value of each qubit in each basis state, 0 or 1, (n, 2^n)."""
    return np.arange(2**n)[None] >> np.arange(n - 1, -1, -1)[:, None] & 1


@takes_arrays
def turn_z(psi: Tensor, angles: Tensor) -> Tensor:
    """Return states (B, 2^n) after RZ on each qubit, of angles (B, n)."""
    n = angles.shape[-1]
    return psi * torch.exp(-0.5j * (angles @ signs(n, [(q,) for q in range(n)], angles)))


@takes_arrays
def turned_y(angles: Tensor) -> Tensor:
    """Return the product states RY(angle)|0> of angles (B, n): (B, 2^n), real amplitudes as complex numbers."""
    pairs = torch.stack([torch.cos(angles / 2), torch.sin(angles / 2)], -1)
    return states.product(pairs.unbind(1)).to(angles.dtype.to_complex())


def ring(n: int, step: int = 1) -> list[tuple[int, int]]:
    """Return control and target of CNOTs from each qubit to that `step` places on, around the ring; none for one."""
    return [(i, (i + step) % n) for i in range(n)] if n > 1 else []


@takes_arrays
def reordered(psi: Tensor, pairs: Sequence[tuple[int, int]]) -> Tensor:
    """Return states (B, 2^n) after CNOTs of (control, target), in that order."""
    places = _places(psi.shape[-1].bit_length() - 1, tuple(pairs))
    return psi[:, torch.as_tensor(places, device=psi.device)]


@lru_cache(64)
def _places(n: int, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    """From where amplitudes are taken, (2^n,)."""
    own = places = np.arange(2**n)
    for control, target in pairs:
        places = places[own ^ ((own >> (n - 1 - control) & 1) << (n - 1 - target))]
    return places


@takes_arrays
def populations(psi: Tensor) -> Tensor:
    """Return the probabilities of the basis states, (B, 2^n)."""
    return psi.real.square() + psi.imag.square()


@takes_arrays
def expectations(psi: Tensor, words: Sequence[Sequence[int]]) -> Tensor:
    """Return the expectations of products of Z on the given qubits, (B, words), of states (B, 2^n)."""
    p = populations(psi)
    return p @ signs(psi.shape[-1].bit_length() - 1, words, p).T


@takes_arrays
def turn(name: str, wire: int, angle: Tensor, **values: float) -> Gate:
    """Return the gate RX, RY or RZ of an angle (), with the numbers of the sample that it holds."""
    return Gate(name, (wire,), rotation(name, angle[None]), {"angle": float(angle), **values})


@takes_arrays
def bloch_vectors(psi: Tensor, qubits: Iterable[int] | None = None) -> Tensor:
    """Return <X>, <Y> and <Z> of some qubits, or of all, of states (B, 2^n): (B, qubits, 3)."""
    vectors = []
    for q in range(psi.shape[-1].bit_length() - 1) if qubits is None else qubits:
        zero, one = psi.view(psi.shape[0], 2**q, 2, -1).unbind(2)
        cross = (zero.conj() * one).sum((1, 2))
        z = populations(zero).sum((1, 2)) - populations(one).sum((1, 2))
        vectors.append(torch.stack([2 * cross.real, 2 * cross.imag, z], -1))
    return torch.stack(vectors, 1)


def walk(gates: Iterable[Gate], n: int) -> Iterator[Tensor]:
    """Yield the state of n qubits, (2^n,) complex128, |0...0> and then after each gate."""
    psi = ground(1, n, torch.empty(0, dtype=torch.float64))[0]
    yield psi
    for gate in gates:
        k = len(gate.wires)
        U = gate.matrix.to(psi).view(*(2,) * (2 * k))
        legs = torch.tensordot(U, psi.view(*(2,) * n), (list(range(k, 2 * k)), list(gate.wires)))
        psi = legs.movedim(list(range(k)), list(gate.wires)).reshape(-1)
        yield psi


# Which gates of a circuit what is read at its end can depend on: its backward light cone.
#
# An observable, a product of Z on some qubits, is followed backwards through the gates (Heisenberg picture). A gate is
# outside where it commutes with what the observable has become, whatever its angles: where it shares no qubit with it,
# or only qubits whose |0> and |1> it keeps and on which the observable is diagonal, such as the
# control of a CNOT. While the observable is a product of Z still, CNOTs map it exactly.

Q = TypeVar("Q", bound=Hashable)
_SMALL = 1e-12


@dataclass(frozen=True)
class Step(Generic[Q]):
    """A gate as far as the cone asks.

    Attributes:
        wires: qubits it acts on.
        keeps: those among them whose |0> and |1> it leaves as they are, whatever the others do.
        monomial: whether it takes basis states to basis states, up to phases.
        flips: control and target where it is a CNOT.
        reads: whether it is a measurement, inside where its qubit is.
    """

    wires: tuple[Q, ...]
    keeps: frozenset[Q] = frozenset()
    monomial: bool = False
    flips: tuple[Q, Q] | None = None
    reads: bool = False


@dataclass(frozen=True)
class Cone(Generic[Q]):
    """A light cone: whether each gate lies inside, (G,), and the qubits that it reaches."""

    inside: tuple[bool, ...]
    qubits: frozenset[Q]

    @property
    def count(self) -> int:
        """Number of gates inside."""
        return sum(self.inside)


@takes_arrays
def gate_step(wires: Sequence[Q], matrix: Tensor) -> Step[Q]:
    """Return a gate as far as the cone asks.

    Args:
        wires: its qubits, the most significant first. matrix: (2^w, 2^w).
    """
    n, U = len(wires), matrix.detach()
    entries = U.abs() > _SMALL
    crossed = [entries.view(*(2,) * (2 * n)).movedim((k, n + k), (0, 1)) for k in range(n)]
    keeps = [not (block[0, 1].any() or block[1, 0].any()) for block in crossed]
    cnot = n == 2 and torch.allclose(U, torch.eye(4, dtype=U.dtype)[[0, 1, 3, 2]])
    return Step(
        tuple(wires),
        frozenset(compress(wires, keeps)),
        bool((entries.sum(0) == 1).all()),
        (wires[0], wires[1]) if cnot else None,
    )


def light_cone(steps: Sequence[Step[Q]], read: Iterable[Q]) -> Cone[Q]:
    """Return the light cone of a product of Z.

    Args:
        steps: the gates, in the order they act. read: the qubits of the product.
    """
    plain: set[Q] = set(read)  # where the observable is diagonal
    changed: set[Q] = set()  # where it may be anything
    word: set[Q] | None = set(plain)  # while it is a product of Z
    inside = [False] * len(steps)
    reached = set(plain)
    for place, step in reversed(list(enumerate(steps))):
        met = set(step.wires) & (plain | changed)
        inside[place] = bool(met) and (step.reads or not met <= step.keeps & plain)
        if step.reads or not inside[place]:
            continue
        if word is not None and step.flips:
            word ^= {step.flips[0]}  # its target is among them, else it would have commuted
            plain = set(word)
        else:
            word = None
            if not (step.monomial and met <= plain):
                moved = set(step.wires) - step.keeps
                changed |= moved
                plain -= moved
            plain |= set(step.wires) - changed
        reached |= plain | changed
    return Cone(tuple(inside), frozenset(reached))
