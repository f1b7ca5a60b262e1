"""Models whose modalities are encoded sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from qfusion._memory_cache import CACHE
from qfusion.data import DataSet, Modality, Target
from qfusion.models import build
from qfusion.training import encodings


def sequences(count: int = 90, steps: int = 12) -> DataSet:
    """Three modalities of sequences of unequal length whose sum is the target."""
    rng = np.random.default_rng(0)
    hidden = rng.normal(size=(count, 3))
    modalities = []
    for m, (name, size) in enumerate((("text", 20), ("audio", 7), ("vision", 5))):
        lengths = rng.integers(1, steps + 1, count)
        values = rng.normal(size=(count, steps, size)) + hidden[:, m, None, None]
        values[np.arange(steps) >= lengths[:, None]] = 0
        modalities.append(
            Modality(name, values.astype("f4"), lengths, tuple(f"{name} {i}" for i in range(size)))
        )
    ids = np.array([f"v{i // 10}$_${i % 10}" for i in range(count)])
    split = np.array(["train", "train", "train", "valid", "test", "test"])[np.arange(count) % 6]
    return DataSet(
        "drawn",
        "drawn",
        "",
        "",
        "",
        tuple(modalities),
        Target("regression", "score"),
        hidden.sum(1),
        ids,
        split,
        pd.DataFrame(index=ids),
    )


@pytest.fixture
def dataset(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> DataSet:
    """A data set that counts as large, with a cache of its own."""
    monkeypatch.setattr(encodings, "HEAVY", 0)
    monkeypatch.setenv("QFUSION_CACHE", str(tmp_path))
    CACHE.clear(encodings.CACHE_KIND)
    return sequences()


def model_of(kind: str, dataset: DataSet) -> Any:
    torch.manual_seed(0)
    found = build(kind, dataset.input_specs, ("score",), {"dims": 2} if "jump" in kind else {})
    found.standardise(dataset.inputs(dataset.rows("train")))
    return found.double().eval()
