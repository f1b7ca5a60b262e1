"""A visitor's own sample: its inputs are checked, then converted to features as the training data were.

    inputs = {"image": OwnInput("drawing", png), "audio": OwnInput("recording", wav)}
    sample = make_sample(dataset, inputs, like="pair-0001")
    study = study.with_own(append_samples(dataset, [sample]))

Inputs are untrusted: sizes are checked before anything is decoded, and only the `makers` of the data set compute
features.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._memory_cache import CACHE
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.own.inputs import OwnInput, make_features
from qfusion.data.sample_content import Clip, Content, no_clip
from qfusion.errors import InvalidInput, NotFound, QFusionError

PREFIX = "own-"  # of the ids of these samples
KEPT = 64  # latest samples and errors of all visitors, so that a page that runs again decodes nothing again


@dataclass(frozen=True, eq=False)
class OwnSample:
    """A sample that a visitor made.

    Attributes:
        data: name of the data set.
        given: inputs, by the first of the modalities that are computed from each, see `input_groups`.
        like: id of the sample of the set that supplies the other modalities; empty if there are none.
        features: by modality, (F,) or (T, F).
        content: by modality, to show.
        taken: names of the modalities that are copied from the sample `like`.
    """

    data: str
    given: Mapping[str, OwnInput]
    like: str
    features: Mapping[str, np.ndarray] = field(repr=False)
    content: Mapping[str, Content] = field(repr=False)
    taken: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its features, in hex."""
        features = (
            f"\0{name} {values.shape} ".encode() + values.tobytes()
            for name, values in self.features.items()
        )
        return hashlib.sha256(b"".join([self.data.encode(), *features])).hexdigest()

    @property
    def id(self) -> str:
        """The id of the sample, such as `own-3fa9c1`."""
        return PREFIX + self.digest[:6]

    def fits(self, dataset: DataSet) -> bool:
        """Whether the features fit a set, which may have been imported again since."""
        return self.data == dataset.name and all(
            m.name in self.features
            and self.features[m.name].shape[-1] == m.size
            and self.features[m.name].ndim == m.values.ndim - 1
            and len(self.features[m.name]) <= m.values.shape[1]
            for m in dataset.modalities
        )

    @property
    def nbytes(self) -> int:
        """Bytes in memory: of features, content and inputs."""
        size = sum(values.nbytes for values in self.features.values())
        for content in self.content.values():
            arrays = (value for value in vars(content).values() if isinstance(value, np.ndarray))
            size += sum(array.nbytes for array in arrays)
        return size + sum(len(piece.data) for piece in self.given.values())

    def memo_key(self, background: bool = True) -> str:
        """A key of the sample for caches."""
        return self.digest


def input_groups(dataset: DataSet) -> dict[str, tuple[str, ...]]:
    """Return the modalities that are computed from one input, by the first of them.

    Modalities whose makers have the same kind and hint share an input, such as three views of a drawn digit.
    """
    result: dict[tuple[str, str], list[str]] = {}
    for name in (name for name in dataset.names if name in dataset.makers):
        maker = dataset.makers[name]
        result.setdefault((maker.kind, maker.hint), []).append(name)
    return {names[0]: tuple(names) for names in result.values()}


def _key(dataset: DataSet, given: Mapping[str, OwnInput], like: str) -> str:
    pieces = sorted(
        (first, piece.kind, piece.ending, hashlib.sha256(piece.data).hexdigest())
        for first, piece in given.items()
    )
    return hashlib.sha256(repr((dataset.name, dataset.digest, like, pieces)).encode()).hexdigest()


def find_sample(dataset: DataSet, given: Mapping[str, OwnInput], like: str) -> OwnSample | None:
    """Return the result of `make_sample` if it is cached, else None; arguments and errors as there."""
    result = CACHE.get(make_sample, _key(dataset, given, like))
    if isinstance(result, QFusionError):
        raise type(result)(str(result))
    return cast("OwnSample | None", result)


def make_sample(dataset: DataSet, given: Mapping[str, OwnInput], like: str) -> OwnSample:
    """Return a sample whose features are computed from inputs as those of the training data.

    The first call for an input is slow; `find_sample` returns a cached result.

    Args:
        dataset: the data set of the sample.
        given: inputs, by the first of the modalities that are computed from each.
        like: id of the sample of the set that supplies the other modalities.

    Raises:
        InvalidInput: when there is no input, or one is too large, empty, or cannot be decoded.
        NotFound: when no modality of that name can be computed, or no sample has the id `like`.
    """
    result = find_sample(dataset, given, like)
    if result is None:
        key = _key(dataset, given, like)
        try:
            result = _make_anew(dataset, given, like)
        except (InvalidInput, NotFound) as error:
            CACHE.put(make_sample, key, error, KEPT)
            raise
        CACHE.put(make_sample, key, result, KEPT)
    return result


def _make_anew(dataset: DataSet, given: Mapping[str, OwnInput], like: str) -> OwnSample:
    """Return a sample, see `make_sample`."""
    check(bool(given), "Nothing is given. Draw, speak or write something first.")
    wanted = input_groups(dataset)
    features: dict[str, np.ndarray] = {}
    content: dict[str, Content] = {}
    for first, piece in given.items():
        names = wanted[choose("What can be given for", first, wanted)]
        kind = dataset.makers[first].kind
        check(
            piece.kind == kind,
            f"For {first} a {kind} is wanted, but a {piece.kind[:40]!r} is given. Give a {kind}.",
        )
        for name in names:
            values, content[name] = make_features(dataset.makers[name].make, piece)
            features[name] = _check_features(dataset, name, values)
    rest = [name for name in dataset.names if name not in features]
    row = dataset.row(like) if rest else 0
    check(not dataset.is_own(row), f"Sample {like!r} is a visitor's own. Name one of the data set.")
    for name in rest:
        values, lengths = dataset.features(name, row)
        features[name] = values[0] if lengths is None else values[0, : lengths[0]]
    for name, value in dataset.content(row).items():
        if name in rest:
            content[name] = value
    return OwnSample(
        data=dataset.name,
        given=dict(given),
        like=like if rest else "",
        features={name: features[name] for name in dataset.names},
        content=content,
        taken=tuple(rest),
    )


def _check_features(dataset: DataSet, name: str, values: Any) -> np.ndarray:
    """Return features as an array, checked against the shape of the modality."""
    m = dataset.modalities[dataset.names.index(name)]
    array = np.asarray(values, np.float32)
    shape = m.values.shape[1:]
    steps = "" if m.lengths is None else f" 1 to {shape[0]} steps of"
    fits = array.shape == shape if m.lengths is None else array.shape[1:] == shape[1:]
    check(
        fits and 0 < len(array) <= shape[0] and bool(np.isfinite(array).all()),
        f"What is given for {name} must come to{steps} {shape[-1]} finite numbers, but comes to "
        f"{' x '.join(map(str, array.shape))}. Give a shorter or a clearer one.",
    )
    return array


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
