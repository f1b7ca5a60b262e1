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
from scipy.special import gammaln
from scipy.stats import rankdata

ALPHA = 1e-3  # how often noise may be suspected, all features together
CODE = 0.99  # share of a feature's variance that the classes explain
NEAR = 0.05  # share of the expected changes of class along a sorted feature
COPY = (0.9995, 0.97)  # Spearman's correlation, Chatterjee's xi
NEAR_COPY = (0.995, 0.9)
LINEAR = (0.995, 0.999)  # accuracy for classes, R2 for amounts
MAX_ROWS = 4000
MIN_ROWS = 256
MAX_VALUES = 1 << 22  # of a modality, as far as MIN_ROWS allows
MAX_LINEAR = 500  # rows of the linear model
FOLDS = 5
FEW = 20  # samples; of fewer, no correlation, order or model is judged
_AT_ONCE = 256  # features that are sorted together
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


@dataclass(frozen=True, eq=False)
class _Suspect:
    """What is found about some columns: what one does, and what several do."""

    kind: str
    one: str
    several: str
    columns: np.ndarray


def rows_to_look_at(known: np.ndarray, values_a_row: int) -> np.ndarray:
    """Returns which rows are looked at, ascending: all of them, or a random sample by a fixed seed where they are many.

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
    """Yields what of one modality gives the target away.

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
    values, varying = _standardised(values)
    if len(varying) == 0:
        return
    log_tests = np.log(max(1, tests))
    if is_class:
        y = np.unique(y, return_inverse=True)[1]
        suspects = list(_of_classes(values, y, log_tests))
    else:
        suspects = list(_of_amounts(values, y, log_tests))
    suspects += _of_rows(values, rows, suspects)
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
        for kind, words in _of_whole(values[:, ~suspected], y, is_class, log_tests):
            yield Leak(kind, words, varying[~suspected])


