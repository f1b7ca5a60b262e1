"""Train the models of a paper: its readings, plain rivals with the same budget, and twins without a quantum resource.

On a set of the leaderboard all have the recipe of its board: the same rows, encoders and schedule, with learning rate
and decay as chosen there for each. Elsewhere they share the options of the paper's entry. Every finished training is
stored (QFUSION_CACHE) under a digest of all that determines it, so that an interrupted run resumes.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch

from qfusion import _disk_cache, _progress
from qfusion.data import DataSet, registry
from qfusion.models import registry as kinds
from qfusion.plugins.papers import benchmark_board
from qfusion.plugins.papers.paper_list import Paper, Reading
from qfusion.plugins.why.audit.audit_plan import VARIANTS
from qfusion.plugins.why.audit.twin_runs import (
    Terms,
    record_failure,
    train_and_measure,
    variant_settings,
)
from qfusion.training import Options
from qfusion.training.options import complete_options

READING, RIVAL, TWIN = "reading", "rival", "twin"
# Rivals whose settings need no board. A tensor head has a product of all sizes, and the others are sized for a board.
PLAIN = ("linear", "late", "concatenation", "low-rank")
RECORDS = "reproduce"  # of trainings on the disk
LATE = "late"  # the rival that can only add up modalities


@dataclass(frozen=True)
class Cell:
    """A model of a paper that is trained with every seed.

    Attributes:
        name: of the reading, the contender or the twin. label: as shown. role: READING, RIVAL or TWIN.
        kind: of the model. settings, options: of the model and its training.
    """

    name: str
    label: str
    role: str
    kind: str
    settings: Mapping[str, Any]
    options: Options

    def key(self, dataset: DataSet, seed: int) -> str:
        """Return a digest that changes whenever anything that decides a training does, apart from the code."""
        decides = [
            dataset.name,
            dataset.digest,
            self.kind,
            dict(self.settings),
            self.options.model_dump(),
            seed,
        ]
        return hashlib.sha256(json.dumps(decides).encode()).hexdigest()[:20]

    @property
    def digest(self) -> str:
        """A digest of the model's settings and of the options of its training."""
        decides = [self.kind, dict(self.settings), self.options.model_dump()]
        return hashlib.sha256(json.dumps(decides).encode()).hexdigest()


@dataclass(frozen=True)
class Recipe:
    """Settings of a contender and options of its training on a data set."""

    settings: Mapping[str, Any]
    options: Options


def contender_recipe(
    paper: Paper, dataset: DataSet, contender: str, kind: str, epochs: int | None
) -> Recipe:
    """Return how a contender of the leaderboard is trained on a data set: by the recipe of its board, or by the
    settings that all models of that board share, or, without a board, by the options of the paper's entry.

    Args:
        epochs: in place of those of the recipe, if given.
    """
    board = benchmark_board.open_board()
    name = board.board_of(dataset.name)
    if name:
        entry = board.of(name)
        known = kinds.settings(kind)
        shared = {key: value for key, value in entry["encoder"].items() if key in known}
        if "features" in known:
            shared["features"] = entry["features"]
        own = entry["recipes"].get(contender, {"settings": shared, "options": {}})
        result = Recipe(own["settings"], Options(**{**entry["options"], **own["options"]}))
    else:
        options = complete_options(dataset, dict(paper.entry(dataset.name).options))
        result = Recipe({}, options)
    if epochs is None:
        return result
    patience = 0 if result.options.refit else result.options.patience
    return replace(result, options=result.options.replace(epochs=epochs, patience=patience))


def reading_cell(paper: Paper, dataset: DataSet, reading: Reading, epochs: int | None) -> Cell:
    """Return the cell of a reading."""
    system = reading.name if paper.is_board else paper.system
    recipe = contender_recipe(paper, dataset, system, reading.kind, epochs)
    settings = {**recipe.settings, **reading.settings}
    return Cell(reading.name, reading.label, READING, reading.kind, settings, recipe.options)


def rival_cells(
    paper: Paper, dataset: DataSet, wanted: Sequence[str], epochs: int | None
) -> list[Cell]:
    """Return the cells of rivals, those that stand on the board of the data set."""
    board = benchmark_board.open_board()
    name = board.board_of(dataset.name)
    there = board.of(name)["recipes"] if name else PLAIN
    cells = []
    for rival in wanted:
        if rival in there:
            contender = board.whole["contenders"][rival]
            recipe = contender_recipe(paper, dataset, rival, contender["kind"], epochs)
            cells.append(
                Cell(
                    rival,
                    contender["label"],
                    RIVAL,
                    contender["kind"],
                    recipe.settings,
                    recipe.options,
                )
            )
    return cells


def twin_cells(paper: Paper, dataset: DataSet, full: Cell) -> list[Cell]:
    """Return the cells of the twins of the audited reading, each without one resource."""
    terms = Terms(dataset.name, dataset, full.settings, full.options)
    return [
        Cell(
            name,
            name,
            TWIN,
            VARIANTS[name].kind,
            variant_settings(terms, name),
            full.options,
        )
        for name in paper.twins
    ]


