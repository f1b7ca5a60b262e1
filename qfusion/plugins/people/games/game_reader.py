"""Measured games: a table of the values of coalitions, a row for each sample, coalition and output.

    sample,coalition,value
    a1,,0.2
    a1,text,1.1
    a1,audio,0.4
    a1,text+audio,1.7

Optional columns are `output` (classes), `error` or `contribution_error` (standard errors of the values, or of the
contributions), `truth` and `split`, and the same cell in every row: `quantity`, `target`, `unit`, `convention`, `low`
and `high`. Samples with the same `cluster` (such as sentences of one video) are dependent, and intervals allow for it;
`clusters` is the plural name of these. Any other column must be constant within a sample, and describes it. In place of
`coalition` there may be a column of 0 and 1 for every player.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check, choose
from qfusion._sentences import count
from qfusion.data.coalition_terms import coalition_names
from qfusion.data.game_set import GameTable
from qfusion.data.row_splits import SPLITS, Clusters
from qfusion.data.target_spec import Target
from qfusion.errors import InvalidInput
from qfusion.plugins.people.games import game_cells, game_completion, game_files, shapiq_values
from qfusion.plugins.people.games.game_cells import quoted

QUANTITIES = ("score", "log-odds", "logits")
REQUIRED = ("sample", "coalition", "value")
ERRORS = ("error", "contribution_error")
PER_SAMPLE = ("truth", "split")
PER_TABLE = ("quantity", "target", "unit", "convention", "low", "high", "clusters")
CLUSTERS = ("cluster", "cluster.2", "cluster.3", "cluster.4")
RESERVED = (*REQUIRED, "output", *ERRORS, *PER_SAMPLE, *PER_TABLE, *CLUSTERS)
MAX_NUMBERS = 2**25  # values of a game: 256 MiB
MAX_SHOWN = 5  # entries of a list in a message
RESIDUAL = "largest residual"  # column of samples whose dividends were fitted


def read_game(
    source: Any,
    *,
    players: Sequence[str] = (),
    quantity: str = "",
    output: str = "",
    order: int | None = None,
    average: bool = False,
) -> GameTable:
    """Return the game in a table.

    Args:
        source: path of a .csv or .parquet file, or a data frame; the path of a .json file of shapiq's
            `InteractionValues`, several such paths, or a folder of them; an `InteractionValues`, a sequence of them, or
            a mapping from names of samples to them.
        players: their names, in the order of the game; of 0/1 columns those columns; found in the table by default.
        quantity: of QUANTITIES: "score", "log-odds" of each class against the others, or "logits" of classes, which
            are converted to log-odds. The table may say it in a column `quantity`; else a score.
        output: the one output to read, of a table with several scores.
        order: largest number of players that interact. Dividends up to this order are then fitted to the given values
            by least squares, and others are 0; without it, every coalition needs a value.
        average: whether rows that repeat a coalition are averaged; they are refused otherwise.

    Raises:
        NotFound: when a file does not exist.
        InvalidInput: when the table is not a game; the message names the row or the sample.
    """
    frame, name, more = _load(source, tuple(players), output)
    return game_of_frame(
        frame,
        name,
        players=players or more,
        quantity=quantity,
        output=output,
        order=order,
        average=average,
    )


def _load(
    source: Any, players: tuple[str, ...], output: str
) -> tuple[pd.DataFrame, str, tuple[str, ...]]:
    """Return the table of a source, its name, and the names of the players where it orders them."""
    if isinstance(source, pd.DataFrame):
        return source, "a data frame", ()
    if isinstance(source, str | Path) and Path(source).suffix.lower() in game_files.TABLES:
        return game_files.read_frame(Path(source)), Path(source).name, ()
    loaded = shapiq_values.load_values(source)
    frame, names = shapiq_values.frame_of_values(loaded.values, players, output)
    return frame, loaded.name, names


def game_of_frame(
    frame: pd.DataFrame,
    name: str,
    *,
    players: Sequence[str] = (),
    quantity: str = "",
    output: str = "",
    order: int | None = None,
    average: bool = False,
) -> GameTable:
    """Return the game in a data frame; arguments and errors are those of `read_game`."""
    frame = _named_columns(frame)
    check(len(frame) > 0, f"The table of {name} must have rows, but has none.")
    for column in ("sample", "value"):
        check(
            column in frame,
            f"The table of {name} must have a column `{column}`, but has {quoted(frame.columns)}. Add it, or rename "
            "one.",
        )
    facts = {
        column: game_cells.single_value(frame, column) for column in PER_TABLE if column in frame
    }
    quantity = choose("Quantity", quantity or facts.get("quantity") or QUANTITIES[0], QUANTITIES)
    frame = _select_output(frame, output, quantity)
    samples, ids = game_cells.factorize(frame, "sample", game_cells.MAX_ID)
    if "coalition" in frame:
        names, inside = game_cells.parse_coalitions(frame["coalition"], players)
    else:
        names, inside = game_cells.read_indicators(frame, samples, players, RESERVED)
        frame = frame.drop(columns=list(names))
    _check_players(names, inside, samples, ids)
    outputs, output_names = np.zeros(len(frame), int), [""]
    if "output" in frame:
        outputs, output_names = game_cells.factorize(frame, "output")
    values = game_cells.numbers(frame, "value")
    kind = next((column for column in ERRORS if column in frame), None)
    check(
        not all(column in frame for column in ERRORS),
        "The table must have `error`, of values, or `contribution_error`, of contributions, but has both. Drop one.",
    )
    errors = None if kind is None else game_cells.numbers(frame, kind)
    check(
        errors is None or bool((errors >= 0).all()),
        f"Column `{kind}` must hold standard errors, 0 or more, but holds a negative number.",
    )
    M = len(names)
    shape = (len(ids), 2 ** len(names), len(output_names))
    check(
        np.prod(shape, dtype=float) <= MAX_NUMBERS,
        f"A game must have at most {MAX_NUMBERS:,} values, but {len(ids):,} samples of {M} players and "
        f"{len(output_names)} outputs have {np.prod(shape, dtype=float):,.0f}. Import fewer samples.",
    )
    cells = _Cells(
        np.ravel_multi_index((samples, game_cells.nonzero_columns(inside), outputs), shape),
        values,
        errors,
    )
    remarks: list[str] = []
    order = _check_order(order, M)
    cells = _without_repeats(cells, average, _Labels(shape, ids, names, output_names), remarks)
    table = np.full(shape, np.nan)
    table.ravel()[cells.places] = cells.values
    spread = None
    if cells.errors is not None:
        spread = np.full(shape, np.nan)
        spread.ravel()[cells.places] = cells.errors
    completed = game_completion.complete(
        table,
        spread,
        ids,
        coalition_names(names),
        order,
        errors_of_values=kind != ERRORS[1],
    )
    remarks += completed.remarks
    columns = game_cells.sample_columns(
        frame.drop(columns=[column for column in RESERVED if column in frame]), samples, ids
    )
    if completed.residuals is not None:
        columns[RESIDUAL] = completed.residuals
    target, values, errors = _read_target(
        quantity, facts, output or output_names[0], output_names, completed, remarks
    )
    return GameTable(
        players=names,
        target=target,
        ids=np.asarray(ids, np.str_),
        split=_read_split(frame, samples, ids),
        y=_read_truth(frame, samples, ids, target),
        values=values,
        errors=errors,
        columns=columns,
        clusters=_read_clusters(frame, samples, ids, facts.get("clusters", "")),
        source=name,
        remarks=tuple(remarks),
    )


@dataclass(frozen=True, eq=False)
class _Cells:
    """Values with their places in a flat array, and their standard errors."""

    places: np.ndarray
    values: np.ndarray
    errors: np.ndarray | None


@dataclass(frozen=True)
class _Labels:
    """Names of the cells of an array (N, 2^M, C)."""

    shape: tuple[int, ...]
    ids: Sequence[str]
    players: tuple[str, ...]
    outputs: Sequence[str]

    def words(self, place: int) -> str:
        """Return the sample, coalition and output of a flat place."""
        sample, coalition, output = np.unravel_index(place, self.shape)
        name = coalition_names(self.players)[int(coalition)]
        more = f", output '{self.outputs[int(output)][:40]}'" if self.shape[2] > 1 else ""
        return f"'{name or '(none)'}' of sample '{self.ids[int(sample)][:60]}'{more}"


def _named_columns(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the table with reserved names in small letters, and without columns that have no name."""
    names = [str(name).strip() for name in frame.columns]
    names = [name.lower() if name.lower() in RESERVED else name for name in names]
    repeated = sorted(name for name, number in Counter(names).items() if number > 1)
    check(
        not repeated,
        f"The table must have distinct column names, but repeats {quoted(repeated)}. Rename one.",
    )
    named = frame.set_axis(names, axis=1)
    return named[[name for name in names if not game_files.is_unnamed(name)]].reset_index(drop=True)


