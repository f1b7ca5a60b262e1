"""Qubits as batches of state vectors, their gates, and the gates that a read-out can depend on.

Qubit 0 is leftmost, that is most significant; rotations have the names and conventions of PennyLane. Gates that are the
same for all samples are applied to several qubits at once, rotations about z and rings of CNOTs as phases and a
reordering of amplitudes.

The backward light cone of a read-out: the gates of a circuit that it can depend on.

An observable, a product of Z on some qubits, is followed backwards through the gates (Heisenberg picture). A gate is
outside if it commutes with the present observable for all its angles: if it shares no qubit with it, or only qubits
whose |0> and |1> it preserves and on which the observable is diagonal, such as the control of a CNOT. While the
observable is a product of Z, CNOTs map it exactly.
"""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from itertools import compress
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import torch
from torch import Tensor

from qfusion.quantum import states
from qfusion.quantum.circuits import rotation
from qfusion.quantum.states import takes_arrays

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
def zero_state(rows: int, n: int, like: Tensor) -> Tensor:
    """Return |0...0> for so many rows, (rows, 2^n) complex, in the precision of `like`.

    Example:
        >>> import torch
        >>> from qfusion.quantum.statevector import zero_state
        >>> zero_state(1, 2, torch.zeros(1)).real
        tensor([[1., 0., 0., 0.]])
    """
    psi = torch.zeros(rows, 2**n, dtype=like.dtype.to_complex(), device=like.device)
    psi[:, 0] = 1
    return psi


@takes_arrays
def rotations(angles: Tensor) -> Tensor:
    """Return Rot(phi, theta, omega) = RZ(omega) RY(theta) RZ(phi), (..., 2, 2), of angles (..., 3) in radians.

    Example:
        >>> import torch
        >>> from qfusion.quantum.statevector import rotations
        >>> rotations(torch.zeros(3)).abs()
        tensor([[1., 0.],
                [0., 1.]])
    """
    phi, theta, omega = angles.unbind(-1)
    c = torch.cos(theta / 2)
    s = torch.sin(theta / 2)
    sum_ = torch.exp(0.5j * (phi + omega))
    difference = torch.exp(0.5j * (phi - omega))
    return torch.stack(
        [sum_.conj() * c, -difference * s, difference.conj() * s, sum_ * c], -1
    ).unflatten(-1, (2, 2))


