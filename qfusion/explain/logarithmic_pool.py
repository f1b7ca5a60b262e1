"""The logarithmic pool: log probabilities of several models added with weights of 0 or more.

The two rows of a balanced pair have opposite targets. A model that learned from one is wrong on the other, and a
negative weight would use that as information.
"""

import numpy as np
from scipy.special import log_softmax

from qfusion.explain.baseline_models import TINY


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
