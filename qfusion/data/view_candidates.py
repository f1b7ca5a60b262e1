"""Variables of a multi-view file that may be views, and the reasons why others are not."""

import re

import numpy as np

from qfusion._checks import check
from qfusion.data import class_labels
from qfusion.data.variables import Variable
from qfusion.data.view_layout import Layout, LeftOut, has_samples
from qfusion.data.view_values import counts_rows, is_graph, permutes_rows, repeats_labels

MASK_NAME = re.compile(
    r"ind|indicators?|.*mask|missing|absent|avail(able|ability)?|observed|present"
)
FOLDS_NAME = re.compile(
    r".*folds?|.*splits?|(train|test|val|valid)(ind|idx|index|indices)?|cv|perms?|idx|ind(ex|ices)"
)
_GRAPH_NAME = re.compile(
    r"adj(acency)?|affinity|graphs?|network|net|knn|lap(lacian)?|sim(ilarity)?|kernels?|dist(ances?)?|edges?"
)
_MAX_LACKING = (
    0.1  # share of the samples that a view may lack before its rows are taken for something else
)


CALLED_LIKE_LABELS = "is called like labels"
REPEATS_LABELS = "holds the labels once more"
GRAPH_LIKE = "has a row and a column per sample and relates them to each other, as a graph does"


def may_be_view(layout: Layout, variable: Variable, codes: np.ndarray, columns: bool) -> bool:
    """Whether a variable is a matrix of numbers with a row or column per sample; notes why not."""
    shape, count = variable.shape, layout.count
    has_rows = has_samples(shape, count)
    is_column = len(shape) == 1 or (len(shape) >= 2 and sorted(shape)[-2] <= 1)
    if not variable.is_numeric:
        layout.leave_out(variable.name, "holds words", loses=has_rows and not is_column)
        return False
    if is_column and not (columns and len(shape) == 2 and shape[0] == count):
        _leave_out_list(layout, variable, codes, columns)
        return False
    if len(shape) == 0 or min(shape) == 0:
        layout.leave_out(variable.name, "")
        return False
    if has_rows:
        return True
    word = class_labels.plain(variable.name)
    if class_labels.is_called_so(word) or MASK_NAME.fullmatch(word) or FOLDS_NAME.fullmatch(word):
        layout.leave_out(variable.name, "")
        return False
    lacking = min(abs(axis - count) for axis in (shape[0], shape[-1]))
    check(
        lacking > max(1, _MAX_LACKING * count),
        f"View '{variable.name}' in `{layout.file}` must have {count} rows like the labels, or as many columns, but "
        f"has shape {shape}. Drop or add samples.",
    )
    layout.leave_out(
        variable.name,
        f"of shape {shape} has neither {count} rows nor {count} columns, as the labels have",
        loses=True,
    )
    return False


def _leave_out_list(layout: Layout, variable: Variable, codes: np.ndarray, columns: bool) -> None:
    """Record that a list is no view. A modality may be lost with it if it has a number for every sample and is no
    label, fold, mask or number of the sample.
    """
    word = class_labels.plain(variable.name)
    is_known = (
        class_labels.is_called_so(word) or MASK_NAME.fullmatch(word) or FOLDS_NAME.fullmatch(word)
    )
    has_samples_alone = max(variable.shape) == int(np.prod(variable.shape)) == layout.count
    if is_known or not has_samples_alone:
        layout.leave_out(variable.name, "")
    elif repeats_labels(variable, codes):
        layout.leave_out(variable.name, REPEATS_LABELS)
    elif counts_rows(variable, layout.count) or permutes_rows(variable, layout.count):
        layout.leave_out(variable.name, "numbers the samples")
    else:
        how = (
            f"save it with shape ({layout.count}, 1)"
            if columns
            else "put it into the cell of views"
        )
        layout.left_out.append(
            LeftOut(variable.name, "is one number a sample", True, f"If it is a modality, {how}.")
        )


def explain_no_view(variable: Variable, layout: Layout, codes: np.ndarray) -> str:
    """Return why a matrix with a row per sample is no view; empty if it may be one."""
    word = class_labels.plain(variable.name)
    count, shape = layout.count, variable.shape
    if repeats_labels(variable, codes):
        return REPEATS_LABELS
    if class_labels.is_called_so(variable.name):
        return CALLED_LIKE_LABELS
    if FOLDS_NAME.fullmatch(word):
        return "divides the samples into folds"
    if counts_rows(variable, count) or permutes_rows(variable, count):
        return "numbers the samples"
    square = len(shape) == 2 and shape[0] == shape[1] == count
    if square and (_GRAPH_NAME.fullmatch(word) or is_graph(variable, count)):
        return GRAPH_LIKE
    return ""
