"""Data sets with unimodal annotations."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from qfusion.data import DataSet
from tests.support.trainings import small


def annotated(classes: int = 0) -> DataSet:
    """Sets whose modalities were annotated on their own, some of them not."""
    dataset = small(classes)
    own = {"text": dataset.modalities[0].values[:, 0], "audio": dataset.modalities[1].values[:, 0]}
    if classes:
        own = {name: np.digitize(values, [-0.5, 0.5])[:] % classes for name, values in own.items()}
    table = pd.DataFrame(own, index=dataset.ids).astype(float)
    table.iloc[::3, 0] = np.nan
    table.iloc[1::4, 1] = np.nan
    return replace(dataset, unimodal=table)
