"""Short trainings."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from qfusion.data import DataSet, Modality, Target


def small(classes: int = 0, N: int = 120) -> DataSet:
    """A learnable set: the score is the product of two features of different modalities."""
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(N, 3)), rng.normal(size=(N, 2))
    y = np.tanh(a[:, 0]) * np.tanh(b[:, 0]) * 2
    target = Target("regression", "score", (-3.0, 3.0))
    if classes:
        y = np.digitize(y, np.quantile(y, np.linspace(0, 1, classes + 1)[1:-1]))
        target = Target("classification", "class", None, tuple("abcd"[:classes]))
    ids = np.array([f"s{n}" for n in range(N)])
    split = np.array((["train"] * 4 + ["valid", "test"]) * (N // 6))
    modalities = (
        Modality("text", a, None, ("x", "y", "z")),
        Modality("audio", b, None, ("u", "v")),
    )
    return DataSet(
        "small", "Small", "", "", "", modalities, target, y, ids, split, pd.DataFrame(index=ids)
    )


QUICK = dict(epochs=4, batch=16, rate=1e-2)


def padded(N: int = 60) -> DataSet:
    """Sequences of different lengths; their padding of zeros is no step."""
    rng = np.random.default_rng(1)
    values, lengths = rng.normal(size=(N, 5, 3)) * [1, 100, 0] + [0, 7, 5], rng.integers(1, 6, N)
    values[np.arange(5) >= lengths[:, None]] = 0
    ids = np.array([f"s{n}" for n in range(N)])
    return DataSet(
        "padded",
        "Padded",
        "",
        "",
        "",
        (Modality("audio", values, lengths, ("x", "y", "z")),),
        Target("regression", "score"),
        rng.normal(size=N),
        ids,
        np.array((["train"] * 4 + ["valid", "test"]) * (N // 6)),
        pd.DataFrame(index=ids),
    )


def same_weights(a: torch.nn.Module, b: torch.nn.Module) -> bool:
    return all(
        torch.equal(x, y)
        for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    )
