"""Ratings: how many people chose each class for a clip, of which they were shown some modalities.

    clip,condition,anger,happy,neutral
    c1,voice,1,2,7
    c1,face,0,9,1
    c1,voice+face,0,8,2

or, with a row for each rating,

    clip,condition,rating
    c1,voice,neutral
    c1,voice,happy

The conditions of a clip are the coalitions of a game whose players are the modalities: the value of a coalition is
measured on people. It is the share of votes for one class, such as the emotion that was acted; nobody rates without any
modality, so the value of the empty coalition is the base rate of that class, its share of all votes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from qfusion._checks import check, choose, require_few_modalities
from qfusion._sentences import count
from qfusion.data.coalition_terms import coalition_names
from qfusion.data.game_set import GameTable, VoteCounts
from qfusion.data.row_splits import Clusters
from qfusion.data.target_spec import Target
from qfusion.errors import InvalidInput
from qfusion.plugins.people.games import game_cells, game_completion, game_files
from qfusion.plugins.people.games.game_cells import quoted
from qfusion.plugins.people.votes import CHOSEN_BY_VOTES, SHARE, Votes

FEWEST = 3  # raters of a clip in a condition; with fewer, a share says next to nothing
MAX_SHOWN = 5  # names in a remark
MOST_VOTES = 1_000_000  # of one clip in one condition for one class
INTENDED, GROUP = "intended", "group"  # columns that a table may lack
MAJORITY = "majority"  # explains the class that most people choose when they are shown everything


@dataclass(frozen=True, eq=False)
class Ratings:
    """A table of ratings that was read.

    Attributes:
        votes: of the clips that have enough raters in every condition.
        ids: names of these clips, (N,).
        columns: what else is known of them, N rows.
        clusters: groups of dependent clips, such as those of one actor, or None.
        target: what the explained class is, such as "acted emotion".
        source: name of the file, or a description.
        remarks: sentences on what was left out.
    """

    votes: Votes
    ids: np.ndarray
    columns: pd.DataFrame
    clusters: Clusters | None
    target: str
    source: str
    remarks: tuple[str, ...] = ()

    def game(self) -> GameTable:
        """Return the game of the votes, with standard errors of every clip's contributions, which follow from the
        number of raters (see `Votes.share_errors`).
        """
        votes = self.votes
        values = votes.values
        errors = np.zeros_like(values)
        errors[:, 1:] = votes.share_errors
        names = coalition_names(votes.players)
        completed = game_completion.complete(
            values[..., None], errors[..., None], self.ids.tolist(), names, None
        )
        return GameTable(
            players=votes.players,
            target=Target("regression", f"{SHARE}{self.target}", (0.0, 1.0), unit="share"),
            ids=self.ids,
            split=np.full(len(self.ids), "test"),
            y=np.full(len(self.ids), np.nan),
            values=completed.values,
            errors=completed.errors,
            columns=self.columns,
            clusters=self.clusters,
            source=self.source,
            remarks=self.remarks,
            votes=VoteCounts(votes.classes, votes.counts, votes.explained),
        )


def read_ratings(
    source: str | Path | pd.DataFrame,
    *,
    clip: str = "clip",
    condition: str = "condition",
    rating: str = "rating",
    classes: Sequence[str] = (),
    intended: str = INTENDED,
    explained: str = "",
    group: str = GROUP,
    players: Sequence[str] = (),
    fewest: int = FEWEST,
) -> Ratings:
    """Return the ratings of a table.

    Args:
        source: a data frame, or the path of a .csv or .parquet file, with a row for each clip and condition that holds
            numbers of votes, or with a row for each rating.
        clip, condition: columns with the name of the clip and with the modalities that were shown, joined by "+".
        rating: column with the chosen class, of a table with a row for each rating.
        classes: the columns of votes, of a table with a row for each clip and condition.
        intended: column with the class that was meant, such as the acted emotion. The table may lack "intended"; a
            column of another name must be there.
        explained: whose share of votes is the value: the column of `intended`, "majority" for the class that most
            people choose when they are shown everything, or a class. By default the intended class where there is one.
        group: column with what dependent clips share, such as the actor. The table may lack "group"; a column of
            another name must be there.
        players: names of the modalities in their order; those in the table by default.
        fewest: clips with fewer raters in any condition are left out.

    Raises:
        NotFound: when a file does not exist.
        InvalidInput: when the table holds no such ratings; the message names the row or the clip.
    """
    frame, name = _load(source)
    _check_columns(frame, name, clip, condition, {INTENDED: intended, GROUP: group})
    samples, ids = game_cells.factorize(frame, clip, game_cells.MAX_ID)
    names, inside = game_cells.parse_coalitions(frame[condition], players)
    _check_players(names, inside)
    shown = game_cells.nonzero_columns(inside) - 1
    shape = (len(ids), 2 ** len(names) - 1)
    if classes:
        counts = _sum_counts(frame, clip, samples, shown, tuple(classes), shape, ids, names)
        labels = tuple(map(str, classes))
        read = {clip, condition, *classes}
    else:
        check(
            rating in frame,
            f"The table of {name} must have a column `{rating}` with the class that a rater chose, or columns of votes "
            f"(`classes`), but has {quoted(frame.columns)}. Name them.",
        )
        check(
            rating not in (clip, condition),
            f"Column `{rating}` must hold the classes that raters chose, but is that of clips or conditions.",
        )
        labels, counts = _count_ratings(frame, rating, samples, shown, shape)
        read = {clip, condition, rating}
    check(
        len(labels) > 1,
        f"Raters must choose among two classes or more, but the table has {quoted(labels)}.",
    )
    is_complete, remarks = _find_complete(counts.sum(-1), ids, names, fewest)
    meant = intended if intended in frame else ""
    own = [column for column in frame.columns if column not in read]
    columns, varying = _constant_columns(frame[own], samples, ids)
    for column, what in ((meant, "class"), (group, "group")):
        check(
            column not in varying,
            f"Column `{column}` must hold the same {what} in all rows of a clip, but changes. Correct it.",
        )
    if varying:
        remarks.append(
            f"{count(len(varying), 'column')} that {'changes' if len(varying) == 1 else 'change'} within a clip "
            f"{'was' if len(varying) == 1 else 'were'} not read: {quoted(varying)}."
        )
    columns = columns[is_complete].reset_index(drop=True)
    counts = counts[is_complete]
    number, target = _find_explained(counts, labels, columns, meant, explained)
    return Ratings(
        votes=Votes(names, labels, counts, number),
        ids=np.asarray(ids, np.str_)[is_complete],
        columns=columns,
        clusters=_find_clusters(columns, group),
        target=target,
        source=name,
        remarks=tuple(remarks),
    )


def _check_columns(
    frame: pd.DataFrame, name: str, clip: str, condition: str, optional: Mapping[str, str]
) -> None:
    """Raise InvalidInput unless columns are there and differ; an optional one may be missing under its usual name."""
    check(
        frame.columns.is_unique,
        f"The columns of {name} must have different names, but are {quoted(frame.columns)}. Rename them.",
    )
    wanted = [clip, condition, *(column for usual, column in optional.items() if column != usual)]
    for column in wanted:
        check(
            column in frame,
            f"The table of {name} must have a column `{column}`, but has {quoted(frame.columns)}. Name the column "
            "that holds it.",
        )
    check(
        condition != clip,
        f"Clips and conditions must be in two columns, but `{clip}` is named for both.",
    )


def _find_clusters(columns: pd.DataFrame, group: str) -> Clusters | None:
    """Return what dependent clips share, None where the table does not say."""
    if group not in columns:
        return None
    is_empty = columns[group].map(game_cells.is_missing)
    check(
        not is_empty.any(),
        f"Column `{group}` must name what every clip shares with others, but is empty for "
        f"{count(int(is_empty.sum()), 'clip')}. Fill it in, or drop the column.",
    )
    return Clusters(columns[group].map(game_cells.plain_name).to_numpy(np.str_), f"{group}s")


def _load(source: str | Path | pd.DataFrame) -> tuple[pd.DataFrame, str]:
    if isinstance(source, pd.DataFrame):
        frame, name = source, "a data frame"
    else:
        frame = game_files.read_frame(Path(source))
        name = Path(source).name
    check(len(frame) > 0, f"The table of {name} must have rows, but has none.")
    return frame.reset_index(drop=True), name


def _check_players(names: tuple[str, ...], inside: np.ndarray) -> None:
    require_few_modalities("A table of ratings", len(names))
    check(
        len(names) > 0,
        "Column of conditions must name the modalities that were shown, such as voice+face, but names none.",
    )
    for row in np.flatnonzero(~inside.any(1))[:1]:
        raise InvalidInput(
            f"Raters must be shown something, but row {row + 1} names no modality. Drop the row; the base rate of a "
            "class is its share of all votes."
        )


def _sum_counts(
    frame: pd.DataFrame,
    clip: str,
    samples: np.ndarray,
    shown: np.ndarray,
    classes: tuple[str, ...],
    shape: tuple[int, int],
    ids: Sequence[str],
    players: Sequence[str],
) -> np.ndarray:
    """Return the votes (N, 2^M - 1, K) of a table with a row for each clip and condition."""
    for name in classes:
        check(
            name in frame,
            f"The table must have a column of votes for every class, but has none called {str(name)[:60]!r}.",
        )
        check(
            classes.count(name) == 1 and name != clip,
            f"Every class must have a column of votes of its own, but `{str(name)[:60]}` is named twice.",
        )
        check(
            len(str(name)) <= game_cells.MAX_NAME and str(name).isprintable(),
            f"A class must have a name of at most {game_cells.MAX_NAME} printable characters, but one is called "
            f"{str(name)[:80]!r}.",
        )
    cells = np.stack([game_cells.numbers(frame, name, clip) for name in classes], 1)
    for row in np.flatnonzero(((cells < 0) | (cells != np.round(cells))).any(1))[:1]:
        raise InvalidInput(
            f"Columns of votes must hold whole numbers, 0 or more, but row {row + 1} does not. Give numbers of votes, "
            "not shares."
        )
    for row in np.flatnonzero((cells > MOST_VOTES).any(1))[:1]:
        raise InvalidInput(
            f"Columns of votes must hold at most {MOST_VOTES:,}, but row {row + 1} holds {cells[row].max():.3g}. "
            "Correct it."
        )
    places = np.ravel_multi_index((samples, shown), shape)
    _, first, times = np.unique(places, return_index=True, return_counts=True)
    for row in first[times > 1][:1]:
        raise InvalidInput(
            f"A clip must have one row a condition, but clip '{ids[samples[row]][:60]}' has several for "
            f"'{coalition_names(players)[shown[row] + 1]}'. Add them up."
        )
    result = np.zeros((shape[0] * shape[1], len(classes)), np.int64)
    result[places] = cells.astype(np.int64)
    return result.reshape(*shape, len(classes))


def _count_ratings(
    frame: pd.DataFrame,
    rating: str,
    samples: np.ndarray,
    shown: np.ndarray,
    shape: tuple[int, int],
) -> tuple[tuple[str, ...], np.ndarray]:
    """Return the classes, and the votes (N, 2^M - 1, K) of a table with a row for each rating."""
    chosen, classes = game_cells.factorize(frame, rating)
    cells = np.ravel_multi_index((samples, shown, chosen), (*shape, len(classes)))
    counts = np.bincount(cells, minlength=shape[0] * shape[1] * len(classes))
    return tuple(classes), counts.reshape(*shape, len(classes)).astype(np.int64)


def _find_complete(
    raters: np.ndarray, ids: Sequence[str], players: Sequence[str], fewest: int
) -> tuple[np.ndarray, list[str]]:
    """Return which clips have enough raters in every condition, (N,), and remarks on the others."""
    check(
        isinstance(fewest, int) and fewest >= 2,
        f"Argument `fewest` must be a whole number of raters, 2 or more, but is {fewest!r}.",
    )
    names = np.asarray(ids, object)
    lacks = (raters == 0).any(1)
    few = ~lacks & (raters < fewest).any(1)
    remarks = []
    for is_left_out, one, several in (
        (lacks, "lacks a condition and is", "lack a condition and are"),
        (
            few,
            f"has fewer than {fewest} raters in a condition and is",
            f"have fewer than {fewest} raters in a condition and are",
        ),
    ):
        number = int(is_left_out.sum())
        if number:
            remarks.append(
                f"{count(number, 'clip')} {one if number == 1 else several} left out: {_listed(names[is_left_out])}."
            )
    conditions = coalition_names(players)[1:]
    absent = [
        name
        for name, there in zip(conditions, np.any(raters > 0, axis=0), strict=True)
        if not there
    ]
    check(
        not absent,
        f"Clips must be rated in all {len(conditions)} conditions ({', '.join(conditions)}), but nobody rated any in "
        f"{quoted(absent)}. Without these, what modalities do together is unknown.",
    )
    is_complete = ~(lacks | few)
    check(
        bool(is_complete.any()),
        f"At least one clip must have {fewest} raters in every condition, but none has. {' '.join(remarks)}",
    )
    return is_complete, remarks


def _constant_columns(
    frame: pd.DataFrame, samples: np.ndarray, ids: Sequence[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Return the columns that are the same in all rows of a clip, a row for each clip, and the names of the others."""
    numbers = {name: pd.factorize(frame[name])[0] for name in frame.columns}
    first = np.zeros(len(ids), int)
    first[samples[::-1]] = np.arange(len(samples))[::-1]
    is_constant = {
        name: bool((codes == codes[first][samples]).all()) for name, codes in numbers.items()
    }
    constant = [name for name in frame.columns if is_constant[name]]
    columns = game_cells.sample_columns(frame[constant], samples, ids)
    return columns, [str(name) for name in frame.columns if not is_constant[name]]


