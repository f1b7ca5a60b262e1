"""Tests of a matrix by its values: whether it repeats the labels, numbers the samples, or is a graph of them."""

import numpy as np

from qfusion.data.variables import Variable


def repeats_labels(variable: Variable, codes: np.ndarray) -> bool:
    """Whether all numbers of a sample follow from its label: one-hot labels, labels of groups of classes, or the scores
    themselves."""
    count = len(codes)
    if variable.dtype.kind not in "biuf":
        return False
    axes = [last for last, axis in ((False, 0), (True, -1)) if variable.shape[axis] == count]
    known, classes = np.unique(codes, return_inverse=True)
    if 2 * len(known) <= count:
        return any(_follows_classes(variable, classes, len(known), last) for last in axes)
    return any(_is_linear(variable, codes, last) for last in axes)


def _follows_classes(variable: Variable, classes: np.ndarray, size: int, last: bool) -> bool:
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


def counts_rows(variable: Variable, count: int) -> bool:
    """Whether a single column numbers the samples one after the other."""
    if count < 3 or variable.shape[0] != count or np.prod(variable.shape) != count:
        return False
    values = variable.whole().ravel()
    return values.dtype.kind in "biuf" and bool((np.diff(values.astype(float)) == 1).all())


def permutes_rows(variable: Variable, count: int) -> bool:
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


def is_graph(variable: Variable, count: int) -> bool:
    """Whether a matrix N x N is symmetric, or has the diagonal and the rows of a graph of nearest neighbours."""
    if variable.shape != (count, count) or count < 3 or variable.dtype.kind not in "biuf":
        return False
    first = next(variable.samples())
    if len(first) == count or not _resembles_graph(first):
        return len(first) == count and _resembles_graph(first)
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
