"""Cells of the table of a measured game: names of samples, coalitions, numbers, and facts of samples."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from qfusion._checks import check, require_few_modalities
from qfusion.errors import InvalidInput
from qfusion.quantum import decomposition

EMPTY = ("", "(none)", "()", "empty")  # names of the empty coalition
MAX_NAME = 60  # characters of a player's or output's name
MAX_ID = 200  # characters of a sample's name
_TUPLE = re.compile(
    r"\(?\s*+(?:\d{1,3}\s*+,\s*+)*\d{1,3}\s*+,?\s*+\)?"
)  # without turning back at blanks


def is_missing(cell: Any) -> bool:
    """Return whether a cell is empty, None or NaN."""
    return cell is None or cell is pd.NA or cell != cell or str(cell).strip() == ""


def quoted(names: Iterable[object]) -> str:
    """Return names in a message, the first twelve of many."""
    shown = [f"`{str(name)[:40]}`" for name in names]
    return ", ".join(shown[:12]) + (", ..." if len(shown) > 12 else "")


def factorize(
    frame: pd.DataFrame, column: str, most: int = MAX_NAME
) -> tuple[np.ndarray, list[str]]:
    """Return the number of every row's name, (R,), and the names in the order in which they first occur.

    Args:
        frame: the table of R rows. column: of names with at most `most` characters.

    Raises:
        InvalidInput: when a name is empty or too long.
    """
    numbers, names = pd.factorize(frame[column])
    for row in np.flatnonzero(numbers < 0)[:1]:
        raise InvalidInput(
            f"Column `{column}` must name one in every row, but row {row + 1} is empty."
        )
    words = [plain_name(name) for name in names]
    for place, word in enumerate(words):
        if not (0 < len(word) <= most and word.isprintable()):
            raise InvalidInput(
                f"Column `{column}` must hold names of 1 to {most} printable characters, but row "
                f"{_first(numbers, place)} holds {word[:80]!r}. Rename it."
            )
    renumbered, unique = pd.factorize(np.array(words, dtype=object))  # such as 1 and "1"
    return renumbered[numbers], [str(name) for name in unique]


def plain_name(name: Any) -> str:
    """Return a name as text; a whole number that is stored as a float has no point."""
    if isinstance(name, float | np.floating) and float(name).is_integer():
        return str(int(name))
    return str(name).strip()


def numbers(frame: pd.DataFrame, column: str, sample: str = "sample") -> np.ndarray:
    """Return the finite numbers of a column, (R,).

    Args:
        frame: the table of R rows. column: of numbers. sample: column with the name of the sample.

    Raises:
        InvalidInput: naming the row and sample of a cell that is not a finite number.
    """
    result = _as_floats(frame[column])
    for row in np.flatnonzero(~np.isfinite(result))[:1]:
        raise InvalidInput(
            f"Column `{column}` must hold finite numbers, but row {row + 1} ({sample} "
            f"'{str(frame[sample].iloc[row])[:60]}') holds {str(frame[column].iloc[row])[:40]!r}. Correct it, or "
            "drop the row."
        )
    return result


def optional_numbers(cells: pd.Series, column: str, ids: Sequence[str]) -> np.ndarray:
    """Return the numbers of a column with a cell a sample, NaN where it is empty."""
    result = _as_floats(cells)
    known = np.array([not is_missing(cell) for cell in cells], bool)
    for row in np.flatnonzero(known & ~np.isfinite(result))[:1]:
        raise InvalidInput(
            f"Column `{column}` must hold finite numbers or be empty, but holds {str(cells.iloc[row])[:40]!r} for "
            f"sample '{ids[row][:60]}'."
        )
    return result


def _as_floats(cells: pd.Series) -> np.ndarray:
    """Return cells as numbers, NaN where they are none."""
    if pd.api.types.is_numeric_dtype(cells.dtype) and not pd.api.types.is_complex_dtype(
        cells.dtype
    ):
        return np.asarray(cells.to_numpy(np.float64, na_value=np.nan))
    words = cells.to_numpy(object)
    try:
        return np.asarray(words.astype(np.float64))  # every number is rounded correctly
    except (TypeError, ValueError):
        return np.array(
            [np.nan if number is None else number for number in map(parse_number, words)]
        )


def parse_number(cell: Any) -> float | None:
    """Return the number that a cell holds, or None."""
    try:
        return float(cell)
    except (TypeError, ValueError):
        return None


def single_value(frame: pd.DataFrame, column: str) -> str:
    """Return the one text that all cells of a column hold; empty for none.

    Raises:
        InvalidInput: when they differ.
    """
    known = ["" if is_missing(cell) else str(cell).strip() for cell in pd.unique(frame[column])]
    check(
        len(set(known)) == 1 and len(known[0]) <= MAX_NAME,
        f"Column `{column}` must hold the same word of at most {MAX_NAME} characters in all rows, but holds "
        f"{', '.join(repr(word[:40]) for word in known[:4])}.",
    )
    return known[0]


def parse_coalitions(
    cells: pd.Series, players: Sequence[str]
) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the players, and which of them each row's coalition has, bool (R, M).

    Args:
        cells: column of coalitions (R,): names joined by "+", or tuples of numbers of players from 0.
        players: names, in their order; by default those that occur, in the order in which they do.

    Raises:
        InvalidInput: when a coalition cannot be read; the message names the row.
    """
    words = cells.map(_coalition_word)
    row_codes, texts = pd.factorize(words)
    members = [_members(text) for text in texts]
    by_number = [numbered for numbered, _ in members]
    names = tuple(map(str, players))
    if not names and any(by_number):
        highest = max(int(part) for numbered, parts in members if numbered for part in parts)
        names = tuple(f"player {number}" for number in range(highest + 1))
    elif not names:
        names = tuple(dict.fromkeys(part for _, parts in members for part in parts))
    check_names(names)
    table = np.zeros((len(texts), len(names)), bool)
    place = {name: number for number, name in enumerate(names)}
    for row, (numbered, parts) in enumerate(members):
        for part in parts:
            number = int(part) if numbered else place.get(part, -1)
            if not 0 <= number < len(names):
                raise InvalidInput(
                    f"Column `{str(cells.name)[:60]}` must name players among {', '.join(names)}, but row "
                    f"{_first(row_codes, row)} names {part[:40]!r}. Correct the name, or the list of players."
                )
            if table[row, number]:
                raise InvalidInput(
                    f"A coalition must name every player once, but row {_first(row_codes, row)} holds "
                    f"{texts[row][:60]!r}. Correct it."
                )
            table[row, number] = True
    return names, table[row_codes]


