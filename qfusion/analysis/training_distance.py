"""Distance of a sample from the training data, beside that of test samples."""

import numpy as np
import scipy

from qfusion._sentences import share
from qfusion.analysis import drawn_samples
from qfusion.analysis.memo import memo
from qfusion.analysis.sample import Sample
from qfusion.analysis.study import Study
from qfusion.training import checkpoint

# How far a sample lies from the training data, beside test samples. Free of streamlit.

BEHIND, AHEAD = 10_000, 2_000  # training and test samples at most, spread evenly


def away_words(sample: Sample) -> str:
    """Returns in a sentence how far a sample lies from the nearest training sample, beside the median of test samples
    and the share of these that lie nearer."""
    own = float(_training_distances(sample.study, np.array([sample.row]))[0])
    rows = drawn_samples.thin_rows(sample.dataset.rows("test"), AHEAD)
    others = _training_distances(sample.study, rows[rows != sample.row])
    return (
        "In what the encoders make of it, it lies further from the training data than "
        f"{share(float((others < own).mean()))} of the test samples ({own:.2g} from the nearest; their median is "
        f"{np.median(others):.2g})."
    )


@memo(16, background=False)
def _training_distances(study: Study, rows: np.ndarray) -> np.ndarray:
    """Distances (n,) of rows from the nearest training sample that is none of them."""
    behind = study.dataset.rows(checkpoint.training_split(study.card))
    behind = drawn_samples.thin_rows(np.setdiff1d(behind, rows), BEHIND)
    return np.asarray(
        scipy.spatial.distance.cdist(
            study.space.encodings(rows), study.space.encodings(behind)
        ).min(1)
    )
