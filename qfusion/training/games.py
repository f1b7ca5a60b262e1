"""Keep a measured game: its data set and its model, under one name, both or neither.

The data set holds the samples, their truth and what else is known of them; the model is a checkpoint whose weights are
the values of the coalitions.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from qfusion import _read_only
from qfusion._checks import check
from qfusion.data import (
    DataSet,
    import_report,
    import_store,
    imported_sets,
    registry,
    row_splits,
    staged_set,
)
from qfusion.data.game_set import FEATURE, describe_game
from qfusion.data.game_table import GameTable
from qfusion.errors import QFusionError
from qfusion.models import game
from qfusion.training import checkpoint_cards, checkpoint_folders, checkpoint_store, metrics
from qfusion.training.checkpoint import Checkpoint

NAME = "game"  # of one that has no other name


def store_game(
    table: GameTable, name: str, *, title: str = "", licence: str = "", replace: bool = False
) -> Path:
    """Store a game so that its data set and its model can be opened by name, and return the folder of the data set.

    Args:
        table: the game.
        name: of the data set and of the model.
        title: the name to show. licence: the terms of use.
        replace: whether a game of that name is replaced.

    Raises:
        InvalidInput: when the name is malformed or in use.
        DataUnavailable: when the disk refuses; nothing is stored then.
    """
    _read_only.check_allowed("import a game")
    check_game_name(name, replace)
    with contextlib.ExitStack() as undo:
        former = undo.enter_context(_copy_of_set(name))
        staged = undo.enter_context(import_store.staging_folder())
        examined = _stage(table, staged)
        # the set first: a set without its model harms nobody if the process is killed between both
        place = import_store.store_set(
            examined, name, title=title or name, licence=licence, replace=replace
        )
        try:
            dataset = imported_sets.load_imported(name)
            stored = make_game_checkpoint(table, dataset, name, title)
            _write_model(stored, name, checkpoint_folders.folders()[-1], is_new=not replace)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            if former is not None:
                shutil.copytree(former, place)
            raise
    return place


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
    return _write_model(stored, name, folder or checkpoint_folders.folders()[-1], is_new=False)


def _write_model(stored: Checkpoint, name: str, folder: Path, *, is_new: bool) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return checkpoint_store.write(
        folder / f"{name}.json",
        game.game_bytes(stored.model),
        ".safetensors",
        stored.card,
        is_new,
    )


def check_game_name(name: str, replace: bool = False) -> None:
    """Raise InvalidInput unless a game may be stored under a name: no other data set or model may have it."""
    import_store.check_set_name(name, replace)
    known = name in checkpoint_folders.available()
    check(
        replace or not known,
        f"There is a model '{name}' already. Choose another name, or replace it (--replace).",
    )
    check(
        not known or is_game(name),
        f"Model '{name}' is not a measured game and is not replaced. Choose another name.",
    )
    check(
        name not in imported_sets.imported_names() or known,
        f"Data set '{name}' is not that of a measured game and is not replaced. Choose another name.",
    )


def is_game(name: str) -> bool:
    """Return whether a model of that name is a measured game."""
    with contextlib.suppress(QFusionError):
        return bool(checkpoint_cards.load_card(name)["model"] == game.KIND)
    return False


def remove_game(name: str) -> Path:
    """Remove a game's model and its data set, and return the folder that the model was in.

    Raises:
        NotFound: when there is no such model. InvalidInput: when it is not a measured game, or cannot be removed.
    """
    check(is_game(name), f"Model '{name}' is not a measured game.")
    folder = checkpoint_store.remove(name)
    if name in imported_sets.imported_names():
        imported_sets.remove_imported(name)
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
        crowd = game.CrowdVotes(table.votes.classes, table.votes.counts, table.votes.explained)
    model = game.Game(table.players, table.outputs, table.values, table.errors, crowd).eval()
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
    card["weights_sha256"] = hashlib.sha256(game.game_bytes(model)).hexdigest()
    return Checkpoint(model, json.loads(json.dumps(card, allow_nan=False)))


def _stage(table: GameTable, folder: Path) -> import_report.ExaminedSet:
    """Write the arrays of a game's data set to a folder, and return it as an examined set."""
    rows = np.arange(len(table.ids), dtype=np.float32)[:, None]
    parts = []
    for number, player in enumerate(table.players):
        path = folder / f"player-{number}.npy"  # a name may hold what a file's name may not
        np.save(path, rows)
        parts.append(staged_set.Part(player, path, rows.shape, (FEATURE,)))
    staged = staged_set.StagedSet(
        y=table.y,
        classes=table.target.classes,
        bounds=table.target.range,
        folder=folder,
        title=table.source,
        kind="game",
        parts=parts,
        ids=table.ids,
        split=table.split,
        target=table.target.name,
        unit=table.target.unit,
        columns=table.columns,
        convention=table.target.convention if not table.target.classes else "plain",
        description=describe_game(table),
        is_game=True,
        clusters=table.clusters,
    )
    report = import_report.Report(
        samples=len(table.ids),
        splits={part: int((table.split == part).sum()) for part in row_splits.SPLITS},
        modalities=[
            {"name": part.name, "shape": list(part.shape), "sequence": False} for part in parts
        ],
        target={"name": table.target.name, "kind": table.target.kind},
        findings=[staged_set.Finding("game", "note", remark) for remark in table.remarks],
    )
    return import_report.ExaminedSet(staged, report)


@contextlib.contextmanager
def _copy_of_set(name: str) -> Iterator[Path | None]:
    """Yield a copy of an imported set's folder, to be put back if its replacement fails; None if there is none."""
    place = imported_sets.imported_root() / name
    if not place.is_dir():
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / name
        shutil.copytree(place, copy)
        yield copy
