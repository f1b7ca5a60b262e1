"""Limits and helpers shared by the searches for features that leak the target, see `leaks`."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

ALPHA = 1e-3  # how often noise may be suspected, all features together
FEW = 20  # samples; of fewer, no correlation, order or model is judged
_AT_ONCE = 256  # features that are sorted together


@dataclass(frozen=True, eq=False)
class Suspect:
    """Columns that may leak the target, with a predicate for one of them and one for several."""

    kind: str
    one: str
    several: str
    columns: np.ndarray


def feature_orders(values: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
    """Yield some features and the orders of samples by each of them, (n, k'); equal values come at random."""
    mixed = np.random.default_rng(1).permutation(len(values))
    for start in range(0, values.shape[1], _AT_ONCE):
        features = slice(start, start + _AT_ONCE)
        yield features, mixed[np.argsort(values[mixed, features], axis=0, kind="stable")]
