"""Blocks of the quantum convolutional network, and how expectation values depend on one angle of a circuit.

A block is a tuple of operations `(gate, parameters, wires)` with PennyLane's gate names, parameters and matrices; wire
0 is leftmost. The blocks are the convolution circuits of Hur, Kim, Park 2022 (Quantum Machine Intelligence 4, 3; arXiv
2108.00661, figure 2).

Trigonometric polynomials: how expectation values depend on one angle of a circuit, exactly, from few evaluations.

A gate exp(-i theta G) multiplies a state by phases exp(-i theta g), g the eigenvalues of G. An expectation value is
therefore a_0 + sum_f a_f cos(f theta) + b_f sin(f theta), where f runs over the differences of eigenvalues: {1} for a
rotation exp(-i theta P / 2) about a Pauli word P, {1/2, 1} for a controlled rotation. R frequencies are 2 R + 1 unknown
numbers, and so many evaluations give them (Wierichs, Izaac, Wang, Lin 2022, arXiv 2107.12390). An angle that several
gates share has the sums and differences of their frequencies.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, reduce
from typing import Literal, NamedTuple

import numpy as np
import scipy.linalg
import torch
from torch import Tensor

from qfusion._checks import check, choose
from qfusion.errors import InvalidInput
from qfusion.quantum.states import takes_arrays


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
    PennyLane.

    Example:
        >>> import torch
        >>> from qfusion.quantum.circuits import rotation
        >>> rotation("RX", torch.tensor([torch.pi])).abs().round(decimals=6)
        tensor([[0., 1.],
                [1., 0.]])
    """
    return _turns((Operation(gate, tuple(range(len(angles))), (0,)),), angles)[0]


