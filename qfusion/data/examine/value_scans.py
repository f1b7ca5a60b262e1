"""What the values of modalities tell: missing ones, ranges, copies of the target, and rows with the same content.

Rows of the same content are held out together, so that no target leaks between splits. In a set of balanced pairs (VQA
v2, NLVR2, SHAPES) every picture occurs once with the answer yes and once with no. A model that remembers the picture of
one row knows the answer of its twin: the opposite. In a set with copies it knows the same answer. Neither is
information of the picture. Content is compared by distance and not by a hash of rounded numbers, since two numbers that
differ by 1e-7 may round apart.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qfusion._lazy import Library
from qfusion.data import array_chunks
from qfusion.data.staged_set import Part

sparse: Any = Library("scipy.sparse")
csgraph: Any = Library("scipy.sparse.csgraph")

NEAR = 1e-5  # of every feature's standard deviation; contents that differ by less are equal
CHANCE = 0.01  # expected number of others as near by chance to a value of a single feature, at most
AHEAD = 8  # following rows that each row is compared with, in the order of a random projection
FEW = 60  # different contents; fewer are values that a model may learn, such as 0 and 1
LARGEST = 0.1  # of all rows; the largest group that is held out together
TWINS = 10  # rows of one content; fewer rows predict each other well
_AT_ONCE = 1 << 22  # numbers compared in one step


@dataclass(frozen=True, eq=False)
class Sharing:
    """Groups in which rows that share content are held out.

    Attributes:
        together: numbers of the groups that are held out as wholes, (N, k), one column unless several were declared.
        apart: numbers of contents whose rows cannot be held out as wholes, (N, j). Rows that share one with a
            predicted row are left out of training.
        different: the number of different contents of each modality in which rows share one.
    """

    together: np.ndarray
    apart: np.ndarray
    different: Mapping[str, int]

    @property
    def columns(self) -> np.ndarray | None:
        """All groups, (N, k + j), with different numbers in different columns, or None if rows share nothing."""
        columns = [self.together, *self.apart.T[..., None]]
        if len(columns) == 1:
            alone = len(np.unique(self.together)) == self.together.size
            return None if alone else self.together
        first = 0
        result = []
        for column in columns:
            numbers = np.unique(column, return_inverse=True)[1].reshape(column.shape)
            result.append(numbers + first)
            first += int(numbers.max(initial=-1)) + 1
        return np.concatenate(result, 1)


def find_shared_rows(
    contents: Mapping[str, np.ndarray], declared: np.ndarray | None = None
) -> Sharing:
    """Return how to hold out rows that share content in a modality or a declared cluster, such as a video.

    The rule, for every modality, the one with the most different contents first:

    1. A modality of fewer than `FEW` contents has values, not copies. What a value means is learned from other rows of
       it, and none is held out. The same goes for a content of more than `LARGEST` of all rows, such as zeros for a
       picture that is missing.
    2. Rows of one content are joined with what they share already, if no group of more than `LARGEST` of all rows
       arises (connected components). These groups are held out as wholes.
    3. Where one would arise (every picture in two rows, and every question in two rows of other pictures), or where
       rows share several declared things, models do not learn from rows that share a content with a row that they
       predict, if fewer than `TWINS` rows have that content.
    4. A content of more rows that cannot be joined (132 questions, each asked of many pictures) is not held out. Each
       of its rows says little of any other. Whoever predicts must not count predictions that are worse than chance.

    Args:
        contents: by modality, the number of the content of each row, (N,), see `number_contents`.
        declared: numbers of declared clusters, (N, k); see `Clusters.numbers`. None if there are none.
    """
    rows = len(next(iter(contents.values())))
    together = np.arange(rows)[:, None] if declared is None else np.asarray(declared)
    sizes = {name: int(column.max(initial=-1)) + 1 for name, column in contents.items()}
    different = {name: size for name, size in sizes.items() if size < rows}
    apart = []
    for name in sorted(different, key=lambda one: -different[one]):
        if different[name] < FEW:
            continue
        column = _separate_large_groups(contents[name], LARGEST * rows)
        if _is_known(column, together):
            continue
        joined = joined_groups([together[:, 0], column])
        most = max(LARGEST * rows, np.bincount(joined_groups([together[:, 0]])).max())
        if together.shape[1] == 1 and np.bincount(joined).max() <= most:
            together = joined[:, None]
            continue
        twins = _separate_large_groups(column, TWINS - 1)
        if len(np.unique(twins)) < rows:
            apart.append(twins)
    numbers = np.stack(apart, 1) if apart else np.zeros((rows, 0), np.int64)
    return Sharing(together, numbers, different)


def number_contents(values: np.ndarray) -> np.ndarray:
    """Return the number of the content of each row, whole numbers from 0, (N,): equal for equal rows.

    Rows are the same where no feature differs by more than `NEAR` of its standard deviation, or where such rows lie
    between them. Of a single feature it is less, since among many numbers some are near by chance. Rows are sorted by a
    random projection, and each is compared with the `AHEAD` next ones.

    Args:
        values: features (N, F). What is not finite counts as 0.

    Example:
        >>> import numpy as np
        >>> from qfusion.data.examine.value_scans import number_contents
        >>> number_contents(np.array([[1.0], [2.0], [1.0]])).tolist()
        [0, 1, 0]
    """
    values = np.nan_to_num(np.asarray(values, np.float64).reshape(len(values), -1))
    spread = values.std(0)
    size = np.abs(values).max(0, initial=0)
    varying = (spread > 1e-12 * size) & (spread > 1e-9 * spread.max(initial=0))  # not rounding
    if not varying.any():
        return np.zeros(len(values), np.int64)
    values, spread = values[:, varying], spread[varying]
    direction = np.random.default_rng(0).normal(size=len(spread))
    direction /= np.linalg.norm(direction) * spread
    line = (values - values.mean(0)) @ direction
    order = np.argsort(line, kind="stable")
    near_by = NEAR if len(spread) > 1 else min(NEAR, CHANCE / len(values))
    # Equal rows lie no further apart on the line.
    window = near_by * np.sqrt(len(spread))
    step = max(1, _AT_ONCE // len(spread))
    links = []
    for ahead in range(1, min(AHEAD + 1, len(values))):
        first, second = order[:-ahead], order[ahead:]
        near = np.flatnonzero(line[second] - line[first] <= window)
        for start in range(0, len(near), step):
            places = near[start : start + step]
            a, b = first[places], second[places]
            same = (np.abs(values[a] - values[b]) <= near_by * spread).all(1)
            links.append(np.stack([a[same], b[same]]))
    ends = np.concatenate(links, 1) if links else np.zeros((2, 0), np.int64)
    return _components(ends, len(values))


class Signature:
    """Random projections of rows that arrive in chunks, to find rows that are equal or nearly equal."""

    WIDTH = 8
    _NUMBERS = 1_000_000  # that are projected together, so that memory stays small

    def __init__(self) -> None:
        self._origin = self._weights = np.zeros(0, np.float32)
        self._parts: list[np.ndarray] = []

    def add(self, chunk: np.ndarray) -> None:
        """Add the next rows, (n, ...)."""
        flat = chunk.reshape(len(chunk), -1)
        if not flat.size:
            self._parts.append(np.zeros((len(flat), 1)))
            return
        if not self._weights.size:
            self._start(flat)
        together = self._rows_together(flat)
        for start in range(0, len(flat), together):
            rows = np.nan_to_num(flat[start : start + together], posinf=0, neginf=0)
            with np.errstate(over="ignore", invalid="ignore"):
                line = (rows - self._origin) @ self._weights
            self._parts.append(np.nan_to_num(line, posinf=0, neginf=0).astype(np.float64))

    def contents(self) -> np.ndarray:
        """Return the number of the content of each row, (N,); see `number_contents`."""
        return (
            number_contents(np.concatenate(self._parts)) if self._parts else np.zeros(0, np.int64)
        )

    def _rows_together(self, flat: np.ndarray) -> int:
        return max(16, self._NUMBERS // flat.shape[1])

    def _start(self, flat: np.ndarray) -> None:
        """Set origin and scales from the finite values of the first rows."""
        first = flat[: self._rows_together(flat)]
        sample = np.nan_to_num(first, posinf=0, neginf=0).astype(np.float64)
        spread = sample.std(0)
        spread[spread == 0] = spread[spread > 0].mean() if (spread > 0).any() else 1.0
        width = min(self.WIDTH, flat.shape[1])
        directions = np.random.default_rng(0).normal(size=(flat.shape[1], width))
        with np.errstate(over="ignore"):
            self._weights = (directions / spread[:, None]).astype(np.float32)
        self._origin = sample[0].astype(np.float32)


def joined_groups(columns: Sequence[np.ndarray]) -> np.ndarray:
    """Return numbers of the connected groups of rows (N,): two rows are in one where they share a number in a column,
    or where each shares one with a row between them.

    Example:
        >>> import numpy as np
        >>> from qfusion.data.examine.value_scans import joined_groups
        >>> joined_groups([np.array([0, 0, 1]), np.array([5, 6, 7])]).tolist()
        [0, 0, 1]
    """
    rows = len(columns[0])
    links, first = [], rows
    for column in columns:
        places = np.unique(column, return_inverse=True)[1].ravel()
        links.append(np.stack([np.arange(rows), places + first]))
        first += int(places.max(initial=-1)) + 1
    groups = _components(np.concatenate(links, 1), first)[:rows]
    return np.unique(groups, return_inverse=True)[1].astype(np.int64)


def describe_shared_rows(different: Mapping[str, int], rows: int) -> str:
    """Return a clause on shared content: "4,000 rows hold 2,000 different of picture". It is empty if there is none."""
    parts = [f"{size:,} different of {name}" for name, size in different.items()]
    return f"{rows:,} rows hold {' and '.join(parts)}" if parts else ""


def _components(links: np.ndarray, size: int) -> np.ndarray:
    graph = sparse.coo_array((np.ones(links.shape[1], bool), (links[0], links[1])), (size, size))
    return np.asarray(csgraph.connected_components(graph, directed=False)[1], np.int64)


def _separate_large_groups(column: np.ndarray, most: float) -> np.ndarray:
    """Return numbers (N,) that differ between the rows of each group of more than `most` rows."""
    sizes = np.bincount(column)
    large = sizes[column] > most
    result = column.copy()
    result[large] = len(sizes) + np.arange(int(large.sum()))
    return result


def _is_known(column: np.ndarray, together: Iterable[np.ndarray]) -> bool:
    """Whether rows that share a number of the column are held out together already."""
    groups = len(np.unique(column))
    return any(
        len(np.unique(np.stack([column, known]), axis=1).T) == groups
        for known in np.asarray(together).T
    )


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
    """Return statistics of a modality, from one pass over its values in chunks."""
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
    signature = Signature()
    for start, chunk in array_chunks.enumerate_chunks(part.chunks()):
        rows = slice(start, start + len(chunk))
        real = part.real(chunk, start)
        lowest = highest = real
        finite = np.isfinite(real)
        if not finite.all():
            nan = np.isnan(real)
            scan.nans += nan.sum(0)
            scan.infinite += (~finite & ~nan).sum(0)
            scan.broken[rows] = ~np.isfinite(chunk).reshape(len(chunk), -1).all(1)
            lowest = np.where(finite, real, np.inf)
            highest = np.where(finite, real, -np.inf)
        scan.low = np.minimum(scan.low, lowest.min(0))
        scan.high = np.maximum(scan.high, highest.max(0))
        scan.zero[rows] = ~chunk.reshape(len(chunk), -1).any(1)
        if part.lengths is not None:
            scan.late[rows] = ~chunk[:, 0].any(1) & ~scan.zero[rows]
        scan.keys[rows] = _row_digests(chunk)
        signature.add(chunk)
    scan.contents = signature.contents()
    return scan


def _row_digests(chunk: np.ndarray) -> np.ndarray:
    """Digests of the rows, uint64 (n,)."""
    flat = np.ascontiguousarray(chunk).reshape(len(chunk), -1).view(np.uint8)
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
