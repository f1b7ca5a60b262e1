"""The layout of a multi-view file: its views, its mask, and the variables that are left out."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qfusion.data.variables import Variable


@dataclass(frozen=True)
class LeftOut:
    """Variable that is not read: its name, the reason, whether a modality may be lost with it, and the remedy in
    that case.
    """

    name: str
    why: str
    loses: bool = False
    remedy: str = "Correct it, or rename it if it is a modality."


@dataclass(eq=False)
class Layout:
    """The roles of the variables of a multi-view file.

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
        """Note that a variable is not read."""
        self.left_out.append(LeftOut(name, why, loses))


def has_samples(shape: Sequence[int], count: int) -> bool:
    """Whether the first or the last axis of a shape has so many entries."""
    return len(shape) >= 2 and min(shape) > 0 and count in (shape[0], shape[-1])
