"""Arrays of data sets: read-only copies, padded sequences, numbered ids."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.errors import translate_errors


def read_only_array(values: Any, dtype: Any) -> np.ndarray:
    """Return `values` as a read-only array of `dtype`; a copy unless it is one already.

    Raises:
        InvalidInput: when the values cannot be converted to that type without loss.
    """
    with translate_errors(
        f"Values must be readable as {np.dtype(dtype).name}, but are not",
        "Convert them first.",
        *(TypeError, ValueError),
    ):
        array = np.asarray(values)
        if np.dtype(dtype).kind == "i" and array.dtype.kind == "f":
            # A float with a fraction must not become a class or a length silently.
            check(np.array_equal(array, np.round(array)), "not whole numbers")
        array = array.astype(dtype, copy=array.flags.writeable)
    array.flags.writeable = False
    return array


def pad_sequences(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return sequences as float32 (N, T, F), padded with zeros to the longest.

    Args:
        values: the steps of all sequences, one sequence after another, (sum of lengths, F).
        lengths: numbers of steps (N,).
    """
    padded = np.zeros((len(lengths), int(lengths.max(initial=1)), values.shape[1]), np.float32)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = values
    return padded


def numbered_ids(prefix: str, count: int) -> np.ndarray:
    """Return ids "prefix-0001", ..., str (count,), with leading zeros so that they sort in order."""
    digits = max(4, len(str(count)))
    return np.array([f"{prefix}-{number:0{digits}d}" for number in range(1, count + 1)])


_STRAY = "\ufeff\u200b"  # invisible marks around ids


def normalize_ids(words: Iterable[str | None]) -> tuple[list[str], int]:
    """Return ids without surrounding invisible marks, in the composed normal form NFC of Unicode, and how many were in
    another form, such as names of files from macOS."""
    written = pd.Series(list(words), dtype=object).fillna("")
    composed = written.str.normalize("NFC")
    stripped = composed.str.strip().str.strip(_STRAY).str.strip()
    return stripped.tolist(), int((written != composed).sum())
