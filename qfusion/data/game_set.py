"""The data set of a measured game: its samples, their truth and what else is known of them, without features."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qfusion._sentences import count
from qfusion.data import set_digest
from qfusion.data.clusters import video_clusters
from qfusion.data.data_set import DataSet
from qfusion.data.game_table import GameTable
from qfusion.data.modality_spec import Modality
from qfusion.data.sample_content import no_content

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
    digest = set_digest.digest(
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
