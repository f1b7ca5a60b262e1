"""How the confidence intervals of a panel were made, in words."""

import numpy as np

from qfusion.data import DataSet


def describe_resampling(dataset: DataSet, rows: np.ndarray, what: str = "samples") -> str:
    """Describe the units that intervals resample: the clusters of some rows that the data set names, or else the
    rows, called `what`.
    """
    return "95% bootstrap intervals over " + (
        what if dataset.clusters is None else dataset.clusters.describe_count(rows)
    )
