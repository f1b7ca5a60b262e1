"""Gates of the quantum convolutional network, as matrices that can be trained and as lists that PennyLane can draw.

A block is a tuple of operations `(gate, parameters, wires)` with PennyLane's gate names, parameters and matrices; wire
0 is leftmost. The blocks are the convolution circuits of Hur, Kim, Park 2022 (Quantum Machine Intelligence 4, 3; arXiv
2108.00661, figure 2).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import torch
from torch import Tensor

from qfusion._checks import check, choose


class Operation(NamedTuple):
    """One gate of a block: its name, which of the block's parameters it takes, and on which of the two wires."""

    gate: str
    parameters: tuple[int, ...]
    wires: tuple[int, ...]


class Block(NamedTuple):
    """A two-qubit circuit, its number of parameters and where it comes from."""

    operations: tuple[Operation, ...]
    parameters: int
    source: str


def _block(text: str, source: str) -> Block:
    """Reads "RY 0:0 | CNOT 0,1": gate, parameters before wires where it has any, in order."""
    operations, count = [], 0
    for item in text.split("|"):
        gate, wires = item.split()
        taken = _PARAMETERS[gate]
        operations.append(
            Operation(
                gate, tuple(range(count, count + taken)), tuple(int(w) for w in wires.split(","))
            )
        )
        count += taken
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
}


def rotation(gate: str, angles: Tensor) -> Tensor:
    """Returns the matrix (2, 2) of RX, RY, RZ (one angle), U3 (theta, phi, delta) or H (none), in the conventions of
    PennyLane."""
    if gate == "U3":
        return rotations(angles[None])[0]
    if gate == "H":
        return (
            torch.tensor([[1, 1], [1, -1]], dtype=_complex(angles), device=angles.device) / 2**0.5
        )
    half = angles[0] / 2
    c, s = (
        torch.complex(torch.cos(half), torch.zeros_like(half)),
        torch.complex(torch.sin(half), torch.zeros_like(half)),
    )
    if gate == "RX":
        return torch.stack([c, -1j * s, -1j * s, c]).view(2, 2)
    if gate == "RY":
        return torch.stack([c, -s, s, c]).view(2, 2)
    return torch.diag(torch.stack([torch.exp(-1j * half), torch.exp(1j * half)]))


def rotations(angles: Tensor) -> Tensor:
    """Returns the matrices (G, 2, 2) of several U3, of angles (G, 3) as theta, phi, delta."""
    theta, phi, delta = angles.unbind(1)
    c, s = torch.cos(theta / 2), torch.sin(theta / 2)
    left, right = torch.polar(torch.ones_like(phi), phi), torch.polar(torch.ones_like(phi), delta)
    return torch.stack([c.to(left.dtype), -s * right, s * left, c * left * right], -1).view(
        -1, 2, 2
    )


def controlled(on_zero: Tensor, on_one: Tensor) -> Tensor:
    """Returns |0><0| x A + |1><1| x B, (4, 4), for single-qubit matrices A and B; the control is wire 0."""
    zero = torch.diag(on_zero.new_tensor([1, 0]))
    return torch.kron(zero, on_zero) + torch.kron(
        torch.eye(2, dtype=zero.dtype, device=zero.device) - zero, on_one
    )


def swap_wires(U: Tensor) -> Tensor:
    """Returns the two-qubit operator (4, 4) with its wires exchanged."""
    return U.view(2, 2, 2, 2).permute(1, 0, 3, 2).reshape(4, 4)


