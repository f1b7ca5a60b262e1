"""The data set of a measured game: its samples, their truth and what else is known of them, without features."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from qfusion._sentences import count
from qfusion.data import array_chunks
from qfusion.data.data_set import DataSet
from qfusion.data.modality_spec import Modality
from qfusion.data.row_splits import Clusters, video_clusters
from qfusion.data.sample_content import no_content
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


FEATURE = "row of the table"  # the only feature of every player


def game_dataset(
    table: GameTable,
    name: str,
    title: str = "",
    *,
    description: str = "",
    source: str = "",
    licence: str = "",
    truth: pd.DataFrame | None = None,
) -> DataSet:
    """Return the data set of a game, without writing files.

    Args:
        table: the game.
        name, title, description, source, licence: of the data set; by default as the table says.
        truth: the true contributions of a simulated game, by coalition, N rows.
    """
    rows = np.arange(len(table.ids), dtype=np.float32)[:, None]
    modalities = tuple(Modality(player, rows, None, (FEATURE,)) for player in table.players)
    digest = array_chunks.digest(
        table.target,
        table.ids,
        table.split,
        table.y,
        ((m.name, rows.shape, m.feature_names, [rows], None, None) for m in modalities),
    )
    columns = table.columns.set_axis(pd.Index(table.ids))
    return DataSet(
        name=name,
        title=title or name,
        description=description or describe_game(table),
        source=source or f"game {table.source}",
        licence=licence or "as whoever made the files says",
        modalities=modalities,
        target=table.target,
        y=table.y,
        ids=table.ids,
        split=table.split,
        table=columns,
        content_of=no_content,
        is_game=True,
        truth=truth,
        clusters=table.clusters or video_clusters(table.ids),
        recorded=digest,
    )


def describe_game(table: GameTable) -> str:
    """Return what the game of a table is, in sentences."""
    outputs = f" of {len(table.outputs)} classes" if table.target.classes else ""
    return (
        f"A game that was measured: the values{outputs} of all {2 ** len(table.players):,} coalitions of "
        f"{count(len(table.players), 'player')} for {count(len(table.ids), 'sample')}, from {table.source}. "
        f"{' '.join(table.remarks)}"
    ).strip()