def _first(row_codes: np.ndarray, code: int) -> int:
    return int(np.flatnonzero(row_codes == code)[0]) + 1


def _coalition_word(cell: Any) -> str:
    """Return a coalition as text; a tuple or set as it would be written."""
    if isinstance(cell, tuple | list | frozenset | set | np.ndarray):
        parts = [str(part) for part in cell]
        if parts and all(isinstance(part, int | np.integer) for part in cell):
            return f"({', '.join(parts)},)"
        return "+".join(parts)
    return "" if is_missing(cell) else plain_name(cell)


def _members(text: str) -> tuple[bool, list[str]]:
    """Return whether a coalition is written as numbers in brackets, and its players."""
    if text.casefold() in EMPTY:
        return False, []
    if text.startswith("(") and _TUPLE.fullmatch(text):
        return True, re.findall(r"\d+", text)
    return False, [part.strip() for part in text.split("+")]


def check_names(names: Sequence[str]) -> None:
    """Raise InvalidInput unless the names of players are few, distinct and can be those of modalities."""
    require_few_modalities("A game", len(names), "players")
    for name in names:
        check(
            0 < len(name) <= MAX_NAME and name.isprintable() and "+" not in name,
            f"A player must have a name of 1 to {MAX_NAME} printable characters without '+', but one is called "
            f"{name[:80]!r}.",
        )
    check(
        len(set(names)) == len(names),
        f"Players must have distinct names, but are called {', '.join(names)[:200]}.",
    )


