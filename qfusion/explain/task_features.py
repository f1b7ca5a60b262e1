"""Rows and features of a prediction task: which rows are drawn, and the principal components of each modality."""

import numpy as np

from qfusion._checks import check
from qfusion.data import DataSet

ROWS = 4000  # rows of a task, at most
FEWEST = 60  # rows of a task, at least
WIDTH = 40  # components of a modality, at most
LEARNT = "train+valid"  # the rows of a task
UNSEEN = "test"  # the rows of a task where training rows leak their labels, see `label_leak`


def pool_features(dataset: DataSet, name: str, rows: np.ndarray) -> np.ndarray:
    """Return the features of a modality (N, F), or the mean and deviation of a sequence over its steps, (N, 2 F)."""
    parts = []
    for block in dataset.blocks(rows):
        values, lengths = dataset.features(name, block)
        values = np.asarray(values, dtype=np.float64)
        if lengths is not None:
            values = _pool_steps(values, lengths)
        parts.append(values.reshape(len(block), -1))
    return np.concatenate(parts)


def _pool_steps(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the mean and standard deviation over the steps of sequences.

    Args:
        values: (n, T, F). lengths: (n,).
    """
    steps = np.maximum(lengths, 1)[:, None]
    real = (np.arange(values.shape[1]) < steps)[..., None]
    mean = (values * real).sum(1) / steps
    deviations = (values - mean[:, None]) * real
    spread = np.sqrt((deviations**2).sum(1) / steps)
    return np.concatenate([mean, spread], 1)


def principal_components(values: np.ndarray, width: int = WIDTH) -> np.ndarray:
    """Return the leading principal components of standardised features, scaled by one number to unit mean variance."""
    from sklearn.decomposition import PCA

    check(not np.isnan(values).any(), "A modality has missing values. Impute them first.")
    centred = values - values.mean(0)
    spread = centred.std(0)
    varying = spread > 1e-9 * max(float(spread.max(initial=0)), 1e-300)
    check(bool(varying.any()), "A modality has the same features in all rows. Leave it out.")
    scaled = np.clip(centred[:, varying] / spread[varying], -8, 8)  # a few outliers set no axis
    size = min(width, *scaled.shape)
    parts = PCA(size, svd_solver="randomized", random_state=0).fit_transform(scaled)
    return parts / parts.std(0).mean()


def draw_rows(rows: np.ndarray, most: int) -> np.ndarray:
    """Return at most `most` of the rows in ascending order, drawn at random with seed 0."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:most])
