"""Shares of classes in the parts of a split."""

from __future__ import annotations

import numpy as np

from qfusion.data import DataSet


def shares(ds: DataSet) -> np.ndarray:
    """How many samples of each class (rows) are in train, valid and test."""
    return np.array(
        [
            [np.sum(ds.y[ds.rows(part)] == label) for part in ("train", "valid", "test")]
            for label in range(len(ds.target.classes))
        ]
    )