def _select_output(frame: pd.DataFrame, output: str, quantity: str) -> pd.DataFrame:
    """Return the rows of one output, if the values are scores or one is asked for."""
    if "output" not in frame:
        check(
            not output, "Argument `output` names an output, but the table has no column `output`."
        )
        return frame
    known = [str(name) for name in pd.unique(frame["output"])]
    if output:
        choose("Output", output, known)
        return frame[frame["output"].astype(str) == output].reset_index(drop=True)
    check(
        quantity != "score" or len(known) == 1,
        f"The table has {len(known)} outputs ({quoted(known)}), and scores are explained one at a time. Name one of "
        "them (--output), or say that they are the log-odds or logits of classes (--quantity).",
    )
    return frame


def _check_players(
    names: tuple[str, ...], inside: np.ndarray, samples: np.ndarray, ids: Sequence[str]
) -> None:
    """Check that there are players, and that every sample has all of them."""
    check(
        len(names) > 0,
        "The table must have at least one player, but its coalitions are all empty. Name players in column "
        "`coalition`.",
    )
    taking_part = np.zeros((len(ids), len(names)), bool)
    np.logical_or.at(taking_part, samples, inside)
    for row in np.flatnonzero(~taking_part.all(1))[:1]:
        absent = [name for name, there in zip(names, taking_part[row], strict=True) if not there]
        raise InvalidInput(
            f"All samples must have the players {quoted(names)}, but no coalition of sample '{ids[row][:60]}' has "
            f"{quoted(absent)}. Correct the names of players, or import samples with other players on their own."
        )


