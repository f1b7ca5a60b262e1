"""Batches of states through gates that may differ from row to row: pure, or mixed where there is noise.

Qubit 0 is the most significant, as in `quantum.statevector`. A mixed state is held as a vector of 2n qubits.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qfusion._checks import check
from qfusion.models.tweak import CircuitChange
from qfusion.quantum import statevector
from qfusion.simulate.fusion_gates import Noise

MAX_MIXED = 8  # qubits whose density matrix is held
AMPLITUDES = 1 << 21  # at once

Step = tuple[Tensor, tuple[int, ...]]  # matrices (B or 1, 2^w, 2^w), and their qubits


def row_chunks(rows: int, qubits: int, mixed: bool = False) -> Iterator[slice]:
    """Yield slices of rows whose states fit into memory together."""
    step = max(1, AMPLITUDES >> (2 * qubits if mixed else qubits))
    for start in range(0, rows, step):
        yield slice(start, min(start + step, rows))


def take_rows(steps: Iterable[Step], some: slice) -> Iterator[Step]:
    """Yield steps of some of their rows."""
    for matrices, wires in steps:
        yield (matrices[some] if len(matrices) > 1 else matrices), wires


def apply_gate(psi: Tensor, matrices: Tensor, wires: Sequence[int]) -> Tensor:
    """Return states (B, 2^n) after a gate, (B or 1, 2^w, 2^w), on the given qubits."""
    rows, size = psi.shape
    n = size.bit_length() - 1
    legs = [wire + 1 for wire in wires]
    front = list(range(1, len(wires) + 1))
    moved = psi.reshape(rows, *(2,) * n).movedim(legs, front)
    shape = moved.shape
    turned = matrices.to(psi) @ moved.reshape(rows, matrices.shape[-1], -1)
    return turned.reshape(shape).movedim(front, legs).reshape(rows, size)


def evolve(steps: Iterable[Step], rows: int, n: int) -> Tensor:
    """Return the states (B, 2^n) complex128 after gates on |0...0>."""
    psi = statevector.zero_state(rows, n, torch.empty(0, dtype=torch.float64))
    for matrices, wires in steps:
        psi = apply_gate(psi, matrices, wires)
    return psi


def evolve_mixed(steps: Iterable[Step], rows: int, n: int, change: CircuitChange) -> Tensor:
    """Return the density matrices (B, 2^n, 2^n) after gates on |0...0>, with depolarising and damping on every qubit of
    a gate on several qubits, after it; see `CircuitChange`.

    Raises:
        InvalidInput: when there are too many qubits.
    """
    check(
        n <= MAX_MIXED,
        f"Noise needs the density matrix of {n} qubits; it is computed for at most {MAX_MIXED}.",
    )
    kraus = Noise(change.depolarising, change.damping).gate_kraus()
    noisy = bool(change.depolarising or change.damping)
    rho = statevector.zero_state(rows, 2 * n, torch.empty(0, dtype=torch.float64))
    for matrices, wires in steps:
        rho = _apply_both(rho, matrices, wires, n)
        if noisy and len(wires) > 1:
            for wire in wires:
                rho = torch.stack([_apply_both(rho, K[None], (wire,), n) for K in kraus]).sum(0)
    return rho.reshape(rows, 2**n, 2**n)


def _apply_both(rho: Tensor, matrices: Tensor, wires: Sequence[int], n: int) -> Tensor:
    left = apply_gate(rho, matrices, wires)
    return apply_gate(left, matrices.conj(), [wire + n for wire in wires])


def word_expectations(states: Tensor, words: Sequence[str]) -> Tensor:
    """Return the expectations (B, words) of Pauli words, such as "XIZ" of qubits 0 to 2.

    Args:
        states: (B, 2^n), or (B, 2^n, 2^n) of mixed states.
        words: of n letters.
    """
    n = states.shape[1].bit_length() - 1
    indices = np.arange(2**n)
    columns = []
    for word in words:
        flips = sum(1 << (n - 1 - q) for q, letter in enumerate(word) if letter in "XY")
        negative = [q for q, letter in enumerate(word) if letter in "YZ"]
        # <P> = sum_k phase(k) conj(psi[k ^ flips]) psi[k]
        signs = (1.0 - 2 * statevector.bits(n)[negative]).prod(0) if negative else np.ones(2**n)
        phase = torch.as_tensor(signs * 1j ** word.count("Y"), dtype=torch.complex128)
        other = torch.as_tensor(indices ^ flips)
        if states.ndim == 2:
            columns.append(((states[:, other].conj() * states) @ phase).real)
        else:
            columns.append((states[:, torch.as_tensor(indices), other] @ phase).real)
    return torch.stack(columns, 1)


def populations(states: Tensor) -> Tensor:
    """Return the probabilities (B, 2^n) of the basis states, of pure or mixed states."""
    if states.ndim == 2:
        return statevector.populations(states)
    return states.diagonal(dim1=1, dim2=2).real.clamp_min(0)


def flip_bits(probabilities: Tensor, readout: float) -> Tensor:
    """Return probabilities (B, 2^n) of outcomes whose bits are flipped with probability readout / 2."""
    if not readout:
        return probabilities
    p = readout / 2
    flip = torch.tensor([[1 - p, p], [p, 1 - p]], dtype=probabilities.dtype)[None]
    n = probabilities.shape[1].bit_length() - 1
    for qubit in range(n):
        probabilities = apply_gate(probabilities, flip, (qubit,))
    return probabilities


def shot_generator(seed: int, array: np.ndarray) -> np.random.Generator:
    """Return a generator for the shots of circuits, of their numbers: calls with other numbers get other shots."""
    return np.random.default_rng([seed, zlib.crc32(np.ascontiguousarray(array).tobytes())])


def sample_words(means: np.ndarray, shots: int, generator: np.random.Generator) -> np.ndarray:
    """Return means of so many outcomes, 1 or -1, for expectations of any shape."""
    chances = np.clip((1 + means) / 2, 0, 1)
    return 2 * generator.binomial(shots, chances) / shots - 1


def sample_bits(
    probabilities: np.ndarray, shots: int, generator: np.random.Generator
) -> np.ndarray:
    """Return the frequencies of outcomes in so many shots, of probabilities (B, K)."""
    chances = probabilities / probabilities.sum(1, keepdims=True)
    return np.asarray(generator.multinomial(shots, chances) / shots)


def changed_states(steps: Iterable[Step], rows: int, n: int, change: CircuitChange) -> Any:
    """Return pure states (B, 2^n), or mixed ones (B, 2^n, 2^n) where the change has noise."""
    if change.depolarising or change.damping:
        return evolve_mixed(steps, rows, n, change)
    return evolve(steps, rows, n)
