"""Groups of rows: clusters of dependent ones, such as the sentences of one video, and the parts of a split, drawn at
random by a fixed seed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from qfusion._checks import check
from qfusion.data.array_chunks import read_only_array

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


SPLITS = ("train", "valid", "test")
SPLIT_SEED = 2013
TEST_SHARE = 0.3
VALID_SHARE = 0.1


def stratified_split(
    y: np.ndarray, seed: int = SPLIT_SEED, test: float = TEST_SHARE, valid: float = VALID_SHARE
) -> np.ndarray:
    """Return "train", "valid" or "test" per sample, str (N,), with the same shares in every class.

    Every class of three samples or more is in every part that has a share above zero.

    Args:
        y: classes (N,).
        seed: of the random order.
        test: share of the test part, in 0..1.
        valid: share of the validation part, in 0..1; the rest trains.
    """
    rng = np.random.default_rng(seed)
    split = np.full(len(y), "train", dtype="<U5")
    for label in np.unique(y):
        rows = rng.permutation(np.flatnonzero(y == label))
        tests = _part_size(len(rows), test)
        valids = _part_size(len(rows), valid)
        split[rows[:tests]] = "test"
        split[rows[tests : tests + valids]] = "valid"
    return split


def _part_size(rows: int, share: float) -> int:
    """The number of rows in a part: at least one if its share is above zero."""
    if share <= 0:
        return 0
    return max(round(share * rows), 1)


def draw_split(
    classes: np.ndarray, split: np.ndarray, groups: np.ndarray | None = None
) -> tuple[np.ndarray, str]:
    """Return a random split (N,) and a description of it.

    It has equal shares in every class. If there are training and test samples but no validation samples, only these
    are drawn, from the training samples.

    Args:
        classes: of the samples, (N,); of numbers their `target_tenths`.
        split: the parts that are known, (N,).
        groups: numbers (N,), equal for samples that must be in one part. Shares of classes are then equal as far as
            groups allow. None if samples are independent.
    """
    if groups is None:
        groups = np.arange(len(split))
    has_groups = len(np.unique(groups)) < len(groups)
    basis = f"by seed {SPLIT_SEED}"
    if has_groups:
        basis += ", with samples of the same content in one part"
    training = np.flatnonzero(split == "train")
    has_test = bool((split == "test").any())
    has_valid = bool((split == "valid").any())
    if has_test and not has_valid and len(training) > 1:
        share = VALID_SHARE / (1 - TEST_SHARE)
        inner = split_groups(classes[training], groups[training], test=0.0, valid=share)
        drawn = training[inner == "valid"]
        split = split.copy()
        split[drawn] = "valid"
        return split, f"{len(drawn):,} of the training samples for validation, {basis}"
    return split_groups(classes, groups), f"60% train, 10% validate, 30% test, {basis}"


def split_groups(
    classes: np.ndarray, groups: np.ndarray, test: float = TEST_SHARE, valid: float = VALID_SHARE
) -> np.ndarray:
    """A stratified split (N,) of whole groups. The class of a group is that of most of its samples."""
    known, group = np.unique(groups, return_inverse=True)
    if len(known) == len(groups):
        return stratified_split(classes, test=test, valid=valid)
    labels, label = np.unique(classes, return_inverse=True)
    counts = np.zeros((len(known), len(labels)), np.int64)
    np.add.at(counts, (group, label), 1)
    group_classes = labels[counts.argmax(1)]
    return stratified_split(group_classes, test=test, valid=valid)[group]


def target_tenths(y: np.ndarray) -> np.ndarray:
    """Return the numbers (N,) of ten groups of targets of about the same size. There are fewer groups if there are
    few samples.
    """
    groups = int(np.clip(len(y) // 10, 1, 10))
    rank = np.argsort(np.argsort(y, kind="stable"), kind="stable")
    return (rank * groups) // max(1, len(y))