def unitary(name: str, parameters: Tensor) -> Tensor:
    """Returns the block's matrix, (4, 4) complex, differentiable.

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
    compiled = _compile(name)
    known = torch.cat([parameters, parameters.new_tensor(_CONSTANTS)])
    angles = known[compiled.angles.to(known.device)]
    singles = rotations(angles)
    if compiled.turned.any():
        singles = (
            singles * torch.exp(-0.5j * angles[:, 2] * compiled.turned.to(angles))[:, None, None]
        )
    left, right = (singles[wire] for wire in compiled.pairs.unbind(1))
    pairs = torch.einsum("mab,mcd->macbd", left, right).reshape(-1, 4, 4)
    U = None
    for kind, place in compiled.moments:
        if kind == "pair":
            moment = pairs[place]
        elif kind == "fixed":
            moment = _FIXED[place].to(pairs)
        else:
            moment = controlled(singles[-1], singles[place])
            moment = swap_wires(moment) if kind == "controlled, turned" else moment
        U = moment if U is None else moment @ U
    assert U is not None
    return U


class _Compiled(NamedTuple):
    """A block as few products.

    Attributes:
        angles: where U3's three angles of every one-qubit gate stand in the parameters and `_CONSTANTS`, (G + 1, 3);
            the last is the identity.
        turned: of which gates half the third angle is taken back, as RZ does, (G + 1,).
        pairs: gates on wires 0 and 1 at once, (m, 2).
        moments: what is applied in turn.
    """

    angles: Tensor
    turned: Tensor
    pairs: Tensor
    moments: tuple[tuple[str, int], ...]


_CONSTANTS = (0.0, torch.pi / 2, -torch.pi / 2, torch.pi)
# CNOT with its control on wire 0 and on wire 1, and CZ
_FIXED = torch.tensor(
    [
        [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0]],
        [[1, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [0, 1, 0, 0]],
        [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, -1]],
    ],
    dtype=torch.complex128,
)


@lru_cache(maxsize=16)
def _compile(name: str) -> _Compiled:
    block = BLOCKS[name]
    zero, quarter, back, half = (block.parameters + k for k in range(len(_CONSTANTS)))
    angles: list[tuple[int, int, int]] = []
    turned: list[bool] = []
    pairs: list[list[int]] = []
    moments: list[tuple[str, int]] = []
    for gate, taken, wires in block.operations:
        bare = gate.removeprefix("C") if gate.startswith("CR") else gate
        if bare in ("CNOT", "CZ"):
            moments.append(("fixed", 2 if bare == "CZ" else wires[0]))
            continue
        p = taken[0] if taken else zero
        angles.append(
            {  # type: ignore[arg-type]
                "U3": tuple(taken),
                "RX": (p, back, quarter),
                "RY": (p, zero, zero),
                "RZ": (zero, zero, p),
                "H": (quarter, zero, half),
            }[bare]
        )
        turned.append(bare == "RZ")
        if len(wires) == 2:
            moments.append(
                ("controlled" if wires == (0, 1) else "controlled, turned", len(angles) - 1)
            )
        elif moments and moments[-1][0] == "pair" and pairs[-1][wires[0]] < 0:
            pairs[-1][wires[0]] = len(angles) - 1
        else:
            moments.append(("pair", len(pairs)))
            pairs.append([-1, -1])
            pairs[-1][wires[0]] = len(angles) - 1
    return _Compiled(
        torch.tensor([*angles, (zero,) * 3]),
        torch.tensor([*turned, False]),
        torch.tensor(pairs).reshape(-1, 2),
        tuple(moments),
    )


def operation_matrix(gate: str, angles: Tensor, wires: tuple[int, ...]) -> Tensor:
    """Returns the matrix (4, 4) that one gate of a block has on both of its wires.

    Args:
        gate: its name.
        angles: those it takes, radians; empty when it takes none.
        wires: of 0 and 1, controls first.
    """
    one = torch.eye(2, dtype=_complex(angles), device=angles.device)
    if len(wires) == 1:
        R = rotation(gate, angles)
        return torch.kron(R, one) if wires == (0,) else torch.kron(one, R)
    if gate in ("CNOT", "CZ"):
        target = one.flip(0) if gate == "CNOT" else torch.diag(one.new_tensor([1, -1]))
    else:
        target = rotation(gate[1:], angles)
    U = controlled(one, target)
    return U if wires == (0, 1) else swap_wires(U)


def _complex(like: Tensor) -> torch.dtype:
    return torch.complex128 if like.dtype == torch.float64 else torch.complex64
