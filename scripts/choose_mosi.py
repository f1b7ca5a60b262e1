"""The simulation behind the settings of qj-mosi, on training rows alone.

    QFUSION_DATA=FOLDER python scripts/choose_mosi.py [--seeds 3]

The text and video features of MOSI were trained on the labels of all 1,447 training rows, so rows held out of those
look far better than rows the features have not seen, and validation chooses what trusts the features most. So a quarter
of the training videos (B) is made as uncertain as unseen videos are on record to be: every text row of B is mixed with
another one's, w own + (1 - |w|) other, with w drawn from the range in which ridge regression fitted on the other videos
(A) comes closest to what is on record for it on the real test rows (RECORD, from the description that came with the
files); the video features of B, which tell nothing there, are shuffled. Candidates are trained on A and measured on B,
without evolution, which leaves encoders and read-out as they are and takes a second.

The settings were decided by an agent that was given these rows and that record and nothing else: neither the test rows
nor any result of any setting on them. It ran this simulation with one seed, and another one with a text network of its
own, in which the same held less clearly. Its decision was then measured on the test rows, once.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from qfusion import data  # noqa: E402
from qfusion.training import Options, metrics, train  # noqa: E402

KEYS = ("mae", "corr", "acc2_non0")
RECORD, TOLERANCE = (
    np.array([0.953, 0.606, 0.770]),
    np.array([0.05, 0.03, 0.03]),
)  # of KEYS, ridge regression on text
EPOCHS = 16


def mixed(text: np.ndarray, w: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns rows (N, F) mixed with other rows, w (N,)."""
    return w[:, None] * text + (1 - np.abs(w))[:, None] * text[rng.permutation(len(text))]


def uncertain(dataset: data.DataSet, seed: int) -> data.DataSet:
    """Returns the training rows: A as "train" (one row of it, which nothing uses, as "test"), and B, made uncertain, as
    "valid"."""
    rows = dataset.rows("train+valid")
    y, videos = dataset.y[rows], dataset.table["video"].to_numpy()[rows]
    B = np.isin(videos, np.random.default_rng(seed).permutation(np.unique(videos))[::4])
    given = {m.name: m.values[rows].astype(float) for m in dataset.modalities}
    ridge = make_pipeline(StandardScaler(), RidgeCV(np.logspace(0, 4, 9))).fit(
        given["text"][~B], y[~B]
    )
    best = np.inf
    for low in (-0.6, -0.4, -0.2, 0.0, 0.2):
        for high in (0.7, 0.8, 0.9, 1.0):
            rng = np.random.default_rng(seed + 1)
            tried = mixed(given["text"][B], rng.uniform(low, high, B.sum()), rng)
            found = metrics.regression(ridge.predict(tried), y[B])
            distance = float(
                (((np.array([found[key] for key in KEYS]) - RECORD) / TOLERANCE) ** 2).sum()
            )
            if distance < best:
                best, text, told = distance, tried, found
    print(
        f"seed {seed}: ridge regression on B",
        {key: round(told[key], 3) for key in KEYS},
        flush=True,
    )
    given["text"][B] = text
    given["vision"][B] = np.random.default_rng(seed + 2).permutation(given["vision"][B])
    split = np.where(B, "valid", "train")
    split[np.flatnonzero(~B)[0]] = "test"
    return replace(
        dataset,
        modalities=tuple(replace(m, values=given[m.name]) for m in dataset.modalities),
        y=y,
        ids=dataset.ids[rows],
        split=split,
        table=dataset.table.iloc[rows],
        name="mosi-uncertain",
    )


def main() -> None:
    """Prints error, correlation and accuracy on B of every candidate, mean over seeds."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    torch.set_num_threads(1)
    dataset = data.load("mosi")
    parts = [uncertain(dataset, seed) for seed in range(parser.parse_args().seeds)]
    for dropout in (0.1, 0.3, 0.5, 0.7):
        for decay in (1e-3, 4.0, 12.0):
            options = Options(epochs=EPOCHS, weight_decay=decay, patience=0)
            settings = dict(dropout=dropout, evolution="none")
            models = [
                train("quantum-jump", part, settings, options, seed).model
                for seed, part in enumerate(parts)
            ]
            found = [
                metrics.evaluate(model, part, "valid")
                for model, part in zip(models, parts, strict=True)
            ]
            told = ", ".join(f"{key} {np.mean([m[key] for m in found]):.3f}" for key in KEYS)
            print(f"dropout {dropout}, weight decay {decay:g}: {told}", flush=True)


if __name__ == "__main__":
    main()
