"""Which gates of a circuit what is read at its end can depend on: its backward light cone.

An observable, a product of Z on some qubits, is followed backwards through the gates (Heisenberg picture). A gate is
outside where it commutes with what the observable has become, whatever its angles: where it shares no qubit with it,
or only qubits whose |0> and |1> it keeps and on which the observable is diagonal, such as the control of a CNOT. While
the observable is a product of Z still, CNOTs map it exactly.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import torch
from torch import Tensor

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


def as_step(wires: Sequence[Q], matrix: Tensor) -> Step[Q]:
    """Returns a gate as far as the cone asks.

    Args:
        wires: its qubits, the most significant first. matrix: (2^w, 2^w).
    """
    n, U = len(wires), matrix.detach().abs()
    legs = (U > _SMALL).view(*(2,) * (2 * n))
    keeps = set()
    for k, wire in enumerate(wires):
        crossed = legs.movedim((k, n + k), (0, 1))
        if not bool(crossed[0, 1].any() or crossed[1, 0].any()):
            keeps.add(wire)
    cnot = n == 2 and bool(
        torch.allclose(matrix.detach(), torch.eye(4, dtype=matrix.dtype)[[0, 1, 3, 2]])
    )
    return Step(
        tuple(wires),
        frozenset(keeps),
        bool(((U > _SMALL).sum(0) == 1).all()),
        (wires[0], wires[1]) if cnot else None,
    )


def light_cone(steps: Sequence[Step[Q]], read: Iterable[Q]) -> Cone[Q]:
    """Returns the light cone of a product of Z.

    Args:
        steps: the gates, in the order they act. read: the qubits of the product.
    """
    plain, changed = (
        set(read),
        set[Q](),
    )  # where the observable is diagonal, and where it may be anything
    word: set[Q] | None = set(plain)  # while it is a product of Z
    inside = [False] * len(steps)
    reached = set(plain)
    for place in reversed(range(len(steps))):
        each = steps[place]
        met = set(each.wires) & (plain | changed)
        if each.reads:
            inside[place] = bool(met)
            continue
        if not met or (met <= each.keeps and met <= plain):
            continue
        inside[place] = True
        if word is not None and each.flips:
            word ^= {each.flips[0]}  # its target is among them, else it would have commuted
            plain = set(word)
        else:
            word = None
            if not (each.monomial and met <= plain):
                moved = set(each.wires) - each.keeps
                changed |= moved
                plain -= moved
            plain |= set(each.wires) - changed
        reached |= plain | changed
    return Cone(tuple(inside), frozenset(reached))
