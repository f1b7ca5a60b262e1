"""Data sets of a few rows."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.target_spec import Target


def tiny(kind: str) -> DataSet:
    rng = np.random.default_rng(0)
    N = 60
    y = rng.normal(size=N) if kind == "regression" else np.arange(N) % 4
    x = rng.normal(size=(N, 5)) + np.asarray(y)[:, None]
    words = rng.normal(size=(N, 6, 3)) * (np.arange(6) < 4)[None, :, None]
    ids = np.array([f"s{i}" for i in range(N)])
    return DataSet(
        name="tiny",
        title="Tiny",
        description="",
        source="",
        licence="",
        modalities=(
            Modality("a", x, None, tuple("abcde")),
            Modality("words", words, np.full(N, 4), tuple("uvw")),
        ),
        target=Target("regression", "score")
        if kind == "regression"
        else Target("classification", "class", classes=("p", "q", "r", "s")),
        y=y,
        ids=ids,
        split=np.array((["train"] * 4 + ["valid", "test"]) * 10),
        table=pd.DataFrame(index=ids),
    )
