"""Distance of a sample from the training data, beside that of test samples."""

from dataclasses import dataclass

import numpy as np
import scipy

from qfusion._memory_cache import memo
from qfusion.analysis import drawn_samples
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.training import checkpoint_cards

BEHIND, AHEAD = 10_000, 2_000  # training and test samples at most, spread evenly


@dataclass(frozen=True)
class TrainingDistance:
    """Distance of a sample's encodings from the nearest training sample.

    Attributes:
        own: of the sample. median: of the test samples. nearer: share of the test samples that are nearer.
    """

    own: float
    median: float
    nearer: float


def measure_distance(sample: Sample) -> TrainingDistance:
    """Return how far a sample is from the training data, beside at most `AHEAD` test samples."""
    own = float(_training_distances(sample.study, np.array([sample.row]))[0])
    rows = drawn_samples.thin_rows(sample.dataset.rows("test"), AHEAD)
    others = _training_distances(sample.study, rows[rows != sample.row])
    return TrainingDistance(own, float(np.median(others)), float((others < own).mean()))


@memo(16, background=False)
def _training_distances(study: Study, rows: np.ndarray) -> np.ndarray:
    """Distances (n,) of rows from the nearest training sample that is none of them."""
    behind = study.dataset.rows(checkpoint_cards.training_split(study.card))
    behind = drawn_samples.thin_rows(np.setdiff1d(behind, rows), BEHIND)
    return np.asarray(
        scipy.spatial.distance.cdist(
            study.space.encodings(rows), study.space.encodings(behind)
        ).min(1)
    )
