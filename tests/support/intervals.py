"""Bootstrap intervals of statistics that are computed anew from the rows of every resample."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from qfusion.explain import bootstrap, interval_ends


def accelerated(
    of: Callable[[np.ndarray], float],
    n: int,
    resamples: int,
    seed: int,
    clusters: np.ndarray | None = None,
) -> tuple[float, float]:
    """The bias-corrected and accelerated interval of a statistic of places, of one grouping at most."""
    rows = np.concatenate(list(bootstrap.counts(n, resamples, seed, clusters))).astype(int)
    values = np.array([of(np.repeat(np.arange(n), row)) for row in rows])
    group = np.arange(n) if clusters is None else clusters[:, 0]
    names = np.unique(group)
    left_out = np.array([of(np.flatnonzero(group != name)) for name in names])
    known = values[np.isfinite(values)]
    return interval_ends.accelerated_ends(of(np.arange(n)), known, left_out, len(names))