def _find_explained(
    counts: np.ndarray,
    classes: tuple[str, ...],
    columns: pd.DataFrame,
    intended: str,
    explained: str,
) -> tuple[np.ndarray, str]:
    """Return the number of every clip's explained class, (N,), and what that class is."""
    offered = (*((intended,) if intended else ()), MAJORITY, *classes)
    choice = choose("Explained class", explained or offered[0], offered)
    if choice == MAJORITY:
        return counts[:, -1].argmax(-1), CHOSEN_BY_VOTES
    if choice in classes and choice != intended:
        return np.full(len(counts), classes.index(choice)), f"class {choice}"
    place = {name: number for number, name in enumerate(classes)}
    words = columns[intended].map(game_cells.plain_name)
    unknown = sorted(set(words) - set(classes))
    check(
        not unknown,
        f"Column `{intended}` must name one of the classes {quoted(classes)} for every clip, but names "
        f"{quoted(unknown)}. Correct it, or explain the class of the majority (`explained`).",
    )
    return words.map(place).to_numpy(
        np.int64
    ), f"{intended} class" if intended == INTENDED else intended


def _listed(names: Iterable[str]) -> str:
    shown = [f"'{name[:40]}'" for name in names]
    return ", ".join(shown[:MAX_SHOWN]) + (", ..." if len(shown) > MAX_SHOWN else "")
