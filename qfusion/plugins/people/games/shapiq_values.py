"""Read `InteractionValues` of shapiq, objects or their JSON files, as a table of coalition values.

Nothing of shapiq is imported: its files are JSON, and objects are read by their attributes. Only the index "Moebius"
determines the values of coalitions: these are sums of its dividends.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import pandas as pd

from qfusion._checks import check, require_few_modalities
from qfusion.data import files
from qfusion.errors import InvalidInput, NotFound

INDEX = "Moebius"
MAX_BYTES = 64 * 1024**2  # of a file
MAX_FILES = 100_000
ENDING = ".json"


@dataclass(frozen=True)
class Interactions:
    """Interaction values of one sample.

    Attributes:
        players: number of them.
        dividends: by the numbers of the players, with the baseline at ().
    """

    players: int
    dividends: Mapping[tuple[int, ...], float]


@dataclass(frozen=True)
class Loaded:
    """Interaction values by the names of samples, and what they were read from."""

    values: Mapping[str, Interactions]
    name: str


def load_values(source: Any) -> Loaded:
    """Return the interaction values in files or objects.

    Args:
        source: a path, a folder of files, several paths, an object of shapiq, a sequence of them, or a mapping from
            names of samples to objects or paths.

    Raises:
        NotFound: when a file does not exist.
        InvalidInput: when one is none of these, or its index is not "Moebius".
    """
    if isinstance(source, str | Path):
        paths = _list_files(Path(source))
        return Loaded({path.stem: _read_file(path) for path in paths}, Path(source).name)
    if isinstance(source, Mapping):
        read = {str(name): _read_one(one, str(name)) for name, one in source.items()}
    elif _is_values(source):
        read = {"1": _read_one(source, "1")}
    else:
        check(
            isinstance(source, Iterable) and not isinstance(source, bytes),
            f"Argument `source` must be a table or shapiq's InteractionValues, but is a {type(source).__name__}.",
        )
        read = {}
        for number, one in enumerate(source, 1):
            name = Path(one).stem if isinstance(one, str | Path) else str(number)
            check(
                name not in read,
                f"Two files have the name '{name[:60]}', which names the sample. Rename one.",
            )
            read[name] = _read_one(one, name)
    check(len(read) > 0, "Argument `source` must hold interaction values of samples, but is empty.")
    return Loaded(read, "InteractionValues of shapiq")


def frame_of_values(
    values: Mapping[str, Interactions], players: Sequence[str], output: str = ""
) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return a table of coalition values, and the names of the players.

    Args:
        values: by the names of the samples.
        players: names; "player 0", ... by default.
        output: name of what is explained, if any.

    Raises:
        InvalidInput: when samples have different numbers of players, or the names do not fit.
    """
    first = next(iter(values))
    M = values[first].players
    for name, one in values.items():
        check(
            one.players == M,
            f"All samples must have the same players, but sample '{first[:60]}' has {M} and sample '{name[:60]}' has "
            f"{one.players}. Import them on their own.",
        )
    names = tuple(map(str, players)) or tuple(f"player {number}" for number in range(M))
    check(
        len(names) == M,
        f"Argument `players` must name {M} players, but names {len(names)}.",
    )
    order = list(chain.from_iterable(combinations(range(M), size) for size in range(M + 1)))
    rows = []
    for name, one in values.items():
        for coalition, value in zip(order, _sums(one.dividends, order, M), strict=True):
            rows.append((name, "+".join(names[m] for m in coalition), value))
    frame = pd.DataFrame(rows, columns=["sample", "coalition", "value"])
    return (frame.assign(output=output) if output else frame), names


def _sums(
    dividends: Mapping[tuple[int, ...], float], order: Sequence[tuple[int, ...]], M: int
) -> list[float]:
    """Return the value of every coalition, in its order: the sum of the dividends inside it."""
    sums = [0.0] * 2**M
    for coalition, dividend in dividends.items():
        sums[sum(1 << m for m in coalition)] = dividend
    for m in range(M):
        for mask in range(2**M):
            if mask >> m & 1:
                sums[mask] += sums[mask ^ (1 << m)]
    return [sums[sum(1 << m for m in coalition)] for coalition in order]


def _list_files(path: Path) -> list[Path]:
    if path.is_dir():
        paths = sorted(entry for entry in path.glob(f"*{ENDING}") if entry.is_file())
        check(
            0 < len(paths) <= MAX_FILES,
            f"Folder {path.name} must hold from 1 to {MAX_FILES:,} {ENDING} files, but holds {len(paths):,}.",
        )
        return paths
    check(path.exists(), f"File {str(path)[:200]} does not exist. Check the path.", NotFound)
    check(
        path.suffix.lower() == ENDING,
        f"A game must be a .csv or .parquet table, or a {ENDING} file of shapiq's InteractionValues, but is "
        f"{path.name[:80]!r}.",
    )
    return [path]


def _read_file(path: Path) -> Interactions:
    """Return the interaction values in a JSON file."""
    size = files.file_size(path)
    check(
        size <= MAX_BYTES,
        f"File `{path.name}` must have at most {MAX_BYTES >> 20} MiB, but has more.",
    )
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        about, entries = record["metadata"], record["data"]
        dividends = {
            () if key == "Empty" else tuple(int(part) for part in key.split(",")): value
            for key, value in entries.items()
        }
        return _checked(
            path.name, about["index"], about["n_players"], dividends, about["baseline_value"]
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InvalidInput(
            f"File `{path.name}` must hold InteractionValues as shapiq's `save` writes them, but does not "
            f"({type(error).__name__}). Save them again."
        ) from error


def _is_values(source: Any) -> bool:
    return all(hasattr(source, name) for name in ("index", "n_players", "interaction_lookup"))


def _read_one(source: Any, name: str) -> Interactions:
    if isinstance(source, str | Path):
        (path,) = _list_files(Path(source))
        return _read_file(path)
    check(
        _is_values(source),
        f"Sample '{name[:60]}' must be InteractionValues of shapiq, but is a {type(source).__name__}.",
    )
    return _checked(
        f"sample '{name[:60]}'",
        source.index,
        source.n_players,
        source.dict_values,
        source.baseline_value,
    )


def _checked(
    name: str, index: Any, players: Any, dividends: Mapping[Any, Any], baseline: Any
) -> Interactions:
    """Return interaction values whose parts were checked."""
    check(
        index == INDEX,
        f"Interaction values must be of index '{INDEX}', which determines the values of coalitions, but those of "
        f"{name} are of '{str(index)[:40]}'. Compute them with index='{INDEX}' and every order.",
    )
    M = int(players)
    check(M >= 1, f"Interaction values must have a player, but those of {name} have {M}.")
    require_few_modalities("A game", M, "players")
    known: dict[tuple[int, ...], float] = {(): float(baseline)}
    for coalition, value in dividends.items():
        members = tuple(sorted(int(m) for m in coalition))
        check(
            len(set(members)) == len(members) and all(0 <= m < M for m in members),
            f"Interactions of {name} must be of players from 0 to {M - 1}, but one is {str(coalition)[:60]}.",
        )
        known[members] = float(value)
    return Interactions(M, known)
