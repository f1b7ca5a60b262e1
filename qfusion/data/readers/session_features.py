"""Modalities of the arrays that a user holds: vectors, sequences with masks, pictures, token numbers.

(N,), (N, F)                    vectors
(N, T, F), lists of (T, F)      sequences; `text_mask` (N, T) or `text_lengths` (N,) beside `text` name their steps
(N, T) beside a mask            token numbers, one a step
(N, h, w) of one square size, (N, h, w, 3), (N, 3, h, w), (N, 1, h, w)    pictures
(N, ...)                        any other arrays, as vectors
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.data.modality_spec import GivenForm, store_picture
from qfusion.data.parsing import numbered_features
from qfusion.data.raw import RawModality, whole_array
from qfusion.errors import translate_errors

SMALLEST_GREY = 8  # rows of a square array (N, a, a) that is taken for grey pictures
TOKENS = ("input_ids", "tokens", "text")  # whose mask a tokenizer calls `attention_mask`


def as_array(value: Any) -> Any:
    """Return a tensor or a picture of Pillow as an array, the latter in [0, 1] (h, w, 3); others as they are."""
    if hasattr(value, "detach"):
        value = value.detach().cpu().numpy()
    if hasattr(value, "getbands"):
        value = np.asarray(value.convert("RGB"), np.float32) / 255
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return value.item()
    return value


def masks_of(entries: Mapping[str, Any]) -> dict[str, str]:
    """Return the entries that are masks or lengths of the steps of others: of each its name, by the other's.

    They have the name of the other, followed by "_mask", "_attention_mask", "_lengths" or "_length", or are called
    "attention_mask" beside the token numbers.
    """
    result: dict[str, str] = {}
    for name in entries:
        for ending in ("_attention_mask", "_mask", "_lengths", "_length"):
            owner = name.removesuffix(ending)
            if owner != name and owner in entries and _are_steps(entries[owner], entries[name]):
                result.setdefault(owner, name)
    if "attention_mask" in entries:
        owner = next((name for name in TOKENS if name in entries), "")
        if owner and _are_steps(entries[owner], entries["attention_mask"]):
            result.setdefault(owner, "attention_mask")
    return result


def _are_steps(values: Any, steps: Any) -> bool:
    """Whether values can be sequences with a mask or lengths: (N, T, F), or whole numbers (N, T). A mask of pictures or
    of single features is a modality like others.
    """
    for entry in (values, steps):
        is_array = isinstance(entry, (list, tuple, np.ndarray)) or hasattr(entry, "detach")
        if not is_array or (hasattr(entry, "ndim") and entry.ndim == 0) or len(entry) == 0:
            return False
    first, mask = as_array(values[0]), as_array(steps[0])
    if np.ndim(mask) > 1:
        return False
    return np.ndim(first) == 2 or (np.ndim(first) == 1 and np.asarray(first).dtype.kind in "iu")


def read_features(name: str, values: Any, steps: Any = None) -> RawModality:
    """Return the features of one modality.

    Args:
        name: of the modality.
        values: an array or tensor (N, ...), or a list of N of them, see the head of this module.
        steps: the mask (N, T) or the lengths (N,) of sequences, if given.

    Raises:
        InvalidInput: when values are no numbers, samples have several shapes, or a mask does not fit.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu().numpy()
    if isinstance(values, (list, tuple)) or (
        isinstance(values, np.ndarray) and values.dtype == object
    ):
        arrays = [_numbers(name, entry, row) for row, entry in enumerate(values)]
        if {entry.ndim for entry in arrays} == {2} and len({e.shape for e in arrays}) > 1:
            return _sequence(name, arrays)
        if {entry.ndim for entry in arrays} == {1} and len({e.shape for e in arrays}) > 1:
            return _tokens(name, arrays)
        sizes = {entry.shape for entry in arrays}
        check(
            len(sizes) == 1,
            f"Samples of modality '{name}' must have one shape, or be sequences (T, F) of one F, but have shapes "
            f"{sorted(sizes)[:3]}. Resize or pad them.",
        )
        values = np.stack(arrays)
    array = np.asarray(values)
    check(
        array.dtype.kind in "fiub" and array.ndim >= 1,
        f"Modality '{name}' must be an array of numbers with one row a sample, but has type {array.dtype}. Encode it "
        "as numbers, or leave it out of the data.",
    )
    check(array.size > 0, f"Modality '{name}' must hold numbers, but has shape {array.shape}.")
    whole = array.dtype.kind in "iu"
    if steps is not None:
        return _masked_sequence(name, array, steps, whole)
    if array.ndim == 1:
        array = array[:, None]
    form = GivenForm(array.shape[1:], whole)
    if array.ndim == 2:
        features = numbered_features(name, array.shape[1])
        return whole_array(name, array, features, given=form)
    if array.ndim == 3 and not _is_picture(array.shape):
        lengths = np.full(len(array), array.shape[1])
        features = numbered_features(name, array.shape[2])
        return whole_array(name, array, features, lengths=lengths, given=form)
    flat, shape = store_picture(array)
    features = numbered_features(name, flat.shape[1])
    return whole_array(name, flat, features, picture=shape, given=form)


