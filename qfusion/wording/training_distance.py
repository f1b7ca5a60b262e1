"""Distance of a sample from the training data, in a sentence."""

from qfusion._sentences import share
from qfusion.analysis.training_distance import TrainingDistance

DISTANCE = (
    "Its encodings are further from the training data than those of {share} of the test samples (distance to the "
    "nearest training sample {own:.2g}, median {median:.2g})."
)


def describe_distance(distance: TrainingDistance) -> str:
    """Return the distance of a sample compared with those of the test samples."""
    return DISTANCE.format(share=share(distance.nearer), own=distance.own, median=distance.median)
