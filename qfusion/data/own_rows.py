"""A data set with a visitor's samples appended after its rows."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.own_samples import OwnSample
from qfusion.data.sample_content import Clip, Content, no_clip

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
        parts = [sample.features[m.name] for sample in samples]
        values = np.stack([_pad(part, m.values.shape[1:]) for part in parts])
        lengths = None if m.lengths is None else np.array([len(part) for part in parts])
        modalities.append(replace(m, values=values, lengths=lengths, checked=True))
    ids = np.array([sample.id for sample in samples])
    digests = "".join(sample.digest for sample in samples)
    no_target = np.nan if dataset.target.kind == "regression" else -1
    own = replace(
        dataset,
        modalities=tuple(modalities),
        y=np.full(len(ids), no_target),
        ids=ids,
        split=np.full(len(ids), SPLIT),
        table=pd.DataFrame(index=ids),
        truth=None,
        unimodal=None,
        clusters=None,
        content_of=lambda row: dict(samples[row].content),
        clip_of=no_clip,
        recorded=hashlib.sha256(digests.encode()).hexdigest(),
    )
    first = len(dataset)
    names = np.append(dataset.ids, ids)

    def content_of(row: int) -> dict[str, Content]:
        return dataset.content_of(row) if row < first else own.content_of(row - first)

    def clip_of(row: int) -> Clip | None:
        return dataset.clip_of(row) if row < first else None

    def append_empty_rows(table: pd.DataFrame | None) -> pd.DataFrame | None:
        return None if table is None else table.reindex(names)

    return replace(
        dataset,
        y=np.append(dataset.y, own.y),
        ids=names,
        split=np.append(dataset.split, own.split),
        table=dataset.table.astype(object).reindex(names),
        truth=append_empty_rows(dataset.truth),
        unimodal=append_empty_rows(dataset.unimodal),
        content_of=content_of,
        clip_of=clip_of,
        clusters=None if dataset.clusters is None else dataset.clusters.append_samples(ids),
        own=own,
        recorded=dataset.digest,
    )


def _pad(values: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return values padded with zeros at the end of each axis."""
    return np.pad(values, [(0, size - n) for size, n in zip(shape, values.shape, strict=True)])
