"""The roles of variables in a multi-view file: labels, views, masks of missing views, and variables that are neither.

A view is a matrix of numbers with a row, or a column, per sample. No view is what repeats the labels, numbers the
samples, divides them into folds, or relates them to each other (a graph): a model that is given such a matrix knows the
answer, or nothing. Names decide where they are clear; the values decide otherwise.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.data import class_labels, files
from qfusion.data.variables import Variable

CONTAINERS = ("x", "data", "fea", "feat", "feas", "feature", "features", "view", "views")
_MASK = re.compile(r"ind|indicators?|.*mask|missing|absent|avail(able|ability)?|observed|present")
_FOLDS = re.compile(
    r".*folds?|.*splits?|(train|test|val|valid)(ind|idx|index|indices)?|cv|perms?|idx|ind(ex|ices)"
)
_GRAPH = re.compile(
    r"adj(acency)?|affinity|graphs?|network|net|knn|lap(lacian)?|sim(ilarity)?|kernels?|dist(ances?)?|edges?"
)
_NEARLY = (
    0.1  # share of the samples that a view may lack before its rows are taken for something else
)


@dataclass(frozen=True)
class LeftOut:
    """A variable that is not read: its name, why, whether a modality may be lost with it, and what to do then."""

    name: str
    why: str
    loses: bool = False
    remedy: str = "Correct it, or rename it if it is a modality."


@dataclass(eq=False)
class Layout:
    """What a multi-view file holds.

    Attributes:
        file: its name. count: of the samples.
        label: the name of the labels.
        views: the views by name, and in `last` the names of those whose samples lie along the last axis.
        mask: which views a sample has, bool (count, views), None where the file does not say; `mask_name` is its name.
        only_graphs: whether all matrices relate the samples to each other, so that they are the views.
        left_out: what is not read.
    """

    file: str
    count: int
    label: str
    views: dict[str, Variable] = field(default_factory=dict)
    last: set[str] = field(default_factory=set)
    mask: np.ndarray | None = None
    mask_name: str = ""
    only_graphs: bool = False
    left_out: list[LeftOut] = field(default_factory=list)

    def leave_out(self, name: str, why: str, loses: bool = False) -> None:
        """Notes that a variable is not read."""
        self.left_out.append(LeftOut(name, why, loses))


def arrange(
    file: str,
    label: str,
    codes: np.ndarray,
    variables: Mapping[str, Variable],
    containers: Mapping[str, Mapping[str, Variable]],
    columns: bool,
) -> Layout:
    """Returns which variable is what.

    Args:
        file: name of the file. label: name of the labels.
        codes: the targets (N,), numbers.
        variables: arrays of the file but the labels.
        containers: cells and structs of arrays, by name.
        columns: whether a single column (N, 1) is a view.

    Raises:
        InvalidInput: when several cells may be the views, or a matrix has nearly as many rows as there are labels.
    """
    layout = Layout(file, len(codes), label)
    chosen = _container(layout, containers)
    for name in containers:
        if name != chosen:
            layout.leave_out(name, "")
    candidates = {
        name: variable
        for name, variable in variables.items()
        if _may_be_view(layout, variable, codes, columns)
    }
    if chosen is None:
        _take_matrices(layout, candidates, codes)
    else:
        _take_container(layout, chosen, containers[chosen], candidates, codes)
    return layout


def _take_container(
    layout: Layout,
    chosen: str,
    views: Mapping[str, Variable],
    beside: dict[str, Variable],
    codes: np.ndarray,
) -> None:
    """Takes the entries of a cell as views; a matrix beside them is a mask or none."""
    layout.views = dict(views)
    _find_last(layout)
    for name, variable in views.items():
        fits = variable.is_numeric and has_samples(variable.shape, layout.count)
        if fits and _repeats(variable, codes):
            del layout.views[name]
            layout.leave_out(name, _REPEATS)
    others = {}
    for name, variable in beside.items():
        why = _why_no_view(variable, layout, codes)
        if why:
            layout.leave_out(name, why)
        else:
            others[name] = variable
    _take_mask(layout, others)
    for name in others:
        layout.leave_out(name, f"lies beside the views in `{chosen}`", loses=True)


def _take_matrices(layout: Layout, candidates: dict[str, Variable], codes: np.ndarray) -> None:
    """Takes every matrix that may be a view, and a mask."""
    masks = {}
    graphs = {}
    for name, variable in candidates.items():
        why = _why_no_view(variable, layout, codes)
        if why == _GRAPH_LIKE:
            graphs[name] = variable
        elif why:
            layout.leave_out(name, why, loses=why == _CALLED)
        elif _MASK.fullmatch(class_labels.plain(name)):
            masks[name] = variable
        else:
            layout.views[name] = variable
    if layout.views:
        for name in graphs:
            layout.leave_out(name, _GRAPH_LIKE, loses=True)
    else:
        layout.views = graphs
        layout.only_graphs = bool(graphs)
    unnamed = None if masks else _unnamed_mask(layout)
    if unnamed is not None:
        masks[unnamed] = layout.views.pop(unnamed)
    _find_last(layout)
    _take_mask(layout, masks)
    for name in masks:
        layout.leave_out(name, "is called like a mask of views", loses=True)


def has_samples(shape: Sequence[int], count: int) -> bool:
    """Whether the first or the last axis of a shape has so many entries."""
    return len(shape) >= 2 and min(shape) > 0 and count in (shape[0], shape[-1])


def label_of(names: Sequence[str], lengths: Mapping[str, int], fits: Any) -> str:
    """Returns the name of the labels, empty where there are none.

    Args:
        names: of all variables.
        lengths: of those that are lists, how many entries they have.
        fits: says whether another variable has so many rows or columns.
    """
    known = class_labels.among(list(names))
    lists = [name for name in known if lengths.get(name, 0) > 1]
    fitting = [name for name in lists if fits(lengths[name])]
    return next(iter([*fitting, *lists, *known]), "")


# The cell, or the struct, that holds the views


def _container(layout: Layout, containers: Mapping[str, Mapping[str, Variable]]) -> str | None:
    """The name of the cell of views; None where there is none."""
    called = [name for name in containers if class_labels.plain(name) in CONTAINERS]
    fitting = [name for name, entries in containers.items() if _holds_views(layout, name, entries)]
    known = [name for name in called if name in fitting]
    if known or len(fitting) == 1:
        return (known or fitting)[0]
    check(
        not fitting,
        f"File `{layout.file}` must hold one cell of views, but holds {len(fitting)}: {', '.join(fitting[:8])}. Call "
        "that of the views `X`.",
    )
    return called[0] if called else None


def _holds_views(layout: Layout, name: str, entries: Mapping[str, Variable]) -> bool:
    """Whether all entries of a cell are matrices with a row or column per sample, and are no masks, folds or graphs."""
    count = layout.count
    word = class_labels.plain(name)
    matrices = all(
        entry.is_numeric and has_samples(entry.shape, count) and sorted(entry.shape)[-2] > 1
        for entry in entries.values()
    )
    if not entries or not matrices or _MASK.fullmatch(word) or _FOLDS.fullmatch(word):
        return False
    if word in CONTAINERS:
        return True
    return not all(_is_graph(entry, count) for entry in entries.values())


# What is no view

_CALLED = "is called like labels"
_REPEATS = "holds the labels once more"
_GRAPH_LIKE = "has a row and a column per sample and relates them to each other, as a graph does"


def _may_be_view(layout: Layout, variable: Variable, codes: np.ndarray, columns: bool) -> bool:
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
    if class_labels.is_called_so(word) or _MASK.fullmatch(word) or _FOLDS.fullmatch(word):
        layout.leave_out(variable.name, "")
        return False
    lacking = min(abs(axis - count) for axis in (shape[0], shape[-1]))
    check(
        lacking > max(1, _NEARLY * count),
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
    """Notes that a list is no view. A modality may be lost with it where it has a number for every sample that is no
    label, fold, mask or number of the sample."""
    word = class_labels.plain(variable.name)
    is_known = class_labels.is_called_so(word) or _MASK.fullmatch(word) or _FOLDS.fullmatch(word)
    has_samples_alone = max(variable.shape) == int(np.prod(variable.shape)) == layout.count
    if is_known or not has_samples_alone:
        layout.leave_out(variable.name, "")
    elif _repeats(variable, codes):
        layout.leave_out(variable.name, _REPEATS)
    elif _counts_rows(variable, layout.count) or _permutes(variable, layout.count):
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


def _why_no_view(variable: Variable, layout: Layout, codes: np.ndarray) -> str:
    """Why a matrix with a row per sample is no view; empty where it may be one."""
    word = class_labels.plain(variable.name)
    count, shape = layout.count, variable.shape
    if _repeats(variable, codes):
        return _REPEATS
    if class_labels.is_called_so(variable.name):
        return _CALLED
    if _FOLDS.fullmatch(word):
        return "divides the samples into folds"
    if _counts_rows(variable, count) or _permutes(variable, count):
        return "numbers the samples"
    square = len(shape) == 2 and shape[0] == shape[1] == count
    if square and (_GRAPH.fullmatch(word) or _is_graph(variable, count)):
        return _GRAPH_LIKE
    return ""


def _repeats(variable: Variable, codes: np.ndarray) -> bool:
    """Whether all numbers of a sample follow from its label: one-hot labels, labels of groups of classes, or the scores
    themselves."""
    count = len(codes)
    if variable.dtype.kind not in "biuf":
        return False
    axes = [last for last, axis in ((False, 0), (True, -1)) if variable.shape[axis] == count]
    known, classes = np.unique(codes, return_inverse=True)
    if 2 * len(known) <= count:
        return any(_follows(variable, classes, len(known), last) for last in axes)
    return any(_is_linear(variable, codes, last) for last in axes)


def _follows(variable: Variable, classes: np.ndarray, size: int, last: bool) -> bool:
    """Whether samples of one class have the same values, and not all samples have."""
    seen = np.zeros(size, bool)
    of_class: np.ndarray | None = None
    at = 0
    for piece in variable.samples(last):
        rows = piece.reshape(len(piece), -1)
        own = classes[at : at + len(rows)]
        at += len(rows)
        if of_class is None:
            of_class = np.zeros((size, rows.shape[1]), rows.dtype)
        present, first = np.unique(own, return_index=True)
        new = present[~seen[present]]
        of_class[new] = rows[first[~seen[present]]]
        seen[present] = True
        if not np.array_equal(of_class[own], rows):
            return False
    return of_class is not None and bool((of_class[seen] != of_class[seen][0]).any())


def _is_linear(variable: Variable, scores: np.ndarray, last: bool) -> bool:
    """Whether every column is the scores, or they times a number plus a number; columns of one value do not count."""
    pieces = []
    at = 0
    for piece in variable.samples(last):
        rows = piece.reshape(len(piece), -1)
        own = scores[at : at + len(rows)]
        at += len(rows)
        if len(rows) > 2 and not _are_linear(rows, own):
            return False
        pieces.append(rows)
    return _are_linear(np.concatenate(pieces), scores)


def _are_linear(columns: np.ndarray, scores: np.ndarray) -> bool:
    known = np.isfinite(scores) & np.isfinite(columns.astype(float)).all(1)
    values = columns[known].astype(float)
    values = values[:, values.std(0) > 0]
    wanted = scores[known]
    if values.shape[1] == 0 or len(wanted) < 3 or wanted.std() == 0:
        return False
    correlation = (values - values.mean(0)).T @ (wanted - wanted.mean())
    correlation /= len(wanted) * values.std(0) * wanted.std()
    return bool((np.abs(correlation) > 1 - 1e-9).all())


def _counts_rows(variable: Variable, count: int) -> bool:
    """Whether a single column numbers the samples one after the other."""
    if count < 3 or variable.shape[0] != count or np.prod(variable.shape) != count:
        return False
    values = variable.whole().ravel()
    return values.dtype.kind in "biuf" and bool((np.diff(values.astype(float)) == 1).all())


def _permutes(variable: Variable, count: int) -> bool:
    """Whether every column, or every row, holds each number of a sample once, from 0 or from 1."""
    if len(variable.shape) > 2 or count < 3 or variable.dtype.kind not in "iuf":
        return False
    pieces = []
    for rows in variable.samples(last=variable.shape[0] != count):
        piece = rows.reshape(len(rows), -1)
        ordered = np.sort(piece, axis=0)
        whole = np.isfinite(ordered).all() and (ordered == np.round(ordered)).all()
        if not whole or ordered[0].min() < 0 or ordered[-1].max() > count:
            return False
        if (ordered[1:] == ordered[:-1]).any():
            return False
        pieces.append(piece)
    ordered = np.sort(np.concatenate(pieces), axis=0)
    return any(
        bool((ordered == np.arange(start, start + count)[:, None]).all()) for start in (0, 1)
    )


def _is_graph(variable: Variable, count: int) -> bool:
    """Whether a matrix N x N is symmetric, or has the diagonal and the rows of a graph of nearest neighbours."""
    if variable.shape != (count, count) or count < 3 or variable.dtype.kind not in "biuf":
        return False
    first = next(variable.samples())
    if len(first) == count or not _resembles_graph(first):
        return len(first) == count and _resembles_graph(first)
    if count * count * variable.dtype.itemsize > files.HARMLESS:
        return True  # the first rows have to do: all of them would take too much memory
    return _resembles_graph(variable.whole())


def _resembles_graph(rows: np.ndarray) -> bool:
    """Whether the first rows of a matrix N x N are those of a graph."""
    if not np.isfinite(rows).all():
        return False
    values = rows.astype(float)
    block = values[:, : len(values)]
    symmetric = bool(np.allclose(block, block.T))
    diagonal = np.diagonal(values)
    if not (diagonal == diagonal[0]).all():
        return symmetric
    sums = values.sum(1)
    return diagonal[0] != 0 or symmetric or bool(np.allclose(sums, sums[0]))


# Which views a sample has


def _unnamed_mask(layout: Layout) -> str | None:
    """The only matrix of 0 and 1 that has a column for each of the others."""
    others = len(layout.views) - 1
    masks = [
        name
        for name, variable in layout.views.items()
        if others >= 2 and _presence(variable, layout.count, others) is not None
    ]
    return masks[0] if len(masks) == 1 else None


def _take_mask(layout: Layout, candidates: dict[str, Variable]) -> None:
    """Takes the first matrix of 0 and 1 with a column per view out of the candidates, as which views a sample has."""
    size = len(layout.views)
    for name, variable in list(candidates.items()):
        presence = _presence(variable, layout.count, size)
        if layout.mask is None and size >= 2 and presence is not None:
            del candidates[name]
            absent = re.match("missing|absent", class_labels.plain(name))
            layout.mask = ~presence if absent else presence
            layout.mask_name = name


def _presence(variable: Variable, count: int, size: int) -> np.ndarray | None:
    """A matrix of 0 and 1 as bool (count, size); None where it is another one."""
    if variable.dtype.kind not in "biuf" or variable.shape not in ((count, size), (size, count)):
        return None
    values = variable.whole()
    if not np.isin(values, (0, 1)).all():
        return None
    return (values if values.shape == (count, size) else values.T) == 1


def _find_last(layout: Layout) -> None:
    """Finds the views whose samples lie along the last axis; a square one lies as the others do."""
    shapes = {name: variable.shape for name, variable in layout.views.items()}
    fitting = {name: shape for name, shape in shapes.items() if has_samples(shape, layout.count)}
    certain = [shape for shape in fitting.values() if shape[0] != shape[-1]]
    lying = bool(certain) and all(shape[-1] == layout.count for shape in certain)
    for name, shape in fitting.items():
        if shape[0] != layout.count or (lying and shape[-1] == layout.count):
            layout.last.add(name)
