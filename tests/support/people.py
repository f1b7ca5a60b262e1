"""People for data sets that name none."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qfusion import data
from qfusion.data import importing
from qfusion.training import Options, checkpoint, train

M = ("text", "audio", "vision")


def stand_in(
    seed: int = 0,
    counts: tuple[int, int, int] = (260, 60, 160),
    missing: bool = True,
    steps: tuple[int, int, int] = (5, 7, 6),
) -> dict[str, Any]:
    """A small CH-SIMS: sequences of every modality that carry one number each, Chinese words, labels of these numbers,
    ids of MMSA's form."""
    rng, content, first = np.random.default_rng(seed), {}, 0
    for split, n in zip(("train", "valid", "test"), counts, strict=True):
        hidden = rng.normal(size=(n, 3))
        t, a, v = hidden.T
        score = (
            np.clip(0.9 * t + 0.4 * a + 0.4 * v - np.maximum(t, 0) * np.maximum(-a, 0), -3, 3) / 3
        )
        part: dict[str, Any] = {}
        for j, (name, room, size) in enumerate(zip(M, steps, (6, 4, 5), strict=True)):
            along = np.random.default_rng(10 + j).normal(size=size) / np.sqrt(size)
            lengths = rng.integers(3, room + 1, size=n)
            values = 0.3 * rng.normal(size=(n, room, size)) + 2 * hidden[:, j, None, None] * along
            values[np.arange(room)[None] >= lengths[:, None]] = 0
            part[name] = values.astype(np.float32)
            part[f"{name}_lengths"] = lengths.tolist()
        part |= {
            "raw_text": np.array(["这部电影非常好看"] * n),
            "regression_labels": score.astype(np.float32),
            "id": np.array([f"vid{(first + i) // 5:05d}$_${(first + i) % 5}" for i in range(n)]),
            "annotations": np.array(["Positive" if s > 0 else "Negative" for s in score]),
        }
        part |= {
            f"regression_labels_{letter}": np.clip(hidden[:, j] / 2, -1, 1).astype(np.float32)
            for j, letter in enumerate("TAV")
        }
        if missing and split == "test":
            part["regression_labels_T"][::5] = np.nan
        content[split], first = part, first + 1000
    return content


def make_models(folder: Path) -> None:
    """Imports the small CH-SIMS as `stand-in`, and keeps two models of it: `taught` had the labels as targets, too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QFUSION_IMPORTED", str(folder / "imported"))
        path = folder / "sims.pkl"
        path.write_bytes(pickle.dumps(stand_in(), protocol=4))
        importing.import_set([path], "stand-in")
        dataset = data.load("stand-in")
        (folder / "models").mkdir()
        for name, weight in (("simple", 0.0), ("taught", 1.0)):
            fit = train(
                "quantum-jump",
                dataset,
                {"dims": [3, 3, 2]},
                Options(epochs=12, rate=1e-2, unimodal=weight),
            )
            made = fit.checkpoint(name)
            checkpoint.save(folder / "models" / f"{name}.json", made.model, made.card)


def keep_short_model(folder: Path, name: str, dataset: data.DataSet) -> checkpoint.Checkpoint:
    """Returns a model that was hardly trained, which is kept beside those of `make_models`."""
    options = Options(
        epochs=1, loss="l1" if dataset.target.kind == "regression" else "cross_entropy"
    )
    settings = {"dims": [2] * len(dataset.names)}
    made = train("quantum-jump", dataset, settings, options).checkpoint(name)
    checkpoint.save(folder / "models" / f"{name}.json", made.model, made.card)
    return made
