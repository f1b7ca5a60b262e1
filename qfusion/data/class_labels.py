"""Labels as files store them: numbers, words, one cell for both, or one column per class."""

import re

import numpy as np

from qfusion._checks import check
from qfusion.data.file_words import word_array

# What labels are called, whatever their capitals; the first that fits is taken.
NAMES = (
    *("y", "labels", "label", "gt", "gnd", "truelabel", "truth"),
    *("truelabels", "groundtruth", "classlabel", "classlabels", "class", "classes"),
    *(
        "target",
        "targets",
        "ytrue",
        "gtlabel",
        "gtlabels",
        "trueclass",
        "classid",
        "category",
        "categories",
    ),
)


def plain(name: str) -> str:
    """Return the name of a variable in small letters and digits alone: "true_Label" is "truelabel"."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def find_label_names(names: list[str]) -> list[str]:
    """Return the names that are names of labels, in order of preference."""
    known = [name for name in names if plain(name) in NAMES]
    return sorted(known, key=lambda name: NAMES.index(plain(name)))


def flat(what: str, values: np.ndarray, remedy: str = "Give one label a sample.") -> np.ndarray:
    """Return labels (N,), numbers or words.

    Args:
        what: they are, for messages: "Labels in `views.mat`".
        remedy: what to do about a matrix that is not `one_hot`.
        values: (N,), (N, 1), (1, N); a cell of words, or of the labels of each view, which are the same; or a column
            a class, see `one_hot`.

    Raises:
        InvalidInput: when they are none of these.
    """
    if values.dtype == object:
        values = _read_cell(what, values)
    if values.ndim == 2 and min(values.shape) > 1 and values.dtype.kind in "biuf":
        return one_hot(what, values, remedy)
    check(
        values.size > 0 and values.size == max(values.shape, default=0),
        f"{what} must have shape (N,), (N, 1) or (1, N), but have shape {values.shape}. Give one label a sample.",
    )
    return values.ravel()


def _read_cell(what: str, values: np.ndarray) -> np.ndarray:
    inner = [np.asarray(entry).ravel() for entry in values.ravel()]
    if inner and inner[0].size > 1:
        check(
            all(np.array_equal(entry, inner[0]) for entry in inner),
            f"{what} must be one list for all views, but are several that differ. Keep one.",
        )
        return inner[0]
    check(
        all(entry.size == 1 for entry in inner),
        f"{what} must be one a sample, but some are missing. Give all.",
    )
    return word_array([entry[0] for entry in inner], what)


def one_hot(what: str, values: np.ndarray, remedy: str = "Give one label a sample.") -> np.ndarray:
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
