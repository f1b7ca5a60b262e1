"""Features of the simulated crowd's clips, and of others: what a model is trained on that stands beside the crowd.

The features of a modality are mixtures of the log-probabilities with which people who are shown it alone vote for each
emotion, and noise. So a model can learn what people take from voice and face, but nothing of the clips whose voice and
face people take for a third emotion, which no single modality names.
"""

import numpy as np
import pandas as pd

from qfusion.data.array_chunks import numbered_ids
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.row_splits import Clusters
from qfusion.data.sources import Source
from qfusion.data.target_spec import Target
from qfusion.plugins.people.sources import crowd
from qfusion.plugins.people.sources.simulated_crowd import (
    ACTORS,
    CLASSES,
    KINDS,
    PLAYERS,
    simulate_crowd,
)

SEED = 2027
SIZES = {"train": 2000, "valid": 400}  # clips of other actors, which nobody rated
FEATURES = 8  # of a modality
NOISE = 0.5  # standard deviation of that of a feature, whose own is about 1


def load() -> DataSet:
    """Return the clips, with the votes of nobody: those that the crowd rated are the test samples."""
    rated = simulate_crowd(crowd.SEED, crowd.CLIPS)
    others = simulate_crowd(SEED, sum(SIZES.values()))
    order = np.argsort(others.actors, kind="stable")  # an actor's clips are in one part
    split = np.repeat(["test", *SIZES], [crowd.CLIPS, *SIZES.values()])
    explained = np.concatenate([rated.explained, others.explained[order]])
    kinds = np.concatenate([rated.kinds, others.kinds[order]])
    actors = np.concatenate([rated.actors, ACTORS + others.actors[order]])
    split = _keep_actors_together(split, actors)
    p = np.concatenate([rated.probabilities, others.probabilities[order]])
    ids = numbered_ids("clip", len(split))
    names = np.char.add("actor ", np.char.zfill((1 + actors).astype(str), 2))
    rng = np.random.default_rng(SEED)
    modalities = []
    for place, name in enumerate(PLAYERS):
        values = _mix_features(p[:, place], rng)
        features = tuple(f"{name} {number}" for number in range(1, 1 + FEATURES))
        modalities.append(Modality(name, values, None, features))
    table = pd.DataFrame({"kind": np.array(KINDS)[kinds], "actor": names}, index=ids)
    return DataSet(
        name=SOURCE.name,
        title=SOURCE.title,
        description=f"{len(split):,} simulated clips of {2 * ACTORS} actors with five emotions, with "
        f"{FEATURES} features of the voice and as many of the face. They are mixtures of the log-probabilities of "
        "people's votes by voice and by face, with noise. The test samples are the clips that the simulated crowd "
        "(`crowd`) rated, under the same names, so that a model and people can be compared clip by clip.",
        source=f"made by this project from seed {SEED}",
        licence="Apache-2.0, like the project",
        modalities=tuple(modalities),
        target=Target("classification", "acted emotion", None, CLASSES),
        y=explained.astype(np.int64),
        ids=ids,
        split=split,
        table=table,
        clusters=Clusters(names.astype(np.str_), "actors"),
    )


def _keep_actors_together(split: np.ndarray, actors: np.ndarray) -> np.ndarray:
    """Return the split where all clips of an actor are in the part of the first of them."""
    _, first, inverse = np.unique(actors, return_index=True, return_inverse=True)
    return split[first][inverse]


def _mix_features(p: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return features (N, FEATURES) of the probabilities of votes (N, K) by one modality."""
    logits = np.log(p)
    logits -= logits.mean(1, keepdims=True)
    mixing = rng.normal(size=(logits.shape[1], FEATURES)) / np.sqrt(logits.shape[1])
    noise = NOISE * rng.normal(size=(len(p), FEATURES))
    return np.asarray(logits @ mixing + noise, np.float32)


SOURCE = Source(
    "crowd-features",
    "Clips of the simulated crowd",
    load,
    place=39,
    made="is made by the project",
)
