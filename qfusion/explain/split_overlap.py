"""What test rows share with rows that a model learned from: groups such as videos or people, copies, and near copies.

A model that has seen the video, the person or the very row of a test sample can be right on it without having learned
the task, and its test metrics overstate what it does on new ones (Kapoor and Narayanan 2023, Patterns 4, 100804).

    groups        test rows whose group (video, picture, speaker) has learned rows
    copies        test rows equal to a learned row in every modality
    near copies   test rows that differ from a learned row by at most `NEAR` standard deviations (root mean square over
                  the features) in every modality, and by a quarter at most of what the nearest learned row usually
                  does, and are no copies
    seen content  test rows whose content of one modality is that of a learned row. In itself it is no fault: many
                  pictures are asked the same question
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qfusion._checks import choose
from qfusion.data import DataSet, shared_content
from qfusion.explain.task_features import LEARNT, UNSEEN, draw_rows, pool_features

NEAR = 0.1  # root mean square difference of the features of a near copy, in standard deviations
USUAL = 0.25  # of the median distance to the nearest learned row, within which a near copy lies
FEWEST_FEATURES = 8  # with fewer, rows are near by chance
MOST_ROWS = 20_000  # learned rows that are looked at, and test rows
SCREEN = 48  # directions of the projection by which pairs are screened
SLACK = 3.0  # of the projected distance: what the screen lets pass
_AT_ONCE = 1 << 24  # distances computed in one step


@dataclass(frozen=True, eq=False)
class GroupOverlap:
    """Test rows of groups that learned rows belong to as well.

    Attributes:
        name: of the grouping, such as "videos" or a column of the table.
        shared: labels of the groups on both sides, in ascending order.
        rows: numbers of the test rows of these groups, ascending.
        groups: number of different groups among the test rows.
    """

    name: str
    shared: tuple[str, ...]
    rows: np.ndarray
    groups: int


@dataclass(frozen=True, eq=False)
class SplitOverlap:
    """What test rows share with training and validation rows.

    Attributes:
        test_rows: number of test rows looked at. learned_rows: number of learned rows looked at.
        declared: overlaps of the groupings that the data set declares, such as videos.
        columns: overlaps of columns of the table, such as speakers.
        copies, near_copies: numbers of test rows, ascending.
        seen: share of the test rows whose content of a modality is that of a learned row, by modality.
        nearest: median distance of test rows to the nearest learned row, root mean square over modalities, in standard
            deviations of features; estimated by a random projection. Unrelated rows have 1.4.
        features: varying features of all modalities together; near copies are looked for from `FEWEST_FEATURES` on.
    """

    test_rows: int
    learned_rows: int
    declared: tuple[GroupOverlap, ...]
    columns: tuple[GroupOverlap, ...]
    copies: np.ndarray
    near_copies: np.ndarray
    seen: Mapping[str, float]
    nearest: float
    features: int


def find_split_overlap(dataset: DataSet, columns: tuple[str, ...] = ()) -> SplitOverlap:
    """Return what the test rows of a data set share with its training and validation rows.

    Args:
        dataset: at most `MOST_ROWS` rows of either side are looked at, drawn at random.
        columns: of the table, whose values are groups, such as the speaker.

    Raises:
        NotFound: when the table has no such column.
    """
    learned = draw_rows(dataset.rows(LEARNT), MOST_ROWS)
    test = draw_rows(dataset.rows(UNSEEN), MOST_ROWS)
    features = {
        name: pool_features(dataset, name, np.concatenate([learned, test]))
        for name in dataset.names
    }
    contents = {name: shared_content.number_contents(values) for name, values in features.items()}
    L = len(learned)
    joint = np.unique(np.stack(list(contents.values()), 1), axis=0, return_inverse=True)[1].ravel()
    scaled = {name: _standardise(values) for name, values in features.items()}
    width = sum(values.shape[1] for values in scaled.values())
    is_copy = np.isin(joint[L:], joint[:L]) if width else np.zeros(len(test), bool)
    is_near = np.zeros(len(test), bool)
    nearest = np.nan
    if width >= FEWEST_FEATURES:
        parts = [values for values in scaled.values() if values.shape[1]]
        is_near, nearest = _find_near_rows(
            [values[L:] for values in parts], [values[:L] for values in parts]
        )
    return SplitOverlap(
        test_rows=len(test),
        learned_rows=L,
        declared=_declared_overlaps(dataset),
        columns=tuple(_column_overlap(dataset, column) for column in columns),
        copies=test[is_copy],
        near_copies=test[is_near & ~is_copy],
        seen={
            name: float(np.isin(content[L:], content[:L]).mean())
            for name, content in contents.items()
        },
        nearest=nearest,
        features=width,
    )


def _declared_overlaps(dataset: DataSet) -> tuple[GroupOverlap, ...]:
    if dataset.clusters is None:
        return ()
    labels = dataset.clusters.labels
    return tuple(_group_overlap(dataset, dataset.clusters.unit, column) for column in labels.T)


def _column_overlap(dataset: DataSet, column: str) -> GroupOverlap:
    choose(f"Column of data set '{dataset.name}'", column, list(map(str, dataset.table.columns)))
    return _group_overlap(dataset, column, dataset.table[column].astype(str).to_numpy())


def _group_overlap(dataset: DataSet, name: str, labels: np.ndarray) -> GroupOverlap:
    test = dataset.rows(UNSEEN)
    shared = np.intersect1d(labels[test], labels[dataset.rows(LEARNT)])
    return GroupOverlap(
        name,
        tuple(map(str, shared)),
        test[np.isin(labels[test], shared)],
        len(np.unique(labels[test])),
    )


def _standardise(values: np.ndarray) -> np.ndarray:
    """Return the varying features with unit deviation, float32 (N, k)."""
    values = np.nan_to_num(np.asarray(values, np.float64))
    spread = values.std(0)
    varying = spread > 1e-9 * max(float(spread.max(initial=0)), 1e-300)
    return ((values[:, varying] - values[:, varying].mean(0)) / spread[varying]).astype(np.float32)


def _find_near_rows(test: list[np.ndarray], learned: list[np.ndarray]) -> tuple[np.ndarray, float]:
    """Return which test rows are near a learned row in every modality, bool (n,), and the median distance to the
    nearest learned row.

    Pairs are screened by the distance in a random projection of all modalities, where each has one weight, and then
    compared in every modality.

    Args:
        test, learned: standardised features of every modality, (n, k) and (N, k).
    """
    rng = np.random.default_rng(0)
    a = np.zeros((len(test[0]), SCREEN), np.float32)
    b = np.zeros((len(learned[0]), SCREEN), np.float32)
    for own, other in zip(test, learned, strict=True):
        directions = rng.normal(size=(own.shape[1], SCREEN)) / np.sqrt(SCREEN * own.shape[1])
        a += own @ directions.astype(np.float32)
        b += other @ directions.astype(np.float32)
    squares = (b**2).sum(1)
    nearest = np.zeros(len(a))
    rows, others = [], []
    step = max(1, _AT_ONCE // max(1, len(b)))
    for start in range(0, len(a), step):
        block = a[start : start + step]
        distances = (block**2).sum(1)[:, None] + squares - 2 * block @ b.T
        nearest[start : start + step] = np.maximum(distances.min(1), 0)
        pairs = np.nonzero(distances <= SLACK * len(test) * NEAR**2)
        rows.append(pairs[0] + start)
        others.append(pairs[1])
    usual = float(np.median(nearest)) / len(test)
    near_rows = _confirm_pairs(
        test, learned, np.concatenate(rows), np.concatenate(others), USUAL**2 * usual
    )
    result = np.zeros(len(a), bool)
    result[near_rows] = True
    return result, usual**0.5


def _confirm_pairs(
    test: list[np.ndarray],
    learned: list[np.ndarray],
    rows: np.ndarray,
    others: np.ndarray,
    limit: float,
) -> np.ndarray:
    """Return the test rows of those pairs that are near in every modality.

    Args:
        rows, others: of a pair the test row and the learned row, (P,).
        limit: mean squared difference over modalities, at most.
    """
    total = np.zeros(len(rows))
    near = np.ones(len(rows), bool)
    for start in range(0, len(rows), 1 << 14):
        part = slice(start, start + (1 << 14))
        for own, other in zip(test, learned, strict=True):
            square = ((own[rows[part]] - other[others[part]]) ** 2).mean(1)
            near[part] &= square <= NEAR**2
            total[part] += square / len(test)
    return np.unique(rows[near & (total <= limit)])
