"""What test rows share with rows that a model learned from: groups such as videos or people, copies, and near copies.

A model that has seen the video, the person or the very row of a test sample can be right on it without having learned
the task, and its test metrics overstate what it does on new ones (Kapoor and Narayanan 2023, Patterns 4, 100804).

    groups        test rows whose group (video, picture, speaker) has learned rows
    copies        test rows equal to a learned row in every modality, beyond what chance explains
    common        test rows equal to a learned row where chance explains it, as among rows of six yes-or-no answers
    near copies   test rows that are much nearer to a learned row than learned rows are to each other, see
                  `near_copies`, and are equal to none
    seen content  test rows whose content of one modality is that of a learned row. In itself it is no fault: many
                  pictures are asked the same question
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from qfusion._checks import choose
from qfusion.data import DataSet
from qfusion.data.examine import value_scans
from qfusion.plugins.review.split import near_copies
from qfusion.plugins.why.information.label_leak import LEARNT, UNSEEN, draw_rows, pool_features

MOST_ROWS = 20_000  # learned rows that are looked at, and test rows
BLOCKS = 4  # of features, whose values are taken as independent


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
        copies, near_copies, common: numbers of test rows, ascending.
        seen: share of the test rows whose content of a modality is that of a learned row, by modality; 0 where chance
            explains most of them.
        nearest: median distance of the test rows that are no copies or near copies to the nearest learned row, root
            mean square over modalities, in standard deviations of features over learned rows. Unrelated rows have 1.4.
        near: median distances of the near copies to the nearest and to the tenth nearest learned row.
        features: number of features by which near copies are looked for, see `near_copies.FEWEST_FEATURES`.
    """

    test_rows: int
    learned_rows: int
    declared: tuple[GroupOverlap, ...]
    columns: tuple[GroupOverlap, ...]
    copies: np.ndarray
    near_copies: np.ndarray
    common: np.ndarray
    seen: Mapping[str, float]
    nearest: float
    near: tuple[float, float]
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
    both = np.concatenate([learned, test])
    features = {name: pool_features(dataset, name, both) for name in dataset.names}
    contents = {name: value_scans.number_contents(values) for name, values in features.items()}
    L = len(learned)
    joint = np.unique(np.stack(list(contents.values()), 1), axis=0, return_inverse=True)[1].ravel()
    scaled = {name: _standardise(values, L) for name, values in features.items()}
    parts = [part for part in scaled.values() if part.shape[1]]
    is_equal = np.isin(joint[L:], joint[:L]) & bool(parts)
    is_copy = _exceeds_chance(np.concatenate(list(scaled.values()), 1), joint, L)
    groups = np.arange(L) if dataset.clusters is None else dataset.clusters.numbers[learned, 0]
    near = near_copies.find_near_copies(
        [part[L:] for part in parts], [part[:L] for part in parts], groups, is_equal
    )
    is_far = ~(is_copy | near.is_near)
    nearest_copies = _median(near.nearest[near.is_near])
    tenth_of_copies = _median(near.tenth[near.is_near])
    seen = {}
    for name, content in contents.items():
        seen[name] = _share_seen(scaled[name], content, L)
    return SplitOverlap(
        test_rows=len(test),
        learned_rows=L,
        declared=_declared_overlaps(dataset),
        columns=tuple(_column_overlap(dataset, column) for column in columns),
        copies=test[is_copy],
        near_copies=test[near.is_near],
        common=test[is_equal & ~is_copy],
        seen=seen,
        nearest=_median(near.nearest[is_far]),
        near=(nearest_copies, tenth_of_copies),
        features=near.features,
    )


def _share_seen(features: np.ndarray, contents: np.ndarray, learned: int) -> float:
    is_equal = np.isin(contents[learned:], contents[:learned])
    exceeds = _exceeds_chance(features, contents, learned)
    return float(is_equal.mean()) if 2 * exceeds.sum() > is_equal.sum() else 0.0


def _median(values: np.ndarray) -> float:
    return float(np.median(values)) if len(values) else np.nan


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


def _standardise(values: np.ndarray, learned: int) -> np.ndarray:
    """Return the varying features in standard deviations of the learned rows, the first ones, float32 (N, k).

    Noisy test rows must not make the others look alike, so that they do not count where learned rows vary.
    """
    values = np.nan_to_num(np.asarray(values, np.float64))
    whole = values.std(0)
    varying = whole > 1e-9 * max(float(whole.max(initial=0)), 1e-300)
    values, whole = values[:, varying], whole[varying]
    spread = values[:learned].std(0) if learned else whole
    spread = np.where(spread > 1e-9 * whole, spread, whole)
    return ((values - values.mean(0)) / spread).astype(np.float32)


def _exceeds_chance(features: np.ndarray, joint: np.ndarray, learned: int) -> np.ndarray:
    """Return which test rows are equal to a learned row where chance does not explain it, bool (n,).

    Chance gives equal rows where features have few values. The probability that learned rows have the values of a test
    row is taken as the product over `BLOCKS` blocks of features of the share of learned rows that have the block's
    values, and other values elsewhere. Where no learned row has these values, Good and Turing's estimate of the share
    of such values is taken, from the numbers of values that occur once and twice (Good 1953, Biometrika 40, 237).

    Args:
        features: varying features of learned rows and of test rows after them, (N + n, k).
        joint: numbers of their contents, (N + n,). learned: N.
    """
    test = joint[learned:]
    is_equal = np.isin(test, joint[:learned])
    if not is_equal.any() or not features.shape[1]:
        return np.zeros(len(test), bool)
    own = np.bincount(joint[:learned], minlength=int(joint.max(initial=0)) + 1)[test]
    expected = np.full(len(test), float(learned))
    dealt = np.random.default_rng(0).permutation(features.shape[1])
    for block in np.array_split(dealt, min(BLOCKS, len(dealt))):
        numbers = value_scans.number_contents(features[:, block])
        others = np.bincount(numbers[:learned], minlength=int(numbers.max()) + 1)[numbers[learned:]]
        kinds = np.unique(np.stack([numbers[:learned], joint[:learned]], 1), axis=0)[:, 0]
        occur = np.bincount(kinds)
        unseen = 2 * ((occur == 2).sum() + 1) / ((occur == 1).sum() + 1)
        expected *= np.maximum(others - own, unseen) / learned
    return is_equal & near_copies.discoveries(np.where(is_equal, np.minimum(expected, 1), 1))