@takes_arrays
def join_gates(matrices: Tensor) -> list[Tensor]:
    """Return gates on each qubit, (n, 2, 2), joined to few matrices (2^k, 2^k) on neighbours, the first first."""
    groups = -(-len(matrices) // TOGETHER)
    return [reduce(torch.kron, group) for group in torch.tensor_split(matrices, groups)]


@takes_arrays
def apply(psi: Tensor, gates: Iterable[Tensor]) -> Tensor:
    """Return states (B, 2^n) after gates on neighbouring qubits that are together all of them, as of `join_gates`."""
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

    Example:
        >>> import torch
        >>> from qfusion.quantum.statevector import signs
        >>> signs(2, [(0,), (0, 1)], torch.zeros(1))
        tensor([[ 1.,  1., -1., -1.],
                [ 1., -1., -1.,  1.]])
    """
    return torch.as_tensor(_signs(n, tuple(map(tuple, words)))).to(like)


@lru_cache(64)
def _signs(n: int, words: tuple[tuple[int, ...], ...]) -> np.ndarray:
    """Return the signs as a NumPy array, which is on no device. Models are also built where no memory is available.

    They are asked for at each layer of a circuit, where the key of the cache of results would take as long as they do.
    """
    return np.stack([(1.0 - 2 * bits(n)[list(word)]).prod(0) for word in words])


def bits(n: int) -> np.ndarray:
    """Return the value of each qubit in each basis state, 0 or 1, (n, 2^n).

    Example:
        >>> from qfusion.quantum.statevector import bits
        >>> bits(2).tolist()
        [[0, 0, 1, 1], [0, 1, 0, 1]]
    """
    return np.arange(2**n)[None] >> np.arange(n - 1, -1, -1)[:, None] & 1


@takes_arrays
def apply_rz(psi: Tensor, angles: Tensor) -> Tensor:
    """Return states (B, 2^n) after RZ on each qubit, of angles (B, n)."""
    n = angles.shape[-1]
    return psi * torch.exp(-0.5j * (angles @ signs(n, [(q,) for q in range(n)], angles)))


@takes_arrays
def ry_states(angles: Tensor) -> Tensor:
    """Return the product states RY(angle)|0> of angles (B, n): (B, 2^n), real amplitudes as complex numbers.

    Example:
        >>> import torch
        >>> from qfusion.quantum.statevector import ry_states
        >>> ry_states(torch.tensor([[torch.pi, 0.0]])).abs().round(decimals=4)
        tensor([[0., 0., 1., 0.]])
    """
    pairs = torch.stack([torch.cos(angles / 2), torch.sin(angles / 2)], -1)
    return states.product(pairs.unbind(1)).to(angles.dtype.to_complex())


def ring(n: int, step: int = 1) -> list[tuple[int, int]]:
    """Return control and target of CNOTs from each qubit to that `step` places on, around the ring; none for one.

    Example:
        >>> from qfusion.quantum.statevector import ring
        >>> ring(3)
        [(0, 1), (1, 2), (2, 0)]
    """
    return [(i, (i + step) % n) for i in range(n)] if n > 1 else []


@takes_arrays
def apply_cnots(psi: Tensor, pairs: Sequence[tuple[int, int]]) -> Tensor:
    """Return states (B, 2^n) after CNOTs of (control, target), in that order.

    Example:
        >>> import torch
        >>> from qfusion.quantum.statevector import apply_cnots
        >>> psi = torch.tensor([[0.0, 0, 1, 0]]) + 0j  # |10>
        >>> apply_cnots(psi, [(0, 1)]).real
        tensor([[0., 0., 0., 1.]])
    """
    places = _places(psi.shape[-1].bit_length() - 1, tuple(pairs))
    return psi[:, torch.as_tensor(places, device=psi.device)]


@lru_cache(64)
def _places(n: int, pairs: tuple[tuple[int, int], ...]) -> np.ndarray:
    """From where amplitudes are taken, (2^n,): kept here for the same reason as `_signs`."""
    own = places = np.arange(2**n)
    for control, target in pairs:
        places = places[own ^ ((own >> (n - 1 - control) & 1) << (n - 1 - target))]
    return places


@takes_arrays
def populations(psi: Tensor) -> Tensor:
    """Return the probabilities of the basis states, (B, 2^n).

    Example:
        >>> import torch
        >>> from qfusion.quantum.statevector import populations
        >>> populations(torch.tensor([[0.6, 0.8j]]))
        tensor([[0.3600, 0.6400]])
    """
    return psi.real.square() + psi.imag.square()


@takes_arrays
def expectations(psi: Tensor, words: Sequence[Sequence[int]]) -> Tensor:
    """Return the expectations of products of Z on the given qubits, (B, words), of states (B, 2^n).

    Example:
        >>> import torch
        >>> from qfusion.quantum.statevector import expectations
        >>> expectations(torch.tensor([[0.0, 1.0, 0.0, 0.0]]) + 0j, [(0,), (1,)])
        tensor([[ 1., -1.]])
    """
    p = populations(psi)
    return p @ signs(psi.shape[-1].bit_length() - 1, words, p).T


@takes_arrays
def rotation_gate(name: str, wire: int, angle: Tensor, **values: float) -> Gate:
    """Return the gate RX, RY or RZ of an angle (), with the numbers of the sample that it holds."""
    return Gate(name, (wire,), rotation(name, angle[None]), {"angle": float(angle), **values})


@takes_arrays
def bloch_vectors(psi: Tensor, qubits: Iterable[int] | None = None) -> Tensor:
    """Return <X>, <Y> and <Z> of some qubits, or of all, of states (B, 2^n): (B, qubits, 3).

    Example:
        >>> import torch
        >>> from qfusion.quantum.statevector import bloch_vectors
        >>> bloch_vectors(torch.tensor([[1.0, 1.0]]) / 2**0.5 + 0j).round(decimals=4)
        tensor([[[1., 0., 0.]]])
    """
    vectors = []
    for q in range(psi.shape[-1].bit_length() - 1) if qubits is None else qubits:
        zero, one = psi.view(psi.shape[0], 2**q, 2, -1).unbind(2)
        cross = (zero.conj() * one).sum((1, 2))
        z = populations(zero).sum((1, 2)) - populations(one).sum((1, 2))
        vectors.append(torch.stack([2 * cross.real, 2 * cross.imag, z], -1))
    return torch.stack(vectors, 1)


def apply_circuit(gates: Iterable[Gate], n: int) -> Iterator[Tensor]:
    """Yield the state of n qubits, (2^n,) complex128, |0...0> and then after each gate."""
    psi = zero_state(1, n, torch.empty(0, dtype=torch.float64))[0]
    yield psi
    for gate in gates:
        k = len(gate.wires)
        U = gate.matrix.to(psi).view(*(2,) * (2 * k))
        legs = torch.tensordot(U, psi.view(*(2,) * n), (list(range(k, 2 * k)), list(gate.wires)))
        psi = legs.movedim(list(range(k)), list(gate.wires)).reshape(-1)
        yield psi


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
    n = len(wires)
    U = matrix.detach()
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
