"""The backward light cone of a read-out: the gates of a circuit that it can depend on.

An observable, a product of Z on some qubits, is followed backwards through the gates (Heisenberg picture). A gate is
outside if it commutes with the present observable for all its angles: if it shares no qubit with it, or only qubits
whose |0> and |1> it preserves and on which the observable is diagonal, such as the control of a CNOT. While the
observable is a product of Z, CNOTs map it exactly.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import compress
from typing import Generic, TypeVar

import torch
from torch import Tensor

from qfusion.quantum.checks import takes_arrays

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
