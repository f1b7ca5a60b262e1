"""Targets of samples as numbers: amounts, classes of labels, and classes of sets of labels.

One rule serves all formats. Labels are words, numbers written as words, numbers, or a matrix with a column a class.
Whole numbers are classes where they are at most `FEW`, or number classes from 0 or 1 with few gaps, or where the format
says so.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data import parsing
from qfusion.data.raw import Raw
from qfusion.errors import InvalidInput

FEW = 20  # different whole numbers that are taken for classes
MAX_CLASSES = 10_000
MAX_LABELS = 64  # if a sample may have several
LABEL = re.compile(r"[\w.-][\w .-]{0,39}")
NO_LABEL = "none"
SEPARATOR = ";"  # of the labels of a sample in a table
TARGETS = ("auto", "regression", "classification", "labels")
_SHOWN = 6  # words in a sentence
_SEVERAL = "Give one label a sample, or import the set with --target labels if it may have several."


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


def encode_targets(raw: Raw, target: str = "auto") -> Targets:
    """Return the targets of samples, and note how their labels were taken.

    Args:
        raw: the samples.
        target: one of TARGETS.

    Raises:
        InvalidInput: when labels cannot be taken so, or there are too many classes; the message names the column.
    """
    labels = raw.labels
    if target == "labels":
        return _encode_several(raw)
    if isinstance(labels, np.ndarray) and labels.ndim == 2 and min(labels.shape) > 1:
        raw.note(
            "classes",
            f"`{raw.label}` has a column a class. Classes are the numbers of the columns, from 0.",
        )
        columns = one_hot(f"Labels in `{raw.title}`", labels)
        return Targets(*encode_classes(columns))
    values = pd.Series(np.asarray(labels).ravel() if isinstance(labels, np.ndarray) else labels)
    if raw.classes is not None:
        y, named = encode_classes(values)
        if set(named) <= set(map(str, raw.classes)):
            return _order_classes(raw, y, named)
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = values.to_numpy(np.float64, na_value=np.nan)
        exact = values.astype(object).where(np.isfinite(numbers), None)
        return _encode_numbers(raw, target, numbers, exact)
    words = values.map(class_name, na_action="ignore").fillna("").astype(object).str.strip()
    numbers = parsing.parse_numbers(words, decimal_comma=raw.decimal_comma)
    if _are_numbers(raw, target, words, numbers):
        return _encode_numbers(raw, target, numbers, parsing.exact_numbers(words, numbers))
    sentence = f"Labels are words, taken for the names of classes: `{raw.label}`."
    if words.str.contains(SEPARATOR, regex=False).any():
        sentence += f" Some hold '{SEPARATOR}': import the set with --target labels if a sample may have several."
    raw.note("classes", sentence)
    y, classes = encode_classes(words.where(words != "", None))
    return Targets(y, classes) if raw.classes is None else _order_classes(raw, y, classes)


def encode_unimodal(raw: Raw) -> dict[str, np.ndarray]:
    """Return the targets of single modalities that are numbers, (N,) each; words are moved to the columns to show."""
    targets = {}
    for name, labels in raw.unimodal.items():
        words = pd.Series(labels).map(class_name, na_action="ignore").fillna("").astype(object)
        numbers = parsing.parse_numbers(words, decimal_comma=raw.decimal_comma)
        if _are_numbers(raw, "auto", words, numbers, f"label_{name}"):
            targets[name] = numbers
        else:
            raw.columns[f"label_{name}"] = words
    return targets


def encode_classes(labels: Any) -> tuple[np.ndarray, tuple[str, ...]]:
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
    return codes.astype(np.int64), tuple(map(class_name, known.tolist()))


def one_hot(what: str, values: np.ndarray, remedy: str = _SEVERAL) -> np.ndarray:
    """Return the number of the column that holds the 1, (N,) from 0.

    Args:
        what: the labels are, remedy: what to do about others, for messages.
        values: (N, C) of 0 with one 1 in every row; or (C, N), with one in every column.

    Raises:
        InvalidInput: when a row holds other numbers than 0 and one 1.
    """
    rows_are_samples = is_one_hot(values) or not is_one_hot(values.T)
    table = values if rows_are_samples else values.T
    wrong = ~((np.isin(table, (0, 1)).all(1)) & ((table == 1).sum(1) == 1))
    first = int(wrong.argmax()) if len(wrong) else 0
    check(
        not wrong.any(),
        f"{what} of shape {values.shape} must hold 0 and, in every row, one 1 in the column of the class, but row "
        f"{first + 1} holds {table[first, :8].tolist()}. {remedy}",
    )
    return table.argmax(1).astype(np.int64)


def is_one_hot(values: np.ndarray) -> bool:
    """Whether every row of a matrix holds one 1 and else 0."""
    return bool(np.isin(values, (0, 1)).all() and ((values == 1).sum(1) == 1).all())


def class_name(label: Any) -> str:
    """Return the name of a class; a whole number that was read as a float is written without a point."""
    if isinstance(label, (float, np.floating)) and float(label).is_integer():
        return str(int(label))
    return str(label)


def _are_numbers(
    raw: Raw, target: str, words: pd.Series, numbers: np.ndarray, label: str = ""
) -> bool:
    """Return whether words (N,) are numbers; those that denote an unknown number count as such.

    Raises:
        InvalidInput: when at least half of the words are numbers, or all must be for a regression, and others are not.
    """
    unknown = parsing.are_unknown(words)
    strange = np.isnan(numbers) & ~unknown
    given = int((~unknown).sum())
    if not strange.any() or target == "classification":
        return not strange.any()
    alike = parsing.are_like_numbers(words) & ~unknown
    is_amount = target == "regression" or raw.is_class is False
    if not is_amount and max((~np.isnan(numbers) & ~unknown).sum(), alike.sum()) < given / 2:
        return False
    places = np.flatnonzero(strange)
    shown = ", ".join(f"{words[at][:40]!r} (row {at + 1:,})" for at in places[:_SHOWN])
    more = f" and {len(places) - _SHOWN:,} more" if len(places) > _SHOWN else ""
    raise InvalidInput(
        f"Column `{(label or raw.label)[:60]}` of `{raw.title}` must hold numbers for a regression, but "
        f"{len(places):,} of {given:,} cannot be read: {shown}{more}. Write them as 1234.5, leave a cell empty where "
        "the number is not known, or import the set with --target classification if they are names of classes."
    )


def _encode_numbers(raw: Raw, target: str, numbers: np.ndarray, exact: Any) -> Targets:
    """Return amounts, or classes of whole numbers.

    Args:
        raw, target: see `encode_targets`.
        numbers: float64 (N,), NaN where there is none.
        exact: the numbers with all their digits, None where there is none, (N,).
    """
    known = np.unique(numbers[np.isfinite(numbers)])
    is_whole = bool((known == np.round(known)).all())
    if raw.classes is not None and is_whole:
        return _number_classes(raw, numbers)
    is_class = target == "classification"
    if target == "auto" and is_whole:
        is_class = _number_classes_from_one(known, len(numbers))
        if raw.is_class is not None:
            is_class = raw.is_class
    if not is_class:
        return Targets(numbers, bounds=raw.bounds)
    y, classes = encode_classes(exact)
    if target == "auto" and raw.is_class is None:
        raw.note(
            "classes",
            f"Labels are {len(classes)} different whole numbers, taken for classes. Import the set with --target "
            "regression if they are amounts.",
        )
    return Targets(y, classes)


def _number_classes_from_one(known: np.ndarray, count: int) -> bool:
    """Return whether different whole numbers are few, or number classes: 0 or 1, ... with few gaps, so that most occur
    several times among so many samples.
    """
    if len(known) <= FEW:
        return True
    return bool(known[0] in (0, 1) and known[-1] < 1.2 * len(known) and 2 * len(known) <= count)


def _number_classes(raw: Raw, numbers: np.ndarray) -> Targets:
    """Return whole numbers as those of classes that are named."""
    classes = tuple(map(str, raw.classes or ()))
    is_known = np.isfinite(numbers)
    known = numbers[is_known]
    check(
        bool(((known >= 0) & (known < len(classes))).all()),
        f"Labels `{raw.label}` must number the {len(classes)} classes from 0, but go from {known.min(initial=0):g} to "
        f"{known.max(initial=0):g}.",
    )
    return Targets(np.where(is_known, numbers, -1).astype(np.int64), classes)


def _order_classes(raw: Raw, y: np.ndarray, known: Sequence[str]) -> Targets:
    """Return classes of words in the order in which they are named."""
    order = tuple(map(str, raw.classes or ()))
    unknown = [label for label in known if label not in order]
    check(
        not unknown and len(set(order)) == len(order),
        f"Argument `classes` must name every class of `{raw.label}` once, but {unknown[:1] or 'one'} "
        f"{'is missing' if unknown else 'occurs twice'}.",
    )
    places = np.array([*(order.index(label) for label in known), -1])
    return Targets(places[y], order)


def _encode_several(raw: Raw) -> Targets:
    """Return targets of samples that may have several labels, from a matrix of 0 and 1 or from words."""
    labels = raw.labels
    if isinstance(labels, np.ndarray) and labels.ndim == 2:
        targets = _encode_matrix(raw, labels)
    else:
        targets = encode_label_sets(
            [None if word is None else _split_labels(str(word)) for word in labels]
        )
    raw.note(
        "labels",
        f"A sample may have several of {len(targets.labels)} labels: {', '.join(targets.labels)[:300]}.",
    )
    return targets


def _encode_matrix(raw: Raw, matrix: np.ndarray) -> Targets:
    check(
        matrix.dtype.kind in "biuf"
        and matrix.shape[1] <= MAX_LABELS
        and bool(np.isin(matrix, (0, 1)).all()),
        f"Array `{raw.label}` in `{raw.title}` must hold 0 and 1, a column for each of at most {MAX_LABELS} labels, "
        "but does not. Correct it.",
    )
    names = list(raw.label_names) or [f"label {n}" for n in range(1, matrix.shape[1] + 1)]
    check(
        len(names) == matrix.shape[1] == len(set(names)),
        f"Array `label_names` in `{raw.title}` must name each of the {matrix.shape[1]} columns of `{raw.label}` once, "
        f"but holds {len(names)}. Correct it.",
    )
    return encode_label_sets([[names[i] for i in np.flatnonzero(row)] for row in matrix], names)


def _split_labels(word: str) -> list[str]:
    """Return the labels in a cell."""
    return [
        label
        for label in map(str.strip, word.split(SEPARATOR))
        if label.lower() not in ("", NO_LABEL)
    ]


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
