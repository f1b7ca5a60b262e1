"""Clusters of rows that are not independent: sentences of one video, pairs that show one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data.arrays import read_only_array

VIDEO_MARK = "$_$"  # between video and clip in the ids of MMSA's files


@dataclass(frozen=True, eq=False)
class Clusters:
    """Groups of dependent rows. Confidence intervals over rows resample clusters, not rows.

    Attributes:
        labels: of every row and way of grouping, str (N, k): one column of videos, two of the pictures of a pair.
            Columns that share a label draw from one pool: a picture that is left here and right there is one picture.
        unit: name of the groups, in the plural: "videos".

    Raises:
        InvalidInput: when the labels are not (N, k) with k of 1 or more.
    """

    labels: np.ndarray
    unit: str

    def __post_init__(self) -> None:
        labels = read_only_array(self.labels, np.str_)
        if labels.ndim == 1:
            labels = labels[:, None]
        check(
            labels.ndim == 2 and labels.shape[1] > 0,
            f"Argument `labels` must have shape (N,) or (N, k), one label a row and way of grouping, but has shape "
            f"{labels.shape}.",
        )
        object.__setattr__(self, "labels", labels)

    @cached_property
    def numbers(self) -> np.ndarray:
        """The labels as whole numbers, int64 (N, k), equal where labels are equal."""
        numbers = np.unique(self.labels, return_inverse=True)[1]
        return numbers.reshape(self.labels.shape).astype(np.int64)

    def select(self, rows: np.ndarray) -> Clusters:
        """Return the clusters of some rows."""
        return Clusters(self.labels[rows], self.unit)

    def append_samples(self, ids: np.ndarray) -> Clusters:
        """Return the clusters with further rows for a visitor's samples with these ids, each in a separate cluster."""
        own = np.repeat(ids[:, None], self.labels.shape[1], 1)
        return Clusters(np.concatenate([self.labels, own]), self.unit)

    def describe_count(self, rows: np.ndarray) -> str:
        """Return the number of clusters of some rows with its unit: "31 videos"."""
        return f"{len(np.unique(self.numbers[rows])):,} {self.unit}"


def video_clusters(ids: Sequence[str] | np.ndarray) -> Clusters | None:
    """Return the videos that segments come from, if every id names one before `VIDEO_MARK` as in MMSA's files."""
    parts = pd.Series(ids, dtype=object).astype(str).str.rpartition(VIDEO_MARK)
    if parts.empty or (parts[1] == "").any():
        return None
    return Clusters(parts[0].to_numpy(str), "videos")
