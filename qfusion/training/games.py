"""Models of measured games: checkpoints whose weights are the values of the coalitions."""

from __future__ import annotations

import contextlib
import hashlib
import json
from pathlib import Path

import numpy as np

from qfusion._checks import check
from qfusion.data import (
    DataSet,
    registry,
    row_splits,
)
from qfusion.data.game_set import GameTable
from qfusion.data.store import folders
from qfusion.errors import QFusionError
from qfusion.models import measured_game
from qfusion.training import checkpoint, checkpoint_cards, metrics
from qfusion.training.checkpoint import Checkpoint

NAME = "game"  # of one that has no other name


def store_source_game(name: str, folder: Path | None = None) -> Path | None:
    """Store the model of a data set that is a measured game, such as the votes of people, and return its card.

    Args:
        name: of the data set, which the model gets, too; None is returned where the set is no game.
        folder: of checkpoints, by default the user's own.

    Raises:
        DataUnavailable, IntegrityError: as of `data.load`.
    """
    source = registry.sources()[name]
    if source.game is None:
        return None
    stored = make_game_checkpoint(source.game(), registry.load(name), name, source.title)
    return write_game(stored, name, folder or checkpoint_cards.folders()[-1], is_new=False)


def write_game(stored: Checkpoint, name: str, folder: Path, *, is_new: bool) -> Path:
    """Write the model of a game to a folder of checkpoints, and return its card.

    Args:
        stored: the model. name: of its files.
        folder: which is made where there is none. is_new: whether a model of that name is refused.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return checkpoint.write(
        folder / f"{name}.json",
        measured_game.game_bytes(stored.model),
        ".safetensors",
        stored.card,
        is_new,
    )


def is_game(name: str) -> bool:
    """Return whether a model of that name is a measured game."""
    with contextlib.suppress(QFusionError):
        return bool(checkpoint_cards.load_card(name)["model"] == measured_game.KIND)
    return False


def remove_game(name: str) -> Path:
    """Remove a game's model and its data set, and return the folder that the model was in.

    Raises:
        NotFound: when there is no such model. InvalidInput: when it is not a measured game, or cannot be removed.
    """
    check(is_game(name), f"Model '{name}' is not a measured game.")
    folder = checkpoint.remove(name)
    if name in folders.imported_names():
        folders.remove_imported(name)
    return folder


def make_game_checkpoint(
    table: GameTable, dataset: DataSet, name: str = NAME, title: str = ""
) -> Checkpoint:
    """Return the model of a game with its card.

    Args:
        table: the game.
        dataset: of the same game.
        name, title: of the model.
    """
    crowd = None
    if table.votes is not None:
        crowd = measured_game.CrowdVotes(
            table.votes.classes, table.votes.counts, table.votes.explained
        )
    model = measured_game.Game(
        table.players, table.outputs, table.values, table.errors, crowd
    ).eval()
    results = {}
    for split in row_splits.SPLITS:
        rows = dataset.rows(split)
        known = np.isfinite(table.y[rows]) if not table.target.classes else table.y[rows] >= 0
        if len(rows) and known.all():
            scores = model.logit_scale * table.values[rows, -1]
            results[split] = metrics.row_metrics(dataset, rows, scores)
    card = checkpoint_cards.make_card(
        model,
        dataset,
        name=name,
        title=title or name,
        seed=0,
        training={},
        metrics={split: metrics.summary([result]) for split, result in results.items()},
        this_seed=results,
        seeds=[0],
    )
    card["parameters"] = {"total": 0, "encoders": 0, "fusion": 0}
    card["game"] = {"source": table.source, "remarks": list(table.remarks)}
    if table.votes is not None:
        card["game"]["classes"] = list(table.votes.classes)
    card["weights_sha256"] = hashlib.sha256(measured_game.game_bytes(model)).hexdigest()
    return Checkpoint(model, json.loads(json.dumps(card, allow_nan=False)))
