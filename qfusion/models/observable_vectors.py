"""Observables as measurement vectors with weights: sum_j W_cj |v_j><v_j| + b_c.

An observable of one subsystem is read on that subsystem alone, and a sum of such on each: its coefficients are those of
local measurements. All others are read on the joint state.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from qfusion._checks import check
from qfusion.quantum import decomposition, states

ZERO = 1e-12  # relative size below which a part or an eigenvalue is none
SAME = 1e-12  # 1 minus the overlap of vectors that are one


@dataclass(frozen=True, eq=False)
class Measurements:
    """What is measured.

    Attributes:
        vectors: unit vectors (J, d) by the subsystems that they measure, (m,) or all.
        weights: of all vectors in the scores, (C, sum of J).
        bias: constants of the scores, (C,).
    """

    vectors: dict[decomposition.Subset, np.ndarray]
    weights: np.ndarray
    bias: np.ndarray


def measure(
    observables: Sequence[np.ndarray], dims: Sequence[int], names: Sequence[str]
) -> Measurements:
    """Return measurement vectors and weights that give the observables exactly.

    Args:
        observables: Hermitian matrices (D, D).
        dims: of the subsystems.
        names: of the observables, for messages.

    Raises:
        InvalidInput: when an observable is a multiple of the identity, whose value never changes.
    """
    vectors: dict[decomposition.Subset, list[np.ndarray]] = {}
    entries: list[tuple[int, decomposition.Subset, int, float]] = []
    bias = np.zeros(len(observables))
    for c, O in enumerate(observables):
        parts, bias[c] = local_parts(O, dims)
        check(
            bool(parts),
            f"Argument `read[{names[c]}]` must not be a multiple of the identity: its value is the same in every "
            "state. Give another observable.",
        )
        for s, part in parts.items():
            own = vectors.setdefault(s, [])
            for value, vector in _eigenvectors(part):
                place = next(
                    (j for j, v in enumerate(own) if abs(np.vdot(v, vector)) > 1 - SAME), len(own)
                )
                if place == len(own):
                    own.append(vector)
                entries.append((c, s, place, value))
    order = sorted(vectors, key=lambda s: (len(s), s))
    starts = dict(
        zip(order, np.cumsum([0, *(len(vectors[s]) for s in order)])[:-1].tolist(), strict=True)
    )
    weights = np.zeros((len(observables), sum(map(len, vectors.values()))))
    for c, s, place, value in entries:
        weights[c, starts[s] + place] = value
    return Measurements({s: np.stack(vectors[s]) for s in order}, weights, bias)


def local_parts(
    O: np.ndarray, dims: Sequence[int]
) -> tuple[dict[decomposition.Subset, np.ndarray], float]:
    """Return an observable as a sum of observables of single subsystems and a constant, where it is one; else the
    observable itself as one of all subsystems.

    Args:
        O: Hermitian (D, D).
        dims: of the subsystems.

    Returns:
        the parts by their subsystems, without empty ones, and the constant.
    """
    M, D = len(dims), len(O)
    tensor, largest = torch.as_tensor(O), float(np.abs(O).max())
    constant = float(np.trace(O).real) / D
    locals_: dict[decomposition.Subset, np.ndarray] = {
        (m,): states.partial_trace(tensor, tuple(dims), [m]).numpy() * (d / D)
        for m, d in enumerate(dims)
    }
    total = sum(
        states.embed(torch.as_tensor(part), tuple(dims), s).numpy() for s, part in locals_.items()
    ) - (M - 1) * constant * np.eye(D)
    if np.abs(O - total).max() > ZERO * largest:
        return {tuple(range(M)): O}, 0.0
    traceless = {
        s: part - constant * np.eye(len(part))
        for s, part in locals_.items()
        if np.abs(part - constant * np.eye(len(part))).max() > ZERO * largest
    }
    if len(traceless) == 1:
        return {s: locals_[s] for s in traceless}, 0.0
    # sums of numbers of excitations and the like, which begin at 0
    lowest = {s: float(np.linalg.eigvalsh(part)[0]) for s, part in traceless.items()}
    if math.isclose(constant, -sum(lowest.values()), rel_tol=1e-12, abs_tol=ZERO * largest):
        return {s: part - lowest[s] * np.eye(len(part)) for s, part in traceless.items()}, 0.0
    return traceless, constant


def _eigenvectors(X: np.ndarray) -> list[tuple[float, np.ndarray]]:
    """Return the eigenvalues that are not zero with their eigenvectors, whose largest element is positive; the largest
    eigenvalue first.
    """
    values, vectors = np.linalg.eigh(X)
    result = []
    for value, vector in zip(values[::-1], vectors.T[::-1], strict=True):
        if abs(value) > ZERO * np.abs(values).max():
            leading = vector[np.abs(vector).argmax()]
            result.append((float(value), vector * (leading.conj() / abs(leading))))
    return result
