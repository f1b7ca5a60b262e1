"""Masks of a multi-view file: which views each sample has."""

import re

import numpy as np

from qfusion.data import class_labels
from qfusion.data.variables import Variable
from qfusion.data.view_layout import Layout


def find_unnamed_mask(layout: Layout) -> str | None:
    """Return the name of the only matrix of 0 and 1 that has a column for each of the others, or None."""
    others = len(layout.views) - 1
    masks = [
        name
        for name, variable in layout.views.items()
        if others >= 2 and _presence_matrix(variable, layout.count, others) is not None
    ]
    return masks[0] if len(masks) == 1 else None


def take_mask(layout: Layout, candidates: dict[str, Variable]) -> None:
    """Take the first matrix of 0 and 1 with a column per view out of the candidates, as the mask of the views that a
    sample has.
    """
    size = len(layout.views)
    for name, variable in list(candidates.items()):
        presence = _presence_matrix(variable, layout.count, size)
        if layout.mask is None and size >= 2 and presence is not None:
            del candidates[name]
            absent = re.match("missing|absent", class_labels.plain(name))
            layout.mask = ~presence if absent else presence
            layout.mask_name = name


def _presence_matrix(variable: Variable, count: int, size: int) -> np.ndarray | None:
    """A matrix of 0 and 1 as bool (count, size); None where it is another one."""
    if variable.dtype.kind not in "biuf" or variable.shape not in ((count, size), (size, count)):
        return None
    values = variable.whole()
    if not np.isin(values, (0, 1)).all():
        return None
    return (values if values.shape == (count, size) else values.T) == 1
