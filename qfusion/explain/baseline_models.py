"""The family of small models that predict a target: linear and quadratic models, trees and networks of fixed settings.

The quadratic model finds products of features, such as the sign of a product, from few rows. Trees first need a feature
that predicts alone, and networks need more rows.
"""

from typing import Any

import numpy as np

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
