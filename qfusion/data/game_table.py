"""Games that were measured: the values of all coalitions of samples, in a table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from qfusion.data.clusters import Clusters
from qfusion.data.target_spec import Target


@dataclass(frozen=True, eq=False)
class VoteCounts:
    """Votes of people, whose shares are the values of a game.

    Attributes:
        classes: names of the K classes.
        counts: votes, int64 (N, 2^M - 1, K), by coalition without the empty one.
        explained: number of the class whose share is the value, int64 (N,).
    """

    classes: tuple[str, ...]
    counts: np.ndarray
    explained: np.ndarray


@dataclass(frozen=True, eq=False)
class GameTable:
    """A game that was read and is complete.

    Attributes:
        players: M names.
        target: what the values are of: a number, or classes, whose values are log-odds of each against the others.
        ids, split: names of the samples and their parts of a split, (N,).
        y: truth, (N,): NaN, or -1 for classes, where it is unknown.
        values: v(S), (N, 2^M, C), in the order of `coalition_names`.
        errors: standard errors of the dividends, in the same shape, or None.
        columns: what else is known of the samples, N rows.
        clusters: groups of dependent samples, or None.
        source: name of the file, or a description.
        remarks: sentences on what was done to the values.
        votes: of the people who were the model, or None.
    """

    players: tuple[str, ...]
    target: Target
    ids: np.ndarray
    split: np.ndarray
    y: np.ndarray
    values: np.ndarray
    errors: np.ndarray | None
    columns: pd.DataFrame
    clusters: Clusters | None
    source: str
    remarks: tuple[str, ...] = ()
    votes: VoteCounts | None = None

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the scores: the classes, or the target."""
        return self.target.classes or (self.target.name,)
