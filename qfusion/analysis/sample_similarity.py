"""The test samples nearest to one: by its contributions, its final state, or the states of its modalities."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from qfusion._checks import check, choose
from qfusion._memory_cache import memo
from qfusion.analysis import drawn_samples, sample_coordinates
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.analysis.tasks import Task

COUNT = 8  # samples of a list


# The test samples nearest to one: by its contributions, by its final state, by the states of its modalities. Free of
# streamlit.

TITLES = {
    sample_coordinates.DIVIDENDS: "distance of the contributions",
    sample_coordinates.FINAL: "Hilbert-Schmidt distance of the final states",
    sample_coordinates.STATES: "1 − fidelity of the modality states",
    sample_coordinates.FEATURES: "distance of the encoded features",
}


@dataclass(frozen=True, eq=False)
class Nearest:
    """Samples near to one.

    Attributes:
        rows: of the samples, the nearest first, (n,). distances: (n,).
        among: of so many samples. median: of the distances of all of these.
    """

    rows: np.ndarray
    distances: np.ndarray
    among: int
    median: float


def ways(study: Study) -> tuple[str, ...]:
    """Return the kinds of coordinates by which samples of a model can be compared, contributions first."""
    return tuple(
        sorted(
            sample_coordinates.coordinate_kinds(study),
            key=lambda kind: kind != sample_coordinates.DIVIDENDS,
        )
    )


def nearest(sample: Sample, by: str = sample_coordinates.DIVIDENDS, count: int = COUNT) -> Nearest:
    """Return the explained test samples nearest to one, without itself.

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
    study, row = sample.study, sample.row
    choose("Similarity", by, ways(study))
    rows = np.intersect1d(study.dataset.rows("test"), study.explained_rows)
    rows = drawn_samples.thin_rows(rows, sample_coordinates.most_samples(study, by))
    others = rows[rows != row]
    distances = _distances(study, others, row, by, sample.output, rows)
    order = np.argsort(distances, kind="stable")[:count]
    return Nearest(
        others[order],
        distances[order],
        len(others),
        float(np.median(distances)) if len(distances) else float("nan"),
    )


@memo(64, task=Task.COMPARE_SAMPLES)
def _distances(
    study: Any, others: np.ndarray, row: int, by: str, output: int, rows: np.ndarray
) -> np.ndarray:
    """Return the distances (n,) of a row from others. `rows` are these and perhaps the row itself, because
    coordinates are cached for them.
    """
    if not len(others):
        return np.zeros(0)
    if by == sample_coordinates.STATES:
        return study.space.infidelities(others, row)
    if by == sample_coordinates.DIVIDENDS:
        dividends = study.dividends(row, output)
        own = np.array([dividends[term] for term in study.terms])
    else:
        own = sample_coordinates.compute_coordinates(study, by, np.array([row]), output)
    away = sample_coordinates.compute_coordinates(study, by, rows, output)[rows != row] - own
    return np.asarray(np.linalg.norm(away, axis=1))
