"""Labels of test rows that are known from training rows which tell nothing of each other's labels: the split leaks.

Where labels are tosses of a coin, no model predicts those of new rows. Where one predicts those of test rows, and not
those of training rows that were held out, test rows repeat something of training rows, be it with noise or in one
modality only.
"""

import warnings
from dataclasses import dataclass

import numpy as np

from qfusion.data import DataSet
from qfusion.explain import bootstrap
from qfusion.plugins.why.information import label_leak
from qfusion.plugins.why.information.label_leak import (
    ERRORS,
    FEWEST,
    LEARNT,
    LINEAR,
    ROWS,
    UNSEEN,
    draw_rows,
    mean_error,
    pool_features,
    predict_outputs,
    principal_components,
    standard_error,
)

BETTER = 0.15  # by which the correlation of predictions with labels of test rows must be higher
FOLDS = 5  # of training rows; each is predicted by a model of the others
TOGETHER = "all"  # the modalities side by side


@dataclass(frozen=True)
class KnownLabels:
    """Labels of test rows that a model predicts from training rows which tell nothing of each other's.

    Attributes:
        modality: whose features the model reads, or `TOGETHER`.
        outside, inside: correlations of predictions with the labels of test rows and of training rows that were held
            out, with 95% intervals. Of classes it is Gorodkin's correlation (2004, Comput. Biol. Chem. 28, 367).
    """

    modality: str
    outside: bootstrap.Interval
    inside: bootstrap.Interval


def find_known_labels(dataset: DataSet, rows: int = ROWS) -> KnownLabels | None:
    """Return by which features labels of test rows are known though those of training rows cannot be learned, the
    features with the highest correlation; None where there are none.

    Each row is predicted by the label of the training row that is nearest to it, in principal components of a modality
    or of all. A fifth of the training rows is left out every time, with the row itself; folds share no groups, such as
    videos. It is a leak where test rows are predicted better by `BETTER` and by `ERRORS` standard errors, and neither
    this nor a linear model is shown to predict held-out training rows, at as many standard errors. Labels that can be
    learned are left out, since clear test rows are predicted better than noisy training rows without a leak. Rows that
    are next to one training row count as one, since they are right or wrong together.
    """
    training = draw_rows(dataset.rows(LEARNT), rows)
    test = draw_rows(dataset.rows(UNSEEN), rows)
    if min(len(training), len(test)) < FEWEST:
        return None
    both = np.concatenate([training, test])
    targets = _target_columns(dataset.y[both], len(dataset.target.classes))
    clusters = None if dataset.clusters is None else dataset.clusters.numbers[both]
    folds = np.concatenate([_deal_folds(dataset, training), np.arange(len(test)) % FOLDS])
    sides = np.arange(len(training)), len(training) + np.arange(len(test))
    known = []
    for name, X in _plain_inputs(dataset, both).items():
        nearest = _nearest_training_rows(X, folds, len(training))
        inside, outside = (
            _correlation_products(targets[nearest[side]], targets[side]) for side in sides
        )
        better = outside.mean() - max(float(inside.mean()), 0.0)
        if better <= BETTER:
            continue
        shared = [_join_columns(nearest, clusters)[side] for side in sides]
        measured = [
            bootstrap.mean(values, clusters=groups)
            for values, groups in zip((inside, outside), shared, strict=True)
        ]
        errors = standard_error(measured[0]), standard_error(measured[1])
        if not better > ERRORS * np.hypot(*errors):  # nor where it is unknown
            continue
        linear = _linear_products(X, dataset.y[both], targets, folds[: len(training)])
        own = None if clusters is None else clusters[: len(training)]
        is_learned = inside.mean() > ERRORS * errors[0] or (
            linear.mean() > ERRORS * mean_error(linear, np.arange(len(linear)), own)
        )
        if not is_learned:
            known.append(KnownLabels(name, outside=measured[1], inside=measured[0]))
    return max(known, key=lambda one: one.outside.value, default=None)


def _plain_inputs(dataset: DataSet, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Return principal components of the modalities that vary, and of all of them side by side, by name."""
    inputs = {}
    for name in dataset.names:
        values = pool_features(dataset, name, rows)
        if np.ptp(values, axis=0).any():
            inputs[name] = principal_components(values)
    if len(inputs) > 1:
        inputs[TOGETHER] = np.concatenate(list(inputs.values()), 1)
    return inputs


def _target_columns(y: np.ndarray, classes: int) -> np.ndarray:
    """Return a column of 0 and 1 for each class, or the numbers, (N, C)."""
    return np.eye(classes)[y] if classes else np.asarray(y, float)[:, None]


def _deal_folds(dataset: DataSet, training: np.ndarray) -> np.ndarray:
    """Return the fold of each training row, (n,); groups such as videos stay together."""
    groups = np.arange(len(training))
    if dataset.clusters is not None:
        numbers = np.unique(dataset.clusters.numbers[training, 0], return_inverse=True)[1]
        groups = numbers if numbers.max(initial=0) >= FOLDS - 1 else groups
    return np.random.default_rng(0).permutation(groups.max() + 1)[groups] % FOLDS


def _nearest_training_rows(X: np.ndarray, folds: np.ndarray, training: int) -> np.ndarray:
    """Return for every row the nearest training row of another fold, (n,).

    Args:
        X: features of training rows and of test rows after them, (n, k). folds: of all rows, (n,).
        training: number of training rows.
    """
    from sklearn.neighbors import NearestNeighbors

    result = np.zeros(len(X), int)
    for fold in range(FOLDS):
        learn = np.flatnonzero(folds[:training] != fold)
        predicted = np.flatnonzero(folds == fold)
        model = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(X[learn])
        result[predicted] = learn[model.kneighbors(X[predicted], return_distance=False)[:, 0]]
    return result


def _linear_products(
    X: np.ndarray, y: np.ndarray, targets: np.ndarray, folds: np.ndarray
) -> np.ndarray:
    """Return what each training row adds to the correlation of its target with that which a linear model of the other
    folds predicts, (n,)."""
    n = len(folds)
    classes = targets.shape[1] if y.dtype.kind in "iu" else 0
    predicted = np.zeros((n, targets.shape[1]))
    for fold in range(FOLDS):
        learn = np.flatnonzero(folds != fold)
        held_out = np.flatnonzero(folds == fold)
        if len(np.unique(y[learn])) < 2:
            continue
        model = label_leak.make_model(LINEAR, classes)
        with warnings.catch_warnings(action="ignore"):  # a fit that stops before it converges
            model.fit(X[learn], y[learn])
        outputs = predict_outputs(model, X[held_out], classes)
        predicted[held_out] = np.eye(classes)[outputs.argmax(1)] if classes else outputs
    return _correlation_products(predicted, targets[:n])


def _join_columns(nearest: np.ndarray, clusters: np.ndarray | None) -> np.ndarray:
    """Return numbers of what rows share, (n, k): the nearest training row, and clusters such as videos."""
    columns = nearest[:, None]
    if clusters is None:
        return columns
    return np.concatenate([columns, clusters + int(columns.max()) + 1], 1)


def _correlation_products(predicted: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return values (n,) whose mean is the correlation of predictions with the truth, both (n, C)."""
    predicted = predicted - predicted.mean(0)
    truth = truth - truth.mean(0)
    scale = np.sqrt((predicted**2).sum(1).mean() * (truth**2).sum(1).mean())
    return (predicted * truth).sum(1) / scale if scale > 0 else np.zeros(len(truth))
