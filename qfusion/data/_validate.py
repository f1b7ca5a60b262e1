"""The checks of a data set, made once when it is constructed."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from qfusion._checks import check, choose
from qfusion.data import _digest
from qfusion.errors import InvalidInput

if TYPE_CHECKING:
    from qfusion.data.spec import DataSet, Modality


def frozen(values: Any, dtype: Any) -> np.ndarray:
    """Returns `values` as a read-only array of `dtype`; a copy unless it is one already.

    Raises:
        InvalidInput: when the values cannot be read as that type.
    """
    try:
        array = np.asarray(values)
        # A float that is no whole number must not become a class or a length silently.
        if np.dtype(dtype).kind == "i" and array.dtype.kind == "f" and not np.array_equal(array, np.round(array)):
            raise ValueError("not whole numbers")
        array = array.astype(dtype, copy=array.flags.writeable)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"Values must be readable as {np.dtype(dtype).name}, but are not ({error}). "
                           "Convert them first.") from None
    array.flags.writeable = False
    return array


def modality(m: Modality, checked: bool = False) -> None:
    """Checks one modality's shapes, lengths and padding; the latter two not when that was done before."""
    want = "(N, F)" if m.lengths is None else "(N, T, F)"
    check(m.name != "" and "+" not in m.name,
          f"Argument `name` of a modality must be non-empty without '+', but is {m.name!r}. Rename it.")
    check(m.values.ndim == (2 if m.lengths is None else 3),
          f"Argument `values` of modality '{m.name}' must have shape {want}, but has shape {m.values.shape}. "
          "Give `lengths` for sequences and None for vectors.")
    check(len(m.feature_names) == m.values.shape[-1],
          f"Argument `feature_names` of modality '{m.name}' must hold {m.values.shape[-1]} names, but holds "
          f"{len(m.feature_names)}. Give one per feature.")
    if m.shape is not None:
        check(m.lengths is None and prod(m.shape) == m.values.shape[-1],
              f"Argument `shape` of modality '{m.name}' must have the product {m.values.shape[-1]} of its features and be "
              f"left out for sequences, but is {m.shape}. Give the shape of one sample, or None.")
    if m.lengths is not None:
        _lengths(m, m.lengths, checked)


def _lengths(m: Modality, lengths: np.ndarray, checked: bool) -> None:
    count, steps = m.values.shape[:2]
    check(lengths.shape == (count,),
          f"Argument `lengths` of modality '{m.name}' must have shape ({count},), but has shape {lengths.shape}. "
          "Give one per sample.")
    if checked:
        return
    check(bool(((lengths >= 1) & (lengths <= steps)).all()),
          f"Argument `lengths` of modality '{m.name}' must lie in 1..{steps}, but goes from "
          f"{lengths.min(initial=steps + 1)} to {lengths.max(initial=0)}. Every sample needs at least one step.")
    at = 0
    for piece in _digest.pieces(m.values):
        padding = np.arange(steps) >= lengths[at:at + len(piece), None]
        check(not np.any(piece[padding]),
              f"Argument `values` of modality '{m.name}' must be zero beyond each sample's length, but is not. "
              "Set the padding to zero.")
        at += len(piece)


def dataset(data: DataSet, splits: tuple[str, ...]) -> None:
    """Checks that all parts of a data set fit together."""
    count = len(data.ids)
    check(len(data.modalities) > 0, "Argument `modalities` must hold at least one modality, but is empty. Add one.")
    check(len(set(data.names)) == len(data.names),
          f"Argument `modalities` must have distinct names, but has {data.names}. Rename the repeated ones.")
    for name, array in (("ids", data.ids), ("split", data.split), ("y", data.y)):
        check(array.ndim == 1 and len(array) == count,
              f"Argument `{name}` must have shape ({count},) like `ids`, but has shape {array.shape}. One per sample.")
    for m in data.modalities:
        check(len(m.values) == count, f"Modality '{m.name}' must have {count} samples like `ids`, but has "
                                      f"{len(m.values)}. Drop or add samples.")
    _ids(data)
    _split(data, splits)
    _finite(data)
    _targets(data)
    _tables(data)


def _ids(data: DataSet) -> None:
    check(bool((data.ids != "").all()), "Argument `ids` must not hold empty names. Name every sample.")
    unique, counts = np.unique(data.ids, return_counts=True)
    check(len(unique) == len(data.ids),
          f"Argument `ids` must be unique, but {str(unique[counts > 1][:1].tolist())[:80]} appears more than once. "
          "Drop or rename duplicates.")


def _split(data: DataSet, splits: tuple[str, ...]) -> None:
    for part in np.unique(data.split).tolist():
        choose("Split", part, splits)
    for part in splits:
        check(bool((data.split == part).any()),
              f"Argument `split` must put at least one sample in '{part}', but puts none there. Move some samples.")


def _finite(data: DataSet) -> None:
    for m in data.modalities:
        at, count, first = 0, 0, None
        for piece in _digest.pieces(m.values):
            if not np.isfinite(piece).all():
                bad = np.argwhere(~np.isfinite(piece))
                first = (at + int(bad[0][0]), *(int(i) for i in bad[0][1:])) if first is None else first
                count += len(bad)
            at += len(piece)
        if first is not None:
            row, *step, feature = first
            where = f"sample '{str(data.ids[row])[:80]}'" + (f", step {step[0]}" if step else "")
            raise InvalidInput(f"Modality '{m.name}' must be finite, but holds {count} NaN or infinite values, the first "
                               f"in {where}, feature '{m.feature_names[feature]}'. Clean or impute the data first.")
    bad_rows = np.flatnonzero(~np.isfinite(data.y))
    if len(bad_rows):
        raise InvalidInput(f"Argument `y` must be finite, but is not for sample '{str(data.ids[bad_rows[0]])[:80]}'. "
                           "Drop the sample or mend its target.")


def _targets(data: DataSet) -> None:
    target, y = data.target, data.y
    low, high = (0, len(target.classes) - 1) if target.kind == "classification" else target.range or (-np.inf, np.inf)
    check(bool(((y >= low) & (y <= high)).all()),
          f"Argument `y` must lie in [{low:g}, {high:g}] for target '{target.name}', but goes from {y.min():g} to "
          f"{y.max():g}. Correct the range or the targets.")


def _tables(data: DataSet) -> None:
    from qfusion.data.spec import coalitions

    for name, table in (("table", data.table), ("truth", data.truth)):
        check(table is None or list(table.index) == data.ids.tolist(),
              f"Argument `{name}` must have the ids as its index, in their order, but has others. "
              f"Use `{name}.set_index(ids)`.")
    if data.truth is not None:
        wanted = coalitions(data.names)
        check(tuple(data.truth.columns) == wanted,
              f"Argument `truth` must have columns {wanted}, but has {tuple(data.truth.columns)}. Reorder or rename.")
        check(bool(np.isfinite(data.truth.to_numpy()).all()), "Argument `truth` must be finite. Recompute it.")
    if data.unimodal is not None:
        check(list(data.unimodal.index) == data.ids.tolist() and set(data.unimodal.columns) <= set(data.names),
              f"Argument `unimodal` must have a row for every id, in their order, and columns among {data.names}, but has columns "
              f"{tuple(data.unimodal.columns)}. Reorder or rename.")
