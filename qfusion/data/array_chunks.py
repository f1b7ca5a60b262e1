"""Arrays of a data set: their rows in chunks, so that sets may be larger than memory, their digest, padding and ids,
and what a cast to single precision loses.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from qfusion._checks import check
from qfusion.errors import translate_errors

ROWS = 65_536  # strings that are joined at a time
BYTES = 1 << 25  # of values that are looked at together


def iter_chunks(values: np.ndarray) -> Iterator[np.ndarray]:
    """Yield an array's rows, some BYTES at a time, without copying them."""
    step = rows_at_once(values.shape, values.itemsize)
    for start in range(0, len(values), step):
        yield values[start : start + step]


def enumerate_chunks(chunks: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """Yield chunks of rows, each after the number of its first row."""
    at = 0
    for chunk in chunks:
        yield at, chunk
        at += len(chunk)


def rows_at_once(shape: tuple[int, ...], itemsize: int = 4) -> int:
    """Return how many rows of an array (N, ...) make some BYTES."""
    return max(1, BYTES // max(1, itemsize * int(np.prod(shape[1:], dtype=np.int64))))


def digest(
    target: Any,
    ids: np.ndarray,
    split: np.ndarray,
    y: np.ndarray,
    modalities: Iterable[tuple[Any, ...]],
    unimodal: Any = None,
) -> str:
    """Return SHA-256, in hex, over ids, split, targets, every modality's names, values, lengths and shape, and
    unimodal targets.

    Args:
        target: of the data set, with `kind`, `name` and `classes`.
        ids, split, y: (N,) each.
        modalities: in their order, of each its name, its array's shape, names of features, values in chunks, in the
            order of the rows, lengths and shape of a picture, the last two None where it has none.
        unimodal: table (N, ...) of targets of single modalities, or None.
    """
    sha = hashlib.sha256(f"{target.kind}|{target.name}|{target.classes}".encode())
    for strings in (ids, split):
        for start in range(0, len(strings), ROWS):
            joined = "\0".join(strings[start : start + ROWS].tolist())
            sha.update((("\0" if start else "") + joined).encode("utf-8", "surrogatepass"))
    sha.update(np.ascontiguousarray(y).data)
    for name, shape, feature_names, values, lengths, picture in modalities:
        sha.update(f"|{name}|{shape}|{feature_names}".encode("utf-8", "surrogatepass"))
        for chunk in values:
            sha.update(np.ascontiguousarray(chunk).data)
        sha.update(b"" if lengths is None else np.ascontiguousarray(lengths).data)
        sha.update(b"" if picture is None else str(picture).encode())
    if unimodal is not None:
        sha.update(f"|unimodal|{tuple(unimodal.columns)}".encode("utf-8", "surrogatepass"))
        sha.update(np.ascontiguousarray(unimodal.to_numpy(np.float64)).data)
    return sha.hexdigest()


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

    Example:
        >>> import numpy as np
        >>> from qfusion.data.array_chunks import pad_sequences
        >>> pad_sequences(np.array([[1.0], [2.0], [3.0]]), np.array([1, 2]))[:, :, 0].tolist()
        [[1.0, 0.0], [2.0, 3.0]]
    """
    padded = np.zeros((len(lengths), int(lengths.max(initial=1)), values.shape[1]), np.float32)
    padded[np.arange(padded.shape[1]) < lengths[:, None]] = values
    return padded


def numbered_ids(prefix: str, count: int) -> np.ndarray:
    """Return ids "prefix-0001", ..., str (count,), with leading zeros so that they sort in order.

    Example:
        >>> from qfusion.data.array_chunks import numbered_ids
        >>> numbered_ids("point", 3).tolist()
        ['point-0001', 'point-0002', 'point-0003']
    """
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


def find_padded_lengths(chunks: Callable[[], Iterable[np.ndarray]]) -> np.ndarray | None:
    """Return the lengths (N,), at least 1, of sequences padded with zeros; None if the array does not look padded.

    Pictures with black rows have them at the top as well. So an array does not look padded if any sample begins with
    a step of zeros, or if all samples have the same length.

    Args:
        chunks: returns the samples in chunks (n, T, F), each time from the first.
    """
    for chunk in chunks():
        values = np.asarray(chunk)
        first_is_zero = (values[:, 0] == 0).all(-1)
        has_values = (values != 0).any((1, 2))
        if (first_is_zero & has_values).any():
            return None
    lengths = np.maximum(1, last_steps(chunks()))
    return lengths if len(np.unique(lengths)) > 1 else None


def last_steps(chunks: Iterable[np.ndarray]) -> np.ndarray:
    """Return the numbers of steps (N,) up to the last one that is not all zeros, of chunks (n, T, F).

    Example:
        >>> import numpy as np
        >>> from qfusion.data.array_chunks import last_steps
        >>> last_steps([np.array([[[1.0], [2.0], [0.0]]])]).tolist()
        [2]
    """
    lasts = [np.zeros(0, np.int64)]
    for chunk in chunks:
        numbers = np.arange(1, chunk.shape[1] + 1)
        has_values = (np.asarray(chunk) != 0).any(-1)
        lasts.append((has_values * numbers).max(1, initial=0))
    return np.concatenate(lasts)


MAX_RELATIVE_ERROR = 1e-3  # largest accepted error of a cast, as a share of the feature's range
_NOISE = 1e-12  # of a value's size: double precision makes such differences itself


class CastErrors:
    """Errors of a cast to single precision, for an array that is processed chunk by chunk.

    Rows of zeros do not count: they pad sequences and replace missing modalities.

    Attributes:
        low, high: the range of each feature, (F,). error: the largest error of each, (F,).
        different: how many different values each imprecise feature has, before and after the cast, (2, F). Values are
            compared within a chunk.
    """

    def __init__(self, features: int):
        self.low = np.full(features, np.inf)
        self.high = np.full(features, -np.inf)
        self.error = np.zeros(features)
        self.different = np.zeros((2, features), np.int64)

    def add(self, values: np.ndarray, single: np.ndarray) -> None:
        """Add a chunk (..., F) and its cast to single precision."""
        if values.size == 0 or np.can_cast(values.dtype, np.float32, "safe"):
            return
        rows = values.reshape(-1, len(self.low))
        cast = single.reshape(rows.shape)
        there = rows.any(1)
        if not there.all():
            rows = rows[there]
            cast = cast[there]
        if len(rows) == 0:
            return
        low, high = _range(rows, cast)
        self.low = np.minimum(self.low, low)
        self.high = np.maximum(self.high, high)
        for feature in np.flatnonzero(_may_be_imprecise(low, high)).tolist():
            self._add_feature(feature, rows[:, feature], cast[:, feature])

    def _add_feature(self, feature: int, values: np.ndarray, single: np.ndarray) -> None:
        """Add values (n,) of a feature that may be imprecise."""
        known = np.isfinite(single)
        values = values[known].astype(np.float64)
        single = single[known]
        if len(values) == 0:
            return
        error = float(np.abs(values - single).max())
        self.error[feature] = max(self.error[feature], error)
        if _are_imprecise(values.min(), values.max(), error):
            self.different[0, feature] += len(np.unique(values))
            self.different[1, feature] += len(np.unique(single))

    @property
    def imprecise(self) -> np.ndarray:
        """Which features have an error of more than WORST of their range, bool (F,)."""
        return _are_imprecise(self.low, self.high, self.error)

    @property
    def merges_values(self) -> np.ndarray:
        """Imprecise features for which most distinct values become equal, bool (F,)."""
        before, after = self.different
        return self.imprecise & (2 * after < before)


def _range(rows: np.ndarray, cast: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the least and the largest finite value of each feature, (F,). They are infinite if there is none."""
    low = rows.min(0).astype(np.float64)
    high = rows.max(0).astype(np.float64)
    if np.isfinite(low).all() and np.isfinite(high).all():
        return low, high
    finite = np.isfinite(cast)
    return np.where(finite, rows, np.inf).min(0), np.where(finite, rows, -np.inf).max(0)


def _may_be_imprecise(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Return which features, (F,), may be imprecise: the error of a cast is at most 2^-24 of a value's size."""
    with np.errstate(invalid="ignore"):
        size = np.maximum(np.abs(low), np.abs(high))
        return np.isfinite(size) & (size * 2.0**-24 > MAX_RELATIVE_ERROR * (high - low))


def _are_imprecise(low: ArrayLike, high: ArrayLike, error: ArrayLike) -> np.ndarray:
    """Return which features, (F,), vary by little more than the error of the cast, and by more than noise."""
    least = np.asarray(low)
    largest = np.asarray(high)
    with np.errstate(invalid="ignore", over="ignore"):
        span = largest - least
        size = np.maximum(np.abs(least), np.abs(largest))
        imprecise = (
            np.isfinite(span)
            & (span > _NOISE * size)
            & (np.asarray(error) > MAX_RELATIVE_ERROR * span)
        )
    return np.asarray(imprecise)
