"""Keep a measured game: its data set and its model, under one name, both or neither.

The data set holds the samples, their truth and what else is known of them; the model is a checkpoint whose weights are
the values of the coalitions.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from qfusion import _read_only
from qfusion._checks import check
from qfusion.data import game_set
from qfusion.data.game_set import GameTable
from qfusion.data.staged_set import Finding
from qfusion.data.store import manifest, reading, writing
from qfusion.data.store.manifest import Provenance
from qfusion.plugins.people.games import game_reader
from qfusion.study.opening import build_study
from qfusion.study.study import Study
from qfusion.training import checkpoint, checkpoint_cards


def open_game(source: Any, name: str = checkpoint.NAME, title: str = "", **options: Any) -> Study:
    """Return the study of a game that was measured, without writing files.

    Args:
        source: a table, its path, or shapiq's `InteractionValues`, see `read_game`.
        name, title: of the model and the data set.
        options: `players`, `quantity`, `output`, `order` and `average` of `read_game`.

    Raises:
        NotFound, InvalidInput: as of `read_game`.
    """
    table = game_reader.read_game(source, **options)
    dataset = game_set.game_dataset(table, name, title)
    result = checkpoint.make_game_checkpoint(table, dataset, name, title)
    return build_study(name, result.card, result.model, dataset)


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
    writing.check_texts(title, licence)
    findings = [Finding("game", "note", remark).as_dict() for remark in table.remarks]
    with _copy_of_set(name) as former:
        # the set first: a set without its model harms nobody if the process is killed between both
        place = writing.store_set(
            game_set.game_dataset(table, name, title, licence=licence),
            replace=replace,
            provenance=Provenance(report={"findings": findings, "repairs": []}),
        )
        try:
            dataset = reading.open_imported(name)
            stored = checkpoint.make_game_checkpoint(table, dataset, name, title)
            checkpoint.write_game(stored, name, checkpoint_cards.folders()[-1], is_new=not replace)
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            if former is not None:
                shutil.copytree(former, place)
            raise
    return place


def check_game_name(name: str, replace: bool = False) -> None:
    """Raise InvalidInput unless a game may be stored under a name: no other data set or model may have it."""
    writing.check_set_name(name, replace)
    known = name in checkpoint_cards.available()
    check(
        replace or not known,
        f"There is a model '{name}' already. Choose another name, or replace it (--replace).",
    )
    check(
        not known or checkpoint.is_game(name),
        f"Model '{name}' is not a measured game and is not replaced. Choose another name.",
    )
    check(
        name not in manifest.imported_names() or known,
        f"Data set '{name}' is not that of a measured game and is not replaced. Choose another name.",
    )


@contextlib.contextmanager
def _copy_of_set(name: str) -> Iterator[Path | None]:
    """Yield a copy of an imported set's folder, to be put back if its replacement fails; None if there is none."""
    place = manifest.imported_root() / name
    if not place.is_dir():
        yield None
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / name
        shutil.copytree(place, copy)
        yield copy
