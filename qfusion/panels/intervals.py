"""How the confidence intervals of a panel were made, in words."""

import numpy as np

from qfusion.data import DataSet


def describe_resampling(dataset: DataSet, rows: np.ndarray, what: str = "samples") -> str:
    """Describe confidence intervals by the units that they resample, see `name_units`."""
    return "95% bootstrap intervals over " + name_units(dataset, rows, what)


def name_units(dataset: DataSet, rows: np.ndarray, what: str = "samples") -> str:
    """Return the units that are resampled: the clusters of some rows that the data set names, or else the rows, called
    `what`.
    """
    return what if dataset.clusters is None else dataset.clusters.describe_count(rows)
