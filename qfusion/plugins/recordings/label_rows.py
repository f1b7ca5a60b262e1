"""The parts of recordings that belong to the rows of a table of labels."""

import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from qfusion._checks import check, require_number
from qfusion._sentences import count
from qfusion.data.column_roles import ColumnRoles
from qfusion.data.parsing import TEXT_NAMES, find_ids
from qfusion.data.raw import Raw
from qfusion.data.readers.table import Table
from qfusion.data.readers.tables import find_roles
from qfusion.errors import QFusionError
from qfusion.plugins.recordings import clip_folder
from qfusion.plugins.recordings.clips import Take

FILES = ("file", "path", "recording", "clip")  # what the table calls the column of files
START, END = ("start", "begin", "onset"), ("end", "stop", "offset")


class Failure(NamedTuple):
    """A sample that was left out: its id, its file if there is one, and the reason."""

    id: str
    file: str
    why: str


def find_label_table(root: Path) -> Path:
    """Return the table of labels in a folder."""
    there = sorted(
        path for path in root.iterdir() if path.suffix.lower() in (".csv", ".tsv", ".parquet")
    )
    named = [path for path in there if path.stem.lower() in ("labels", "label")] or there
    check(
        len(named) == 1,
        f"Folder {root} must hold one table of labels (a .csv with columns id and label), but holds "
        f"{[path.name for path in named[:4]] or 'none'}. Add it, or name it by --labels.",
    )
    return named[0]


def find_recorded_roles(table: Table) -> ColumnRoles:
    """Return the columns of a table of labels; where none is called like an id, files name the samples."""
    files = table.find(FILES)
    return find_roles(table, find_ids(table.columns) or ((files,) if files else ()))


def _normalize(text: str) -> str:
    """Return a name in the normal form NFC: systems write letters with marks as one or two characters."""
    return unicodedata.normalize("NFC", text)


def match_takes(
    root: Path,
    recordings: Mapping[str, Path],
    beside: Mapping[str, Path],
    table: Table,
    raw: Raw,
) -> tuple[dict[int, Take], list[Failure]]:
    """Return the part of a file for each row of the table, and the rows without a file."""
    names = clip_folder.match_names(recordings) | {name: [name] for name in recordings}
    called = {_normalize(name): files for name, files in names.items()}
    rows = len(raw.ids)
    unread = clip_folder.list_unread(root)
    named, starts, ends, texts = (_words(table, known) for known in (FILES, START, END, TEXT_NAMES))
    takes = dict[int, Take]()
    failures = list[Failure]()
    for row in range(rows):
        key = _normalize(
            named[row].strip().replace("\\", "/").removeprefix("./") or str(raw.ids[row])
        )
        try:
            candidates = called.get(key, [])
            check(
                bool(candidates),
                clip_folder.describe_unread(unread, key)
                or f"There is no recording '{key[:80]}' below the folder.",
            )
            check(
                len(candidates) == 1,
                f"Several recordings are of it: {', '.join(candidates[:3])[:200]}. Leave one, or name it in a column "
                "`file`.",
            )
            start, end = (
                require_number(what, words, 0, 1e7) if words.strip() else None
                for what, words in (("start", starts[row]), ("end", ends[row]))
            )
            words = str(beside.get(candidates[0].rpartition(".")[0], ""))
            takes[row] = Take(str(recordings[candidates[0]]), start or 0.0, end, words, texts[row])
        except QFusionError as error:
            failures.append(Failure(str(raw.ids[row]), named[row][:200], str(error)))
    check(
        bool(takes),
        f"None of the {count(rows, 'sample')} of `{raw.title}` has a recording below {root}: "
        f"{failures[0].why if failures else ''} Name files by the ids, or in a column `file`.",
    )
    return takes, failures


def _words(table: Table, known: Sequence[str]) -> list[str]:
    """Return the column that is called like one of `known`, as text (N,); empty words where there is none."""
    column = table.find(known)
    if column is None:
        return [""] * table.count_rows()
    return [word or "" for word in table.words([column])[0]]
