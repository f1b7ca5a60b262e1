"""Sets that are made from recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from qfusion import data
from qfusion.data import importing


def imported(tmp_path: Path, ids: list[str]) -> data.DataSet:
    """A set of one modality, of samples of these ids."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {"id": ids, "f": rng.normal(size=len(ids)), "g": rng.normal(size=len(ids))}
    )
    labels = pd.DataFrame(
        {
            "id": ids,
            "label": rng.normal(size=len(ids)),
            "split": [("train", "valid", "test")[n % 3] for n in range(len(ids))],
            "text": "one two three",
        }
    )
    place = tmp_path / "tables"
    place.mkdir()
    table.to_csv(place / "audio.csv", index=False)
    labels.to_csv(place / "labels.csv", index=False)
    importing.import_set([place], "mine")
    return data.load("mine")