def _without_repeats(cells: _Cells, average: bool, labels: _Labels, remarks: list[str]) -> _Cells:
    """Return one value for each cell: the mean of repeated ones with its standard error if that is asked for."""
    places, inverse, counts = np.unique(cells.places, return_inverse=True, return_counts=True)
    if len(places) == len(cells.places):
        return cells
    repeated = places[counts > 1]
    check(
        average,
        f"Every coalition must have one value, but {count(len(repeated), 'coalition')} "
        f"{'has' if len(repeated) == 1 else 'have'} several: "
        f"{'; '.join(labels.words(place) for place in repeated[:MAX_SHOWN])}"
        f"{'; ...' if len(repeated) > MAX_SHOWN else ''}. Drop the repeats, or average them (--average).",
    )
    check(
        cells.errors is None,
        "Repeated coalitions cannot be averaged where the table has standard errors. Drop the repeats, or the column.",
    )
    means = np.bincount(inverse, cells.values) / counts
    remarks.append(
        f"{count(len(repeated), 'repeated coalition')} {'was' if len(repeated) == 1 else 'were'} averaged."
    )
    if (counts < 2).any():
        remarks.append(
            f"There are no standard errors, as {count(int((counts < 2).sum()), 'coalition')} "
            f"{'has' if (counts < 2).sum() == 1 else 'have'} one value only."
        )
        return _Cells(places, means, None)
    variance = np.bincount(inverse, (cells.values - means[inverse]) ** 2) / (counts - 1)
    return _Cells(places, means, np.sqrt(variance / counts))


def _check_order(order: int | None, M: int) -> int | None:
    """Return the order to fit, None for an exact game."""
    if order is None:
        return None
    check(
        isinstance(order, int) and not isinstance(order, bool) and 1 <= order <= M,
        f"Argument `order` must be a whole number from 1 to {M}, the number of players, but is {order!r}.",
    )
    return order


