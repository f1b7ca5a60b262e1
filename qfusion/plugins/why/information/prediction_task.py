"""The task of predicting the target of rows from their modalities, in folds that share nothing.

Rows that share content are held out together, so that no model predicts a picture that it saw: by declared groups
(videos, pictures) and by equal content of any modality, see `data.examine.value_scans.find_shared_rows`. Rows are
training and validation rows. If features seem to have been made with the labels of these rows, test rows alone are
used, see `label_leak`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.data.examine import value_scans
from qfusion.plugins.why.information.label_leak import (
    FEWEST,
    LEARNT,
    ROWS,
    UNSEEN,
    WIDTH,
    LabelLeak,
    draw_rows,
    find_label_leaks,
    pool_features,
    principal_components,
)

ACCURACY = "accuracy"
SIGN = "accuracy of the sign"
R2 = "R²"


@dataclass(frozen=True, eq=False)
class Task:
    """Rows of a data set, ready to be predicted.

    Attributes:
        features: uncorrelated features of one scale by modality, (N, k), with k of at most `WIDTH`.
        y: targets (N,): class numbers from 0 without gaps, or numbers.
        classes: number of classes, or 0 if the target is a number.
        groups: fold of every row and way of grouping, (N, k).
        folds: number of folds.
        shared: numbers of what rows share, (N, k), see `bootstrap.counts`; None where rows are independent.
        apart: numbers of contents, (N, j); models do not learn from rows that share one with a row that they predict.
        different: number of different contents of each modality in which some rows share one.
        rows: of the data set, (N,). whole: number of rows that these are drawn from. split: of these rows.
        leak: the reason to use test rows; None where training rows are used.
    """

    features: Mapping[str, np.ndarray]
    y: np.ndarray
    classes: int
    groups: np.ndarray
    folds: int
    shared: np.ndarray | None
    apart: np.ndarray
    different: Mapping[str, int]
    rows: np.ndarray
    whole: int
    split: str = ""
    leak: LabelLeak | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities."""
        return tuple(self.features)

    @cached_property
    def predicted(self) -> np.ndarray:
        """Positions of the rows that are predicted: those in the same fold in every grouping."""
        return np.flatnonzero((self.groups == self.groups[:, :1]).all(1))

    @cached_property
    def truth(self) -> np.ndarray:
        """Targets of the rows that are predicted."""
        return self.y[self.predicted]

    @property
    def clusters(self) -> np.ndarray | None:
        """Numbers of what the predicted rows share, or None if rows are independent."""
        if self.shared is None:
            return None
        return self.shared[self.predicted]

    @property
    def metric(self) -> str:
        """Name of the metric for predictions."""
        if self.classes:
            return ACCURACY
        return SIGN if self.y.min() < 0 < self.y.max() else R2

    def splits(self) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """Yield, for every fold, the rows to learn from, the rows to predict, and the places of the latter among
        `predicted`.
        """
        fold_of_predicted = self.groups[self.predicted, 0]
        for fold in range(self.folds):
            places = np.flatnonzero(fold_of_predicted == fold)
            if not len(places):
                continue
            held_out = self.predicted[places]
            learn = (self.groups != fold).all(1)
            for column in self.apart.T:
                learn &= ~np.isin(column, column[held_out])
            yield np.flatnonzero(learn), held_out, places

    def inputs(self, names: Sequence[str]) -> np.ndarray:
        """Return the features of some modalities side by side, (N, ...)."""
        return np.concatenate([self.features[name] for name in names], 1)


def task_from_dataset(dataset: DataSet, rows: int = ROWS, width: int = WIDTH) -> Task:
    """Return the task of predicting rows of a data set, drawn at random if there are more than `rows`.

    Twice as many rows are drawn if rows share two things or more, because only rows that are held out by all of these
    are predicted.

    Raises:
        InvalidInput: when there is one modality, a target of one value, or too few rows.
    """
    leak = next(iter(find_label_leaks(dataset, rows)), None)
    split = UNSEEN if leak else LEARNT
    available = dataset.rows(split)
    clusters = dataset.clusters
    several = clusters is not None and clusters.numbers.shape[1] > 1
    chosen = draw_rows(available, 2 * rows if several else rows)
    result = task_from_features(
        features={name: pool_features(dataset, name, chosen) for name in dataset.names},
        y=dataset.y[chosen],
        classes=bool(dataset.target.classes),
        clusters=None if clusters is None else clusters.numbers[chosen],
        width=width,
    )
    return replace(result, rows=chosen, whole=len(available), split=split, leak=leak)


def task_from_features(
    features: Mapping[str, np.ndarray],
    y: np.ndarray,
    classes: bool = True,
    clusters: np.ndarray | None = None,
    width: int = WIDTH,
) -> Task:
    """Return the task of predicting targets from features.

    Args:
        features: of every modality, (N, F). y: targets (N,). classes: whether these are classes.
        clusters: numbers of what rows share, (N, k), see `bootstrap.counts`.
        width: components of a modality, at most.

    Raises:
        InvalidInput: when there is one modality, a target of one value, or too few rows.
    """
    values = np.unique(y)
    _check_size(len(features), values, len(y))
    features = {name: np.asarray(part, float) for name, part in features.items()}
    contents = {name: value_scans.number_contents(part) for name, part in features.items()}
    shared = value_scans.find_shared_rows(contents, clusters)
    groups, folds = _deal_folds(shared.together)
    task = Task(
        features={name: principal_components(part, width) for name, part in features.items()},
        y=np.unique(y, return_inverse=True)[1] if classes else np.asarray(y, float),
        classes=len(values) if classes else 0,
        groups=groups,
        folds=folds,
        shared=shared.columns,
        apart=shared.apart,
        different=shared.different,
        rows=np.arange(len(y)),
        whole=len(y),
    )
    _check_targets(task)
    return task


def _check_size(modalities: int, values: np.ndarray, rows: int) -> None:
    check(
        modalities >= 2,
        f"Fusion needs two modalities or more, but there is {modalities}. Choose data with more.",
    )
    value = values[0] if len(values) else "none"
    check(
        len(values) >= 2,
        f"The target has one value, {value}, in all rows. Choose another target.",
    )
    check(
        rows >= FEWEST,
        f"There are {rows} rows to learn from, and at least {FEWEST} are needed. Add rows.",
    )


def _deal_folds(together: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the fold of every row and way of grouping, (N, k), and the number of folds.

    Args:
        together: numbers of what rows share, (N, k).
    """
    numbers, places = np.unique(together, return_inverse=True)
    ways = together.shape[1]
    folds = 5 if ways <= 2 else 3  # with more ways of sharing, fewer rows are predicted
    check(
        len(numbers) >= folds,
        f"Rows that share something form {len(numbers)} groups, and at least {folds} are needed to hold some out. Add "
        "rows that share less.",
    )
    dealt = np.random.default_rng(0).permutation(len(numbers)) % folds
    return dealt[places].reshape(together.shape), folds


def _check_targets(task: Task) -> None:
    """Check that rows to learn from, and predicted rows of the other folds, have two targets or more."""
    parts = [task.truth]
    for learn, _, places in task.splits():
        parts.append(task.y[learn])
        parts.append(np.delete(task.truth, places))
    check(
        min(len(np.unique(targets)) for targets in parts) >= 2,
        "Rows that share something are held out together, and for some of them all other rows have one value of the "
        "target. Add rows that share less, or more rows of every value.",
    )
