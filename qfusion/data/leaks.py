"""Features that are the target under another name: renamed or one-hot classes, and amounts in another unit."""

from collections.abc import Sequence

import numpy as np

MAX_ROWS = 4000
MIN_ROWS = 256
MAX_VALUES = 1 << 22  # of a modality, as far as MIN_ROWS allows
FEW = 20  # samples; of fewer, equal columns may be chance
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
    if usual.sum() < FEW:
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
    return np.asarray((known.sum(0) >= FEW) & (scale > 0) & (products >= EQUAL * scale))
