"""Checks of a data set: shapes, ids, split, finite values, targets and tables."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion.data import array_chunks
from qfusion.data.coalition_terms import coalition_names
from qfusion.data.modality_spec import Modality
from qfusion.data.row_splits import SPLITS
from qfusion.data.target_spec import Target, check_convention
from qfusion.errors import InvalidInput


class CheckedData(Protocol):
    """The attributes of a data set that are checked, see `data_set.DataSet`."""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the modalities."""

    @property
    def modalities(self) -> tuple[Modality, ...]:
        """Modalities of N samples each."""

    @property
    def target(self) -> Target:
        """The quantity to predict."""

    @property
    def y(self) -> np.ndarray:
        """Targets (N,)."""

    @property
    def ids(self) -> np.ndarray:
        """Names of the samples, (N,)."""

    @property
    def split(self) -> np.ndarray:
        """Part of the split of each sample, (N,)."""

    @property
    def table(self) -> pd.DataFrame:
        """Columns to show."""

    @property
    def truth(self) -> pd.DataFrame | None:
        """True dividends, if known."""

    @property
    def unimodal(self) -> pd.DataFrame | None:
        """Targets of single modalities, if any."""


def check_data_set(data: CheckedData) -> None:
    """Check shapes, ids, split, values, targets and tables of a data set.

    Raises:
        InvalidInput: naming the argument or the modality, and the first sample that does not fit.
    """
    count = len(data.ids)
    check(
        len(data.modalities) > 0,
        "Argument `modalities` must hold at least one modality, but is empty. Add one.",
    )
    check(
        len(set(data.names)) == len(data.names),
        f"Argument `modalities` must have distinct names, but has {data.names}. Rename the repeated ones.",
    )
    for name, array in (("ids", data.ids), ("split", data.split), ("y", data.y)):
        check(
            array.ndim == 1 and len(array) == count,
            f"Argument `{name}` must have shape ({count},) like `ids`, but has shape {array.shape}. One per sample.",
        )
    for m in data.modalities:
        check(
            len(m.values) == count,
            f"Modality '{m.name}' must have {count} samples like `ids`, but has "
            f"{len(m.values)}. Drop or add samples.",
        )
    check(
        bool((data.ids != "").all()), "Argument `ids` must not hold empty names. Name every sample."
    )
    unique, counts = np.unique(data.ids, return_counts=True)
    check(
        len(unique) == len(data.ids),
        f"Argument `ids` must be unique, but {str(unique[counts > 1][:1].tolist())[:80]} appears more than once. "
        "Drop or rename duplicates.",
    )
    for part in np.unique(data.split).tolist():
        choose("Split", part, SPLITS)
    for part in SPLITS:
        check(
            bool((data.split == part).any()),
            f"Argument `split` must put at least one sample in '{part}', but puts none there. Move some samples.",
        )
    _check_finite(data)
    _check_targets(data)
    _check_tables(data)


def _check_finite(data: CheckedData) -> None:
    """Check that features and targets are finite."""
    for m in data.modalities:
        count = 0
        first: list[Any] = []
        for at, chunk in array_chunks.enumerate_chunks(array_chunks.iter_chunks(m.values)):
            wrong = np.isinf(chunk) if m.given is not None else ~np.isfinite(chunk)
            if wrong.any():
                bad = np.argwhere(wrong)
                if not first:
                    first = [at + bad[0][0], *bad[0][1:]]
                count += len(bad)
        if first:
            row, *step, feature = first
            where = f"sample '{str(data.ids[row])[:80]}'"
            if step:
                where += f", step {step[0]}"
            raise InvalidInput(
                f"Modality '{m.name}' must be finite, but holds {count} NaN or infinite values, the first "
                f"in {where}, feature '{m.feature_names[feature]}'. Clean or impute the data first."
            )
    for row in np.flatnonzero(~np.isfinite(data.y)):
        raise InvalidInput(
            f"Argument `y` must be finite, but is not for sample '{str(data.ids[row])[:80]}'. "
            "Drop the sample or correct its target."
        )


def _check_targets(data: CheckedData) -> None:
    """Check that targets lie in their range, or are numbers of classes."""
    target = data.target
    y = data.y
    low: float = -np.inf
    high: float = np.inf
    if target.kind == "classification":
        low, high = 0, len(target.classes) - 1
    elif target.range is not None:
        low, high = target.range
    check(
        bool(((y >= low) & (y <= high)).all()),
        f"Argument `y` must lie in [{low:g}, {high:g}] for target '{target.name}', but goes from {y.min():g} to "
        f"{y.max():g}. Correct the range or the targets.",
    )
    if target.convention == "sims":
        check_convention(target.convention, y)


def _check_tables(data: CheckedData) -> None:
    """Check the tables of samples: displayed columns, true contributions and labels of single modalities."""
    for name, table in (("table", data.table), ("truth", data.truth)):
        check(
            table is None or list(table.index) == data.ids.tolist(),
            f"Argument `{name}` must have the ids as its index, in their order, but has others. Use "
            f"`{name}.set_index(ids)`.",
        )
    if data.truth is not None:
        check(
            tuple(data.truth.columns) == coalition_names(data.names),
            f"Argument `truth` must have columns {coalition_names(data.names)}, but has {tuple(data.truth.columns)}. "
            "Reorder or rename.",
        )
        check(
            bool(np.isfinite(data.truth.to_numpy()).all()),
            "Argument `truth` must be finite. Recompute it.",
        )
    if data.unimodal is not None:
        check(
            all(pd.api.types.is_numeric_dtype(kind) for kind in data.unimodal.dtypes),
            f"Argument `unimodal` must hold numbers, but has columns of {list(map(str, data.unimodal.dtypes))}. "
            "Convert them, with NaN where there is no label.",
        )
        check(
            list(data.unimodal.index) == data.ids.tolist()
            and set(data.unimodal.columns) <= set(data.names),
            f"Argument `unimodal` must have a row for every id, in their order, and columns among {data.names}, but "
            f"has columns {tuple(data.unimodal.columns)}. Reorder or rename.",
        )