def _read_target(
    quantity: str,
    facts: Mapping[str, str],
    name: str,
    outputs: Sequence[str],
    completed: game_completion.Completed,
    remarks: list[str],
) -> tuple[Target, np.ndarray, np.ndarray | None]:
    """Return the target, and the values and errors of its outputs."""
    values, errors = completed.values, completed.errors
    unit = facts.get("unit", "")
    if quantity == "score":
        bounds = _read_bounds(facts)
        target = Target(
            "regression",
            facts.get("target") or name or "score",
            bounds,
            unit=unit,
            convention=facts.get("convention") or "plain",
        )
        return target, values, errors
    classes = tuple(outputs)
    if len(classes) == 1:
        check(
            quantity == "log-odds",
            "Logits must be those of two classes or more, but the table has one output. Give the log-odds of the class "
            "(quantity log-odds), or add the other classes.",
        )
        classes = (name or "yes", f"not {name}" if name else "no")
        values = np.concatenate([values, -values], -1)
        errors = None if errors is None else np.concatenate([errors, errors], -1)
    C = len(classes)
    if quantity == "logits":
        matrix = (C * np.eye(C) - 1) / (C - 1)
        values = values @ matrix.T
        errors = None if errors is None else np.sqrt(errors**2 @ (matrix**2).T)
        remarks.append("Logits were converted to log-odds of each class against the others.")
    else:
        away = np.abs(values.sum(-1)).max()
        check(
            bool(away <= 1e-6 * max(1.0, float(np.abs(values).max()))),
            f"Log-odds of each class against the others add up to 0 over the classes, but these add up to as much as "
            f"{away:.3g}. Say that they are logits (--quantity logits), or give those of one class of two alone.",
        )
    target = Target("classification", facts.get("target") or "class", classes=classes, unit=unit)
    return target, values, errors


def _read_bounds(facts: Mapping[str, str]) -> tuple[float, float] | None:
    if not facts.get("low") and not facts.get("high"):
        return None
    bounds = []
    for side in ("low", "high"):
        number = game_cells.parse_number(facts.get(side, ""))
        check(
            number is not None,
            f"Column `{side}` must hold a number, the end of the target's range, but holds "
            f"{facts.get(side, '')[:40]!r}.",
        )
        bounds.append(number)
    return bounds[0], bounds[1]  # type: ignore[return-value]


def _read_split(frame: pd.DataFrame, samples: np.ndarray, ids: Sequence[str]) -> np.ndarray:
    """Return the part of every sample; all are test samples where the table does not say it."""
    if "split" not in frame:
        return np.full(len(ids), "test")
    parts = game_cells.sample_columns(frame[["split"]], samples, ids)["split"].astype(str)
    for part in pd.unique(parts):
        choose("Split", part, SPLITS)
    check(
        bool((parts == "test").any()),
        "Column `split` must put at least one sample in 'test', whose decisions pages show, but puts none there.",
    )
    return np.asarray(parts, np.str_)


def _read_clusters(
    frame: pd.DataFrame, samples: np.ndarray, ids: Sequence[str], unit: str
) -> Clusters | None:
    """Return the groups of dependent samples, if the table has such columns."""
    names = [name for name in CLUSTERS if name in frame]
    if not names:
        return None
    labels = game_cells.sample_columns(frame[names].astype(str), samples, ids).astype(str)
    return Clusters(labels.to_numpy(np.str_), unit or "clusters")


def _read_truth(
    frame: pd.DataFrame, samples: np.ndarray, ids: Sequence[str], target: Target
) -> np.ndarray:
    """Return numbers, NaN where unknown, or numbers of classes, -1 where unknown, (N,)."""
    is_number = target.kind == "regression"
    if "truth" not in frame:
        return np.full(len(ids), np.nan) if is_number else np.full(len(ids), -1)
    truth = game_cells.sample_columns(frame[["truth"]], samples, ids)["truth"]
    if is_number:
        return game_cells.optional_numbers(truth, "truth", ids)
    numbers = []
    for name, sample in zip(truth, ids, strict=True):
        is_known = not game_cells.is_missing(name)
        check(
            not is_known or str(name) in target.classes,
            f"Column `truth` must name one of the classes {quoted(target.classes)}, but names {str(name)[:40]!r} for "
            f"sample '{sample[:60]}'.",
        )
        numbers.append(target.classes.index(str(name)) if is_known else -1)
    return np.array(numbers)
