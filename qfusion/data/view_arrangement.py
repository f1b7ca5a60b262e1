"""The roles of variables in a multi-view file: labels, views, masks of missing views, and variables that are neither.

A view is a matrix of numbers with a row, or a column, per sample. No view is what repeats the labels, numbers the
samples, divides them into folds, or relates them to each other (a graph): a model that is given such a matrix knows the
answer, or nothing. Names decide where they are clear; the values decide otherwise.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from qfusion._checks import check
from qfusion.data import class_labels
from qfusion.data.variables import Variable
from qfusion.data.view_candidates import (
    CALLED_LIKE_LABELS,
    FOLDS_NAME,
    GRAPH_LIKE,
    MASK_NAME,
    REPEATS_LABELS,
    explain_no_view,
    may_be_view,
)
from qfusion.data.view_layout import Layout, has_samples
from qfusion.data.view_masks import find_unnamed_mask, take_mask
from qfusion.data.view_values import is_graph, repeats_labels

CONTAINERS = ("x", "data", "fea", "feat", "feas", "feature", "features", "view", "views")


def arrange(
    file: str,
    label: str,
    codes: np.ndarray,
    variables: Mapping[str, Variable],
    containers: Mapping[str, Mapping[str, Variable]],
    columns: bool,
) -> Layout:
    """Return the role of each variable.

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
    chosen = _choose_container(layout, containers)
    for name in containers:
        if name != chosen:
            layout.leave_out(name, "")
    candidates = {
        name: variable
        for name, variable in variables.items()
        if may_be_view(layout, variable, codes, columns)
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
    """Take the entries of a cell as views. A matrix beside them is a mask or is left out."""
    layout.views = dict(views)
    _find_last(layout)
    for name, variable in views.items():
        fits = variable.is_numeric and has_samples(variable.shape, layout.count)
        if fits and repeats_labels(variable, codes):
            del layout.views[name]
            layout.leave_out(name, REPEATS_LABELS)
    others = {}
    for name, variable in beside.items():
        why = explain_no_view(variable, layout, codes)
        if why:
            layout.leave_out(name, why)
        else:
            others[name] = variable
    take_mask(layout, others)
    for name in others:
        layout.leave_out(name, f"lies beside the views in `{chosen}`", loses=True)


def _take_matrices(layout: Layout, candidates: dict[str, Variable], codes: np.ndarray) -> None:
    """Take every matrix that may be a view, and a mask."""
    masks = {}
    graphs = {}
    for name, variable in candidates.items():
        why = explain_no_view(variable, layout, codes)
        if why == GRAPH_LIKE:
            graphs[name] = variable
        elif why:
            layout.leave_out(name, why, loses=why == CALLED_LIKE_LABELS)
        elif MASK_NAME.fullmatch(class_labels.plain(name)):
            masks[name] = variable
        else:
            layout.views[name] = variable
    if layout.views:
        for name in graphs:
            layout.leave_out(name, GRAPH_LIKE, loses=True)
    else:
        layout.views = graphs
        layout.only_graphs = bool(graphs)
    unnamed = None if masks else find_unnamed_mask(layout)
    if unnamed is not None:
        masks[unnamed] = layout.views.pop(unnamed)
    _find_last(layout)
    take_mask(layout, masks)
    for name in masks:
        layout.leave_out(name, "is called like a mask of views", loses=True)


def choose_label(names: Sequence[str], lengths: Mapping[str, int], fits: Any) -> str:
    """Return the name of the labels, empty where there are none.

    Args:
        names: of all variables.
        lengths: of those that are lists, how many entries they have.
        fits: says whether another variable has so many rows or columns.
    """
    known = class_labels.find_label_names(list(names))
    lists = [name for name in known if lengths.get(name, 0) > 1]
    fitting = [name for name in lists if fits(lengths[name])]
    return next(iter([*fitting, *lists, *known]), "")


def _choose_container(
    layout: Layout, containers: Mapping[str, Mapping[str, Variable]]
) -> str | None:
    """Return the name of the cell of views, or None if there is none."""
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
    if not entries or not matrices or MASK_NAME.fullmatch(word) or FOLDS_NAME.fullmatch(word):
        return False
    if word in CONTAINERS:
        return True
    return not all(is_graph(entry, count) for entry in entries.values())


def _find_last(layout: Layout) -> None:
    """Find the views whose samples are along the last axis. A square view is treated like the others."""
    shapes = {name: variable.shape for name, variable in layout.views.items()}
    fitting = {name: shape for name, shape in shapes.items() if has_samples(shape, layout.count)}
    certain = [shape for shape in fitting.values() if shape[0] != shape[-1]]
    lying = bool(certain) and all(shape[-1] == layout.count for shape in certain)
    for name, shape in fitting.items():
        if shape[0] != layout.count or (lying and shape[-1] == layout.count):
            layout.last.add(name)
