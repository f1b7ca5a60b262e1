"""A data set without a fault and its models, and the same with one planted fault."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from qfusion.data import DataSet, Modality, Target
from qfusion.data.row_splits import Clusters
from qfusion.training import Options, checkpoint, train

CLIPS = 10  # of a video
VIDEOS = {"train": 90, "valid": 15, "test": 40}
SETTINGS = {"dims": [3, 3], "measurements": 4, "jumps": 2, "hidden": 12, "dropout": 0.1}
OPTIONS = Options(epochs=25, rate=0.01, patience=0, weight_decay=0.01)


def clean_set(seed: int = 0) -> DataSet:
    """Sentiment of clips of videos: what is said, what is heard, and a part that both say together only."""
    rng = np.random.default_rng(seed)
    split = np.repeat(list(VIDEOS), np.array(list(VIDEOS.values())) * CLIPS)
    n = len(split)
    said, heard = rng.normal(size=(2, n))
    together = rng.choice([-1.0, 1.0], (2, n))
    text = np.stack([said, together[0]], 1) @ rng.normal(size=(2, 8))
    audio = np.stack([heard, together[1]], 1) @ rng.normal(size=(2, 6))
    text += 0.3 * rng.normal(size=text.shape)
    audio += 0.3 * rng.normal(size=audio.shape)
    y = np.clip(0.8 * said + 0.8 * heard + 1.2 * together[0] * together[1], -3, 3)
    y = np.where(rng.random(n) < 0.12, 0.0, y + 0.2 * rng.normal(size=n)).clip(-3, 3)
    ids = np.array([f"clip-{row}" for row in range(n)])
    videos = np.array([f"video-{row // CLIPS}" for row in range(n)])
    return DataSet(
        name="reviewed",
        title="Reviewed clips",
        description="Made for tests.",
        source="tests",
        licence="as the code",
        modalities=(
            Modality("text", text, None, tuple(f"t{i}" for i in range(8))),
            Modality("audio", audio, None, tuple(f"a{i}" for i in range(6))),
        ),
        target=Target("regression", "sentiment", (-3.0, 3.0)),
        y=y,
        ids=ids,
        split=split,
        table=pd.DataFrame({"video": videos}, index=ids),
        clusters=Clusters(videos, "videos"),
    )


def with_features(dataset: DataSet, **features: np.ndarray) -> DataSet:
    """Return the set with other features of some modalities, of the same or another width."""
    modalities = []
    for one in dataset.modalities:
        values = features.get(one.name)
        if values is None:
            modalities.append(one)
            continue
        names = tuple(f"{one.name[0]}{i}" for i in range(values.shape[1]))
        modalities.append(Modality(one.name, values, None, names))
    return replace(dataset, modalities=tuple(modalities))


def leaked_video(dataset: DataSet) -> DataSet:
    """Return the set with half of a training video among the test rows."""
    split = dataset.split.copy()
    split[: CLIPS // 2] = "test"
    return replace(dataset, split=split)


def duplicated_rows(dataset: DataSet, noise: float = 0.0) -> DataSet:
    """Return the set with the features and targets of twelve training rows in test rows, with noise in standard
    deviations."""
    rng = np.random.default_rng(1)
    source, copies = dataset.rows("train")[:12], dataset.rows("test")[:12]
    features = {}
    for one in dataset.modalities:
        values = one.values.copy()
        values[copies] = values[source] + noise * values.std(0) * rng.normal(
            size=values[source].shape
        )
        features[one.name] = values
    y = dataset.y.copy()
    y[copies] = y[source]
    return replace(with_features(dataset, **features), y=y)


def constant_modality(dataset: DataSet) -> DataSet:
    """Return the set with an audio that is the same in all rows."""
    return with_features(dataset, audio=np.ones((len(dataset), 6)))


def labels_in_features(dataset: DataSet) -> DataSet:
    """Return the set with the target among the features of the text."""
    text = dataset.modalities[0].values.copy()
    text[:, 5] = 2 * dataset.y + 1
    return with_features(dataset, text=text)


def other_extractor(dataset: DataSet) -> DataSet:
    """Return the set with a text of the same width by another extractor."""
    rng = np.random.default_rng(2)
    text = dataset.modalities[0].values
    return with_features(dataset, text=text @ rng.normal(size=(8, 8)) * 3 + 1)


def same_twice(dataset: DataSet) -> DataSet:
    """Return the set with an audio that says what the text says, so that a model can read either."""
    rng = np.random.default_rng(3)
    text = dataset.modalities[0].values
    audio = text[:, :6] + 0.05 * rng.normal(size=(len(dataset), 6))
    return with_features(dataset, audio=audio)


def save_model(
    folder: Path,
    name: str,
    dataset: DataSet,
    seed: int = 0,
    kind: str = "quantum-jump",
    options: Options = OPTIONS,
    **settings: object,
) -> str:
    """Train a model, put it among the models of a folder, and return its name."""
    own = SETTINGS if kind == "quantum-jump" else {}
    result = train(kind, dataset, {**own, **settings}, options, seed)
    trained = result.checkpoint(name)
    checkpoint.save(folder / f"{name}.json", result.model, trained.card)
    return name
