"""The data set: modalities, target, ids, split, and the content and labels of its samples.

A data set is checked once, when it is made; code that reads it afterwards can rely on it. Its arrays are read-only,
because all sessions of the app share one data set.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import InitVar, dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose, require_few_modalities
from qfusion.data import array_chunks
from qfusion.data.array_chunks import read_only_array
from qfusion.data.modality_spec import Modality
from qfusion.data.row_splits import SPLITS, Clusters
from qfusion.data.sample_content import Clip, Content, FeatureTransform, no_clip, no_content
from qfusion.data.target_spec import MOSI_CONVENTION, Target, UnimodalLabels, unimodal_columns

if TYPE_CHECKING:
    import torch
from qfusion.data.data_set_checks import check_data_set

BLOCK = 64_000_000  # bytes of features to read at once


@dataclass(frozen=True, eq=False)
class DataSet:
    """Samples with modalities, targets, a split, and content to show; checked when made.

    Attributes:
        name: the name to load it by.
        title: the name to show.
        description: a paragraph for the page.
        source: the origin of the data.
        licence: the terms of use.
        modalities: of N samples each, in the order of the tensor product.
        target: the quantity to predict.
        y: targets (N,): float64 for regression, int64 classes otherwise.
        ids: names of the samples, str (N,), unique.
        split: "train", "valid" or "test", str (N,), none of them empty.
        table: columns to show and to filter by, N rows indexed by id. For a regression with `unimodal`, it includes
            the columns of `unimodal_columns`, which replace columns of the same names.
        truth: the exact Harsanyi dividends of each sample, if known: columns as `coalition_names` orders them, indexed
            by id. For two classes, those of a score that is 1 where the first class is right and -1 elsewhere.
        noise_variance: variance of the part of the target that no model can predict, if known.
        content_of: returns the raw content of a row, by modality.
        unimodal: annotated targets of single modalities (CH-SIMS), if any: a column a modality, indexed by id.
        clusters: groups of dependent rows, such as videos or pictures. Intervals over rows resample clusters. None if
            rows are independent.
        clip_of: returns the recording of a row, if there is one.
        feature_transforms: functions that turn a visitor's input into features, by modality.
        own: a visitor's samples, appended after the rows of the set, see `own.append_samples`.
        is_game: whether it holds the samples of a measured game, which have no features.
        recorded: digest of an imported set, recorded when it was checked. With it, checks are not repeated and
            memory-mapped arrays are not read. `dataclasses.replace` drops it.
        version: name and version of a set that comes with the library, as `data.load` returned it; else empty. It is
            declared, see `sources.Source`, and the same on every machine. `dataclasses.replace` drops it.

    Raises:
        InvalidInput: when shapes disagree, ids repeat, a split is empty, a value is infinite, or NaN unless given in
            Python, or there are more than 12 modalities; the message names the modality, the first such sample and the
            feature.
    """

    name: str
    title: str
    description: str
    source: str
    licence: str
    modalities: tuple[Modality, ...]
    target: Target
    y: np.ndarray
    ids: np.ndarray
    split: np.ndarray
    table: pd.DataFrame
    truth: pd.DataFrame | None = None
    noise_variance: float | None = None
    content_of: Callable[[int], dict[str, Content]] = field(default=no_content, repr=False)
    unimodal: pd.DataFrame | None = None
    clusters: Clusters | None = field(default=None, repr=False)
    clip_of: Callable[[int], Clip | None] = field(default=no_clip, repr=False)
    feature_transforms: Mapping[str, FeatureTransform] = field(default_factory=dict, repr=False)
    own: DataSet | None = field(default=None, repr=False)
    is_game: bool = False
    recorded: InitVar[str] = ""
    version: str = field(default="", init=False)

    def __post_init__(self, recorded: str) -> None:
        target_type = float if self.target.kind == "regression" else np.int64
        object.__setattr__(self, "modalities", tuple(self.modalities))
        object.__setattr__(self, "y", read_only_array(self.y, target_type))
        object.__setattr__(self, "ids", read_only_array(self.ids, np.str_))
        object.__setattr__(self, "split", read_only_array(self.split, np.str_))
        require_few_modalities(f"Data set {self.name}", len(self.modalities))
        check(
            self.clusters is None or len(self.clusters.labels) == len(self.ids),
            f"Argument `clusters` must have a row for each of {len(self.ids)} samples, but has "
            f"{0 if self.clusters is None else len(self.clusters.labels)}. Name the cluster of every sample.",
        )
        if recorded:
            object.__setattr__(self, "digest", recorded)
        else:
            check_data_set(self)
        if self.unimodal is not None and self.target.kind == "regression":
            columns = unimodal_columns(self.unimodal, self.y)
            object.__setattr__(self, "table", self.table.assign(**columns))

    def __repr__(self) -> str:
        sizes = ", ".join(
            f"{name}: {m.size}" for name, m in zip(self.names, self.modalities, strict=True)
        )
        return (
            f"DataSet({self.name!r}, {len(self)} samples, {self.target.kind} of {self.target.name!r}, "
            f"modalities {{{sizes}}})"
        )

    def __len__(self) -> int:
        return len(self.ids) - (0 if self.own is None else len(self.own))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the modalities, in order."""
        return tuple(m.name for m in self.modalities)

    @property
    def input_specs(self) -> dict[str, dict[str, Any]]:
        """The inputs of a model: per modality the number of features, whether it is a sequence, and the shape of its
        features if they have one."""
        specs: dict[str, dict[str, Any]] = {}
        for m in self.modalities:
            specs[m.name] = {"size": m.size, "sequence": m.is_sequence}
            if m.shape is not None:
                specs[m.name]["shape"] = m.shape
        return specs

    def rows(self, split: str | None = None) -> np.ndarray:
        """Return the row numbers of a split, ascending, int64.

        Args:
            split: "train", "valid", "test", several joined like "train+valid", or None for every row.

        Raises:
            NotFound: when there is no such split.
        """
        if split is None:
            return np.arange(len(self))
        parts = [choose("Split", part, SPLITS) for part in split.split("+")]
        return np.flatnonzero(np.isin(self.split, parts))

    def row(self, sample_id: str) -> int:
        """Return the row of a sample.

        Raises:
            NotFound: when no sample has that id; the message lists close matches.
        """
        return int(self.find_rows([sample_id])[0])

    def find_rows(self, sample_ids: Iterable[str]) -> np.ndarray:
        """Return the rows of several samples, (n,) int64.

        Raises:
            NotFound: when no sample has one of the ids; the message lists close matches.
        """
        names = [str(id_) for id_ in sample_ids]
        rows = self._place.get_indexer(names)
        for place in np.flatnonzero(rows < 0):
            # Close matches among a million ids would take minutes.
            choose(f"In data set '{self.name}', sample", names[place], self.ids[:5000].tolist())
        return np.asarray(rows, dtype=np.int64)

    @cached_property
    def unimodal_labels(self) -> UnimodalLabels | None:
        """Labels of single modalities of a regression, if any; for planted data the hidden scores."""
        if self.target.kind != "regression":
            return None
        if self.unimodal is not None and len(self.unimodal.columns):
            labelled = [name for name in self.names if name in self.unimodal]
            return UnimodalLabels(self.unimodal[labelled], False)
        columns = {f"latent_{name}": name for name in self.names}
        hidden = {column: name for column, name in columns.items() if column in self.table.columns}
        if self.truth is None or not hidden:
            return None
        return UnimodalLabels(self.table[list(hidden)].rename(columns=hidden).astype(float), True)

    @cached_property
    def is_signed(self) -> bool:
        """Whether the target is a number with both signs, so that the sign of a score has a meaning."""
        return self.target.kind == "regression" and bool((self.y < 0).any() and (self.y > 0).any())

    @cached_property
    def _place(self) -> pd.Index:
        return pd.Index(self.ids.astype(object))

    @cached_property
    def identity(self) -> str:
        """A digest of the texts, the tables and `digest`: sets of equal numbers may have different descriptions."""
        texts = [self.name, self.title, self.description, self.source, self.licence, self.digest]
        if self.target.convention not in (MOSI_CONVENTION, "classes"):
            texts.append(self.target.convention)
        sha = hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass"))
        for frame in (self.table, self.truth, self.unimodal):
            if frame is not None:
                sha.update(repr(list(frame.columns)).encode())
                try:
                    rows = pd.util.hash_pandas_object(frame, index=False)
                except TypeError:  # cells such as lists
                    rows = pd.util.hash_pandas_object(frame.astype(str), index=False)
                sha.update(rows.to_numpy().tobytes())
        return sha.hexdigest()

    def memo_key(self, background: bool = True) -> str:
        """A key of the set for caches, with that of a visitor's samples behind it."""
        return self.identity if self.own is None else f"{self.identity} {self.own.digest}"

    def known_ids(self, sample_ids: Iterable[str]) -> list[str]:
        """Return those of the given ids that are in the set, each once, in the given order."""
        return [name for name in dict.fromkeys(map(str, sample_ids)) if name in self._place]

    def select_label(self, label: str) -> DataSet:
        """Return the set of the question whether a sample has one of several labels: two classes, the second is yes.

        Its name is NAME:LABEL, which `load` accepts. Features, split and ids are those of this set.

        Raises:
            NotFound: when samples do not have several labels, or none is called so.
        """
        choose(f"Label of data set '{self.name}'", label, self.target.labels)
        place = self.target.labels.index(label)
        has_label = np.array([place in labels for labels in self.target.sets])
        return replace(
            self,
            name=f"{self.name}:{label}",
            title=f"{self.title}: {label}",
            target=Target(
                "classification",
                label,
                None,
                (f"not {label}", label),
                self.target.unit,
                self.target.labels,
                ((), (place,)),
            ),
            y=has_label[self.y].astype(np.int64),
            recorded=hashlib.sha256(f"{self.digest}|{label}".encode()).hexdigest(),
        )

    def subset(self, rows: np.ndarray) -> DataSet:
        """Return a data set of some of the samples, with a copy of their features.

        Args:
            rows: row numbers, some of every split.
        """
        rows = self._checked_rows(rows)
        modalities = []
        for m in self.modalities:
            lengths = None if m.lengths is None else m.lengths[rows]
            modalities.append(replace(m, values=m.values[rows], lengths=lengths, checked=True))
        digest = hashlib.sha256(f"{self.digest}|{rows.tolist()}".encode())

        def select_rows(table: pd.DataFrame | None) -> pd.DataFrame | None:
            return None if table is None else table.iloc[rows]

        return replace(
            self,
            modalities=tuple(modalities),
            y=self.y[rows],
            ids=self.ids[rows],
            split=self.split[rows],
            table=self.table.iloc[rows],
            truth=select_rows(self.truth),
            unimodal=select_rows(self.unimodal),
            content_of=lambda row: self.content_of(int(rows[row])),
            clip_of=lambda row: self.clip_of(int(rows[row])),
            clusters=None if self.clusters is None else self.clusters.select(rows),
            recorded=digest.hexdigest(),
        )

    def content(self, row: int) -> dict[str, Content]:
        """Return the raw content of a row by modality; modalities without content are left out.

        Raises:
            InvalidInput: when there is no such row.
        """
        return dict(self.content_of(int(self._checked_rows(row)[0])))

    def inputs(
        self, rows: Any = None, dtype: torch.dtype | None = None, only: Sequence[str] | None = None
    ) -> dict[str, Any]:
        """Return the inputs of a model: of each modality a tensor (B, F), or (values (B, T, F), mask (B, T)).

        Args:
            rows: one row number, several, or None for all N.
            dtype: of the values; torch.float32 by default. In the mask True marks a real step.
            only: names of the modalities to return; all by default.

        Raises:
            InvalidInput: when a row does not exist.
        """
        import torch

        chosen = self._checked_rows(self.rows() if rows is None else rows)
        tensors: dict[str, Any] = {}
        for name in self.names:
            if only is not None and name not in only:
                continue
            features, lengths = self.features(name, chosen)
            values = torch.from_numpy(features).to(dtype or torch.float32)
            if lengths is None:
                tensors[name] = values
            else:
                is_real = np.arange(features.shape[1]) < lengths[:, None]
                tensors[name] = (values, torch.from_numpy(is_real))
        return tensors

    def features(self, name: str, rows: Any) -> tuple[np.ndarray, np.ndarray | None]:
        """Return features of a modality, (B, F) or (B, T, F), and the lengths (B,) of sequences, else None.

        Args:
            name: the modality.
            rows: one row number or several.

        Raises:
            InvalidInput: when a row does not exist.
        """
        chosen = self._checked_rows(rows)
        place = self.names.index(name)
        m = self.modalities[place]
        if self.own is None or bool((chosen < len(self)).all()):
            return m.values[chosen], None if m.lengths is None else m.lengths[chosen]
        appended = self.own.modalities[place]
        set_rows = np.minimum(chosen, len(self) - 1)
        own_rows = np.maximum(chosen - len(self), 0)
        is_own = chosen >= len(self)
        is_own_value = is_own.reshape(-1, *[1] * (m.values.ndim - 1))
        values = np.where(is_own_value, appended.values[own_rows], m.values[set_rows])
        if m.lengths is None or appended.lengths is None:
            return values, None
        return values, np.where(is_own, appended.lengths[own_rows], m.lengths[set_rows])

    def has_truth(self, row: int) -> bool:
        """Return whether the target of a row is known."""
        if self.is_own(row):
            return False
        return bool(self.is_annotated[row])

    @cached_property
    def is_annotated(self) -> np.ndarray:
        """Whether the target of each row of the set is known, bool (N,): a game may have none."""
        y = self.y[: len(self)]
        if not self.target.known:
            return np.zeros(len(y), bool)
        return y >= 0 if self.target.kind == "classification" else np.isfinite(y)

    def is_own(self, row: int) -> bool:
        """Whether a row is a visitor's sample, whose target is unknown."""
        return row >= len(self)

    def blocks(self, rows: np.ndarray, itemsize: int = 8, most: int = 4096) -> list[np.ndarray]:
        """Return row numbers (B,) in blocks, in their order. The features of each block take at most `BLOCK` bytes.

        Args:
            rows: row numbers.
            itemsize: bytes of a number.
            most: largest number of rows in a block.
        """
        width = itemsize * sum(int(np.prod(m.values.shape[1:])) for m in self.modalities)
        size = max(1, min(most, BLOCK // max(width, 1)))
        return [rows[start : start + size] for start in range(0, len(rows), size)]

    @cached_property
    def digest(self) -> str:
        """SHA-256, in hex, of ids, split, targets, unimodal targets, and each modality's names, values, lengths and
        shape."""
        return compute_digest(self)

    def _checked_rows(self, rows: Any) -> np.ndarray:
        chosen = np.atleast_1d(np.asarray(rows))
        check(
            (chosen.dtype.kind in "iu" or chosen.size == 0) and chosen.ndim == 1,
            f"Argument `rows` must hold row numbers, but has type {chosen.dtype} and shape {chosen.shape}. "
            "Use `row(id)` or `rows(split)` to get them.",
        )
        bad = chosen[(chosen < 0) | (chosen >= len(self.ids))]
        check(
            bad.size == 0,
            f"Argument `rows` must lie in 0..{len(self.ids) - 1}, but holds {bad[:1].tolist()}. "
            "Use `row(id)` or `rows(split)` to get row numbers.",
        )
        return chosen.astype(np.int64, copy=False)


def compute_digest(data: DataSet) -> str:
    """Return the digest of the current data, whatever digest was recorded."""
    modalities = (
        (
            m.name,
            m.values.shape,
            m.feature_names,
            array_chunks.iter_chunks(m.values),
            m.lengths,
            m.shape,
        )
        for m in data.modalities
    )
    return array_chunks.digest(data.target, data.ids, data.split, data.y, modalities, data.unimodal)
