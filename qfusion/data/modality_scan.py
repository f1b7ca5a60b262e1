"""One pass over the values of an imported modality: missing values, ranges, digests of the rows."""

import hashlib
from dataclasses import dataclass

import numpy as np

from qfusion.data import set_digest, shared_content
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
