"""Blocks of the quantum convolutional network, as matrices that can be trained and as lists that PennyLane can draw.

A block is a tuple of operations `(gate, parameters, wires)` with PennyLane's gate names, parameters and matrices; wire
0 is leftmost. The blocks are the convolution circuits of Hur, Kim, Park 2022 (Quantum Machine Intelligence 4, 3; arXiv
2108.00661, figure 2).
"""

from functools import lru_cache, reduce
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.quantum.checks import takes_arrays


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
        taken = tuple(range(count, count + PARAMETERS[gate]))
        operations.append(Operation(gate, taken, tuple(map(int, wires.split(",")))))
        count += len(taken)
    return Block(tuple(operations), count, source)


# Number of angles of each gate.
PARAMETERS = {"RX": 1, "RY": 1, "RZ": 1, "U3": 3, "H": 0, "CNOT": 0, "CZ": 0, "CRX": 1, "CRZ": 1}

BlockName = Literal[
    "su4",
    "so4",
    "circuit6",
    "circuit5",
    "circuit14",
    "circuit13",
    "circuit15",
    "circuit9",
    "ttn",
    "local",
]
BLOCKS: dict[BlockName, Block] = {
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

    They are asked for at each block of a circuit, where the key of the cache of results would take as long as they do.
    """
    zero, quarter, back, half = range(given, given + len(_CONSTANTS))
    places, phases, is_single, on_first = [], [], [], []
    for gate, own, wires in operations:
        u3_angles = {
            "U3": own,
            "RX": (*own, back, quarter),
            "RY": (*own, zero, zero),
            "RZ": (zero, zero, *own),
            "H": (quarter, zero, half),
            "NOT": (half, zero, half),
            "Z": (zero, zero, half),
        }
        places.append(u3_angles[gate.removeprefix("C")])
        phases.append(0.5 * gate.endswith("RZ"))
        is_single.append(len(wires) == 1)
        on_first.append(wires[-1] == 0)
    return (
        torch.tensor(places),
        torch.tensor(phases),
        torch.tensor(is_single),
        torch.tensor(on_first),
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
    c = torch.cos(theta / 2)
    s = torch.sin(theta / 2)
    left = torch.polar(torch.ones_like(phi), phi)
    right = torch.polar(torch.ones_like(phi), delta)
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
def unitary(name: BlockName, parameters: Tensor) -> Tensor:
    """Return the block's matrix, (4, 4) complex, differentiable.

    Args:
        name: of BLOCKS.
        parameters: angles in radians, (P,).

    Raises:
        NotFound: when there is no such block.
        InvalidInput: when the number of angles differs.
    """
    choose("Convolution block", name, BLOCKS)
    block = BLOCKS[name]
    check(
        parameters.shape == (block.parameters,),
        f"Argument `parameters` of block {name!r} must have shape ({block.parameters},), but has shape "
        f"{tuple(parameters.shape)}.",
    )
    return reduce(lambda U, gate: gate @ U, _two_wire_matrices(block.operations, parameters))
