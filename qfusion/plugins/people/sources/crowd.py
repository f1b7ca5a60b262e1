"""Simulated crowd: votes of people on short clips, drawn from known probabilities (see `simulated_crowd`)."""

import numpy as np
import pandas as pd

from qfusion.data.array_chunks import numbered_ids
from qfusion.data.data_set import DataSet
from qfusion.data.game_set import GameTable, game_dataset
from qfusion.data.row_splits import Clusters
from qfusion.data.sources import Source
from qfusion.plugins.people.ratings import Ratings
from qfusion.plugins.people.sources.simulated_crowd import (
    CLASSES,
    KINDS,
    PLAYERS,
    SimulatedCrowd,
    simulate_crowd,
)
from qfusion.plugins.people.votes import Votes

SEED, CLIPS = 2026, 600


def read_crowd() -> Ratings:
    """Return the votes of the usual seed."""
    crowd = simulate_crowd(SEED, CLIPS)
    votes = crowd.draw_votes(np.random.default_rng(SEED + 1))
    columns = pd.DataFrame(
        {
            "acted emotion": np.array(CLASSES)[crowd.explained],
            "kind": np.array(KINDS)[crowd.kinds],
            "actor": np.char.add("actor ", np.char.zfill((1 + crowd.actors).astype(str), 2)),
        }
    )
    return Ratings(
        votes=Votes(PLAYERS, CLASSES, votes, crowd.explained),
        ids=numbered_ids("clip", CLIPS),
        columns=columns,
        clusters=Clusters(columns["actor"].to_numpy(np.str_), "actors"),
        target="acted emotion",
        source="a simulation",
    )


def true_contributions(crowd: SimulatedCrowd) -> pd.DataFrame:
    """Return the contributions of the probabilities, by coalition, a row for each clip.

    The base rate is the expected share of a class in all votes, where every condition has as many raters.
    """
    rows = np.arange(len(crowd.explained))
    base = crowd.probabilities.mean((0, 1))[crowd.explained]
    voice, face, both = (crowd.probabilities[rows, place, crowd.explained] for place in range(3))
    return pd.DataFrame(
        {
            "": base,
            "voice": voice - base,
            "face": face - base,
            "voice+face": both - voice - face + base,
        }
    )


def read_game() -> GameTable:
    """Return the game of the votes."""
    return read_crowd().game()


def load() -> DataSet:
    """Return the clips of the game, with the contributions that its probabilities have."""
    table = read_game()
    truth = true_contributions(simulate_crowd(SEED, CLIPS)).set_index(pd.Index(table.ids))
    return game_dataset(
        table,
        SOURCE.name,
        SOURCE.title,
        description=f"{CLIPS} simulated clips of 40 actors with five emotions. Eight to twelve simulated people named "
        "the emotion from the voice, as many others from the face, and as many from both. The probabilities of their "
        "votes are known, and so are the true contributions of voice, face and both. In a quarter of the clips only "
        "both together tell the emotion; in a tenth voice and face contradict each other and are taken for a third.",
        source=f"made by this project from seed {SEED}",
        licence="Apache-2.0, like the project",
        truth=truth,
    )


SOURCE = Source(
    "crowd",
    "Simulated crowd",
    load,
    place=38,
    made="is made by the project",
    game=read_game,
)