def read_indicators(
    frame: pd.DataFrame, samples: np.ndarray, players: Sequence[str], reserved: Sequence[str]
) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the players and coalitions, bool (R, M), of a table with a column of 0 and 1 for each player.

    Args:
        frame: the table of R rows.
        samples: number of each row's sample, (R,).
        players: the columns; by default those that hold 0 and 1 and change within a sample.
        reserved: names of columns that are no players.

    Raises:
        InvalidInput: when there are none, or one holds something else.
    """
    for name in players:
        check(
            name in frame,
            f"The table must have a column for every player, but has none called {str(name)[:60]!r}.",
        )
    candidates = list(players) or [name for name in frame.columns if name not in reserved]
    columns = {}
    for name in candidates:
        cells = _as_floats(frame[name])
        if np.isin(cells, (0, 1)).all() and (players or _changes(cells, samples)):
            columns[name] = cells == 1
        elif players:
            row = int(np.flatnonzero(~np.isin(cells, (0, 1)))[0])
            raise InvalidInput(
                f"Column `{name[:60]}` of a player must hold 0 or 1, but row {row + 1} holds "
                f"{str(frame[name].iloc[row])[:40]!r}."
            )
    check(
        len(columns) > 0,
        "The table must have a column `coalition`, such as text+audio, or a column of 0 and 1 for every player, but "
        f"has {', '.join(map(str, frame.columns))[:200]}.",
    )
    check_names(list(columns))
    return tuple(columns), np.stack(list(columns.values()), 1)


def _changes(cells: np.ndarray, samples: np.ndarray) -> bool:
    """Return whether cells differ within some sample."""
    first = np.zeros(samples.max() + 1)
    first[samples[::-1]] = cells[::-1]
    return bool((cells != first[samples]).any())


def nonzero_columns(inside: np.ndarray) -> np.ndarray:
    """Return the place of coalitions (R, M) in the order of `decomposition.subsets`, (R,)."""
    M = inside.shape[1]
    place_of_mask = np.empty(2**M, int)
    for place, subset in enumerate(decomposition.subsets(M)):
        place_of_mask[sum(1 << m for m in subset)] = place
    return np.asarray(place_of_mask[inside @ (1 << np.arange(M))])


def sample_columns(frame: pd.DataFrame, samples: np.ndarray, ids: Sequence[str]) -> pd.DataFrame:
    """Return columns with a row for each sample, from columns with a row for each value.

    Raises:
        InvalidInput: when a column changes within a sample.
    """
    first = np.zeros(len(ids), int)
    first[samples[::-1]] = np.arange(len(samples))[::-1]
    result = {}
    for name in frame.columns:
        cells = frame[name]
        if not pd.api.types.is_numeric_dtype(cells.dtype):
            cells = cells.map(lambda cell: "" if is_missing(cell) else str(cell))
        numbers, _ = pd.factorize(cells)
        for row in np.flatnonzero(numbers != numbers[first][samples])[:1]:
            raise InvalidInput(
                f"Column `{str(name)[:60]}` must be the same in all rows of a sample, but changes in row {row + 1}, of "
                f"sample '{ids[samples[row]][:60]}'. Drop it, or correct it."
            )
        one = cells.iloc[first].reset_index(drop=True)
        result[str(name)] = _as_numbers_if_all(one)
    return pd.DataFrame(result, index=range(len(ids)))


def _as_numbers_if_all(cells: pd.Series) -> pd.Series:
    """Return text as numbers where all of it is: those of a CSV file."""
    if pd.api.types.is_numeric_dtype(cells.dtype):
        return cells
    values = _as_floats(cells)
    known = cells != ""
    is_code = cells.str.match(r"[+-]?0\d")  # such as 007
    if not known.any() or is_code.any() or not np.isfinite(values[known]).all():
        return cells
    if known.all() and (values == np.round(values)).all() and (np.abs(values) < 2**53).all():
        is_whole = not cells.str.contains(r"[.eE]", regex=True).any()
        return pd.Series(values.astype(np.int64) if is_whole else values)
    return pd.Series(values)
