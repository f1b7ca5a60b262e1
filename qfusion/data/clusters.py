"""What the rows of a data set share, so that they are not independent: videos that sentences come from, pictures that
several pairs show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from qfusion._checks import check

VIDEO_MARK = "$_$"  # between video and clip in the ids of MMSA's files


@dataclass(frozen=True, eq=False)
class Clusters:
    """Groups that rows belong to. Intervals over rows resample these, not rows.

    Attributes:
        labels: of every row and way of grouping, str (N, k): one column of videos, two of the pictures of a pair.
            Columns that share a label draw from one pool: a picture that is left here and right there is one picture.
        unit: what they are, in the plural: "videos".

    Raises:
        InvalidInput: when the labels are not (N, k) with k of 1 or more.
    """

    labels: np.ndarray
    unit: str

    def __post_init__(self) -> None:
        labels = np.asarray(self.labels, dtype=np.str_)
        labels = labels[:, None] if labels.ndim == 1 else labels
        check(
            labels.ndim == 2 and labels.shape[1] > 0,
            f"Argument `labels` must have shape (N,) or (N, k), one label a row and way of grouping, but has shape "
            f"{labels.shape}.",
        )
        labels.setflags(write=False)
        object.__setattr__(self, "labels", labels)

    @cached_property
    def numbers(self) -> np.ndarray:
        """The labels as whole numbers, int64 (N, k): equal where labels are."""
        return (
            np.unique(self.labels, return_inverse=True)[1]
            .reshape(self.labels.shape)
            .astype(np.int64)
        )

    def taken(self, rows: np.ndarray) -> Clusters:
        """Returns the clusters of some rows."""
        return Clusters(self.labels[rows], self.unit)

    def said(self, rows: np.ndarray) -> str:
        """Returns how many clusters some rows are of, in words: "31 videos"."""
        return f"{len(np.unique(self.numbers[rows])):,} {self.unit}"


def videos_of(ids: Sequence[str] | np.ndarray) -> Clusters | None:
    """Returns the videos that segments are of where every id names one, before `VIDEO_MARK`, as those of MMSA's
    files do; else None."""
    names = [str(each) for each in ids]
    if not names or not all(VIDEO_MARK in each for each in names):
        return None
    return Clusters(np.array([each.rpartition(VIDEO_MARK)[0] for each in names]), "videos")