@takes_arrays
def rotation_matrices(angles: Tensor) -> Tensor:
    """Return the matrices (G, 2, 2) of several U3, of angles (G, 3) as theta, phi, delta.

    Example:
        >>> import torch
        >>> from qfusion.quantum.circuits import rotation_matrices
        >>> rotation_matrices(torch.zeros(1, 3))[0].abs()
        tensor([[1., 0.],
                [0., 1.]])
    """
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
    """Return two-qubit operators (..., 4, 4) with their wires exchanged.

    Example:
        >>> import torch
        >>> from qfusion.quantum.circuits import swap_wires
        >>> Z1 = torch.diag(torch.tensor([1.0, 1.0, -1.0, -1.0])) + 0j  # Z on the first wire
        >>> swap_wires(Z1).diagonal().real
        tensor([ 1., -1.,  1., -1.])
    """
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

    Example:
        >>> import torch
        >>> from qfusion.quantum.circuits import operation_matrix
        >>> operation_matrix("CNOT", torch.zeros(0), (0, 1)).abs().round(decimals=4)
        tensor([[1., 0., 0., 0.],
                [0., 1., 0., 0.],
                [0., 0., 0., 1.],
                [0., 0., 1., 0.]])
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

    Example:
        >>> import torch
        >>> from qfusion.quantum.circuits import unitary
        >>> U = unitary("ttn", torch.tensor([0.1, 0.2], dtype=torch.float64))
        >>> torch.allclose(U @ U.mH, torch.eye(4, dtype=U.dtype))
        True
    """
    choose("Convolution block", name, BLOCKS)
    block = BLOCKS[name]
    check(
        parameters.shape == (block.parameters,),
        f"Argument `parameters` of block {name!r} must have shape ({block.parameters},), but has shape "
        f"{tuple(parameters.shape)}.",
    )
    return reduce(lambda U, gate: gate @ U, _two_wire_matrices(block.operations, parameters))


MAX_FREQUENCIES = 128  # of one angle, in units of 1 / rad
SAME = 1e-9  # two frequencies that differ by less are one
EXACT = 1e-10  # relative error of a polynomial that is taken for the function
_STEP = 0.1  # radians, by which the eigenvalues of a generator are measured: those below pi / _STEP
_FAR = 1.7  # radians, at which the generator is checked
_MOST = 64  # evaluations of a function whose frequencies are not known
_SPACINGS = 256  # of which the best conditioned one is taken


@dataclass(frozen=True, eq=False)
class TrigonometricPolynomial:
    """A function of one angle with values of any shape.

    Attributes:
        frequencies: positive and ascending, (R,), per radian.
        coefficients: of 1, then of the cosines, then of the sines, (1 + 2 R, ...).
    """

    frequencies: tuple[float, ...]
    coefficients: np.ndarray

    def __call__(self, angles: np.ndarray) -> np.ndarray:
        """Return the values at angles (A,) in radians, (A, ...)."""
        return np.tensordot(design_matrix(self.frequencies, angles), self.coefficients, 1)


def fit_polynomial(
    evaluate: Callable[[float], np.ndarray], frequencies: Sequence[float] | None
) -> tuple[TrigonometricPolynomial, int]:
    """Return the polynomial that a function of an angle is, and the number of evaluations that it took.

    Args:
        evaluate: from an angle in radians to an array, of one shape.
        frequencies: of the function, ascending, (R,); 2 R + 1 evaluations serve. None where they are not known:
            multiples of 1/2 are then assumed, and their number is doubled until further evaluations agree to `EXACT`.

    Raises:
        InvalidInput: when `frequencies` is None and no polynomial up to the order 31/4 agrees.

    Example:
        >>> import numpy as np
        >>> from qfusion.quantum.circuits import fit_polynomial
        >>> curve, evaluations = fit_polynomial(lambda t: np.array([np.cos(t)]), [1.0])
        >>> evaluations
        3
    """
    if frequencies is None:
        return _fit_by_doubling(evaluate)
    angles = sample_angles(frequencies)
    return _solve(tuple(frequencies), angles, _evaluate_all(evaluate, angles)), len(angles)


def sample_angles(frequencies: Sequence[float]) -> np.ndarray:
    """Return the 2 R + 1 equidistant angles around 0 that determine a polynomial best, in radians.

    Example:
        >>> from qfusion.quantum.circuits import sample_angles
        >>> sample_angles([1.0]).round(3).tolist()
        [-2.094, 0.0, 2.094]
    """
    R = len(frequencies)
    if not R:
        return np.zeros(1)
    steps = np.arange(2 * R + 1) - R
    lowest, highest = frequencies[0], frequencies[-1]
    whole = (
        2 * math.pi / ((2 * R + 1) * lowest)
    )  # of multiples of the lowest one: a discrete Fourier transform
    spacings = np.append(whole, np.geomspace(math.pi / (2 * highest), math.pi / lowest, _SPACINGS))
    numbers = [np.linalg.cond(design_matrix(frequencies, s * steps)) for s in spacings]
    return np.asarray(spacings[int(np.argmin(numbers))] * steps)


def design_matrix(frequencies: Sequence[float], angles: np.ndarray) -> np.ndarray:
    """Return 1, cosines and sines at angles (A,), (A, 1 + 2 R).

    Example:
        >>> import numpy as np
        >>> from qfusion.quantum.circuits import design_matrix
        >>> design_matrix([1.0], np.array([0.0])).tolist()
        [[1.0, 1.0, 0.0]]
    """
    phases = np.asarray(angles, float)[:, None] * np.asarray(frequencies, float)
    return np.concatenate([np.ones((len(phases), 1)), np.cos(phases), np.sin(phases)], 1)


def gate_frequencies(matrix: Callable[[float], np.ndarray]) -> tuple[float, ...] | None:
    """Return the frequencies of expectation values in an angle of one gate, from the gate's matrix alone.

    They are the differences of the eigenvalues of its generator. Where an angle occurs twice in a gate, so that there
    is none, they are those of the phases in the entries of its matrix, if these are multiples of 1/2.

    Args:
        matrix: from the angle, in radians, to the gate's unitary (d, d).

    Returns:
        Positive frequencies, ascending; None where the gate has another form.
    """
    phases = _generator_eigenvalues(matrix)
    if phases is None:
        phases = _entry_frequencies(matrix)
    if phases is None:
        return None
    return _distinct(a - b for a, b in itertools.product(phases, repeat=2))


def _generator_eigenvalues(matrix: Callable[[float], np.ndarray]) -> np.ndarray | None:
    """Return the eigenvalues of -G of a gate A exp(-i theta G) B; None where it has another form."""
    start = np.asarray(matrix(0.0)).conj().T
    turned = np.asarray(matrix(_STEP)) @ start  # A exp(-i step G) A^+, of A B = matrix(0)
    triangle, vectors = scipy.linalg.schur(turned, output="complex")  # diagonal: it is unitary
    eigenvalues = np.angle(np.diag(triangle)) / _STEP
    expected = (vectors * np.exp(1j * _FAR * eigenvalues)) @ vectors.conj().T
    difference = np.abs(expected - np.asarray(matrix(_FAR)) @ start).max()
    return np.asarray(eigenvalues) if difference < SAME else None


def _entry_frequencies(matrix: Callable[[float], np.ndarray]) -> np.ndarray | None:
    """Return the multiples of 1/2, below 8, whose phases occur in a matrix; None where there are others."""
    halves = np.arange(-15, 16) / 2
    angles = 4 * math.pi * np.arange(32) / 32
    entries = np.stack([np.asarray(matrix(float(angle))).reshape(-1) for angle in angles])
    sizes = np.exp(-1j * np.outer(halves, angles)) @ entries / len(angles)
    expected = np.exp(1j * _FAR * halves) @ sizes
    if np.abs(expected - np.asarray(matrix(_FAR)).reshape(-1)).max() >= SAME:
        return None
    return np.asarray(halves[np.abs(sizes).max(1) > SAME])


def shared_frequencies(frequencies: Sequence[float], gates: int) -> tuple[float, ...]:
    """Return the frequencies in an angle that so many gates share, each of which alone has the given ones.

    Example:
        >>> from qfusion.quantum.circuits import shared_frequencies
        >>> shared_frequencies([1.0], 2)
        (1.0, 2.0)
    """
    one = [0.0, *frequencies, *(-f for f in frequencies)]
    total = [0.0]
    for _ in range(gates):
        sums = _distinct(a + b for a, b in itertools.product(total, one))
        total = [0.0, *sums, *(-f for f in sums)]
        check(
            len(sums) <= MAX_FREQUENCIES,
            f"An angle that {gates} gates share has more than {MAX_FREQUENCIES} frequencies. Follow another angle.",
        )
    return tuple(f for f in total if f > 0)


def _distinct(frequencies: object) -> tuple[float, ...]:
    """Return positive frequencies, ascending, equal ones once; those next to multiples of 1/2 as such."""
    result: list[float] = []
    for value in sorted(float(f) for f in frequencies if f > SAME):  # type: ignore[attr-defined]
        near = round(2 * value) / 2
        value = near if abs(value - near) < SAME else value
        if not result or value - result[-1] > SAME:
            result.append(value)
    return tuple(result)


def _solve(
    frequencies: tuple[float, ...], angles: np.ndarray, values: np.ndarray
) -> TrigonometricPolynomial:
    flat = values.reshape(len(angles), -1)
    solved = np.linalg.lstsq(design_matrix(frequencies, angles), flat, rcond=None)[0]
    return TrigonometricPolynomial(frequencies, solved.reshape(-1, *values.shape[1:]))


def _fit_by_doubling(
    evaluate: Callable[[float], np.ndarray],
) -> tuple[TrigonometricPolynomial, int]:
    """Fit at 4, 8, 16, ... angles over 4 pi until the next ones, and one that no multiple of pi reaches, agree."""
    period = 4 * math.pi
    count = 4
    apart = np.array([1.2345678])
    angles = period * np.arange(count) / count
    values = _evaluate_all(evaluate, angles)
    known = _evaluate_all(evaluate, apart)
    size = max(1.0, float(np.abs(values).max(initial=0)))
    while count < _MOST:
        fitted = _solve(tuple(k / 2 for k in range(1, count // 2)), angles, values)
        between = period * (np.arange(count) + 0.5) / count
        more = _evaluate_all(evaluate, between)
        errors = (
            np.abs(fitted(between) - more).max(initial=0),
            np.abs(fitted(apart) - known).max(initial=0),
        )
        if max(errors) <= EXACT * size:
            return fitted, 2 * count + 1
        angles = np.concatenate([angles, between])
        values = np.concatenate([values, more])
        count *= 2
    raise InvalidInput(
        f"The results are no trigonometric polynomial of low order in this angle: {count + 1} evaluations do not "
        "determine them. A gate may use the angle in several places, or the scores may scatter. Follow another angle."
    )


def _evaluate_all(evaluate: Callable[[float], np.ndarray], angles: np.ndarray) -> np.ndarray:
    return np.stack([np.asarray(evaluate(float(angle))) for angle in angles])