def _standardised(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
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


# Numbers of rows


def _of_rows(
    values: np.ndarray, rows: np.ndarray, suspects: Sequence[_Suspect]
) -> Iterator[_Suspect]:
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
        yield _Suspect("row", "counts the rows", "count the rows", np.flatnonzero(counts))


def _follows_rows(values: np.ndarray) -> np.ndarray:
    """Which features rise or fall with the number of the row and hardly ever stand still, bool (k,)."""
    steps = np.diff(values, axis=0)
    moves = (steps != 0).mean(0) >= 0.5
    if len(values) < FEW:
        return np.zeros(values.shape[1], bool)
    return moves & ((steps >= 0).all(0) | (steps <= 0).all(0))


# Classes


def _of_classes(values: np.ndarray, y: np.ndarray, log_tests: float) -> Iterator[_Suspect]:
    """Codes of classes 0 to K - 1, (n,), and near codes."""
    sizes = np.bincount(y)
    shares = _explained(values, y, sizes)
    levels = {
        int(column): level
        for column in np.flatnonzero(shares >= CODE)
        if (level := _levels(values[:, column], y, sizes, log_tests)) is not None
    }
    whole = [column for column, level in levels.items() if level.max() == len(sizes) - 1]
    if whole:
        yield _Suspect(
            "target",
            "is a code of the target: every class has a value of its own there",
            "are each a code of the target: every class has a value of its own there",
            np.array(whole),
        )
    partial = [column for column in levels if column not in whole]
    if partial:
        codes = np.stack([levels[column] for column in partial], 1)
        if len(np.unique(codes, axis=0)) == len(sizes):
            yield _Suspect(
                "target",
                "is a code of the target",
                "are together a code of the target, as one-hot labels are: every class has a combination of values "
                "of its own there",
                np.array(partial),
            )
        elif single := [column for column in partial if 1 in np.bincount(levels[column])]:
            yield _Suspect(
                "near",
                "has values of their own for some classes, as a column of one-hot labels has",
                "have values of their own for some classes, as columns of one-hot labels have",
                np.array(single),
            )
    rest = np.ones(values.shape[1], bool)
    rest[list(levels)] = False
    changes, mixed, different = _changes(values, y)
    pure = (mixed == 0) & (different < _most_values(y, log_tests))
    few = changes <= _few_changes(y, sizes, log_tests)
    for kind, holds, one, several in (
        (
            "target",
            pure & (different <= 2 * len(sizes)),
            "is a code of the target: each of its values has one class",
            "are each a code of the target: each of their values has one class",
        ),
        (
            "target",
            few & _follows_rows(values),
            "rises or falls with the number of the row, and the rows are sorted by class",
            "rise or fall with the number of the row, and the rows are sorted by class",
        ),
        (
            "near",
            few,
            "separates the classes (nearly) without an exception",
            "separate the classes (nearly) without an exception, each on its own",
        ),
        (
            "near",
            pure,
            "has one class for each of its values, which may tell whom or what a sample is of",
            "have one class for each of their values, which may tell whom or what a sample is of",
        ),
    ):
        new = np.flatnonzero(holds & rest)
        rest[new] = False
        if len(new):
            yield _Suspect(kind, one, several, new)


def _explained(values: np.ndarray, y: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Shares of the variance of standardised features that lies between classes, (k,)."""
    order = np.argsort(y, kind="stable")
    starts = np.cumsum(sizes) - sizes
    means = np.add.reduceat(values[order], starts, axis=0) / sizes[:, None]
    return (sizes[:, None] * means**2).sum(0) / len(y)


def _levels(
    column: np.ndarray, y: np.ndarray, sizes: np.ndarray, log_tests: float
) -> np.ndarray | None:
    """Numbers of the ranges in which the classes lie, (K,): those whose ranges meet have the same one.

    None where all meet, or where chance may explain it: of all orders of the values, the share in which every class
    keeps within one of the ranges is at most m^K n_1! ... n_m! / n! with m ranges of n_1, ..., n_m values.
    """
    low = np.full(len(sizes), np.inf)
    high = np.full(len(sizes), -np.inf)
    np.minimum.at(low, y, column)
    np.maximum.at(high, y, column)
    order = np.argsort(low, kind="stable")
    reached = np.maximum.accumulate(high[order])
    apart = low[order][1:] > reached[:-1]
    level = np.empty(len(sizes), np.int64)
    level[order] = np.concatenate([[0], np.cumsum(apart)])
    ranges = int(level.max()) + 1
    if ranges == 1:
        return None
    filled = np.bincount(level[y])
    log_p = len(sizes) * np.log(ranges) + gammaln(filled + 1).sum() - gammaln(len(y) + 1)
    return level if log_p + log_tests < np.log(ALPHA) else None


def _few_changes(y: np.ndarray, sizes: np.ndarray, log_tests: float) -> int:
    """How many changes of class along a sorted feature are few, and fewer than chance explains; -1 where none are.

    Of all orders of the classes, the share with at most so many changes is bounded by counting the places and the
    classes of the changes.
    """
    samples, classes = len(y), len(sizes)
    least = classes - 1
    expected = samples - (sizes**2).sum() / samples
    most = int(least + NEAR * max(0.0, expected - least))
    changes = np.arange(most + 1)
    places = gammaln(samples) - gammaln(changes + 1) - gammaln(np.maximum(1, samples - changes))
    ways = places + np.log(classes) + changes * np.log(max(1, least))
    log_p = np.logaddexp.accumulate(ways) - _log_orders(y)
    return int(np.flatnonzero(log_p + log_tests < np.log(ALPHA)).max(initial=-1))


def _most_values(y: np.ndarray, log_tests: float) -> float:
    """How many different values may have one class each without chance explaining it.

    Of all orders of the classes, the share in which each of m values has one class is at most
    K^m / (n! / n_1! ... n_K!).
    """
    by_chance = (np.log(ALPHA) - log_tests + _log_orders(y)) / np.log(y.max() + 1)
    return min(len(y) / 3, float(by_chance))


def _log_orders(y: np.ndarray) -> float:
    """Logarithm of the number of different orders of the classes of all samples."""
    return float(gammaln(len(y) + 1) - gammaln(np.bincount(y) + 1).sum())


def _changes(values: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of samples sorted by each feature: changes of class from one to the next, those of them between equal values, and
    the number of different values, (k,) each."""
    counted = []
    for features, order in _orders(values):
        other_class = y[order[1:]] != y[order[:-1]]
        ordered = np.take_along_axis(values[:, features], order, axis=0)
        other_value = ordered[1:] != ordered[:-1]
        counts = other_class, other_class & ~other_value, other_value
        counted.append(np.stack([count.sum(0) for count in counts]))
    changes, mixed, different = np.concatenate(counted, axis=1)
    return changes, mixed, different + 1


def _orders(values: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yields some features and the orders of samples by each of them, (n, k'); equal values come at random."""
    mixed = np.random.default_rng(1).permutation(len(values))
    for start in range(0, values.shape[1], _AT_ONCE):
        features = slice(start, start + _AT_ONCE)
        yield features, mixed[np.argsort(values[mixed, features], axis=0, kind="stable")]


# Amounts


def _of_amounts(values: np.ndarray, y: np.ndarray, log_tests: float) -> Iterator[_Suspect]:
    """Copies of amounts (n,), and near copies."""
    copies = np.zeros(values.shape[1], bool)
    for sign in (1, -1):
        for column in np.flatnonzero(_in_order(sign * values, y)):
            copies[column] |= _log_chance(values[:, column], y) + log_tests < np.log(ALPHA)
    near = np.zeros(values.shape[1], bool)
    if len(y) >= FEW:
        ranks = rankdata(values, axis=0)
        spearman = np.abs(_correlations(ranks, rankdata(y)))
        xi = _chatterjee(values, y)
        copies |= (spearman >= COPY[0]) | (xi >= COPY[1])
        near = (spearman >= NEAR_COPY[0]) | (xi >= NEAR_COPY[1])
    if copies.any():
        yield _Suspect(
            "target",
            "is a copy of the target, perhaps transformed or rounded",
            "are copies of the target, perhaps transformed or rounded",
            np.flatnonzero(copies),
        )
    near &= ~copies
    if near.any():
        yield _Suspect(
            "near",
            "nearly tells the target on its own",
            "nearly tell the target, each on its own",
            np.flatnonzero(near),
        )


def _in_order(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Which features never fall where the target rises, bool (k,)."""
    order = np.argsort(y, kind="stable")
    starts = np.flatnonzero(np.diff(y[order], prepend=-np.inf) > 0)
    low = np.minimum.reduceat(values[order], starts, axis=0)
    high = np.maximum.reduceat(values[order], starts, axis=0)
    return np.asarray((low[1:] >= high[:-1]).all(0))


def _log_chance(column: np.ndarray, y: np.ndarray) -> float:
    """Logarithm of the share of all orders of a feature's values that do not contradict the target's order."""
    _, value = np.unique(column, return_inverse=True)
    _, amount = np.unique(y, return_inverse=True)
    both = np.unique(np.stack([value, amount]), axis=1, return_counts=True)[1]
    within = gammaln(np.bincount(amount) + 1).sum() - gammaln(both + 1).sum()
    same = gammaln(np.bincount(value) + 1).sum()
    return float(np.log(2) + within + same - gammaln(len(y) + 1))


def _correlations(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Pearson's correlations of features (n, k) with a target that varies, (k,)."""
    values = values - values.mean(0)
    y = y - y.mean()
    return (y @ values) / np.sqrt((values**2).sum(0) * (y**2).sum())


def _chatterjee(values: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Chatterjee's xi of each feature, (k,): 1 where the target is a function of it, about 0 where it is noise."""
    samples = len(y)
    at_most = rankdata(y, "max")
    at_least = samples + 1 - rankdata(y, "min")
    scale = 2 * (at_least * (samples - at_least)).sum()
    ordered = np.concatenate([at_most[order] for _, order in _orders(values)], axis=1)
    return 1 - samples * np.abs(np.diff(ordered, axis=0)).sum(0) / scale


# A modality as a whole


def _of_whole(
    values: np.ndarray, y: np.ndarray, is_class: bool, log_tests: float
) -> Iterator[tuple[str, str]]:
    """What several features, none of which is suspected, say of the target together: a kind and a sentence."""
    _, row, sizes = np.unique(
        np.ascontiguousarray(values, np.float32), axis=0, return_inverse=True, return_counts=True
    )
    row = row.ravel()
    samples, different = len(y), len(sizes)
    same = "Samples that are alike in this modality always have the same target"
    pairs = len(np.unique(np.stack([row, y]), axis=1).T)
    if is_class and 2 <= different < _most_values(y, log_tests) and pairs == different:
        if different <= 2 * (y.max() + 1):
            yield "target", f"{same}: its {different:,} different rows are a code of the classes."
        else:
            yield (
                "near",
                f"{same}, with {different:,} different rows. They may tell whom or what a sample is of, such as a "
                "speaker.",
            )
        return
    if not is_class and 2 <= different <= samples / 3:
        by_target = row[np.lexsort((row, y))]
        changes = int((np.diff(by_target) != 0).sum())
        log_p = gammaln(different + 1) + gammaln(sizes + 1).sum() - gammaln(samples + 1)
        if changes == different - 1 and log_p + log_tests < np.log(ALPHA):
            yield (
                "target",
                f"The {different:,} different rows of this modality are a code of the target: each stands for a "
                "range of it.",
            )
            return
    if values.shape[1] > 1 and samples >= 2 * FEW:
        fit = _linear(values, y, is_class)
        if fit >= LINEAR[0 if is_class else 1]:
            how = (
                f"is right for {fit:.1%} of the samples" if is_class else f"has an R2 of {fit:.4f}"
            )
            yield (
                "near",
                f"This modality alone nearly tells the target: a linear model of it {how}.",
            )


def _linear(values: np.ndarray, y: np.ndarray, is_class: bool) -> float:
    """Cross-validated accuracy, or R2, of a ridge regression onto the target, or onto one column a class."""
    mixed = np.random.default_rng(2).permutation(len(y))[:MAX_LINEAR]
    values, y = values[mixed], y[mixed]
    wanted = (y[:, None] == np.unique(y)).astype(float) if is_class else y[:, None] - y.mean()
    products = values @ values.T + 1.0  # 1 for the constant
    products /= np.trace(products) / len(y)
    fold = np.arange(len(y)) % FOLDS
    predicted = np.empty_like(wanted)
    for out in range(FOLDS):
        inside = fold != out
        inner = products[np.ix_(inside, inside)] + 1e-4 * np.eye(int(inside.sum()))
        predicted[~inside] = products[np.ix_(~inside, inside)] @ np.linalg.solve(
            inner, wanted[inside]
        )
    if is_class:
        return float((predicted.argmax(1) == wanted.argmax(1)).mean())
    return float(1 - ((predicted - wanted) ** 2).sum() / (wanted**2).sum())
