"""A data set with a visitor's samples appended after its rows."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.own_samples import OwnSample
from qfusion.data.sample_content import no_clip

SPLIT = "own"  # entry in `split` of these rows


def append_samples(dataset: DataSet, samples: Sequence[OwnSample]) -> DataSet:
    """Return a data set with a visitor's samples in the rows after its last.

    The length of the set, its `rows` of every split and its `digest` do not change. The appended rows are in no split
    and have no target: NaN, or the class -1.

    Args:
        dataset: the data set.
        samples: at least one sample of the set.
    """
    modalities: list[Modality] = []
    for m in dataset.modalities:
        parts = [one.features[m.name] for one in samples]
        rooms = [np.subtract(m.values.shape[1:], part.shape) for part in parts]
        values = [
            np.pad(part, [(0, n) for n in room]) for part, room in zip(parts, rooms, strict=True)
        ]
        lengths = None if m.lengths is None else np.array([*map(len, parts)])
        modalities.append(replace(m, values=np.stack(values), lengths=lengths, checked=True))
    first, ids = len(dataset), np.array([one.id for one in samples])
    own = replace(
        dataset,
        modalities=tuple(modalities),
        y=np.full(len(ids), np.nan if dataset.target.kind == "regression" else -1),
        ids=ids,
        split=np.full(len(ids), SPLIT),
        table=pd.DataFrame(index=ids),
        truth=None,
        unimodal=None,
        clusters=None,
        content_of=lambda row: dict(samples[row].content),
        clip_of=no_clip,
        recorded=hashlib.sha256("".join(one.digest for one in samples).encode()).hexdigest(),
    )
    names = np.append(dataset.ids, ids)
    return replace(
        dataset,
        y=np.append(dataset.y, own.y),
        ids=names,
        split=np.append(dataset.split, own.split),
        table=dataset.table.astype(object).reindex(names),
        truth=None if dataset.truth is None else dataset.truth.reindex(names),
        unimodal=None if dataset.unimodal is None else dataset.unimodal.reindex(names),
        content_of=lambda row: (
            dataset.content_of(row) if row < first else own.content_of(row - first)
        ),
        clip_of=lambda row: dataset.clip_of(row) if row < first else None,
        clusters=None if dataset.clusters is None else dataset.clusters.append_samples(ids),
        own=own,
        recorded=dataset.digest,
    )
