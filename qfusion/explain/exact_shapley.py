"""Shapley values of a few players from the values of all their coalitions."""

import math

import numpy as np


def shapley_values(values: np.ndarray, G: int) -> np.ndarray:
    """Return the Shapley values of G players, (G, ...), from the values of all coalitions, (2, ..., 2, ...), where
    axis g of the first G is 1 if player g takes part."""
    weights = coalition_weights(G)
    gains = (np.take(values, 1, g) - np.take(values, 0, g) for g in range(G))
    return np.stack([np.tensordot(weights, gain, G - 1) for gain in gains])


def coalition_weights(G: int) -> np.ndarray:
    """Return the weights |R|! (G - |R| - 1)! / G! of every coalition R of G - 1 players, (2, ..., 2)."""
    by_size = np.array(
        [math.factorial(k) * math.factorial(G - 1 - k) / math.factorial(G) for k in range(G)]
    )
    return np.asarray(by_size[np.indices((2,) * (G - 1)).sum(0)])
