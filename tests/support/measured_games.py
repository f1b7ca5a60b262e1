"""A measured game: random values of all coalitions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from qfusion.data.game_set import GameTable, VoteCounts, game_dataset
from qfusion.data.target_spec import Target
from qfusion.study.opening import build_study
from qfusion.study.study import Study
from qfusion.training import checkpoint


def make_game(samples: int = 6, votes: VoteCounts | None = None) -> GameTable:
    """Returns the game of a number, for two players, with standard errors of 0.1."""
    values = np.random.default_rng(0).normal(size=(samples, 4, 1))
    return GameTable(
        players=("voice", "face"),
        target=Target("regression", "score", (-5.0, 5.0)),
        ids=np.array([f"s{number}" for number in range(samples)]),
        split=np.full(samples, "test"),
        y=np.full(samples, np.nan),
        values=values,
        errors=np.full(values.shape, 0.1),
        columns=pd.DataFrame({"kind": ["a", "b"] * (samples // 2)}),
        clusters=None,
        source="a test",
        votes=votes,
    )


def open_game(table: GameTable) -> Study:
    """Returns the study of a game."""
    dataset = game_dataset(table, "game")
    made = checkpoint.make_game_checkpoint(table, dataset)
    return build_study("game", made.card, made.model, dataset)