@dataclass(frozen=True, eq=False)
class Trained:
    """What was measured of a cell.

    Attributes:
        cell: that was trained. seeds: that did not fail, ascending.
        records: of all seeds, those that failed too, by seed. scores: of the test rows, (N, C), by seed.
    """

    cell: Cell
    seeds: tuple[int, ...]
    records: Mapping[int, Mapping[str, Any]]
    scores: Mapping[int, np.ndarray]

    @property
    def failures(self) -> tuple[str, ...]:
        """The errors of the seeds that failed."""
        return tuple(
            f"seed {seed}: {record['failed']}"
            for seed, record in self.records.items()
            if "failed" in record
        )


def train_cells(
    cells: Sequence[Cell], dataset: DataSet, seeds: int, jobs: int = 1, source: str = ""
) -> dict[str, Trained]:
    """Train those cells that have no stored record, report the progress (see `progress_shown`), and return what was
    measured of all, by name. Models of equal settings are trained once.

    Args:
        cells: to train. dataset: to train on. seeds: 0 to `seeds` - 1.
        jobs: processes that train at the same time. source: what they load the data set by, as `qfusion.data.load`
            takes it; only with several jobs.
    """
    shape = len(dataset.rows("test")), max(1, len(dataset.target.classes))
    # seed by seed, so that an interrupted run has all models of the first seeds
    wanted = [(cell, seed) for seed in range(seeds) for cell in cells]
    records: dict[str, dict[str, Any]] = {}
    missing: dict[str, tuple[Cell, int]] = {}
    for cell, seed in wanted:
        key = cell.key(dataset, seed)
        stored = _load_record(key, shape)
        if stored is None:
            missing[key] = (cell, seed)
        else:
            records[key] = stored
    with _progress.progress_shown("Training") as tell:
        tell(0, len(missing))
        for record in _train_missing(missing, dataset, jobs, source, tell):
            _disk_cache.store_record(RECORDS, record)
            records[record["key"]] = record
            tell(len(records) - len(wanted) + len(missing), len(missing))
    return {
        cell.name: _trained(
            cell, {seed: records[cell.key(dataset, seed)] for seed in range(seeds)}, shape
        )
        for cell in cells
    }


def _train_missing(
    missing: Mapping[str, tuple[Cell, int]],
    dataset: DataSet,
    jobs: int,
    source: str,
    tell: _progress.Tell,
) -> Iterator[dict[str, Any]]:
    """Yield the records of trainings as they end. Several at a time are in processes of a pool of the standard library,
    which end with this one: a command waits for all of them, and no page for any.
    """
    if jobs == 1 or len(missing) < 2:
        for number, (cell, seed) in enumerate(missing.values()):

            def report(*_: Any, number: int = number) -> bool:
                tell(number, len(missing))
                return True

            yield train_cell(cell, dataset, seed, report)
        return
    pool = ProcessPoolExecutor(jobs, mp_context=get_context("spawn"))
    try:
        waiting = [pool.submit(_train_apart, cell, source, seed) for cell, seed in missing.values()]
        for future in as_completed(waiting):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _train_apart(cell: Cell, source: str, seed: int) -> dict[str, Any]:
    """In a process of its own: train a cell with a seed, and return its record."""
    torch.set_num_threads(1)
    return train_cell(cell, registry.load(source), seed)


def train_cell(
    cell: Cell,
    dataset: DataSet,
    seed: int,
    on_epoch: Callable[[Any], bool | None] = lambda _: None,
) -> dict[str, Any]:
    """Train a cell with a seed and return its record: see `twin_runs.train_and_measure`, with the number of parameters
    and the scores of the test rows. The record of a training that fails has the error."""
    record: dict[str, Any] = {
        "key": cell.key(dataset, seed),
        "data": dataset.name,
        "cell": cell.name,
        "seed": seed,
    }
    with record_failure(record):
        model, scores = train_and_measure(
            cell.kind, dataset, cell.settings, cell.options, seed, record, on_epoch
        )
        record["parameters"] = sum(p.numel() for p in model.parameters())
        record["scores"] = base64.b64encode(scores.astype("<f4").tobytes()).decode()
    return record


def _load_record(key: str, shape: tuple[int, int]) -> dict[str, Any] | None:
    """Return the stored record of a training, or None if there is none that can be read."""
    record = _disk_cache.find_record(RECORDS, key)
    with suppress(ValueError, KeyError, TypeError):
        if record is not None and "failed" not in record:
            _scores(record, shape)
            return record
    return None


def _scores(record: Mapping[str, Any], shape: tuple[int, int]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(record["scores"]), "<f4").reshape(shape).astype(float)


def _trained(
    cell: Cell, records: Mapping[int, Mapping[str, Any]], shape: tuple[int, int]
) -> Trained:
    seeds = tuple(seed for seed, record in records.items() if "failed" not in record)
    return Trained(cell, seeds, records, {seed: _scores(records[seed], shape) for seed in seeds})
