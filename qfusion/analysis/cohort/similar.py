"""The test samples nearest to one: by its contributions, by its final state, by the states of its modalities. Free of
streamlit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from qfusion._checks import check, choose
from qfusion.analysis.cohort import coordinates
from qfusion.analysis.cohort.coordinates import DIVIDENDS, FEATURES, FINAL, STATES
from qfusion.analysis.memo import memo
from qfusion.analysis.sample import Sample
from qfusion.analysis.subject import Workspace

COUNT = 8
TITLES = {
    DIVIDENDS: "distance of the contributions",
    FINAL: "Hilbert-Schmidt distance of the final states",
    STATES: "1 − fidelity of the modality states",
    FEATURES: "distance of the encoded features",
}


@dataclass(frozen=True, eq=False)
class Nearest:
    """Samples near to one.

    Attributes:
        by: of `ways`.
        rows: of the samples, the nearest first, (n,). distances: (n,).
        among: of so many samples. median: of the distances of all of these.
    """

    by: str
    rows: np.ndarray
    distances: np.ndarray
    among: int
    median: float


def ways(work: Workspace) -> tuple[str, ...]:
    """Returns by what samples of a model are near to each other: contributions first."""
    return tuple(sorted(coordinates.kinds(work), key=lambda kind: kind != DIVIDENDS))


def nearest(sample: Sample, by: str = DIVIDENDS, count: int = COUNT) -> Nearest:
    """Returns the explained test samples nearest to one, without itself.

    Contributions are those to the sample's explained score, distances of them and of features are Euclidean, of final
    states Hilbert-Schmidt; of modality states it is 1 - |<psi|phi>|^2 of the products of kets, or of modality qubits.

    Args:
        sample: of any model; from any split.
        by: of `ways`. count: so many at most.

    Raises:
        NotFound: when the model has no such coordinates.
        InvalidInput: when `count` is not positive.
    """
    check(count >= 1, f"Argument `count` must be at least 1, but is {count}.")
    work, row = sample.work, sample.row
    choose("Similarity", by, ways(work))
    rows = np.intersect1d(work.dataset.rows("test"), work.bulk)
    rows = coordinates.thinned(rows, coordinates.most(work, by))
    others = rows[rows != row]
    found = _distances(work, others, row, by, sample.output, rows)
    order = np.argsort(found, kind="stable")[:count]
    median = float(np.median(found)) if len(found) else float("nan")
    return Nearest(by, others[order], found[order], len(others), median)


@memo(64, says="Comparing this sample with the others …")
def _distances(
    work: Any, others: np.ndarray, row: int, by: str, output: int, rows: np.ndarray
) -> np.ndarray:
    """Distances (n,) of a row from others; `rows` are these and perhaps itself, as their coordinates are kept."""
    if not len(others):
        return np.zeros(0)
    if by == STATES:
        return 1 - _fidelities(work, others, row)
    if by == DIVIDENDS:
        own = work.dividends(row, output)
        return np.asarray(
            np.linalg.norm(
                coordinates.of(work, by, others, output)
                - np.array([own[term] for term in work.terms]),
                axis=1,
            )
        )
    every = coordinates.of(work, by, rows, output)[rows != row]
    own = coordinates.of(work, by, np.array([row]), output)
    return np.asarray(np.linalg.norm(every - own, axis=1))


def _fidelities(work: Any, others: np.ndarray, row: int) -> np.ndarray:
    if work.can("kets"):
        kets = work.kets(others).to(torch.complex128)
        return np.asarray((kets.conj() @ work.ket(row).to(torch.complex128)).abs().pow(2).numpy())
    # Coordinates are cos and sin of all angles over the square root of 2.
    every, own = (
        np.sqrt(2) * coordinates.of(work, STATES, some) for some in (others, np.array([row]))
    )
    n = every.shape[1] // 2
    cosines = every[:, :n] * own[:, :n] + every[:, n:] * own[:, n:]
    return np.asarray(((1 + cosines) / 2).prod(1))
