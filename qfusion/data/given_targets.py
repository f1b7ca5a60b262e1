"""Targets that a user holds: classes or amounts, and the split of the samples into train, valid and test."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.data.random_split import target_tenths
from qfusion.data.row_splits import SPLIT_SEED, SPLITS, stratified_split
from qfusion.data.target_classes import encode_classes
from qfusion.data.target_spec import Target

MAX_CLASSES = 50  # of whole numbers that are taken for classes


def read_targets(
    y: np.ndarray, name: str, classes: Sequence[str] | None
) -> tuple[np.ndarray, Target]:
    """Return targets as numbers, and what they are.

    They are classes where they are words, truth values, at most `MAX_CLASSES` whole numbers of an integer type or more
    that number classes, or only 0.0 and 1.0; else amounts.

    Args:
        y: (N,). name: of their entry. classes: names of the classes in their order, if given.

    Raises:
        InvalidInput: when a target is missing or not finite, or does not fit the classes.
    """
    is_number = y.dtype.kind in "fiu"
    if is_number:
        finite = np.isfinite(y.astype(float))
        check(
            bool(finite.all()),
            f"Targets `{name}` must be finite, but row {int((~finite).argmax())} holds {y[~finite][:1].tolist()}. Drop "
            "the sample or correct its target.",
        )
    whole = is_number and bool(np.all(y == np.round(y.astype(float))))
    values = np.unique(y) if whole else np.empty(0)
    # 0.0 and 1.0 are the targets of a binary cross-entropy
    counts = y.dtype.kind in "iu" or classes is not None or values.tolist() == [0, 1]
    few = whole and counts and (len(values) <= MAX_CLASSES or _number_from_zero(values, len(y)))
    if classes is not None and whole:
        check(
            bool((y >= 0).all() and (y < len(classes)).all()),
            f"Targets `{name}` must number the {len(classes)} classes from 0, but go from {y.min()} to {y.max()}.",
        )
        return y.astype(np.int64), Target("classification", name, None, tuple(map(str, classes)))
    if is_number and not few:
        return y.astype(np.float64), Target("regression", name, convention="plain")
    numbers, known = encode_classes(list(y.tolist()))
    check(
        bool((numbers >= 0).all()),
        f"Targets `{name}` must name a class for every sample, but row {int((numbers < 0).argmax())} has none. Drop "
        "the sample or add its class.",
    )
    if classes is not None:
        return _number_classes(numbers, known, name, classes)
    check(
        len(known) >= 2,
        f"Targets `{name}` must have at least two classes, but all are {known[:1]}. Give `classes`.",
    )
    return numbers, Target("classification", name, None, known)


def _number_from_zero(values: np.ndarray, count: int) -> bool:
    """Return whether different whole numbers are 0, 1, ... with few gaps, and most of them occur several times."""
    return values[0] == 0 and values[-1] < 1.2 * len(values) and 2 * len(values) <= count


def _number_classes(
    numbers: np.ndarray, known: Sequence[str], name: str, classes: Sequence[str]
) -> tuple[np.ndarray, Target]:
    """Return targets that are words as the numbers of classes in the order that a user gives."""
    order = [str(label) for label in classes]
    unknown = [label for label in known if label not in order]
    check(
        not unknown and len(set(order)) == len(order),
        f"Argument `classes` must name every class of targets `{name}` once, but {unknown[:1] or 'one'} "
        f"{'is missing' if unknown else 'occurs twice'}.",
    )
    places = np.array([order.index(label) for label in known])
    return places[numbers], Target("classification", name, None, tuple(order))


def read_split(given: Any, y: np.ndarray, target: Target) -> np.ndarray:
    """Return the part of every sample, (N,): as given, or drawn.

    Raises:
        InvalidInput: when a part has another name, or there are fewer than 3 samples.
    """
    count = len(y)
    if given is not None:
        split = np.asarray(given).astype(str)
        split = np.where(split == "validation", "valid", split)
        split = np.where(split == "val", "valid", split)
        wrong = sorted(set(split.tolist()) - set(SPLITS))
        check(
            not wrong,
            f"Entries of `split` must be {', '.join(SPLITS)}, but some are {wrong[:3]}.",
        )
        if (split == "valid").any() or not (split == "train").any():
            return split
        training = np.random.default_rng(SPLIT_SEED).permutation(np.flatnonzero(split == "train"))
        split = split.astype("<U5")
        split[training[: max(1, len(training) // 10)]] = "valid"
        return split
    check(
        count >= 3,
        f"The data must have at least 3 samples, one each to train, validate and test, but have {count}.",
    )
    groups = y if target.kind == "classification" else target_tenths(y)
    split = stratified_split(np.asarray(groups))
    for part in SPLITS:  # of very few samples
        if not (split == part).any():
            common = max(SPLITS, key=lambda name: int((split == name).sum()))
            split[np.flatnonzero(split == common)[0]] = part
    return split
