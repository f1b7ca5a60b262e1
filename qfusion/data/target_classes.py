"""Targets of imported samples as numbers: classes from labels, and classes from sets of labels."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check

MAX_CLASSES = 10_000
MAX_LABELS = 64  # if a sample may have several
LABEL = re.compile(r"[\w.-][\w .-]{0,39}")
NO_LABEL = "none"
SEPARATOR = ";"  # of the labels of a sample in a table


@dataclass(eq=False)
class Targets:
    """Targets of samples.

    Attributes:
        y: targets (N,): float64, NaN where there is none; for classes int64, -1 where there is none.
        classes: their names; empty for a regression.
        bounds: the range of a number, or None.
        labels: names of the labels, if a sample may have several.
        sets: for every class, the indices of its labels.
    """

    y: np.ndarray
    classes: tuple[str, ...] = ()
    bounds: tuple[float, float] | None = None
    labels: tuple[str, ...] = ()
    sets: tuple[tuple[int, ...], ...] = ()


def encode_classes(labels: list[Any] | np.ndarray) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return classes 0, 1, ... (N,), -1 where a label is missing, and their names in numerical or alphabetical order.

    Raises:
        InvalidInput: when there are more than MAX_CLASSES.
    """
    codes, known = pd.factorize(pd.Series(labels), sort=True)
    check(
        len(known) <= MAX_CLASSES,
        f"Labels must name at most {MAX_CLASSES:,} classes, but name {len(known):,}. Import the set with --target "
        "regression if they are amounts, or name another column.",
    )
    return codes.astype(np.int64), tuple(class_name(label) for label in known.tolist())


def encode_label_sets(named: Sequence[Sequence[str] | None], order: Sequence[str] = ()) -> Targets:
    """Return targets whose classes are the sets of labels that occur, smaller sets first.

    Args:
        named: the labels of each sample, or None where they are unknown.
        order: of the labels; alphabetical by default.

    Raises:
        InvalidInput: when a label cannot be part of a link, or there are fewer than two.
    """
    if not order:
        order = sorted({label for labels in named if labels for label in labels})
    known = tuple(order)
    check(
        2 <= len(known) <= MAX_LABELS,
        f"Samples of several labels must name 2 to {MAX_LABELS} different ones, but name {len(known)}. Import the "
        "set with --target classification if every sample has one.",
    )
    for label in known:
        check(
            LABEL.fullmatch(label) is not None,
            f"Label {label[:60]!r} must be at most 40 letters, digits, spaces, '.', '_' or '-'. Rename it.",
        )
    indices = {label: index for index, label in enumerate(known)}
    sample_sets: list[tuple[int, ...] | None] = []
    for labels in named:
        if labels is None:
            sample_sets.append(None)
        else:
            sample_sets.append(tuple(sorted({indices[label] for label in labels})))
    sets = sorted({one for one in sample_sets if one is not None}, key=lambda one: (len(one), one))
    numbers: dict[tuple[int, ...] | None, int] = {one: number for number, one in enumerate(sets)}
    return Targets(
        y=np.array([numbers.get(one, -1) for one in sample_sets], np.int64),
        classes=tuple(" + ".join(known[index] for index in one) or NO_LABEL for one in sets),
        labels=known,
        sets=tuple(sets),
    )


def class_name(label: Any) -> str:
    """The name of a class; a whole number that was read as a float is written without a point."""
    if isinstance(label, (float, np.floating)) and float(label).is_integer():
        return str(int(label))
    return str(label)