def _numbers(name: str, entry: Any, row: int) -> np.ndarray:
    """Return one sample of a list as an array of numbers."""
    with translate_errors(
        f"Modality '{name}' must hold numbers, but row {row} does not",
        "Encode it as numbers: an embedding (F,) or steps (T, F). Texts and pictures can be shown by `contents`.",
        *(ValueError, TypeError),
        why="{words:.80}",
    ):
        array = np.asarray(as_array(entry))
        if array.dtype == object and array.ndim == 1 and len(array):  # nested lists of a table
            array = np.stack([np.asarray(step) for step in array])
        if array.dtype.kind not in "fiub":
            array = array.astype(np.float32)
    return array


def _is_picture(shape: tuple[int, ...]) -> bool:
    """Whether an array (N, a, b) holds square grey pictures; other such arrays are sequences (N, T, F)."""
    return shape[1] == shape[2] and shape[1] >= SMALLEST_GREY


def _sequence(
    name: str, arrays: Sequence[np.ndarray], form: GivenForm | None = None
) -> RawModality:
    """Return sequences (T, F) of several lengths, padded with zeros."""
    widths = {entry.shape[1] for entry in arrays}
    shortest = min(len(entry) for entry in arrays)
    check(
        len(widths) == 1 and shortest > 0,
        f"Sequences of modality '{name}' must have one number of features and at least one step, but have "
        f"{sorted(widths)[:3]} features and lengths from {shortest}.",
    )
    lengths = np.array([len(entry) for entry in arrays])
    padded = np.zeros((len(arrays), lengths.max(), widths.pop()), np.result_type(*arrays))
    for row, entry in enumerate(arrays):
        padded[row, : len(entry)] = entry
    features = numbered_features(name, padded.shape[2])
    return whole_array(name, padded, features, lengths=lengths, given=form)


def _tokens(name: str, arrays: Sequence[np.ndarray]) -> RawModality:
    """Return rows of numbers of several lengths as sequences of one feature, such as token numbers."""
    whole = all(entry.dtype.kind in "iu" for entry in arrays)
    return _sequence(name, [entry[:, None] for entry in arrays], GivenForm((), whole))


def _masked_sequence(name: str, array: np.ndarray, steps: Any, whole: bool) -> RawModality:
    """Return padded sequences whose steps a mask (N, T) or lengths (N,) name."""
    check(
        array.ndim in (2, 3),
        f"Modality '{name}' has a mask or lengths, so it must be (N, T) or (N, T, F), but has shape {array.shape}.",
    )
    form = GivenForm(() if array.ndim == 2 else array.shape[1:], whole)
    padded = array.reshape(*array.shape[:2], -1).copy()
    lengths = step_lengths(name, np.asarray(as_array(steps)), padded.shape[:2])
    padded[np.arange(padded.shape[1]) >= lengths[:, None]] = 0
    features = numbered_features(name, padded.shape[2])
    return whole_array(name, padded, features, lengths=lengths, given=form)


def step_lengths(name: str, steps: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Return the number of real steps of every sample, (N,).

    Args:
        name: of the modality. steps: its mask (N, T), or lengths (N,). shape: (N, T).

    Raises:
        InvalidInput: when they do not fit, or padding stands elsewhere than behind the steps.
    """
    check(
        steps.dtype.kind in "fiub" and steps.shape in (shape, shape[:1]),
        f"The mask of modality '{name}' must have shape {tuple(shape)}, or its lengths {tuple(shape[:1])}, but has "
        f"shape {steps.shape}.",
    )
    if steps.ndim == 1:
        lengths = steps.astype(np.int64)
        first = bool(((lengths >= 1) & (lengths <= shape[1])).all())
        check(
            first,
            f"Lengths of modality '{name}' must lie in 1..{shape[1]}, but go from {steps.min()} to {steps.max()}.",
        )
        return lengths
    real = steps.astype(bool)
    lengths = real.sum(1)
    check(
        bool((real == (np.arange(shape[1]) < lengths[:, None])).all()) and int(lengths.min()) > 0,
        f"The mask of modality '{name}' must be 1 for the first steps of every sample, at least one, and 0 for the "
        "padding behind them. Pad on the right (`padding_side='right'` of a tokenizer).",
    )
    return lengths
