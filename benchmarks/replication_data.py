"""The data sets of benchmarks/replication.py: few rows and small features, so that a training takes seconds.

Pictures and questions are given as what the encoders of a concatenation network make of them. That network is trained
once on rows that no cell trains on. What is compared is the fusion behind these features.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch

from qfusion import data
from qfusion._files import atomic
from qfusion.data import DataSet, Modality
from qfusion.training import Options, train

MOST_ROWS = 1_500  # that a cell trains on
WRONG = 0.2  # of the labels that a cell with wrong labels trains on
PARTS = 4  # of a sequence, of each of which the mean is taken
FEATURES = 16  # numbers an encoder gives
ENCODER = dict(encoder="cnn-pool", pooling="conv", hidden=64, dropout=0.1, input_dropout=0.0)
SCHEDULE = Options(loss="cross_entropy", epochs=25, batch=128, rate=6e-3, patience=0, shift=1)


@cache
def small(name: str, folder: Path) -> DataSet:
    """Returns a data set as the cells are trained and tested on it.

    Args:
        name: of `BUILT`.
        folder: keeps the features that a network made.
    """
    return BUILT[name](data.load(name), folder)


def wrong_labels(dataset: DataSet, seed: int) -> DataSet:
    """Returns a data set in which a fifth of the training rows have another class than their own."""
    rng = np.random.default_rng([seed, 1])
    rows = dataset.rows("train")
    chosen = rng.choice(rows, round(WRONG * len(rows)), replace=False)
    classes = len(dataset.target.classes)
    y = dataset.y.copy()
    y[chosen] = (y[chosen] + rng.integers(1, classes, len(chosen))) % classes
    return replace(dataset, y=y)


def taken(dataset: DataSet, rows: np.ndarray, modalities: tuple[Modality, ...]) -> DataSet:
    """Returns a data set of some rows with other features, given for these rows."""
    return DataSet(
        name=dataset.name,
        title=dataset.title,
        description=dataset.description,
        source=dataset.source,
        licence=dataset.licence,
        modalities=modalities,
        target=dataset.target,
        y=dataset.y[rows],
        ids=dataset.ids[rows],
        split=dataset.split[rows],
        table=dataset.table.iloc[rows],
        clusters=None if dataset.clusters is None else dataset.clusters.select(rows),
    )


def groups_of(dataset: DataSet) -> np.ndarray:
    """Returns what the rows of a data set share (N,), as whole numbers: its pictures; the row itself where nothing."""
    if dataset.clusters is None:
        return np.arange(len(dataset))
    return dataset.clusters.numbers[:, 0]


def _vectors(name: str, values: np.ndarray) -> Modality:
    names = tuple(f"{name} {number}" for number in range(values.shape[1]))
    return Modality(name, values.astype(np.float32), None, names)


def _chosen_rows(dataset: DataSet) -> np.ndarray:
    """Whole groups of training rows, at most MOST_ROWS, and all others but training rows; ascending."""
    groups = groups_of(dataset)
    training = dataset.rows("train")
    order = np.random.default_rng(0).permutation(np.unique(groups[training]))
    position = {group: place for place, group in enumerate(order.tolist())}
    places = np.array([position[group] for group in groups[training].tolist()])
    sorted_rows = training[np.argsort(places, kind="stable")][:MOST_ROWS]
    last = groups[sorted_rows[-1]]
    is_cut = (groups[training] == last).sum() > (groups[sorted_rows] == last).sum()
    whole = sorted_rows[groups[sorted_rows] != last] if is_cut else sorted_rows
    return np.sort(np.concatenate([whole, dataset.rows("valid"), dataset.rows("test")]))


def _as_it_is(dataset: DataSet, folder: Path) -> DataSet:
    rows = _chosen_rows(dataset)
    return taken(dataset, rows, tuple(_vectors(m.name, m.values[rows]) for m in dataset.modalities))


def _means_over_time(dataset: DataSet, folder: Path) -> DataSet:
    """Sequences as the means of equal parts of their real steps."""
    rows = _chosen_rows(dataset)
    modalities = []
    for modality in dataset.modalities:
        assert modality.lengths is not None
        means = []
        for row in rows.tolist():
            steps = modality.values[row, : modality.lengths[row]]
            parts = np.array_split(steps, PARTS)
            means.append(np.concatenate([part.mean(0) for part in parts if len(part)]))
        modalities.append(_vectors(modality.name, np.stack(means)))
    return taken(dataset, rows, tuple(modalities))


def _encoded(dataset: DataSet, folder: Path) -> DataSet:
    """What the encoders of a concatenation network give, trained on the training rows that no cell trains on."""
    rows = _chosen_rows(dataset)
    file = folder / f"features-{dataset.name}-{dataset.digest[:12]}.npz"
    if not file.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        features = _encoder_outputs(dataset, rows)
        with atomic(file) as part, part.open("wb") as out:
            np.savez(out, **features)
    with np.load(file) as kept:
        modalities = tuple(_vectors(m.name, kept[m.name]) for m in dataset.modalities)
    return taken(dataset, rows, modalities)


def _encoder_outputs(dataset: DataSet, rows: np.ndarray) -> dict[str, np.ndarray]:
    groups = groups_of(dataset)
    is_used = np.isin(groups, groups[rows])
    others = np.array([row for row in dataset.rows("train").tolist() if not is_used[row]])
    apart = np.sort(np.concatenate([others, dataset.rows("valid")]))
    modalities = tuple(
        replace(
            m,
            values=m.values[apart],
            lengths=None if m.lengths is None else m.lengths[apart],
        )
        for m in dataset.modalities
    )
    # a data set must have test rows: those of validation stand for them, and are not looked at
    split = dataset.split.copy()
    split[dataset.rows("valid")[::2]] = "test"
    training_set = taken(replace(dataset, split=split), apart, modalities)
    result = train("concatenation", training_set, dict(features=FEATURES, **ENCODER), SCHEDULE, 0)
    model = result.model.double().eval()
    parts = []
    with torch.no_grad():
        for part in np.array_split(rows, 20):
            encoded = model.encode(dataset.inputs(part, torch.float64))
            parts.append({name: values.numpy() for name, values in encoded.items()})
    return {name: np.concatenate([part[name] for part in parts]) for name in dataset.names}


BUILT: dict[str, Callable[[DataSet, Path], DataSet]] = {
    "scenes": _encoded,
    "easyvqa-yesno": _encoded,
    "avletters": _means_over_time,
    "houston": _as_it_is,
}
