"""One pass over the values of an imported modality: missing values, ranges, digests of the rows."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qfusion.data import set_digest
from qfusion.data.examine import shared_content
from qfusion.data.staged_set import Part


@dataclass(eq=False)
class Scan:
    """Statistics of the values of a modality.

    Attributes:
        nans, infinite: numbers of such values, by feature (F,).
        low, high: of the finite values, by feature (F,).
        broken: which samples have a value that is not finite, bool (N,).
        zero: which samples are zeros only, bool (N,).
        late: which sequences begin with a step of zeros and hold others, bool (N,).
        keys: digests of the rows, uint64 (N,).
        contents: numbers of the contents, int64 (N,), equal where rows are nearly equal.
    """

    nans: np.ndarray
    infinite: np.ndarray
    low: np.ndarray
    high: np.ndarray
    broken: np.ndarray
    zero: np.ndarray
    late: np.ndarray
    keys: np.ndarray
    contents: np.ndarray

    @property
    def constant(self) -> np.ndarray:
        """Features that never change, bool (F,)."""
        return ~(self.high > self.low)


def scan_part(part: Part) -> Scan:
    """Return statistics of a modality, from one pass over its values in pieces."""
    samples = part.shape[0]
    features = part.shape[-1]
    scan = Scan(
        nans=np.zeros(features, np.int64),
        infinite=np.zeros(features, np.int64),
        low=np.full(features, np.inf),
        high=np.full(features, -np.inf),
        broken=np.zeros(samples, bool),
        zero=np.zeros(samples, bool),
        late=np.zeros(samples, bool),
        keys=np.zeros(samples, np.uint64),
        contents=np.zeros(samples, np.int64),
    )
    signature = shared_content.Signature()
    for start, piece in set_digest.enumerate_pieces(part.pieces()):
        rows = slice(start, start + len(piece))
        real = part.real(piece, start)
        lowest = highest = real
        finite = np.isfinite(real)
        if not finite.all():
            nan = np.isnan(real)
            scan.nans += nan.sum(0)
            scan.infinite += (~finite & ~nan).sum(0)
            scan.broken[rows] = ~np.isfinite(piece).reshape(len(piece), -1).all(1)
            lowest = np.where(finite, real, np.inf)
            highest = np.where(finite, real, -np.inf)
        scan.low = np.minimum(scan.low, lowest.min(0))
        scan.high = np.maximum(scan.high, highest.max(0))
        scan.zero[rows] = ~piece.reshape(len(piece), -1).any(1)
        if part.lengths is not None:
            scan.late[rows] = ~piece[:, 0].any(1) & ~scan.zero[rows]
        scan.keys[rows] = _row_digests(piece)
        signature.add(piece)
    scan.contents = signature.contents()
    return scan


def _row_digests(piece: np.ndarray) -> np.ndarray:
    """Digests of the rows, uint64 (n,)."""
    flat = np.ascontiguousarray(piece).reshape(len(piece), -1).view(np.uint8)
    digests = [hashlib.blake2b(row.data, digest_size=8).digest() for row in flat]
    return np.frombuffer(b"".join(digests), np.uint64)


MAX_ROWS = 4000
MIN_ROWS = 256
MAX_VALUES = 1 << 22  # of a modality, as far as MIN_ROWS allows
FEW_KNOWN = 20  # samples; of fewer, equal columns may be chance
FEW_OF_CLASS = 5  # samples of a class that say whether it has one value
EQUAL = 1 - 1e-6  # correlation with amounts, to single precision
_SHOWN = 8  # names of features in a sentence


def select_rows(known: np.ndarray, values_a_row: int) -> np.ndarray:
    """Return which rows are looked at, ascending: all of them, or a random sample by a fixed seed where they are many.

    Args:
        known: which rows have a target, bool (N,).
        values_a_row: how many values a row of the modality has.
    """
    rows = np.flatnonzero(known)
    most = int(np.clip(MAX_VALUES // max(1, values_a_row), MIN_ROWS, MAX_ROWS))
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


def find_leaks(values: np.ndarray, y: np.ndarray, is_class: bool) -> np.ndarray:
    """Return the numbers of the features that equal the target, ascending, (k,).

    A feature equals classes where it has one value for each class, and not the same for all: a code of the classes, or
    a column of one-hot labels. It equals amounts where it is a number times them plus a number.

    Args:
        values: one number a sample and feature, (n, F). What is not finite is left out.
        y: targets, (n,); whole numbers for classes.
        is_class: whether the targets are classes.
    """
    values = np.where(np.isfinite(values), values, np.nan).astype(np.float64)
    equal = _follow_classes(values, y) if is_class else _follow_amounts(values, y)
    return np.flatnonzero(equal)


def describe_leaks(names: Sequence[str], features: np.ndarray) -> str:
    """Return a sentence on features that equal the target, by the names of all, (F,)."""
    shown = ", ".join(f"`{names[feature][:40]}`" for feature in features[:_SHOWN])
    if len(features) == 1:
        return f"Feature {shown} follows from the target, as a copy or a code of it does."
    more = f" and {len(features) - _SHOWN:,} more" if len(features) > _SHOWN else ""
    return f"Features {shown}{more} follow from the target, as copies or codes of it do."


def _follow_classes(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return which features have one value for each class, and not the same for all, bool (F,)."""
    sizes = np.bincount(y)
    usual = sizes[y] >= FEW_OF_CLASS
    if usual.sum() < FEW_KNOWN:
        return np.zeros(values.shape[1], bool)
    order = np.flatnonzero(usual)[np.argsort(y[usual], kind="stable")]
    starts = np.flatnonzero(np.diff(y[order], prepend=-1))
    low = np.fmin.reduceat(values[order], starts, axis=0)
    high = np.fmax.reduceat(values[order], starts, axis=0)
    return np.asarray((low == high).all(0) & (low != low[0]).any(0))


def _follow_amounts(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return which features are linear in amounts, bool (F,)."""
    known = np.isfinite(values)
    counts = np.maximum(1, known.sum(0))
    size = np.nanmax(np.abs(values), axis=0, initial=0.0)  # so that no square is too large
    values = np.where(known, values / np.where(size > 0, size, 1.0), 0.0)
    amounts = np.where(known, y[:, None], 0.0)
    values = np.where(known, values - values.sum(0) / counts, 0.0)
    amounts = np.where(known, amounts - amounts.sum(0) / counts, 0.0)
    scale = np.sqrt((values**2).sum(0) * (amounts**2).sum(0))
    products = np.abs((values * amounts).sum(0))
    return np.asarray((known.sum(0) >= FEW_KNOWN) & (scale > 0) & (products >= EQUAL * scale))
