"""The game of a study: its coalition values as a table that `data import-game` reads."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from qfusion.plugins.people.games.game_reader import CLUSTERS, RESERVED
from qfusion.study.study import Study

CHUNK = 2**16  # rows of the table that are made at a time
OTHER = "{name} of the data"  # a column of the data set that is called like one of the table


def game_frame(study: Study, rows: np.ndarray | None = None) -> pd.DataFrame:
    """Return a row for every sample, coalition and output.

    The values are those of the explanations: log-odds of each class against the others, or the score of a regression.
    Where samples are explained together against some rows of a background and one alone against more, the former are
    taken; of `study.with_all_rows()` both are the same.

    Args:
        study: a model on a data set.
        rows: numbers of the samples; all explained ones by default.
    """
    return pd.concat(list(game_frames(study, rows)), ignore_index=True)


def game_frames(study: Study, rows: np.ndarray | None = None) -> Iterator[pd.DataFrame]:
    """Yield the table of `game_frame` in parts of some samples each; arguments are the same."""
    data = study.dataset
    explained = study.explained_rows
    chosen = explained if rows is None else np.asarray(rows)
    place = {int(row): number for number, row in enumerate(explained)}
    per_sample = len(study.coalitions) * len(study.model.outputs)
    for some in np.array_split(chosen, max(1, -(-len(chosen) * per_sample // CHUNK))):
        if all(int(row) in place for row in some):
            explanation = study.explanation
            numbers = np.array([place[int(row)] for row in some], int)
            values = explanation.values[numbers]
            errors = None if explanation.errors is None else explanation.errors[numbers]
        else:
            one_by_one = [study.explained(int(row)) for row in some]
            values = np.concatenate([one.values for one in one_by_one])
            parts = [one.errors for one in one_by_one if one.errors is not None]
            errors = np.concatenate(parts) if parts else None
        yield _part(study, data.ids[some], some, values, errors)


def _part(
    study: Study, ids: np.ndarray, rows: np.ndarray, values: np.ndarray, errors: np.ndarray | None
) -> pd.DataFrame:
    """Return the rows of some samples; values and errors have shape (n, 2^M, C)."""
    data, target = study.dataset, study.dataset.target
    n, coalitions, C = values.shape
    sample = np.repeat(np.arange(n), coalitions * C)
    columns = {
        "sample": ids[sample],
        "coalition": np.tile(np.repeat(np.array(study.coalitions, object), C), n),
    }
    if study.classes:
        columns["output"] = np.tile(np.array(study.classes, object), n * coalitions)
    columns["value"] = values.ravel()
    if errors is not None:
        columns["contribution_error"] = errors.ravel()
    truth = data.y[rows]
    if study.classes:
        names = np.array([*study.classes, ""], object)
        truth = names[np.where(truth < 0, len(study.classes), truth)]
    columns |= {
        "truth": truth[sample],
        "split": data.split[rows][sample],
        "quantity": np.full(len(sample), study.quantity, object),
        "target": np.full(len(sample), target.name, object),
    }
    if target.unit:
        columns["unit"] = np.full(len(sample), target.unit, object)
    if not study.classes:
        columns["convention"] = np.full(len(sample), target.convention, object)
    if target.range is not None:
        columns["low"] = np.full(len(sample), target.range[0])
        columns["high"] = np.full(len(sample), target.range[1])
    if data.clusters is not None:
        labels = data.clusters.labels[rows]
        columns |= {name: labels[sample, k] for k, name in enumerate(CLUSTERS[: labels.shape[1]])}
        columns["clusters"] = np.full(len(sample), data.clusters.unit, object)
    frame = pd.DataFrame(columns)
    for name in data.table.columns:
        column = OTHER.format(name=name) if str(name).lower() in RESERVED else str(name)
        frame[column] = data.table[name].to_numpy()[rows][sample]
    return frame
