"""Features that reveal the target: copies and codes of it, and row numbers sorted by it.

A set of noise seems to be learned perfectly where one of its features is the label under another name. `find_leaks`
looks for such features in a sample of the rows, and reports only what chance does not explain: p-values are upper
bounds, are multiplied by the number of features that are looked at, and must then be below ALPHA.

For classes, a feature is

- a code of the target where the classes explain at least CODE of its variance, and some of them have ranges of values
  that do not meet. It determines the target where every class has a range of its own. Several features determine it
  together where no two classes have the same ranges in all of them, as with one-hot labels. One that has a range for
  a single class is a near code;
- a code, too, where it has few different values (at most two a class) and each of them occurs with one class only,
  and a near code where it has more such values;
- a near code where the class hardly ever changes from one sample to the next when they are sorted by the feature. K
  classes need K - 1 changes; at most NEAR of the further changes that chance would make may occur. Where the feature
  rises or falls with the number of the row as well, it is a number of rows that are sorted by class.

For amounts, a feature is

- a copy where the order of its values never contradicts the order of the targets, whatever monotone function or
  rounding lies between them; or where Spearman's correlation is at least COPY[0], or Chatterjee's xi at least COPY[1]
  (J. Am. Stat. Assoc. 116, 2021; it finds functions that are not monotone as well);
- a near copy where one of these is at least NEAR_COPY[0] or NEAR_COPY[1].

What remains of a modality is then looked at as a whole: rows that repeat and always have the same target, and a linear
model, cross-validated, that is nearly always right.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from qfusion.data.amount_leaks import find_amount_leaks
from qfusion.data.class_leaks import find_class_leaks
from qfusion.data.leak_search import FEW, Suspect
from qfusion.data.modality_leaks import find_modality_leaks

MAX_ROWS = 4000
MIN_ROWS = 256
MAX_VALUES = 1 << 22  # of a modality, as far as MIN_ROWS allows
_SHOWN = 8  # names of features in a sentence


@dataclass(frozen=True, eq=False)
class Leak:
    """Features that give the target away.

    Attributes:
        kind: "target" determines the target; "near" nearly does, or does for some classes; "row" counts the rows.
        words: what was found, in a sentence.
        features: numbers of the features, (k,).
    """

    kind: str
    words: str
    features: np.ndarray


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


def find_leaks(
    values: np.ndarray,
    names: Sequence[str],
    y: np.ndarray,
    is_class: bool,
    rows: np.ndarray,
    tests: int,
) -> Iterator[Leak]:
    """Yield the features of one modality that reveal the target.

    Args:
        values: one number a sample and feature, (n, F). What is not finite counts as the feature's mean.
        names: of the features, (F,).
        y: targets, (n,); whole numbers for classes.
        is_class: whether the targets are classes.
        rows: at which the samples stand in the set, ascending, (n,).
        tests: how many features are looked at in all modalities together.
    """
    if len(np.unique(y)) < 2:
        return
    values, varying = _standardise(values)
    if len(varying) == 0:
        return
    log_tests = np.log(max(1, tests))
    if is_class:
        y = np.unique(y, return_inverse=True)[1]
        suspects = list(find_class_leaks(values, y, log_tests))
    else:
        suspects = list(find_amount_leaks(values, y, log_tests))
    suspects += _find_row_counters(values, rows, suspects)
    suspected = np.zeros(len(varying), bool)
    for suspect in suspects:
        features = varying[suspect.columns]
        shown = [f"`{str(names[feature])[:40]}`" for feature in features[:_SHOWN]]
        more = f" and {len(features) - _SHOWN:,} more" if len(features) > _SHOWN else ""
        if len(features) == 1:
            words = f"Feature {shown[0]} {suspect.one}."
        else:
            words = f"Features {', '.join(shown)}{more} {suspect.several}."
        suspected[suspect.columns] = True
        yield Leak(suspect.kind, words, features)
    if not suspected.all():
        for kind, words in find_modality_leaks(values[:, ~suspected], y, is_class, log_tests):
            yield Leak(kind, words, varying[~suspected])


def _standardise(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Features that vary, of mean 0 and deviation 1, float64 (n, k); and their numbers, (k,)."""
    values = np.asarray(values, np.float64)
    finite = np.isfinite(values)
    if not finite.all():
        known = np.maximum(1, finite.sum(0))
        means = np.where(finite, values, 0).sum(0) / known
        values = np.where(finite, values, means)
    low, high = values.min(0), values.max(0)
    varying = np.flatnonzero(high > low)
    # Divided by their range first, so that no square is too large or too small.
    scaled = (values[:, varying] - low[varying]) / (high - low)[varying]
    scaled -= scaled.mean(0)
    return scaled / scaled.std(0), varying


def _find_row_counters(
    values: np.ndarray, rows: np.ndarray, suspects: Sequence[Suspect]
) -> Iterator[Suspect]:
    """Features that rise by the same amount from every row to the next, and are not suspected of more."""
    if len(rows) < FEW:
        return
    steps = (values[-1] - values[0]) / (rows[-1] - rows[0])
    expected = values[0] + (rows - rows[0])[:, None] * steps
    counts = np.abs(values - expected).max(0) < np.abs(steps) / 4
    for suspect in suspects:
        if suspect.kind == "target":
            counts[suspect.columns] = False
    if counts.any():
        yield Suspect("row", "counts the rows", "count the rows", np.flatnonzero(counts))
