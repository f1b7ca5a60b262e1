"""Modalities whose features seem to have been made with the labels, found by small models that predict a target.

Features of a network that was trained on the labels predict held-out training rows far better than test rows. So do
features of test rows that were recorded with more noise. But noise leaves the differences between the features of
different labels, and spreads the rows about them, while in features that were made with labels the differences are
larger on training rows.

The family of small models that predict a target: linear and quadratic models, trees and networks of fixed settings.

The quadratic model finds products of features, such as the sign of a product, from few rows. Trees first need a feature
that predicts alone, and networks need more rows.

The logarithmic pool: log probabilities of several models added with weights of 0 or more.

The two rows of a balanced pair have opposite targets. A model that learned from one is wrong on the other, and a
negative weight would use that as information.
"""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import log_softmax

from qfusion._checks import check
from qfusion.data import DataSet
from qfusion.data.examine import value_scans
from qfusion.explain import bootstrap

ROWS = 4000  # rows of a task, at most
FEWEST = 60  # rows of a task, at least
WIDTH = 40  # components of a modality, at most
LEARNT = "train+valid"  # the rows of a task
UNSEEN = "test"  # the rows of a task where training rows leak their labels, see `label_leak`


def pool_features(dataset: DataSet, name: str, rows: np.ndarray) -> np.ndarray:
    """Return the features of a modality (N, F), or the mean and deviation of a sequence over its steps, (N, 2 F)."""
    parts = []
    for block in dataset.blocks(rows):
        values, lengths = dataset.features(name, block)
        values = np.asarray(values, dtype=np.float64)
        if lengths is not None:
            values = _pool_steps(values, lengths)
        parts.append(values.reshape(len(block), -1))
    return np.concatenate(parts)


