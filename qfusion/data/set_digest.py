"""The digest of a data set, computed in pieces, so that sets larger than memory have one too."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

ROWS = 65_536  # strings that are joined at a time
BYTES = 1 << 25  # of values that are looked at together


def pieces(values: np.ndarray) -> Iterator[np.ndarray]:
    """Yield an array's rows, some BYTES at a time, without copying them."""
    step = rows_at_once(values.shape, values.itemsize)
    for start in range(0, len(values), step):
        yield values[start : start + step]


def enumerate_pieces(pieces: Iterable[Any]) -> Iterator[tuple[int, Any]]:
    """Yield pieces of rows, each after the number of its first row."""
    at = 0
    for piece in pieces:
        yield at, piece
        at += len(piece)


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
        modalities: in their order, of each its name, its array's shape, names of features, values in pieces, in the
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
        for piece in values:
            sha.update(np.ascontiguousarray(piece).data)
        sha.update(b"" if lengths is None else np.ascontiguousarray(lengths).data)
        sha.update(b"" if picture is None else str(picture).encode())
    if unimodal is not None:
        sha.update(f"|unimodal|{tuple(unimodal.columns)}".encode("utf-8", "surrogatepass"))
        sha.update(np.ascontiguousarray(unimodal.to_numpy(np.float64)).data)
    return sha.hexdigest()