def _pool_steps(values: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """Return the mean and standard deviation over the steps of sequences.

    Args:
        values: (n, T, F). lengths: (n,).
    """
    steps = np.maximum(lengths, 1)[:, None]
    real = (np.arange(values.shape[1]) < steps)[..., None]
    mean = (values * real).sum(1) / steps
    deviations = (values - mean[:, None]) * real
    spread = np.sqrt((deviations**2).sum(1) / steps)
    return np.concatenate([mean, spread], 1)


def principal_components(values: np.ndarray, width: int = WIDTH) -> np.ndarray:
    """Return the leading principal components of standardised features, scaled by one number to unit mean variance."""
    from sklearn.decomposition import PCA

    check(not np.isnan(values).any(), "A modality has missing values. Impute them first.")
    centred = values - values.mean(0)
    spread = centred.std(0)
    varying = spread > 1e-9 * max(float(spread.max(initial=0)), 1e-300)
    check(bool(varying.any()), "A modality has the same features in all rows. Leave it out.")
    scaled = np.clip(centred[:, varying] / spread[varying], -8, 8)  # a few outliers set no axis
    size = min(width, *scaled.shape)
    parts = PCA(size, svd_solver="randomized", random_state=0).fit_transform(scaled)
    return parts / parts.std(0).mean()


def draw_rows(rows: np.ndarray, most: int) -> np.ndarray:
    """Return at most `most` of the rows in ascending order, drawn at random with seed 0."""
    return np.sort(np.random.default_rng(0).permutation(rows)[:most])


LEAK = 0.15  # excess loss of test rows that is a leak, as a share of the loss of the base rate
FLATTER = 0.15  # share of the slope of scores over labels by which it is less on test rows
ERRORS = 3.0  # standard errors by which the excess loss must differ from 0
FEWEST_GROUPS = 10  # groups of training rows, such as videos, of which half are held out; of fewer, half of the rows


@dataclass(frozen=True)
class LabelLeak:
    """Features of a modality that seem to have been made with the labels of training rows.

    Attributes:
        modality: name. outside, inside: losses of test rows and of training rows that were held out.
        rows: number of test rows.
        base: loss of the base rate on all of these rows.
    """

    modality: str
    outside: float
    inside: float
    rows: int
    base: float

    @property
    def excess(self) -> float:
        """By how much the loss of test rows is larger."""
        return self.outside - self.inside


def find_label_leaks(dataset: DataSet, rows: int = ROWS) -> tuple[LabelLeak, ...]:
    """Return the modalities whose features seem to have been made with the labels of training rows, the one with the
    largest excess loss first.

    A linear model of each modality is fitted to half of the training rows and predicts the other half and the test
    rows. If it predicts the test rows much worse, and its scores rise less with the label there, held-out training rows
    overstate the information of the modality. Where the scores of one label spread less on test rows, as in quieter
    recordings, the slope is taken in units of this spread. The halves share no groups, such as videos, since rows of
    one group can predict each other without any leak.
    """
    training = draw_rows(dataset.rows(LEARNT), rows)
    test = draw_rows(dataset.rows(UNSEEN), rows)
    both = np.concatenate([training, test])
    is_held_out = _hold_out(dataset, training)
    learn = np.flatnonzero(~is_held_out)
    inside = np.flatnonzero(is_held_out)
    outside = len(training) + np.arange(len(test))
    y = dataset.y[both]
    if len(test) < FEWEST or len(np.unique(y[learn])) < 2:
        return ()
    clusters = None if dataset.clusters is None else dataset.clusters.numbers[both]
    classes = len(dataset.target.classes)
    base = _base_rate_loss(y, classes)
    leaks = []
    for name in dataset.names:
        values = pool_features(dataset, name, both)
        if not np.ptp(values, axis=0).any():
            continue  # features that are all the same tell no label
        seen, unseen = _select_new(values, learn, inside, outside)
        losses, scores, truth = _fit_linear_model(values, y, learn, classes)
        leak = LabelLeak(
            name, float(losses[unseen].mean()), float(losses[seen].mean()), len(test), base
        )
        if leak.excess <= LEAK * base:
            continue
        error = np.hypot(mean_error(losses, seen, clusters), mean_error(losses, unseen, clusters))
        if leak.excess > ERRORS * error and _rises_less(scores, truth, seen, unseen, clusters):
            leaks.append(leak)
    return tuple(sorted(leaks, key=lambda leak: -leak.excess))


def _hold_out(dataset: DataSet, training: np.ndarray) -> np.ndarray:
    """Return which training rows are held out, bool (n,): every second group, or every second row."""
    if dataset.clusters is not None:
        groups = np.unique(dataset.clusters.numbers[training, 0], return_inverse=True)[1]
        if groups.max(initial=0) >= FEWEST_GROUPS - 1:
            return groups % 2 == 1
    return np.arange(len(training)) % 2 == 1


def _select_new(
    values: np.ndarray, learn: np.ndarray, inside: np.ndarray, outside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of `inside` and `outside` whose features no learned row has, or all where these are few."""
    contents = value_scans.number_contents(values)
    is_new = ~np.isin(contents, contents[learn])
    if min(is_new[inside].sum(), is_new[outside].sum()) < FEWEST:
        return inside, outside  # features of few values have no new rows
    return inside[is_new[inside]], outside[is_new[outside]]


def _fit_linear_model(
    values: np.ndarray, y: np.ndarray, learn: np.ndarray, classes: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what a linear model that is fitted to the rows of `learn` gives for every row.

    Returns:
        losses: (n,). scores: linear in the features, (n, C). truth: 1 for the class of a score and 0 for others, or the
            number, (n, C).
    """
    X = principal_components(values)
    model = make_model(LINEAR, classes)
    with warnings.catch_warnings(action="ignore"):  # a fit that stops before it converges
        model.fit(X[learn], y[learn])
    losses = row_losses(predict_outputs(model, X, classes), y)
    if not classes:
        return losses, model.predict(X)[:, None], np.asarray(y, float)[:, None]
    scores = model.decision_function(X).reshape(len(X), -1)
    fitted = model.classes_[-scores.shape[1] :]  # of two classes the last one
    return losses, scores, (y[:, None] == fitted).astype(float)


def _rises_less(
    scores: np.ndarray,
    truth: np.ndarray,
    seen: np.ndarray,
    unseen: np.ndarray,
    clusters: np.ndarray | None,
) -> bool:
    """Return whether scores rise less with the truth on the rows of `unseen` than on those of `seen`, by `FLATTER` of
    the slope and by `ERRORS` standard errors."""
    products, rests = np.zeros(len(scores)), []
    for rows in (seen, unseen):
        own = scores[rows] - scores[rows].mean(0)
        of = truth[rows] - truth[rows].mean(0)
        variance = (of**2).sum(1).mean()
        if variance == 0:
            return False
        products[rows] = (own * of).sum(1) / variance
        rest = own - of @ np.linalg.lstsq(of, own, rcond=None)[0]
        rests.append(float(np.sqrt((rest**2).mean())))
    if rests[1] < rests[0]:
        products[unseen] *= rests[0] / max(rests[1], 1e-300)
    slope = products[seen].mean()
    errors = mean_error(products, seen, clusters), mean_error(products, unseen, clusters)
    return bool(slope - products[unseen].mean() > max(FLATTER * slope, ERRORS * np.hypot(*errors)))


def mean_error(values: np.ndarray, rows: np.ndarray, clusters: np.ndarray | None) -> float:
    """Return the standard error of the mean of some values; of few clusters from their means."""
    own = values[rows]
    groups = None if clusters is None else clusters[rows]
    interval = bootstrap.mean(own, clusters=groups)
    if interval.known:
        return standard_error(interval)
    if groups is not None:
        own = pd.Series(own).groupby(groups[:, 0]).mean().to_numpy()
    return float(own.std(ddof=1) / len(own) ** 0.5) if len(own) > 1 else np.inf


def standard_error(mean: bootstrap.Interval) -> float:
    """Return the standard error of a mean; NaN where it is unknown."""
    return (mean.high - mean.low) / (2 * bootstrap.NORMAL)


def _base_rate_loss(y: np.ndarray, classes: int) -> float:
    """Return the loss of the base rate: the entropy of classes (nats), or the variance of a number."""
    if not classes:
        return float(y.var())
    rates = np.bincount(y, minlength=classes) / len(y)
    return loss(np.log(rates + TINY)[None], y)


LINEAR = "linear"
QUADRATIC = "quadratic"
TREES = "trees"
NETWORK = "network"
FAMILY = (LINEAR, QUADRATIC, TREES, NETWORK)
MOST_FACTORS = 64  # features that a quadratic model multiplies, those of most variance
MOST_PRODUCTS = (
    100  # features, squares and products that it reads, those of the largest F statistic
)
TINY = 1e-4  # smallest probability
Outputs = np.ndarray  # (n, C) log probabilities of classes, (n, 1) of a number


def make_model(member: str, classes: int) -> Any:
    """Return an unfitted scikit-learn model.

    Args:
        member: of `FAMILY`. classes: number of classes, or 0 for a regression.
    """
    if member == LINEAR:
        return _make_linear_model(classes)
    if member == QUADRATIC:
        return _make_quadratic_model(classes)
    if member == TREES:
        return _make_trees(classes)
    return _make_network(classes)


def _make_linear_model(classes: int) -> Any:
    from sklearn.linear_model import LogisticRegression, RidgeCV

    if classes:
        return LogisticRegression(C=0.1, max_iter=500)
    return RidgeCV(np.logspace(-1, 4, 11))


def _make_quadratic_model(classes: int) -> Any:
    from sklearn.feature_selection import SelectKBest, f_classif, f_regression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures, StandardScaler

    return make_pipeline(
        SelectKBest(_variances, k=MOST_FACTORS),
        PolynomialFeatures(2, include_bias=False),
        StandardScaler(),
        SelectKBest(f_classif if classes else f_regression, k=MOST_PRODUCTS),
        _make_linear_model(classes),
    )


def _variances(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    return X.var(0)


def _make_trees(classes: int) -> Any:
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    if classes:
        return ExtraTreesClassifier(150, min_samples_leaf=3, max_features="sqrt", random_state=0)
    return ExtraTreesRegressor(150, min_samples_leaf=3, max_features=0.3, random_state=0)


def _make_network(classes: int) -> Any:
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    network = MLPClassifier if classes else MLPRegressor
    return network(
        hidden_layer_sizes=(128, 64),
        alpha=1e-3,
        learning_rate_init=1e-3,
        batch_size=64,
        early_stopping=True,
        n_iter_no_change=15,
        max_iter=100,
        random_state=0,
    )


def predict_outputs(model: Any, X: np.ndarray, classes: int) -> Outputs:
    """Return the outputs of a fitted model for rows. Classes without training rows get the probability `TINY`."""
    if not classes:
        return model.predict(X)[:, None]
    result = np.zeros((len(X), classes))
    result[:, model.classes_] = model.predict_proba(X)
    return log_probabilities(result)


def log_probabilities(probabilities: np.ndarray) -> Outputs:
    """Return the logarithms of probabilities, clipped from below at `TINY`."""
    result = np.maximum(probabilities, TINY)
    return np.log(result / result.sum(-1, keepdims=True))


def loss(outputs: Outputs, truth: np.ndarray) -> float:
    """Return the mean of `row_losses`."""
    return float(row_losses(outputs, truth).mean())


def row_losses(outputs: Outputs, truth: np.ndarray) -> np.ndarray:
    """Return the negative log probability (nats) of each row's true class, or the squared error of its number, (n,)."""
    if truth.dtype.kind in "iu":
        whole = np.broadcast_to(outputs, (len(truth), outputs.shape[1]))
        return -whole[np.arange(len(truth)), truth]
    return (outputs[:, 0] - truth) ** 2


def fit_pool(parts: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the weights (P,), 0 or more, and the intercepts (C,) of the logarithmic pool with the least loss.

    The penalty is that of a logistic regression with C = 1.

    Args:
        parts: log probabilities (P, n, C). truth: classes (n,).
    """
    from scipy.optimize import minimize

    P, n, C = parts.shape
    centred = parts - parts.mean(2, keepdims=True)
    scale = np.maximum(centred.std((1, 2)), 1e-9)
    centred = centred / scale[:, None, None]
    one_hot = np.eye(C)[truth]
    rates = np.log(np.maximum(one_hot.mean(0), TINY))

    def loss_and_gradient(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        weights = parameters[:P]
        intercepts = parameters[P:]
        logs = log_softmax(np.tensordot(weights, centred, 1) + intercepts, axis=1)
        loss = -(logs * one_hot).sum() / n + weights @ weights / (2 * n)
        residual = (np.exp(logs) - one_hot) / n
        weights_gradient = np.tensordot(centred, residual, 2) + weights / n
        return float(loss), np.concatenate([weights_gradient, residual.sum(0)])

    start = np.concatenate([scale / P, rates])
    bounds = [(0, None)] * P + [(None, None)] * C
    best = minimize(loss_and_gradient, start, jac=True, method="L-BFGS-B", bounds=bounds).x
    return best[:P] / scale, best[P:]
